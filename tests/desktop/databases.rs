//! Databases of the configuration in the window and the tray: their ports, and the login that each
//! is opened with.

use crate::app::{App, free_port};
use crate::desktop::{Desktop, eventually, prepared};
use crate::home::{Home, KIM};
use crate::tray::Tray;
use std::fs::{self, Permissions};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;

/// The desktop's terminal, and the shell that is opened in it: that notes what it was given.
fn install_terminal(home: &mut Home) {
    fs::create_dir(home.path("bin")).expect("the home is ours");
    for (name, script) in [
        ("xdg-terminal-exec", "exec \"$@\"\n"),
        (
            "noting-shell",
            "printf '%s %s %s' \"$PGHOST\" \"$PGUSER\" \"$PGPASSWORD\" >\"$HOME/opened\"\n",
        ),
    ] {
        let program = home.path("bin").join(name);
        fs::write(&program, format!("#!/bin/sh\n{script}")).expect("the home is ours");
        fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("it is ours");
    }
    let path = format!("{}:{}", home.path("bin").display(), prepared("PATH"));
    home.set("PATH", &path);
    let shell = home.path("bin/noting-shell");
    home.set("SHELL", shell.to_str().expect("plain text"));
}

#[test]
fn a_database_has_its_port_its_connections_and_a_terminal_with_its_login() {
    let desktop = Desktop::new();
    let port = free_port();
    let host = "orders.abc.eu-central-1.rds.amazonaws.com";
    let mut home = Home::signed_up(&format!(
        "{KIM}  databases:
    orders: {{ engine: postgres, host: {host}, user: app, via: {{ identity: kim }}, proxy: {{ port: {port} }} }}
"
    ));
    install_terminal(&mut home);
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    page.sees(&format!("app · through kim · {host}:5432"));
    page.sees(&format!("127.0.0.1:{port} · 0 connections"));
    let client = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    page.sees_soon(&format!("127.0.0.1:{port} · 1 connection"));
    drop(client);
    page.sees_soon(&format!("127.0.0.1:{port} · 0 connections"));
    page.press("Copy token: orders");
    page.sees("The login of orders is on the clipboard");
    page.sees("15 min");
    let tray = Tray::of(&desktop, &app);
    let line = format!("orders — 127.0.0.1:{port}");
    tray.press(&["Databases", &line, "Open terminal"]);
    let given = eventually("the shell was opened", || {
        let noted = fs::read_to_string(home.path("opened")).ok();
        noted.filter(|it| !it.is_empty())
    });
    let start = format!("{host} app {host}:5432/?");
    assert!(
        given.starts_with(&start) && given.contains("X-Amz-Signature="),
        "{given}"
    );
    let shown = page
        .script("return document.documentElement.outerHTML", &[])
        .to_string();
    assert!(!shown.contains("X-Amz-Signature"), "the page never has it");
    assert!(!app.said().contains("X-Amz-Signature"), "nor a log");
}
