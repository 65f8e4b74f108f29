//! The real `fob`: what it prints where, exit codes, JSON, and what it must not do.

use crate::home::{DEPLOY, DEV, Home, code, text, typed};
use crate::screen::Terminal;
use crate::support::prints;
use keyfob_core::sandbox::{RoleTrust, SandboxRole};
use serde_json::Value;
use std::fs;
#[cfg(unix)]
use std::os::unix::ffi::OsStrExt;
#[cfg(unix)]
use std::os::unix::fs::PermissionsExt;

#[test]
fn thirty_six_hours_are_requested_and_shown() {
    let home = Home::signed_up(
        "auth: { identities: { dev: { kind: aws/user, session: { duration: 36h } } } }\n",
    );
    let login = home.run(&["login", "dev"]);
    assert_eq!(code(&login), 0, "{}", text(&login.stderr));
    let shown = text(&login.stderr);
    for piece in [
        "Authentication successful!",
        "Provider",
        "aws-user",
        "Account",
        "123456789012",
        "Expires",
        "(35h 59m)",
    ] {
        assert!(shown.contains(piece), "{piece} is not in {shown}");
    }
    assert!(login.stdout.is_empty(), "{}", text(&login.stdout));
    let asked = home.sandbox().journal();
    assert_eq!(asked[0].parameters["DurationSeconds"], "129600");
    let whoami = home.json(&["whoami", "dev", "--json"]);
    let left = whoami["expires_in_seconds"].as_u64().expect("a number");
    assert!((129_500..=129_600).contains(&left), "{left}");
    assert_eq!(whoami["provider"], "aws-user");
    assert_eq!(whoami["source"], "keyring");
    assert_eq!(whoami["state"], "valid");
    assert_eq!(whoami["principal"], "arn:aws:iam::123456789012:user/kim");
}

#[test]
fn reading_commands_write_nothing() {
    let home = Home::signed_up(&format!("{DEV}{DEPLOY}"));
    assert_eq!(code(&home.run(&["login", "deploy"])), 0);
    let before = home.digest();
    for arguments in [
        &["list"][..],
        &["list", "--json"],
        &["whoami", "deploy"],
        &["whoami", "dev", "--offline", "--json"],
        &["env", "deploy"],
        &["validate"],
    ] {
        assert_eq!(code(&home.run(arguments)), 0, "{arguments:?}");
        assert_eq!(home.digest(), before, "{arguments:?} changed something");
    }
}

#[test]
fn reading_commands_write_nothing_before_the_first_sign_in_either() {
    let home = Home::with(DEV);
    let before = home.digest();
    for arguments in [
        &["list"][..],
        &["whoami", "dev"],
        &["env", "dev"],
        &["validate"],
        &["credential-process", "nobody"],
    ] {
        home.run(arguments);
        assert_eq!(home.digest(), before, "{arguments:?} changed something");
    }
}

#[test]
fn no_secret_reaches_lists_logs_or_errors() {
    let home = Home::signed_up(&format!("{DEV}{DEPLOY}"));
    assert_eq!(code(&home.run(&["login", "deploy", "-vv"])), 0);
    let session: Value = home.json(&["credential-process", "deploy"]);
    let user: Value = home.json(&["credential-process", "dev"]);
    let key = home.key();
    let secrets = [
        key.secret_access_key.expose().to_owned(),
        key.access_key_id.as_str().to_owned(),
        session["SecretAccessKey"]
            .as_str()
            .expect("a secret")
            .to_owned(),
        session["SessionToken"]
            .as_str()
            .expect("a token")
            .to_owned(),
        user["SecretAccessKey"]
            .as_str()
            .expect("a secret")
            .to_owned(),
        user["SessionToken"].as_str().expect("a token").to_owned(),
    ];
    let mut seen = String::new();
    let look = |arguments: &[&str], seen: &mut String| {
        let ran = home.run(arguments);
        seen.push_str(&text(&ran.stdout));
        seen.push_str(&text(&ran.stderr));
    };
    for arguments in [
        &["list", "--json", "-vv"][..],
        &["list", "-vv"],
        &["whoami", "deploy", "--json", "-vv"],
        &["login", "deploy", "--force", "-vv", "--json"],
        &["login", "dev", "--force", "-vv"],
        &["env", "deploy", "-vv"],
        &["validate", "-vv"],
    ] {
        look(arguments, &mut seen);
    }
    assert!(
        seen.contains("DEBUG") || seen.contains("INFO"),
        "-vv says something: {seen}"
    );
    home.sandbox()
        .revoke_key(&key.access_key_id)
        .expect("the key is there");
    look(&["login", "dev", "--force", "-vv"], &mut seen);
    look(&["login", "dev", "--force", "--json"], &mut seen);
    let typed = home.run_with_input(
        &["user", "configure", "dev", "--stdin", "-vv"],
        &typed(&key),
    );
    assert_eq!(code(&typed), 1);
    seen.push_str(&text(&typed.stderr));
    for secret in &secrets {
        assert!(!seen.contains(secret.as_str()), "{secret} is in: {seen}");
    }
    for file in home.digest().keys().filter(|path| path.is_file()) {
        let content = text(&fs::read(file).expect("a readable file"));
        for secret in &secrets {
            assert!(
                !content.contains(secret.as_str()),
                "{secret} is in {}",
                file.display()
            );
        }
    }
}

#[test]
fn exit_codes_and_json_errors_are_as_specified() {
    let home = Home::with(DEV);
    let cases: [(&[&str], i32, &str); 6] = [
        (&["login", "dvv", "--json"], 1, "identity_not_found"),
        (&["login", "dev", "--json"], 3, "person_needed"),
        (
            &["login", "--provider", "nobody", "--json"],
            1,
            "provider_not_found",
        ),
        (
            &["--config", "/nowhere/config.yaml", "list", "--json"],
            2,
            "config_not_found",
        ),
        (&["whoami", "dvv", "--json"], 1, "identity_not_found"),
        (&["env", "dev", "--json"], 1, "session_expired"),
    ];
    for (arguments, exit, expected) in cases {
        let ran = home.run(arguments);
        let printed: Value = serde_json::from_slice(&ran.stdout)
            .unwrap_or_else(|_| panic!("{arguments:?}: {}", text(&ran.stdout)));
        assert_eq!(printed["error"]["code"], expected, "{arguments:?}");
        assert_eq!(code(&ran), exit, "{arguments:?}");
        assert!(
            !printed["error"]["hints"]
                .as_array()
                .expect("hints")
                .is_empty(),
            "{arguments:?}"
        );
    }
    assert_eq!(code(&home.run(&["login", "--no-such-flag"])), 2);
    assert_eq!(
        code(&home.run(&["whoami", "dev"])),
        1,
        "whoami of nothing valid"
    );
    assert!(text(&home.run(&["--help-errors"]).stdout).contains("aws_credentials_invalid"));
}

#[cfg(unix)]
#[test]
fn identities_are_named_in_any_case_by_flag_variable_or_default() {
    let home = Home::signed_up(&format!("{DEV}{DEPLOY}"));
    for arguments in [
        &["login", "DEV"][..],
        &["auth", "login", "-i", "Dev"],
        &["login"],
    ] {
        assert_eq!(code(&home.run(arguments)), 0, "{arguments:?}");
    }
    let named = home
        .fob(&["whoami", "--json", "--offline"])
        .env("FOB_IDENTITY", "deploy")
        .output()
        .expect("fob starts");
    assert!(
        text(&named.stdout).contains("\"deploy\""),
        "{}",
        text(&named.stdout)
    );
    let foreign = std::ffi::OsStr::from_bytes(b"\xff\xfe");
    let broken = home
        .fob(&["whoami"])
        .env("FOB_IDENTITY", foreign)
        .output()
        .expect("fob starts");
    assert_eq!(code(&broken), 2);
    assert!(
        text(&broken.stderr).contains("FOB_IDENTITY"),
        "{}",
        text(&broken.stderr)
    );
}

#[test]
fn two_defaults_without_a_terminal_are_an_error_that_names_both() {
    let home = Home::with(
        "auth:\n  identities:\n    a: { kind: aws/user, default: true }\n    b: { kind: aws/user, default: true }\n",
    );
    let ran = home.run(&["login"]);
    assert_eq!(code(&ran), 2, "{}", text(&ran.stderr));
    assert!(
        text(&ran.stderr).contains("`a`") && text(&ran.stderr).contains("`b`"),
        "{}",
        text(&ran.stderr)
    );
}

#[test]
fn credential_process_prints_the_protocol_and_nothing_else() {
    let home = Home::signed_up(&format!("{DEV}{DEPLOY}"));
    let ran = home.run(&["credential-process", "deploy"]);
    let printed: Value = serde_json::from_slice(&ran.stdout).expect("JSON");
    let mut names: Vec<&String> = printed.as_object().expect("an object").keys().collect();
    names.sort();
    assert_eq!(
        names,
        [
            "AccessKeyId",
            "AccountId",
            "Expiration",
            "SecretAccessKey",
            "SessionToken",
            "Version"
        ]
    );
    assert_eq!(printed["Version"], 1);
    assert_eq!(printed["AccountId"], "420000000025");
    assert!(ran.stderr.is_empty(), "{}", text(&ran.stderr));
    let nobody = Home::with(DEV);
    let ran = nobody.run(&["credential-process", "dev"]);
    assert_eq!(code(&ran), 3);
    assert!(ran.stdout.is_empty());
}

#[cfg(unix)]
#[test]
fn the_profile_is_private_names_this_program_and_holds_no_secret() {
    let home = Home::signed_up(DEV);
    assert_eq!(code(&home.run(&["login"])), 0);
    let path = home.path().join(".aws/keyfob/aws-user/config");
    let written = fs::read_to_string(&path).expect("a profile");
    assert!(written.contains("[profile dev]"), "{written}");
    assert!(
        written.contains(&format!(
            "credential_process = \"{}\" --config \"{}\" credential-process dev",
            env!("CARGO_BIN_EXE_fob"),
            dunce::canonicalize(home.config())
                .expect("a path")
                .display()
        )),
        "{written}"
    );
    assert_eq!(
        fs::metadata(&path).expect("a file").permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(
        fs::metadata(path.parent().expect("a folder"))
            .expect("a folder")
            .permissions()
            .mode()
            & 0o777,
        0o700
    );
}

#[test]
fn an_unwritable_base_path_is_an_error_and_the_session_is_not_lost() {
    let home = Home::signed_up(
        "auth: { identities: { dev: { kind: aws/user, spec: { files: { base_path: ~/taken } } } } }\n",
    );
    fs::write(
        home.path().join("taken"),
        "a file where the folder should be",
    )
    .expect("a file");
    let ran = home.run(&["login", "dev"]);
    assert_eq!(code(&ran), 1);
    assert!(text(&ran.stderr).contains("taken"), "{}", text(&ran.stderr));
    home.sandbox().clear_journal();
    assert_eq!(
        home.json(&["whoami", "dev", "--json", "--offline"])["state"],
        "valid"
    );
}

#[test]
fn ambient_shows_the_source_used_or_why_each_gave_nothing() {
    let home = Home::with("auth: { identities: { here: { kind: aws/ambient } } }\n");
    let none = home.run(&["login", "here"]);
    assert_eq!(code(&none), 1);
    for piece in [
        "container role",
        "instance role",
        "AWS_ACCESS_KEY_ID is not set",
    ] {
        assert!(
            text(&none.stderr).contains(piece),
            "{piece}: {}",
            text(&none.stderr)
        );
    }
    for value in ["", "changeme"] {
        let ran = home
            .fob(&["login", "here"])
            .env("AWS_ACCESS_KEY_ID", value)
            .output()
            .expect("fob starts");
        assert_eq!(code(&ran), 1);
        assert!(
            text(&ran.stderr).contains("AWS_ACCESS_KEY_ID is"),
            "{}",
            text(&ran.stderr)
        );
    }
    let key = home.key();
    let whoami = home
        .fob(&["whoami", "here", "--json"])
        .env("AWS_ACCESS_KEY_ID", key.access_key_id.as_str())
        .env("AWS_SECRET_ACCESS_KEY", key.secret_access_key.expose())
        .output()
        .expect("fob starts");
    let printed: Value = serde_json::from_slice(&whoami.stdout).expect("JSON");
    assert_eq!(printed["source"], "environment");
    assert_eq!(printed["account"], "123456789012");
}

#[test]
fn a_program_in_the_configuration_is_a_source_for_a_chain() {
    let home = Home::with("auth: {}\n");
    let printed = home.path().join("vendor.json");
    let config = format!(
        "auth:
  identities:
    vendor: {{ kind: aws/process, credentials: {{ process: '{}' }} }}
    deploy: {{ kind: aws/assume-role, via: {{ identity: vendor }}, principal: {{ assume_role: \"arn:aws:iam::420000000025:role/deploy\" }} }}
", prints(&printed)
    );
    fs::write(home.config(), config).expect("a configuration");
    let key = home.key();
    let json = serde_json::json!({"Version": 1, "AccessKeyId": key.access_key_id.as_str(), "SecretAccessKey": key.secret_access_key.expose()});
    fs::write(&printed, json.to_string()).expect("a file");
    let credentials = home.json(&["credential-process", "deploy"]);
    assert_eq!(credentials["AccountId"], "420000000025");
    fs::write(&printed, key.secret_access_key.expose()).expect("a file");
    let broken = home.run(&["credential-process", "vendor"]);
    assert_eq!(code(&broken), 1);
    assert!(
        !text(&broken.stderr).contains(key.secret_access_key.expose()),
        "{}",
        text(&broken.stderr)
    );
}

#[test]
fn kinds_of_other_clouds_are_said_to_be_unsupported() {
    let home = Home::with(
        "auth:
  providers: { entra: { kind: azure/device-code } }
  identities: { ops: { kind: azure/subscription, via: { provider: entra } } }
",
    );
    let ran = home.run(&["login", "ops", "--json"]);
    assert_eq!(code(&ran), 1);
    let printed: Value = serde_json::from_slice(&ran.stdout).expect("JSON");
    assert_eq!(printed["error"]["code"], "unsupported");
}

#[test]
fn csv_and_wrong_csv() {
    let home = Home::with(DEV);
    let key = home.key();
    let file = home.path().join("kim_accessKeys.csv");
    let csv = format!(
        "\u{feff}Access key ID,Secret access key\r\n{},{}\r\n",
        key.access_key_id.as_str(),
        key.secret_access_key.expose()
    );
    fs::write(&file, csv).expect("a file");
    let path = file.to_str().expect("UTF-8");
    let ran = home.run(&["user", "configure", "dev", "--csv", path]);
    assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
    assert_eq!(code(&home.run(&["login", "dev"])), 0);
    fs::write(&file, "Name,Phone\nkim,1\n").expect("a file");
    let ran = home.run(&["user", "configure", "dev", "--csv", path]);
    assert_ne!(code(&ran), 0);
    assert!(
        text(&ran.stderr).contains("Access key ID"),
        "{}",
        text(&ran.stderr)
    );
}

#[test]
fn a_keyring_that_cannot_be_reached_is_never_taken_for_an_empty_one() {
    let home = Home::signed_up(DEV);
    let wrong = home
        .fob(&["login", "dev"])
        .env("FOB_KEYRING_PASSWORD", "wrong")
        .output()
        .expect("fob starts");
    assert_ne!(code(&wrong), 0);
    assert!(
        text(&wrong.stderr).contains("passphrase"),
        "{}",
        text(&wrong.stderr)
    );
    let missing = home
        .fob(&["login", "dev", "--json"])
        .env_remove("FOB_KEYRING_PASSWORD")
        .output()
        .expect("fob starts");
    let printed: Value = serde_json::from_slice(&missing.stdout).expect("JSON");
    assert_eq!(printed["error"]["code"], "keyring_locked");
    // Windows has its own always.
    if cfg!(unix) {
        let no_bus = home
            .fob(&["login", "dev", "--json"])
            .env("FOB_KEYRING", "system")
            .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus")
            .output()
            .expect("fob starts");
        let printed: Value = serde_json::from_slice(&no_bus.stdout).expect("JSON");
        assert_eq!(printed["error"]["code"], "keyring_unavailable");
    }
    let listed = home
        .fob(&["list", "--json"])
        .env("FOB_KEYRING_PASSWORD", "wrong")
        .output()
        .expect("fob starts");
    let printed: Value = serde_json::from_slice(&listed.stdout).expect("JSON");
    assert_eq!(printed["identities"][0]["state"], "unknown");
    assert_eq!(code(&home.run(&["login", "dev"])), 0, "nothing was lost");
}

#[test]
fn logs_have_colour_only_where_the_rest_has() {
    let home = Home::signed_up(DEV);
    let piped = text(&home.run(&["login", "dev", "-vv"]).stderr);
    assert!(
        piped.contains("DEBUG") && !piped.contains('\u{1b}'),
        "{piped:?}"
    );
    for (color, coloured) in [("never", false), ("always", true)] {
        let arguments = ["--color", color, "--no-input", "login", "--force", "-vv"];
        let (shown, _) = Terminal::reading(home.fob_on_a_terminal(&arguments), false).finish();
        let log = shown.lines().filter(|line| line.contains("DEBUG"));
        let log: Vec<&str> = log.collect();
        assert!(!log.is_empty(), "{shown:?}");
        assert_eq!(
            log.iter().all(|line| line.contains("mDEBUG")),
            coloured,
            "{color}: {log:?}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_profile_names_the_link_that_fob_was_started_by() {
    let home = Home::signed_up(DEV);
    let bin = home.path().join("bin");
    fs::create_dir(&bin).expect("a folder");
    let link = bin.join("fob");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_fob"), &link).expect("a link");
    let fob = home.fob(&["login", "dev"]);
    let by_its_name = |path: &str| {
        let mut command = std::process::Command::new("sh");
        command.args(["-c", "fob login dev"]).env_clear();
        command.envs(
            fob.get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        command.env("PATH", path).current_dir(home.path());
        command.output().expect("sh starts")
    };
    let ran = by_its_name(&format!("{}:/usr/bin:/bin", bin.display()));
    assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
    let profile = fs::read_to_string(home.path().join(".aws/keyfob/aws-user/config"));
    let command = format!("credential_process = \"{}\" --config ", link.display());
    assert!(
        profile.as_ref().is_ok_and(|it| it.contains(&command)),
        "{profile:?}"
    );
}

#[test]
fn force_all_makes_every_session_of_the_chain_anew() {
    let home = Home::signed_up(&format!("{DEV}{DEPLOY}"));
    for with_agent in [false, true] {
        let _agent = with_agent.then(|| home.start_agent());
        assert_eq!(code(&home.run(&["login", "deploy"])), 0);
        home.sandbox().clear_journal();
        assert_eq!(code(&home.run(&["login", "deploy", "--force"])), 0);
        assert_eq!(home.calls().get("GetSessionToken"), None);
        assert_eq!(code(&home.run(&["login", "deploy", "--force-all"])), 0);
        let calls = home.calls();
        assert_eq!(calls.get("GetSessionToken"), Some(&1), "{calls:?}");
        assert_eq!(calls.get("AssumeRole"), Some(&2), "{calls:?}");
    }
}

#[test]
fn a_role_for_longer_than_an_hour_is_signed_by_the_access_key_with_and_without_an_agent() {
    let home = Home::signed_up(&format!("{DEV}{DEPLOY}"));
    let role = "arn:aws:iam::420000000025:role/deploy";
    let long = SandboxRole {
        max_session_seconds: 43_200,
        ..SandboxRole::new(role, RoleTrust::Everybody)
    };
    home.sandbox().add_role(long).expect("a role");
    let key = home.key().access_key_id;
    for with_agent in [false, true] {
        let _agent = with_agent.then(|| home.start_agent());
        home.sandbox().clear_journal();
        let ran = home.run(&["login", "deploy", "--force", "--duration", "4h"]);
        assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
        let calls = home.sandbox().journal();
        let calls: Vec<_> = calls.iter().map(|it| (it.action.as_str(), it)).collect();
        let [("AssumeRole", call)] = calls.as_slice() else {
            panic!("{calls:?}");
        };
        assert_eq!(call.access_key_id.as_deref(), Some(key.as_str()));
        assert_eq!(call.parameters["DurationSeconds"], "14400");
    }
}

#[test]
fn a_profile_whose_program_is_gone_is_noticed_and_repaired() {
    let home = Home::signed_up(DEV);
    let path = home.path().join(".aws/keyfob/aws-user/config");
    let gone = if cfg!(windows) {
        r"C:\gone\fob.exe"
    } else {
        "/gone/fob"
    };
    for with_agent in [false, true] {
        let agent = with_agent.then(|| home.start_agent());
        assert_eq!(code(&home.run(&["login", "dev", "--force"])), 0);
        let whole = fs::read_to_string(&path).expect("text");
        let (_, program) = whole
            .split_once("credential_process = \"")
            .expect("a program");
        let (program, _) = program.split_once('"').expect("its end");
        fs::write(&path, whole.replace(program, gone)).expect("written");
        for arguments in [&["env", "dev"][..], &["status"]] {
            let ran = home.run(arguments);
            assert_eq!(code(&ran), 0);
            assert!(
                text(&ran.stderr).contains(&format!(
                    "the profile dev runs {gone}, which is gone: `fob repair dev`"
                )),
                "{arguments:?}: {}",
                text(&ran.stderr)
            );
        }
        let repaired = home.run(&["repair", "dev"]);
        assert!(
            text(&repaired.stdout).contains(&format!(
                "its profile ran {gone}, which is gone; now it runs {program}"
            )),
            "{}",
            text(&repaired.stdout)
        );
        assert_eq!(fs::read_to_string(&path).expect("text"), whole);
        // On a slow machine it says that it looks.
        let said = text(&home.run(&["status"]).stderr);
        assert!(!said.contains("is gone"), "{said}");
        drop(agent);
    }
}

/// As after an upgrade.
#[cfg(unix)]
#[test]
fn an_agent_whose_own_program_is_gone_leaves_profiles_to_the_one_that_is_there() {
    let home = Home::signed_up(DEV);
    let old = home.path().join("old-fob");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_fob"), &old).expect("a link");
    let fob = home.fob(&["agent", "run"]);
    let mut of_old = std::process::Command::new(&old);
    of_old.args(fob.get_args()).env_clear();
    of_old.envs(
        fob.get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let agent = home.agent(of_old);
    let path = home.path().join(".aws/keyfob/aws-user/config");
    let names = |program: &str| {
        let profile = fs::read_to_string(&path).expect("text");
        assert!(
            profile.contains(&format!("credential_process = \"{program}\" ")),
            "{program}: {profile}"
        );
    };
    assert_eq!(code(&home.run(&["login", "dev"])), 0);
    names(&old.display().to_string());
    fs::remove_file(&old).expect("it goes");
    let repaired = text(&home.run(&["repair", "dev"]).stdout);
    let now = concat!("which is gone; now it runs ", env!("CARGO_BIN_EXE_fob"));
    assert!(repaired.contains(now), "{repaired}");
    names(env!("CARGO_BIN_EXE_fob"));
    assert_eq!(code(&home.run(&["login", "dev", "--force"])), 0);
    names(env!("CARGO_BIN_EXE_fob"));
    assert!(home.run(&["status"]).stderr.is_empty());
    drop(agent);
}

#[test]
fn a_duration_that_the_held_session_does_not_have_is_said_with_the_way_to_it() {
    let home = Home::signed_up(DEV);
    for with_agent in [false, true] {
        let _agent = with_agent.then(|| home.start_agent());
        let ran = home.run(&["login", "dev", "--duration", "2h", "--force"]);
        assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
        for (duration, is_said) in [("2h", false), ("1h", true)] {
            for words in [
                &["login", "dev"][..],
                &["env", "dev", "--static"],
                &["exec", "dev"],
            ] {
                let mut words = words.to_vec();
                words.extend(["--duration", duration]);
                if words[0] == "exec" {
                    words.extend(["--", env!("CARGO_BIN_EXE_fob"), "--version"]);
                }
                let ran = home.run(&words);
                let said = text(&ran.stderr);
                assert_eq!(code(&ran), 0, "{words:?}: {said}");
                assert_eq!(
                    said.contains("`fob login dev --duration 1h --force` makes a new one"),
                    is_said,
                    "{words:?}: {said}"
                );
            }
        }
    }
}

#[cfg(unix)]
#[test]
fn in_a_sandbox_with_a_fault_a_failed_sign_in_names_it_and_the_command_that_ends_it() {
    let home = Home::with(DEV);
    let script = "fob sandbox fault access_denied || exit 9; fob login --force; \
                  fob sandbox fault --clear; fob sandbox fault throttling --times 2 && fob login --force";
    let ran = home.run(&["sandbox", "--", "sh", "-c", script]);
    let said = text(&ran.stderr);
    assert_eq!(code(&ran), 0, "{said}");
    assert!(
        said.contains("an injected fault (access_denied): `fob sandbox fault --clear` ends it"),
        "{said}"
    );
    assert!(said.contains("Authentication successful!"), "{said}");
}

#[test]
fn static_variables_say_when_the_credentials_end() {
    let home = Home::signed_up(DEV);
    assert_eq!(code(&home.run(&["login", "dev"])), 0);
    let lines = text(
        &home
            .run(&["env", "dev", "--static", "--format", "bash"])
            .stdout,
    );
    let (_, end) = lines
        .split_once("AWS_CREDENTIAL_EXPIRATION=")
        .unwrap_or_else(|| panic!("{lines}"));
    let end = end
        .lines()
        .next()
        .unwrap_or_default()
        .trim_matches(['\'', '"']);
    let end: jiff::Timestamp = end.parse().expect("a time with its zone");
    let session = home.json(&["credential-process", "dev"]);
    let expiration: jiff::Timestamp = session["Expiration"]
        .as_str()
        .and_then(|text| text.parse().ok())
        .expect("a time");
    assert_eq!(end.as_second(), expiration.as_second());
}
