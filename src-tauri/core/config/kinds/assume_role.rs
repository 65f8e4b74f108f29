//! `aws/assume-role`

use super::footing::{Footing, KindName, Level};
use super::{assume_root, identity_center, saml, user};
use crate::config::reader::{Fields, Placed, sentence};
use crate::config::values;
use crate::config::yaml::Value;
use crate::duration::{SessionDuration, SessionKind};
use crate::error::shorten;
use std::str::FromStr;

pub(crate) const NAME: KindName = KindName::above("aws/assume-role");

#[derive(Clone, Debug)]
pub struct AssumeRole {
    pub role_arn: String,
    /// Already made valid: 2 to 64 of `[\w+=,.@-]`; `fob-<identity>` when none is written.
    pub session_name: String,
    pub external_id: Option<String>,
    /// Of the session, for policies and the audit log at AWS.
    pub tags: Vec<SessionTag>,
    /// The tags that roles assumed with the session keep.
    pub transitive_tag_keys: Vec<String>,
    pub source_identity: Option<String>,
    /// Which vouches, where an assertion does not show it.
    pub saml_provider: Option<String>,
    pub duration: Option<SessionDuration>,
    /// `ChainedRole` when the link before is a role or a permission set.
    pub limits: SessionKind,
}

impl AssumeRole {
    /// What came later counts only where it is written: sessions stored before stay good.
    pub(super) fn fingerprint(&self) -> Vec<String> {
        let mut parts = vec![
            self.role_arn.clone(),
            self.session_name.clone(),
            format!("{:?}", self.external_id),
        ];
        if !self.tags.is_empty() || self.source_identity.is_some() {
            let (tags, transitive) = (&self.tags, &self.transitive_tag_keys);
            parts.push(format!(
                "{tags:?} {transitive:?} {:?}",
                self.source_identity
            ));
        }
        parts.extend(self.saml_provider.clone());
        parts
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionTag {
    pub key: String,
    pub value: String,
}

/// Of a role.
pub(crate) const ROLE_ON_CENTER: &str = "cannot be assumed straight from IAM Identity Center: put \
    an identity of kind \
     aws/permission-set between, with `via: { identity: NAME }`";

pub(super) fn read(fields: &Fields<'_>, footing: &Footing<'_>) -> Option<AssumeRole> {
    if footing.is_on(identity_center::NAME) {
        footing.is_unsupported(fields.problems(), ROLE_ON_CENTER);
    }
    if footing.is_on(assume_root::NAME) {
        footing.misfit(fields.problems(), assume_root::NOTHING_FROM_IT);
    }
    let general = fields.read_placed("session.duration", SessionDuration::from_str);
    let role_arn = fields.required("principal.assume_role", values::role_arn);
    let session_name = session_name(fields, footing.identity);
    let external_id = fields.read("principal.external_id", values::external_id);
    let tags = tags(fields);
    let transitive_tag_keys = transitive_tag_keys(fields, &tags);
    let source_identity = fields.read("principal.source_identity", values::source_identity);
    let saml_provider = if footing.is_on(saml::NAME) {
        fields.read("principal.saml_provider", values::saml_provider_arn)
    } else {
        None
    };
    let own = fields.read_placed("principal.duration", SessionDuration::from_str);
    // A role assumed with a session lasts an hour at most. The first role of a chain does not,
    // whether it is assumed with a user's keys, an assertion or a token.
    let limits = if footing.is_on_a(Level::Above) {
        SessionKind::ChainedRole
    } else {
        SessionKind::AssumedRole
    };
    let duration = own.or(general);
    let asked = duration.as_ref().map(|it| it.value);
    if let (Some(duration), (_, Some(warning))) = (&duration, limits.bound(asked)) {
        fields.problems().warning(&duration.location, warning);
    }
    let is_long = |it: &Placed<SessionDuration>| it.value.is_too_long_for_a_chain();
    if let Some(long) = duration
        .as_ref()
        .filter(|it| footing.is_on(user::NAME) && is_long(it))
    {
        let message = "for more than an hour the role is assumed with the user's access key \
                       itself: with an MFA device, each new session asks for a code";
        fields.problems().notice(&long.location, message);
    }
    Some(AssumeRole {
        role_arn: role_arn?,
        session_name,
        external_id,
        tags,
        transitive_tag_keys,
        source_identity,
        saml_provider,
        duration: asked,
        limits,
    })
}

/// `tags: { team: lake }`
fn tags(fields: &Fields<'_>) -> Vec<SessionTag> {
    let Some(all) = fields.below("principal.tags") else {
        return Vec::new();
    };
    let problems = fields.problems();
    if !matches!(all.node.value, Value::Mapping(_)) {
        let noun = all.node.noun();
        let message = format!("{noun} where a mapping is expected: `{{ team: lake }}`");
        problems.error(&all.location, message);
    }
    let mut tags = Vec::new();
    for member in all.node.members() {
        let key = member.key.text().unwrap_or_default();
        let location = all.location.below(&shorten(key), member.key.at);
        let Ok(Some(value)) = all.scalar("tags", &member.value, location.clone()) else {
            continue;
        };
        if let Err(error) = values::session_tag(key, &value.text) {
            problems.error(&location, sentence(&error));
        } else {
            tags.push(SessionTag {
                key: key.to_owned(),
                value: value.text.to_string(),
            });
        }
    }
    tags
}

fn transitive_tag_keys(fields: &Fields<'_>, tags: &[SessionTag]) -> Vec<String> {
    let Some(all) = fields.below("principal.transitive_tag_keys") else {
        return Vec::new();
    };
    let problems = fields.problems();
    let Value::Sequence(items) = &all.node.value else {
        let noun = all.node.noun();
        let message = format!("{noun} where a list of keys of `tags` is expected: `[ team ]`");
        problems.error(&all.location, message);
        return Vec::new();
    };
    let mut keys = Vec::new();
    for (index, item) in items.iter().enumerate() {
        match item.text() {
            Some(key) if tags.iter().any(|tag| tag.key == key) => keys.push(key.to_owned()),
            Some(_) | None => {
                let location = all.location.below(&index.to_string(), item.at);
                problems.error(&location, "this is not a key of `principal.tags`");
            }
        }
    }
    keys
}

fn session_name(fields: &Fields<'_>, identity: &str) -> String {
    let written = fields.read_placed("principal.session_name", values::any);
    let wanted = written.as_ref().map(|written| written.value.as_str());
    let name = values::session_name(wanted, identity);
    if let Some(written) = written.filter(|written| written.value != name) {
        let wanted = shorten(&written.value);
        let message = format!("AWS does not allow the session name `{wanted}`: `{name}` is used");
        fields.problems().warning(&written.location, message);
    }
    name
}
