//! IAM Identity Center's SSO OIDC: clients, the two ways to a token (a code that a browser brings
//! back, a device code) and its renewal, each with AWS's conditions and words.

use super::answer::HttpAnswer;
use super::consent::{ConsentRequest, on_loopback};
use super::grants::{Holder, NoGrant, SandboxSignIn, is};
use super::identity_center::{
    DEVICE_CODE_LIFE, DeviceCode, DeviceDecision, OidcClient, PERSON, Poll,
};
use super::pages;
use super::random;
use super::refusal::AwsRefusal;
use super::request::Incoming;
use super::rest::{RestCall, TokenRequest};
use super::settings::start_url;
use super::simulated_aws::SimulatedAws;
use crate::secret::{Secret, on_the_wire};
use axum::http::Method;
use serde::Deserialize;
use serde_json::json;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

type Result<T> = std::result::Result<T, AwsRefusal>;

const TITLE: &str = "IAM Identity Center of the sandbox";
const ALLOW: &str = "Allow access";
const AUTHORIZATION_CODE: &str = "authorization_code";
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const REFRESH_TOKEN: &str = "refresh_token";
const REGISTRATION_LIFE: Duration = Duration::from_secs(90 * 24 * 3600);
const SIGN_IN_LIFE: Duration = Duration::from_secs(8 * 3600);
const TOKEN_LIFE: Duration = Duration::from_secs(3600);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Registration {
    client_name: String,
    client_type: String,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    redirect_uris: Vec<String>,
    #[serde(default)]
    grant_types: Vec<String>,
    issuer_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeviceAuthorization {
    client_id: String,
    #[serde(deserialize_with = "on_the_wire::deserialize")]
    client_secret: Secret,
    start_url: String,
}

pub(super) fn register(aws: &mut SimulatedAws, call: &RestCall<'_>) -> Result<HttpAnswer> {
    let asked: Registration = call.read().ok_or_else(invalid_request)?;
    let uses_codes = asked.grant_types.iter().any(|it| it == AUTHORIZATION_CODE);
    let known =
        |grant: &String| [AUTHORIZATION_CODE, DEVICE_CODE, REFRESH_TOKEN].contains(&grant.as_str());
    let issuer = asked.issuer_url.as_deref().map(start_url);
    if asked.client_name.is_empty() || asked.client_type != "public" {
        return refuse(
            "InvalidClientMetadataException",
            "Invalid client metadata provided",
        );
    }
    if !asked.grant_types.iter().all(known) {
        return refuse(
            "UnsupportedGrantTypeException",
            "Unsupported grant type provided",
        );
    }
    if !asked.scopes.iter().all(|scope| is_scope(scope)) {
        return refuse("InvalidScopeException", "Invalid scope provided");
    }
    let loopback = |uri: &String| on_loopback(uri).is_some();
    if !asked.redirect_uris.iter().all(loopback) || uses_codes && asked.redirect_uris.is_empty() {
        return refuse(
            "InvalidRedirectUriException",
            "Invalid redirect uri provided",
        );
    }
    if uses_codes && issuer.is_none()
        || issuer.is_some_and(|issuer| issuer != start_url(&aws.settings().start_url))
    {
        return refuse("InvalidRequestException", "Invalid issuer url provided");
    }
    let life = seconds(aws.settings().registration_seconds, REGISTRATION_LIFE);
    let client = OidcClient {
        secret: random::token(""),
        expires_at: call.now + life,
        scopes: asked.scopes,
        redirect_uris: asked.redirect_uris,
        grant_types: asked.grant_types,
    };
    let (secret, expires_at) = (client.secret.clone(), client.expires_at);
    Ok(HttpAnswer::json(&json!({
        "clientId": aws.identity_center.register(client),
        "clientSecret": secret.expose(),
        "clientIdIssuedAt": since_epoch(call.now),
        "clientSecretExpiresAt": since_epoch(expires_at),
    })))
}

pub(super) fn start_device(aws: &mut SimulatedAws, call: &RestCall<'_>) -> Result<HttpAnswer> {
    let asked: DeviceAuthorization = call.read().ok_or_else(invalid_request)?;
    let client = authenticate(aws, &asked.client_id, &asked.client_secret, call.now)?;
    check_grant(client, DEVICE_CODE)?;
    if start_url(&asked.start_url) != start_url(&aws.settings().start_url) {
        return refuse("InvalidRequestException", "Invalid start url provided");
    }
    let DeviceCode {
        code,
        user_code,
        interval,
    } = aws.identity_center.start_device(&asked.client_id, call.now);
    let page = format!("{}/device", call.url);
    Ok(HttpAnswer::json(&json!({
        "deviceCode": code.expose(),
        "userCode": user_code,
        "verificationUri": page,
        "verificationUriComplete": format!("{page}?user_code={user_code}"),
        "expiresIn": DEVICE_CODE_LIFE.as_secs(),
        "interval": interval.as_secs(),
    })))
}

pub(super) fn create_token(aws: &mut SimulatedAws, call: &RestCall<'_>) -> Result<HttpAnswer> {
    let asked: TokenRequest = call.read().ok_or_else(invalid_request)?;
    let now = call.now;
    let secret = asked.client_secret.as_ref().ok_or_else(invalid_request)?;
    let client = authenticate(aws, &asked.client_id, secret, now)?.clone();
    check_grant(&client, &asked.grant_type)?;
    let ends_at = now + seconds(aws.settings().sign_in_seconds, SIGN_IN_LIFE);
    let token_life = seconds(aws.settings().token_seconds, TOKEN_LIFE);
    let center = &mut aws.identity_center;
    let holder = Holder {
        client_id: asked.client_id.clone(),
        key: None,
    };
    let sign_in = match asked.grant_type.as_str() {
        AUTHORIZATION_CODE => {
            let redemption = asked.redemption().ok_or_else(invalid_request)?;
            let agreed = center.grants.redeem(&redemption, now).map_err(no_grant)?;
            center.grants.open(holder, &agreed.principal, ends_at)
        }
        DEVICE_CODE => {
            let code = asked.device_code.as_ref().ok_or_else(invalid_request)?;
            decided(center.poll(code.expose(), &asked.client_id, now))?;
            center.grants.open(holder, PERSON, ends_at)
        }
        _ => {
            let token = asked.refresh_token.as_ref().ok_or_else(invalid_request)?;
            let renewed = center.grants.renew(token.expose(), &holder, now);
            renewed.map_err(no_grant)?
        }
    };
    Ok(token(sign_in, &client, token_life, now).by(Some(sign_in.principal.clone())))
}

/// The page that asks for consent. A client or redirect it does not know gets no redirect at all.
pub(super) fn authorize(aws: &mut SimulatedAws, call: &RestCall<'_>) -> Result<HttpAnswer> {
    let asked = ConsentRequest::read(call.incoming)?;
    let client = aws.identity_center.client(asked.client_id, call.now);
    let client = client.ok_or_else(AwsRefusal::invalid_client)?;
    let back = on_loopback(asked.redirect_uri).ok_or_else(invalid_request)?;
    let registered = |uri: &String| on_loopback(uri).as_ref() == Some(&back);
    if !client.redirect_uris.iter().any(registered) {
        return Err(invalid_request());
    }
    let scopes = call.incoming.parameter("scopes").unwrap_or_default();
    let is_registered = |scope: &str| client.scopes.iter().any(|it| it == scope);
    if let Some(problem) = asked.problem("S256") {
        return Ok(asked.back("error", problem));
    }
    if !scopes.split(' ').all(is_registered) {
        return Ok(asked.back("error", "invalid_scope"));
    }
    if !asked.is_answered() {
        let text = format!("{PERSON}, a program on this computer asks for {scopes}.");
        return Ok(pages::question(TITLE, &text, "", ALLOW));
    }
    let grants = &mut aws.identity_center.grants;
    let code = grants.agreed(asked.agreed_by(PERSON), call.now);
    Ok(asked
        .back("code", code.expose())
        .by(Some(PERSON.to_owned())))
}

/// The page on which a person compares the code that the device shows.
pub(super) fn verify_device(aws: &mut SimulatedAws, call: &RestCall<'_>) -> Result<HttpAnswer> {
    let Incoming { head, .. } = call.incoming;
    call.incoming.parameters.as_ref().map_err(Clone::clone)?;
    let Some(user_code) = call.incoming.parameter("user_code") else {
        let field = "<p><label>Code <input name=\"user_code\" autofocus></label></p>";
        return Ok(pages::question(
            TITLE,
            "Enter the code that your device shows.",
            field,
            ALLOW,
        ));
    };
    let center = &mut aws.identity_center;
    if head.method == Method::GET && center.is_open(user_code, call.now) {
        let text = format!("{PERSON}, does your device show this code: {user_code}?");
        return Ok(pages::question(TITLE, &text, "", ALLOW));
    }
    let decision = match call.incoming.parameter(pages::REFUSE) {
        Some(_) => DeviceDecision::Refused,
        None => DeviceDecision::Allowed,
    };
    if head.method != Method::POST || !center.decide(user_code, decision, call.now) {
        return refuse(
            "InvalidRequestException",
            "The code is unknown, expired or used",
        );
    }
    let done = match decision {
        DeviceDecision::Allowed => "Access is allowed. You can close this page.",
        DeviceDecision::Refused => "Access is refused. You can close this page.",
    };
    Ok(pages::notice(TITLE, done).by(Some(PERSON.to_owned())))
}

fn authenticate<'a>(
    aws: &'a SimulatedAws,
    id: &str,
    secret: &Secret,
    now: SystemTime,
) -> Result<&'a OidcClient> {
    let client = aws.identity_center.client(id, now);
    let client = client.filter(|client| is(&client.secret, secret.expose()));
    client.ok_or_else(AwsRefusal::invalid_client)
}

/// A client that named no grant types gets those that need no redirect.
fn check_grant(client: &OidcClient, grant: &str) -> Result<()> {
    let named = &client.grant_types;
    let allowed = match grant {
        DEVICE_CODE | REFRESH_TOKEN if named.is_empty() => true,
        AUTHORIZATION_CODE | DEVICE_CODE | REFRESH_TOKEN => named.iter().any(|it| it == grant),
        _ => {
            return refuse(
                "UnsupportedGrantTypeException",
                "Unsupported grant type provided",
            );
        }
    };
    if allowed {
        return Ok(());
    }
    refuse(
        "UnauthorizedClientException",
        "Client is not authorized to use this grant",
    )
}

fn decided(poll: Poll) -> Result<()> {
    match poll {
        Poll::Decided(DeviceDecision::Allowed) => Ok(()),
        Poll::Decided(DeviceDecision::Refused) => {
            refuse("AccessDeniedException", "User denied access")
        }
        Poll::Pending => refuse("AuthorizationPendingException", "Authorization is pending"),
        Poll::TooFast => refuse("SlowDownException", "Client is polling too fast"),
        Poll::Expired => refuse("ExpiredTokenException", "Device code is expired"),
        Poll::Unknown => refuse("InvalidGrantException", "Invalid device code provided"),
    }
}

/// Renewable for a client that named scopes and may renew.
fn token(
    sign_in: &mut SandboxSignIn,
    client: &OidcClient,
    life: Duration,
    now: SystemTime,
) -> HttpAnswer {
    let (bearer, life) = sign_in.new_bearer(life, now);
    let mut body = json!({
        "accessToken": bearer.expose(),
        "tokenType": "Bearer",
        "expiresIn": life.as_secs(),
    });
    if !client.scopes.is_empty() && check_grant(client, REFRESH_TOKEN).is_ok() {
        body["refreshToken"] = sign_in.new_refresh_token("aor").expose().into();
    }
    HttpAnswer::json(&body)
}

/// `sso:account:access`, or what other services of AWS call their own.
fn is_scope(scope: &str) -> bool {
    let parts: Vec<_> = scope.split(':').collect();
    let word = |part: &&str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    (2..=3).contains(&parts.len()) && parts.iter().all(word)
}

fn no_grant(_: NoGrant) -> AwsRefusal {
    AwsRefusal::invalid_grant()
}

fn invalid_request() -> AwsRefusal {
    AwsRefusal::new(400, "InvalidRequestException", "Invalid request")
}

fn refuse<T>(code: &'static str, message: &str) -> Result<T> {
    Err(AwsRefusal::new(400, code, message))
}

fn seconds(set: Option<u64>, otherwise: Duration) -> Duration {
    set.map_or(otherwise, Duration::from_secs)
}

fn since_epoch(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
