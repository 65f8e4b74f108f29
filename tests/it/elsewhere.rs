//! Keys and sessions belong to a configuration and to an endpoint. A file from elsewhere that has
//! an identity of the same name, and another AWS, get nothing of them and change nothing.

#[cfg(unix)]
use crate::desktop::Office;
use crate::home::{DEV, Home, PASSPHRASE, RunningAgent, code, text, typed, wait_for};
use crate::screen::Terminal;
use keyfob_core::agent::api::{Caller, Person};
use keyfob_core::agent::edits::import_first;
use keyfob_core::environment::Environment;
use keyfob_core::secret::Keys;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Output;

/// Kim's machine, and a repository that was cloned to it with a configuration of its own.
struct Stage {
    home: Home,
    /// The AWS that the repository's file names.
    hostile: Home,
    file: String,
}

impl Stage {
    fn new() -> Stage {
        let home = Home::signed_up(DEV);
        assert_eq!(code(&home.run(&["login", "dev"])), 0);
        let hostile = Home::with(DEV);
        let url = hostile.sandbox().url();
        let text = format!(
            "auth:\n  identities:\n    dev: {{ kind: aws/user, default: true, spec: {{ endpoint_url: \"{url}\" }} }}\n    other: {{ kind: aws/user }}\n"
        );
        let file = home.other_config("cloned.yaml", &text);
        Stage {
            home,
            hostile,
            file,
        }
    }

    fn file(&self) -> &str {
        &self.file
    }

    fn agents(&self) -> [RunningAgent; 2] {
        let of_the_file = self.home.fob(&["--config", self.file(), "agent", "run"]);
        [self.home.start_agent(), self.home.agent(of_the_file)]
    }

    fn with_the_file(&self, arguments: &[&str], input: &str) -> Output {
        let arguments = [&["--config", self.file()], arguments].concat();
        self.home.run_with_input(&arguments, input)
    }

    /// All that a file from elsewhere must leave as it is.
    fn kept(&self) -> (Vec<(String, String)>, String) {
        let profile = self.home.path().join(".aws/keyfob/aws-user/config");
        let profile = fs::read_to_string(profile).expect("a login wrote it");
        (self.home.keyring().into_iter().collect(), profile)
    }
}

fn key_id(ran: &Output) -> String {
    let printed: Value = serde_json::from_slice(&ran.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", text(&ran.stderr)));
    printed["AccessKeyId"].as_str().expect("text").to_owned()
}

/// Exit 1, and words that name both and the way out.
fn is_refused(ran: &Output, names: &[&str]) {
    let said = text(&ran.stderr) + &text(&ran.stdout);
    assert_eq!(code(ran), 1, "{said}");
    for name in names {
        assert!(said.contains(name), "{name} is not in {said}");
    }
}

#[test]
fn a_cloned_repositorys_file_gets_nothing_of_an_identity_of_the_same_name_and_changes_nothing() {
    for with_agents in [false, true] {
        let stage = Stage::new();
        let _agents = with_agents.then(|| stage.agents());
        let owner = stage.home.config();
        let owner = owner.to_str().expect("text");
        let (kept, session) = (
            stage.kept(),
            key_id(&stage.home.run(&["credential-process", "dev"])),
        );
        for arguments in [
            &["login", "dev"][..],
            &["login", "dev", "--force", "--no-input"],
            &["credential-process", "dev"],
            &["credential-process", "dev", "--no-agent"],
            &["exec", "dev", "--", "true"],
            &["env", "dev", "--static"],
            &["user", "configure", "dev", "--stdin"],
            &["user", "configure", "dev", "--stdin", "--no-check"],
            &["repair", "dev"],
        ] {
            let ran = stage.with_the_file(arguments, &typed(&stage.hostile.key()));
            is_refused(&ran, &[owner, "realm"]);
            let coded = stage.with_the_file(
                &[&["--json"], arguments].concat(),
                &typed(&stage.hostile.key()),
            );
            let told: Value = serde_json::from_slice(&coded.stdout).unwrap_or_default();
            let code = &told["error"]["code"];
            assert!(
                arguments[0] == "repair" || code == "belongs_elsewhere",
                "{arguments:?}: {told}"
            );
        }
        let whoami = stage.with_the_file(&["whoami", "dev"], "");
        is_refused(&whoami, &[owner]);
        for arguments in [
            &["logout", "dev", "--keychain", "--yes"][..],
            &["logout", "--all", "--keychain", "--yes"],
            &["cleanup", "--keychain", "--yes"],
        ] {
            let ran = stage.with_the_file(arguments, "");
            assert_eq!(code(&ran), 0, "{arguments:?}: {}", text(&ran.stderr));
        }
        // That would sign out the person's own identity.
        for command in [&["login", "dev"][..], &["credential-process", "dev"]] {
            let said = text(&stage.with_the_file(command, "").stderr);
            assert!(!said.contains("fob logout"), "{said}");
        }
        assert_eq!(stage.kept(), kept);
        assert_eq!(stage.hostile.sandbox().journal().len(), 0, "no call");
        let again = key_id(&stage.home.run(&["credential-process", "dev"]));
        assert_eq!(again, session);
    }
}

#[test]
fn what_belongs_elsewhere_is_a_state_of_its_own_and_leaves_other_identities_alone() {
    for with_agents in [false, true] {
        let stage = Stage::new();
        let _agents = with_agents.then(|| stage.agents());
        let states = || {
            let listed = stage.with_the_file(&["list", "--json"], "");
            let told: Value = serde_json::from_slice(&listed.stdout).expect("JSON");
            let of = |at: usize| told["identities"][at]["state"].clone();
            (of(0), of(1), text(&listed.stderr))
        };
        let (dev, other, said) = states();
        assert_eq!(
            (dev, other),
            ("belongs_elsewhere".into(), "needs_sign_in".into())
        );
        let owner = stage.home.config();
        assert!(said.contains(owner.to_str().expect("text")), "{said}");
        // The keys alone say so as well.
        assert_eq!(code(&stage.home.run(&["logout", "dev"])), 0);
        let (dev, ..) = states();
        assert_eq!(dev, "belongs_elsewhere", "with agents: {with_agents}");
    }
}

#[test]
fn a_session_of_one_endpoint_is_never_handed_out_for_another() {
    for with_agent in [false, true] {
        let home = Home::signed_up(DEV);
        let local = Home::with(DEV);
        let url = local.sandbox().url();
        let at_local = |arguments: &[&str], input: &str| {
            let mut child = home
                .fob(arguments)
                .env("AWS_ENDPOINT_URL", &url)
                .stdin(std::process::Stdio::piped())
                .stdout(std::process::Stdio::piped())
                .stderr(std::process::Stdio::piped())
                .spawn()
                .expect("fob starts");
            let mut stdin = child.stdin.take().expect("it was piped");
            std::io::Write::write_all(&mut stdin, input.as_bytes()).expect("fob reads");
            drop(stdin);
            child.wait_with_output().expect("fob ends")
        };
        let _agent = with_agent.then(|| home.start_agent());
        let session = key_id(&home.run(&["credential-process", "dev"]));
        let aws = home.sandbox().url();
        for arguments in [
            &["login", "dev", "--no-input"][..],
            &["login", "dev", "--force", "--no-input"],
            &["credential-process", "dev"],
            &["user", "configure", "dev", "--stdin"],
        ] {
            let ran = at_local(arguments, &typed(&local.key()));
            is_refused(&ran, &["belong", &aws, &url, "realm"]);
        }
        assert_eq!(local.sandbox().journal().len(), 0, "no call");
        let again = key_id(&home.run(&["credential-process", "dev"]));
        assert_eq!(again, session);

        // The other way round.
        let replaced = at_local(
            &["user", "configure", "dev", "--stdin", "--replace"],
            &typed(&local.key()),
        );
        assert_eq!(code(&replaced), 0, "{}", text(&replaced.stderr));
        assert_eq!(code(&at_local(&["login", "dev"], "")), 0);
        home.sandbox().clear_journal();
        let refused = home.run(&["credential-process", "dev"]);
        // The agent still holds what was made here.
        if !with_agent || code(&refused) != 0 {
            is_refused(&refused, &["belong", &aws, &url]);
        } else {
            assert_eq!(key_id(&refused), session);
        }
        let arguments = ["login", "dev", "--no-input", "--no-agent"];
        is_refused(&home.run(&arguments), &["belong"]);
        assert_eq!(home.calls().len(), 0, "{:?}", home.calls());
    }
}

/// Nothing binds the keys of such a source.
#[cfg(unix)]
#[test]
fn a_session_of_a_program_stays_with_the_endpoint_that_made_it() {
    let home = Home::signed_up(DEV);
    let key = home.key();
    let (id, secret) = (key.access_key_id.as_str(), key.secret_access_key.expose());
    let program = home.path().join("creds");
    let printed = format!(
        "#!/bin/sh\necho '{{\"Version\":1,\"AccessKeyId\":\"{id}\",\"SecretAccessKey\":\"{secret}\"}}'\n"
    );
    fs::write(&program, printed).expect("written");
    std::process::Command::new("chmod")
        .arg("700")
        .arg(&program)
        .status()
        .expect("chmod runs");
    let config = format!(
        "auth:\n  identities:\n    vendor: {{ kind: aws/process, credentials: {{ process: {} }} }}\n    role:\n      kind: aws/assume-role\n      via: {{ identity: vendor }}\n      principal: {{ assume_role: \"arn:aws:iam::420000000025:role/deploy\" }}\n",
        program.display()
    );
    fs::write(home.config(), config).expect("written");
    assert_eq!(code(&home.run(&["login", "role"])), 0);
    let session = key_id(&home.run(&["credential-process", "role"]));
    let local = Home::with(DEV);
    let ran = home
        .fob(&["credential-process", "role"])
        .env("AWS_ENDPOINT_URL", local.sandbox().url())
        .output()
        .expect("fob starts");
    is_refused(
        &ran,
        &["the session of role belongs", &home.sandbox().url()],
    );
    assert_eq!(key_id(&home.run(&["credential-process", "role"])), session);
}

#[test]
fn a_server_that_never_accepted_the_keys_clears_nothing() {
    for with_agent in [false, true] {
        let home = Home::with(DEV);
        let key = home.key();
        home.sandbox()
            .revoke_key(&key.access_key_id)
            .expect("the key is there");
        let unseen = ["user", "configure", "dev", "--stdin", "--no-check"];
        assert_eq!(code(&home.run_with_input(&unseen, &typed(&key))), 0);
        let before = home.keyring();
        let _agent = with_agent.then(|| home.start_agent());
        for _ in 0..2 {
            let ran = home.run(&["login", "dev", "--no-input"]);
            let said = text(&ran.stderr);
            assert_eq!(code(&ran), 3, "{said}");
            assert!(said.contains("has never accepted them"), "{said}");
        }
        assert!(home.calls()["GetSessionToken"] >= 2, "{:?}", home.calls());
        assert_eq!(home.keyring(), before);
    }
}

/// The steps that remove something, by what they say of it.
fn removed(report: &Value, result: &str) -> Vec<String> {
    let steps = report["steps"].as_array().expect("steps").iter();
    let steps = steps.filter(|it| it["result"] == result && it["what"] == "keyring");
    steps
        .map(|it| format!("{} {}", it["path"], it["detail"]))
        .collect()
}

#[test]
fn cleared_keys_are_set_aside_and_repair_brings_them_back() {
    for with_agent in [false, true] {
        let home = Home::signed_up(DEV);
        let key = home.key();
        home.sandbox().create_key("kim").expect("a second key");
        home.sandbox()
            .revoke_key(&key.access_key_id)
            .expect("the key is there");
        let _agent = with_agent.then(|| home.start_agent());
        let cleared = || {
            let ran = home.run(&["login", "dev", "--no-input"]);
            let said = text(&ran.stderr);
            assert_eq!(code(&ran), 3, "{said}");
            assert!(said.contains("fob repair dev --restore"), "{said}");
        };
        cleared();
        let secret = key.secret_access_key.expose();
        let ring = home.keyring();
        assert!(ring["default/set-aside/dev"].contains(secret));
        assert!(!ring["default/keys/dev"].contains(secret));
        let last_four = &key.access_key_id.as_str()[16..];
        let listed = home.run(&["repair", "dev"]);
        let told = text(&listed.stdout) + &text(&listed.stderr);
        assert!(
            told.contains(&format!("AKIA…{last_four} is set aside since 20")),
            "{told}"
        );
        // A logout says what stays, and what it removes.
        let logout = text(&home.run(&["logout", "dev", "--dry-run"]).stdout);
        assert!(logout.contains(", set aside until 20"), "{logout}");

        let restored = home.run(&["repair", "dev", "--restore"]);
        assert_eq!(code(&restored), 0, "{}", text(&restored.stderr));
        let ring = home.keyring();
        assert!(
            ring["default/keys/dev"].contains(secret),
            "{:?}",
            ring.keys()
        );
        assert!(!ring.contains_key("default/set-aside/dev"));
        let nothing = home.run(&["repair", "dev", "--restore"]);
        assert_eq!(code(&nothing), 2, "{}", text(&nothing.stderr));

        cleared();
        home.store_key("dev", &home.key());
        assert!(!home.keyring().contains_key("default/set-aside/dev"));
        assert_eq!(code(&home.run(&["login", "dev"])), 0);
    }
}

#[test]
fn keys_that_nothing_has_accepted_yet_change_places_with_the_restored_ones() {
    for with_agent in [false, true] {
        let home = Home::signed_up(DEV);
        let (first, second) = (home.key(), home.sandbox().create_key("kim"));
        let second = second.expect("a second key");
        home.sandbox()
            .revoke_key(&first.access_key_id)
            .expect("the key is there");
        let _agent = with_agent.then(|| home.start_agent());
        assert_eq!(code(&home.run(&["login", "dev", "--no-input"])), 3);
        let unseen = ["user", "configure", "dev", "--stdin", "--no-check"];
        assert_eq!(code(&home.run_with_input(&unseen, &typed(&second))), 0);
        let stands = |in_use: &Keys, aside: &Keys| {
            let ring = home.keyring();
            for (entry, keys) in [("keys", in_use), ("set-aside", aside)] {
                let text = &ring[&format!("default/{entry}/dev")];
                assert!(text.contains(keys.secret_access_key.expose()), "{entry}");
            }
        };
        stands(&second, &first);
        for (in_use, aside) in [(&first, &second), (&second, &first)] {
            let restored = home.run(&["repair", "dev", "--restore"]);
            assert_eq!(code(&restored), 0, "{}", text(&restored.stderr));
            stands(in_use, aside);
        }
        let signed_in = home.run(&["login", "dev", "--no-input"]);
        assert_eq!(code(&signed_in), 0, "{}", text(&signed_in.stderr));
        assert!(!home.keyring().contains_key("default/set-aside/dev"));
    }
}

#[test]
fn an_import_under_a_name_of_another_configuration_leaves_what_that_one_has() {
    let home = Home::signed_up(DEV);
    assert_eq!(code(&home.run(&["login", "dev"])), 0);
    let spare = "auth: { identities: { spare: { kind: aws/user } } }\n";
    let theirs = home.other_config("theirs.yaml", spare);
    let key = home.sandbox().create_key("kim").expect("a second key");
    let profile = format!(
        "[dev]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        key.access_key_id.as_str(),
        key.secret_access_key.expose()
    );
    fs::create_dir_all(home.path().join(".aws")).expect("the home is ours");
    fs::write(home.path().join(".aws/credentials"), profile).expect("the home is ours");
    let before = home.keyring();
    let environment = Environment::of([
        (crate::home::HOME, home.path().display().to_string()),
        ("FOB_KEYRING", "file".to_owned()),
        ("FOB_KEYRING_PASSWORD", PASSPHRASE.to_owned()),
        ("AWS_ENDPOINT_URL", home.sandbox().url()),
    ]);
    let caller = Caller {
        program: "test".into(),
        pid: std::process::id(),
        person: Person::Absent,
        trail: None,
    };
    let names = ["dev".to_owned()];
    let imported = wait_for(import_first(
        Path::new(&theirs),
        environment,
        &names,
        &caller,
    ));
    let said = format!("{:?}", imported.expect("written").notes).replace(r"\\", r"\");
    let owner = home.config().display().to_string();
    assert!(
        said.contains("were not stored") && said.contains(&owner),
        "{said}"
    );
    assert_eq!(home.keyring(), before);
    let shown = home.run(&["--config", &theirs, "login", "dev", "--no-input"]);
    is_refused(&shown, &[&owner, "realm"]);
    assert_eq!(code(&home.run(&["login", "dev", "--force"])), 0);
}

#[test]
fn keys_that_are_set_aside_go_with_keychain_and_only_then() {
    let home = Home::signed_up(DEV);
    let key = home.key();
    home.sandbox()
        .revoke_key(&key.access_key_id)
        .expect("the key is there");
    assert_eq!(code(&home.run(&["login", "dev", "--no-input"])), 3);
    assert_eq!(code(&home.run(&["logout", "dev"])), 0);
    assert_eq!(code(&home.run(&["cleanup"])), 0);
    assert!(home.keyring().contains_key("default/set-aside/dev"));
    for target in [&["dev"][..], &["--all"]] {
        let all = [&["logout"], target, &["--keychain", "--json"]].concat();
        let dry = home.json(&[&all[..], &["--dry-run"]].concat());
        assert!(
            removed(&dry, "would_remove")
                .iter()
                .any(|it| it.contains("default/set-aside/dev")),
            "{dry}"
        );
    }
    let all = ["logout", "--all", "--keychain", "--json"];
    let dry = home.json(&[&all[..], &["--dry-run"]].concat());
    let run = home.json(&[&all[..], &["--yes"]].concat());
    assert_eq!(removed(&dry, "would_remove"), removed(&run, "removed"));
    assert!(home.keyring().is_empty(), "{:?}", home.keyring().keys());
}

#[test]
fn a_configuration_that_was_moved_keeps_its_keys_once_the_person_says_so() {
    for with_agent in [false, true] {
        let home = Home::signed_up(DEV);
        assert_eq!(code(&home.run(&["login", "dev"])), 0);
        let session = key_id(&home.run(&["credential-process", "dev"]));
        let moved = home.path().join("moved.yaml");
        fs::rename(home.config(), &moved).expect("moved");
        let moved = moved.to_str().expect("text").to_owned();
        let trusted = home.run(&["trust", &moved, "--yes"]);
        assert_eq!(code(&trusted), 0, "{}", text(&trusted.stderr));
        let there =
            |arguments: &[&str]| home.run(&[&["--config", moved.as_str()], arguments].concat());
        let _agent =
            with_agent.then(|| home.agent(home.fob(&["--config", &moved, "agent", "run"])));
        let old = home.config();
        let before = home.keyring();
        for arguments in [&["login", "dev"][..], &["credential-process", "dev"]] {
            let ran = there(arguments);
            let way_out = ["no longer there", "fob repair dev --take-over", &moved];
            is_refused(
                &ran,
                &[&way_out[..], &[old.to_str().expect("text")]].concat(),
            );
        }
        assert_eq!(home.keyring(), before);
        let taken = there(&["repair", "--take-over"]);
        assert_eq!(
            code(&taken),
            0,
            "{}{}",
            text(&taken.stdout),
            text(&taken.stderr)
        );
        assert_eq!(key_id(&there(&["credential-process", "dev"])), session);
        assert_eq!(code(&there(&["login", "dev", "--force"])), 0);
        let again = there(&["repair", "--take-over"]);
        assert_eq!(code(&again), 2, "{}", text(&again.stderr));
    }
}

#[cfg(unix)]
#[test]
fn a_configuration_that_was_moved_keeps_its_sign_ins_once_the_person_says_so() {
    let center = r#"auth:
  providers: { corp: { kind: aws/iam-identity-center, region: eu-central-1, start_url: "https://sandbox.awsapps.com/start" } }
  identities:
    me: { kind: aws/permission-set, via: { provider: corp }, principal: { name: AdministratorAccess, account: { id: "420000000025" } } }
    you: { kind: aws/permission-set, via: { provider: corp }, principal: { name: ReadOnlyAccess, account: { id: "420000000025" } } }
"#;
    let console = "auth: { identities: { me: { kind: aws/login, credentials: { region: eu-central-1 } } } }\n";
    for (config, with_an_agent) in [(center, false), (center, true), (console, false)] {
        let office = Office::with(config);
        office.sign_in(&["login", "me"]);
        let moved = office.home.other_config("moved.yaml", config);
        fs::remove_file(office.home.config()).expect("moved");
        let there = |arguments: &[&str]| {
            let arguments = [&["--config", moved.as_str()], arguments].concat();
            office.home.run(&arguments)
        };
        let agent = office.fob(&["--config", &moved, "agent", "run"]);
        let _agent = with_an_agent.then(|| office.home.agent(agent));
        if config == center {
            is_refused(&there(&["login", "you"]), &["fob repair --take-over"]);
        }
        let taken = there(&["repair", "me", "--take-over"]);
        let said = [text(&taken.stdout), text(&taken.stderr)].concat();
        assert_eq!(code(&taken), 0, "{said}");
        let ran = there(&["login", "me", "--force"]);
        assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
        assert_eq!(code(&there(&["repair", "--take-over"])), 2);
    }
}

fn replace(stage: &Stage, answer: &str) -> (String, i32) {
    let arguments = ["--config", stage.file(), "user", "configure", "other"];
    let mut terminal = Terminal::start(stage.home.fob_on_a_terminal(&arguments));
    let shown = terminal.read_to("Replace them?");
    let owner = stage.home.config();
    assert!(shown.contains(file_name(&owner)), "{shown}");
    terminal.type_line(answer);
    if answer == "y" {
        let keys = stage.home.key();
        for (label, value) in [
            ("Access Key ID", keys.access_key_id.as_str()),
            ("Secret", keys.secret_access_key.expose()),
            ("MFA ARN", ""),
            ("Session Duration", ""),
        ] {
            terminal.read_to(label);
            terminal.type_line(value);
        }
    }
    let (rest, exit) = terminal.finish();
    (rest, exit)
}

fn file_name(path: &Path) -> &str {
    path.file_name().and_then(|it| it.to_str()).expect("text")
}

#[test]
fn another_configurations_keys_are_replaced_only_after_a_question() {
    let stage = Stage::new();
    let two = format!("{DEV}    other: {{ kind: aws/user }}\n");
    fs::write(stage.home.config(), two).expect("written");
    stage.home.store_key("other", &stage.home.key());
    let before = stage.home.keyring();
    let (said, exit) = replace(&stage, "n");
    assert_eq!(exit, 1, "{said}");
    assert_eq!(stage.home.keyring(), before);
    let (said, exit) = replace(&stage, "y");
    assert_eq!(exit, 0, "{said}");
    let login = stage.with_the_file(&["login", "other"], "");
    assert_eq!(code(&login), 0, "{}", text(&login.stderr));
    let refused = stage.home.run(&["login", "other", "--no-input"]);
    is_refused(&refused, &["cloned.yaml"]);
}
