//! What a command prints, and its exit code, with an agent and without one.

use super::session;
use crate::home::{DEPLOY, DEV, Home, code, text, typed};
use serde_json::{Value, json};
use std::fs;

const OTHERS: &str = "    bare: { kind: aws/user }
    vendor: { kind: aws/process, credentials: { process: \"false\" } }
  databases:
    orders: { engine: postgres, host: db.abc.eu-central-1.rds.amazonaws.com, user: app, region: eu-central-1, via: { identity: deploy } }
";

/// One after the other, in a home where kim's key is stored for `dev`. The order is a day's work.
const DAY: &[&[&str]] = &[
    &["validate"],
    &["list", "--json"],
    &["whoami", "deploy"],
    &["env", "deploy"],
    &["credential-process", "bare", "--wait", "0"],
    &["credential-process", "bare", "--wait", "0", "--json"],
    &["credential-process", "vendor"],
    &["login", "bare"],
    &["login", "bare", "--json"],
    &["login", "vendor"],
    &["login", "deploy"],
    &["login", "deploy", "--json"],
    &["login", "deploy", "--force"],
    &["login", "--provider", "aws-user", "--json"],
    &["credential-process", "deploy"],
    &["credential-process", "DEV"],
    &["list"],
    &["list", "--format", "table"],
    &["list", "--json"],
    &["whoami"],
    &["whoami", "deploy"],
    &["whoami", "deploy", "--json"],
    &["whoami", "deploy", "--json", "--offline"],
    &["env", "deploy"],
    &["env", "deploy", "--format", "json"],
    &["env", "deploy", "--static", "--format", "dotenv"],
    &[
        "exec",
        "deploy",
        "--",
        "sh",
        "-c",
        "echo $AWS_PROFILE; exit 7",
    ],
    &["rds", "token", "orders"],
    &[
        "rds",
        "token",
        "deploy",
        "--host",
        "db.abc.eu-central-1.rds.amazonaws.com",
        "--user",
        "app",
    ],
    &["rds", "token", "nothing"],
    &["login", "nobody"],
    &["login", "nobody", "--json"],
    &["whoami", "nobody"],
    &["credential-process", "nobody"],
    &["credential-process", "nobody", "--json"],
    &["logout"],
    &["logout", "nobody", "--dry-run"],
    &["logout", "--all"],
    &["logout", "deploy", "--dry-run", "--json"],
    &["logout", "deploy", "--dry-run"],
    // Of all there would be the prompt that an agent keeps open for `bare`.
    &["repair", "deploy"],
    &["repair", "dev", "--json"],
    &["cleanup", "--dry-run"],
    &["cleanup", "--dry-run", "--json"],
    &["audit"],
    &["audit", "--json"],
    &["logout", "deploy"],
    &["logout", "deploy"],
    &["credential-process", "deploy"],
    &["credential-process", "deploy", "--json"],
    &["whoami", "deploy"],
    &["rds", "token", "orders"],
    &["login", "deploy", "-q"],
    &["logout", "--all", "--yes", "--json"],
    &["login", "dev", "--duration", "12x"],
    &["audit", "verify"],
];

/// In a home whose keys AWS no longer knows.
const REVOKED: &[&[&str]] = &[
    &["login", "deploy"],
    &["login", "deploy", "--json"],
    &["credential-process", "deploy", "--wait", "0"],
    &["repair", "dev"],
    &["audit", "--json"],
];

const BROKEN: &[&[&str]] = &[
    &["validate"],
    &["list", "--json"],
    &["login", "dev"],
    &["whoami", "dev", "--json"],
    &["env", "dev"],
    &["logout", "dev", "--dry-run"],
    &["repair"],
    &["audit"],
];

/// What was said, without what differs from one home and moment to the next: the folder, the
/// address of AWS, keys and tokens, numbers, how wide a column is. What only an agent has is left
/// out: what it holds, and prompts that stay open.
fn said(home: &Home, output: &[u8]) -> String {
    let text = text(output).replace(home.path().to_str().expect("UTF-8"), "HOME");
    let text = text.replace(&home.sandbox().url(), "AWS");
    // "Signing in to dev…", "Checking the keys of dev…" are said when it takes long.
    let lines = text.lines().filter(|line| {
        let answers_it = "  fob login dev";
        !line.contains("Agent:")
            && !line.contains("a prompt is open")
            && *line != answers_it
            && !line.ends_with('…')
    });
    // The last of a list has no comma.
    let lines = lines.map(|line| line.trim_end_matches(','));
    lines
        .map(|line| {
            line.split_whitespace()
                .map(word)
                .collect::<Vec<_>>()
                .join(" ")
                + "\n"
        })
        .collect()
}

fn word(word: &str) -> String {
    let is_of_a_key = |c: char| c.is_ascii_alphanumeric() || "+/=%…".contains(c);
    let mut plain = String::new();
    for part in word.split_inclusive(|c| !is_of_a_key(c)) {
        let (part, end) = match part.char_indices().last() {
            Some((at, last)) if !is_of_a_key(last) => part.split_at(at),
            Some(_) | None => (part, ""),
        };
        let is_key = ["AKIA", "ASIA"].iter().any(|start| part.contains(start));
        let is_secret = part.len() >= 40;
        plain.push_str(if is_key || is_secret { "KEY" } else { part });
        plain.push_str(end);
    }
    // Digits: moments, and the time that is left.
    let mut digits = false;
    plain.retain(|c| !std::mem::replace(&mut digits, c.is_ascii_digit()) || !digits);
    plain.replace(|c: char| c.is_ascii_digit(), "#")
}

/// A removal's steps apart from those in the agent's memory.
fn without_the_agents(printed: &[u8]) -> Vec<u8> {
    let Ok(mut printed) = serde_json::from_slice::<Value>(printed) else {
        return printed.to_vec();
    };
    if let Some(steps) = printed.pointer_mut("/steps").and_then(Value::as_array_mut) {
        steps.retain(|step| step["what"] != "agent");
        printed["removed"] = json!("any number");
    }
    serde_json::to_vec_pretty(&printed).expect("it was JSON")
}

fn through(home: &Home, commands: &[&[&str]]) -> Vec<(i32, String, String)> {
    let run = |arguments: &&[&str]| {
        let ran = home.run(arguments);
        (
            code(&ran),
            said(home, &without_the_agents(&ran.stdout)),
            said(home, &ran.stderr),
        )
    };
    commands.iter().map(run).collect()
}

fn prints_the_same(prepare: impl Fn() -> Home, change: impl Fn(&Home), commands: &[&[&str]]) {
    let (with, without) = (prepare(), prepare());
    let _agent = with.start_agent();
    change(&with);
    change(&without);
    let (with, without) = (through(&with, commands), through(&without, commands));
    for (at, arguments) in commands.iter().enumerate() {
        assert_eq!(with[at], without[at], "{arguments:?}");
    }
}

fn signed_up() -> Home {
    Home::signed_up(&format!("{DEV}{DEPLOY}{OTHERS}"))
}

#[test]
fn every_command_says_the_same_with_and_without_an_agent() {
    prints_the_same(signed_up, |_| (), DAY);
}

#[test]
fn revoked_keys_are_reported_alike() {
    let revoke = |home: &Home| {
        home.sandbox()
            .revoke_key(&home.key().access_key_id)
            .expect("the key is there");
    };
    prints_the_same(signed_up, revoke, REVOKED);
}

#[test]
fn a_broken_configuration_is_reported_alike() {
    let break_it = |home: &Home| fs::write(home.config(), "auth: [\n").expect("written");
    prints_the_same(signed_up, break_it, BROKEN);
}

#[test]
fn keys_are_stored_alike() {
    let stored = |home: &Home, input: &str| {
        let ran = home.run_with_input(&["user", "configure", "bare", "--stdin"], input);
        (code(&ran), said(home, &ran.stdout), said(home, &ran.stderr))
    };
    let (with, without) = (signed_up(), signed_up());
    let _agent = with.start_agent();
    for home in [&with, &without] {
        assert_eq!(stored(home, &typed(&home.key())).0, 0);
    }
    for input in ["", "{}"] {
        assert_eq!(stored(&with, input), stored(&without, input));
    }
    let wrong = |home: &Home| {
        typed(&home.key()).replace("secret_access_key\":\"", "secret_access_key\":\"x")
    };
    assert_eq!(
        stored(&with, &wrong(&with)),
        stored(&without, &wrong(&without))
    );
}

#[test]
fn what_is_done_without_the_agent_does_not_touch_it() {
    let home = signed_up();
    let agent = home.start_agent();
    assert_eq!(code(&home.run(&["credential-process", "deploy"])), 0);
    let (asked, said) = (session(&home, "deploy"), agent.said());
    for arguments in [
        &["credential-process", "deploy"][..],
        &["login", "dev"],
        &["whoami", "deploy"],
        &["list"],
    ] {
        let mut arguments = arguments.to_vec();
        arguments.push("--no-agent");
        assert_eq!(code(&home.run(&arguments)), 0, "{arguments:?}");
    }
    assert_eq!(session(&home, "deploy")["last_asker"], asked["last_asker"]);
    assert_eq!(agent.said(), said);
    let status = home.json(&["status", "--json", "--no-agent"]);
    assert!(status["agent"].is_null(), "{status}");
}

#[test]
fn a_session_counts_only_while_the_configuration_is_the_one_that_it_was_made_for() {
    for with_an_agent in [false, true] {
        let home = Home::signed_up(&format!("{DEV}{DEPLOY}"));
        let _agent = with_an_agent.then(|| home.start_agent());
        assert_eq!(code(&home.run(&["login", "deploy"])), 0);
        let other = DEPLOY.replace("role/deploy", "role/other");
        for (text, state) in [
            (DEPLOY, "valid"),
            (&other, "needs_sign_in"),
            (DEPLOY, "valid"),
        ] {
            fs::write(home.config(), format!("{DEV}{text}")).expect("written");
            let list = home.json(&["list", "--json"]);
            let whoami = home.json(&["whoami", "deploy", "--offline", "--json"]);
            let states = [&list["identities"][1]["state"], &whoami["state"]];
            assert_eq!(states, [state, state], "{with_an_agent}: {text}");
        }
    }
}
