//! The question whether a configuration that is not the user's own file is trusted.

use crate::conversation::runtime;
use crate::prompt::{self, Unanswered};
use crate::stop::Stop;
use crate::terminal::{Terminal, one_line};
use keyfob_core::config::{Config, SensitivePart, Trust};
use keyfob_core::environment::Environment;

/// Returns once it is trusted; a person who does not trust it gets the error of one that is not.
pub fn ask(config: &Config, environment: &Environment, terminal: Terminal) -> Result<(), Stop> {
    let trust = Trust::of(environment)?;
    let missing = trust.missing(config)?;
    if missing.is_empty() {
        return Ok(());
    }
    show(config, &missing, terminal);
    match prompt::confirm("Trust this configuration?", terminal) {
        Ok(true) => Ok(runtime()?.block_on(trust.add(config))?),
        Ok(false) | Err(Unanswered::Closed) => Ok(trust.check(config)?),
        Err(unanswered) => Err(unanswered.stop("the configuration was not trusted")),
    }
}

pub fn show(config: &Config, missing: &[&SensitivePart], terminal: Terminal) {
    let path = config.path().display();
    let first = if missing.len() == config.sensitive_parts().len() {
        format!("{path} is not your own configuration file. It")
    } else {
        format!("{path} has changed since you trusted it. Now it")
    };
    terminal.insist(&one_line(&first));
    for part in missing {
        terminal.insist(&format!("  {}", one_line(&part.to_string())));
    }
}
