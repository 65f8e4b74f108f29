use super::*;
use crate::ids::AccessKeyId;
use crate::secret::{Keys, Origin, SecretAccessKey, SessionToken};
use crate::world::freshness::{LONGEST_PAUSE, margin};

mod failures;
mod walks;

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
