//! The configuration file, and whether it may be used.

use super::check::Checked;
use super::machine::Machine;
use crate::config::{Problem, Severity, Trust};
use crate::error::Code;

pub(super) fn file(machine: &Machine) -> Checked {
    const NAME: &str = "configuration";
    let config = match &machine.config {
        Ok(config) => config,
        Err(error) if error.code == Code::ConfigNotFound => {
            return Checked::broken(NAME, &error.message).remedy("fob init");
        }
        Err(error) => return Checked::failed(NAME, error),
    };
    let of = |severity| {
        let problems = config.problems().iter();
        problems.filter(move |it| it.severity == severity)
    };
    let worst = |found: &Problem, count: usize| match count {
        1 => found.to_string(),
        _ => format!("{count} problems, the first: {found}"),
    };
    let path = config.path().display();
    let (errors, warnings) = (of(Severity::Error).count(), of(Severity::Warning).count());
    match (of(Severity::Error).next(), of(Severity::Warning).next()) {
        (Some(first), _) => Checked::broken(NAME, format!("{path}: {}", worst(first, errors))),
        (None, Some(first)) => {
            Checked::warning(NAME, format!("{path}: {}", worst(first, warnings)))
        }
        (None, None) => {
            let (identities, databases) = (config.identities().len(), config.databases().len());
            let detail = format!("{path}: identities: {identities}, databases: {databases}");
            return Checked::ok(NAME, detail);
        }
    }
    .remedy("fob validate")
}

/// Nothing where there is no configuration.
pub(super) fn trust(machine: &Machine) -> Vec<Checked> {
    const NAME: &str = "trust";
    let Ok(config) = &machine.config else {
        return Vec::new();
    };
    let trust = Trust::of(&machine.environment);
    let checked = match trust.and_then(|it| it.check(config).map(|()| it.is_own(config))) {
        Ok(true) => Checked::ok(NAME, "the configuration is your own file"),
        Ok(false) => Checked::ok(NAME, "you trust the configuration as it is"),
        Err(error) if error.code == Code::ConfigUntrusted => {
            let command = format!("fob trust '{}'", config.path().display());
            Checked::broken(NAME, error.message).remedy(command)
        }
        Err(error) => Checked::failed(NAME, &error),
    };
    vec![checked]
}
