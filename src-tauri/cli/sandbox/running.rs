//! A running sandbox: the server, on a thread of its own, and a private folder with configuration,
//! keyring, state and AWS files. Dropping it ends the one and removes the other.

use crate::conversation::expect_reply;
use crate::conversation::{Conversation, agent_here, runtime, this_program};
use crate::invocation::Invocation;
use crate::stop::Stop;
use keyfob_core::agent::BlockingClient;
use keyfob_core::agent::api::{Check, Configure, Maintain, OtherUser, Person, Replaces, TypedKeys};
use keyfob_core::clock::Clock;
use keyfob_core::config::{Config, Trust};
use keyfob_core::encode::random_token;
use keyfob_core::environment::Environment;
use keyfob_core::error::{Code, Error, Result};
use keyfob_core::files::TemporaryFolder;
use keyfob_core::sandbox::Sandbox;
use keyfob_core::sandbox::demonstration::{Demonstration, IN_THE_BROWSER, READY, WITHOUT_KEYS};
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::mpsc;
use std::thread::JoinHandle;
use tokio::sync::oneshot;

const PASSPHRASE: &str = "FOB_SANDBOX_PASSPHRASE";

/// Variables of the caller that the command inside does not get.
pub const REMOVED: [&str; 18] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ENDPOINT_URL_SSO",
    "AWS_ENDPOINT_URL_SSO_OIDC",
    "AWS_ENDPOINT_URL_SIGNIN",
    "ATMOS_AWS_FILES_BASE_PATH",
    "FOB_IDENTITY",
];

#[derive(Debug)]
pub struct RunningSandbox {
    server: Server,
    folder: TemporaryFolder,
    variables: Vec<(&'static str, OsString)>,
    path: OsString,
}

impl RunningSandbox {
    pub fn open(invocation: &Invocation) -> Result<RunningSandbox, Stop> {
        let folder = TemporaryFolder::create("fob-sandbox-", &std::env::temp_dir())?;
        let (server, opened) = Server::start()?;
        let aws = folder.path().join("aws");
        let keyring = serde_json::json!({
            "type": "file",
            "spec": { "path": folder.path().join("keyring.age"), "password_env": PASSPHRASE },
        });
        let config = opened.configuration("sandbox", &keyring, &aws.join("keyfob"));
        let config = folder.write("config.yaml", &config)?;
        std::fs::create_dir(&aws).map_err(|cause| Error::file(&aws, "make", &cause))?;
        // Empty: the user's own AWS configuration stays outside.
        let aws_config = folder.write(Path::new("aws").join("config"), "")?;
        let aws_credentials = folder.write(Path::new("aws").join("credentials"), "")?;
        let bypass = bypass(&invocation.environment);
        let path = path(&invocation.environment);
        let variables = vec![
            ("FOB_CONFIG", config.clone().into()),
            ("FOB_SANDBOX_URL", OsString::from(&opened.url)),
            ("FOB_KEYRING", "file".into()),
            // Visible in the child's environment. It opens nothing but the keyring of this folder,
            // with keys that only this sandbox knows.
            (PASSPHRASE, random_token::<16>().as_str().into()),
            ("FOB_AWS_FILES_BASE_PATH", aws.join("keyfob").into()),
            ("XDG_STATE_HOME", folder.path().join("state").into()),
            ("AWS_CONFIG_FILE", aws_config.into()),
            ("AWS_SHARED_CREDENTIALS_FILE", aws_credentials.into()),
            ("AWS_ENDPOINT_URL", OsString::from(&opened.url)),
            ("AWS_EC2_METADATA_DISABLED", "true".into()),
            ("NO_PROXY", bypass.clone()),
            ("no_proxy", bypass),
            ("PATH", path.clone()),
        ];
        let sandbox = RunningSandbox {
            server,
            folder,
            variables,
            path,
        };
        sandbox.store_key(&config, opened, invocation)?;
        Ok(sandbox)
    }

    /// Added to the caller's environment, for the command inside.
    pub fn variables(&self) -> &[(&'static str, OsString)] {
        &self.variables
    }

    /// Where the command inside is looked for.
    pub fn path(&self) -> &OsStr {
        &self.path
    }

    pub fn welcome(&self) -> Vec<String> {
        vec![
            format!(
                "A local AWS is running at {}; it ends with this shell",
                self.server.url
            ),
            format!("  fob login              {READY}, whose key is in the keyring"),
            format!("  fob login deploy       a role, through {READY}"),
            format!("  fob login {IN_THE_BROWSER}    IAM Identity Center, in the browser"),
            format!("  fob sandbox key {WITHOUT_KEYS}  a key for {WITHOUT_KEYS}, who has none"),
            format!(
                "  fob login {WITHOUT_KEYS}        asks for that key, and for the MFA code: {}",
                self.server.mfa_code
            ),
            "  fob sandbox fault throttling --times 2; fob login --force   AWS is busy at first"
                .to_owned(),
            "  fob sandbox --help     more: revoked keys, faults, the calls it received".to_owned(),
        ]
    }

    /// As `fob user configure` does, in the environment inside.
    fn store_key(
        &self,
        config: &Path,
        shown: Demonstration,
        invocation: &Invocation,
    ) -> Result<(), Stop> {
        let home = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
        let variables = self.variables.iter().cloned();
        let environment = Environment::of(variables.chain([(home, self.folder.path().into())]));
        let config = Config::load(config, &environment)?;
        runtime()?.block_on(Trust::of(&environment)?.add(&config))?;
        let client =
            BlockingClient::new(None, agent_here(config, environment, invocation.terminal));
        let quiet = invocation.terminal.silenced();
        let mut conversation = Conversation::new(client, quiet, this_program(Person::Absent));
        let keys = TypedKeys {
            access_key_id: shown.keys.access_key_id.as_str().to_owned(),
            secret_access_key: shown.keys.secret_access_key.into(),
            mfa_arn: None,
            session_duration: None,
            file: None,
        };
        let configure = Configure {
            identity: READY.to_owned(),
            keys: Some(keys),
            check: Check::WithSts,
            other_user: OtherUser::Refused,
            replaces: Replaces::Own,
        };
        expect_reply!(
            conversation.ask(Maintain::Configure(configure), None)?,
            Configured
        )?;
        Ok(())
    }
}

/// The sandbox needs a runtime that runs while this process waits for its child.
#[derive(Debug)]
struct Server {
    url: String,
    mfa_code: String,
    thread: Option<JoinHandle<()>>,
    end: Option<oneshot::Sender<()>>,
}

impl Server {
    fn start() -> Result<(Server, Demonstration), Stop> {
        let runtime = runtime()?;
        let (end, ended) = oneshot::channel();
        let (started, start) = mpsc::channel();
        let serve = move || {
            runtime.block_on(async {
                match Sandbox::start(Clock::system())
                    .and_then(|it| Ok((Demonstration::furnish(&it)?, it)))
                {
                    Ok((opened, _open)) => {
                        // Not received only when the program is on its way out.
                        let _ = started.send(Ok(opened));
                        let _ = ended.await;
                    }
                    Err(error) => drop(started.send(Err(error))),
                }
            });
        };
        let failed = |cause: &str| {
            Error::new(
                Code::ProcessFailed,
                format!("the sandbox cannot start: {cause}"),
            )
        };
        let thread = std::thread::Builder::new()
            .name("sandbox".to_owned())
            .spawn(serve)
            .map_err(|cause| failed(&cause.to_string()))?;
        let opened = start.recv().map_err(|_| failed("its thread ended"))??;
        let (url, mfa_code) = (opened.url.clone(), opened.mfa_code.clone());
        Ok((
            Server {
                url,
                mfa_code,
                thread: Some(thread),
                end: Some(end),
            },
            opened,
        ))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // A panic over there has been printed there.
            let _ = thread.join();
        }
    }
}

/// No proxy reaches this machine's loopback.
fn bypass(environment: &Environment) -> OsString {
    let mut list = OsString::from("127.0.0.1");
    if let Some(present) = environment
        .raw("NO_PROXY")
        .or(environment.raw("no_proxy"))
        .filter(|it| !it.is_empty())
    {
        list.push(",");
        list.push(present);
    }
    list
}

/// `fob` inside is this one.
fn path(environment: &Environment) -> OsString {
    let present = environment.raw("PATH").unwrap_or_default();
    let own = environment
        .program()
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .map(Path::to_owned);
    std::env::join_paths(own.into_iter().chain(std::env::split_paths(present)))
        .unwrap_or_else(|_| present.to_owned())
}
