//! Who shares which ask of the source. One is under way at a time, and who comes meanwhile shares
//! the next one: an answer is never older than the request it answers. Only where an ask takes
//! longer than people's patience do newcomers join it.

use keyfob_core::agent::api::Credentials;
use keyfob_core::clock::Clock;
use keyfob_core::error::{Code, Error, Result};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::watch;

/// The AWS SDK for JavaScript gives up after one second.
const PATIENCE: Duration = Duration::from_millis(800);

pub(super) type Answer = Arc<Result<Credentials>>;

/// The source, asked for many.
pub(super) struct Shared<S> {
    source: S,
    clock: Clock,
    turns: Mutex<Turns<Answer>>,
}

/// A source is a closure, of which there is nothing to say.
impl<S> fmt::Debug for Shared<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl<S> Shared<S> {
    pub fn new(clock: Clock, source: S) -> Shared<S> {
        Shared {
            source,
            clock,
            turns: Mutex::new(Turns::default()),
        }
    }

    fn turns(&self) -> MutexGuard<'_, Turns<Answer>> {
        self.turns
            .lock()
            .expect("no panic happens while the lock is held")
    }

    /// How many wait for the ask under way, and for the next one.
    #[cfg(test)]
    pub fn waiting(&self) -> (usize, usize) {
        let turns = self.turns();
        let count =
            |seats: Option<&watch::Sender<_>>| seats.map_or(0, watch::Sender::receiver_count);
        (
            count(turns.under_way.as_ref().map(|it| &it.answer)),
            count(turns.next.as_ref()),
        )
    }
}

impl<S, F> Shared<S>
where
    S: Fn() -> F + Send + Sync + 'static,
    F: Future<Output = Result<Credentials>> + Send + 'static,
{
    /// `None` when it takes too long: the ask goes on, for whoever comes next.
    pub async fn answer(self: &Arc<Self>) -> Option<Answer> {
        let (seat, then) = self.turns().arrive();
        match then {
            Then::Ask => drop(tokio::spawn(self.clone().ask())),
            Then::Rest => {}
        }
        let Seat { turn, mut answer } = seat;
        tokio::select! {
            biased;
            answered = answer.wait_for(Option::is_some) => answered.ok().and_then(|it| it.clone()),
            () = self.clock.pause(PATIENCE) => {
                self.turns().give_up(turn);
                None
            }
        }
    }

    /// Nobody's request owns this: one that goes away ends nothing.
    async fn ask(self: Arc<Self>) {
        loop {
            let this = self.clone();
            let answer = tokio::spawn(async move { (this.source)().await })
                .await
                .unwrap_or_else(|_| {
                    Err(Error::new(
                        Code::ProcessFailed,
                        "asking for credentials ended unexpectedly",
                    )
                    .hint("this is a fault of Keyfob's"))
                });
            match self.turns().finish(Arc::new(answer)) {
                Then::Ask => {}
                Then::Rest => return,
            }
        }
    }
}

/// The rule alone, without time and without a source.
struct Turns<T> {
    /// Counts the asks that were begun.
    turn: u64,
    under_way: Option<UnderWay<T>>,
    next: Option<watch::Sender<Option<T>>>,
}

struct UnderWay<T> {
    answer: watch::Sender<Option<T>>,
    /// Somebody's patience has run out.
    late: bool,
}

struct Seat<T> {
    /// The ask that was under way when the seat was taken.
    turn: u64,
    answer: watch::Receiver<Option<T>>,
}

/// Whether the source is to be asked now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Ask,
    Rest,
}

impl<T> Default for Turns<T> {
    fn default() -> Turns<T> {
        Turns {
            turn: 0,
            under_way: None,
            next: None,
        }
    }
}

impl<T> Turns<T> {
    fn arrive(&mut self) -> (Seat<T>, Then) {
        let (answer, then) = match &self.under_way {
            None => {
                let (sender, answer) = watch::channel(None);
                self.begin(sender);
                (answer, Then::Ask)
            }
            Some(late) if late.late => (late.answer.subscribe(), Then::Rest),
            Some(_) => (
                self.next
                    .get_or_insert_with(|| watch::Sender::new(None))
                    .subscribe(),
                Then::Rest,
            ),
        };
        (
            Seat {
                turn: self.turn,
                answer,
            },
            then,
        )
    }

    /// Somebody's patience ran out who sat down while `turn` was under way.
    fn give_up(&mut self, turn: u64) {
        if let Some(under_way) = self.under_way.as_mut().filter(|_| turn == self.turn) {
            under_way.late = true;
        }
    }

    /// The ask under way has ended. Another one begins where somebody still waits for it.
    fn finish(&mut self, answer: T) -> Then {
        if let Some(ended) = self.under_way.take() {
            ended.answer.send_replace(Some(answer));
        }
        match self.next.take().filter(|next| !next.is_closed()) {
            Some(next) => {
                self.begin(next);
                Then::Ask
            }
            None => Then::Rest,
        }
    }

    fn begin(&mut self, answer: watch::Sender<Option<T>>) {
        self.turn += 1;
        self.under_way = Some(UnderWay {
            answer,
            late: false,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Plays a script, one word an event: `a` arrives, `-a` gives up, `|` the ask under way ends.
    /// Returns who got the answer of which ask (`a1`), and how many there were.
    fn play(script: &str) -> (String, u64) {
        let mut turns = Turns::default();
        let mut seats = BTreeMap::new();
        for event in script.split_whitespace() {
            match event.strip_prefix('-') {
                Some(name) => {
                    let seat: Seat<u64> = seats.remove(name).expect("has arrived before");
                    turns.give_up(seat.turn);
                }
                None if event == "|" => drop(turns.finish(turns.turn)),
                None => drop(seats.insert(event, turns.arrive().0)),
            }
        }
        let answered = seats
            .iter()
            .filter_map(|(name, seat)| Some(format!("{name}{}", (*seat.answer.borrow())?)));
        (answered.collect::<Vec<_>>().join(" "), turns.turn)
    }

    #[test]
    fn an_answer_is_never_older_than_its_request_but_where_an_ask_is_late() {
        let cases = [
            ("", "", 0),
            ("a", "", 1),
            ("a |", "a1", 1),
            ("a | b |", "a1 b2", 2),
            // Who comes meanwhile shares the next one.
            ("a b c d |", "a1", 2),
            ("a b c d | |", "a1 b2 c2 d2", 2),
            ("a b | c | |", "a1 b2 c3", 3),
            // Who left is not asked for, and who stayed is.
            ("a b -b |", "a1", 1),
            ("a b c -b | |", "a1 c2", 2),
            // A late ask is joined; who waited for the next one still gets it.
            ("a -a b c |", "b1 c1", 1),
            ("a b -a c | |", "b2 c1", 2),
            ("a b -b c |", "a1 c1", 1),
            // Lateness ends with the ask it was of.
            ("a -a b | c d | |", "b1 c2 d3", 3),
            // Patience that began with an earlier ask says nothing of this one.
            ("a b c | -b d | |", "a1 c2 d3", 3),
        ];
        for (script, answered, asks) in cases {
            assert_eq!(play(script), (answered.to_owned(), asks), "{script}");
        }
    }
}
