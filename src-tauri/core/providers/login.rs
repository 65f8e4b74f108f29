//! `aws/login`: the console's own sign-in, in the browser of this machine or with a code that is
//! copied from another one's. Its token is a session, and renewing it gives the next.

use super::browser::{BrowserSignIn, Made};
use super::obtain::place;
use crate::ask::{PasteKind, Prompt, PromptKind};
use crate::aws::{
    AuthorizationRequest, ConsoleGrant, ConsoleSignIn, Fault, FaultKind, Principal, console_client,
};
use crate::config::Link;
use crate::error::{Error, Result};
use crate::foreign::Foreign;
use crate::secret::{ClientRegistration, OidcFlow, Origin, Secret, SignIn};
use crate::world::World;
use std::time::Duration;

/// AWS ends it then, and does not say so before. Source: AWS's user guide ("Login for AWS local
/// development using console credentials").
const LIFE: Duration = Duration::from_secs(12 * 60 * 60);
const POLICY: &str = "SignInLocalDevelopmentAccess";

fn service<'a>(world: &'a World, link: &'a Link) -> ConsoleSignIn<'a> {
    ConsoleSignIn {
        aws: &world.aws,
        place: place(link),
    }
}

/// Without a person; the sign-in ends when it did.
pub(super) async fn renewed(
    world: &World,
    link: &Link,
    client: &ClientRegistration,
    sign_in: &SignIn,
) -> Result<Made, Fault> {
    let token = service(world, link).renew(client, &sign_in.token).await?;
    Ok(made(token, client, sign_in.clone()))
}

pub(super) async fn by_a_person(person: &BrowserSignIn<'_>) -> Result<Made> {
    let it = person.it;
    let (console, now) = (service(it.world, it.link()), it.world.clock.now());
    let (client, token) = match person.redirect().await {
        Ok(mut redirect) => {
            let client = console_client(OidcFlow::Redirect, now + LIFE);
            let address = console.authorization_page(&client, &redirect.request)?;
            let code = person.comes_back(&mut redirect, address).await?;
            let token = console.redeem(&client, &code, &redirect.request).await;
            (client, token)
        }
        Err(why) => {
            let client = console_client(OidcFlow::DeviceCode, now + LIFE);
            let request = console.by_code()?;
            let address = console.authorization_page(&client, &request)?;
            let code = pasted(person, &request, address, why).await?;
            let token = console.redeem(&client, &code, &request).await;
            (client, token)
        }
    };
    let token = token.map_err(|fault| refused(person, fault))?;
    let sign_in = SignIn {
        token: token.refresh_token.clone(),
        issued_at: it.world.clock.now(),
        expires_at: client.expires_at,
        refresh_token: None,
    };
    Ok(made(token, &client, sign_in))
}

/// Ends it at AWS. A session of it signs: a new one where none is left.
pub(super) async fn ended(world: &World, link: &Link, held: &Made) -> Result<(), Fault> {
    let Made {
        sign_in,
        client,
        session,
        ..
    } = held;
    let service = service(world, link);
    if let Some(session) = session {
        return service.revoke(session, &sign_in.token).await;
    }
    let renewed = renewed(world, link, client, sign_in).await?;
    let session = renewed
        .session
        .expect("a token of the console's is a session");
    service.revoke(&session, &renewed.sign_in.token).await
}

fn made(token: ConsoleGrant, client: &ClientRegistration, sign_in: SignIn) -> Made {
    let owner = Principal {
        arn: Foreign::default(),
        account: None,
    };
    Made {
        sign_in: SignIn {
            token: token.refresh_token,
            ..sign_in
        },
        client: client.clone(),
        principal: token.principal,
        session: Some(token.session.into_session(Origin::ConsoleSignIn, owner)),
    }
}

/// The code that the page shows, once the person has copied it here.
async fn pasted(
    person: &BrowserSignIn<'_>,
    request: &AuthorizationRequest,
    address: String,
    why: String,
) -> Result<Secret> {
    let (ask, expires_at) = (person.it.ask, person.expires_at());
    let (mut attempt, mut refused) = (1, None);
    loop {
        let kind = PromptKind::Paste {
            what: PasteKind::SignInCode,
            address: address.clone(),
            why: Some(why.clone()),
            in_a_window: false,
            refused,
            expires_at,
        };
        let prompt = Prompt {
            attempt,
            ..person.prompt(kind)
        };
        let text = tokio::select! {
            biased;
            text = ask.pasted(prompt) => text?,
            () = person.it.world.clock.sleep_until(expires_at) => return Err(person.nobody_came()),
        };
        match request.code_in(&text) {
            Ok(code) => return Ok(code),
            Err(why) => refused = Some(why.to_owned()),
        }
        attempt += 1;
    }
}

fn refused(person: &BrowserSignIn<'_>, fault: Fault) -> Error {
    match fault.kind {
        FaultKind::Expired => person.nobody_came(),
        FaultKind::Denied => person.failed(fault).hint(format!(
            "the user or role needs the managed policy {POLICY}"
        )),
        _ => person.failed(fault),
    }
}
