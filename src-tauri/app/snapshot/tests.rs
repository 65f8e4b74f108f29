use super::*;
use keyfob_core::agent::api::{Caller, OpenPrompt, Person, Prompt, PromptKind};

pub const NOW: &str = "2026-12-24T11:58:01Z";

pub fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_798_113_481)
}

pub fn identity(name: &str, state: State) -> IdentityStatus {
    IdentityStatus {
        name: name.to_owned(),
        kind: "aws/user".to_owned(),
        provider: None,
        chain: vec![name.to_owned()],
        role: None,
        account: None,
        source: None,
        state,
        hands_out_keys: false,
        issued_at: None,
        expires_at: None,
        expires_in_seconds: None,
        sign_in: None,
        access_key: None,
        default: false,
        next_refresh: None,
        failing: None,
        last_caller: None,
    }
}

pub fn snapshot(identities: Vec<IdentityStatus>) -> AppSnapshot {
    let configuration = Configuration::InForce {
        path: "/home/kim/config.yaml".to_owned(),
        problem: None,
    };
    let agent = Snapshot {
        agent: None,
        providers: Vec::new(),
        identities,
        prompts: Vec::new(),
        rotations: Vec::new(),
        databases: Vec::new(),
        keyring: None,
    };
    AppSnapshot {
        agent: Some(agent),
        ..AppSnapshot::empty(NOW.to_owned(), configuration)
    }
}

fn health(snapshot: AppSnapshot) -> OverallHealth {
    snapshot.judged().health
}

fn failing(code: Code) -> IdentityStatus {
    IdentityStatus {
        failing: Some(Error::new(code, "it failed")),
        ..identity("dev", State::Expiring)
    }
}

pub fn waiting(identity: &str) -> AppSnapshot {
    let caller = Caller {
        program: "terraform".into(),
        pid: 4711,
        person: Person::Absent,
        trail: None,
    };
    let device = "arn:aws:iam::410000000017:mfa/kim".parse().expect("an ARN");
    let prompt = Prompt {
        id: 7,
        identity: identity.to_owned(),
        wanted: None,
        kind: PromptKind::Mfa {
            device,
            refused: None,
        },
        attempt: 1,
        caller,
        unanswered: Error::new(Code::PersonNeeded, "a code is needed"),
    };
    let mut waiting = snapshot(vec![self::identity("dev", State::Valid)]);
    waiting.agent.as_mut().expect("a snapshot").prompts = vec![OpenPrompt {
        prompt,
        is_waited_for: true,
        since: now(),
    }];
    waiting
}

#[test]
fn a_prompt_that_the_user_began_is_none_of_a_program() {
    let mut snapshot = waiting("dev");
    assert!(snapshot.is_of_a_program(7));
    assert!(!snapshot.is_of_a_program(8), "not open");
    let agent = snapshot.agent.as_mut().expect("a snapshot");
    agent.prompts[0].prompt.caller.program = "Keyfob".into();
    assert!(!snapshot.is_of_a_program(7));
}

#[test]
fn times_are_looked_at_as_often_as_they_are_shown() {
    let ending = |seconds| IdentityStatus {
        expires_at: Some(now() + Duration::from_secs(seconds)),
        ..identity("dev", State::Valid)
    };
    let looked = |identities| snapshot(identities).reads_the_same_for(now()).as_secs();
    assert_eq!(looked(vec![ending(40 * 3600)]), 600);
    assert_eq!(looked(vec![ending(40 * 3600), ending(3600)]), 60);
    assert_eq!(looked(vec![identity("dev", State::NeedsSignIn)]), 3600);
}

#[test]
fn a_person_who_is_needed_goes_before_the_network_and_the_network_before_time() {
    let of = |identity| health(snapshot(vec![identity]));
    assert_eq!(of(identity("dev", State::Valid)), OverallHealth::Ok);
    for calm in [State::NeedsSignIn, State::SignedOut, State::Unsupported] {
        assert_eq!(of(identity("dev", calm)), OverallHealth::Idle, "{calm:?}");
    }
    for loud in [State::Revoked, State::Denied, State::Expired] {
        assert_eq!(
            of(identity("dev", loud)),
            OverallHealth::Attention,
            "{loud:?}"
        );
    }
    assert_eq!(of(failing(Code::Network)), OverallHealth::Offline);
    let ended = IdentityStatus {
        state: State::Expired,
        ..failing(Code::Network)
    };
    assert_eq!(
        of(ended),
        OverallHealth::Offline,
        "renewed once there is a network"
    );
    assert_eq!(of(failing(Code::Throttled)), OverallHealth::Due);
    assert_eq!(of(failing(Code::AwsError)), OverallHealth::Due);
    let two = vec![failing(Code::Network), identity("ops", State::Revoked)];
    assert_eq!(health(snapshot(two)), OverallHealth::Attention);
}

#[test]
fn a_session_that_renews_itself_is_no_reason_to_worry() {
    let renews = IdentityStatus {
        next_refresh: Some(now()),
        ..identity("dev", State::Expiring)
    };
    assert_eq!(health(snapshot(vec![renews])), OverallHealth::Ok);
    let ends = identity("dev", State::Expiring);
    assert_eq!(health(snapshot(vec![ends])), OverallHealth::Due);
}

#[test]
fn a_paused_refresh_is_not_shown_as_fresh() {
    let paused = |identity| AppSnapshot {
        refresh: Refresh::Paused,
        ..snapshot(vec![identity])
    };
    let valid = identity("dev", State::Valid);
    assert_eq!(health(paused(valid)), OverallHealth::Paused);
    let revoked = identity("dev", State::Revoked);
    assert_eq!(health(paused(revoked)), OverallHealth::Attention);
}

#[test]
fn an_open_prompt_a_broken_file_and_a_locked_keyring_need_a_person() {
    assert_eq!(health(waiting("dev")), OverallHealth::Attention);
    let mut broken = snapshot(Vec::new());
    let problem = Some(Error::new(Code::ConfigInvalid, "line 3"));
    broken.configuration = Configuration::InForce {
        path: String::new(),
        problem,
    };
    assert_eq!(health(broken), OverallHealth::Attention);
    let mut locked = snapshot(Vec::new());
    locked.agent.as_mut().expect("a snapshot").keyring =
        Some(Error::new(Code::KeyringLocked, "it is locked"));
    assert_eq!(health(locked), OverallHealth::Attention);
    let missing = AppSnapshot::empty(
        NOW.to_owned(),
        Configuration::Missing {
            path: String::new(),
        },
    );
    assert_eq!(health(missing), OverallHealth::Idle);
}

#[test]
fn a_prompt_about_the_user_is_also_one_for_the_role_above() {
    let mut waiting = waiting("dev");
    let role = IdentityStatus {
        chain: vec!["dev".to_owned(), "deploy".to_owned()],
        ..identity("deploy", State::Expired)
    };
    waiting
        .agent
        .as_mut()
        .expect("a snapshot")
        .identities
        .push(role);
    assert_eq!(waiting.prompt_for("deploy"), Some(7));
    assert_eq!(waiting.prompt_for("dev"), Some(7));
    assert_eq!(waiting.prompt_for("ops"), None);
}
