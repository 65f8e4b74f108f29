//! `fob exec`: what the child is given, what it can do with it, how it ends, and that nothing is
//! left behind.

use crate::home::{DEPLOY, DEV, Home, PASSPHRASE, code, pause, text, until};
use keyfob_core::sandbox::{FaultSwitch, SandboxFault, SandboxSettings};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

const FOREIGN: [(&str, &str); 12] = [
    ("AWS_ACCESS_KEY_ID", "AKIAFOREIGN000000001"),
    ("AWS_SECRET_ACCESS_KEY", "foreign"),
    ("AWS_SESSION_TOKEN", "foreign"),
    ("AWS_SECURITY_TOKEN", "foreign"),
    ("AWS_PROFILE", "foreign"),
    ("AWS_DEFAULT_PROFILE", "foreign"),
    ("AWS_ROLE_ARN", "arn:aws:iam::420000000025:role/foreign"),
    ("AWS_ROLE_SESSION_NAME", "foreign"),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", "/foreign"),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/foreign"),
    (
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "http://127.0.0.1:1/foreign",
    ),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/foreign"),
];

/// A child of `fob exec` that tells its variables, then does what the test says with a line on its
/// standard input.
struct Inside {
    fob: Child,
    stdout: BufReader<ChildStdout>,
    variables: BTreeMap<String, String>,
}

impl Inside {
    fn start(fob: &mut Command, script: &str) -> Inside {
        let script = format!(
            "env; echo \"PID=$$\"; echo \"PARENT=$PPID\"; {script}\necho ready; read -r line; eval \"$line\""
        );
        fob.args(["--", "sh", "-c", &script]);
        let mut fob = fob
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("fob starts");
        let mut stdout = BufReader::new(fob.stdout.take().expect("it was piped"));
        let mut variables = BTreeMap::new();
        for line in stdout
            .by_ref()
            .lines()
            .map_while(Result::ok)
            .take_while(|line| line != "ready")
        {
            let (name, value) = line.split_once('=').expect("a variable");
            variables.insert(name.to_owned(), value.to_owned());
        }
        Inside {
            fob,
            stdout,
            variables,
        }
    }

    fn variable(&self, name: &str) -> &str {
        self.variables
            .get(name)
            .unwrap_or_else(|| panic!("{name} is not in {:?}", self.variables))
    }

    /// What the endpoint answers the child, that holds the token.
    fn ask(&self) -> (u16, Value) {
        get(
            self.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
            self.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
        )
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.fob.stdin.as_mut().expect("it was piped"), "{line}")
            .expect("the child reads");
    }

    fn with_input(mut self, line: &str) -> Output {
        self.tell(line);
        self.end()
    }

    fn end(mut self) -> Output {
        let mut stdout = Vec::new();
        self.stdout.read_to_end(&mut stdout).expect("readable");
        let Output { status, stderr, .. } = self.fob.wait_with_output().expect("fob ends");
        Output {
            status,
            stdout,
            stderr,
        }
    }
}

/// As an SDK asks: status and body.
pub fn get(url: &str, token: &str) -> (u16, Value) {
    let rest = url.strip_prefix("http://").expect("no TLS on loopback");
    let (host, path) = rest.split_once('/').expect("a path");
    let mut stream = TcpStream::connect(host).expect("somebody listens");
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {token}\r\nConnection: close\r\n\r\n")
        .expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("head and body");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|it| it.parse().ok())
        .expect("a status");
    (status, serde_json::from_str(body).expect("JSON"))
}

fn mode(path: impl AsRef<Path>) -> u32 {
    fs::metadata(path)
        .expect("it is there")
        .permissions()
        .mode()
        & 0o777
}

/// A child whose session ends soon; what is made after it has the usual length.
fn inside_a_short_session(home: &Home) -> Inside {
    let settings = home.sandbox().settings();
    home.sandbox()
        .set_settings(SandboxSettings {
            session_seconds: Some(6),
            ..settings.clone()
        })
        .expect("a setting");
    let inside = Inside::start(&mut home.fob(&["exec", "dev"]), "");
    home.sandbox().set_settings(settings).expect("a setting");
    inside
}

#[test]
fn the_child_sees_exactly_the_variables_of_its_endpoint_and_none_of_the_callers_credentials() {
    let home = Home::with(
        "auth:\n  identities:\n    team/dev: { kind: aws/user, env: [ { key: STAGE, value: lake side } ], credentials: { region: eu-west-1 } }\n",
    );
    home.store_key("team/dev", &home.key());
    let mut fob = home.fob(&["exec", "team/dev"]);
    fob.envs(FOREIGN)
        .env("UNRELATED", "stays")
        .env("AWS_MAX_ATTEMPTS", "7");
    fob.env("AWS_CONFIG_FILE", "/foreign")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/foreign")
        .env("AWS_REGION", "foreign-1");
    let before: Vec<String> = fob
        .get_envs()
        .filter(|(_, value)| value.is_some())
        .map(|(name, _)| name.to_string_lossy().into())
        .collect();
    let inside = Inside::start(&mut fob, "");

    let own = [
        "AWS_CONFIG_FILE",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "AWS_SHARED_CREDENTIALS_FILE",
        "FOB_IDENTITY",
        "STAGE",
    ];
    let of_the_shell = ["PWD", "OLDPWD", "SHLVL", "_", "PID", "PARENT"];
    let foreign = FOREIGN.map(|(name, _)| name);
    let mut expected: Vec<&str> = before
        .iter()
        .map(String::as_str)
        .filter(|it| !foreign.contains(it) && *it != "FOB_KEYRING_PASSWORD")
        .collect();
    expected.extend(own);
    expected.sort_unstable();
    expected.dedup();
    let mut seen: Vec<&str> = inside.variables.keys().map(String::as_str).collect();
    seen.retain(|name| !of_the_shell.contains(name));
    assert_eq!(seen, expected);
    for (name, value) in [
        ("AWS_REGION", "eu-west-1"),
        ("AWS_DEFAULT_REGION", "eu-west-1"),
        ("FOB_IDENTITY", "team/dev"),
        ("STAGE", "lake side"),
        ("UNRELATED", "stays"),
        ("AWS_MAX_ATTEMPTS", "7"),
        ("AWS_ENDPOINT_URL", &home.sandbox().url()),
    ] {
        assert_eq!(inside.variable(name), value, "{name}");
    }
    let url = inside
        .variable("AWS_CONTAINER_CREDENTIALS_FULL_URI")
        .to_owned();
    assert!(
        url.starts_with("http://127.0.0.1:") && url.ends_with("/v1/credentials/team%2Fdev"),
        "{url}"
    );
    assert_eq!(inside.variable("PARENT"), inside.fob.id().to_string());

    let (status, body) = inside.ask();
    assert_eq!(
        (status, body["AccountId"].as_str()),
        (200, Some("123456789012")),
        "{body}"
    );
    let by_process = home.json(&["credential-process", "team/dev"]);
    assert_eq!(
        (&body["AccessKeyId"], &body["Token"]),
        (&by_process["AccessKeyId"], &by_process["SessionToken"])
    );
    assert_eq!(body["Expiration"], by_process["Expiration"]);
    assert_eq!(get(&url, "wrong").0, 401);
    assert_eq!(code(&inside.with_input("exit 0")), 0);
    assert!(
        TcpStream::connect(url.split('/').nth(2).expect("an address")).is_err(),
        "nobody listens any more"
    );
}

#[test]
fn the_files_are_private_hold_what_they_must_and_go_with_the_child() {
    let home = Home::signed_up(DEV);
    fs::create_dir(home.path().join(".aws")).expect("a folder");
    let own = "[default]\naws_access_key_id = AKIAFOREIGN000000001\naws_secret_access_key = foreign\nregion = sa-east-1\n";
    fs::write(home.path().join(".aws/credentials"), own).expect("written");
    let runtime = home.path().join("run");
    fs::create_dir(&runtime).expect("a folder");
    let inside = Inside::start(
        home.fob(&["exec", "dev"]).env("XDG_RUNTIME_DIR", &runtime),
        "umask 000",
    );
    let token_file = Path::new(inside.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"));
    let folder = token_file.parent().expect("a folder");
    assert_eq!(folder.parent(), Some(runtime.join("keyfob").as_path()));
    assert_eq!((mode(folder), mode(runtime.join("keyfob"))), (0o700, 0o700));
    let read = |name: &str| {
        let path = Path::new(inside.variable(name));
        assert_eq!((path.parent(), mode(path)), (Some(folder), 0o600), "{name}");
        fs::read_to_string(path).expect("text")
    };
    let token = read("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    assert_eq!(
        token,
        inside.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
        "without a line break"
    );
    assert_eq!(read("AWS_SHARED_CREDENTIALS_FILE"), "");
    let config = read("AWS_CONFIG_FILE");
    assert!(
        config.starts_with("[default]\nregion = us-east-1\n\n[profile dev]\n"),
        "{config}"
    );
    assert_eq!(code(&inside.with_input("exit 0")), 0);

    let left = || {
        fs::read_dir(runtime.join("keyfob"))
            .expect("a folder")
            .count()
    };
    assert_eq!(left(), 0);
    for command in [
        &["sh", "-c", "kill -KILL $$"][..],
        &["no-such-program-anywhere"],
        &["/etc/passwd"],
    ] {
        let mut fob = home.fob(&["exec", "dev", "--"]);
        fob.args(command)
            .env("XDG_RUNTIME_DIR", &runtime)
            .output()
            .expect("fob starts");
        assert_eq!(left(), 0, "{command:?}");
    }
    // Without a folder for such things, or with one that is gone.
    let temporary = home.path().join("tmp");
    fs::create_dir(&temporary).expect("a folder");
    for runtime in ["", "relative", "/nowhere/run"] {
        let fob = &mut home.fob(&["exec", "dev"]);
        let inside = Inside::start(
            fob.env("XDG_RUNTIME_DIR", runtime)
                .env("TMPDIR", &temporary),
            "",
        );
        assert!(
            Path::new(inside.variable("AWS_CONFIG_FILE")).starts_with(&temporary),
            "{runtime}"
        );
        assert_eq!(code(&inside.with_input("exit 0")), 0);
        assert_eq!(fs::read_dir(&temporary).expect("a folder").count(), 0);
    }
}

#[test]
fn the_childs_end_is_fobs_own() {
    let home = Home::signed_up(DEV);
    let file = home.path().join("not-executable");
    fs::write(&file, "x").expect("a file");
    let cases: [(&[&str], i32); 6] = [
        (&["sh", "-c", "exit 7"], 7),
        (&["sh", "-c", "exit 255"], 255),
        (&["sh", "-c", "kill -TERM $$"], 143),
        (&["sh", "-c", "kill -INT $$"], 130),
        (&["no-such-program-anywhere"], 127),
        (&[file.to_str().expect("UTF-8")], 126),
    ];
    for (command, expected) in cases {
        let ran = home.run(&[&["exec", "dev", "--"], command].concat());
        assert_eq!(code(&ran), expected, "{command:?}: {}", text(&ran.stderr));
        let said = ["not found", "denied"]
            .iter()
            .any(|why| text(&ran.stderr).contains(why));
        assert_eq!(
            said,
            expected == 126 || expected == 127,
            "{command:?}: {}",
            text(&ran.stderr)
        );
    }
}

#[test]
fn signing_out_ends_what_the_child_gets_at_once() {
    let home = Home::signed_up(&format!("{DEV}{DEPLOY}"));
    let inside = Inside::start(&mut home.fob(&["exec", "deploy"]), "");
    assert_eq!(inside.ask().0, 200);
    assert_eq!(code(&home.run(&["logout", "deploy"])), 0);
    let (status, body) = inside.ask();
    assert_eq!(
        (status, body["code"].as_str()),
        (403, Some("signed_out")),
        "{body}"
    );
    assert!(
        body["message"]
            .as_str()
            .is_some_and(|text| text.contains("fob login deploy")),
        "{body}"
    );
    assert_eq!(code(&home.run(&["login", "deploy"])), 0);
    assert_eq!(inside.ask().0, 200);
    assert_eq!(code(&inside.with_input("exit 0")), 0);
}

#[test]
fn the_port_stays_taken_after_fob_was_killed_for_as_long_as_the_child_lives() {
    let home = Home::signed_up(DEV);
    let mut inside = Inside::start(&mut home.fob(&["exec", "dev"]), "");
    let url = inside.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    let address = url.trim_start_matches("http://");
    let address = address.split('/').next().expect("a host").to_owned();
    inside.fob.kill().expect("it runs");
    assert!(
        std::net::TcpListener::bind(&address).is_err(),
        "{address} is free"
    );
    inside.tell("exit 0");
    inside.end();
    until("the port is free", || {
        std::net::TcpListener::bind(&address).is_ok()
    });
}

#[test]
fn the_files_that_a_killed_fob_left_are_removed_by_the_next() {
    let home = Home::signed_up(DEV);
    let mut inside = Inside::start(&mut home.fob(&["exec", "dev"]), "");
    let token = Path::new(inside.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")).to_owned();
    let folder = token.parent().expect("a folder of its own").to_owned();
    inside.fob.kill().expect("it runs");
    inside.tell("exit 0");
    inside.end();
    assert!(token.exists(), "killed before it could remove it");
    // What is younger than a minute may be about to be locked.
    let in_use = fs::File::options().write(true).open(folder.join("in-use"));
    let long_ago = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let aged = in_use.and_then(|file| file.set_modified(long_ago));
    aged.expect("the home is ours");
    assert_eq!(code(&home.run(&["exec", "dev", "--", "true"])), 0);
    assert!(!folder.exists(), "{}", folder.display());
}

#[test]
fn keys_that_aws_no_longer_accepts_need_a_person_and_raise_no_prompt() {
    let home = Home::signed_up(DEV);
    let inside = inside_a_short_session(&home);
    home.sandbox()
        .revoke_key(&home.key().access_key_id)
        .expect("the key is there");
    assert_eq!(inside.ask().0, 200, "the session is still good");
    let (status, body) = loop {
        match inside.ask() {
            (200, _) => pause(Duration::from_millis(50)),
            refused => break refused,
        }
    };
    // The renewal ahead of time has noticed and cleared them: now a person with others is needed.
    assert_eq!(
        (status, body["code"].as_str()),
        (403, Some("person_needed")),
        "{body}"
    );
    assert_eq!(code(&inside.with_input("exit 0")), 0);
}

#[test]
fn a_slow_renewal_serves_the_held_session_to_its_end_and_goes_on_behind_an_answer_in_time() {
    let home = Home::signed_up(DEV);
    let inside = inside_a_short_session(&home);
    home.sandbox().clear_journal();
    home.sandbox()
        .inject(FaultSwitch::on(SandboxFault::Delay { milliseconds: 6000 }).times(1))
        .expect("a delay");
    let first = inside.ask();
    assert_eq!(first.0, 200, "{}", first.1["code"]);
    let (status, body) = loop {
        match inside.ask() {
            (200, body) => {
                assert_eq!(body, first.1);
                pause(Duration::from_millis(50));
            }
            late => break late,
        }
    };
    assert_eq!(status, 503, "{body}");
    assert!(
        body["message"]
            .as_str()
            .is_some_and(|text| text.contains("it continues")),
        "{body}"
    );
    while inside.ask().0 == 503 {}
    assert_eq!(inside.ask().0, 200);
    assert_eq!(
        home.calls(),
        BTreeMap::from([("GetSessionToken".to_owned(), 1)])
    );
    assert_eq!(code(&inside.with_input("exit 0")), 0);
}

#[test]
fn the_child_outlives_its_agent_and_takes_to_the_next_one() {
    let home = Home::signed_up(DEV);
    let last_caller = || {
        let status = home.json(&["status", "--json"]);
        assert_eq!(status["sessions"][0]["identity"], "dev", "{status}");
        status["sessions"][0]["last_asker"]["program"]
            .as_str()
            .map(str::to_owned)
    };
    let first = home.start_agent();
    let inside = Inside::start(&mut home.fob(&["exec", "dev"]), "");
    let held = inside.ask();
    // The file that runs, whatever it was called by.
    let shell = dunce::canonicalize("/bin/sh").expect("a shell");
    let shell = shell.file_name().and_then(|name| name.to_str());
    assert_eq!((held.0, last_caller().as_deref()), (200, shell));

    assert_eq!(code(&home.run(&["agent", "stop"])), 0);
    drop(first);
    assert_eq!(inside.ask(), held, "without an agent");
    assert_eq!(last_caller(), None);

    let _second = home.start_agent();
    assert_eq!(inside.ask(), held);
    assert_eq!(last_caller().as_deref(), shell, "the new agent was asked");
    assert_eq!(
        home.calls(),
        BTreeMap::from([("GetSessionToken".to_owned(), 1)])
    );
    assert_eq!(code(&inside.with_input("exit 0")), 0);
}

#[test]
fn one_exec_inside_another_has_an_endpoint_of_its_own() {
    let home = Home::signed_up(&format!("{DEV}{DEPLOY}    here: {{ kind: aws/ambient }}\n"));
    let fob = env!("CARGO_BIN_EXE_fob");
    let inside = Inside::start(&mut home.fob(&["exec", "dev"]), "");
    // The passphrase of the keyring is not handed on.
    let inner = format!(
        "FOB_KEYRING_PASSWORD={PASSPHRASE} {fob} exec deploy -- sh -c 'echo $FOB_IDENTITY $AWS_CONTAINER_CREDENTIALS_FULL_URI; exit 6'"
    );
    let outer_url = inside
        .variable("AWS_CONTAINER_CREDENTIALS_FULL_URI")
        .to_owned();
    let ran = inside.with_input(&inner);
    assert_eq!(code(&ran), 6, "{}", text(&ran.stderr));
    let said = text(&ran.stdout);
    let (identity, url) = said.trim().split_once(' ').expect("two words");
    assert_eq!(identity, "deploy");
    assert!(
        url != outer_url && url.ends_with("/v1/credentials/deploy"),
        "{url}"
    );

    // Its credentials are nothing that the machine itself has.
    let ambient = home.run(&["exec", "dev", "--", fob, "login", "here"]);
    assert_eq!(code(&ambient), 1);
    assert!(
        text(&ambient.stderr).contains("Keyfob's own endpoint"),
        "{}",
        text(&ambient.stderr)
    );
}

#[test]
fn with_a_profile_fob_becomes_the_command_and_serves_nothing() {
    let home = Home::signed_up(
        "auth:\n  identities:\n    dev: { kind: aws/user, env: [ { key: STAGE, value: lake side } ], credentials: { region: eu-west-1 } }\n",
    );
    let inside = Inside::start(home.fob(&["exec", "dev", "--profile"]).envs(FOREIGN), "");
    for (name, value) in [
        ("AWS_PROFILE", "dev"),
        ("AWS_REGION", "eu-west-1"),
        ("STAGE", "lake side"),
        ("FOB_IDENTITY", "dev"),
        ("PID", &inside.fob.id().to_string()),
    ] {
        assert_eq!(inside.variable(name), value, "{name}");
    }
    let gone = FOREIGN
        .map(|(name, _)| name)
        .into_iter()
        .filter(|name| *name != "AWS_PROFILE");
    for name in gone.chain(["AWS_CONTAINER_AUTHORIZATION_TOKEN"]) {
        assert_eq!(inside.variables.get(name), None, "{name}");
    }
    let config = fs::read_to_string(inside.variable("AWS_CONFIG_FILE")).expect("text");
    assert!(config.contains("credential_process"), "{config}");
    assert_eq!(code(&inside.with_input("exit 7")), 7);
    assert_eq!(
        code(&home.run(&["exec", "dev", "--profile", "--", "no-such-program-anywhere"])),
        127
    );
    let killed = home.run(&[
        "exec",
        "dev",
        "--profile",
        "--",
        "sh",
        "-c",
        "kill -TERM $$",
    ]);
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&killed.status),
        Some(15)
    );
}

#[test]
fn messages_along_the_way_hold_no_secret() {
    let home = Home::signed_up(DEV);
    let inside = Inside::start(&mut home.fob(&["exec", "dev", "-vv"]), "");
    let (status, body) = inside.ask();
    assert_eq!(status, 200);
    let url = inside
        .variable("AWS_CONTAINER_CREDENTIALS_FULL_URI")
        .to_owned();
    assert_eq!(get(&url, "wrong").0, 401);
    let token = inside
        .variable("AWS_CONTAINER_AUTHORIZATION_TOKEN")
        .to_owned();
    let said = text(&inside.with_input("exit 0").stderr);
    assert!(
        said.contains("a request for credentials was refused"),
        "{said}"
    );
    for secret in [
        body["SecretAccessKey"].as_str(),
        body["Token"].as_str(),
        body["AccessKeyId"].as_str(),
        Some(&token),
    ] {
        assert!(!said.contains(secret.expect("text")), "{said}");
    }
}

/// Needs /proc.
#[cfg(target_os = "linux")]
mod signals {
    use super::*;
    use crate::home::pause;
    use rustix::process::{Pid, Signal, kill_process};
    use std::time::Duration;

    #[test]
    fn a_signal_to_fob_reaches_the_child() {
        let home = Home::signed_up(DEV);
        for (signal, script, expected) in [
            (Signal::TERM, "trap 'exit 41' TERM; trap 'exit 42' HUP", 41),
            (Signal::HUP, "trap 'exit 41' TERM; trap 'exit 42' HUP", 42),
            (Signal::TERM, "", 143),
            (Signal::INT, "trap 'exit 43' INT", 43),
            (Signal::QUIT, "trap 'exit 44' QUIT", 44),
        ] {
            // The tests may have been started with `nohup`, or in the background, themselves.
            let start = ["env", "--default-signal=HUP,INT,QUIT"];
            let inside = Inside::start(&mut started_by(&home, &start), script);
            send(inside.fob.id(), signal);
            let ran = inside.end();
            assert_eq!(code(&ran), expected, "{signal:?}: {}", text(&ran.stderr));
        }
    }

    #[test]
    fn a_stopped_child_hears_that_it_shall_end() {
        let home = Home::signed_up(DEV);
        let mut inside = Inside::start(&mut home.fob(&["exec", "dev"]), "");
        inside.tell("kill -STOP $$");
        let stopped = format!("/proc/{}/stat", inside.variable("PID"));
        while !fs::read_to_string(&stopped)
            .expect("a process")
            .contains(") T ")
        {
            pause(Duration::from_millis(5));
        }
        send(inside.fob.id(), Signal::TERM);
        assert_eq!(code(&inside.end()), 143);
    }

    #[test]
    fn what_was_started_to_outlive_a_hangup_still_does() {
        let home = Home::signed_up(DEV);
        let inside = Inside::start(&mut started_by(&home, &["nohup"]), "");
        send(inside.fob.id(), Signal::HUP);
        assert_eq!(code(&inside.with_input("exit 5")), 5);
    }

    /// `fob exec dev`, by a program that becomes it.
    fn started_by(home: &Home, words: &[&str]) -> Command {
        let fob = home.fob(&["exec", "dev"]);
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .arg(fob.get_program())
            .args(fob.get_args())
            .env_clear()
            .current_dir(home.path());
        command.envs(
            fob.get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        command
    }

    /// At once: the child may be quicker than what is left to do once it has been started.
    fn send(fob: u32, signal: Signal) {
        let fob = Pid::from_raw(fob.cast_signed()).expect("a process");
        kill_process(fob, signal).expect("it lives");
    }
}

const OWN_SETTINGS: &str = "[default]\nregion = us-west-2\noutput = json\nca_bundle = /etc/corp.pem\ns3 =\n  \
    addressing_style = path\naws_secret_access_key = wJalrXUtnFEMI\n[profile lake]\nretry_mode = adaptive\n\
    role_arn = arn:aws:iam::420000000025:role/lake\nsource_profile = default\n[services local]\ndynamodb =\n  \
    endpoint_url = http://localhost:8000\n";

fn with_own_settings(home: &Home) {
    fs::create_dir_all(home.path().join(".aws")).expect("a folder");
    fs::write(home.path().join(".aws/config"), OWN_SETTINGS).expect("written");
}

/// The `credential_process` of a profile, run as an SDK would.
fn run_profile(home: &Home, config: &str, profile: &str) -> Output {
    let (_, section) = config
        .split_once(&format!("[profile {profile}]"))
        .unwrap_or_else(|| panic!("{profile} is not in {config}"));
    let line = section
        .lines()
        .find_map(|line| line.strip_prefix("credential_process = "))
        .expect("a program");
    let fob = home.fob(&[]);
    let mut sh = Command::new("sh");
    sh.args(["-c", line]).env_clear();
    sh.envs(
        fob.get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    sh.output().expect("sh starts")
}

#[test]
fn inside_the_users_other_settings_stay_and_credentials_do_not() {
    let home = Home::signed_up(&format!("{DEV}{DEPLOY}"));
    with_own_settings(&home);
    let inside = Inside::start(&mut home.fob(&["exec", "dev"]), "");
    let config = fs::read_to_string(inside.variable("AWS_CONFIG_FILE")).expect("text");
    inside.with_input("exit 0");
    assert_eq!(code(&home.run(&["login", "deploy"])), 0);
    let env = home.json(&["env", "deploy", "--format", "json"]);
    let file = Path::new(env["AWS_CONFIG_FILE"].as_str().expect("a path"));
    let beside = fs::read_to_string(file).expect("text");
    let (_, own) = beside.split_once("[profile deploy]").expect("its profile");
    let own = own.split("\n[").next().expect("a section");
    for (text, whole) in [(&config, &config), (&own.to_owned(), &beside)] {
        for piece in [
            "output = json\n",
            "ca_bundle = /etc/corp.pem\n",
            "s3 =\n  addressing_style = path\n",
        ] {
            assert!(text.contains(piece), "{piece} is not in {text}");
        }
        assert!(whole.contains("[services local]"), "{whole}");
        assert!(whole.contains("retry_mode = adaptive"), "{whole}");
        for secret in ["wJalr", "role_arn", "us-west-2\ncred"] {
            assert!(!whole.contains(secret), "{secret} is in {whole}");
        }
        let ran = run_profile(&home, whole, "deploy");
        assert_eq!(code(&ran), 0, "{}", text_of(&ran));
        let ran = run_profile(&home, whole, "lake");
        assert_eq!(code(&ran), 1);
        assert!(text_of(&ran).contains("deploy, dev"), "{}", text_of(&ran));
    }
    assert!(
        config.contains("[default]\nregion = us-east-1\n"),
        "{config}"
    );
    assert_eq!(code(&home.run(&["login", "dev"])), 0);
    let again = fs::read_to_string(file).expect("text");
    assert_eq!(again.matches("[services local]").count(), 1, "{again}");
    assert_eq!(code(&home.run(&["logout", "deploy"])), 0);
    assert!(
        !file.exists(),
        "nothing of ours is left: {:?}",
        fs::read_to_string(file)
    );
}

fn text_of(ran: &Output) -> String {
    text(&ran.stderr)
}

#[test]
fn own_settings_that_cannot_be_read_are_a_warning() {
    let home = Home::signed_up(DEV);
    with_own_settings(&home);
    fs::write(home.path().join(".aws/config"), "output = json\n[default\n").expect("written");
    let ran = home.run(&["exec", "dev", "--", "true"]);
    assert_eq!(code(&ran), 0);
    assert!(
        text(&ran.stderr).contains("your AWS settings are not carried over: line 2 of "),
        "{}",
        text(&ran.stderr)
    );
}
