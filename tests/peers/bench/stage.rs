//! What is measured stands on this: the sandbox AWS, a home with a configuration of many roles, and
//! its agent.

use crate::home::{Home, prepared};
use crate::loopback::Loopback;
use crate::process::Process;
use keyfob_core::agent::socket::Address;
use keyfob_core::environment::Environment;
use std::fmt::Write;
use std::sync::LazyLock;

/// As it is handed to people: what cargo builds beside a test shares that one's features.
pub static FOB: LazyLock<String> = LazyLock::new(|| released("fob"));
pub static MINIMAL: LazyLock<String> = LazyLock::new(|| released("minimal"));

pub struct Stage {
    pub sandbox: Loopback,
    pub home: Home,
}

impl Stage {
    /// The user `dev`, whose keys are stored, and `role-1` to `role-N`, reached through it. The
    /// keyring is one for all stages: each has a realm of its own.
    pub fn new(realm: &str, roles: usize) -> Stage {
        let stage = Stage::unstored(realm, roles, &[]);
        stage.store_keys();
        stage
    }

    /// With a keyring in the agent's own memory, and the agent: GNOME's ends when it is given a
    /// thousand entries.
    pub fn in_memory(realm: &str, roles: usize) -> (Stage, Process) {
        let stage = Stage::unstored(realm, roles, &[("FOB_KEYRING", "memory")]);
        let agent = stage.agent();
        stage.store_keys();
        (stage, agent)
    }

    fn unstored(realm: &str, roles: usize, variables: &[(&str, &str)]) -> Stage {
        let sandbox = Loopback::start();
        let mut home = Home::new();
        let mut config =
            format!("auth:\n  realm: {realm}\n  identities:\n    dev: {{ kind: aws/user }}\n");
        for n in 1..=roles {
            writeln!(
                config,
                "    role-{n}: {{ kind: aws/assume-role, via: {{ identity: dev }}, principal: {{ assume_role: \"arn:aws:iam::420000000025:role/deploy\" }} }}"
            )
            .expect("text grows");
        }
        home.configure(&config);
        home.set("AWS_ENDPOINT_URL", &sandbox.url());
        for (name, value) in variables {
            home.set(name, value);
        }
        Stage { sandbox, home }
    }

    fn store_keys(&self) {
        let key = self.sandbox.keys("kim").remove(0);
        let (id, secret) = (key.access_key_id.as_str(), key.secret_access_key.expose());
        let csv = format!("Access key ID,Secret access key\n{id},{secret}\n");
        self.home
            .feed(&[&FOB, "user", "configure", "dev", "--stdin"], &csv)
            .ok();
    }

    pub fn agent(&self) -> Process {
        Process::start(&mut self.home.bare(&[&FOB, "agent", "run"]))
    }

    pub fn address(&self) -> Address {
        Address::of(&self.home.config(), &self.environment()).expect("the agent has an address")
    }

    /// As every program run here finds it.
    pub fn environment(&self) -> Environment {
        let command = self.home.bare(&[&FOB]);
        Environment::of(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
    }
}

fn released(program: &str) -> String {
    format!("{}/{program}", prepared("KEYFOB_RELEASE"))
}
