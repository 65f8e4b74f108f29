//! The clock: the only place that asks what time it is, or waits. Wall clock throughout, because
//! sessions expire by it; a manual clock stands in for it in tests.

#[cfg(target_os = "linux")]
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};
#[cfg(target_os = "linux")]
use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
#[cfg(target_os = "linux")]
use tokio::net::unix::pipe::Receiver;

/// A laptop may sleep through a timer: no wait is longer than this without looking at the clock
/// again.
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

    /// Stands still until [`Clock::advance`] or [`Clock::set_back`] moves it.
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
            Inner::Manual(now) => {
                *now.lock().expect("no panic happens while the lock is held") += by;
            }
        }
    }

    pub fn set_back(&self, by: Duration) {
        match &self.0 {
            Inner::System => {}
            Inner::Manual(now) => {
                *now.lock().expect("no panic happens while the lock is held") -= by;
            }
        }
    }

    /// Returns once the wall clock has reached `deadline`. Under a manual clock it polls, so that a
    /// test's `advance` is noticed.
    pub async fn sleep_until(&self, deadline: SystemTime) {
        while self.nap_towards(deadline).await {}
    }

    /// As [`Clock::sleep_until`], and ends early when the clock is set back: a deadline may be far
    /// away by the new time.
    pub async fn sleep_until_or_set_back(&self, deadline: SystemTime) {
        let mut seen = self.now();
        while self.nap_towards(deadline).await {
            let now = self.now();
            if now < seen {
                return;
            }
            seen = now;
        }
    }

    /// `false`: the deadline is there.
    #[expect(clippy::disallowed_methods, reason = "this is the place")]
    async fn nap_towards(&self, deadline: SystemTime) -> bool {
        let left = deadline.duration_since(self.now()).unwrap_or_default();
        if left.is_zero() {
            return false;
        }
        let nap = match &self.0 {
            Inner::System => left.min(LONGEST_NAP),
            Inner::Manual(_) => Duration::from_millis(1),
        };
        tokio::time::sleep(nap).await;
        true
    }

    /// Waits `pause` of this clock's time.
    pub async fn pause(&self, pause: Duration) {
        self.sleep_until(self.now() + pause).await;
    }

    /// A moment of real time between two looks at something that other processes change, whatever
    /// clock is used.
    #[expect(clippy::disallowed_methods, reason = "this is the place")]
    pub async fn nap(pause: Duration) {
        tokio::time::sleep(pause).await;
    }
}

/// For a task that rests most of the time: a rest is one wake-up where the system has timers of its
/// own, since the runtime's wheel wakes several times on the way to a far deadline. They count
/// suspended time.
#[derive(Debug)]
pub struct Alarm {
    clock: Clock,
    #[cfg(target_os = "linux")]
    timer: io::Result<Receiver>,
}

impl Alarm {
    /// Needs a tokio runtime around it.
    pub fn new(clock: Clock) -> Alarm {
        #[cfg(target_os = "linux")]
        let timer = timerfd_create(
            TimerfdClockId::Boottime,
            TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC,
        )
        .map_err(io::Error::from)
        // Read like a pipe, that has something to say once the time has come.
        .and_then(Receiver::from_owned_fd_unchecked);
        Alarm {
            clock,
            #[cfg(target_os = "linux")]
            timer,
        }
    }

    /// Returns at the deadline, and early when the clock may have been set: the caller looks at
    /// it again.
    pub async fn rest_until(&self, deadline: SystemTime) {
        #[cfg(target_os = "linux")]
        if let (Inner::System, Ok(timer)) = (&self.clock.0, &self.timer)
            && let Ok(left) = deadline.duration_since(self.clock.now())
            && !left.is_zero()
            && wait_for(timer, left.min(LONGEST_NAP)).await.is_ok()
        {
            return;
        }
        self.clock.sleep_until_or_set_back(deadline).await;
    }
}

#[cfg(target_os = "linux")]
async fn wait_for(timer: &Receiver, nap: Duration) -> io::Result<()> {
    let once = Duration::ZERO.try_into().map_err(io::Error::other)?;
    let it_value = nap.try_into().map_err(io::Error::other)?;
    timerfd_settime(
        timer,
        TimerfdTimerFlags::empty(),
        &Itimerspec {
            it_interval: once,
            it_value,
        },
    )?;
    loop {
        timer.readable().await?;
        match timer.try_read(&mut [0; 8]) {
            // Left by an earlier wait that was given up.
            Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => {}
            read => return read.map(drop),
        }
    }
}

/// The date as people here have it: `2026-12-24`.
pub fn day(moment: SystemTime) -> String {
    let day = jiff::Timestamp::try_from(moment).map(|it| {
        it.to_zoned(jiff::tz::TimeZone::system())
            .strftime("%F")
            .to_string()
    });
    day.unwrap_or_else(|_| "the end of time".to_owned())
}

/// A point in time in a message between processes: RFC 3339 text, UTC, to the nanosecond
/// (`#[serde(with = …)]`).
pub mod moment {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};
    use std::time::SystemTime;

    /// Fails beyond the year 9999: nothing that is stored ends there.
    pub fn serialize<S: Serializer>(moment: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
        Timestamp::try_from(*moment)
            .map_err(ser::Error::custom)?
            .serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
        Timestamp::deserialize(deserializer).map(SystemTime::from)
    }

    pub mod optional {
        use super::{Deserialize, Deserializer, Serializer, SystemTime, Timestamp};

        pub fn serialize<S: Serializer>(
            moment: &Option<SystemTime>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            match moment {
                Some(moment) => super::serialize(moment, serializer),
                None => serializer.serialize_none(),
            }
        }

        pub fn deserialize<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Option<SystemTime>, D::Error> {
            Ok(Option::<Timestamp>::deserialize(deserializer)?.map(SystemTime::from))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_alarm_rings_at_its_time_also_after_a_wait_that_was_given_up() {
        let clock = Clock::system();
        let alarm = Alarm::new(clock.clone());
        #[cfg(target_os = "linux")]
        assert!(alarm.timer.is_ok(), "{alarm:?}");
        let soon = || clock.now() + Duration::from_millis(20);
        for _ in 0..3 {
            let far = clock.now() + Duration::from_secs(3600);
            tokio::select! {
                () = alarm.rest_until(far) => panic!("an hour early"),
                () = clock.sleep_until(soon()) => {}
            }
            let deadline = soon();
            alarm.rest_until(deadline).await;
            assert!(clock.now() >= deadline);
            // Given up when it has rung and no one has heard it yet.
            tokio::select! {
                biased;
                () = alarm.rest_until(soon()) => panic!("before its time"),
                () = std::future::ready(()) => {}
            }
            clock.sleep_until(soon() + Duration::from_millis(20)).await;
        }
    }

    #[tokio::test]
    async fn an_alarm_follows_a_manual_clock() {
        let clock = Clock::manual(SystemTime::UNIX_EPOCH);
        let alarm = Alarm::new(clock.clone());
        let day = Duration::from_secs(24 * 60 * 60);
        clock.advance(day);
        alarm.rest_until(SystemTime::UNIX_EPOCH + day).await;
        let ringing =
            tokio::spawn(async move { alarm.rest_until(SystemTime::UNIX_EPOCH + 2 * day).await });
        clock.advance(day);
        ringing.await.expect("it rings");
    }
}
