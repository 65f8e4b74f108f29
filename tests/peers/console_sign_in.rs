//! The console's own sign-in (`aws/login`): a person signs in in a real browser, the sign-in is kept
//! in a real keyring, and boto3 and the AWS CLI work on with it.

use crate::clients::LONG_RUN;
use crate::identity_center::{count, signed_in};

const ME: &str = "auth:
  realm: console-sign-in
  identities:
    me: { kind: aws/login, default: true, credentials: { region: eu-central-1 } }
";

#[test]
fn boto3_and_the_aws_cli_work_on_past_the_ends_of_several_sessions_with_one_tab() {
    let (sandbox, home) = signed_in(ME, "me", |settings| settings.session_seconds = Some(60));
    let sessions: usize = home
        .python(LONG_RUN, &["105"])
        .ok()
        .trim()
        .parse()
        .expect("a number");
    assert!(sessions >= 3, "{sessions} sessions in 105 seconds");
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
    assert_eq!(
        count(&sandbox, "AuthorizeOAuth2Access"),
        2,
        "one page, shown and answered"
    );
    let refreshes = count(&sandbox, "CreateOAuth2Token") - 1;
    assert!(
        (2..=3).contains(&refreshes),
        "one refresh a renewal: {refreshes}"
    );
    let refused: Vec<_> = sandbox
        .journal()
        .into_iter()
        .filter(|call| call.outcome != "ok")
        .map(|call| (call.action, call.outcome))
        .collect();
    assert!(refused.is_empty(), "{refused:?}");
}
