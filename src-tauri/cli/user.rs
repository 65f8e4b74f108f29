//! `fob user configure`: long-lived keys from a form, standard input, AWS's CSV file or a profile.
//! `fob user rotate`: new ones in their place.

use crate::args::{KeysFrom, UserConfigureArgs, UserRotateArgs};
use crate::conversation::expect_reply;
use crate::invocation::Invocation;
use crate::prompt::{self, Unanswered};
use crate::render;
use crate::stop::Stop;
use crate::terminal::{Shape, print_json};
use keyfob_core::agent::api::{
    Check, Configure, Maintain, OldKey, OtherUser, Person, Replaces, Request, Rotate, TypedKeys,
};
use keyfob_core::error::{Code, Error, Result};
use keyfob_core::view::pasted;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use zeroize::Zeroizing;

pub fn configure(invocation: &Invocation, args: &UserConfigureArgs) -> Result<u8, Stop> {
    let (identity, mut conversation) =
        invocation.about(args.named.name.as_deref(), invocation.person)?;
    let keys = read(&args.from, invocation)?;
    let check = if args.no_check {
        Check::Skip
    } else {
        Check::WithSts
    };
    let doing = match check {
        Check::WithSts => format!("Checking the keys of {identity}"),
        Check::Skip => format!("Storing the keys of {identity}"),
    };
    let mut configure = Configure {
        identity,
        keys,
        check,
        other_user: if args.yes {
            OtherUser::Accepted
        } else {
            OtherUser::Refused
        },
        replaces: if args.replace {
            Replaces::Others
        } else {
            Replaces::Own
        },
    };
    let mut store = |configure: &Configure| {
        let request = Request::Maintain(Maintain::Configure(configure.clone()));
        conversation.ask(request, Some(&doing))
    };
    let reply = match store(&configure) {
        Err(Stop::Failed(error)) if error.code == Code::BelongsElsewhere => {
            confirm_replacing(invocation, *error)?;
            configure.replaces = Replaces::Others;
            store(&configure)?
        }
        reply => reply?,
    };
    let it = expect_reply!(reply, Configured)?;
    match invocation.terminal.shape {
        Shape::Json => print_json(&it)?,
        Shape::Text => {
            for line in render::configured_text(&it).lines() {
                invocation.terminal.say(line);
            }
        }
    }
    // Where nothing is kept, the file is all there is.
    let keeps = invocation.config()?.keyring().keeps();
    if let Some(csv) = args.from.csv.as_ref().filter(|_| keeps) {
        invocation.terminal.say(&format!(
            "{} still contains the keys: delete it",
            csv.display()
        ));
    }
    Ok(0)
}

pub fn rotate(invocation: &Invocation, args: &UserRotateArgs) -> Result<u8, Stop> {
    let (identity, mut conversation) =
        invocation.about(args.named.name.as_deref(), invocation.person)?;
    let doing = format!("Rotating the access key of {identity}");
    let rotate = Rotate {
        identity,
        keep_old: args.keep_old,
    };
    let reply = conversation.ask(Maintain::Rotate(rotate), Some(&doing))?;
    let it = expect_reply!(reply, Rotated)?;
    match (invocation.terminal.shape, &it.old_key) {
        (Shape::Json, _) => print_json(&it)?,
        (Shape::Text, OldKey::Deleted | OldKey::Kept { .. }) => {
            invocation.terminal.say(&it.to_string());
        }
        (Shape::Text, OldKey::Left { error }) => invocation.terminal.fail(&Error {
            message: it.to_string(),
            ..error.clone()
        }),
    }
    Ok(u8::from(matches!(it.old_key, OldKey::Left { .. })))
}

/// Keys of another configuration or endpoint: the person decides.
fn confirm_replacing(invocation: &Invocation, error: Error) -> Result<(), Stop> {
    if invocation.person == Person::Absent {
        return Err(error.into());
    }
    invocation.terminal.insist(&error.message);
    match prompt::confirm(
        "Replace them? They cannot be had back from AWS.",
        invocation.terminal,
    ) {
        Ok(true) => Ok(()),
        Ok(false) | Err(Unanswered::Closed) => Err(error.into()),
        Err(unanswered) => Err(unanswered.stop("not confirmed: nothing was changed")),
    }
}

/// `None`: the agent prompts for them.
fn read(from: &KeysFrom, invocation: &Invocation) -> Result<Option<TypedKeys>> {
    if from.stdin {
        let text = bounded(io::stdin(), Path::new("standard input"))?;
        return pasted::keys(&text).map(Some);
    }
    if let Some(path) = &from.csv {
        let keys = pasted::csv(&file(path)?)?;
        // As it is found from anywhere; a name that is no text is not remembered.
        let whole = std::path::absolute(path).ok();
        let file = whole.and_then(|it| it.to_str().map(str::to_owned));
        return Ok(Some(TypedKeys { file, ..keys }));
    }
    if let Some(name) = &from.profile {
        let found = pasted::profile(&invocation.environment, name)?;
        for warning in &found.warnings {
            invocation.terminal.warn(warning);
        }
        return Ok(Some(found.keys));
    }
    Ok(None)
}

fn file(path: &Path) -> Result<Zeroizing<String>> {
    bounded(
        File::open(path).map_err(|cause| Error::file(path, "read", &cause))?,
        path,
    )
}

fn bounded(source: impl Read, name: &Path) -> Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    source
        .take(pasted::LONGEST as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|cause| Error::file(name, "read", &cause))?;
    pasted::decoded(&bytes, &name.display().to_string())
}
