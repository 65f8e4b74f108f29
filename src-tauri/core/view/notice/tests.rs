use super::*;
use crate::agent::api::{AgedKey, PassphraseUse, RotationStage, RotationUnderWay};
use crate::error::Code;
use insta::assert_snapshot;
use proptest::prelude::*;
use std::time::Duration;

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn in_minutes(minutes: u64) -> SystemTime {
    now() + Duration::from_secs(minutes * 60)
}

fn dev() -> String {
    "dev-admin".to_owned()
}

fn shown(event: &Event) -> String {
    let Some(notice) = notice(event, now()) else {
        return "nothing".to_owned();
    };
    assert_eq!(notice.key(), notice.about.first());
    written(&notice)
}

fn written(notice: &Notice) -> String {
    let buttons: Vec<_> = notice.buttons.iter().map(|button| button.label()).collect();
    format!(
        "{}\n---\n{}\n---\n{}",
        notice.title,
        notice.body(Buttons::NotShown),
        buttons.join(" · ")
    )
}

fn prompt(identity: &str, kind: PromptKind, person: Person) -> Event {
    Event::PromptOpened(Box::new(Prompt {
        id: 7,
        identity: identity.to_owned(),
        wanted: None,
        kind,
        attempt: 1,
        caller: Caller {
            program: "terraform".into(),
            pid: 4711,
            person,
            trail: None,
        },
        unanswered: Error::new(Code::PersonNeeded, "an MFA code is needed"),
    }))
}

fn mfa() -> PromptKind {
    PromptKind::Mfa {
        device: "arn:aws:iam::123456789012:mfa/kim".parse().expect("an ARN"),
        refused: None,
    }
}

fn keys(why: WhyKeys) -> PromptKind {
    PromptKind::Keys {
        why,
        mfa_arn: None,
        session_duration: None,
    }
}

fn key(event: &Event) -> NoticeKey {
    let notice = notice(event, now()).expect("a notice");
    notice.key().expect("of its own").clone()
}

fn expired(identity: &str) -> Notice {
    notice(
        &Event::Expired {
            identity: identity.to_owned(),
        },
        now(),
    )
    .expect("a notice")
}

#[test]
fn a_notice_of_revoked_keys_says_what_became_of_them_and_how_to_enter_new_ones() {
    let error = Error::new(
        Code::AwsCredentialsInvalid,
        "aws credentials are invalid or have been revoked",
    )
    .hint("they were rotated or revoked at AWS")
    .hint("fob user configure --identity dev")
    .hint("stale credentials were cleared from the keyring");
    assert_snapshot!(shown(&Event::KeysRevoked { identity: dev(), error }), @r"
    AWS no longer accepts the keys of dev-admin
    ---
    They were rotated or revoked at AWS
    Stale credentials were cleared from the keyring
    Enter new ones: fob user configure --identity dev
    ---
    Enter new keys
    ");
    let error = Error::new(
        Code::AwsCredentialsInvalid,
        "the secret does not belong to this key id",
    );
    assert_snapshot!(shown(&Event::KeysRevoked { identity: dev(), error }), @r"
    AWS no longer accepts the keys of dev-admin
    ---
    Enter new ones: fob login dev-admin
    ---
    Enter new keys
    ");
}

#[test]
fn a_refusal_names_the_reason_of_aws() {
    let error = Error::new(
        Code::AccessDenied,
        "dev → deploy: AWS denied access: User: kim is not authorized to perform: sts:AssumeRole (AccessDenied)",
    )
    .hint("look at: identity policy, SCP, and the role's trust policy and external id")
    .step("dev → deploy");
    assert_snapshot!(shown(&Event::RenewalRefused { identity: "deploy".to_owned(), error }), @r"
    AWS refuses to renew deploy
    ---
    dev → deploy: AWS denied access: User: kim is not authorized to perform: sts:AssumeRole (AccessDenied)
    Look at: identity policy, SCP, and the role's trust policy and external id
    Once that is fixed: fob login deploy
    ---
    Details
    ");
}

#[test]
fn failing_renewals_come_with_the_time_left_and_the_cause() {
    let cause = Error::new(
        Code::Network,
        "AWS could not be reached: connection refused",
    )
    .hint("check the network");
    assert_snapshot!(shown(&Event::RenewalFailing { identity: dev(), expires_at: in_minutes(14), cause }), @r"
    dev-admin cannot be renewed and ends in 14 min
    ---
    AWS could not be reached: connection refused
    Keyfob keeps trying. To try now: fob login dev-admin
    ---
    Retry
    ");
}

#[test]
fn a_session_that_needs_a_person_comes_with_the_time_left() {
    assert_snapshot!(shown(&Event::ExpiresSoon { identity: dev(), expires_at: in_minutes(29) }), @r"
    dev-admin's session ends in 29 min
    ---
    It cannot be renewed without you
    Sign in: fob login dev-admin --force
    ---
    Sign in now · Later
    ");
    let late = notice(
        &Event::ExpiresSoon {
            identity: dev(),
            expires_at: now(),
        },
        now(),
    )
    .expect("a notice");
    assert_eq!(late.title, "dev-admin's session ends now");
}

#[test]
fn an_old_access_key_is_named_until_others_are_stored() {
    let old = Event::KeyIsOld(AgedKey {
        identity: dev(),
        access_key_id: "AKIA…MPLE".to_owned(),
        since: now() - Duration::from_hours(91 * 24),
    });
    assert_snapshot!(shown(&old), @r"
    The access key of dev-admin is 91 days old
    ---
    AKIA…MPLE should be replaced by a new one: Keyfob makes it and deletes the old one
    Replace it: fob user rotate dev-admin
    ---
    Details · Later
    ");
    let stored = |identity| withdrawn_by(&Event::KeysStored { identity });
    assert!(stored(dev()).contains(&key(&old)));
    assert!(!stored("dev".to_owned()).contains(&key(&old)));
}

#[test]
fn an_expired_session_has_one_line_and_a_next_step() {
    assert_snapshot!(shown(&Event::Expired { identity: dev() }), @r"
    dev-admin has expired
    ---
    Sign in: fob login dev-admin
    ---
    Sign in
    ");
}

#[test]
fn a_program_that_waits_is_named_first() {
    let path = "/home/kim/.config/keyfob/keyring.age".to_owned();
    let passphrase = PromptKind::KeyringPassphrase {
        path,
        purpose: PassphraseUse::Existing,
        refused: None,
    };
    let kinds = [
        ("dev-admin", mfa()),
        ("dev-admin", keys(WhyKeys::Missing)),
        ("dev-admin", keys(WhyKeys::Revoked)),
        ("dev-admin", keys(WhyKeys::SecretMismatch)),
        ("dev-admin", passphrase.clone()),
        ("", passphrase),
    ];
    let shown: Vec<_> = kinds
        .map(|(name, kind)| shown(&prompt(name, kind, Person::Absent)))
        .into();
    assert_snapshot!(shown.join("\n\n"), @r"
    terraform (pid 4711) needs dev-admin
    ---
    It is waiting for an MFA code
    Answer it: fob login dev-admin
    ---
    Enter code

    terraform (pid 4711) needs dev-admin
    ---
    It is waiting for access keys
    Answer it: fob login dev-admin
    ---
    Sign in

    terraform (pid 4711) needs dev-admin
    ---
    It is waiting for new access keys: AWS no longer accepts the old ones
    Answer it: fob login dev-admin
    ---
    Enter new keys

    terraform (pid 4711) needs dev-admin
    ---
    It is waiting for access keys: the last secret does not belong to its key id
    Answer it: fob login dev-admin
    ---
    Enter new keys

    terraform (pid 4711) needs dev-admin
    ---
    It is waiting for the passphrase of /home/kim/.config/keyfob/keyring.age
    Answer it: fob login dev-admin
    ---
    Unlock

    terraform (pid 4711) needs the keyring
    ---
    It is waiting for the passphrase of /home/kim/.config/keyfob/keyring.age
    Answer it: fob login
    ---
    Unlock
    ");
}

#[test]
fn a_caller_that_is_prompted_itself_gets_no_notice_and_neither_does_what_went_well() {
    let error = Error::new(Code::ConfigInvalid, "line 3");
    for event in [
        prompt("dev-admin", mfa(), Person::Present),
        Event::SignedIn {
            identity: dev(),
            expires_at: now(),
        },
        Event::SignedOut { identity: dev() },
        Event::KeysStored { identity: dev() },
        Event::Renewed {
            identity: dev(),
            expires_at: now(),
        },
        Event::PromptClosed {
            prompt: 7,
            identity: dev(),
        },
        Event::Rotating(RotationUnderWay {
            identity: dev(),
            stage: RotationStage::Making,
        }),
        Event::DatabaseConnections {
            database: "orders".to_owned(),
            connections: 3,
        },
        Event::ConfigurationChanged,
        Event::ConfigurationBroken { error },
    ] {
        assert_eq!(notice(&event, now()), None, "{event:?}");
    }
}

#[test]
fn every_notice_of_an_identity_is_withdrawn_by_what_resolves_it_and_by_nothing_of_another() {
    let error = Error::new(Code::AccessDenied, "no");
    let expires_at = in_minutes(10);
    let bad = [
        Event::KeysRevoked {
            identity: dev(),
            error: error.clone(),
        },
        Event::RenewalRefused {
            identity: dev(),
            error: error.clone(),
        },
        Event::RenewalFailing {
            identity: dev(),
            expires_at,
            cause: error,
        },
        Event::ExpiresSoon {
            identity: dev(),
            expires_at,
        },
        Event::Expired { identity: dev() },
    ];
    let good = |identity: String| {
        [
            Event::SignedIn {
                identity: identity.clone(),
                expires_at,
            },
            Event::Renewed {
                identity: identity.clone(),
                expires_at,
            },
            Event::SignedOut { identity },
        ]
    };
    for event in &bad {
        let key = key(event);
        assert!(
            !withdrawn_by(event).contains(&key),
            "nothing withdraws itself"
        );
        for good in good(dev()) {
            assert!(withdrawn_by(&good).contains(&key), "{key:?} by {good:?}");
        }
        for other in good("dev".to_owned()) {
            assert!(!withdrawn_by(&other).contains(&key), "{key:?} by {other:?}");
        }
    }
    let key = key(&prompt("dev-admin", mfa(), Person::Absent));
    assert_eq!(
        withdrawn_by(&Event::PromptClosed {
            prompt: 7,
            identity: dev()
        }),
        [key]
    );
}

#[test]
fn what_is_over_is_no_longer_near_its_end() {
    let kinds = |event: &Event| {
        withdrawn_by(event)
            .into_iter()
            .map(|key| key.kind)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        kinds(&Event::Expired { identity: dev() }),
        [NoticeKind::RenewalFailing, NoticeKind::ExpiresSoon]
    );
    assert_eq!(
        kinds(&Event::ExpiresSoon {
            identity: dev(),
            expires_at: now()
        }),
        [NoticeKind::RenewalFailing]
    );
}

#[test]
fn what_comes_together_is_one_notice_that_holds_for_each() {
    assert_eq!(combined(Vec::new()), None);
    assert_eq!(combined(vec![expired("dev")]), Some(expired("dev")));
    let several: Vec<Notice> = ["a", "b", "c", "d", "e", "f", "g"].map(expired).into();
    let keys: Vec<NoticeKey> = several.iter().flat_map(|it| it.about.clone()).collect();
    let one = combined(several).expect("a notice");
    assert_eq!((one.key(), &one.about), (None, &keys));
    assert_snapshot!(written(&one), @r"
    7 identities need attention
    ---
    a has expired
    b has expired
    c has expired
    d has expired
    e has expired
    and 2 more
    See all of them: fob status
    ---
    Details
    ");
    let soon = Event::ExpiresSoon {
        identity: "a".to_owned(),
        expires_at: in_minutes(5),
    };
    let two =
        combined(vec![expired("a"), notice(&soon, now()).expect("a notice")]).expect("a notice");
    assert_eq!(two.title, "An identity needs attention");
}

#[test]
fn key_ids_in_awss_own_words_are_shortened_and_long_words_cut() {
    let words = "The key AKIAIOSFODNN7EXAMPLE, of arn:aws:iam::1:user/kim, (ASIAIOSFODNN7EXAMPLE) is\nunknown";
    let error = Error::new(Code::AwsError, format!("{words} {}", "x".repeat(300)));
    let notice = notice(
        &Event::RenewalRefused {
            identity: dev(),
            error,
        },
        now(),
    )
    .expect("a notice");
    let line = notice.why.lines().next().expect("a line");
    let start = "The key AKIA…MPLE, of arn:aws:iam::1:user/kim, (ASIA…MPLE) is unknown xxx";
    assert!(line.starts_with(start) && line.ends_with("x…"), "{line}");
    assert_eq!(line.chars().count(), LONGEST_LINE + 1);
}

proptest! {
    #[test]
    fn no_text_of_aws_makes_a_notice_show_a_whole_key_id(before in ".*", after in "[^A-Za-z0-9_].*", hint in ".*") {
        let id = "ASIAIOSFODNN7EXAMPLE";
        let error = Error::new(Code::AwsError, format!("{before} {id}{after}")).hint(format!("{hint} {id}"));
        for event in [
            Event::KeysRevoked { identity: dev(), error: error.clone() },
            Event::RenewalRefused { identity: dev(), error: error.clone() },
            Event::RenewalFailing { identity: dev(), expires_at: now(), cause: error },
        ] {
            let notice = notice(&event, now()).expect("a notice");
            let body = notice.body(Buttons::NotShown);
            prop_assert!(!notice.title.contains(id) && !body.contains(id), "{notice:?}");
            prop_assert!(body.contains("fob "));
        }
    }
}

#[test]
fn a_command_is_taught_only_where_no_button_does_the_same() {
    let expiring = Event::ExpiresSoon {
        identity: dev(),
        expires_at: now() + Duration::from_secs(24),
    };
    let notice = notice(&expiring, now()).expect("a notice");
    assert_eq!(notice.title, "dev-admin's session ends in 24 s");
    assert_eq!(
        notice.body(Buttons::Shown),
        "It cannot be renewed without you"
    );
    let without = Notice {
        buttons: Vec::new(),
        ..notice.clone()
    };
    for body in [notice.body(Buttons::NotShown), without.body(Buttons::Shown)] {
        assert!(body.contains("fob login dev-admin --force"), "{body}");
    }
}

#[test]
fn a_prompt_of_a_provider_names_the_command_that_shows_it() {
    let at_provider = |kind: PromptKind, hint: &str| {
        let Event::PromptOpened(mut prompt) = prompt("okta", kind, Person::Absent) else {
            panic!("a prompt")
        };
        prompt.unanswered = Error::new(Code::PersonNeeded, "a sign-in is needed").hint(hint);
        let said = requested(&prompt);
        let notice = shown(&Event::PromptOpened(prompt));
        let command = said.split('`').nth(1).expect("a command").to_owned();
        assert!(
            notice.contains(&format!("Answer it: {command}")),
            "{notice}"
        );
        command
    };
    let browser = || PromptKind::Browser {
        address: "https://oidc.eu-central-1.amazonaws.com/authorize".to_owned(),
        code: String::new(),
        why_code: None,
        unopened: None,
        expires_at: in_minutes(10),
    };
    let page = PromptKind::Paste {
        what: PasteKind::SamlAssertion,
        address: "https://idp.example/app".to_owned(),
        why: None,
        in_a_window: true,
        refused: None,
        expires_at: in_minutes(10),
    };
    assert_eq!(
        at_provider(page, "start `keyfob`"),
        "fob login --provider okta"
    );
    assert_eq!(
        at_provider(browser(), "fob login --provider okta"),
        "fob login --provider okta"
    );
    assert_eq!(at_provider(browser(), "fob login deploy"), "fob login okta");
}
