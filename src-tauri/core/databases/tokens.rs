//! Tokens and passwords that were given out, and whether one is handed out again, made anew or
//! refused. They live in memory only, never longer than the session that signed or read them.

use super::target::DatabaseTarget;
use crate::aws::{SignedToken, TOKEN_LIFE};
use crate::clock::Clock;
use crate::duration::time_left;
use crate::error::{Code, Error, Result};
use crate::ids::IdentityName;
use crate::secret::{Keys, Session};
use crate::sign_in::Renewal;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// A client that is given a token has at least this long to open a connection with it.
pub const REFRESH_BEFORE_EXPIRATION: Duration = Duration::from_secs(60);
/// For this long after it was signed a token is handed out again.
pub const TOKEN_LIFETIME: Duration = TOKEN_LIFE.saturating_sub(REFRESH_BEFORE_EXPIRATION);

/// The tokens given out so far. One is signed at a time, so that those who ask together get the
/// same.
#[derive(Debug)]
pub struct Tokens {
    clock: Clock,
    held: Mutex<HashMap<DatabaseTarget, HeldToken>>,
    /// Those who want a password together wait for one reading.
    pub(super) reading: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct HeldToken {
    signed: SignedToken,
    signed_by: Keys,
    /// Last. A clock that shows less was set back, and the token is older than it seems.
    asked_at: SystemTime,
}

impl HeldToken {
    fn is_fresh(&self, now: SystemTime) -> bool {
        now >= self.asked_at && time_left(self.signed.expires_at, now) > REFRESH_BEFORE_EXPIRATION
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    Reuse,
    Sign,
    /// The session has ended.
    Refuse,
}

fn decide(
    held: Option<&HeldToken>,
    session: &Session,
    now: SystemTime,
    renewal: Renewal,
) -> Decision {
    let fits = held.is_some_and(|held| held.is_fresh(now) && held.signed_by == session.keys);
    match renewal {
        _ if !session.is_usable(now) => Decision::Refuse,
        Renewal::WhenDue if fits => Decision::Reuse,
        Renewal::WhenDue | Renewal::Always | Renewal::WholeChain => Decision::Sign,
    }
}

impl Tokens {
    pub fn new(clock: Clock) -> Tokens {
        Tokens {
            clock,
            held: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
        }
    }

    /// A token with its own end: the session may end before it.
    pub fn give(
        &self,
        target: &DatabaseTarget,
        session: &Session,
        renewal: Renewal,
        sign: impl FnOnce(SystemTime) -> Result<SignedToken>,
    ) -> Result<SignedToken> {
        let mut held = self.held();
        // The clock is read only now: a token must not seem to come from the future to callers that
        // waited for the lock.
        let now = self.clock.now();
        let replaced = |of: &DatabaseTarget, it: &HeldToken| {
            of.identity == target.identity && it.signed_by != session.keys
        };
        held.retain(|of, it| it.is_fresh(now) && !replaced(of, it));
        match (
            decide(held.get(target), session, now, renewal),
            held.get_mut(target),
        ) {
            (Decision::Refuse, _) => Err(unusable(
                Code::SessionExpired,
                &target.identity,
                "has no session any more",
            )),
            (Decision::Reuse, Some(it)) => {
                it.asked_at = now;
                Ok(it.signed.clone())
            }
            (Decision::Reuse, None) | (Decision::Sign, _) => {
                let signed = sign(now)?;
                let it = HeldToken {
                    signed: signed.clone(),
                    signed_by: session.keys.clone(),
                    asked_at: now,
                };
                held.insert(target.clone(), it);
                Ok(signed)
            }
        }
    }

    /// What is handed out again, if anything is.
    pub fn again(
        &self,
        target: &DatabaseTarget,
        session: &Session,
        renewal: Renewal,
    ) -> Option<SignedToken> {
        let nothing = |_| Err(Error::new(Code::NoCredentials, "there is none"));
        let given = self.give(target, session, renewal, nothing);
        given.ok()
    }

    /// Until when the token for a database is handed out.
    pub fn held_until(&self, target: &DatabaseTarget) -> Option<SystemTime> {
        let now = self.clock.now();
        let held = self.held();
        let held = held.get(target).filter(|it| it.is_fresh(now))?;
        Some(held.signed.expires_at)
    }

    pub fn count(&self, identity: &str) -> usize {
        self.held()
            .keys()
            .filter(|target| target.is_of(identity))
            .count()
    }

    pub fn forget(&self, identity: &str) -> usize {
        let mut held = self.held();
        let before = held.len();
        held.retain(|target, _| !target.is_of(identity));
        before - held.len()
    }

    fn held(&self) -> MutexGuard<'_, HashMap<DatabaseTarget, HeldToken>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub fn unusable(code: Code, identity: &IdentityName, why: &str) -> Error {
    Error::new(code, format!("{identity} {why}"))
        .hint(format!("fob login {identity}"))
        .identity(identity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::{DatabaseLogin, sign_token};
    use crate::config::DatabaseHost;
    use crate::ids::AccessKeyId;
    use crate::secret::{Origin, Secret, SecretAccessKey, SessionToken};
    use std::sync::atomic::{AtomicUsize, Ordering};

    const MINUTE: u64 = 60;

    fn start() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000)
    }

    fn session(access_key_id: &str, minutes: u64) -> Session {
        Session {
            keys: Keys {
                access_key_id: AccessKeyId::parse(access_key_id).expect("a key id"),
                secret_access_key: SecretAccessKey::parse("s").expect("a secret"),
            },
            token: Some(SessionToken::parse("t").expect("a token")),
            issued_at: start(),
            expires_at: start() + Duration::from_secs(minutes * MINUTE),
            principal: None,
            account: None,
            origin: Origin::Keyring,
        }
    }

    fn target(identity: &str, user: &str) -> DatabaseTarget {
        let region = "eu-central-1".parse().expect("a region");
        let host = DatabaseHost::read("db.example", None).expect("a host");
        let login = DatabaseLogin::new(host, 5432, user, &region).expect("a login");
        DatabaseTarget {
            identity: identity.parse().expect("a name"),
            login,
            password_secret: None,
        }
    }

    /// A caller that asks again and again, and how often that led to a signature.
    struct Asking {
        tokens: Tokens,
        session: Session,
        signings: AtomicUsize,
    }

    impl Asking {
        fn with(session: Session) -> Asking {
            Asking {
                tokens: Tokens::new(Clock::manual(start())),
                session,
                signings: AtomicUsize::new(0),
            }
        }

        fn ask(&self, target: &DatabaseTarget, renewal: Renewal) -> Result<SignedToken> {
            self.tokens.give(target, &self.session, renewal, |now| {
                self.signings.fetch_add(1, Ordering::Relaxed);
                // A caller that is not kept out has the time to come in.
                std::thread::yield_now();
                sign_token(&self.session, &target.login, now)
            })
        }

        /// Asks at a moment after the start, as the clock shows it, and returns the signatures so
        /// far.
        fn at(&mut self, seconds: u64) -> (Result<SignedToken>, usize) {
            self.tokens.clock = Clock::manual(start() + Duration::from_secs(seconds));
            let given = self.ask(&target("deploy", "app"), Renewal::WhenDue);
            (given, self.signings.load(Ordering::Relaxed))
        }
    }

    #[test]
    fn a_token_is_given_out_for_fourteen_of_its_fifteen_minutes() {
        let at = |minutes: u64, seconds: u64| minutes * MINUTE + seconds;
        let cases: [(&str, &[(u64, usize)]); 4] = [
            (
                "by the minute",
                &[
                    (0, 1),
                    (at(13, 59), 1),
                    (at(14, 0), 2),
                    (at(14, 5), 2),
                    (at(28, 0), 3),
                    (at(28, 5), 3),
                ],
            ),
            (
                "five questions",
                &[
                    (0, 1),
                    (at(3, 0), 1),
                    (at(13, 0), 1),
                    (at(15, 0), 2),
                    (at(28, 0), 2),
                ],
            ),
            (
                "asleep for 20 minutes",
                &[(0, 1), (at(1, 0), 1), (at(21, 0), 2), (at(21, 1), 2)],
            ),
            (
                "set back",
                &[
                    (0, 1),
                    (at(10, 0), 1),
                    (at(2, 0), 2),
                    (at(2, 1), 2),
                    (at(16, 0), 3),
                    (at(13, 0), 4),
                ],
            ),
        ];
        for (name, questions) in cases {
            let mut asking = Asking::with(session("ASIAIOSFODNN7EXAMPLE", 600));
            for (seconds, signings) in questions {
                let (given, signed) = asking.at(*seconds);
                assert_eq!(signed, *signings, "{name}, at {seconds} s");
                let left = time_left(
                    given.expect("a token").expires_at,
                    start() + Duration::from_secs(*seconds),
                );
                assert!(
                    left > REFRESH_BEFORE_EXPIRATION && left <= TOKEN_LIFE,
                    "{name}, at {seconds} s: {left:?}"
                );
            }
        }
    }

    #[test]
    fn a_session_that_has_ended_signs_nothing_and_its_token_is_not_given_out() {
        let mut asking = Asking::with(session("ASIAIOSFODNN7EXAMPLE", 5));
        let (first, _) = asking.at(0);
        assert_eq!(asking.at(299), (first, 1));
        for seconds in [300, 301, 100_000] {
            let (refused, signings) = asking.at(seconds);
            let error = refused.expect_err("the session has ended");
            assert_eq!((error.code, signings), (Code::SessionExpired, 1));
            assert_eq!(error.hints, ["fob login deploy"]);
        }
        let mut ended = Asking::with(session("ASIAIOSFODNN7EXAMPLE", 0));
        assert_eq!(
            (ended.at(0).0.expect_err("it has ended").code, ended.at(0).1),
            (Code::SessionExpired, 0)
        );
    }

    #[test]
    fn every_decision_follows_from_the_token_the_session_the_moment_and_the_wish() {
        let at = |seconds| start() + Duration::from_secs(seconds);
        let own = session("ASIAIOSFODNN7EXAMPLE", 60);
        let held = |signed_by: &Session, asked_at| HeldToken {
            signed: SignedToken {
                user: "app".to_owned(),
                token: Secret::new("token"),
                expires_at: at(900),
            },
            signed_by: signed_by.keys.clone(),
            asked_at: at(asked_at),
        };
        let other = session("ASIAOTHER0000000001X", 60);
        for (held, now, renewal, decision) in [
            (None, 0, Renewal::WhenDue, Decision::Sign),
            (Some(held(&own, 0)), 0, Renewal::WhenDue, Decision::Reuse),
            (Some(held(&own, 0)), 839, Renewal::WhenDue, Decision::Reuse),
            (Some(held(&own, 0)), 840, Renewal::WhenDue, Decision::Sign),
            (Some(held(&own, 0)), 1, Renewal::Always, Decision::Sign),
            (Some(held(&own, 500)), 499, Renewal::WhenDue, Decision::Sign),
            (Some(held(&other, 0)), 1, Renewal::WhenDue, Decision::Sign),
            (
                Some(held(&own, 0)),
                3600,
                Renewal::WhenDue,
                Decision::Refuse,
            ),
            (Some(held(&own, 0)), 3600, Renewal::Always, Decision::Refuse),
            (None, 3600, Renewal::WhenDue, Decision::Refuse),
        ] {
            assert_eq!(
                decide(held.as_ref(), &own, at(now), renewal),
                decision,
                "{held:?} at {now}, {renewal:?}"
            );
        }
    }

    #[test]
    fn a_token_is_one_identitys_for_one_login_and_goes_with_the_session_that_signed_it() {
        let mut asking = Asking::with(session("ASIAIOSFODNN7EXAMPLE", 60));
        let targets = [
            target("deploy", "app"),
            target("deploy", "admin"),
            target("dev", "app"),
        ];
        let tokens: Vec<_> = targets
            .iter()
            .map(|it| asking.ask(it, Renewal::WhenDue).expect("a token").token)
            .collect();
        assert_ne!(tokens[0], tokens[1]);
        assert_eq!(
            (
                asking.signings.load(Ordering::Relaxed),
                asking.tokens.count("DEPLOY")
            ),
            (3, 2)
        );

        asking.session = session("ASIAOTHER0000000001X", 60);
        let renewed = asking.ask(&targets[0], Renewal::WhenDue).expect("a token");
        assert_ne!(renewed.token, tokens[0]);
        assert_eq!(
            (asking.tokens.count("deploy"), asking.tokens.count("dev")),
            (1, 1),
            "its neighbour went as well"
        );

        assert_eq!(
            (
                asking.tokens.forget("Deploy"),
                asking.tokens.forget("deploy")
            ),
            (1, 0)
        );
        assert_eq!(
            (asking.tokens.count("deploy"), asking.tokens.count("dev")),
            (0, 1)
        );
    }

    #[test]
    fn force_replaces_the_token_for_everybody() {
        let mut asking = Asking::with(session("ASIAIOSFODNN7EXAMPLE", 60));
        let first = asking.at(0).0.expect("a token");
        asking.tokens.clock.advance(Duration::from_secs(1));
        let forced = asking
            .ask(&target("deploy", "app"), Renewal::Always)
            .expect("a token");
        assert_ne!(forced, first);
        assert_eq!(asking.at(2), (Ok(forced), 2));
    }

    #[test]
    fn fifty_who_ask_at_once_get_one_signature() {
        let mut asking = Asking::with(session("ASIAIOSFODNN7EXAMPLE", 60));
        asking.tokens.clock = Clock::system();
        asking.session.expires_at = asking.tokens.clock.now() + TOKEN_LIFE;
        let (barrier, orders) = (std::sync::Barrier::new(50), target("deploy", "app"));
        let ask = || {
            barrier.wait();
            asking.ask(&orders, Renewal::WhenDue).expect("a token")
        };
        let given: Vec<_> = std::thread::scope(|scope| {
            let callers: Vec<_> = (0..50).map(|_| scope.spawn(ask)).collect();
            callers
                .into_iter()
                .map(|caller| caller.join().expect("no panic"))
                .collect()
        });
        assert!(given.iter().all(|token| *token == given[0]));
        assert_eq!(asking.signings.load(Ordering::Relaxed), 1);
    }
}
