//! `aws/assume-role`

use super::footing::{Footing, KindName, Level};
use super::{assume_root, identity_center, user};
use crate::config::reader::{Fields, Placed};
use crate::config::values;
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
    pub duration: Option<SessionDuration>,
    /// `ChainedRole` when the link before is a role or a permission set.
    pub limits: SessionKind,
}

pub(super) fn read(fields: &Fields<'_>, footing: &Footing<'_>) -> Option<AssumeRole> {
    if footing.is_on(identity_center::NAME) {
        let message = "a role cannot be assumed straight from IAM Identity Center: put an \
                       identity of kind aws/permission-set between, with `via: { identity: NAME }`";
        footing.misfit(fields.problems(), message);
    }
    if footing.is_on(assume_root::NAME) {
        footing.misfit(fields.problems(), assume_root::NOTHING_FROM_IT);
    }
    let general = fields.read_placed("session.duration", SessionDuration::from_str);
    let role_arn = fields.required("principal.assume_role", values::role_arn);
    let session_name = session_name(fields, footing.identity);
    let external_id = fields.read("principal.external_id", values::external_id);
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
        duration: asked,
        limits,
    })
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
