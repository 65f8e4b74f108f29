//! The sandbox as the app runs it: an AWS in this process, with a configuration and files in a
//! private folder and a keyring in memory. All of it goes when it is dropped.

use crate::snapshot::SandboxInfo;
use keyfob_core::agent::api::TypedKeys;
use keyfob_core::clock::Clock;
use keyfob_core::environment::Environment;
use keyfob_core::error::{Code, Error, Result};
use keyfob_core::files::TemporaryFolder;
use keyfob_core::sandbox::Sandbox;
use keyfob_core::sandbox::demonstration::{Demonstration, READY, WITHOUT_KEYS};
use std::path::PathBuf;

pub struct AppSandbox {
    sandbox: Sandbox,
    demonstration: Demonstration,
    /// Configuration and files.
    folder: TemporaryFolder,
    /// Locks, marks and the audit log of its realm.
    state: PathBuf,
}

impl AppSandbox {
    /// Needs a tokio runtime around it.
    pub fn start(environment: &Environment) -> Result<AppSandbox> {
        let folder = TemporaryFolder::create("keyfob-sandbox-", &std::env::temp_dir())?;
        let sandbox = Sandbox::start(Clock::system())?;
        let demonstration = Demonstration::furnish(&sandbox)?;
        // Another one may be running.
        let realm = format!("sandbox-{}", std::process::id());
        let state = environment.state_folder()?.join(&realm);
        let keyring = serde_json::json!({ "type": "memory" });
        let text = demonstration.configuration(&realm, &keyring, &folder.path().join("aws"));
        let running = AppSandbox {
            sandbox,
            demonstration,
            folder,
            state,
        };
        let config = running.config();
        std::fs::write(&config, text).map_err(|cause| Error::file(&config, "write", &cause))?;
        Ok(running)
    }

    pub fn config(&self) -> PathBuf {
        self.folder.path().join("config.yaml")
    }

    pub fn info(&self) -> SandboxInfo {
        SandboxInfo {
            url: self.demonstration.url.clone(),
            mfa_code: self.demonstration.mfa_code.clone(),
            users: vec![READY.to_owned(), WITHOUT_KEYS.to_owned()],
        }
    }

    /// The identity that has keys from the start, and these.
    pub fn keys(&self) -> (String, TypedKeys) {
        let keys = &self.demonstration.keys;
        let keys = TypedKeys {
            access_key_id: keys.access_key_id.as_str().to_owned(),
            secret_access_key: keys.secret_access_key.clone().into(),
            mfa_arn: None,
            session_duration: None,
            file: None,
        };
        (READY.to_owned(), keys)
    }

    /// Deletes the user's access keys, as an administrator does at AWS.
    pub fn revoke(&self, user: &str) -> Result<()> {
        let keys = self.sandbox.keys(known(user)?);
        if keys.is_empty() {
            let message = format!("{user} has no access key in the sandbox");
            return Err(Error::new(Code::InvalidInput, message).hint("create a new one first"));
        }
        keys.iter()
            .try_for_each(|keys| self.sandbox.revoke_key(&keys.access_key_id))
    }

    /// A new access key, as the CSV file that AWS hands out. A user has two at most: the oldest
    /// goes.
    pub fn new_key(&self, user: &str) -> Result<zeroize::Zeroizing<String>> {
        let user = known(user)?;
        if let [oldest, _, ..] = self.sandbox.keys(user).as_slice() {
            self.sandbox.revoke_key(&oldest.access_key_id)?;
        }
        let keys = self.sandbox.create_key(user)?;
        let line = format!(
            "{},{}",
            keys.access_key_id.as_str(),
            keys.secret_access_key.expose()
        );
        Ok(zeroize::Zeroizing::new(format!(
            "Access key ID,Secret access key\n{line}\n"
        )))
    }
}

impl Drop for AppSandbox {
    fn drop(&mut self) {
        // What cannot be removed holds no secret.
        let _ = std::fs::remove_dir_all(&self.state);
    }
}

fn known(user: &str) -> Result<&str> {
    [READY, WITHOUT_KEYS]
        .into_iter()
        .find(|it| *it == user)
        .ok_or_else(|| {
            Error::new(Code::InvalidInput, "the sandbox has no such user")
                .hint(format!("users: {READY}, {WITHOUT_KEYS}"))
        })
}
