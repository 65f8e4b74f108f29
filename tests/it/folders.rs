//! Folders and files of Keyfob's own are this user's alone, or are not used: an error names what
//! is wrong, and nothing is made, written or followed.

use crate::home::{DEV, Home, text};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

fn state(home: &Home) -> PathBuf {
    home.path().join(".local/state/keyfob/default")
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours to change");
}

/// Runs and fails with a message about `path`, and leaves `path` as it was.
fn refused(home: &Home, arguments: &[&str], path: &Path, why: &str) {
    let before = listing(path);
    let ran = home.run(arguments);
    let said = text(&ran.stderr);
    assert_eq!(ran.status.code(), Some(1), "{said}");
    let names_it = said.contains(&path.display().to_string());
    assert!(names_it && said.contains(why), "{said}");
    assert_eq!(listing(path), before);
}

fn listing(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(path) else {
        return Vec::new();
    };
    let mut found: Vec<_> = entries.map(|it| it.expect("an entry").path()).collect();
    found.sort();
    found
}

#[test]
fn a_link_in_the_place_of_a_lock_file_is_not_followed() {
    let home = Home::signed_up(DEV);
    let victim = home.path().join("victim");
    fs::write(&victim, "theirs").expect("written");
    set_mode(&victim, 0o644);
    let locks = state(&home).join("locks");
    for lock in fs::read_dir(&locks).expect("there are locks").flatten() {
        fs::remove_file(lock.path()).expect("removed");
        symlink(&victim, lock.path()).expect("planted");
    }
    let ran = home.run(&["login", "dev"]);
    assert_eq!(ran.status.code(), Some(1), "{}", text(&ran.stderr));
    assert!(text(&ran.stderr).contains(&locks.display().to_string()));
    assert_eq!(fs::read_to_string(&victim).expect("there"), "theirs");
    let mode = fs::metadata(&victim).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
}

#[test]
fn a_link_in_the_place_of_the_audit_log_makes_no_file() {
    let home = Home::signed_up(DEV);
    let log = state(&home).join("audit.jsonl");
    let target = home.path().join("elsewhere");
    fs::remove_file(&log).expect("there is a log");
    symlink(&target, &log).expect("planted");
    let ran = home.run(&["login", "dev"]);
    assert!(!target.exists());
    assert!(text(&ran.stderr).contains(&log.display().to_string()));
}

#[test]
fn a_folder_that_other_users_can_write_to_is_not_used() {
    let home = Home::signed_up(DEV);
    let locks = state(&home).join("locks");
    set_mode(&locks, 0o777);
    refused(&home, &["login", "dev"], &locks, "chmod 700");
    set_mode(&locks, 0o700);
    assert!(home.run(&["login", "dev"]).status.success());
}

#[test]
fn a_folder_below_one_that_other_users_can_write_to_is_not_used() {
    let home = Home::signed_up(DEV);
    let shared = home.path().join(".local");
    set_mode(&shared, 0o777);
    let ran = home.run(&["login", "dev"]);
    assert_eq!(ran.status.code(), Some(1));
    let said = text(&ran.stderr);
    assert!(
        said.contains(&format!("is below {}", shared.display())),
        "{said}"
    );
    // As /tmp is: only the owner of an entry can replace it.
    set_mode(&shared, 0o1777);
    assert!(home.run(&["login", "dev"]).status.success());
}

/// Only root can give a folder away: `./x test` runs these as root.
mod users {
    use super::*;
    use std::os::unix::fs::chown;

    const NOBODY: u32 = 65534;

    fn give_away(path: &Path) {
        fs::create_dir_all(path).expect("a folder");
        chown(path, Some(NOBODY), Some(NOBODY)).expect("only root can give a folder away");
    }

    #[ignore = "needs root"]
    #[test]
    fn exec_does_not_use_the_runtime_folder_of_another_user() {
        let home = Home::signed_up(DEV);
        let folder = home.runtime().join("keyfob");
        give_away(&folder);
        let other = "belongs to another user";
        refused(
            &home,
            &["--no-agent", "exec", "dev", "--", "true"],
            &folder,
            other,
        );
        chown(&folder, Some(0), Some(0)).expect("root may");
        give_away(home.runtime());
        let ran = home.run(&["--no-agent", "exec", "dev", "--", "true"]);
        let said = text(&ran.stderr);
        assert_eq!(ran.status.code(), Some(1), "{said}");
        assert!(said.contains("unset"), "{said}");
    }

    #[ignore = "needs root"]
    #[test]
    fn a_state_folder_and_a_base_path_of_another_user_are_not_used() {
        let home = Home::signed_up(DEV);
        let other = "belongs to another user";
        let locks = state(&home).join("locks");
        give_away(&locks);
        refused(&home, &["login", "dev"], &locks, other);
        chown(&locks, Some(0), Some(0)).expect("root may");
        let base = home.path().join(".aws/keyfob");
        give_away(&base);
        refused(&home, &["login", "dev"], &base, other);
    }

    #[ignore = "needs root"]
    #[test]
    fn a_file_of_another_user_is_not_used() {
        let home = Home::signed_up(DEV);
        let keyring = home.path().join(".config/keyfob/keyring.age");
        chown(&keyring, Some(NOBODY), Some(NOBODY)).expect("only root can give a file away");
        refused(
            &home,
            &["login", "dev"],
            &keyring,
            "belongs to another user",
        );
    }
}
