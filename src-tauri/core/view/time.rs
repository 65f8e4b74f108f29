//! Times as people read them (local zone, with the time left) and as programs do (RFC 3339, UTC,
//! whole seconds). The local zone is the only thing looked up.

pub use crate::duration::{in_units, time_left};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::time::{Duration, SystemTime};

/// `2026-12-24T11:58:00Z`.
pub fn rfc3339(moment: SystemTime) -> String {
    timestamp(moment).strftime("%FT%TZ").to_string()
}

/// `2026-12-24 04:58:00 MST (35h 59m)`.
pub fn until(expires_at: SystemTime, now: SystemTime) -> String {
    until_in(expires_at, now, TimeZone::system())
}

/// `2026-12-24 04:58:00 MST`.
pub fn at(moment: SystemTime) -> String {
    in_zone(moment, TimeZone::system())
}

/// For times in JSON: readers such as jq know no fractions.
pub fn whole_seconds(moment: SystemTime) -> SystemTime {
    let since = moment.duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(moment, |since| {
        SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs())
    })
}

/// `in 14m`; `now` once it is due.
pub fn in_time(moment: SystemTime, now: SystemTime) -> String {
    match time_left(moment, now) {
        Duration::ZERO => "now".to_owned(),
        left => format!("in {}", in_units(left)),
    }
}

/// `in 24 s`, `in 14 min`; `now` once it is due.
pub fn in_words(moment: SystemTime, now: SystemTime) -> String {
    match time_left(moment, now) {
        Duration::ZERO => "now".to_owned(),
        left if left < Duration::from_secs(60) => format!("in {} s", left.as_secs().max(1)),
        left => format!("in {}", rounded(left)),
    }
}

/// `12 h`: rounded to the largest unit, for where space is short.
pub fn rounded(left: Duration) -> String {
    match left.as_secs() {
        0 => "expired".to_owned(),
        1..60 => "under 1 min".to_owned(),
        seconds @ 60..3570 => format!("{} min", (seconds + 30) / 60),
        seconds @ 3570.. => format!("{} h", (seconds + 1800) / 3600),
    }
}

fn until_in(expires_at: SystemTime, now: SystemTime, zone: TimeZone) -> String {
    let moment = in_zone(expires_at, zone);
    match time_left(expires_at, now) {
        Duration::ZERO => format!("{moment} (expired)"),
        remaining => format!("{moment} ({})", in_units(remaining)),
    }
}

fn in_zone(moment: SystemTime, zone: TimeZone) -> String {
    timestamp(moment)
        .to_zoned(zone)
        .strftime("%Y-%m-%d %H:%M:%S %Z")
        .to_string()
}

/// A moment beyond the calendar becomes its last one.
fn timestamp(moment: SystemTime) -> Timestamp {
    Timestamp::try_from(moment).unwrap_or(Timestamp::MAX)
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
        insta::assert_snapshot!(until_in(expires, at(1_798_113_481), zone), @"2026-12-24 04:58:00 MST (expired)");
        insta::assert_snapshot!(until_in(expires, at(1_798_113_478), TimeZone::fixed(tz::offset(2))), @"2026-12-24 13:58:00 +02 (2s)");
    }

    #[test]
    fn json_times_are_utc_without_fractions_and_no_moment_panics() {
        assert_eq!(
            rfc3339(at(1_798_113_480) + Duration::from_millis(999)),
            "2026-12-24T11:58:00Z"
        );
        // Later than any date that is written; Windows counts to the year 30828.
        assert!(rfc3339(at(400_000_000_000)).starts_with("9999-"));
    }
}
