//! The form of a browser sign-in in a terminal: what its keys do, and which browser it opens.

use super::*;
use keyfob_core::encode::base64;
use std::net::TcpStream;

#[test]
fn a_key_copies_the_address_and_another_the_code() {
    for with_an_agent in [false, true] {
        let office = office();
        let _agent = with_an_agent.then(|| office.agent());
        let mut fob = office
            .home
            .fob_on_a_terminal(&["login", "admin", "--no-browser"]);
        office.desktop.is_of(&mut fob);
        let mut terminal = Terminal::reading(fob, false);
        terminal.read_to("on any device, and compare the code ");
        let shown = terminal.read_to(":");
        terminal.read_to("http");
        let address = format!("http{}", terminal.read_to("\r").trim());
        terminal.read_to("Tab copies the address, c the code");
        office.desktop.has_a_clipboard();
        terminal.press_control('i');
        terminal.read_to("\x1b]52;c;");
        assert_eq!(terminal.read_to("\x07"), base64(&address));
        terminal.read_to("The address is on the clipboard");
        assert_eq!(office.desktop.copied(), address);
        terminal.type_line("xc");
        terminal.read_to("\x1b]52;c;");
        assert_eq!(terminal.read_to("\x07"), base64(&shown));
        terminal.read_to("The code is on the clipboard");
        assert_eq!(office.desktop.copied(), shown);
        Desktop::click(&address);
        let (rest, exit) = terminal.finish();
        assert_eq!(exit, 0, "{rest}");
        assert!(!rest.contains('\x07'), "{rest}");
    }
}

#[test]
fn a_browser_that_does_not_start_is_said_and_the_address_is_good_all_the_same() {
    let office = office();
    let mut fob = office.home.fob_on_a_terminal(&["login", "admin"]);
    office.desktop.is_broken_for(&mut fob);
    let mut terminal = Terminal::start(fob);
    terminal.read_to("opens this address:");
    terminal.read_to("http");
    let address = format!("http{}", terminal.read_to("\r").trim());
    terminal.read_to("the browser cannot be opened");
    terminal.read_to("open the address yourself");
    Desktop::click(&address);
    let (shown, exit) = terminal.finish();
    assert_eq!(exit, 0, "{shown}");
}

#[test]
fn the_variable_browser_has_precedence_over_the_desktops_choice() {
    for wanted in ["missing:firefox --new-window", "firefox --open=%s"] {
        let office = office();
        office.desktop.install("firefox");
        let mut fob = office.home.fob_on_a_terminal(&["login", "admin"]);
        office.desktop.is_of(&mut fob);
        fob.env("BROWSER", wanted);
        let mut terminal = Terminal::start(fob);
        terminal.read_to("opens this address");
        let opened = office.desktop.opened();
        let address = opened.trim_start_matches("--new-window ");
        let address = address.trim_start_matches("--open=");
        assert_ne!(opened, address, "not by the launcher");
        Desktop::click(address);
        let (shown, exit) = terminal.finish();
        assert_eq!(exit, 0, "{shown}");
    }
}

#[test]
fn a_sign_in_that_is_cancelled_closes_its_port_and_tells_the_programs_that_wait() {
    let office = office();
    let _agent = office.agent();
    let program = office.start(&["credential-process", "admin", "--wait", "60"]);
    let address = office.prompted();
    let back = address.split_once("127.0.0.1%3A").expect("a redirect").1;
    let port = back.split_once('%').expect("a path").0;
    let port: u16 = port.parse().expect("a port");
    let listens = || TcpStream::connect(("127.0.0.1", port)).is_ok();
    let mut terminal = office.on_a_terminal(&["login", "admin"]);
    terminal.read_to("opens this address");
    terminal.read_to("Esc cancels");
    assert!(listens());
    terminal.press_control('[');
    let (shown, exit) = terminal.finish();
    assert_eq!(exit, 1, "{shown}");
    let ran = program.wait_with_output().expect("fob ends");
    let said = text(&ran.stderr);
    assert_eq!(code(&ran), 3, "{said}");
    assert!(
        said.contains("a sign-in in the browser is needed"),
        "{said}"
    );
    assert!(!listens());
}

#[test]
fn providers_that_share_a_sign_in_share_its_prompt_and_that_it_was_closed() {
    let office = office();
    let _agent = office.agent();
    let of_twin = office.start(&["credential-process", "archive", "--wait", "60"]);
    let address = office.prompted();
    let now = |identity| {
        let ran = office
            .home
            .run(&["credential-process", identity, "--wait", "0"]);
        assert_eq!(code(&ran), 3);
        text(&ran.stderr)
    };
    let said = now("reader");
    assert!(said.contains("a prompt is open"), "{said}");
    let mut terminal = office.on_a_terminal(&["login", "reader"]);
    terminal.read_to("opens this address");
    assert_eq!(office.desktop.opened(), address);
    terminal.read_to("Esc cancels");
    terminal.press_control('[');
    let (shown, exit) = terminal.finish();
    assert_eq!(exit, 1, "{shown}");
    let ran = of_twin.wait_with_output().expect("fob ends");
    assert_eq!(code(&ran), 3, "{}", text(&ran.stderr));
    // Not raised again at once.
    let said = now("reader");
    assert!(!said.contains("a prompt is open"), "{said}");
    let status = office.home.json(&["status", "--json"]);
    assert_eq!(status["prompts"].as_array().map(Vec::len), Some(0));
    office.sign_in(&["login", "archive"]);
    assert_eq!(office.calls("CreateToken"), 1);
}

#[test]
fn one_tab_is_opened_however_many_terminals_show_the_sign_in() {
    let office = office();
    let _agent = office.agent();
    let mut first = office.on_a_terminal(&["login", "admin"]);
    first.read_to("opens this address");
    let address = office.desktop.opened();
    let others: Vec<Terminal> = [&["login", "reader"][..], &["exec", "deploy", "--", "true"]]
        .map(|arguments| {
            let mut other = office.on_a_terminal(arguments);
            other.read_to("not opened from here, because fob (pid ");
            other.read_to("shows it already");
            other.read_to("o opens it");
            other
        })
        .into();
    assert_eq!(office.desktop.times(), 1, "one tab");
    // Where the first one's is lost.
    drop(first);
    let mut late = office.on_a_terminal(&["login", "admin"]);
    late.read_to("o opens it");
    late.type_line("o");
    assert_eq!(office.desktop.opened(), address);
    Desktop::click(&address);
    for terminal in others.into_iter().chain([late]) {
        let (shown, exit) = terminal.finish();
        assert_eq!(exit, 0, "{shown}");
    }
    assert_eq!(office.calls("CreateToken"), 1);
}

/// The agent has a browser, and the terminal is not to use it.
#[test]
fn a_terminal_that_wants_no_browser_opens_none_for_what_a_program_began() {
    let office = office();
    let _agent = office.agent();
    let program = office.start(&["credential-process", "admin", "--wait", "60"]);
    let address = office.prompted();
    let mut terminal = office.on_a_terminal(&["login", "admin", "--no-browser"]);
    terminal.read_to("not opened from here, because no browser is to be opened here");
    terminal.read_to("o opens it");
    assert_eq!(office.desktop.times(), 0);
    Desktop::click(&address);
    let (shown, exit) = terminal.finish();
    assert_eq!(exit, 0, "{shown}");
    assert_eq!(code(&program.wait_with_output().expect("fob ends")), 0);
}

/// The terminal is another machine's.
#[test]
fn an_address_is_given_to_the_terminal_where_no_program_takes_it_and_ctrl_c_still_ends_it() {
    let office = office();
    let mut fob = office.home.fob_on_a_terminal(&["login", "admin"]);
    office.desktop.is_broken_for(&mut fob);
    let mut terminal = Terminal::start(fob);
    terminal.read_to("opens this address");
    terminal.read_to("Tab copies the address");
    terminal.press_control('i');
    terminal.read_to("was sent to the terminal's clipboard");
    terminal.press_control('c');
    let (shown, exit) = terminal.finish();
    assert_eq!(exit, 130, "{shown}");
}
