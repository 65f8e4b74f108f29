//! The kinds of sign-in side by side, through the real `fob`: many cold programs at once, the
//! console, and the end, each with the calls that AWS sees.

use crate::desktop::{Desktop, Office, steps};
use crate::federated::AUDIENCE;
use crate::github::Github;
use crate::home::{Home, code, text};
use crate::saml::{self, Assertion};
#[cfg(target_os = "linux")]
use crate::screen::Terminal;
use keyfob_core::sandbox::{FaultSwitch, RoleTrust, SandboxFault, SandboxRole};
use std::fs;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

const CONFIG: &str = r#"auth:
  providers:
    corp: { kind: aws/iam-identity-center, region: eu-central-1, start_url: "https://sandbox.awsapps.com/start" }
    okta: { kind: aws/saml, region: us-east-1, url: "https://idp.example/app" }
    pod: { kind: aws/web-identity, region: us-east-1, spec: { token_file: "~/token" } }
    gha: { kind: github/oidc, region: us-east-1 }
  identities:
    dev: { kind: aws/user }
    center: { kind: aws/permission-set, via: { provider: corp }, principal: { name: AdministratorAccess, account: { name: dev } } }
    console: { kind: aws/login, credentials: { region: eu-central-1 } }
    ops: { kind: aws/assume-role, via: { provider: okta }, principal: { assume_role: "arn:aws:iam::420000000025:role/ops" } }
    web: { kind: aws/assume-role, via: { provider: pod }, principal: { assume_role: "arn:aws:iam::420000000025:role/deploy" } }
    job: { kind: aws/assume-role, via: { provider: gha }, principal: { assume_role: "arn:aws:iam::420000000025:role/deploy" } }
    root: { kind: aws/assume-root, via: { identity: dev }, principal: { target_principal: "420000000025", task_policy_arn: "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials" } }
"#;

/// How a person signs in, where one does.
#[derive(Clone, Copy, PartialEq)]
enum Person {
    InABrowser,
    WithAnAssertion,
    Nobody,
}

/// An identity, who signs in to it, the one call that makes its session, and those that end it.
const KINDS: [(&str, Person, &str, &[&str]); 6] = [
    (
        "center",
        Person::InABrowser,
        "GetRoleCredentials",
        &["Logout"],
    ),
    (
        "console",
        Person::InABrowser,
        "CreateOAuth2Token",
        &["RevokeOAuth2TokenWithIAM"],
    ),
    ("ops", Person::WithAnAssertion, "AssumeRoleWithSAML", &[]),
    ("web", Person::Nobody, "AssumeRoleWithWebIdentity", &[]),
    ("job", Person::Nobody, "AssumeRoleWithWebIdentity", &[]),
    ("root", Person::Nobody, "AssumeRoot", &[]),
];

/// Where all of them can be signed in to.
struct Everywhere {
    office: Office,
    github: Github,
}

impl Everywhere {
    fn new() -> Everywhere {
        let office = Office::with(CONFIG);
        let home = &office.home;
        home.store_key("dev", &home.key());
        let arn = "arn:aws:iam::420000000025:role/ops".to_owned();
        let role = SandboxRole::new(arn, RoleTrust::Everybody);
        home.sandbox().add_role(role).expect("a role");
        let token = token(home);
        fs::write(home.path().join("token"), &token).expect("written");
        let github = Github::answering(format!(r#"{{"value":"{token}"}}"#));
        Everywhere { office, github }
    }

    /// In a job of GitHub, which the others take no notice of.
    fn fob(&self, words: &[&str]) -> Command {
        let mut fob = self.office.fob(words);
        fob.envs(self.github.job("job-token"));
        fob
    }

    fn run(&self, words: &[&str]) -> Output {
        self.fob(words).output().expect("fob starts")
    }

    fn sign_in(&self, identity: &str, person: Person) {
        match person {
            Person::InABrowser => drop(self.office.sign_in(&["login", identity])),
            Person::WithAnAssertion => self.assertion(identity),
            Person::Nobody => {
                let ran = self.run(&["login", identity]);
                assert_eq!(code(&ran), 0, "{identity}: {}", text(&ran.stderr));
            }
        }
    }

    fn assertion(&self, identity: &str) {
        let assertion = Assertion::good().text();
        let ran = saml::login(&self.office.home, &[identity], &assertion);
        assert_eq!(code(&ran), 0, "{identity}: {}", text(&ran.stderr));
    }
}

fn token(home: &Home) -> String {
    let life = Duration::from_secs(600);
    home.sandbox().web_identity_token("pod-7", AUDIENCE, life)
}

#[test]
fn fifty_cold_programs_of_each_kind_share_one_sign_in_and_one_call() {
    for (identity, person, call, _) in KINDS {
        let it = Everywhere::new();
        let _agent = it.office.agent();
        let start = |_| {
            let mut fob = it.fob(&["credential-process", identity, "--wait", "100"]);
            let fob = fob.stdout(Stdio::piped()).stderr(Stdio::piped());
            fob.spawn().expect("fob starts")
        };
        let programs: Vec<Child> = (0..50).map(start).collect();
        match person {
            Person::InABrowser => Desktop::click(&it.office.prompted()),
            Person::WithAnAssertion => {
                it.office.prompted();
                it.assertion(identity);
            }
            Person::Nobody => {}
        }
        let ends = |it: Child| it.wait_with_output().expect("fob ends");
        let outputs: Vec<Output> = programs.into_iter().map(ends).collect();
        for output in &outputs {
            assert_eq!(code(output), 0, "{identity}: {}", text(&output.stderr));
            assert_eq!(text(&output.stdout), text(&outputs[0].stdout), "{identity}");
        }
        assert_eq!(it.office.calls(call), 1, "{identity}");
        assert_eq!(
            it.office.desktop.times(),
            0,
            "a person opens it: {identity}"
        );
        assert_eq!(it.github.paths().len(), usize::from(identity == "job"));
    }
}

/// The session of a user or of a root takes nobody there.
#[test]
fn each_kind_opens_the_console_or_says_why_not() {
    let it = Everywhere::new();
    for (identity, person, _, _) in KINDS {
        it.sign_in(identity, person);
        let ran = it.run(&["console", identity, "--print"]);
        let said = text(&ran.stderr);
        if ["console", "root"].contains(&identity) {
            assert_eq!(code(&ran), 1, "{identity}: {said}");
            assert!(
                said.contains("the console takes sessions of a role"),
                "{said}"
            );
        } else {
            assert_eq!(code(&ran), 0, "{identity}: {said}");
            assert!(text(&ran.stdout).contains("SigninToken="), "{identity}");
        }
    }
}

#[test]
fn each_kind_is_ended_at_aws_where_aws_can_and_nothing_of_it_is_left() {
    for with_an_agent in [false, true] {
        let it = Everywhere::new();
        let home = &it.office.home;
        let _agent = with_an_agent.then(|| it.office.agent());
        for (identity, person, _, ends) in KINDS {
            it.sign_in(identity, person);
            home.sandbox().clear_journal();
            let report = home.json(&["logout", identity, "--json"]);
            let called: Vec<String> = home.calls().into_keys().collect();
            assert_eq!(called, ends, "{identity}");
            let steps = steps(&report, "provider_session");
            assert_eq!(steps.len(), ends.len(), "{identity}: {report}");
            let mut kept = home.keyring();
            kept.retain(|name, _| !name.contains("/user/") && !name.contains("/key"));
            assert!(kept.is_empty(), "{identity}: {:?}", kept.keys());
            let program = it.run(&["credential-process", identity]);
            let said = text(&program.stderr);
            assert_eq!(code(&program), 3, "{identity}: {said}");
            assert!(said.contains("signed out"), "{identity}: {said}");
        }
    }
}

/// The sign-ins of persons in a browser have tests of their own.
#[test]
fn what_aws_gives_no_more_is_said_and_what_is_held_goes_on() {
    let it = Everywhere::new();
    let _agent = it.office.agent();
    let sandbox = it.office.home.sandbox();
    for (identity, person, call, _) in KINDS {
        if person == Person::InABrowser {
            continue;
        }
        it.sign_in(identity, person);
        sandbox
            .inject(FaultSwitch::on(SandboxFault::AccessDenied))
            .expect("a fault");
        sandbox.clear_journal();
        let ran = it.run(&["login", identity, "--force"]);
        let said = text(&ran.stderr);
        assert_eq!(code(&ran), 1, "{identity}: {said}");
        assert!(
            said.contains(call) && said.contains("AccessDenied"),
            "{said}"
        );
        assert_eq!(it.office.calls(call), 1, "{identity}");
        let held = it.run(&["credential-process", identity]);
        assert_eq!(code(&held), 0, "{identity}: {}", text(&held.stderr));
        sandbox.clear_faults();
        let ran = it.run(&["login", identity, "--force"]);
        assert_eq!(code(&ran), 0, "{identity}: {}", text(&ran.stderr));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn over_ssh_and_without_a_display_a_person_signs_in_with_a_code_and_is_told_why() {
    let it = Everywhere::new();
    for (variable, value, why) in [
        (
            "SSH_CONNECTION",
            "192.0.2.1 1 192.0.2.2 22",
            "this is an SSH connection",
        ),
        ("DISPLAY", "", "there is no display here"),
    ] {
        for (identity, code_is) in [("center", "on any device"), ("console", "cross-device")] {
            let mut fob = it.office.home.fob_on_a_terminal(&["login", identity]);
            it.office.desktop.is_of(&mut fob);
            fob.env(variable, value);
            ends_with_a_code(fob, [why, code_is]);
        }
    }
    assert_eq!(it.office.desktop.times(), 0);
}

/// Stopped where a person would go on.
#[cfg(target_os = "linux")]
fn ends_with_a_code(fob: Command, parts: [&str; 2]) {
    let mut terminal = Terminal::start(fob);
    for words in parts {
        terminal.read_to(words);
    }
    terminal.press_control('c');
    let (shown, exit) = terminal.finish();
    assert_eq!(exit, 130, "{shown}");
}

/// Every port of 127.0.0.1 is taken, as far as this `fob` can tell.
#[cfg(target_os = "linux")]
#[test]
fn where_no_port_can_be_opened_a_person_signs_in_with_a_code() {
    const TAKEN: &str = "#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
int bind(int fd, const struct sockaddr *address, socklen_t length) {
    if (address->sa_family != AF_INET) return syscall(SYS_bind, fd, address, length);
    errno = EADDRINUSE;
    return -1;
}
";
    let it = Everywhere::new();
    let folder = it.office.home.path();
    let (source, library) = (folder.join("taken.c"), folder.join("taken.so"));
    fs::write(&source, TAKEN).expect("written");
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(&source);
    assert!(cc.status().expect("a compiler").success());
    for (identity, code_is) in [("center", "on any device"), ("console", "cross-device")] {
        let mut fob = it.office.home.fob_on_a_terminal(&["login", identity]);
        it.office.desktop.is_of(&mut fob);
        fob.env("LD_PRELOAD", &library);
        ends_with_a_code(fob, ["no port of 127.0.0.1 can be opened", code_is]);
        assert_eq!(it.office.desktop.times(), 0);
    }
}
