//! Sign-ins without an access key: warm programs of each kind, fifty cold ones over an Identity
//! Center, and the list of thousands of roles that are assigned.

use crate::figures::{Figure, median, milliseconds, ratio, timed};
use crate::home::{Home, prepared};
use crate::loopback::Loopback;
use crate::stage::{FOB, Stage};
use crate::starts;
use keyfob_core::sandbox::SandboxAccount;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

const TURNS: usize = 200;
const LOOKS: usize = 20;
const FEW: usize = 10;
const ROLES: [&str; 4] = ["Admin", "View", "Billing", "Support"];
const ACCOUNTS: u32 = 600;

/// `role-1` and so on are permission sets, a role each.
const CONFIG: &str = r#"
  providers:
    corp: { kind: aws/iam-identity-center, region: eu-central-1, start_url: "https://sandbox.awsapps.com/start" }
    pod: { kind: aws/web-identity, region: us-east-1, spec: { token_file: "~/token" } }
  identities:
    me: { kind: aws/login, credentials: { region: eu-central-1 } }
    above: { kind: aws/assume-role, via: { identity: role-1 }, principal: { assume_role: "arn:aws:iam::420000000025:role/deploy" } }
    web: { kind: aws/assume-role, via: { provider: pod }, principal: { assume_role: "arn:aws:iam::420000000025:role/deploy" } }
"#;

pub fn kinds(minimal: Duration) -> Vec<Figure> {
    let account = "\"420000000025\"";
    let sets = (1..=FEW).map(|n| {
        format!("    role-{n}: {{ kind: aws/permission-set, via: {{ provider: corp }}, principal: {{ name: Set-{n}, account: {{ id: {account} }} }} }}\n")
    });
    let stage = stage(&format!(
        "auth:\n  realm: kinds{CONFIG}{}",
        sets.collect::<String>()
    ));
    let mut settings = stage.sandbox.settings();
    let sets: Vec<String> = (1..=FEW).map(|n| format!("Set-{n}")).collect();
    settings.accounts = vec![SandboxAccount {
        id: "420000000025".to_owned(),
        name: "dev".to_owned(),
        roles: sets,
    }];
    stage.sandbox.set_settings(settings).expect("settings");
    let day = Duration::from_secs(24 * 3600);
    let token = stage
        .sandbox
        .web_identity_token("bench", "sts.amazonaws.com", day);
    fs::write(stage.home.path("token"), token).expect("a file");
    for identity in ["role-1", "me"] {
        sign_in(&stage, &["login", identity]);
    }
    let _agent = stage.agent();
    let mut figures: Vec<Figure> = [
        ("a permission set", "role-1"),
        ("a role above one", "above"),
        ("`aws/login`", "me"),
        ("`aws/web-identity`", "web"),
    ]
    .map(|(kind, identity)| warm(&stage, kind, identity, minimal))
    .into();
    let over = " over IAM Identity Center";
    figures.extend(starts::cold(&stage, minimal, over, "GetRoleCredentials"));
    figures
}

fn warm(stage: &Stage, kind: &str, identity: &str, minimal: Duration) -> Figure {
    let mut fob = starts::fob(stage, identity);
    starts::run(&mut fob);
    let mut times: Vec<Duration> = (0..TURNS).map(|_| starts::run(&mut fob)).collect();
    let time = median(&mut times);
    Figure::new(
        format!("`fob credential-process` of {kind}, warm"),
        Some(ratio(time, minimal)),
        milliseconds(time),
    )
    .limit("1.50", ratio(time, minimal) <= 1.5)
}

/// Listed once, and from then on without a call.
pub fn assigned() -> Vec<Figure> {
    let few = Stage::new("assigned-few", FEW);
    let many = stage(
        "auth:\n  realm: assigned-many\n  providers:\n    corp: { kind: aws/iam-identity-center, region: eu-central-1, \
         start_url: \"https://sandbox.awsapps.com/start\", auto_provision_identities: true }\n",
    );
    sign_in(&many, &["login", "--provider", "corp"]);
    let mut settings = many.sandbox.settings();
    let team = |n: u32| SandboxAccount::new(format!("{n:012}"), format!("team-{n}"), &ROLES);
    settings.accounts = (1..=ACCOUNTS).map(team).collect();
    many.sandbox.set_settings(settings).expect("settings");
    many.home.run(&[&FOB, "login", "--provider", "corp"]).ok();
    many.sandbox.clear_journal();
    let alone = lists(&few, &many, "without an agent");
    let _agents = [few.agent(), many.agent()];
    let figures = vec![alone, lists(&few, &many, "with an agent")];
    assert!(many.sandbox.journal().is_empty(), "a list takes no call");
    figures
}

fn lists(few: &Stage, many: &Stage, how: &str) -> Figure {
    let time = |stage: &Stage, last: &str| {
        let list = || {
            let text = stage.home.run(&[&FOB, "list"]).ok();
            assert!(text.contains(last), "{text}");
        };
        list();
        let mut times: Vec<Duration> = (0..LOOKS).map(|_| timed(list)).collect();
        median(&mut times)
    };
    let (few, many) = (time(few, "role-10"), time(many, "team-600/Support"));
    let limit = 3 * few + Duration::from_millis(50);
    Figure::new(
        format!("`fob list` of 2400 assigned roles, {how}; the ratio is to {FEW} identities"),
        Some(ratio(many, few)),
        milliseconds(many),
    )
    .limit(format!("3 x {} + 50 ms", milliseconds(few)), many <= limit)
}

/// With a browser in which a person presses the button of every page.
fn stage(config: &str) -> Stage {
    const PRESSES: &str = "import sys, urllib.request as web; web.urlopen(sys.argv[1], b'').read()";
    let sandbox = Loopback::start();
    let mut home = Home::new();
    home.configure(config);
    home.set("AWS_ENDPOINT_URL", &sandbox.url());
    let programs = home.path("programs");
    fs::create_dir(&programs).expect("a folder");
    let launcher = programs.join("xdg-open");
    let python = prepared("KEYFOB_PYTHON");
    let script = format!("#!/bin/sh\nexec {python} -c \"{PRESSES}\" \"$1\"\n");
    fs::write(&launcher, script).expect("a file");
    fs::set_permissions(&launcher, Permissions::from_mode(0o755)).expect("a mode");
    home.set("PATH", &format!("{}:/usr/bin:/bin", programs.display()));
    home.set("DISPLAY", ":99");
    Stage { sandbox, home }
}

fn sign_in(stage: &Stage, arguments: &[&str]) {
    let words = [&[FOB.as_str()], arguments].concat();
    let (shown, exit) = stage.home.terminal(&words).finish();
    assert_eq!(exit, 0, "{shown}");
}
