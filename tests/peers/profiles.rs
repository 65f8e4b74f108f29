//! `fob profiles` with the AWS CLI and boto3, which find the profile in `~/.aws/config` and nothing
//! in the environment but its name.

use crate::clients::{stage, started_agent};
use crate::home::Home;

const FOB: &str = env!("CARGO_BIN_EXE_fob");
const ROLE: &str = "arn:aws:sts::420000000025:assumed-role/deploy/fob-deploy";
/// As people leave them.
const CONFIGS: [&str; 3] = [
    "[default]\nregion = us-west-2\ns3 =\n  max_concurrent_requests = 20\n\n[profile my lake]\noutput = text",
    "[default]\r\nregion = us-west-2\r\n\r\n[profile x]\r\noutput = json\r\n",
    "",
];

/// Who `AWS_PROFILE` is for both of them.
fn principals(home: &Home, url: &str) -> [String; 2] {
    let by_cli = home.run(&[
        "/usr/bin/aws",
        "--endpoint-url",
        url,
        "sts",
        "get-caller-identity",
        "--query",
        "Arn",
        "--output",
        "text",
    ]);
    let by_boto3 = home.python(
        "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])",
        &[],
    );
    [by_cli, by_boto3].map(|ran| ran.ok().trim().to_owned())
}

#[test]
fn the_aws_cli_and_boto3_work_with_nothing_but_the_name_of_the_profile() {
    let (sandbox, mut home) = stage("profiles");
    let url = sandbox.url();
    let text = std::fs::read_to_string(home.config()).expect("text");
    let region = "default: true, credentials: { region: eu-central-1 }";
    home.configure(&text.replacen("default: true", region, 1));
    home.run(&[FOB, "login", "deploy"]).ok();
    std::fs::create_dir_all(home.path(".aws")).expect("a folder");
    let config = home.path(".aws/config");
    let mut agent = None;
    for before in CONFIGS {
        std::fs::write(&config, before).expect("a file");
        home.run(&[FOB, "profiles", "write"]).ok();
        for profile in ["deploy", "team/deploy"] {
            home.set("AWS_PROFILE", profile);
            let session = profile.replace('/', "-");
            let right = ROLE.replace("fob-deploy", &format!("fob-{session}"));
            assert_eq!(principals(&home, &url), [right.clone(), right]);
        }
        home.set("AWS_PROFILE", "");
        home.run(&[FOB, "profiles", "remove"]).ok();
        let after = std::fs::read_to_string(&config).unwrap_or_default();
        assert_eq!(after, before);
        // From the second file on, with an agent.
        agent.get_or_insert_with(|| started_agent(&home));
    }
    home.run(&[FOB, "agent", "stop"]).ok();
    let agent = agent.and_then(|mut it| it.wait().ok());
    assert!(agent.is_some_and(|it| it.success()));
}

#[test]
fn a_setting_that_the_aws_cli_adds_to_a_profile_of_ours_stays() {
    let (_sandbox, home) = stage("profiles-set");
    home.run(&[FOB, "profiles", "write"]).ok();
    let set = ["configure", "set", "output", "yaml", "--profile", "deploy"];
    home.run(&[&["/usr/bin/aws"], set.as_slice()].concat()).ok();
    home.run(&[FOB, "profiles", "write"]).ok();
    let get = ["configure", "get", "output", "--profile", "deploy"];
    let output = home.run(&[&["/usr/bin/aws"], get.as_slice()].concat()).ok();
    assert_eq!(output.trim(), "yaml");
}
