//! The other end of the control interface, blocking and without any HTTP library: for the CLI and
//! for tests that drive a sandbox in another process. Speaks to loopback only.

use super::control::{
    Asserted, ControlFailure, CreatedKey, Journalled, OfPrincipal, OfRole, OfUser, PREFIX, Revoked,
    SandboxState,
};
use super::faults::FaultSwitch;
use super::journal::RecordedCall;
use super::settings::SandboxSettings;
use crate::error::{Code, Error, Result, shorten};
use crate::ids::AccessKeyId;
use crate::secret::{Keys, SecretAccessKey};
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(5);
const LONGEST_ANSWER: u64 = 256 * 1024 * 1024;

/// Controls a running sandbox.
#[derive(Clone, Copy, Debug)]
pub struct SandboxClient {
    address: SocketAddr,
}

impl SandboxClient {
    /// `url` as [`super::Sandbox::url`] gives it. Nothing is sent yet.
    pub fn at(url: &str) -> Result<SandboxClient> {
        let address = url
            .strip_prefix("http://")
            .map(|rest| rest.trim_end_matches('/'))
            .and_then(|it| it.parse().ok());
        match address {
            Some(address) if SocketAddr::ip(&address).is_loopback() => {
                Ok(SandboxClient { address })
            }
            Some(_) | None => Err(Error::new(
                Code::InvalidInput,
                format!("`{}` is not the address of a sandbox", shorten(url)),
            )
            .hint("a sandbox's address looks like http://127.0.0.1:4566")),
        }
    }

    pub fn state(&self) -> Result<SandboxState> {
        self.request("GET", "state", &())
    }

    pub fn journal(&self) -> Result<Vec<RecordedCall>> {
        self.request("GET", "journal", &())
            .map(|Journalled { calls }| calls)
    }

    pub fn clear_journal(&self) -> Result<()> {
        self.send("DELETE", "journal", &())
    }

    pub fn inject(&self, switch: &FaultSwitch) -> Result<()> {
        self.send("POST", "faults", switch)
    }

    pub fn clear_faults(&self) -> Result<()> {
        self.send("DELETE", "faults", &())
    }

    pub fn create_key(&self, user: &str) -> Result<Keys> {
        let created: CreatedKey = self.request(
            "POST",
            "keys",
            &OfUser {
                user: user.to_owned(),
            },
        )?;
        Ok(Keys {
            access_key_id: AccessKeyId::parse(&created.access_key_id)?,
            secret_access_key: SecretAccessKey::parse(&created.secret_access_key)?,
        })
    }

    pub fn revoke_key(&self, id: &AccessKeyId) -> Result<()> {
        self.send("DELETE", &format!("keys/{}", id.as_str()), &())
    }

    /// See [`super::Sandbox::revoke_sessions`].
    pub fn revoke_sessions(&self, principal: &str) -> Result<usize> {
        let principal = OfPrincipal {
            principal: principal.to_owned(),
        };
        self.request("POST", "sessions/revoke", &principal)
            .map(|Revoked { revoked }| revoked)
    }

    /// What its identity provider posts to AWS for a role.
    pub fn assertion(&self, role: &str) -> Result<String> {
        let role = OfRole {
            role: role.to_owned(),
        };
        self.request("POST", "assertion", &role)
            .map(|Asserted { assertion }| assertion)
    }

    /// See [`super::Sandbox::revoke_sign_ins`].
    pub fn revoke_sign_ins(&self) -> Result<usize> {
        self.request("POST", "sign-ins/revoke", &())
            .map(|Revoked { revoked }| revoked)
    }

    pub fn set_settings(&self, settings: &SandboxSettings) -> Result<()> {
        self.send("PUT", "settings", settings)
    }

    fn send(&self, method: &str, path: &str, body: &impl Serialize) -> Result<()> {
        self.request::<IgnoredAny>(method, path, body).map(|_| ())
    }

    fn request<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T> {
        let strange = || {
            Error::new(
                Code::Network,
                format!("what answers at {} is not a sandbox", self.address),
            )
            .hint("start one with `fob sandbox`")
        };
        let body = serde_json::to_string(body).map_err(|cause| {
            Error::new(
                Code::InvalidInput,
                format!("this cannot be sent to a sandbox: {cause}"),
            )
        })?;
        let answer = self.exchange(method, path, &body).map_err(|cause| {
            Error::new(
                Code::Network,
                format!("the sandbox at {} does not answer: {cause}", self.address),
            )
            .hint("start one with `fob sandbox`")
        })?;
        let text = std::str::from_utf8(&answer).map_err(|_| strange())?;
        let (head, body) = text.split_once("\r\n\r\n").ok_or_else(strange)?;
        if head.starts_with("HTTP/1.1 200 ") {
            return serde_json::from_str(body).map_err(|_| strange());
        }
        let ControlFailure { error } = serde_json::from_str(body).map_err(|_| strange())?;
        Err(error)
    }

    /// One request, one connection, one answer whole.
    fn exchange(&self, method: &str, path: &str, body: &str) -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect_timeout(&self.address, TIMEOUT)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        let request = format!(
            "{method} {PREFIX}{path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: \
             application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.take(LONGEST_ANSWER).read_to_end(&mut answer)?;
        Ok(answer)
    }
}
