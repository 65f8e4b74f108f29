//! Programs named in the configuration: those that print credentials (`aws/process`, the AWS SDKs'
//! process protocol, version 1) and those that print an MFA code (`mfa_process`). Run without a
//! shell, with bounds on time and output; what they print never reaches an error text. What they
//! write to standard error ("Touch your YubiKey") goes to the person alone: the terminal, or a
//! prompt for as long as they run, and a note where they were of no use.

use super::client::Aws;
use super::printed::{self, Printer, Useless};
use crate::ask::{Ask, Note, Prompt, PromptKind};
use crate::clock::Clock;
use crate::environment::{Environment, Shows};
use crate::error::{Code, Error, Result, shorten};
use crate::files;
use crate::foreign::Foreign;
use crate::ids::MfaCode;
use crate::program;
use crate::secret::{Secret, Session};
use std::fs::OpenOptions;
use std::io::{self, IsTerminal};
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, Command};
use zeroize::Zeroizing;

#[cfg(windows)]
const CREATE_NO_WINDOW: u32 = 0x0800_0000;
const TIME_LIMIT: Duration = Duration::from_secs(60);
const OUTPUT_LIMIT: u64 = 64 * 1024;
/// A warning of a program that ends at once is not shown.
const SETTLED: Duration = Duration::from_millis(300);
/// How much of what a program says is shown: the end of it, in bytes.
const SAID_LIMIT: usize = 800;

impl Aws {
    pub async fn process_credentials(
        &self,
        command: &str,
        ask: &Ask,
        notes: &mut Vec<Note>,
    ) -> Result<Session> {
        let program = program_of(command);
        let refuse = |useless| no_credentials(&program, useless);
        let (output, said) = self.run(command, ask).await;
        let read = output.and_then(|output| {
            printed::session(output.expose(), Printer::Program, self.clock.now()).map_err(refuse)
        });
        read.inspect_err(|_| notes.extend(told(&program, &said)))
    }

    /// The only six digits that the program printed.
    pub async fn mfa_code(
        &self,
        command: &str,
        ask: &Ask,
        notes: &mut Vec<Note>,
    ) -> Result<MfaCode> {
        let program = program_of(command);
        let refuse = |error: Error| {
            let message = format!("`{program}` did not print an MFA code: {}", error.message);
            Error::new(Code::ProcessFailed, message)
        };
        let (output, said) = self.run(command, ask).await;
        let read = output.and_then(|output| MfaCode::printed(output.expose()).map_err(refuse));
        read.inspect_err(|_| notes.extend(told(&program, &said)))
    }

    /// What it prints, and what it wrote to standard error where no terminal showed that.
    async fn run(&self, command: &str, ask: &Ask) -> (Result<Secret>, Vec<u8>) {
        let mut said = Vec::new();
        (output(self, command, ask, &mut said).await, said)
    }
}

fn no_credentials(program: &str, useless: Useless) -> Error {
    const PROTOCOL: &str = "it must print {\"Version\":1,\"AccessKeyId\":…,\
                            \"SecretAccessKey\":…,\"SessionToken\":…,\"Expiration\":…}";
    match useless {
        Useless::Expired(error) => Error {
            message: format!("`{program}`: {}", error.message),
            ..error
        },
        Useless::Flawed(why) => {
            let message = format!("`{program}` did not print credentials: {why}");
            Error::new(Code::ProcessFailed, message).hint(PROTOCOL)
        }
    }
}

async fn output(aws: &Aws, command: &str, ask: &Ask, said: &mut Vec<u8>) -> Result<Secret> {
    let program = program_of(command);
    let failed = |why: String| {
        Error::new(Code::ProcessFailed, format!("`{program}` failed: {why}"))
            .hint("run it in a terminal to see what it says; it is named in the configuration file")
    };
    let words = files::words_of(command).map_err(failed)?;
    let words: Vec<String> = words
        .iter()
        .map(|word| aws.environment.expand_word(word))
        .collect::<Result<_>>()?;
    let Some((name, arguments)) = words.split_first() else {
        return Err(failed("the command is empty".to_owned()));
    };
    let stderr = if aws.environment.shows() == Shows::Terminal {
        terminal()
    } else {
        Stdio::piped()
    };
    let mut child = child_of(&aws.environment, name, arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(stderr)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    let mut stderr = child.stderr.take();
    let mut printed = Zeroizing::new(Vec::new());
    let status = tokio::select! {
        status = ended(&mut child, &mut printed) => status.map_err(failed)?,
        closed = show(&mut stderr, said, &program, ask) => return Err(closed),
        () = aws.clock.pause(TIME_LIMIT) => return Err(failed(format!("no end after {} \
            s", TIME_LIMIT.as_secs()))),
    };
    tokio::select! {
        () = hear(&mut stderr, said) => {}
        // A program that it left behind may keep it open.
        () = Clock::nap(SETTLED) => {}
    }
    if !status.success() {
        return Err(failed(status.to_string()));
    }
    match str::from_utf8(&printed) {
        Ok(printed) => Ok(Secret::new(printed)),
        Err(_) => Err(failed("what it printed is no text".to_owned())),
    }
}

fn within_limit(read: io::Result<usize>) -> Result<(), String> {
    match read {
        Ok(length) if length as u64 > OUTPUT_LIMIT => {
            Err(format!("it printed more than {} KiB", OUTPUT_LIMIT / 1024))
        }
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

/// How it ended, with what it printed until then.
async fn ended(child: &mut Child, printed: &mut Vec<u8>) -> Result<ExitStatus, String> {
    let stdout = child.stdout.take().expect("it was piped");
    let mut stdout = stdout.take(OUTPUT_LIMIT + 1);
    let mut reading = pin!(stdout.read_to_end(printed));
    let status = tokio::select! {
        biased;
        read = &mut reading => {
            within_limit(read)?;
            return child.wait().await.map_err(|error| error.to_string());
        }
        status = child.wait() => status.map_err(|error| error.to_string())?,
    };
    tokio::select! {
        biased;
        read = &mut reading => within_limit(read)?,
        // A program that it left behind may keep it open.
        () = Clock::nap(SETTLED) => {}
    }
    Ok(status)
}

fn child_of(environment: &Environment, name: &str, arguments: &[String]) -> Command {
    let path = environment.raw("PATH").unwrap_or_default();
    let mut child = Command::new(program::file(name.as_ref(), path, environment));
    child.args(arguments);
    // The app has no console, and Windows would open one for as long as the program runs.
    #[cfg(windows)]
    if environment.shows() == Shows::Windows {
        child.creation_flags(CREATE_NO_WINDOW);
    }
    for name in environment.withheld() {
        child.env_remove(name);
    }
    child
}

/// Standard error, or the terminal itself where a program that wants credentials keeps that.
fn terminal() -> Stdio {
    const TERMINAL: &str = if cfg!(windows) { "CONOUT$" } else { "/dev/tty" };
    if std::io::stderr().is_terminal() {
        return Stdio::inherit();
    }
    let terminal = OpenOptions::new().write(true).open(TERMINAL);
    terminal.map_or_else(|_| Stdio::null(), Stdio::from)
}

/// Ready only once a person closes what the program says.
async fn show(
    stderr: &mut Option<ChildStderr>,
    said: &mut Vec<u8>,
    program: &str,
    ask: &Ask,
) -> Error {
    loop {
        let more = tokio::select! {
            more = more(stderr) => more,
            closed = show_once_settled(said, program, ask) => return closed,
        };
        let Some(more) = more else {
            return show_once_settled(said, program, ask).await;
        };
        add(said, &more);
    }
}

/// To the end.
async fn hear(stderr: &mut Option<ChildStderr>, said: &mut Vec<u8>) {
    while let Some(more) = more(stderr).await {
        add(said, &more);
    }
}

/// Of what it writes; `None` at the end.
async fn more(stderr: &mut Option<ChildStderr>) -> Option<Vec<u8>> {
    let mut chunk = [0; 1024];
    let length = stderr.as_mut()?.read(&mut chunk).await.ok()?;
    Some(chunk[..length].to_vec()).filter(|it| !it.is_empty())
}

fn add(said: &mut Vec<u8>, more: &[u8]) {
    said.extend_from_slice(more);
    let excess = said.len().saturating_sub(SAID_LIMIT);
    said.drain(..excess);
}

/// For the person to see why it was of no use: no prompt shows it any more.
fn told(program: &str, said: &[u8]) -> Option<Note> {
    let says = Foreign::new(&String::from_utf8_lossy(said));
    (says != Foreign::default()).then(|| Note::Info(format!("{program}: {}", says.as_str())))
}

async fn show_once_settled(said: &[u8], program: &str, ask: &Ask) -> Error {
    let says = Foreign::new(&String::from_utf8_lossy(said));
    if says == Foreign::default() {
        return std::future::pending().await;
    }
    Clock::nap(SETTLED).await;
    let program = program.to_owned();
    let message = format!("`{program}` was stopped before it had finished");
    ask.show(Prompt {
        kind: PromptKind::Program { program, says },
        attempt: 1,
        unanswered: Error::new(Code::PersonNeeded, message).hint("try again"),
        refused_key: None,
    })
    .await
}

/// The program alone: its arguments may hold a secret.
fn program_of(command: &str) -> String {
    let words = files::words_of(command).unwrap_or_default();
    shorten(words.first().map_or("", String::as_str))
}
