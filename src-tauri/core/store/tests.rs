//! What the store promises, on the memory and the file keyring.

use super::keyring::{file_keyring, memory_keyring};
use super::*;
use crate::clock::Clock;
use crate::error::Code;
use crate::ids::{AccessKeyId, MfaArn};
use crate::secret::{Keys, LongLived, Origin, Secret, SecretAccessKey, Session, SessionToken};
use std::time::{Duration, SystemTime};

const CONFIGURATION: &str = "/home/kim/Ünï/config.yaml";

pub(super) fn keys(id: &str) -> Keys {
    Keys {
        access_key_id: AccessKeyId::parse(id).expect("a key id"),
        secret_access_key: SecretAccessKey::parse("wJalrXUtnFEMI/K7").expect("a secret"),
    }
}

fn long_lived() -> StoredKeys {
    holding(Some(keys("AKIAIOSFODNN7EXAMPLE")))
}

fn holding(keys: Option<Keys>) -> StoredKeys {
    let long_lived = LongLived {
        keys,
        mfa_arn: Some(
            "arn:aws:iam::123456789012:mfa/kim"
                .parse::<MfaArn>()
                .expect("an ARN"),
        ),
        session_duration: Some("36h".parse().expect("a duration")),
        account: Some("123456789012".parse().expect("an account")),
        principal: Some("arn:aws:iam::123456789012:user/kim".into()),
        file: Some("/home/kim/accessKeys.csv".to_owned()),
    };
    StoredKeys {
        long_lived,
        endpoint: Some(Endpoint::AWS),
        since: None,
        rotation: None,
    }
}

fn local() -> Endpoint {
    Endpoint::of(Some("http://127.0.0.1:4566"))
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
        endpoint: local(),
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
        assert_eq!(store.keys.find("dev", None).await.expect("none"), None);
        assert_eq!(store.session("dev", None).await.expect("none"), None);
        store
            .keys
            .put("Dev", &long_lived(), None)
            .await
            .expect("put");
        store
            .put_session(
                &store.sign_outs.ticket("dev").expect("readable"),
                &session(),
            )
            .await
            .expect("put");
        let again = world.store(CONFIGURATION);
        assert_eq!(
            again.keys.find("DEV", None).await.expect("there"),
            Some(long_lived())
        );
        assert_eq!(
            again.session("dev", None).await.expect("there"),
            Some(session())
        );
        for kind in [EntryKind::Keys, EntryKind::Session] {
            let text = world.text(kind).await;
            assert!(
                text.starts_with("{\"v\":1,") && text.is_ascii() && !text.contains('\n'),
                "{text}"
            );
        }
        for dropped in [Dropped::Removed, Dropped::Absent] {
            let drop = store.drop_entry(EntryKind::Session, "dev", Mode::Run);
            assert_eq!(drop.await.expect("dropped"), dropped);
        }
        assert_eq!(store.session("dev", None).await.expect("none"), None);
        assert!(store.keys.find("dev", None).await.expect("kept").is_some());
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
        store.session("dev", None).await.expect("none");
        store.keys.find("dev", None).await.expect("none");
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
                .keys
                .clear_revoked("dev", &refused, &Endpoint::AWS)
                .await
                .expect("none"),
            ClearedKeys::Absent
        );
        let other = holding(Some(keys("AKIAI44QH8DHBEXAMPLE")));
        store.keys.put("dev", &other, None).await.expect("put");
        assert_eq!(
            store
                .keys
                .clear_revoked("dev", &refused, &Endpoint::AWS)
                .await
                .expect("kept"),
            ClearedKeys::Changed
        );
        assert_eq!(
            store.keys.find("dev", None).await.expect("there"),
            Some(other)
        );
        store
            .keys
            .put("dev", &long_lived(), None)
            .await
            .expect("put");
        assert_eq!(
            store
                .keys
                .clear_revoked("DEV", &refused, &Endpoint::AWS)
                .await
                .expect("cleared"),
            ClearedKeys::Cleared
        );
        assert_eq!(
            store.keys.find("dev", None).await.expect("there"),
            Some(holding(None))
        );
        assert_eq!(
            store
                .keys
                .clear_revoked("dev", &refused, &Endpoint::AWS)
                .await
                .expect("none left"),
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
            let error = store.keys.find("dev", None).await.expect_err(text);
            assert_eq!(error.code, Code::KeyringEntryInvalid, "{text}");
            assert!(
                error.message.contains("default/keys/dev") && error.message.contains(said),
                "{error}: {text}"
            );
            assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
            let refused = keys("AKIAIOSFODNN7EXAMPLE").access_key_id;
            store
                .keys
                .clear_revoked("dev", &refused, &Endpoint::AWS)
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
                .keys
                .put("dev", &long_lived(), None)
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
            store
                .drop_entry(EntryKind::Session, "dev", Mode::Run)
                .await
                .expect_err("session"),
            store.session("dev", None).await.expect_err("session"),
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
            .keys
            .put("dev", &long_lived(), None)
            .await
            .expect("replaced");
        assert_eq!(
            store.keys.find("dev", None).await.expect("there"),
            Some(long_lived())
        );
    }
}

#[tokio::test]
async fn two_writers_of_one_entry_wait_for_each_other() {
    for world in World::both() {
        let store = world.store(CONFIGURATION);
        let lock = store
            .entries
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
        writing.await.expect("no panic").expect("put");
        assert!(
            world
                .folder
                .path()
                .join("state/default/locks/session-dev.lock")
                .is_file()
        );
    }
}

/// A configuration that is there, and the store of it.
fn of_a_file(world: &World, name: &str) -> (String, Store) {
    let path = world.folder.path().join(name);
    std::fs::write(&path, "").expect("written");
    let path = path.display().to_string();
    let store = world.store(&path);
    (path, store)
}

fn elsewhere<T: std::fmt::Debug>(result: Result<T>, names: &[&str]) {
    let error = result.expect_err("it belongs elsewhere");
    assert_eq!(error.code, Code::BelongsElsewhere, "{error:?}");
    let said = format!("{error} {}", error.hints.join(" "));
    for name in names {
        assert!(said.contains(name), "{said}");
    }
}

#[tokio::test]
async fn what_belongs_to_another_configuration_is_neither_read_nor_written_nor_cleared() {
    for world in World::both() {
        let ((mine, here), (theirs, there)) = (
            of_a_file(&world, "mine.yaml"),
            of_a_file(&world, "theirs.yaml"),
        );
        let ticket = || here.sign_outs.ticket("dev").expect("readable");
        there
            .keys
            .put("dev", &long_lived(), None)
            .await
            .expect("put");
        there.put_session(&ticket(), &session()).await.expect("put");
        let before = [
            world.text(EntryKind::Keys).await,
            world.text(EntryKind::Session).await,
        ];
        let names = [theirs.as_str(), mine.as_str(), "realm", "at AWS"];
        let (aws, id) = (Endpoint::AWS, keys("AKIAIOSFODNN7EXAMPLE").access_key_id);
        elsewhere(here.keys.find("dev", None).await, &names);
        elsewhere(here.keys.find("dev", Some(&aws)).await, &names);
        elsewhere(here.keys.put("dev", &long_lived(), None).await, &names);
        elsewhere(here.keys.clear_revoked("dev", &id, &aws).await, &names);
        elsewhere(here.keys.accepted("dev", &id, &aws).await, &names);
        elsewhere(here.session("dev", None).await, &[&theirs, "realm"]);
        elsewhere(here.put_session(&ticket(), &session()).await, &[&theirs]);
        let kept = Dropped::Kept {
            configuration: theirs.clone(),
        };
        let dropped = here.drop_entry(EntryKind::Session, "dev", Mode::Run);
        assert_eq!(dropped.await.expect("kept"), kept);
        let dropped = here.drop_session_if("dev", |_| true).await;
        assert_eq!(dropped.expect("kept"), Dropped::Absent);
        assert_eq!(
            here.take_over("dev").await.expect("their file is there"),
            None
        );
        let after = [
            world.text(EntryKind::Keys).await,
            world.text(EntryKind::Session).await,
        ];
        assert_eq!(before, after);

        here.evict_others("dev").await.expect("the person said so");
        here.keys
            .put("dev", &long_lived(), None)
            .await
            .expect("put");
        elsewhere(there.keys.find("dev", None).await, &[&mine]);
        assert_eq!(there.session("dev", None).await.expect("gone"), None);
    }
}

#[tokio::test]
async fn what_belongs_to_another_endpoint_is_neither_read_nor_written_nor_cleared() {
    for world in World::both() {
        let (_, store) = of_a_file(&world, "mine.yaml");
        let (aws, local) = (Endpoint::AWS, local());
        let id = keys("AKIAIOSFODNN7EXAMPLE").access_key_id;
        store
            .keys
            .put("dev", &long_lived(), Some(&aws))
            .await
            .expect("put");
        let names = ["AWS", "http://127.0.0.1:4566"];
        elsewhere(store.keys.find("dev", Some(&local)).await, &names);
        elsewhere(
            store.keys.put("dev", &long_lived(), Some(&local)).await,
            &names,
        );
        elsewhere(store.keys.clear_revoked("dev", &id, &local).await, &names);
        assert!(
            store
                .keys
                .find("dev", Some(&aws))
                .await
                .expect("there")
                .is_some()
        );

        let ticket = || store.sign_outs.ticket("dev").expect("readable");
        let at = |endpoint: Endpoint, issued_at: SystemTime| {
            let held = session();
            StoredSession {
                endpoint,
                session: Session {
                    issued_at,
                    expires_at: issued_at + Duration::from_hours(1),
                    ..held.session
                },
                ..held
            }
        };
        let now = Clock::system().now();
        store
            .put_session(&ticket(), &at(local.clone(), now))
            .await
            .expect("put");
        elsewhere(store.session("dev", Some(&aws)).await, &names);
        elsewhere(
            store.put_session(&ticket(), &at(aws.clone(), now)).await,
            &names,
        );
        // One that has ended stands in no way.
        let ended = at(local.clone(), now - Duration::from_hours(2));
        store.put_session(&ticket(), &ended).await.expect("put");
        store
            .put_session(&ticket(), &at(aws.clone(), now))
            .await
            .expect("put");
        elsewhere(store.session("dev", Some(&local)).await, &names);
    }
}

#[tokio::test]
async fn keys_of_an_older_version_are_bound_by_the_endpoint_that_accepts_them_first() {
    let old = r#"{"v":1,"configuration":null,"access_key_id":"AKIAIOSFODNN7EXAMPLE","secret_access_key":"s3cret","mfa_arn":null,"session_duration":null,"account":null,"principal":null}"#;
    for world in World::both() {
        let (_, store) = of_a_file(&world, "mine.yaml");
        world.plant(EntryKind::Keys, old).await;
        let (aws, local) = (Endpoint::AWS, local());
        let id = keys("AKIAIOSFODNN7EXAMPLE").access_key_id;
        for refusing in [&aws, &local] {
            let cleared = store.keys.clear_revoked("dev", &id, refusing).await;
            assert_eq!(cleared.expect("kept"), ClearedKeys::NeverAccepted);
        }
        assert_eq!(world.text(EntryKind::Keys).await, old);
        store
            .keys
            .accepted("dev", &id, &local)
            .await
            .expect("bound");
        elsewhere(
            store.keys.find("dev", Some(&aws)).await,
            &["127.0.0.1:4566"],
        );
        elsewhere(store.keys.clear_revoked("dev", &id, &aws).await, &["AWS"]);
        let cleared = store.keys.clear_revoked("dev", &id, &local).await;
        assert_eq!(cleared.expect("cleared"), ClearedKeys::Cleared);
    }
}

#[tokio::test]
async fn cleared_keys_are_set_aside_until_they_are_restored_replaced_or_thirty_days_are_over() {
    for world in World::both() {
        let clock = Clock::manual(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
        let store = Store::open(StoreScope {
            keyring: world.keyring.clone(),
            realm: "default".to_owned(),
            configuration: CONFIGURATION.into(),
            state_folder: world.folder.path().join("state"),
            clock: clock.clone(),
        });
        let (aws, id) = (Endpoint::AWS, keys("AKIAIOSFODNN7EXAMPLE").access_key_id);
        let clear = async || {
            store
                .keys
                .put("dev", &long_lived(), None)
                .await
                .expect("put");
            let cleared = store.keys.clear_revoked("dev", &id, &aws).await;
            assert_eq!(cleared.expect("cleared"), ClearedKeys::Cleared);
        };
        clear().await;
        let aside = store
            .keys
            .set_aside("dev")
            .await
            .expect("readable")
            .expect("there");
        assert_eq!((aside.stored, aside.since), (long_lived(), clock.now()));
        let attributes = store.attributes(EntryKind::SetAside, "dev").await;
        let holds = attributes
            .expect("readable")
            .expect("there")
            .holds
            .expect("words");
        assert!(holds.contains("AKIA…MPLE, set aside until "), "{holds}");

        let restored = store.keys.restore("dev").await.expect("restored");
        assert_eq!(restored.map(|keys| keys.access_key_id), Some(id.clone()));
        let found = store.keys.find("dev", Some(&aws)).await.expect("there");
        assert_eq!(found, Some(long_lived()));
        assert_eq!(store.keys.set_aside("dev").await.expect("gone"), None);
        assert_eq!(store.keys.restore("dev").await.expect("nothing"), None);

        // Keys that no endpoint has accepted may be wrong.
        clear().await;
        let unseen = StoredKeys {
            endpoint: None,
            ..holding(Some(keys("AKIAI44QH8DHBEXAMPLE")))
        };
        store
            .keys
            .put("dev", &unseen, Some(&aws))
            .await
            .expect("put");
        assert!(
            store
                .keys
                .set_aside("dev")
                .await
                .expect("readable")
                .is_some()
        );
        let other = keys("AKIAI44QH8DHBEXAMPLE").access_key_id;
        store
            .keys
            .accepted("dev", &other, &aws)
            .await
            .expect("bound");
        assert_eq!(store.keys.set_aside("dev").await.expect("gone"), None);

        clear().await;
        clock.advance(Duration::from_hours(30 * 24) - Duration::from_secs(1));
        let early = store.keys.forget_if_over("dev", Mode::Run).await;
        assert_eq!(early.expect("kept"), Dropped::Absent);
        clock.advance(Duration::from_secs(1));
        assert_eq!(store.keys.restore("dev").await.expect("over"), None);
        for mode in [Mode::DryRun, Mode::Run] {
            let over = store.keys.forget_if_over("dev", mode).await;
            assert_eq!(over.expect("gone"), Dropped::Removed);
        }
        let over = store.keys.forget_if_over("dev", Mode::Run).await;
        assert_eq!(over.expect("gone"), Dropped::Absent);
    }
}

#[tokio::test]
async fn a_configuration_that_was_moved_takes_over_what_was_stored_for_its_old_path() {
    for world in World::both() {
        let (old, before) = of_a_file(&world, "old.yaml");
        let ticket = before.sign_outs.ticket("dev").expect("readable");
        before
            .keys
            .put("dev", &long_lived(), None)
            .await
            .expect("put");
        before.put_session(&ticket, &session()).await.expect("put");
        let new = world.folder.path().join("new.yaml");
        std::fs::rename(&old, &new).expect("moved");
        let after = world.store(new.to_str().expect("text"));
        let names = [
            old.as_str(),
            "no longer there",
            "fob repair dev --take-over",
        ];
        elsewhere(after.keys.find("dev", None).await, &names);
        assert_eq!(after.take_over("dev").await.expect("taken"), Some(old));
        let found = after.keys.find("dev", None).await.expect("there");
        assert_eq!(found, Some(long_lived()));
        let found = after.session("dev", None).await.expect("there");
        assert_eq!(found, Some(session()));
        assert_eq!(after.take_over("dev").await.expect("once"), None);
    }
}
