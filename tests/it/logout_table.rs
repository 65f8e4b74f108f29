//! For each kind of target: what is stored before, what the dry run lists, what the real run
//! removes, what is left. The whole home and the whole keyring are compared.

use crate::home::{Home, code, text, wait_for};
use keyfob_core::config::UserSettings;
use keyfob_core::endpoint::Endpoint;
use keyfob_core::ids::AccessKeyId;
use keyfob_core::secret::{
    Keys, LongLived, Origin, Secret, SecretAccessKey, Session, SessionToken,
};
use keyfob_core::store::{
    Attributes, AwsProfile, EntryKind, EntryName, KeyringEntry, StoredKeys, StoredSession,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
#[cfg(unix)]
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const CONFIG: &str = r#"auth:
  providers:
    corp-sso:
      kind: aws/iam-identity-center
      region: eu-central-1
      start_url: https://corp.awsapps.com/start
      spec: { files: { base_path: ~/.custom/aws, static: true } }
    partner-sso: { kind: aws/iam-identity-center, region: eu-central-1, start_url: https://corp.awsapps.com/start }
    okta: { kind: aws/saml, region: us-east-1, url: "https://example.okta.com/app" }
  identities:
    dev: { kind: aws/user, default: true }
    org: { kind: aws/assume-role, via: { identity: dev }, principal: { assume_role: "arn:aws:iam::420000000025:role/org" } }
    admin: { kind: aws/assume-role, via: { identity: org }, principal: { assume_role: "arn:aws:iam::420000000025:role/a" } }
    ops: { kind: aws/assume-role, via: { identity: org }, principal: { assume_role: "arn:aws:iam::420000000025:role/o" } }
    sso-admin: { kind: aws/permission-set, via: { provider: corp-sso }, principal: { name: Admin, account: { id: "410000000017" } } }
    sso-read: { kind: aws/permission-set, via: { provider: corp-sso }, principal: { name: Read, account: { id: "410000000017" } } }
    lake: { kind: aws/assume-role, via: { identity: sso-admin }, principal: { assume_role: "arn:aws:iam::420000000025:role/l" } }
    guest: { kind: aws/permission-set, via: { provider: partner-sso }, principal: { name: Read, account: { id: "410000000018" } } }
    saml-role: { kind: aws/assume-role, via: { provider: okta }, principal: { assume_role: "arn:aws:iam::420000000025:role/s" } }
"#;

/// Everything stored, by what it is and where: keyring entries, sections, files, folders. Locks and
/// marks are left out.
type Stored = BTreeMap<String, String>;

pub fn session_until(end: SystemTime) -> StoredSession {
    let keys = Keys {
        access_key_id: AccessKeyId::parse("ASIAIOSFODNN7EXAMPLE").expect("a key id"),
        secret_access_key: SecretAccessKey::parse("wJalrXUtnFEMI/K7").expect("a secret"),
    };
    let issued_at = end - Duration::from_secs(3600);
    let session = Session {
        keys,
        token: Some(SessionToken::parse("token").expect("a token")),
        issued_at,
        expires_at: end,
        principal: None,
        account: None,
        origin: Origin::Keyring,
    };
    StoredSession {
        session,
        plan: "of another day".to_owned(),
        endpoint: Endpoint::AWS,
    }
}

pub fn profile_of(identity: &str, stored: &StoredSession) -> AwsProfile {
    AwsProfile {
        identity: identity.to_owned(),
        region: "eu-central-1".to_owned(),
        program: PathBuf::from("/usr/bin/fob"),
        session: Some(stored.session.clone()),
        settings: UserSettings::none(),
    }
}

/// Its sandbox's key, as that accepted it.
pub fn stored_keys(home: &Home) -> StoredKeys {
    StoredKeys {
        long_lived: LongLived {
            keys: Some(home.key()),
            mfa_arn: None,
            session_duration: None,
            account: None,
            principal: None,
            file: None,
        },
        endpoint: Some(Endpoint::of(Some(&home.sandbox().url()))),
        since: None,
        rotation: None,
    }
}

#[expect(clippy::disallowed_methods, reason = "sessions end by the wall clock")]
pub fn in_half_an_hour() -> SystemTime {
    SystemTime::now() + Duration::from_secs(1800)
}

/// Everything signed in, and things of other people beside it.
fn stocked() -> Home {
    let home = Home::with(CONFIG);
    let (store, config) = (home.store(&home.config()), home.configuration());
    let stored = session_until(in_half_an_hour());
    wait_for(async {
        let keys = stored_keys(&home);
        store.keys.put("dev", &keys, None).await.expect("put");
        for identity in config.identities() {
            let name = identity.name.as_str();
            store
                .put_session(&store.sign_outs.ticket(name).expect("a ticket"), &stored)
                .await
                .expect("put");
            let profile = profile_of(name, &stored);
            store
                .profiles
                .write(&config.chain(identity).expect("a chain").files, &profile)
                .await
                .expect("written")
                .note(&mut Vec::new());
        }
        for provider in ["corp-sso", "partner-sso"] {
            plant(
                &home,
                &EntryName::new("default", EntryKind::Token, provider),
                "{\"v\":1}",
            )
            .await;
        }
    });
    let theirs = "# mine\n[profile theirs]\nregion = x\n\n";
    let config = home.path().join(".aws/keyfob/aws-user/config");
    let ours = fs::read_to_string(&config).expect("a config");
    fs::write(&config, format!("{theirs}{ours}")).expect("written");
    fs::write(
        home.path().join(".custom/aws/corp-sso/note.txt"),
        "somebody's",
    )
    .expect("written");
    fs::create_dir_all(home.path().join(".aws/sso/cache")).expect("a folder");
    fs::write(home.path().join(".aws/config"), "[default]\nregion = x\n").expect("written");
    home
}

pub async fn plant(home: &Home, name: &EntryName, value: &str) {
    let configuration = dunce::canonicalize(home.config())
        .expect("it is there")
        .display()
        .to_string();
    let attributes = Attributes {
        configuration: Some(configuration),
        version: Some("1".to_owned()),
        holds: None,
    };
    let entry = KeyringEntry {
        name: name.clone(),
        attributes,
    };
    home.keychain()
        .write(&entry, Secret::new(value))
        .await
        .expect("written");
}

pub fn stored(home: &Home) -> Stored {
    let mut found: Stored = home
        .keyring()
        .into_iter()
        .map(|(account, value)| (format!("keyring {account}"), value))
        .collect();
    let unseen = [
        home.path().join(".local"),
        home.path().join(".config/keyfob"),
    ];
    for (path, digest) in home.digest() {
        if unseen.iter().any(|hidden| path.starts_with(hidden)) {
            continue;
        }
        if digest == "folder" {
            found.insert(format!("folder {}", path.display()), String::new());
            continue;
        }
        let content = fs::read_to_string(&path).expect("text");
        found.insert(format!("file {}", path.display()), String::new());
        let mut section = String::from("nothing");
        for line in content.split_inclusive('\n') {
            if let Some(header) = line
                .trim()
                .strip_prefix('[')
                .and_then(|line| line.strip_suffix(']'))
            {
                header
                    .trim_start_matches("profile ")
                    .clone_into(&mut section);
            }
            // What stands before the first section counts once it says something.
            if section == "nothing" && line.trim().is_empty() {
                continue;
            }
            let key = format!("section {} {section}", path.display());
            found
                .entry(key)
                .or_default()
                .push_str(line.trim_end_matches('\n'));
        }
    }
    found
}

/// The steps of a report that ended so, in the words of [`stored`].
pub fn steps(report: &Value, result: &str) -> Vec<String> {
    let steps = report["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .filter(|step| step["result"] == result);
    let mut found: Vec<String> = steps
        .map(|step| {
            let of = |key: &str| step[key].as_str().expect("text").to_owned();
            match of("what").as_str() {
                "section" => format!("section {} {}", of("path"), of("name")),
                what => format!("{what} {}", of("path")),
            }
        })
        .collect();
    found.sort();
    found
}

struct Saved(Vec<(PathBuf, Option<Vec<u8>>, fs::Permissions)>);

fn save(home: &Home) -> Saved {
    let mode = |path: &Path| fs::metadata(path).expect("metadata").permissions();
    let content = |path: &Path| path.is_file().then(|| fs::read(path).expect("readable"));
    Saved(
        home.digest()
            .into_keys()
            .map(|path| (path.clone(), content(&path), mode(&path)))
            .collect(),
    )
}

fn restore(home: &Home, saved: &Saved) {
    for path in home.digest().into_keys().filter(|path| path.is_file()) {
        fs::remove_file(path).expect("removed");
    }
    for (path, content, mode) in &saved.0 {
        match content {
            None => fs::create_dir_all(path).expect("a folder"),
            Some(content) => fs::write(path, content).expect("written"),
        }
        fs::set_permissions(path, mode.clone()).expect("a mode");
    }
}

/// A target, and what must be gone afterwards.
const TARGETS: &[(&[&str], &str)] = &[
    (
        &["admin"],
        "keyring: session/admin, session/dev, session/org · sections: admin, dev, org",
    ),
    (
        &["admin", "--keep-provider"],
        "keyring: session/admin · sections: admin",
    ),
    (
        &["dev", "--keychain", "--yes"],
        "keyring: keys/dev, session/dev · sections: dev",
    ),
    (
        &["lake"],
        "keyring: session/lake, session/sso-admin · sections: lake, lake, sso-admin, sso-admin",
    ),
    (
        &["saml-role"],
        "keyring: session/saml-role · sections: saml-role · files: config · folders: okta",
    ),
    (
        &["--provider", "aws-user"],
        "keyring: session/admin, session/dev, session/ops, session/org · sections: admin, dev, ops, org",
    ),
    (
        &["--provider", "corp-sso"],
        "keyring: session/lake, session/sso-admin, session/sso-read · sections: lake, lake, sso-admin, sso-admin, sso-read, sso-read · files: config, credentials",
    ),
    (
        &["--all", "--yes"],
        "keyring: session/admin, session/dev, session/guest, session/lake, session/ops, session/org, session/saml-role, session/sso-admin, session/sso-read, token/corp-sso, token/partner-sso · sections: admin, dev, guest, lake, lake, ops, org, saml-role, sso-admin, sso-admin, sso-read, sso-read · files: config, config, config, credentials · folders: okta, partner-sso",
    ),
    (
        &["--all", "--keychain", "--yes"],
        "keyring: keys/dev, session/admin, session/dev, session/guest, session/lake, session/ops, session/org, session/saml-role, session/sso-admin, session/sso-read, token/corp-sso, token/partner-sso · sections: admin, dev, guest, lake, lake, ops, org, saml-role, sso-admin, sso-admin, sso-read, sso-read · files: config, config, config, credentials · folders: okta, partner-sso",
    ),
];

/// How [`stored`] begins, and how [`brief`] says it.
const KINDS: [(&str, &str); 4] = [
    ("keyring ", "keyring"),
    ("section ", "sections"),
    ("file ", "files"),
    ("folder ", "folders"),
];

fn brief<'a>(things: impl Iterator<Item = &'a String>) -> String {
    let mut groups: BTreeMap<usize, (&str, Vec<String>)> = BTreeMap::new();
    for thing in things {
        for (at, (prefix, shown)) in KINDS.into_iter().enumerate() {
            if let Some(rest) = thing.strip_prefix(prefix) {
                // An entry without its realm, anything else without its folder.
                let name = match rest.strip_prefix("default/") {
                    Some(entry) => entry,
                    None => rest.rsplit(['/', '\\', ' ']).next().unwrap_or_default(),
                };
                let name = name.to_owned();
                groups.entry(at).or_insert((shown, Vec::new())).1.push(name);
            }
        }
    }
    let groups = groups.into_values().map(|(shown, mut names)| {
        names.sort();
        format!("{shown}: {}", names.join(", "))
    });
    groups.collect::<Vec<_>>().join(" · ")
}

#[test]
fn each_target_removes_what_its_dry_run_listed_and_nothing_else() {
    let home = stocked();
    let saved = save(&home);
    let before = stored(&home);
    println!("stored before: {}\n", brief(before.keys()));
    for (target, expected) in TARGETS {
        let (listed, left) = compare(&home, target, &before);
        assert_eq!(brief(listed.iter()), *expected, "{target:?}");
        println!(
            "fob logout {}\n  listed and removed: {expected}\n  left: {left}\n",
            target.join(" ")
        );
        restore(&home, &saved);
    }
}

/// Runs dry, then for real, and holds both against what is stored.
fn compare(home: &Home, target: &[&str], before: &Stored) -> (Vec<String>, String) {
    let whole = home.digest();
    let arguments = |more: &[&'static str]| [&["logout"], target, more].concat();
    let dry = home.json(&arguments(&["--dry-run", "--json"]));
    assert_eq!(home.digest(), whole, "the dry run changed something");
    let ran = home.json(&arguments(&["--json"]));
    assert_eq!(
        (&dry["dry_run"], &ran["dry_run"]),
        (&Value::Bool(true), &Value::Bool(false))
    );
    let (listed, removed) = (steps(&dry, "would_remove"), steps(&ran, "removed"));
    assert_eq!(listed, removed, "{target:?}");
    assert_eq!(ran["removed"], removed.len());
    for kind in ["absent", "kept", "failed"] {
        assert_eq!(steps(&dry, kind), steps(&ran, kind), "{target:?}");
    }
    assert_eq!(steps(&ran, "failed"), Vec::<String>::new(), "{ran}");
    let after = stored(home);
    let gone: Vec<String> = before
        .keys()
        .filter(|key| !after.contains_key(*key))
        .cloned()
        .collect();
    let mut told = removed.clone();
    told.retain(|step| before.contains_key(step));
    assert_eq!(told, removed, "what is told to be removed was there");
    assert_eq!(gone, removed, "what is gone was told: {target:?}");
    for (key, value) in &after {
        assert_eq!(before.get(key), Some(value), "{key} is as it was");
    }
    let again = home.run(&arguments(&[]));
    assert_eq!(code(&again), 0, "{}", text(&again.stderr));
    assert!(
        text(&again.stderr).contains("already logged out"),
        "{}",
        text(&again.stderr)
    );
    for (path, mode) in home
        .digest()
        .into_keys()
        .map(|path| (path.clone(), fs::metadata(path).expect("there")))
    {
        let ours = [".aws/keyfob/", ".custom/aws/"]
            .iter()
            .any(|base| path.starts_with(home.path().join(base)));
        if ours
            && path.file_name().is_some_and(|name| name != "note.txt")
            && before.contains_key(&format!("file {}", path.display()))
        {
            #[cfg(unix)]
            assert_eq!(
                mode.permissions().mode() & 0o777,
                0o600,
                "{}",
                path.display()
            );
            assert!(!mode.permissions().readonly(), "{}", path.display());
        }
    }
    // The home's own folders are there anyway.
    let kept = |key: &&String| {
        !key.starts_with("folder") || key.contains("keyfob/") || key.contains(".custom/aws/")
    };
    (listed, brief(after.keys().filter(kept)))
}

/// A token that another provider uses.
#[test]
fn a_sign_in_token_that_a_provider_outside_the_target_uses_is_kept_and_reported() {
    let home = stocked();
    let report = home.json(&["logout", "--provider", "corp-sso", "--json"]);
    let kept: Vec<&Value> = report["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .filter(|it| it["result"] == "kept")
        .collect();
    assert_eq!(kept.len(), 1, "{report}");
    assert!(
        kept[0]["detail"]
            .as_str()
            .expect("text")
            .contains("partner-sso uses as well"),
        "{report}"
    );
    assert!(home.keyring().contains_key("default/token/corp-sso"));
}

/// `kill -9` at any moment: the next logout finishes, no file is torn, nothing unrelated is gone.
fn killed_at_random(rounds: u64) {
    let home = stocked();
    let saved = save(&home);
    let before = stored(&home);
    let keyring = home.path().join(".config/keyfob/keyring.age");
    // A run takes as long as it takes on this machine.
    let finished = home.json(&["logout", "--all", "--yes", "--json"]);
    let expected = stored(&home);
    assert!(steps(&finished, "removed").len() > 20);
    restore(&home, &saved);
    let mut cut = 0;
    for round in 0..rounds {
        let mut child = home
            .fob(&["logout", "--all", "--yes", "-q"])
            .spawn()
            .expect("fob starts");
        crate::home::pause(Duration::from_millis(round * 7919 % 2500));
        child.kill().expect("kill -9");
        let ended = child.wait().expect("gone");
        cut += u64::from(!ended.success());
        assert!(keyring.exists());
        for (key, value) in stored(&home) {
            let untorn = before.get(&key) == Some(&value) || key.contains(".keyfob-new");
            assert!(untorn, "round {round}: {key} is torn: {value}");
        }
        let next = home.run(&["logout", "--all", "--yes"]);
        assert_eq!(code(&next), 0, "round {round}: {}", text(&next.stderr));
        assert_eq!(stored(&home), expected, "round {round}");
        restore(&home, &saved);
    }
    assert!(cut > 0, "none of {rounds} was cut off");
}

#[test]
fn a_logout_that_was_killed_is_finished_by_the_next() {
    killed_at_random(5);
}
