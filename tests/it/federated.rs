//! Roles that nobody signs in for: with the token of a job or of a machine, and tasks as the root of
//! a member account.

use crate::github::Github;
use crate::home::{DEV, Home, code, text};
use keyfob_core::sandbox::{FaultSwitch, SandboxFault};
use std::fs;
use std::path::PathBuf;
use std::process::Output;
use std::time::Duration;

const CONFIG: &str = r#"auth:
  providers:
    pod: { kind: aws/web-identity, region: us-east-1, spec: { token_file: "~/token" } }
    gha: { kind: github/oidc, region: us-east-1 }
    odd: { kind: github/oidc, region: us-east-1, spec: { audience: "my company" } }
  identities:
    web: { kind: aws/assume-role, via: { provider: pod }, principal: { assume_role: "arn:aws:iam::420000000025:role/deploy" } }
    above: { kind: aws/assume-role, via: { identity: web }, principal: { assume_role: "arn:aws:iam::420000000025:role/deploy" } }
    job: { kind: aws/assume-role, via: { provider: gha }, principal: { assume_role: "arn:aws:iam::420000000025:role/deploy" } }
    other: { kind: aws/assume-role, via: { provider: odd }, principal: { assume_role: "arn:aws:iam::420000000025:role/deploy" } }
"#;
pub const AUDIENCE: &str = "sts.amazonaws.com";

fn token_file(home: &Home) -> PathBuf {
    home.path().join("token")
}

fn token(home: &Home, audience: &str, seconds: u64) -> String {
    let life = Duration::from_secs(seconds);
    home.sandbox().web_identity_token("pod-7", audience, life)
}

/// With a token that is good for ten minutes.
fn machine() -> Home {
    let home = Home::with(CONFIG);
    fs::write(
        token_file(&home),
        format!("{}\n", token(&home, AUDIENCE, 600)),
    )
    .expect("written");
    home
}

fn refused(ran: &Output, words: &str) {
    let said = text(&ran.stderr);
    assert_eq!(code(ran), 1, "{words}: {said}");
    assert!(said.contains(words), "{words}: {said}");
}

fn calls(home: &Home, action: &str) -> usize {
    home.calls().get(action).copied().unwrap_or_default()
}

#[test]
fn a_machine_gets_its_role_and_those_above_with_the_token_that_is_in_the_file_now() {
    for with_an_agent in [false, true] {
        let home = machine();
        let _agent = with_an_agent.then(|| home.start_agent());
        let ran = home.run(&["credential-process", "above"]);
        assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
        let whoami = home.json(&["whoami", "web", "--json"]);
        assert_eq!(whoami["source"], "web identity token", "{whoami}");
        assert_eq!(whoami["account"], "420000000025");
        let left = whoami["expires_in_seconds"].as_u64().expect("a number");
        assert!(
            left > 3500,
            "the token's own end is not the session's: {whoami}"
        );
        fs::write(token_file(&home), token(&home, "elsewhere", 3600)).expect("written");
        let ran = home.run(&["login", "web", "--force"]);
        refused(&ran, "Incorrect token audience");
        fs::write(token_file(&home), token(&home, AUDIENCE, 600)).expect("written");
        let ran = home.run(&["login", "web", "--force"]);
        assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
        let keyring = home.keyring();
        let entries: Vec<_> = keyring
            .keys()
            .filter(|it| !it.contains("/session/"))
            .collect();
        assert!(entries.is_empty(), "no token is stored: {entries:?}");
        let out = home.run(&["logout", "above"]);
        assert_eq!(code(&out), 0, "{}", text(&out.stderr));
    }
}

#[test]
fn fifty_programs_of_a_machine_make_one_call_a_link() {
    for with_an_agent in [false, true] {
        let home = machine();
        let _agent = with_an_agent.then(|| home.start_agent());
        home.fifty_get("above");
        assert_eq!(calls(&home, "AssumeRoleWithWebIdentity"), 1);
        assert_eq!(calls(&home, "AssumeRole"), 1);
    }
}

#[test]
fn a_token_file_that_is_of_no_use_is_named_and_aws_is_not_called() {
    let home = machine();
    let file = token_file(&home);
    let write = |content: &[u8]| fs::write(&file, content).expect("written");
    let refused = |words: &str| refused(&home.run(&["login", "web"]), words);
    write(b" \n");
    refused("token is empty");
    write(b"abc.def");
    refused("holds no token (JWT)");
    write(&[0xff, 0xfe]);
    refused("is no text");
    write(&vec![b'a'; 70_000]);
    refused("larger than 64 KiB");
    write(token(&home, AUDIENCE, 0).as_bytes());
    refused("holds a token that has expired");
    fs::remove_file(&file).expect("removed");
    refused("does not exist");
    fs::create_dir(&file).expect("a folder");
    refused("is a folder");
    #[cfg(unix)]
    {
        fs::remove_dir(&file).expect("removed");
        let made = std::process::Command::new("mkfifo").arg(&file).status();
        assert!(made.expect("it is installed").success());
        refused("is no file");
    }
    assert_eq!(home.calls().len(), 0, "{:?}", home.calls());
}

#[test]
fn refusals_of_a_token_are_in_words_and_prompt_nobody() {
    let home = machine();
    for (fault, words, times) in [
        (
            SandboxFault::IdpCommunicationError,
            "cannot reach the identity provider",
            4,
        ),
        (
            SandboxFault::IdpRejectedClaim,
            "what the identity provider vouches with",
            1,
        ),
        (
            SandboxFault::ExpiredTokenException,
            "the token of pod has ended",
            1,
        ),
        (SandboxFault::AccessDenied, "trust policy", 1),
    ] {
        home.sandbox().clear_journal();
        home.sandbox()
            .inject(FaultSwitch::on(fault))
            .expect("a fault");
        refused(&home.run(&["login", "web"]), words);
        assert_eq!(calls(&home, "AssumeRoleWithWebIdentity"), times, "{words}");
        home.sandbox().clear_faults();
    }
}

fn job(home: &Home, identity: &str, github: &Github, token: &str) -> Output {
    let mut fob = home.fob(&["credential-process", identity]);
    fob.envs(github.job(token));
    fob.output().expect("fob starts")
}

#[test]
fn a_job_of_github_gets_its_role_with_a_token_for_the_audience_that_is_written() {
    for with_an_agent in [false, true] {
        let home = Home::with(CONFIG);
        let _agent = with_an_agent.then(|| home.start_agent());
        let answer =
            |audience| format!(r#"{{"count":1,"value":"{}"}}"#, token(&home, audience, 300));
        let github = Github::answering(answer(AUDIENCE));
        let ran = job(&home, "job", &github, "job-token");
        assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
        let paths = github.paths();
        assert_eq!(paths, ["/token?api-version=2.0&audience=sts.amazonaws.com"]);
        let github = Github::answering(answer("my company"));
        refused(
            &job(&home, "other", &github, "job-token"),
            "Incorrect token audience",
        );
        let path = github.paths().concat();
        assert!(path.ends_with("&audience=my%20company"), "{path}");
    }
}

#[test]
fn a_job_without_the_permission_and_no_job_at_all_are_told_apart() {
    let home = Home::with(CONFIG);
    refused(
        &home.run(&["login", "job"]),
        "this is no job of GitHub Actions",
    );
    let mut fob = home.fob(&["login", "job"]);
    let ran = fob.env("GITHUB_ACTIONS", "true").output();
    refused(&ran.expect("fob starts"), "id-token: write");
    let mut github = Github::answering("{}".to_owned());
    refused(
        &job(&home, "job", &github, "another"),
        "GitHub answered 401",
    );
    refused(&job(&home, "job", &github, "job-token"), "holds no token");
    github.url = "http://example.com/token".to_owned();
    let ran = job(&home, "job", &github, "job-token");
    assert_eq!(code(&ran), 2, "{}", text(&ran.stderr));
    assert_eq!(home.calls().len(), 0, "{:?}", home.calls());
}

#[test]
fn what_github_gives_that_is_of_no_use_is_named_and_aws_is_not_called() {
    let home = Home::with(CONFIG);
    let ended = token(&home, AUDIENCE, 0);
    for (value, words) in [
        ("", "GitHub's answer is empty"),
        ("hello", "GitHub's answer holds no token (JWT)"),
        ("a.e30.c\\nx", "GitHub's answer holds no token (JWT)"),
        (&ended, "GitHub's answer holds a token that has expired"),
        // `exp` is -1.
        ("e30.eyJleHAiOi0xfQ.x", "a token that has expired"),
    ] {
        let github = Github::answering(format!(r#"{{"value":"{value}"}}"#));
        refused(&job(&home, "job", &github, "job-token"), words);
    }
    assert_eq!(home.calls().len(), 0, "{:?}", home.calls());
}

#[test]
fn a_task_as_root_lasts_fifteen_minutes_and_only_the_management_account_may() {
    let task = |name: &str, account: &str| {
        format!(
            "    {name}: {{ kind: aws/assume-root, via: {{ identity: dev }}, principal: {{ target_principal: \"{account}\", \
             task_policy_arn: \"arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials\" }} }}\n"
        )
    };
    let tasks = [
        task("audit", "420000000025"),
        task("stranger", "420000000099"),
    ];
    for with_an_agent in [false, true] {
        let home = Home::signed_up(&format!("{DEV}{}", tasks.concat()));
        let _agent = with_an_agent.then(|| home.start_agent());
        home.fifty_get("audit");
        assert_eq!(calls(&home, "AssumeRoot"), 1, "of fifty programs");
        let whoami = home.json(&["whoami", "audit", "--json"]);
        assert_eq!(whoami["account"], "420000000025", "{whoami}");
        let left = whoami["expires_in_seconds"].as_u64().expect("a number");
        assert!((800..=900).contains(&left), "{whoami}");
        let ran = home.run(&["login", "stranger"]);
        refused(&ran, "management account");
        assert!(
            text(&ran.stderr).contains("dev → stranger"),
            "{}",
            text(&ran.stderr)
        );
    }
}
