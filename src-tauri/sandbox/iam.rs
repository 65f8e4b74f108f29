//! IAM, as far as a user manages access keys: the conditions of each action and its result, in
//! AWS's own words. A user has two keys at most, and manages those of no other user.

use super::answer::HttpAnswer;
use super::authentication::authenticate;
use super::faults::{FaultsMet, SandboxFault};
use super::protocol::{IAM_VERSION, IamAction, escape, timestamp};
use super::random;
use super::refusal::AwsRefusal;
use super::request::Incoming;
use super::simulated_aws::{MfaProof, SimulatedAws, Standing, UserKey, VerifiedCaller};
use std::time::SystemTime;

const MOST_KEYS: usize = 2;

/// The caller, once verified, and the result.
pub(super) fn answer(
    aws: &mut SimulatedAws,
    action: IamAction,
    incoming: &Incoming,
    faults: &FaultsMet,
    now: SystemTime,
) -> (Option<VerifiedCaller>, Result<HttpAnswer, AwsRefusal>) {
    let early = faults.iter().find_map(SandboxFault::early_refusal);
    let verified = early.map_or(Ok(()), Err);
    let verified = verified.and_then(|()| authenticate(aws, incoming, "iam", now));
    let caller = match verified {
        Ok(caller) => caller,
        Err(refusal) => return (None, Err(refusal)),
    };
    note_use(aws, incoming, now);
    let result = user_of(&caller, action, faults)
        .and_then(|user| perform(aws, action, incoming, &user, now))
        .map(|result| {
            let (name, id) = (action.name(), random::request_id());
            let xml = format!(
                "<{name}Response xmlns=\"https://iam.amazonaws.com/doc/{IAM_VERSION}/\"><{name}Result>{result}</{name}Result>\
                 <ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></{name}Response>"
            );
            HttpAnswer::xml(xml, &id)
        });
    (Some(caller), result)
}

/// Of the key that a verified call was signed with.
pub(super) fn note_use(aws: &mut SimulatedAws, incoming: &Incoming, now: SystemTime) {
    let authorization = incoming.authorization.as_ref().ok();
    let id = authorization.map(|it| it.access_key_id.as_str());
    if let Some(key) = id.and_then(|id| aws.key_mut(id)) {
        key.used_at = Some(now);
    }
}

/// The caller's name, if a policy would allow the user this.
fn user_of(
    caller: &VerifiedCaller,
    action: IamAction,
    faults: &FaultsMet,
) -> Result<String, AwsRefusal> {
    // Sessions that were made without a code are not for IAM.
    if caller.standing == Standing::UserSession && caller.proof == MfaProof::None {
        return Err(AwsRefusal::invalid_token());
    }
    match caller.arn.split_once(":user/") {
        Some((_, user)) if !faults.has(&SandboxFault::AccessDenied) => Ok(user.to_owned()),
        _ => Err(denied(caller, action)),
    }
}

fn denied(caller: &VerifiedCaller, action: IamAction) -> AwsRefusal {
    let (arn, name) = (&caller.arn, action.name());
    AwsRefusal::access_denied(format!(
        "User: {arn} is not authorized to perform: iam:{name} on resource: user {arn}"
    ))
}

fn perform(
    aws: &mut SimulatedAws,
    action: IamAction,
    incoming: &Incoming,
    user: &str,
    now: SystemTime,
) -> Result<String, AwsRefusal> {
    let named = incoming.parameter("UserName").unwrap_or(user);
    if named != user {
        return Err(no_such(&format!("user with name {named}")));
    }
    let keys = keys_of(aws, user);
    let id = || {
        let id = incoming.required("AccessKeyId")?;
        let found = keys.iter().find(|it| it.id() == id);
        found.ok_or_else(|| no_such(&format!("Access Key with id {id}")))
    };
    match action {
        IamAction::ListAccessKeys => Ok(list(keys, user)),
        IamAction::CreateAccessKey if keys.len() >= MOST_KEYS => Err(AwsRefusal::new(
            409,
            "LimitExceeded",
            "Cannot exceed quota for AccessKeysPerUser: 2",
        )),
        IamAction::CreateAccessKey => {
            let made = aws.create_key(user, now);
            let made = made.map_err(|_| AwsRefusal::internal_failure())?;
            let secret = made.secret_access_key.expose();
            let key = keys_of(aws, user).last();
            let key = key.map_or_else(String::new, |key| shown(key, user));
            let secret = format!("<SecretAccessKey>{secret}</SecretAccessKey>");
            Ok(format!("<AccessKey>{key}{secret}</AccessKey>"))
        }
        IamAction::UpdateAccessKey => {
            let id = id()?.id().to_owned();
            let is_active = incoming.required("Status")? == "Active";
            if let Some(key) = aws.key_mut(&id) {
                key.is_active = is_active;
            }
            Ok(String::new())
        }
        IamAction::DeleteAccessKey => {
            let id = id()?.id().to_owned();
            let revoked = aws.revoke_key(&id);
            revoked.map_err(|_| AwsRefusal::internal_failure())?;
            Ok(String::new())
        }
        IamAction::GetAccessKeyLastUsed => {
            let date = id()?.used_at;
            let date = date.map(|at| format!("<LastUsedDate>{}</LastUsedDate>", seconds(at)));
            let date = date.unwrap_or_default();
            Ok(format!(
                "<UserName>{}</UserName><AccessKeyLastUsed><Region>N/A</Region>{date}\
                 <ServiceName>N/A</ServiceName></AccessKeyLastUsed>",
                escape(user)
            ))
        }
    }
}

fn list(keys: &[UserKey], user: &str) -> String {
    let member = |key| format!("<member>{}</member>", shown(key, user));
    let members: String = keys.iter().map(member).collect();
    format!("<AccessKeyMetadata>{members}</AccessKeyMetadata><IsTruncated>false</IsTruncated>")
}

fn keys_of<'a>(aws: &'a SimulatedAws, user: &str) -> &'a [UserKey] {
    let found = aws.users().find(|(name, _)| *name == user);
    found.map_or(&[], |(_, user)| &user.keys)
}

fn shown(key: &UserKey, user: &str) -> String {
    let status = if key.is_active { "Active" } else { "Inactive" };
    format!(
        "<UserName>{}</UserName><AccessKeyId>{}</AccessKeyId><Status>{status}</Status>\
         <CreateDate>{}</CreateDate>",
        escape(user),
        key.id(),
        seconds(key.made_at)
    )
}

fn seconds(at: SystemTime) -> String {
    timestamp(at).strftime("%FT%TZ").to_string()
}

fn no_such(what: &str) -> AwsRefusal {
    let message = format!("The {what} cannot be found.");
    AwsRefusal::new(404, "NoSuchEntity", message)
}
