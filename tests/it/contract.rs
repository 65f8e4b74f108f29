//! The agent's contract: the JSON between processes.

mod samples;

use keyfob_core::agent::api::{
    Answered, Call, Control, Event, Look, Maintain, Reply, Request, SessionRequest,
};
use samples::{SECRET, caller, events, notes, replies, requests};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::{Duration, SystemTime};

#[test]
fn every_message_comes_out_as_it_went_in() {
    travels(&Request::Look(Look::Audit { since: None }));
    for request in requests() {
        travels(&Call {
            caller: caller(),
            request,
        });
    }
    for reply in replies() {
        travels(&Answered {
            notes: notes(),
            reply,
        });
    }
    events().iter().for_each(travels);
}

#[test]
fn the_samples_leave_out_no_variant_and_no_field() {
    let groups = [
        variants::<SessionRequest>(),
        variants::<Maintain>(),
        variants::<Look>(),
        variants::<Control>(),
    ];
    assert_eq!(names(&requests()), groups.into_iter().flatten().collect());
    assert_eq!(names(&replies()), variants::<Reply>());
    assert_eq!(names(&events()), variants::<Event>());
    let texts = [lines(&requests()), lines(&replies()), lines(&events())].concat();
    let with_gaps: Vec<_> = texts
        .iter()
        .filter(|text| text.contains("null") || text.contains("[]"))
        .collect();
    assert!(with_gaps.is_empty(), "{with_gaps:#?}");
}

#[test]
fn secrets_are_in_the_message_and_nowhere_else() {
    let request = |request| (line(&request), format!("{request:?}"));
    let reply = |reply| (line(&reply), format!("{reply:?}"));
    let mut carriers = BTreeSet::new();
    for (line, debug) in requests()
        .into_iter()
        .map(request)
        .chain(replies().into_iter().map(reply))
    {
        assert!(!debug.contains(SECRET), "{debug}");
        let sent = line.matches(SECRET).count();
        assert_eq!(
            sent,
            debug.matches("Secret(…)").count(),
            "each secret is sent: {debug}"
        );
        carriers.extend((sent > 0).then(|| variant(&debug).to_owned()));
    }
    assert_eq!(
        carriers.into_iter().collect::<Vec<_>>().join(" "),
        "Console Control Credentials DatabaseToken Maintain Session Variables"
    );
}

#[test]
fn a_moment_of_another_offset_is_the_same_moment_and_anything_else_is_refused() {
    let since =
        |text: &str| serde_json::from_str::<Request>(&format!(r#"{{"audit":{{"since":{text}}}}}"#));
    let there = since(r#""2026-12-24T13:58:01+02:00""#).expect("RFC 3339");
    assert_eq!(
        line(&there),
        r#"{"audit":{"since":"2026-12-24T11:58:01Z"}}"#
    );
    for text in [
        r#""2026-12-24""#,
        r#""2026-12-24T11:58:01""#,
        r#""yesterday""#,
        "1798113481",
        r#"{"secs_since_epoch":1}"#,
    ] {
        assert!(since(text).is_err(), "{text}");
    }
    let year_11476 = SystemTime::UNIX_EPOCH + Duration::from_secs(300_000_000_000);
    assert!(
        serde_json::to_string(&Request::Look(Look::Audit {
            since: Some(year_11476)
        }))
        .is_err()
    );
}

/// An older side reads what changed here otherwise, or not at all: that takes a new `VERSION`.
#[test]
fn messages_look_as_they_always_did() {
    let reply = |is: fn(&Reply) -> bool| replies().into_iter().find(is).expect("among the samples");
    let request =
        |is: fn(&Request) -> bool| requests().into_iter().find(is).expect("among the samples");
    let shown = [
        line(&Call {
            caller: caller(),
            request: request(|it| matches!(it, Request::Session(SessionRequest::Login(_)))),
        }),
        line(&Request::Look(Look::List)),
        line(&request(|it| {
            matches!(it, Request::Look(Look::Audit { .. }))
        })),
        line(&Request::Look(Look::Audit { since: None })),
        line(&request(|it| {
            matches!(it, Request::Control(Control::Answer { .. }))
        })),
        line(&Answered {
            notes: notes(),
            reply: reply(|it| matches!(it, Reply::Credentials(_))),
        }),
        line(&reply(|it| matches!(it, Reply::Needs(_)))),
        line(&reply(|it| matches!(it, Reply::Removed(_)))),
        line(&reply(|it| matches!(it, Reply::Audit(_)))),
        line(&Reply::RunInProcess),
        line(&events()[0]),
        line(&Event::ConfigurationChanged),
    ];
    insta::assert_snapshot!(shown.join("\n"), @r#"
    {"asker":{"program":"terraform","pid":4711,"person":"present"},"request":{"login":{"identity":"dev","duration":129600,"renewal":"always","mfa_code":"123456","assertion":"hidden-assertion"}}}
    "list"
    {"audit":{"since":"2026-12-24T11:58:01.1234567Z"}}
    {"audit":{"since":null}}
    {"answer":{"prompt":4,"answer":{"keys":{"access_key_id":"AKIAIOSFODNN7EXAMPLE","secret_access_key":"hidden-key","mfa_arn":"arn:aws:iam::410000000017:mfa/kim","session_duration":"36h","file":"/home/kim/accessKeys.csv"}}}}
    {"notes":[{"info":"Credentials saved to keyring: dev"},{"warning":"the clock is off"}],"reply":{"credentials":{"access_key_id":"ASIAIOSFODNN7EXAMPLE","secret_access_key":"hidden-key","session_token":"hidden-token","expires_at":"2026-12-24T11:58:01.1234567Z","account":"410000000017"}}}
    {"needs":{"id":4,"identity":"dev","wanted":"dev","kind":{"keys":{"why":"revoked","mfa_arn":"arn:aws:iam::410000000017:mfa/kim","session_duration":129600}},"attempt":2,"asker":{"program":"terraform","pid":4711,"person":"present"},"unanswered":{"code":"person_needed","message":"a person has to answer, and there is no way to ask one here","hints":["try again"],"context":{"identity":"dev","step":"org → dev","aws_error_code":"Throttled"},"remedy":"Person"}}}
    {"removed":{"subject":"identity","target":"dev","mode":"run","chain":["org","dev"],"identities":["dev"],"steps":[{"what":"provider_session","name":"dev","path":"session:dev","result":"would_remove","detail":"its session","flag":"--keychain"}],"others":[{"identity":"ops","expires_at":"2026-12-24T11:58:01.1234567Z"}],"notes":["open shells keep what they have"]}}
    {"audit":{"identities":[{"identity":"dev","sign_ins":1,"refreshes":2,"revocations":3,"keys_stored":4,"removals":5,"rotations":6,"failures":7,"last_use":"2026-12-24T11:58:01.1234567Z","askers":["terraform"]}],"lines":[{"number":1,"time":"2026-12-24T11:58:01.1234567Z","event":"sign_in","identity":"dev","what":"signed in","result":"ok","asker":{"program":"terraform","pid":4711,"user":"kim"},"previous":"0000000000000000000000000000000000000000000000000000000000000000"},{"number":2,"time":"2026-12-24T11:58:01.1234567Z","event":"sign_in","identity":"dev","what":"signed in","result":"failed","error":"mfa_refused","asker":{"program":"terraform","pid":4711,"user":"kim"},"previous":"0000000000000000000000000000000000000000000000000000000000000000"}],"left_out":8}}
    "run_in_process"
    {"signed_in":{"identity":"dev","expires_at":"2026-12-24T11:58:01.1234567Z"}}
    "configuration_changed"
    "#);
}

/// A secret does not show in `Debug`, and a field that is skipped does not show in JSON: both are
/// compared.
fn travels<T: Serialize + DeserializeOwned + Debug>(message: &T) {
    let sent = line(message);
    let read: T =
        serde_json::from_str(&sent).unwrap_or_else(|cause| panic!("{cause}: {message:?}"));
    assert_eq!(line(&read), sent);
    assert_eq!(format!("{read:?}"), format!("{message:?}"));
}

fn line(message: &impl Serialize) -> String {
    serde_json::to_string(message).expect("a message becomes JSON")
}

fn lines(messages: &[impl Serialize]) -> Vec<String> {
    messages.iter().map(line).collect()
}

/// The variants that are among the samples.
fn names(samples: &[impl Serialize]) -> BTreeSet<String> {
    samples.iter().map(|sample| tag(&line(sample))).collect()
}

/// The first word in quotation marks.
fn tag(line: &str) -> String {
    line.split('"').nth(1).unwrap_or_default().to_owned()
}

/// The variants there are: serde lists them when it meets an unknown one.
fn variants<T: DeserializeOwned + Debug>() -> BTreeSet<String> {
    let error = serde_json::from_str::<T>(r#""no such variant""#).expect_err("it is unknown");
    let error = error.to_string();
    let (_, expected) = error.split_once("expected").expect("the known variants");
    expected
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

fn variant(debug: &str) -> &str {
    debug
        .split(|c: char| !c.is_alphanumeric())
        .next()
        .unwrap_or(debug)
}
