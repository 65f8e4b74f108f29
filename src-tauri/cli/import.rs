//! `fob import`: identities from the files of other tools, which stay as they are.

use crate::conversation::{runtime, this_program};
use crate::file_args::ImportArgs;
use crate::invocation::Invocation;
use crate::prompt::{self, Unanswered};
use crate::stop::Stop;
use crate::terminal::{Shape, one_line, print_json};
use keyfob_core::agent::api::Person;
use keyfob_core::agent::edits::{self, PlannedImport};
use keyfob_core::config::LeftOut;
use keyfob_core::environment::Environment;
use keyfob_core::error::{Code, Error};
use serde::Serialize;
use std::path::Path;

const UNCONFIRMED: &str = "nothing was imported";

#[derive(Debug, Serialize)]
struct ImportJson<'a> {
    path: &'a Path,
    dry_run: bool,
    /// That were added, or would be.
    identities: Vec<String>,
    left_out: &'a [LeftOut],
    notes: &'a [String],
    yaml: &'a str,
}

pub fn import(invocation: &Invocation, args: &ImportArgs) -> Result<u8, Stop> {
    let terminal = invocation.terminal;
    let path = invocation.config_place()?;
    let environment = &invocation.environment;
    let planned = match args.source.of_aws_files() {
        Some(source) => {
            let environment = files_at(environment, args.path.as_deref());
            edits::plan_whole_import(&path, &environment, source)?
        }
        None => {
            let other = args.path.as_deref().unwrap_or(Path::new("atmos.yaml"));
            edits::plan_import_of_configuration(&path, environment, other)?
        }
    };
    let (import, notes) = (&planned.import, planned.import.notes.clone());
    let mut json = ImportJson {
        path: &path,
        dry_run: args.dry_run,
        identities: planned.identities(),
        left_out: &planned.left_out,
        notes: &notes,
        yaml: &planned.yaml,
    };
    if terminal.shape == Shape::Text {
        say(invocation, &json);
    }
    if import.changes.is_empty() && import.keys.is_empty() {
        terminal.say("There is nothing new to import");
    } else if args.dry_run {
        if terminal.shape == Shape::Text {
            terminal.data(&planned.yaml)?;
        }
    } else {
        let keys = args.yes || confirm(invocation, &planned, &path)?;
        let mut import = planned.import.clone();
        // They were said before.
        import.notes.clear();
        if !keys {
            import.keys.clear();
        }
        let caller = this_program(invocation.person);
        let environment = invocation.environment.clone();
        let imported = edits::import_planned(&path, environment, import, &caller);
        let imported = runtime()?.block_on(imported)?;
        for note in &imported.notes {
            terminal.note(note);
        }
        // Keys of an identity that is there already may be all that came.
        let count = imported.identities.len();
        if count > 0 {
            let names = imported.identities.join(", ");
            terminal.say(&format!("Wrote {count} to {}: {names}", path.display()));
        }
        json.identities = imported.identities;
    }
    if terminal.shape == Shape::Json {
        print_json(&json)?;
    }
    Ok(0)
}

/// With the files of AWS tools in that folder, or with that `config` file.
fn files_at(environment: &Environment, path: Option<&Path>) -> Environment {
    let Some(path) = path.map(|path| environment.working_directory().join(path)) else {
        return environment.clone();
    };
    if path.is_dir() {
        let with = environment.with("AWS_CONFIG_FILE", &path.join("config"));
        return with.with("AWS_SHARED_CREDENTIALS_FILE", &path.join("credentials"));
    }
    environment.with("AWS_CONFIG_FILE", &path)
}

fn say(invocation: &Invocation, json: &ImportJson<'_>) {
    for LeftOut { name, reason } in json.left_out {
        let terminal = invocation.terminal;
        terminal.warn(&format!("{name} is left out: {reason}"));
    }
    for note in json.notes {
        invocation.terminal.say(&one_line(note));
    }
}

/// Returns whether the keys are to be stored as well.
fn confirm(invocation: &Invocation, planned: &PlannedImport, path: &Path) -> Result<bool, Stop> {
    if invocation.person == Person::Absent {
        let message = "an import is confirmed first, and there is no terminal to ask on";
        return Err(Error::new(Code::PersonNeeded, message)
            .hint("--dry-run shows what would be written")
            .hint("add --yes to write it, and to store access keys in the keyring")
            .into());
    }
    let terminal = invocation.terminal;
    let ask = |question: &str| match prompt::confirm(question, terminal) {
        Ok(yes) => Ok(yes),
        Err(unanswered) => Err(unanswered.stop(UNCONFIRMED)),
    };
    if !planned.import.changes.is_empty() {
        for line in planned.yaml.lines() {
            terminal.insist(&one_line(line));
        }
        if !ask(&format!("Write this to {}?", path.display()))? {
            return Err(Unanswered::Closed.stop(UNCONFIRMED));
        }
    }
    let names = planned.with_keys();
    if names.is_empty() {
        return Ok(false);
    }
    let keys = ask(&format!(
        "Store the access keys of {} in the keyring?",
        names.join(", ")
    ))?;
    if !keys {
        terminal.say("The keys stay where they are; `fob user configure` stores them later");
    }
    Ok(keys)
}
