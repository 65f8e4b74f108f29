//! The hosted agent without a request: renewals, notices, prompts; in process, under a manual
//! clock, with a sandbox AWS on the same clock.

mod assertions;
#[cfg(unix)]
mod browsers;
#[cfg(unix)]
mod databases;
mod elsewhere;
mod many_identities;
mod prompts;
mod renewals;
mod rotations;
mod trouble;

use crate::home::{DEPLOY, DEV, own_config, write_own_config};
use keyfob_core::agent::api::{
    Answer, BrowserUse, Call, Caller, Check, Configure, Control, Credentials, Event, HeldSession,
    IdentityStatus, Login, Look, Maintain, OtherUser, Person, Prompt, PromptId, PromptKind,
    Refresh, Renewal, Replaces, Reply, Request, SessionRequest, Snapshot, TypedKeys,
};
use keyfob_core::agent::{Agent, Client, Role};
use keyfob_core::clock::Clock;
use keyfob_core::config::Config;
use keyfob_core::environment::Environment;
use keyfob_core::error::Error;
use keyfob_core::sandbox::Sandbox;
use keyfob_core::secret::Keys;
use keyfob_core::world::World;
use std::path::Path;
use std::time::{Duration, SystemTime};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
/// Between two looks of the agent; several of them in a row are no sleep.
const LOOK: Duration = Duration::from_secs(30);
const CODE: &str = "123456";

/// 2026-11-18 11:06:40 UTC.
fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000)
}

#[derive(Clone, Copy)]
enum Keyring {
    /// This agent's own.
    Memory,
    /// Shared by every agent over the same folder.
    File,
}

/// Keys are shown to AWS before a person types a code for them.
const CHECK: &str = "GetCallerIdentity";

/// A hosted agent that lives as long as the test; its time is the test's.
struct Stage {
    folder: tempfile::TempDir,
    keyring: Keyring,
    sandbox: Sandbox,
    clock: Clock,
    agent: Agent,
    client: Client,
    events: broadcast::Receiver<Event>,
}

impl Stage {
    /// With kim's key stored for `dev`.
    async fn set(config: &str) -> Stage {
        Stage::set_with(config, Keyring::Memory, None).await
    }

    /// kim's key comes with a device: only a person renews `dev`.
    async fn with_a_device(config: &str) -> Stage {
        Stage::set_with(
            config,
            Keyring::Memory,
            Some("arn:aws:iam::123456789012:mfa/kim".to_owned()),
        )
        .await
    }

    async fn set_with(config: &str, keyring: Keyring, device: Option<String>) -> Stage {
        let clock = Clock::manual(start());
        let sandbox = Sandbox::start(clock.clone()).expect("a sandbox");
        // Where there is one, in memory: a thousand sessions are not about the disk.
        let folder = tempfile::tempdir_in("/dev/shm")
            .or_else(|_| tempfile::tempdir())
            .expect("a folder");
        write_own_config(folder.path(), config);
        let agent = Agent::new(auth(folder.path(), keyring, &sandbox, &clock), Role::Hosted);
        let (client, events) = (agent.client(), agent.events());
        let mut stage = Stage {
            folder,
            keyring,
            sandbox,
            clock,
            agent,
            client,
            events,
        };
        let keys = stage.sandbox.keys("kim").pop().expect("kim has a key");
        stage.configure(&keys, device).await;
        stage.quiet();
        stage
    }

    /// All identities signed in, no notice and no call yet.
    async fn signed_in(config: &str, identities: &[&str]) -> Stage {
        let mut stage = Stage::set(config).await;
        for identity in identities {
            stage.log_in(identity).await;
        }
        stage.settled(identities).await;
        stage.quiet();
        stage
    }

    /// `dev` of one who has a device, signed in.
    async fn signed_in_with_a_device(config: &str) -> Stage {
        let mut stage = Stage::with_a_device(config).await;
        let reply = stage.ask(login("dev", Some(CODE))).await;
        assert!(matches!(reply, Reply::SignedIn(_)), "{reply:?}");
        stage
            .until("it is watched", async |stage| {
                stage.session("dev").await.is_some()
            })
            .await;
        stage.quiet();
        stage
    }

    async fn configure(&self, keys: &Keys, mfa_arn: Option<String>) {
        let keys = Some(typed(keys, mfa_arn));
        let reply = self.ask(Request::Maintain(Maintain::Configure(Configure {
            identity: "dev".to_owned(),
            keys,
            check: Check::WithSts,
            other_user: OtherUser::Refused,
            replaces: Replaces::Own,
        })));
        let reply = reply.await;
        assert!(matches!(reply, Reply::Configured(_)), "{reply:?}");
    }

    /// Another agent over the same folder.
    fn another(&self, role: Role) -> Agent {
        Agent::new(
            auth(self.folder.path(), self.keyring, &self.sandbox, &self.clock),
            role,
        )
    }

    fn write_config(&self, text: &str) {
        write_own_config(self.folder.path(), text);
    }

    async fn ask(&self, request: Request) -> Reply {
        as_a_person(&self.client, request).await
    }

    async fn log_in(&self, identity: &str) {
        let reply = self.ask(login(identity, None)).await;
        assert!(matches!(reply, Reply::SignedIn(_)), "{reply:?}");
    }

    /// As a program that does not wait.
    async fn credentials(&self, identity: &str) -> Result<Credentials, Error> {
        held(as_a_program(&self.client, credentials(identity, 0)).await)
    }

    /// The key id that a program gets.
    async fn key_of(&self, identity: &str) -> String {
        self.credentials(identity)
            .await
            .expect("a session")
            .access_key_id
    }

    async fn status(&self) -> Snapshot {
        match self.ask(Request::Look(Look::Status)).await {
            Reply::Snapshot(status) => *status,
            other => panic!("an unexpected reply: {other:?}"),
        }
    }

    async fn session(&self, identity: &str) -> Option<IdentityStatus> {
        self.status()
            .await
            .identities
            .into_iter()
            .find(|session| session.name == identity)
    }

    async fn next_refresh(&self, identity: &str) -> SystemTime {
        let session = self.session(identity).await.expect("it is listed");
        session
            .next_refresh
            .unwrap_or_else(|| panic!("nobody renews {identity}: {session:?}"))
    }

    /// The actions that were called, successful or not.
    fn calls(&self) -> Vec<String> {
        self.sandbox
            .journal()
            .into_iter()
            .map(|call| call.action)
            .collect()
    }

    /// When they were called, each moment once.
    fn moments(&self) -> Vec<Duration> {
        let journal = self.sandbox.journal().into_iter();
        let mut moments: Vec<Duration> = journal.map(|call| since_start(&call.time)).collect();
        moments.dedup();
        moments
    }

    /// What a user hears of, since the last look.
    fn events(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.events.try_recv().ok())
            .filter(|event| !matches!(event, Event::NotRenewed { .. }))
            .map(|event| said(&event))
            .collect()
    }

    fn quiet(&mut self) {
        self.events();
        self.sandbox.clear_journal();
    }

    /// The clock moves on, and the agent has looked at it.
    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.looked().await;
    }

    /// In steps that are no sleep.
    async fn pass_awake(&self, time: Duration) {
        let end = self.clock.now() + time;
        while let Ok(left) = end.duration_since(self.clock.now())
            && !left.is_zero()
        {
            self.pass(left.min(LOOK)).await;
        }
    }

    /// Awake, at each moment that the identity is to be renewed.
    async fn pass_trying(&self, identity: &str, end: SystemTime) {
        while let Ok(left) = end.duration_since(self.clock.now())
            && !left.is_zero()
        {
            let next = self
                .next_refresh(identity)
                .await
                .duration_since(self.clock.now())
                .unwrap_or_default();
            self.pass(left.min(LOOK).min(next)).await;
            self.settled(&[identity]).await;
        }
    }

    async fn pass_to(&self, moment: SystemTime) {
        self.pass(moment.duration_since(self.clock.now()).unwrap_or_default())
            .await;
    }

    /// Also when a request comes before the agent has looked.
    async fn set_back(&self, time: Duration) {
        self.clock.set_back(time);
        self.status().await;
        self.looked().await;
    }

    /// The agent polls a manual clock every millisecond, on this thread: its turn comes before this
    /// nap ends.
    async fn looked(&self) {
        Clock::nap(Duration::from_millis(5)).await;
    }

    /// These are to be renewed alone, and none of them is being renewed.
    async fn settled(&self, identities: &[&str]) {
        self.until("the renewals are over", async |stage| {
            let (now, status) = (stage.clock.now(), stage.status().await);
            identities.iter().all(|identity| {
                let session = status
                    .identities
                    .iter()
                    .find(|session| session.name == *identity);
                session
                    .and_then(|session| session.next_refresh)
                    .is_some_and(|at| at > now)
            })
        })
        .await;
    }

    async fn until(&self, what: &str, holds: impl AsyncFn(&Stage) -> bool) {
        for _ in 0..5_000 {
            if holds(self).await {
                return;
            }
            Clock::nap(Duration::from_millis(2)).await;
        }
        panic!("waited in vain until {what}; calls: {:?}", self.calls());
    }

    async fn until_event(&mut self, expected: &str) {
        self.until_events(&[expected]).await;
    }

    /// These, in any order, and nothing else.
    async fn until_events(&mut self, expected: &[&str]) {
        let mut events = Vec::new();
        for _ in 0..5_000 {
            events.extend(self.events());
            if expected
                .iter()
                .all(|expected| events.iter().any(|it| it == expected))
            {
                events.sort();
                assert_eq!(events, expected);
                return;
            }
            Clock::nap(Duration::from_millis(2)).await;
        }
        panic!("waited in vain for {expected:?}; events: {events:?}");
    }
}

fn auth(home: &Path, keyring: Keyring, sandbox: &Sandbox, clock: &Clock) -> World {
    let keyring = match keyring {
        Keyring::Memory => "memory",
        Keyring::File => "file",
    };
    let environment = Environment::of([
        (crate::home::HOME, home.as_os_str()),
        ("FOB_KEYRING", keyring.as_ref()),
        (
            "FOB_KEYRING_PASSWORD",
            "correct-horse-battery-staple".as_ref(),
        ),
        ("AWS_ENDPOINT_URL", sandbox.url().as_ref()),
        ("DISPLAY", ":99".as_ref()),
    ]);
    let config = Config::load(&own_config(home), &environment).expect("a configuration");
    World::open(config, environment, clock.clone()).expect("a usable one")
}

async fn as_a_person(client: &Client, request: Request) -> Reply {
    let caller = Caller {
        program: "test".into(),
        pid: 1,
        person: Person::Present,
        trail: None,
    };
    client.ask(Call { caller, request }).await.reply
}

/// Its process, among those that are not this one.
const PROGRAM: u32 = 2;

async fn as_a_program(client: &Client, request: Request) -> Reply {
    let caller = Caller {
        program: "terraform".into(),
        pid: PROGRAM,
        person: Person::Absent,
        trail: None,
    };
    client.ask(Call { caller, request }).await.reply
}

/// Another client that waits.
fn program_waits(
    agent: &Agent,
    identity: &str,
    wait_seconds: u32,
) -> JoinHandle<Result<Credentials, Error>> {
    let (client, request) = (agent.client(), credentials(identity, wait_seconds));
    tokio::spawn(async move { held(as_a_program(&client, request).await) })
}

fn credentials(identity: &str, wait_seconds: u32) -> Request {
    Request::Session(SessionRequest::Credentials {
        identity: identity.to_owned(),
        wait_seconds,
    })
}

fn login(identity: &str, mfa_code: Option<&str>) -> Request {
    let mfa_code = mfa_code.map(str::to_owned);
    Request::Session(SessionRequest::Login(Login {
        identity: identity.to_owned(),
        duration: None,
        renewal: Renewal::WhenDue,
        mfa_code,
        assertion: None,
        held: HeldSession::Kept,
        browser: BrowserUse::Here,
    }))
}

fn answer(prompt: PromptId, code: &str) -> Request {
    Request::Control(Control::Answer {
        prompt,
        answer: Answer::MfaCode(code.to_owned()),
    })
}

fn typed(keys: &Keys, mfa_arn: Option<String>) -> TypedKeys {
    TypedKeys {
        access_key_id: keys.access_key_id.as_str().to_owned(),
        secret_access_key: keys.secret_access_key.clone().into(),
        mfa_arn,
        session_duration: None,
        file: None,
    }
}

fn held(reply: Reply) -> Result<Credentials, Error> {
    match reply {
        Reply::Credentials(credentials) => Ok(credentials),
        Reply::Failed(error) => Err(error),
        other => panic!("an unexpected reply: {other:?}"),
    }
}

fn prompt(reply: Reply) -> Prompt {
    match reply {
        Reply::Needs(prompt) => *prompt,
        other => panic!("no prompt: {other:?}"),
    }
}

fn since_start(time: &str) -> Duration {
    let time: jiff::Timestamp = time.parse().expect("RFC 3339");
    SystemTime::from(time)
        .duration_since(start())
        .expect("after the start")
}

fn said(event: &Event) -> String {
    match event {
        Event::SignedIn { identity, .. } => format!("signed in {identity}"),
        Event::SignedOut { identity } => format!("signed out {identity}"),
        Event::Renewed { identity, .. } => format!("renewed {identity}"),
        Event::NotRenewed { identity, cause } => {
            format!("not renewed {identity}: {:?}", cause.code)
        }
        Event::RenewalFailing {
            identity, cause, ..
        } => format!("failing {identity}: {:?}", cause.code),
        Event::KeysRevoked { identity, .. } => format!("keys revoked {identity}"),
        Event::RenewalRefused { identity, error } => {
            format!("refused {identity}: {:?}", error.code)
        }
        Event::ExpiresSoon { identity, .. } => format!("expires soon {identity}"),
        Event::SignInEndsSoon { provider, .. } => format!("sign-in ends soon {provider}"),
        Event::Expired { identity } => format!("expired {identity}"),
        Event::KeyIsOld(key) => format!("old key {}", key.identity),
        Event::KeysStored { identity } => format!("keys stored {identity}"),
        Event::PromptOpened(prompt) => {
            let kind = match prompt.kind {
                PromptKind::Keys { .. } => "keys",
                PromptKind::Mfa { .. } => "code",
                PromptKind::KeyringPassphrase { .. } => "passphrase",
                PromptKind::OtherUser { .. } => "other user",
                PromptKind::Paste { .. } => "paste",
                PromptKind::Program { .. } => "program",
                PromptKind::Browser { .. } => "browser",
            };
            format!("prompt {} {kind}", prompt.identity)
        }
        Event::PromptNotWaitedFor { identity, .. } => format!("no longer waited for {identity}"),
        Event::PromptClosed { identity, .. } => format!("closed {identity}"),
        Event::WaitsForHolder { identity, .. } => format!("{identity} waits for a holder"),
        Event::Rotating(it) => format!("rotating {}: {:?}", it.identity, it.stage),
        Event::DatabaseConnections { database, .. } => format!("connections of {database}"),
        Event::ConfigurationChanged => "configuration changed".to_owned(),
        Event::ConfigurationBroken { .. } => "configuration broken".to_owned(),
    }
}
