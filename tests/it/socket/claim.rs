//! Where an agent listens, and that there is one of it: in threads, in processes, after a crash,
//! and where things are not as they should be.

use super::*;
use keyfob_core::agent::socket::BlockingConnection;
use sha2::{Digest, Sha256};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;

fn mode(path: &Path) -> u32 {
    fs::metadata(path)
        .expect("it is there")
        .permissions()
        .mode()
        & 0o7777
}

fn refused(place: &Place) -> Error {
    match Listener::open(&place.address()) {
        Err(error) => error,
        Ok(opened) => panic!("{opened:?}"),
    }
}

fn in_runtime<T>(run: impl FnOnce() -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let _inside = runtime.enter();
    run()
}

#[test]
fn the_address_follows_from_the_configurations_canonical_path() {
    let place = Place::new();
    let config = dunce::canonicalize(place.folder.path())
        .expect("there")
        .join("config.yaml");
    let digest = Sha256::digest(config.as_os_str().as_encoded_bytes());
    let hex = digest
        .iter()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    assert_eq!(
        place.address().path(),
        place.run().join("keyfob").join(&hex[..16])
    );
    let link = place.folder.path().join("link.yaml");
    symlink(&config, &link).expect("a link");
    fs::set_permissions(&config, fs::Permissions::from_mode(0o000))
        .expect("it need not be readable");
    assert_eq!(
        Address::of(&link, &place.environment()).expect("an address"),
        place.address()
    );
    assert!(!place.run().join("keyfob").exists(), "nothing is written");
    let other = place.folder.path().join("other.yaml");
    assert!(
        Address::of(&other, &place.environment())
            .expect_err("missing")
            .message
            .contains("other.yaml")
    );
    fs::write(&other, "").expect("a file");
    assert_ne!(
        Address::of(&other, &place.environment()).expect("an address"),
        place.address()
    );
}

#[test]
fn without_a_runtime_folder_of_ones_own_it_is_the_state_folder() {
    let place = Place::new();
    let home = place.folder.path();
    let missing = home.join("missing");
    for runtime in [
        Path::new(""),
        Path::new("run"),
        &missing,
        &home.join("config.yaml"),
    ] {
        let environment = Environment::of([
            ("HOME", home.as_os_str()),
            ("XDG_RUNTIME_DIR", runtime.as_os_str()),
        ]);
        let address = Address::of(&home.join("config.yaml"), &environment).expect("an address");
        let usual = format!("/run/user/{}", rustix::process::geteuid().as_raw());
        let folder = if Path::new(&usual).is_dir() {
            Path::new(&usual).join("keyfob")
        } else {
            home.join(".local/state/keyfob")
        };
        assert_eq!(
            address.path().parent(),
            Some(folder.as_path()),
            "{}",
            runtime.display()
        );
    }
}

#[test]
fn a_path_that_is_too_long_for_a_socket_is_named_with_the_remedy() {
    let place = Place::new();
    let used = place.run().join("keyfob").as_os_str().len() + 1 + 16;
    let address = |filler: usize| {
        let run = place.folder.path().join("r".repeat("run".len() + filler));
        fs::create_dir_all(&run).expect("a folder");
        let environment = Environment::of([("XDG_RUNTIME_DIR", &run)]);
        Address::of(&place.folder.path().join("config.yaml"), &environment)
    };
    let longest = address(103 - used).expect("103 bytes and their end");
    assert_eq!(longest.path().as_os_str().len(), 103);
    in_runtime(|| drop(open(&longest)));
    let error = address(104 - used).expect_err("a byte too many");
    assert!(
        error.message.contains("rrrr") && error.message.contains("105 bytes"),
        "{error}"
    );
    assert!(error.hints[0].contains("XDG_RUNTIME_DIR"), "{error:?}");
}

#[test]
fn the_folder_and_the_socket_are_private_and_only_the_lock_stays() {
    let place = Place::new();
    let address = place.address();
    let keyfob = place.run().join("keyfob");
    fs::create_dir(&keyfob).expect("a folder");
    fs::set_permissions(&keyfob, fs::Permissions::from_mode(0o755)).expect("readable by all");
    in_runtime(|| {
        let listener = open(&address);
        assert_eq!([mode(&keyfob), mode(address.path())], [0o700, 0o600]);
        for file in fs::read_dir(&keyfob).expect("a folder") {
            assert_eq!(mode(&file.expect("a file").path()), 0o600);
        }
        drop(listener);
    });
    let left: Vec<_> = fs::read_dir(&keyfob)
        .expect("a folder")
        .map(|it| it.expect("a file").path())
        .collect();
    assert_eq!(left, [address.path().with_extension("lock")]);
}

#[test]
fn a_second_agent_learns_which_process_has_the_address() {
    let place = Place::new();
    in_runtime(|| {
        let first = open(&place.address());
        for _ in 0..3 {
            let Opened::Taken { pid } = Listener::open(&place.address()).expect("it looks") else {
                panic!("two")
            };
            assert_eq!(pid, Some(std::process::id()));
        }
        drop(first);
        drop(open(&place.address()));
    });
}

#[test]
fn of_many_threads_exactly_one_listens() {
    let place = Place::new();
    let address = place.address();
    for _ in 0..20 {
        let (start, end) = (Barrier::new(8), Barrier::new(8));
        let listeners: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        in_runtime(|| {
                            start.wait();
                            let opened = Listener::open(&address).expect("it looks");
                            end.wait();
                            usize::from(matches!(opened, Opened::Ready(_)))
                        })
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("no panic"))
                .sum()
        });
        assert_eq!(listeners, 1);
    }
}

const FOLDER: &str = "KEYFOB_TEST_SOCKET_FOLDER";

/// This test again, in a process of its own: it waits for a line, opens the address, says what came
/// of it and stays.
fn start_another(place: &Place) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut child = Command::new(std::env::current_exe().expect("this binary"))
        .args([
            "socket::claim::of_many_processes_exactly_one_listens_and_when_it_is_killed_another_can",
            "--exact",
            "--nocapture",
        ])
        .env(FOLDER, place.folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child");
    let output = BufReader::new(child.stdout.take().expect("piped"));
    (child, output)
}

fn be_another(folder: &std::ffi::OsStr) {
    let folder = Path::new(folder);
    let environment = Environment::of([("XDG_RUNTIME_DIR", folder.join("run"))]);
    let address = Address::of(&folder.join("config.yaml"), &environment).expect("an address");
    let mut input = std::io::stdin().lines();
    in_runtime(|| {
        input.next();
        let opened = Listener::open(&address);
        let said = match &opened {
            Ok(Opened::Ready(_)) => "ready".to_owned(),
            Ok(Opened::Taken { .. }) => "taken".to_owned(),
            Err(error) => format!("failed: {error}"),
        };
        writeln!(std::io::stdout(), "\nit is {said}").expect("a pipe");
        input.next();
    });
}

#[test]
fn of_many_processes_exactly_one_listens_and_when_it_is_killed_another_can() {
    if let Some(folder) = Environment::capture().raw(FOLDER) {
        return be_another(folder);
    }
    let place = Place::new();
    let address = place.address();
    let mut children: Vec<_> = (0..6).map(|_| start_another(&place)).collect();
    for (child, _) in &mut children {
        child
            .stdin
            .as_mut()
            .expect("piped")
            .write_all(b"go\n")
            .expect("it waits");
    }
    let mut ready = Vec::new();
    for (mut child, mut output) in children {
        let said = output
            .by_ref()
            .lines()
            .map_while(Result::ok)
            .find(|line| line.starts_with("it is "));
        match said.expect("it says").as_str() {
            "it is ready" => ready.push(child),
            "it is taken" => {
                drop(child.stdin.take());
                std::io::copy(&mut output, &mut std::io::sink()).expect("readable");
                assert!(child.wait().expect("it ends").success());
            }
            other => panic!("{other}"),
        }
    }
    assert_eq!(ready.len(), 1, "exactly one");
    let mut winner = ready.remove(0);
    in_runtime(|| {
        let Opened::Taken { pid } = Listener::open(&address).expect("it looks") else {
            panic!("two")
        };
        assert_eq!(pid, Some(winner.id()));
        winner.kill().expect("killed");
        winner.wait().expect("gone");
        assert!(address.path().exists(), "a killed agent leaves its socket");
        assert!(
            BlockingConnection::open(&address)
                .expect("usable")
                .is_none(),
            "where nobody listens"
        );
        drop(open(&address));
    });
}

#[test]
fn a_stale_socket_is_replaced_and_a_live_one_never_is() {
    let place = Place::new();
    let address = place.address();
    fs::create_dir(place.run().join("keyfob")).expect("a folder");
    let other = UnixListener::bind(address.path()).expect("bound");
    let socket = fs::metadata(address.path()).expect("there").ino();
    in_runtime(|| {
        let opened = Listener::open(&address).expect("it looks");
        assert!(
            matches!(opened, Opened::Taken { .. }),
            "its lock file may have been removed: {opened:?}"
        );
        assert_eq!(fs::metadata(address.path()).expect("there").ino(), socket);
        drop(other);
        let listener = open(&address);
        assert!(
            BlockingConnection::open(&address)
                .expect("usable")
                .is_some()
        );
        drop(listener);
    });
}

#[test]
fn an_agent_removes_its_own_socket_only() {
    let place = Place::new();
    let address = place.address();
    in_runtime(|| {
        let first = open(&address);
        fs::remove_file(address.path()).expect("swept away");
        fs::remove_file(address.path().with_extension("lock")).expect("swept away");
        let second = open(&address);
        drop(first);
        assert!(
            BlockingConnection::open(&address)
                .expect("usable")
                .is_some(),
            "the second is still there"
        );
        drop(second);
        assert!(!address.path().exists());
    });
}

#[test]
fn what_is_no_socket_is_named_and_left_alone() {
    let place = Place::new();
    let address = place.address();
    fs::create_dir(place.run().join("keyfob")).expect("a folder");
    fs::write(address.path(), "precious").expect("a file");
    in_runtime(|| {
        let error = refused(&place);
        assert!(
            error
                .message
                .contains(address.path().to_str().expect("text")),
            "{error}"
        );
        assert!(error.message.contains("not a socket"), "{error}");
    });
    assert_eq!(
        fs::read_to_string(address.path()).expect("there"),
        "precious"
    );
}

#[test]
fn a_folder_that_is_none_or_that_others_may_write_to_is_refused() {
    let place = Place::new();
    let keyfob = place.run().join("keyfob");
    let elsewhere = place.folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).expect("a folder");
    in_runtime(|| {
        for target in [&elsewhere, &place.folder.path().join("nowhere")] {
            symlink(target, &keyfob).expect("a link");
            assert!(refused(&place).message.contains("is a symbolic link"));
            fs::remove_file(&keyfob).expect("removed");
        }
        fs::write(&keyfob, "").expect("a file");
        assert!(refused(&place).message.contains("is not a folder"));
        fs::remove_file(&keyfob).expect("removed");
        fs::create_dir(&keyfob).expect("a folder");
        fs::set_permissions(&keyfob, fs::Permissions::from_mode(0o722))
            .expect("writable by others");
        let error = refused(&place);
        assert!(
            error.message.contains(keyfob.to_str().expect("text")),
            "{error}"
        );
        assert!(
            error.message.contains("can be written to by other users"),
            "{error}"
        );
    });
    for folder in [&elsewhere, &keyfob] {
        assert_eq!(
            fs::read_dir(folder).expect("a folder").count(),
            0,
            "nothing is written"
        );
    }
}
