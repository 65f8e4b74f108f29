//! Settings of the simulated AWS: how long its sessions last, its MFA code, the codes of its
//! errors.

use crate::error::{Code, Error, Result};
use serde::{Deserialize, Serialize};

const LONGEST_SESSION: u64 = 10 * 366 * 24 * 3600;

/// The code for an expired session; AWS's services use both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExpiredCode {
    #[default]
    ExpiredToken,
    ExpiredTokenException,
}

/// The code for a wrong clock: the first is STS's, the second other services'.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SkewCode {
    #[default]
    SignatureDoesNotMatch,
    RequestExpired,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SandboxSettings {
    /// The length of new sessions, whatever the request says.
    pub session_seconds: Option<u64>,
    /// The code every MFA device accepts: six digits.
    pub mfa_code: String,
    pub expired_code: ExpiredCode,
    pub skew_code: SkewCode,
}

impl Default for SandboxSettings {
    fn default() -> SandboxSettings {
        SandboxSettings {
            session_seconds: None,
            mfa_code: "123456".to_owned(),
            expired_code: ExpiredCode::default(),
            skew_code: SkewCode::default(),
        }
    }
}

impl SandboxSettings {
    pub(super) fn check(&self) -> Result<()> {
        let invalid = |message| Err(Error::new(Code::InvalidInput, message));
        if self.mfa_code.len() != 6 || !self.mfa_code.bytes().all(|b| b.is_ascii_digit()) {
            return invalid("an MFA code is six digits");
        }
        if self.session_seconds > Some(LONGEST_SESSION) {
            return invalid("a session lasts at most ten years");
        }
        Ok(())
    }
}
