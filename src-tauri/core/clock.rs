//! The clock: the only place that asks what time it is, or waits. Wall clock throughout, because sessions expire by it;
//! a manual clock stands in for it in tests.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

/// A laptop may sleep through a timer: nobody waits longer than this without looking at the clock again.
const LONGEST_NAP: Duration = Duration::from_secs(30);

#[derive(Clone, Debug, Default)]
pub struct Clock(Inner);

#[derive(Clone, Debug, Default)]
enum Inner {
    #[default]
    System,
    Manual(Arc<Mutex<SystemTime>>),
}

impl Clock {
    pub fn system() -> Clock {
        Clock(Inner::System)
    }

    /// Stands still until [`Clock::advance`] moves it.
    pub fn manual(start: SystemTime) -> Clock {
        Clock(Inner::Manual(Arc::new(Mutex::new(start))))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the place")]
    pub fn now(&self) -> SystemTime {
        match &self.0 {
            Inner::System => SystemTime::now(),
            Inner::Manual(now) => *now.lock().expect("no panic happens while the lock is held"),
        }
    }

    pub fn advance(&self, by: Duration) {
        match &self.0 {
            Inner::System => {}
            Inner::Manual(now) => *now.lock().expect("no panic happens while the lock is held") += by,
        }
    }

    /// Returns once the wall clock has reached `deadline`. Under a manual clock it polls, so that a test's `advance` is
    /// noticed.
    #[expect(clippy::disallowed_methods, reason = "this is the place")]
    pub async fn sleep_until(&self, deadline: SystemTime) {
        while let Ok(left) = deadline.duration_since(self.now()) {
            if left.is_zero() {
                return;
            }
            let nap = match &self.0 {
                Inner::System => left.min(LONGEST_NAP),
                Inner::Manual(_) => Duration::from_millis(1),
            };
            tokio::time::sleep(nap).await;
        }
    }

    /// Waits `pause` of this clock's time.
    pub async fn pause(&self, pause: Duration) {
        self.sleep_until(self.now() + pause).await;
    }

    /// A moment of real time between two looks at something that other processes change, whatever clock is used.
    #[expect(clippy::disallowed_methods, reason = "this is the place")]
    pub async fn nap(pause: Duration) {
        tokio::time::sleep(pause).await;
    }
}
