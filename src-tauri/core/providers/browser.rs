//! A person who signs in in a browser, whichever service that is at: what they are shown, how long
//! they have, and how it can end.

use super::obtain::Obtain;
use super::redirect::Redirect;
use crate::ask::{Prompt, PromptKind};
use crate::aws::Fault;
use crate::error::{Code, Error, Result};
use crate::foreign::Foreign;
use crate::secret::{ClientRegistration, Secret, Session, SignIn};
use std::time::{Duration, SystemTime};

/// A person has so long to sign in in the browser.
const LONGEST_SIGN_IN: Duration = Duration::from_secs(10 * 60);

/// What a sign-in, or its renewal, gives.
pub(super) struct Made {
    pub sign_in: SignIn,
    /// Which renews it.
    pub client: ClientRegistration,
    /// Where the service says it.
    pub principal: Option<Foreign>,
    /// Where the token is one itself.
    pub session: Option<Session>,
}

pub(super) struct BrowserSignIn<'a> {
    pub it: &'a Obtain<'a>,
    /// The error where no person answers.
    pub unanswered: Error,
}

impl BrowserSignIn<'_> {
    /// Where a browser of this machine comes back to, or why it is done by a code.
    pub async fn redirect(&self) -> Result<Redirect, String> {
        match self.it.browser.why_not() {
            Some(why) => Err(why.to_owned()),
            None => Redirect::open()
                .await
                .map_err(|cause| format!("no port of 127.0.0.1 can be opened: {cause}")),
        }
    }

    /// The code, once the person has signed in there.
    pub async fn comes_back(&self, redirect: &mut Redirect, address: String) -> Result<Secret> {
        let expires_at = self.expires_at();
        let prompt = self.prompt(PromptKind::Browser {
            address,
            code: String::new(),
            why_code: None,
            unopened: None,
            expires_at,
        });
        tokio::select! {
            biased;
            closed = self.it.ask.show(prompt) => Err(closed),
            code = redirect.code() => code,
            () = self.it.world.clock.sleep_until(expires_at) => Err(self.nobody_came()),
        }
    }

    pub fn expires_at(&self) -> SystemTime {
        self.it.world.clock.now() + LONGEST_SIGN_IN
    }

    pub fn prompt(&self, kind: PromptKind) -> Prompt {
        Prompt {
            kind,
            attempt: 1,
            unanswered: self.unanswered.clone(),
            refused_key: None,
        }
    }

    pub fn name(&self) -> &str {
        self.it.name()
    }

    pub fn failed(&self, fault: Fault) -> Error {
        let error = fault.into_error(&self.it.link().region);
        let message = format!("{}: {}", self.name(), error.message);
        Error { message, ..error }
    }

    pub fn nobody_came(&self) -> Error {
        let name = self.name();
        let message = format!("the sign-in to {name} was not completed in the browser in time");
        Error::new(Code::PersonNeeded, message)
            .hint(format!("{} begins anew", self.it.chain.login_command()))
    }
}
