//! Keys and sessions, whole, and the [`Secret`] in them: wiped after use, never shown, never
//! serialized by itself. Values move whole.

use crate::duration::SessionDuration;
use crate::duration::time_left;
use crate::error::{Code, Error, Result};
use crate::foreign::Foreign;
use crate::hardening;
use crate::ids::{AccessKeyId, AccountId, MfaArn, is_placeholder};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::{Duration, SystemTime};
use zeroize::Zeroizing;

/// Text that must not be seen: wiped after use, kept out of swap where the system allows it, never
/// printed by `Debug`, never serialized by itself. [`Secret::expose`] is called where it must
/// leave: `aws`, `store`, and the renderers.
#[derive(PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

/// A copy lies elsewhere, and is kept out of swap as well.
impl Clone for Secret {
    fn clone(&self) -> Secret {
        Secret::new(self.expose())
    }
}

impl Secret {
    pub fn new(text: impl Into<String>) -> Secret {
        let text = Zeroizing::new(text.into());
        hardening::keep_out_of_swap(text.as_bytes());
        Secret(text)
    }

    pub fn expose(&self) -> &str {
        &self.0
    }

    /// How long it is, in characters: what a form shows in its place.
    pub fn length(&self) -> u32 {
        u32::try_from(self.0.chars().count()).unwrap_or(u32::MAX)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A part of credentials, whatever it came from: it can neither end a line of a file, a header or a
/// variable, nor grow without a limit.
macro_rules! credential {
    ($(#[$doc:meta])* $type:ident $noun:literal $longest:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $type(Secret);

        impl $type {
            /// Without the white space around it. An error never quotes it.
            pub fn parse(text: &str) -> Result<$type> {
                checked(text, $noun, $longest).map($type)
            }

            pub fn expose(&self) -> &str {
                self.0.expose()
            }
        }

        impl TryFrom<&Secret> for $type {
            type Error = Error;
            fn try_from(text: &Secret) -> Result<$type> {
                $type::parse(text.expose())
            }
        }

        impl From<$type> for Secret {
            fn from(it: $type) -> Secret {
                it.0
            }
        }
    };
}

credential! {
    /// AWS's have 40 characters.
    SecretAccessKey "the secret access key" 256
}
credential! {
    /// AWS sets no limit; its own have some kilobytes. A database token signed with it has room for
    /// three times as many, and the signer for 64 KiB.
    SessionToken "the session token" 16384
}

fn checked(text: &str, noun: &str, longest: usize) -> Result<Secret> {
    let text = text.trim();
    let why = if text.is_empty() {
        "is empty".to_owned()
    } else if is_placeholder(text) {
        "is a placeholder".to_owned()
    } else if text.len() > longest {
        format!("is longer than {longest} characters")
    } else if !text.bytes().all(|b| b.is_ascii_graphic()) {
        "holds a space, a line end or another character that none has".to_owned()
    } else {
        return Ok(Secret::new(text));
    };
    Err(Error::new(Code::InvalidInput, format!("{noun} {why}")))
}

/// The one place where a secret is written into a message between processes (`#[serde(with = …)]`).
pub mod on_the_wire {
    use super::Secret;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.expose())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        String::deserialize(deserializer).map(Secret::new)
    }

    pub mod optional {
        use super::{Deserialize, Deserializer, Secret, Serializer};

        pub fn serialize<S: Serializer>(
            secret: &Option<Secret>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            match secret {
                Some(secret) => serializer.serialize_some(secret.expose()),
                None => serializer.serialize_none(),
            }
        }

        pub fn deserialize<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Option<Secret>, D::Error> {
            Ok(Option::<String>::deserialize(deserializer)?.map(Secret::new))
        }
    }
}

/// An access key pair, long-lived or of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    pub access_key_id: AccessKeyId,
    pub secret_access_key: SecretAccessKey,
}

/// What the keyring keeps for an IAM user. A rotation or recovery replaces `keys` and leaves the
/// rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LongLived {
    /// `None` after the keys were revoked and cleared: the rest stays to prefill the form.
    pub keys: Option<Keys>,
    pub mfa_arn: Option<MfaArn>,
    pub session_duration: Option<SessionDuration>,
    /// As STS said when the keys were checked; `None` when they were stored unchecked.
    pub account: Option<AccountId>,
    pub principal: Option<Foreign>,
    /// The file that the keys were read from: it is worth nothing once a rotation replaced them.
    pub file: Option<String>,
}

impl LongLived {
    /// What it holds, in words and without a secret.
    pub fn summary(&self) -> String {
        let parts = [
            self.keys
                .as_ref()
                .map(|keys| format!("access key {}", keys.access_key_id)),
            self.mfa_arn.as_ref().map(|_| "MFA device".to_owned()),
            self.session_duration
                .map(|duration| format!("session duration {duration}")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if parts.is_empty() {
            return "no access key".to_owned();
        }
        parts.join(", ")
    }
}

/// Where credentials came from; always shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    Keyring,
    Configuration,
    Environment,
    ContainerRole,
    InstanceRole,
    Process,
    /// Typed a moment ago, not stored yet.
    Typed,
    IdentityCenter,
    /// `aws/login`.
    ConsoleSignIn,
    WebIdentity,
    Saml,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Origin::Keyring => "keyring",
            Origin::Configuration => "configuration",
            Origin::Environment => "environment",
            Origin::ContainerRole => "container role",
            Origin::InstanceRole => "instance role",
            Origin::Process => "process",
            Origin::Typed => "form",
            Origin::IdentityCenter => "IAM Identity Center",
            Origin::ConsoleSignIn => "AWS console sign-in",
            Origin::WebIdentity => "web identity token",
            Origin::Saml => "SAML assertion",
        })
    }
}

/// Temporary credentials, whole, as they are signed with, stored and handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub keys: Keys,
    /// `None` only for explicit keys found by `aws/ambient` or printed by an `aws/process` program.
    pub token: Option<SessionToken>,
    pub issued_at: SystemTime,
    /// AWS's own `Expiration`.
    pub expires_at: SystemTime,
    /// The ARN AWS named, where the call that made the session names one.
    pub principal: Option<Foreign>,
    pub account: Option<AccountId>,
    /// Where the credentials at the start of the chain came from.
    pub origin: Origin,
}

impl Session {
    /// Usable: before its expiry.
    pub fn is_usable(&self, now: SystemTime) -> bool {
        !time_left(self.expires_at, now).is_zero()
    }

    /// How long the session was made to last.
    pub fn life(&self) -> Duration {
        time_left(self.expires_at, self.issued_at)
    }
}

/// What a person did at a provider, whole: the token that sessions are made with, and its own end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// The console's gives each session once, and another token with it.
    pub token: Secret,
    pub issued_at: SystemTime,
    pub expires_at: SystemTime,
    /// Gives another token without a person, once.
    pub refresh_token: Option<Secret>,
}

impl SignIn {
    pub fn is_usable(&self, now: SystemTime) -> bool {
        !time_left(self.expires_at, now).is_zero()
    }

    /// How long it was made to last.
    pub fn life(&self) -> Duration {
        time_left(self.expires_at, self.issued_at)
    }
}

/// This program, as the service that a person signs in at knows it: registered by an IAM Identity
/// Center; at the console one of AWS's own clients, with a key of its own for each sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientRegistration {
    pub id: String,
    /// Which the service made; of the console's, the private key, PKCS #8 in Base64.
    pub secret: Secret,
    pub expires_at: SystemTime,
    pub flow: OidcFlow,
    /// What tokens of it are good for.
    pub scope: String,
}

/// How a browser's sign-in comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OidcFlow {
    /// The browser is sent to a port of this machine.
    Redirect,
    /// A person carries a code between any browser and this program.
    DeviceCode,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_itself() {
        let secret = Secret::new("wJalrXUtnFEMI");
        assert!(!format!("{secret:?}").contains("wJal"));
        let id = AccessKeyId::parse("AKIAIOSFODNN7EXAMPLE").expect("a key id");
        assert_eq!(format!("{id} {id:?}"), "AKIA…MPLE AKIA…MPLE");
    }
}
