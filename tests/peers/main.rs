//! Keyfob against software that others wrote: moto's AWS, which checks signatures and policies,
//! boto3 and the AWS CLI as clients, a real Secret Service, a real session bus, a real terminal.
//! `./x test` installs and starts what this needs.

mod clients;
mod console_sign_in;
#[cfg(target_os = "linux")]
mod databases;
mod endpoint;
mod github;
mod home;
mod identity_center;
mod kinds;
mod loopback;
mod moto;
#[cfg(target_os = "linux")]
mod notices;
mod preconditions;
mod profiles;
mod rds;
mod recovery;
mod rotation;
mod sign_in;
mod terminal;
