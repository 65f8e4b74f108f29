//! Sign-ins as OAuth keeps them. A code is good once: for its client, its redirect and the holder
//! of its verifier. So is a refresh token, and one that is used again ends its sign-in.

use super::random;
use crate::encode::base64url;
use crate::secret::Secret;
use sha2::{Digest, Sha256};
use std::time::{Duration, SystemTime};
use subtle::ConstantTimeEq;

pub(super) const CODE_LIFE: Duration = Duration::from_secs(10 * 60);

/// What was agreed to in a browser.
#[derive(Clone, Debug)]
pub(super) struct Agreement {
    pub client_id: String,
    pub redirect_uri: String,
    /// Of the verifier, by S256.
    pub challenge: String,
    /// Who agreed.
    pub principal: String,
}

/// Who may renew a sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    pub client_id: String,
    /// The thumbprint of its key, where one is proved.
    pub key: Option<String>,
}

#[derive(Debug)]
pub(super) struct SandboxSignIn {
    pub holder: Holder,
    pub principal: String,
    pub ends_at: SystemTime,
    /// Good for the next renewal; none if the client may not renew.
    refresh: Option<Secret>,
    spent: Vec<Secret>,
    /// With their ends.
    bearers: Vec<(Secret, SystemTime)>,
}

/// A code with what proves that it was meant for its bearer.
pub(super) struct Redemption<'a> {
    pub code: &'a str,
    pub client_id: &'a str,
    pub redirect_uri: &'a str,
    pub verifier: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoGrant {
    /// Unknown, used before, or, of a code, for another client, redirect or verifier.
    Invalid,
    /// A refresh token of another client or key.
    OfAnother,
    Expired,
}

#[derive(Debug, Default)]
pub(super) struct Grants {
    codes: Vec<(Secret, Agreement, SystemTime)>,
    sign_ins: Vec<SandboxSignIn>,
}

impl Grants {
    /// A code for it.
    pub fn agreed(&mut self, agreement: Agreement, now: SystemTime) -> Secret {
        let code = random::token("");
        self.codes.push((code.clone(), agreement, now + CODE_LIFE));
        code
    }

    pub fn redeem(
        &mut self,
        redemption: &Redemption<'_>,
        now: SystemTime,
    ) -> Result<Agreement, NoGrant> {
        let is_it = |(code, ..): &(Secret, Agreement, SystemTime)| is(code, redemption.code);
        let at = self.codes.iter().position(is_it).ok_or(NoGrant::Invalid)?;
        let (_, agreement, until) = self.codes.swap_remove(at);
        let fits = agreement.client_id == redemption.client_id
            && agreement.redirect_uri == redemption.redirect_uri
            && agreement.challenge == challenge(redemption.verifier);
        match fits {
            false => Err(NoGrant::Invalid),
            true if until <= now => Err(NoGrant::Expired),
            true => Ok(agreement),
        }
    }

    pub fn open(
        &mut self,
        holder: Holder,
        principal: &str,
        ends_at: SystemTime,
    ) -> &mut SandboxSignIn {
        self.sign_ins.push(SandboxSignIn {
            holder,
            principal: principal.to_owned(),
            ends_at,
            refresh: None,
            spent: Vec::new(),
            bearers: Vec::new(),
        });
        self.sign_ins.last_mut().expect("it was just added")
    }

    /// The sign-in of a refresh token, which is spent by it.
    pub fn renew(
        &mut self,
        refresh: &str,
        holder: &Holder,
        now: SystemTime,
    ) -> Result<&mut SandboxSignIn, NoGrant> {
        let mut sign_ins = self.sign_ins.iter();
        let at = sign_ins.position(|sign_in| sign_in.knows(refresh));
        let at = at.ok_or(NoGrant::Invalid)?;
        let sign_in = &mut self.sign_ins[at];
        if sign_in.holder != *holder {
            return Err(NoGrant::OfAnother);
        }
        if sign_in.spent.iter().any(|token| is(token, refresh)) {
            self.sign_ins.swap_remove(at);
            return Err(NoGrant::Invalid);
        }
        if sign_in.ends_at <= now {
            return Err(NoGrant::Expired);
        }
        sign_in.spent.extend(sign_in.refresh.take());
        Ok(&mut self.sign_ins[at])
    }

    /// Ends the sign-in of a refresh token, if its principal may.
    pub fn revoke(&mut self, refresh: &str, may: impl Fn(&str) -> bool) {
        self.sign_ins
            .retain(|sign_in| !(sign_in.knows(refresh) && may(&sign_in.principal)));
    }

    /// The sign-in of an access token.
    pub fn bearer(&self, token: &str, now: SystemTime) -> Option<&SandboxSignIn> {
        self.sign_ins.iter().find(|sign_in| {
            let mut bearers = sign_in.bearers.iter();
            bearers.any(|(bearer, until)| is(bearer, token) && *until > now)
        })
    }

    pub fn sign_ins(&self) -> impl Iterator<Item = &SandboxSignIn> {
        self.sign_ins.iter()
    }

    /// Ends all sign-ins and returns how many there were.
    pub fn end(&mut self) -> usize {
        std::mem::take(&mut self.sign_ins).len()
    }
}

impl SandboxSignIn {
    fn knows(&self, refresh: &str) -> bool {
        let mut tokens = self.spent.iter().chain(&self.refresh);
        tokens.any(|token| is(token, refresh))
    }

    pub fn new_refresh_token(&mut self, prefix: &str) -> &Secret {
        self.refresh.insert(random::token(prefix))
    }

    /// With its life, which ends no later than the sign-in.
    pub fn new_bearer(&mut self, life: Duration, now: SystemTime) -> (&Secret, Duration) {
        let left = self.ends_at.duration_since(now).unwrap_or_default();
        let life = life.min(left);
        self.bearers.retain(|(_, until)| *until > now);
        self.bearers.push((random::token("aoa"), now + life));
        let (bearer, _) = self.bearers.last().expect("it was just added");
        (bearer, life)
    }
}

/// RFC 7636, S256.
fn challenge(verifier: &str) -> String {
    base64url::encode(&Sha256::digest(verifier))
}

pub(super) fn is(secret: &Secret, presented: &str) -> bool {
    bool::from(secret.expose().as_bytes().ct_eq(presented.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_the_one_that_the_standard_publishes() {
        assert_eq!(
            challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }
}
