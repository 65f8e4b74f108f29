//! `fob console`: opened in a browser through an address of this machine, or printed.

use crate::desktop::Desktop;
use crate::home::{DEPLOY, DEV, Home, code, text};
use std::process::{Child, Stdio};

fn started(home: &Home, desktop: &Desktop, arguments: &[&str]) -> Child {
    let mut fob = home.fob(arguments);
    desktop.is_of(&mut fob);
    fob.stdout(Stdio::piped()).stderr(Stdio::piped());
    fob.spawn().expect("fob starts")
}

#[test]
fn the_link_reaches_the_browser_once_and_no_command_line() {
    for with_agent in [false, true] {
        let home = Home::signed_up(&format!("{DEV}{DEPLOY}"));
        let _agent = with_agent.then(|| home.start_agent());
        let desktop = Desktop::new(home.path());
        let fob = started(&home, &desktop, &["console", "deploy", "-d", "s3"]);
        let address = desktop.opened();
        assert!(address.starts_with("http://127.0.0.1:"), "{address}");
        let answer = Desktop::visit(&address).expect("it is served");
        let location = answer.lines().find_map(|it| it.strip_prefix("location: "));
        let link = location.expect("a redirect");
        let aws = home.sandbox().url();
        assert!(link.starts_with(&format!("{aws}/federation?")), "{link}");
        assert!(link.contains("s3%2Fhome"), "{link}");
        let ran = fob.wait_with_output().expect("fob ends");
        let said = text(&ran.stderr);
        assert_eq!(code(&ran), 0, "{said}");
        assert!(said.contains("is open in the browser as deploy"), "{said}");
        assert!(!said.contains("SigninToken"), "{said}");
        assert!(Desktop::visit(&address).is_none(), "only once");
    }
}

#[test]
fn isolated_it_opens_in_a_profile_of_the_identitys_own() {
    let home = Home::signed_up(&format!("{DEV}{DEPLOY}"));
    let desktop = Desktop::new(home.path());
    desktop.install("chromium");
    let fob = started(&home, &desktop, &["console", "deploy", "--isolated"]);
    let opened = desktop.opened();
    let (options, address) = opened.rsplit_once(' ').expect("several words");
    let profile = options
        .split(' ')
        .find_map(|word| word.strip_prefix("--user-data-dir="))
        .expect("a profile");
    assert!(profile.ends_with("/browser/deploy"), "{options}");
    assert!(std::path::Path::new(profile).is_dir());
    assert!(Desktop::visit(address).is_some());
    let ran = fob.wait_with_output().expect("fob ends");
    assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
}

#[test]
fn printed_it_is_alone_on_stdout_and_warned_about() {
    let home = Home::signed_up(&format!("{DEV}{DEPLOY}"));
    let ran = home.run(&["console", "deploy", "--print"]);
    let (link, said) = (text(&ran.stdout), text(&ran.stderr));
    assert_eq!(code(&ran), 0, "{said}");
    assert_eq!(link.lines().count(), 1, "{link}");
    assert!(link.contains("/federation?Action=login"), "{link}");
    assert!(said.contains("anyone who opens this link"), "{said}");
    let json = home.json(&["console", "deploy", "--print", "--json"]);
    assert_eq!(json["identity"], "deploy");
    assert!(json["url"].is_string() && json["expires_at"].is_string());
}

#[test]
fn without_a_browser_or_a_role_it_says_what_to_do() {
    let home = Home::signed_up(&format!("{DEV}{DEPLOY}"));
    let mut over_ssh = home.fob(&["console", "deploy"]);
    over_ssh.env("SSH_CONNECTION", "192.0.2.1 1 192.0.2.2 22");
    let ran = over_ssh.output().expect("fob runs");
    let said = text(&ran.stderr);
    assert_eq!(code(&ran), 1, "{said}");
    assert!(
        said.contains("SSH_CONNECTION") && said.contains("--print"),
        "{said}"
    );
    let ran = home.run(&["console", "dev", "--print"]);
    let said = text(&ran.stderr);
    assert_eq!(code(&ran), 1, "{said}");
    assert!(
        said.contains("sign in to a role through it: deploy"),
        "{said}"
    );
    let ran = home.run(&["console", "deploy", "--print", "--duration", "2h"]);
    let said = text(&ran.stderr);
    assert_eq!(code(&ran), 0, "{said}");
    assert!(
        said.contains("AWS takes none for a role that is assumed with a session"),
        "{said}"
    );
}
