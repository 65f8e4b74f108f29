//! `fob agent run`, `stop` and `status`, and `fob status`: the agent without the tray, and how
//! things stand.

use crate::args::AgentRunArgs;
use crate::conversation::expect_reply;
use crate::conversation::{runtime, this_program};
use crate::desktop::{Notifier, notify};
use crate::interrupt;
use crate::invocation::Invocation;
use crate::render;
use crate::stop::{CTRL_C, Stop};
#[cfg(target_os = "linux")]
use crate::terminal::Terminal;
use crate::terminal::{Shape, print_json};
use crate::trust_question;
use keyfob_core::agent::api::{Look, Person, Snapshot};
use keyfob_core::agent::hosting::{self, Other};
use keyfob_core::agent::socket::{Address, Opened};
use keyfob_core::agent::{Agent, Role, client};
use keyfob_core::clock::Clock;
use keyfob_core::signal::Ended;
use keyfob_core::view::log::log_line;
use keyfob_core::view::notice::Notice;
use keyfob_core::world::World;
use serde::Serialize;

/// Until it is stopped.
pub fn run(invocation: &Invocation, args: &AgentRunArgs) -> Result<u8, Stop> {
    let config = invocation.config()?;
    if invocation.person == Person::Present {
        trust_question::ask(&config, &invocation.environment, invocation.terminal)?;
    }
    let path = config.path().to_owned();
    let address = Address::of(&path, &invocation.environment)?;
    let world = World::open(config, invocation.environment.clone(), Clock::system())?;
    let terminal = invocation.terminal;
    let runtime = runtime()?;
    runtime.block_on(async {
        let listener = match hosting::open(&address, Other::Stays).await? {
            Opened::Ready(listener) => listener,
            Opened::Taken { pid } => {
                let path = path.display();
                let pid = pid.map_or_else(String::new, |pid| format!(", pid {pid}"));
                terminal.say(&format!("An agent is already running for {path}{pid}"));
                return Ok(0);
            }
        };
        // Before the user learns that it runs: there is a socket now, to be removed at the end.
        let ended = interrupt::ended();
        let agent = Agent::new(world, Role::Hosted);
        let notifier = args.notify.then(|| Notifier::start(|_, _| {}));
        let told = tokio::spawn(notify(agent.events(), notifier, move |event, notice| {
            if let Some(line) = log_line(event, Clock::system().now()) {
                terminal.say(&line);
            }
            // Nothing here has a window that a button could open.
            notice.map(|notice| Notice {
                buttons: Vec::new(),
                ..notice
            })
        }));
        let (path, pid) = (path.display(), std::process::id());
        terminal.say(&format!("The agent for {path} is running, pid {pid}"));
        #[cfg(target_os = "linux")]
        if args.notify {
            tokio::spawn(warn_without_notices(agent.clone(), terminal));
        }
        let mut code = 0;
        let until = async {
            tokio::select! {
                () = agent.stopped() => {}
                ended = ended => {
                    code = if ended == Ended::CtrlC { CTRL_C } else { 0 };
                    agent.stop().await;
                }
            }
        };
        hosting::serve(*listener, &agent, until).await;
        // The last events are still shown.
        drop(agent);
        let _ = told.await;
        terminal.say("The agent has stopped");
        Ok(code)
    })
}

#[cfg(target_os = "linux")]
async fn warn_without_notices(agent: Agent, terminal: Terminal) {
    if let Some(why) = no_notices().await {
        let text =
            format!("no desktop notices are shown, because there is no service for them: {why}");
        terminal.warn(&text);
        agent.warns(text);
    }
}

/// Why this desktop shows none.
#[cfg(target_os = "linux")]
async fn no_notices() -> Option<String> {
    let asked = tokio::task::spawn_blocking(notify_rust::get_capabilities).await;
    asked.ok()?.err().map(|error| error.to_string())
}

#[derive(Debug, Serialize)]
struct StoppedJson {
    stopped: bool,
}

/// No failure when there is nothing to stop.
pub fn stop(invocation: &Invocation) -> Result<u8, Stop> {
    let terminal = invocation.terminal;
    let stopped = match invocation.address()? {
        Some(address) => runtime()?.block_on(client::stop(&address))?,
        None => false,
    };
    match terminal.shape {
        Shape::Json => print_json(&StoppedJson { stopped })?,
        Shape::Text if stopped => terminal.say("The agent has stopped"),
        Shape::Text => terminal.say("No agent is running for this configuration"),
    }
    Ok(0)
}

/// 0: one is running, 1: none is.
pub fn agent_status(invocation: &Invocation) -> Result<u8, Stop> {
    let status = ask(invocation)?;
    match invocation.terminal.shape {
        Shape::Json => print_json(&render::StatusJson::of_agent(&status))?,
        Shape::Text => invocation
            .terminal
            .data(&render::agent_text(&status, Clock::system().now()))?,
    }
    Ok(u8::from(status.agent.is_none()))
}

/// Agent, sessions, next refresh, open prompts, last caller.
pub fn status(invocation: &Invocation) -> Result<u8, Stop> {
    let status = ask(invocation)?;
    match invocation.terminal.shape {
        Shape::Json => print_json(&render::StatusJson::of(&status))?,
        Shape::Text => invocation
            .terminal
            .data(&render::status_text(&status, Clock::system().now()))?,
    }
    Ok(0)
}

/// An agent goes on when the configuration cannot be read any more, and says so.
fn ask(invocation: &Invocation) -> Result<Snapshot, Stop> {
    let mut conversation = invocation.conversation_for(this_program(Person::Absent))?;
    expect_reply!(conversation.ask(Look::Status, None)?, Snapshot).map(|it| *it)
}
