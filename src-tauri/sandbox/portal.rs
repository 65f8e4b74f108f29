//! The portal of IAM Identity Center: accounts and roles that are assigned to the bearer of a
//! token, and the keys of a role.

use super::answer::HttpAnswer;
use super::grants::SandboxSignIn;
use super::refusal::AwsRefusal;
use super::rest::RestCall;
use super::settings::SandboxAccount;
use super::simulated_aws::{Assumed, MfaProof, SimulatedAws, Standing, VerifiedCaller};
use crate::encode::base64url;
use crate::encode::hex;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::time::{Duration, UNIX_EPOCH};

type Result<T> = std::result::Result<T, AwsRefusal>;

const ACCESS: &str = "sso:account:access";
const PAGE: usize = 20;
const LARGEST_PAGE: usize = 100;
/// Of a permission set, unless its administrator says otherwise.
const SESSION: Duration = Duration::from_secs(3600);

/// The signed-in person, if the token is good and was given for this.
pub(super) fn bearer<'a>(aws: &'a SimulatedAws, call: &RestCall<'_>) -> Option<&'a SandboxSignIn> {
    let token = call.incoming.header("x-amz-sso_bearer_token")?;
    let center = &aws.identity_center;
    let sign_in = center.grants.bearer(token, call.now)?;
    // A registration ends earlier or later than the tokens it led to.
    let scopes = center.scopes(&sign_in.holder.client_id)?;
    let allowed = scopes.is_empty() || scopes.iter().any(|scope| scope == ACCESS);
    allowed.then_some(sign_in)
}

pub(super) fn role_credentials(aws: &mut SimulatedAws, call: &RestCall<'_>) -> Result<HttpAnswer> {
    let person = person(aws, call)?;
    let (account, role) = (required(call, "account_id")?, required(call, "role_name")?);
    let assigned = |it: &SandboxAccount| it.id == account && it.roles.iter().any(|it| it == role);
    if !aws.settings().accounts.iter().any(assigned) {
        return Err(AwsRefusal::no_access());
    }
    let digest = hex(&Sha256::digest(format!("{account}/{role}")));
    let name = format!("AWSReservedSSO_{role}_{}", &digest[..16]);
    let caller = VerifiedCaller {
        arn: format!("arn:aws:sts::{account}:assumed-role/{name}/{person}"),
        id: format!("AROA{}:{person}", digest[16..33].to_ascii_uppercase()),
        account: account.to_owned(),
        standing: Standing::RoleSession {
            role: format!("arn:aws:iam::{account}:role/aws-reserved/sso.amazonaws.com/{name}"),
            assumed: Assumed::BySignIn,
        },
        proof: MfaProof::None,
    };
    let session = aws.issue(caller, SESSION, call.now);
    let ends = session.expires_at.duration_since(UNIX_EPOCH);
    Ok(HttpAnswer::json(&json!({ "roleCredentials": {
        "accessKeyId": session.keys.access_key_id.as_str(),
        "secretAccessKey": session.keys.secret_access_key.expose(),
        "sessionToken": session.token.expose(),
        "expiration": ends.map_or(0, |since| since.as_secs() * 1000),
    }})))
}

pub(super) fn accounts(aws: &mut SimulatedAws, call: &RestCall<'_>) -> Result<HttpAnswer> {
    person(aws, call)?;
    let accounts = aws.settings().accounts.iter();
    let accounts = accounts.map(|account| {
        json!({
            "accountId": account.id,
            "accountName": account.name,
            "emailAddress": format!("aws+{}@example.com", account.id),
        })
    });
    page(call, "accountList", &accounts.collect::<Vec<_>>())
}

pub(super) fn account_roles(aws: &mut SimulatedAws, call: &RestCall<'_>) -> Result<HttpAnswer> {
    person(aws, call)?;
    let account = required(call, "account_id")?;
    let limit = aws.settings().roles_calls_a_second;
    if limit.is_some_and(|limit| !aws.identity_center.admits(limit, call.now)) {
        return Err(AwsRefusal::too_many_requests());
    }
    let mut accounts = aws.settings().accounts.iter();
    let assigned = accounts.find(|it| it.id == account);
    let roles = assigned.ok_or_else(AwsRefusal::no_access)?.roles.iter();
    let roles = roles.map(|role| json!({ "accountId": account, "roleName": role }));
    page(call, "roleList", &roles.collect::<Vec<_>>())
}

/// Ends the session in the portal, and with it the tokens of every tool that signed in there.
pub(super) fn log_out(aws: &mut SimulatedAws, call: &RestCall<'_>) -> Result<HttpAnswer> {
    person(aws, call)?;
    aws.identity_center.grants.end();
    Ok(HttpAnswer::json(&json!({})))
}

fn person(aws: &SimulatedAws, call: &RestCall<'_>) -> Result<String> {
    let sign_in = bearer(aws, call).ok_or_else(AwsRefusal::unauthorized)?;
    Ok(sign_in.principal.clone())
}

fn required<'a>(call: &RestCall<'a>, name: &str) -> Result<&'a str> {
    call.incoming.parameter(name).ok_or_else(invalid)
}

fn page(call: &RestCall<'_>, name: &str, all: &[Value]) -> Result<HttpAnswer> {
    let parameter = |name| call.incoming.parameter(name);
    let size = parameter("max_result").map_or(Ok(PAGE), str::parse);
    let size = size.ok().filter(|size| (1..=LARGEST_PAGE).contains(size));
    let size = size.ok_or_else(invalid)?;
    let from = parameter("next_token").map_or(Some(0), offset);
    let from = from.filter(|from| *from <= all.len()).ok_or_else(invalid)?;
    let rest = &all[from..];
    let more = rest.len() > size;
    let next = more.then(|| base64url::encode(format!("{}", from + size).as_bytes()));
    let shown = &rest[..size.min(rest.len())];
    Ok(HttpAnswer::json(&json!({ name: shown, "nextToken": next })))
}

fn offset(token: &str) -> Option<usize> {
    let text = String::from_utf8(base64url::decode(token)?).ok()?;
    text.parse().ok()
}

fn invalid() -> AwsRefusal {
    AwsRefusal::new(400, "InvalidRequestException", "Invalid request")
}
