//! Broken environments: each a clear error that names the cause, and nothing lost.

use crate::home::{DEV, Home, code, text};
use std::fs;
use std::process::{Command, Output, Stdio};

fn with_home_unset(home: &Home) -> Output {
    home.fob(&["login", "dev"])
        .env_remove("HOME")
        .output()
        .expect("fob starts")
}

/// Runs `fob` from a shell that first does what `before` says.
fn after(home: &Home, before: &str, arguments: &[&str]) -> Output {
    let fob = home.fob(arguments);
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("{before}; exec \"$@\""), "sh"])
        .arg(fob.get_program())
        .args(fob.get_args());
    shell.env_clear().envs(
        fob.get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    shell
        .current_dir(home.path())
        .stdin(Stdio::null())
        .output()
        .expect("sh starts")
}

#[test]
fn a_home_that_is_not_set_is_named() {
    let ran = with_home_unset(&Home::with(DEV));
    assert_eq!(code(&ran), 2, "{}", text(&ran.stderr));
    assert!(
        text(&ran.stderr).contains("HOME is not set"),
        "{}",
        text(&ran.stderr)
    );
}

#[test]
fn a_file_that_is_no_configuration_is_named_with_exit_2() {
    let home = Home::with(DEV);
    let folder = home.path().join("folder");
    fs::create_dir(&folder).expect("a folder");
    let cases: [(&str, &[u8]); 4] = [
        ("empty", b""),
        ("binary", b"\x00\x01\x02"),
        ("latin", b"auth: \xff"),
        ("list", b"- a\n- b\n"),
    ];
    let mut paths = vec![folder];
    for (name, content) in cases {
        let path = home.path().join(name);
        fs::write(&path, content).expect("a file");
        paths.push(path);
    }
    let large = home.path().join("large");
    fs::File::create(&large)
        .and_then(|file| file.set_len(100 * 1024 * 1024))
        .expect("a large file");
    paths.push(large);
    for path in paths {
        let ran = home.run(&["--config", path.to_str().expect("UTF-8"), "list"]);
        assert!(matches!(code(&ran), 1 | 2), "{}", path.display());
        let said = text(&ran.stderr);
        assert!(
            said.contains(
                path.file_name()
                    .and_then(|name| name.to_str())
                    .expect("a name")
            ),
            "{said}"
        );
        assert!(!said.contains("panicked"), "{said}");
    }
}

/// Every write beyond 512 bytes fails, as on a disk that has just filled up.
#[test]
fn a_full_disk_is_an_error_and_what_was_stored_stays() {
    let home = Home::signed_up(DEV);
    let ring = home.path().join(".config/keyfob/keyring.age");
    let before = fs::read(&ring).expect("a keyring");
    let ran = after(&home, "trap '' XFSZ; ulimit -f 1", &["login", "dev"]);
    let said = text(&ran.stderr);
    assert_eq!(code(&ran), 1, "{said}");
    assert!(said.contains("keyring.age"), "{said}");
    assert_eq!(fs::read(&ring).expect("a keyring"), before);
    assert_eq!(code(&home.run(&["login", "dev"])), 0, "nothing was lost");
}

/// Root writes everywhere, so the folder is one that cannot be made: a file stands in its place.
#[test]
fn a_state_folder_that_cannot_be_made_is_named() {
    let home = Home::signed_up(DEV);
    fs::remove_dir_all(home.path().join(".local")).expect("the state folder is there");
    fs::write(home.path().join(".local"), "").expect("a file");
    let ran = home.run(&["login", "dev"]);
    assert_eq!(code(&ran), 1);
    assert!(
        text(&ran.stderr).contains(".local"),
        "{}",
        text(&ran.stderr)
    );
}

#[test]
fn a_reader_that_left_is_no_reason_to_panic() {
    let home = Home::with(DEV);
    let ran = after(&home, "exec >/dev/full", &["list", "--json"]);
    assert!(
        !text(&ran.stderr).contains("panicked"),
        "{}",
        text(&ran.stderr)
    );
    assert_ne!(code(&ran), 0);
}

#[test]
fn names_that_could_lead_elsewhere_are_refused() {
    let long = "x".repeat(300);
    for name in ["../../etc", "a/../b", &long, "\u{202e}dev", "\u{1f511}", ""] {
        let home = Home::with(&format!(
            "auth: {{ identities: {{ {name:?}: {{ kind: aws/user }} }} }}\n"
        ));
        let ran = home.run(&["validate"]);
        assert_eq!(code(&ran), 2, "{name}: {}", text(&ran.stderr));
        let ran = home.run(&["login", name]);
        assert_ne!(code(&ran), 0, "{name}");
    }
}
