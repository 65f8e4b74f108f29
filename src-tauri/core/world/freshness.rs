//! When a session is due for renewal. Pure: time is a parameter, and the caller does what is to be
//! done.

use crate::duration::time_left;
use crate::secret::{Session, SignIn};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, SystemTime};

/// The AWS SDKs ask again when 15 minutes are left; a minute more lets a renewal finish before they
/// do.
const SDK_MARGIN: Duration = Duration::from_secs(16 * 60);
/// Sessions shorter than this are renewed in their last quarter: 16 minutes would be most of their
/// life.
const SHORT_LIFE: Duration = Duration::from_secs(64 * 60);
/// Jitter moves the renewal up to this share of the margin earlier, never later.
const JITTER_SHARE: u32 = 10;
/// The pause after the first failed renewal, and the least between any two; it doubles with every
/// further failure.
pub const SHORTEST_PAUSE: Duration = Duration::from_secs(2);
pub const LONGEST_PAUSE: Duration = Duration::from_secs(5 * 60);
/// The last try before the end comes no later than this before it.
pub const LAST_TRY: Duration = Duration::from_secs(30);
/// Renewals that fail for less than this alarm no user, counted from the first failure or from
/// waking: the network comes back a moment after the lid is opened.
pub const GRACE: Duration = Duration::from_secs(60);

/// How long before its end a session of this life is renewed.
pub fn margin(life: Duration) -> Duration {
    let quarter = life / 4;
    if life < SHORT_LIFE {
        quarter
    } else {
        quarter.max(SDK_MARGIN)
    }
}

/// The moment a session becomes due. The jitter is the session's own, so that it does not flicker
/// between callers.
pub fn due_at(session: &Session) -> SystemTime {
    let margin = margin(session.life());
    let jitter = thousandths(margin / JITTER_SHARE, &session.keys.access_key_id);
    session
        .expires_at
        .checked_sub(margin + jitter)
        .unwrap_or(session.issued_at)
}

/// How long to wait after so many failures in a row, at least half of it jitter's to give: those
/// that failed together do not come back together.
pub fn pause(failures: u32, seed: u64) -> Duration {
    let doublings = failures.saturating_sub(1).min(8);
    let longest = (SHORTEST_PAUSE * 2_u32.pow(doublings)).min(LONGEST_PAUSE);
    (longest / 2 + thousandths(longest / 2, (seed, failures))).max(SHORTEST_PAUSE)
}

/// A part of `whole` that depends on nothing but `seed`.
fn thousandths(whole: Duration, seed: impl Hash) -> Duration {
    whole * u32::try_from(hash(seed) % 1000).unwrap_or_default() / 1000
}

pub fn hash(seed: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    seed.hash(&mut hasher);
    hasher.finish()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    Fresh,
    /// Usable, and time to renew.
    Due,
    Expired,
}

pub fn freshness(session: &Session, now: SystemTime) -> Freshness {
    if time_left(session.expires_at, now).is_zero() {
        Freshness::Expired
    } else if now >= due_at(session) {
        Freshness::Due
    } else {
        Freshness::Fresh
    }
}

/// Renewed as a session is; without jitter, as its lock lets one process do it.
pub fn sign_in_freshness(sign_in: &SignIn, now: SystemTime) -> Freshness {
    let left = time_left(sign_in.expires_at, now);
    if left.is_zero() {
        Freshness::Expired
    } else if left <= margin(sign_in.life()) {
        Freshness::Due
    } else {
        Freshness::Fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::AccessKeyId;
    use crate::secret::{Keys, Origin, SecretAccessKey, SessionToken};

    fn session(life: Duration) -> Session {
        let issued_at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        Session {
            keys: Keys {
                access_key_id: AccessKeyId::parse("ASIAIOSFODNN7EXAMPLE").expect("a key id"),
                secret_access_key: SecretAccessKey::parse("s").expect("a secret"),
            },
            token: Some(SessionToken::parse("t").expect("a token")),
            issued_at,
            expires_at: issued_at + life,
            principal: None,
            account: None,
            origin: Origin::Keyring,
        }
    }

    #[test]
    fn the_margin_is_a_quarter_of_the_life_and_for_long_ones_at_least_sixteen_minutes() {
        let minutes = |n: u64| Duration::from_secs(n * 60);
        assert_eq!(margin(minutes(15)), Duration::from_secs(3 * 60 + 45));
        assert_eq!(margin(minutes(60)), minutes(15));
        assert_eq!(margin(minutes(64)), minutes(16));
        assert_eq!(margin(minutes(12 * 60)), minutes(180));
        assert_eq!(margin(minutes(36 * 60)), minutes(9 * 60));
    }

    #[test]
    fn a_session_is_due_at_its_margin_or_up_to_a_tenth_of_it_earlier_and_expired_at_its_end() {
        let session = session(Duration::from_secs(3600));
        let end = session.expires_at;
        let margin = Duration::from_secs(900);
        assert!(due_at(&session) <= end - margin);
        assert!(due_at(&session) >= end - margin - margin / 10);
        assert_eq!(freshness(&session, session.issued_at), Freshness::Fresh);
        assert_eq!(freshness(&session, end - margin), Freshness::Due);
        assert_eq!(
            freshness(&session, end - Duration::from_secs(1)),
            Freshness::Due
        );
        assert_eq!(freshness(&session, end), Freshness::Expired);
    }
}
