//! `aws/iam-identity-center`

use super::footing::KindName;
use crate::config::reader::Fields;
use crate::config::values;
use crate::duration::SessionDuration;
use std::str::FromStr;

pub(crate) const NAME: KindName = KindName::provider("aws/iam-identity-center");

#[derive(Clone, Debug)]
pub struct IdentityCenter {
    pub start_url: String,
    pub auto_provision_identities: bool,
    /// As written; limits are applied when signing in.
    pub session_duration: Option<SessionDuration>,
    pub console_session_duration: Option<SessionDuration>,
}

pub(super) fn read(fields: &Fields<'_>) -> Option<IdentityCenter> {
    let start_url = fields.required("start_url", values::url);
    let auto_provision_identities = fields.is_set("auto_provision_identities");
    let session_duration = fields.read("session.duration", SessionDuration::from_str);
    let console_session_duration =
        fields.read("console.session_duration", SessionDuration::from_str);
    Some(IdentityCenter {
        start_url: start_url?,
        auto_provision_identities,
        session_duration,
        console_session_duration,
    })
}
