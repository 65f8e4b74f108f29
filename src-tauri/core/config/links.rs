//! How identities stand on each other: references that exist, no circles, one default.

use super::identity::{Below, Identity, Provider, awaited};
use super::kinds::{ASSUME_ROLE, EntrySection, IDENTITY_CENTER, Level, Via};
use super::names::LookedUp;
use super::problem::{Blocked, Location, Problems};
use crate::error::shorten;
use crate::ids::ProviderName;
use std::collections::HashMap;

/// An identity that is not linked yet.
pub(super) struct Unlinked<'a> {
    pub identity: &'a mut Identity,
    /// `None`: it stands alone, or its `below` is known.
    pub via: Option<&'a Via>,
    pub location: &'a Location,
}

/// Fills in what identities stand on, and what follows for all of their chain.
pub(super) fn link(identities: &mut [Unlinked<'_>], providers: &[Provider], problems: &Problems) {
    let names = Names {
        providers: Index::of(
            LookedUp::Provider,
            providers.iter().map(|it| it.name.as_str()),
        ),
        identities: Index::of(
            LookedUp::Identity,
            identities.iter().map(|it| it.identity.name.as_str()),
        ),
        awaited: awaited(providers).map(|it| it.name.to_string()),
    };
    for it in identities.iter_mut() {
        if let Some(via) = it.via {
            it.identity.below = names.resolve(via, it.identity, problems);
        }
    }
    report_circles(identities, problems);
    report_defaults(identities, problems);
    name_sources(identities, providers);
}

/// Names as written, in file order, and the position of each by key.
struct Index {
    noun: &'static str,
    written: Vec<String>,
    positions: HashMap<String, usize>,
}

impl Index {
    fn of<'a>(what: LookedUp, names: impl Iterator<Item = &'a str>) -> Index {
        let written: Vec<String> = names.map(str::to_owned).collect();
        let keys = written.iter().map(|name| name.to_ascii_lowercase());
        Index {
            noun: what.noun(),
            positions: keys.zip(0..).collect(),
            written,
        }
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.positions.get(&name.to_ascii_lowercase()).copied()
    }
}

struct Names {
    providers: Index,
    identities: Index,
    /// A provider whose roles are identities once it has listed them.
    awaited: Option<String>,
}

impl Names {
    fn resolve(&self, via: &Via, identity: &Identity, problems: &Problems) -> Option<Below> {
        let found = self.meant(via).find(via.name());
        if found.is_none() && identity.is_supported {
            self.report_missing(via, problems);
        }
        Some(match via {
            Via::Provider(..) => Below::Provider(found?),
            Via::Identity(..) => Below::Identity(found?),
        })
    }

    fn meant(&self, via: &Via) -> &Index {
        match via {
            Via::Provider(..) => &self.providers,
            Via::Identity(..) => &self.identities,
        }
    }

    fn report_missing(&self, via: &Via, problems: &Problems) {
        let (meant, name) = (self.meant(via), via.name());
        let (noun, short) = (meant.noun, shorten(name));
        let other = match via {
            Via::Provider(..) => &self.identities,
            Via::Identity(..) => &self.providers,
        };
        let is_role = matches!(via, Via::Identity(..)) && name.contains('/');
        if let Some(provider) = self.awaited.as_ref().filter(|_| is_role) {
            let message = format!(
                "there is no identity `{short}` yet: `fob login --provider {provider}` lists the \
                 roles of {provider}"
            );
            return problems.notice(via.location(), message);
        }
        let advice = if other.find(name).is_some() {
            let other = other.noun;
            format!(", but {other} `{short}` exists: `via: {{ {other}: {short} }}`")
        } else {
            let known: Vec<&str> = meant.written.iter().map(String::as_str).collect();
            problems.instead_of(name, &known)
        };
        let message = format!("there is no {noun} `{short}`{advice}");
        problems.error(via.location(), message);
    }
}

fn next(identities: &[Unlinked<'_>], at: usize) -> Option<usize> {
    match identities[at].identity.below {
        Some(Below::Identity(next)) => Some(next),
        Some(Below::Provider(_)) | None => None,
    }
}

fn report_circles(identities: &[Unlinked<'_>], problems: &Problems) {
    const SHOWN: usize = 12;
    // 0: not looked at; otherwise the walk that came here first.
    let mut walks = vec![0; identities.len()];
    for start in 0..identities.len() {
        let (walk, mut at) = (start + 1, start);
        while walks[at] == 0 {
            walks[at] = walk;
            match next(identities, at) {
                Some(next) => at = next,
                None => break,
            }
        }
        // Only a walk that meets its own trail has found a circle, and `at` is on it.
        let is_circle =
            walks[at] == walk && next(identities, at).is_some_and(|next| walks[next] == walk);
        if !is_circle {
            continue;
        }
        let first = identities[at].identity.name.as_str();
        let mut names = vec![first];
        let mut on = next(identities, at);
        while let Some(position) = on.filter(|position| *position != at) {
            names.push(identities[position].identity.name.as_str());
            on = next(identities, position);
        }
        if names.len() > SHOWN {
            names.truncate(SHOWN);
            names.push("…");
        }
        names.push(first);
        let location = identities[at]
            .via
            .map_or(identities[at].location, Via::location);
        let message = format!(
            "the identities are based on each other in a circle: {}",
            names.join(" → ")
        );
        problems.error(location, message);
    }
}

fn report_defaults(identities: &[Unlinked<'_>], problems: &Problems) {
    let mut defaults = identities.iter().filter(|it| it.identity.is_candidate());
    let Some(first) = defaults.next() else { return };
    for it in defaults {
        let (name, first) = (&it.identity.name, &first.identity);
        let message = format!(
            "both `{}` (line {}) and `{name}` are the default",
            first.name, first.line
        );
        // Each can still be used by its name.
        let location = it.location.below("default", it.location.at);
        problems.error(&location.about(Blocked::None), message);
    }
}

/// Where each chain starts, and whether all of it is supported.
fn name_sources(identities: &mut [Unlinked<'_>], providers: &[Provider]) {
    let supported: Vec<bool> = identities
        .iter()
        .map(|it| it.identity.is_supported && !is_role_on_center(it.identity, providers))
        .collect();
    for at in 0..identities.len() {
        let (mut on, mut is_supported, mut source) = (at, true, None);
        for _ in 0..identities.len() {
            is_supported &= supported[on];
            let identity = &identities[on].identity;
            match identity.below {
                Some(Below::Identity(next)) => {
                    on = next;
                    continue;
                }
                Some(Below::Provider(position)) => {
                    is_supported &= providers[position].is_supported;
                    source = Some(providers[position].name.clone());
                }
                None if stands_alone(&identity.kind) => source = Some(ProviderName::stand_alone()),
                None => {}
            }
            break;
        }
        identities[at].identity.provider = source;
        identities[at].identity.is_supported = is_supported;
    }
}

/// Atmos takes it, AWS does not.
pub(super) fn is_role_on_center(identity: &Identity, providers: &[Provider]) -> bool {
    let Some(Below::Provider(at)) = identity.below else {
        return false;
    };
    identity.kind == ASSUME_ROLE.name && providers[at].kind == IDENTITY_CENTER.name
}

pub(super) fn stands_alone(kind: &str) -> bool {
    EntrySection::Identities
        .kinds()
        .any(|known| known.name.level == Level::StandAlone && known.name.name == kind)
}
