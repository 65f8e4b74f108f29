//! Every failure a person can act on: a code from a closed list, a message that names the thing,
//! hints that name the remedy. Cut by remedy: a code exists only if a caller acts on it
//! differently. Rendering is not done here.

use crate::foreign::Foreign;
pub use crate::foreign::{shorten, shorten_to};
use serde::{Deserialize, Serialize};
use std::fmt;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The closed list of codes, with what each means: one table for the type, `fob --help-errors` and
/// the JSON.
macro_rules! codes {
    ($($variant:ident $text:literal $meaning:literal)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "app", derive(specta::Type))]
        pub enum Code { $(#[doc = $meaning] #[serde(rename = $text)] $variant,)* }

        impl Code {
            pub const ALL: &[Code] = &[$(Code::$variant,)*];

            pub fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $text,)* }
            }

            pub fn meaning(self) -> &'static str {
                match self { $(Code::$variant => $meaning,)* }
            }
        }
    };
}

codes! {
    AccessDenied "access_denied" "AWS understood the request, and a policy denies it"
    AgentBusy "agent_busy" "the agent has as many connections as it takes"
    AnswerExpired "answer_expired" "credentials were handed over that had expired already"
    AwsCredentialsInvalid "aws_credentials_invalid" "AWS does not know these access keys: rotated, \
        revoked or mistyped"
    AwsError "aws_error" "AWS returned an error that has no code of its own here"
    BelongsElsewhere "belongs_elsewhere" "keys or a session of this name belong to another \
        configuration or endpoint"
    Cancelled "cancelled" "the form was closed, or Ctrl+C was pressed"
    ClockSkew "clock_skew" "the clock of this machine and AWS's disagree"
    ConfigInvalid "config_invalid" "the configuration file cannot be used; `fob validate` lists \
        every problem"
    ConfigNotFound "config_not_found" "there is no configuration file at the expected place"
    ConfigUntrusted "config_untrusted" "the configuration is not your own file, and nobody has \
        trusted it yet"
    DatabaseNotFound "database_not_found" "the configuration has no database of this name"
    DurationRefused "duration_refused" "AWS refuses a session of this duration"
    FilesUnwritable "files_unwritable" "a file or folder could not be read or written"
    IdentityNotFound "identity_not_found" "the configuration has no identity of this name"
    InvalidInput "invalid_input" "a value that was typed or passed in is not valid"
    KeyringEntryInvalid "keyring_entry_invalid" "a keyring entry exists but is not usable"
    KeyringLocked "keyring_locked" "the keyring is locked, or its passphrase is wrong or missing"
    KeyringUnavailable "keyring_unavailable" "there is no keyring service, or it does not answer"
    LockTimeout "lock_timeout" "another process held a lock file for too long"
    LogoutFailed "logout_failed" "nothing could be removed"
    MfaRefused "mfa_refused" "AWS refused the MFA code"
    Network "network" "AWS could not be reached"
    NoCredentials "no_credentials" "none of the possible sources has credentials"
    PartialLogout "partial_logout" "some things were removed and some could not be"
    PersonNeeded "person_needed" "a person has to answer, and there is no way to ask one here"
    ProcessFailed "process_failed" "a program named in the configuration failed"
    ProviderNotFound "provider_not_found" "the configuration has no provider of this name"
    RegionNotEnabled "region_not_enabled" "the account has not enabled this region; the keys \
        themselves are valid"
    SessionExpired "session_expired" "a session has expired and could not be renewed"
    SignedOut "signed_out" "the identity was signed out on purpose"
    Throttled "throttled" "AWS answers that it is overloaded or has a fault of its own; that passes"
    Unsupported "unsupported" "this kind is known, but Keyfob cannot sign in with it yet"
    Usage "usage" "the command line is wrong"
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the failure was about, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
pub struct Context {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// The step of the chain that failed: `org-admin → deploy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// AWS's own code, as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws_error_code: Option<String>,
}

/// Whether the failure would have gone away had a person been there to answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
pub enum Remedy {
    #[default]
    Fix,
    /// Exit code 3: a person is needed and there is none.
    Person,
}

/// Information for the user beside any reply: "Credentials saved to keyring: dev".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum Note {
    Info(String),
    Warning(String),
}

/// Crosses processes as `{code, message, hints, context}`; no code matches on text. Never holds a
/// secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "app", derive(specta::Type))]
#[error("{message}")]
pub struct Error {
    pub code: Code,
    pub message: String,
    #[serde(default)]
    pub hints: Vec<String>,
    #[serde(default)]
    pub context: Context,
    #[serde(default)]
    pub remedy: Remedy,
}

impl Error {
    pub fn new(code: Code, message: impl Into<String>) -> Error {
        let remedy = match code {
            Code::ConfigUntrusted | Code::PersonNeeded | Code::SignedOut => Remedy::Person,
            _ => Remedy::Fix,
        };
        Error {
            code,
            message: message.into(),
            hints: Vec::new(),
            context: Context::default(),
            remedy,
        }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Error {
        self.hints.push(hint.into());
        self
    }

    #[must_use]
    pub fn identity(mut self, name: impl fmt::Display) -> Error {
        self.context.identity = Some(name.to_string());
        self
    }

    #[must_use]
    pub fn step(mut self, step: impl Into<String>) -> Error {
        self.context.step = Some(step.into());
        self
    }

    #[must_use]
    pub fn aws_code(mut self, code: impl Into<Foreign>) -> Error {
        self.context.aws_error_code = Some(code.into().into());
        self
    }

    /// Marks that only the lack of a person made this final.
    #[must_use]
    pub fn for_want_of_a_person(mut self) -> Error {
        self.remedy = Remedy::Person;
        self
    }

    /// Exit codes: 1 failed, 2 wrong usage or configuration, 3 a person is needed, 130 Ctrl+C.
    pub fn exit_code(&self) -> u8 {
        match (self.remedy, self.code) {
            (Remedy::Person, _) | (Remedy::Fix, Code::PersonNeeded) => 3,
            (
                Remedy::Fix,
                Code::Usage | Code::ConfigInvalid | Code::ConfigNotFound | Code::InvalidInput,
            ) => 2,
            (Remedy::Fix, _) => 1,
        }
    }

    /// A file or folder that failed, with its path and the system's reason.
    pub fn file(path: &std::path::Path, doing: &str, cause: &std::io::Error) -> Error {
        let message = format!("cannot {doing} {}: {cause}", path.display());
        let error = Error::new(Code::FilesUnwritable, message);
        if cause.kind() == std::io::ErrorKind::ReadOnlyFilesystem {
            error.hint(format!("the file system is read-only: {ELSEWHERE}"))
        } else {
            error
        }
    }
}

/// Where a home folder cannot be written to.
pub const ELSEWHERE: &str = "XDG_STATE_HOME names another folder for Keyfob's state, \
                             FOB_AWS_FILES_BASE_PATH one for profiles";

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;

    #[test]
    fn a_read_only_file_system_names_the_variables_that_choose_another_folder() {
        let path = std::path::Path::new("/home/kim/.local/state/keyfob");
        let read_only = Error::file(path, "create", &ErrorKind::ReadOnlyFilesystem.into());
        assert!(
            read_only.hints[0].contains("XDG_STATE_HOME"),
            "{read_only:?}"
        );
        let denied = Error::file(path, "create", &ErrorKind::PermissionDenied.into());
        assert_eq!(denied.hints, [""; 0]);
    }
}
