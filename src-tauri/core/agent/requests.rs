//! The loop of the agent's task: requests come in, and are answered or become jobs.

use super::actor::{Actor, Message, Shown, Then};
use super::answers::{self, Effects, Given};
use super::api::{Control, LastCaller, Look, Maintain, Note, Reply, Request, SessionRequest};
use super::jobs::About;
use super::keys;
use super::outcomes;
use super::prompts;
use super::role::Role;
use super::schedule::Schedule;
use super::tend;
use super::waiter::{self, Part, Waiter};
use crate::ask::{AskMessage, Person};
use crate::clock::Alarm;
use crate::config::Chain;
use crate::endpoint::is_on_loopback;
use crate::environment::EnvironmentDifference;
use crate::error::{Code, Error};
use crate::files::{FileWatch, is_gone};
use crate::sessions::sync::{self, ReadScope, Reading};
use crate::sessions::{variables, whoami};
use crate::world::World;
use std::ops::ControlFlow;
use tokio::sync::mpsc;

pub(super) async fn run(mut actor: Actor, mut inbox: mpsc::UnboundedReceiver<Message>) {
    let alarm = Alarm::new(actor.clock.clone());
    let mut configuration =
        (actor.role == Role::Hosted).then(|| FileWatch::on(&actor.schedule.configuration.path));
    tend::tend(&mut actor);
    loop {
        let wake = tend::wake_at(&actor);
        tokio::select! {
            biased;
            message = inbox.recv() => match message {
                Some(message) => if take(&mut actor, message).is_break() { return },
                None => return,
            },
            () = alarm.rest_until(wake) => tend::tend(&mut actor),
            () = changed(&mut configuration) => tend::look_at_configuration(&mut actor),
        }
    }
}

/// Never, where nothing is watched.
async fn changed(watch: &mut Option<FileWatch>) {
    match watch {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}

fn take(actor: &mut Actor, message: Message) -> ControlFlow<()> {
    match message {
        Message::Request {
            waiter,
            fingerprint,
        } => {
            return request(actor, waiter, fingerprint.as_deref());
        }
        Message::Left(client) => prompts::left(actor, client),
        Message::Ask { job, message } => match message {
            AskMessage::Question(question) => prompts::question(actor, job, *question),
            AskMessage::Withdrawn => prompts::withdrawn(actor, job),
            AskMessage::WaitsForHolder(holder) => prompts::waits_for(actor, job, holder),
            AskMessage::Rotating(stage) => keys::rotates(actor, job, stage),
        },
        Message::SignedIn { job, outcome } => outcomes::signed_in(actor, job, outcome),
        Message::Maintained {
            job,
            notes,
            reply,
            effects,
        } => {
            let reply = outcomes::maintained(actor, &effects, reply);
            if let Reply::Failed(error) = &reply {
                actor.jobs.fail_tickets(job, error);
            }
            for waiter in actor.jobs.end(job).map_or_else(Vec::new, |job| job.waiters) {
                waiter.answer(notes.clone(), reply.clone());
            }
        }
        Message::KeysLookedFor {
            job,
            prompt,
            found,
            waiting,
            notes,
        } => {
            if prompts::keys_are_there(actor, job, prompt, found) {
                for waiter in waiting {
                    actor.again(waiter);
                }
            } else {
                prompts::show(actor, job, waiting, &notes);
            }
        }
        Message::Read { reading, then } => read(actor, reading, then),
        Message::KeyringAwaited(shown) => keyring_awaited(actor, shown),
        Message::SignInTried => tend::tend(actor),
        Message::KeysLookedAt(looked) => outcomes::keys_looked_at(actor, looked),
        Message::Refused { identity } => tend::refused(actor, &identity),
        Message::Renewable { identity, how } => tend::renewable(actor, &identity, how),
        Message::Warning(text) => actor.schedule.warnings.push(Note::Warning(text)),
        Message::Nothing => {}
    }
    ControlFlow::Continue(())
}

fn request(actor: &mut Actor, waiter: Waiter, fingerprint: Option<&str>) -> ControlFlow<()> {
    tend::look_at_configuration(actor);
    if needs_the_callers_process(actor, &waiter.call.request, fingerprint) {
        waiter.answer(Vec::new(), Reply::RunInProcess);
        return ControlFlow::Continue(());
    }
    // The windows of this process show all.
    if let Some(prompt) = waiter.call.request.answered_prompt()
        && fingerprint.is_some()
        && !actor.jobs.was_shown(prompt, waiter.client)
    {
        waiter.fail(not_shown());
        return ControlFlow::Continue(());
    }
    match waiter.call.request.clone() {
        Request::Session(request) => with_session(actor, waiter, &request),
        Request::Maintain(request) => maintain(actor, waiter, request, fingerprint.is_some()),
        Request::Look(request) => look(actor, waiter, request, fingerprint.is_some()),
        Request::Control(Control::Refresh(refresh)) => {
            tend::set_refresh(actor, refresh);
            look(actor, waiter, Look::Status, false);
        }
        Request::Control(Control::Answer { prompt, answer }) => {
            prompts::answered(actor, waiter, prompt, answer);
        }
        Request::Control(Control::Cancel { prompt }) => prompts::cancelled(actor, waiter, prompt),
        Request::Control(Control::LookAt { prompt }) => {
            let state = actor.jobs.state_of(prompt);
            waiter.answer(Vec::new(), Reply::Prompt(state));
        }
        Request::Control(Control::Follow { prompt }) => prompts::followed(actor, waiter, prompt),
        Request::Control(Control::Stop) if actor.role == Role::Hosted => {
            let message = "the agent was stopped while a prompt was open";
            prompts::close_all(actor, &Error::new(Code::PersonNeeded, message));
            waiter.answer(Vec::new(), Reply::Stopping);
            return ControlFlow::Break(());
        }
        Request::Control(Control::Stop) => {
            waiter.fail(Error::new(Code::Usage, "no agent is running"));
        }
    }
    ControlFlow::Continue(())
}

fn not_shown() -> Error {
    let message = "this prompt was not shown to this client, or is no longer open";
    Error::new(Code::InvalidInput, message).hint("`fob login` shows it")
}

/// A chain that is read from the environment, and calls that would go elsewhere, are not the
/// agent's.
fn needs_the_callers_process(actor: &Actor, request: &Request, fingerprint: Option<&str>) -> bool {
    let identity = match request {
        _ if actor.role == Role::InProcess => return false,
        Request::Control(_) | Request::Look(Look::Status) => return false,
        Request::Session(request) => waiter::identity_of(&actor.world, request).ok(),
        Request::Look(Look::Whoami { identity, .. }) => Some(identity.clone()),
        Request::Maintain(Maintain::Configure(configure)) => Some(configure.identity.clone()),
        Request::Maintain(Maintain::Rotate(rotate)) => Some(rotate.identity.clone()),
        Request::Maintain(
            Maintain::Logout(_)
            | Maintain::Cleanup(_)
            | Maintain::Repair { .. }
            | Maintain::Edit { .. }
            | Maintain::Import { .. }
            | Maintain::ListRoles { .. },
        )
        | Request::Look(Look::List | Look::Audit { .. } | Look::AuditVerify) => None,
    };
    let config = &actor.world.config;
    let ours = actor.schedule.fingerprint();
    let difference = fingerprint.map(|theirs| EnvironmentDifference::between(ours, theirs));
    let difference = difference.unwrap_or_default();
    let Some(name) = identity else {
        return difference.is_any() || config.uses_the_environment();
    };
    let from_the_environment = config
        .identity(&name)
        .is_ok_and(|it| config.needs_the_callers_environment(it));
    let is_elsewhere = match actor.world.chain(&name) {
        Ok(chain) => {
            let difference = relevant(difference, &chain, request);
            // A sign-in that is under way here goes on here, and its prompt is answered here.
            let only_the_way = !difference.places && !difference.endpoints;
            let is_under_way = only_the_way && actor.asking_for(&chain).is_some();
            difference.is_any() && !is_under_way
        }
        Err(_) => difference.is_any(),
    };
    is_elsewhere || from_the_environment
}

/// What a chain does not use makes no difference to it: with endpoints of its own, neither those of
/// the environment nor, on this machine, the way to others.
fn relevant(
    difference: EnvironmentDifference,
    chain: &Chain,
    request: &Request,
) -> EnvironmentDifference {
    let links = chain.links().iter();
    let own: Vec<&str> = links
        .filter_map(|link| link.endpoint_url.as_deref())
        .collect();
    let console = matches!(request, Request::Session(SessionRequest::Console { .. }));
    let has_own = own.len() == chain.links().len() && !console;
    let stays_here = has_own && own.iter().all(|url| is_on_loopback(url));
    EnvironmentDifference {
        places: difference.places,
        endpoints: difference.endpoints && !has_own,
        network: difference.network && !stays_here,
    }
}

/// From the record, from a sign-in under way, or from a new one.
fn with_session(actor: &mut Actor, waiter: Waiter, request: &SessionRequest) {
    let named = waiter::identity_of(&actor.world, request);
    let chain = match named.and_then(|name| actor.world.chain(&name)) {
        Ok(chain) => chain,
        Err(error) => return waiter.fail(error),
    };
    let now = actor.clock.now();
    actor.sessions.record(&chain.identity).last_caller = Some(LastCaller {
        program: waiter.call.caller.program.clone(),
        pid: waiter.call.caller.pid,
        at: now,
    });
    if let Some(form) = waiter::needs_no_session(&chain, request) {
        let mut notes = Vec::new();
        let variables = variables(&actor.world, &chain, form, None);
        let reply =
            variables.map_or_else(Reply::Failed, |it| Reply::Variables(it.note(&mut notes)));
        return waiter.answer(notes, reply);
    }
    if let Some((session, ticket)) = actor.sessions.usable(&actor.world, &chain)
        && waiter::is_enough(request, &session, now)
    {
        match actor.world.store.sign_outs.unchanged(&ticket) {
            Ok(()) => return give(actor, waiter, chain, session),
            Err(_) => actor.sessions.forget(chain.identity.as_str()),
        }
    }
    let until = now + waiter::patience_of(request);
    let waiter = Waiter {
        until,
        part: match waiter.part {
            Part::Leads | Part::Joins => Part::Joins,
            Part::Answered => Part::Answered,
        },
        ..waiter
    };
    if let Some(job) = actor.asking_for(&chain) {
        return prompts::join(actor, job, waiter);
    }
    let under_way = actor.jobs.sign_in_to(chain.identity.as_str());
    if let Some(job) = under_way.and_then(|job| actor.jobs.get_mut(job)) {
        return job.waiters.push(waiter);
    }
    let reach = actor.reach(&chain, &waiter);
    let here = actor.world.environment.browser();
    let options = waiter::options(&waiter.call.caller, request, reach, waiter.part, here);
    let waiter = Waiter {
        part: match waiter.part {
            Part::Leads | Part::Joins => Part::Leads,
            Part::Answered => Part::Answered,
        },
        ..waiter
    };
    actor.sign_in(chain, reach, options, vec![waiter]);
}

fn give(actor: &Actor, waiter: Waiter, chain: Chain, session: crate::secret::Session) {
    let (world, tokens) = (actor.world.clone(), actor.tokens.clone());
    tokio::spawn(async move {
        let mut notes = Vec::new();
        let Some(request) = waiter.session_request() else {
            return;
        };
        let held = Given {
            world: &world,
            tokens: &tokens,
            session: &session,
            chain: &chain,
            is_new: false,
        };
        let reply = held.give(request, &mut notes).await;
        waiter.answer(notes, reply.unwrap_or_else(Reply::Failed));
    });
}

fn maintain(actor: &mut Actor, waiter: Waiter, request: Maintain, is_elsewhere: bool) {
    let identity = match &request {
        Maintain::Configure(configure) => configure.identity.clone(),
        Maintain::Rotate(rotate) => rotate.identity.clone(),
        Maintain::ListRoles { provider, .. } => provider.clone(),
        Maintain::Logout(_)
        | Maintain::Cleanup(_)
        | Maintain::Repair { .. }
        | Maintain::Edit { .. }
        | Maintain::Import { .. } => String::new(),
    };
    let (world, memory) = (actor.world.clone(), actor.in_memory());
    let caller = waiter.call.caller.clone();
    let is_hosted = actor.role == Role::Hosted;
    let may_need_another_fob = is_elsewhere && matches!(request, Maintain::Repair { .. });
    let about = About::Upkeep {
        identity,
        rotating: None,
    };
    let job = actor.jobs.start(about, vec![waiter]);
    actor.run_job(job, caller.person, move |ask| async move {
        let is_absent = caller.person == Person::Absent;
        // The caller's environment may hold the passphrase, and profiles that are repaired name a
        // program that is there.
        let is_the_callers = is_absent && world.passphrase_prompt(0).await.is_some()
            || may_need_another_fob && is_gone(world.environment.program());
        if is_hosted && is_the_callers {
            return Message::Maintained {
                job,
                notes: Vec::new(),
                reply: Reply::RunInProcess,
                effects: Effects::default(),
            };
        }
        let (notes, reply, effects) =
            answers::maintain(&world, request, caller, &ask, &memory).await;
        let reply = reply.unwrap_or_else(Reply::Failed);
        Message::Maintained {
            job,
            notes,
            reply,
            effects,
        }
    });
}

fn look(actor: &mut Actor, waiter: Waiter, request: Look, is_elsewhere: bool) {
    if matches!(request, Look::Status) && !is_elsewhere {
        return show_windows(actor, waiter);
    }
    let world = actor.world.clone();
    let known = match request {
        Look::Status => actor.sessions.known(),
        Look::Whoami { .. } | Look::List | Look::Audit { .. } | Look::AuditVerify => {
            actor.sessions.known().for_a_person()
        }
    };
    let holds_one = actor.sessions.held().next().is_some();
    let warnings = actor.schedule.warnings.clone();
    let asks_the_keyring = !matches!(request, Look::Status) && is_elsewhere && !holds_one;
    actor.spawn(async move {
        // The caller's environment may hold the passphrase.
        if asks_the_keyring && world.passphrase_prompt(0).await.is_some() {
            waiter.answer(Vec::new(), Reply::RunInProcess);
            return Message::Nothing;
        }
        let (scope, then) = match &request {
            Look::Whoami { identity, .. } => (ReadScope::One(identity), Then::Whoami(waiter)),
            Look::List => (ReadScope::All, Then::Snapshot(waiter, Vec::new())),
            Look::Status => {
                let notes = [broken_profiles(&world), warnings].concat();
                (ReadScope::All, Then::Snapshot(waiter, notes))
            }
            Look::Audit { since } => {
                let reply = world.audit(*since).await.map(Reply::Audit);
                waiter.answer(Vec::new(), reply.unwrap_or_else(Reply::Failed));
                return Message::Nothing;
            }
            Look::AuditVerify => {
                let reply = world.verify_audit().await.map(Reply::AuditVerified);
                waiter.answer(Vec::new(), reply.unwrap_or_else(Reply::Failed));
                return Message::Nothing;
            }
        };
        let reading = sync::read(&world, known, scope).await;
        Message::Read { reading, then }
    });
}

fn keyring_awaited(actor: &mut Actor, shown: Shown) {
    actor.sessions.await_keyring();
    if let Some((waiter, notes)) = shown {
        tend::show_snapshot(actor, waiter, notes);
    }
    read_again(actor, |schedule| {
        schedule.readers.as_mut().map(std::mem::take)
    });
}

/// One reading at a time: each may raise the keyring's dialog.
fn show_windows(actor: &mut Actor, waiter: Waiter) {
    let warnings = actor.schedule.warnings.clone();
    match &mut actor.schedule.readers {
        Some(_) if actor.sessions.keyring().is_some() => {
            tend::show_snapshot(actor, waiter, warnings);
        }
        Some(readers) => readers.push(waiter),
        None => {
            let world = actor.world.clone();
            tend::read(actor, move || {
                let notes = [broken_profiles(&world), warnings].concat();
                Some((waiter, notes))
            });
        }
    }
}

fn broken_profiles(world: &World) -> Vec<Note> {
    let identities = world.config.identities().iter();
    let chains: Vec<Chain> = identities
        .filter_map(|identity| world.config.chain(identity).ok())
        .collect();
    let broken = world.profiles_without_program(chains.iter().map(|chain| &chain.files));
    let notes = broken.iter().map(|it| Note::Warning(it.to_string()));
    notes.collect()
}

fn read(actor: &mut Actor, reading: Reading, then: Then) {
    let changed = actor.sessions.take(reading, actor.clock.now());
    if actor.role == Role::Hosted {
        for (chain, _) in changed {
            actor.find_out_how_it_is_renewed(chain.identity.to_string());
        }
    }
    match then {
        Then::Windows(shown) => {
            if let Some((waiter, notes)) = shown {
                tend::show_snapshot(actor, waiter, notes);
            }
            read_again(actor, |schedule| schedule.readers.take());
        }
        Then::Snapshot(waiter, notes) => tend::show_snapshot(actor, waiter, notes),
        Then::Whoami(waiter) => who_is_it(actor, waiter),
    }
}

/// What was requested during a reading may have changed since that began.
fn read_again(actor: &mut Actor, readers: impl FnOnce(&mut Schedule) -> Option<Vec<Waiter>>) {
    for waiter in readers(&mut actor.schedule).unwrap_or_default() {
        actor.again(waiter);
    }
}

fn who_is_it(actor: &mut Actor, waiter: Waiter) {
    let Request::Look(Look::Whoami { identity, reach }) = waiter.call.request.clone() else {
        return waiter.fail(Error::new(
            Code::Unsupported,
            "another request was answered",
        ));
    };
    let name = match actor.world.config.identity(&identity) {
        Ok(identity) => identity.name.clone(),
        Err(error) => return waiter.fail(error),
    };
    let record = actor.sessions.record(&name).clone();
    let world = actor.world.clone();
    let held = record
        .session()
        .filter(|held| world.is_usable(held))
        .cloned();
    actor.spawn(async move {
        let (notes, reply) = match whoami(&world, &record, reach).await {
            Ok((whoami, notes)) => (notes, Reply::Whoami(whoami)),
            Err(error) => (Vec::new(), Reply::Failed(error)),
        };
        waiter.answer(notes, reply);
        match held {
            Some(held) if !world.is_usable(&held) => Message::Refused { identity },
            Some(_) | None => Message::Nothing,
        }
    });
}
