//! The host of a database. AWS's own names hold the service and the region, and AWS checks a token
//! against its own name alone.

use crate::error::{Code, Error, Result, shorten};
use crate::ids::Region;
use std::net::IpAddr;

/// Of DNS.
const LONGEST_HOST: usize = 253;
const SUFFIXES: [&str; 6] = [
    ".amazonaws.com",
    ".amazonaws.com.cn",
    ".amazonaws.eu",
    ".c2s.ic.gov",
    ".sc2s.sgov.gov",
    ".on.aws",
];
/// Databases of AWS that take neither kind of token, by their word in the name of a host.
const WITHOUT_TOKENS: [(&str, &str); 4] = [
    ("redshift", "Amazon Redshift"),
    ("redshift-serverless", "Amazon Redshift Serverless"),
    ("docdb", "Amazon DocumentDB"),
    ("neptune", "Amazon Neptune"),
];

/// What checks the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DatabaseService {
    Rds,
    /// Aurora DSQL, which has tokens of its own.
    Dsql,
    /// The name is none of AWS's: that of a tunnel, or an alias.
    NotNamed,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DatabaseHost {
    pub name: String,
    pub service: DatabaseService,
    /// As written, else as the name says.
    pub region: Option<Region>,
}

impl DatabaseHost {
    /// Refuses what is no host, what takes no token, and a region that the name contradicts.
    pub fn read(name: &str, written: Option<Region>) -> Result<DatabaseHost> {
        refuse_no_name(name)?;
        let (service, region) = in_the_name(name)?;
        if let (Some(written), Some(of_host)) = (&written, &region)
            && written != of_host
        {
            let message =
                format!("the region {written} contradicts the host {name}, which is in {of_host}");
            return Err(Error::new(Code::InvalidInput, message)
                .hint("leave the region out: the host says it"));
        }
        Ok(DatabaseHost {
            name: name.to_owned(),
            service,
            region: written.or(region),
        })
    }

    /// Of a server that takes a password: any, by its name or its address.
    pub fn of_password(name: &str, region: Option<Region>) -> Result<DatabaseHost> {
        if name.parse::<IpAddr>().is_err() {
            refuse_no_name(name)?;
        }
        Ok(DatabaseHost {
            name: name.to_owned(),
            service: DatabaseService::NotNamed,
            region,
        })
    }

    /// `None` where the name is AWS's own.
    pub fn warning(&self) -> Option<String> {
        match self.service {
            DatabaseService::Rds | DatabaseService::Dsql => None,
            DatabaseService::NotNamed => Some(format!(
                "AWS accepts a token only for the endpoint that it shows for the database \
                 (….rds.amazonaws.com), and `{}` is none: write the endpoint as the host, or name \
                 it with `fob rds token NAME --host ENDPOINT`; connect through a tunnel or an \
                 alias as before",
                self.name
            )),
        }
    }
}

fn refuse_no_name(name: &str) -> Result<()> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    if (1..=LONGEST_HOST).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    let message = format!("`{}` is not the name of a host", shorten(name));
    Err(Error::new(Code::InvalidInput, message).hint(
        "a host looks like orders.abc.eu-central-1.rds.amazonaws.com, without `https://`; the port \
         is given apart from it",
    ))
}

/// `orders.abc.eu-central-1.rds.amazonaws.com`; in China the last two words change places, and
/// `….global.rds.amazonaws.com` moves between regions.
fn in_the_name(name: &str) -> Result<(DatabaseService, Option<Region>)> {
    let lower = name.to_ascii_lowercase();
    let suffix = |suffix: &&str| lower.strip_suffix(*suffix);
    let Some(front) = SUFFIXES.iter().find_map(suffix) else {
        return Ok((DatabaseService::NotNamed, None));
    };
    let mut words = front.rsplit('.');
    let last = [words.next(), words.next()].map(Option::unwrap_or_default);
    let other = WITHOUT_TOKENS.iter().find(|(word, _)| last.contains(word));
    if let Some((_, service)) = other {
        let message = format!("{name} is a host of {service}, which takes no RDS auth token");
        return Err(Error::new(Code::Unsupported, message).hint(
            "its own drivers sign in with the identity's credentials: fob exec IDENTITY -- COMMAND",
        ));
    }
    let service = if last.contains(&"rds") {
        DatabaseService::Rds
    } else if last.contains(&"dsql") {
        DatabaseService::Dsql
    } else {
        return Ok((DatabaseService::NotNamed, None));
    };
    let region = last.iter().find_map(|word| word.parse::<Region>().ok());
    Ok((service, region))
}

#[cfg(test)]
mod tests {
    use super::*;
    use DatabaseService::{Dsql, NotNamed, Rds};

    #[test]
    fn the_region_and_the_service_are_those_of_the_host() {
        for (host, service, region) in [
            (
                "orders.abc123.eu-central-1.rds.amazonaws.com",
                Rds,
                Some("eu-central-1"),
            ),
            (
                "Orders.ABC.EU-Central-1.RDS.amazonaws.com",
                Rds,
                Some("eu-central-1"),
            ),
            (
                "lake.cluster-ro-abc123.ap-southeast-2.rds.amazonaws.com",
                Rds,
                Some("ap-southeast-2"),
            ),
            (
                "pool.proxy-abc123.us-gov-west-1.rds.amazonaws.com",
                Rds,
                Some("us-gov-west-1"),
            ),
            (
                "orders.abc123.rds.cn-north-1.amazonaws.com.cn",
                Rds,
                Some("cn-north-1"),
            ),
            (
                "orders.abc123.cn-northwest-1.rds.amazonaws.com.cn",
                Rds,
                Some("cn-northwest-1"),
            ),
            ("lake.global-abc123.global.rds.amazonaws.com", Rds, None),
            ("abc.dsql.us-east-1.on.aws", Dsql, Some("us-east-1")),
            ("localhost", NotNamed, None),
            ("db.corp.example", NotNamed, None),
            ("rds.amazonaws.com.example", NotNamed, None),
        ] {
            let read = DatabaseHost::read(host, None).expect(host);
            let found = read.region.as_ref().map(Region::as_str);
            assert_eq!((read.service, found), (service, region), "{host}");
            assert_eq!(read.warning().is_some(), service == NotNamed, "{host}");
        }
    }

    #[test]
    fn a_region_that_the_host_contradicts_is_an_error_that_names_both() {
        let region = |text: &str| Some(text.parse::<Region>().expect("a region"));
        let host = "orders.abc123.eu-central-1.rds.amazonaws.com";
        assert!(DatabaseHost::read(host, region("eu-central-1")).is_ok());
        let error = DatabaseHost::read(host, region("us-west-2")).expect_err("a contradiction");
        assert!(
            error.message.contains("us-west-2") && error.message.contains("eu-central-1"),
            "{error}"
        );
        let tunnel = DatabaseHost::read("localhost", region("us-west-2")).expect("a host");
        assert_eq!(tunnel.region, region("us-west-2"));
    }

    #[test]
    fn a_server_that_takes_a_password_may_be_an_address_and_is_no_url() {
        for host in ["db.corp.example", "10.0.0.7", "::1"] {
            assert!(DatabaseHost::of_password(host, None).is_ok(), "{host}");
        }
        for no_host in ["https://db.example", "db.example:5432", "[::1]", "a b", ""] {
            let error = DatabaseHost::of_password(no_host, None).expect_err(no_host);
            assert!(
                error.message.contains("is not the name of a host"),
                "{error}"
            );
        }
    }

    #[test]
    fn databases_that_take_no_token_are_refused_by_name() {
        for (host, service) in [
            (
                "lake.abc123.us-east-1.redshift.amazonaws.com",
                "Amazon Redshift,",
            ),
            (
                "lake.1.us-east-1.redshift-serverless.amazonaws.com",
                "Redshift Serverless",
            ),
            (
                "docs.cluster-abc.us-east-1.docdb.amazonaws.com",
                "DocumentDB",
            ),
            (
                "graph.cluster-abc.neptune.cn-north-1.amazonaws.com.cn",
                "Neptune",
            ),
        ] {
            let error = DatabaseHost::read(host, None).expect_err(host);
            assert_eq!(error.code, Code::Unsupported);
            assert!(error.message.contains(service), "{error}");
        }
    }
}
