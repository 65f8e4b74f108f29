//! An identity at AWS: after a sign-in, for `whoami`, after keys were stored.

use super::list::HANDS_OUT_KEYS;
use super::state::state_cell;
use super::table::{Cell, columns, pairs};
use keyfob_core::agent::api::{Configured, SignedIn, Whoami};
use keyfob_core::foreign::Foreign;
use keyfob_core::view::state::sign_in_words;
use keyfob_core::view::time::{time_left, until, whole_seconds};
use serde::Serialize;
use std::time::SystemTime;

pub fn signed_in_text(it: &SignedIn, now: SystemTime) -> String {
    let expires = if it.hands_out_keys {
        format!("no: {HANDS_OUT_KEYS}")
    } else {
        until(it.expires_at, now)
    };
    pairs(&[
        ("Provider", it.provider.clone()),
        ("Identity", it.identity.clone()),
        ("Account", or_dash(it.account.as_deref())),
        ("Region", it.region.clone()),
        ("Source", it.source.clone()),
        ("Expires", expires),
    ])
}

/// The reply, and the time left.
#[derive(Debug, Serialize)]
pub struct SignedInJson {
    #[serde(flatten)]
    signed_in: SignedIn,
    expires_in_seconds: u64,
}

impl SignedInJson {
    pub fn of(it: &SignedIn, now: SystemTime) -> SignedInJson {
        SignedInJson {
            signed_in: SignedIn {
                expires_at: whole_seconds(it.expires_at),
                ..it.clone()
            },
            expires_in_seconds: time_left(it.expires_at, now).as_secs(),
        }
    }
}

pub fn whoami_text(it: &Whoami, now: SystemTime) -> String {
    let row = |name: &str, value: &str| vec![Cell::new(name), Cell::new(value)];
    let or_dash = |value: &Option<String>| value.clone().unwrap_or_else(|| "–".to_owned());
    let mut rows = vec![
        row("Identity", &it.identity),
        row("Provider", &it.provider),
        row("Kind", &it.kind),
        row("Principal", &or_dash(&it.principal)),
        row("Account", &or_dash(&it.account)),
        row("Region", &it.region),
        vec![Cell::new("State"), state_cell(it.state)],
    ];
    if let Some(expires_at) = it.expires_at {
        rows.push(row("Expires", &until(expires_at, now)));
    }
    if it.hands_out_keys {
        rows.push(row("Expires", &format!("no: {HANDS_OUT_KEYS}")));
    }
    if let Some(sign_in) = &it.sign_in {
        let words = sign_in_words(sign_in, now);
        // The label says it already.
        let words = words.strip_prefix("sign-in ").unwrap_or(&words);
        rows.push(row("Sign-in", words));
    }
    rows.push(row("Source", &or_dash(&it.source)));
    rows.push(row("Realm", &it.realm));
    columns(&rows)
}

pub fn configured_text(it: &Configured) -> String {
    let mut rows = vec![
        ("Identity", it.identity.clone()),
        ("Access key", it.access_key_id.clone()),
    ];
    if it.checked {
        rows.push(("Account", or_dash(it.account.as_deref())));
        rows.push((
            "Principal",
            or_dash(it.principal.as_ref().map(Foreign::as_str)),
        ));
    } else {
        rows.push((
            "Checked",
            "no: the keys were not checked with AWS".to_owned(),
        ));
    }
    pairs(&rows)
}

fn or_dash(value: Option<&str>) -> String {
    value.unwrap_or("–").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyfob_core::agent::api::State;
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
            hands_out_keys: false,
            sign_in: None,
        };
        insta::assert_snapshot!(serde_json::to_string(&it).expect("serializes"), @r#"{"identity":"kim","provider":"aws-user","kind":"aws/user","principal":null,"account":null,"region":"us-east-1","state":"needs_sign_in","expires_at":null,"expires_in_seconds":null,"source":null,"realm":"default"}"#);
        insta::assert_snapshot!(anstream::adapter::strip_str(&whoami_text(&it, at(0))), @r"
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
    fn a_sign_in_as_json_has_times_in_utc_and_whole_seconds() {
        let it = SignedIn {
            identity: "deploy".to_owned(),
            provider: "aws-user".to_owned(),
            chain: vec!["kim".to_owned(), "deploy".to_owned()],
            account: Some("420000000025".to_owned()),
            region: "eu-west-1".to_owned(),
            expires_at: at(1_798_113_480),
            source: "keyring".to_owned(),
            kept: false,
            hands_out_keys: false,
        };
        let json = SignedInJson::of(&it, at(1_798_113_480 - 3600));
        insta::assert_snapshot!(serde_json::to_string(&json).expect("serializes"), @r#"{"identity":"deploy","provider":"aws-user","chain":["kim","deploy"],"account":"420000000025","region":"eu-west-1","expires_at":"2026-12-24T11:58:00Z","source":"keyring","kept":false,"hands_out_keys":false,"expires_in_seconds":3600}"#);
    }
}
