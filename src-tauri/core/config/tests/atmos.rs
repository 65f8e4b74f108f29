//! Files that Atmos takes: what only Atmos uses is a notice, and `lake` can be used.

use super::*;

fn noticed(config: &Config) -> Vec<String> {
    let notices = config.problems().iter().map(|problem| {
        assert_eq!(problem.severity, Severity::Notice, "{problem}");
        format!("{}: {}", problem.path, problem.message)
    });
    notices.collect()
}

fn chain_of_lake(config: &Config) -> Result<Chain> {
    config.chain(config.identity("lake").expect("it is listed"))
}

#[test]
fn keys_that_only_atmos_uses_are_notices() {
    for (text, keys) in [
        (
            "auth:\n  identities:\n    lake: { kind: aws/user, required: true, default: true }\n",
            &["auth.identities.lake.required"][..],
        ),
        (
            "auth:\n  console: { session_duration: 1h }\n  require_identity: true\n  identities:\n    \
             lake: { kind: aws/user, provider: none, emulator: local }\n",
            &[
                "auth.console",
                "auth.require_identity",
                "auth.identities.lake.provider",
                "auth.identities.lake.emulator",
            ],
        ),
    ] {
        let config = Home::with(text).load().expect("a configuration");
        let notices = noticed(&config);
        assert_eq!(notices.len(), keys.len(), "{notices:?}");
        for (notice, key) in notices.iter().zip(keys) {
            assert!(notice.starts_with(&format!("{key}: ")), "{notice}");
        }
        chain_of_lake(&config).expect("a chain");
    }
}

#[test]
fn kinds_that_only_atmos_has_are_unsupported_and_leave_the_others_usable() {
    let config = Home::with(
        "auth:\n  providers:\n    local: { kind: aws/emulator }\n  identities:\n    \
         here: { kind: ambient }\n    fake: { kind: mock, via: { provider: local } }\n    \
         local: { kind: aws/emulator, emulator: aws, default: true }\n    lake: { kind: aws/user }\n",
    )
    .load()
    .expect("a configuration");
    noticed(&config);
    for name in ["here", "fake", "local"] {
        let identity = config.identity(name).expect("it is listed");
        assert!(!identity.is_supported, "{name}");
        let error = config.chain(identity).expect_err(name);
        assert_eq!(error.code, Code::Unsupported, "{error}");
    }
    chain_of_lake(&config).expect("a chain");
}

#[test]
fn what_atmos_takes_and_aws_does_not_is_unsupported_and_leaves_the_others_usable() {
    let config = Home::with(
        "auth:\n  aws: { role_arn: x }\n  providers:\n    \
         sso: { kind: aws/iam-identity-center, start_url: \"https://corp.awsapps.com/start\" }\n    \
         old: { kind: aws/sso, start_url: \"https://corp.awsapps.com/start\" }\n  identities:\n    \
         admin: { kind: aws/assume-role, via: { provider: sso }, principal: { assume_role: \
         \"arn:aws:iam::420000000025:role/admin\", role_session_name: ci } }\n    \
         above: { kind: aws/assume-role, via: { identity: admin }, principal: { assume_role: \
         \"arn:aws:iam::420000000025:role/next\" } }\n    \
         set: { kind: aws/permission-set, via: { provider: old }, principal: { name: A, \
         account: { name: dev } } }\n    lake: { kind: aws/user, enabled: true }\n",
    )
    .load()
    .expect("a configuration");
    let errors: Vec<String> = config
        .problems()
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
        .map(ToString::to_string)
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    for name in ["admin", "above", "set"] {
        let identity = config.identity(name).expect("it is listed");
        assert!(!identity.is_supported, "{name}");
        let error = config.chain(identity).expect_err(name);
        assert_eq!(error.code, Code::Unsupported, "{error}");
    }
    chain_of_lake(&config).expect("a chain");
}

#[test]
fn a_key_id_that_is_none_of_awss_is_a_warning_for_an_endpoint_on_this_machine() {
    let text = "auth:\n  identities:\n    lake: { kind: aws/user, credentials: { access_key_id: test, \
                secret_access_key: test }, spec: { endpoint_url: URL } }\n";
    for (url, environment, severity) in [
        ("http://localhost:4566", &[][..], Severity::Warning),
        (
            "!env STACK",
            &[("STACK", "http://127.0.0.1:4566")],
            Severity::Warning,
        ),
        ("!env STACK", &[], Severity::Warning),
        (
            "!env STACK",
            &[("STACK", "https://sts.example.com")],
            Severity::Error,
        ),
        ("https://sts.example.com", &[], Severity::Error),
        ("null", &[], Severity::Error),
        (
            "null",
            &[("AWS_ENDPOINT_URL", "http://localhost:4566")],
            Severity::Warning,
        ),
    ] {
        let home = Home::with(text.replace("URL", url));
        let config = home.load_with(environment).expect("a configuration");
        let of_the_id = config
            .problems()
            .iter()
            .find(|it| it.path.ends_with("access_key_id"));
        let problem = of_the_id.expect("it is said");
        assert_eq!(
            problem.severity, severity,
            "{url} {environment:?}: {problem}"
        );
        assert_eq!(
            chain_of_lake(&config).is_ok(),
            severity == Severity::Warning
        );
    }
}

#[test]
fn calls_go_to_an_endpoint_as_atmos_writes_it_once_that_is_trusted() {
    let config = Home::with(
        "auth:\n  providers:\n    corp: { kind: aws/iam-identity-center, region: us-east-1, start_url: \
         \"https://corp.awsapps.com/start\", spec: { aws: { resolver: { url: \"http://localhost:1\" } } } }\n  \
         identities:\n    set: { kind: aws/permission-set, via: { provider: corp }, principal: { name: A, \
         account: { id: \"420000000025\" } } }\n    lake: { kind: aws/user, credentials: { access_key_id: \
         test, secret_access_key: test, aws: { resolver: { url: \"http://localhost:2\" } } } }\n    \
         both: { kind: aws/user, credentials: { aws: { resolver: { url: \"http://localhost:3\" } } }, \
         spec: { endpoint_url: \"http://localhost:4\" } }\n",
    )
    .load()
    .expect("a configuration");
    for (name, port) in [("set", 1), ("lake", 2), ("both", 4)] {
        let identity = config.identity(name).expect("it is listed");
        let chain = config.chain(identity).expect(name);
        let endpoint = chain.target().endpoint_url.as_deref();
        assert_eq!(
            endpoint,
            Some(&*format!("http://localhost:{port}")),
            "{name}"
        );
    }
    let parts: Vec<String> = config
        .sensitive_parts()
        .iter()
        .map(ToString::to_string)
        .collect();
    for port in 1..=4 {
        let part = format!("sends requests to http://localhost:{port} ");
        assert!(parts.iter().any(|it| it.starts_with(&part)), "{parts:?}");
    }
}

#[test]
fn files_that_atmos_would_read_as_well_are_named_as_not_read() {
    let home = Home::with(
        "import: [ \"providers.yaml\", { path: more.yaml } ]\nauth:\n  identities:\n    \
         lake: { kind: aws/permission-set, via: { provider: corp }, \
         principal: { name: Admin, account: { id: \"420000000025\" } } }\n",
    );
    let config = home.load().expect("a configuration");
    let notices: Vec<&str> = config
        .problems()
        .iter()
        .filter(|problem| problem.severity == Severity::Notice)
        .map(|problem| problem.message.as_str())
        .collect();
    assert_eq!(notices.len(), 2, "{notices:?}");
    assert!(
        notices[0].contains("`providers.yaml` is not read"),
        "{notices:?}"
    );
    assert!(
        notices[1].contains("`more.yaml` is not read"),
        "{notices:?}"
    );
    let error = chain_of_lake(&config).expect_err("its provider is not here");
    let hints = error.hints.join("\n");
    assert!(hints.contains("`providers.yaml` is not read"), "{hints}");
}

#[test]
fn files_that_atmos_reads_without_an_import_are_named_where_they_have_a_part_for_auth() {
    let home = Home::with("auth: {}\n");
    let write = |path: &str, text: &str| {
        let path = home.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    };
    write("profiles/dev/auth.yaml", "auth:\n  identities: {}\n");
    write("profiles/dev/settings.yaml", "settings: { auth: none }\n");
    write(".atmos/profiles/ci/sso.yml", "auth: {}\n");
    write(".atmos.d/deep/er/auth.yaml", "# here\nauth: {}\n");
    write("atmos.d/auth.json", "auth: {}\n");
    let text = "auth: { identities: { lake: { kind: aws/user }, admin: { kind: aws/permission-set, \
                via: { provider: corp }, principal: { name: A, account: { name: dev } } } } }";
    for name in ["atmos.yaml", ".atmos.yaml"] {
        write(name, text);
        let path = home.path().join(name);
        let config = Config::load(&path, &home.environment(&[])).expect("a configuration");
        chain_of_lake(&config).expect("a chain");
        let admin = config.identity("admin").expect("it is listed");
        let error = config.chain(admin).expect_err("its provider is not here");
        let named: Vec<&str> = error
            .hints
            .iter()
            .filter_map(|hint| hint.strip_prefix("the file `")?.split_once("` is not read"))
            .map(|(name, _)| name)
            .collect();
        let all = [
            ".atmos.d/deep/er/auth.yaml",
            ".atmos/profiles/ci/sso.yml",
            "profiles/dev/auth.yaml",
        ];
        assert_eq!(named, all, "{name}");
    }
}

#[test]
fn a_misspelt_kind_is_named_with_its_neighbour() {
    let text = "auth:\n  identities:\n    dev: { knid: aws/user }\n";
    let config = Home::with(text).load().expect("a configuration");
    let said: Vec<String> = config.problems().iter().map(ToString::to_string).collect();
    assert!(
        said.iter()
            .any(|it| it.contains("dev.knid") && it.contains("did you mean `kind`?")),
        "{said:?}"
    );
}

#[test]
fn session_tags_are_read_and_those_that_aws_would_not_take_are_errors() {
    let with = |principal: &str| {
        format!(
            "auth:\n  identities:\n    dev: {{ kind: aws/user }}\n    deploy:\n      \
             kind: aws/assume-role\n      via: {{ identity: dev }}\n      principal:\n        \
             assume_role: \"arn:aws:iam::420000000025:role/deploy\"\n        {principal}\n"
        )
    };
    let text = with("{x}").replace(
        "{x}",
        "tags: { team: lake, cost center: \"42\" }\n        transitive_tag_keys: [ team ]\n        \
         source_identity: kim",
    );
    let config = Home::with(text).load().expect("a configuration");
    assert_eq!(config.problems(), []);
    let deploy = config.identity("deploy").expect("it is listed");
    let chain = config.chain(deploy).expect("a chain");
    let Kind::AssumeRole(role) = &chain.target().kind else {
        panic!("a role")
    };
    let tags: Vec<_> = role
        .tags
        .iter()
        .map(|tag| (&*tag.key, &*tag.value))
        .collect();
    assert_eq!(tags, [("team", "lake"), ("cost center", "42")]);
    assert_eq!(role.transitive_tag_keys, ["team"]);
    assert_eq!(role.source_identity.as_deref(), Some("kim"));

    for (written, problem) in [
        ("tags: [ team ]", "a list where a mapping is expected"),
        ("tags: { team: \"a\\tb\" }", "is not a session tag"),
        ("tags: { \"aws:team\": lake }", "is not a session tag"),
        ("tags: { team: !env HOME }", "is not taken from `!env`"),
        (
            "transitive_tag_keys: [ team ]",
            "not a key of `principal.tags`",
        ),
        ("source_identity: k", "is not a source identity"),
    ] {
        let config = Home::with(with(written)).load().expect("a configuration");
        let said: Vec<String> = config.problems().iter().map(ToString::to_string).collect();
        assert!(
            said.len() == 1 && said[0].contains(problem),
            "{written}: {said:?}"
        );
    }
}
