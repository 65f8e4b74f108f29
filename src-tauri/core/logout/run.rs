//! Carrying out a logout, best effort, into a [`Report`]. Before anything is removed the names are
//! marked as signed out: a sign-in under way at that moment stores nothing.

use super::plan::{
    InMemory, KEYCHAIN, Logout, Removal, RemovalKind, Scope, Target, files_of, provider_of,
};
use super::report::{OtherSession, Report, Step, Subject, What};
use super::traces::Traces;
use crate::config::{Identity, Kind, Link, sources};
use crate::error::Result;
use crate::providers::{EndedAtAws, SignInPlace, end_sign_in};
use crate::store::{
    ClearedProfile, Dropped, EntryKind, Mode, ProfilePart, StoredSignIn, of_provider,
};
use crate::world::World;

/// Fails only for an unknown name, before anything is touched.
pub async fn logout(world: &World, logout: &Logout, memory: &InMemory) -> Result<Report> {
    let mut scope = Scope::of(&world.config, &logout.target)?;
    let (subject, target) = subject_of(world, &logout.target)?;
    let mut report = Report::of(subject, &target, logout.mode);
    report.chain = match &logout.target {
        Target::Identity { name, .. } => {
            let names = world.config.chain_names(world.config.identity(name)?);
            names.into_iter().map(str::to_owned).collect()
        }
        Target::Provider(_) | Target::All => Vec::new(),
    };
    for provider in scope.names_of_providers() {
        if report.mode == Mode::Run {
            world.assertions.forget(&provider);
        }
        sign_out(world, &of_provider(&provider), &mut report).await;
    }
    let traces = Traces::of(world, memory).await;
    if !matches!(logout.target, Target::Identity { .. }) {
        scope.identities.retain(|it| traces.has(it));
    }
    report.identities = scope.names_of_identities();
    for identity in &report.identities.clone() {
        sign_out(world, identity, &mut report).await;
    }
    for removal in &scope.removals(&world.config, logout.long_lived_keys) {
        remove(world, removal, memory, &mut report).await;
    }
    report.notes.extend(unreadable_parts(world, &scope));
    let others = world.config.identities().iter();
    let others = others.filter(|it| traces.has(it)).collect();
    name_those_who_shared(world, &scope, others, &mut report).await;
    Ok(report)
}

/// A dry run marks nothing.
async fn sign_out(world: &World, name: &str, report: &mut Report) {
    if report.mode == Mode::DryRun {
        return;
    }
    if let Err(error) = world.store.sign_outs.sign_out(name).await {
        let path = world.store.sign_outs.path(name).display().to_string();
        let step = Step::at(What::File, name, path, "sign-out mark");
        report.steps.push(step.became(Err(error), report.mode));
    }
}

fn subject_of(world: &World, target: &Target) -> Result<(Subject, String)> {
    Ok(match target {
        Target::Identity { name, .. } => (
            Subject::Identity,
            world.config.identity(name)?.name.to_string(),
        ),
        Target::Provider(name) => (
            Subject::Provider,
            world.config.provider(name)?.name.to_string(),
        ),
        Target::All => (Subject::All, "all".to_owned()),
    })
}

async fn remove(world: &World, removal: &Removal, memory: &InMemory, report: &mut Report) {
    let mode = report.mode;
    match &removal.0 {
        RemovalKind::Entry { kind, name, via } => {
            let detail = detail(world, *kind, name, via).await;
            let dropped = world.store.drop_entry(*kind, name, mode).await;
            // Most identities never have keys aside.
            let is_told = *kind != EntryKind::SetAside || dropped != Ok(Dropped::Absent);
            let step = || entry_step(world, *kind, name, detail).became(dropped, mode);
            report.steps.extend(is_told.then(step));
        }
        RemovalKind::Memory { name } => {
            let is_held = memory.sessions.contains(&name.to_ascii_lowercase());
            let step = || Step::at(What::Agent, name, "memory".to_owned(), HELD);
            report.steps.extend(is_held.then(|| gone(step(), mode)));
        }
        RemovalKind::DatabaseTokens { name } => {
            let is_held = memory.with_tokens.contains(&name.to_ascii_lowercase());
            let step = || Step::at(What::Agent, name, TOKENS.to_owned(), TOKENS);
            report.steps.extend(is_held.then(|| gone(step(), mode)));
        }
        RemovalKind::KeysThatStay { kind, name } => {
            report
                .steps
                .extend(keys_that_stay(world, *kind, name).await);
        }
        RemovalKind::SignInAtAws { source } => end_at_aws(world, source, report).await,
        RemovalKind::SignInPage { provider, address } => {
            report
                .steps
                .extend(page_step(world, provider, address, mode));
        }
        RemovalKind::TokenThatStays { name, used_by } => {
            report
                .steps
                .extend(token_that_stays(world, name, used_by).await);
        }
        RemovalKind::Profiles {
            provider,
            files,
            identities,
            up_to,
        } => {
            let cleared = world
                .store
                .profiles
                .clear(files, identities, *up_to, mode)
                .await;
            report.steps.extend(
                cleared
                    .into_iter()
                    .map(|it| profile_step(it, provider, mode)),
            );
        }
    }
}

async fn detail(world: &World, kind: EntryKind, name: &str, via: &str) -> String {
    match kind {
        EntryKind::Keys | EntryKind::SetAside => held(world, kind, name).await.unwrap_or_default(),
        EntryKind::Session => format!("via {via}"),
        EntryKind::Token => "sign-in token".to_owned(),
        EntryKind::Audit => "end of the audit log".to_owned(),
    }
}

/// Most were never shown here.
fn page_step(world: &World, provider: &str, address: &str, mode: Mode) -> Option<Step> {
    let path = world.store.page(address).display().to_string();
    let dropped = world.store.drop_page(address, mode);
    let is_told = dropped != Ok(Dropped::Absent);
    is_told.then(|| Step::at(What::Folder, provider, path, PAGE).became(dropped, mode))
}

/// What keeps it from that is no failure of the logout. Providers that share a sign-in end it once:
/// its token is gone then.
async fn end_at_aws(world: &World, source: &str, report: &mut Report) {
    let Some((source, stored)) = usable_sign_in(world, source).await else {
        return;
    };
    let address = source.kind.facts().sign_in_address.unwrap_or_default();
    let step = Step::at(
        What::ProviderSession,
        &source.name,
        address,
        "ended by its token",
    );
    if report.mode == Mode::DryRun {
        return report.steps.push(gone(step, Mode::DryRun));
    }
    match end_sign_in(world, &source, &stored).await {
        Ok(EndedAtAws::Now) => {
            report.steps.push(gone(step, Mode::Run));
            report.notes.extend(also_ended(&source));
        }
        // It has ended before.
        Ok(EndedAtAws::Before) => report.steps.push(step),
        Err(fault) => {
            let why = fault.into_error(&source.region).message;
            let detail = format!("could not be ended there ({why}): it ends by itself");
            let detail = Some(detail);
            report.steps.push(Step { detail, ..step }.stays());
        }
    }
}

/// Who loses it as well: the console's is this program's alone.
fn also_ended(source: &Link) -> Option<String> {
    let is_shared = !matches!(source.kind, Kind::Login);
    is_shared.then(|| {
        let name = &source.name;
        format!("Sign-ins of other tools in the same browser session of {name} have ended with it")
    })
}

async fn usable_sign_in(world: &World, source: &str) -> Option<(Link, StoredSignIn)> {
    let mut sources = sources(&world.config);
    let source = sources.find(|it| it.name == source)?;
    let place = SignInPlace::of(world, &source).ok()?;
    let stored = place.stored(world).await.ok()??;
    let sign_in = stored.sign_in.as_ref()?;
    // The token of one that can be renewed has ended, and the sign-in has not.
    let lives = sign_in.is_usable(world.clock.now()) || sign_in.refresh_token.is_some();
    lives.then_some((source, stored))
}

const HELD: &str = "held by the running agent";
const TOKENS: &str = "database tokens";
const PAGE: &str = "cookies of its sign-in page";

fn gone(step: Step, mode: Mode) -> Step {
    step.became(Ok(Dropped::Removed), mode)
}

/// Reported only where there is one: a dry run of removing it says so.
async fn token_that_stays(world: &World, name: &str, used_by: &[String]) -> Option<Step> {
    let kind = EntryKind::Token;
    let there = world.store.drop_entry(kind, name, Mode::DryRun).await;
    let names = used_by.join(", ");
    let detail = format!("kept: the sign-in token, which {names} uses as well");
    let is_there = there.is_ok_and(|there| there == Dropped::Removed);
    is_there.then(|| entry_step(world, kind, name, detail).stays())
}

/// What a user's entry holds, such as its access key's shortened ID; read without its secret.
pub(super) async fn held(world: &World, kind: EntryKind, name: &str) -> Option<String> {
    let attributes = world.store.attributes(kind, name).await;
    let holds = attributes.ok().flatten().map(|it| it.holds);
    holds.map(|it| it.unwrap_or_else(|| "access keys".to_owned()))
}

/// Reported only for keys that are there. That they cannot be looked at is no failure of a logout
/// that keeps them.
async fn keys_that_stay(world: &World, kind: EntryKind, name: &str) -> Option<Step> {
    let attributes = world.store.attributes(kind, name).await.ok()??;
    let step = |detail| entry_step(world, kind, name, detail);
    Some(match attributes.configuration {
        Some(other) => step(format!("kept: it belongs to {other}")).stays(),
        None => {
            let holds = attributes.holds.unwrap_or_else(|| "access keys".to_owned());
            step(format!("kept: {holds}")).stays_unless_told(KEYCHAIN)
        }
    })
}

pub(crate) fn entry_step(
    world: &World,
    kind: EntryKind,
    name: &str,
    detail: impl Into<String>,
) -> Step {
    Step::at(What::Keyring, name, world.store.account(kind, name), detail)
}

/// Identities with files that are not known, because their part of the configuration cannot be
/// used.
fn unreadable_parts(world: &World, scope: &Scope<'_>) -> Vec<String> {
    let broken = scope
        .identities
        .iter()
        .filter(|it| it.is_supported && files_of(&world.config, it).is_none());
    broken
        .map(|it| {
            format!(
                "{}: its profile was not looked for: `fob validate` says why",
                it.name
            )
        })
        .collect()
}

/// Others that stood on something that was removed live on until their own session ends.
async fn name_those_who_shared(
    world: &World,
    scope: &Scope<'_>,
    others: Vec<&Identity>,
    report: &mut Report,
) {
    let providers = scope.names_of_providers();
    let identities = scope.names_of_identities();
    let now = world.clock.now();
    for identity in others {
        let provider = identity.provider.as_ref().map(ToString::to_string);
        let names = world.config.chain_names(identity);
        // The first name is the provider's, if there is one.
        let below = usize::from(provider_of(&world.config, identity).is_some());
        let shares = provider.is_some_and(|it| providers.contains(&it))
            || names[below..].iter().any(|name| {
                let is_it = |removed: &String| removed.eq_ignore_ascii_case(name);
                identities.iter().any(is_it)
            });
        if !shares || identities.contains(&identity.name.to_string()) {
            continue;
        }
        let name = identity.name.as_str();
        if matches!(world.store.sign_outs.since(name), Ok(Some(_))) {
            continue;
        }
        let held = world.store.session(name, None).await.ok().flatten();
        let held = held.map(|stored| stored.session);
        if let Some(session) = held.filter(|session| session.is_usable(now)) {
            let identity = identity.name.to_string();
            report.others.push(OtherSession {
                identity,
                expires_at: session.expires_at,
            });
        }
    }
}

pub(crate) fn profile_step(cleared: ClearedProfile, provider: &str, mode: Mode) -> Step {
    let ClearedProfile {
        part,
        path,
        outcome,
    } = cleared;
    let (what, name, detail) = match part {
        ProfilePart::Section { identity } => (
            What::Section,
            identity.clone(),
            format!("profile {identity}"),
        ),
        ProfilePart::File => (What::File, provider.to_owned(), "empty".to_owned()),
        ProfilePart::Folder => (What::Folder, provider.to_owned(), "empty".to_owned()),
    };
    Step::at(what, &name, path.display().to_string(), detail).became(outcome, mode)
}
