//! The tray app, `keyfob`: hosts the agent, shows the tray, and runs until the user quits. Its
//! windows live in a process of their own, the same program in another mode, which ends with the
//! last of them. `main` is wiring: `snapshot` and `tray` decide what is shown, the agent does the
//! work.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod actions;
mod autostart;
mod commands;
mod confirmation;
mod contract;
#[path = "../desktop/mod.rs"]
mod desktop;
#[cfg(target_os = "linux")]
mod display;
#[cfg(target_os = "linux")]
mod first_instance;
mod host;
#[cfg(target_os = "linux")]
mod idle;
mod link;
mod mutex;
mod notices;
mod open_windows;
mod outside;
mod preferences;
mod sandbox;
mod screen_lock;
mod sign_in_page;
mod snapshot;
mod state;
mod terminal;
mod tray;
mod tray_link;
mod window_main;
mod window_process;
mod windows;

use anyhow::Context as _;
use autostart::HIDDEN;
use host::Host;
use keyfob_core::clock::Clock;
use keyfob_core::config::{Config, Trust};
use keyfob_core::environment::{Environment, Shows};
use keyfob_core::hardening::{self, WipingAllocator};
use keyfob_core::signal;
use snapshot::{TrayHost, View};
use state::AppState;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tauri::async_runtime::{block_on, spawn};
use tauri::{AppHandle, Manager, RunEvent};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use window_process::{WINDOWS, WindowProcess};

const USAGE: &str = "\
usage: keyfob [--hidden] [--config PATH]

  --hidden       start without a window, as at login
  --config PATH  use this configuration file
  --version      print the version

For the command line, see `fob --help`.";
/// At login the tray may come up after the app.
const TRAY_COMES_WITHIN: Duration = Duration::from_secs(10);

#[derive(Debug, PartialEq, Eq)]
enum Launch {
    App {
        first: First,
        config: Option<PathBuf>,
    },
    /// By the tray's process.
    Windows,
    Version,
    Help,
}

/// What is shown at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    Window,
    Tray,
}

#[global_allocator]
static ALLOCATOR: WipingAllocator = WipingAllocator;

fn main() -> ExitCode {
    hardening::harden_process();
    log();
    let done = match parse(std::env::args_os().skip(1)) {
        Ok(Launch::App { first, config }) => {
            // A configuration that cannot be read is said later.
            let _ = keep_passphrases(config.as_deref());
            run(first, config)
        }
        Ok(Launch::Windows) => window_main::run(Environment::capture().with_fob_beside()),
        Ok(Launch::Version) => {
            println!("keyfob {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
        Ok(Launch::Help) => {
            println!("{USAGE}");
            Ok(())
        }
        Err(word) => {
            eprintln!("error: unexpected argument `{word}`\n\n{USAGE}");
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

/// From the programs that the app starts. The variables that hold one are known only from the
/// configuration, and only a trusted one may name them.
fn keep_passphrases(config: Option<&Path>) -> keyfob_core::error::Result<()> {
    let environment = Environment::capture();
    let path = keyfob_core::config::locate(config, &environment)?;
    let config = Config::load(&path, &environment)?;
    if Trust::of(&environment)?.missing(&config)?.is_empty() {
        hardening::take_out_of_environment(&config.passphrase_variables());
    }
    Ok(())
}

/// Only Keyfob's own records, and only of what went wrong: those of the AWS SDK hold requests, and
/// with them secrets.
fn log() {
    let level = LevelFilter::WARN;
    let targets = Targets::new()
        .with_target("keyfob_core", level)
        .with_target("keyfob", level);
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    tracing_subscriber::registry()
        .with(lines)
        .with(targets)
        .init();
}

/// The wrong word, otherwise.
fn parse(mut words: impl Iterator<Item = std::ffi::OsString>) -> Result<Launch, String> {
    let (mut first, mut config) = (First::Window, None);
    while let Some(word) = words.next() {
        match word.to_str() {
            Some(HIDDEN) => first = First::Tray,
            Some("--config") => config = Some(words.next().ok_or("--config")?.into()),
            Some(WINDOWS) => return Ok(Launch::Windows),
            Some("--version") => return Ok(Launch::Version),
            Some("--help" | "-h") => return Ok(Launch::Help),
            _ => return Err(word.to_string_lossy().into_owned()),
        }
    }
    Ok(Launch::App { first, config })
}

fn run(first: First, config: Option<PathBuf>) -> anyhow::Result<()> {
    let environment = Environment::capture()
        .with_fob_beside()
        .showing(Shows::Windows);
    #[cfg(target_os = "linux")]
    {
        require_display(&environment)?;
        if first_instance::shows() {
            return Ok(());
        }
    }
    let app = tauri::Builder::default()
        .plugin(tauri_plugin_single_instance::init(|app, _, _| {
            window_process::show(app, View::Identities);
        }))
        .plugin(autostart::plugin())
        .setup(move |app| {
            #[cfg(target_os = "macos")]
            app.set_activation_policy(tauri::ActivationPolicy::Accessory);
            let handle = app.handle();
            let (host, event_streams) = Host::new(environment, config);
            let state = AppState::new(host);
            let (for_tray, for_windows) = (state.subscribe(), state.subscribe());
            app.manage(state);
            app.manage(WindowProcess::default());
            #[cfg(target_os = "linux")]
            display::when_lost({
                let app = handle.clone();
                move || block_on(leave_nothing(&app))
            });
            tray::start(handle)?;
            spawn(tray::follow(handle.clone(), for_tray));
            spawn(window_process::follow(handle.clone(), for_windows));
            spawn(notices::follow(handle.clone(), event_streams));
            spawn(begin(handle.clone(), first));
            spawn(exit_on_signal(handle.clone()));
            spawn(exit_with_agent(handle.clone()));
            Ok(())
        })
        .build(tauri::generate_context!())
        .context("the tray app could not start")?;
    app.run(|app, event| match event {
        RunEvent::Exit => {
            block_on(window_process::quit(app));
            // The socket goes, and with a sandbox all that it left.
            block_on(app.state::<AppState>().host.let_go());
        }
        // macOS starts no second process of an app.
        #[cfg(target_os = "macos")]
        RunEvent::Reopen { .. } => window_process::show(app, View::Identities),
        _ => {}
    });
    Ok(())
}

/// Socket and lock of the agent go; with a sandbox all that it left.
#[cfg(target_os = "linux")]
async fn leave_nothing(app: &AppHandle) {
    const LETS_GO_WITHIN: Duration = Duration::from_secs(2);
    let state = app.state::<AppState>();
    tokio::select! {
        () = state.host.let_go() => {}
        () = Clock::nap(LETS_GO_WITHIN) => {}
    }
}

/// The agent first: a window shows what it knows.
async fn begin(app: AppHandle, first: First) {
    let state = app.state::<AppState>();
    state.host.host_configured().await;
    match first {
        First::Window => window_process::show(&app, View::Identities),
        First::Tray => {}
    }
    let (watched_for, since) = (app.clone(), Clock::system().now());
    tray::host::watch(move |tray| {
        watched_for.state::<AppState>().set_tray_host(tray);
        if tray == TrayHost::Missing {
            let app = watched_for.clone();
            spawn(async move {
                Clock::system().sleep_until(since + TRAY_COMES_WITHIN).await;
                // Without one the window is all there is.
                if app.state::<AppState>().snapshot().tray == TrayHost::Missing {
                    window_process::show(&app, View::Identities);
                }
            });
        }
    });
    let locked_for = app.clone();
    screen_lock::watch(move || {
        let app = locked_for.clone();
        spawn(async move { app.state::<AppState>().withdraw_prompts().await });
    });
    #[cfg(target_os = "linux")]
    spawn(idle::give_code_back());
    state.keep_current().await;
}

/// Without its agent the app is of no use.
async fn exit_with_agent(app: AppHandle) {
    app.state::<AppState>().host.stopped().await;
    app.exit(0);
}

/// On Ctrl+C, and when the session ends.
async fn exit_on_signal(app: AppHandle) {
    // Without them the signals end the process all the same.
    let Ok(ended) = signal::ended() else { return };
    ended.await;
    app.exit(0);
}

/// GTK ends the process without a word that helps when there is no display.
#[cfg(target_os = "linux")]
fn require_display(environment: &Environment) -> anyhow::Result<()> {
    let is_set = |name| environment.raw(name).is_some_and(|value| !value.is_empty());
    anyhow::ensure!(
        is_set("DISPLAY") || is_set("WAYLAND_DISPLAY"),
        "the tray app needs a display, and neither DISPLAY nor WAYLAND_DISPLAY is set\nhint: `fob` \
         works without one"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &[&str]) -> Result<Launch, String> {
        parse(words.iter().map(std::ffi::OsString::from))
    }

    #[test]
    fn the_command_line_says_what_is_shown_first_and_which_configuration() {
        assert_eq!(
            of(&[]),
            Ok(Launch::App {
                first: First::Window,
                config: None
            })
        );
        let config = Some(PathBuf::from("a.yaml"));
        assert_eq!(
            of(&["--hidden", "--config", "a.yaml"]),
            Ok(Launch::App {
                first: First::Tray,
                config
            })
        );
        assert_eq!(of(&["--version"]), Ok(Launch::Version));
    }

    #[test]
    fn an_unexpected_word_is_named() {
        assert_eq!(of(&["--hide"]), Err("--hide".to_owned()));
        assert!(of(&["--config"]).is_err());
    }
}
