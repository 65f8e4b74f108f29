//! `fob doctor` on machines that are sound, and on machines with faults: each is named, nothing is
//! changed, and no secret is shown.

use crate::home::{DEPLOY, DEV, Home, PASSPHRASE, code, text};
use crate::proxy::server::{ANY, Server, Settings};
use keyfob_core::sandbox::{FaultSwitch, SandboxFault};
use serde_json::Value;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// With this `fob` on the PATH.
fn doctor(home: &Home, arguments: &[&str]) -> Command {
    let mut fob = home.fob(&[&["doctor"], arguments].concat());
    let folder = Path::new(env!("CARGO_BIN_EXE_fob"));
    let folder = folder.parent().expect("it is in a folder").display();
    fob.env("PATH", format!("{folder}:/usr/bin:/bin"));
    fob
}

fn run(mut fob: Command) -> Output {
    fob.output().expect("fob starts")
}

/// What `--json` says, by name.
struct Found(Vec<Value>);

impl Found {
    fn of(mut fob: Command) -> Found {
        let ran = fob.arg("--json").output().expect("fob starts");
        let all: Value = serde_json::from_slice(&ran.stdout).expect("JSON");
        let found = Found(all["checks"].as_array().expect("a list").clone());
        let is_broken = found.0.iter().any(|it| it["status"] == "broken");
        assert_eq!(code(&ran), i32::from(is_broken), "{}", text(&ran.stderr));
        found
    }

    fn named(&self, name: &str) -> &Value {
        let mut all = self.0.iter();
        let found = all.find(|it| it["name"] == name);
        found.unwrap_or_else(|| panic!("no {name} in {:#?}", self.0))
    }

    /// The check of that name has this status, and words of this in its detail and remedy.
    fn says(&self, [name, status, detail, remedy]: [&str; 4]) {
        let found = self.named(name);
        let has =
            |field: &str, words: &str| found[field].as_str().unwrap_or_default().contains(words);
        assert_eq!(found["status"], status, "{found:#}");
        assert!(has("detail", detail) && has("remedy", remedy), "{found:#}");
    }
}

fn write(path: PathBuf, content: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, content).expect("written");
}

#[test]
fn a_sound_machine_is_said_to_be_one() {
    let home = Home::signed_up(&format!("{DEV}{DEPLOY}"));
    assert_eq!(code(&home.run(&["login", "deploy"])), 0);
    assert_eq!(code(&home.run(&["profiles", "write"])), 0);
    for with_agent in [false, true] {
        let agent = with_agent.then(|| home.start_agent());
        let ran = run(doctor(&home, &[]));
        let (said, shown) = (text(&ran.stderr), text(&ran.stdout));
        assert_eq!(code(&ran), 0, "{shown}{said}");
        assert!(said.starts_with("All is well: "), "{shown}{said}");
        for line in shown.lines() {
            assert!(line.starts_with("ok "), "{line}");
        }
        for name in [
            "configuration",
            "trust",
            "keyring",
            "clock",
            "network 127.0.0.1",
            "identity dev",
            "identity deploy",
            "profiles",
            "agent",
            "fob on the PATH",
            "variables",
            "AWS credentials file",
            "start at login",
            "desktop",
        ] {
            assert!(shown.contains(&format!(" {name}")), "{name}: {shown}");
        }
        assert_eq!(
            shown.contains("agent: running, pid "),
            with_agent,
            "{shown}"
        );
        drop(agent);
    }
}

#[test]
fn a_database_is_signed_in_to_with_the_session_that_is_held_and_with_no_other() {
    let server = Server::start(Settings::good());
    let mysql = Server::start(Settings {
        engine: "mysql",
        ..Settings::good()
    });
    let home = Home::signed_up(&with_databases(&[("orders", &server), ("shop", &mysql)]));
    let found = Found::of(doctor(&home, &[]));
    let untried = "answers with TLS; signing in was not tried: deploy is not signed in";
    found.says(["database orders", "warning", untried, "fob login deploy"]);
    found.says(["database shop", "warning", untried, "fob login deploy"]);
    assert!(
        home.calls().keys().all(|it| it == "GetCallerIdentity"),
        "{:?}",
        home.calls()
    );
    assert_eq!(code(&home.run(&["login", "deploy"])), 0);
    let found = Found::of(doctor(&home, &[]));
    found.says(["database orders", "ok", "takes a token of app", ""]);
    found.says(["database shop", "ok", "takes a token of app", ""]);
    let seen = server.seen();
    assert!(
        seen.iter().any(|it| it.starts_with(b"localhost:")),
        "a token was tried"
    );
}

#[test]
fn a_login_that_mysql_refuses_has_the_servers_words_and_a_remedy() {
    let mysql = Server::start(Settings {
        engine: "mysql",
        refused: vec![ANY],
        ..Settings::good()
    });
    let home = Home::signed_up(&with_databases(&[("shop", &mysql)]));
    assert_eq!(code(&home.run(&["login", "deploy"])), 0);
    let found = Found::of(doctor(&home, &[]));
    let remedy = "AWSAuthenticationPlugin";
    found.says(["database shop", "broken", "Access denied", remedy]);
    assert_eq!(found.named("database shop")["detail"], "Access denied");
}

#[test]
fn a_port_of_the_configuration_that_nothing_listens_on_is_named() {
    let server = Server::start(Settings::good());
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let free = taken.local_addr().expect("an address").port();
    drop(taken);
    let port = format!("proxy: {{ port: {free}, ca");
    let config = with_databases(&[("orders", &server)]).replace("proxy: { ca", &port);
    let home = Home::signed_up(&config);
    let missed = "nothing listens on the port of orders";
    Found::of(doctor(&home, &[])).says(["agent", "warning", missed, "fob agent run"]);
    let _agent = home.start_agent();
    Found::of(doctor(&home, &[])).says(["agent", "ok", "running", ""]);
}

#[test]
fn json_has_the_same_checks() {
    let home = Home::signed_up(DEV);
    let found = Found::of(doctor(&home, &[]));
    let keyring = found.named("keyring").as_object().expect("an object");
    assert_eq!(
        keyring.keys().collect::<Vec<_>>(),
        ["detail", "name", "remedy", "status"]
    );
    assert!(keyring["remedy"].is_null());
}

/// As many databases as there are servers, all opened with deploy.
fn with_databases(all: &[(&str, &Server)]) -> String {
    let line = |(name, server): &(&str, &Server)| {
        let Server {
            engine, host, port, ..
        } = server;
        let ca = server.certificate.display();
        format!(
            "    {name}: {{ engine: {engine}, host: {host}, port: {port}, user: app, \
             via: {{ identity: deploy }}, proxy: {{ ca: {ca} }} }}\n"
        )
    };
    let lines: String = all.iter().map(line).collect();
    format!("{DEV}{DEPLOY}  databases:\n{lines}")
}

struct FaultyMachine {
    home: Home,
    /// Of the key that AWS no longer knows.
    secret: String,
    _servers: [Server; 2],
}

fn with_twelve_faults() -> FaultyMachine {
    let expired = Server::start(Settings {
        is_expired: true,
        ..Settings::good()
    });
    let refusing = Server::start(Settings {
        engine: "postgres",
        refused: vec![ANY],
        ..Settings::good()
    });
    let config = with_databases(&[("old", &expired), ("strict", &refusing)]);
    let home = Home::signed_up(&config);
    assert_eq!(code(&home.run(&["login", "deploy"])), 0);
    let more = "    far: { kind: aws/user, spec: { endpoint_url: \"http://127.0.0.1:1\" } }
    slip: { kind: aws/user, sessin: 1 }\n";
    let config = config.replace(DEPLOY, &format!("{DEPLOY}{more}"));
    fs::write(home.config(), config).expect("written");
    let key = home.key();
    let revoked = home.sandbox().revoke_key(&key.access_key_id);
    revoked.expect("it is there");
    let secret = key.secret_access_key.expose().to_owned();
    let at = |path: &str| home.path().join(path);
    let profile = at(".aws/keyfob/aws-user/config");
    let text = fs::read_to_string(&profile).expect("a profile");
    write(
        profile,
        &text.replace(env!("CARGO_BIN_EXE_fob"), "/gone/fob"),
    );
    let credential_process = "/gone/too/fob --config /c.yaml credential-process dev";
    write(
        at(".aws/config"),
        &format!("[profile dev]\ncredential_process = {credential_process}\n"),
    );
    write(
        at(".aws/credentials"),
        "[later]\naws_access_key_id = changeme\naws_secret_access_key = x-hidden-x\n\
         [deploy]\naws_access_key_id = AKIAX2LQM4W7KD3TNB5Z\naws_secret_access_key = y-hidden-y\n",
    );
    write(
        at(".config/autostart/Keyfob.desktop"),
        "[Desktop Entry]\nExec=/gone/keyfob --hidden\n",
    );
    write(at("other/fob"), "#!/bin/sh\n");
    let executable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(at("other/fob"), executable).expect("set");
    FaultyMachine {
        secret,
        home,
        _servers: [expired, refusing],
    }
}

fn with_faults_of_a_shell(home: &Home, arguments: &[&str]) -> Command {
    let mut fob = doctor(home, arguments);
    let folder = home.path().join("other").display().to_string();
    fob.env("PATH", format!("{folder}:/usr/bin:/bin"));
    fob.env("AWS_ACCESS_KEY_ID", "AKIAXXXXXXXXXXXXXXXX");
    fob.env("AWS_SECRET_ACCESS_KEY", "z-hidden-z");
    fob.env("AWS_SESSION_TOKEN", "")
        .env("AWS_PROFILE", "nobody");
    fob
}

#[test]
fn a_machine_with_more_than_twelve_faults_names_them_all_and_shows_no_secret() {
    let FaultyMachine { home, secret, .. } = &with_twelve_faults();
    for with_agent in [false, true] {
        let agent = with_agent.then(|| {
            let mut fob = home.fob(&["agent", "run"]);
            fob.env(
                "HTTPS_PROXY",
                "http://hidden-user:w-hidden-w@127.0.0.1:3128",
            );
            home.agent(fob)
        });
        let found = Found::of(with_faults_of_a_shell(home, &[]));
        let profile = "it runs /gone/";
        for expected in [
            ["configuration", "broken", "sessin", "fob validate"],
            [
                "identity dev",
                "broken",
                "AWS does not know access key AKIA",
                "fob user configure dev",
            ],
            [
                "network 127.0.0.1:1",
                "broken",
                "cannot be reached",
                "curl -v http://127.0.0.1:1",
            ],
            [
                "database old",
                "broken",
                "localhost has expired",
                "renew it at the server",
            ],
            [
                "database strict",
                "broken",
                "password authentication failed",
                "rds_iam",
            ],
            ["profile dev", "broken", profile, "fob "],
            ["profile deploy", "broken", profile, "fob repair deploy"],
            [
                "fob on the PATH",
                "warning",
                "/other/fob comes first",
                "--version",
            ],
            [
                "AWS_SESSION_TOKEN",
                "warning",
                "set to nothing",
                "unset AWS_SESSION_TOKEN",
            ],
            [
                "AWS_ACCESS_KEY_ID",
                "warning",
                "a placeholder",
                "unset AWS_ACCESS_KEY_ID AWS_SECRET",
            ],
            ["AWS_PROFILE", "broken", "`nobody`", "unset AWS_PROFILE"],
            [
                "AWS credentials [later]",
                "warning",
                "are placeholders",
                "[later]",
            ],
            [
                "AWS credentials [deploy]",
                "warning",
                "before Keyfob's profile deploy",
                "[deploy]",
            ],
            [
                "start at login",
                "broken",
                "/gone/keyfob, which is gone",
                "rm ",
            ],
        ] {
            found.says(expected);
        }
        if with_agent {
            found.says([
                "agent",
                "warning",
                "proxy and certificates",
                "fob agent stop",
            ]);
        }
        let ran = run(with_faults_of_a_shell(home, &[]));
        let shown = text(&ran.stdout) + &text(&ran.stderr) + &format!("{:?}", found.0);
        for hidden in ["-hidden-", "hidden-user", PASSPHRASE, secret] {
            assert!(!shown.contains(hidden), "{shown}");
        }
        assert!(shown.contains("broken  identity dev: "), "{shown}");
        drop(agent);
    }
}

#[test]
fn looking_changes_nothing_and_fixing_only_what_loses_nothing() {
    let FaultyMachine { home, .. } = &with_twelve_faults();
    // The keyring is written, and holds what it held.
    let files = || {
        let mut all = home.digest();
        all.retain(|path, _| !path.to_string_lossy().contains("keyring.age"));
        all
    };
    let (before, keyring) = (files(), home.keyring());
    Found::of(with_faults_of_a_shell(home, &[]));
    assert_eq!((files(), home.keyring()), (before.clone(), keyring.clone()));

    let found = Found::of(with_faults_of_a_shell(home, &["--fix"]));
    found.says([
        "profile deploy",
        "ok",
        "fixed: its profile ran /gone/fob, which is gone",
        "",
    ]);
    found.says([
        "AWS credentials [later]",
        "warning",
        "placeholders",
        "[later]",
    ]);
    found.says(["start at login", "broken", "gone", "rm "]);
    let again = Found::of(with_faults_of_a_shell(home, &[]));
    assert!(
        again.0.iter().all(|it| it["name"] != "profile deploy"),
        "{:#?}",
        again.0
    );
    let shared = fs::read_to_string(home.path().join(".aws/config")).expect("text");
    assert!(
        shared.contains("/gone/too/fob"),
        "it bears no mark of Keyfob's: {shared}"
    );
    let kept = |path: &str| {
        let path = home.path().join(path);
        assert_eq!(before[&path], files()[&path], "{}", path.display());
    };
    kept(".aws/credentials");
    kept(".config/autostart/Keyfob.desktop");
    kept(".config/keyfob/config.yaml");
    assert_eq!(home.keyring(), keyring);
}

#[test]
fn a_profile_in_the_users_own_file_is_written_anew_if_keyfob_wrote_it() {
    let home = Home::signed_up(DEV);
    assert_eq!(code(&home.run(&["profiles", "write"])), 0);
    let path = home.path().join(".aws/config");
    let whole = fs::read_to_string(&path).expect("text");
    write(
        path.clone(),
        &whole.replace(env!("CARGO_BIN_EXE_fob"), "/gone/fob"),
    );
    let found = Found::of(doctor(&home, &[]));
    found.says([
        "profile dev",
        "broken",
        "/gone/fob, which is gone",
        "fob profiles write dev",
    ]);
    let does = "writes the profile dev anew in your AWS configuration file";
    assert_eq!(found.named("profile dev")["safe_fix"], does);
    let found = Found::of(doctor(&home, &["--fix"]));
    found.says(["profile dev", "ok", "fixed: written anew in ", ""]);
    assert_eq!(fs::read_to_string(&path).expect("text"), whole);
}

#[test]
fn a_network_that_is_dead_ends_each_check_and_hides_no_other() {
    let home = Home::signed_up(&format!("{DEV}{DEPLOY}"));
    // Connections are taken, and nothing is ever said.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("an address");
    let (url, network) = (format!("http://{address}"), format!("network {address}"));
    let mut fob = doctor(&home, &[]);
    fob.env("AWS_ENDPOINT_URL", url);
    let found = Found::of(fob);
    let late = "there was no answer within 4 s";
    found.says([&network, "broken", late, ""]);
    found.says(["clock", "broken", late, ""]);
    found.says(["configuration", "ok", "", ""]);
    found.says(["keyring", "ok", "it can be read and written", ""]);
    found.says(["variables", "ok", "", ""]);
}

#[test]
fn a_clock_that_is_wrong_is_named() {
    let home = Home::signed_up(DEV);
    let fault = SandboxFault::ClockOffset { seconds: 1200 };
    home.sandbox()
        .inject(FaultSwitch::on(fault))
        .expect("injected");
    let found = Found::of(doctor(&home, &[]));
    found.says([
        "clock",
        "broken",
        "this machine's clock is 20 min behind",
        "timedatectl",
    ]);
    found.says([
        "identity dev",
        "warning",
        "could not be checked",
        "set the clock",
    ]);
    assert_eq!(home.keyring().len(), 1, "its keys stay");
}

#[test]
fn without_a_configuration_or_trust_in_it_that_is_said_and_aws_is_not_called() {
    let home = Home::signed_up(DEV);
    let absent = home.path().join("none.yaml").display().to_string();
    let found = Found::of(doctor(&home, &["--config", &absent]));
    found.says([
        "configuration",
        "broken",
        "there is no configuration at",
        "fob init",
    ]);
    found.says(["variables", "ok", "", ""]);

    let foreign = home.path().join("foreign.yaml");
    write(
        foreign.clone(),
        &DEV.replace(
            "default: true",
            "spec: { endpoint_url: \"http://127.0.0.1:1\" }",
        ),
    );
    let foreign = foreign.display().to_string();
    let found = Found::of(doctor(&home, &["--config", &foreign]));
    found.says(["trust", "broken", "is not trusted yet", "fob trust '"]);
    assert!(
        found.0.iter().all(|it| it["name"] != "identity dev"),
        "{:#?}",
        found.0
    );

    write(home.config(), "auth: [\n");
    let found = Found::of(doctor(&home, &[]));
    found.says(["configuration", "broken", "cannot be used", ""]);
    assert!(home.calls().is_empty(), "{:?}", home.calls());
}

#[test]
fn a_keyring_that_this_shell_cannot_open_is_broken_unless_the_agent_has_opened_it() {
    let home = Home::signed_up(DEV);
    assert_eq!(code(&home.run(&["login"])), 0);
    let locked = || {
        let mut fob = doctor(&home, &[]);
        fob.env_remove("FOB_KEYRING_PASSWORD");
        fob
    };
    let found = Found::of(locked());
    found.says(["keyring", "broken", "is locked", "set FOB_KEYRING_PASSWORD"]);
    found.says(["identity dev", "warning", "the keyring cannot be read", ""]);
    let _agent = home.start_agent();
    let found = Found::of(locked());
    found.says([
        "keyring",
        "warning",
        "the agent has opened it",
        "FOB_KEYRING_PASSWORD",
    ]);
    found.says(["identity dev", "ok", "valid, says the agent", ""]);
}
