//! Base64 for addresses and tokens, without padding (RFC 4648, section 5).

use aws_smithy_types::base64;

pub fn encode(bytes: &[u8]) -> String {
    let text = base64::encode(bytes).replace('+', "-").replace('/', "_");
    text.trim_end_matches('=').to_owned()
}

pub fn decode(text: &str) -> Option<Vec<u8>> {
    let is_url_safe = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if !text.bytes().all(is_url_safe) {
        return None;
    }
    let padding = "=".repeat(text.len().wrapping_neg() % 4);
    let text = text.replace('-', "+").replace('_', "/") + &padding;
    base64::decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded_again_and_nothing_else_is() {
        for bytes in [&b""[..], b"a", b"ab", b"abc", &[0xfb, 0xff, 0xfe]] {
            assert_eq!(decode(&encode(bytes)).as_deref(), Some(bytes));
        }
        assert_eq!(encode(&[0xfb, 0xff]), "-_8");
        for text in ["-_8=", "+/8", "a", "é"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
