//! What the configuration means: chains, look-ups, defaults, folders.

use super::*;
use crate::duration::{SessionDuration, SessionKind};
use crate::secret::Origin;
use std::fmt::Write;

const ROLE: &str = r#"principal: {assume_role: "arn:aws:iam::123456789012:role/r"}"#;

fn role(chain: &Chain, at: usize) -> &AssumeRole {
    match &chain.links()[at].kind {
        Kind::AssumeRole(role) => role,
        other => panic!("{other:?} is not a role"),
    }
}

#[test]
fn the_sample_configuration_loads_without_errors_and_every_chain_resolves() {
    let home = Home::with(SAMPLE);
    let config = home.load().expect("a configuration");
    assert_eq!(shown(&config), "");
    assert_eq!(config.path(), home.file());
    for identity in config.identities() {
        let chain = config
            .chain(identity)
            .unwrap_or_else(|error| panic!("{}: {error}", identity.name));
        assert_eq!(chain.names(), config.chain_names(identity));
    }

    let deploy = chain(&config, "deploy").expect("a chain");
    assert_eq!(deploy.names(), ["corp-sso", "org-admin", "deploy"]);
    assert_eq!(deploy.region.as_str(), "eu-west-1");
    assert_eq!(deploy.links()[1].region.as_str(), "eu-central-1");
    assert_eq!(deploy.env, [("TF_VAR_stage".to_owned(), "lake".to_owned())]);
    assert_eq!(deploy.files.base, home.path().join(".custom/aws"));
    assert_eq!(
        deploy.files.folder,
        home.path().join(".custom/aws/corp-sso")
    );
    assert_eq!(
        deploy.source().endpoint_url.as_deref(),
        Some("http://127.0.0.1:4599")
    );
    assert_eq!(deploy.target().endpoint_url, deploy.source().endpoint_url);
    let deploy = role(&deploy, 2);
    assert_eq!(
        (deploy.session_name.as_str(), deploy.limits),
        ("kim", SessionKind::ChainedRole)
    );
    assert_eq!(deploy.duration.map(SessionDuration::seconds), Some(2700));
    assert_eq!(deploy.external_id.as_deref(), Some("x-1"));

    let user = chain(&config, "dev-admin").expect("a chain");
    assert_eq!(
        (user.names(), user.provider.as_str()),
        (vec!["dev-admin"], "aws-user")
    );
    let Kind::User(written) = &user.source().kind else {
        panic!("a user")
    };
    assert_eq!(
        written.session_duration.map(SessionDuration::seconds),
        Some(129_600)
    );
    assert_eq!(user.files.folder, home.path().join(".aws/keyfob/aws-user"));

    let orders = config.database("ORDERS").expect("a database");
    assert_eq!(
        (orders.engine, orders.port, orders.identity.as_str()),
        (Engine::Postgres, 5432, "deploy")
    );
    let secret = config
        .database("legacy")
        .expect("a database")
        .password_secret
        .as_ref()
        .expect("a secret");
    assert_eq!(secret.field.as_deref(), Some("password"));
    assert_eq!(
        config
            .default_identity()
            .map(|it| it.map(|it| it.name.as_str())),
        Ok(Some("dev-admin"))
    );
}

#[test]
fn an_atmos_file_loads_and_what_is_left_to_atmos_is_a_notice() {
    let home = Home::with(ATMOS);
    let keys = [
        ("EMERGENCY_KEY_ID", "AKIAFOREIGN000000001"),
        ("EMERGENCY_SECRET", "wJalrXUtnFEMI"),
    ];
    let config = home.load_with(&keys).expect("a configuration");
    assert_eq!(worst(&config), Some(Severity::Notice), "{}", shown(&config));
    assert_eq!(config.problems().len(), 17, "{}", shown(&config));
    assert_eq!(config.realm().as_str(), "platform");
    let expected = KeyringChoice::File {
        path: home.path().join(".atmos/keyring"),
        password_env: Some("ATMOS_KEYRING_PASSWORD".to_owned()),
    };
    assert_eq!(*config.keyring(), expected);

    let supported: Vec<_> = config
        .identities()
        .iter()
        .filter(|it| it.is_supported)
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(supported, ["dev", "stage", "saml-admin", "emergency"]);
    assert_eq!(
        config
            .default_identity()
            .map(|it| it.map(|it| it.name.as_str())),
        Ok(Some("dev"))
    );
    for (name, shown) in [
        ("azure-reader", "entra → azure-dev → azure-reader"),
        ("odd", "entra → azure-dev → odd"),
        ("gcp-dev", "gcloud → gcp-dev"),
        ("github", "github"),
    ] {
        let identity = config.identity(name).expect(name);
        assert_eq!(config.chain_names(identity).join(" → "), shown);
        assert_eq!(
            config.chain(identity).expect_err(name).code,
            Code::Unsupported
        );
    }
    assert_eq!(
        config
            .source(config.provider("entra").expect("entra"))
            .expect_err("azure")
            .code,
        Code::Unsupported
    );

    let stage = chain(&config, "stage").expect("a chain");
    let Kind::PermissionSet(set) = &stage.target().kind else {
        panic!("a permission set")
    };
    assert!(matches!(&set.account, AccountReference::Id(id) if id.as_str() == "012345678901"));
    assert_eq!(
        stage.files.folder,
        home.path().join(".aws/keyfob/platform/corp-sso")
    );
    assert_eq!(
        role(&chain(&config, "saml-admin").expect("a chain"), 1).limits,
        SessionKind::AssumedRole
    );

    let emergency = chain(&config, "emergency").expect("a chain");
    let Kind::User(user) = &emergency.source().kind else {
        panic!("a user")
    };
    let keys = user.keys.as_ref().expect("keys");
    assert_eq!(keys.origin, Origin::Environment);
    assert_eq!(
        keys.place,
        "the environment variables EMERGENCY_KEY_ID and EMERGENCY_SECRET"
    );
}

#[test]
fn names_are_found_in_any_case_and_shown_as_written() {
    let config = load(SAMPLE);
    assert_eq!(
        config.identity("DEV-ADMIN").expect("known").name.as_str(),
        "dev-admin"
    );
    assert_eq!(
        config.provider("Corp-SSO").expect("known").name.as_str(),
        "corp-sso"
    );
    for name in ["aws-user", "AWS-User"] {
        let provider = config.provider(name).expect("known");
        assert_eq!(provider.name, ProviderName::stand_alone());
        assert!(
            config
                .files(provider)
                .expect("a folder")
                .folder
                .ends_with("aws-user")
        );
        assert_eq!(
            config
                .source(provider)
                .expect_err("nothing to sign in to")
                .code,
            Code::Usage
        );
    }
    assert!(
        config
            .providers()
            .iter()
            .all(|provider| provider.name != ProviderName::stand_alone())
    );
}

#[test]
fn an_unknown_name_comes_with_the_sorted_names_and_the_nearest() {
    let config = load(SAMPLE);
    let error = config.identity("dev-admn").expect_err("unknown");
    assert_eq!((error.code, error.exit_code()), (Code::IdentityNotFound, 1));
    assert_eq!(error.message, "there is no identity `dev-admn`");
    assert_eq!(
        error.hints,
        [
            "did you mean `dev-admin`?",
            "identities: deploy, dev-admin, here, org-admin, root-task, vendor"
        ]
    );
    let error = config.provider("octa").expect_err("unknown");
    assert_eq!((error.code, error.exit_code()), (Code::ProviderNotFound, 1));
    assert_eq!(
        error.hints,
        [
            "did you mean `okta`?",
            "providers: corp-sso, gha, okta, pod"
        ]
    );
    assert_eq!(
        config.database("order").expect_err("unknown").hints[0],
        "did you mean `orders`?"
    );
    let error = load("auth: {}").identity("a\nb").expect_err("unknown");
    assert_eq!(error.hints, ["the configuration has no identities"]);
    assert!(!error.message.contains('\n'));
}

#[test]
fn two_defaults_are_an_error_that_names_both_and_each_can_be_used_by_name() {
    let config = load(
        "auth: {identities: {a: {kind: aws/user, default: true}, b: {kind: aws/ambient, default: true}}}",
    );
    let error = config.default_identity().expect_err("two");
    assert_eq!((error.code, error.exit_code()), (Code::ConfigInvalid, 2));
    assert!(
        error.message.contains("`a` (line 1), `b` (line 1)"),
        "{}",
        error.message
    );
    assert!(chain(&config, "a").is_ok() && chain(&config, "b").is_ok());
    assert_eq!(
        load("auth: {identities: {a: {kind: aws/user}}}")
            .default_identity()
            .map(|it| it.is_none()),
        Ok(true)
    );
}

#[test]
fn a_broken_link_blocks_only_the_chains_that_use_it() {
    let config = load(&format!(
        "auth:\n  identities:\n    good: {{kind: aws/user}}\n    bad: {{kind: aws/user, nonsense: 1}}\n    \
         up: {{kind: aws/assume-role, via: {{identity: bad}}, {ROLE}}}\n    \
         top: {{kind: aws/assume-role, via: {{identity: up}}, {ROLE}}}\n    \
         lost: {{kind: aws/assume-role, via: {{identity: gone}}, {ROLE}}}\n    \
         high: {{kind: aws/assume-role, via: {{identity: lost}}, {ROLE}}}\n"
    ));
    assert!(chain(&config, "good").is_ok());
    for name in ["bad", "up", "top"] {
        let error = chain(&config, name).expect_err(name);
        assert_eq!((error.code, error.exit_code()), (Code::ConfigInvalid, 2));
        let message = format!(
            "the identity `{name}` cannot be used: line 4, column 27: auth.identities.bad.nonsense:"
        );
        assert!(error.message.starts_with(&message), "{}", error.message);
    }
    assert!(
        chain(&config, "high")
            .expect_err("lost")
            .message
            .contains("there is no identity `gone`")
    );
    let listed = |name: &str| {
        config
            .chain_names(config.identity(name).expect(name))
            .join(" → ")
    };
    assert_eq!(
        (listed("top"), listed("high")),
        ("bad → up → top".to_owned(), "lost → high".to_owned())
    );
}

#[test]
fn what_stands_on_a_circle_is_refused_and_still_listed() {
    let config = load(&format!(
        "auth: {{identities: {{a: {{kind: aws/assume-role, via: {{identity: b}}, {ROLE}}}, \
         b: {{kind: aws/assume-role, via: {{identity: A}}, {ROLE}}}, \
         c: {{kind: aws/assume-role, via: {{identity: b}}, {ROLE}}}}}}}"
    ));
    for name in ["a", "b", "c"] {
        let error = chain(&config, name).expect_err(name);
        assert!(error.message.contains("a → b → a"), "{}", error.message);
        assert!(config.chain_names(config.identity(name).expect(name)).len() <= 3);
    }
}

#[test]
fn chains_may_have_any_length() {
    const LINKS: usize = 3000;
    let mut text = "auth:\n  identities:\n    i0: {kind: aws/ambient}\n".to_owned();
    for link in 1..=LINKS {
        let below = link - 1;
        writeln!(
            text,
            "    i{link}: {{kind: aws/assume-role, via: {{identity: i{below}}}, {ROLE}}}"
        )
        .expect("memory");
    }
    let config = load(&text);
    assert_eq!(shown(&config), "");
    let top = chain(&config, &format!("i{LINKS}")).expect("a chain");
    assert_eq!(
        (top.links().len(), top.names().len()),
        (LINKS + 1, LINKS + 1)
    );
    assert_eq!(role(&top, 1).limits, SessionKind::AssumedRole);
    assert!((2..=LINKS).all(|at| role(&top, at).limits == SessionKind::ChainedRole));
}

#[test]
fn a_circle_of_thousands_is_found_quickly_and_told_briefly() {
    const LINKS: usize = 3000;
    let mut text = "auth:\n  identities:\n".to_owned();
    for link in 0..LINKS {
        let below = (link + 1) % LINKS;
        writeln!(
            text,
            "    i{link}: {{kind: aws/assume-role, via: {{identity: i{below}}}, {ROLE}}}"
        )
        .expect("memory");
    }
    let config = load(&text);
    assert_eq!(config.problems().len(), 1);
    let message = &config.problems()[0].message;
    assert!(
        message.ends_with("i10 → i11 → … → i0") && message.len() < 200,
        "{message}"
    );
    assert!(chain(&config, "i1500").is_err());
}

#[test]
fn a_role_is_limited_by_what_it_stands_on() {
    let config = load(&format!(
        r"auth:
  providers:
    sso: {{kind: aws/iam-identity-center, start_url: https://x}}
    okta: {{kind: aws/saml, url: https://x}}
    hub: {{kind: github/oidc}}
    pod: {{kind: aws/web-identity, spec: {{token_file: token}}}}
  identities:
    user: {{kind: aws/user}}
    ambient: {{kind: aws/ambient}}
    process: {{kind: aws/process, credentials: {{process: x}}}}
    set: {{kind: aws/permission-set, via: {{provider: sso}}, principal: {{name: A, account: {{name: a}}}}}}
    a-user: {{kind: aws/assume-role, via: {{identity: user}}, {ROLE}}}
    a-ambient: {{kind: aws/assume-role, via: {{identity: ambient}}, {ROLE}}}
    a-process: {{kind: aws/assume-role, via: {{identity: process}}, {ROLE}}}
    a-saml: {{kind: aws/assume-role, via: {{provider: okta}}, {ROLE}}}
    a-hub: {{kind: aws/assume-role, via: {{provider: hub}}, {ROLE}}}
    a-pod: {{kind: aws/assume-role, via: {{provider: pod}}, {ROLE}}}
    c-set: {{kind: aws/assume-role, via: {{identity: set}}, {ROLE}}}
    c-saml: {{kind: aws/assume-role, via: {{identity: a-saml}}, {ROLE}}}
    c-role: {{kind: aws/assume-role, via: {{identity: a-user}}, {ROLE}}}
"
    ));
    assert_eq!(shown(&config), "");
    for identity in config.identities() {
        let chain = config
            .chain(identity)
            .unwrap_or_else(|error| panic!("{}: {error}", identity.name));
        let expected = match identity.name.as_str().split_once('-') {
            Some(("a", _)) => SessionKind::AssumedRole,
            Some(("c", _)) => SessionKind::ChainedRole,
            Some(_) | None => continue,
        };
        assert_eq!(
            role(&chain, chain.links().len() - 1).limits,
            expected,
            "{}",
            identity.name
        );
    }
    let pod = chain(&config, "a-pod").expect("a chain");
    let Kind::WebIdentity(web) = &pod.source().kind else {
        panic!("a web identity")
    };
    assert_eq!(web.token_file, config.path().with_file_name("token"));
    assert_eq!(role(&pod, 1).session_name, "fob-a-pod");
}

#[test]
fn a_role_takes_its_own_duration_before_the_general_one() {
    let config = load(
        r#"auth: {identities: {u: {kind: aws/user},
          a: {kind: aws/assume-role, via: {identity: u}, session: {duration: 2h}, principal: {assume_role: "arn:aws:iam::123456789012:role/r"}},
          b: {kind: aws/assume-role, via: {identity: u}, session: {duration: 2h}, principal: {assume_role: "arn:aws:iam::123456789012:role/r", duration: 45m}}}}"#,
    );
    for (name, seconds) in [("a", 7200), ("b", 2700)] {
        let chain = chain(&config, name).expect("a chain");
        assert_eq!(
            role(&chain, 1).duration.map(SessionDuration::seconds),
            Some(seconds)
        );
    }
}

#[test]
fn region_and_endpoint_come_from_the_nearest_place_down_the_chain() {
    let config = load(
        r#"auth:
  identities:
    base: {kind: aws/user, spec: {endpoint_url: "http://127.0.0.1:1"}}
    mid: {kind: aws/assume-role, via: {identity: base}, principal: {assume_role: "arn:aws:iam::123456789012:role/r", region: eu-west-1}}
    top: {kind: aws/assume-role, via: {identity: mid}, spec: {endpoint_url: "http://127.0.0.1:2"}, principal: {assume_role: "arn:aws:iam::123456789012:role/r"}}
"#,
    );
    let top = chain(&config, "top").expect("a chain");
    assert_eq!(
        (top.source().region.as_str(), top.region.as_str()),
        ("us-east-1", "eu-west-1")
    );
    let endpoints: Vec<_> = top
        .links()
        .iter()
        .map(|link| link.endpoint_url.as_deref())
        .collect();
    assert_eq!(
        endpoints,
        [
            Some("http://127.0.0.1:1"),
            Some("http://127.0.0.1:1"),
            Some("http://127.0.0.1:2")
        ]
    );
}

#[test]
fn profiles_go_to_the_first_base_path_that_is_named() {
    let own = Home::with("auth: {realm: Team/A, identities: {dev: {kind: aws/user}}}");
    let written = Home::with(
        "auth: {identities: {dev: {kind: aws/user, spec: {files: {base_path: ./here, static: true}}}}}",
    );
    let folder = |home: &Home, variables: &[(&str, &str)]| {
        chain(&home.load_with(variables).expect("a configuration"), "dev")
            .map(|chain| chain.files.folder)
    };
    let (fob, atmos) = (
        ("FOB_AWS_FILES_BASE_PATH", "/fob"),
        ("ATMOS_AWS_FILES_BASE_PATH", "~/atmos"),
    );
    assert_eq!(
        folder(&written, &[fob, atmos]),
        Ok(written.path().join("./here/aws-user"))
    );
    assert_eq!(
        folder(&own, &[fob, atmos]),
        Ok(PathBuf::from("/fob/Team_A/aws-user"))
    );
    assert_eq!(
        folder(&own, &[atmos]),
        Ok(own.path().join("atmos/Team_A/aws-user"))
    );
    assert_eq!(
        folder(&own, &[]),
        Ok(own.path().join(".aws/keyfob/Team_A/aws-user"))
    );
    assert!(
        chain(&written.load().expect("a configuration"), "dev")
            .expect("a chain")
            .files
            .static_credentials
    );
    for bad in ["", "  ", "/a\nb", "/a\rb", "/a\0b"] {
        for name in [fob.0, atmos.0] {
            let error = folder(&own, &[(name, bad)]).expect_err("a bad path");
            assert!(
                error.message.contains(name) && !error.message.contains(['\n', '\0']),
                "{}",
                error.message
            );
        }
    }
}

#[test]
fn the_choice_of_hosts_is_inherited_up_the_chain_and_may_be_taken_back() {
    let config = load(&format!(
        "auth:\n  identities:\n    dev: {{ kind: aws/user, spec: {{ use_fips_endpoint: true }} }}\n    \
         deploy: {{ kind: aws/assume-role, via: {{ identity: dev }}, {ROLE}, \
         spec: {{ use_dualstack_endpoint: true }} }}\n    \
         next: {{ kind: aws/assume-role, via: {{ identity: deploy }}, {ROLE}, \
         spec: {{ use_fips_endpoint: false }} }}\n"
    ));
    assert_eq!(config.problems(), []);
    let hosts = |name| chain(&config, name).expect("a chain").target().hosts;
    let written = |fips, dual_stack| HostVariant { fips, dual_stack };
    assert_eq!(hosts("dev"), written(Some(true), None));
    assert_eq!(hosts("deploy"), written(Some(true), Some(true)));
    assert_eq!(hosts("next"), written(Some(false), Some(true)));
}
