//! Completion: the shell calls `fob` itself, so that names come from the configuration as it is.
//! Reads only, and is silent when there is nothing to read.

use crate::stop::Stop;
use crate::terminal::print_exact;
use clap_complete::CompleteEnv;
use clap_complete::engine::CompletionCandidate;
use clap_complete::env::Shells;
use keyfob_core::config::Config;
use keyfob_core::environment::Environment;
use keyfob_core::error::{Code, Error};

/// The variable under which the script calls `fob` back.
const VARIABLE: &str = "COMPLETE";

pub const SHELLS: [&str; 4] = ["bash", "zsh", "fish", "powershell"];

/// Answers a shell that completes, and ends the program.
pub fn answer(command: fn() -> clap::Command) {
    CompleteEnv::with_factory(command).var(VARIABLE).complete();
}

/// `fob completion bash`.
pub fn print_script(name: &str) -> Result<u8, Stop> {
    let failed = |why: String| {
        Error::new(
            Code::Unsupported,
            format!("cannot complete in {name}: {why}"),
        )
    };
    let shells = Shells::builtins();
    let completer = shells
        .completer(name)
        .ok_or_else(|| failed("this shell is not supported".to_owned()))?;
    let mut script = Vec::new();
    completer
        .write_registration(VARIABLE, "fob", "fob", "fob", &mut script)
        .map_err(|cause| failed(cause.to_string()))?;
    print_exact(&String::from_utf8_lossy(&script))?;
    Ok(0)
}

pub fn identities() -> Vec<CompletionCandidate> {
    let Some(config) = config() else {
        return Vec::new();
    };
    config
        .identities()
        .iter()
        .map(|it| CompletionCandidate::new(it.name.to_string()))
        .collect()
}

pub fn providers() -> Vec<CompletionCandidate> {
    let Some(config) = config() else {
        return Vec::new();
    };
    let mut names: Vec<String> = config
        .providers()
        .iter()
        .map(|it| it.name.to_string())
        .collect();
    names.push("aws-user".to_owned());
    names.into_iter().map(CompletionCandidate::new).collect()
}

/// With `--host` the name is that of an identity.
pub fn databases() -> Vec<CompletionCandidate> {
    if words().any(|word| word == "--host" || word.starts_with("--host=")) {
        return identities();
    }
    let Some(config) = config() else {
        return Vec::new();
    };
    config
        .databases()
        .iter()
        .map(|it| CompletionCandidate::new(it.name.to_string()))
        .collect()
}

fn words() -> impl Iterator<Item = String> {
    std::env::args_os().filter_map(|word| word.into_string().ok())
}

fn config() -> Option<Config> {
    let environment = Environment::capture();
    let named = match named_configuration(words()) {
        // The shell hands over what was typed, with its `~`.
        Some(path) => Some(
            environment
                .expand(&path, environment.working_directory())
                .ok()?,
        ),
        None => None,
    };
    let path = keyfob_core::config::locate(named.as_deref(), &environment).ok()?;
    Config::load(&path, &environment).ok()
}

/// `--config PATH` among the words typed so far.
fn named_configuration(words: impl IntoIterator<Item = String>) -> Option<String> {
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        match word.strip_prefix("--config") {
            Some("") => return words.next(),
            Some(rest) => {
                if let Some(path) = rest.strip_prefix('=') {
                    return Some(path.into());
                }
            }
            None => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_named_so_far_is_the_one_completed_from() {
        let of = |words: &str| named_configuration(words.split(' ').map(str::to_owned));
        assert_eq!(
            of("fob -- fob --config a.yaml login"),
            Some("a.yaml".into())
        );
        assert_eq!(
            of("fob -- fob login --config=a.yaml"),
            Some("a.yaml".into())
        );
        assert_eq!(of("fob -- fob login --config"), None);
        assert_eq!(of("fob -- fob login kim"), None);
    }
}
