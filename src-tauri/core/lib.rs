//! Keyfob's library: a developer's AWS sign-ins, from a configuration file and a keyring to
//! credentials in every tool.
//!
//! It does not print, open browsers, read the environment or tell the time by itself:
//! [`environment`] and [`clock`] are handed in. A person is reached through a handle ([`ask`]); the
//! shells show prompts as data and answer them.
//!
//! # The map, and the only edges allowed (downwards; a module may use anything on a line above it)
//!
//! 1. [`error`] · [`foreign`]: text from outside · [`clock`] · [`environment`] · [`hardening`] ·
//!    [`secret`]: keys and sessions · [`ids`]: names, ARNs, accounts, regions, MFA codes ·
//!    [`duration`]: and the one table of limits · [`files`]: private files, locks, the INI format ·
//!    [`encode`] · [`loopback`]: the owner of a connection · [`kernel`]: what a process is ·
//!    [`endpoint`]: the server that keys are for · [`saml`]: what an assertion says ·
//!    [`program`]: a program's file · [`signal`]: what ends a process · [`ask`]: the handle to a person
//! 2. [`config`]: what was written and what it means: text -> `Config` -> `Chain` of links
//! 3. [`aws`]: the only door to AWS · [`store`]: what is remembered, where (never each other)
//! 4. [`world`]: the two with the configuration, the environment and the clock
//! 5. [`providers`]: one file a kind of link: how it obtains a session
//! 6. [`sign_in`]: one function, from an identity to a session
//! 7. [`sessions`]: one record an identity, and its state · [`logout`]: a list, then its removal ·
//!    [`databases`]: their tokens and passwords, and ports that sign clients in ·
//!    [`console`]: links into it · [`rotation`]: new access keys in place of old ones
//! 8. [`agent`]: one task, requests in, snapshots out; jobs; the contract; the socket
//! 9. [`view`]: what both shells show
//! 10. [`doctor`]: what may be wrong on a machine
//!
//! [`sandbox`], an AWS on loopback, knows line 1 only. The binaries `fob` (`src-tauri/cli`) and
//! `keyfob` (`src-tauri/app`) see the agent's contract, the view, the doctor and the ground.
//! `tests/it/boundaries.rs` holds every path in the source against this list.

pub mod ask;
pub mod clock;
pub mod duration;
pub mod encode;
pub mod endpoint;
pub mod environment;
pub mod error;
pub mod files;
pub mod foreign;
pub mod hardening;
pub mod ids;
pub mod kernel;
pub mod loopback;
pub mod program;
pub mod saml;
pub mod secret;
pub mod signal;

pub mod config;

pub mod aws;
pub mod store;

pub mod world;

pub mod providers;

pub mod sign_in;

pub mod console;
pub mod databases;
pub mod logout;
pub mod rotation;
pub mod sessions;

pub mod agent;

pub mod view;

pub mod doctor;

#[cfg(feature = "sandbox")]
#[path = "../sandbox/mod.rs"]
pub mod sandbox;
