//! The tray app, `keyfob`: hosts the agent, shows the tray and windows, and stays until somebody
//! quits. `main` is wiring: what is shown is decided in `snapshot` and `tray`, what happens in the
//! agent.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod commands;
mod contract;
mod demonstration;
mod desk;
#[path = "../desktop/mod.rs"]
mod desktop;
mod handover;
mod lock;
mod notices;
mod outside;
mod preferences;
mod snapshot;
mod tray;
mod windows;

use anyhow::Context as _;
use desk::Desk;
use keyfob_core::clock::Clock;
use keyfob_core::environment::Environment;
use snapshot::{Tray, View};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tauri::{AppHandle, Manager, RunEvent};
use tauri_plugin_autostart::MacosLauncher;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

const HIDDEN: &str = "--hidden";
const USAGE: &str = "\
usage: keyfob [--hidden] [--config PATH]

  --hidden       starts without a window, as at login
  --config PATH  another configuration than the usual one
  --version      the version

`fob --help` is about the command line.";
/// At login the tray may come up after the app.
const TRAY_COMES_WITHIN: Duration = Duration::from_secs(10);

#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    App {
        first: First,
        config: Option<PathBuf>,
    },
    Version,
    Help,
}

/// What is shown at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    Window,
    Tray,
}

fn main() -> ExitCode {
    keyfob_core::hardening::harden_process();
    log();
    let done = match wanted(std::env::args_os().skip(1)) {
        Ok(Wanted::App { first, config }) => run(first, config),
        Ok(Wanted::Version) => {
            println!("keyfob {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
        Ok(Wanted::Help) => {
            println!("{USAGE}");
            Ok(())
        }
        Err(word) => {
            eprintln!("error: `{word}` means nothing here\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Only what Keyfob says itself, and only what went wrong: the AWS SDK's own records hold requests,
/// and with them secrets.
fn log() {
    let level = LevelFilter::WARN;
    let targets = Targets::new()
        .with_target("keyfob_core", level)
        .with_target("keyfob", level);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    tracing_subscriber::registry()
        .with(lines)
        .with(targets)
        .init();
}

/// The word that is wrong, otherwise.
fn wanted(mut words: impl Iterator<Item = std::ffi::OsString>) -> Result<Wanted, String> {
    let (mut first, mut config) = (First::Window, None);
    while let Some(word) = words.next() {
        match word.to_str() {
            Some(HIDDEN) => first = First::Tray,
            Some("--config") => {
                config = Some(words.next().ok_or("--config without a path")?.into());
            }
            Some("--version") => return Ok(Wanted::Version),
            Some("--help" | "-h") => return Ok(Wanted::Help),
            _ => return Err(word.to_string_lossy().into_owned()),
        }
    }
    Ok(Wanted::App { first, config })
}

fn run(first: First, config: Option<PathBuf>) -> anyhow::Result<()> {
    let environment = Environment::capture().with_fob_beside();
    #[cfg(target_os = "linux")]
    require_display(&environment)?;
    let contract = contract::builder();
    let app = tauri::Builder::default()
        .plugin(tauri_plugin_single_instance::init(|app, _, _| {
            windows::show(app, View::Identities);
        }))
        .plugin(tauri_plugin_autostart::init(
            MacosLauncher::LaunchAgent,
            Some(vec![HIDDEN]),
        ))
        .invoke_handler(contract.invoke_handler())
        .setup(move |app| {
            #[cfg(target_os = "macos")]
            app.set_activation_policy(tauri::ActivationPolicy::Accessory);
            contract.mount_events(app);
            let handle = app.handle();
            app.manage(Desk::new(handle.clone(), environment, config));
            tray::start(handle)?;
            tauri::async_runtime::spawn(begin(handle.clone(), first));
            tauri::async_runtime::spawn(exit_when_told(handle.clone()));
            Ok(())
        })
        .build(tauri::generate_context!())
        .context("the tray app could not start")?;
    app.run(|app, event| match event {
        // The last window closed; only an exit that somebody asked for carries a code.
        RunEvent::ExitRequested {
            code: None, api, ..
        } => api.prevent_exit(),
        // The socket goes, and with a sandbox all that it left.
        RunEvent::Exit => tauri::async_runtime::block_on(app.state::<Desk>().let_go()),
        _ => {}
    });
    Ok(())
}

/// The agent first: a window shows what it knows.
async fn begin(app: AppHandle, first: First) {
    let desk = app.state::<Desk>();
    desk.host_configured().await;
    match first {
        First::Window => windows::show(&app, View::Identities),
        First::Tray => {}
    }
    let (told_in, since) = (app.clone(), Clock::system().now());
    tray::host::watch(move |tray| {
        told_in.state::<Desk>().set_tray(tray);
        if tray == Tray::Missing {
            let told_in = told_in.clone();
            tauri::async_runtime::spawn(async move {
                Clock::system().sleep_until(since + TRAY_COMES_WITHIN).await;
                // Without one the window is all there is.
                if told_in.state::<Desk>().snapshot().tray == Tray::Missing {
                    windows::show(&told_in, View::Identities);
                }
            });
        }
    });
    let told_in = app.clone();
    lock::watch(move || {
        let told_in = told_in.clone();
        tauri::async_runtime::spawn(
            async move { told_in.state::<Desk>().withdraw_prompts().await },
        );
    });
    desk.keep_current().await;
}

/// By Ctrl+C, and by a session that ends.
async fn exit_when_told(app: AppHandle) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let signals = signal(SignalKind::interrupt())
            .and_then(|it| Ok((it, signal(SignalKind::terminate())?)));
        // Without them the signals end the process all the same.
        let Ok((mut interrupted, mut terminated)) = signals else {
            return;
        };
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
    }
    #[cfg(not(unix))]
    if tokio::signal::ctrl_c().await.is_err() {
        return;
    }
    app.exit(0);
}

/// GTK ends the process without a word that helps when there is no display.
#[cfg(target_os = "linux")]
fn require_display(environment: &Environment) -> anyhow::Result<()> {
    let is_set = |name| environment.raw(name).is_some_and(|value| !value.is_empty());
    anyhow::ensure!(
        is_set("DISPLAY") || is_set("WAYLAND_DISPLAY"),
        "the tray app needs a display, and neither DISPLAY nor WAYLAND_DISPLAY is set\nhint: `fob` works without one"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &[&str]) -> Result<Wanted, String> {
        wanted(words.iter().map(std::ffi::OsString::from))
    }

    #[test]
    fn the_command_line_says_what_is_shown_first_and_which_configuration() {
        assert_eq!(
            of(&[]),
            Ok(Wanted::App {
                first: First::Window,
                config: None
            })
        );
        let config = Some(PathBuf::from("a.yaml"));
        assert_eq!(
            of(&["--hidden", "--config", "a.yaml"]),
            Ok(Wanted::App {
                first: First::Tray,
                config
            })
        );
        assert_eq!(of(&["--version"]), Ok(Wanted::Version));
    }

    #[test]
    fn a_word_that_means_nothing_is_named() {
        assert_eq!(of(&["--hide"]), Err("--hide".to_owned()));
        assert!(of(&["--config"]).is_err());
    }
}
