use super::*;
use crate::ids::AccessKeyId;
use crate::secret::{Keys, Origin, SecretAccessKey, SessionToken};
use crate::world::freshness::{LONGEST_PAUSE, margin};
use proptest::prelude::*;
use std::collections::HashSet;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const NOTICE: Duration = Duration::from_secs(30 * 60);
/// How long the loop naps at most.
const NAP: Duration = Duration::from_secs(30);
const CALL: Duration = Duration::from_secs(1);

fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn session(number: u32, issued_at: SystemTime, life: Duration) -> Session {
    Session {
        keys: Keys {
            access_key_id: AccessKeyId::parse(&format!("ASIATEST{number:012}")).expect("a key id"),
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

fn fault(code: Code) -> Error {
    Error::new(code, code.meaning())
}

/// What happened on a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Event {
    RenewalBegan,
    Renewed,
    Failed(Code),
    Told(Announcement),
}

/// The loop that owns a watch, an AWS that answers as the test says, and a clock that the test
/// moves.
struct Stage {
    now: SystemTime,
    watch: Watch,
    session: Session,
    sessions: u32,
    /// The life of the session that AWS grants at a moment.
    aws: fn(SystemTime) -> Result<Duration, Code>,
    call_ends: Option<SystemTime>,
    events: Vec<(SystemTime, Event)>,
}

impl Stage {
    fn new(
        life: Duration,
        renewable: Renewable,
        aws: fn(SystemTime) -> Result<Duration, Code>,
    ) -> Stage {
        let session = session(0, start(), life);
        let watch = Watch::new(&session, renewable, NOTICE);
        Stage {
            now: start(),
            watch,
            session,
            sessions: 0,
            aws,
            call_ends: None,
            events: Vec::new(),
        }
    }

    /// Runs the loop until a moment of the wall clock.
    fn run_until(&mut self, until: SystemTime) {
        loop {
            self.turn();
            if self.now >= until {
                return;
            }
            let next = [
                self.watch.wake_at(),
                self.call_ends,
                Some(self.now + NAP),
                Some(until),
            ];
            let next = next
                .into_iter()
                .flatten()
                .min()
                .expect("there is at least a nap");
            assert!(
                next > self.now || self.call_ends == Some(next),
                "woken for nothing: {:?}",
                self.watch
            );
            self.now = next;
        }
    }

    fn turn(&mut self) {
        if self.call_ends.is_some_and(|ends| ends <= self.now) {
            self.call_ends = None;
            match (self.aws)(self.now) {
                Ok(life) => {
                    self.sessions += 1;
                    self.session = session(self.sessions, self.now, life);
                    self.watch
                        .renewed(&self.session, Renewable::Alone, self.now);
                    self.note(Event::Renewed);
                }
                Err(code) => {
                    self.note(Event::Failed(code));
                    let told = self.watch.failed(fault(code), self.now);
                    self.events
                        .extend(told.map(|told| (self.now, Event::Told(told))));
                }
            }
        }
        for action in self.watch.look(self.now) {
            match action {
                Action::Renew => {
                    self.call_ends = Some(self.now + CALL);
                    self.note(Event::RenewalBegan);
                }
                Action::Announce(announcement) => self.note(Event::Told(announcement)),
            }
        }
        assert_eq!(self.watch.look(self.now), [], "a second look finds nothing");
    }

    /// The lid is closed: nothing runs, the clock does.
    fn sleep(&mut self, pause: Duration) {
        self.now += pause;
        self.call_ends = self.call_ends.map(|_| self.now + CALL);
        self.watch.woke(self.now);
    }

    fn set_clock_back(&mut self, by: Duration) {
        self.now -= by;
        self.call_ends = self.call_ends.map(|_| self.now + CALL);
    }

    fn note(&mut self, event: Event) {
        self.events.push((self.now, event));
    }

    /// Takes what happened since it was last asked, without the beginnings of renewals.
    fn events(&mut self) -> Vec<Event> {
        let events = std::mem::take(&mut self.events)
            .into_iter()
            .map(|(_, event)| event);
        events
            .filter(|event| *event != Event::RenewalBegan)
            .collect()
    }

    fn told(&self) -> Vec<(SystemTime, Announcement)> {
        let told = self.events.iter().filter_map(|(at, event)| match event {
            Event::Told(announcement) => Some((*at, announcement.clone())),
            Event::RenewalBegan | Event::Renewed | Event::Failed(_) => None,
        });
        told.collect()
    }

    fn began(&self) -> Vec<SystemTime> {
        let began = self
            .events
            .iter()
            .filter(|(_, event)| *event == Event::RenewalBegan);
        began.map(|(at, _)| *at).collect()
    }
}

#[test]
fn a_session_is_renewed_before_its_end_again_and_again_and_nobody_hears_of_it() {
    let mut stage = Stage::new(HOUR, Renewable::Alone, |_| Ok(HOUR));
    let mut last_end = stage.session.expires_at;
    stage.run_until(start() + 24 * HOUR);
    assert!(stage.sessions >= 30, "{} sessions in a day", stage.sessions);
    assert_eq!(stage.told(), []);
    for began in stage.began() {
        assert!(began <= last_end - margin(HOUR), "with time to spare");
        last_end = began + CALL + HOUR;
    }
}

#[test]
fn a_session_that_needs_a_person_is_announced_once_ahead_and_once_at_its_end_and_used_until_then() {
    let mut stage = Stage::new(12 * HOUR, Renewable::ByAPerson, |_| Ok(HOUR));
    let end = stage.session.expires_at;
    stage.run_until(end - CALL);
    assert!(stage.watch.is_usable(stage.now));
    assert_eq!(stage.watch.state(stage.now), State::Expiring);
    stage.run_until(end + 24 * HOUR);
    assert_eq!(
        stage.told(),
        [
            (end - NOTICE, Announcement::ExpiresSoon { expires_at: end }),
            (end, Announcement::Expired)
        ]
    );
    assert!(stage.began().is_empty());
    assert_eq!(stage.watch.wake_at(), None);
}

#[test]
fn a_short_session_is_announced_in_its_last_quarter() {
    let mut stage = Stage::new(15 * MINUTE, Renewable::ByAPerson, |_| Ok(HOUR));
    stage.run_until(start() + HOUR);
    assert_eq!(stage.told()[0].0, start() + 15 * MINUTE * 3 / 4);
}

#[test]
fn asleep_for_eight_hours_over_several_deadlines_it_is_renewed_within_half_a_minute_of_waking_without_an_alarm()
 {
    // Back from the network: nothing for the first 20 seconds after waking.
    let mut stage = Stage::new(HOUR, Renewable::Alone, |now| {
        if now < start() + 8 * HOUR + MINUTE + 20 * CALL {
            Err(Code::Network)
        } else {
            Ok(HOUR)
        }
    });
    stage.run_until(start() + MINUTE);
    stage.sleep(8 * HOUR);
    assert_eq!(stage.watch.state(stage.now), State::Expired);
    let woken = stage.now;
    stage.run_until(woken + NAP);
    assert_eq!(stage.sessions, 1, "{:?}", stage.events);
    assert_eq!(stage.watch.state(stage.now), State::Valid);
    assert_eq!(stage.told(), []);
}

#[test]
fn a_back_off_that_was_waiting_when_the_lid_closed_is_cut_short_and_begins_anew() {
    let mut stage = Stage::new(12 * HOUR, Renewable::Alone, |now| {
        if now < start() + 11 * HOUR + 50 * MINUTE + 20 * CALL {
            Err(Code::Throttled)
        } else {
            Ok(HOUR)
        }
    });
    stage.run_until(start() + 10 * HOUR + 50 * MINUTE);
    assert_eq!(stage.told(), [], "the end is not near yet");
    stage.sleep(HOUR);
    let woken = stage.now;
    stage.run_until(woken + NAP);
    assert!(stage.began().contains(&woken));
    assert_eq!((stage.sessions, stage.told()), (1, vec![]));
}

#[test]
fn asleep_past_the_end_of_a_session_that_needs_a_person_only_its_end_is_told() {
    let mut stage = Stage::new(HOUR, Renewable::ByAPerson, |_| Ok(HOUR));
    stage.run_until(start() + MINUTE);
    stage.sleep(8 * HOUR);
    stage.run_until(start() + 24 * HOUR);
    assert_eq!(stage.events(), [Event::Told(Announcement::Expired)]);
}

#[test]
fn still_no_network_a_minute_after_waking_is_told_once() {
    let mut stage = Stage::new(HOUR, Renewable::Alone, |_| Err(Code::Throttled));
    stage.run_until(start() + MINUTE);
    stage.sleep(8 * HOUR);
    let woken = stage.now;
    stage.run_until(woken + 3 * HOUR);
    let [(at, Announcement::Expired)] = &stage.told()[..] else {
        panic!("{:?}", stage.told())
    };
    assert!(*at >= woken + GRACE && *at <= woken + GRACE + NAP);
}

#[test]
fn the_clock_set_back_an_hour_announces_nothing_twice_and_renews_nothing_wildly() {
    let mut stage = Stage::new(12 * HOUR, Renewable::Alone, |_| Err(Code::Throttled));
    let end = stage.session.expires_at;
    stage.run_until(end - 10 * MINUTE);
    let before = stage.began().len();
    assert_eq!(stage.told().len(), 1);
    stage.set_clock_back(HOUR);
    let set_back = stage.now;
    stage.run_until(end - 10 * MINUTE);
    assert_eq!(stage.told().len(), 1);
    let began = stage.began().split_off(before);
    assert!(began[0] <= set_back + LONGEST_PAUSE, "renewals go on");
    assert!(
        (12..=30).contains(&began.len()),
        "{} renewals in an hour",
        began.len()
    );
}

#[test]
fn the_clock_set_back_never_makes_an_expired_session_valid_again() {
    let mut stage = Stage::new(HOUR, Renewable::ByAPerson, |_| Ok(HOUR));
    stage.run_until(start() + HOUR);
    assert!(!stage.watch.is_usable(stage.now));
    stage.set_clock_back(HOUR);
    stage.run_until(start() + 30 * MINUTE);
    assert!(!stage.watch.is_usable(stage.now));
    assert_eq!(stage.watch.state(stage.now), State::Expired);
    // Somebody finds the same session in the keyring, where it looks good.
    stage
        .watch
        .renewed(&stage.session.clone(), Renewable::ByAPerson, stage.now);
    stage.run_until(start() + 2 * HOUR);
    assert!(!stage.watch.is_usable(start()));
    assert_eq!(stage.told().len(), 2, "{:?}", stage.told());
    stage.watch.renewed(
        &session(9, stage.now, HOUR),
        Renewable::ByAPerson,
        stage.now,
    );
    assert!(stage.watch.is_usable(stage.now));
}

#[test]
fn after_a_clock_set_forward_and_back_the_session_is_renewed_rather_than_trusted() {
    let mut stage = Stage::new(12 * HOUR, Renewable::Alone, |now| {
        if now > start() + 24 * HOUR {
            Err(Code::ClockSkew)
        } else {
            Ok(12 * HOUR)
        }
    });
    stage.run_until(start() + HOUR);
    // The loop takes a clock set forward for a sleep.
    stage.sleep(365 * 24 * HOUR);
    stage.turn();
    assert!(!stage.watch.is_usable(stage.now));
    stage.run_until(stage.now + 10 * CALL);
    stage.set_clock_back(365 * 24 * HOUR);
    assert!(!stage.watch.is_usable(stage.now));
    let mended = stage.now;
    stage.run_until(mended + NAP);
    assert_eq!(stage.sessions, 1);
    assert!(stage.watch.is_usable(stage.now));
    assert_eq!(stage.told(), []);
}

#[test]
fn a_clock_set_forward_and_back_while_the_network_is_gone_puts_off_neither_renewals_nor_what_is_to_be_told()
 {
    let mut stage = Stage::new(12 * HOUR, Renewable::Alone, |_| Err(Code::Network));
    stage.run_until(start() + HOUR);
    stage.sleep(365 * 24 * HOUR);
    stage.run_until(stage.now + 10 * CALL);
    stage.set_clock_back(365 * 24 * HOUR);
    let mended = stage.now;
    stage.run_until(mended + GRACE);
    assert_eq!(stage.told(), [(mended + GRACE, Announcement::Expired)]);
}

#[test]
fn a_clock_set_forward_past_the_due_moment_renews_at_once() {
    let mut stage = Stage::new(12 * HOUR, Renewable::Alone, |_| Ok(12 * HOUR));
    stage.run_until(start() + MINUTE);
    stage.sleep(10 * HOUR);
    let set = stage.now;
    stage.run_until(set + NAP);
    assert_eq!(stage.began(), [set]);
    assert_eq!(stage.sessions, 1);
}

#[test]
fn thirty_minutes_without_a_network_across_the_end_are_told_once_near_it_once_at_it_and_mended_soon_after()
 {
    let mut stage = Stage::new(HOUR, Renewable::Alone, |now| {
        if (start() + 43 * MINUTE..start() + 73 * MINUTE).contains(&now) {
            Err(Code::Network)
        } else {
            Ok(HOUR)
        }
    });
    let end = stage.session.expires_at;
    stage.run_until(start() + 2 * HOUR);
    let cause = fault(Code::Network);
    let told = stage.told();
    let [(failing_at, failing), (over_at, Announcement::Expired)] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(
        *failing,
        Announcement::Failing {
            expires_at: end,
            cause
        }
    );
    assert!(*failing_at >= end - 15 * MINUTE && *failing_at <= end - 12 * MINUTE);
    assert_eq!(*over_at, end);
    let back = stage
        .events
        .iter()
        .find(|(_, event)| *event == Event::Renewed)
        .expect("renewed")
        .0;
    assert!(back <= start() + 73 * MINUTE + NAP);
}

#[test]
fn throttled_for_an_hour_the_session_stays_in_use_and_attempts_become_rare() {
    let mut stage = Stage::new(12 * HOUR, Renewable::Alone, |now| {
        if now < start() + 10 * HOUR {
            Err(Code::Throttled)
        } else {
            Ok(12 * HOUR)
        }
    });
    stage.run_until(start() + 10 * HOUR);
    let began = stage.began();
    let pauses: Vec<Duration> = began
        .windows(2)
        .map(|pair| pair[1].duration_since(pair[0] + CALL).expect("in order"))
        .collect();
    assert!(
        pauses
            .iter()
            .all(|pause| (SHORTEST_PAUSE..=LONGEST_PAUSE).contains(pause)),
        "{pauses:?}"
    );
    assert!(
        pauses
            .iter()
            .skip(8)
            .all(|pause| *pause >= LONGEST_PAUSE / 2),
        "{pauses:?}"
    );
    assert!(stage.watch.is_usable(stage.now));
    assert_eq!(
        stage.watch.failing().map(|error| error.code),
        Some(Code::Throttled)
    );
    stage.run_until(start() + 10 * HOUR + LONGEST_PAUSE + CALL);
    assert_eq!(
        (stage.sessions, stage.told(), stage.watch.failing()),
        (1, vec![], None)
    );
}

#[test]
fn a_key_revoked_while_nobody_looks_is_told_once_and_not_tried_again() {
    let mut stage = Stage::new(12 * HOUR, Renewable::Alone, |_| {
        Err(Code::AwsCredentialsInvalid)
    });
    let end = stage.session.expires_at;
    stage.run_until(end - CALL);
    let error = fault(Code::AwsCredentialsInvalid);
    assert_eq!(
        stage.events(),
        [
            Event::Failed(Code::AwsCredentialsInvalid),
            Event::Told(Announcement::KeysRevoked {
                error: error.clone()
            })
        ]
    );
    assert_eq!(stage.watch.state(stage.now), State::Revoked);
    assert_eq!(stage.watch.failing(), Some(&error));
    assert!(
        stage.watch.is_usable(stage.now),
        "what AWS granted is good until its end"
    );
    stage.run_until(end + 24 * HOUR);
    assert_eq!(stage.events(), [], "revoked says more than ended");
    assert_eq!(stage.watch.state(stage.now), State::Revoked);
    stage
        .watch
        .renewed(&session(9, stage.now, HOUR), Renewable::Alone, stage.now);
    assert_eq!(stage.watch.state(stage.now), State::Valid);
    assert!(stage.watch.next_renewal().is_some());
}

#[test]
fn a_refusal_found_on_waking_is_the_only_thing_told() {
    let mut stage = Stage::new(HOUR, Renewable::Alone, |_| Err(Code::AccessDenied));
    stage.sleep(8 * HOUR);
    stage.run_until(start() + 24 * HOUR);
    let told = Announcement::Refused {
        error: fault(Code::AccessDenied),
    };
    assert_eq!(
        stage.events(),
        [Event::Failed(Code::AccessDenied), Event::Told(told)]
    );
    assert_eq!(stage.watch.state(stage.now), State::Denied);
}

#[test]
fn a_renewal_that_turns_out_to_need_a_person_is_announced_like_any_such_session() {
    let mut stage = Stage::new(12 * HOUR, Renewable::Alone, |_| Err(Code::PersonNeeded));
    let end = stage.session.expires_at;
    stage.run_until(end + HOUR);
    assert_eq!(
        stage.events(),
        [
            Event::Failed(Code::PersonNeeded),
            Event::Told(Announcement::ExpiresSoon { expires_at: end }),
            Event::Told(Announcement::Expired)
        ]
    );
}

#[test]
fn what_is_signed_out_of_is_left_alone() {
    let mut stage = Stage::new(HOUR, Renewable::Alone, |_| Err(Code::SignedOut));
    stage.run_until(start() + 24 * HOUR);
    assert_eq!(stage.events(), [Event::Failed(Code::SignedOut)]);
    assert_eq!(stage.watch.wake_at(), None);
    assert_eq!(stage.watch.state(stage.now), State::SignedOut);
    assert!(!stage.watch.is_usable(start()));
}

/// A program that prints the same session until it ends, and only then another.
#[test]
fn a_source_that_brings_the_same_session_until_its_end_is_asked_ever_less_often_and_again_at_the_end()
 {
    let mut stage = Stage::new(HOUR, Renewable::Alone, |_| Ok(HOUR));
    let held = stage.session.clone();
    let (mut asked, mut now) = (0, start());
    while now < held.expires_at {
        for action in stage.watch.look(now) {
            assert_eq!(action, Action::Renew);
            asked += 1;
            stage.watch.renewed(&held, Renewable::Alone, now);
        }
        now = stage
            .watch
            .wake_at()
            .expect("there is more to come")
            .min(now + NAP);
    }
    assert!((8..=20).contains(&asked), "asked {asked} times");
    assert_eq!(
        (now, stage.watch.look(now)),
        (held.expires_at, vec![Action::Renew])
    );
    stage
        .watch
        .renewed(&session(1, now, HOUR), Renewable::Alone, now);
    assert!(stage.watch.is_usable(now));
}

#[test]
fn a_first_failure_shortly_before_the_end_alarms_nobody_until_it_has_lasted() {
    let mut watch = Watch::new(&session(0, start(), HOUR), Renewable::Alone, NOTICE);
    let held = session(0, start(), HOUR);
    let mut now = due_at(&held);
    while now < start() + 55 * MINUTE {
        assert_eq!(watch.look(now), [Action::Renew]);
        watch.renewed(&held, Renewable::Alone, now);
        now = watch.next_renewal().expect("it is tried again");
    }
    watch.look(now);
    assert_eq!(watch.failed(fault(Code::Network), now), None);
    assert_eq!(watch.look(now + GRACE - CALL), [Action::Renew]);
    let (expires_at, cause) = (held.expires_at, fault(Code::Network));
    assert_eq!(
        watch.look(now + GRACE),
        [Action::Announce(Announcement::Failing {
            expires_at,
            cause
        })]
    );
}

#[test]
fn a_thousand_sessions_that_end_together_are_renewed_apart_and_all_before_their_end() {
    let life = 12 * HOUR;
    let end = start() + life;
    let mut watches: Vec<Watch> = (0..1000)
        .map(|number| Watch::new(&session(number, start(), life), Renewable::Alone, NOTICE))
        .collect();
    let (mut now, mut most, mut renewed) = (start(), 0, 0);
    while let Some(wake_at) = watches
        .iter()
        .filter_map(Watch::wake_at)
        .min()
        .filter(|at| *at < end)
    {
        now = wake_at.min(now + NAP);
        let mut together = 0;
        for (watch, number) in watches.iter_mut().zip(1000..) {
            let actions = watch.look(now);
            if actions.is_empty() {
                assert_eq!(actions.capacity(), 0, "nothing due costs nothing");
                continue;
            }
            assert_eq!(actions, [Action::Renew]);
            assert!(now <= end - margin(life), "with time to spare");
            watch.renewed(&session(number, now, life), Renewable::Alone, now);
            together += 1;
        }
        most = most.max(together);
        renewed += together;
    }
    assert_eq!(renewed, 1000);
    assert!(most <= 100, "{most} at once");
}

#[test]
fn a_short_session_that_cannot_be_renewed_is_told_of_before_its_end() {
    let mut stage = Stage::new(20 * CALL, Renewable::Alone, |_| Err(Code::Network));
    stage.run_until(stage.session.expires_at - CALL);
    let told = stage.told();
    assert!(
        matches!(&told[..], [(_, Announcement::Failing { .. })]),
        "{told:?}"
    );
}

#[test]
fn another_sign_in_that_is_under_way_is_no_cause_of_a_failure() {
    let mut watch = Watch::new(&session(0, start(), HOUR), Renewable::Alone, NOTICE);
    let due = due_at(&session(0, start(), HOUR));
    watch.look(due);
    assert_eq!(watch.failed(fault(Code::LockTimeout), due), None);
    assert_eq!(watch.failing(), None);
    assert!(watch.next_renewal().is_some());
    let later = due + MINUTE;
    watch.look(later);
    watch.failed(fault(Code::Network), later);
    watch.failed(fault(Code::LockTimeout), later + CALL);
    assert_eq!(watch.failing(), Some(&fault(Code::Network)));
}

#[test]
fn every_code_of_the_closed_list_is_either_tried_again_or_told_or_left_to_a_person() {
    for code in Code::ALL {
        let mut stage = Stage::new(HOUR, Renewable::Alone, |_| Ok(HOUR));
        let due = due_at(&stage.session);
        assert_eq!(stage.watch.look(due), [Action::Renew]);
        let told = stage.watch.failed(fault(*code), due).is_some();
        let tried_again = stage.watch.next_renewal().is_some();
        let left_to_a_person =
            stage.watch.wake_at() == Some(stage.session.expires_at - 15 * MINUTE) && !tried_again;
        let ended = stage.watch.wake_at().is_none();
        let outcomes = [told, tried_again, left_to_a_person, ended];
        assert_eq!(
            outcomes.iter().filter(|it| **it).count(),
            1,
            "{code}: {outcomes:?}"
        );
    }
}

/// What happens to a watch, in an order that nobody chose.
#[derive(Clone, Debug)]
enum Step {
    /// The loop naps until the next moment, as a share of that in hundredths.
    Nap(u32),
    Sleep(Duration),
    Forward(Duration),
    Back(Duration),
    Fail(Code),
    /// `age` is how old it is already: where the clock is wrong, a new session may be over.
    Renew {
        age: Duration,
        life: Duration,
        renewable: Renewable,
    },
    SameAgain(Renewable),
    /// What stood in the way of a renewal is gone.
    BegunAgain,
}

fn renewable() -> impl Strategy<Value = Renewable> {
    prop_oneof![4 => Just(Renewable::Alone), 1 => Just(Renewable::ByAPerson)]
}

fn seconds(range: std::ops::Range<u64>) -> impl Strategy<Value = Duration> {
    range.prop_map(Duration::from_secs)
}

fn life() -> impl Strategy<Value = Duration> {
    prop_oneof![1 => seconds(1..10), 4 => seconds(1..200_000)]
}

fn while_away() -> impl Strategy<Value = Duration> {
    prop_oneof![seconds(0..5), seconds(1..100_000)]
}

fn forward_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (1_u32..=100).prop_map(Step::Nap),
        3 => while_away().prop_map(Step::Sleep),
        2 => while_away().prop_map(Step::Forward),
        4 => prop_oneof![4 => Just(Code::Network), 1 => prop::sample::select(Code::ALL)].prop_map(Step::Fail),
        2 => (prop_oneof![4 => seconds(0..1), 1 => while_away()], life(), renewable())
            .prop_map(|(age, life, renewable)| Step::Renew { age, life, renewable }),
        1 => renewable().prop_map(Step::SameAgain),
        1 => Just(Step::BegunAgain),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![9 => forward_step(), 1 => while_away().prop_map(Step::Back)]
}

/// A watch on its way through steps, and what must hold after each.
struct Walk {
    now: SystemTime,
    watch: Watch,
    session: Session,
    sessions: u32,
    /// Since the session came.
    told: Vec<Announcement>,
    last_end: Option<SystemTime>,
    seen_over: bool,
}

impl Walk {
    fn new(life: Duration, renewable: Renewable) -> Walk {
        let session = session(0, start(), life);
        let watch = Watch::new(&session, renewable, NOTICE);
        Walk {
            now: start(),
            watch,
            session,
            sessions: 0,
            told: Vec::new(),
            last_end: None,
            seen_over: false,
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Nap(hundredths) => {
                let left = self
                    .watch
                    .wake_at()
                    .and_then(|at| at.duration_since(self.now).ok())
                    .unwrap_or(NAP);
                self.now += left * *hundredths / 100;
            }
            Step::Sleep(pause) => {
                self.now += *pause;
                self.watch.woke(self.now);
            }
            Step::Forward(by) => self.now += *by,
            Step::Back(by) => {
                self.now -= *by;
                self.last_end = self.last_end.map(|at| at.min(self.now));
            }
            Step::Fail(code) => self.told.extend(self.watch.failed(fault(*code), self.now)),
            Step::Renew {
                age,
                life,
                renewable,
            } => {
                self.sessions += 1;
                self.session = session(self.sessions, self.now - *age, *life);
                self.watch.renewed(&self.session, *renewable, self.now);
                self.seen_over = false;
                // One that is over when it comes is no second end.
                let usable = self.session.is_usable(self.now);
                self.told
                    .retain(|told| *told == Announcement::Expired && !usable);
            }
            Step::SameAgain(renewable) => self.watch.renewed(&self.session, *renewable, self.now),
            Step::BegunAgain => {
                self.watch.begin_again();
                // A second refusal is news: it speaks of what is new.
                let refusal = |told: &Announcement| {
                    matches!(
                        told,
                        Announcement::KeysRevoked { .. } | Announcement::Refused { .. }
                    )
                };
                self.told.retain(|told| !refusal(told));
            }
        }
        if matches!(
            step,
            Step::Fail(_) | Step::Renew { .. } | Step::SameAgain(_)
        ) {
            self.last_end = Some(self.now);
        }
        self.look();
    }

    fn look(&mut self) {
        for action in self.watch.look(self.now) {
            match action {
                Action::Announce(announcement) => self.told.push(announcement),
                Action::Renew => {
                    let since = self
                        .last_end
                        .and_then(|at| self.now.duration_since(at).ok());
                    assert!(
                        since.is_none_or(|since| since >= SHORTEST_PAUSE),
                        "{since:?} after another"
                    );
                }
            }
        }
        assert_eq!(self.watch.look(self.now), [], "a second look finds nothing");
        assert!(
            self.watch.wake_at().is_none_or(|at| at > self.now),
            "woken for the past: {:?}",
            self.watch
        );
        let kinds: HashSet<_> = self.told.iter().map(std::mem::discriminant).collect();
        assert_eq!(kinds.len(), self.told.len(), "told twice: {:?}", self.told);
        let over = self.now >= self.session.expires_at;
        self.seen_over |= over;
        let usable = self.watch.is_usable(self.now);
        assert!(!(usable && self.seen_over), "usable although it is over");
        assert!(
            usable || self.seen_over || self.watch.state(self.now) == State::SignedOut,
            "over although usable"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_in_whatever_order_each_thing_is_told_once_and_failures_keep_their_distance(
        life in life(),
        renewable in renewable(),
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut walk = Walk::new(life, renewable);
        walk.look();
        for step in &steps {
            walk.take(step);
        }
    }

    #[test]
    fn a_pause_is_never_shorter_than_two_seconds_nor_longer_than_five_minutes(failures: u32, seed: u64) {
        let pause = pause(failures, seed);
        prop_assert!((SHORTEST_PAUSE..=LONGEST_PAUSE).contains(&pause));
    }
}
