//! Links into the AWS console: through the agent under a manual clock, and from the real one in a
//! process of its own.

use crate::home::{DEPLOY, DEV, Home, text, wait_for};
use keyfob_core::agent::api::{
    Answer, Answered, BrowserUse, Call, Caller, Check, Configure, ConsoleLink, Control, Depth,
    HeldSession, Login, Logout, LongLivedKeys, Maintain, Mode, OtherUser, Person, PromptKind,
    Renewal, Replaces, Reply, Request, SessionRequest, Target, TypedKeys,
};
use keyfob_core::agent::socket::{BlockingConnection, Heard};
use keyfob_core::agent::{Agent, Client, Role};
use keyfob_core::clock::Clock;
use keyfob_core::config::Config;
use keyfob_core::environment::Environment;
use keyfob_core::error::{Code, Error};
use keyfob_core::sandbox::{FaultSwitch, Sandbox, SandboxFault};
use keyfob_core::world::World;
use percent_encoding::percent_decode_str;
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const MINUTE: Duration = Duration::from_secs(60);
const DEPLOYS_SESSION: &str = "arn:aws:sts::420000000025:assumed-role/deploy/fob-deploy";

/// 2026-11-18 11:06:40 UTC.
fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000)
}

/// A hosted agent that lives as long as the test; its time is the test's.
struct Stage {
    _folder: tempfile::TempDir,
    sandbox: Sandbox,
    clock: Clock,
    agent: Agent,
    client: Client,
}

impl Stage {
    /// With kim's key stored for `dev`.
    async fn set() -> Stage {
        Stage::set_with(None).await
    }

    async fn set_with(mfa_arn: Option<&str>) -> Stage {
        let clock = Clock::manual(start());
        let sandbox = Sandbox::start(clock.clone()).expect("a sandbox");
        let folder = tempfile::tempdir().expect("a folder");
        let path = crate::home::write_own_config(folder.path(), &format!("{DEV}{DEPLOY}"));
        let environment = Environment::of([
            (crate::home::HOME, folder.path().as_os_str()),
            ("FOB_KEYRING", "memory".as_ref()),
            ("AWS_ENDPOINT_URL", sandbox.url().as_ref()),
        ]);
        let config = Config::load(&path, &environment).expect("a configuration");
        let world = World::open(config, environment, clock.clone()).expect("a usable one");
        let agent = Agent::new(world, Role::Hosted);
        let stage = Stage {
            _folder: folder,
            client: agent.client(),
            sandbox,
            clock,
            agent,
        };
        let keys = stage.sandbox.keys("kim").pop().expect("kim has a key");
        let typed = TypedKeys {
            access_key_id: keys.access_key_id.as_str().to_owned(),
            secret_access_key: keys.secret_access_key.into(),
            mfa_arn: mfa_arn.map(str::to_owned),
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
        let reply = stage
            .ask(Request::Maintain(Maintain::Configure(configure)))
            .await;
        assert!(matches!(reply, Reply::Configured(_)), "{reply:?}");
        stage.sandbox.clear_journal();
        stage
    }

    async fn ask(&self, request: Request) -> Reply {
        ask(&self.client, request).await.reply
    }

    async fn link(&self, destination: Option<&str>) -> Result<ConsoleLink, Error> {
        opened(self.ask(console("deploy", destination)).await)
    }

    async fn log_in(&self, renewal: Renewal) {
        let login = Login {
            identity: "deploy".to_owned(),
            duration: None,
            renewal,
            mfa_code: None,
            assertion: None,
            held: HeldSession::Kept,
            browser: BrowserUse::Here,
        };
        let reply = self
            .ask(Request::Session(SessionRequest::Login(login)))
            .await;
        assert!(matches!(reply, Reply::SignedIn(_)), "{reply:?}");
    }

    fn inject(&self, fault: SandboxFault) {
        self.sandbox
            .inject(FaultSwitch::on(fault).times(1))
            .expect("a fault");
    }

    /// Since the last look.
    fn calls(&self) -> Vec<String> {
        let calls = self
            .sandbox
            .journal()
            .into_iter()
            .map(|call| call.action)
            .collect();
        self.sandbox.clear_journal();
        calls
    }
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

fn console(identity: &str, destination: Option<&str>) -> Request {
    Request::Session(SessionRequest::Console {
        identity: identity.to_owned(),
        destination: destination.map(str::to_owned),
        duration: None,
    })
}

fn opened(reply: Reply) -> Result<ConsoleLink, Error> {
    match reply {
        Reply::Console(link) => Ok(link),
        Reply::Failed(error) => Err(error),
        other => panic!("an unexpected reply: {other:?}"),
    }
}

/// As a browser does it: status and page.
async fn follow(link: &ConsoleLink) -> (u16, String) {
    let rest = link
        .url
        .expose()
        .strip_prefix("http://")
        .expect("no TLS on loopback");
    let (host, path) = rest.split_once('/').expect("a path");
    let mut stream = TcpStream::connect(host).await.expect("somebody listens");
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let (head, page) = answer.split_once("\r\n\r\n").expect("a head and a page");
    (head[9..12].parse().expect("a status"), page.to_owned())
}

fn parameter(link: &ConsoleLink, name: &str) -> String {
    let value = |pair: &str| Some(pair.strip_prefix(name)?.strip_prefix('=')?.to_owned());
    let value = link
        .url
        .expose()
        .split(['?', '&'])
        .find_map(value)
        .expect("a parameter of the link");
    percent_decode_str(&value)
        .decode_utf8()
        .expect("text")
        .into_owned()
}

#[test]
fn a_roles_session_gives_a_link_that_signs_a_browser_in_as_the_role_for_a_quarter_of_an_hour() {
    wait_for(async {
        let stage = Stage::set().await;
        let link = stage.link(None).await.expect("a link");
        assert_eq!(
            stage.calls(),
            ["GetSessionToken", "AssumeRole", "getSigninToken"]
        );
        assert_eq!(
            (link.identity.as_str(), link.expires_at),
            ("deploy", start() + 15 * MINUTE)
        );
        assert!(
            link.url
                .expose()
                .starts_with(&format!("{}/federation?Action=login&", stage.sandbox.url()))
        );
        assert_eq!(parameter(&link, "Issuer"), "keyfob");
        assert_eq!(
            parameter(&link, "Destination"),
            "https://console.aws.amazon.com/console/home?region=us-east-1"
        );
        let (status, page) = follow(&link).await;
        assert_eq!(status, 200);
        assert!(
            page.contains(&format!(
                "Signed in to the sandbox console as {DEPLOYS_SESSION}"
            )),
            "{page}"
        );

        // The session is at hand now, and each link is another one.
        stage.calls();
        let to_s3 = stage.link(Some("s3")).await.expect("a link");
        let journal = stage.sandbox.journal();
        assert_eq!(stage.calls(), ["getSigninToken"]);
        assert_eq!(journal[0].principal.as_deref(), Some(DEPLOYS_SESSION));
        assert!(
            !journal[0].parameters.contains_key("SessionDuration"),
            "the role was assumed with a session"
        );
        assert_eq!(
            parameter(&to_s3, "Destination"),
            "https://console.aws.amazon.com/s3/home?region=us-east-1"
        );
        assert_ne!(to_s3.url, link.url);
        stage.clock.advance(15 * MINUTE);
        assert_eq!(follow(&link).await.0, 400);
    });
}

#[test]
fn a_user_is_refused_with_the_roles_to_sign_in_to_and_a_foreign_page_before_any_sign_in() {
    wait_for(async {
        let stage = Stage::set().await;
        let error = opened(stage.ask(console("DEV", None)).await).expect_err("a user");
        assert_eq!((error.code, error.exit_code()), (Code::Unsupported, 1));
        assert_eq!(
            error.message,
            "dev: the console takes sessions of a role, and this is an IAM user"
        );
        assert_eq!(error.hints, ["sign in to a role through it: deploy"]);
        let error = stage
            .link(Some("https://evil.example/"))
            .await
            .expect_err("a foreign page");
        assert_eq!(error.code, Code::InvalidInput);
        let error =
            opened(stage.ask(console("nobody", None)).await).expect_err("nobody of this name");
        assert_eq!(error.code, Code::IdentityNotFound);
        assert_eq!(stage.calls(), [""; 0]);
    });
}

#[test]
fn a_session_that_is_due_or_has_expired_is_renewed_before_it_opens_the_console() {
    wait_for(async {
        let stage = Stage::set().await;
        stage.link(None).await.expect("a link");
        stage.calls();
        for time in [46 * MINUTE, 3 * 60 * MINUTE] {
            stage.clock.advance(time);
            let link = stage.link(None).await.expect("a link");
            assert_eq!(
                stage.calls(),
                ["AssumeRole", "getSigninToken"],
                "after {time:?}"
            );
            assert_eq!(link.expires_at, stage.clock.now() + 15 * MINUTE);
            assert_eq!(follow(&link).await.0, 200);
            stage.calls();
        }
    });
}

#[test]
fn a_link_ends_with_the_session_that_could_not_be_renewed() {
    wait_for(async {
        let stage = Stage::set().await;
        stage.link(None).await.expect("a link");
        stage.clock.advance(50 * MINUTE);
        stage.inject(SandboxFault::AccessDenied);
        let link = stage.link(None).await.expect("a link");
        assert!(
            stage
                .calls()
                .ends_with(&["AssumeRole".to_owned(), "getSigninToken".to_owned()])
        );
        assert_eq!(link.expires_at, start() + 60 * MINUTE);
        stage.clock.advance(10 * MINUTE);
        assert_eq!(follow(&link).await.0, 400);
    });
}

#[test]
fn a_session_that_aws_revoked_is_reported_and_a_new_one_opens_the_console_again() {
    wait_for(async {
        let stage = Stage::set().await;
        stage.log_in(Renewal::WhenDue).await;
        assert_eq!(stage.sandbox.revoke_sessions(DEPLOYS_SESSION), 1);
        stage.calls();
        let error = stage.link(None).await.expect_err("it was revoked");
        assert_eq!(stage.calls(), ["getSigninToken", "GetCallerIdentity"]);
        assert_eq!((error.code, error.exit_code()), (Code::SessionExpired, 1));
        assert_eq!(
            error.message,
            "AWS does not accept the session of deploy any more"
        );
        assert_eq!(error.hints, ["fob login deploy --force"]);
        assert_eq!(error.context.identity.as_deref(), Some("deploy"));
        stage.log_in(Renewal::Always).await;
        assert_eq!(
            follow(&stage.link(None).await.expect("a link")).await.0,
            200
        );
    });
}

#[test]
fn a_refusal_of_a_good_session_says_what_the_console_takes_and_an_outage_is_waited_out() {
    wait_for(async {
        let stage = Stage::set().await;
        stage.log_in(Renewal::WhenDue).await;
        stage.calls();
        stage.inject(SandboxFault::AccessDenied);
        let error = stage.link(None).await.expect_err("a refusal");
        assert_eq!(error.code, Code::AwsError);
        assert!(
            error
                .message
                .contains("deploy: AWS gave no link into the console"),
            "{error}"
        );
        assert!(error.message.ends_with("answered 403"), "{error}");
        assert!(
            error
                .hints
                .iter()
                .any(|hint| hint.contains("sessions of a role")),
            "{:?}",
            error.hints
        );
        assert_eq!(stage.calls(), ["getSigninToken", "GetCallerIdentity"]);
        stage.inject(SandboxFault::Outage);
        assert!(stage.link(None).await.is_ok());
        assert_eq!(stage.calls(), ["getSigninToken", "getSigninToken"]);
    });
}

#[test]
fn a_client_that_needs_a_code_gets_the_prompt_and_then_the_link() {
    wait_for(async {
        let stage = Stage::set_with(Some("arn:aws:iam::123456789012:mfa/kim")).await;
        let Reply::Needs(prompt) = stage.ask(console("deploy", Some("ec2"))).await else {
            panic!("no prompt")
        };
        assert!(
            matches!(prompt.kind, PromptKind::Mfa { .. }),
            "{:?}",
            prompt.kind
        );
        let answer = Request::Control(Control::Answer {
            prompt: prompt.id,
            answer: Answer::MfaCode("123456".to_owned()),
        });
        let link = opened(stage.ask(answer).await).expect("a link");
        assert_eq!(
            parameter(&link, "Destination"),
            "https://console.aws.amazon.com/ec2/home?region=us-east-1"
        );
        assert_eq!(follow(&link).await.0, 200);
    });
}

#[test]
fn signed_out_stays_signed_out() {
    wait_for(async {
        let stage = Stage::set().await;
        stage.link(None).await.expect("a link");
        let target = Target::Identity {
            name: "deploy".to_owned(),
            depth: Depth::Chain,
        };
        let logout = Logout {
            target,
            long_lived_keys: LongLivedKeys::Keep,
            mode: Mode::Run,
        };
        assert!(matches!(
            stage.ask(Request::Maintain(Maintain::Logout(logout))).await,
            Reply::Removed(_)
        ));
        stage.calls();
        let error = stage.link(None).await.expect_err("signed out");
        assert_eq!(
            (error.code, error.exit_code()),
            (Code::SignedOut, 3),
            "{error}"
        );
        assert_eq!(stage.calls(), [""; 0]);
    });
}

#[test]
fn no_client_waits_for_a_link_that_another_requested() {
    wait_for(async {
        let stage = Stage::set().await;
        stage.log_in(Renewal::WhenDue).await;
        // A session that is at hand, and one that both wait for.
        for (passed, slow_calls) in [(Duration::ZERO, 1), (2 * 60 * MINUTE, 2)] {
            stage.clock.advance(passed);
            stage.calls();
            let slow = FaultSwitch::on(SandboxFault::Delay { milliseconds: 800 }).times(slow_calls);
            stage.sandbox.inject(slow).expect("a fault");
            let client = stage.agent.client();
            let link =
                tokio::spawn(async move { ask(&client, console("deploy", None)).await.reply });
            Clock::nap(Duration::from_millis(50)).await;
            let reply = stage
                .ask(Request::Session(SessionRequest::Credentials {
                    identity: "deploy".to_owned(),
                    wait_seconds: 0,
                }))
                .await;
            assert!(matches!(reply, Reply::Credentials(_)), "{reply:?}");
            assert!(!link.is_finished(), "the sign-in endpoint takes its time");
            opened(link.await.expect("no panic")).expect("a link");
            assert_eq!(stage.calls().len(), slow_calls as usize);
        }
    });
}

#[test]
fn an_agent_in_a_process_of_its_own_gives_a_link_and_tells_nothing_of_it() {
    let home = Home::signed_up(&format!("{DEV}{DEPLOY}"));
    let agent = home.agent(home.fob(&["agent", "run", "-vv"]));
    let fob = home.fob(&[]);
    let environment = fob
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    let fingerprint = Environment::of(environment).fingerprint();
    let mut client = BlockingConnection::open(&home.address())
        .expect("the socket is ours")
        .expect("the agent runs");
    let caller = Caller {
        program: "test".into(),
        pid: std::process::id(),
        person: Person::Absent,
        trail: None,
    };
    let call = Call {
        caller,
        request: console("deploy", None),
    };
    let Heard::Answered(answered) = client.ask(&call, &fingerprint).expect("heard") else {
        panic!("no answer")
    };
    let link = opened(answered.reply).expect("a link");
    let (status, page) = wait_for(follow(&link));
    assert!(status == 200 && page.contains(DEPLOYS_SESSION), "{page}");
    let session = home.json(&["credential-process", "deploy"]);
    home.sandbox().revoke_sessions(DEPLOYS_SESSION);
    let Heard::Answered(answered) = client.ask(&call, &fingerprint).expect("heard") else {
        panic!("no answer")
    };
    let error = opened(answered.reply).expect_err("it was revoked");

    let said = format!("{} {error:?}", agent.said());
    assert!(
        said.contains("a link into the console was made"),
        "-vv says what is done: {said}"
    );
    let token = parameter(&link, "SigninToken");
    let secrets = [
        link.url.expose(),
        &token,
        session["SecretAccessKey"].as_str().expect("a secret"),
        session["SessionToken"].as_str().expect("a token"),
        session["AccessKeyId"].as_str().expect("an id"),
    ];
    for secret in secrets {
        assert!(
            secret.len() > 10 && !said.contains(secret),
            "{secret} is in: {said}"
        );
    }
    for file in home.digest().keys().filter(|path| path.is_file()) {
        let content = text(&std::fs::read(file).expect("a readable file"));
        assert!(
            secrets.iter().all(|secret| !content.contains(secret)),
            "a secret is in {}",
            file.display()
        );
    }
}
