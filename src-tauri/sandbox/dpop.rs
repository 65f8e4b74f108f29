//! Proofs that the caller holds a key (DPoP, RFC 9449): each is good once, for one method and one
//! address, at about the time it was made.

use super::jose::{Jwk, Jwt};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How far a proof's time may be from the sandbox's, either way.
const TOLERANCE: Duration = Duration::from_secs(60);

/// The proofs that were seen lately.
#[derive(Debug, Default)]
pub(super) struct SeenProofs(Vec<(String, SystemTime)>);

/// What a proof must be for.
pub(super) struct ProofFor<'a> {
    pub method: &'a str,
    pub address: &'a str,
    pub now: SystemTime,
}

impl SeenProofs {
    /// The thumbprint of the key, or what is wrong with the proof.
    pub fn check(&mut self, proof: &str, wanted: &ProofFor<'_>) -> Result<String, &'static str> {
        let jwt = Jwt::read(proof).ok_or("it is not a signed token")?;
        if jwt.header["typ"] != "dpop+jwt" || jwt.header["alg"] != "ES256" {
            return Err("its type is not dpop+jwt or its algorithm not ES256");
        }
        let key = Jwk::read(&jwt.header["jwk"]).ok_or("it names no public key on P-256")?;
        if !jwt.is_signed_by(&key) {
            return Err("its signature is not the key's");
        }
        if jwt.claim("htm") != Some(wanted.method) || jwt.claim("htu") != Some(wanted.address) {
            return Err("it was made for another method or address");
        }
        let made_at = jwt.claims["iat"]
            .as_u64()
            .ok_or("it does not say when it was made")?;
        let now = wanted.now.duration_since(UNIX_EPOCH).unwrap_or_default();
        if now.abs_diff(Duration::from_secs(made_at)) > TOLERANCE {
            return Err("it was made too long ago, or is not valid yet");
        }
        let id = jwt.claim("jti").filter(|id| !id.is_empty());
        let id = id.ok_or("it has no id")?;
        self.0.retain(|(_, until)| *until >= wanted.now);
        if self.0.iter().any(|(seen, _)| seen == id) {
            return Err("it was used before");
        }
        self.0.push((id.to_owned(), wanted.now + TOLERANCE * 2));
        Ok(key.thumbprint())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9449, section 4.1: a proof for a token request.
    const PUBLISHED: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";

    fn check(seen: &mut SeenProofs, address: &str, seconds: u64) -> Result<String, &'static str> {
        let wanted = ProofFor {
            method: "POST",
            address,
            now: UNIX_EPOCH + Duration::from_secs(seconds),
        };
        seen.check(PUBLISHED, &wanted)
    }

    #[test]
    fn the_published_proof_is_good_once_at_its_address_and_time() {
        let seen = &mut SeenProofs::default();
        let address = "https://server.example.com/token";
        for (elsewhere, seconds) in [
            ("https://server.example.com/other", 1_562_262_616),
            (address, 1_562_262_616 + 61),
            (address, 1_562_262_616 - 61),
        ] {
            assert!(check(seen, elsewhere, seconds).is_err());
        }
        // RFC 9449, section 6.1.
        assert_eq!(
            check(seen, address, 1_562_262_616 - 60).as_deref(),
            Ok("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I")
        );
        for seconds in [1_562_262_616 - 60, 1_562_262_616 + 60] {
            assert_eq!(check(seen, address, seconds), Err("it was used before"));
        }
        let changed = PUBLISHED.replace("eyJqdGkiOiIt", "eyJqdGkiOiJ4");
        let wanted = ProofFor {
            method: "POST",
            address,
            now: UNIX_EPOCH,
        };
        assert_eq!(
            seen.check(&changed, &wanted),
            Err("its signature is not the key's")
        );
    }
}
