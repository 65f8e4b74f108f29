//! Open questions: which of them somebody was shown, and who may still answer. One prompt is open
//! for each sign-in, whoever asks; everybody who was shown it holds a ticket of their own, and the
//! first answer counts.

use super::Role;
use super::api::{
    self, Answer, Call, Event, Login, Note, PromptId, PromptKind, Renewal, Reply, Request,
    SessionRequest, WhyKeys,
};
use super::errand::Errand;
use super::flight::{self, Asking, Flight, Part, Stage, Waiter};
use super::owner::{Message, Owner, VisitorId};
use crate::auth::{Prompt, SignIn};
use crate::error::{Code, Error, Result};
use std::collections::HashMap;
use std::time::Duration;

/// A prompt that nobody has asked for any more for so long is withdrawn: it keeps other processes
/// from signing in.
pub(super) const LIFETIME: Duration = Duration::from_secs(10 * 60);
/// After somebody closed a prompt, programs do not raise it again for so long.
pub(super) const DECLINED: Duration = Duration::from_secs(60);

/// Who was shown a prompt, and what to go on with once it is answered.
#[derive(Debug)]
pub(super) struct Ticket {
    pub visitor: VisitorId,
    pub call: Call,
    pub part: Part,
    pub about: About,
}

#[derive(Debug)]
pub(super) enum About {
    /// The prompt of the flight with this key; another number means that it was answered meanwhile.
    Flight { key: String, prompt: PromptId },
    Errand {
        errand: Box<Errand>,
        unanswered: Error,
    },
}

#[derive(Debug, Default)]
pub(super) struct Tickets {
    last: PromptId,
    open: HashMap<PromptId, Ticket>,
}

impl Tickets {
    /// A number that was never used before.
    pub fn number(&mut self) -> PromptId {
        self.last = self.last.wrapping_add(1);
        self.last
    }

    pub fn issue(&mut self, ticket: Ticket) -> PromptId {
        let id = self.number();
        self.open.insert(id, ticket);
        id
    }

    pub fn take(&mut self, id: PromptId) -> Result<Ticket> {
        self.open.remove(&id).ok_or_else(|| {
            Error::new(Code::InvalidInput, "this prompt is no longer open")
                .hint("it was answered or closed; ask again")
        })
    }

    /// Removes what somebody holds who went away; the keys of the flights it was about.
    pub fn drop_of(&mut self, visitor: VisitorId) -> Vec<String> {
        let gone: Vec<PromptId> = self
            .open
            .iter()
            .filter(|(_, ticket)| ticket.visitor == visitor)
            .map(|(id, _)| *id)
            .collect();
        let tickets = gone.into_iter().filter_map(|id| self.open.remove(&id));
        tickets
            .filter_map(|ticket| match ticket.about {
                About::Flight { key, .. } => Some(key),
                About::Errand { .. } => None,
            })
            .collect()
    }

    /// Whether somebody still has the question of this flight before them.
    pub fn any_about(&self, flight: &str) -> bool {
        self.open
            .values()
            .any(|ticket| matches!(&ticket.about, About::Flight { key, .. } if key == flight))
    }
}

impl Owner {
    /// A sign-in needs a person: one prompt for everybody who is waiting for it, under whatever
    /// name.
    pub(super) fn asks(&mut self, key: &str, mut sign_in: Box<SignIn>, prompt: Prompt) {
        let now = self.clock.now();
        let Prompt {
            kind,
            attempt,
            unanswered,
        } = prompt;
        let concerns_all = matches!(kind, PromptKind::KeyringPassphrase { .. });
        let source = sign_in.chain().source().name.clone();
        let waiting: Vec<Waiter> = self
            .flights
            .values_mut()
            .filter(|flight| {
                concerns_all || flight.chain.source().name.eq_ignore_ascii_case(&source)
            })
            .flat_map(|flight| std::mem::take(&mut flight.waiters))
            .collect();
        if concerns_all && self.role == Role::Hosted && !waiting.iter().any(Waiter::is_person) {
            return self.turn_away(key, (sign_in, unanswered), waiting);
        }
        // Whether a program waits for it counts, not who could answer by now.
        let first = waiting
            .iter()
            .find(|waiter| !waiter.is_person())
            .or(waiting.first());
        let caller = first.map_or_else(
            || sign_in.options().caller.clone(),
            |waiter| waiter.call.caller.clone(),
        );
        let identity = if sign_in.chain().links().len() == 1 {
            sign_in.chain().identity.to_string()
        } else {
            source
        };
        let prompt = api::Prompt {
            id: self.tickets.number(),
            identity,
            kind,
            attempt,
            caller,
            unanswered,
        };
        let notes = sign_in.take_notes();
        if let Some(flight) = self.flights.get_mut(key) {
            let asking = Asking {
                sign_in,
                prompt,
                since: now,
                wanted_at: now,
                announced: false,
            };
            flight.stage = Stage::Asking(Box::new(asking));
        }
        if waiting.is_empty() {
            // Whoever wanted it has gone away meanwhile.
            return self.withdraw(key, None);
        }
        if !waiting.iter().any(Waiter::is_person) {
            self.announce_prompt(key);
        }
        for waiter in waiting {
            self.show_prompt(key, waiter, notes.clone());
        }
    }

    /// A program waits, and nobody has the question before them.
    fn announce_prompt(&mut self, key: &str) {
        let Some(Flight {
            stage: Stage::Asking(asking),
            waiters,
            ..
        }) = self.flights.get_mut(key)
        else {
            return;
        };
        if self.role != Role::Hosted || asking.announced {
            return;
        }
        asking.announced = true;
        if let Some(waiter) = waiters.first() {
            asking.prompt.caller = waiter.call.caller.clone();
        }
        let prompt = asking.prompt.clone();
        if matches!(
            prompt.kind,
            PromptKind::Keys {
                why: WhyKeys::Revoked,
                ..
            }
        ) {
            self.tell(Event::KeysRevoked {
                identity: prompt.identity.clone(),
                error: prompt.unanswered.clone(),
            });
        }
        self.tell(Event::PromptOpened(Box::new(prompt)));
    }

    /// The keyring's file is closed to the agent, and maybe open to the processes that ask: their
    /// environment may hold the passphrase.
    fn turn_away(
        &mut self,
        key: &str,
        (sign_in, unanswered): (Box<SignIn>, Error),
        waiting: Vec<Waiter>,
    ) {
        self.flights.remove(key);
        let auth = self.auth.clone();
        tokio::spawn(async move {
            // Its locks are free before anybody goes on.
            sign_in.cancel(&auth, unanswered).await;
            for waiter in waiting {
                waiter.answer(Vec::new(), Reply::RunInProcess);
            }
        });
    }

    /// To a person the prompt itself; a program waits for somebody else's answer.
    pub(super) fn show_prompt(&mut self, key: &str, waiter: Waiter, notes: Vec<Note>) {
        let now = self.clock.now();
        let Some(Flight {
            stage: Stage::Asking(asking),
            waiters,
            ..
        }) = self.flights.get_mut(key)
        else {
            return self.again(waiter);
        };
        asking.wanted_at = now;
        if !waiter.is_person() {
            if matches!(asking.prompt.kind, PromptKind::KeyringPassphrase { .. })
                && self.role == Role::Hosted
            {
                waiter.answer(notes, Reply::RunInProcess);
            } else if waiter.until > now && self.role == Role::Hosted {
                waiters.push(waiter);
            } else {
                let unanswered = flight::unanswered(&self.auth, asking, &waiter.call.request);
                waiter.answer(notes, Reply::Failed(unanswered));
            }
            return;
        }
        let about = About::Flight {
            key: key.to_owned(),
            prompt: asking.prompt.id,
        };
        let ticket = Ticket {
            visitor: waiter.visitor,
            call: waiter.call.clone(),
            part: waiter.part,
            about,
        };
        let shown = api::Prompt {
            id: self.tickets.issue(ticket),
            ..asking.prompt.clone()
        };
        waiter.answer(notes, Reply::Needs(Box::new(shown)));
    }

    pub(super) fn answered(&mut self, waiter: Waiter, prompt: PromptId, answer: Answer) {
        let ticket = match self.take_ticket(prompt, &waiter) {
            Ok(ticket) => ticket,
            Err(error) => return waiter.answer(Vec::new(), Reply::Failed(error)),
        };
        let waiter = Waiter {
            call: ticket.call,
            part: ticket.part,
            until: self.clock.now(),
            ..waiter
        };
        match ticket.about {
            About::Errand { errand, .. } => self.errand(waiter, *errand, Some(answer)),
            About::Flight { key, prompt } => match self.take_asking(&key, Some(prompt)) {
                // Somebody else was quicker: what was asked for is there, or on its way.
                None => self.again(waiter),
                Some(asking) => {
                    if let Some(flight) = self.flights.get_mut(&key) {
                        flight.waiters.push(waiter);
                    }
                    let auth = self.auth.clone();
                    let mut sign_in = asking.sign_in;
                    self.spawn(async move {
                        let outcome = sign_in.answer(&auth, answer).await;
                        Message::Stopped {
                            key,
                            sign_in,
                            outcome,
                        }
                    });
                }
            },
        }
    }

    /// By the number that somebody was shown, or by the prompt's own, as the status tells it.
    fn take_ticket(&mut self, prompt: PromptId, waiter: &Waiter) -> Result<Ticket> {
        let public = self
            .flights
            .iter()
            .find_map(|(key, flight)| match &flight.stage {
                Stage::Asking(asking) if asking.prompt.id == prompt => {
                    Some((key.clone(), flight.chain.identity.to_string()))
                }
                Stage::Asking(_) | Stage::UnderWay => None,
            });
        let Some((key, identity)) = public else {
            return self.tickets.take(prompt);
        };
        let login = Login {
            identity,
            duration: None,
            renewal: Renewal::WhenDue,
            mfa_code: None,
        };
        let call = Call {
            caller: waiter.call.caller.clone(),
            request: Request::Session(SessionRequest::Login(login)),
        };
        Ok(Ticket {
            visitor: waiter.visitor,
            call,
            part: Part::Joins,
            about: About::Flight { key, prompt },
        })
    }

    /// The flight goes on; `None` if this prompt of it was answered before.
    fn take_asking(&mut self, key: &str, prompt: Option<PromptId>) -> Option<Asking> {
        let flight = self.flights.get_mut(key)?;
        let current = match &flight.stage {
            Stage::Asking(asking) => prompt.is_none_or(|prompt| asking.prompt.id == prompt),
            Stage::UnderWay => false,
        };
        if !current {
            return None;
        }
        let Stage::Asking(asking) = std::mem::replace(&mut flight.stage, Stage::UnderWay) else {
            return None;
        };
        if asking.announced {
            let (prompt, identity) = (asking.prompt.id, asking.prompt.identity.clone());
            self.tell(Event::PromptClosed { prompt, identity });
        }
        Some(*asking)
    }

    pub(super) fn cancelled(&mut self, waiter: Waiter, prompt: PromptId) {
        let ticket = match self.take_ticket(prompt, &waiter) {
            Ok(ticket) => ticket,
            Err(error) => return waiter.answer(Vec::new(), Reply::Failed(error)),
        };
        match ticket.about {
            About::Errand { unanswered, .. } => {
                waiter.answer(Vec::new(), Reply::Failed(unanswered));
            }
            About::Flight { key, .. } => {
                if let Some(flight) = self.flights.get_mut(&key) {
                    let source = flight.chain.source().name.to_ascii_lowercase();
                    self.declined.insert(source, self.clock.now() + DECLINED);
                    flight.waiters.push(Waiter {
                        call: ticket.call,
                        ..waiter
                    });
                    self.withdraw(&key, None);
                } else {
                    self.again(Waiter {
                        call: ticket.call,
                        ..waiter
                    });
                }
            }
        }
    }

    /// Nobody answers this any more: everybody who waits is told so. Who closed it has failed; a
    /// program still needs somebody.
    pub(super) fn withdraw(&mut self, key: &str, because: Option<&Error>) {
        let Some(asking) = self.take_asking(key, None) else {
            return;
        };
        let Some(flight) = self.flights.remove(key) else {
            return;
        };
        let auth = self.auth.clone();
        let unanswered = because
            .cloned()
            .unwrap_or_else(|| asking.prompt.unanswered.clone());
        tokio::spawn(async move {
            let still_needed = unanswered.remedy;
            let error = asking.sign_in.cancel(&auth, unanswered).await;
            for waiter in flight.waiters {
                let remedy = if waiter.is_person() {
                    error.remedy
                } else {
                    still_needed
                };
                waiter.answer(
                    Vec::new(),
                    Reply::Failed(Error {
                        remedy,
                        ..error.clone()
                    }),
                );
            }
        });
    }

    pub(super) fn withdraw_all(&mut self, because: &Error) {
        for key in self.flights.keys().cloned().collect::<Vec<_>>() {
            self.withdraw(&key, Some(because));
        }
    }

    /// A prompt that only this visitor wanted goes with it.
    pub(super) fn left(&mut self, visitor: VisitorId) {
        for flight in self.flights.values_mut() {
            flight.waiters.retain(|waiter| waiter.visitor != visitor);
        }
        for key in self.tickets.drop_of(visitor) {
            let wanted = self
                .flights
                .get(&key)
                .is_some_and(|flight| match &flight.stage {
                    Stage::UnderWay => true,
                    Stage::Asking(asking) => asking.announced || !flight.waiters.is_empty(),
                });
            match (wanted, self.tickets.any_about(&key)) {
                (_, true) => {}
                (true, false) => self.announce_prompt(&key),
                (false, false) => self.withdraw(&key, None),
            }
        }
    }
}
