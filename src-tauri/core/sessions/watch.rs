//! What the scheduler remembers of one identity's session, and what is to be done at a moment:
//! renew, announce, or nothing. Everything is announced once, and a clock that is set back takes
//! nothing back.

use super::state::State;
use crate::duration::time_left;
use crate::error::{Code, Error};
use crate::secret::Session;
use crate::world::freshness::{GRACE, LAST_TRY, SHORTEST_PAUSE, due_at, hash, pause};
use std::time::{Duration, SystemTime};

/// Of a short session's life, so that there is time for a notice before its end.
const GRACE_SHARE: u32 = 16;
/// Without a network the pauses stop growing after so many failures: once it is back, sessions are
/// renewed within half a minute.
const LONGEST_OFFLINE: u32 = 4;

/// Whether a session can be made anew without a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewable {
    Alone,
    ByAPerson,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Counts as begun; ends with [`Watch::renewed`] or [`Watch::failed`].
    Renew,
    Announce(Announcement),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Announcement {
    /// A person is needed before then.
    ExpiresSoon {
        expires_at: SystemTime,
    },
    /// The end is near, and renewals keep failing for something that may pass.
    Failing {
        expires_at: SystemTime,
        cause: Error,
    },
    Expired,
    /// AWS does not know the keys any more.
    KeysRevoked {
        error: Error,
    },
    /// Any other refusal: trying again would not help.
    Refused {
        error: Error,
    },
}

/// One identity's session. Its owner looks at [`Watch::wake_at`], and at least every half minute:
/// clocks move.
#[derive(Clone, Debug)]
pub struct Watch {
    session: Dates,
    /// How long before its end a session is announced, unless a quarter of its life is less.
    notice: Duration,
    course: Course,
    /// The furthest that any look has seen.
    phase: Phase,
    attempt: Attempt,
    trouble: Option<Trouble>,
    told: Told,
    woke_at: Option<SystemTime>,
}

/// What tells a session from another, and its moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Dates {
    seed: u64,
    due_at: SystemTime,
    near_at: SystemTime,
    expires_at: SystemTime,
    /// Renewals that fail for less than this alarm no user.
    grace: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Course {
    Kept(Renewable),
    /// Nothing is tried any more.
    Refused(Error),
    SignedOut,
}

/// The parts of a session's life, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Fresh,
    Due,
    /// To be announced, where there is something to announce.
    Near,
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    None,
    UnderWay,
    /// The next one begins no earlier than `pause` after `ended`.
    Resting {
        ended: SystemTime,
        pause: Duration,
    },
}

/// Renewals in a row that did not help.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Trouble {
    since: SystemTime,
    failures: u32,
    /// `None`: they succeeded, and what they brought was due already.
    cause: Option<Error>,
}

/// The most that was announced of this session: less than that is no news any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    Nothing,
    Failing,
    NeedsAPerson,
    Over,
}

impl Watch {
    pub fn new(session: &Session, renewable: Renewable, notice: Duration) -> Watch {
        Watch {
            session: Dates::of(session, notice),
            notice,
            course: Course::Kept(renewable),
            phase: Phase::Fresh,
            attempt: Attempt::None,
            trouble: None,
            told: Told::Nothing,
            woke_at: None,
        }
    }

    /// What is to be done now. It counts as done: a second look at the same moment finds nothing.
    pub fn look(&mut self, now: SystemTime) -> Vec<Action> {
        self.notice_the_time(now);
        let mut actions = Vec::new();
        if self.next_renewal().is_some_and(|next| next <= now) {
            self.attempt = Attempt::UnderWay;
            actions.push(Action::Renew);
        }
        if self.next_announcement().is_some_and(|next| next <= now) {
            actions.push(Action::Announce(self.announcement()));
        }
        actions
    }

    /// When a look next finds something, or the session ends; `None` when neither will come by
    /// itself.
    pub fn wake_at(&self) -> Option<SystemTime> {
        let lives = self.phase < Phase::Over && self.course != Course::SignedOut;
        let end = lives.then_some(self.session.expires_at);
        [self.next_renewal(), self.next_announcement(), end]
            .into_iter()
            .flatten()
            .min()
    }

    /// When the next renewal begins; `None` while one is under way, and where none is tried.
    pub fn next_renewal(&self) -> Option<SystemTime> {
        let due_at = self.start_of(Phase::Due);
        match (&self.course, self.attempt) {
            (Course::Kept(Renewable::Alone), Attempt::None) => Some(due_at),
            (Course::Kept(Renewable::Alone), Attempt::Resting { ended, pause }) => {
                let next = due_at.max(ended + pause);
                // However long the pauses have become, it is tried once more while the session
                // lives.
                let last = self
                    .start_of(Phase::Over)
                    .checked_sub(LAST_TRY)
                    .unwrap_or(next);
                Some(if ended + SHORTEST_PAUSE <= last && next > last {
                    last.max(due_at)
                } else {
                    next
                })
            }
            (Course::Kept(Renewable::Alone), Attempt::UnderWay)
            | (Course::Kept(Renewable::ByAPerson) | Course::Refused(_) | Course::SignedOut, _) => {
                None
            }
        }
    }

    /// Why the last renewal failed.
    pub fn failing(&self) -> Option<&Error> {
        match &self.course {
            Course::Kept(_) => self.trouble.as_ref()?.cause.as_ref(),
            Course::Refused(error) => Some(error),
            Course::SignedOut => None,
        }
    }

    /// What the identity is marked as.
    pub fn state(&self, now: SystemTime) -> State {
        match (&self.course, self.phase_at(now)) {
            (Course::SignedOut, _) => State::SignedOut,
            (Course::Refused(error), _) if error.code == Code::AwsCredentialsInvalid => {
                State::Revoked
            }
            (Course::Refused(_), _) => State::Denied,
            (Course::Kept(_), Phase::Fresh) => State::Valid,
            (Course::Kept(_), Phase::Due | Phase::Near) => State::Expiring,
            (Course::Kept(_), Phase::Over) => State::Expired,
        }
    }

    /// The session's phase never goes back, whatever the clock does later.
    pub fn seen(&mut self, now: SystemTime) {
        self.phase = self.phase_at(now);
    }

    /// How it is renewed, as far as that is known.
    pub fn renewable(&self) -> Renewable {
        match self.course {
            Course::Kept(renewable) => renewable,
            Course::Refused(_) | Course::SignedOut => Renewable::Alone,
        }
    }

    pub fn set_renewable(&mut self, renewable: Renewable) {
        if let Course::Kept(_) = self.course {
            self.keep(renewable);
        }
    }

    pub fn expires_at(&self) -> SystemTime {
        self.session.expires_at
    }

    /// Whether the session may be handed out. Once a look has seen its end, no clock makes it
    /// usable again.
    pub fn is_usable(&self, now: SystemTime) -> bool {
        self.course != Course::SignedOut && self.phase_at(now) < Phase::Over
    }

    /// A renewal begins that no look called for: what stood in its way is gone.
    pub fn begin_again(&mut self) {
        self.attempt = Attempt::UnderWay;
        if self.course != Course::SignedOut {
            self.keep(Renewable::Alone);
        }
    }

    /// This session is held now, no matter which process made it. The same one as before takes
    /// nothing back.
    pub fn renewed(&mut self, session: &Session, renewable: Renewable, now: SystemTime) {
        self.notice_the_time(now);
        let session = Dates::of(session, self.notice);
        if session != self.session {
            self.session = session;
            self.course = Course::Kept(renewable);
            self.phase = session.phase(now);
            if self.phase < Phase::Over {
                self.told = Told::Nothing;
            }
        } else if let Course::Kept(_) = self.course {
            self.keep(renewable);
        }
        if self.phase < Phase::Due {
            self.trouble = None;
            self.attempt = Attempt::Resting {
                ended: now,
                pause: SHORTEST_PAUSE,
            };
        } else {
            self.did_not_help(None, now);
        }
    }

    /// A renewal failed. A refusal is announced at once and once, everything else when the end is
    /// near.
    pub fn failed(&mut self, error: Error, now: SystemTime) -> Option<Announcement> {
        self.notice_the_time(now);
        self.attempt = Attempt::Resting {
            ended: now,
            pause: SHORTEST_PAUSE,
        };
        match (&self.course, lesson(error.code)) {
            (Course::Kept(Renewable::Alone), Lesson::TryAgain) => {
                // Another sign-in that is under way is no reason why this one fails.
                let waits = error.code == Code::LockTimeout;
                let known = self.failing().cloned().filter(|_| waits);
                self.did_not_help(known.or((!waits).then_some(error)), now);
            }
            (Course::Kept(_), Lesson::AskSomebody) => self.keep(Renewable::ByAPerson),
            (Course::Kept(_), Lesson::GiveUp) => return Some(self.refused(error)),
            (Course::Refused(_), Lesson::GiveUp) => self.course = Course::Refused(error),
            (Course::Kept(_) | Course::Refused(_), Lesson::Leave) => {
                self.course = Course::SignedOut;
            }
            (Course::Kept(Renewable::ByAPerson), Lesson::TryAgain)
            | (Course::Refused(_), Lesson::TryAgain | Lesson::AskSomebody)
            | (Course::SignedOut, _) => {}
        }
        None
    }

    /// The machine slept, or its clock was set forward. What failed before says nothing about now,
    /// and what fails in the first moments says nothing about later.
    pub fn woke(&mut self, now: SystemTime) {
        self.woke_at = Some(now);
        self.hurry();
    }

    /// Moves on to where the session is by now, never back. Waits that a clock set back would
    /// prolong begin anew.
    fn notice_the_time(&mut self, now: SystemTime) {
        if let Attempt::Resting { ended, .. } = &mut self.attempt {
            *ended = now.min(*ended);
        }
        if let Some(trouble) = &mut self.trouble {
            trouble.since = now.min(trouble.since);
        }
        self.woke_at = self.woke_at.map(|woke_at| now.min(woke_at));
        let phase = self.phase_at(now);
        let ends = phase == Phase::Over && self.phase < Phase::Over;
        if ends && self.failing().is_none() {
            // What could not be had before the end may well be had after it.
            self.hurry();
        }
        self.phase = phase;
    }

    fn hurry(&mut self) {
        if let Attempt::Resting { pause, .. } = &mut self.attempt {
            *pause = SHORTEST_PAUSE;
        }
        match &mut self.trouble {
            Some(Trouble { cause: None, .. }) => self.trouble = None,
            Some(trouble) => trouble.failures = 0,
            None => {}
        }
    }

    fn keep(&mut self, renewable: Renewable) {
        self.course = Course::Kept(renewable);
        if renewable == Renewable::ByAPerson {
            self.trouble = None;
        }
    }

    fn refused(&mut self, error: Error) -> Announcement {
        self.course = Course::Refused(error.clone());
        self.told = if self.phase == Phase::Over {
            Told::Over
        } else {
            self.told.max(Told::NeedsAPerson)
        };
        if error.code == Code::AwsCredentialsInvalid {
            Announcement::KeysRevoked { error }
        } else {
            Announcement::Refused { error }
        }
    }

    fn did_not_help(&mut self, cause: Option<Error>, now: SystemTime) {
        let before = self
            .trouble
            .take()
            .filter(|trouble| trouble.cause.is_some() == cause.is_some());
        let (since, failures) =
            before.map_or((now, 0), |trouble| (trouble.since, trouble.failures));
        let failures = failures.saturating_add(1);
        let is_offline = cause.as_ref().is_some_and(|it| it.code == Code::Network);
        let pauses = if is_offline {
            failures.min(LONGEST_OFFLINE)
        } else {
            failures
        };
        self.attempt = Attempt::Resting {
            ended: now,
            pause: pause(pauses, self.session.seed),
        };
        self.trouble = Some(Trouble {
            since,
            failures,
            cause,
        });
    }

    fn next_announcement(&self) -> Option<SystemTime> {
        let near_at = self.start_of(Phase::Near);
        let expires_at = self.start_of(Phase::Over);
        match (&self.course, self.told) {
            (Course::SignedOut, _) | (_, Told::Over) => None,
            // The end of the session is nothing more to do.
            (Course::Refused(error), Told::NeedsAPerson)
                if error.code == Code::AwsCredentialsInvalid =>
            {
                None
            }
            (Course::Kept(Renewable::ByAPerson), Told::Nothing | Told::Failing) => Some(near_at),
            (Course::Kept(Renewable::ByAPerson), Told::NeedsAPerson) => Some(expires_at),
            (Course::Refused(_), Told::Nothing | Told::Failing | Told::NeedsAPerson) => {
                Some(expires_at)
            }
            (Course::Kept(Renewable::Alone), told) => {
                let trouble = self.trouble.as_ref()?;
                let is_news = told == Told::Nothing && trouble.cause.is_some();
                let since = self
                    .woke_at
                    .map_or(trouble.since, |woke_at| woke_at.max(trouble.since));
                Some((since + self.session.grace).max(if is_news { near_at } else { expires_at }))
            }
        }
    }

    /// What there is to tell at [`Watch::next_announcement`].
    fn announcement(&mut self) -> Announcement {
        let expires_at = self.session.expires_at;
        let cause = self.failing().cloned();
        let (told, announcement) = match cause {
            _ if self.phase == Phase::Over => (Told::Over, Announcement::Expired),
            Some(cause) => (Told::Failing, Announcement::Failing { expires_at, cause }),
            None => (Told::NeedsAPerson, Announcement::ExpiresSoon { expires_at }),
        };
        self.told = told;
        announcement
    }

    fn phase_at(&self, now: SystemTime) -> Phase {
        self.phase.max(self.session.phase(now))
    }

    /// Long ago, once a look has seen it.
    fn start_of(&self, phase: Phase) -> SystemTime {
        if phase <= self.phase {
            return SystemTime::UNIX_EPOCH;
        }
        match phase {
            Phase::Fresh => SystemTime::UNIX_EPOCH,
            Phase::Due => self.session.due_at,
            Phase::Near => self.session.near_at,
            Phase::Over => self.session.expires_at,
        }
    }
}

impl Dates {
    fn of(session: &Session, notice: Duration) -> Dates {
        let notice = notice.min(session.life() / 4);
        Dates {
            seed: hash(&session.keys.access_key_id),
            due_at: due_at(session),
            near_at: session
                .expires_at
                .checked_sub(notice)
                .unwrap_or(session.issued_at),
            expires_at: session.expires_at,
            grace: GRACE.min(session.life() / GRACE_SHARE),
        }
    }

    fn phase(&self, now: SystemTime) -> Phase {
        if time_left(self.expires_at, now).is_zero() {
            Phase::Over
        } else if now >= self.near_at {
            Phase::Near
        } else if now >= self.due_at {
            Phase::Due
        } else {
            Phase::Fresh
        }
    }
}

/// What a failed renewal teaches.
enum Lesson {
    /// It passes by itself, or a person mends it.
    TryAgain,
    AskSomebody,
    /// AWS decided: the same request gets the same answer.
    GiveUp,
    /// No process is to renew the identity any longer.
    Leave,
}

fn lesson(code: Code) -> Lesson {
    match code {
        // The network, AWS's load, this machine's clock: they pass.
        Code::Network | Code::Throttled | Code::ClockSkew | Code::AnswerExpired => Lesson::TryAgain,
        // This machine's own trouble: the person who mends it does not come and say so.
        Code::BelongsElsewhere
        | Code::ConfigInvalid
        | Code::ConfigNotFound
        | Code::DatabaseNotFound
        | Code::FilesUnwritable
        | Code::IdentityNotFound
        | Code::InvalidInput
        | Code::KeyringEntryInvalid
        | Code::KeyringLocked
        | Code::KeyringUnavailable
        | Code::AgentBusy
        | Code::LockTimeout
        | Code::NoCredentials
        | Code::ProcessFailed
        | Code::ProviderNotFound
        | Code::Unsupported
        | Code::Usage => Lesson::TryAgain,
        // Of a logout, never of a renewal.
        Code::LogoutFailed | Code::PartialLogout => Lesson::TryAgain,
        Code::Cancelled | Code::ConfigUntrusted | Code::PersonNeeded => Lesson::AskSomebody,
        Code::AccessDenied
        | Code::AwsCredentialsInvalid
        | Code::AwsError
        | Code::DurationRefused
        | Code::MfaRefused
        | Code::RegionNotEnabled
        | Code::SessionExpired => Lesson::GiveUp,
        Code::SignedOut => Lesson::Leave,
    }
}

#[cfg(test)]
mod tests;
