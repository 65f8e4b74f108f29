//! The place of a provider's sign-in: the name it is stored under, the places it is good for, and
//! the name that its sign-out goes by.

use crate::aws::AwsService;
use crate::config::{Config, Gives, Kind, Link};
use crate::endpoint::Endpoint;
use crate::error::Result;
use crate::store::{StoredSignIn, of_provider};
use crate::world::World;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInPlace {
    /// Of the first provider that signs in there.
    pub name: String,
    /// Where a person signs in, and where the token goes.
    pub address: String,
    pub endpoint: Endpoint,
}

impl SignInPlace {
    pub fn of(world: &World, provider: &Link) -> Result<SignInPlace> {
        let address = provider.sign_in_address().unwrap_or_default();
        let address = if matches!(provider.kind, Kind::Login) {
            address
        } else {
            format!(
                "{address} {}",
                world.endpoint_of(AwsService::Sso, provider)?
            )
        };
        Ok(SignInPlace {
            name: provider.sign_in_name(&world.config),
            address,
            endpoint: world.endpoint(provider)?,
        })
    }

    pub async fn stored(&self, world: &World) -> Result<Option<StoredSignIn>> {
        let sign_ins = &world.store.sign_ins;
        let found = sign_ins.find(&self.name, Some(&self.endpoint), &self.address);
        found.await
    }
}

/// The name of its sign-in lock: providers that share a sign-in share it. An identity may have the
/// name of its provider.
pub fn lock_name(config: &Config, link: &Link) -> String {
    match link.kind.gives() {
        Gives::Session => link.name.clone(),
        Gives::SignIn => of_provider(&link.sign_in_name(config)),
        Gives::Assertion | Gives::Token => of_provider(&link.name),
    }
}

/// The name of its sign-out record.
pub fn signed_out_as(link: &Link) -> String {
    if link.kind.gives() == Gives::Session {
        link.name.clone()
    } else {
        of_provider(&link.name)
    }
}
