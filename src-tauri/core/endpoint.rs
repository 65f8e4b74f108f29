//! The server that keys and sessions are for: AWS, whichever of its regions and hosts a call goes
//! to, or another one, by its address.

use crate::ids::Region;
use serde::{Deserialize, Serialize};
use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Endpoint(Option<String>);

const AWS: &str = "AWS";
const OF_AWS: [&str; 4] = [
    ".amazonaws.com",
    ".amazonaws.com.cn",
    ".api.aws",
    ".api.amazonwebservices.com.cn",
];

impl Endpoint {
    pub const AWS: Endpoint = Endpoint(None);

    /// `None`: none is named, so calls go to AWS.
    pub fn of(url: Option<&str>) -> Endpoint {
        let url = url.map(str::trim).filter(|url| *url != AWS);
        let Some((scheme, rest)) = url.map(|url| url.split_once("://").unwrap_or(("", url))) else {
            return Endpoint::AWS;
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (scheme, authority) = (scheme.to_ascii_lowercase(), authority.to_ascii_lowercase());
        let port = if scheme == "https" { ":443" } else { ":80" };
        let host = authority.strip_suffix(port).unwrap_or(&authority);
        if scheme == "https" && is_of_aws(host) {
            return Endpoint::AWS;
        }
        let address = format!("{scheme}://{host}/{path}");
        Endpoint(Some(address.trim_end_matches('/').to_owned()))
    }
}

/// Safe without TLS: the request does not leave this machine. What looks like a port could be a
/// name before an `@`.
pub fn is_on_loopback(url: &str) -> bool {
    let port = |rest: &str| {
        rest.strip_prefix(':')
            .is_some_and(|port| port.bytes().all(|b| b.is_ascii_digit()))
    };
    ["http://127.0.0.1", "http://localhost", "http://[::1]"]
        .iter()
        .any(|start| {
            let rest = url.strip_prefix(start).map(|rest| {
                rest.split_once('/')
                    .map_or(rest, |(authority, _)| authority)
            });
            rest.is_some_and(|rest| rest.is_empty() || port(rest))
        })
}

/// The hosts of AWS's own STS, also those in a private network. Others below the same domains are
/// open to every AWS customer.
fn is_of_aws(host: &str) -> bool {
    let Some(name) = OF_AWS.iter().find_map(|it| host.strip_suffix(it)) else {
        return false;
    };
    let name = match name.strip_suffix(".vpce") {
        Some(private) => private.split_once('.').map_or("", |(_, name)| name),
        None => name,
    };
    let (service, region) = name.split_once('.').unwrap_or((name, "us-east-1"));
    ["sts", "sts-fips"].contains(&service) && region.parse::<Region>().is_ok()
}

impl From<String> for Endpoint {
    fn from(text: String) -> Endpoint {
        Endpoint::of(Some(&text))
    }
}

impl From<Endpoint> for String {
    fn from(endpoint: Endpoint) -> String {
        endpoint.to_string()
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_deref().unwrap_or(AWS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_host_of_aws_is_the_same_and_those_of_its_customers_are_not() {
        for of_aws in [
            "https://sts.amazonaws.com",
            "https://sts.eu-central-1.amazonaws.com/",
            "HTTPS://STS-FIPS.us-east-2.amazonaws.com:443",
            "https://sts.us-east-2.api.aws",
            "https://sts.cn-north-1.amazonaws.com.cn",
            "https://vpce-0a1b-x.sts.eu-central-1.vpce.amazonaws.com",
        ] {
            assert_eq!(Endpoint::of(Some(of_aws)), Endpoint::AWS, "{of_aws}");
        }
        for other in [
            "http://sts.eu-central-1.amazonaws.com",
            "https://x1.execute-api.eu-central-1.amazonaws.com",
            "https://vpce-1.vpce-svc-2.eu-central-1.vpce.amazonaws.com",
            "https://sts.eu-central-1.amazonaws.com.example",
            "https://sts.eu-central-1.amazonaws.com@example.com",
            "https://sts.example/.amazonaws.com",
            "http://127.0.0.1:4566",
        ] {
            assert_ne!(Endpoint::of(Some(other)), Endpoint::AWS, "{other}");
        }
    }

    #[test]
    fn one_server_has_one_spelling_also_after_it_was_stored() {
        let one = Endpoint::of(Some("http://LocalHost:4566/"));
        assert_eq!(one.to_string(), "http://localhost:4566");
        for same in ["http://localhost:4566", "http://localhost:4566/"] {
            assert_eq!(Endpoint::of(Some(same)), one);
        }
        for endpoint in [one, Endpoint::AWS] {
            assert_eq!(Endpoint::from(String::from(endpoint.clone())), endpoint);
        }
    }
}
