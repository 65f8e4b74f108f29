//! What can go wrong on the way: kills, a service that is in trouble, names and regions.

use super::*;
use crate::desktop::killed_in;
use crate::home::wait_for;
use jiff::Timestamp;
use keyfob_core::secret::Secret;
use keyfob_core::store::EntryKind;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

/// Between the request and the answer, or between the answer and the keyring: nobody can tell.
#[test]
fn a_renewal_that_is_killed_costs_one_sign_in_at_most() {
    for with_an_agent in [false, true] {
        let office = Office::with(&format!("{CENTER}    kim: {{ kind: aws/user }}\n"));
        office.home.store_key("kim", &office.home.key());
        office.sign_in(&["login", "admin"]);
        let renewal = ["login", "admin", "--force-all"];
        killed_in(&office, SignInAction::CreateToken, &renewal, with_an_agent);
        let held = office.home.run(&["credential-process", "admin"]);
        assert_eq!(
            code(&held),
            0,
            "the session goes on: {}",
            text(&held.stderr)
        );
        let ran = office.home.run(&renewal);
        let said = text(&ran.stderr);
        let is_said = code(&ran) == 3 && said.contains("a renewal was interrupted");
        assert!(code(&ran) == 0 || is_said, "{said}");
        if is_said {
            let shown = office.sign_in(&renewal);
            assert!(shown.contains("Authentication successful!"), "{shown}");
        }
        let ran = office.home.run(&["login", "kim"]);
        assert_eq!(code(&ran), 0, "no key was lost: {}", text(&ran.stderr));
    }
}

/// What AWS made after the sign-out is known to nothing here.
#[test]
fn a_sign_in_that_was_signed_out_of_meanwhile_is_ended_at_aws_too() {
    for with_an_agent in [false, true] {
        let office = office();
        let _agent = with_an_agent.then(|| office.agent());
        let mut terminal = office.on_a_terminal(&["login", "admin"]);
        terminal.read_to("opens this address");
        let slow = SandboxFault::Delay { milliseconds: 2000 };
        let slow = FaultSwitch::on(slow).for_action(SignInAction::CreateToken);
        let sandbox = office.home.sandbox();
        sandbox.inject(slow.times(1)).expect("a fault");
        Desktop::click(&office.desktop.opened());
        until("the call is under way", || {
            sandbox.state().faults.is_empty()
        });
        let ran = office.home.run(&["logout", "admin"]);
        assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
        let (shown, exit) = terminal.finish();
        assert_eq!(exit, 3, "{shown}");
        assert!(shown.contains("was signed out"), "{shown}");
        assert_eq!(office.calls("Logout"), 1, "with an agent: {with_an_agent}");
        assert!(sandbox.state().sign_ins.is_empty());
    }
}

#[test]
fn a_prompt_that_is_closed_by_a_sign_out_ends_as_signed_out() {
    for with_an_agent in [false, true] {
        let office = office();
        let _agent = with_an_agent.then(|| office.agent());
        let mut terminal = office.on_a_terminal(&["login", "admin"]);
        terminal.read_to("opens this address");
        let ran = office.home.run(&["logout", "admin"]);
        assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
        if !with_an_agent {
            Desktop::click(&office.desktop.opened());
        }
        let (shown, exit) = terminal.finish();
        assert_eq!(exit, 3, "{shown}");
        assert!(shown.contains("was signed out"), "{shown}");
        assert!(shown.contains("fob login"), "{shown}");
    }
}

/// RFC 8628: five seconds more between two questions.
#[test]
fn a_service_that_wants_to_be_asked_less_often_is() {
    let office = office();
    let slower = FaultSwitch::on(SandboxFault::SlowDown).times(1);
    office.home.sandbox().inject(slower).expect("a fault");
    let mut terminal = office.on_a_terminal(&["login", "admin", "--no-browser"]);
    terminal.read_to("on any device");
    terminal.read_to("http");
    Desktop::click(&format!("http{}", terminal.read_to("\n").trim()));
    let (shown, exit) = terminal.finish();
    assert_eq!(exit, 0, "{shown}");
    let journal = office.home.sandbox().journal().into_iter();
    let asked = journal.filter(|call| call.action == "CreateToken");
    let asked: Vec<Timestamp> = asked.map(|it| it.time.parse().expect("RFC 3339")).collect();
    let [first, second] = asked[..] else {
        panic!("{asked:?}");
    };
    // Times are whole seconds.
    assert!((second - first).get_seconds() >= 5, "{asked:?}");
}

/// It waited for itself.
#[test]
fn an_identity_may_have_the_name_of_its_provider() {
    for with_an_agent in [false, true] {
        let office = Office::with(&CENTER.replace("admin", "corp"));
        let _agent = with_an_agent.then(|| office.agent());
        let shown = office.sign_in(&["login", "deploy"]);
        assert!(shown.contains("Authentication successful!"), "{shown}");
        for renewal in ["--force", "--force-all"] {
            let ran = office.home.run(&["login", "corp", renewal]);
            assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
        }
        let ran = office.home.run(&["logout", "corp"]);
        assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
        let shown = office.sign_in(&["login", "corp"]);
        assert!(shown.contains("Authentication successful!"), "{shown}");
    }
}

#[test]
fn two_sign_ins_of_one_name_are_refused_where_they_are_written() {
    let me = "    Twin: { kind: aws/login, credentials: { region: eu-central-1 } }\n";
    let office = Office::with(&format!("{CENTER}{me}"));
    let ran = office.home.run(&["validate"]);
    let said = [text(&ran.stdout), text(&ran.stderr)].concat();
    assert_eq!(code(&ran), 2, "{said}");
    assert!(said.contains("the provider `twin` (line 4)"), "{said}");
    let ran = office.home.run(&["login", "twin"]);
    assert!(
        text(&ran.stderr).contains("another name"),
        "{}",
        text(&ran.stderr)
    );
    office.sign_in(&["login", "archive"]);
}

/// A customer's own server, which answers each request with that head.
fn own_address(head: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it listens");
    thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = write!(stream, "HTTP/1.1 {head}\r\ncontent-length: 0\r\n\r\n");
        }
    });
    format!("http://{address}/AWS")
}

fn at(start_url: &str) -> Office {
    Office::with(&CENTER.replace("https://sandbox.awsapps.com/start", start_url))
}

#[test]
fn an_address_of_the_customers_own_is_followed_once_to_the_identity_center() {
    let own = || own_address("302 Found\r\nlocation: https://Sandbox.awsapps.com/start/#/".into());
    let office = at(&own());
    office.sign_in(&["login", "admin"]);
    let code_is_entered = at(&own());
    let mut terminal = code_is_entered.on_a_terminal(&["login", "admin", "--no-browser"]);
    terminal.read_to("on any device");
    terminal.read_to("http");
    Desktop::click(&format!("http{}", terminal.read_to("\n").trim()));
    let (shown, exit) = terminal.finish();
    assert_eq!(exit, 0, "{shown}");
}

#[test]
fn an_address_that_leads_elsewhere_is_refused_with_where_it_leads() {
    let again = own_address("302 Found\r\nlocation: https://sandbox.awsapps.com/start".into());
    for (head, why) in [
        (
            "200 OK".to_owned(),
            "it redirects to none: its answer is 200",
        ),
        ("302 Found".to_owned(), "it redirects to ``, which is none"),
        (
            "302 Found\r\nlocation: https://awsapps.com.example/start".to_owned(),
            "`https://awsapps.com.example/start`, which is none either",
        ),
        (format!("302 Found\r\nlocation: {again}"), "none either"),
    ] {
        let office = at(&own_address(head));
        let terminal = office.on_a_terminal(&["login", "admin"]);
        let (shown, exit) = terminal.finish();
        assert_eq!(exit, 2, "{shown}");
        let flat = shown.replace("\r\n", " ");
        assert!(
            flat.contains(why) && flat.contains("awsapps.com/start"),
            "{shown}"
        );
        assert_eq!(office.home.calls().len(), 0, "{:?}", office.home.calls());
    }
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = closed.local_addr().expect("it listened");
    drop(closed);
    let office = at(&format!("http://{address}/AWS"));
    let (shown, exit) = office.on_a_terminal(&["login", "admin"]).finish();
    assert_eq!(exit, 1, "{shown}");
    assert!(shown.contains("efused"), "{shown}");
}

#[test]
fn a_portal_of_another_region_is_named_where_its_address_says_it() {
    let office = at("https://ssoins-1.portal.eu-west-1.app.aws");
    let terminal = office.on_a_terminal(&["login", "admin"]);
    let (shown, exit) = terminal.finish();
    assert_eq!(exit, 1, "{shown}");
    assert!(shown.contains("was sent to eu-central-1"), "{shown}");
    assert!(shown.contains("its start URL is of eu-west-1"), "{shown}");
}

/// AWS does not say where it is.
#[test]
fn an_identity_center_of_another_region_is_named_with_the_region_that_was_called() {
    let elsewhere = CENTER.replace("//sandbox.awsapps", "//other.awsapps");
    let office = Office::with(&elsewhere);
    let terminal = office.on_a_terminal(&["login", "admin", "--no-browser"]);
    let (shown, exit) = terminal.finish();
    assert_eq!(exit, 1, "{shown}");
    assert!(shown.contains("was sent to eu-central-1"), "{shown}");
    assert!(shown.contains("`region` of corp"), "{shown}");

    let office = signed_in();
    let refused =
        FaultSwitch::on(SandboxFault::ExpiredToken).for_action(SignInAction::GetRoleCredentials);
    office.home.sandbox().inject(refused).expect("a fault");
    let ran = office.home.run(&["login", "reader"]);
    let said = text(&ran.stderr);
    assert_eq!(code(&ran), 1, "{said}");
    assert!(said.contains("was sent to eu-central-1"), "{said}");
}

#[test]
fn an_account_goes_by_its_name_where_the_portal_is_busy_for_a_while() {
    for with_an_agent in [false, true] {
        let office = signed_in();
        let _agent = with_an_agent.then(|| office.agent());
        // More often than a call is sent.
        for (action, times) in [
            (SignInAction::ListAccounts, 5),
            (SignInAction::GetRoleCredentials, 2),
        ] {
            let busy = FaultSwitch::on(SandboxFault::Throttling).for_action(action);
            let sandbox = office.home.sandbox();
            sandbox.inject(busy.times(times)).expect("a fault");
        }
        let ran = office.home.run(&["login", "reader"]);
        assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
        assert_eq!(office.calls("ListAccounts"), 6);
    }
}

/// A registration is good in its own region, and for the access that it was made for.
#[test]
fn a_registration_of_another_region_or_for_another_access_is_not_used() {
    for with_an_agent in [false, true] {
        let office = signed_in();
        let _agent = with_an_agent.then(|| office.agent());
        let elsewhere = CENTER.replace("region: eu-central-1", "region: eu-west-1");
        fs::write(office.home.config(), elsewhere).expect("written");
        office.sign_in(&["login", "admin", "--force"]);
        assert_eq!(office.calls("RegisterClient"), 1, "of another region");

        let keychain = office.home.keychain();
        wait_for(async {
            let all = keychain.list().await.expect("a keyring").into_iter();
            let mut tokens = all.filter(|it| it.name.kind == EntryKind::Token);
            let entry = tokens.next().expect("a sign-in");
            let stored = keychain.read(&entry.name).await.expect("readable");
            let stored = stored.expect("there").expose().to_owned();
            let other = stored.replace("sso:account:access", "codewhisperer:completions");
            assert_ne!(other, stored);
            let written = keychain.write(&entry, Secret::new(&other)).await;
            written.expect("written");
        });
        office.home.sandbox().revoke_sign_ins();
        office.sign_in(&["login", "admin", "--force-all"]);
        assert_eq!(office.calls("RegisterClient"), 2, "for another access");
        office.home.sandbox().revoke_sign_ins();
        office.sign_in(&["login", "admin", "--force-all"]);
        assert_eq!(office.calls("RegisterClient"), 2, "its own");
    }
}

/// Of this program at the service: it is made anew where it cannot be used, and refused in words.
#[test]
fn a_registration_that_is_refused_has_ended_or_is_for_another_flow_is_no_trap() {
    let office = office();
    let refused = FaultSwitch::on(SandboxFault::AccessDenied);
    let refused = refused.for_action(SignInAction::RegisterClient);
    office.home.sandbox().inject(refused).expect("a fault");
    let (shown, exit) = office.on_a_terminal(&["login", "admin"]).finish();
    assert_eq!(exit, 1, "{shown}");
    assert!(shown.contains("corp: "), "{shown}");
    assert_eq!(office.desktop.times(), 0, "no page without one");
    office.home.sandbox().clear_faults();

    // Ninety days at AWS; in its last day it is not used for a sign-in any more.
    office.set(|settings| settings.registration_seconds = Some(24 * 60 * 60));
    office.home.sandbox().clear_journal();
    office.sign_in(&["login", "admin"]);
    office.home.sandbox().revoke_sign_ins();
    office.set(|settings| settings.registration_seconds = None);
    office.sign_in(&["login", "admin", "--force-all"]);
    assert_eq!(office.calls("RegisterClient"), 2);

    office.home.sandbox().revoke_sign_ins();
    let by_code = ["login", "admin", "--force-all", "--no-browser"];
    let mut terminal = office.on_a_terminal(&by_code);
    terminal.read_to("on any device");
    terminal.read_to("http");
    Desktop::click(&format!("http{}", terminal.read_to("\n").trim()));
    let (shown, exit) = terminal.finish();
    assert_eq!(exit, 0, "{shown}");
    assert_eq!(office.calls("RegisterClient"), 3);
}
