//! The agent of the configuration: whether it runs, and runs as this process would.

use super::check::Checked;
use super::machine::{AgentAnswer, Machine};
use crate::agent::api::{Running, Snapshot};
use crate::environment::EnvironmentDifference;
use std::net::Ipv4Addr;
use tokio::net::TcpStream;

const NAME: &str = "agent";
const RESTART: &str = "fob agent stop && fob agent run";

pub(super) async fn agent(machine: &Machine) -> Vec<Checked> {
    if machine.path.is_err() {
        return Vec::new();
    }
    match machine.agent().await {
        AgentAnswer::NotRunning => vec![not_running(machine).await],
        AgentAnswer::OtherVersion => {
            let text = "the running agent speaks another version of the protocol than this `fob`";
            vec![Checked::broken(NAME, text).remedy(RESTART)]
        }
        AgentAnswer::Failed(error) => vec![Checked::failed(NAME, error)],
        AgentAnswer::Status(status) => running(machine, status),
    }
}

/// Clients of databases miss it at their ports, unless `fob rds proxy` listens there.
async fn not_running(machine: &Machine) -> Checked {
    let mut missed = Vec::new();
    let databases = machine.world.iter().flat_map(|it| it.config().databases());
    for it in databases {
        if let Some(port) = it.proxy_port
            && TcpStream::connect((Ipv4Addr::LOCALHOST, port))
                .await
                .is_err()
        {
            missed.push(it.name.as_str());
        }
    }
    if missed.is_empty() {
        return Checked::ok(NAME, "not running; `fob` works without it");
    }
    let text = format!(
        "not running, and nothing listens on the port of {}",
        missed.join(", ")
    );
    Checked::warning(NAME, text).remedy("fob agent run")
}

fn running(machine: &Machine, status: &Snapshot) -> Vec<Checked> {
    let Some(agent) = &status.agent else {
        return Vec::new();
    };
    let mut found = vec![as_this_process(machine, agent)];
    if let Some(error) = &agent.configuration_problem {
        let text = format!(
            "it goes on with the configuration as it was: {}",
            error.message
        );
        found.push(Checked::broken("agent's configuration", text).remedy("fob validate"));
    }
    let ports = status.databases.iter().filter_map(|it| {
        let problem = it.proxy.as_ref()?.problem.as_ref()?;
        Some(Checked::failed(format!("port of {}", it.name), problem))
    });
    found.extend(ports);
    found
}

fn as_this_process(machine: &Machine, agent: &Running) -> Checked {
    let (pid, version) = (agent.pid, &agent.version);
    let ours = env!("CARGO_PKG_VERSION");
    let what = format!("running, pid {pid}, version {version}");
    if version != ours {
        let text = format!("{what}; this is version {ours}");
        return Checked::warning(NAME, text).remedy(RESTART);
    }
    if agent.surroundings.is_empty() {
        return Checked::ok(NAME, what);
    }
    let here = machine.environment.fingerprint();
    let differ = EnvironmentDifference::between(&agent.surroundings, &here);
    let parts = [
        (
            differ.places,
            "where things are kept (HOME, XDG_STATE_HOME, FOB_KEYRING)",
        ),
        (differ.endpoints, "endpoints (AWS_ENDPOINT_URL)"),
        (
            differ.network,
            "proxy and certificates (HTTPS_PROXY, NO_PROXY, AWS_CA_BUNDLE)",
        ),
    ];
    let parts: Vec<_> = parts
        .iter()
        .filter_map(|(is, what)| is.then_some(*what))
        .collect();
    if parts.is_empty() {
        return Checked::ok(NAME, what);
    }
    let text = format!(
        "{what}; its environment differs from this one in {}",
        parts.join(", ")
    );
    Checked::warning(NAME, text).remedy(RESTART)
}
