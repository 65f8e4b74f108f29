//! A sign-in in the browser (OAuth with PKCE), whichever service of AWS's it is at: what proves at
//! the end that it is the same program that began.

use crate::encode::{base64url, percent, random_token};
use crate::secret::Secret;
use aws_smithy_types::base64;
use sha2::{Digest, Sha256};

/// Where a browser is sent back to, on a port of this machine.
pub const REDIRECT_PATH: &str = "/oauth/callback";

pub(super) const AUTHORIZATION_CODE: &str = "authorization_code";
pub(super) const REFRESH_TOKEN: &str = "refresh_token";

#[derive(Debug)]
pub struct AuthorizationRequest {
    pub redirect_uri: String,
    /// Comes back with the code: what has another one is not of this sign-in.
    pub state: Secret,
    pub(super) verifier: Secret,
}

impl AuthorizationRequest {
    pub fn new(redirect_uri: String) -> AuthorizationRequest {
        let random = || Secret::new(random_token::<32>().as_str());
        AuthorizationRequest {
            redirect_uri,
            state: random(),
            verifier: random(),
        }
    }

    /// The page that a person signs in at. `more`: what the service calls by names of its own.
    pub(super) fn page(&self, authorize: &str, client_id: &str, more: [(&str, &str); 2]) -> String {
        let challenge = base64url::encode(&Sha256::digest(self.verifier.expose()));
        let parameters = [
            ("client_id", client_id),
            ("redirect_uri", &self.redirect_uri),
            ("state", self.state.expose()),
            ("code_challenge", &challenge),
        ];
        let all = parameters.into_iter().chain(more);
        let all = all.map(|(name, value)| format!("&{name}={}", percent(value)));
        let all: Vec<String> = all.collect();
        format!("{authorize}?response_type=code{}", all.concat())
    }

    /// In what a person copied: the Base64 of `state=…&code=…`.
    pub fn code_in(&self, text: &Secret) -> Result<Secret, &'static str> {
        let text: String = text.expose().split_ascii_whitespace().collect();
        let pairs = base64::decode(text)
            .ok()
            .and_then(|it| String::from_utf8(it).ok());
        let pairs = pairs.unwrap_or_default();
        let value = |name: &str| {
            let mut pairs = pairs.split('&').filter_map(|pair| pair.split_once('='));
            pairs
                .find(|(key, _)| *key == name)
                .map(|(_, value)| Secret::new(value))
        };
        match (value("state"), value("code")) {
            (Some(state), Some(code)) if state == self.state => Ok(code),
            (Some(_), Some(_)) => Err("this code is of another sign-in: open the address above"),
            (_, _) => Err("this is not the code that the page shows: copy all of it"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_code_of_this_sign_in_is_taken_however_it_was_copied() {
        let request = AuthorizationRequest::new("https://x/confirmation".to_owned());
        let text = |state: &str| base64::encode(format!("state={state}&code=c-1"));
        let own = text(request.state.expose());
        let (start, end) = own.split_at(20);
        for copied in [own.clone(), format!("  {start}\n{end}\n")] {
            let code = request.code_in(&Secret::new(copied));
            assert_eq!(code, Ok(Secret::new("c-1")));
        }
        for other in [
            text("another"),
            start.to_owned(),
            "c-1".to_owned(),
            String::new(),
        ] {
            assert!(request.code_in(&Secret::new(other)).is_err());
        }
    }
}
