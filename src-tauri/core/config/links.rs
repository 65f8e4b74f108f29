//! How identities stand on each other: references that exist, steps that fit, no cycles, one
//! default.

use super::chain::{Kind, Part};
use super::kinds;
use super::problem::{Blocks, Place, Problems};
use super::{Below, Identity, Provider};
use crate::duration::SessionKind;
use crate::error::shorten;
use crate::ids::ProviderName;
use std::collections::HashMap;

/// An identity as read, not yet connected.
pub(super) struct Written {
    pub identity: Identity,
    pub via: Option<Via>,
    pub place: Place,
    /// Where the duration of its session is written.
    pub duration: Option<Place>,
}

/// A name and where it is written.
pub(super) enum Via {
    Provider(String, Place),
    Identity(String, Place),
}

pub(super) fn link(
    written: Vec<Written>,
    providers: &[Provider],
    problems: &mut Problems,
) -> Vec<Identity> {
    let providers_by_name = Names::of("provider", providers.iter().map(|it| it.name.as_str()));
    let by_name = Names::of(
        "identity",
        written.iter().map(|it| it.identity.name.as_str()),
    );
    let below: Vec<Option<Below>> = written
        .iter()
        .map(|it| resolve(it, (&providers_by_name, &by_name), problems))
        .collect();
    report_cycles(&written, &below, problems);
    report_defaults(&written, problems);

    let kinds: Vec<String> = written.iter().map(|it| it.identity.kind.clone()).collect();
    let mut identities = Vec::new();
    for (
        Written {
            mut identity,
            via,
            place,
            duration,
        },
        below,
    ) in written.into_iter().zip(below)
    {
        let base = below.map(|below| match below {
            Below::Provider(at) => providers[at].kind.as_str(),
            Below::Identity(at) => kinds[at].as_str(),
        });
        if let (Some(base), Some(via)) = (base, &via) {
            report_misfit(&identity.kind, base, via, problems);
        }
        if let (Some(Part::Rise(rise)), Some(base)) = (&mut identity.part, base)
            && let Kind::AssumeRole(role) = &mut rise.kind
        {
            role.limits = role_limits(base);
            if let (_, Some(warning)) = role.limits.bound(role.duration) {
                problems.warning(duration.as_ref().unwrap_or(&place), warning);
            }
        }
        identity.below = below;
        identities.push(identity);
    }
    name_starts(&mut identities, providers);
    identities
}

/// What may be the identity to use when none is named.
pub(super) fn is_candidate(identity: &Identity) -> bool {
    identity.is_default && identity.is_supported
}

/// Names as written, in file order, and where each is by key.
struct Names<'a> {
    noun: &'static str,
    written: Vec<&'a str>,
    at: HashMap<String, usize>,
}

impl<'a> Names<'a> {
    fn of(noun: &'static str, names: impl Iterator<Item = &'a str>) -> Names<'a> {
        let written: Vec<&str> = names.collect();
        let at = written
            .iter()
            .enumerate()
            .map(|(at, name)| (name.to_ascii_lowercase(), at))
            .collect();
        Names { noun, written, at }
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.at.get(&name.to_ascii_lowercase()).copied()
    }
}

fn resolve(
    it: &Written,
    (providers, identities): (&Names<'_>, &Names<'_>),
    problems: &mut Problems,
) -> Option<Below> {
    let (found, name, place, (meant, other)) = match it.via.as_ref()? {
        Via::Provider(name, place) => (
            providers.find(name).map(Below::Provider),
            name,
            place,
            (providers, identities),
        ),
        Via::Identity(name, place) => (
            identities.find(name).map(Below::Identity),
            name,
            place,
            (identities, providers),
        ),
    };
    if found.is_none() && it.identity.is_supported {
        let (short, noun) = (shorten(name), meant.noun);
        let advice = match other.find(name) {
            Some(_) => format!(
                ", but {0} `{short}` exists: `via: {{ {0}: {short} }}`",
                other.noun
            ),
            None => problems.instead_of(name, &meant.written),
        };
        problems.error(place, format!("there is no {noun} `{short}`{advice}"));
    }
    found
}

fn report_misfit(kind: &str, base: &str, via: &Via, problems: &mut Problems) {
    let message = match (kind, base) {
        (kinds::PERMISSION_SET, kinds::IDENTITY_CENTER) => return,
        (kinds::PERMISSION_SET, _) => {
            format!(
                "a permission set comes from a provider of kind {}, not from {base}",
                kinds::IDENTITY_CENTER
            )
        }
        (kinds::ASSUME_ROLE, kinds::IDENTITY_CENTER) => {
            "a role cannot be assumed straight from IAM Identity Center: \
            put an identity of kind aws/permission-set between, with `via: { identity: NAME }`"
                .to_owned()
        }
        (kinds::ASSUME_ROLE | kinds::ASSUME_ROOT, kinds::ASSUME_ROOT) => {
            "a root session may only carry out its task: nothing can be assumed from it".to_owned()
        }
        (kinds::ASSUME_ROOT, _) if matches!(via, Via::Provider(..)) => {
            "a root session is assumed from an identity: `via: { identity: NAME }`".to_owned()
        }
        _ => return,
    };
    // A kind that is not understood has its own problem, and one of another cloud is left to
    // others.
    let is_known = kinds::IDENTITIES
        .iter()
        .chain(kinds::PROVIDERS)
        .any(|known| known.name == base);
    if is_known {
        let (Via::Provider(_, place) | Via::Identity(_, place)) = via;
        problems.error(place, message);
    }
}

/// Roles assumed with the session of a role last an hour at most; the first role of a chain is not
/// limited so, whether it is assumed with keys, an assertion or a token.
fn role_limits(base: &str) -> SessionKind {
    match base {
        kinds::PERMISSION_SET | kinds::ASSUME_ROLE | kinds::ASSUME_ROOT => SessionKind::ChainedRole,
        _ => SessionKind::AssumedRole,
    }
}

fn report_cycles(written: &[Written], below: &[Option<Below>], problems: &mut Problems) {
    const SHOWN: usize = 12;
    // 0: not looked at; otherwise the walk that came here first.
    let mut walks = vec![0; written.len()];
    for start in 0..written.len() {
        let (walk, mut at) = (start + 1, start);
        while walks[at] == 0 {
            walks[at] = walk;
            match below[at] {
                Some(Below::Identity(next)) => at = next,
                Some(Below::Provider(_)) | None => break,
            }
        }
        let Some(Below::Identity(next)) = below[at] else {
            continue;
        };
        // Only a walk that meets its own trail has found a cycle, and `at` is on it.
        if walks[at] != walk || walks[next] != walk {
            continue;
        }
        let mut names = vec![written[at].identity.name.as_str()];
        let mut on = next;
        while on != at {
            names.push(written[on].identity.name.as_str());
            on = match below[on] {
                Some(Below::Identity(next)) => next,
                Some(Below::Provider(_)) | None => break,
            };
        }
        let length = names.len();
        names.truncate(SHOWN);
        if length > SHOWN {
            names.push("…");
        }
        names.push(written[at].identity.name.as_str());
        let place = match &written[at].via {
            Some(Via::Provider(_, place) | Via::Identity(_, place)) => place,
            None => &written[at].place,
        };
        problems.error(
            place,
            format!(
                "the identities stand on each other in a circle: {}",
                names.join(" → ")
            ),
        );
    }
}

fn report_defaults(written: &[Written], problems: &mut Problems) {
    let mut defaults = written.iter().filter(|it| is_candidate(&it.identity));
    let Some(first) = defaults.next() else { return };
    for it in defaults {
        let (name, first) = (&it.identity.name, &first.identity);
        let message = format!(
            "both `{}` (line {}) and `{name}` are the default",
            first.name, first.line
        );
        // Each can still be used by its name.
        problems.error(
            &Place {
                blocks: Blocks::Nothing,
                ..it.place.below("default", it.place.at)
            },
            message,
        );
    }
}

/// Where each chain starts, and whether all of it is supported.
fn name_starts(identities: &mut [Identity], providers: &[Provider]) {
    for at in 0..identities.len() {
        let (mut on, mut is_supported, mut provider) = (at, true, None);
        for _ in 0..identities.len() {
            is_supported &= identities[on].is_supported;
            match identities[on].below {
                Some(Below::Identity(next)) => on = next,
                Some(Below::Provider(start)) => {
                    is_supported &= providers[start].is_supported;
                    provider = Some(providers[start].name.clone());
                    break;
                }
                None => {
                    provider =
                        kinds::stands_alone(&identities[on].kind).then(ProviderName::stand_alone);
                    break;
                }
            }
        }
        identities[at].provider = provider;
        identities[at].is_supported = is_supported;
    }
}
