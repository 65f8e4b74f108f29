//! What AWS tools take before a profile of Keyfob's: variables of this shell, and keys in their own
//! files.

use super::check::Checked;
use super::machine::Machine;
use crate::config::SharedProfiles;
use crate::environment::Environment;
use crate::error::Result;
use crate::ids::{is_example, is_placeholder};
use std::ffi::OsStr;
use std::path::PathBuf;

const KEYS: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
];
const PROFILES: &[&str] = &["AWS_PROFILE", "AWS_DEFAULT_PROFILE"];
const FILES: &[&str] = &["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"];

pub(super) fn variables(machine: &Machine) -> Vec<Checked> {
    let environment = &machine.environment;
    let all = || KEYS.iter().chain(PROFILES).copied();
    let value = |name: &str| environment.raw(name).map(OsStr::is_empty);
    let empty = all().filter(|name| value(name) == Some(true));
    let keys = KEYS
        .iter()
        .copied()
        .filter(|name| value(name) == Some(false));
    let keys: Vec<&str> = keys.collect();
    let empty = empty.map(|name| {
        let text = "set to nothing, which some AWS tools take for a value";
        Checked::warning(name, text).remedy(unset(&[name]))
    });
    let mut found: Vec<Checked> = empty.collect();
    if let [first, ..] = keys.as_slice() {
        let is_no_key = |name: &&str| environment.var(name).ok().flatten().is_some_and(is_no_key);
        let text = if keys.iter().any(is_no_key) {
            "a placeholder, and AWS tools take it before any profile"
        } else {
            "AWS tools take it before any profile"
        };
        found.push(Checked::warning(*first, text).remedy(unset(&keys)));
    }
    found.extend(
        PROFILES
            .iter()
            .filter_map(|name| profile(environment, name)),
    );
    found.extend(FILES.iter().filter_map(|name| file(environment, name)));
    if found.is_empty() {
        found.push(Checked::ok("variables", "none comes before the profiles"));
    }
    found
}

fn is_no_key(value: &str) -> bool {
    is_placeholder(value) || is_example(value)
}

fn unset(names: &[&str]) -> String {
    if cfg!(windows) {
        let all: Vec<_> = names.iter().map(|name| format!("Env:{name}")).collect();
        format!("Remove-Item {}", all.join(", "))
    } else {
        format!("unset {}", names.join(" "))
    }
}

/// `None`: the profile is Keyfob's, or whether it is cannot be known.
fn profile(environment: &Environment, variable: &str) -> Option<Checked> {
    let name = environment.var(variable).ok()??;
    let shared = SharedProfiles::read(environment).ok()?;
    match shared.find(name) {
        None => {
            let text = format!("`{name}`, a profile that AWS tools do not find");
            Some(Checked::broken(variable, text))
        }
        Some(it) if it.is_own(environment) => None,
        Some(_) => {
            let text = format!("AWS tools take the profile `{name}`, which is not Keyfob's");
            Some(Checked::warning(variable, text))
        }
    }
    .map(|it| it.remedy(unset(&[variable])))
}

fn file(environment: &Environment, variable: &str) -> Option<Checked> {
    let named = environment.var(variable).ok()??;
    let path = environment
        .expand(named, environment.working_directory())
        .ok()?;
    (!path.exists()).then(|| {
        let text = format!("{named} is not there");
        Checked::warning(variable, text).remedy(unset(&[variable]))
    })
}

/// The `credentials` file.
pub(super) fn files(machine: &Machine) -> Vec<Checked> {
    const NAME: &str = "AWS credentials file";
    let (path, profiles) = match credentials(&machine.environment) {
        Ok(read) => read,
        Err(error) => return vec![Checked::failed(NAME, &error).no_worse_than_a_warning()],
    };
    let path = path.display();
    let mut found = Vec::new();
    for profile in &profiles.all {
        let name = &profile.name;
        let pair = ["aws_access_key_id", "aws_secret_access_key"];
        let mut values = pair.iter().filter_map(|key| profile.value(key));
        let config = machine.config.as_ref();
        let text = if values.any(is_no_key) {
            format!("the keys of [{name}] in {path} are placeholders")
        } else if profile.has_keys() && config.is_ok_and(|it| it.identity(name).is_ok()) {
            format!("AWS tools take the keys of [{name}] in {path} before Keyfob's profile {name}")
        } else {
            continue;
        };
        let remedy = format!("take the section [{name}] out of {path}");
        found.push(Checked::warning(format!("AWS credentials [{name}]"), text).remedy(remedy));
    }
    if found.is_empty() {
        found.push(Checked::ok(
            NAME,
            "nothing in it comes before Keyfob's profiles",
        ));
    }
    found
}

fn credentials(environment: &Environment) -> Result<(PathBuf, SharedProfiles)> {
    let profiles = SharedProfiles::of_credentials(environment)?;
    let [_, path] = profiles.paths.clone();
    Ok((path, profiles))
}
