//! What may be wrong on a machine, looked at in one go: each check is a function of its own, all
//! run at the same time, each with a limit. Nothing is changed unless [`fix`] is called, but that a
//! session which AWS no longer knows goes, as whenever that is seen; no person is prompted, and no
//! secret is shown.

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

use crate::world::World;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::timeout;

/// For each check that waits for others; all run at once, so it is the limit of the whole as well.
/// The keyring has one of its own, which leaves out what deriving a key takes.
const LIMIT: Duration = Duration::from_secs(4);

/// What one check has found, and how many are still open.
#[derive(Clone, Copy, Debug)]
pub struct CheckProgress<'a> {
    pub found: &'a [Checked],
    pub open: usize,
}

/// A check that was not made yet.
type Examination<'a> = Pin<Box<dyn Future<Output = Vec<Checked>> + Send + 'a>>;

/// Everything, in an order of its own; `report` hears of each as soon as it is known.
pub async fn examine(
    machine: &Machine,
    report: impl FnMut(CheckProgress<'_>) + Send,
) -> Vec<Checked> {
    let mut examinations: Vec<Examination<'_>> = vec![
        Box::pin(async { vec![configuration::file(machine)] }),
        Box::pin(async { configuration::trust(machine) }),
    ];
    if let Ok(world) = &machine.world {
        examinations.extend(of_the_configuration(machine, world));
    }
    let environment = &machine.environment;
    let of_the_machine: [Examination<'_>; 6] = [
        Box::pin(limited("agent".to_owned(), LIMIT, agent::agent(machine))),
        Box::pin(async { vec![programs::fob(environment)] }),
        Box::pin(async { shadows::variables(machine) }),
        Box::pin(async { shadows::files(machine) }),
        Box::pin(async { desktop::start_at_login(environment) }),
        Box::pin(limited(
            "desktop".to_owned(),
            LIMIT,
            desktop::services(environment),
        )),
    ];
    examinations.extend(of_the_machine);
    all(examinations, report).await
}

fn of_the_configuration<'a>(machine: &'a Machine, world: &'a World) -> Vec<Examination<'a>> {
    let config = world.config();
    let mut all: Vec<Examination<'a>> = vec![
        Box::pin(async { vec![keyring::keyring(machine, world).await] }),
        Box::pin(limited("clock".to_owned(), LIMIT, network::clock(world))),
    ];
    for url in network::addresses(world) {
        let name = network::name(&url);
        let found = async move { vec![network::host(world, &url).await] };
        all.push(Box::pin(limited(name, LIMIT, found)));
    }
    for it in config.identities() {
        let found = async { Vec::from_iter(identities::identity(machine, world, it).await) };
        let name = identities::name(it);
        all.push(Box::pin(once_it_is_read(
            machine,
            world,
            limited(name, LIMIT, found),
        )));
    }
    all.push(Box::pin(identities::sign_ins(machine, world)));
    for it in config.databases() {
        let found = async { vec![databases::database(machine, world, it).await] };
        let name = databases::name(it);
        all.push(Box::pin(once_it_is_read(
            machine,
            world,
            limited(name, LIMIT, found),
        )));
    }
    all.push(Box::pin(async { programs::profiles(world) }));
    all
}

/// The keyring is.
async fn once_it_is_read(
    machine: &Machine,
    world: &World,
    finds: impl Future<Output = Vec<Checked>>,
) -> Vec<Checked> {
    // Where it cannot be, that is a part of what is found.
    let _ = machine.sessions(world).await;
    finds.await
}

async fn limited(
    name: String,
    limit: Duration,
    finds: impl Future<Output = Vec<Checked>>,
) -> Vec<Checked> {
    let late = |_| {
        let detail = format!("there was no answer within {} s", limit.as_secs());
        vec![Checked::broken(name, detail)]
    };
    timeout(limit, finds).await.unwrap_or_else(late)
}

async fn all(
    examinations: Vec<Examination<'_>>,
    mut report: impl FnMut(CheckProgress<'_>) + Send,
) -> Vec<Checked> {
    let numbered = examinations.into_iter().enumerate();
    let started = numbered.map(|(at, finds)| async move { (at, finds.await) });
    let mut open: FuturesUnordered<_> = started.collect();
    let mut found = BTreeMap::new();
    while let Some((at, checked)) = open.next().await {
        report(CheckProgress {
            found: &checked,
            open: open.len(),
        });
        found.insert(at, checked);
    }
    found.into_values().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn all_checks_run_at_once_and_those_without_an_answer_are_given_up_together() {
        const MANY: usize = 50;
        let begun = AtomicUsize::new(0);
        let silent = (0..MANY).map(|at| -> Examination<'_> {
            let finds = async {
                begun.fetch_add(1, Ordering::Relaxed);
                std::future::pending().await
            };
            Box::pin(limited(
                format!("silent {at}"),
                Duration::from_millis(20),
                finds,
            ))
        });
        let quick: Examination<'_> = Box::pin(async { vec![Checked::ok("quick", "")] });
        let mut reported = Vec::new();
        let found = all(silent.chain([quick]).collect(), |it| {
            // The first to be given up comes after all have begun.
            assert_eq!(begun.load(Ordering::Relaxed), MANY);
            reported.push((it.found[0].name.clone(), it.open));
        });
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
