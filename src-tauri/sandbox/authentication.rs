//! The user of a signed call.

use super::refusal::AwsRefusal;
use super::request::Incoming;
use super::signature::Signed;
use super::simulated_aws::{SimulatedAws, VerifiedCaller};
use std::time::SystemTime;

pub(super) fn authenticate(
    aws: &SimulatedAws,
    incoming: &Incoming,
    service: &str,
    now: SystemTime,
) -> Result<VerifiedCaller, AwsRefusal> {
    let authorization = incoming.authorization.as_ref().map_err(Clone::clone)?;
    let token = incoming.header("x-amz-security-token");
    let credential = aws
        .credential(&authorization.access_key_id, token, now)
        .ok_or_else(AwsRefusal::invalid_token)?;
    authorization.check_time(now, aws.settings().skew_code)?;
    let Incoming { head, body, .. } = incoming;
    let signed = Signed {
        method: head.method.as_str(),
        uri: &head.uri,
        headers: &head.headers,
        body,
    };
    authorization.verify(&signed, credential.secret, service)?;
    if credential
        .expires_at
        .is_some_and(|expires_at| expires_at <= now)
    {
        return Err(AwsRefusal::expired(aws.settings().expired_code));
    }
    Ok(credential.caller)
}
