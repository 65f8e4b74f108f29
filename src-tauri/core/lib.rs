//! Keyfob's library: a developer's AWS sign-ins, from a configuration file and a keyring to
//! credentials in every tool.
//!
//! It does not print, ask, open browsers, read the environment or tell the time by itself:
//! [`environment`] and [`clock`] are handed in, and needing a person is a return value ([`auth`]).
//!
//! # The map, and the only edges allowed (downwards; a module may use anything on a line above it)
//!
//! 1. [`error`], [`clock`], [`environment`], [`hardening`], [`secret`], [`ids`], [`duration`],
//!    [`files`], [`encode`]
//! 2. [`config`]: what was written and what it means: text -> `Config` -> `Chain`
//! 3. [`aws`]: the only door to AWS · [`store`]: what is remembered, where (never each other)
//! 4. [`auth`]: signing in, recovering, refreshing, signing out
//! 5. [`agent`]: requests in, replies out (never `aws` or `store` directly) · [`sandbox`]: an AWS
//!    on loopback (line 1 only)
//! 6. the binaries `fob` (`src-tauri/cli`) and `keyfob` (`src-tauri/app`)
//!
//! `tests/it/boundaries.rs` holds every path in the source against this list.

pub mod ask;
pub mod clock;
pub mod duration;
pub mod encode;
pub mod environment;
pub mod error;
pub mod files;
pub mod hardening;
pub mod ids;
pub mod secret;

pub mod config;

pub mod aws;
pub mod store;

pub mod world;

pub mod providers;

pub mod sign_in;

pub mod console;
pub mod databases;
pub mod logout;
pub mod sessions;

pub mod agent;

pub mod view;

#[cfg(feature = "sandbox")]
#[path = "../sandbox/mod.rs"]
pub mod sandbox;
