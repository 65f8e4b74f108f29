use super::*;
use keyfob_core::agent::api::{Caller, OpenPrompt, Person, Prompt, PromptKind};
use std::time::{Duration, SystemTime};

pub const NOW: &str = "2026-12-24T11:58:01Z";

pub fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_798_113_481)
}

pub fn identity(name: &str, state: State) -> ListedIdentity {
    ListedIdentity {
        name: name.to_owned(),
        kind: "aws/user".to_owned(),
        provider: None,
        chain: vec![name.to_owned()],
        role: None,
        account: None,
        source: None,
        state,
        issued_at: None,
        expires_at: None,
        expires_in_seconds: None,
        default: false,
    }
}

pub fn session(identity: &str, state: State) -> SessionStatus {
    SessionStatus {
        identity: identity.to_owned(),
        state,
        expires_at: None,
        expires_in_seconds: None,
        next_refresh: None,
        failing: None,
        last_caller: None,
    }
}

pub fn snapshot(identities: Vec<ListedIdentity>, sessions: Vec<SessionStatus>) -> Snapshot {
    let configuration = Configuration::InForce {
        path: "/home/kim/config.yaml".to_owned(),
        problem: None,
    };
    Snapshot {
        list: Some(List {
            providers: Vec::new(),
            identities,
            keyring: None,
        }),
        status: Some(Status {
            agent: None,
            sessions,
            prompts: Vec::new(),
        }),
        ..Snapshot::empty(NOW.to_owned(), configuration)
    }
}

fn health(snapshot: Snapshot) -> Health {
    snapshot.judged().health
}

fn failing(code: Code) -> SessionStatus {
    SessionStatus {
        failing: Some(Error::new(code, "it failed")),
        ..session("dev", State::Expiring)
    }
}

fn waiting(identity: &str) -> Snapshot {
    let caller = Caller {
        program: "terraform".to_owned(),
        pid: 4711,
        person: Person::Absent,
    };
    let device = "arn:aws:iam::410000000017:mfa/kim".parse().expect("an ARN");
    let prompt = Prompt {
        id: 7,
        identity: identity.to_owned(),
        kind: PromptKind::Mfa {
            device,
            refused: None,
        },
        attempt: 1,
        caller,
        unanswered: Error::new(Code::PersonNeeded, "a code is needed"),
    };
    let mut waiting = snapshot(vec![self::identity("dev", State::Valid)], Vec::new());
    waiting.status.as_mut().expect("a status").prompts = vec![OpenPrompt {
        prompt,
        since: now(),
    }];
    waiting
}

#[test]
fn a_person_who_is_needed_goes_before_the_network_and_the_network_before_time() {
    let of = |state, sessions| health(snapshot(vec![identity("dev", state)], sessions));
    for calm in [
        State::Valid,
        State::NeedsSignIn,
        State::SignedOut,
        State::Unsupported,
    ] {
        assert_eq!(of(calm, Vec::new()), Health::Ok, "{calm:?}");
    }
    for loud in [State::Revoked, State::Denied, State::Expired] {
        assert_eq!(of(loud, Vec::new()), Health::Attention, "{loud:?}");
    }
    assert_eq!(
        of(State::Expiring, vec![failing(Code::Network)]),
        Health::Offline
    );
    assert_eq!(
        of(State::Expiring, vec![failing(Code::AwsError)]),
        Health::Due
    );
    let two = vec![
        identity("dev", State::Expiring),
        identity("ops", State::Revoked),
    ];
    assert_eq!(
        health(snapshot(two, vec![failing(Code::Network)])),
        Health::Attention
    );
}

#[test]
fn a_session_that_renews_itself_is_no_reason_to_worry() {
    let renews = SessionStatus {
        next_refresh: Some(now()),
        ..session("dev", State::Expiring)
    };
    let of = |session| {
        health(snapshot(
            vec![identity("dev", State::Expiring)],
            vec![session],
        ))
    };
    assert_eq!(of(renews), Health::Ok);
    assert_eq!(of(session("dev", State::Expiring)), Health::Due);
}

#[test]
fn an_open_prompt_a_broken_file_and_a_locked_keyring_need_a_person() {
    assert_eq!(health(waiting("dev")), Health::Attention);
    let mut broken = snapshot(Vec::new(), Vec::new());
    let problem = Some(Error::new(Code::ConfigInvalid, "line 3"));
    broken.configuration = Configuration::InForce {
        path: String::new(),
        problem,
    };
    assert_eq!(health(broken), Health::Attention);
    let mut locked = snapshot(Vec::new(), Vec::new());
    locked.list.as_mut().expect("a list").keyring =
        Some(Error::new(Code::KeyringLocked, "it is locked"));
    assert_eq!(health(locked), Health::Attention);
    let missing = Snapshot::empty(
        NOW.to_owned(),
        Configuration::Missing {
            path: String::new(),
        },
    );
    assert_eq!(health(missing), Health::Ok);
}

#[test]
fn a_prompt_about_the_user_is_also_one_for_the_role_above() {
    let mut waiting = waiting("dev");
    let role = ListedIdentity {
        chain: vec!["dev".to_owned(), "deploy".to_owned()],
        ..identity("deploy", State::Expired)
    };
    waiting.list.as_mut().expect("a list").identities.push(role);
    assert_eq!(waiting.prompt_for("deploy"), Some(7));
    assert_eq!(waiting.prompt_for("dev"), Some(7));
    assert_eq!(waiting.prompt_for("ops"), None);
}
