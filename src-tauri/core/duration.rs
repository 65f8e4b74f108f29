//! How long sessions may last: durations as they are written, the one table of limits, and the time
//! left of a session.

use crate::error::{Code, Error, Result, shorten};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

/// The one place where time left is computed; zero once it is over.
pub fn time_left(expires_at: SystemTime, now: SystemTime) -> Duration {
    expires_at.duration_since(now).unwrap_or(Duration::ZERO)
}

/// A time left as people read it, in its two largest units: `35h 59m`, `14m`, `9s`; days once
/// there are three.
pub fn in_units(left: Duration) -> String {
    let seconds = left.as_secs();
    match (seconds / 3600, seconds % 3600 / 60) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m"),
        (hours @ 72.., _) => format!("{} days", hours / 24),
        (hours, minutes) => format!("{hours}h {minutes}m"),
    }
}

/// How long a session shall last, in whole seconds; more than zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
#[serde(try_from = "u32", into = "u32")]
pub struct SessionDuration(u32);

impl SessionDuration {
    pub const fn seconds(self) -> u32 {
        self.0
    }

    pub fn to_duration(self) -> Duration {
        Duration::from_secs(self.0.into())
    }

    /// Whether no role that is assumed with a session may last as long.
    pub fn is_too_long_for_a_chain(self) -> bool {
        self.0 > SessionKind::ChainedRole.limits().longest
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
    Error::new(
        Code::InvalidInput,
        format!("`{}` is not a duration", shorten(text)),
    )
    .hint(
        "a duration is seconds (7200), or hours, minutes and days: 90m, 36h, 1h30m, 2d; more \
            than zero",
    )
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
    /// A role assumed with a session, be it a role's or one of `GetSessionToken`.
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
            SessionKind::ChainedRole => "a role assumed with a session (role chaining)",
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
}
