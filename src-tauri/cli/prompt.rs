//! Forms, drawn on stderr: their fields, and what an answer is.

use crate::choice::{HowMany, choose};
use crate::clipboard;
use crate::desktop::browser;
use crate::line::{self, Field, NoLine, Shown};
use crate::stop::Stop;
use crate::terminal::{Terminal, one_line};
use crossterm::event::KeyCode;
use keyfob_core::agent::api::{
    Answer, MfaArn, OtherUserBy, PassphraseUse, PasteKind, Prompt, PromptKind, Secret,
    SessionDuration, TypedKeys, WhyKeys,
};
use keyfob_core::error::{Code, Error};
use keyfob_core::view::{form, pasted};
use std::fmt::Display;
use zeroize::Zeroizing;

const TAB_COPIES: &str = "Tab copies the address";

#[derive(Debug)]
pub enum Unanswered {
    /// Esc.
    Closed,
    /// Ctrl+C.
    Interrupted,
    Failed(Error),
    /// Another client answered.
    Overtaken,
}

/// Where a form is drawn, and until when.
pub struct Form<'a> {
    pub terminal: Terminal,
    /// The variable `BROWSER`.
    pub browser: Option<&'a str>,
    pub is_wanted: line::IsWanted<'a>,
}

impl Form<'_> {
    fn text(&mut self, field: &Field<'_>) -> Result<Zeroizing<String>, Unanswered> {
        Ok(line::ask(field, self.terminal, self.is_wanted)?)
    }
}

pub fn ask(prompt: &Prompt, form: &mut Form<'_>) -> Result<Answer, Unanswered> {
    let identity = &prompt.identity;
    for line in introduction(prompt) {
        form.terminal.announce(&line);
    }
    if let Some(why) = refusal(&prompt.kind) {
        form.terminal.warn(why);
    }
    match &prompt.kind {
        PromptKind::Keys {
            mfa_arn,
            session_duration,
            ..
        } => keys(mfa_arn.as_ref(), *session_duration, form).map(Answer::Keys),
        PromptKind::Mfa { device, .. } => mfa_code(identity, device, form).map(Answer::MfaCode),
        PromptKind::KeyringPassphrase { path, purpose, .. } => {
            passphrase(path, *purpose, form).map(Answer::Passphrase)
        }
        PromptKind::OtherUser { by, .. } => other_user(identity, *by, form),
        PromptKind::Paste {
            what: PasteKind::SignInCode,
            address,
            ..
        } => code_of_the_page(address, form).map(Answer::Pasted),
        PromptKind::Paste {
            what: PasteKind::SamlAssertion,
            in_a_window: true,
            address,
            ..
        } => wait_until_over(&[Copied::address(address)], form),
        // A terminal cannot show the page.
        PromptKind::Paste {
            what: PasteKind::SamlAssertion,
            ..
        } => Err(Unanswered::Failed(prompt.unanswered.clone())),
        PromptKind::Program { .. } => wait_until_over(&[], form),
        PromptKind::Browser {
            address,
            code,
            unopened,
            ..
        } => sign_in_at(address, code, unopened.as_deref(), form),
    }
}

/// Above the form. An address stands by itself, to be copied.
fn introduction(prompt: &Prompt) -> Vec<String> {
    let identity = &prompt.identity;
    match &prompt.kind {
        PromptKind::Keys { why, .. } => why_keys(*why, identity),
        PromptKind::OtherUser { stored, given, by } => {
            other_user_lines(identity, [stored, given], *by).into()
        }
        PromptKind::Paste {
            what: PasteKind::SignInCode,
            address,
            why,
            refused: None,
            ..
        } => [paste_lines(identity, why.as_deref()), vec![address.clone()]].concat(),
        PromptKind::Paste {
            what: PasteKind::SamlAssertion,
            address,
            in_a_window: true,
            ..
        } => vec![
            format!("To sign in to {identity}, use the window that Keyfob opens for this page:"),
            address.clone(),
            format!("{TAB_COPIES}, Esc cancels"),
        ],
        PromptKind::Program { program, says } => vec![format!("{program}: {says}")],
        PromptKind::Browser {
            address,
            code,
            why_code,
            unopened,
            ..
        } => {
            let lines = match (code.as_str(), unopened) {
                ("", Some(why)) => unopened_lines(identity, why).into(),
                _ => browser_lines(identity, code, why_code.as_deref()),
            };
            let keys = match (code.as_str(), unopened) {
                ("", None) => format!("{TAB_COPIES}, Esc cancels"),
                ("", Some(_)) => format!("{TAB_COPIES}, o opens it, Esc cancels"),
                _ => format!("{TAB_COPIES}, c the code, Esc cancels"),
            };
            [lines, vec![address.clone(), keys]].concat()
        }
        PromptKind::Mfa { .. }
        | PromptKind::KeyringPassphrase { .. }
        | PromptKind::Paste { .. } => Vec::new(),
    }
}

/// Why the last answer was not taken.
fn refusal(kind: &PromptKind) -> Option<&str> {
    match kind {
        PromptKind::Mfa { refused, .. }
        | PromptKind::KeyringPassphrase { refused, .. }
        | PromptKind::Paste { refused, .. } => refused.as_deref(),
        PromptKind::Keys { .. }
        | PromptKind::OtherUser { .. }
        | PromptKind::Program { .. }
        | PromptKind::Browser { .. } => None,
    }
}

/// Without a code it is for a browser on this machine.
fn sign_in_at(
    address: &str,
    code: &str,
    unopened: Option<&str>,
    form: &mut Form<'_>,
) -> Result<Answer, Unanswered> {
    let (terminal, browser) = (form.terminal, form.browser);
    let open = || {
        if let Err(error) = browser::browse(address, browser) {
            terminal.warn(&format!("{error}; open the address yourself"));
        }
    };
    if code.is_empty() && unopened.is_none() {
        open();
    }
    let copied = [Copied::address(address), Copied::code(code)];
    let none = line::wait(form.is_wanted, |key| match key {
        KeyCode::Char('o') if unopened.is_some() => open(),
        _ => copy(&copied, key, terminal),
    });
    Err(none.into())
}

/// What is shown here ends by itself.
fn wait_until_over(copied: &[Copied<'_>], form: &mut Form<'_>) -> Result<Answer, Unanswered> {
    let terminal = form.terminal;
    Err(line::wait(form.is_wanted, |key| copy(copied, key, terminal)).into())
}

fn copy(copied: &[Copied<'_>], key: KeyCode, terminal: Terminal) {
    let mut copied = copied.iter().filter(|it| !it.text.is_empty());
    if let Some(it) = copied.find(|it| it.key == key) {
        terminal.announce(&clipboard::copy(it.text, it.noun));
    }
}

/// A text that a key copies.
struct Copied<'a> {
    key: KeyCode,
    noun: &'a str,
    text: &'a str,
}

impl Copied<'_> {
    fn address(text: &str) -> Copied<'_> {
        Copied {
            key: KeyCode::Tab,
            noun: "address",
            text,
        }
    }

    fn code(text: &str) -> Copied<'_> {
        Copied {
            key: KeyCode::Char('c'),
            noun: "code",
            text,
        }
    }
}

fn unopened_lines(provider: &str, why: &str) -> [String; 2] {
    [
        format!("The page is not opened from here, because {why}"),
        format!("To sign in to {provider}, open this address in a browser on this machine:"),
    ]
}

fn browser_lines(provider: &str, code: &str, why_code: Option<&str>) -> Vec<String> {
    if code.is_empty() {
        return vec![format!(
            "To sign in to {provider}, a browser on this machine opens this address:"
        )];
    }
    let why = why_code.map(|why| format!("The sign-in goes by a code, because {why}"));
    let what = format!(
        "To sign in to {provider}, open this address in a browser on any device, and compare the \
         code {code}:"
    );
    why.into_iter().chain([what]).collect()
}

/// Keys are typed once, and once more where only the secret was wrong; after that the reason is the
/// error.
pub fn is_final(prompt: &Prompt) -> bool {
    match &prompt.kind {
        PromptKind::Keys { why, .. } => match why {
            WhyKeys::Refused => true,
            WhyKeys::SecretMismatch => prompt.attempt > 2,
            WhyKeys::Missing | WhyKeys::Revoked | WhyKeys::Asked => false,
        },
        PromptKind::Mfa { .. }
        | PromptKind::KeyringPassphrase { .. }
        | PromptKind::OtherUser { .. }
        | PromptKind::Paste { .. }
        | PromptKind::Program { .. }
        | PromptKind::Browser { .. } => false,
    }
}

/// One of several choices.
pub fn select<T: Display>(
    question: &str,
    mut choices: Vec<T>,
    terminal: Terminal,
) -> Result<T, Unanswered> {
    let chosen = choose(question, &names(&choices), HowMany::One, terminal)?;
    Ok(choices.swap_remove(chosen[0]))
}

/// Any number of several choices.
pub fn select_several<T: Display>(
    question: &str,
    choices: Vec<T>,
    terminal: Terminal,
) -> Result<Vec<T>, Unanswered> {
    let chosen = choose(question, &names(&choices), HowMany::Any, terminal)?;
    let choices = choices.into_iter().enumerate();
    let chosen = choices.filter(|(at, _)| chosen.contains(at));
    Ok(chosen.map(|(_, choice)| choice).collect())
}

fn names(choices: &[impl Display]) -> Vec<String> {
    let names = choices.iter().map(|choice| one_line(&choice.to_string()));
    names.collect()
}

pub fn text(field: &Field<'_>, terminal: Terminal) -> Result<Zeroizing<String>, Unanswered> {
    let mut form = Form {
        terminal,
        browser: None,
        is_wanted: &mut || true,
    };
    form.text(field)
}

/// Enter alone is no.
pub fn confirm(question: &str, terminal: Terminal) -> Result<bool, Unanswered> {
    let field = Field {
        question: &format!("{question} (y/N)"),
        help: "",
        initial: "",
        address: None,
        shown: Shown::Plain,
        check: |text| match text.trim() {
            "" => Ok(()),
            text => yes_or_no(text),
        },
        warning: |_| None,
    };
    Ok(is_yes(&text(&field, terminal)?))
}

fn why_keys(why: WhyKeys, identity: &str) -> Vec<String> {
    let required = format!("AWS credentials are required for identity: {identity}");
    match why {
        WhyKeys::Missing => vec![required],
        WhyKeys::Revoked => vec![
            format!("AWS no longer accepts the stored keys of {identity}"),
            required,
        ],
        WhyKeys::SecretMismatch => {
            vec!["The secret does not belong to this key id; enter both again".to_owned()]
        }
        WhyKeys::Refused => vec!["These keys were not accepted".to_owned()],
        WhyKeys::Asked => vec![format!("AWS credentials for identity: {identity}")],
    }
}

fn keys(
    mfa_arn: Option<&MfaArn>,
    duration: Option<SessionDuration>,
    form: &mut Form<'_>,
) -> Result<TypedKeys, Unanswered> {
    let plain = Field {
        question: "Access Key ID:",
        help: "",
        initial: "",
        address: None,
        // What was pasted may hold the secret.
        shown: Shown::UntilEnter(key_id_of),
        check: pasted::access_key_id,
        warning: |_| None,
    };
    let typed = form.text(&plain)?;
    let (access_key_id, secret) = match pasted::keys(&typed) {
        Ok(pair) => (pair.access_key_id, pair.secret_access_key),
        Err(_) => (key_id_of(&typed), secret_access_key(form)?),
    };
    let mfa_arn = Field {
        question: "MFA ARN (optional):",
        help: "arn:aws:iam::123456789012:mfa/kim, or empty if there is no MFA device",
        initial: mfa_arn.map_or("", MfaArn::as_str),
        address: None,
        shown: Shown::Plain,
        check: form::mfa_arn,
        warning: |_| None,
    };
    let mfa_arn = form.text(&mfa_arn)?;
    let duration = duration
        .map(|duration| duration.to_string())
        .unwrap_or_default();
    let duration = Field {
        question: "Session Duration (optional):",
        help: "15m to 36h; empty for 12h",
        initial: &duration,
        address: None,
        shown: Shown::Plain,
        check: form::session_duration,
        warning: form::duration_warning,
    };
    let duration = form.text(&duration)?;
    Ok(TypedKeys {
        access_key_id,
        secret_access_key: secret,
        mfa_arn: Some(mfa_arn.as_str().to_owned()),
        session_duration: Some(duration.as_str().to_owned()),
        file: None,
    })
}

fn key_id_of(text: &str) -> String {
    match pasted::keys(text) {
        Ok(pair) => pair.access_key_id,
        Err(_) => pasted::value(text, "AWS_ACCESS_KEY_ID").to_string(),
    }
}

fn secret_access_key(form: &mut Form<'_>) -> Result<Secret, Unanswered> {
    let field = Field {
        question: "Secret Access Key:",
        help: "",
        initial: "",
        address: None,
        shown: Shown::Masked,
        check: form::required,
        warning: |_| None,
    };
    let typed = form.text(&field)?;
    let secret = pasted::value(&typed, "AWS_SECRET_ACCESS_KEY");
    Ok(Secret::new(secret.as_str()))
}

fn mfa_code(identity: &str, device: &MfaArn, form: &mut Form<'_>) -> Result<String, Unanswered> {
    let field = Field {
        question: &format!("MFA code for {identity}:"),
        help: &format!("six digits from {}", device.as_str()),
        initial: "",
        address: None,
        shown: Shown::Plain,
        check: form::mfa_code,
        warning: |_| None,
    };
    Ok(form.text(&field)?.trim().to_owned())
}

fn other_user_lines(identity: &str, users: [&str; 2], by: OtherUserBy) -> [String; 2] {
    let [stored, given] = users;
    match by {
        OtherUserBy::Keys => [
            format!("These keys belong to {given}"),
            format!("The keys stored for {identity} belong to {stored}"),
        ],
        OtherUserBy::SignIn => [
            format!("The browser signed in as {given}"),
            format!("The last sign-in to {identity} was as {stored}"),
        ],
    }
}

fn paste_lines(identity: &str, why: Option<&str>) -> Vec<String> {
    let why = why.map(|why| format!("The sign-in goes by a code, because {why}"));
    let what = format!(
        "To sign in to {identity}, open this address in a browser on any device, and copy the code \
         that it ends with:"
    );
    why.into_iter().chain([what]).collect()
}

fn code_of_the_page(address: &str, form: &mut Form<'_>) -> Result<Secret, Unanswered> {
    let field = Field {
        question: "The code that the page shows:",
        help: TAB_COPIES,
        initial: "",
        address: Some(address),
        shown: Shown::Masked,
        check: form::required,
        warning: |_| None,
    };
    Ok(Secret::new(form.text(&field)?.as_str()))
}

fn other_user(identity: &str, by: OtherUserBy, form: &mut Form<'_>) -> Result<Answer, Unanswered> {
    let question = match by {
        OtherUserBy::Keys => format!("Store them for {identity} all the same? (yes/no)"),
        OtherUserBy::SignIn => format!("Use it for {identity} all the same? (yes/no)"),
    };
    let field = Field {
        question: &question,
        help: "the sessions of the other user are dropped",
        initial: "",
        address: None,
        shown: Shown::Plain,
        check: yes_or_no,
        warning: |_| None,
    };
    if is_yes(&form.text(&field)?) {
        Ok(Answer::Confirmed)
    } else {
        Err(Unanswered::Closed)
    }
}

fn yes_or_no(text: &str) -> Result<(), String> {
    let is_no = ["no", "n"].contains(&text.trim().to_lowercase().as_str());
    if is_no || is_yes(text) {
        Ok(())
    } else {
        Err("enter yes or no".to_owned())
    }
}

fn is_yes(text: &str) -> bool {
    ["yes", "y"].contains(&text.trim().to_lowercase().as_str())
}

fn passphrase(
    path: &str,
    purpose: PassphraseUse,
    form: &mut Form<'_>,
) -> Result<Secret, Unanswered> {
    let path = one_line(path);
    let field = |question| Field {
        question,
        help: "",
        initial: "",
        address: None,
        shown: Shown::Masked,
        check: form::required,
        warning: |_| None,
    };
    let first = match purpose {
        PassphraseUse::New => format!("New passphrase for the keyring {path}:"),
        PassphraseUse::Existing => format!("Passphrase for the keyring {path}:"),
    };
    loop {
        let typed = form.text(&field(&first))?;
        if purpose == PassphraseUse::Existing || form.text(&field("Repeat passphrase:"))? == typed {
            return Ok(Secret::new(typed.as_str()));
        }
        form.terminal
            .warn("the two are not the same; enter it again");
    }
}

impl Unanswered {
    /// `closed` is the message where the form was closed.
    pub fn stop(self, closed: &str) -> Stop {
        match self {
            Unanswered::Closed => Error::new(Code::Cancelled, closed).into(),
            Unanswered::Interrupted => Stop::Interrupted,
            Unanswered::Failed(error) => error.into(),
            Unanswered::Overtaken => Error::new(Code::Cancelled, closed).into(),
        }
    }
}

impl From<NoLine> for Unanswered {
    fn from(none: NoLine) -> Unanswered {
        match none {
            NoLine::Closed => Unanswered::Closed,
            NoLine::Interrupted => Unanswered::Interrupted,
            NoLine::Failed(error) => cannot_show(&error),
            NoLine::Overtaken => Unanswered::Overtaken,
        }
    }
}

fn cannot_show(cause: &dyn Display) -> Unanswered {
    Unanswered::Failed(
        Error::new(
            Code::PersonNeeded,
            format!("the terminal cannot show a form: {cause}"),
        )
        .hint("use `--no-input`, and pass the answers as options"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_for_revoked_keys_says_why_it_is_shown() {
        let lines = why_keys(WhyKeys::Revoked, "kim");
        assert_eq!(lines.len(), 2);
        assert!(lines[0].contains("no longer accepts"), "{lines:?}");
        assert_eq!(lines[1], "AWS credentials are required for identity: kim");
    }
}
