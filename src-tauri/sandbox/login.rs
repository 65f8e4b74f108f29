//! The console's sign-in for programs (`aws login`): a page that asks who it is, tokens that are
//! sessions, bound to a key by a proof, and their renewal and revocation.

use super::answer::HttpAnswer;
use super::authentication::authenticate;
use super::consent::{ConsentRequest, on_loopback};
use super::dpop::ProofFor;
use super::grants::{Holder, NoGrant};
use super::pages;
use super::protocol::escape;
use super::refusal::AwsRefusal;
use super::rest::{RestCall, TokenRequest};
use super::simulated_aws::{
    MfaDevice, MfaProof, SimulatedAws, Standing, VerifiedCaller, seconds_since_epoch,
};
use crate::secret::{Secret, on_the_wire};
use aws_smithy_types::base64;
use serde::Deserialize;
use serde_json::json;
use std::time::{Duration, SystemTime};

type Result<T> = std::result::Result<T, AwsRefusal>;

const TITLE: &str = "Console sign-in of the sandbox";
const SAME_DEVICE: &str = "arn:aws:signin:::devtools/same-device";
const CROSS_DEVICE: &str = "arn:aws:signin:::devtools/cross-device";
const CALLBACK: &str = "127.0.0.1/oauth/callback";
const CONFIRMATION: &str = "/v1/sessions/confirmation";
const SERVICE: &str = "signin";
const SESSION: Duration = Duration::from_secs(15 * 60);
const SIGN_IN_LIFE: Duration = Duration::from_secs(12 * 3600);

#[derive(Deserialize)]
struct LoginRevocation {
    #[serde(deserialize_with = "on_the_wire::deserialize")]
    token: Secret,
}

/// The page that asks who signs in. A client or redirect it does not know gets no redirect at all.
pub(super) fn authorize(aws: &mut SimulatedAws, call: &RestCall<'_>) -> Result<HttpAnswer> {
    let asked = ConsentRequest::read(call.incoming)?;
    let is_known = match asked.client_id {
        SAME_DEVICE => on_loopback(asked.redirect_uri).as_deref() == Some(CALLBACK),
        CROSS_DEVICE => asked.redirect_uri == format!("{}{CONFIRMATION}", call.url),
        _ => false,
    };
    if !is_known {
        return Err(invalid("The client or its redirect is unknown"));
    }
    if let Some(problem) = asked.problem("SHA-256") {
        return Ok(asked.back("error", problem));
    }
    if call.incoming.parameter("scope") != Some("openid") {
        return Ok(asked.back("error", "invalid_scope"));
    }
    let people = people(aws);
    if !asked.is_answered() {
        let option = |person: &VerifiedCaller| format!("<option>{}</option>", escape(&person.arn));
        let options: String = people.iter().map(option).collect();
        let field =
            format!("<p><label>As <select name=\"principal\">{options}</select></label></p>");
        let text = "A program on this computer asks for your access to AWS.";
        return Ok(pages::question(TITLE, text, &field, "Sign in"));
    }
    let chosen = call.incoming.parameter("principal");
    let person = match chosen {
        Some(arn) => people.iter().find(|person| person.arn == arn),
        None => people.first(),
    };
    let arn = &person
        .ok_or_else(|| invalid("There is nobody of this name"))?
        .arn;
    let code = aws.login.agreed(asked.agreed_by(arn), call.now);
    Ok(asked.back("code", code.expose()).by(Some(arn.clone())))
}

/// Where a browser on another device ends: it shows what the person pastes.
pub(super) fn confirmation(call: &RestCall<'_>) -> Result<HttpAnswer> {
    let parameters = call.incoming.parameters.as_ref().map_err(Clone::clone)?;
    if let Some(error) = parameters.get("error") {
        return Ok(pages::notice(TITLE, &format!("There is no code: {error}.")));
    }
    let (Some(state), Some(code)) = (parameters.get("state"), parameters.get("code")) else {
        return Err(invalid("There is no code"));
    };
    let pasted = base64::encode(format!("state={state}&code={code}"));
    let body =
        format!("<h1>{TITLE}</h1><p>Paste this into the program:</p><p><code>{pasted}</code></p>");
    Ok(pages::page(TITLE, &body))
}

pub(super) fn create_token(aws: &mut SimulatedAws, call: &RestCall<'_>) -> Result<HttpAnswer> {
    let asked: TokenRequest = call
        .read()
        .ok_or_else(|| invalid("The request is malformed"))?;
    if ![SAME_DEVICE, CROSS_DEVICE].contains(&asked.client_id.as_str()) {
        return Err(refusal("invalid_client", "The client is unknown"));
    }
    let holder = Holder {
        client_id: asked.client_id.clone(),
        key: Some(prove(aws, call)?),
    };
    let now = call.now;
    let life = aws
        .settings()
        .sign_in_seconds
        .map_or(SIGN_IN_LIFE, Duration::from_secs);
    let grants = &mut aws.login;
    let missing = || invalid("A parameter of this grant type is missing");
    let sign_in = match asked.grant_type.as_str() {
        "authorization_code" => {
            let redemption = asked.redemption().ok_or_else(missing)?;
            let agreed = grants.redeem(&redemption, now).map_err(no_code)?;
            grants.open(holder, &agreed.principal, now + life)
        }
        "refresh_token" => {
            let token = asked.refresh_token.as_ref().ok_or_else(missing)?;
            let renewed = grants.renew(token.expose(), &holder, now);
            renewed.map_err(no_renewal)?
        }
        _ => {
            return Err(refusal(
                "unsupported_grant_type",
                "The grant type is unknown",
            ));
        }
    };
    let refresh = sign_in.new_refresh_token("ASOR").clone();
    let (arn, ends_at) = (sign_in.principal.clone(), sign_in.ends_at);
    let mut body = session(aws, &arn, ends_at, now)?;
    body["refreshToken"] = refresh.expose().into();
    if asked.grant_type == "authorization_code" {
        body["idToken"] = id_token(aws, &arn, &asked.client_id, now).into();
    }
    Ok(HttpAnswer::json(&body).by(Some(arn)))
}

/// Signed with the session that the sign-in led to. An unknown token counts as revoked.
pub(super) fn revoke(aws: &mut SimulatedAws, call: &RestCall<'_>) -> Result<HttpAnswer> {
    let caller = authenticate(aws, call.incoming, SERVICE, call.now)?;
    let asked: LoginRevocation = call
        .read()
        .ok_or_else(|| invalid("The request is malformed"))?;
    if call.incoming.head.uri.query() != Some("x-amz-client-auth-method=iam") {
        return Err(invalid("The client must authenticate with IAM"));
    }
    let is_its_own = |principal: &str| principal == caller.arn;
    aws.login.revoke(asked.token.expose(), is_its_own);
    Ok(HttpAnswer::new("application/json", String::new()).by(Some(caller.arn)))
}

/// The thumbprint of the key that the caller proves to hold.
fn prove(aws: &mut SimulatedAws, call: &RestCall<'_>) -> Result<String> {
    let missing = || invalid("The header DPoP is missing");
    let proof = call.incoming.header("dpop").ok_or_else(missing)?;
    let wanted = ProofFor {
        method: "POST",
        address: &format!("{}{}", call.url, call.incoming.head.uri.path()),
        now: call.now,
    };
    let checked = aws.proofs.check(proof, &wanted);
    checked.map_err(|problem| invalid(format!("The DPoP proof is invalid: {problem}")))
}

/// A session as an access token.
fn session(
    aws: &mut SimulatedAws,
    arn: &str,
    ends_at: SystemTime,
    now: SystemTime,
) -> Result<serde_json::Value> {
    let person = people(aws).into_iter().find(|person| person.arn == arn);
    let changed = || refusal("USER_CREDENTIALS_CHANGED", "The user is gone");
    let left = ends_at.duration_since(now).unwrap_or_default();
    let made = aws.issue(person.ok_or_else(changed)?, SESSION.min(left), now);
    let life = made.expires_at.duration_since(now).unwrap_or_default();
    Ok(json!({
        "accessToken": {
            "accessKeyId": made.keys.access_key_id.as_str(),
            "secretAccessKey": made.keys.secret_access_key.expose(),
            "sessionToken": made.token.expose(),
        },
        "tokenType": "aws_sigv4",
        "expiresIn": life.as_secs(),
    }))
}

/// Says who signed in. AWS publishes no key for it, and neither does the sandbox.
fn id_token(aws: &SimulatedAws, arn: &str, client_id: &str, now: SystemTime) -> String {
    let provider = &aws.identity_provider;
    let now = seconds_since_epoch(now);
    let claims = json!({
        "iss": provider.issuer, "sub": arn, "aud": client_id, "iat": now, "exp": now + SESSION.as_secs(),
    });
    provider.key.sign(&claims)
}

/// Those who can open the console: the users, and the account's root.
fn people(aws: &SimulatedAws) -> Vec<VerifiedCaller> {
    let account = aws.account();
    let person = |arn: String, id: String, mfa: MfaDevice| VerifiedCaller {
        arn,
        id,
        account: account.to_owned(),
        standing: Standing::UserSession,
        proof: match mfa {
            MfaDevice::Absent => MfaProof::None,
            MfaDevice::Enrolled | MfaDevice::RequiredForRoles => MfaProof::Given,
        },
    };
    let users = aws
        .users()
        .map(|(_, user)| person(user.arn.clone(), user.id.clone(), user.mfa));
    let root = person(
        format!("arn:aws:iam::{account}:root"),
        account.to_owned(),
        MfaDevice::Enrolled,
    );
    users.chain([root]).collect()
}

fn no_code(problem: NoGrant) -> AwsRefusal {
    match problem {
        NoGrant::Expired => refusal("AUTHCODE_EXPIRED", "The authorization code has expired"),
        NoGrant::Invalid | NoGrant::OfAnother => invalid("The authorization code is invalid"),
    }
}

fn no_renewal(problem: NoGrant) -> AwsRefusal {
    match problem {
        NoGrant::Expired | NoGrant::Invalid => {
            refusal("TOKEN_EXPIRED", "The refresh token has expired")
        }
        NoGrant::OfAnother => invalid("The refresh token belongs to another client or key"),
    }
}

fn invalid(message: impl Into<String>) -> AwsRefusal {
    AwsRefusal::new(400, "INVALID_REQUEST", message)
}

fn refusal(error: &'static str, message: &str) -> AwsRefusal {
    AwsRefusal::new(400, error, message)
}
