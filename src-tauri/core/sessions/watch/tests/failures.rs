//! Renewals that fail: how often they are tried, and what is said of them.

use super::*;

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
