//! The tray app as a person meets it: on a real desktop without a screen, with its tray, its
//! keyring, its notices, and the page in its window driven through WebDriver. `./x test` starts the
//! desktop ([session.sh]) and these inside it.

#![cfg(target_os = "linux")]

mod app;
mod confirmation;
mod console;
mod databases;
mod desktop;
mod doctor;
mod first_run;
mod home;
mod identity_provider;
mod keyring;
mod log_out;
#[path = "../peers/loopback.rs"]
mod loopback;
mod many_identities;
mod notices;
mod page;
mod pictures;
mod prompts;
mod revocation;
mod rotation;
mod settings;
mod sign_in_page;
mod tray;
mod trouble;
mod window_process;
mod windows;
