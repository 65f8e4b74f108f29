//! Why there is no rotation, in words: what stands in the way, what became of the keys, what to do.

use crate::aws::{Fault, FaultKind, IamKey};
use crate::clock::day;
use crate::endpoint::Endpoint;
use crate::error::{Code, Error};
use crate::ids::{AccessKeyId, Region};
use std::time::SystemTime;

pub(super) fn missing(name: &str) -> Error {
    let message = format!("no access key of {name} is stored: there is nothing to rotate");
    Error::new(Code::NoCredentials, message).hint(format!("fob user configure {name}"))
}

pub(super) fn elsewhere(name: &str, place: &str) -> Error {
    let message =
        format!("the access key of {name} stands in {place}, where Keyfob does not replace it");
    Error::new(Code::InvalidInput, message).hint(format!(
        "take it out there and store it in the keyring: fob user configure {name}"
    ))
}

pub(super) fn in_memory(name: &str) -> Error {
    let message = format!(
        "the keyring is `memory`: a new access key of {name} would be lost when this `fob` or its \
         agent ends"
    );
    Error::new(Code::InvalidInput, message)
        .hint("choose another keyring: auth.keyring.type, or FOB_KEYRING")
}

pub(super) fn other_place(name: &str, keys: &Endpoint, iam: &Endpoint) -> Error {
    let message =
        format!("the access key of {name} is for {keys}, and calls to IAM would go to {iam}");
    Error::new(Code::Usage, message).hint(
        "AWS_ENDPOINT_URL_STS and AWS_ENDPOINT_URL_IAM choose where they go: set both, or neither",
    )
}

/// Stored by another process while this one was rotating.
pub(super) fn replaced(name: &str) -> Error {
    let message = format!("other access keys of {name} were stored meanwhile, and are kept");
    Error::new(Code::InvalidInput, message)
}

pub(super) fn refused(name: &str, fault: Fault, region: &Region, mfa: bool) -> Error {
    let kind = fault.kind.clone();
    let error = fault.into_error(region);
    if kind == FaultKind::UnknownKeys {
        return error.hint(format!("fob login {name} asks for new ones"));
    }
    if kind != FaultKind::Denied {
        return error;
    }
    let error = error.hint(
        "a rotation needs iam:ListAccessKeys, CreateAccessKey, UpdateAccessKey, DeleteAccessKey \
         and GetAccessKeyLastUsed on the user itself",
    );
    if mfa {
        error.hint(format!(
            "where a policy wants MFA for them: fob login {name}, then again"
        ))
    } else {
        error
    }
}

/// AWS did not answer when it was to make a key.
pub(super) fn perhaps_made(name: &str, error: Error) -> Error {
    error.hint(format!(
        "the old access key stays in use; if AWS made a new one, `fob user rotate {name}` deletes \
         it and makes another"
    ))
}

/// The new keys.
pub(super) fn not_accepted(name: &str, fault: Fault, region: &Region) -> Error {
    if fault.kind == FaultKind::UnknownKeys {
        let message = format!("AWS does not accept the new access key of {name} yet");
        return Error::new(Code::AwsError, message);
    }
    let error = fault.into_error(region);
    let message = format!("the new access key could not be checked: {}", error.message);
    Error { message, ..error }
}

pub(super) fn two_keys(name: &str, stored: &AccessKeyId, listed: &[IamKey]) -> Error {
    let since = |what: &str, at: Option<SystemTime>| {
        let text = at.map(|at| format!(", {what} {}", day(at)));
        text.unwrap_or_default()
    };
    let keys = listed.iter().filter_map(|it| {
        let id = it.id.as_ref()?;
        let here = if id == stored {
            "the one stored here, "
        } else {
            ""
        };
        let state = if it.is_active { "active" } else { "inactive" };
        let (made, used) = (since("made", it.made_at), since("last used", it.used_at));
        Some(format!("{id} ({here}{state}{made}{used})"))
    });
    let keys = keys.collect::<Vec<_>>().join(" and ");
    let message =
        format!("{name} has two access keys at AWS already, and it allows no third: {keys}");
    Error::new(Code::AwsError, message)
        .hint("nothing was changed; delete the one that nothing uses, then run it again")
        .hint(format!(
            "fob exec {name} -- aws iam list-access-keys shows their whole ids, fob exec {name} -- \
             aws iam delete-access-key --access-key-id ID deletes one; without MFA a session may \
             not, and the AWS console does it: the user's security credentials"
        ))
}
