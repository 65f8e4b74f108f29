//! The identities: whether AWS accepts what they hold, and the sign-ins they are made with.

use super::check::Checked;
use super::machine::{AgentAnswer, Machine};
use crate::ask::Note;
use crate::aws::FaultKind;
use crate::config::{Chain, Identity, Kind, sources};
use crate::error::{Code, Error};
use crate::providers::standing_keys;
use crate::rotation::is_unfinished;
use crate::sessions::{Reach, State, Whoami, key, whoami};
use crate::view::state::{sign_in_words, word};
use crate::view::time::until;
use crate::world::World;
use std::time::SystemTime;

pub(super) fn name(identity: &Identity) -> String {
    format!("identity {}", identity.name)
}

/// Nothing of a role that is only assigned: of thousands few are used.
pub(super) async fn identity(machine: &Machine, world: &World, it: &Identity) -> Option<Checked> {
    let name = name(it);
    let chain = match world.config.chain(it) {
        Ok(chain) => chain,
        Err(error) if error.code == Code::Unsupported => {
            return Some(Checked::failed(name, &error).no_worse_than_a_warning());
        }
        Err(error) => return Some(Checked::failed(name, &error).remedy("fob validate")),
    };
    let sessions = match machine.sessions(world).await {
        Ok(sessions) => sessions,
        Err(error) => return Some(as_the_agent_says(machine, &name, it, &error).await),
    };
    let now = world.clock.now();
    let record = sessions.get(&key(it.name.as_str()));
    let record =
        record.filter(|record| !it.is_assigned || record.state(now) != State::NeedsSignIn)?;
    let session = match whoami(world, record, Reach::Online).await {
        Ok((whoami, notes)) => held(&chain, &name, whoami, &notes, now),
        // Most machines have no role of their own.
        Err(error) if error.code == Code::NoCredentials => {
            Checked::failed(&name, &error).no_worse_than_a_warning()
        }
        Err(error) => Checked::failed(&name, &error),
    };
    // What a person is to do about the keys comes first.
    Some(with_its_keys(world, &chain, session).await)
}

const NOT_SIGNED_IN: &str = "not signed in";

fn held(chain: &Chain, name: &str, whoami: Whoami, notes: &[Note], now: SystemTime) -> Checked {
    let login = chain.login_command();
    let said = notes.iter().map(|note| match note {
        Note::Info(text) | Note::Warning(text) => text.as_str(),
    });
    let said = said.collect::<Vec<_>>().join("; ");
    let with = |text: &str| match said.as_str() {
        "" => text.to_owned(),
        said => format!("{text}: {said}"),
    };
    match whoami.state {
        State::Valid | State::Expiring => {
            let end = whoami.expires_at.map(|it| until(it, now));
            let end = end.map_or_else(String::new, |end| format!(", until {end}"));
            let owner = whoami
                .principal
                .map_or_else(String::new, |it| format!(", {it}"));
            let text = with(&format!("valid{owner}{end}"));
            if notes.is_empty() {
                Checked::ok(name, text)
            } else {
                Checked::warning(name, text)
            }
        }
        State::NeedsSignIn => Checked::ok(name, with(NOT_SIGNED_IN)),
        State::SignedOut => Checked::ok(name, "signed out"),
        State::Expired => Checked::warning(name, with("its session has ended")).remedy(login),
        State::Revoked => {
            Checked::broken(name, with("AWS no longer knows its credentials")).remedy(login)
        }
        State::Denied => Checked::broken(name, with("AWS denies it")).remedy(login),
        State::BelongsElsewhere => {
            let text = "what is stored under its name belongs to another configuration or endpoint";
            Checked::broken(name, with(text)).remedy(format!("fob repair {}", chain.identity))
        }
        State::Unknown | State::Unsupported => {
            let text = with("what is stored for it cannot be read");
            Checked::broken(name, text).remedy(format!("fob repair {}", chain.identity))
        }
    }
}

/// The long-lived keys of an IAM user, which its sessions are made with.
async fn with_its_keys(world: &World, chain: &Chain, session: Checked) -> Checked {
    let (link, Kind::User(user)) = (chain.target(), &chain.target().kind) else {
        return session;
    };
    let name = session.name.clone();
    let configure = format!("fob user configure {}", link.name);
    let keys = match standing_keys(world, user, link).await {
        Ok(Some(keys)) => keys,
        Ok(None) => {
            let text = format!("{}; no access keys are stored for it", session.detail);
            return Checked::warning(name, text).remedy(configure);
        }
        Err(error) => return Checked::failed(name, &error),
    };
    let (id, place) = (keys.id, keys.place);
    match keys.owner {
        Ok(_) if is_unfinished(world, &link.name).await => {
            let text = format!(
                "{}; a rotation of access key {id} is not finished",
                session.detail
            );
            Checked::warning(name, text).remedy(format!("fob user rotate {}", link.name))
        }
        Ok(owner) => Checked {
            detail: format!(
                "{}; access key {id} of {place} is that of {}",
                session.detail, owner.arn
            ),
            ..session
        },
        Err(fault)
            if matches!(
                fault.kind,
                FaultKind::UnknownKeys | FaultKind::SecretMismatch
            ) =>
        {
            let text = format!("AWS does not know access key {id} of {place}: rotated or revoked");
            Checked::broken(name, text).remedy(configure)
        }
        Err(fault) => {
            let error = fault.into_error(&link.region);
            let text = format!("access key {id} of {place} could not be checked");
            let failed = Checked::failed(name, &error);
            Checked {
                detail: format!("{text}: {}", failed.detail),
                ..failed.no_worse_than_a_warning()
            }
        }
    }
}

/// Where this process cannot read the keyring: what the agent knows, if it can.
async fn as_the_agent_says(machine: &Machine, name: &str, it: &Identity, error: &Error) -> Checked {
    if let AgentAnswer::Status(status) = machine.agent().await
        && status.keyring.is_none()
    {
        let mut all = status.identities.iter();
        if let Some(known) = all.find(|known| known.name == it.name.as_str()) {
            return Checked::ok(name, format!("{}, says the agent", word(known.state)));
        }
    }
    let text = format!(
        "not known, because the keyring cannot be read: {}",
        error.message
    );
    Checked::warning(name, text)
}

/// Of the providers, and of the identities that sign in for themselves.
pub(super) async fn sign_ins(machine: &Machine, world: &World) -> Vec<Checked> {
    let kept: Vec<_> = sources(world.config())
        .filter(|it| it.sign_in_address().is_some())
        .collect();
    let Ok(sessions) = machine.sessions(world).await else {
        return Vec::new();
    };
    let now = world.clock.now();
    let checked = kept.iter().map(|source| {
        let text = match sessions.sign_ins.status(&source.name) {
            Some(sign_in) => sign_in_words(&sign_in, now),
            None => NOT_SIGNED_IN.to_owned(),
        };
        Checked::ok(format!("sign-in {}", source.name), text)
    });
    checked.collect()
}
