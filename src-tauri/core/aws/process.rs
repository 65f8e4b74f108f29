//! Programs named in the configuration: those that print credentials (`aws/process`, the AWS SDKs'
//! process protocol, version 1) and those that print an MFA code (`mfa_process`). Run without a
//! shell, with bounds on time and output; what they print never reaches an error text.

use super::client::Aws;
use crate::error::{Code, Error, Result};
use crate::ids::{AccessKeyId, AccountId, MfaCode};
use crate::secret::{Keys, Origin, Secret, Session};
use serde::Deserialize;
use std::process::Stdio;
use std::time::{Duration, SystemTime};
use tokio::io::AsyncReadExt;
use tokio::process::Command;

const TIME_LIMIT: Duration = Duration::from_secs(60);
const OUTPUT_LIMIT: u64 = 64 * 1024;
/// Credentials printed without an `Expiration` are obtained again after this time: the SDKs would
/// otherwise hold them for ever.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(3600);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Printed {
    version: u32,
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    expiration: Option<jiff::Timestamp>,
    account_id: Option<String>,
}

impl Aws {
    pub async fn process_credentials(&self, command: &str) -> Result<Session> {
        let now = self.clock.now();
        let output = self.run(command).await?;
        let program = program_of(command);
        let wrong = |what: String| {
            Error::new(Code::ProcessFailed, format!("`{program}` did not print credentials: {what}"))
                .hint("it must print {\"Version\":1,\"AccessKeyId\":…,\"SecretAccessKey\":…,\"SessionToken\":…,\"Expiration\":…}")
        };
        let printed: Printed = serde_json::from_str(output.expose()).map_err(|error| {
            wrong(format!(
                "not the expected JSON (line {}, column {})",
                error.line(),
                error.column()
            ))
        })?;
        if printed.version != 1 {
            return Err(wrong(format!(
                "Version is {}, only 1 is known",
                printed.version
            )));
        }
        let expires_at = printed
            .expiration
            .map_or(now + ASK_AGAIN_AFTER, SystemTime::from);
        if expires_at <= now {
            return Err(wrong("they have expired already".to_owned()));
        }
        if printed.secret_access_key.is_empty() {
            return Err(wrong("SecretAccessKey is empty".to_owned()));
        }
        Ok(Session {
            keys: Keys {
                access_key_id: AccessKeyId::parse(&printed.access_key_id)
                    .map_err(|error| wrong(error.message))?,
                secret_access_key: Secret::new(printed.secret_access_key),
            },
            token: printed
                .session_token
                .filter(|token| !token.is_empty())
                .map(Secret::new),
            issued_at: now,
            expires_at,
            principal: None,
            account: printed
                .account_id
                .and_then(|id| id.parse::<AccountId>().ok()),
            origin: Origin::Process,
        })
    }

    /// Six digits, as the program printed them.
    pub async fn mfa_code(&self, command: &str) -> Result<MfaCode> {
        let output = self.run(command).await?;
        output.expose().parse().map_err(|_| {
            let program = program_of(command);
            let message = format!("`{program}` did not print an MFA code of six digits");
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
        let Some((name, arguments)) = words.split_first() else {
            return Err(failed("the command is empty".to_owned()));
        };
        let mut child = Command::new(name)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
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
    words.into_iter().next().unwrap_or_default()
}
