//! The endpoint that a child gets its credentials from, on a thread of its own, and the files that
//! go with it. Dropping it ends the one and removes the others.

use super::folder::runtime_folder;
use crate::exec::endpoint::CredentialsEndpoint;
use crate::invocation::Invocation;
use crate::stop::Stop;
use keyfob_core::agent::api::{Credentials, SignedIn};
use keyfob_core::clock::Clock;
use keyfob_core::config::UserSettings;
use keyfob_core::error::{Code, Error, Result};
use keyfob_core::files::{FobCommand, TemporaryFolder};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::thread::JoinHandle;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

#[derive(Debug)]
pub struct Hosted {
    endpoint: CredentialsEndpoint,
    token_file: PathBuf,
    aws_config: PathBuf,
    aws_credentials: PathBuf,
    thread: Option<JoinHandle<()>>,
    end: Option<oneshot::Sender<()>>,
    /// Removed last.
    _folder: TemporaryFolder,
}

impl Hosted {
    pub fn open<S, F>(
        invocation: &Invocation,
        signed_in: &SignedIn,
        runtime: Runtime,
        source: S,
    ) -> Result<Hosted, Stop>
    where
        S: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<Credentials>> + Send + 'static,
    {
        let folder =
            TemporaryFolder::create("fob-exec-", &runtime_folder(&invocation.environment)?)?;
        let endpoint = runtime.block_on(CredentialsEndpoint::open(
            &signed_in.identity,
            Clock::system(),
            source,
        ))?;
        // Without a line break: some SDKs would send it along.
        let token_file = folder.write("token", endpoint.token().expose())?;
        // botocore would prefer the user's own `[default]` to any endpoint.
        let aws_config = folder.write("config", &aws_config(invocation, signed_in))?;
        let aws_credentials = folder.write("credentials", "")?;
        let (end, ended) = oneshot::channel::<()>();
        let serve = move || {
            // An error says that the other end is gone, which is how it is ended.
            let _ = runtime.block_on(ended);
            // A sign-in may still be under way, without a child to use it.
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new()
            .name("endpoint".to_owned())
            .spawn(serve)
            .map_err(|cause| {
                Error::new(
                    Code::ProcessFailed,
                    format!("cannot serve credentials: there is no thread for it: {cause}"),
                )
            })?;
        let (thread, end) = (Some(thread), Some(end));
        Ok(Hosted {
            endpoint,
            token_file,
            aws_config,
            aws_credentials,
            thread,
            end,
            _folder: folder,
        })
    }

    /// The command that was pointed to it.
    pub fn start(&self, command: &mut Command) -> std::io::Result<Child> {
        self.endpoint.start(|| command.spawn())
    }

    /// The token twice: some SDKs renew it from the file, and the AWS CLI before 2.15 knows only
    /// the variable.
    pub fn point_to(&self, command: &mut Command) {
        command.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", self.endpoint.url());
        command.env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &self.token_file);
        command.env(
            "AWS_CONTAINER_AUTHORIZATION_TOKEN",
            self.endpoint.token().expose(),
        );
        command.env("AWS_CONFIG_FILE", &self.aws_config);
        command.env("AWS_SHARED_CREDENTIALS_FILE", &self.aws_credentials);
    }
}

/// The user's own settings, and for every other profile that had credentials, `fob`.
fn aws_config(invocation: &Invocation, signed_in: &SignedIn) -> String {
    let own = format!("[default]\nregion = {}\n", signed_in.region);
    let carried = || -> Result<String, Stop> {
        let config = invocation.config()?;
        let settings = UserSettings::read(&invocation.environment, &config)?;
        let fob = FobCommand {
            program: invocation.environment.program().to_owned(),
            configuration: config.path().display().to_string(),
        };
        let beside = settings.beside(&["default".to_owned()], &fob)?;
        Ok(settings.of_profile("default")? + &beside)
    };
    match carried() {
        Ok(carried) => own + &carried,
        Err(Stop::Failed(error)) => {
            let terminal = invocation.terminal;
            terminal.warn(&format!("your AWS settings are not carried over: {error}"));
            own
        }
        Err(Stop::Interrupted | Stop::OutputClosed) => own,
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // A panic over there has been printed there.
            let _ = thread.join();
        }
    }
}
