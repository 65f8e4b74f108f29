//! Every way to tamper with the log, every way to be killed, many writers at once.

use super::*;
use crate::files::child;
use crate::store::keyring::{file_keyring, memory_keyring};
use crate::store::{Store, StoreScope};
use std::collections::BTreeSet;

struct Place {
    folder: tempfile::TempDir,
    keyring: Keyring,
}

impl Place {
    fn new() -> Place {
        Place {
            folder: tempfile::tempdir().expect("a folder"),
            keyring: memory_keyring(),
        }
    }

    fn log(&self) -> AuditLog {
        log(self.folder.path(), self.keyring.clone())
    }

    /// A log that rotates after a few lines.
    fn short_log(&self) -> AuditLog {
        AuditLog {
            full: 1000,
            ..self.log()
        }
    }

    /// Whose keyring never answers.
    fn log_without_keyring(&self) -> AuditLog {
        log(
            self.folder.path(),
            file_keyring(&self.folder.path().join("ring"), ""),
        )
    }

    async fn with(count: u32) -> Place {
        let place = Place::new();
        append(&place.log(), count).await;
        place
    }

    fn file(&self, slot: usize) -> PathBuf {
        self.log().path(slot)
    }

    fn lines(&self, slot: usize) -> Vec<String> {
        let text = fs::read_to_string(self.file(slot)).expect("the log");
        text.lines().map(str::to_owned).collect()
    }

    fn tamper(&self, slot: usize, change: impl FnOnce(&mut Vec<String>)) {
        let mut lines = self.lines(slot);
        change(&mut lines);
        if !lines.is_empty() {
            lines.push(String::new());
        }
        fs::write(self.file(slot), lines.join("\n")).expect("written");
    }

    /// What is wrong, and the line of the newest file it is said of.
    async fn damage(&self) -> Vec<(DamageKind, u32)> {
        let verdict = self.log().verify().await.expect("readable");
        verdict
            .damage
            .iter()
            .map(|it| (it.what, it.place.line))
            .collect()
    }
}

fn log(folder: &Path, keyring: Keyring) -> AuditLog {
    Store::open(StoreScope {
        keyring,
        realm: "default".to_owned(),
        configuration: "/home/kim/config.yaml".into(),
        state_folder: folder.join("state"),
        clock: Clock::system(),
    })
    .audit()
}

fn kim(pid: u32) -> AuditCaller {
    AuditCaller {
        program: "fob".into(),
        pid,
        user: "kim (1000)".into(),
        trail: None,
    }
}

fn signed_in(what: &str) -> Happened {
    Happened {
        event: AuditEvent::SignIn,
        identity: "dev".to_owned(),
        what: what.to_owned(),
        outcome: AuditOutcome::Ok,
    }
}

async fn append(log: &AuditLog, count: u32) {
    for pid in 1..=count {
        log.append(&kim(pid), &[signed_in("dev: session")], Keeping::Head)
            .await
            .expect("written");
    }
}

async fn intact(log: &AuditLog) -> u32 {
    let verdict = log.verify().await.expect("readable");
    assert_eq!(
        (verdict.damage, verdict.torn, verdict.head),
        (vec![], vec![], HeadState::Known)
    );
    verdict.lines
}

#[tokio::test]
async fn lines_come_back_as_they_were_written_and_form_one_chain() {
    let place = Place::new();
    let log = place.log();
    assert_eq!(
        (intact(&log).await, log.read(None).await.expect("nothing")),
        (0, vec![])
    );
    assert!(
        !place.folder.path().join("state").exists(),
        "reading writes nothing"
    );
    let failed = Happened {
        outcome: AuditOutcome::Failed {
            error: Code::MfaRefused,
        },
        ..signed_in("first → \"é\"\n")
    };
    log.append(&kim(7), &[failed, signed_in("second")], Keeping::Head)
        .await
        .expect("written");
    append(&place.log(), 1).await;
    assert_eq!(intact(&log).await, 3);
    let lines = log.read(None).await.expect("lines");
    assert_eq!(
        (lines[0].number, lines[0].what.as_str()),
        (1, "first → \"é\"")
    );
    assert_eq!(
        (lines[0].outcome, lines[0].caller.clone()),
        (
            AuditOutcome::Failed {
                error: Code::MfaRefused
            },
            kim(7)
        )
    );
    assert_eq!(
        (lines[2].number, lines[2].previous.clone()),
        (3, chain::hash(place.lines(0)[1].as_bytes()))
    );
    assert!(
        place.lines(0)[0].contains(
            r#""result":"failed","error":"mfa_refused","asker":{"program":"fob","pid":7,"#
        )
    );
    let later = SystemTime::from(lines[2].time) + Duration::from_secs(1);
    assert_eq!(log.read(Some(later)).await.expect("none"), vec![]);
}

#[tokio::test]
async fn a_changed_line_is_found_and_named() {
    for line in [1, 2, 3] {
        let place = Place::with(3).await;
        place.tamper(0, |lines| {
            lines[line - 1] = lines[line - 1].replace("kim", "ann");
        });
        assert_eq!(
            place.damage().await,
            [(DamageKind::Changed, u32::try_from(line).expect("small"))]
        );
        place.tamper(0, |lines| lines[line - 1] = "{}".to_owned());
        let damage = place.damage().await;
        assert_eq!(
            damage[0],
            (DamageKind::Changed, u32::try_from(line).expect("small")),
            "{damage:?}"
        );
    }
}

#[tokio::test]
async fn a_change_with_every_hash_after_it_made_to_fit_is_found_by_the_keyring() {
    let place = Place::with(3).await;
    place.tamper(0, |lines| {
        let before = chain::hash(lines[1].as_bytes());
        lines[1] = lines[1].replace("kim", "ann");
        lines[2] = lines[2].replace(&before, &chain::hash(lines[1].as_bytes()));
    });
    assert_eq!(
        place.damage().await,
        [(DamageKind::Changed, 3), (DamageKind::Forged, 2)]
    );
}

#[tokio::test]
async fn missing_reordered_repeated_and_cut_lines_are_found_and_named() {
    type Tampering = fn(&mut Vec<String>);
    let cases: [(&str, Tampering, (DamageKind, u32)); 8] = [
        (
            "the first is missing",
            |lines| drop(lines.remove(0)),
            (DamageKind::Missing, 1),
        ),
        (
            "one in the middle is missing",
            |lines| drop(lines.remove(2)),
            (DamageKind::Missing, 3),
        ),
        (
            "two are missing",
            |lines| drop(lines.drain(1..3)),
            (DamageKind::Missing, 2),
        ),
        (
            "two are exchanged",
            |lines| lines.swap(1, 2),
            (DamageKind::Reordered, 2),
        ),
        (
            "the last two are exchanged",
            |lines| lines.swap(3, 4),
            (DamageKind::Reordered, 4),
        ),
        (
            "one stands twice",
            |lines| lines.insert(3, lines[2].clone()),
            (DamageKind::Reordered, 4),
        ),
        (
            "the last is cut",
            |lines| lines.truncate(4),
            (DamageKind::Cut, 4),
        ),
        ("all are cut", Vec::clear, (DamageKind::Cut, 0)),
    ];
    for (what, tampering, expected) in cases {
        let place = Place::with(5).await;
        place.tamper(0, tampering);
        assert_eq!(place.damage().await, [expected], "{what}");
    }
    let place = Place::with(5).await;
    fs::remove_file(place.file(0)).expect("removed");
    assert_eq!(place.damage().await, [(DamageKind::Cut, 0)]);
}

#[tokio::test]
async fn whatever_is_in_the_files_there_is_a_verdict_and_signing_in_goes_on() {
    let far = r#"{"number":4294967295,"previous":"x","oldest":4294967295}"#;
    for content in [
        "\n\n",
        "\0\u{1}",
        "[]\n{}\n",
        far,
        &format!("{far}\n{far}\n"),
    ] {
        let place = Place::with(2).await;
        let mut text = fs::read(place.file(0)).expect("the log");
        text.extend(content.as_bytes());
        fs::write(place.file(0), &text).expect("written");
        fs::write(place.file(1), content).expect("written");
        place.log().verify().await.expect("a verdict");
        append(&place.log(), 2).await;
        let verdict = place.log().verify().await.expect("a verdict");
        assert!(
            !verdict.damage.is_empty() || !verdict.torn.is_empty(),
            "{content:?}"
        );
    }
}

#[tokio::test]
async fn tampering_stays_visible_when_the_log_is_written_on() {
    type Tampering = fn(&mut Vec<String>);
    let cases: [(&str, Tampering, (DamageKind, u32)); 4] = [
        ("cut", |lines| lines.truncate(2), (DamageKind::Missing, 3)),
        ("all cut", Vec::clear, (DamageKind::Missing, 1)),
        (
            "the last changed",
            |lines| lines[3] = lines[3].replace("kim", "ann"),
            (DamageKind::Changed, 4),
        ),
        (
            "the last no line",
            |lines| lines[3] = "x".to_owned(),
            (DamageKind::Missing, 5),
        ),
    ];
    for (what, tampering, expected) in cases {
        let place = Place::with(4).await;
        place.tamper(0, tampering);
        append(&place.log(), 2).await;
        assert_eq!(place.damage().await, [expected], "{what}");
    }
    let place = Place::with(2).await;
    append(&place.log_without_keyring(), 2).await;
    place.tamper(0, |lines| {
        lines[1] = lines[1].replace("kim", "ann");
        lines[2] = lines[2].replace(r#""previous":""#, r#""previous":"0"#);
    });
    append(&place.log(), 1).await;
    assert!(
        !place.damage().await.is_empty(),
        "a change below lines that the keyring has not seen"
    );
}

#[tokio::test]
async fn a_line_that_another_program_added_is_forged_and_stays_so() {
    let place = Place::with(2).await;
    let own = place.lines(0);
    place.tamper(0, |lines| {
        let (unsealed, _) = lines[1].split_once(r#","seal""#).expect("a seal");
        let last = chain::hash(lines[1].as_bytes());
        let previous = chain::hash(lines[0].as_bytes());
        let forged = unsealed.replace(&previous, &last);
        lines.push(forged.replace(r#""number":2"#, r#""number":3"#) + "}");
    });
    assert_eq!(place.damage().await, [(DamageKind::Forged, 3)]);
    append(&place.log(), 2).await;
    assert_eq!(place.damage().await, [(DamageKind::Forged, 3)]);
    let lines = place.log().read(None).await.expect("lines");
    let marked: Vec<_> = lines.iter().map(|line| line.is_forged).collect();
    assert_eq!(marked, [false, false, true, false, false]);
    // The seal of another line is none.
    place.tamper(0, |lines| {
        let (_, seal) = own[0].split_once(r#","seal""#).expect("a seal");
        let (unsealed, _) = lines[4].split_once(r#","seal""#).expect("a seal");
        let (last, previous) = (
            chain::hash(lines[4].as_bytes()),
            chain::hash(lines[3].as_bytes()),
        );
        let added = unsealed.replace(&previous, &last);
        let added = added.replace(r#""number":5"#, r#""number":6"#);
        lines.push(format!(r#"{added},"seal"{seal}"#));
    });
    let damage = place.damage().await;
    assert_eq!(damage, [(DamageKind::Forged, 3), (DamageKind::Forged, 6)]);
}

#[tokio::test]
async fn a_torn_last_line_is_told_and_closed_off_by_the_next() {
    let whole = Place::with(2).await.lines(0)[1].clone();
    for torn in ["{", &whole[..whole.len() / 2], &whole[..whole.len() - 1]] {
        let place = Place::with(1).await;
        let mut text = fs::read(place.file(0)).expect("the log");
        text.extend(torn.as_bytes());
        fs::write(place.file(0), text).expect("written");
        let verdict = place.log().verify().await.expect("readable");
        assert_eq!(
            (verdict.lines, verdict.damage, verdict.torn[0].line),
            (1, vec![], 2)
        );
        append(&place.log(), 2).await;
        let verdict = place.log().verify().await.expect("readable");
        assert_eq!(
            (verdict.lines, verdict.damage, verdict.torn[0].line),
            (3, vec![], 2),
            "{torn}"
        );
        assert_eq!(place.log().read(None).await.expect("lines").len(), 3);
        place.tamper(0, |lines| lines[1] = "{\"other\":".to_owned());
        assert_eq!(
            place.damage().await,
            [(DamageKind::Changed, 2)],
            "what was closed off cannot be exchanged"
        );
    }
}

#[tokio::test]
async fn a_line_that_lacks_only_its_end_is_a_line() {
    let place = Place::with(2).await;
    let text = fs::read(place.file(0)).expect("the log");
    fs::write(place.file(0), &text[..text.len() - 1]).expect("written");
    assert_eq!(intact(&place.log()).await, 2);
    append(&place.log(), 1).await;
    assert_eq!(intact(&place.log()).await, 3);
}

#[tokio::test]
async fn without_the_keyring_lines_are_written_and_the_verdict_says_what_it_cannot_tell() {
    let place = Place::new();
    append(&place.log_without_keyring(), 2).await;
    let verdict = place
        .log_without_keyring()
        .verify()
        .await
        .expect("readable");
    assert_eq!((verdict.lines, verdict.damage), (2, vec![]));
    assert!(matches!(verdict.head, HeadState::Unknown { .. }));
    assert!(matches!(
        place.log().verify().await.expect("readable").head,
        HeadState::Unknown { .. }
    ));
    append(&place.log(), 1).await;
    assert_eq!(intact(&place.log()).await, 3);
    let locked = Happened {
        outcome: AuditOutcome::Failed {
            error: Code::KeyringLocked,
        },
        ..signed_in("x")
    };
    place
        .log()
        .append(&kim(1), &[locked.clone(), locked], Keeping::LinesOnly)
        .await
        .expect("written");
    let verdict = place.log().verify().await.expect("readable");
    assert_eq!(
        (verdict.damage, verdict.head),
        (vec![], HeadState::Behind { lines: 2 })
    );
    append(&place.log(), 1).await;
    assert_eq!(intact(&place.log()).await, 6);
}

#[tokio::test]
async fn full_files_move_aside_and_the_chain_goes_on_across_them() {
    let place = Place::new();
    let log = place.short_log();
    for count in 1..=30 {
        append(&log, 1).await;
        let lines = intact(&log).await;
        let kept: Vec<u32> = log
            .read(None)
            .await
            .expect("lines")
            .iter()
            .map(|line| line.number)
            .collect();
        assert_eq!(
            (kept.len(), kept.last().copied()),
            (lines as usize, Some(count))
        );
    }
    assert!((0..=OLDEST).all(|slot| place.file(slot).exists()) && !place.file(LEAVING).exists());
    assert!(
        log.read(None).await.expect("lines")[0].number > 1,
        "the oldest were dropped"
    );
    let intact_files: Vec<_> = (0..=OLDEST)
        .map(|slot| fs::read(place.file(slot)).expect("a file"))
        .collect();
    for (slot, content) in intact_files.iter().enumerate() {
        for line in 0..place.lines(slot).len() {
            place.tamper(slot, |lines| drop(lines.remove(line)));
            let verdict = log.verify().await.expect("readable");
            assert!(!verdict.damage.is_empty(), "line {line} of file {slot}");
            fs::write(place.file(slot), content).expect("put back");
        }
        fs::remove_file(place.file(slot)).expect("removed");
        assert!(
            !log.verify().await.expect("readable").damage.is_empty(),
            "file {slot}"
        );
        fs::write(place.file(slot), content).expect("put back");
    }
    intact(&log).await;
}

#[tokio::test]
async fn a_rotation_that_was_killed_half_way_is_finished_by_the_next() {
    let place = Place::new();
    let log = place.short_log();
    append(&log, 30).await;
    while fs::metadata(place.file(0)).expect("a file").len() < 1000 {
        append(&log, 1).await;
    }
    let names = |slot: usize| (place.file(slot), place.file(slot + 1));
    for killed_after in 0..=LEAVING {
        let before: Vec<_> = (0..=OLDEST)
            .map(|slot| fs::read(place.file(slot)).expect("a file"))
            .collect();
        for slot in (0..LEAVING).rev().take(killed_after) {
            let (from, to) = names(slot);
            fs::rename(from, to).expect("moved");
        }
        append(&log, 1).await;
        let verdict = log.verify().await.expect("readable");
        assert_eq!(verdict.damage, vec![], "after {killed_after} moves");
        assert!(!place.file(LEAVING).exists(), "after {killed_after} moves");
        assert_eq!(
            fs::read(place.file(1)).expect("a file"),
            before[0],
            "nothing but the oldest was dropped"
        );
        while fs::metadata(place.file(0)).expect("a file").len() < 1000 {
            append(&log, 1).await;
        }
    }
}

#[tokio::test]
async fn fifty_processes_write_one_chain_and_lose_no_line() {
    const TEST: &str = "fifty_processes_write_one_chain_and_lose_no_line";
    const WRITERS: usize = 50;
    let ring = |folder: &Path| file_keyring(&folder.join("ring"), "pass phrase");
    if let Some(role) = child::role() {
        let log = log(&role.folder, ring(&role.folder));
        return append(&log, 1).await;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let children = (0..WRITERS)
        .map(|_| child::start(module_path!(), TEST, "write", folder.path()))
        .collect();
    child::finish(children);
    let log = log(folder.path(), ring(folder.path()));
    assert_eq!(intact(&log).await as usize, WRITERS);
    let numbers: BTreeSet<u32> = log
        .read(None)
        .await
        .expect("lines")
        .iter()
        .map(|line| line.number)
        .collect();
    assert_eq!(numbers.len(), WRITERS);
}

#[tokio::test]
async fn a_writer_killed_at_any_moment_leaves_whole_lines_and_a_chain_that_goes_on() {
    const TEST: &str = "a_writer_killed_at_any_moment_leaves_whole_lines_and_a_chain_that_goes_on";
    if let Some(role) = child::role() {
        child::say("writing");
        let place = Place::new();
        let log = AuditLog {
            full: 3000,
            ..log(&role.folder, place.keyring.clone())
        };
        loop {
            append(&log, 1).await;
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    for round in 0..20 {
        let mut writer = child::start(module_path!(), TEST, "write", folder.path());
        child::wait_for(&mut writer, "writing");
        child::pause(Duration::from_millis(round * 3));
        writer.kill().expect("kill -9");
        writer.wait().expect("gone");
    }
    let log = log(folder.path(), memory_keyring());
    append(&log, 1).await;
    let verdict = log.verify().await.expect("readable");
    assert_eq!((verdict.damage, verdict.head), (vec![], HeadState::Known));
    assert!(verdict.lines > 20);
}

#[cfg(unix)]
#[test]
fn it_is_private_under_any_umask() {
    const TEST: &str = "it_is_private_under_any_umask";
    if let Some(role) = child::role() {
        let umask = rustix::fs::RawMode::from_str_radix(&role.name, 8).expect("a umask");
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(umask));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let log = AuditLog {
            full: 1000,
            ..log(&role.folder, memory_keyring())
        };
        return runtime.block_on(append(&log, 10));
    }
    for umask in ["000", "077", "277"] {
        let folder = tempfile::tempdir().expect("a folder");
        child::finish(vec![child::start(
            module_path!(),
            TEST,
            umask,
            folder.path(),
        )]);
        let realm = folder.path().join("state/default");
        assert_eq!(child::mode(&realm), 0o700, "{umask}");
        for name in ["audit.jsonl", "audit.1.jsonl", "locks/audit.lock"] {
            assert_eq!(
                child::mode(&realm.join(name)),
                0o600,
                "{name} under {umask}"
            );
        }
    }
}

#[tokio::test]
async fn a_log_that_cannot_be_written_is_an_error_that_names_it() {
    let place = Place::new();
    fs::create_dir_all(place.file(0)).expect("a folder in its place");
    let error = place
        .log()
        .append(&kim(1), &[signed_in("x")], Keeping::Head)
        .await
        .expect_err("a folder");
    assert_eq!(error.code, Code::FilesUnwritable);
    assert!(error.message.contains("audit.jsonl"), "{error}");
    assert!(place.log().read(None).await.is_err());
}
