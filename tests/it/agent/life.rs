//! From `fob agent run` to its end, and what the agent keeps to itself meanwhile.

#[cfg(unix)]
use super::answered;
use super::{end, start};
#[cfg(unix)]
use crate::home::DEPLOY;
use crate::home::{DEV, Home, RunningAgent, code, text, until};
#[cfg(unix)]
use rustix::process::Signal;
#[cfg(unix)]
use std::fs;
#[cfg(unix)]
use std::os::unix::process::ExitStatusExt;

/// What `fob agent status` says: its exit code, and the agent's process id.
fn status(home: &Home) -> (i32, Option<u64>) {
    let ran = home.run(&["agent", "status", "--json"]);
    let status: serde_json::Value = serde_json::from_slice(&ran.stdout).expect("JSON");
    (code(&ran), status["agent"]["pid"].as_u64())
}

fn runs(home: &Home, agent: &RunningAgent) -> bool {
    status(home) == (0, Some(agent.pid().into()))
}

#[test]
fn a_second_agent_names_the_first_and_leaves_it_alone() {
    let home = Home::with(DEV);
    let agent = home.start_agent();
    let second = home.run(&["agent", "run"]);
    assert_eq!(code(&second), 0);
    let said = text(&second.stderr);
    assert!(
        said.contains(&format!(
            "already running for {}, pid {}",
            home.config().display(),
            agent.pid()
        )),
        "{said}"
    );
    assert!(runs(&home, &agent));
}

#[test]
fn of_agents_started_at_once_one_runs_and_the_others_name_it() {
    let home = Home::with(DEV);
    let mut started: Vec<_> = (0..6).map(|_| start(&home, &["agent", "run"])).collect();
    until("one is left", || {
        let running = started.iter_mut().filter_map(|it| {
            it.try_wait()
                .expect("a child of ours")
                .is_none()
                .then_some(())
        });
        running.count() == 1
    });
    let at = started
        .iter_mut()
        .position(|it| it.try_wait().expect("a child of ours").is_none())
        .expect("one is left");
    let agent = started.remove(at);
    let pid = agent.id();
    for other in started {
        let ended = end(other);
        assert_eq!(code(&ended), 0, "{}", text(&ended.stderr));
        assert!(
            text(&ended.stderr).contains(&format!(", pid {pid}")),
            "{}",
            text(&ended.stderr)
        );
    }
    assert_eq!(status(&home), (0, Some(pid.into())));
    assert_eq!(code(&home.run(&["agent", "stop"])), 0);
    assert_eq!(code(&end(agent)), 0);
}

#[cfg(unix)]
#[test]
fn an_agent_that_was_stopped_is_gone_and_another_can_start_at_once() {
    let home = Home::with(DEV);
    let mut first = home.start_agent();
    // It is busy with a request when it is stopped.
    let waiting = start(&home, &["credential-process", "dev", "--wait", "60"]);
    until("a prompt is open", || {
        first.said().contains("dev: waiting for access keys")
    });
    let stopped = home.run(&["agent", "stop"]);
    assert_eq!(code(&stopped), 0, "{}", text(&stopped.stderr));
    assert_eq!(text(&stopped.stderr), "The agent has stopped\n");
    assert!(!home.address().path().exists());
    let second = home.start_agent();
    let ended = first.ends();
    assert_eq!(ended.code(), Some(0), "{ended:?}: {}", first.said());
    assert_eq!(code(&end(waiting)), 3);
    assert!(runs(&home, &second));
}

#[test]
fn an_agent_that_several_stop_at_once_has_ended_for_all_of_them() {
    let home = Home::with(DEV);
    let mut agent = home.start_agent();
    let stops: Vec<_> = (0..8).map(|_| start(&home, &["agent", "stop"])).collect();
    for stop in stops {
        let stopped = end(stop);
        assert_eq!(code(&stopped), 0, "{}", text(&stopped.stderr));
    }
    assert_eq!(agent.ends().code(), Some(0));
}

#[test]
fn nothing_to_stop_is_no_failure_and_status_tells_whether_one_runs() {
    let home = Home::with(DEV);
    let none = home.run(&["agent", "stop"]);
    assert_eq!(code(&none), 0);
    assert!(
        text(&none.stderr).contains("No agent is running"),
        "{}",
        text(&none.stderr)
    );
    assert_eq!(home.json(&["agent", "stop", "--json"])["stopped"], false);
    let none = home.run(&["agent", "status"]);
    assert_eq!(code(&none), 1);
    assert!(
        text(&none.stdout).starts_with("Agent  not running"),
        "{}",
        text(&none.stdout)
    );
    assert_eq!(status(&home), (1, None));

    let agent = home.start_agent();
    let ran = home.run(&["agent", "status"]);
    assert_eq!(code(&ran), 0);
    let told = text(&ran.stdout);
    let config = home.config();
    for piece in [
        &format!("running, pid {}, version", agent.pid()),
        "Since",
        config.to_str().expect("UTF-8"),
    ] {
        assert!(told.contains(piece), "{piece} is not in {told}");
    }
    assert!(runs(&home, &agent));
    assert_eq!(home.json(&["agent", "stop", "--json"])["stopped"], true);
    assert_eq!(status(&home), (1, None));
}

#[cfg(unix)]
#[test]
fn signals_end_it_tidily() {
    let home = Home::with(DEV);
    for (signal, expected) in [(Signal::TERM, 0), (Signal::INT, 130)] {
        let mut agent = home.start_agent();
        assert!(home.address().path().exists());
        agent.signal(signal);
        let ended = agent.ends();
        assert_eq!(ended.code(), Some(expected), "{ended:?}: {}", agent.said());
        assert!(!home.address().path().exists());
        assert!(
            agent.said().ends_with("The agent has stopped\n"),
            "{}",
            agent.said()
        );
    }
}

#[cfg(unix)]
#[test]
fn a_killed_agent_leaves_nothing_that_stands_in_the_way_and_the_next_serves_what_is_stored() {
    let home = Home::signed_up(DEV);
    let mut killed = home.start_agent();
    killed.signal(Signal::KILL);
    assert_eq!(killed.ends().signal(), Some(9));
    assert!(home.address().path().exists(), "the socket is stale");
    let stored = answered(&home.run(&["credential-process", "dev"]));
    let agent = home.start_agent();
    assert!(runs(&home, &agent));
    home.sandbox().clear_journal();
    assert_eq!(answered(&home.run(&["credential-process", "dev"])), stored);
    assert!(home.calls().is_empty(), "{:?}", home.calls());
}

#[cfg(unix)]
#[test]
fn neither_what_it_says_nor_its_log_nor_its_command_line_holds_a_secret() {
    let home = Home::signed_up(&format!("{DEV}{DEPLOY}"));
    let mut agent = home.agent(home.fob(&["agent", "run", "-vv"]));
    let mut secrets = vec![
        home.key().secret_access_key.expose().to_owned(),
        home.key().access_key_id.as_str().to_owned(),
    ];
    for identity in ["deploy", "dev"] {
        let session = home.json(&["credential-process", identity]);
        for field in ["AccessKeyId", "SecretAccessKey", "SessionToken"] {
            secrets.push(session[field].as_str().expect("text").to_owned());
        }
    }
    home.store_key("dev", &home.key());
    let token = home.run(&[
        "rds",
        "token",
        "deploy",
        "--host",
        "db.abc.eu-central-1.rds.amazonaws.com",
        "--user",
        "app",
    ]);
    secrets.push(answered(&token).trim_end().to_owned());
    home.sandbox()
        .revoke_key(&home.key().access_key_id)
        .expect("the key is there");
    assert_eq!(code(&home.run(&["login", "dev", "--force"])), 3);
    assert_eq!(code(&home.run(&["logout", "deploy"])), 0);
    let command_line = fs::read(format!("/proc/{}/cmdline", agent.pid())).expect("readable");
    agent.signal(Signal::TERM);
    assert_eq!(agent.ends().code(), Some(0));
    let said = agent.said();
    for piece in ["DEBUG", "deploy: signed in until", "deploy: signed out"] {
        assert!(said.contains(piece), "{piece} is not in {said}");
    }
    for secret in secrets {
        assert!(!said.contains(&secret), "{secret} is in {said}");
        assert!(!text(&command_line).contains(&secret));
    }
}

/// The system keeps the memory, the variables and the open files of a process that is not dumpable
/// from its own user: its folder below `/proc` belongs to root. Root's own processes look alike, so
/// root lets it run as another user.
#[cfg(target_os = "linux")]
#[test]
fn not_even_its_own_user_can_look_into_its_memory() {
    use std::os::unix::fs::{MetadataExt, chown};
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};
    const NOBODY: u32 = 65534;
    let home = Home::with(DEV);
    let me = rustix::process::geteuid().as_raw();
    let user = if me == 0 { NOBODY } else { me };
    if me == 0 {
        for folder in [home.path(), home.runtime()] {
            chown(folder, Some(NOBODY), Some(NOBODY)).expect("root may");
        }
    }
    let owner = |pid: u32| {
        fs::metadata(format!("/proc/{pid}/environ"))
            .expect("it is running")
            .uid()
    };
    let mut other = Command::new("sleep")
        .arg("600")
        .uid(user)
        .spawn()
        .expect("sleep starts");
    until("it is another program", || {
        fs::read(format!("/proc/{}/comm", other.id())).is_ok_and(|it| it == b"sleep\n")
    });
    assert_eq!(owner(other.id()), user, "as it is with others");
    other
        .kill()
        .and_then(|()| other.wait())
        .expect("it is ours");
    // The repository may lie where only root gets to.
    let program = home.path().join("fob");
    fs::copy(env!("CARGO_BIN_EXE_fob"), &program).expect("room for it");
    let usual = home.fob(&["agent", "run"]);
    let mut fob = Command::new(program);
    fob.args(usual.get_args()).env_clear().envs(
        usual
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    fob.current_dir(home.path()).stdin(Stdio::null()).uid(user);
    assert_eq!(owner(home.agent(fob).pid()), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn an_agent_that_cannot_show_notices_says_so_once_and_in_its_status() {
    let home = Home::with(DEV);
    let mut fob = home.fob(&["agent", "run", "--notify"]);
    fob.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus");
    let log = home.path().join("agent.log");
    let file = fs::File::create(&log).expect("a file");
    let mut agent = fob.stderr(file).spawn().expect("fob starts");
    let says = "no desktop notices are shown";
    let said = || fs::read_to_string(&log).unwrap_or_default();
    until("it says so", || said().contains(says));
    let status = home.run(&["status"]);
    assert!(
        text(&status.stderr).contains(says),
        "{}",
        text(&status.stderr)
    );
    assert_eq!(code(&home.run(&["agent", "stop"])), 0);
    agent.wait().expect("it ends");
    assert_eq!(said().matches(says).count(), 1, "{}", said());
}
