//! Settings of the simulated AWS: how long its sessions and sign-ins last, its MFA code, the codes
//! of its errors, the accounts that its Identity Center knows.

use crate::error::{Code, Error, Result, shorten};
use crate::ids::AccountId;
use serde::{Deserialize, Serialize};

/// Of a session and of everything else that ends.
const LONGEST: u64 = 10 * 366 * 24 * 3600;

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
    /// Of the one Identity Center there is.
    pub start_url: String,
    /// What is assigned to everybody who signs in there.
    pub accounts: Vec<SandboxAccount>,
    /// The length of an access token; an hour if it is not set.
    pub token_seconds: Option<u64>,
    /// How long a sign-in can be renewed; eight hours in Identity Center if it is not set.
    pub sign_in_seconds: Option<u64>,
    /// How long a client stays registered; ninety days if it is not set.
    pub registration_seconds: Option<u64>,
    /// More calls of ListAccountRoles within a second are refused; none if it is not set.
    pub roles_calls_a_second: Option<u32>,
    /// How long it takes until an access key that IAM has made is known; at once if it is not set.
    pub key_delay_seconds: Option<u64>,
}

/// An account of the organisation with the names of its permission sets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SandboxAccount {
    pub id: String,
    pub name: String,
    pub roles: Vec<String>,
}

impl SandboxAccount {
    pub fn new(id: impl Into<String>, name: impl Into<String>, roles: &[&str]) -> SandboxAccount {
        SandboxAccount {
            id: id.into(),
            name: name.into(),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        }
    }
}

impl Default for SandboxSettings {
    fn default() -> SandboxSettings {
        SandboxSettings {
            session_seconds: None,
            mfa_code: "123456".to_owned(),
            expired_code: ExpiredCode::default(),
            skew_code: SkewCode::default(),
            start_url: "https://sandbox.awsapps.com/start".to_owned(),
            accounts: vec![
                SandboxAccount::new(
                    "420000000025",
                    "dev",
                    &["AdministratorAccess", "ReadOnlyAccess"],
                ),
                SandboxAccount::new("420000000026", "production", &["ReadOnlyAccess"]),
                SandboxAccount::new("012345678901", "archive", &["ReadOnlyAccess"]),
            ],
            token_seconds: None,
            sign_in_seconds: None,
            registration_seconds: None,
            roles_calls_a_second: None,
            key_delay_seconds: None,
        }
    }
}

impl SandboxSettings {
    pub(super) fn check(&self) -> Result<()> {
        let invalid = |message| Err(Error::new(Code::InvalidInput, message));
        if self.mfa_code.len() != 6 || !self.mfa_code.bytes().all(|b| b.is_ascii_digit()) {
            return invalid("an MFA code is six digits");
        }
        let lives = [
            self.session_seconds,
            self.token_seconds,
            self.sign_in_seconds,
            self.registration_seconds,
        ];
        if lives.into_iter().flatten().any(|life| life > LONGEST) {
            return invalid("nothing lasts longer than ten years");
        }
        for SandboxAccount { id, .. } in &self.accounts {
            if id.parse::<AccountId>().is_err() {
                let problem = format!(
                    "`{}` is not the id of an account: twelve digits",
                    shorten(id)
                );
                return Err(Error::new(Code::InvalidInput, problem));
            }
        }
        Ok(())
    }
}

/// As it is compared: upper case in the host, a `/` or a `#` at the end make no difference.
pub(super) fn start_url(text: &str) -> String {
    let text = text.trim_end_matches(['/', '#']);
    text.to_ascii_lowercase()
}
