//! Database tokens: through the agent under a manual clock, and with the real `fob`.

use crate::home::{DEPLOY, DEV, Home, code, text, wait_for};
use crate::logout_table::session_until;
use keyfob_core::agent::api::{
    Answered, Call, Caller, Check, Configure, DatabaseChoice, DatabaseToken, DatabaseTokenRequest,
    Depth, Logout, LongLivedKeys, Maintain, Mode, Note, OpenedWith, OtherUser, Person, Renewal,
    Replaces, Reply, Report, Request, SessionRequest, StepResult, Target, TypedKeys, What,
};
use keyfob_core::agent::{Agent, Client, Role};
use keyfob_core::clock::Clock;
use keyfob_core::config::Config;
use keyfob_core::databases::{self, Tokens};
use keyfob_core::environment::Environment;
use keyfob_core::error::{Code, Error};
use keyfob_core::logout::{self, InMemory};
use keyfob_core::sandbox::{FaultSwitch, Sandbox, SandboxFault, SandboxSettings, StsAction};
use keyfob_core::world::World;
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, SystemTime};

const ORDERS: &str = "orders.abc.eu-central-1.rds.amazonaws.com";
const DATABASES: &str = r#"
  databases:
    orders: { engine: postgres, host: orders.abc.eu-central-1.rds.amazonaws.com, user: app, region: eu-central-1, via: { identity: deploy } }
    shop: { engine: mysql, host: shop.abc.us-east-1.rds.amazonaws.com, user: o'neil, via: { identity: dev } }
    legacy: { engine: postgres, host: db.example, user: app, via: { identity: dev }, password_secret: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-x1#password" }
"#;
const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// 2026-11-18 11:06:40 UTC.
fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000)
}

fn config() -> String {
    format!("{DEV}{DEPLOY}{DATABASES}")
}

/// An agent that lives as long as the test, with kim's key stored for `dev`; its time is the
/// test's.
struct Stage {
    _folder: tempfile::TempDir,
    sandbox: Sandbox,
    clock: Clock,
    agent: Agent,
    client: Client,
}

impl Stage {
    async fn set() -> Stage {
        let clock = Clock::manual(start());
        let sandbox = Sandbox::start(clock.clone()).expect("a sandbox");
        let folder = tempfile::tempdir().expect("a folder");
        let agent = Agent::new(world(folder.path(), &sandbox, &clock), Role::InProcess);
        let stage = Stage {
            _folder: folder,
            client: agent.client(),
            sandbox,
            clock,
            agent,
        };
        stage.store_key().await;
        stage
    }

    async fn store_key(&self) {
        let keys = self.sandbox.keys("kim").pop().expect("kim has a key");
        let typed = TypedKeys {
            access_key_id: keys.access_key_id.as_str().to_owned(),
            secret_access_key: keys.secret_access_key.into(),
            mfa_arn: None,
            session_duration: None,
            file: None,
        };
        let configure = Configure {
            identity: "dev".to_owned(),
            keys: Some(typed),
            check: Check::WithSts,
            other_user: OtherUser::Refused,
            replaces: Replaces::Own,
        };
        let reply = self
            .ask(Request::Maintain(Maintain::Configure(configure)))
            .await
            .reply;
        assert!(matches!(reply, Reply::Configured(_)), "{reply:?}");
        self.sandbox.clear_journal();
    }

    async fn ask(&self, request: Request) -> Answered {
        ask(&self.client, request).await
    }

    async fn token_of(&self, name: &str) -> Result<(DatabaseToken, Vec<Note>), Error> {
        let Answered { notes, reply } = self.ask(by_name(name, Renewal::WhenDue)).await;
        match reply {
            Reply::DatabaseToken(token) => Ok((token, notes)),
            Reply::Failed(error) => Err(error),
            other => panic!("an unexpected reply: {other:?}"),
        }
    }

    /// Without a word of warning.
    async fn token(&self, name: &str) -> DatabaseToken {
        let (token, notes) = self.token_of(name).await.expect("a token");
        let is_warning = |note: &Note| matches!(note, Note::Warning(_));
        assert!(!notes.iter().any(is_warning), "{notes:?}");
        token
    }

    async fn log_out(&self, mode: Mode) -> Report {
        let target = Target::Identity {
            name: "deploy".to_owned(),
            depth: Depth::Chain,
        };
        let logout = Logout {
            target,
            long_lived_keys: LongLivedKeys::Keep,
            mode,
        };
        match self
            .ask(Request::Maintain(Maintain::Logout(logout)))
            .await
            .reply
        {
            Reply::Removed(report) => report,
            other => panic!("an unexpected reply: {other:?}"),
        }
    }

    fn calls(&self) -> Vec<String> {
        self.sandbox
            .journal()
            .into_iter()
            .map(|call| call.action)
            .collect()
    }

    fn left(&self, token: &DatabaseToken) -> u64 {
        token
            .expires_at
            .duration_since(self.clock.now())
            .expect("it is not over")
            .as_secs()
    }
}

fn world(home: &Path, sandbox: &Sandbox, clock: &Clock) -> World {
    let path = crate::home::write_own_config(home, &config());
    let environment = Environment::of([
        (crate::home::HOME, home.as_os_str()),
        ("FOB_KEYRING", "memory".as_ref()),
        ("AWS_ENDPOINT_URL", sandbox.url().as_ref()),
    ]);
    let config = Config::load(&path, &environment).expect("a configuration");
    World::open(config, environment, clock.clone()).expect("a usable one")
}

async fn ask(client: &Client, request: Request) -> Answered {
    let caller = Caller {
        program: "test".into(),
        pid: 1,
        person: Person::Present,
        trail: None,
    };
    client.ask(Call { caller, request }).await
}

fn by_name(name: &str, renewal: Renewal) -> Request {
    Request::Session(SessionRequest::DatabaseToken(DatabaseTokenRequest {
        database: DatabaseChoice::Named(name.to_owned()),
        renewal,
        with: OpenedWith::Token,
    }))
}

/// A parameter of the presigned request.
fn parameter<'t>(token: &'t str, name: &str) -> &'t str {
    let value = |pair: &'t str| pair.strip_prefix(name)?.strip_prefix('=');
    token
        .split(['?', '&'])
        .find_map(value)
        .unwrap_or_else(|| panic!("{name} is not in the token"))
}

fn signed_by(token: &DatabaseToken) -> String {
    parameter(token.token.expose(), "X-Amz-Credential")
        .split("%2F")
        .next()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn an_agent_signs_a_token_every_fourteen_minutes_and_asks_aws_for_the_session_alone() {
    wait_for(async {
        let stage = Stage::set().await;
        let mut now = 0;
        let mut last = String::new();
        let at = |minutes, seconds| minutes * MINUTE + seconds;
        for (moment, signed_at) in [
            (0, "110640"),
            (at(13, 59), "110640"),
            (at(14, 0), "112040"),
            (at(14, 5), "112040"),
            (at(28, 0), "113440"),
            (at(28, 5), "113440"),
            // After a sleep of twenty minutes.
            (at(48, 5), "115445"),
        ] {
            stage.clock.advance(Duration::from_secs(moment - now));
            now = moment;
            let token = stage.token("shop").await;
            let text = token.token.expose();
            assert_eq!(
                parameter(text, "X-Amz-Date"),
                format!("20261118T{signed_at}Z"),
                "at {moment} s"
            );
            assert!(
                (MINUTE + 1..=15 * MINUTE).contains(&stage.left(&token)),
                "at {moment} s"
            );
            assert_eq!(
                text == last,
                last.contains(signed_at),
                "one token for each moment of signing"
            );
            text.clone_into(&mut last);
        }
        assert_eq!(stage.calls(), ["GetSessionToken"]);
        let Answered { reply, .. } = stage.ask(by_name("shop", Renewal::Always)).await;
        let Reply::DatabaseToken(forced) = reply else {
            panic!("{reply:?}")
        };
        assert_eq!(forced.token.expose(), last, "it is the same second");
        stage.clock.advance(Duration::from_secs(1));
        let Answered { reply, .. } = stage.ask(by_name("shop", Renewal::Always)).await;
        let Reply::DatabaseToken(forced) = reply else {
            panic!("{reply:?}")
        };
        assert_ne!(forced.token.expose(), last);
    });
}

#[test]
fn fifty_clients_of_a_cold_agent_get_the_same_token() {
    wait_for(async {
        let stage = Stage::set().await;
        let callers: Vec<_> = (0..50)
            .map(|_| {
                let client = stage.agent.client();
                tokio::spawn(async move {
                    ask(&client, by_name("orders", Renewal::WhenDue))
                        .await
                        .reply
                })
            })
            .collect();
        let mut tokens = Vec::new();
        for caller in callers {
            match caller.await.expect("no panic") {
                Reply::DatabaseToken(token) => tokens.push(token.token),
                other => panic!("{other:?}"),
            }
        }
        assert!(tokens.iter().all(|token| *token == tokens[0]));
        assert_eq!(stage.calls(), ["GetSessionToken", "AssumeRole"]);
    });
}

#[test]
fn a_session_that_is_due_is_renewed_before_it_signs_and_takes_its_tokens_along() {
    wait_for(async {
        let stage = Stage::set().await;
        let first = stage.token("orders").await;
        stage.clock.advance(Duration::from_secs(43 * MINUTE));
        let before = stage.token("orders").await;
        assert_eq!(
            signed_by(&first),
            signed_by(&before),
            "the session is good for an hour"
        );
        // Not yet fourteen minutes after the last one was signed, and less than a quarter of the
        // hour is left.
        stage.clock.advance(Duration::from_secs(3 * MINUTE));
        let after = stage.token("orders").await;
        assert_ne!(signed_by(&before), signed_by(&after));
        assert_eq!(stage.left(&after), 15 * MINUTE);
        assert_eq!(
            stage.calls(),
            ["GetSessionToken", "AssumeRole", "AssumeRole"]
        );
    });
}

#[test]
fn a_session_that_cannot_be_renewed_signs_until_its_end_with_a_warning_and_not_beyond() {
    wait_for(async {
        let stage = Stage::set().await;
        stage.token("shop").await;
        stage
            .sandbox
            .inject(
                FaultSwitch::on(SandboxFault::AccessDenied).for_action(StsAction::GetSessionToken),
            )
            .expect("a fault");
        stage.clock.advance(Duration::from_secs(11 * HOUR));
        let (token, notes) = stage.token_of("shop").await.expect("a token");
        assert_eq!(stage.left(&token), 15 * MINUTE);
        let [Note::Warning(why)] = &notes[..] else {
            panic!("{notes:?}")
        };
        assert!(
            why.contains("could not be renewed and is used as it is"),
            "{why}"
        );

        stage.clock.advance(Duration::from_secs(55 * MINUTE));
        let (token, notes) = stage.token_of("shop").await.expect("a token");
        assert_eq!(stage.left(&token), 5 * MINUTE);
        let [Note::Warning(why), Note::Warning(until)] = &notes[..] else {
            panic!("{notes:?}")
        };
        assert!(why.contains("could not be renewed"), "{why}");
        assert!(
            until.contains("ends with the session of dev, in less than 6 min"),
            "{until}"
        );

        stage.clock.advance(Duration::from_secs(4 * MINUTE));
        let (again, _) = stage.token_of("shop").await.expect("a token");
        assert_eq!(again.token, token.token);
        stage.clock.advance(Duration::from_secs(MINUTE));
        let error = stage
            .token_of("shop")
            .await
            .expect_err("the session has ended");
        assert_eq!(
            (error.code, error.exit_code()),
            (Code::AccessDenied, 1),
            "{error}"
        );
    });
}

#[test]
fn a_session_that_only_a_person_can_renew_signs_until_its_end_with_a_warning() {
    wait_for(async {
        let stage = Stage::set().await;
        stage.token("shop").await;
        stage
            .sandbox
            .revoke_key(&stage.sandbox.keys("kim")[0].access_key_id)
            .expect("the key is there");
        stage
            .clock
            .advance(Duration::from_secs(11 * HOUR + 55 * MINUTE));
        // The first one finds the keys revoked and clears them; then there is nothing left to renew
        // with.
        let (_, notes) = stage.token_of("shop").await.expect("a token");
        assert_eq!(notes.len(), 2, "{notes:?}");
        let (token, notes) = stage.token_of("shop").await.expect("a token");
        assert_eq!(stage.left(&token), 5 * MINUTE);
        let [Note::Warning(until)] = &notes[..] else {
            panic!("{notes:?}")
        };
        assert!(until.contains("ends with the session of dev"), "{until}");
        stage.clock.advance(Duration::from_secs(5 * MINUTE));
        let error = stage
            .token_of("shop")
            .await
            .expect_err("the session has ended");
        assert_eq!(
            (error.code, error.exit_code()),
            (Code::PersonNeeded, 3),
            "{error}"
        );
    });
}

#[test]
fn signing_out_forgets_the_tokens_and_says_so() {
    wait_for(async {
        let stage = Stage::set().await;
        stage.token("orders").await;
        stage.token("shop").await;
        let of_the_agent = |report: &Report, result| {
            let of_the_agent = report.steps.iter().filter(|step| step.what == What::Agent);
            let told = of_the_agent
                .filter(|step| step.detail.as_deref() == Some("database tokens"))
                .map(|step| {
                    assert_eq!(step.result, result);
                    step.name.clone()
                });
            told.collect::<Vec<_>>()
        };
        assert_eq!(
            of_the_agent(&stage.log_out(Mode::DryRun).await, StepResult::WouldRemove),
            ["deploy", "dev"]
        );
        stage.token("orders").await;
        assert_eq!(
            of_the_agent(&stage.log_out(Mode::Run).await, StepResult::Removed),
            ["deploy", "dev"]
        );
        for name in ["orders", "shop"] {
            let error = stage.token_of(name).await.expect_err("signed out");
            assert_eq!(
                (error.code, error.exit_code()),
                (Code::SignedOut, 3),
                "{error}"
            );
        }
        assert_eq!(
            of_the_agent(&stage.log_out(Mode::Run).await, StepResult::Removed),
            [""; 0],
            "nothing was signed"
        );
    });
}

#[test]
fn a_sign_out_after_the_sign_in_leaves_no_session_to_sign_with() {
    wait_for(async {
        let (folder, clock) = (
            tempfile::tempdir().expect("a folder"),
            Clock::manual(start()),
        );
        let sandbox = Sandbox::start(clock.clone()).expect("a sandbox");
        let world = world(folder.path(), &sandbox, &clock);
        let tokens = Tokens::new(clock.clone());
        let orders = DatabaseTokenRequest {
            database: DatabaseChoice::Named("orders".to_owned()),
            renewal: Renewal::WhenDue,
            with: OpenedWith::Token,
        };
        let target = databases::database(&world, &orders).expect("a database");
        let session = session_until(start() + Duration::from_secs(HOUR)).session;
        let sign =
            || databases::database_token(&world, &tokens, &session, &target, Renewal::WhenDue);
        sign().await.expect("a token");
        let identity = Target::Identity {
            name: "deploy".to_owned(),
            depth: Depth::Own,
        };
        let logout = Logout {
            target: identity,
            long_lived_keys: LongLivedKeys::Keep,
            mode: Mode::Run,
        };
        logout::logout(&world, &logout, &InMemory::default())
            .await
            .expect("a report");
        let error = sign().await.expect_err("signed out");
        assert_eq!((error.code, error.exit_code()), (Code::SignedOut, 3));
    });
}

#[test]
fn other_keys_for_the_user_take_its_tokens_away() {
    wait_for(async {
        let stage = Stage::set().await;
        stage.token("orders").await;
        stage.sandbox.create_key("kim").expect("a second key");
        stage.store_key().await;
        let report = stage.log_out(Mode::DryRun).await;
        assert!(
            report.steps.iter().all(|step| step.what != What::Agent),
            "{:?}",
            report.steps
        );
    });
}

#[test]
fn a_token_is_printed_for_a_name_or_for_what_is_written_out_and_nothing_else() {
    let home = Home::signed_up(&config());
    let ran = home.run(&["rds", "token", "ORDERS"]);
    assert_eq!((code(&ran), text(&ran.stderr).as_str()), (0, ""));
    let printed = text(&ran.stdout);
    let token = printed.strip_suffix('\n').expect("a line");
    assert!(
        token.starts_with(&format!("{ORDERS}:5432/?Action=connect&DBUser=app&")),
        "{token}"
    );
    assert!(!token.contains(char::is_whitespace), "{token}");
    assert_eq!(parameter(token, "X-Amz-Expires"), "900");
    assert_eq!(
        home.calls().into_keys().collect::<Vec<_>>(),
        ["AssumeRole", "GetSessionToken"]
    );

    let written = [
        "rds",
        "token",
        "--host",
        "db.example",
        "--user",
        "o'neil",
        "--region",
        "cn-north-1",
        "dev",
    ];
    let ran = home.run(&written);
    let token = text(&ran.stdout);
    assert!(
        token.starts_with("db.example:5432/?Action=connect&DBUser=o%27neil&"),
        "{token}"
    );
    assert!(
        text(&ran.stderr).contains("`db.example` is none"),
        "{}",
        text(&ran.stderr)
    );
    assert!(
        parameter(&token, "X-Amz-Credential").contains("%2Fcn-north-1%2Frds-db%2F"),
        "{token}"
    );

    let of = |arguments: &[&str]| {
        let mut json = home.json(arguments);
        let token = json["token"].take();
        let expires = json["expires_at"].take();
        let expires: jiff::Timestamp = expires.as_str().expect("a time").parse().expect("RFC 3339");
        let signed = parameter(token.as_str().expect("text"), "X-Amz-Date").to_owned();
        assert_eq!(
            (expires - Duration::from_secs(900))
                .strftime("%Y%m%dT%H%M%SZ")
                .to_string(),
            signed
        );
        json
    };
    let orders = serde_json::json!({"token": null, "expires_at": null, "host": ORDERS, "port": 5432, "user": "app",
        "region": "eu-central-1", "identity": "deploy"});
    assert_eq!(of(&["rds", "token", "orders", "--json", "--force"]), orders);
    let shop = serde_json::json!({"token": null, "expires_at": null, "host": "shop.abc.us-east-1.rds.amazonaws.com", "port": 3306,
        "user": "o'neil", "region": "us-east-1", "identity": "dev"});
    assert_eq!(of(&["auth", "rds", "token", "Shop", "--json"]), shop);
    let by_default = [
        "--json",
        "rds",
        "token",
        "--host",
        "shop.abc.us-east-1.rds.amazonaws.com",
        "--user",
        "o'neil",
        "--port",
        "3306",
    ];
    assert_eq!(of(&by_default), shop);
    assert_eq!(of(&[&by_default[..], &["-i", "DEV"]].concat()), shop);
    assert_eq!(
        home.sandbox().journal().len(),
        2,
        "AWS was asked for the sessions and for nothing else"
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn an_impossible_target_is_named_before_any_sign_in() {
    let home = Home::signed_up(&config());
    let before = home.digest();
    let written = |host, user| ["rds", "token", "--host", host, "--user", user];
    let long = "a".repeat(300);
    let cases: Vec<(Vec<&str>, i32, &str, &str)> = vec![
        (
            vec!["rds", "token", "order"],
            1,
            "database_not_found",
            "`order`",
        ),
        (
            vec!["rds", "token", "legacy"],
            1,
            "unsupported",
            "password_secret",
        ),
        (vec!["rds", "token"], 2, "usage", "legacy, orders, shop"),
        (
            vec!["rds", "token", "orders", "-i", "dev"],
            2,
            "usage",
            "an identity of its own",
        ),
        (vec!["rds", "token", "--user", "app"], 2, "usage", "--host"),
        (
            vec!["rds", "token", "--host", "db.example"],
            2,
            "usage",
            "--user",
        ),
        (
            vec!["rds", "token", "orders", "--port", "5433"],
            2,
            "usage",
            "--host",
        ),
        (
            vec!["rds", "token", "orders", "--region", "eu-west-1"],
            2,
            "usage",
            "--host",
        ),
        (vec!["rds"], 2, "usage", ""),
        (
            [&written("db.example", "app")[..], &["--port", "0"]].concat(),
            2,
            "usage",
            "--port",
        ),
        (
            [&written("db.example", "app")[..], &["--port", "65536"]].concat(),
            2,
            "usage",
            "--port",
        ),
        (
            [
                &written("db.example", "app")[..],
                &["--region", "Frankfurt"],
            ]
            .concat(),
            2,
            "invalid_input",
            "`Frankfurt`",
        ),
        (
            [&written("db.example", "app")[..], &["nobody"]].concat(),
            1,
            "identity_not_found",
            "`nobody`",
        ),
        (
            written("https://db.example", "app").to_vec(),
            2,
            "invalid_input",
            "`https://db.example`",
        ),
        (
            written("db.example:5432", "app").to_vec(),
            2,
            "invalid_input",
            "`db.example:5432`",
        ),
        (
            written("db example", "app").to_vec(),
            2,
            "invalid_input",
            "`db example`",
        ),
        (written("", "app").to_vec(), 2, "invalid_input", "host"),
        (written(&long, "app").to_vec(), 2, "invalid_input", "aaaa"),
        (
            written("db.example", "").to_vec(),
            2,
            "invalid_input",
            "user is empty",
        ),
        (
            written("db.example", " ").to_vec(),
            2,
            "invalid_input",
            "user is empty",
        ),
    ];
    for (arguments, exit, expected, named) in cases {
        let ran = home.run(&[&arguments[..], &["--json"]].concat());
        let printed: Value = serde_json::from_slice(&ran.stdout)
            .unwrap_or_else(|_| panic!("{arguments:?}: {}", text(&ran.stderr)));
        let error = &printed["error"];
        assert_eq!(
            (error["code"].as_str(), code(&ran)),
            (Some(expected), exit),
            "{arguments:?}: {error}"
        );
        assert!(
            error["message"].as_str().expect("text").contains(named),
            "{arguments:?}: {error}"
        );
        assert!(
            !error["hints"].as_array().expect("hints").is_empty(),
            "{arguments:?}"
        );
    }
    let unknown = home.run(&["rds", "token", "order"]);
    assert!(
        text(&unknown.stderr).contains("did you mean `orders`?"),
        "{}",
        text(&unknown.stderr)
    );
    assert!(
        text(&unknown.stderr).contains("databases: legacy, orders, shop"),
        "{}",
        text(&unknown.stderr)
    );
    assert!(unknown.stdout.is_empty());
    assert_eq!((home.calls().len(), home.digest()), (0, before));
}

#[test]
fn a_single_database_needs_no_name_and_having_none_is_an_error() {
    let only = "  databases: { shop: { engine: mysql, host: shop.abc.us-east-1.rds.amazonaws.com, user: app, via: { identity: dev } } }\n";
    let home = Home::signed_up(&format!("{DEV}{only}"));
    assert!(
        text(&home.run(&["rds", "token"]).stdout)
            .starts_with("shop.abc.us-east-1.rds.amazonaws.com:3306/")
    );
    let ran = Home::with(DEV).run(&["rds", "token"]);
    assert_eq!(code(&ran), 2);
    assert!(
        text(&ran.stderr).contains("the configuration has no database that can be used"),
        "{}",
        text(&ran.stderr)
    );
}

#[test]
fn without_a_session_that_can_be_had_or_signed_out_it_is_exit_3_and_no_token() {
    let keyless = Home::with(&config());
    let home = Home::signed_up(&config());
    assert_eq!(code(&home.run(&["rds", "token", "shop"])), 0);
    assert_eq!(code(&home.run(&["logout", "dev"])), 0);
    for (home, expected) in [(&keyless, "person_needed"), (&home, "signed_out")] {
        let ran = home.run(&["rds", "token", "shop"]);
        assert_eq!(
            (code(&ran), text(&ran.stdout).as_str()),
            (3, ""),
            "{}",
            text(&ran.stderr)
        );
        assert_eq!(
            home.json(&["rds", "token", "shop", "--json"])["error"]["code"],
            expected
        );
    }
}

#[test]
fn no_secret_reaches_the_log_and_the_lifetimes_are_mentioned_once() {
    let home = Home::signed_up(&config());
    let ran = home
        .fob(&["rds", "token", "orders", "-vv"])
        .env("NO_COLOR", "1")
        .output()
        .expect("fob starts");
    let (token, said) = (text(&ran.stdout), text(&ran.stderr));
    assert_eq!(
        said.matches("token_lifetime=14m refresh_before_expiration=1m")
            .count(),
        1,
        "{said}"
    );
    assert!(
        said.contains("signing a database token"),
        "-vv says what is done: {said}"
    );
    let session = home.json(&["credential-process", "deploy"]);
    for secret in [
        parameter(&token, "X-Amz-Signature").trim(),
        parameter(&token, "X-Amz-Security-Token"),
        session["SecretAccessKey"].as_str().expect("a secret"),
        session["SessionToken"].as_str().expect("a token"),
        home.key().secret_access_key.expose(),
    ] {
        assert!(
            secret.len() > 10 && !said.contains(secret),
            "{secret} is in: {said}"
        );
    }
    let quiet = home.run(&["rds", "token", "orders"]);
    assert!(quiet.stderr.is_empty());
}

#[test]
fn without_an_agent_each_call_signs_and_nothing_claims_to_reuse_tokens() {
    let home = Home::signed_up(&config());
    for _ in 0..2 {
        let ran = home.run(&["rds", "token", "orders", "-vv"]);
        let said = text(&ran.stderr);
        assert!(said.contains("signing a database token"), "{said}");
        let claims = said.lines().filter(|line| line.contains("reuse"));
        for claim in claims {
            assert!(claim.contains("only a running agent reuses"), "{claim}");
        }
    }
    let help = text(&home.run(&["rds", "token", "--help"]).stdout);
    let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("With an agent running, every caller gets the same token"));
}

#[test]
fn help_says_how_to_set_up_pools_and_what_aws_and_the_database_must_allow() {
    let help = text(&Home::with(DEV).run(&["rds", "token", "--help"]).stdout);
    let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for piece in [
        "maximum connection lifetime 14 minutes",
        "maximum idle time 10 minutes",
        "rds-db:connect on arn:aws:rds-db:",
        "GRANT rds_iam TO app",
        "AWSAuthenticationPlugin",
        "security group",
        "TLS required",
        "What lives on",
    ] {
        assert!(words.contains(piece), "{piece} is not in {help}");
    }
}

/// Databases whose host says the region, contradicts it, or is none of AWS's.
const HOSTS: &str = r"
  databases:
    from-host: { engine: postgres, host: orders.abc123.eu-central-1.rds.amazonaws.com, port: 5432, user: app, via: { identity: dev } }
    cluster: { engine: mysql, host: lake.cluster-ro-abc123.ap-southeast-2.rds.amazonaws.com, port: 3306, user: app, via: { identity: dev } }
    china: { engine: postgres, host: orders.abc123.rds.cn-north-1.amazonaws.com.cn, port: 5432, user: app, via: { identity: dev } }
    wrong: { engine: postgres, host: orders.abc123.eu-central-1.rds.amazonaws.com, region: us-west-2, port: 5432, user: app, via: { identity: dev } }
    tunnel: { engine: postgres, host: localhost, port: 54321, user: app, via: { identity: dev } }
    alias: { engine: postgres, host: db.corp.example, port: 5432, user: app, via: { identity: dev } }
    dsql: { engine: postgres, host: abc.dsql.us-east-1.on.aws, port: 5432, user: admin, via: { identity: dev } }
    redshift: { engine: postgres, host: lake.abc123.us-east-1.redshift.amazonaws.com, port: 5439, user: app, via: { identity: dev } }
    hard-coded: { engine: postgres, host: orders.abc123.eu-central-1.rds.amazonaws.com, user: app, password: hunter2, via: { identity: dev } }
";

#[test]
fn a_token_is_signed_for_the_region_and_the_service_of_the_host() {
    let home = Home::signed_up(&format!("{DEV}{HOSTS}"));
    let token = |arguments: &[&str]| {
        let ran = home.run(&[&["rds", "token"], arguments].concat());
        assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
        (text(&ran.stdout), text(&ran.stderr))
    };
    for (name, scope) in [
        ("from-host", "eu-central-1%2Frds-db"),
        ("cluster", "ap-southeast-2%2Frds-db"),
        ("china", "cn-north-1%2Frds-db"),
        ("dsql", "us-east-1%2Fdsql"),
    ] {
        let (token, said) = token(&[name]);
        assert!(
            parameter(&token, "X-Amz-Credential").contains(scope),
            "{token}"
        );
        assert_eq!(said, "", "{name}");
    }
    for name in ["tunnel", "alias"] {
        let (_, said) = token(&[name]);
        assert!(said.contains("--host ENDPOINT"), "{name}: {said}");
    }
    let endpoint = "orders.abc123.eu-central-1.rds.amazonaws.com";
    let (token_of_endpoint, said) = token(&["tunnel", "--host", endpoint]);
    assert!(
        token_of_endpoint.starts_with(&format!("{endpoint}:5432/?Action=connect&DBUser=app&")),
        "{token_of_endpoint}"
    );
    assert_eq!(said, "");
    let (encoded, _) = token(&["from-host", "--url-encoded"]);
    assert!(
        encoded.starts_with(&format!("{endpoint}%3A5432%2F%3FAction%3Dconnect%26")),
        "{encoded}"
    );
}

#[test]
fn a_database_that_no_token_can_open_is_refused_by_name() {
    let home = Home::signed_up(&format!("{DEV}{HOSTS}"));
    for (name, words) in [
        ("wrong", ["us-west-2", "eu-central-1"]),
        ("redshift", ["Amazon Redshift", "no RDS auth token"]),
    ] {
        let ran = home.run(&["rds", "token", name]);
        let said = text(&ran.stderr);
        assert_eq!(code(&ran), 2, "{said}");
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
    }
    let said = text(&home.run(&["validate"]).stdout);
    let about = |name: &str| said.lines().any(|line| line.contains(name));
    for name in [
        "wrong.host",
        "tunnel.host",
        "alias.host",
        "redshift.host",
        "hard-coded.password",
    ] {
        assert!(about(name), "{name}: {said}");
    }
    assert!(!about("from-host") && !said.contains("hunter2"), "{said}");
    assert!(home.calls().is_empty());
}

#[test]
fn a_token_of_a_session_of_fifteen_minutes_says_when_it_ends() {
    wait_for(async {
        let stage = Stage::set().await;
        let short = SandboxSettings {
            session_seconds: Some(15 * MINUTE),
            ..stage.sandbox.settings()
        };
        stage.sandbox.set_settings(short).expect("good settings");
        stage.token("shop").await;
        stage.clock.advance(Duration::from_secs(2 * MINUTE));
        let Answered { notes, reply } = stage.ask(by_name("shop", Renewal::Always)).await;
        let Reply::DatabaseToken(token) = reply else {
            panic!("{reply:?}")
        };
        assert_eq!(stage.left(&token), 13 * MINUTE);
        let [Note::Warning(until)] = &notes[..] else {
            panic!("{notes:?}")
        };
        assert!(until.contains("in less than 14 min"), "{until}");
    });
}
