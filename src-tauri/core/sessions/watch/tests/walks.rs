//! Whatever happens to a session, in whatever order.

use super::*;
use proptest::prelude::*;
use std::collections::HashSet;

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
