//! The integration tests: one binary.

mod home;
mod logins;
