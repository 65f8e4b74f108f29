//! `aws/iam-identity-center`

use super::footing::KindName;
use crate::config::reader::Fields;
use crate::config::values;
use crate::duration::SessionDuration;
use crate::error::Result;
use crate::ids::Region;
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

fn start_url(text: &str) -> Result<String> {
    values::url(text).map(|url| one_start_url(&url))
}

/// AWS's own in lower case, and without what a browser's address may end with: one place has one
/// spelling. What a customer's own address means is the customer's to say.
pub(crate) fn one_start_url(url: &str) -> String {
    if is_of_aws(url) {
        let url = url.to_ascii_lowercase();
        url.trim_end_matches(['#', '/']).to_owned()
    } else {
        url.split('#').next().unwrap_or(url).to_owned()
    }
}

/// Where AWS has the pages that people sign in at, in each of its partitions.
const PAGES: &[&str] = &[
    ".awsapps.com",
    ".awsapps.cn",
    ".app.aws",
    ".app.amazonwebservices.com.cn",
    ".app.amazonwebservices.eu",
];
const ISSUERS: &[&str] = &[
    "identitycenter.amazonaws.com",
    "identitycenter.amazonaws.com.cn",
    "identitycenter.amazonaws-us-gov.com",
    "identitycenter.amazonaws.eu",
];

/// Otherwise an address of the customer's own.
pub(crate) fn is_of_aws(start_url: &str) -> bool {
    host(start_url).is_some_and(|host| {
        PAGES.iter().any(|page| host.ends_with(page)) || ISSUERS.contains(&host.as_str())
    })
}

/// Of a portal that names its region: `https://ssoins-1.portal.eu-west-1.app.aws`.
pub(crate) fn region_of(start_url: &str) -> Option<Region> {
    let host = host(start_url).filter(|_| is_of_aws(start_url))?;
    let mut labels = host.split('.').skip_while(|label| *label != "portal");
    labels.nth(1)?.parse().ok()
}

fn host(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.strip_suffix(":443").unwrap_or(authority);
    let is_safe = scheme.eq_ignore_ascii_case("https") && !host.contains(['@', ':', '\\']);
    is_safe.then(|| host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_urls_of_aws_are_told_from_those_of_customers() {
        for (of_aws, region) in [
            ("https://d-1234567890.awsapps.com/start", None),
            ("https://start.us-gov-home.awsapps.com/directory/d-1", None),
            (
                "https://start.cn-north-1.home.awsapps.cn/directory/d-1",
                None,
            ),
            (
                "https://SSOINS-1.portal.eu-west-1.app.aws:443/",
                Some("eu-west-1"),
            ),
            ("https://identitycenter.amazonaws.com/ssoins-1", None),
        ] {
            assert!(is_of_aws(of_aws), "{of_aws}");
            let found = region_of(of_aws);
            assert_eq!(found.as_ref().map(Region::as_str), region, "{of_aws}");
        }
        for other in [
            "https://aws.corp.example/start",
            "https://awsapps.com.example/start",
            "https://kim@corp.awsapps.com/start",
            "https://aws.corp.example/.awsapps.com",
            "https://aws.corp.example#.awsapps.com",
            "https://identitycenter.s3.amazonaws.com/x",
            "http://corp.awsapps.com/start",
            "https://portal.eu-west-1.corp.example",
        ] {
            assert!(!is_of_aws(other) && region_of(other).is_none(), "{other}");
        }
        let own = start_url("https://Go.corp.example/AWS/#x").expect("a URL");
        assert_eq!(own, "https://Go.corp.example/AWS/");
    }

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
