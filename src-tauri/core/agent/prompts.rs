//! Open prompts: which client is shown one, who may answer, and when it is closed.

use super::actor::{Actor, Found, Message};
use super::api::{
    self, Answer, BrowserUse, Call, Caller, Event, Finding, HeldSession, Login, Note, PromptId,
    PromptKind, Renewal, Reply, Request, SessionRequest, WhyKeys,
};
use super::jobs::{About, JobId, PendingPrompt, PromptTicket};
use super::role::Role;
use super::schedule;
use super::waiter::ClientId;
use super::waiter::{self, Part, Waiter};
use crate::ask::Question;
use crate::config::Gives;
use crate::duration::{in_units, time_left};
use crate::error::{Code, Error, Remedy, Result};
use crate::files::Stamp;
use crate::providers::others_are_stored;
use std::time::{Duration, SystemTime};

/// A prompt that no request has wanted for so long is closed: it keeps other processes from signing
/// in.
const LIFETIME: Duration = Duration::from_secs(10 * 60);
/// After a person closed a prompt, programs do not raise it again for so long.
const DECLINED: Duration = Duration::from_secs(60);

/// One prompt for all that wait for it, under whatever name.
pub(super) fn question(actor: &mut Actor, job: JobId, question: Question) {
    let Some(it) = actor.jobs.get(job) else {
        return question_is_late(question);
    };
    let is_sign_in = it.sign_in().is_some();
    let mut waiting = actor.jobs.take_concerned(job, &question.prompt.kind);
    let prompt = question.prompt.clone();
    let mut waiters = waiting.iter_mut();
    if let Some(answer) = waiters.find_map(|it| it.take_answer(&prompt.kind)) {
        // It came while no prompt was open yet.
        if let Some(it) = actor.jobs.get_mut(job) {
            it.waiters = waiting;
        }
        return question.answer(answer);
    }
    // Those who still show the prompt before this one look for the next.
    let shown_to = actor.jobs.shown_to(job).cloned();
    let has_person = waiting.iter().any(Waiter::is_person);
    let is_passphrase = matches!(prompt.kind, PromptKind::KeyringPassphrase { .. });
    let is_unattended = !has_person && shown_to.is_none();
    if is_passphrase && is_sign_in && actor.role == Role::Hosted && is_unattended {
        // The keyring's file is closed to the agent, and maybe open to the callers: their
        // environment may hold the passphrase.
        if let Some(it) = actor.jobs.get_mut(job) {
            it.is_turned_away = true;
            it.waiters = waiting;
        }
        return question.close(prompt.unanswered);
    }
    // Whether a program waits for it counts, not who could answer by now.
    let first = waiting
        .iter()
        .find(|waiter| !waiter.is_person())
        .or(waiting.first());
    let first = first.map(|waiter| waiter.call.caller.clone());
    let is_only_shown = prompt.kind.is_only_shown();
    let itself = || is_only_shown.then(schedule::caller);
    let Some(caller) = first.or(shown_to).or_else(itself) else {
        // The clients that wanted it have gone; what comes now begins anew.
        if let Some(it) = actor.jobs.get_mut(job) {
            it.closed = Some(prompt.unanswered.clone());
        }
        return question.close(given_up(&prompt.unanswered));
    };
    open(actor, job, question, caller);
    if !has_person && (!waiting.is_empty() || is_only_shown) {
        announce_prompt(actor, job, waiting.first());
    } else if prompt.kind.is_in_a_window() {
        show_in_a_window(actor, job);
    }
    show_once_looked(actor, job, waiting, Vec::new());
}

/// The client that wants it cannot show it. Announced it is not: it goes when the client does.
fn show_in_a_window(actor: &mut Actor, job: JobId) {
    let open = actor.jobs.get_mut(job).and_then(|it| it.prompt.as_ref());
    if let Some(prompt) = open.map(|it| it.prompt.clone()) {
        actor.tell(Event::PromptOpened(Box::new(prompt)));
    }
}

fn open(actor: &mut Actor, job: JobId, question: Question, caller: Caller) {
    let (now, id) = (actor.clock.now(), actor.jobs.number());
    let Some(it) = actor.jobs.get_mut(job) else {
        return question_is_late(question);
    };
    let identity = match &it.about {
        About::SignIn { chain, .. } if chain.source().kind.gives() == Gives::SignIn => {
            chain.identity.to_string()
        }
        About::SignIn { chain, .. } => chain.source().name.clone(),
        About::Upkeep { identity, .. } => identity.clone(),
    };
    let wanted = match &it.about {
        About::SignIn { chain, .. } => Some(chain.identity.to_string()),
        About::Upkeep { .. } => None,
    };
    let prompt = question.prompt.clone();
    it.prompt = Some(PendingPrompt {
        prompt: api::Prompt {
            id,
            wanted: wanted.filter(|wanted| *wanted != identity),
            identity,
            kind: prompt.kind,
            attempt: prompt.attempt,
            caller,
            unanswered: prompt.unanswered,
        },
        question,
        since: now,
        wanted_at: now,
        is_announced: false,
        is_given_up: false,
        looked_at: None,
    });
}

/// A program waits, and no client shows the prompt.
pub(super) fn announce_prompt(actor: &mut Actor, job: JobId, waiter: Option<&Waiter>) {
    let Some(it) = actor.jobs.get_mut(job) else {
        return;
    };
    let caller = waiter
        .or(it.waiters.first())
        .map(|waiter| waiter.call.caller.clone());
    let Some(open) = it.prompt.as_mut().filter(|open| !open.is_announced) else {
        return;
    };
    if actor.role != Role::Hosted {
        return;
    }
    open.is_announced = true;
    if let Some(caller) = caller {
        open.prompt.caller = caller;
    }
    let prompt = open.prompt.clone();
    let is_for_new_keys = matches!(
        prompt.kind,
        PromptKind::Keys {
            why: WhyKeys::Revoked,
            ..
        }
    );
    // Of keys that were refused earlier it was said then.
    if is_for_new_keys && prompt.unanswered.code == Code::AwsCredentialsInvalid {
        actor.tell(Event::KeysRevoked {
            identity: prompt.identity.clone(),
            error: prompt.unanswered.clone(),
        });
    }
    actor.tell(Event::PromptOpened(Box::new(prompt)));
}

/// A request that an open prompt stands in the way of. What it brings is the answer.
pub(super) fn join(actor: &mut Actor, job: JobId, mut waiter: Waiter) {
    let open = actor.jobs.get(job).and_then(|job| job.prompt.as_ref());
    match open.and_then(|open| waiter.take_answer(&open.prompt.kind)) {
        Some(answer) => give_answer(actor, job, waiter, answer),
        None => {
            let note = open_since(actor, job).filter(|_| waiter.is_person());
            show_once_looked(actor, job, vec![waiter], note.into_iter().collect());
        }
    }
}

fn open_since(actor: &Actor, job: JobId) -> Option<Note> {
    let open = actor.jobs.get(job)?.prompt.as_ref()?;
    let since = jiff::Timestamp::try_from(open.since).ok()?;
    let (identity, caller) = (&open.prompt.identity, &open.prompt.caller);
    Some(Note::Info(format!(
        "A sign-in to {identity} has waited for an answer since {}; {}, pid {}, requested it",
        since.strftime("%H:%M:%S UTC"),
        caller.program,
        caller.pid
    )))
}

/// To the open prompt of a job, which the request then waits for.
fn give_answer(actor: &mut Actor, job: JobId, waiter: Waiter, answer: Answer) {
    let Some(open) = take_prompt(actor, job) else {
        return actor.again(waiter);
    };
    let part = match waiter.part {
        Part::Leads => Part::Leads,
        Part::Joins | Part::Answered => Part::Answered,
    };
    if let Some(it) = actor.jobs.get_mut(job) {
        it.waiters.push(Waiter { part, ..waiter });
    }
    open.question.answer(answer);
}

/// Another process signs in and waits for a person there. Persons see it in a process of their
/// own, which waits with them.
pub(super) fn waits_for(actor: &mut Actor, job: JobId, holder: String) {
    let Some(it) = actor.jobs.get_mut(job) else {
        return;
    };
    let identity = it.sign_in().map(|(chain, _)| chain.identity.to_string());
    if actor.role == Role::InProcess {
        let identity = identity.unwrap_or_default();
        return actor.tell(Event::WaitsForHolder { identity, holder });
    }
    it.is_turned_away = true;
    let waiters = std::mem::take(&mut it.waiters);
    let (persons, programs): (Vec<_>, _) = waiters.into_iter().partition(Waiter::is_person);
    it.waiters = programs;
    for person in persons {
        person.answer(Vec::new(), Reply::RunInProcess);
    }
}

/// Its job goes on without an answer, or is over.
pub(super) fn withdrawn(actor: &mut Actor, job: JobId) {
    take_prompt(actor, job);
}

/// Keys that any process has stored meanwhile are looked for first: they answer the prompt.
fn show_once_looked(actor: &mut Actor, job: JobId, waiting: Vec<Waiter>, notes: Vec<Note>) {
    let Some((chain, open)) = actor
        .jobs
        .get(job)
        .and_then(|job| Some((job.sign_in()?.0, job.prompt.as_ref()?)))
    else {
        return show(actor, job, waiting, &notes);
    };
    if !matches!(open.prompt.kind, PromptKind::Keys { .. }) || waiting.is_empty() {
        return show(actor, job, waiting, &notes);
    }
    let (prompt, before) = (open.prompt.id, open.looked_at);
    let (source, refused) = (
        chain.source().clone(),
        open.question.prompt.refused_key.clone(),
    );
    let world = actor.world.clone();
    actor.spawn(async move {
        let stamp = world.store.keys.stamp(&source.name);
        let is_same = before == Some(stamp) && stamp != Stamp::Now;
        let found = if !is_same && others_are_stored(&world, &source, refused.as_ref()).await {
            Found::Keys
        } else {
            Found::Nothing(stamp)
        };
        Message::KeysLookedFor {
            job,
            prompt,
            found,
            waiting,
            notes,
        }
    });
}

/// Whether the prompt has no question any more.
pub(super) fn keys_are_there(
    actor: &mut Actor,
    job: JobId,
    prompt: PromptId,
    found: Found,
) -> bool {
    let of_it = actor.jobs.get_mut(job).and_then(|job| job.prompt.as_mut());
    let Some(open) = of_it.filter(|open| open.prompt.id == prompt) else {
        return true;
    };
    match found {
        Found::Nothing(stamp) => {
            open.looked_at = Some(stamp);
            false
        }
        Found::Keys => {
            if let Some(open) = take_prompt(actor, job) {
                open.question.is_stored();
            }
            true
        }
    }
}

pub(super) fn show(actor: &mut Actor, job: JobId, waiting: Vec<Waiter>, notes: &[Note]) {
    for waiter in waiting {
        show_prompt(actor, job, waiter, notes.to_vec());
    }
}

/// To a person the prompt itself; a program waits for another client's answer.
fn show_prompt(actor: &mut Actor, job: JobId, waiter: Waiter, notes: Vec<Note>) {
    let now = actor.clock.now();
    let Some(open) = actor.jobs.get_mut(job).and_then(|job| job.prompt.as_mut()) else {
        return actor.again(waiter);
    };
    open.wanted_at = now;
    if waiter.is_person() {
        let ticket = PromptTicket {
            client: waiter.client,
            call: waiter.call.clone(),
            part: waiter.part,
            job,
            prompt: open.prompt.id,
            failed: None,
        };
        let mut shown = open.prompt.clone();
        if let PromptKind::Browser { code, unopened, .. } = &mut shown.kind
            && code.is_empty()
        {
            let unwanted = waiter.why_no_browser().map(str::to_owned);
            *unopened = unwanted.or_else(|| actor.jobs.who_shows(shown.id));
        }
        shown.id = actor.jobs.issue(ticket);
        return waiter.answer(notes, Reply::Needs(Box::new(shown)));
    }
    let is_hosted = actor.role == Role::Hosted;
    let is_only_shown = open.prompt.kind.is_only_shown();
    if matches!(open.prompt.kind, PromptKind::KeyringPassphrase { .. }) && is_hosted {
        waiter.answer(notes, Reply::RunInProcess);
    } else if waiter.until > now && is_hosted || is_only_shown {
        let Some(it) = actor.jobs.get_mut(job) else {
            return;
        };
        it.waiters.push(waiter);
        if let Some(open) = it.prompt.as_mut().filter(|it| it.is_given_up) {
            open.is_given_up = false;
            open.is_announced = false;
            announce_prompt(actor, job, None);
        }
    } else {
        let error = waiter::prompt_is_open(&actor.world, &open.prompt, &waiter);
        waiter.answer(notes, Reply::Failed(error));
    }
}

pub(super) fn answered(actor: &mut Actor, waiter: Waiter, prompt: PromptId, answer: Answer) {
    let ticket = match take_ticket(actor, prompt, &waiter) {
        Ok(ticket) => ticket,
        Err(error) => return waiter.fail(error),
    };
    let until = actor.clock.now();
    let waiter = Waiter {
        call: ticket.call,
        part: ticket.part,
        until,
        ..waiter
    };
    if actor.jobs.asks(ticket.job, ticket.prompt) {
        give_answer(actor, ticket.job, waiter, answer);
    } else {
        // Another client was quicker: what was wanted is there, or on its way.
        actor.again(waiter);
    }
}

/// Goes on with what a prompt interrupted that was answered or closed elsewhere.
pub(super) fn followed(actor: &mut Actor, waiter: Waiter, prompt: PromptId) {
    let ticket = match take_ticket(actor, prompt, &waiter) {
        Ok(ticket) => ticket,
        Err(error) => return waiter.fail(error),
    };
    match ticket.failed {
        Some(error) => waiter.fail(error),
        None => actor.again(Waiter {
            call: ticket.call,
            part: Part::Answered,
            ..waiter
        }),
    }
}

/// By the number that the client was shown, or by the prompt's own, as the status shows it.
pub(super) fn take_ticket(
    actor: &mut Actor,
    prompt: PromptId,
    waiter: &Waiter,
) -> Result<PromptTicket> {
    let Some((job, identity)) = actor.jobs.with_prompt(prompt) else {
        return actor.jobs.take_ticket(prompt);
    };
    let login = Login {
        identity,
        duration: None,
        renewal: Renewal::WhenDue,
        mfa_code: None,
        assertion: None,
        held: HeldSession::Kept,
        browser: BrowserUse::Here,
    };
    let call = Call {
        caller: waiter.call.caller.clone(),
        request: Request::Session(SessionRequest::Login(login)),
    };
    let (client, part) = (waiter.client, Part::Joins);
    Ok(PromptTicket {
        client,
        call,
        part,
        job,
        prompt,
        failed: None,
    })
}

/// The job goes on.
pub(super) fn take_prompt(actor: &mut Actor, job: JobId) -> Option<PendingPrompt> {
    let open = actor.jobs.get_mut(job)?.prompt.take()?;
    if open.is_announced {
        let (prompt, identity) = (open.prompt.id, open.prompt.identity.clone());
        actor.tell(Event::PromptClosed { prompt, identity });
    }
    Some(open)
}

pub(super) fn cancelled(actor: &mut Actor, waiter: Waiter, prompt: PromptId) {
    let ticket = match take_ticket(actor, prompt, &waiter) {
        Ok(ticket) => ticket,
        Err(error) => return waiter.fail(error),
    };
    let waiter = Waiter {
        call: ticket.call,
        ..waiter
    };
    let until = actor.clock.now() + DECLINED;
    let Some(job) = actor.jobs.get_mut(ticket.job) else {
        return actor.again(waiter);
    };
    job.waiters.push(waiter);
    let source = job.source_lock().map(str::to_owned);
    let is_asked_again = job.prompt.as_ref().is_some_and(|open| {
        let again = [WhyKeys::SecretMismatch, WhyKeys::Refused];
        matches!(&open.prompt.kind, PromptKind::Keys { why, .. } if again.contains(why))
    });
    if let Some(source) = source.filter(|_| !is_asked_again) {
        actor.declined.insert(source, until);
    }
    close(actor, ticket.job, None);
}

/// There is no answer any more: the job fails, and so do those who wait. For the person who
/// closed it that is final; a program still needs a person.
pub(super) fn close(actor: &mut Actor, job: JobId, because: Option<&Error>) {
    let Some(open) = take_prompt(actor, job) else {
        return;
    };
    let because = because.unwrap_or(&open.prompt.unanswered);
    if let Some(it) = actor.jobs.get_mut(job) {
        it.closed = Some(because.clone());
    }
    let error = given_up(because);
    actor.jobs.fail_tickets(job, &error);
    open.question.close(error);
}

pub(super) fn close_all(actor: &mut Actor, because: &Error) {
    for job in actor.jobs.ids() {
        close(actor, job, Some(because));
    }
}

/// A prompt that only this client wanted is closed with it.
pub(super) fn left(actor: &mut Actor, client: ClientId) {
    let before = waited_for(actor);
    for job in actor.jobs.drop_client(client) {
        let Some(it) = actor.jobs.get(job) else {
            continue;
        };
        let is_wanted = match &it.prompt {
            Some(open) => open.is_announced || !it.waiters.is_empty(),
            None => true,
        };
        match (is_wanted, actor.jobs.shown_to(job).is_some()) {
            (_, true) => {}
            (true, false) => announce_prompt(actor, job, None),
            (false, false) => close(actor, job, None),
        }
    }
    tell_of_those_given_up(actor, &before);
}

fn waited_for(actor: &Actor) -> Vec<JobId> {
    let jobs = actor.jobs.iter();
    let waited_for = jobs.filter(|(_, job)| job.prompt.is_some() && !job.waiters.is_empty());
    waited_for.map(|(id, _)| id).collect()
}

fn tell_of_those_given_up(actor: &mut Actor, before: &[JobId]) {
    for job in before {
        let job = actor.jobs.get_mut(*job);
        let job = job.filter(|job| job.waiters.is_empty());
        if let Some(open) = job.and_then(|job| job.prompt.as_mut()) {
            if !open.is_announced {
                continue;
            }
            open.is_given_up = true;
            let (prompt, identity) = (open.prompt.id, open.prompt.identity.clone());
            actor.tell(Event::PromptNotWaitedFor { prompt, identity });
        }
    }
}

/// Prompts that wait for an answer are among what is wrong with the identities of a repair.
pub(super) fn findings(actor: &Actor, findings: &mut Vec<Finding>) {
    let (now, mut more) = (actor.clock.now(), Vec::new());
    for (_, job) in actor.jobs.iter() {
        let Some(open) = job.prompt.as_ref().filter(|_| job.sign_in().is_some()) else {
            continue;
        };
        let name = &open.prompt.identity;
        if findings.iter().any(|it| it.name.eq_ignore_ascii_case(name)) {
            let Caller { program, pid, .. } = &open.prompt.caller;
            let for_so_long = in_units(time_left(now, open.since));
            let detail = format!(
                "a prompt is open, and has waited for an answer for {for_so_long}; {program}, pid \
                 {pid}, requested it"
            );
            let remedy = open.prompt.answered_by();
            more.push(Finding::needs_a_person(name, detail, remedy));
        }
    }
    findings.append(&mut more);
}

/// What has waited long enough.
pub(super) fn close_overdue(actor: &mut Actor, now: SystemTime) {
    let before = waited_for(actor);
    for job in actor.jobs.ids() {
        let Some(it) = actor.jobs.get_mut(job) else {
            continue;
        };
        let Some(open) = it.prompt.as_ref().filter(|open| has_an_end(open)) else {
            continue;
        };
        let is_forgotten = forgotten_at(open).is_some_and(|at| at <= now);
        let waiters = std::mem::take(&mut it.waiters);
        let (over, waiting): (Vec<_>, Vec<_>) =
            waiters.into_iter().partition(|waiter| waiter.until <= now);
        it.waiters = waiting;
        let prompt = open.prompt.clone();
        for waiter in over {
            let error = waiter::prompt_is_open(&actor.world, &prompt, &waiter);
            waiter.fail(error);
        }
        if is_forgotten {
            close(actor, job, None);
        }
    }
    tell_of_those_given_up(actor, &before);
    actor.declined.retain(|_, until| *until > now);
}

/// When a prompt, or a request that waits for one, is next overdue.
pub(super) fn next_overdue(actor: &Actor) -> Option<SystemTime> {
    let overdue = actor.jobs.iter().filter_map(|(_, job)| {
        let open = job.prompt.as_ref().filter(|open| has_an_end(open))?;
        let waiting = job.waiters.iter().map(|waiter| waiter.until);
        waiting.chain(forgotten_at(open)).min()
    });
    overdue.min()
}

/// A sign-in in a browser ends by itself, and says why.
fn forgotten_at(open: &PendingPrompt) -> Option<SystemTime> {
    let ends_by_itself = open.prompt.kind.ends_by_itself();
    (!ends_by_itself).then(|| open.wanted_at + LIFETIME)
}

/// What is only shown ends with its program, and so do those who wait for that.
fn has_an_end(open: &PendingPrompt) -> bool {
    !open.prompt.kind.is_only_shown()
}

fn given_up(unanswered: &Error) -> Error {
    let code = match unanswered.code {
        Code::PersonNeeded => Code::Cancelled,
        Code::SignedOut => return unanswered.clone(),
        other => other,
    };
    Error {
        code,
        remedy: Remedy::Fix,
        ..unanswered.clone()
    }
}

/// Its job is over.
fn question_is_late(question: Question) {
    let unanswered = question.prompt.unanswered.clone();
    question.close(unanswered);
}
