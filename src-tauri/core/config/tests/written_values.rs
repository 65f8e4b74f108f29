//! What is written for the keyring, keys and variables, and what is said of a file with errors.

use super::*;
use crate::secret::Origin;

#[test]
fn the_environment_chooses_the_keyring_before_the_file_does() {
    let home = Home::with("auth: {keyring: {type: file, spec: {password_env: PASS}}}");
    let default = home
        .environment(&[])
        .config_folder()
        .expect("a folder")
        .join("keyring.age");
    let file = |password: &str| KeyringChoice::File {
        path: default.clone(),
        password_env: Some(password.to_owned()),
    };
    assert_eq!(
        *home.load().expect("a configuration").keyring(),
        file("PASS")
    );
    let choose = |text: &str| {
        home.load_with(&[("FOB_KEYRING", text)])
            .map(|config| config.keyring().clone())
    };
    assert_eq!(choose("system"), Ok(KeyringChoice::System));
    assert_eq!(choose("memory"), Ok(KeyringChoice::Memory));
    assert_eq!(choose(""), Ok(file("PASS")));
    let error = choose("vault").expect_err("unknown");
    assert_eq!(error.exit_code(), 2);
    assert!(
        error.message.contains("vault") && error.hints[0].contains("FOB_KEYRING"),
        "{error:?}"
    );
    let plain = Home::with("auth: {}");
    assert_eq!(
        *plain.load().expect("a configuration").keyring(),
        KeyringChoice::System
    );
    let chosen = plain
        .load_with(&[("FOB_KEYRING", "file")])
        .expect("a configuration");
    assert!(
        matches!(chosen.keyring(), KeyringChoice::File { password_env: Some(name), .. } if name == "FOB_KEYRING_PASSWORD")
    );
}

#[test]
fn an_unclear_realm_or_keyring_blocks_every_chain_and_nothing_falls_back() {
    for bad in [
        "realm: ../x",
        "keyring: {type: vault}",
        "keyring: {typ: file}",
        "keyring: file",
        "realm: a, realm: b",
    ] {
        let config = load(&format!(
            "auth: {{{bad}, identities: {{dev: {{kind: aws/user}}}}}}"
        ));
        assert_eq!(config.usable().expect_err(bad).code, Code::ConfigInvalid);
        assert!(
            chain(&config, "dev")
                .expect_err(bad)
                .message
                .starts_with("the configuration cannot be used: line 1")
        );
    }
    let config = load("auth: {notify: {before: 0}, identities: {dev: {kind: aws/user}}}");
    assert!(config.usable().is_ok() && chain(&config, "dev").is_ok());
    assert_eq!(config.notify().before.as_secs(), 1800);
    assert_eq!(
        load("auth: {notify: {before: 1h30m}}")
            .notify()
            .before
            .as_secs(),
        5400
    );
}

#[test]
fn keys_written_in_the_file_are_known_by_their_line_and_never_shown() {
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    let config = load(&format!(
        "auth:\n  identities:\n    dev:\n      kind: aws/user\n      credentials:\n        \
         access_key_id: AKIAIOSFODNN7EXAMPLE\n        secret_access_key: {SECRET}\n"
    ));
    assert_eq!(worst(&config), Some(Severity::Warning));
    assert!(!format!("{config:?}{}", shown(&config)).contains(SECRET));
    let examples = shown(&config)
        .matches("example of AWS's documentation")
        .count();
    assert_eq!(examples, 2, "{}", shown(&config));
    let dev = chain(&config, "dev").expect("a chain");
    let Kind::User(user) = &dev.source().kind else {
        panic!("a user")
    };
    let keys = user.keys.as_ref().expect("keys");
    assert_eq!(
        (keys.origin, keys.place.as_str()),
        (Origin::Configuration, "config.yaml line 7")
    );
    assert_eq!(keys.keys.secret_access_key.expose(), SECRET);
}

#[test]
fn placeholders_leave_a_user_without_keys_and_usable() {
    let text = r#"auth: {identities: {dev: {kind: aws/user, credentials: {access_key_id: "", secret_access_key: changeme, mfa_arn: xxx}}}}"#;
    let config = load(text);
    assert_eq!(
        (worst(&config), config.problems().len()),
        (Some(Severity::Warning), 3)
    );
    let dev = chain(&config, "dev").expect("a chain");
    let Kind::User(user) = &dev.source().kind else {
        panic!("a user")
    };
    assert!(user.keys.is_none() && user.mfa_arn.is_none());
}

#[test]
fn an_auth_with_nothing_below_it_is_a_configuration_without_identities() {
    let config = load("auth:\n  # later\n");
    assert!(config.identities().is_empty() && config.problems().is_empty());
}

#[test]
fn the_value_of_a_variable_that_does_not_fit_is_not_quoted() {
    for (key, written) in [
        ("region", "credentials: {region: !env TOKEN}"),
        ("endpoint_url", "spec: {endpoint_url: !env TOKEN}"),
    ] {
        let text = format!("auth: {{identities: {{dev: {{kind: aws/user, {written}}}}}}}");
        let config = Home::with(text).load_with(&[("TOKEN", "ghp_s3cr3t")]);
        let config = config.expect("a configuration");
        let said = chain(&config, "dev").expect_err(key).message;
        assert!(
            said.contains("variable TOKEN") && said.contains(key),
            "{said}"
        );
        assert!(!said.contains("s3cr3t"), "{said}");
    }
}

#[test]
fn what_is_sent_run_or_shown_is_not_taken_from_the_environment() {
    let role = |key: &str| {
        format!(
            "kind: aws/assume-role, via: {{identity: kim}}, principal: \
             {{assume_role: \"arn:aws:iam::123456789012:role/a\", {key}: !env TOKEN}}"
        )
    };
    let program = |key: &str| format!("kind: aws/{key}: !env TOKEN}}");
    for (identity, key) in [
        (role("session_name"), "session_name"),
        (role("external_id"), "external_id"),
        (role("source_identity"), "source_identity"),
        (program("process, credentials: {process"), "process"),
        (program("user, credentials: {mfa_process"), "mfa_process"),
        ("kind: !env TOKEN".to_owned(), "kind"),
    ] {
        let text =
            format!("auth: {{identities: {{kim: {{kind: aws/user}}, dev: {{{identity}}}}}}}");
        let config = Home::with(&text).load_with(&[("TOKEN", "ghp_s3cr3t")]);
        let config = config.expect("a configuration");
        let said = chain(&config, "dev").expect_err(key).message;
        assert!(
            said.contains(&format!("`{key}` is not taken from `!env`")),
            "{said}"
        );
        assert!(!said.contains("s3cr3t"), "{said}");
    }
}

#[test]
fn a_tag_on_a_mapping_blocks_what_it_would_have_replaced() {
    let config =
        load("auth: {identities: {dev: !include {kind: aws/user}, up: {kind: aws/ambient}}}");
    assert!(
        chain(&config, "dev")
            .expect_err("a tag")
            .message
            .contains("the tag `!include` has no meaning")
    );
    assert!(chain(&config, "up").is_ok());
}

#[test]
fn a_database_with_errors_is_refused_with_them() {
    let config = load(
        "auth: {identities: {dev: {kind: aws/user}}, databases: {Good: {engine: mysql, host: h, user: u, via: {identity: DEV}}, bad: {engine: x}}}",
    );
    let good = config.database("good").expect("a database");
    assert_eq!(
        (good.port, good.identity.as_str(), config.databases().len()),
        (3306, "dev", 1)
    );
    let error = config.database("BAD").expect_err("errors");
    assert_eq!(error.code, Code::ConfigInvalid);
    assert!(
        error.message.contains("line 1, column"),
        "{}",
        error.message
    );
    assert!(chain(&config, "dev").is_ok());
}

#[test]
fn problems_are_in_file_order_and_say_where_in_json_too() {
    let config = load(
        "auth:\n  identities:\n    b: {kind: aws/usr}\n    a: {kind: aws/user, x: 1}\n  realm: ..\n",
    );
    let lines: Vec<_> = config
        .problems()
        .iter()
        .map(|problem| (problem.line, problem.column))
        .collect();
    assert_eq!(lines, [(3, 15), (4, 25), (5, 10)]);
    let json = serde_json::to_value(&config.problems()[1]).expect("JSON");
    assert_eq!(json["severity"], "error");
    assert_eq!(
        (json["line"].as_u64(), json["path"].as_str()),
        (Some(4), Some("auth.identities.a.x"))
    );
    assert!(json.get("subject").is_none());
}
