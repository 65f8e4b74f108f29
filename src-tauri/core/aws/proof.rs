//! Proofs that this machine holds the key that a sign-in is bound to (DPoP, RFC 9449): each is for
//! one call, made at that moment.

use crate::clock::Clock;
use crate::encode::{base64url, random_token};
use crate::secret::Secret;
use aws_smithy_types::base64;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::json;
use std::time::SystemTime;
use zeroize::Zeroizing;

/// A new key on P-256: PKCS #8 in Base64.
pub(super) fn new_key() -> Secret {
    let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
    let made = made.expect("every supported system gives random bytes");
    Secret::new(base64::encode(made.as_ref()))
}

/// For a `POST` to this address. `None`: what is stored is no key.
pub(super) fn proof(key: &Secret, address: &str, clock: &Clock) -> Option<String> {
    let random = SystemRandom::new();
    let stored = Zeroizing::new(base64::decode(key.expose()).ok()?);
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &stored, &random).ok()?;
    let (x, y) = key.public_key().as_ref().get(1..)?.split_at_checked(32)?;
    let (x, y) = (base64url::encode(x), base64url::encode(y));
    let header = json!({
        "typ": "dpop+jwt",
        "alg": "ES256",
        "jwk": { "kty": "EC", "crv": "P-256", "x": x, "y": y },
    });
    let made_at = clock.now().duration_since(SystemTime::UNIX_EPOCH);
    let claims = json!({
        "jti": random_token::<16>().as_str(),
        "htm": "POST",
        "htu": address,
        "iat": made_at.unwrap_or_default().as_secs(),
    });
    let [header, claims] = [header, claims].map(|it| base64url::encode(it.to_string().as_bytes()));
    let text = format!("{header}.{claims}");
    let signature = key.sign(&random, text.as_bytes()).ok()?;
    Some(format!("{text}.{}", base64url::encode(signature.as_ref())))
}
