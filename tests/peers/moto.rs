//! An AWS of another make. The first four calls make an administrator; from the fifth on every
//! signature and policy is checked. It checks no MFA code, and its sessions never expire.

use crate::home::{Home, prepared};
use serde::Deserialize;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

pub struct Moto {
    server: Child,
    endpoint: String,
    /// The administrator's, whose keys are in its environment.
    office: Home,
}

/// An access key as AWS hands it out.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct AccessKey {
    #[serde(rename = "AccessKeyId")]
    pub id: String,
    #[serde(rename = "SecretAccessKey")]
    pub secret: String,
}

const CALLS_BEFORE_CHECKING: u32 = 4;

/// Clients for the scripts below; the last line of their output is one line of JSON.
const CLIENTS: &str =
    "import boto3, json, sys; iam = boto3.client('iam'); sts = boto3.client('sts')\n";

const MAKE_ADMINISTRATOR: &str = r#"
everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
iam.create_user(UserName="administrator")
policy = iam.create_policy(PolicyName="everything", PolicyDocument=json.dumps(everything))["Policy"]["Arn"]
iam.attach_user_policy(UserName="administrator", PolicyArn=policy)
print(json.dumps(iam.create_access_key(UserName="administrator")["AccessKey"], default=str))
"#;

const MAKE_USER: &str = r#"
iam.create_user(UserName=sys.argv[1])
iam.put_user_policy(UserName=sys.argv[1], PolicyName="own", PolicyDocument=sys.argv[2])
"#;

const MAKE_KEY: &str = r#"
print(json.dumps(iam.create_access_key(UserName=sys.argv[1])["AccessKey"], default=str))
"#;

const DELETE_KEY: &str = "iam.delete_access_key(UserName=sys.argv[1], AccessKeyId=sys.argv[2])";

impl Moto {
    /// One that checks no call: those without a signature it could not even answer.
    pub fn that_trusts() -> Moto {
        Moto::of(u32::MAX)
    }

    pub fn start() -> Moto {
        let mut moto = Moto::of(CALLS_BEFORE_CHECKING);
        moto.sign_in_as(&AccessKey {
            id: "nobody".to_owned(),
            secret: "nothing".to_owned(),
        });
        let administrator = moto.access_key(MAKE_ADMINISTRATOR, &[]);
        moto.sign_in_as(&administrator);
        moto
    }

    fn of(calls_before_checking: u32) -> Moto {
        let calls = calls_before_checking.to_string();
        let mut server = Command::new(prepared("KEYFOB_MOTO"))
            .args(["--host", "127.0.0.1", "--port", "0"])
            .env("INITIAL_NO_AUTH_ACTION_COUNT", calls)
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("moto_server can be started");
        let mut log = BufReader::new(server.stderr.take().expect("it is piped"));
        let endpoint = announced_address(&mut log);
        // Nobody reads the rest, and a full pipe would stop the server.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));

        let mut office = Home::new();
        office.set("AWS_ENDPOINT_URL", &endpoint);
        office.set("AWS_REGION", "us-east-1");
        office.set("AWS_DEFAULT_REGION", "us-east-1");
        Moto {
            server,
            endpoint,
            office,
        }
    }

    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// A user who may do what `policy`, a policy document, allows; returns the user's first access
    /// key.
    pub fn new_user(&self, name: &str, policy: &str) -> AccessKey {
        self.administer(MAKE_USER, &[name, policy]);
        self.new_key(name)
    }

    pub fn new_key(&self, user: &str) -> AccessKey {
        self.access_key(MAKE_KEY, &[user])
    }

    pub fn delete_key(&self, user: &str, key: &AccessKey) {
        self.administer(DELETE_KEY, &[user, &key.id]);
    }

    /// Runs Python as the administrator, with the clients `iam` and `sts`; returns what it printed.
    pub fn administer(&self, script: &str, arguments: &[&str]) -> String {
        self.office
            .python(&format!("{CLIENTS}{script}"), arguments)
            .ok()
    }

    fn access_key(&self, script: &str, arguments: &[&str]) -> AccessKey {
        serde_json::from_str(&self.administer(script, arguments))
            .expect("the script prints an access key")
    }

    fn sign_in_as(&mut self, key: &AccessKey) {
        self.office.set("AWS_ACCESS_KEY_ID", &key.id);
        self.office.set("AWS_SECRET_ACCESS_KEY", &key.secret);
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        // Both fail only when it has ended by itself.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The server picks a free port and names it in its log.
fn announced_address(log: &mut impl BufRead) -> String {
    let mut seen = String::new();
    while log.read_line(&mut seen).expect("the log is text") > 0 {
        let line = seen.lines().last().unwrap_or_default();
        if let Some((_, address)) = line.split_once("Running on ") {
            return address.trim().to_owned();
        }
    }
    panic!("moto_server ended before it served:\n{seen}");
}
