//! Bytes as text: hexadecimal digits, percent-encoding, Base64 for addresses, random tokens.

pub mod base64url;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use std::fmt::Write as _;
use zeroize::Zeroizing;

/// Everything but RFC 3986's unreserved characters, as AWS signs it.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Two lower-case digits a byte.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The first 16 digits of a digest: enough to tell things apart, short enough for a path.
pub fn short_hex(digest: &[u8]) -> String {
    hex(&digest[..digest.len().min(8)])
}

/// With padding (RFC 4648, section 4).
pub fn base64(bytes: impl AsRef<[u8]>) -> String {
    aws_smithy_types::base64::encode(bytes)
}

/// One value of a query, or one step of a path with its slashes.
pub fn percent(value: impl AsRef<[u8]>) -> String {
    let value = value.as_ref();
    // Long enough from the start: a text that grows leaves copies behind.
    let mut text = String::with_capacity(3 * value.len());
    text.extend(percent_encode(value, RESERVED));
    text
}

/// Of the operating system's randomness, which every supported system has.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("every supported system gives random bytes");
    bytes
}

/// `N` random bytes in hexadecimal digits.
pub fn random_token<const N: usize>() -> Zeroizing<String> {
    Zeroizing::new(hex(&*Zeroizing::new(random_bytes::<N>())))
}
