//! `fob profiles`: entries in the user's own `~/.aws/config`, and not a byte of anything else.

use crate::home::{DEPLOY, DEV, Home, code, text};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// Files as tools and people leave them.
const FILES: &[(&str, &str)] = &[
    (
        "comments",
        "# mine\n\n[default]\nregion = eu-west-1 ; ours\n\n# end\n",
    ),
    ("no end of the last line", "[default]\nregion = eu-west-1"),
    (
        "CRLF",
        "[default]\r\nregion = eu-west-1\r\n\r\n[profile x]\r\noutput = json\r\n",
    ),
    (
        "CRLF, no end of the last line",
        "[default]\r\nregion = eu-west-1",
    ),
    ("BOM", "\u{feff}[default]\nregion = eu-west-1\n"),
    ("tabs", "[default]\n\tregion\t=\teu-west-1\n\t\n"),
    (
        "nested keys",
        "[default]\ns3 =\n  max_concurrent_requests = 20\n  addressing_style = path\n",
    ),
    (
        "one profile twice",
        "[profile a]\nregion = x\n\n[profile a]\nregion = y\n",
    ),
    (
        "a blank in a name",
        "[profile \"my lake\"]\nregion = x\n\n\n\n",
    ),
    ("Latin letters", "# née\n[profile é]\nregion = x\n"),
    ("CR", "[default]\rregion = eu-west-1\r"),
];

fn home() -> Home {
    Home::signed_up(&format!("{DEV}{DEPLOY}"))
}

fn aws_config(home: &Home) -> PathBuf {
    home.path().join(".aws/config")
}

fn leave(home: &Home, content: &str) -> PathBuf {
    let path = aws_config(home);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(&path, content).expect("a file");
    path
}

fn done(home: &Home, arguments: &[&str]) -> String {
    let ran = home.run(&[&["profiles"], arguments].concat());
    let said = text(&ran.stderr);
    assert_eq!(code(&ran), 0, "{said}");
    said + &text(&ran.stdout)
}

/// What the command line of the profile prints, run as AWS tools run it.
fn credentials(home: &Home, profile: &str) -> Value {
    let config = fs::read_to_string(aws_config(home)).expect("text");
    let header = format!("[profile {profile}]");
    let section = config.split(&header).nth(1).expect("the profile is there");
    let mut lines = section.lines();
    let command = lines.find_map(|line| line.strip_prefix("credential_process = "));
    let mut shell = Command::new("/bin/sh");
    let fob = home.fob(&[]);
    shell.env_clear().envs(
        fob.get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let ran = shell
        .args(["-c", command.expect("a command")])
        .current_dir("/")
        .output()
        .expect("a shell");
    serde_json::from_slice(&ran.stdout).unwrap_or_else(|_| panic!("{}", text(&ran.stderr)))
}

#[test]
fn nothing_else_of_the_file_changes_and_removing_gives_back_every_byte() {
    let home = home();
    for (what, before) in FILES {
        let path = leave(&home, before);
        done(&home, &["write"]);
        let written = fs::read(&path).expect("there");
        assert!(written.starts_with(before.as_bytes()), "{what}");
        for profile in ["[profile dev]", "[profile deploy]"] {
            assert_eq!(text(&written).matches(profile).count(), 1, "{what}");
        }
        let foreign_end =
            before.contains("\r\n") && text(&written).replace("\r\n", "").contains('\n');
        assert!(!foreign_end, "{what}: {}", text(&written));
        let again = done(&home, &["write"]);
        assert!(again.contains("dev is up to date"), "{what}: {again}");
        assert_eq!(fs::read(&path).expect("there"), written, "{what}");
        done(&home, &["remove", "dev"]);
        done(&home, &["remove"]);
        assert_eq!(text(&fs::read(&path).expect("there")), *before, "{what}");
    }
}

#[test]
fn a_file_that_was_not_there_is_made_for_its_owner_and_removed_again() {
    let home = home();
    done(&home, &["write"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: PathBuf| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(aws_config(&home)), 0o600);
        assert_eq!(mode(home.path().join(".aws")), 0o700);
    }
    assert_eq!(credentials(&home, "deploy")["Version"], 1);
    done(&home, &["remove"]);
    assert!(!aws_config(&home).exists());
    let said = done(&home, &["remove", "dev"]);
    assert!(said.contains("dev was not written by Keyfob"), "{said}");
}

#[test]
fn a_profile_gives_credentials_with_an_agent_and_without_and_says_signed_out() {
    let home = home();
    done(&home, &["write"]);
    for agent in [None, Some(home.start_agent())] {
        let given = credentials(&home, "deploy");
        assert!(given["Expiration"].is_string(), "{given}");
        let with_agent = agent.is_some();
        let same = home.json(&["credential-process", "deploy"]);
        assert_eq!(given["AccessKeyId"], same["AccessKeyId"], "{with_agent}");
    }
}

#[test]
fn a_region_is_written_only_where_the_configuration_names_one() {
    let home = Home::with(
        "auth:\n  identities:\n    dev: { kind: aws/user, credentials: { region: eu-north-1 } }\n    bare: { kind: aws/user }\n",
    );
    done(&home, &["write"]);
    let fob = env!("CARGO_BIN_EXE_fob");
    let configuration = dunce::canonicalize(home.config()).expect("there");
    let configuration = configuration.display();
    let profile = |name: &str, region: &str| {
        format!(
            "[profile {name}]\n# Written by Keyfob from {configuration}\n{region}credential_process = \"{fob}\" --config \"{configuration}\" credential-process {name}\n# End of what Keyfob wrote\n"
        )
    };
    let right = format!(
        "{}\n{}",
        profile("dev", "region = eu-north-1\n"),
        profile("bare", "")
    );
    assert_eq!(fs::read_to_string(aws_config(&home)).expect("text"), right);
}

#[test]
fn a_profile_of_the_users_own_is_kept_and_named() {
    let home = home();
    let before = "[default]\nregion = x\n\n[profile \"deploy\"]\nrole_arn = arn:aws:iam::420000000025:role/mine\n";
    let path = leave(&home, before);
    let ran = home.run(&["profiles", "write"]);
    let said = text(&ran.stderr);
    assert_eq!(code(&ran), 0, "{said}");
    assert!(
        said.contains("line 4 of") && said.contains("rename it, or the identity"),
        "{said}"
    );
    let written = fs::read_to_string(&path).expect("text");
    assert!(
        written.starts_with(before) && written.contains("[profile dev]"),
        "{written}"
    );
    assert_eq!(written.matches("deploy").count(), 1, "{written}");
    let ran = home.run(&["profiles", "write", "deploy"]);
    assert_eq!(code(&ran), 1, "{}", text(&ran.stderr));
    let json = home.json(&["profiles", "remove", "deploy", "--json"]);
    assert_eq!(json["profiles"][0]["result"], "kept", "{json}");
    done(&home, &["remove"]);
    assert_eq!(fs::read_to_string(&path).expect("text"), before);
}

#[test]
fn keys_in_the_credentials_file_are_said_to_come_first() {
    let home = home();
    leave(&home, "");
    let keys = "[dev]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n";
    fs::write(home.path().join(".aws/credentials"), keys).expect("a file");
    let json = home.json(&["profiles", "write", "--json"]);
    let result = |name: &str| {
        let mut all = json["profiles"].as_array().expect("a list").iter();
        all.find(|it| it["name"] == name)
            .expect("it is listed")
            .clone()
    };
    assert_eq!(result("dev")["result"], "kept");
    assert!(
        result("dev")["detail"]
            .as_str()
            .is_some_and(|it| it.contains("[dev]"))
    );
    assert_eq!(result("deploy")["result"], "written");
}

#[test]
fn the_default_profile_is_written_as_aws_tools_read_it() {
    let home = Home::with("auth: { identities: { default: { kind: aws/user } } }\n");
    let path = leave(&home, "");
    done(&home, &["write"]);
    assert!(
        fs::read_to_string(&path)
            .expect("text")
            .starts_with("[default]\n")
    );
    leave(&home, "[default]\noutput = json\n");
    let ran = home.run(&["profiles", "write"]);
    assert_eq!(code(&ran), 1, "{}", text(&ran.stderr));
    assert!(
        text(&ran.stderr).contains("line 1 of"),
        "{}",
        text(&ran.stderr)
    );
}

#[test]
fn after_the_program_moved_the_path_is_corrected_and_said() {
    let home = home();
    let path = leave(&home, "# mine\n");
    done(&home, &["write"]);
    let right = fs::read_to_string(&path).expect("text");
    let moved = right.replace(env!("CARGO_BIN_EXE_fob"), "/old place/fob");
    fs::write(&path, moved).expect("a file");
    let said = done(&home, &["write"]);
    assert!(said.contains("it was /old place/fob"), "{said}");
    assert_eq!(fs::read_to_string(&path).expect("text"), right);
}

#[test]
fn what_others_add_to_a_profile_stays_and_a_renamed_identity_takes_its_profile_along() {
    let home = home();
    let path = leave(&home, "");
    done(&home, &["write"]);
    let written = fs::read_to_string(&path).expect("text");
    let added = written.replacen(
        "\ncredential_process",
        "\noutput = json\ncredential_process",
        1,
    );
    fs::write(&path, &added).expect("a file");
    fs::write(home.config(), DEV.replace("dev:", "kim:")).expect("a configuration");
    let said = done(&home, &["write"]);
    assert!(
        said.contains("settings that were added to it stay"),
        "{said}"
    );
    let now = fs::read_to_string(&path).expect("text");
    assert!(now.starts_with("[profile dev]\noutput = json\n"), "{now}");
    assert!(
        now.contains("[profile kim]") && !now.contains("deploy"),
        "{now}"
    );
    done(&home, &["remove"]);
    assert_eq!(
        fs::read_to_string(&path).expect("text"),
        "[profile dev]\noutput = json\n"
    );
}

#[test]
fn a_dry_run_shows_the_lines_and_changes_nothing() {
    let home = home();
    leave(&home, "[default]\n");
    let before = home.digest();
    let shown = done(&home, &["write", "--dry-run"]);
    assert!(
        shown.contains("[profile deploy]") && shown.contains("credential_process"),
        "{shown}"
    );
    assert_eq!(home.digest(), before);
    done(&home, &["write"]);
    let before = home.digest();
    let shown = done(&home, &["remove", "--dry-run"]);
    assert!(shown.contains("dev would be removed"), "{shown}");
    assert_eq!(home.digest(), before);
}

#[test]
fn the_file_that_the_environment_names_is_the_one() {
    let home = home();
    let mut fob = home.fob(&["profiles", "write"]);
    let ran = fob
        .env("AWS_CONFIG_FILE", "other/config")
        .output()
        .expect("fob starts");
    assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
    assert!(home.path().join("other/config").exists() && !aws_config(&home).exists());
    let mut fob = home.fob(&["profiles", "write"]);
    let ran = fob
        .env("AWS_CONFIG_FILE", "/dev/null")
        .output()
        .expect("fob starts");
    assert_eq!(code(&ran), 2, "{}", text(&ran.stderr));
    assert!(
        text(&ran.stderr).contains("AWS_CONFIG_FILE"),
        "{}",
        text(&ran.stderr)
    );
}

#[test]
fn many_at_once_lose_nothing() {
    let names: Vec<String> = (0..12).map(|at| format!("id-{at}")).collect();
    let identities = names
        .iter()
        .map(|name| format!("    {name}: {{ kind: aws/user }}\n"));
    let config = format!("auth:\n  identities:\n{}", identities.collect::<String>());
    let home = Home::with(&config);
    let path = leave(&home, "[default]\nregion = x\n");
    let started: Vec<_> = names
        .iter()
        .map(|name| {
            home.fob(&["profiles", "write", name])
                .spawn()
                .expect("fob starts")
        })
        .collect();
    for mut fob in started {
        assert!(fob.wait().expect("fob ends").success());
    }
    let written = fs::read_to_string(&path).expect("text");
    for name in &names {
        assert_eq!(
            written.matches(&format!("[profile {name}]\n")).count(),
            1,
            "{written}"
        );
    }
}

#[test]
fn profiles_of_two_configurations_stand_side_by_side() {
    let home = home();
    let other = home.other_config(
        "other.yaml",
        "auth: { identities: { ops: { kind: aws/user }, dev: { kind: aws/user } } }\n",
    );
    let path = leave(&home, "");
    done(&home, &["write"]);
    let ran = home.run(&["--config", &other, "profiles", "write"]);
    let said = text(&ran.stderr);
    assert!(
        said.contains("for the identity of") && said.contains("profiles remove dev"),
        "{said}"
    );
    done(&home, &["remove"]);
    let left = fs::read_to_string(&path).expect("text");
    assert!(
        left.trim_start().starts_with("[profile ops]") && !left.contains("[profile dev]"),
        "{left}"
    );
    // Its configuration is gone: the profile serves nobody.
    fs::remove_file(&other).expect("removed");
    done(&home, &["remove"]);
    assert!(!path.exists());
}

#[test]
fn an_untrusted_configuration_writes_no_profile() {
    let home = home();
    let other = home.path().join("other.yaml");
    fs::write(&other, "auth: { identities: { ops: { kind: aws/process, credentials: { process: /bin/true } } } }\n").expect("a file");
    let ran = home.run(&[
        "--config",
        &other.display().to_string(),
        "profiles",
        "write",
    ]);
    assert_eq!(code(&ran), 3, "{}", text(&ran.stderr));
    assert!(!aws_config(&home).exists());
}

#[test]
fn identities_that_cannot_be_used_are_left_out_with_the_reason() {
    let home = Home::with(&format!(
        "{DEV}    lost: {{ kind: aws/assume-role, via: {{ identity: nobody }}, principal: {{ assume_role: \"arn:aws:iam::420000000025:role/r\" }} }}\n"
    ));
    let ran = home.run(&["profiles", "write"]);
    assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
    assert!(
        text(&ran.stderr).contains("lost is left as it is"),
        "{}",
        text(&ran.stderr)
    );
    let written = fs::read_to_string(aws_config(&home)).expect("text");
    assert!(
        written.contains("[profile dev]") && !written.contains("lost"),
        "{written}"
    );
}

#[cfg(unix)]
#[test]
fn links_are_followed_modes_are_kept_and_what_others_may_write_to_is_refused() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let home = home();
    let real = home.path().join("dotfiles-config");
    fs::write(&real, "[default]\n").expect("a file");
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).expect("ours");
    fs::create_dir(home.path().join(".aws")).expect("a folder");
    symlink(&real, aws_config(&home)).expect("a link");
    done(&home, &["write"]);
    assert!(aws_config(&home).is_symlink());
    let mode = fs::metadata(&real).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    for (mode, why) in [
        (0o666, "can be written to by other users"),
        (0o400, "read-only"),
    ] {
        let before = fs::read(&real).expect("there");
        fs::set_permissions(&real, fs::Permissions::from_mode(mode)).expect("ours");
        let ran = home.run(&["profiles", "remove"]);
        let said = text(&ran.stderr);
        assert_eq!(code(&ran), 1, "{said}");
        assert!(
            said.contains(why) && said.contains("dotfiles-config"),
            "{said}"
        );
        assert_eq!(fs::read(&real).expect("there"), before);
    }
    fs::set_permissions(&real, fs::Permissions::from_mode(0o600)).expect("ours");
    fs::remove_file(&real).expect("removed");
    let ran = home.run(&["profiles", "write"]);
    assert!(
        text(&ran.stderr).contains("leads nowhere"),
        "{}",
        text(&ran.stderr)
    );
}

#[test]
fn a_program_gets_the_session_that_could_not_be_written_to_the_files_of_aws_tools() {
    for with_an_agent in [false, true] {
        let home = Home::signed_up(
            "auth: { identities: { dev: { kind: aws/user, spec: { files: { base_path: ~/taken, static: true } } } } }\n",
        );
        let _agent = with_an_agent.then(|| home.start_agent());
        fs::write(home.path().join("taken"), "a file").expect("a file");
        for _ in ["it is made", "it is held"] {
            let ran = home.run(&["credential-process", "dev"]);
            assert_eq!(code(&ran), 0, "{with_an_agent}: {}", text(&ran.stderr));
        }
        let login = home.run(&["login", "dev"]);
        assert_eq!(code(&login), 1, "{}", text(&login.stderr));
    }
}
