//! `fob credential-process`: the AWS SDKs' process protocol, version 1, on stdout and nothing else.
//! Never prompts. With an agent it is one line out and one answer in: no runtime, no
//! configuration, no keyring.

use crate::args::CredentialProcessArgs;
use crate::conversation::expect_reply;
use crate::invocation::Invocation;
use crate::stop::Stop;
use crate::terminal::print_exact;
use keyfob_core::agent::api::{Caller, Credentials, Person, Secret, SessionRequest};
use keyfob_core::view::time::rfc3339;
use serde::Serialize;
use zeroize::Zeroizing;

/// `Expiration` is always there: without it the SDKs would never refresh.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ProcessOutput<'a> {
    version: u32,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<&'a str>,
    expiration: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<&'a str>,
}

pub fn credential_process(
    invocation: &Invocation,
    args: &CredentialProcessArgs,
) -> Result<u8, Stop> {
    let caller = Caller {
        program: "fob".into(),
        pid: invocation.environment.parent(),
        person: Person::Absent,
        trail: None,
    };
    let request = SessionRequest::Credentials {
        identity: args.name.clone(),
        wait_seconds: args.wait,
    };
    let reply = invocation.conversation_for(caller)?.ask(request, None)?;
    print_exact(&json(&expect_reply!(reply, Credentials)?))?;
    Ok(0)
}

fn json(it: &Credentials) -> Zeroizing<String> {
    let output = ProcessOutput {
        version: 1,
        access_key_id: &it.access_key_id,
        secret_access_key: it.secret_access_key.expose(),
        session_token: it.session_token.as_ref().map(Secret::expose),
        expiration: rfc3339(it.expires_at),
        account_id: it.account.as_deref(),
    };
    let mut text =
        Zeroizing::new(serde_json::to_string(&output).expect("plain structs always serialize"));
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, SystemTime};

    #[test]
    fn it_speaks_the_process_protocol() {
        let mut it = Credentials {
            access_key_id: "ASIAIOSFODNN7EXAMPLE".to_owned(),
            secret_access_key: Secret::new("s3cr3t/+"),
            session_token: Some(Secret::new("t0k3n==")),
            expires_at: SystemTime::UNIX_EPOCH + Duration::from_secs(1_798_113_481),
            account: Some("410000000017".to_owned()),
        };
        insta::assert_snapshot!(*json(&it), @r#"{"Version":1,"AccessKeyId":"ASIAIOSFODNN7EXAMPLE","SecretAccessKey":"s3cr3t/+","SessionToken":"t0k3n==","Expiration":"2026-12-24T11:58:01Z","AccountId":"410000000017"}"#);
        (it.session_token, it.account) = (None, None);
        insta::assert_snapshot!(*json(&it), @r#"{"Version":1,"AccessKeyId":"ASIAIOSFODNN7EXAMPLE","SecretAccessKey":"s3cr3t/+","Expiration":"2026-12-24T11:58:01Z"}"#);
    }
}
