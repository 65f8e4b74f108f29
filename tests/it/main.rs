//! One integration binary: the parts of Keyfob as their users see them, without anything from
//! outside the repository.

mod agent;
mod ambient;
#[cfg(unix)]
mod assigned_roles;
mod audit;
#[cfg(unix)]
mod boundaries;
mod cleanup;
mod cli;
#[cfg(unix)]
mod completion;
mod concurrency;
mod console;
#[cfg(unix)]
mod console_in_browser;
#[cfg(unix)]
mod console_sign_in;
mod contract;
mod databases;
#[cfg(unix)]
mod desktop;
#[cfg(unix)]
mod doctor;
mod elsewhere;
#[cfg(unix)]
mod environment;
#[cfg(unix)]
mod exec;
mod federated;
#[cfg(unix)]
mod folders;
mod foreign;
#[path = "../peers/github.rs"]
mod github;
mod home;
#[cfg(unix)]
mod identity_center;
mod import;
mod init;
mod inputs;
#[cfg(unix)]
mod job_control;
#[cfg(unix)]
mod kinds;
mod logins;
mod logout;
mod logout_table;
mod long_lived;
#[path = "../peers/loopback.rs"]
mod loopback;
#[cfg(target_os = "linux")]
mod memory;
#[cfg(target_os = "linux")]
mod opens;
mod outbound;
#[cfg(unix)]
mod profiles;
mod proxy;
mod rds;
mod rotation;
mod saml;
mod schedule;
#[cfg_attr(unix, path = "../peers/terminal.rs")]
#[cfg_attr(windows, path = "windows/terminal.rs")]
mod screen;
#[cfg(unix)]
mod socket;
mod support;
mod terminal;
#[cfg(unix)]
mod trust;
#[cfg(windows)]
mod windows;
