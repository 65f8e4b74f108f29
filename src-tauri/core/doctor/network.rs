//! The way to AWS: each host that the configuration's calls go to, and this machine's clock against
//! theirs.

use super::check::Checked;
use crate::aws::{AwsService, address, answers};
use crate::config::{Link, sources};
use crate::providers::place;
use crate::world::{World, services};
use std::collections::BTreeSet;

/// Of the hosts, each once.
pub(super) fn addresses(world: &World) -> Vec<String> {
    let (config, mut all) = (world.config(), BTreeSet::new());
    let mut add = |service, link: &Link| all.extend(address(&world.aws, service, place(link)));
    let chains = config.identities().iter();
    let chains: Vec<_> = chains.filter_map(|it| config.chain(it).ok()).collect();
    let links = chains
        .iter()
        .flat_map(|chain| chain.links().iter().cloned());
    for link in links.chain(sources(config)) {
        for service in services(&link.kind) {
            add(*service, &link);
        }
    }
    for database in config.databases() {
        if database.password_secret.is_some()
            && let Ok(chain) = world.chain(database.identity.as_str())
        {
            add(AwsService::SecretsManager, chain.target());
        }
    }
    all.into_iter().collect()
}

pub(super) fn name(url: &str) -> String {
    let host = url.split("://").last().unwrap_or(url);
    format!("network {}", host.split('/').next().unwrap_or(host))
}

pub(super) async fn host(world: &World, url: &str) -> Checked {
    let name = name(url);
    match answers(&world.aws, url).await {
        Ok(answer) => {
            let proxy = answer.proxy.map(|it| format!(", through the proxy {it}"));
            let variable = world.environment.var("AWS_CA_BUNDLE").ok().flatten();
            let bundle = variable.filter(|_| url.starts_with("https:"));
            let bundle = bundle.map(|it| format!(", also with the certificates of {it}"));
            let [proxy, bundle] = [proxy, bundle].map(Option::unwrap_or_default);
            Checked::ok(name, format!("it answers{proxy}{bundle}"))
        }
        Err(error) => Checked::broken(name, error.message).remedy(format!("curl -v {url}")),
    }
}

/// By the first host that says what time it is.
pub(super) async fn clock(world: &World) -> Vec<Checked> {
    const NAME: &str = "clock";
    for url in addresses(world) {
        let answer = answers(&world.aws, &url).await.ok();
        let Some(skew) = answer.and_then(|it| it.skew) else {
            continue;
        };
        return vec![if skew.is_notable() {
            let detail = format!("this machine's clock is {skew}, and AWS refuses calls for it");
            Checked::broken(NAME, detail).remedy(SET_THE_CLOCK)
        } else {
            Checked::ok(NAME, "as AWS's, to a few minutes at most")
        }];
    }
    vec![Checked::warning(
        NAME,
        "no host of AWS's has said what time it is",
    )]
}

const SET_THE_CLOCK: &str = if cfg!(windows) {
    "w32tm /resync"
} else if cfg!(target_os = "macos") {
    "sudo sntp -sS time.apple.com"
} else {
    "sudo timedatectl set-ntp true"
};
