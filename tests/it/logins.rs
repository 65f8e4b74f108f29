//! The login cases: each folder of `tests/logins/` is one. A real SDK against the sandbox, a real
//! file keyring, real lock files; only the person is played, from `answers.json`.

use keyfob_core::agent::api::{
    Answer, Answered, BrowserUse, Call, Caller, Check, Configure, Control, HeldSession, Login,
    Maintain, Note, OtherUser, Person, Prompt, PromptKind, Renewal, Replaces, Reply, Request,
    Secret, SessionRequest, SignedIn, TypedKeys, WhyKeys,
};
use keyfob_core::agent::{Agent, Client};
use keyfob_core::clock::Clock;
use keyfob_core::config::Config;
use keyfob_core::environment::Environment;
use keyfob_core::error::Error;
use keyfob_core::sandbox::{FaultSwitch, MfaDevice, Sandbox, SandboxRole, SandboxSettings};
use keyfob_core::secret::Keys;
use keyfob_core::world::World;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

/// Most of a case is waiting: for key derivation, for retries.
const THREADS: usize = 6;

/// `keychain.json`: what is stored before, by identity.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    /// Whose key of the sandbox.
    user: String,
    #[serde(default)]
    secret: WhichSecret,
    mfa_arn: Option<String>,
    session_duration: Option<String>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WhichSecret {
    #[default]
    Right,
    Wrong,
}

/// `aws.json`: how AWS is, and what happens there between the first sign-in (if `sign_in_before`
/// names one) and the one under test.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct AwsSide {
    mfa: BTreeMap<String, MfaDevice>,
    roles: Vec<SandboxRole>,
    settings: Option<SandboxSettings>,
    sign_in_before: Vec<String>,
    /// Time that goes by after that.
    seconds_later: u64,
    revoke_keys_of: Vec<String>,
    revoke_sessions_of: Vec<String>,
    faults: Vec<FaultSwitch>,
}

/// `answers.json`: the request under test, and the person's part.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    login: String,
    person: Person,
    duration: Option<String>,
    #[serde(default)]
    force: bool,
    mfa_code: Option<String>,
    /// The clock goes on while the sign-in lasts, as it otherwise does not.
    #[serde(default)]
    time_goes_by: bool,
    #[serde(default)]
    answers: Vec<Scripted>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Scripted {
    /// A new key of this user, as AWS would hand it out.
    NewKey {
        user: String,
        #[serde(default)]
        secret: WhichSecret,
        mfa_arn: Option<String>,
        session_duration: Option<String>,
    },
    UnknownKey,
    MfaCode(String),
    Cancel,
}

/// `expect.json`. What is not named is not compared, except the prompts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    #[serde(default)]
    prompts: Vec<String>,
    signed_in: Option<ExpectedSession>,
    failed: Option<ExpectedFailure>,
    #[serde(default)]
    notes: Vec<String>,
    /// `Action outcome`, in order, of the request under test.
    calls: Option<Vec<String>>,
    /// `Action Parameter=value`: each must be among the calls.
    #[serde(default)]
    asked: Vec<String>,
    /// A second sign-in by a new process, after all faults are cleared: the prompts it shows, when
    /// without a person the code it fails with.
    next: Option<Next>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedSession {
    account: Option<String>,
    seconds: Option<u64>,
    source: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedFailure {
    code: String,
    exit: u8,
    #[serde(default)]
    says: Vec<String>,
    #[serde(default)]
    hints: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Next {
    #[serde(default)]
    force: bool,
    prompts: Vec<String>,
}

struct Case {
    folder: PathBuf,
    scratch: tempfile::TempDir,
    sandbox: Sandbox,
    clock: Clock,
}

#[test]
fn every_login_case_goes_as_written() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/logins");
    let folders: Vec<_> = fs::read_dir(&root)
        .expect("the cases")
        .map(|entry| entry.expect("a case").path())
        .collect();
    assert!(
        folders.len() >= 40,
        "only {} cases were found",
        folders.len()
    );
    let left = Mutex::new(folders);
    let failures = Mutex::new(Vec::new());
    let work = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        while let Some(folder) = left.lock().expect("no panic").pop() {
            let name = folder
                .file_name()
                .expect("a folder")
                .to_string_lossy()
                .into_owned();
            let went = runtime.block_on(async { Case::new(folder).run().await });
            if let Err(why) = went {
                failures
                    .lock()
                    .expect("no panic")
                    .push(format!("{name}: {why}"));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(work);
        }
    });
    let mut failures = failures.into_inner().expect("no panic");
    failures.sort();
    assert!(
        failures.is_empty(),
        "{} cases failed:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

impl Case {
    fn new(folder: PathBuf) -> Case {
        let clock = Clock::manual(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000));
        let sandbox = Sandbox::start(clock.clone()).expect("a sandbox");
        Case {
            folder,
            scratch: tempfile::tempdir().expect("a folder"),
            sandbox,
            clock,
        }
    }

    fn file<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, String> {
        let path = self.folder.join(name);
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .map_err(|error| format!("{name}: {error}")),
            Err(_) => Ok(None),
        }
    }

    async fn run(&self) -> Result<(), String> {
        let aws: AwsSide = self.file("aws.json")?.unwrap_or_default();
        let stored: BTreeMap<String, Stored> = self.file("keychain.json")?.unwrap_or_default();
        let script: Script = self
            .file("answers.json")?
            .ok_or("answers.json is missing")?;
        let expected: Expected = self.file("expect.json")?.ok_or("expect.json is missing")?;
        self.prepare(&aws, stored).await?;
        self.sandbox.clear_journal();

        // As `fob` does for a person.
        let held = match script.person {
            Person::Present => HeldSession::Checked,
            Person::Absent => HeldSession::Kept,
        };
        let login = Login {
            identity: script.login.clone(),
            duration: script
                .duration
                .as_deref()
                .map(|text| text.parse().expect("a duration in answers.json")),
            renewal: if script.force {
                Renewal::Always
            } else {
                Renewal::WhenDue
            },
            mfa_code: script.mfa_code.clone(),
            assertion: None,
            held,
            browser: BrowserUse::Here,
        };
        let started = self.clock.now();
        let conversation = self.converse(login, script.person, script.answers);
        let outcome = tokio::select! {
            outcome = conversation => outcome?,
            () = self.time_goes_by(), if script.time_goes_by => unreachable!("it never ends"),
        };
        self.compare(&outcome, &expected, started)?;
        if let Some(next) = &expected.next {
            self.sandbox.clear_faults();
            let renewal = if next.force {
                Renewal::Always
            } else {
                Renewal::WhenDue
            };
            let login = Login {
                identity: script.login,
                duration: None,
                renewal,
                mfa_code: None,
                assertion: None,
                held: HeldSession::Kept,
                browser: BrowserUse::Here,
            };
            let outcome = self.converse(login, Person::Present, Vec::new()).await?;
            same(
                "the prompts of the next sign-in",
                &next.prompts,
                &outcome.prompts,
            )?;
        }
        Ok(())
    }

    async fn time_goes_by(&self) {
        loop {
            Clock::nap(Duration::from_millis(5)).await;
            self.clock.advance(Duration::from_secs(1));
        }
    }

    async fn prepare(&self, aws: &AwsSide, stored: BTreeMap<String, Stored>) -> Result<(), String> {
        for (user, mfa) in &aws.mfa {
            self.sandbox
                .set_mfa(user, *mfa)
                .map_err(|error| error.to_string())?;
        }
        for role in &aws.roles {
            self.sandbox
                .add_role(role.clone())
                .map_err(|error| error.to_string())?;
        }
        for (identity, stored) in stored {
            let keys = self
                .sandbox
                .keys(&stored.user)
                .into_iter()
                .next()
                .ok_or("no key in the sandbox")?;
            let mut typed = typed(&keys, stored.secret);
            typed.mfa_arn = stored.mfa_arn;
            typed.session_duration = stored.session_duration;
            let check = match stored.secret {
                WhichSecret::Right => Check::WithSts,
                WhichSecret::Wrong => Check::Skip,
            };
            let configure = Configure {
                identity,
                keys: Some(typed),
                check,
                other_user: OtherUser::Refused,
                replaces: Replaces::Own,
            };
            match self
                .ask(
                    &self.agent()?,
                    Person::Absent,
                    Request::Maintain(Maintain::Configure(configure)),
                )
                .await
                .reply
            {
                Reply::Configured(_) => {}
                other => return Err(format!("cannot prepare the keyring: {other:?}")),
            }
        }
        for identity in &aws.sign_in_before {
            let login = Login {
                identity: identity.clone(),
                duration: None,
                renewal: Renewal::WhenDue,
                mfa_code: Some("123456".into()),
                assertion: None,
                held: HeldSession::Kept,
                browser: BrowserUse::Here,
            };
            match self
                .ask(
                    &self.agent()?,
                    Person::Absent,
                    Request::Session(SessionRequest::Login(login)),
                )
                .await
                .reply
            {
                Reply::SignedIn(_) => {}
                other => return Err(format!("cannot sign in before: {other:?}")),
            }
        }
        self.clock.advance(Duration::from_secs(aws.seconds_later));
        if let Some(settings) = &aws.settings {
            self.sandbox
                .set_settings(settings.clone())
                .map_err(|error| error.to_string())?;
        }
        for user in &aws.revoke_keys_of {
            for keys in self.sandbox.keys(user) {
                self.sandbox
                    .revoke_key(&keys.access_key_id)
                    .map_err(|error| error.to_string())?;
            }
        }
        for principal in &aws.revoke_sessions_of {
            self.sandbox.revoke_sessions(principal);
        }
        for fault in &aws.faults {
            self.sandbox
                .inject(fault.clone())
                .map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// As a new process would begin: nothing is shared but what is on disk.
    fn agent(&self) -> Result<Client, String> {
        let home = self.scratch.path().display().to_string();
        let environment = Environment::of([
            (crate::home::HOME, home.as_str()),
            ("FOB_KEYRING", "file"),
            ("FOB_KEYRING_PASSWORD", "correct horse"),
            ("AWS_ENDPOINT_URL", self.sandbox.url().as_str()),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("REVOKED_ID", "AKIAREVOKED000000001"),
            ("REVOKED_SECRET", "not-a-secret-of-anybody"),
        ]);
        let config = std::fs::read_to_string(self.folder.join("config.yaml"))
            .map_err(|error| error.to_string())?
            .replace("echo 123456", &crate::support::says("123456"));
        let config = crate::home::write_own_config(self.scratch.path(), &config);
        let config = Config::load(&config, &environment).map_err(|error| error.to_string())?;
        let world = World::open(config, environment, self.clock.clone())
            .map_err(|error| error.to_string())?;
        Ok(Agent::new(world, keyfob_core::agent::Role::InProcess).client())
    }

    async fn ask(&self, agent: &Client, person: Person, request: Request) -> Answered {
        let caller = Caller {
            program: "test".into(),
            pid: 1,
            person,
            trail: None,
        };
        agent.ask(Call { caller, request }).await
    }

    async fn converse(
        &self,
        login: Login,
        person: Person,
        answers: Vec<Scripted>,
    ) -> Result<Outcome, String> {
        let agent = self.agent()?;
        let mut outcome = Outcome {
            prompts: Vec::new(),
            notes: Vec::new(),
            end: None,
        };
        let mut answers = answers.into_iter();
        let mut request = Request::Session(SessionRequest::Login(login));
        loop {
            let answered = self.ask(&agent, person, request).await;
            outcome
                .notes
                .extend(answered.notes.into_iter().map(|note| match note {
                    Note::Info(text) | Note::Warning(text) => text,
                }));
            request = match answered.reply {
                Reply::SignedIn(signed_in) => {
                    outcome.end = Some(Ok(signed_in));
                    return Ok(outcome);
                }
                Reply::Failed(error) => {
                    outcome.end = Some(Err(error));
                    return Ok(outcome);
                }
                // As `fob` does: keys are typed once, and once more where only the secret was
                // wrong.
                Reply::Needs(prompt) if is_final(&prompt) => {
                    Request::Control(Control::Cancel { prompt: prompt.id })
                }
                Reply::Needs(prompt) => {
                    outcome.prompts.push(describe(&prompt.kind));
                    match answers.next() {
                        None => return Ok(outcome),
                        Some(Scripted::Cancel) => {
                            Request::Control(Control::Cancel { prompt: prompt.id })
                        }
                        Some(scripted) => Request::Control(Control::Answer {
                            prompt: prompt.id,
                            answer: self.answer(scripted)?,
                        }),
                    }
                }
                other => return Err(format!("an unexpected reply: {other:?}")),
            };
        }
    }

    fn answer(&self, scripted: Scripted) -> Result<Answer, String> {
        Ok(match scripted {
            Scripted::NewKey {
                user,
                secret,
                mfa_arn,
                session_duration,
            } => {
                let keys = self
                    .sandbox
                    .create_key(&user)
                    .map_err(|error| error.to_string())?;
                Answer::Keys(TypedKeys {
                    mfa_arn,
                    session_duration,
                    ..typed(&keys, secret)
                })
            }
            Scripted::UnknownKey => Answer::Keys(TypedKeys {
                access_key_id: "AKIAUNKNOWN000000001".into(),
                secret_access_key: Secret::new("not-a-secret-of-anybody"),
                mfa_arn: None,
                session_duration: None,
                file: None,
            }),
            Scripted::MfaCode(code) => Answer::MfaCode(code),
            Scripted::Cancel => return Err("cancel is no answer".into()),
        })
    }

    fn compare(
        &self,
        outcome: &Outcome,
        expected: &Expected,
        started: SystemTime,
    ) -> Result<(), String> {
        same("the prompts", &expected.prompts, &outcome.prompts)?;
        match (&outcome.end, &expected.signed_in, &expected.failed) {
            (Some(Ok(signed_in)), Some(wanted), None) => {
                let seconds = signed_in
                    .expires_at
                    .duration_since(started)
                    .unwrap_or_default()
                    .as_secs();
                if let Some(wanted) = wanted.seconds {
                    same("the seconds of the session", &wanted, &seconds)?;
                }
                if wanted.account.is_some() {
                    same("the account", &wanted.account, &signed_in.account)?;
                }
                if let Some(wanted) = &wanted.source {
                    same("the source", wanted, &signed_in.source)?;
                }
            }
            (Some(Err(error)), None, Some(wanted)) => {
                same("the code", &wanted.code, &error.code.to_string())?;
                same("the exit code", &wanted.exit, &error.exit_code())?;
                contains("the message", &error.message, &wanted.says)?;
                contains("the hints", &error.hints.join("\n"), &wanted.hints)?;
            }
            (end, ..) => {
                return Err(format!(
                    "an unexpected end: {end:?}; notes {:?}",
                    outcome.notes
                ));
            }
        }
        contains("the notes", &outcome.notes.join("\n"), &expected.notes)?;
        let journal = self.sandbox.journal();
        if let Some(wanted) = &expected.calls {
            let calls: Vec<String> = journal
                .iter()
                .map(|call| format!("{} {}", call.action, call.outcome))
                .collect();
            same("the calls", wanted, &calls)?;
        }
        let asked: Vec<String> = journal
            .iter()
            .flat_map(|call| {
                call.parameters
                    .iter()
                    .map(|(name, value)| format!("{} {name}={value}", call.action))
            })
            .collect();
        contains("the parameters", &asked.join("\n"), &expected.asked)
    }
}

#[derive(Debug)]
struct Outcome {
    prompts: Vec<String>,
    notes: Vec<String>,
    /// `None`: a prompt was left open.
    end: Option<Result<SignedIn, Error>>,
}

fn typed(keys: &Keys, secret: WhichSecret) -> TypedKeys {
    let secret = match secret {
        WhichSecret::Right => keys.secret_access_key.clone().into(),
        WhichSecret::Wrong => Secret::new("a-secret-that-belongs-to-another-key-id"),
    };
    TypedKeys {
        access_key_id: keys.access_key_id.as_str().to_owned(),
        secret_access_key: secret,
        mfa_arn: None,
        session_duration: None,
        file: None,
    }
}

/// `keys missing mfa_arn=… duration=…`, `mfa`, `mfa again`.
fn is_final(prompt: &Prompt) -> bool {
    match &prompt.kind {
        PromptKind::Keys { why, .. } => match why {
            WhyKeys::Refused => true,
            WhyKeys::SecretMismatch => prompt.attempt > 2,
            WhyKeys::Missing | WhyKeys::Revoked | WhyKeys::Asked => false,
        },
        _ => false,
    }
}

fn describe(kind: &PromptKind) -> String {
    match kind {
        PromptKind::Keys {
            why,
            mfa_arn,
            session_duration,
        } => {
            let arn = mfa_arn
                .as_ref()
                .map(|arn| format!(" mfa_arn={}", arn.as_str()))
                .unwrap_or_default();
            let duration = session_duration
                .map(|duration| format!(" duration={duration}"))
                .unwrap_or_default();
            format!("keys {}{arn}{duration}", format!("{why:?}").to_lowercase())
        }
        PromptKind::Mfa { refused: None, .. } => "mfa".into(),
        PromptKind::Mfa {
            refused: Some(_), ..
        } => "mfa again".into(),
        PromptKind::KeyringPassphrase { .. } => "passphrase".into(),
        PromptKind::OtherUser { .. } => "other user".into(),
        PromptKind::Paste { .. } => "paste".into(),
        PromptKind::Program { .. } => "program".into(),
        PromptKind::Browser { .. } => "browser".into(),
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, wanted: &T, found: &T) -> Result<(), String> {
    if wanted == found {
        Ok(())
    } else {
        Err(format!("{what}: expected {wanted:?}, found {found:?}"))
    }
}

fn contains(what: &str, text: &str, wanted: &[String]) -> Result<(), String> {
    match wanted.iter().find(|wanted| !text.contains(wanted.as_str())) {
        None => Ok(()),
        Some(missing) => Err(format!("{what}: `{missing}` is not in `{text}`")),
    }
}
