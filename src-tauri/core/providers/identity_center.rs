//! `aws/iam-identity-center`: a sign-in in the browser, or by a code that is entered in any
//! browser, and its renewal.

use super::browser::{BrowserSignIn, Made};
use super::obtain::{Obtain, place};
use super::redirect::Redirect;
use crate::ask::PromptKind;
use crate::aws::{
    CodeToEnter, Fault, FaultKind, PORTAL_SCOPE, Place, Portal, SsoOidc, TokenGrant, Tries,
    start_url,
};
use crate::clock::Clock;
use crate::config::{IdentityCenter, Kind, Link, region_of_start_url};
use crate::duration::time_left;
use crate::error::{Code, Error, Result};
use crate::secret::{ClientRegistration, OidcFlow, Secret, SignIn};
use crate::world::World;
use std::time::{Duration, SystemTime};

/// The registration is not used in its last day.
const BEFORE_ITS_END: Duration = Duration::from_secs(24 * 60 * 60);
/// What `slow_down` adds between two questions (RFC 8628).
const SLOWER: Duration = Duration::from_secs(5);

fn service<'a>(it: &Obtain<'a>) -> SsoOidc<'a> {
    SsoOidc {
        aws: &it.world.aws,
        place: it.place(),
    }
}

/// Without a person; the old refresh token is worth nothing after it. Sent once: AWS may have taken
/// a call that was not answered, and a token that comes twice ends the sign-in.
pub(super) async fn renewed(
    world: &World,
    link: &Link,
    client: &ClientRegistration,
    refresh_token: &Secret,
) -> Result<Made, Fault> {
    let grant = TokenGrant::Refresh(refresh_token);
    let once = SsoOidc {
        aws: &world.aws,
        place: once(link),
    };
    let renewed = once.create_token(client, grant).await?;
    Ok(made(renewed, client.clone()))
}

/// `known`: this program's registration.
pub(super) async fn by_a_person(
    person: &BrowserSignIn<'_>,
    center: &IdentityCenter,
    known: Option<ClientRegistration>,
) -> Result<Made> {
    let at_center = AtCenter { person, center };
    match person.redirect().await {
        Ok(redirect) => at_center.by_redirect(redirect, known).await,
        Err(why_code) => at_center.by_code(why_code, known).await,
    }
}

/// At AWS, and with it every token of the same portal session; by a new token where this one has
/// ended before the session.
pub(super) async fn ended(
    world: &World,
    link: &Link,
    sign_in: &SignIn,
    client: Option<&ClientRegistration>,
) -> Result<(), Fault> {
    let refresh_token = sign_in.refresh_token.as_ref();
    let renewal = client.zip(refresh_token).filter(|(client, _)| {
        let now = world.clock.now();
        client.expires_at > now && !sign_in.is_usable(now)
    });
    let new = match renewal {
        Some((client, token)) => Some(renewed(world, link, client, token).await?.sign_in),
        None => None,
    };
    let portal = Portal {
        aws: &world.aws,
        place: once(link),
        token: &new.as_ref().unwrap_or(sign_in).token,
    };
    portal.end_sign_in().await
}

fn once(link: &Link) -> Place<'_> {
    Place {
        tries: Tries::One,
        ..place(link)
    }
}

/// What else may be wrong where AWS refuses what is right.
pub(super) fn other_region(center: &Link) -> String {
    let Link { name, region, .. } = center;
    let of_url = match &center.kind {
        Kind::IdentityCenter(center) => region_of_start_url(&center.start_url),
        _ => None,
    };
    let other = of_url.filter(|it| it != region);
    let other = other.map_or_else(String::new, |it| format!(", and its start URL is of {it}"));
    format!(
        "the request was sent to {region}: `region` of {name} must be that of the Identity \
         Center{other}"
    )
}

fn is_for(known: &ClientRegistration, flow: OidcFlow, now: SystemTime) -> bool {
    known.flow == flow && known.scope == PORTAL_SCOPE && known.expires_at > now + BEFORE_ITS_END
}

fn made(sign_in: SignIn, client: ClientRegistration) -> Made {
    Made {
        sign_in,
        client,
        principal: None,
        session: None,
    }
}

/// A person is signing in.
struct AtCenter<'a> {
    person: &'a BrowserSignIn<'a>,
    center: &'a IdentityCenter,
}

impl AtCenter<'_> {
    async fn by_redirect(
        &self,
        mut redirect: Redirect,
        known: Option<ClientRegistration>,
    ) -> Result<Made> {
        let center = service(self.person.it);
        let client = self.client(OidcFlow::Redirect, known).await?;
        let address = center.authorization_page(&client, &redirect.request)?;
        let code = self.person.comes_back(&mut redirect, address).await?;
        let grant = TokenGrant::Code(&code, &redirect.request);
        let sign_in = center.create_token(&client, grant).await;
        let sign_in = sign_in.map_err(|fault| self.failed(fault))?;
        Ok(made(sign_in, client))
    }

    async fn by_code(&self, why_code: String, known: Option<ClientRegistration>) -> Result<Made> {
        let (person, center) = (self.person, service(self.person.it));
        let mut client = self.client(OidcFlow::DeviceCode, known).await?;
        let start_url = &self.start_url().await?;
        let started = match center.device_code(&client, start_url).await {
            Err(fault) if fault.kind == FaultKind::ClientUnknown => {
                client = self.client(OidcFlow::DeviceCode, None).await?;
                center.device_code(&client, start_url).await
            }
            started => started,
        };
        let code = started.map_err(|fault| self.failed(fault))?;
        let prompt = person.prompt(PromptKind::Browser {
            address: code.address.clone(),
            code: code.user_code.clone(),
            why_code: Some(why_code),
            unopened: None,
            expires_at: code.expires_at,
        });
        let sign_in = tokio::select! {
            biased;
            closed = person.it.ask.show(prompt) => Err(closed),
            sign_in = self.entered(&client, &code) => sign_in,
        };
        Ok(made(sign_in?, client))
    }

    /// Once the person has entered the code.
    async fn entered(&self, client: &ClientRegistration, code: &CodeToEnter) -> Result<SignIn> {
        let (person, center) = (self.person, service(self.person.it));
        let mut interval = code.interval;
        while person.it.world.clock.now() < code.expires_at {
            let left = time_left(code.expires_at, person.it.world.clock.now());
            Clock::nap(interval.min(left)).await;
            let grant = TokenGrant::Device(code);
            let answer = center.create_token(client, grant).await;
            let fault = match answer {
                Ok(sign_in) => return Ok(sign_in),
                Err(fault) => fault,
            };
            match fault.kind {
                FaultKind::NotYet | FaultKind::Unreachable => {}
                FaultKind::TooOften => interval += SLOWER,
                FaultKind::Expired => return Err(person.nobody_came()),
                FaultKind::Denied => {
                    let message = format!(
                        "the sign-in to {} was refused in the browser",
                        person.name()
                    );
                    return Err(Error::new(Code::Cancelled, message));
                }
                _ => return Err(self.failed(fault)),
            }
        }
        Err(person.nobody_came())
    }

    /// An Identity Center answers in its own region alone.
    fn failed(&self, fault: Fault) -> Error {
        let is_odd = fault.kind == FaultKind::Other;
        let error = self.person.failed(fault);
        let hint = is_odd.then(|| other_region(self.person.it.link()));
        hint.into_iter().fold(error, Error::hint)
    }

    async fn start_url(&self) -> Result<String> {
        let (it, center) = (self.person.it, self.center);
        start_url(&it.world.aws, &center.start_url).await
    }

    /// Registered anew where what is known is for something else, or ends.
    async fn client(
        &self,
        flow: OidcFlow,
        known: Option<ClientRegistration>,
    ) -> Result<ClientRegistration> {
        let now = self.person.it.world.clock.now();
        if let Some(known) = known.filter(|known| is_for(known, flow, now)) {
            return Ok(known);
        }
        let center = service(self.person.it);
        let start_url = self.start_url().await?;
        let registered = center.register_client(&start_url, flow).await;
        registered.map_err(|fault| self.failed(fault))
    }
}
