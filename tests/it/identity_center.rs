//! Signing in through IAM Identity Center: the real `fob` with and without an agent, the sandbox's
//! AWS, and a browser that clicks as a person does.

mod at_a_terminal;
mod odd_answers;
mod trouble;

use crate::desktop::{Desktop, Office, steps};
use crate::home::{code, pause, text, until};
use crate::screen::Terminal;
use keyfob_core::sandbox::{FaultSwitch, SandboxAccount, SandboxFault, SignInAction};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::Child;
use std::time::Duration;

const CENTER: &str = r#"auth:
  providers:
    corp: { kind: aws/iam-identity-center, region: eu-central-1, start_url: "https://sandbox.awsapps.com/start" }
    twin: { kind: aws/iam-identity-center, region: eu-central-1, start_url: "https://Sandbox.awsapps.com/start/#/" }
  identities:
    admin: { kind: aws/permission-set, via: { provider: corp }, principal: { name: AdministratorAccess, account: { id: "420000000025" } } }
    reader: { kind: aws/permission-set, via: { provider: corp }, principal: { name: ReadOnlyAccess, account: { name: production } } }
    archive: { kind: aws/permission-set, via: { provider: twin }, principal: { name: ReadOnlyAccess, account: { id: "012345678901" } } }
    viewer: { kind: aws/permission-set, via: { provider: corp }, principal: { name: ReadOnlyAccess, account: { id: "420000000025" } } }
    nothing: { kind: aws/permission-set, via: { provider: corp }, principal: { name: AdminAccess, account: { id: "420000000026" } } }
    nowhere: { kind: aws/permission-set, via: { provider: corp }, principal: { name: ReadOnlyAccess, account: { name: staging } } }
    deploy: { kind: aws/assume-role, via: { identity: admin }, principal: { assume_role: "arn:aws:iam::420000000025:role/deploy" } }
"#;

fn office() -> Office {
    Office::with(CENTER)
}

/// Somebody has signed in already.
fn signed_in() -> Office {
    let office = office();
    office.sign_in(&["login", "deploy"]);
    office.home.sandbox().clear_journal();
    office
}

#[test]
fn one_sign_in_in_the_browser_serves_every_identity_above_it() {
    for with_an_agent in [false, true] {
        let office = office();
        let _agent = with_an_agent.then(|| office.agent());
        let shown = office.sign_in(&["login", "deploy"]);
        assert!(shown.contains("Authentication successful!"), "{shown}");
        for other in ["admin", "reader", "archive"] {
            let ran = office.home.run(&["login", other]);
            assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
        }
        let whoami = office.home.json(&["whoami", "archive", "--json"]);
        assert_eq!(whoami["account"], "012345678901");
        assert_eq!(whoami["source"], "IAM Identity Center");
        for (action, times) in [
            ("RegisterClient", 1),
            ("CreateToken", 1),
            ("GetRoleCredentials", 3),
            ("AssumeRole", 1),
        ] {
            assert_eq!(office.calls(action), times, "{action}");
        }
        assert_eq!(office.desktop.times(), 1, "one tab");
        let again = office.home.run(&["login", "admin", "--force"]);
        assert_eq!(code(&again), 0, "{}", text(&again.stderr));
        assert_eq!(office.calls("CreateToken"), 1);
    }
}

#[test]
fn without_a_person_nothing_is_called_and_nothing_opened() {
    let office = office();
    for arguments in [
        &["credential-process", "admin"][..],
        &["login", "deploy"],
        &["login", "deploy", "--json"],
    ] {
        let ran = office.fob(arguments).output().expect("fob starts");
        assert_eq!(code(&ran), 3, "{arguments:?}: {}", text(&ran.stderr));
    }
    let refused = office.home.json(&["login", "deploy", "--json"]);
    assert_eq!(refused["error"]["code"], "person_needed");
    assert_eq!(office.home.calls().len(), 0, "{:?}", office.home.calls());
    assert_eq!(office.desktop.times(), 0);
}

#[test]
fn programs_raise_one_prompt_and_open_no_browser_by_themselves() {
    let office = office();
    let _agent = office.agent();
    let identities = ["admin", "reader", "archive", "deploy", "admin"];
    let waiting: Vec<Child> = (0..10)
        .map(|at| office.start(&["credential-process", identities[at % 5], "--wait", "60"]))
        .collect();
    let address = office.prompted();
    let in_time = office
        .home
        .run(&["credential-process", "reader", "--wait", "0"]);
    assert_eq!(code(&in_time), 3);
    let said = text(&in_time.stderr);
    assert!(said.contains("a prompt is open"), "{said}");
    assert_eq!(office.desktop.times(), 0, "a person opens it");
    Desktop::click(&address);
    for program in waiting {
        let ran = program.wait_with_output().expect("fob ends");
        assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
    }
    for (action, times) in [
        ("RegisterClient", 1),
        ("CreateToken", 1),
        ("GetRoleCredentials", 3),
        ("AssumeRole", 1),
    ] {
        assert_eq!(office.calls(action), times, "{action}");
    }
}

#[test]
fn an_account_goes_by_its_name_without_a_call_once_accounts_were_listed() {
    for with_an_agent in [false, true] {
        let office = office();
        let _agent = with_an_agent.then(|| office.agent());
        let shown = || {
            let list = office.home.json(&["list", "--json"]);
            let all = list["identities"].as_array().expect("identities").clone();
            let reader = all.into_iter().find(|it| it["name"] == "reader");
            reader.expect("listed")["account"].clone()
        };
        assert_eq!(shown(), Value::Null);
        office.sign_in(&["login", "reader"]);
        let again = |arguments: &[&str]| {
            let ran = office.home.run(arguments);
            assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
        };
        again(&["login", "reader", "--force"]);
        assert_eq!(office.calls("ListAccounts"), 1);
        assert_eq!(office.calls("GetRoleCredentials"), 2);
        again(&["logout", "reader", "--keep-provider"]);
        until("the list says it", || shown() == "420000000026");

        // The name is another account's now.
        office.set(|it| {
            it.accounts.retain(|account| account.name != "production");
            let roles = ["ReadOnlyAccess"];
            it.accounts
                .push(SandboxAccount::new("420000000099", "production", &roles));
        });
        again(&["login", "reader"]);
        assert_eq!(office.calls("ListAccounts"), 2);
        until("the list says it", || shown() == "420000000099");

        // And then that of two.
        office.set(|it| {
            it.accounts.retain(|account| account.name != "production");
            for id in ["420000000097", "420000000098"] {
                let two = SandboxAccount::new(id, "production", &["ReadOnlyAccess"]);
                it.accounts.push(two);
            }
        });
        let ran = office.home.run(&["login", "reader", "--force"]);
        let said = text(&ran.stderr);
        assert_eq!(code(&ran), 2, "{said}");
        assert!(said.contains("420000000097, 420000000098"), "{said}");
    }
}

#[test]
fn without_a_browser_here_a_code_is_entered_anywhere() {
    let office = office();
    let mut terminal = office.on_a_terminal(&["login", "admin", "--no-browser"]);
    terminal.read_to("no browser is to be opened here");
    terminal.read_to("on any device");
    terminal.read_to("http");
    let address = format!("http{}", terminal.read_to("\n").trim());
    assert!(address.contains("user_code="), "{address}");
    Desktop::click(&address);
    let (shown, exit) = terminal.finish();
    assert_eq!(exit, 0, "{shown}");
    assert_eq!(office.desktop.times(), 0);
    let mut over_ssh = office
        .home
        .fob_on_a_terminal(&["login", "admin", "--force-all"]);
    over_ssh.env("SSH_CONNECTION", "192.0.2.1 1 192.0.2.2 22");
    let (shown, exit) = Terminal::start(over_ssh).finish();
    assert_eq!(exit, 0, "renewed without a person: {shown}");
}

#[test]
fn a_sign_in_is_renewed_without_a_person_and_each_refresh_token_is_used_once() {
    let office = office();
    office.set(|settings| settings.token_seconds = Some(2));
    office.sign_in(&["login", "admin"]);
    for _ in 0..3 {
        pause(Duration::from_secs(2));
        let ran = office.home.run(&["login", "admin", "--force"]);
        assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
    }
    assert_eq!(office.calls("CreateToken"), 4);
    assert_eq!(office.calls("RegisterClient"), 1);
}

#[test]
fn a_sign_in_that_aws_has_ended_is_cleared_with_words_and_its_sessions_go_on() {
    let office = signed_in();
    office.home.sandbox().revoke_sign_ins();
    let held = office.home.run(&["credential-process", "deploy"]);
    assert_eq!(code(&held), 0, "{}", text(&held.stderr));
    let ran = office.home.run(&["login", "admin", "--force"]);
    let said = text(&ran.stderr);
    assert_eq!(code(&ran), 3, "{said}");
    assert!(
        said.contains("the sign-in of corp cannot be renewed any more"),
        "{said}"
    );
    let shown = office.sign_in(&["login", "admin", "--force"]);
    assert!(shown.contains("Authentication successful!"), "{shown}");
    assert_eq!(office.calls("RegisterClient"), 0, "it is still registered");
}

#[test]
fn two_who_sign_in_together_after_a_logout_open_one_tab() {
    let office = signed_in();
    assert_eq!(code(&office.home.run(&["logout", "--all", "--yes"])), 0);
    let delay = FaultSwitch::on(SandboxFault::Delay { milliseconds: 500 });
    office.home.sandbox().inject(delay).expect("a delay");
    let mut first = office.on_a_terminal(&["login", "admin"]);
    first.read_to("opens this address");
    let mut second = office.on_a_terminal(&["login", "reader"]);
    second.read_to("is under way");
    Desktop::click(&office.desktop.opened());
    for terminal in [first, second] {
        let (shown, exit) = terminal.finish();
        assert_eq!(exit, 0, "{shown}");
    }
    let twin = office.home.run(&["login", "archive"]);
    assert_eq!(code(&twin), 0, "{}", text(&twin.stderr));
    assert_eq!(office.calls("CreateToken"), 1);
}

#[test]
fn a_sign_in_of_another_aws_is_refused_with_the_way_to_end_it() {
    let office = signed_in();
    let mut elsewhere = office.home.fob(&["login", "viewer"]);
    elsewhere.env("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    let ran = elsewhere.output().expect("fob starts");
    let said = text(&ran.stderr);
    assert_eq!(code(&ran), 1, "{said}");
    assert!(said.contains("fob logout --provider corp"), "{said}");
}

#[test]
fn a_sign_in_counts_although_its_outcome_cannot_be_noted() {
    let office = signed_in();
    let locks = office.home.path().join(".local/state/keyfob/default/locks");
    let found = fs::read_dir(&locks).expect("locks");
    let paths = found.map(|it| it.expect("a lock").path());
    let is_corps = |it: &PathBuf| it.to_string_lossy().contains("sign-in-corp");
    let lock = paths.into_iter().find(is_corps).expect("corp's");
    fs::create_dir(lock.with_extension("outcome.json")).expect("in its way");
    let ran = office.home.run(&["login", "admin", "--force-all"]);
    assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
}

#[test]
fn a_refusal_in_the_browser_and_a_closed_prompt_end_it_in_words() {
    let office = office();
    let mut terminal = office.on_a_terminal(&["login", "admin"]);
    terminal.read_to("opens this address");
    Desktop::refuse(&office.desktop.opened());
    let (shown, exit) = terminal.finish();
    assert_eq!(exit, 1, "{shown}");
    assert!(shown.contains("refused in the browser"), "{shown}");
    let mut terminal = office.on_a_terminal(&["login", "admin", "--no-browser"]);
    terminal.read_to("on any device");
    terminal.read_to("http");
    let address = format!("http{}", terminal.read_to("\n").trim());
    Desktop::refuse(&address);
    let (shown, exit) = terminal.finish();
    assert_eq!(exit, 1, "{shown}");
    assert!(shown.contains("refused in the browser"), "{shown}");
}

#[test]
fn what_the_portal_does_not_give_is_named_with_what_it_gives() {
    let office = signed_in();
    let refused = |identity: &str| -> (String, String) {
        let answer: Value = office.home.json(&["login", identity, "--json"]);
        let error = &answer["error"];
        let message = error["message"].as_str().expect("words").to_owned();
        (message, error["hints"].to_string())
    };
    let (message, hints) = refused("nothing");
    assert!(
        message.contains("AdminAccess in the account 420000000026"),
        "{message}"
    );
    assert!(hints.contains("ReadOnlyAccess"), "{hints}");
    let (message, hints) = refused("nowhere");
    assert!(message.contains("`staging`"), "{message}");
    assert!(hints.contains("420000000026 (production)"), "{hints}");
}

#[test]
fn logging_out_ends_the_sign_in_at_aws_as_the_dry_run_says_and_it_stays_ended() {
    for with_an_agent in [false, true] {
        let office = signed_in();
        let _agent = with_an_agent.then(|| office.agent());
        let shared = office
            .home
            .json(&["logout", "--provider", "corp", "--dry-run", "--json"]);
        let none: [&str; 0] = [];
        assert_eq!(
            steps(&shared, "provider_session"),
            none,
            "twin uses it: {shared}"
        );
        let dry = office
            .home
            .json(&["logout", "--all", "--yes", "--dry-run", "--json"]);
        assert!(
            steps(&dry, "provider_session").contains(&"would_remove".to_owned()),
            "{dry}"
        );
        assert_eq!(office.calls("Logout"), 0);
        let report = office.home.json(&["logout", "--all", "--yes", "--json"]);
        assert_eq!(steps(&report, "provider_session"), ["removed"], "{report}");
        assert_eq!(office.calls("Logout"), 1);
        assert!(
            report["notes"].to_string().contains("other tools"),
            "{report}"
        );
        let keyring = office.home.keyring();
        assert!(
            !keyring.keys().any(|name| name.contains("/token/")),
            "{keyring:?}"
        );
        let program = office.home.run(&["credential-process", "admin"]);
        assert_eq!(code(&program), 3);
        assert!(
            text(&program.stderr).contains("is signed out"),
            "{}",
            text(&program.stderr)
        );
        let again = office.sign_in(&["login", "admin"]);
        assert!(again.contains("Authentication successful!"), "{again}");
    }
}

#[test]
fn a_sign_in_whose_token_has_ended_is_ended_at_aws_by_a_new_one() {
    let office = office();
    office.set(|settings| settings.token_seconds = Some(2));
    office.sign_in(&["login", "admin"]);
    pause(Duration::from_secs(2));
    let report = office.home.json(&["logout", "--all", "--yes", "--json"]);
    assert_eq!(steps(&report, "provider_session"), ["removed"], "{report}");
    assert_eq!(office.home.sandbox().revoke_sign_ins(), 0, "none is left");
}

#[test]
fn a_logout_that_aws_does_not_answer_is_done_here_with_a_warning() {
    let office = signed_in();
    let fault = FaultSwitch::on(SandboxFault::Outage);
    office.home.sandbox().inject(fault).expect("a fault");
    let ran = office.home.run(&["logout", "--all", "--yes", "--json"]);
    assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
    let report: Value = serde_json::from_slice(&ran.stdout).expect("JSON");
    assert_eq!(steps(&report, "provider_session"), ["kept"], "{report}");
    let keyring = office.home.keyring();
    assert!(
        !keyring.keys().any(|name| name.contains("/token/")),
        "{keyring:?}"
    );
}

#[test]
fn both_ends_are_shown_that_of_the_session_and_that_of_the_sign_in() {
    for with_an_agent in [false, true] {
        let office = signed_in();
        let _agent = with_an_agent.then(|| office.agent());
        let list = office.home.json(&["list", "--json"]);
        for provider in [0, 1] {
            let sign_in = &list["providers"][provider]["sign_in"];
            assert_eq!(sign_in["renews_itself"], true, "{list}");
        }
        let tree = text(&office.home.run(&["list"]).stdout);
        assert!(tree.contains("sign-in until"), "{tree}");
        let whoami = office.home.json(&["whoami", "admin", "--json"]);
        assert!(whoami["sign_in"]["expires_at"].is_string(), "{whoami}");
        let status = office.home.json(&["status", "--json"]);
        assert_eq!(status["sign_ins"][0]["provider"], "corp", "{status}");
    }
}

#[test]
fn faults_of_aws_on_the_way_are_named_and_nothing_is_lost() {
    for (fault, words) in [
        (SandboxFault::Html, "not AWS's"),
        (SandboxFault::InternalFailure, "a fault of its own"),
        (SandboxFault::Throttling, "no more calls"),
        (SandboxFault::Outage, "could not be reached"),
        (SandboxFault::InvalidClient, "the registration of Keyfob"),
        (SandboxFault::InvalidGrant, "does not accept the sign-in"),
    ] {
        let office = office();
        let mut terminal = office.on_a_terminal(&["login", "admin"]);
        terminal.read_to("opens this address");
        let address = office.desktop.opened();
        let mut switch = FaultSwitch::on(fault.clone());
        switch.action = Some(SignInAction::CreateToken.into());
        office.home.sandbox().inject(switch).expect("a fault");
        Desktop::click(&address);
        let (shown, exit) = terminal.finish();
        assert_eq!(exit, 1, "{fault:?}: {shown}");
        assert!(shown.contains(words), "{fault:?}: {shown}");
        office.home.sandbox().clear_faults();
        let shown = office.sign_in(&["login", "admin"]);
        assert!(shown.contains("Authentication successful!"), "{shown}");
    }
}

#[test]
fn a_renewal_that_fails_for_now_keeps_the_sign_in() {
    let office = signed_in();
    office
        .home
        .sandbox()
        .inject(FaultSwitch::on(SandboxFault::Outage))
        .expect("a fault");
    let ran = office.home.run(&["login", "admin", "--force-all"]);
    assert_eq!(code(&ran), 1, "{}", text(&ran.stderr));
    office.home.sandbox().clear_faults();
    let ran = office.home.run(&["login", "admin", "--force-all"]);
    assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
}

#[test]
fn an_agent_renews_the_sign_in_ahead_of_time_and_announces_one_that_it_cannot_renew() {
    let office = office();
    office.set(|settings| settings.token_seconds = Some(8));
    let agent = office.agent();
    office.sign_in(&["login", "admin"]);
    office.home.run(&["status"]);
    until("it is renewed twice", || office.calls("CreateToken") > 2);
    assert_eq!(
        office.calls("GetRoleCredentials"),
        1,
        "the session is still good"
    );
    office.home.sandbox().revoke_sign_ins();
    until("the end is announced", || {
        agent.said().contains("corp: the sign-in ends")
    });
    assert!(
        agent.said().contains("fob login admin --force-all"),
        "{}",
        agent.said()
    );
}

/// AWS's page says nothing to the program where it does not know it.
#[test]
fn a_registration_that_led_to_no_sign_in_is_not_used_again() {
    let office = signed_in();
    office.home.sandbox().revoke_sign_ins();
    let mut terminal = office.on_a_terminal(&["login", "admin", "--force"]);
    terminal.read_to("opens this address");
    office.desktop.opened();
    terminal.press_control('c');
    let (shown, exit) = terminal.finish();
    assert_eq!(exit, 130, "{shown}");
    assert_eq!(office.calls("RegisterClient"), 0);
    office.sign_in(&["login", "admin", "--force"]);
    assert_eq!(office.calls("RegisterClient"), 1);
}

/// What was sent twice would end the sign-in.
#[test]
fn a_refresh_token_is_sent_once_whatever_the_answer() {
    for fault in [
        SandboxFault::Outage,
        // Longer than an answer is waited for.
        SandboxFault::Delay {
            milliseconds: 12_000,
        },
    ] {
        let office = signed_in();
        let switch = FaultSwitch::on(fault).for_action(SignInAction::CreateToken);
        office.home.sandbox().inject(switch).expect("a fault");
        let ran = office.home.run(&["login", "admin", "--force-all"]);
        let said = text(&ran.stderr);
        assert_eq!(code(&ran), 1, "{said}");
        assert!(said.contains("could not be reached"), "{said}");
        until("it has come to AWS", || office.calls("CreateToken") > 0);
        pause(Duration::from_secs(1));
        assert_eq!(office.calls("CreateToken"), 1);
    }
}

#[test]
fn a_sign_in_under_way_elsewhere_is_joined_by_an_identity_and_not_by_its_provider() {
    let office = office();
    let mut terminal = office.on_a_terminal(&["login", "admin"]);
    terminal.read_to("opens this address");
    let address = office.desktop.opened();
    let elsewhere = office.home.json(&["login", "reader", "--json"]);
    let hints = elsewhere["error"]["hints"].to_string();
    assert!(hints.contains("`fob login reader`"), "{elsewhere}");
    Desktop::click(&address);
    let (shown, exit) = terminal.finish();
    assert_eq!(exit, 0, "{shown}");
}

#[test]
fn fifty_programs_over_five_identities_renew_one_token_and_make_one_call_a_role() {
    for with_an_agent in [false, true] {
        let office = office();
        office.set(|settings| settings.token_seconds = Some(3));
        office.sign_in(&["login", "admin"]);
        office.set(|settings| settings.token_seconds = None);
        pause(Duration::from_secs(3));
        office.home.sandbox().clear_journal();
        let _agent = with_an_agent.then(|| office.agent());
        let identities = ["admin", "reader", "archive", "viewer", "deploy"];
        let programs: Vec<Child> = (0..50)
            .map(|at| office.start(&["credential-process", identities[at % 5], "--wait", "60"]))
            .collect();
        for program in programs {
            let ran = program.wait_with_output().expect("fob ends");
            assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
        }
        for (action, times) in [
            ("CreateToken", 1),
            ("GetRoleCredentials", 3),
            ("AssumeRole", 1),
        ] {
            assert_eq!(office.calls(action), times, "{action}, {with_an_agent}");
        }
        assert_eq!(office.desktop.times(), 1, "one tab");
    }
}

#[test]
fn a_code_that_is_not_entered_in_time_ends_the_sign_in_in_words() {
    let office = office();
    let mut switch = FaultSwitch::on(SandboxFault::ExpiredTokenException);
    switch.action = Some(SignInAction::CreateToken.into());
    office.home.sandbox().inject(switch).expect("a fault");
    let terminal = office.on_a_terminal(&["login", "admin", "--no-browser"]);
    let (shown, exit) = terminal.finish();
    assert_eq!(exit, 3, "{shown}");
    assert!(
        shown.contains("was not completed in the browser in time"),
        "{shown}"
    );
}
