//! The seal at the end of a line, made with a key that only the keyring has: who can write the file
//! but not read the keyring cannot add a line.

use crate::encode::{hex, random_token};
use crate::secret::{Secret, on_the_wire};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// Before the seal's digits; behind them the line's end.
const BEFORE: &[u8] = br#","seal":""#;
const BEHIND: &[u8] = br#""}"#;
const DIGITS: usize = 64;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SealKey {
    #[serde(with = "on_the_wire")]
    key: Secret,
    /// The first line that has a seal of it.
    since: u32,
}

impl SealKey {
    pub fn new(since: u32) -> SealKey {
        SealKey {
            key: Secret::new(random_token::<32>().as_str()),
            since,
        }
    }

    /// `line`: a JSON object.
    pub fn seal(&self, mut line: Vec<u8>) -> Vec<u8> {
        let seal = self.digits(&line);
        line.pop();
        line.extend([BEFORE, seal.as_bytes(), BEHIND].concat());
        line
    }

    /// Lines from before this key are held by the chain alone.
    pub fn vouches_for(&self, number: u32, line: &[u8]) -> bool {
        number < self.since || self.is_sealed(line).unwrap_or(false)
    }

    fn is_sealed(&self, line: &[u8]) -> Option<bool> {
        let rest = line.strip_suffix(BEHIND)?;
        let (rest, seal) = rest.split_at_checked(rest.len().checked_sub(DIGITS)?)?;
        let unsealed = [rest.strip_suffix(BEFORE)?, b"}"].concat();
        Some(self.digits(&unsealed).as_bytes().ct_eq(seal).into())
    }

    fn digits(&self, line: &[u8]) -> String {
        let key = self.key.expose().as_bytes();
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length will do");
        mac.update(line);
        hex(&mac.finalize().into_bytes())
    }
}
