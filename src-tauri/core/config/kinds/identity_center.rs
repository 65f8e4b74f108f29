//! `aws/iam-identity-center`

use super::footing::KindName;
use crate::config::reader::Fields;
use crate::config::values;
use crate::duration::SessionDuration;
use crate::error::Result;
use std::str::FromStr;

pub(crate) const NAME: KindName = KindName::provider("aws/iam-identity-center");

#[derive(Clone, Debug)]
pub struct IdentityCenter {
    /// In one spelling.
    pub start_url: String,
    pub auto_provision_identities: bool,
    /// As written; limits are applied when signing in.
    pub session_duration: Option<SessionDuration>,
    pub console_session_duration: Option<SessionDuration>,
}

pub(super) fn read(fields: &Fields<'_>) -> Option<IdentityCenter> {
    let start_url = fields.required("start_url", start_url);
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

/// Lower case, and without what a browser's address may end with: one place has one spelling.
fn start_url(text: &str) -> Result<String> {
    values::url(text).map(|url| one_start_url(&url))
}

pub(crate) fn one_start_url(url: &str) -> String {
    let url = url.to_ascii_lowercase();
    url.trim_end_matches(['#', '/']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_start_url_has_one_spelling() {
        for same in [
            "https://corp.awsapps.com/start",
            "https://corp.awsapps.com/start/",
            "https://corp.awsapps.com/start/#/",
            "HTTPS://Corp.awsapps.com/Start#",
        ] {
            let url = start_url(same).expect("a URL");
            assert_eq!(url, "https://corp.awsapps.com/start", "{same}");
        }
    }
}
