//! What each kind of link does: obtain a session, and whether it can do so without a person. One
//! file a kind, and the one dispatch. Knows nothing of locks, of what is stored for the identity,
//! or of the links above.

mod ambient;
mod assigned;
mod browser;
mod identity_center;
mod keys;
mod login;
mod new_keys;
mod obtain;
mod permission_set;
mod process;
mod redirect;
mod revoked;
mod role;
mod role_call;
mod root;
mod saml;
mod sign_in_place;
mod signing_in;
mod user;
mod web_identity;

pub use assigned::assigned_accounts;
pub use keys::{StandingKeys, session_owner, standing_keys, whose};
pub use new_keys::{
    Check, Configured, NewKeys, OtherUser, Replaces, configure, others_are_stored, user_chain,
};
pub use obtain::{Obtain, Parent, Refusal, Trail, place};
pub use sign_in_place::{SignInPlace, lock_name, signed_out_as};
pub use signing_in::{EndedAtAws, end_sign_in, renews_itself, stored_sign_in};
use user::Wanted;
pub use user::handed_out;

use crate::aws::github_token;
use crate::config::{Chain, HandedOut, Kind};
use crate::duration::SessionDuration;
use crate::error::{Code, Error, Result};
use crate::secret::{Secret, Session, SignIn};
use crate::store::StoredSignIn;
use crate::world::World;

/// The one dispatch over the kinds.
pub async fn obtain(it: Obtain<'_>, parent: &Parent) -> Result<Session, Refusal> {
    let link = it.link();
    match (&link.kind, parent) {
        (Kind::User(user), _) => Ok(user::obtain(it, user, &Wanted::own(user)).await?),
        (Kind::Ambient, _) => Ok(ambient::obtain(it).await?),
        (Kind::Process(process), _) => Ok(process::obtain(it, process).await?),
        (Kind::Login, _) => Ok(signing_in::session(it).await?),
        (Kind::PermissionSet(set), Parent::SignIn(sign_in)) => {
            permission_set::obtain(it, set, sign_in).await
        }
        (Kind::AssumeRole(role), Parent::Session(parent)) => role::obtain(it, role, parent).await,
        (Kind::AssumeRole(role), Parent::Token(token)) => {
            Ok(web_identity::obtain(it, role, token).await?)
        }
        (Kind::AssumeRole(role), Parent::Assertion(assertion)) => {
            Ok(saml::obtain(it, role, assertion).await?)
        }
        (Kind::AssumeRoot(root), Parent::Session(parent)) => root::obtain(it, root, parent).await,
        (Kind::AssumeRole(role), Parent::None) => {
            let Kind::User(user) = &it.chain.source().kind else {
                return Err(Refusal::Failed(unsupported(it.chain)));
            };
            Ok(role::obtain_with_keys(it, role, user).await?)
        }
        (
            Kind::IdentityCenter(_)
            | Kind::Saml(_)
            | Kind::GithubOidc(_)
            | Kind::WebIdentity(_)
            | Kind::PermissionSet(_)
            | Kind::AssumeRole(_)
            | Kind::AssumeRoot(_),
            _,
        ) => Err(Refusal::Failed(unsupported(it.chain))),
    }
}

/// The sign-in of a provider, for the links above it; `stored`: one that is not good enough.
pub async fn signed_in(it: Obtain<'_>, stored: Option<StoredSignIn>) -> Result<SignIn> {
    let Kind::IdentityCenter(center) = &it.link().kind else {
        return Err(unsupported(it.chain));
    };
    signing_in::signed_in(it, center, stored).await
}

/// An identity provider's, for the links above it.
pub async fn asserted(it: Obtain<'_>) -> Result<Secret> {
    let Kind::Saml(saml) = &it.link().kind else {
        return Err(unsupported(it.chain));
    };
    saml::asserted(it, saml).await
}

/// A web identity's, for the links above it.
pub async fn token(world: &World, chain: &Chain) -> Result<Secret> {
    match &chain.source().kind {
        Kind::GithubOidc(github) => github_token(&world.aws, &github.audience).await,
        Kind::WebIdentity(web) => web_identity::from_file(world, &web.token_file),
        _ => Err(unsupported(chain)),
    }
}

/// Whether the user below a role signs with its long-lived keys, without a session of its own: a
/// role that is taken with a session, whichever, ends after an hour; and a user may have none.
/// `asked` beats what is written.
pub fn signs_with_keys(chain: &Chain, at: usize, asked: Option<SessionDuration>) -> bool {
    let kind = |at: usize| chain.links().get(at).map(|link| &link.kind);
    let below = at.checked_sub(1).and_then(kind);
    match (kind(at), below) {
        (Some(Kind::AssumeRole(role)), Some(Kind::User(user))) => {
            user.hands_out == HandedOut::LongLivedKeys
                || asked
                    .or(role.duration)
                    .is_some_and(SessionDuration::is_too_long_for_a_chain)
        }
        (_, _) => false,
    }
}

/// Whether the source of a chain can make the session of a link without a person: its own, or with
/// its keys that of a role.
pub async fn renews_alone(world: &World, chain: &Chain, at: usize) -> Result<bool> {
    let link = chain.source();
    match &link.kind {
        Kind::User(user) => {
            let gives = match at {
                0 => user.hands_out,
                _ => HandedOut::Session,
            };
            user::renews_alone(world, link, user, gives).await
        }
        Kind::Ambient | Kind::Process(_) | Kind::GithubOidc(_) | Kind::WebIdentity(_) => Ok(true),
        Kind::Login | Kind::IdentityCenter(_) => signing_in::renews_alone(world, link).await,
        Kind::Saml(_) => {
            let now = world.clock.now();
            Ok(world.assertions.held(&link.name, now).is_some())
        }
        Kind::PermissionSet(_) | Kind::AssumeRole(_) | Kind::AssumeRoot(_) => Ok(false),
    }
}

/// Whether sessions of this kind are stored: the machine itself has its own ways of renewing, and
/// is read anew each time.
pub fn keeps_sessions(kind: &Kind) -> bool {
    !matches!(kind, Kind::Ambient)
}

/// The configuration lets no such chain through.
fn unsupported(chain: &Chain) -> Error {
    let names = chain.names().join(" → ");
    let message = format!("no session can be made for this chain: {names}");
    Error::new(Code::Unsupported, message)
}
