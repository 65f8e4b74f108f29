//! What may be wrong on a machine, looked at in one go: each check is a function of its own, all
//! run at the same time, each with a limit. Nothing is changed unless [`fix`] is called; no person
//! is prompted, and no secret is shown.

mod agent;
mod check;
mod configuration;
mod databases;
mod desktop;
mod identities;
mod keyring;
mod machine;
mod network;
mod programs;
mod repairs;
mod shadows;

pub use check::{CheckStatus, Checked};
pub use machine::Machine;
pub use repairs::fix;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::timeout;

/// For each check; all run at once, so it is the limit of the whole as well.
const LIMIT: Duration = Duration::from_secs(4);

/// What one check has found, and how many are still open.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    pub found: &'a [Checked],
    pub open: usize,
}

/// A check that was not made yet.
struct Examination<'a> {
    name: String,
    finds: Pin<Box<dyn Future<Output = Vec<Checked>> + Send + 'a>>,
}

impl<'a> Examination<'a> {
    fn new(
        name: impl Into<String>,
        finds: impl Future<Output = Vec<Checked>> + Send + 'a,
    ) -> Examination<'a> {
        Examination {
            name: name.into(),
            finds: Box::pin(finds),
        }
    }
}

/// Everything, in an order of its own; `report` hears of each as soon as it is known.
pub async fn examine(machine: &Machine, report: impl FnMut(Progress<'_>) + Send) -> Vec<Checked> {
    all(examinations(machine), LIMIT, report).await
}

fn examinations(machine: &Machine) -> Vec<Examination<'_>> {
    let mut all = vec![
        Examination::new("configuration", async {
            vec![configuration::file(machine)]
        }),
        Examination::new("trust", async { configuration::trust(machine) }),
    ];
    if let Ok(world) = &machine.world {
        all.push(Examination::new("keyring", async {
            vec![keyring::keyring(machine, world).await]
        }));
        all.push(Examination::new("clock", async {
            network::clock(world).await
        }));
        let hosts = network::addresses(world).into_iter();
        all.extend(hosts.map(|url| {
            Examination::new(network::name(&url), async move {
                vec![network::host(world, &url).await]
            })
        }));
        let identities = world.config().identities().iter();
        all.extend(identities.map(|it| {
            Examination::new(identities::name(it), async move {
                vec![identities::identity(machine, world, it).await]
            })
        }));
        all.push(Examination::new("sign-ins", async {
            identities::sign_ins(machine, world).await
        }));
        let databases = world.config().databases().iter();
        all.extend(databases.map(|it| {
            Examination::new(databases::name(it), async move {
                vec![databases::database(machine, world, it).await]
            })
        }));
        all.push(Examination::new("profiles", async {
            programs::profiles(world)
        }));
    }
    all.extend([
        Examination::new("agent", async { agent::agent(machine).await }),
        Examination::new("fob", async { vec![programs::fob(&machine.environment)] }),
        Examination::new("variables", async { shadows::variables(machine) }),
        Examination::new("AWS files", async { shadows::files(machine) }),
        Examination::new("start at login", async {
            desktop::start_at_login(&machine.environment)
        }),
        Examination::new("desktop", async {
            desktop::services(&machine.environment).await
        }),
    ]);
    all
}

async fn all(
    examinations: Vec<Examination<'_>>,
    limit: Duration,
    mut report: impl FnMut(Progress<'_>) + Send,
) -> Vec<Checked> {
    let started = examinations
        .into_iter()
        .enumerate()
        .map(|(at, it)| async move {
            let Examination { name, finds } = it;
            let late = |_| vec![late(name, limit)];
            (at, timeout(limit, finds).await.unwrap_or_else(late))
        });
    let mut open: FuturesUnordered<_> = started.collect();
    let mut found = BTreeMap::new();
    while let Some((at, checked)) = open.next().await {
        report(Progress {
            found: &checked,
            open: open.len(),
        });
        found.insert(at, checked);
    }
    found.into_values().flatten().collect()
}

fn late(name: String, limit: Duration) -> Checked {
    let detail = format!("there was no answer within {} s", limit.as_secs());
    Checked::broken(name, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn all_checks_run_at_once_and_those_without_an_answer_are_given_up_together() {
        const MANY: usize = 50;
        let begun = AtomicUsize::new(0);
        let silent = (0..MANY).map(|at| {
            let begun = &begun;
            Examination::new(format!("silent {at}"), async move {
                begun.fetch_add(1, Ordering::Relaxed);
                std::future::pending().await
            })
        });
        let quick = Examination::new("quick", async { vec![Checked::ok("quick", "")] });
        let mut reported = Vec::new();
        let found = all(
            silent.chain([quick]).collect(),
            Duration::from_millis(20),
            |it| {
                // The first to be given up comes after all have begun.
                assert_eq!(begun.load(Ordering::Relaxed), MANY);
                reported.push((it.found[0].name.clone(), it.open));
            },
        );
        let found = found.await;
        assert_eq!(
            reported[0],
            ("quick".to_owned(), MANY),
            "it waits for no other"
        );
        assert_eq!(found.len(), MANY + 1);
        assert_eq!(found[7].name, "silent 7", "in their own order");
        assert_eq!(found[7].status, CheckStatus::Broken);
        assert!(found[7].detail.contains("no answer"), "{found:?}");
    }
}
