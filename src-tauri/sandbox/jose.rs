//! JSON Web Tokens signed with ES256, by the published descriptions (RFC 7515, 7518, 7638).

use crate::encode::base64url;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
    UnparsedPublicKey,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A public key on P-256.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Jwk {
    kty: String,
    crv: String,
    x: String,
    y: String,
}

impl Jwk {
    pub fn read(value: &Value) -> Option<Jwk> {
        let is_private = value.get("d").is_some();
        let key: Jwk = serde_json::from_value(value.clone()).ok()?;
        (key.kty == "EC" && key.crv == "P-256" && !is_private).then_some(key)
    }

    /// Names the key: the same for every way to write it.
    pub fn thumbprint(&self) -> String {
        let Jwk { kty, crv, x, y } = self;
        let text = format!(r#"{{"crv":"{crv}","kty":"{kty}","x":"{x}","y":"{y}"}}"#);
        base64url::encode(&Sha256::digest(text))
    }

    fn verifies(&self, text: &str, signature: &[u8]) -> Option<()> {
        let (x, y) = (base64url::decode(&self.x)?, base64url::decode(&self.y)?);
        let point = [&[4], &x[..], &y].concat();
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
        let lengths = x.len() == 32 && y.len() == 32;
        key.verify(text.as_bytes(), signature)
            .ok()
            .filter(|()| lengths)
    }
}

/// A token taken apart; not verified.
pub(super) struct Jwt<'a> {
    pub header: Value,
    pub claims: Value,
    signed: &'a str,
    signature: Vec<u8>,
}

impl Jwt<'_> {
    pub fn read(text: &str) -> Option<Jwt<'_>> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let json = |part| serde_json::from_slice(&base64url::decode(part)?).ok();
        Some(Jwt {
            header: json(header)?,
            claims: json(claims)?,
            signed,
            signature: base64url::decode(signature)?,
        })
    }

    /// By this key, and by this algorithm only.
    pub fn is_signed_by(&self, key: &Jwk) -> bool {
        self.header["alg"] == "ES256" && key.verifies(self.signed, &self.signature).is_some()
    }

    pub fn claim(&self, name: &str) -> Option<&str> {
        self.claims[name].as_str()
    }
}

/// A key to sign with.
#[derive(Debug)]
pub(super) struct SigningKey(EcdsaKeyPair);

impl SigningKey {
    pub fn new() -> SigningKey {
        let (kind, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let made = EcdsaKeyPair::generate_pkcs8(kind, &random);
        let made = made.expect("every supported system gives random bytes");
        SigningKey(
            EcdsaKeyPair::from_pkcs8(kind, made.as_ref(), &random).expect("it was just made"),
        )
    }

    pub fn public(&self) -> Jwk {
        let (x, y) = self.0.public_key().as_ref()[1..].split_at(32);
        Jwk {
            kty: "EC".to_owned(),
            crv: "P-256".to_owned(),
            x: base64url::encode(x),
            y: base64url::encode(y),
        }
    }

    /// A token of these claims.
    pub fn sign(&self, claims: &Value) -> String {
        let part = |value: &Value| base64url::encode(value.to_string().as_bytes());
        let text = format!(
            "{}.{}",
            part(&json!({ "alg": "ES256", "typ": "JWT" })),
            part(claims)
        );
        let signature = self.0.sign(&SystemRandom::new(), text.as_bytes());
        let signature = signature.expect("every supported system gives random bytes");
        format!("{text}.{}", base64url::encode(signature.as_ref()))
    }
}
