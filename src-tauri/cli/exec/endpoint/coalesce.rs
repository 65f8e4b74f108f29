//! Coalesced fetches: one runs at a time, and requests that arrive meanwhile share the next one, so
//! that an answer is never older than its request. Only a fetch that takes longer than clients wait
//! is joined by later requests.

use keyfob_core::agent::api::Credentials;
use keyfob_core::clock::Clock;
use keyfob_core::error::{Code, Error, Result};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::watch;

/// The AWS SDK for JavaScript gives up after one second.
const LONGEST_WAIT: Duration = Duration::from_millis(800);

pub(super) type Fetch = Pin<Box<dyn Future<Output = Result<Credentials>> + Send>>;
pub(super) type Fetched = Arc<Result<Credentials>>;

/// A source of credentials, shared by many requests.
pub(super) struct Coalesced {
    fetch: Box<dyn Fn() -> Fetch + Send + Sync>,
    clock: Clock,
    fetches: Mutex<Fetches<Fetched>>,
}

impl Coalesced {
    pub fn new<F>(clock: Clock, source: impl Fn() -> F + Send + Sync + 'static) -> Coalesced
    where
        F: Future<Output = Result<Credentials>> + Send + 'static,
    {
        Coalesced {
            fetch: Box::new(move || Box::pin(source())),
            clock,
            fetches: Mutex::new(Fetches::default()),
        }
    }

    /// `None` when it takes too long: the fetch continues for later requests.
    pub async fn credentials(self: &Arc<Self>) -> Option<Fetched> {
        let (waiter, next) = self.fetches().join();
        match next {
            Next::Fetch => drop(tokio::spawn(self.clone().run())),
            Next::Idle => {}
        }
        let Follower {
            running,
            mut answer,
        } = waiter;
        tokio::select! {
            biased;
            answered = answer.wait_for(Option::is_some) => answered.ok().and_then(|it| it.clone()),
            () = self.clock.pause(LONGEST_WAIT) => {
                self.fetches().time_out(running);
                None
            }
        }
    }

    /// On a task of its own: a request that goes away ends nothing.
    async fn run(self: Arc<Self>) {
        loop {
            let this = self.clone();
            let fetched = tokio::spawn(async move { (this.fetch)().await }).await;
            let fetched = fetched.unwrap_or_else(|_| {
                let error = Error::new(
                    Code::ProcessFailed,
                    "fetching credentials ended unexpectedly",
                );
                Err(error.hint("this is a bug in Keyfob"))
            });
            match self.fetches().finish(Arc::new(fetched)) {
                Next::Fetch => {}
                Next::Idle => return,
            }
        }
    }

    fn fetches(&self) -> MutexGuard<'_, Fetches<Fetched>> {
        self.fetches
            .lock()
            .expect("no panic happens while the lock is held")
    }

    /// How many requests wait for the running fetch, and for the next one.
    #[cfg(test)]
    pub fn waiting(&self) -> (usize, usize) {
        let fetches = self.fetches();
        let count = |it: Option<&watch::Sender<_>>| it.map_or(0, watch::Sender::receiver_count);
        (
            count(fetches.running.as_ref().map(|it| &it.answer)),
            count(fetches.next.as_ref()),
        )
    }
}

/// The rule alone, without time and without a source.
struct Fetches<T> {
    /// Of the last fetch that was started.
    number: u64,
    running: Option<RunningFetch<T>>,
    next: Option<watch::Sender<Option<T>>>,
}

struct RunningFetch<T> {
    answer: watch::Sender<Option<T>>,
    /// A request has waited for it too long.
    is_late: bool,
}

struct Follower<T> {
    /// The number of the fetch that was running when the request came.
    running: u64,
    answer: watch::Receiver<Option<T>>,
}

/// What the source has to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Fetch,
    Idle,
}

impl<T> Default for Fetches<T> {
    fn default() -> Fetches<T> {
        Fetches {
            number: 0,
            running: None,
            next: None,
        }
    }
}

impl<T> Fetches<T> {
    fn join(&mut self) -> (Follower<T>, Next) {
        let (answer, next) = match &self.running {
            None => {
                let (sender, answer) = watch::channel(None);
                self.start(sender);
                (answer, Next::Fetch)
            }
            Some(running) if running.is_late => (running.answer.subscribe(), Next::Idle),
            Some(_) => {
                let next = self.next.get_or_insert_with(|| watch::Sender::new(None));
                (next.subscribe(), Next::Idle)
            }
        };
        let running = self.number;
        (Follower { running, answer }, next)
    }

    /// A request has waited too long that came during this fetch.
    fn time_out(&mut self, number: u64) {
        if let Some(running) = self.running.as_mut().filter(|_| number == self.number) {
            running.is_late = true;
        }
    }

    /// The running fetch has ended. The next one starts if a request still waits for it.
    fn finish(&mut self, answer: T) -> Next {
        if let Some(ended) = self.running.take() {
            ended.answer.send_replace(Some(answer));
        }
        match self.next.take().filter(|next| !next.is_closed()) {
            Some(next) => {
                self.start(next);
                Next::Fetch
            }
            None => Next::Idle,
        }
    }

    fn start(&mut self, answer: watch::Sender<Option<T>>) {
        self.number += 1;
        self.running = Some(RunningFetch {
            answer,
            is_late: false,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Plays a script, one word an event: request `a` comes, `-a` times out, `|` the running fetch
    /// ends. Returns which request got the answer of which fetch (`a1`), and the number of fetches.
    fn play(script: &str) -> (String, u64) {
        let mut fetches = Fetches::default();
        let mut waiters = BTreeMap::new();
        for event in script.split_whitespace() {
            match event.strip_prefix('-') {
                Some(name) => {
                    let waiter: Follower<u64> = waiters.remove(name).expect("has arrived before");
                    fetches.time_out(waiter.running);
                }
                None if event == "|" => drop(fetches.finish(fetches.number)),
                None => drop(waiters.insert(event, fetches.join().0)),
            }
        }
        let answered = waiters
            .iter()
            .filter_map(|(name, waiter)| Some(format!("{name}{}", (*waiter.answer.borrow())?)));
        (answered.collect::<Vec<_>>().join(" "), fetches.number)
    }

    #[test]
    fn an_answer_is_never_older_than_its_request_except_where_a_fetch_is_late() {
        let cases = [
            ("", "", 0),
            ("a", "", 1),
            ("a |", "a1", 1),
            ("a | b |", "a1 b2", 2),
            // Requests that come meanwhile share the next one.
            ("a b c d |", "a1", 2),
            ("a b c d | |", "a1 b2 c2 d2", 2),
            ("a b | c | |", "a1 b2 c3", 3),
            // A request that left starts no fetch, one that stayed does.
            ("a b -b |", "a1", 1),
            ("a b c -b | |", "a1 c2", 2),
            // A late fetch is joined; those that waited for the next one still get it.
            ("a -a b c |", "b1 c1", 1),
            ("a b -a c | |", "b2 c1", 2),
            ("a b -b c |", "a1 c1", 1),
            // Lateness ends with its fetch.
            ("a -a b | c d | |", "b1 c2 d3", 3),
            // A wait that began with an earlier fetch says nothing of this one.
            ("a b c | -b d | |", "a1 c2 d3", 3),
        ];
        for (script, answered, fetches) in cases {
            assert_eq!(play(script), (answered.to_owned(), fetches), "{script}");
        }
    }
}
