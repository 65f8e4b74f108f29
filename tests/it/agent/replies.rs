//! Replies over the socket, as any client writes and reads them: each request gets its own kind,
//! with the warnings that belong to it and no others.

use crate::home::{DEPLOY, DEV, Home, RunningAgent, code, until};
use keyfob_core::environment::Environment;
use keyfob_core::sandbox::{FaultSwitch, SandboxFault};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

/// A request, and the kind of its reply where there is a session.
struct Asked {
    request: Value,
    reply: &'static str,
}

fn asked(request: Value, reply: &'static str) -> Asked {
    Asked { request, reply }
}

/// Every request that needs a session, for this identity.
fn session_requests(identity: &str) -> [Asked; 6] {
    let login =
        json!({ "identity": identity, "duration": null, "renewal": "when_due", "mfa_code": null });
    let database = json!({
        "identity": identity,
        "host": "orders.example.com",
        "port": 5432,
        "user": "kim",
        "region": "eu-central-1",
    });
    let token = json!({ "database": { "written": database }, "renewal": "when_due" });
    [
        asked(json!({ "login": login }), "signed_in"),
        asked(
            json!({ "credentials": { "identity": identity, "wait_seconds": 18 } }),
            "credentials",
        ),
        asked(
            json!({ "variables": { "identity": identity, "form": "static" } }),
            "variables",
        ),
        asked(
            json!({ "whoami": { "identity": identity, "reach": "online" } }),
            "whoami",
        ),
        asked(
            json!({ "console": { "identity": identity, "destination": null } }),
            "console",
        ),
        asked(json!({ "database_token": token }), "database_token"),
    ]
}

fn other_requests() -> [Asked; 6] {
    let logout = json!({ "target": "all", "long_lived_keys": "keep", "mode": "dry_run" });
    let cleanup = json!({ "long_lived_keys": "keep", "mode": "dry_run" });
    [
        asked(json!("list"), "snapshot"),
        asked(json!("status"), "snapshot"),
        asked(json!({ "audit": { "since": null } }), "audit"),
        asked(json!("audit_verify"), "audit_verified"),
        asked(json!({ "logout": logout }), "removed"),
        asked(json!({ "cleanup": cleanup }), "removed"),
    ]
}

/// One request on a connection of its own; the answer with its notes.
fn ask(home: &Home, request: &Value) -> Value {
    exchange(home, &connect(home), request, "absent")
}

fn connect(home: &Home) -> UnixStream {
    UnixStream::connect(home.address().path()).expect("the agent listens")
}

fn exchange(home: &Home, mut agent: &UnixStream, request: &Value, person: &str) -> Value {
    let fob = home.fob(&[]);
    let environment = fob
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    let line = json!({
        "v": 1,
        "id": 7,
        "asker": { "program": "test", "pid": std::process::id(), "person": person },
        "surroundings": Environment::of(environment).fingerprint(),
        "request": request,
    });
    writeln!(agent, "{line}").expect("the agent reads");
    for line in BufReader::new(agent).lines() {
        let answer: Value =
            serde_json::from_str(&line.expect("a line")).expect("the agent writes JSON");
        if answer.get("reply").is_some() {
            return answer;
        }
    }
    panic!("no answer to {request}")
}

fn kind_of(answer: &Value) -> String {
    let reply = &answer["reply"];
    let tagged = reply.as_object().and_then(|reply| reply.keys().next());
    tagged.map_or_else(|| reply.to_string(), Clone::clone)
}

/// All at once, each on a thread.
fn kinds_of_replies(home: &Home, requests: &[Asked]) -> Vec<String> {
    std::thread::scope(|scope| {
        let answers: Vec<_> = requests
            .iter()
            .map(|it| scope.spawn(|| kind_of(&ask(home, &it.request))))
            .collect();
        let ended = answers.into_iter().map(|it| it.join().expect("no panic"));
        ended.collect()
    })
}

fn wanted(requests: &[Asked]) -> Vec<&str> {
    requests.iter().map(|it| it.reply).collect()
}

#[test]
fn a_prompt_is_answered_and_closed_only_by_the_client_that_it_was_shown_to() {
    let home = Home::with(crate::home::DEV);
    let _agent = home.start_agent();
    let login =
        json!({ "identity": "dev", "duration": null, "renewal": "when_due", "mfa_code": null });
    let shown = connect(&home);
    let prompt = exchange(&home, &shown, &json!({ "login": login }), "present");
    let own = &prompt["reply"]["needs"]["id"];
    let status = ask(&home, &json!("status"));
    let listed = &status["reply"]["snapshot"]["prompts"][0]["prompt"]["id"];
    assert!(own.is_number() && listed.is_number(), "{prompt} {status}");
    for prompt in [own, listed] {
        let answer = json!({ "prompt": prompt, "answer": { "mfa_code": "123456" } });
        for request in [
            json!({ "answer": answer }),
            json!({ "cancel": { "prompt": prompt } }),
        ] {
            let refused = ask(&home, &request).to_string();
            assert!(
                refused.contains("was not shown to this client"),
                "{refused}"
            );
        }
    }
    let closed = exchange(
        &home,
        &shown,
        &json!({ "cancel": { "prompt": own } }),
        "present",
    );
    let error = &closed["reply"]["failed"];
    assert!(
        error.is_object() && error["code"] != "invalid_input",
        "{closed}"
    );
}

#[test]
fn each_request_gets_its_own_kind_of_reply_also_when_all_wait_for_one_sign_in() {
    let home = Home::signed_up(&format!("{DEV}{DEPLOY}"));
    let _agent = home.start_agent();
    let slow = FaultSwitch::on(SandboxFault::Delay { milliseconds: 500 });
    home.sandbox().inject(slow).expect("a delay");
    let requests = session_requests("deploy");
    assert_eq!(kinds_of_replies(&home, &requests), wanted(&requests));
    let calls = home.calls();
    assert_eq!(calls.get("AssumeRole"), Some(&1), "{calls:?}");
    home.sandbox().clear_faults();
    assert_eq!(kinds_of_replies(&home, &requests), wanted(&requests));
    let others = other_requests();
    assert_eq!(kinds_of_replies(&home, &others), wanted(&others));
}

#[test]
fn without_a_session_every_request_that_needs_one_fails_and_no_other_does() {
    let home = Home::with(&format!("{DEV}{DEPLOY}"));
    let _agent = home.start_agent();
    for it in session_requests("deploy") {
        let answer = ask(&home, &it.request);
        // How an identity stands can be said without a session, too.
        let wanted = if it.reply == "whoami" {
            "whoami"
        } else {
            "failed"
        };
        assert_eq!(kind_of(&answer), wanted, "{answer}");
    }
    let others = other_requests();
    assert_eq!(kinds_of_replies(&home, &others), wanted(&others));
}

const OTHER: &str = "    other: { kind: aws/user, session: { duration: 48h } }\n";

/// A home in which a session of `other` is longer than AWS allows.
fn with_a_warning() -> (Home, RunningAgent) {
    let home = Home::signed_up(&format!("{DEV}{OTHER}"));
    home.store_key("other", &home.key());
    let agent = home.start_agent();
    (home, agent)
}

fn credentials(identity: &str) -> Value {
    json!({ "credentials": { "identity": identity, "wait_seconds": 18 } })
}

fn warns(answer: &Value) -> bool {
    answer["notes"].to_string().contains("48h")
}

#[test]
fn a_warning_is_given_to_the_client_whose_request_it_belongs_to_and_to_no_other() {
    let (home, _agent) = with_a_warning();
    let slow = FaultSwitch::on(SandboxFault::Delay { milliseconds: 1500 });
    home.sandbox().inject(slow).expect("a delay");
    std::thread::scope(|scope| {
        let owner = scope.spawn(|| ask(&home, &credentials("other")));
        // While the owner waits for AWS, its warning is there already.
        until("its sign-in is under way", || {
            home.path()
                .join(".local/state/keyfob/default/locks/sign-in-other.lock")
                .exists()
        });
        for request in [credentials("dev"), json!({ "audit": { "since": null } })] {
            let answer = ask(&home, &request);
            assert!(!warns(&answer), "{request}: {answer}");
        }
        let answer = owner.join().expect("no panic");
        assert_eq!(kind_of(&answer), "credentials", "{answer}");
        assert!(warns(&answer), "{answer}");
    });
}

/// Without the seconds left, which go by between two answers.
fn identities_of(mut answer: Value) -> Value {
    let identities = &mut answer["reply"]["snapshot"]["identities"];
    for identity in identities.as_array_mut().expect("a snapshot") {
        identity["expires_in_seconds"].take();
    }
    identities.take()
}

/// A keyring that cannot be read any more shows every read: as an error, a warning, or a session
/// that is not known.
#[test]
fn status_and_list_of_an_agent_read_no_keyring() {
    let home = Home::signed_up(&format!("{DEV}{DEPLOY}"));
    assert_eq!(code(&home.run(&["login", "deploy"])), 0);
    let _agent = home.start_agent();
    let shown = || ["list", "status"].map(|it| identities_of(ask(&home, &json!(it))));
    // Known soon after the start.
    until("the agent knows what it renews", || {
        !shown()[1].to_string().contains("\"next_refresh\":null")
    });
    let before = shown();
    let ring = home.path().join(".config/keyfob/keyring.age");
    std::fs::write(ring, "no keyring any more").expect("a file");
    assert_eq!(shown(), before);
}
