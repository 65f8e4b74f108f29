//! Names of identities and providers: valid, and each once.

use crate::config::names::folded;
use crate::error::shorten;
use crate::ids::IdentityName;
use std::collections::{HashMap, HashSet};

const LONGEST_NAME: usize = 64;

/// Names for identities or providers, each once.
pub(super) struct FreeNames {
    taken: HashSet<String>,
    /// By profile.
    names: HashMap<String, String>,
}

impl FreeNames {
    pub fn beside<'n>(taken: impl Iterator<Item = &'n str>) -> FreeNames {
        FreeNames {
            taken: taken.map(folded).collect(),
            names: HashMap::new(),
        }
    }

    /// The name of a profile, or of what stands for one, like `wish`: made valid and unlike all
    /// others.
    pub fn name(&mut self, profile: &str, wish: &str) -> &str {
        let valid = valid(wish);
        let numbered = (2..).map(|number| {
            let end = format!("-{number}");
            format!(
                "{}{end}",
                &valid[..valid.len().min(LONGEST_NAME - end.len())]
            )
        });
        let mut all = [valid.clone()].into_iter().chain(numbered);
        let name = all
            .find(|name| !self.taken.contains(&folded(name)))
            .unwrap_or_default();
        self.taken.insert(folded(&name));
        self.names
            .entry(profile.to_owned())
            .insert_entry(name)
            .into_mut()
    }

    /// Of what is there already.
    pub fn reuse(&mut self, profile: &str, name: &str) {
        self.names.insert(profile.to_owned(), name.to_owned());
    }

    pub fn known(&self, profile: &str) -> Option<&str> {
        self.names.get(profile).map(String::as_str)
    }

    pub fn of(&self, profile: &str) -> String {
        self.known(profile).unwrap_or(profile).to_owned()
    }
}

pub(super) fn valid(profile: &str) -> String {
    if profile.parse::<IdentityName>().is_ok() {
        return profile.to_owned();
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._@+/-".contains(c);
    let mut name: String = profile
        .chars()
        .map(|c| if allowed(c) { c } else { '-' })
        .collect();
    while name.contains("..") {
        name = name.replace("..", ".");
    }
    let name = name.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    let name = name[..name.len().min(LONGEST_NAME)].trim_end_matches('-');
    if name.is_empty() {
        "profile".to_owned()
    } else {
        name.to_owned()
    }
}

pub(super) fn renamed(profile: &str, identity: &str) -> Option<String> {
    let profile_name = shorten(profile);
    (identity != profile)
        .then(|| format!("the profile `{profile_name}` becomes the identity `{identity}`"))
}
