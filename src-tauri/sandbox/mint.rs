//! Makes what AWS makes: access keys, session tokens, unique ids, request ids. Nothing here is
//! remembered.

use crate::encode::{hex, random_bytes};
use crate::ids::AccessKeyId;
use crate::secret::{Keys, Secret};

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// `AKIA…`, for an IAM user.
pub(super) fn long_lived_keys() -> Keys {
    keys("AKIA")
}

/// `ASIA…`, for a session.
pub(super) fn session_keys() -> Keys {
    keys("ASIA")
}

pub(super) fn session_token() -> Secret {
    Secret::new(aws_smithy_types::base64::encode(random_bytes::<210>()))
}

pub(super) fn signin_token() -> String {
    aws_smithy_types::base64::encode(random_bytes::<120>())
}

/// `AIDA…` of a user, `AROA…` of a role.
pub(super) fn unique_id(prefix: &str) -> String {
    format!("{prefix}{}", base32(random_bytes::<17>()))
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

fn keys(prefix: &str) -> Keys {
    let id = format!("{prefix}{}", base32(random_bytes::<16>()));
    Keys {
        access_key_id: AccessKeyId::parse(&id)
            .expect("twenty letters and digits are an access key id"),
        secret_access_key: Secret::new(aws_smithy_types::base64::encode(random_bytes::<30>())),
    }
}

fn base32<const N: usize>(bytes: [u8; N]) -> String {
    bytes
        .map(|byte| char::from(BASE32[usize::from(byte % 32)]))
        .iter()
        .collect()
}
