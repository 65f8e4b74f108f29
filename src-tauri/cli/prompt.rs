//! Forms, drawn on stderr, with fields that are checked as they are typed. Keeps nothing of it.

use crate::terminal::{Terminal, one_line};
use inquire::ui::RenderConfig;
use inquire::validator::Validation;
use inquire::{
    Confirm, CustomUserError, InquireError, Password, PasswordDisplayMode, Select, Text,
};
use keyfob_core::agent::api::{
    Answer, MfaArn, PassphraseUse, Prompt, PromptKind, Secret, SessionDuration, TypedKeys, WhyKeys,
};
use keyfob_core::error::{Code, Error};
use keyfob_core::view::{form, pasted};
use std::fmt::Display;
use zeroize::Zeroizing;

#[derive(Debug)]
pub enum Unanswered {
    /// Esc.
    Closed,
    /// Ctrl+C.
    Interrupted,
    Failed(Error),
}

pub fn ask(prompt: &Prompt, terminal: Terminal) -> Result<Answer, Unanswered> {
    prepare(terminal);
    match &prompt.kind {
        PromptKind::Keys {
            why,
            mfa_arn,
            session_duration,
        } => {
            for line in introduction(*why, &prompt.identity) {
                terminal.announce(&line);
            }
            keys(mfa_arn.as_ref(), *session_duration).map(Answer::Keys)
        }
        PromptKind::Mfa { device, refused } => {
            if let Some(why) = refused {
                terminal.warn(why);
            }
            mfa_code(&prompt.identity, device).map(Answer::MfaCode)
        }
        PromptKind::KeyringPassphrase {
            path,
            purpose,
            refused,
        } => {
            if let Some(why) = refused {
                terminal.warn(why);
            }
            passphrase(path, *purpose).map(Answer::Passphrase)
        }
        PromptKind::Browser { address, code, .. } => Err(Unanswered::Failed(
            Error::new(
                Code::PersonNeeded,
                format!("a browser sign-in is in progress for {}", prompt.identity),
            )
            .hint(format!("enter {code} at {address}, then try again")),
        )),
    }
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
        | PromptKind::Browser { .. } => false,
    }
}

/// One of several choices.
pub fn select<T: Display>(
    question: &str,
    choices: Vec<T>,
    terminal: Terminal,
) -> Result<T, Unanswered> {
    prepare(terminal);
    Ok(Select::new(question, choices).prompt()?)
}

/// Enter alone is no.
pub fn confirm(question: &str, terminal: Terminal) -> Result<bool, Unanswered> {
    prepare(terminal);
    Ok(Confirm::new(question).with_default(false).prompt()?)
}

fn introduction(why: WhyKeys, identity: &str) -> Vec<String> {
    let required = format!("AWS credentials are required for identity: {identity}");
    match why {
        WhyKeys::Missing => vec![required],
        WhyKeys::Revoked => vec![
            format!(
                "AWS no longer accepts the stored keys of {identity}; they were cleared from the keyring"
            ),
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
) -> Result<TypedKeys, Unanswered> {
    let typed = Text::new("Access Key ID:")
        .with_validator(checked(pasted::access_key_id))
        // What was pasted may hold the secret.
        .with_formatter(&|text| key_id_of(text))
        .prompt()
        .map(Zeroizing::new)?;
    let (access_key_id, secret) = match pasted::keys(&typed) {
        Ok(pair) => (pair.access_key_id, pair.secret_access_key),
        Err(_) => (key_id_of(&typed), secret_access_key()?),
    };
    let mfa_arn = mfa_arn.map_or("", MfaArn::as_str);
    let mfa_arn = Text::new("MFA ARN (optional):")
        .with_initial_value(mfa_arn)
        .with_help_message("arn:aws:iam::123456789012:mfa/kim, or empty if there is no MFA device")
        .with_validator(checked(form::mfa_arn))
        .prompt()?;
    let duration = duration
        .map(|duration| duration.to_string())
        .unwrap_or_default();
    let duration = Text::new("Session Duration (optional):")
        .with_initial_value(&duration)
        .with_placeholder("12h")
        .with_help_message("15m to 36h; empty for 12h")
        .with_validator(checked(form::session_duration))
        .prompt()?;
    Ok(TypedKeys {
        access_key_id,
        secret_access_key: secret,
        mfa_arn: Some(mfa_arn),
        session_duration: Some(duration),
    })
}

fn key_id_of(text: &str) -> String {
    match pasted::keys(text) {
        Ok(pair) => pair.access_key_id,
        Err(_) => pasted::value(text, "AWS_ACCESS_KEY_ID").to_string(),
    }
}

fn secret_access_key() -> Result<Secret, Unanswered> {
    let typed = Password::new("Secret Access Key:")
        .with_display_mode(PasswordDisplayMode::Masked)
        .without_confirmation()
        .with_validator(checked(not_empty))
        .prompt()
        .map(Zeroizing::new)?;
    let secret = pasted::value(&typed, "AWS_SECRET_ACCESS_KEY");
    Ok(Secret::new(secret.as_str()))
}

fn mfa_code(identity: &str, device: &MfaArn) -> Result<String, Unanswered> {
    let question = format!("MFA code for {identity}:");
    let help = format!("six digits from {}", device.as_str());
    let code = Text::new(&question)
        .with_help_message(&help)
        .with_validator(checked(form::mfa_code))
        .prompt()?;
    Ok(code.trim().to_owned())
}

fn passphrase(path: &str, purpose: PassphraseUse) -> Result<Secret, Unanswered> {
    let path = one_line(path);
    let question = match purpose {
        PassphraseUse::New => format!("New passphrase for the keyring {path}:"),
        PassphraseUse::Existing => format!("Passphrase for the keyring {path}:"),
    };
    let form = Password::new(&question)
        .with_display_mode(PasswordDisplayMode::Masked)
        .with_validator(checked(not_empty));
    let form = match purpose {
        PassphraseUse::New => form.with_custom_confirmation_message("Repeat passphrase:"),
        PassphraseUse::Existing => form.without_confirmation(),
    };
    Ok(Secret::new(form.prompt()?))
}

fn prepare(terminal: Terminal) {
    let config = if terminal.colors_stderr() {
        RenderConfig::default_colored()
    } else {
        RenderConfig::empty()
    };
    inquire::set_global_render_config(config);
}

/// A check as inquire wants it: the reason is shown under the field.
fn checked(
    check: impl Fn(&str) -> Result<(), String> + Clone,
) -> impl Fn(&str) -> Result<Validation, CustomUserError> + Clone {
    move |text| {
        Ok(match check(text) {
            Ok(()) => Validation::Valid,
            Err(why) => Validation::Invalid(why.into()),
        })
    }
}

fn not_empty(text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        Err("this field is required".to_owned())
    } else {
        Ok(())
    }
}

impl From<InquireError> for Unanswered {
    fn from(error: InquireError) -> Unanswered {
        match error {
            InquireError::OperationCanceled => Unanswered::Closed,
            InquireError::OperationInterrupted => Unanswered::Interrupted,
            InquireError::NotTTY
            | InquireError::InvalidConfiguration(_)
            | InquireError::IO(_)
            | InquireError::Custom(_) => Unanswered::Failed(
                Error::new(
                    Code::PersonNeeded,
                    format!("the terminal cannot show a form: {error}"),
                )
                .hint("use `--no-input`, and pass the answers as options"),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_for_revoked_keys_says_why_it_is_shown() {
        let lines = introduction(WhyKeys::Revoked, "kim");
        assert_eq!(lines.len(), 2);
        assert!(lines[0].contains("no longer accepts"), "{lines:?}");
        assert_eq!(lines[1], "AWS credentials are required for identity: kim");
    }
}
