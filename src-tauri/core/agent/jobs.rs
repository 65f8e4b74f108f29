//! What is being done: sign-ins, and the upkeep of what is stored. Each job has those who wait for
//! it and at most one open prompt. One prompt is open for each sign-in, for all callers; each
//! client that is shown it holds a ticket, and the first answer counts.

use super::api::{self, Call, Caller, Maintain, PromptId, PromptState, Request, RotationUnderWay};
use super::waiter::ClientId;
use super::waiter::{Attendance, Part, Waiter};
use crate::ask::{PromptKind, Question, RotationStage};
use crate::config::Chain;
use crate::error::{Code, Error, Result};
use crate::files::Stamp;
use std::collections::HashMap;
use std::time::SystemTime;

pub(super) type JobId = u32;

#[derive(Debug)]
pub(super) struct Job {
    pub about: About,
    pub waiters: Vec<Waiter>,
    pub prompt: Option<PendingPrompt>,
    /// Why its prompt was closed: how those without a person fail.
    pub closed: Option<Error>,
    /// Those who wait do it in their own process once its locks are free.
    pub is_turned_away: bool,
}

#[derive(Debug)]
pub(super) enum About {
    SignIn {
        chain: Box<Chain>,
        /// What the sign-in of its source is locked by, which providers may share.
        source_lock: String,
        reach: Attendance,
    },
    /// For the one client that requested it.
    Upkeep {
        identity: String,
        rotating: Option<RotationStage>,
    },
}

/// The job waits for an answer, with its locks held.
#[derive(Debug)]
pub(super) struct PendingPrompt {
    pub prompt: api::Prompt,
    pub question: Question,
    pub since: SystemTime,
    /// When a request last wanted what it would give.
    pub wanted_at: SystemTime,
    /// Sent to all as an event, because a program is the one that waits.
    pub is_announced: bool,
    /// The programs that it was announced for wait no more.
    pub is_given_up: bool,
    /// The keyring as it was when it held no answer.
    pub looked_at: Option<Stamp>,
}

/// The client that was shown a prompt, and the request that goes on once it is answered.
#[derive(Debug)]
pub(super) struct PromptTicket {
    pub client: ClientId,
    pub call: Call,
    pub part: Part,
    pub job: JobId,
    /// Another number on the job's prompt means that it was answered meanwhile.
    pub prompt: PromptId,
    /// It was closed elsewhere, or what it led to failed.
    pub failed: Option<Error>,
}

#[derive(Debug, Default)]
pub(super) struct Jobs {
    last_job: JobId,
    last_prompt: PromptId,
    running: HashMap<JobId, Job>,
    tickets: HashMap<PromptId, PromptTicket>,
}

impl PendingPrompt {
    fn is_passphrase(&self) -> bool {
        matches!(self.prompt.kind, PromptKind::KeyringPassphrase { .. })
    }
}

impl Job {
    pub fn sign_in(&self) -> Option<(&Chain, Attendance)> {
        match &self.about {
            About::SignIn { chain, reach, .. } => Some((chain, *reach)),
            About::Upkeep { .. } => None,
        }
    }

    pub fn rotation(&self) -> Option<RotationUnderWay> {
        match &self.about {
            About::Upkeep {
                identity,
                rotating: Some(stage),
            } => Some(RotationUnderWay {
                identity: identity.clone(),
                stage: *stage,
            }),
            About::Upkeep { .. } | About::SignIn { .. } => None,
        }
    }

    fn is_of(&self, key: &str) -> bool {
        self.sign_in()
            .is_some_and(|(chain, _)| chain.identity.as_str().eq_ignore_ascii_case(key))
    }

    pub fn source_lock(&self) -> Option<&str> {
        match &self.about {
            About::SignIn { source_lock, .. } => Some(source_lock),
            About::Upkeep { .. } => None,
        }
    }
}

impl Jobs {
    pub fn start(&mut self, about: About, waiters: Vec<Waiter>) -> JobId {
        self.last_job = self.last_job.wrapping_add(1);
        let job = Job {
            about,
            waiters,
            prompt: None,
            closed: None,
            is_turned_away: false,
        };
        self.running.insert(self.last_job, job);
        self.last_job
    }

    pub fn get_mut(&mut self, id: JobId) -> Option<&mut Job> {
        self.running.get_mut(&id)
    }

    pub fn get(&self, id: JobId) -> Option<&Job> {
        self.running.get(&id)
    }

    /// It is over. A late answer to the prompt of a sign-in, or of one for a list of roles, is a
    /// request for what it wanted; nothing is left of any other job.
    pub fn end(&mut self, id: JobId) -> Option<Job> {
        let job = self.running.remove(&id)?;
        if job.sign_in().is_none() {
            let lists_roles = |ticket: &PromptTicket| {
                let request = &ticket.call.request;
                matches!(request, Request::Maintain(Maintain::ListRoles { .. }))
            };
            self.tickets
                .retain(|_, ticket| ticket.job != id || lists_roles(ticket));
        }
        Some(job)
    }

    pub fn iter(&self) -> impl Iterator<Item = (JobId, &Job)> {
        self.running.iter().map(|(id, job)| (*id, job))
    }

    pub fn ids(&self) -> Vec<JobId> {
        self.running.keys().copied().collect()
    }

    /// The sign-in to an identity, unless it is about to fail for want of an answer.
    pub fn sign_in_to(&self, key: &str) -> Option<JobId> {
        self.iter()
            .find(|(_, job)| job.is_of(key) && job.closed.is_none() && !job.is_turned_away)
            .map(|(id, _)| id)
    }

    /// The job with the open prompt that a sign-in from this source has to wait for.
    pub fn asking_for(&self, source_lock: &str) -> Option<JobId> {
        let concerns_it = |job: &Job| {
            let (Some(open), Some(its)) = (&job.prompt, job.source_lock()) else {
                return false;
            };
            open.is_passphrase() || its == source_lock
        };
        self.iter()
            .find(|(_, job)| concerns_it(job))
            .map(|(id, _)| id)
    }

    pub fn renewals(&self) -> usize {
        let is_renewal = |job: &Job| {
            job.sign_in()
                .is_some_and(|(_, reach)| reach == Attendance::Scheduled)
        };
        self.running.values().filter(|job| is_renewal(job)).count()
    }

    /// Takes the waiters of every sign-in that the answer to a prompt of `job` concerns.
    pub fn take_concerned(&mut self, job: JobId, kind: &PromptKind) -> Vec<Waiter> {
        let source = self.running.get(&job).and_then(Job::source_lock);
        let source = source.map(str::to_owned);
        let is_passphrase = matches!(kind, PromptKind::KeyringPassphrase { .. });
        let concerns_all = is_passphrase && source.is_some();
        let mut waiting = Vec::new();
        for (id, it) in &mut self.running {
            let shares = source.is_some() && it.source_lock() == source.as_deref();
            if *id == job || shares || concerns_all && it.sign_in().is_some() {
                waiting.append(&mut it.waiters);
            }
        }
        waiting
    }

    /// A number that was never used before.
    pub fn number(&mut self) -> PromptId {
        self.last_prompt = self.last_prompt.wrapping_add(1);
        self.last_prompt
    }

    pub fn issue(&mut self, ticket: PromptTicket) -> PromptId {
        let id = self.number();
        self.tickets.insert(id, ticket);
        id
    }

    pub fn take_ticket(&mut self, id: PromptId) -> Result<PromptTicket> {
        self.tickets.remove(&id).ok_or_else(|| {
            Error::new(Code::InvalidInput, "this prompt is no longer open")
                .hint("it was answered or closed; try again")
        })
    }

    pub fn was_shown(&self, id: PromptId, client: ClientId) -> bool {
        let ticket = self.tickets.get(&id);
        ticket.is_some_and(|ticket| ticket.client == client)
    }

    /// The sign-in with the open prompt of this number, as the status shows it.
    pub fn with_prompt(&self, prompt: PromptId) -> Option<(JobId, String)> {
        self.iter().find_map(|(id, job)| {
            let (chain, _) = job.sign_in()?;
            let open = job.prompt.as_ref()?;
            (open.prompt.id == prompt).then(|| (id, chain.identity.to_string()))
        })
    }

    /// Removes what a client holds and waits for; the jobs with the prompts it was shown.
    pub fn drop_client(&mut self, client: ClientId) -> Vec<JobId> {
        for job in self.running.values_mut() {
            job.waiters.retain(|waiter| waiter.client != client);
        }
        let theirs = self.tickets.extract_if(|_, ticket| ticket.client == client);
        theirs.map(|(_, ticket)| ticket.job).collect()
    }

    /// Whether this prompt of a job is still open.
    pub fn asks(&self, job: JobId, prompt: PromptId) -> bool {
        let open = self.get(job).and_then(|job| job.prompt.as_ref());
        open.is_some_and(|open| open.prompt.id == prompt)
    }

    /// A client that still shows a prompt of a job.
    pub fn shown_to(&self, job: JobId) -> Option<&Caller> {
        let mut tickets = self.tickets.values();
        tickets
            .find(|ticket| ticket.job == job)
            .map(|ticket| &ticket.call.caller)
    }

    /// The client that shows this prompt, in words.
    pub fn who_shows(&self, prompt: PromptId) -> Option<String> {
        let mut tickets = self.tickets.values();
        let Caller { program, pid, .. } = &tickets.find(|it| it.prompt == prompt)?.call.caller;
        Some(format!("{program} (pid {pid}) shows it already"))
    }

    /// As a client was shown it, or by the prompt's own number.
    pub fn state_of(&self, id: PromptId) -> PromptState {
        let Some(ticket) = self.tickets.get(&id) else {
            return if self.with_prompt(id).is_some() {
                PromptState::Open
            } else {
                PromptState::Answered
            };
        };
        match &ticket.failed {
            _ if self.asks(ticket.job, ticket.prompt) => PromptState::Open,
            Some(_) => PromptState::Closed,
            None => PromptState::Answered,
        }
    }

    /// Clients that show a prompt of a job have nothing to wait for.
    pub fn fail_tickets(&mut self, job: JobId, error: &Error) {
        for ticket in self.tickets.values_mut() {
            if ticket.job == job {
                ticket.failed.get_or_insert_with(|| error.clone());
            }
        }
    }
}
