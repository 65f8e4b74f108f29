//! The first start: nothing is configured, and what a person chooses leads to a signed-in identity.

use crate::app::App;
use crate::desktop::{Desktop, eventually};
use crate::home::{Home, KIM};
use crate::keyring;
use crate::page::Page;
use crate::tray::Tray;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

#[test]
fn the_sandbox_is_signed_in_to_with_two_presses() {
    let desktop = Desktop::new();
    let home = Home::empty();
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    page.sees("Set up Keyfob");
    page.press("Try the sandbox");
    page.sees("Sandbox: a simulated AWS on this machine");
    page.press("Sign in: kim");
    page.sees("kim default Valid");
    assert!(page.presses() <= 3, "{} presses", page.presses());
    Tray::of(&desktop, &app).says_one_of(&["kim (default) — 11 h", "kim (default) — 12 h"]);
    assert!(
        !home.config().exists(),
        "the sandbox writes no configuration"
    );
    assert_eq!(keyring::held().len(), 0, "nor into the keyring");
    page.press("Leave");
    page.sees("Set up Keyfob");
    assert!(
        home.aws().journal().is_empty(),
        "it never called any other AWS"
    );
    let left: Vec<_> = fs::read_dir(home.path("tmp"))
        .expect("it is ours")
        .flatten()
        .collect();
    assert!(
        !left.iter().any(|it| it
            .file_name()
            .to_string_lossy()
            .starts_with("keyfob-sandbox")),
        "{left:?}"
    );
}

#[test]
fn an_access_key_is_added_and_signed_in_with_and_its_secret_is_only_in_the_keyring() {
    let desktop = Desktop::new();
    let home = Home::empty();
    let keys = home.key();
    let secret = keys.secret_access_key.expose();
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    page.press("Add an access key");
    page.fill("Name", "work");
    page.fill("Region", "eu-central-1");
    page.press("Add");
    page.sees("Access keys for work");
    page.fill("Access key ID", keys.access_key_id.as_str());
    page.fill("Secret access key", secret);
    page.press("Store");
    page.sees("work default Valid");
    let written = home.configuration();
    assert!(
        written.contains("work:") && written.contains("eu-central-1"),
        "{written}"
    );
    assert!(
        !written.contains(secret) && !written.contains(keys.access_key_id.as_str()),
        "{written}"
    );
    let held = keyring::held();
    let with_secret: Vec<_> = held
        .iter()
        .filter(|(_, value)| value.contains(secret))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(with_secret.len(), 1, "{:?}", held.keys());
    let id = keys.access_key_id.as_str();
    assert!(held[with_secret[0]].contains(id), "with its id");
    Tray::of(&desktop, &app).says_one_of(&["work (default) — 11 h", "work (default) — 12 h"]);
    let listed = home.json(&["list", "--json"]);
    assert_eq!(listed["identities"][0]["name"], "work", "{listed}");
    assert_eq!(listed["identities"][0]["state"], "valid", "{listed}");
}

#[test]
fn what_the_window_writes_into_a_configuration_leaves_every_other_line_as_it_is() {
    let desktop = Desktop::new();
    let home = Home::signed_up(KIM);
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    page.press("Add identity…");
    page.press("Add an access key");
    page.fill("Name", "second");
    page.fill("Region", "us-west-2");
    page.press("Add");
    page.sees("Access keys for second");
    page.press("Cancel");
    page.sees("second Needs sign-in");
    let added = home.configuration();
    assert!(added.starts_with(KIM), "{added}");
    assert!(added.contains("us-west-2"), "{added}");
    page.press("second Needs sign-in");
    page.press("More actions");
    page.press("Use as default");
    page.sees("second default");
    let changed = home.configuration();
    for comment in ["# Ours.", "# The first.", "# Frankfurt"] {
        assert!(changed.contains(comment), "{changed}");
    }
    eventually("the tray agrees", || {
        let listed = home.json(&["list", "--json"]);
        let default = listed["identities"]
            .as_array()?
            .iter()
            .find(|it| it["default"] == true)?;
        (default["name"] == "second").then_some(())
    });
}

#[test]
fn profiles_of_the_aws_cli_are_imported_and_their_keys_go_to_the_keyring() {
    let desktop = Desktop::new();
    let home = Home::empty();
    let keys = home.key();
    let (id, secret) = (keys.access_key_id.as_str(), keys.secret_access_key.expose());
    fs::create_dir(home.path(".aws")).expect("the home is ours");
    let credentials =
        format!("[work]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
    let config = "[profile work]\nregion = eu-central-1\n\
        [profile deploy]\nrole_arn = arn:aws:iam::420000000025:role/deploy\nsource_profile = work\n\
        [profile corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-central-1\n";
    fs::write(home.path(".aws/credentials"), &credentials).expect("the home is ours");
    fs::write(home.path(".aws/config"), config).expect("the home is ours");
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    page.press("Import from ~/.aws");
    page.sees("it names no account and role");
    page.press("Import 2 profiles");
    page.sees("deploy Needs sign-in");
    page.press("Sign in: deploy");
    page.sees("deploy Valid");
    let written = home.configuration();
    assert!(
        !written.contains("corp") && !written.contains(secret) && !written.contains(id),
        "{written}"
    );
    assert!(keyring::held().values().any(|value| value.contains(secret)));
    assert_eq!(
        fs::read_to_string(home.path(".aws/credentials")).expect("it stays"),
        credentials
    );
}

#[test]
fn an_identity_center_is_signed_in_to_in_the_browser_and_its_roles_are_identities() {
    let desktop = Desktop::new();
    let home = Home::empty();
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    list_roles(&page, &home);
    page.press("Use all");
    page.press("Sign in: dev/ReadOnlyAccess");
    page.sees("dev/ReadOnlyAccess Valid");
    assert!(page.presses() <= 4, "{} presses", page.presses());
}

#[test]
fn of_the_roles_of_an_identity_center_those_that_are_chosen_are_written() {
    let desktop = Desktop::new();
    let home = Home::empty();
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    list_roles(&page, &home);
    page.fill("Filter roles", "archive");
    page.sees_no_more("dev/AdministratorAccess");
    page.tick("archive/ReadOnlyAccess");
    page.press("Use 1 chosen");
    page.press("Sign in: archive/ReadOnlyAccess");
    page.sees("archive/ReadOnlyAccess Valid");
    page.sees_no_more("dev/AdministratorAccess");
    let written = home.configuration();
    assert!(
        written.contains("auto_provision_identities: false")
            && written.contains("archive/ReadOnlyAccess:"),
        "{written}"
    );
    page.press("Roles of");
    page.press("Use all");
    page.sees("dev/AdministratorAccess");
}

/// From nothing to the list of what is assigned.
fn list_roles(page: &Page, home: &Home) {
    page.press("Sign in with IAM Identity Center");
    page.fill("Start URL", "https://sandbox.awsapps.com/start");
    page.press("Sign in");
    page.sees("Open browser");
    let address = eventually("the prompt is listed", || {
        let status = home.json(&["status", "--json"]);
        status["prompts"][0]["address"].as_str().map(str::to_owned)
    });
    let back = answered("POST", &address);
    let location = back
        .lines()
        .find_map(|line| line.strip_prefix("location: "));
    answered("GET", location.expect("it leads back"));
    page.sees("dev/AdministratorAccess");
    page.sees("archive/ReadOnlyAccess");
}

/// The person's browser.
fn answered(method: &str, address: &str) -> String {
    let (_, rest) = address.split_once("://").expect("an address");
    let (host, path) = rest.split_once('/').expect("a path");
    let mut stream = TcpStream::connect(host).expect("it is listened to");
    let head = format!(
        "{method} /{path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}
