//! Times as people read them (local zone, with the time left) and as programs do (RFC 3339, UTC,
//! whole seconds).

use jiff::Timestamp;
use jiff::tz::TimeZone;
pub use keyfob_core::agent::api::in_units as left;
use keyfob_core::agent::api::time_left;
use std::time::{Duration, SystemTime};

/// `2026-12-24T11:58:00Z`.
pub fn rfc3339(moment: SystemTime) -> String {
    timestamp(moment).to_string()
}

/// `2026-12-24 04:58:00 MST (35h 59m)`.
pub fn until(expires_at: SystemTime, now: SystemTime) -> String {
    until_in(expires_at, now, TimeZone::system())
}

/// `2026-12-24 04:58:00 MST`.
pub fn at(moment: SystemTime) -> String {
    in_zone(moment, TimeZone::system())
}

fn until_in(expires_at: SystemTime, now: SystemTime, zone: TimeZone) -> String {
    let moment = in_zone(expires_at, zone);
    match time_left(expires_at, now) {
        Duration::ZERO => format!("{moment} (over)"),
        remaining => format!("{moment} ({})", left(remaining)),
    }
}

fn in_zone(moment: SystemTime, zone: TimeZone) -> String {
    timestamp(moment)
        .to_zoned(zone)
        .strftime("%Y-%m-%d %H:%M:%S %Z")
        .to_string()
}

/// Whole seconds; a moment that no calendar knows becomes the last that it does.
fn timestamp(moment: SystemTime) -> Timestamp {
    let seconds = match moment.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(before) => {
            i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |seconds| -seconds)
        }
    };
    let bounds = Timestamp::MIN.as_second()..=Timestamp::MAX.as_second();
    Timestamp::from_second(seconds.clamp(*bounds.start(), *bounds.end()))
        .expect("clamped to what a timestamp holds")
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_time_is_shown_in_the_local_zone_with_the_time_left() {
        let zone = TimeZone::posix("MST7").expect("a zone");
        let expires = at(1_798_113_480);
        insta::assert_snapshot!(until_in(expires, at(1_798_113_480 - 129_599), zone.clone()), @"2026-12-24 04:58:00 MST (35h 59m)");
        insta::assert_snapshot!(until_in(expires, at(1_798_113_481), zone), @"2026-12-24 04:58:00 MST (over)");
        insta::assert_snapshot!(until_in(expires, at(1_798_113_478), TimeZone::fixed(tz::offset(2))), @"2026-12-24 13:58:00 +02 (2s)");
    }

    #[test]
    fn json_times_are_utc_without_fractions_and_no_moment_panics() {
        assert_eq!(
            rfc3339(at(1_798_113_480) + Duration::from_millis(999)),
            "2026-12-24T11:58:00Z"
        );
        assert!(rfc3339(at(u64::from(u32::MAX) << 20)).starts_with("9999-"));
    }
}
