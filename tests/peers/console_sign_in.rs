//! The console's own sign-in (`aws/login`): a person signs in in a real browser, the sign-in is kept
//! in a real keyring, and boto3 and the AWS CLI work on with it.

use crate::clients::{LongRun, started_agent};
use crate::home::Home;
use crate::identity_center::{count, refusals, signed_in};
use crate::loopback::Loopback;
use keyfob_core::environment::Environment;

const FOB: &str = env!("CARGO_BIN_EXE_fob");

/// Sessions last a minute.
fn at_the_console(realm: &str) -> (Loopback, Home) {
    let config = format!(
        "auth:
  realm: {realm}
  identities:
    me: {{ kind: aws/login, default: true, credentials: {{ region: eu-central-1 }} }}
"
    );
    signed_in(&config, "me", |settings| {
        settings.session_seconds = Some(60);
    })
}

/// So many seconds of boto3: with one tab, one refresh a renewal, and no call that failed.
fn works_on(sandbox: &Loopback, home: &mut Home, seconds: u32) -> LongRun {
    let run = LongRun::of(home, seconds);
    assert_eq!(
        count(sandbox, "AuthorizeOAuth2Access"),
        2,
        "one page, shown and answered"
    );
    let refreshes = count(sandbox, "CreateOAuth2Token") - 1;
    // The last one may have come after the last call, and each is due three quarters of the way.
    let renewals = run.sessions - 1..=run.sessions;
    assert!(renewals.contains(&refreshes), "{refreshes}: {run:?}");
    let refused = refusals(sandbox);
    assert!(refused.is_empty(), "{refused:?}");
    run
}

#[test]
fn boto3_and_the_aws_cli_work_on_past_the_ends_of_several_sessions_with_one_tab() {
    let (sandbox, mut home) = at_the_console("console-sign-in");
    let run = works_on(&sandbox, &mut home, 105);
    assert!(run.sessions >= 3, "{run:?}");
    let by_cli = home
        .run(&[
            "/usr/bin/aws",
            "--endpoint-url",
            &sandbox.url(),
            "sts",
            "get-caller-identity",
            "--query",
            "Arn",
            "--output",
            "text",
        ])
        .ok();
    assert_eq!(by_cli.trim(), "arn:aws:iam::123456789012:user/kim");
}

/// The two run side by side; what they counted shows with `--nocapture`.
#[test]
#[ignore = "takes an hour, or the seconds in KEYFOB_LONG_RUN"]
fn an_hour_of_boto3_without_an_agent_and_with_one_sees_no_failed_call_and_no_second_tab() {
    let seconds = Environment::capture();
    let seconds = seconds.var("KEYFOB_LONG_RUN").expect("plain text");
    let seconds = seconds.map_or(3600, |text| text.parse().expect("seconds"));
    let (alone, (with_an_agent, mut agent)) = std::thread::scope(|threads| {
        let alone = threads.spawn(|| {
            let (sandbox, mut home) = at_the_console("console-hour");
            works_on(&sandbox, &mut home, seconds)
        });
        let (sandbox, mut home) = at_the_console("console-hour-agent");
        let agent = started_agent(&home);
        let run = works_on(&sandbox, &mut home, seconds);
        home.run(&[FOB, "agent", "stop"]).ok();
        (alone.join().expect("no panic"), (run, agent))
    });
    println!("{seconds} s, one tab each; without an agent {alone:?}, with one {with_an_agent:?}");
    assert!(agent.wait().expect("it was started").success());
}
