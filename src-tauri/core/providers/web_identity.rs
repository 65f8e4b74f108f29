//! `github/oidc` and `aws/web-identity`: a token by which an identity provider vouches for this job
//! or machine, taken anew for each session, and the role that is assumed with it, without a person.

use super::obtain::Obtain;
use super::role;
use crate::aws::{FaultKind, Principal, vouching_token};
use crate::config::AssumeRole;
use crate::error::{Code, Error, Result};
use crate::foreign::Foreign;
use crate::secret::{Origin, Secret, Session};
use crate::world::World;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use zeroize::Zeroizing;

/// AWS takes 20,000 characters.
const LONGEST_TOKEN: u64 = 64 * 1024;

pub(super) async fn obtain(
    mut it: Obtain<'_>,
    role: &AssumeRole,
    token: &Secret,
) -> Result<Session> {
    let call = role::call(&mut it, role, role.limits);
    let fault = match call.send_with_token(&it.world.aws, token).await {
        Ok(granted) => {
            let owner = Principal {
                arn: Foreign::default(),
                account: None,
            };
            return Ok(granted.into_session(Origin::WebIdentity, owner));
        }
        Err(fault) => fault,
    };
    let is_over = fault.kind == FaultKind::Expired;
    let error = call.refused(fault);
    if !is_over {
        return Err(error);
    }
    let message = format!(
        "the token of {} has ended: {}",
        it.chain.source().name,
        error.message
    );
    let hints = Vec::new();
    Err(Error {
        message,
        hints,
        ..error
    }
    .hint("what writes the token has to renew it"))
}

/// The file is read anew each time: what writes it replaces the token before its end.
pub(super) fn from_file(world: &World, path: &Path) -> Result<Secret> {
    let flawed = |why: &str| {
        let message = format!("the token file {} {why}", path.display());
        Error::new(Code::NoCredentials, message)
    };
    let text = read(path).map_err(|cause| match cause.kind() {
        io::ErrorKind::NotFound => flawed("does not exist"),
        io::ErrorKind::IsADirectory => flawed("is a folder"),
        io::ErrorKind::InvalidInput => flawed("is no file, but a pipe or a device"),
        io::ErrorKind::FileTooLarge => flawed("is larger than 64 KiB, as no token is"),
        io::ErrorKind::InvalidData => flawed("is no text"),
        _ => flawed(&format!("cannot be read: {cause}")),
    })?;
    let token = vouching_token(&text, world.clock.now());
    token.map_err(|why| flawed(why).hint("what writes the token has to renew it"))
}

fn read(path: &Path) -> io::Result<Zeroizing<String>> {
    // Before it is opened: what is a pipe would wait for its writer.
    let found = fs::metadata(path)?;
    if found.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !found.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let file = File::open(path)?;
    let mut text = Zeroizing::new(String::new());
    let length = file.take(LONGEST_TOKEN + 1).read_to_string(&mut text)?;
    if length as u64 > LONGEST_TOKEN {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(text)
}
