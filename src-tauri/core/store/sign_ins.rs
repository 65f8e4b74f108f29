//! Sign-ins of providers: their tokens, and what a renewal takes. One entry for all identities
//! above a provider, and for every provider of the configuration that signs in at the same place.

use super::entries::{Entries, NewEntry};
use super::keyring::{EntryKind, EntryName};
use super::sign_outs::{SignOuts, Ticket};
use super::value::{self, secret_text, timestamp};
use crate::endpoint::Endpoint;
use crate::error::Result;
use crate::files::Stamp;
use crate::foreign::Foreign;
use crate::secret::{ClientRegistration, OidcFlow, Secret, SignIn};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug)]
pub struct SignIns {
    pub(super) entries: Entries,
    pub(super) sign_outs: SignOuts,
}

/// A sign-in, and what stays when it is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSignIn {
    pub sign_in: Option<SignIn>,
    pub client: Option<ClientRegistration>,
    /// Who signed in last, where the service says it.
    pub principal: Option<Foreign>,
    /// Where a person signs in, and where the token goes: of another place it is none.
    pub address: String,
    /// Where it was made.
    pub endpoint: Endpoint,
}

#[derive(Serialize, Deserialize)]
struct SignInEntryText {
    v: u32,
    configuration: Option<String>,
    endpoint: Endpoint,
    address: String,
    sign_in: Option<SignInText>,
    client: Option<ClientText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    principal: Option<Foreign>,
}

#[derive(Serialize, Deserialize)]
struct SignInText {
    #[serde(with = "secret_text")]
    token: Option<Secret>,
    #[serde(default, with = "secret_text")]
    refresh_token: Option<Secret>,
    issued_at: Timestamp,
    expires_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct ClientText {
    id: String,
    #[serde(with = "secret_text")]
    secret: Option<Secret>,
    expires_at: Timestamp,
    flow: OidcFlow,
    #[serde(default)]
    scope: String,
}

impl SignIns {
    /// `at`: where it is renewed; `None`: it is only looked at. One of another place is none.
    pub async fn find(
        &self,
        name: &str,
        at: Option<&Endpoint>,
        address: &str,
    ) -> Result<Option<StoredSignIn>> {
        let name = self.entries.name(EntryKind::Token, name);
        let stored = self.entries.read(&name, at, decode).await?;
        Ok(stored.filter(|stored| stored.address == address))
    }

    /// Stores nothing once the provider was signed out of since the ticket was taken.
    pub async fn put(&self, name: &str, ticket: &Ticket, stored: &StoredSignIn) -> Result<()> {
        let name = self.entries.name(EntryKind::Token, name);
        let _signed_in = self.sign_outs.unless_signed_out(ticket).await?;
        let _lock = self.entries.locks.entry(&name).await?;
        let new = NewEntry {
            text: encode(stored, &self.entries.configuration)?,
            name,
            holds: None,
        };
        self.entries.write(new, Some(&stored.endpoint)).await
    }

    /// The provider does not accept the token any more: it has ended, unless another one is stored.
    /// What renews it stays.
    pub async fn end(&self, name: &str, refused: &SignIn, at: &Endpoint) -> Result<()> {
        let name = self.entries.name(EntryKind::Token, name);
        let _lock = self.entries.locks.entry(&name).await?;
        let Some(mut stored) = self.entries.read(&name, Some(at), decode).await? else {
            return Ok(());
        };
        match &mut stored.sign_in {
            Some(sign_in) if sign_in.token == refused.token => {
                sign_in.expires_at = self.entries.now();
            }
            Some(_) | None => return Ok(()),
        }
        let new = NewEntry {
            text: encode(&stored, &self.entries.configuration)?,
            name,
            holds: None,
        };
        self.entries.write(new, Some(at)).await
    }

    /// Makes this configuration's what is stored for a file that is gone, and names that file.
    pub async fn take_over(&self, name: &str) -> Result<Option<String>> {
        let name = self.entries.name(EntryKind::Token, name);
        self.entries.take_over(&name, of_configuration).await
    }

    /// When it was last written, by any process.
    pub fn stamp(&self, name: &str) -> Stamp {
        let name = self.entries.name(EntryKind::Token, name);
        self.entries.locks.stamp(&name)
    }
}

fn of_configuration(name: &EntryName, text: &Secret, configuration: &str) -> Result<Secret> {
    encode(&decode(name, text)?, configuration)
}

fn encode(stored: &StoredSignIn, configuration: &str) -> Result<Secret> {
    let StoredSignIn {
        sign_in,
        client,
        principal,
        address,
        endpoint,
    } = stored.clone();
    let sign_in = sign_in.map(|it| {
        Ok(SignInText {
            token: Some(it.token),
            refresh_token: it.refresh_token,
            issued_at: timestamp(it.issued_at)?,
            expires_at: timestamp(it.expires_at)?,
        })
    });
    let client = client.map(|it| {
        Ok(ClientText {
            id: it.id,
            secret: Some(it.secret),
            expires_at: timestamp(it.expires_at)?,
            flow: it.flow,
            scope: it.scope,
        })
    });
    Ok(value::line(&SignInEntryText {
        v: value::VERSION,
        configuration: Some(configuration.to_owned()),
        endpoint,
        address,
        sign_in: sign_in.transpose()?,
        client: client.transpose()?,
        principal,
    }))
}

fn decode(name: &EntryName, text: &Secret) -> Result<StoredSignIn> {
    let stored: SignInEntryText = value::parse(name, text)?;
    let broken = || value::broken(name);
    let sign_in = stored.sign_in.map(|it| {
        Ok(SignIn {
            token: it.token.ok_or_else(broken)?,
            issued_at: it.issued_at.into(),
            expires_at: it.expires_at.into(),
            refresh_token: it.refresh_token,
        })
    });
    let client = stored.client.map(|it| {
        Ok(ClientRegistration {
            id: it.id,
            secret: it.secret.ok_or_else(broken)?,
            expires_at: it.expires_at.into(),
            flow: it.flow,
            scope: it.scope,
        })
    });
    Ok(StoredSignIn {
        sign_in: sign_in.transpose()?,
        client: client.transpose()?,
        principal: stored.principal,
        address: stored.address,
        endpoint: stored.endpoint,
    })
}
