//! `aws/iam-identity-center`: a sign-in in the browser, or by a code that is entered in any browser,
//! and its renewal.

use super::obtain::Obtain;
use super::redirect::Redirect;
use crate::ask::{Prompt, PromptKind};
use crate::aws::{CodeToEnter, Fault, FaultKind, Place, SsoOidc, TokenGrant, Tries};
use crate::clock::Clock;
use crate::config::IdentityCenter;
use crate::error::{Code, Error, Result};
use crate::secret::{ClientRegistration, OidcFlow, Secret, SignIn};
use std::time::{Duration, SystemTime};

/// A person has so long to sign in in the browser.
const LONGEST_SIGN_IN: Duration = Duration::from_secs(10 * 60);
/// The registration is not used in its last day.
const BEFORE_ITS_END: Duration = Duration::from_secs(24 * 60 * 60);
/// What `slow_down` adds between two questions (RFC 8628).
const SLOWER: Duration = Duration::from_secs(5);

/// Whether the registration is still good.
pub(super) fn is_registered(client: &ClientRegistration, now: SystemTime) -> bool {
    client.expires_at > now + BEFORE_ITS_END
}

fn service<'a>(it: &Obtain<'a>) -> SsoOidc<'a> {
    SsoOidc {
        aws: &it.world.aws,
        place: it.place(),
    }
}

/// Without a person; the old refresh token is worth nothing after it. Sent once: AWS may have taken
/// a call that was not answered, and a token that comes twice ends the sign-in.
pub(super) async fn renewed(
    it: &Obtain<'_>,
    client: &ClientRegistration,
    refresh_token: &Secret,
) -> Result<SignIn, Fault> {
    let grant = TokenGrant::Refresh(refresh_token);
    let place = Place {
        tries: Tries::One,
        ..it.place()
    };
    let once = SsoOidc {
        place,
        ..service(it)
    };
    once.create_token(client, grant).await
}

/// `unanswered`: the error where no person answers. `known`: this program's registration.
pub(super) async fn by_a_person(
    it: &Obtain<'_>,
    center: &IdentityCenter,
    known: Option<ClientRegistration>,
    unanswered: Error,
) -> Result<(SignIn, ClientRegistration)> {
    let known = known.filter(|known| is_registered(known, it.world.clock.now()));
    let person = BrowserSignIn {
        it,
        center,
        unanswered,
    };
    let why_code = match it.browser.why_not() {
        Some(why) => why.to_owned(),
        None => match Redirect::open().await {
            Ok(redirect) => return person.by_redirect(redirect, known).await,
            Err(cause) => format!("no port of 127.0.0.1 can be opened: {cause}"),
        },
    };
    person.by_code(why_code, known).await
}

/// A person is signing in.
struct BrowserSignIn<'a> {
    it: &'a Obtain<'a>,
    center: &'a IdentityCenter,
    unanswered: Error,
}

impl BrowserSignIn<'_> {
    async fn by_redirect(
        &self,
        mut redirect: Redirect,
        known: Option<ClientRegistration>,
    ) -> Result<(SignIn, ClientRegistration)> {
        let (it, clock, center) = (self.it, &self.it.world.clock, service(self.it));
        let client = self.client(OidcFlow::Redirect, known).await?;
        let address = center.authorization_page(&client, &redirect.request)?;
        let expires_at = clock.now() + LONGEST_SIGN_IN;
        let prompt = self.prompt(PromptKind::Browser {
            address,
            code: String::new(),
            why_code: None,
            expires_at,
        });
        let code = tokio::select! {
            biased;
            closed = it.ask.show(prompt) => return Err(closed),
            code = redirect.code() => code?,
            () = clock.sleep_until(expires_at) => return Err(self.nobody_came()),
        };
        let grant = TokenGrant::Code(&code, &redirect.request);
        let made = center.create_token(&client, grant).await;
        made.map(|sign_in| (sign_in, client))
            .map_err(|fault| self.failed(fault))
    }

    async fn by_code(
        &self,
        why_code: String,
        known: Option<ClientRegistration>,
    ) -> Result<(SignIn, ClientRegistration)> {
        let (it, center) = (self.it, service(self.it));
        let mut client = self.client(OidcFlow::DeviceCode, known).await?;
        let start_url = &self.center.start_url;
        let started = match center.device_code(&client, start_url).await {
            Err(fault) if fault.kind == FaultKind::ClientUnknown => {
                client = self.client(OidcFlow::DeviceCode, None).await?;
                center.device_code(&client, start_url).await
            }
            started => started,
        };
        let code = started.map_err(|fault| self.failed(fault))?;
        let prompt = self.prompt(PromptKind::Browser {
            address: code.address.clone(),
            code: code.user_code.clone(),
            why_code: Some(why_code),
            expires_at: code.expires_at,
        });
        tokio::select! {
            biased;
            closed = it.ask.show(prompt) => Err(closed),
            made = self.entered(&client, &code) => made.map(|sign_in| (sign_in, client.clone())),
        }
    }

    /// Once the person has entered the code.
    async fn entered(&self, client: &ClientRegistration, code: &CodeToEnter) -> Result<SignIn> {
        let (world, center) = (self.it.world, service(self.it));
        let mut interval = code.interval;
        while world.clock.now() < code.expires_at {
            Clock::nap(interval).await;
            let grant = TokenGrant::Device(code);
            let answer = center.create_token(client, grant).await;
            let fault = match answer {
                Ok(sign_in) => return Ok(sign_in),
                Err(fault) => fault,
            };
            match fault.kind {
                FaultKind::NotYet | FaultKind::Unreachable => {}
                FaultKind::TooOften => interval += SLOWER,
                FaultKind::Expired => return Err(self.nobody_came()),
                FaultKind::Denied => {
                    let message =
                        format!("the sign-in to {} was refused in the browser", self.name());
                    return Err(Error::new(Code::Cancelled, message));
                }
                _ => return Err(self.failed(fault)),
            }
        }
        Err(self.nobody_came())
    }

    /// Registered anew where what is known is of the other flow.
    async fn client(
        &self,
        flow: OidcFlow,
        known: Option<ClientRegistration>,
    ) -> Result<ClientRegistration> {
        if let Some(known) = known.filter(|known| known.flow == flow) {
            return Ok(known);
        }
        let center = service(self.it);
        let registered = center.register_client(&self.center.start_url, flow).await;
        registered.map_err(|fault| self.failed(fault))
    }

    fn prompt(&self, kind: PromptKind) -> Prompt {
        Prompt {
            kind,
            attempt: 1,
            unanswered: self.unanswered.clone(),
            refused_key: None,
        }
    }

    fn name(&self) -> &str {
        self.it.name()
    }

    fn failed(&self, fault: Fault) -> Error {
        let error = fault.into_error(&self.it.link().region);
        let message = format!("{}: {}", self.name(), error.message);
        Error { message, ..error }
    }

    fn nobody_came(&self) -> Error {
        let name = self.name();
        let message = format!("the sign-in to {name} was not completed in the browser in time");
        Error::new(Code::PersonNeeded, message)
            .hint(format!("fob login {} begins anew", self.it.chain.identity))
    }
}
