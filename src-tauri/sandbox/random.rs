//! Random access keys, tokens, codes, unique ids and request ids in the form AWS gives them.
//! Nothing here is remembered.

use crate::encode::base64url;
use crate::encode::{hex, random_bytes};
use crate::ids::AccessKeyId;
use crate::secret::{Keys, Secret, SecretAccessKey};
use aws_smithy_types::base64;

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// `AKIA…` of an IAM user, `ASIA…` of a session.
pub(super) fn keys(prefix: &str) -> Keys {
    let id = format!("{prefix}{}", base32::<16>());
    Keys {
        access_key_id: AccessKeyId::parse(&id)
            .expect("twenty letters and digits are an access key id"),
        secret_access_key: SecretAccessKey::parse(&base64::encode(random_bytes::<30>()))
            .expect("base64 is visible"),
    }
}

pub(super) fn session_token() -> Secret {
    Secret::new(base64::encode(random_bytes::<210>()))
}

/// Letters, digits, `-` and `_` behind a prefix.
pub(super) fn token(prefix: &str) -> Secret {
    Secret::new(format!(
        "{prefix}{}",
        base64url::encode(&random_bytes::<48>())
    ))
}

/// What a person reads off one screen and compares with another.
pub(super) fn user_code() -> String {
    let letters = base32::<8>();
    format!("{}-{}", &letters[..4], &letters[4..])
}

pub(super) fn signin_token() -> String {
    base64::encode(random_bytes::<120>())
}

/// `AIDA…` of a user, `AROA…` of a role.
pub(super) fn unique_id(prefix: &str) -> String {
    format!("{prefix}{}", base32::<17>())
}

/// A random UUID.
pub(super) fn request_id() -> String {
    let mut bytes = random_bytes::<16>();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = hex(&bytes);
    [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-")
}

fn base32<const N: usize>() -> String {
    random_bytes::<N>()
        .map(|byte| char::from(BASE32[usize::from(byte % 32)]))
        .iter()
        .collect()
}
