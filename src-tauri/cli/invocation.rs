//! The part of the command line that concerns every command, and the process it was typed in: the
//! way to the configuration, to the identity and to the agent.

use crate::args::GlobalArgs;
use crate::conversation::{Conversation, agent_here, client_here, this_program};
use crate::interrupt;
use crate::prompt::{self, Unanswered};
use crate::stop::Stop;
use crate::terminal::{Loudness, Shape, Terminal};
use crate::trust_question;
use keyfob_core::agent::api::{Caller, Person};
use keyfob_core::agent::socket::Address;
use keyfob_core::agent::{BlockingClient, MakeAgent, Remote};
use keyfob_core::clock::Clock;
use keyfob_core::config::Config;
use keyfob_core::doctor::Machine;
use keyfob_core::environment::Environment;
use keyfob_core::error::{Code, Error};
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

#[derive(Clone, Debug)]
pub struct Invocation {
    pub terminal: Terminal,
    pub environment: Environment,
    pub person: Person,
    config: Option<PathBuf>,
    /// `--no-agent`.
    works_alone: bool,
    /// `-i NAME`.
    pub identity: Option<String>,
}

impl Invocation {
    pub fn new(global: &GlobalArgs, environment: Environment) -> Invocation {
        let shape = if global.json {
            Shape::Json
        } else {
            Shape::Text
        };
        let loudness = if global.quiet {
            Loudness::Quiet
        } else {
            Loudness::Normal
        };
        let can_ask = !global.no_input && io::stdin().is_terminal() && io::stderr().is_terminal();
        Invocation {
            terminal: Terminal::new(shape, loudness, global.color),
            environment,
            person: if can_ask {
                Person::Present
            } else {
                Person::Absent
            },
            config: global.config.clone(),
            works_alone: global.no_agent,
            identity: global.identity.clone(),
        }
    }

    /// The same without an agent.
    pub fn alone(&self) -> Invocation {
        Invocation {
            works_alone: true,
            ..self.clone()
        }
    }

    /// Where the configuration is, or would be.
    pub fn config_place(&self) -> Result<PathBuf, Stop> {
        let (path, _) = keyfob_core::config::place(self.config.as_deref(), &self.environment)?;
        Ok(path)
    }

    /// Where the configuration is; not read.
    pub fn config_path(&self) -> Result<PathBuf, Stop> {
        Ok(keyfob_core::config::locate(
            self.config.as_deref(),
            &self.environment,
        )?)
    }

    /// For `fob doctor`, which looks at a configuration that cannot be used as well.
    pub fn machine(&self) -> Machine {
        let (config, environment) = (self.config.as_deref(), self.environment.clone());
        Machine::of(config, environment, Clock::system())
    }

    pub fn config(&self) -> Result<Config, Stop> {
        Ok(Config::load(&self.config_path()?, &self.environment)?)
    }

    /// With the running agent, or else with one in this process. A person is asked first whether
    /// they trust the configuration.
    pub fn conversation(&self, config: Config) -> Result<Conversation, Stop> {
        if self.person == Person::Present {
            trust_question::ask(&config, &self.environment, self.terminal)?;
        }
        let running = self.running_agent(config.path());
        let make = agent_here(config, self.environment.clone(), self.terminal);
        let client = BlockingClient::new(running, make);
        let caller = this_program(self.person);
        let conversation = Conversation::new(client, self.terminal, caller);
        Ok(conversation.with_browser(self.environment.var("BROWSER")?))
    }

    /// Without a person for prompts, on behalf of `caller`. The configuration is read only if no
    /// running agent answers.
    pub fn conversation_for(&self, caller: Caller) -> Result<Conversation, Stop> {
        let path = self.config_path()?;
        let running = self.running_agent(&path);
        let (environment, terminal) = (self.environment.clone(), self.terminal);
        let make = MakeAgent::new(move || {
            interrupt::exit_on_ctrl_c();
            let config = Config::load(&path, &environment)?;
            client_here(config, environment.clone(), terminal)
        });
        let client = BlockingClient::new(running, make);
        Ok(Conversation::new(client, self.terminal, caller))
    }

    /// Where the agent of the configuration at this path is, if it is wanted.
    fn running_agent(&self, config: &Path) -> Option<Remote> {
        if self.works_alone {
            return None;
        }
        match Address::of(config, &self.environment) {
            Ok(address) => Some(Remote::new(address, &self.environment)),
            Err(error) => {
                self.terminal
                    .warn(&format!("going without the agent: {error}"));
                None
            }
        }
    }

    /// `None`: none is wanted.
    pub fn address(&self) -> Result<Option<Address>, Stop> {
        let path = self.config_path()?;
        let address = (!self.works_alone).then(|| Address::of(&path, &self.environment));
        Ok(address.transpose()?)
    }

    /// The identity that is meant, as the configuration writes it, and the agent to ask about it.
    pub fn about(
        &self,
        named: Option<&str>,
        person: Person,
    ) -> Result<(String, Conversation), Stop> {
        let config = self.config()?;
        let identity = self.choose(&config, named, person)?;
        Ok((identity, self.conversation(config)?))
    }

    /// Positional > `-i` > `FOB_IDENTITY` > the only one > the default > a selector > an error that
    /// lists the names.
    fn choose(&self, config: &Config, named: Option<&str>, person: Person) -> Result<String, Stop> {
        let written = |name: &str| {
            config
                .identity(name)
                .map(|identity| identity.name.to_string())
        };
        if let Some(name) = named.or(self.identity.as_deref()) {
            return Ok(written(name)?);
        }
        if let Some(name) = self.environment.var("FOB_IDENTITY")? {
            return Ok(written(name)
                .map_err(|error| error.hint("the name comes from the variable FOB_IDENTITY"))?);
        }
        if let Some(identity) = config.default_identity()? {
            return Ok(identity.name.to_string());
        }
        let mut all: Vec<String> = config
            .identities()
            .iter()
            .map(|identity| identity.name.to_string())
            .collect();
        all.sort();
        match (all.as_slice(), person) {
            ([], _) => Err(Error::new(
                Code::IdentityNotFound,
                "the configuration has no identities",
            )
            .hint(format!("add one to {}", config.path().display()))
            .into()),
            ([only], _) => Ok(only.clone()),
            (_, Person::Absent) => Err(which(&all).into()),
            (_, Person::Present) => match prompt::select("Identity:", all.clone(), self.terminal) {
                Ok(name) => Ok(name),
                Err(Unanswered::Failed(_)) => Err(which(&all).into()),
                Err(unanswered) => Err(unanswered.stop("no identity was chosen")),
            },
        }
    }
}

fn which(names: &[String]) -> Error {
    const SHOWN: usize = 20;
    let more = if names.len() > SHOWN {
        format!(", … ({} in all)", names.len())
    } else {
        String::new()
    };
    let shown = names[..names.len().min(SHOWN)].join(", ");
    Error::new(
        Code::PersonNeeded,
        format!("which identity is meant: {shown}{more}"),
    )
    .hint("name one, set FOB_IDENTITY, or write `default: true` in the configuration")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::CommandLine;
    use clap::Parser;
    use tempfile::TempDir;

    const TWO: &str =
        "auth: { identities: { dev: { kind: aws/user }, ops: { kind: aws/user } } }\n";

    /// The identity chosen when `arguments` are typed where this configuration is, with
    /// FOB_IDENTITY set to `variable`.
    fn chosen(config: &str, arguments: &str, variable: &str) -> Result<String, Error> {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("config.yaml");
        std::fs::write(&path, config).expect("written");
        let home = folder.path().to_str().expect("UTF-8");
        let environment = Environment::of([
            ("HOME", home),
            ("USERPROFILE", home),
            ("FOB_IDENTITY", variable),
        ]);
        let line = format!("fob --config {} whoami {arguments}", path.display());
        let line = CommandLine::try_parse_from(line.split_whitespace()).expect("a command line");
        let Some(crate::args::Command::Whoami(whoami)) =
            line.command.map(crate::args::CommandEntry::command)
        else {
            panic!("whoami was typed")
        };
        let invocation = Invocation::new(&line.global, environment);
        let config = invocation.config().expect("a configuration");
        invocation
            .choose(&config, whoami.named.name.as_deref(), Person::Absent)
            .map_err(|stop| match stop {
                Stop::Failed(error) => *error,
                Stop::Interrupted | Stop::OutputClosed => panic!("{stop:?}"),
            })
    }

    #[test]
    fn the_name_given_beats_the_flag_beats_the_variable_beats_the_default() {
        let with_default = TWO.replace(
            "dev: { kind: aws/user }",
            "dev: { kind: aws/user, default: true }",
        );
        assert_eq!(chosen(&with_default, "", ""), Ok("dev".to_owned()));
        assert_eq!(chosen(&with_default, "", "OPS"), Ok("ops".to_owned()));
        assert_eq!(chosen(&with_default, "-i Dev", "ops"), Ok("dev".to_owned()));
        assert_eq!(
            chosen(&with_default, "ops -i dev", "dev"),
            Ok("ops".to_owned())
        );
    }

    #[test]
    fn with_nobody_to_ask_only_a_single_identity_goes_without_a_name() {
        let error = chosen(TWO, "", "").expect_err("two, and no default");
        assert_eq!((error.code, error.exit_code()), (Code::PersonNeeded, 3));
        assert!(error.message.contains("dev, ops"), "{error}");
        assert_eq!(
            chosen("auth: { identities: { dev: { kind: aws/user } } }", "", ""),
            Ok("dev".to_owned())
        );
        let error = chosen("auth: { identities: {} }", "", "").expect_err("none");
        assert_eq!((error.code, error.exit_code()), (Code::IdentityNotFound, 1));
    }

    #[test]
    fn an_unknown_name_in_the_variable_is_told_to_come_from_there() {
        let error = chosen(TWO, "", "dvv").expect_err("no such identity");
        assert_eq!(error.code, Code::IdentityNotFound);
        assert!(
            error.hints.iter().any(|hint| hint.contains("FOB_IDENTITY")),
            "{error:?}"
        );
    }
}
