//! `session: { kind: keys }`: programs get the long-lived access key itself, with an agent and
//! without.

use crate::home::{Home, code, text};
use crate::screen::Terminal;
use keyfob_core::secret::Keys;
use serde_json::Value;
use std::fs;

const DEV: &str = "auth:
  identities:
    dev:
      kind: aws/user
      default: true
      session: { kind: keys }
      credentials: { mfa_arn: \"arn:aws:iam::123456789012:mfa/kim\" }
    deploy:
      kind: aws/assume-role
      via: { identity: dev }
      principal: { assume_role: \"arn:aws:iam::420000000025:role/deploy\" }
";

/// What a program gets.
fn handed_out(home: &Home) -> Value {
    let ran = home.run(&["credential-process", "dev"]);
    assert_eq!(
        (code(&ran), text(&ran.stderr).as_str()),
        (0, ""),
        "programs are told nothing"
    );
    serde_json::from_slice(&ran.stdout).expect("JSON")
}

fn is_the_key_itself(printed: &Value, key: &Keys) {
    assert_eq!(printed["AccessKeyId"], key.access_key_id.as_str());
    assert_eq!(
        printed["SecretAccessKey"],
        key.secret_access_key.expose().to_owned()
    );
    assert!(printed.get("SessionToken").is_none(), "no session token");
    assert!(printed["Expiration"].is_string(), "asked for again");
}

#[test]
fn programs_get_the_key_itself_without_a_code_and_a_new_one_once_it_is_replaced() {
    for with_agent in [false, true] {
        let home = Home::signed_up(DEV);
        let _agent = with_agent.then(|| home.start_agent());
        let mut terminal = Terminal::start(home.fob_on_a_terminal(&["login", "dev"]));
        terminal.read_to("hands out its long-lived access key");
        let (rest, exit) = terminal.finish();
        assert_eq!(exit, 0, "{rest}");
        is_the_key_itself(&handed_out(&home), &home.key());
        assert!(
            !home.calls().contains_key("GetSessionToken"),
            "{:?}",
            home.calls()
        );

        let old = home.key();
        let new = home.sandbox().create_key("kim").expect("a second key");
        home.sandbox()
            .revoke_key(&old.access_key_id)
            .expect("a key");
        home.store_key("dev", &new);
        is_the_key_itself(&handed_out(&home), &new);

        for line in [
            &["whoami", "--json"][..],
            &["whoami", "--offline", "--json"],
        ] {
            let whoami = home.json(line);
            assert_eq!(whoami["state"], "valid", "{whoami}");
            assert_eq!(whoami["expires_at"], Value::Null, "{whoami}");
        }

        let out = home.run(&["logout", "dev"]);
        assert_eq!(code(&out), 0, "{}", text(&out.stderr));
        let refused = home.run(&["credential-process", "dev"]);
        assert_eq!(code(&refused), 3, "{}", text(&refused.stderr));
    }
}

#[test]
fn it_is_marked_in_the_list_and_never_printed_or_written_to_a_file() {
    for with_agent in [false, true] {
        let home = Home::signed_up(DEV);
        let _agent = with_agent.then(|| home.start_agent());
        for shape in [&["list"][..], &["list", "--format", "table"]] {
            let list = text(&home.run(shape).stdout);
            assert!(list.contains("hands out long-lived keys"), "{list}");
        }
        let list = home.json(&["list", "--json"]);
        let dev = &list["identities"][0];
        assert_eq!(dev["hands_out_keys"], true, "{list}");
        // Before anything was done, and without an end.
        assert_eq!(dev["state"], "valid", "{list}");
        assert_eq!(dev["expires_at"], Value::Null, "{list}");
        for words in [["login", "dev"], ["whoami", "dev"]] {
            let ran = home.run(&words);
            let said = text(&ran.stdout) + &text(&ran.stderr);
            assert_eq!(code(&ran), 0, "{said}");
            assert!(said.contains("no: hands out long-lived keys"), "{said}");
            assert_eq!(
                home.json(&[&words[..], &["--json"]].concat())["hands_out_keys"],
                true
            );
        }
        let file = home.path().join("dev.env").display().to_string();
        for more in [&[][..], &["--out", &file]] {
            let ran = home.run(&[&["env", "dev", "--static"], more].concat());
            let said = text(&ran.stderr);
            assert_eq!(code(&ran), 2, "{said}");
            assert!(said.contains("session.kind: keys"), "{said}");
            assert!(said.contains("fob exec dev"), "{said}");
            let printed = text(&ran.stdout);
            let secret = home.key().secret_access_key;
            assert!(!printed.contains(secret.expose()) && !said.contains(secret.expose()));
        }
        assert!(!fs::exists(&file).expect("a folder"));
    }
}

#[test]
fn validate_warns_of_it_and_refuses_it_beside_files_with_keys() {
    let home = Home::with(DEV);
    let ran = home.run(&["validate"]);
    let said = text(&ran.stdout);
    assert_eq!(code(&ran), 0, "{said}");
    assert!(
        said.contains("warning: auth.identities.dev.session.kind: programs get the long-lived"),
        "{said}"
    );
    let with_files = DEV.replace(
        "session: { kind: keys }",
        "session: { kind: keys, duration: 2h }\n      spec: { files: { static: true } }",
    );
    fs::write(home.config(), with_files).expect("a configuration");
    let ran = home.run(&["validate"]);
    let said = text(&ran.stdout);
    assert_eq!(code(&ran), 2, "{said}");
    assert!(said.contains("is not written to a file"), "{said}");
    assert!(said.contains("`duration` has no effect"), "{said}");
    fs::write(home.config(), DEV.replace("kind: keys", "kind: key")).expect("a configuration");
    let said = text(&home.run(&["validate"]).stdout);
    assert!(said.contains("`key` is not known. Known: "), "{said}");
}
