//! What the store promises, on the memory and the file keyring.

use super::keyring::{file_keyring, memory_keyring};
use super::*;
use crate::clock::Clock;
use crate::error::Code;
use crate::ids::MfaArn;
use crate::secret::{Keys, Origin, SecretAccessKey, Session, SessionToken};
use std::time::{Duration, SystemTime};

const CONFIGURATION: &str = "/home/kim/Ünï/config.yaml";

pub(super) fn keys(id: &str) -> Keys {
    Keys {
        access_key_id: AccessKeyId::parse(id).expect("a key id"),
        secret_access_key: SecretAccessKey::parse("wJalrXUtnFEMI/K7").expect("a secret"),
    }
}

fn long_lived() -> LongLived {
    LongLived {
        keys: Some(keys("AKIAIOSFODNN7EXAMPLE")),
        mfa_arn: Some(
            "arn:aws:iam::123456789012:mfa/kim"
                .parse::<MfaArn>()
                .expect("an ARN"),
        ),
        session_duration: Some("36h".parse().expect("a duration")),
        account: Some("123456789012".parse().expect("an account")),
        principal: Some("arn:aws:iam::123456789012:user/kim".into()),
    }
}

pub(super) fn session() -> StoredSession {
    let issued_at = SystemTime::UNIX_EPOCH + Duration::new(1_800_000_000, 123_456_789);
    StoredSession {
        session: Session {
            keys: keys("ASIAIOSFODNN7EXAMPLE"),
            token: Some(SessionToken::parse("token\"+/=").expect("a token")),
            issued_at,
            expires_at: issued_at + Duration::from_hours(36),
            principal: Some("arn:aws:sts::123456789012:assumed-role/Ä/kim".into()),
            account: None,
            origin: Origin::Keyring,
        },
        plan: "sha256:1f".to_owned(),
        endpoint: Some("http://127.0.0.1:4566".to_owned()),
    }
}

impl<T> Noted<T> {
    /// The value of a result that gave no warning.
    pub(super) fn quiet(self) -> T {
        assert_eq!(self.warnings, Vec::<String>::new());
        self.value
    }
}

/// The same keyring, folder and clock for stores of several configurations.
struct World {
    keyring: Keyring,
    folder: tempfile::TempDir,
}

impl World {
    fn both() -> Vec<World> {
        ["memory", "file"]
            .into_iter()
            .map(|backend| {
                let folder = tempfile::tempdir().expect("a folder");
                let keyring = match backend {
                    "memory" => memory_keyring(),
                    _ => file_keyring(&folder.path().join("ring/keys.age"), "pass phrase"),
                };
                World { keyring, folder }
            })
            .collect()
    }

    fn store(&self, configuration: &str) -> Store {
        Store::open(StoreScope {
            keyring: self.keyring.clone(),
            realm: "default".to_owned(),
            configuration: configuration.into(),
            state_folder: self.folder.path().join("state"),
            clock: Clock::system(),
        })
    }

    /// As somebody else would have left it, without attributes.
    async fn plant(&self, kind: EntryKind, text: &str) {
        let entry = KeyringEntry {
            name: EntryName::new("default", kind, "dev"),
            attributes: Attributes::default(),
        };
        self.keyring
            .write(&entry, Secret::new(text))
            .await
            .expect("written");
    }

    async fn text(&self, kind: EntryKind) -> String {
        let name = EntryName::new("default", kind, "dev");
        self.keyring
            .read(&name)
            .await
            .expect("readable")
            .expect("there")
            .expose()
            .to_owned()
    }
}

#[tokio::test]
async fn whole_values_come_back_as_they_were_put() {
    for world in World::both() {
        let store = world.store(CONFIGURATION);
        assert_eq!(store.long_lived("dev").await.expect("none").value, None);
        assert_eq!(store.session("dev").await.expect("none").value, None);
        store
            .put_long_lived("Dev", &long_lived())
            .await
            .expect("put")
            .quiet();
        store
            .put_session(
                &store.sign_outs.ticket("dev").expect("readable"),
                &session(),
            )
            .await
            .expect("put")
            .quiet();
        let again = world.store(CONFIGURATION);
        assert_eq!(
            again.long_lived("DEV").await.expect("there").value,
            Some(long_lived())
        );
        assert_eq!(
            again.session("dev").await.expect("there").value,
            Some(session())
        );
        for kind in [EntryKind::Keys, EntryKind::Session] {
            let text = world.text(kind).await;
            assert!(
                text.starts_with("{\"v\":1,") && text.is_ascii() && !text.contains('\n'),
                "{text}"
            );
        }
        assert_eq!(
            store.drop_session("dev").await.expect("dropped"),
            Dropped::Removed
        );
        assert_eq!(
            store.drop_session("dev").await.expect("dropped"),
            Dropped::Absent
        );
        assert_eq!(store.session("dev").await.expect("none").value, None);
        assert!(store.long_lived("dev").await.expect("kept").value.is_some());
        assert_eq!(
            store
                .drop_entry(EntryKind::Keys, "dev", Mode::Run)
                .await
                .expect("dropped"),
            Dropped::Removed
        );
    }
}

#[tokio::test]
async fn reading_writes_nothing() {
    for world in World::both() {
        let store = world.store(CONFIGURATION);
        store.session("dev").await.expect("none").quiet();
        store.long_lived("dev").await.expect("none").quiet();
        world.keyring.list().await.expect("none");
        assert_eq!(world.keyring.state().await, KeyringState::Ready);
        assert_eq!(
            std::fs::read_dir(world.folder.path())
                .expect("a folder")
                .count(),
            0
        );
    }
}

#[tokio::test]
async fn only_the_refused_keys_are_cleared_and_the_rest_of_the_entry_stays() {
    for world in World::both() {
        let store = world.store(CONFIGURATION);
        let refused = keys("AKIAIOSFODNN7EXAMPLE").access_key_id;
        assert_eq!(
            store
                .clear_revoked_keys("dev", &refused)
                .await
                .expect("none")
                .value,
            ClearedKeys::Absent
        );
        let other = LongLived {
            keys: Some(keys("AKIAI44QH8DHBEXAMPLE")),
            ..long_lived()
        };
        store
            .put_long_lived("dev", &other)
            .await
            .expect("put")
            .quiet();
        assert_eq!(
            store
                .clear_revoked_keys("dev", &refused)
                .await
                .expect("kept")
                .value,
            ClearedKeys::Changed
        );
        assert_eq!(
            store.long_lived("dev").await.expect("there").value,
            Some(other)
        );
        store
            .put_long_lived("dev", &long_lived())
            .await
            .expect("put")
            .quiet();
        assert_eq!(
            store
                .clear_revoked_keys("DEV", &refused)
                .await
                .expect("cleared")
                .value,
            ClearedKeys::Cleared
        );
        assert_eq!(
            store.long_lived("dev").await.expect("there").value,
            Some(LongLived {
                keys: None,
                ..long_lived()
            })
        );
        assert_eq!(
            store
                .clear_revoked_keys("dev", &refused)
                .await
                .expect("none left")
                .value,
            ClearedKeys::Absent
        );
        assert!(!world.text(EntryKind::Keys).await.contains("wJalr"));
    }
}

#[tokio::test]
async fn what_is_not_a_long_lived_key_is_said_and_stays() {
    let cases = [
        (
            r#"{"v":1,"access_key_id":"AKIAIOSFODNN7EXAMPLE","secret_access_key":"s3cret","session_token":"t"}"#,
            "session",
        ),
        (
            r#"{"v":1,"access_key_id":"AKIAIOSFODNN7EXAMPLE","secret_access_key":"s3cret","SessionToken":"t"}"#,
            "session",
        ),
        (
            r#"{"v":1,"access_key_id":"ASIAIOSFODNN7EXAMPLE","secret_access_key":"s3cret"}"#,
            "session",
        ),
        (
            r#"{"v":1,"access_key_id":"AKIAIOSFODNN7EXAMPLE"}"#,
            "not what",
        ),
        (
            r#"{"v":1,"access_key_id":"AKIAIOSFODNN7EXAMPLE","secret_access_key":" "}"#,
            "not what",
        ),
        (
            r#"{"v":1,"access_key_id":"changeme","secret_access_key":"s3cret"}"#,
            "not what",
        ),
        (r#"{"v":1,"session_duration":"s3cret"}"#, "not what"),
        (
            r#"{"v":2,"access_key_id":"AKIAIOSFODNN7EXAMPLE","secret_access_key":"s3cret"}"#,
            "version 2",
        ),
        (
            r#"{"access_key_id":"AKIAIOSFODNN7EXAMPLE","secret_access_key":"s3cret"}"#,
            "not what",
        ),
        (r#"{"v":1,"access_key_id":"AKIA"#, "not what"),
        ("", "not what"),
        ("s3cret", "not what"),
    ];
    for world in World::both() {
        let store = world.store(CONFIGURATION);
        for (text, said) in cases {
            world.plant(EntryKind::Keys, text).await;
            let error = store.long_lived("dev").await.expect_err(text);
            assert_eq!(error.code, Code::KeyringEntryInvalid, "{text}");
            assert!(
                error.message.contains("default/keys/dev") && error.message.contains(said),
                "{error}: {text}"
            );
            assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
            let refused = keys("AKIAIOSFODNN7EXAMPLE").access_key_id;
            store
                .clear_revoked_keys("dev", &refused)
                .await
                .expect_err("it stays");
            assert_eq!(world.text(EntryKind::Keys).await, text);
        }
    }
}

#[tokio::test]
async fn an_entry_of_a_newer_version_is_neither_replaced_nor_removed() {
    for world in World::both() {
        let store = world.store(CONFIGURATION);
        let newer = r#"{"v":9,"what":"ever"}"#;
        world.plant(EntryKind::Keys, newer).await;
        world.plant(EntryKind::Session, newer).await;
        for error in [
            store
                .put_long_lived("dev", &long_lived())
                .await
                .expect_err("keys"),
            store
                .put_session(
                    &store.sign_outs.ticket("dev").expect("readable"),
                    &session(),
                )
                .await
                .expect_err("session"),
            store
                .drop_entry(EntryKind::Keys, "dev", Mode::Run)
                .await
                .expect_err("keys"),
            store.drop_session("dev").await.expect_err("session"),
            store.session("dev").await.expect_err("session"),
        ] {
            assert_eq!(
                (error.code, error.message.contains("version 9")),
                (Code::KeyringEntryInvalid, true),
                "{error}"
            );
        }
        assert_eq!(world.text(EntryKind::Keys).await, newer);
        assert_eq!(world.text(EntryKind::Session).await, newer);
    }
}

#[tokio::test]
async fn a_broken_entry_is_replaced_by_what_somebody_typed_but_never_removed() {
    for world in World::both() {
        let store = world.store(CONFIGURATION);
        world.plant(EntryKind::Keys, "broken").await;
        assert_eq!(
            store
                .drop_entry(EntryKind::Keys, "dev", Mode::Run)
                .await
                .expect_err("it stays")
                .code,
            Code::KeyringEntryInvalid
        );
        store
            .put_long_lived("dev", &long_lived())
            .await
            .expect("replaced")
            .quiet();
        assert_eq!(
            store.long_lived("dev").await.expect("there").value,
            Some(long_lived())
        );
    }
}

#[tokio::test]
async fn one_name_from_two_configurations_gives_a_warning_that_names_both_and_nothing_is_removed() {
    for world in World::both() {
        let (mine, other) = (world.store(CONFIGURATION), world.store("/other.yaml"));
        other
            .put_session(
                &other.sign_outs.ticket("dev").expect("readable"),
                &session(),
            )
            .await
            .expect("put")
            .quiet();
        for _ in 0..2 {
            let found = mine.session("dev").await.expect("there");
            let [warning] = &found.warnings[..] else {
                panic!("{:?}", found.warnings)
            };
            assert!(
                found.value.is_some()
                    && warning.contains(CONFIGURATION)
                    && warning.contains("/other.yaml"),
                "{warning}"
            );
        }
        other.session("dev").await.expect("there").quiet();
        let kept = Dropped::Kept {
            configuration: "/other.yaml".to_owned(),
        };
        assert_eq!(mine.drop_session("dev").await.expect("kept"), kept);
        assert!(
            other
                .session("dev")
                .await
                .expect("still there")
                .value
                .is_some()
        );
        let ticket = mine.sign_outs.ticket("dev").expect("readable");
        let replaced = mine.put_session(&ticket, &session()).await.expect("put");
        assert_eq!(replaced.warnings.len(), 1, "{:?}", replaced.warnings);
        mine.session("dev").await.expect("now ours").quiet();
        assert_eq!(
            mine.drop_session("dev").await.expect("now ours"),
            Dropped::Removed
        );
    }
}

#[tokio::test]
async fn two_writers_of_one_entry_wait_for_each_other() {
    for world in World::both() {
        let store = world.store(CONFIGURATION);
        let lock = store
            .locks
            .entry(&EntryName::new("default", EntryKind::Session, "dev"))
            .await
            .expect("free");
        let writing = tokio::spawn({
            let store = store.clone();
            async move {
                store
                    .put_session(
                        &store.sign_outs.ticket("dev").expect("readable"),
                        &session(),
                    )
                    .await
            }
        });
        Clock::nap(Duration::from_millis(150)).await;
        assert!(!writing.is_finished());
        drop(lock);
        writing.await.expect("no panic").expect("put").quiet();
        assert!(
            world
                .folder
                .path()
                .join("state/default/locks/session-dev.lock")
                .is_file()
        );
    }
}
