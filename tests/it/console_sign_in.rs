//! The console's own sign-in (`aws/login`): the real `fob` with and without an agent, the sandbox's
//! AWS, and a browser that clicks as a person does.

use crate::desktop::{Desktop, Office, killed_in, steps};
use crate::home::{code, pause, text, until};
use crate::screen::Terminal;
use keyfob_core::sandbox::{FaultSwitch, SandboxFault, SignInAction};
use std::fs;
use std::process::Child;
use std::time::Duration;

const CONFIG: &str = r#"auth:
  identities:
    me: { kind: aws/login, credentials: { region: eu-central-1 } }
    deploy: { kind: aws/assume-role, via: { identity: me }, principal: { assume_role: "arn:aws:iam::420000000025:role/deploy" } }
"#;
const KIM: &str = "arn:aws:iam::123456789012:user/kim";
const ROOT: &str = "arn:aws:iam::123456789012:root";

fn office() -> Office {
    Office::with(CONFIG)
}

/// Somebody has signed in already.
fn signed_in() -> Office {
    let office = office();
    office.sign_in(&["login", "me"]);
    office.home.sandbox().clear_journal();
    office
}

fn refreshes(office: &Office) -> usize {
    office.calls("CreateOAuth2Token")
}

fn on(action: SignInAction, fault: SandboxFault) -> FaultSwitch {
    let mut switch = FaultSwitch::on(fault);
    switch.action = Some(action.into());
    switch
}

/// The address below the words that say why it is done by a code.
fn address_to_carry(terminal: &mut Terminal) -> String {
    terminal.read_to("on any device");
    terminal.read_to("http");
    format!("http{}", terminal.read_to("\n").trim())
}

#[test]
fn one_sign_in_serves_the_user_and_the_role_above_and_is_renewed_without_a_person() {
    for with_an_agent in [false, true] {
        let office = office();
        let _agent = with_an_agent.then(|| office.agent());
        let shown = office.sign_in(&["login", "deploy"]);
        assert!(shown.contains("Authentication successful!"), "{shown}");
        let whoami = office.home.json(&["whoami", "me", "--json"]);
        assert_eq!(whoami["principal"], KIM, "{whoami}");
        assert_eq!(whoami["account"], "123456789012");
        assert_eq!(whoami["source"], "AWS console sign-in");
        assert_eq!(whoami["provider"], "aws-user");
        let again = office.home.run(&["login", "me", "--force"]);
        assert_eq!(code(&again), 0, "{}", text(&again.stderr));
        let renewed = office.home.json(&["whoami", "me", "--json", "--offline"]);
        assert_eq!(renewed["principal"], KIM, "{renewed}");
        assert_eq!(refreshes(&office), 2);
        assert_eq!(office.calls("AssumeRole"), 1);
        assert_eq!(office.desktop.times(), 1, "one tab");
    }
}

#[test]
fn without_a_person_nothing_is_called_and_nothing_opened() {
    let office = office();
    for arguments in [&["credential-process", "me"][..], &["login", "deploy"]] {
        let ran = office.fob(arguments).output().expect("fob starts");
        assert_eq!(code(&ran), 3, "{arguments:?}: {}", text(&ran.stderr));
    }
    assert_eq!(office.home.calls().len(), 0, "{:?}", office.home.calls());
    assert_eq!(office.desktop.times(), 0);
}

#[test]
fn fifty_programs_at_the_moment_of_renewal_send_one_refresh() {
    for with_an_agent in [false, true] {
        let office = office();
        office.set(|settings| settings.session_seconds = Some(3));
        office.sign_in(&["login", "me"]);
        office.set(|settings| settings.session_seconds = None);
        pause(Duration::from_secs(3));
        let _agent = with_an_agent.then(|| office.agent());
        office.home.fifty_get("me");
        assert_eq!(refreshes(&office), 2, "the sign-in, and one renewal");
    }
}

#[test]
fn programs_raise_one_prompt_and_open_no_browser_by_themselves() {
    let office = office();
    let _agent = office.agent();
    let waiting: Vec<Child> = (0..5)
        .map(|_| office.start(&["credential-process", "me", "--wait", "60"]))
        .collect();
    let address = office.prompted();
    assert!(address.contains("/v1/authorize?"), "{address}");
    assert_eq!(office.desktop.times(), 0, "a person opens it");
    Desktop::click(&address);
    for program in waiting {
        let ran = program.wait_with_output().expect("fob ends");
        assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
    }
    assert_eq!(refreshes(&office), 1);
}

#[test]
fn without_a_browser_here_a_code_is_copied_from_any_other() {
    for with_an_agent in [false, true] {
        let office = office();
        let _agent = with_an_agent.then(|| office.agent());
        let mut terminal = office.on_a_terminal(&["login", "me", "--no-browser"]);
        terminal.read_to("no browser is to be opened here");
        let address = address_to_carry(&mut terminal);
        assert!(address.contains("cross-device"), "{address}");
        terminal.read_to("The code that the page shows");
        terminal.read_to("Tab copies the address");
        office.desktop.has_a_clipboard();
        terminal.press_control('i');
        terminal.read_to("The address is on the clipboard");
        assert_eq!(office.desktop.copied(), address);
        terminal.type_line("c3RhdGU9b3RoZXImY29kZT14");
        terminal.read_to("of another sign-in");
        terminal.read_to("The code that the page shows");
        terminal.type_line("abc");
        terminal.read_to("copy all of it");
        terminal.read_to("The code that the page shows");
        let pasted = Desktop::code_of(&address);
        terminal.type_line(&pasted);
        let (shown, exit) = terminal.finish();
        assert_eq!(exit, 0, "{shown}");
        assert!(!shown.contains(&pasted), "it is not echoed: {shown}");
        assert_eq!(office.desktop.times(), 0);
        let again = office.home.run(&["login", "me", "--force"]);
        assert_eq!(code(&again), 0, "{}", text(&again.stderr));
    }
}

#[test]
fn a_sign_in_that_aws_has_ended_is_cleared_with_words_and_its_session_goes_on() {
    let office = signed_in();
    office.home.sandbox().revoke_sign_ins();
    let held = office.home.run(&["credential-process", "me"]);
    assert_eq!(code(&held), 0, "{}", text(&held.stderr));
    let ran = office.home.run(&["login", "me", "--force"]);
    let said = text(&ran.stderr);
    assert_eq!(code(&ran), 3, "{said}");
    assert!(said.contains("twelve hours at most"), "{said}");
    let held = office.home.run(&["credential-process", "me"]);
    assert_eq!(code(&held), 0, "{}", text(&held.stderr));
    let shown = office.sign_in(&["login", "me", "--force"]);
    assert!(shown.contains("Authentication successful!"), "{shown}");
}

#[test]
fn a_changed_password_ends_a_sign_in_in_words() {
    let office = signed_in();
    let fault = SandboxFault::UserCredentialsChanged;
    let switch = on(SignInAction::CreateOAuth2Token, fault);
    office.home.sandbox().inject(switch).expect("a fault");
    let ran = office.home.run(&["login", "me", "--force"]);
    let said = text(&ran.stderr);
    assert_eq!(code(&ran), 3, "{said}");
    assert!(
        said.contains("password or MFA device was changed"),
        "{said}"
    );
}

/// As after the end of the program between AWS's answer and the keyring.
#[test]
fn a_renewal_that_was_never_stored_costs_one_sign_in_and_says_so() {
    let office = signed_in();
    let ring = office.home.path().join(".config/keyfob/keyring.age");
    let before = fs::read(&ring).expect("the keyring");
    let ran = office.home.run(&["login", "me", "--force"]);
    assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
    fs::write(&ring, before).expect("written");
    let ran = office.home.run(&["login", "me", "--force"]);
    let said = text(&ran.stderr);
    assert_eq!(code(&ran), 3, "{said}");
    assert!(said.contains("a renewal was interrupted"), "{said}");
    let shown = office.sign_in(&["login", "me", "--force"]);
    assert!(shown.contains("Authentication successful!"), "{shown}");
}

#[test]
fn refusals_and_faults_of_the_sign_in_are_named_and_the_next_one_works() {
    for (fault, words) in [
        (SandboxFault::AccessDenied, "SignInLocalDevelopmentAccess"),
        (
            SandboxFault::ClockOffset { seconds: 150 },
            "clock is 3 min behind",
        ),
        (
            SandboxFault::ClockOffset { seconds: -90 },
            "clock is 2 min ahead",
        ),
        (SandboxFault::Html, "not AWS's"),
        (SandboxFault::InternalFailure, "a fault of its own"),
        (SandboxFault::Throttling, "no more calls"),
        (SandboxFault::Outage, "could not be reached"),
    ] {
        let office = office();
        let mut terminal = office.on_a_terminal(&["login", "me"]);
        terminal.read_to("opens this address");
        let address = office.desktop.opened();
        let switch = on(SignInAction::CreateOAuth2Token, fault.clone());
        office.home.sandbox().inject(switch).expect("a fault");
        Desktop::click(&address);
        let (shown, exit) = terminal.finish();
        assert_eq!(exit, 1, "{fault:?}: {shown}");
        let shown = shown.replace("\r\n", " ");
        assert!(shown.contains(words), "{fault:?}: {shown}");
        office.home.sandbox().clear_faults();
        let shown = office.sign_in(&["login", "me"]);
        assert!(shown.contains("Authentication successful!"), "{shown}");
    }
}

#[test]
fn a_session_of_no_seconds_is_refused_in_words_and_the_next_one_works() {
    let office = office();
    office.set(|settings| settings.session_seconds = Some(0));
    let mut terminal = office.on_a_terminal(&["login", "me"]);
    terminal.read_to("opens this address");
    Desktop::click(&office.desktop.opened());
    let (shown, exit) = terminal.finish();
    assert_eq!(exit, 1, "{shown}");
    assert!(shown.contains("holds no usable expiry"), "{shown}");
    office.set(|settings| settings.session_seconds = None);
    office.sign_in(&["login", "me"]);
}

/// What was sent twice would end the sign-in.
#[test]
fn a_refresh_token_is_sent_once_and_kept_where_aws_did_not_answer() {
    let office = signed_in();
    let switch = on(SignInAction::CreateOAuth2Token, SandboxFault::Outage);
    office.home.sandbox().inject(switch).expect("a fault");
    let ran = office.home.run(&["login", "me", "--force"]);
    assert_eq!(code(&ran), 1, "{}", text(&ran.stderr));
    assert_eq!(refreshes(&office), 1);
    office.home.sandbox().clear_faults();
    let ran = office.home.run(&["login", "me", "--force"]);
    assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
}

#[test]
fn another_user_than_last_time_replaces_nothing_before_a_person_has_agreed() {
    for (with_an_agent, answer, principal) in [
        (false, "no", KIM),
        (false, "yes", ROOT),
        (true, "yes", ROOT),
    ] {
        let office = signed_in();
        let _agent = with_an_agent.then(|| office.agent());
        let mut terminal = office.on_a_terminal(&["login", "me", "--force-all"]);
        terminal.read_to("opens this address");
        Desktop::click_as(&office.desktop.opened(), ROOT);
        terminal.read_to(&format!("signed in as {ROOT}"));
        terminal.read_to(KIM);
        terminal.read_to("all the same?");
        terminal.type_line(answer);
        let (shown, exit) = terminal.finish();
        assert_eq!(exit, i32::from(answer == "no"), "{shown}");
        let whoami = office.home.json(&["whoami", "me", "--json"]);
        assert_eq!(whoami["principal"], principal, "{whoami}");
        let sign_ins = office.home.sandbox().state().sign_ins.len();
        assert_eq!(sign_ins, if answer == "no" { 1 } else { 2 });
        let again = office.home.run(&["login", "me", "--force"]);
        assert_eq!(code(&again), 0, "{}", text(&again.stderr));
    }
}

#[test]
fn logging_out_ends_the_sign_in_at_aws_as_the_dry_run_says() {
    for (with_an_agent, session_seconds) in [(false, None), (true, None), (false, Some(3))] {
        let office = office();
        office.set(|settings| settings.session_seconds = session_seconds);
        office.sign_in(&["login", "me"]);
        // A session that has ended signs nothing.
        office.set(|settings| settings.session_seconds = None);
        pause(Duration::from_secs(session_seconds.unwrap_or_default()));
        let _agent = with_an_agent.then(|| office.agent());
        let before = office.home.digest();
        let dry = office.home.json(&["logout", "me", "--dry-run", "--json"]);
        assert_eq!(steps(&dry, "provider_session"), ["would_remove"], "{dry}");
        assert_eq!(office.home.digest(), before);
        assert_eq!(office.calls("RevokeOAuth2TokenWithIAM"), 0);
        let report = office.home.json(&["logout", "me", "--json"]);
        assert_eq!(steps(&report, "provider_session"), ["removed"], "{report}");
        assert_eq!(office.calls("RevokeOAuth2TokenWithIAM"), 1);
        assert!(office.home.sandbox().state().sign_ins.is_empty());
        let keyring = office.home.keyring();
        assert!(keyring.is_empty(), "{keyring:?}");
        let program = office.home.run(&["credential-process", "me"]);
        assert_eq!(code(&program), 3);
        let again = office.sign_in(&["login", "me"]);
        assert!(again.contains("Authentication successful!"), "{again}");
    }
}

#[test]
fn the_console_opens_with_a_role_above_and_says_that_it_takes_no_session_of_a_user() {
    for with_an_agent in [false, true] {
        let office = signed_in();
        let _agent = with_an_agent.then(|| office.agent());
        let ran = office.home.run(&["console", "me", "--print"]);
        let said = text(&ran.stderr);
        assert_eq!(code(&ran), 1, "{said}");
        assert!(said.contains("takes sessions of a role"), "{said}");
        let ran = office.home.run(&["console", "deploy", "--print"]);
        assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
        let link = text(&ran.stdout);
        assert!(link.contains("SigninToken="), "{link}");
    }
}

/// Between the request and the answer, or between the answer and the keyring: nobody can tell.
#[test]
fn a_renewal_that_is_killed_costs_one_sign_in_at_most() {
    for with_an_agent in [false, true] {
        let office = Office::with(&format!("{CONFIG}    kim: {{ kind: aws/user }}\n"));
        office.home.store_key("kim", &office.home.key());
        office.sign_in(&["login", "me"]);
        killed_in(
            &office,
            SignInAction::CreateOAuth2Token,
            &["login", "me", "--force"],
            with_an_agent,
        );
        let ran = office.home.run(&["login", "me", "--force"]);
        let said = text(&ran.stderr);
        assert!(
            code(&ran) == 0 || code(&ran) == 3 && said.contains("a renewal was interrupted"),
            "{said}"
        );
        if code(&ran) == 3 {
            let shown = office.sign_in(&["login", "me", "--force"]);
            assert!(shown.contains("Authentication successful!"), "{shown}");
        }
        let ran = office.home.run(&["login", "kim"]);
        assert_eq!(code(&ran), 0, "no key was lost: {}", text(&ran.stderr));
    }
}

#[test]
fn a_logout_that_aws_does_not_answer_is_done_here_with_a_warning() {
    let office = signed_in();
    let fault = FaultSwitch::on(SandboxFault::Outage);
    office.home.sandbox().inject(fault).expect("a fault");
    let ran = office.home.run(&["logout", "me", "--json"]);
    assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
    let report = serde_json::from_slice(&ran.stdout).expect("JSON");
    assert_eq!(steps(&report, "provider_session"), ["kept"], "{report}");
    assert!(office.home.keyring().is_empty());
}

#[test]
fn both_ends_are_shown_that_of_the_session_and_that_of_the_sign_in() {
    for with_an_agent in [false, true] {
        let office = signed_in();
        let _agent = with_an_agent.then(|| office.agent());
        let list = office.home.json(&["list", "--json"]);
        assert_eq!(
            list["identities"][0]["sign_in"]["renews_itself"], false,
            "{list}"
        );
        let tree = text(&office.home.run(&["list"]).stdout);
        assert!(tree.contains("sign-in until"), "{tree}");
        let whoami = office.home.json(&["whoami", "me", "--json"]);
        assert!(whoami["sign_in"]["expires_at"].is_string(), "{whoami}");
        let status = office.home.json(&["status", "--json"]);
        assert_eq!(status["sign_ins"][0]["provider"], "me", "{status}");
    }
}

#[test]
fn an_agent_renews_the_session_ahead_of_time_and_a_sign_in_goes_only_to_its_region() {
    let office = office();
    office.set(|settings| settings.session_seconds = Some(8));
    let _agent = office.agent();
    office.sign_in(&["login", "me"]);
    office.home.run(&["status"]);
    until("it is renewed twice", || refreshes(&office) > 2);
    let elsewhere = CONFIG.replace("eu-central-1", "eu-west-1");
    fs::write(office.home.config(), elsewhere).expect("written");
    let ran = office.home.run(&["--no-agent", "login", "me", "--force"]);
    assert_eq!(code(&ran), 3, "{}", text(&ran.stderr));
}
