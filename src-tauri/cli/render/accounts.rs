//! Who somebody is to AWS: after a sign-in, for `whoami`, after keys were stored.

use super::moment::{rfc3339, until};
use super::{state, table};
use keyfob_core::agent::api::{Configured, SignedIn, State, Whoami, time_left};
use serde::Serialize;
use std::time::SystemTime;

pub fn signed_in_text(it: &SignedIn, now: SystemTime) -> String {
    table::pairs(&[
        ("Provider", it.provider.clone()),
        ("Identity", it.identity.clone()),
        ("Account", or_dash(it.account.as_deref())),
        ("Region", it.region.clone()),
        ("Expires", until(it.expires_at, now)),
    ])
}

#[derive(Debug, Serialize)]
pub struct SignedInJson<'a> {
    identity: &'a str,
    provider: &'a str,
    chain: &'a [String],
    account: Option<&'a str>,
    region: &'a str,
    expires_at: String,
    expires_in_seconds: u64,
    source: &'a str,
}

impl SignedInJson<'_> {
    pub fn of(it: &SignedIn, now: SystemTime) -> SignedInJson<'_> {
        SignedInJson {
            identity: &it.identity,
            provider: &it.provider,
            chain: &it.chain,
            account: it.account.as_deref(),
            region: &it.region,
            expires_at: rfc3339(it.expires_at),
            expires_in_seconds: time_left(it.expires_at, now).as_secs(),
            source: &it.source,
        }
    }
}

pub fn whoami_text(it: &Whoami, now: SystemTime) -> String {
    let (shape, word, _) = state(it.state);
    let mut pairs = vec![
        ("Identity", it.identity.clone()),
        ("Provider", it.provider.clone()),
        ("Kind", it.kind.clone()),
        ("Principal", or_dash(it.principal.as_deref())),
        ("Account", or_dash(it.account.as_deref())),
        ("Region", it.region.clone()),
        ("State", format!("{shape} {word}")),
    ];
    if let Some(expires_at) = it.expires_at {
        pairs.push(("Expires", until(expires_at, now)));
    }
    pairs.push(("Source", or_dash(it.source.as_deref())));
    pairs.push(("Realm", it.realm.clone()));
    table::pairs(&pairs)
}

#[derive(Debug, Serialize)]
pub struct WhoamiJson<'a> {
    identity: &'a str,
    provider: &'a str,
    kind: &'a str,
    principal: Option<&'a str>,
    account: Option<&'a str>,
    region: &'a str,
    state: State,
    expires_at: Option<String>,
    expires_in_seconds: Option<u32>,
    source: Option<&'a str>,
    realm: &'a str,
}

impl WhoamiJson<'_> {
    pub fn of(it: &Whoami) -> WhoamiJson<'_> {
        WhoamiJson {
            identity: &it.identity,
            provider: &it.provider,
            kind: &it.kind,
            principal: it.principal.as_deref(),
            account: it.account.as_deref(),
            region: &it.region,
            state: it.state,
            expires_at: it.expires_at.map(rfc3339),
            expires_in_seconds: it.expires_in_seconds,
            source: it.source.as_deref(),
            realm: &it.realm,
        }
    }
}

pub fn configured_text(it: &Configured) -> String {
    let mut pairs = vec![
        ("Identity", it.identity.clone()),
        ("Access key", it.access_key_id.clone()),
    ];
    if it.checked {
        pairs.push(("Account", or_dash(it.account.as_deref())));
        pairs.push(("Principal", or_dash(it.principal.as_deref())));
    } else {
        pairs.push((
            "Checked",
            "no: AWS was not asked whether it knows these keys".to_owned(),
        ));
    }
    table::pairs(&pairs)
}

#[derive(Debug, Serialize)]
pub struct ConfiguredJson<'a> {
    identity: &'a str,
    access_key_id: &'a str,
    account: Option<&'a str>,
    principal: Option<&'a str>,
    checked: bool,
}

impl ConfiguredJson<'_> {
    pub fn of(it: &Configured) -> ConfiguredJson<'_> {
        ConfiguredJson {
            identity: &it.identity,
            access_key_id: &it.access_key_id,
            account: it.account.as_deref(),
            principal: it.principal.as_deref(),
            checked: it.checked,
        }
    }
}

fn or_dash(value: Option<&str>) -> String {
    value.unwrap_or("–").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn whoami_has_its_eleven_fields_also_when_nothing_is_known() {
        let it = Whoami {
            identity: "kim".to_owned(),
            provider: "aws-user".to_owned(),
            kind: "aws/user".to_owned(),
            principal: None,
            account: None,
            region: "us-east-1".to_owned(),
            state: State::NeedsSignIn,
            expires_at: None,
            expires_in_seconds: None,
            source: None,
            realm: "default".to_owned(),
        };
        insta::assert_snapshot!(serde_json::to_string(&WhoamiJson::of(&it)).expect("serializes"), @r#"{"identity":"kim","provider":"aws-user","kind":"aws/user","principal":null,"account":null,"region":"us-east-1","state":"needs_sign_in","expires_at":null,"expires_in_seconds":null,"source":null,"realm":"default"}"#);
        insta::assert_snapshot!(whoami_text(&it, at(0)), @r"
        Identity   kim
        Provider   aws-user
        Kind       aws/user
        Principal  –
        Account    –
        Region     us-east-1
        State      ○ needs sign-in
        Source     –
        Realm      default
        ");
    }

    #[test]
    fn a_sign_in_as_json_tells_times_in_utc_and_whole_seconds() {
        let it = SignedIn {
            identity: "deploy".to_owned(),
            provider: "aws-user".to_owned(),
            chain: vec!["kim".to_owned(), "deploy".to_owned()],
            account: Some("420000000025".to_owned()),
            region: "eu-west-1".to_owned(),
            expires_at: at(1_798_113_480),
            source: "keyring".to_owned(),
        };
        let json = SignedInJson::of(&it, at(1_798_113_480 - 3600));
        insta::assert_snapshot!(serde_json::to_string(&json).expect("serializes"), @r#"{"identity":"deploy","provider":"aws-user","chain":["kim","deploy"],"account":"420000000025","region":"eu-west-1","expires_at":"2026-12-24T11:58:00Z","expires_in_seconds":3600,"source":"keyring"}"#);
    }
}
