//! The sandbox as a demonstration for people without an account: a user with a stored key, one
//! without keys and with an MFA device, a role above the first, the console's own sign-in,
//! permission sets of an Identity Center, and the configuration that names them.

use super::{MfaDevice, Sandbox, federation};
use crate::error::{Code, Error, Result};
use crate::secret::Keys;
use serde_json::{Value, json};
use std::path::Path;

/// The user with a stored key, and the one without.
pub const READY: &str = "kim";
pub const WITHOUT_KEYS: &str = "robin";
/// A permission set, signed in to in the browser.
pub const IN_THE_BROWSER: &str = "dev-admin";
/// A role by an assertion of the sandbox's identity provider.
pub const BY_ASSERTION: &str = "ops";
/// The console's own sign-in.
pub const AT_THE_CONSOLE: &str = "me";
pub const ROLE: &str = federation::ROLE;

#[derive(Clone, Debug)]
pub struct Demonstration {
    pub url: String,
    /// Of [`READY`].
    pub keys: Keys,
    pub mfa_serial: String,
    pub mfa_code: String,
    pub start_url: String,
}

impl Demonstration {
    pub fn furnish(sandbox: &Sandbox) -> Result<Demonstration> {
        sandbox.add_user(WITHOUT_KEYS)?;
        sandbox.set_mfa(WITHOUT_KEYS, MfaDevice::Enrolled)?;
        let keys = sandbox.keys(READY).into_iter().next();
        Ok(Demonstration {
            url: sandbox.url(),
            keys: keys.ok_or_else(|| {
                Error::new(
                    Code::NoCredentials,
                    format!("the sandbox's {READY} has no key"),
                )
            })?,
            mfa_serial: sandbox.mfa_serial(WITHOUT_KEYS),
            mfa_code: sandbox.settings().mfa_code,
            start_url: sandbox.settings().start_url,
        })
    }

    /// JSON is YAML, and carries every path as it is. The files for AWS tools go below `aws_files`.
    pub fn configuration(&self, realm: &str, keyring: &Value, aws_files: &Path) -> String {
        let spec = json!({ "endpoint_url": self.url, "files": { "base_path": aws_files } });
        let user = |credentials: Value| json!({ "kind": "aws/user", "credentials": credentials, "spec": spec });
        let center = json!({
            "kind": "aws/iam-identity-center",
            "region": "us-east-1",
            "start_url": self.start_url,
            "spec": spec,
        });
        let permission_set = |name: &str, account: &str| {
            json!({
                "kind": "aws/permission-set",
                "via": { "provider": "corp" },
                "principal": { "name": name, "account": { "name": account } },
            })
        };
        let mut ready = user(json!({ "region": "us-east-1" }));
        ready["default"] = true.into();
        let config = json!({ "auth": {
            "realm": realm,
            "keyring": keyring,
            "providers": {
                "corp": center,
                "idp": { "kind": "aws/saml", "region": "us-east-1", "url": format!("{}/saml", self.url), "spec": spec },
            },
            "identities": {
                READY: ready,
                WITHOUT_KEYS: user(json!({ "region": "us-east-1", "mfa_arn": self.mfa_serial })),
                AT_THE_CONSOLE: { "kind": "aws/login", "credentials": { "region": "us-east-1" }, "spec": spec },
                IN_THE_BROWSER: permission_set("AdministratorAccess", "dev"),
                BY_ASSERTION: { "kind": "aws/assume-role", "via": { "provider": "idp" }, "principal": { "assume_role": ROLE } },
                "production": permission_set("ReadOnlyAccess", "production"),
                "deploy": { "kind": "aws/assume-role", "via": { "identity": READY }, "principal": { "assume_role": ROLE } },
            },
        }});
        format!("{config:#}\n")
    }
}
