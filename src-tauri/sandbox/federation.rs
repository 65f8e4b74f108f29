//! Callers that an identity provider vouches for, by an assertion (SAML) or a token (OpenID
//! Connect) instead of a signature. Tokens are those that the sandbox itself gives out.

use super::answer::HttpAnswer;
use super::identity_center::PERSON;
use super::jose::Jwt;
use super::pages;
use super::protocol::{escape, timestamp};
use super::refusal::AwsRefusal;
use super::request::Incoming;
use super::simulated_aws::{
    Federated, MfaProof, RoleArn, SimulatedAws, Standing, VerifiedCaller, seconds_since_epoch,
};
use crate::saml::{AUDIENCES, LONGEST_ASSERTION, SamlAssertion};
use aws_smithy_types::base64;
use std::time::{Duration, SystemTime};

type Result<T> = std::result::Result<T, AwsRefusal>;

const LONGEST_TOKEN: usize = 20_000;
const ASSERTION_LIFE: Duration = Duration::from_secs(300);
const ISSUER: &str = "https://idp.sandbox.example";
pub(super) const AUDIENCE: &str = "sts.amazonaws.com";

/// What a person gets at the sandbox's identity provider.
pub(super) const ROLE: &str = "arn:aws:iam::420000000025:role/deploy";
/// Where a person signs in at the sandbox's identity provider.
pub(super) const PAGE: &str = "/saml";

/// Its form goes to AWS itself, as every identity provider's does: only a window that catches it
/// makes something of it.
pub(super) fn page(now: SystemTime) -> HttpAnswer {
    let (title, aws) = ("Identity provider of the sandbox", AUDIENCES[0]);
    let assertion = assertion(ROLE, PERSON, now);
    pages::page(
        title,
        &format!(
            "<h1>{title}</h1><p>{PERSON} signs in to AWS.</p>\
             <form method=\"post\" action=\"{aws}\">\
             <input type=\"hidden\" name=\"SAMLResponse\" value=\"{assertion}\">\
             <p><button autofocus>Sign in</button></p></form>"
        ),
    )
}

/// What an identity provider posts to AWS in SAMLResponse, for a role and its five minutes.
pub(super) fn assertion(role: &str, person: &str, now: SystemTime) -> String {
    let end = timestamp(now + ASSERTION_LIFE);
    let account = RoleArn::parse(role).map_or("", |role| role.account);
    let pair = escape(&format!(
        "{role},arn:aws:iam::{account}:saml-provider/sandbox"
    ));
    let audience = AUDIENCES[0];
    let attribute = |name: &str, value: &str| {
        format!(
            "<saml:Attribute Name=\"https://aws.amazon.com/SAML/Attributes/{name}\">\
             <saml:AttributeValue>{value}</saml:AttributeValue></saml:Attribute>"
        )
    };
    let attributes = attribute("Role", &pair) + &attribute("RoleSessionName", person);
    base64::encode(format!(
        "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
         xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"><saml:Assertion>\
         <saml:Issuer>{ISSUER}</saml:Issuer>\
         <ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">\
         <ds:SignatureValue>sandbox</ds:SignatureValue></ds:Signature>\
         <saml:Subject><saml:NameID>{person}</saml:NameID></saml:Subject>\
         <saml:Conditions NotOnOrAfter=\"{end}\"><saml:AudienceRestriction>\
         <saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>\
         <saml:AttributeStatement>{attributes}</saml:AttributeStatement>\
         </saml:Assertion></samlp:Response>"
    ))
}

/// AssumeRoleWithSAML.
pub(super) fn by_assertion(incoming: &Incoming, now: SystemTime) -> Result<VerifiedCaller> {
    let (role, provider) = (
        incoming.required("RoleArn")?,
        incoming.required("PrincipalArn")?,
    );
    let encoded = at_most(incoming, "SAMLAssertion", LONGEST_ASSERTION)?;
    let assertion =
        SamlAssertion::read(encoded).ok_or_else(|| invalid("Invalid base64 SAMLResponse"))?;
    if assertion.is_encrypted {
        return Err(invalid(
            "Invalid assertion: no private key of the provider decrypts it",
        ));
    }
    if !assertion.is_signed {
        return Err(invalid("Response signature invalid"));
    }
    let is_early = assertion.not_before.is_some_and(|from| now < from);
    if is_early || assertion.not_on_or_after.is_none_or(|until| until <= now) {
        return Err(expired(
            "Token must be redeemed within 5 minutes of issuance",
        ));
    }
    if !assertion
        .audiences
        .iter()
        .any(|it| AUDIENCES.contains(&it.as_str()))
    {
        return Err(invalid("Response does not contain the required audience"));
    }
    let mut pairs = assertion.roles();
    if !pairs.any(|it| it.role == role && it.provider == provider) {
        return Err(invalid(
            "SAML Assertion doesn't contain the requested Role and Metadata in the attributes",
        ));
    }
    let name = assertion.session_name.as_deref();
    let name = name.ok_or_else(|| invalid("RoleSessionName is required in AuthnResponse"))?;
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b);
    if !(2..=64).contains(&name.len()) || !name.bytes().all(fits) {
        return Err(invalid(
            "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}",
        ));
    }
    let says = [
        ("Subject", assertion.subject.as_str()),
        ("SubjectType", "persistent"),
        ("Issuer", &assertion.issuer),
        ("Audience", &assertion.recipient),
    ];
    Ok(vouched_for(
        provider,
        Federated {
            session_name: name.to_owned(),
            ends_at: assertion.session_ends_at,
            says: elements(&says),
        },
    ))
}

/// AssumeRoleWithWebIdentity.
pub(super) fn by_token(
    aws: &SimulatedAws,
    incoming: &Incoming,
    now: SystemTime,
) -> Result<VerifiedCaller> {
    let (role, name) = (incoming.required("RoleArn")?, incoming.session_name()?);
    let token = at_most(incoming, "WebIdentityToken", LONGEST_TOKEN)?;
    let not_a_token = "The ID Token provided is not a valid JWT. (You may see this error if you \
        sent an Access Token)";
    let jwt = Jwt::read(token).ok_or_else(|| invalid(not_a_token))?;
    let claim = |name| jwt.claim(name).ok_or_else(|| invalid(not_a_token));
    let (issuer, subject) = (claim("iss")?, claim("sub")?);
    let provider = &aws.identity_provider;
    if issuer != provider.issuer {
        let issuer = escape(issuer);
        return Err(invalid(format!(
            "No OpenIDConnect provider found in your account for {issuer}"
        )));
    }
    if !jwt.is_signed_by(&provider.key.public()) {
        return Err(invalid(
            "Couldn't retrieve verification key from your identity provider",
        ));
    }
    if jwt.claim("aud") != Some(AUDIENCE) {
        return Err(invalid("Incorrect token audience"));
    }
    let ends = jwt.claims["exp"]
        .as_u64()
        .ok_or_else(|| invalid(not_a_token))?;
    let now = seconds_since_epoch(now);
    if ends <= now {
        return Err(expired(format!(
            "Token expired: current date/time {now} must be before the expiration date/time {ends}"
        )));
    }
    let account = RoleArn::parse(role).map_or("", |role| role.account);
    let host = issuer.trim_start_matches("http://");
    let arn = format!("arn:aws:iam::{account}:oidc-provider/{host}");
    let says = [
        ("SubjectFromWebIdentityToken", subject),
        ("Provider", arn.as_str()),
        ("Audience", AUDIENCE),
    ];
    Ok(vouched_for(
        &arn,
        Federated {
            session_name: name.to_owned(),
            ends_at: None,
            says: elements(&says),
        },
    ))
}

/// Of no account: the trust in an account's root is not meant for it.
fn vouched_for(provider: &str, by: Federated) -> VerifiedCaller {
    VerifiedCaller {
        arn: provider.to_owned(),
        id: String::new(),
        account: String::new(),
        standing: Standing::Federated(by),
        proof: MfaProof::None,
    }
}

fn elements(named: &[(&str, &str)]) -> String {
    let element = |(name, text): &(&str, &str)| format!("<{name}>{}</{name}>", escape(text));
    named.iter().map(element).collect::<Vec<_>>().concat()
}

fn at_most<'a>(incoming: &'a Incoming, name: &str, longest: usize) -> Result<&'a str> {
    let text = incoming.required(name)?;
    if text.len() <= longest {
        return Ok(text);
    }
    let rule = format!("have length less than or equal to {longest}");
    Err(AwsRefusal::constraint(name, None, &rule))
}

fn invalid(message: impl Into<String>) -> AwsRefusal {
    AwsRefusal::new(400, "InvalidIdentityToken", message)
}

fn expired(message: impl Into<String>) -> AwsRefusal {
    AwsRefusal::new(400, "ExpiredTokenException", message)
}
