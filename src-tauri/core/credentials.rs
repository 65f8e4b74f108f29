//! Keys, sessions and durations: what they are, how long they may last (one table), what is usable
//! at a moment. Values move whole. Nothing here reads, writes or asks anybody.

use crate::error::{Code, Error, Result};
use crate::hardening;
use serde::{Deserialize, Serialize};
use specta::Type;
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};
use zeroize::Zeroizing;

/// Text that must not be seen: wiped after use, kept out of swap where the system allows it, never
/// printed by `Debug`, never serialized by itself. [`Secret::expose`] is called where it must
/// leave: `aws`, `store`, and the renderers.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

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

    /// A secret access key as somebody typed or pasted it: without the white space around it, and
    /// not a blank.
    pub fn as_typed(&self) -> Result<Secret> {
        let text = self.0.trim();
        let what = match text {
            "" => "empty",
            _ if is_placeholder(text) => "a placeholder",
            _ => return Ok(Secret::new(text)),
        };
        Err(Error::new(
            Code::InvalidInput,
            format!("the secret access key is {what}"),
        ))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
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

/// A point in time in a message between processes: RFC 3339 text, UTC, to the nanosecond
/// (`#[serde(with = …)]`).
pub mod moment {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};
    use std::time::SystemTime;

    /// Fails beyond the year 9999: nothing that is stored ends there.
    pub fn serialize<S: Serializer>(moment: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
        Timestamp::try_from(*moment)
            .map_err(ser::Error::custom)?
            .serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
        Timestamp::deserialize(deserializer).map(SystemTime::from)
    }

    pub mod optional {
        use super::{Deserialize, Deserializer, Serializer, SystemTime, Timestamp};

        pub fn serialize<S: Serializer>(
            moment: &Option<SystemTime>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            match moment {
                Some(moment) => super::serialize(moment, serializer),
                None => serializer.serialize_none(),
            }
        }

        pub fn deserialize<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Option<SystemTime>, D::Error> {
            Ok(Option::<Timestamp>::deserialize(deserializer)?.map(SystemTime::from))
        }
    }
}

/// `AKIA…` (long-lived) or `ASIA…` (of a session). Shown shortened; the whole id is needed only
/// where it is sent, stored or typed.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccessKeyId(String);

impl AccessKeyId {
    /// IAM's own pattern is `[\w]{16,128}`.
    pub fn parse(text: &str) -> Result<AccessKeyId> {
        let text = text.trim();
        let refuse = |why: &str| {
            Err(Error::new(Code::InvalidInput, format!("the access key id {why}"))
                .hint("an access key id looks like AKIAIOSFODNN7EXAMPLE: 16 to 128 letters and digits"))
        };
        if text.is_empty() {
            return refuse("is empty");
        }
        if is_placeholder(text) {
            return refuse("is a placeholder");
        }
        if !(16..=128).contains(&text.len())
            || !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        {
            return refuse("is not one");
        }
        Ok(AccessKeyId(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `ASIA…` ids work only together with a session token; they are never long-lived keys.
    pub fn is_of_a_session(&self) -> bool {
        self.0.starts_with("ASIA")
    }
}

impl fmt::Display for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…{}", &self.0[..4], &self.0[self.0.len() - 4..])
    }
}

impl fmt::Debug for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What people leave in a file or variable when they have no key yet. Never sent to AWS.
pub fn is_placeholder(text: &str) -> bool {
    let text = text.trim().to_ascii_lowercase();
    let filler = |rest: &str| {
        !rest.is_empty() && rest.bytes().all(|b| matches!(b, b'x' | b'*' | b'.' | b'0'))
    };
    matches!(
        text.as_str(),
        "changeme"
            | "change-me"
            | "change_me"
            | "placeholder"
            | "dummy"
            | "todo"
            | "none"
            | "null"
            | "fixme"
            | "replace-me"
    ) || filler(&text)
        || ["akia", "asia"]
            .iter()
            .any(|prefix| text.strip_prefix(prefix).is_some_and(filler))
        || (text.starts_with('<') && text.ends_with('>'))
        || (text.starts_with("your") && text.contains("key"))
}

/// An access key pair, long-lived or of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    pub access_key_id: AccessKeyId,
    pub secret_access_key: Secret,
}

/// What the keyring keeps for an IAM user. A rotation or recovery replaces `keys` and leaves the
/// rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LongLived {
    /// `None` after the keys were revoked and cleared: the rest stays to prefill the form.
    pub keys: Option<Keys>,
    pub mfa_arn: Option<MfaArn>,
    pub session_duration: Option<SessionDuration>,
    /// As STS told when the keys were checked; `None` when they were stored unchecked.
    pub account: Option<AccountId>,
    pub principal: Option<String>,
}

/// The serial number of an MFA device: an ARN, or the serial of a hardware device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(try_from = "String", into = "String")]
pub struct MfaArn(String);

impl MfaArn {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MfaArn {
    type Err = Error;

    /// AWS's own pattern for SerialNumber is `[\w+=/:,.@-]{9,256}`.
    fn from_str(text: &str) -> Result<MfaArn> {
        let text = text.trim();
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_+=/:,.@-".contains(&b);
        let arn_like =
            !text.contains(':') || (text.starts_with("arn:aws") && text.contains(":mfa/"));
        if (9..=256).contains(&text.len()) && text.bytes().all(allowed) && arn_like {
            Ok(MfaArn(text.to_owned()))
        } else {
            Err(Error::new(
                Code::InvalidInput,
                format!("`{}` is not an MFA ARN", shorten(text)),
            )
            .hint("an MFA ARN looks like arn:aws:iam::123456789012:mfa/kim"))
        }
    }
}

impl TryFrom<String> for MfaArn {
    type Error = Error;
    fn try_from(text: String) -> Result<MfaArn> {
        text.parse()
    }
}

impl From<MfaArn> for String {
    fn from(arn: MfaArn) -> String {
        arn.0
    }
}

/// Twelve digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId(String);

impl AccountId {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The account named in an ARN, when it names one.
    pub fn of_arn(arn: &str) -> Option<AccountId> {
        arn.split(':').nth(4)?.parse().ok()
    }
}

impl FromStr for AccountId {
    type Err = Error;
    fn from_str(text: &str) -> Result<AccountId> {
        if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
            Ok(AccountId(text.to_owned()))
        } else {
            Err(Error::new(
                Code::InvalidInput,
                format!(
                    "`{}` is not an account id: it has twelve digits",
                    shorten(text)
                ),
            ))
        }
    }
}

impl TryFrom<String> for AccountId {
    type Error = Error;
    fn try_from(text: String) -> Result<AccountId> {
        text.parse()
    }
}

impl From<AccountId> for String {
    fn from(id: AccountId) -> String {
        id.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Input quoted back in a message: bounded, on one line, and unable to rearrange the text around
/// it.
pub fn shorten(text: &str) -> String {
    shorten_to(60, text)
}

/// As [`shorten`], to so many characters.
pub fn shorten_to(longest: usize, text: &str) -> String {
    let reorders = |c| matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let shown = |c: char| {
        if c.is_control() || reorders(c) {
            '\u{fffd}'
        } else {
            c
        }
    };
    let mut short: String = text.chars().take(longest).map(shown).collect();
    if text.chars().nth(longest).is_some() {
        short.push('…');
    }
    short
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
        })
    }
}

/// Temporary credentials, whole, as they are signed with, stored and handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub keys: Keys,
    /// `None` only for explicit keys found by `aws/ambient` or printed by an `aws/process` program.
    pub token: Option<Secret>,
    pub issued_at: SystemTime,
    /// AWS's own `Expiration`.
    pub expires_at: SystemTime,
    /// The ARN AWS named, where the call that made the session names one.
    pub principal: Option<String>,
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

/// The one place where time left is computed; zero once it is over.
pub fn time_left(expires_at: SystemTime, now: SystemTime) -> Duration {
    expires_at.duration_since(now).unwrap_or(Duration::ZERO)
}

/// A time left as people read it, in its two largest units: `35h 59m`, `14m`, `9s`.
pub fn in_units(left: Duration) -> String {
    let seconds = left.as_secs();
    match (seconds / 3600, seconds % 3600 / 60) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m"),
        (hours, minutes) => format!("{hours}h {minutes}m"),
    }
}

/// How long a session shall last, in whole seconds; more than zero.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Type,
)]
#[serde(try_from = "u32", into = "u32")]
pub struct SessionDuration(u32);

impl SessionDuration {
    pub const fn seconds(self) -> u32 {
        self.0
    }

    pub fn to_duration(self) -> Duration {
        Duration::from_secs(self.0.into())
    }
}

impl TryFrom<u32> for SessionDuration {
    type Error = Error;
    fn try_from(seconds: u32) -> Result<SessionDuration> {
        if seconds == 0 {
            Err(bad_duration("0"))
        } else {
            Ok(SessionDuration(seconds))
        }
    }
}

impl From<SessionDuration> for u32 {
    fn from(duration: SessionDuration) -> u32 {
        duration.0
    }
}

fn bad_duration(text: &str) -> Error {
    Error::new(Code::InvalidInput, format!("`{}` is not a duration", shorten(text)))
        .hint("a duration is seconds (7200), or hours, minutes and days: 90m, 36h, 1h30m, 2d; more than zero")
}

impl FromStr for SessionDuration {
    type Err = Error;

    /// `7200`, `90m`, `36h`, `1h30m`, `2d`. Anything else is an error where it is written, never a
    /// silent default.
    fn from_str(text: &str) -> Result<SessionDuration> {
        let bad = || bad_duration(text);
        let text = text.trim();
        let mut total: u64 = 0;
        let mut digits = String::new();
        let mut parts = 0;
        for c in text.chars() {
            if c.is_ascii_digit() {
                digits.push(c);
                continue;
            }
            let unit: u64 = match c {
                's' => 1,
                'm' => 60,
                'h' => 3600,
                'd' => 86400,
                _ => return Err(bad()),
            };
            let count: u64 = digits.parse().map_err(|_| bad())?;
            total = count
                .checked_mul(unit)
                .and_then(|part| total.checked_add(part))
                .ok_or_else(bad)?;
            digits.clear();
            parts += 1;
        }
        if !digits.is_empty() {
            if parts > 0 {
                return Err(bad());
            }
            total = digits.parse().map_err(|_| bad())?;
        }
        u32::try_from(total)
            .ok()
            .and_then(|seconds| SessionDuration::try_from(seconds).ok())
            .ok_or_else(bad)
    }
}

impl fmt::Display for SessionDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hours, minutes, seconds) = (self.0 / 3600, self.0 % 3600 / 60, self.0 % 60);
        match (hours, minutes, seconds) {
            (h, 0, 0) if h > 0 => write!(f, "{h}h"),
            (h, m, 0) if h > 0 => write!(f, "{h}h{m}m"),
            (0, m, 0) => write!(f, "{m}m"),
            _ => write!(f, "{}s", self.0),
        }
    }
}

/// What bounds a session's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SessionKind {
    IamUser,
    AssumedRole,
    /// A role assumed with a role's session.
    ChainedRole,
    AssumeRoot,
    FederatedUser,
    RdsAuthToken,
}

/// Seconds: shortest, longest, default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub shortest: u32,
    pub longest: u32,
    pub default: u32,
}

impl SessionKind {
    /// The one table of limits. Source: AWS STS API reference (`GetSessionToken`, `AssumeRole`,
    /// `AssumeRoot`, `GetFederationToken`, parameter `DurationSeconds`), IAM user guide ("role
    /// chaining"), RDS user guide (IAM authentication).
    pub const fn limits(self) -> Limits {
        const MINUTE: u32 = 60;
        const HOUR: u32 = 3600;
        let (shortest, longest, default) = match self {
            SessionKind::IamUser | SessionKind::FederatedUser => {
                (15 * MINUTE, 36 * HOUR, 12 * HOUR)
            }
            SessionKind::AssumedRole => (15 * MINUTE, 12 * HOUR, HOUR),
            SessionKind::ChainedRole => (15 * MINUTE, HOUR, HOUR),
            SessionKind::AssumeRoot | SessionKind::RdsAuthToken => {
                (15 * MINUTE, 15 * MINUTE, 15 * MINUTE)
            }
        };
        Limits {
            shortest,
            longest,
            default,
        }
    }

    pub fn noun(self) -> &'static str {
        match self {
            SessionKind::IamUser => "an IAM user's session",
            SessionKind::AssumedRole => "a role session",
            SessionKind::ChainedRole => "a role assumed from a role",
            SessionKind::AssumeRoot => "a root session",
            SessionKind::FederatedUser => "a federated user's session",
            SessionKind::RdsAuthToken => "an RDS auth token",
        }
    }

    /// Moves a duration into the limits; the warning names both numbers.
    pub fn bound(self, asked: Option<SessionDuration>) -> (SessionDuration, Option<String>) {
        let Limits {
            shortest,
            longest,
            default,
        } = self.limits();
        let Some(asked) = asked else {
            return (SessionDuration(default), None);
        };
        let bounded = SessionDuration(asked.0.clamp(shortest, longest));
        let warning = (bounded != asked).then(|| {
            let limit = if bounded < asked {
                "at most"
            } else {
                "at least"
            };
            format!(
                "{} lasts {limit} {bounded}: {asked} was asked for, {bounded} is used",
                self.noun()
            )
        });
        (bounded, warning)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_written_or_refused() {
        for (text, seconds) in [
            ("7200", 7200),
            ("90m", 5400),
            ("36h", 129_600),
            ("1h30m", 5400),
            ("2d", 172_800),
            ("2160m", 129_600),
        ] {
            assert_eq!(
                text.parse::<SessionDuration>()
                    .map(SessionDuration::seconds),
                Ok(seconds),
                "{text}"
            );
        }
        for text in [
            "0",
            "-1h",
            "12x",
            "",
            "h",
            "1h30",
            "99999999999999d",
            "1 h",
            "0m",
            "１h",
        ] {
            let error = text.parse::<SessionDuration>().expect_err(text);
            assert_eq!(error.code, Code::InvalidInput, "{text}");
        }
    }

    #[test]
    fn a_duration_outside_its_limits_is_moved_to_the_limit_with_a_warning_that_names_both() {
        let bound = |kind: SessionKind, text: &str| {
            let (duration, warning) = kind.bound(Some(text.parse().expect("a duration")));
            (duration.seconds(), warning)
        };
        assert_eq!(SessionKind::IamUser.bound(None).0.seconds(), 43_200);
        assert_eq!(bound(SessionKind::IamUser, "36h"), (129_600, None));
        let (seconds, warning) = bound(SessionKind::IamUser, "48h");
        assert_eq!(seconds, 129_600);
        let warning = warning.expect("a warning");
        assert!(
            warning.contains("48h") && warning.contains("36h"),
            "{warning}"
        );
        assert_eq!(bound(SessionKind::IamUser, "5m").0, 900);
        assert_eq!(bound(SessionKind::AssumedRole, "45m"), (2700, None));
        let (seconds, warning) = bound(SessionKind::ChainedRole, "4h");
        assert_eq!((seconds, warning.is_some()), (3600, true));
    }

    #[test]
    fn time_left_is_told_in_at_most_two_units() {
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (3599, "59m"),
            (3600, "1h 0m"),
            (129_600, "36h 0m"),
        ] {
            assert_eq!(in_units(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn placeholders_are_recognised_and_real_keys_are_not() {
        for text in [
            "changeme",
            "xxx",
            "AKIAXXXXXXXXXXXXXXXX",
            "XXXX",
            "<your key>",
            "YOUR_ACCESS_KEY",
            "****",
        ] {
            assert!(is_placeholder(text), "{text}");
        }
        for text in [
            "AKIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "",
        ] {
            assert!(!is_placeholder(text), "{text}");
        }
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        let secret = Secret::new("wJalrXUtnFEMI");
        assert!(!format!("{secret:?}").contains("wJal"));
        let id = AccessKeyId::parse("AKIAIOSFODNN7EXAMPLE").expect("a key id");
        assert_eq!(format!("{id} {id:?}"), "AKIA…MPLE AKIA…MPLE");
    }
}
