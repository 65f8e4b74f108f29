//! Programs named in the configuration: those that print credentials (`aws/process`, the AWS SDKs'
//! process protocol, version 1) and those that print an MFA code (`mfa_process`). Run without a
//! shell, with bounds on time and output; what they print never reaches an error text.

use super::client::Aws;
use super::printed::{self, Printer, Useless};
use crate::error::{Code, Error, Result, shorten};
use crate::ids::MfaCode;
use crate::secret::{Secret, Session};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

const TIME_LIMIT: Duration = Duration::from_secs(60);
const OUTPUT_LIMIT: u64 = 64 * 1024;
impl Aws {
    pub async fn process_credentials(&self, command: &str) -> Result<Session> {
        let output = self.run(command).await?;
        let read = printed::session(output.expose(), Printer::Program, self.clock.now());
        let program = program_of(command);
        read.map_err(|useless| match useless {
            Useless::Expired(error) => Error {
                message: format!("`{program}`: {}", error.message),
                ..error
            },
            Useless::Flawed(why) => Error::new(Code::ProcessFailed, format!("`{program}` did not print credentials: {why}"))
                .hint("it must print {\"Version\":1,\"AccessKeyId\":…,\"SecretAccessKey\":…,\"SessionToken\":…,\"Expiration\":…}"),
        })
    }

    /// The only six digits that the program printed.
    pub async fn mfa_code(&self, command: &str) -> Result<MfaCode> {
        let output = self.run(command).await?;
        MfaCode::printed(output.expose()).map_err(|error| {
            let program = program_of(command);
            let message = format!("`{program}` did not print an MFA code: {}", error.message);
            Error::new(Code::ProcessFailed, message)
        })
    }

    async fn run(&self, command: &str) -> Result<Secret> {
        let program = program_of(command);
        let failed = |why: String| {
            Error::new(Code::ProcessFailed, format!("`{program}` failed: {why}")).hint(
                "run it in a terminal to see what it says; it is named in the configuration file",
            )
        };
        let words = shell_words::split(command).map_err(|error| failed(error.to_string()))?;
        let words: Vec<String> = words
            .iter()
            .map(|word| self.environment.expand_word(word))
            .collect::<Result<_>>()?;
        let Some((name, arguments)) = words.split_first() else {
            return Err(failed("the command is empty".to_owned()));
        };
        // Where programs speak to the person ("Touch your YubiKey"): never into a log or an error.
        let stderr = if self.environment.shows_programs() {
            Stdio::inherit()
        } else {
            Stdio::null()
        };
        let mut child = Command::new(name);
        child.args(arguments);
        for name in self.environment.withheld() {
            child.env_remove(name);
        }
        let mut child = child
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let stdout = child.stdout.take().expect("stdout was piped just above");
        let mut output = String::new();
        let finished = async {
            stdout
                .take(OUTPUT_LIMIT)
                .read_to_string(&mut output)
                .await
                .map_err(|error| failed(error.to_string()))?;
            child
                .wait()
                .await
                .map_err(|error| failed(error.to_string()))
        };
        let status = tokio::select! {
            status = finished => status?,
            () = self.clock.pause(TIME_LIMIT) => return Err(failed(format!("no end after {} s", TIME_LIMIT.as_secs()))),
        };
        if status.success() {
            Ok(Secret::new(output))
        } else {
            Err(failed(status.to_string()))
        }
    }
}

/// The program alone: its arguments may hold a secret.
fn program_of(command: &str) -> String {
    let words = shell_words::split(command).unwrap_or_default();
    shorten(words.first().map_or("", String::as_str))
}
