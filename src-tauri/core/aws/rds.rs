//! Auth tokens for RDS and Aurora DSQL: the presigned request that a database takes for a password.
//! Signed on this machine; AWS is not called, and only the database knows whether the token is
//! accepted.

use crate::config::{DatabaseHost, DatabaseService};
use crate::duration::SessionKind;
use crate::encode::{hex, percent};
use crate::error::shorten;
use crate::error::{Code, Error, Result};
use crate::ids::Region;
use crate::secret::{Secret, Session};
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::time::{Duration, SystemTime};
use zeroize::Zeroizing;

/// By the database's clock, from the second of the signature on.
pub const TOKEN_LIFE: Duration =
    Duration::from_secs(SessionKind::RdsAuthToken.limits().longest as u64);

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SIGNED_HEADERS: &str = "&X-Amz-SignedHeaders=host";
/// The hash of nothing.
const OF_NO_BODY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// More than any engine allows its users.
const LONGEST_USER: usize = 255;
/// The one user of Aurora DSQL with a permission of its own.
const DSQL_ADMIN: &str = "admin";

/// The database and the user that a token is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DatabaseLogin {
    host: DatabaseHost,
    port: u16,
    user: String,
    region: Region,
}

impl DatabaseLogin {
    /// `region`: of the identity, where neither the host nor anything written says another.
    pub fn new(
        host: DatabaseHost,
        port: u16,
        user: &str,
        region: &Region,
    ) -> Result<DatabaseLogin> {
        let refuse =
            |message: String, hint: &str| Err(Error::new(Code::InvalidInput, message).hint(hint));
        if port == 0 {
            return refuse(
                "`0` is not a port".to_owned(),
                "a port is a number from 1 to 65535",
            );
        }
        if user.trim().is_empty() {
            return refuse(
                "the database user is empty".to_owned(),
                "name the user who signs in to the database",
            );
        }
        if user.chars().count() > LONGEST_USER || user.contains(char::is_control) {
            let hint = "name the user as the database knows it";
            return refuse(
                format!("`{}` is not the name of a database user", shorten(user)),
                hint,
            );
        }
        Ok(DatabaseLogin {
            region: host.region.as_ref().unwrap_or(region).clone(),
            host,
            port,
            user: user.to_owned(),
        })
    }

    pub fn host(&self) -> &DatabaseHost {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn user(&self) -> &str {
        &self.user
    }

    pub fn region(&self) -> &Region {
        &self.region
    }
}

/// A token, and the moment from which the database refuses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedToken {
    pub user: String,
    pub token: Secret,
    pub expires_at: SystemTime,
}

/// Byte for byte what botocore's `generate_db_auth_token`, or for Aurora DSQL its
/// `generate_db_connect_auth_token`, makes of the same session, login and second.
pub fn sign_token(
    session: &Session,
    login: &DatabaseLogin,
    now: SystemTime,
) -> Result<SignedToken> {
    let DatabaseLogin {
        host,
        port,
        user,
        region,
    } = login;
    let name = &host.name;
    let (service, place, action) = match host.service {
        DatabaseService::Rds | DatabaseService::NotNamed => (
            "rds-db",
            format!("{name}:{port}"),
            format!("Action=connect&DBUser={}", percent(user)),
        ),
        DatabaseService::Dsql if user == DSQL_ADMIN => {
            ("dsql", name.clone(), "Action=DbConnectAdmin".to_owned())
        }
        DatabaseService::Dsql => ("dsql", name.clone(), "Action=DbConnect".to_owned()),
    };
    let moment = Timestamp::try_from(now).map_err(|_| {
        let user = shorten(user);
        let message = format!("a token for {user}@{name}:{port} cannot be signed at this moment");
        Error::new(Code::InvalidInput, message).hint("look at the clock of this machine")
    })?;
    let scope = SigningScope {
        moment,
        region,
        service,
    };
    let query = presigned(session, scope, &place, &action);
    let signed_at = u64::try_from(moment.as_second()).unwrap_or_default();
    Ok(SignedToken {
        user: user.clone(),
        // In one piece: a text that grows leaves copies behind.
        token: Secret::new([place.as_str(), "/?", query.as_str()].concat()),
        expires_at: SystemTime::UNIX_EPOCH + Duration::from_secs(signed_at) + TOKEN_LIFE,
    })
}

/// What a signature is good for.
#[derive(Clone, Copy)]
struct SigningScope<'a> {
    moment: Timestamp,
    region: &'a Region,
    service: &'static str,
}

/// The query of the presigned request. It has one shape, so it is written as it is signed: of an
/// address and a query that may be any, it would be made in many copies.
fn presigned(
    session: &Session,
    scope: SigningScope<'_>,
    place: &str,
    action: &str,
) -> Zeroizing<String> {
    let SigningScope {
        moment,
        region,
        service,
    } = scope;
    let (keys, token) = (&session.keys, &session.token);
    let date = moment.strftime("%Y%m%dT%H%M%SZ").to_string();
    let region = region.as_str();
    let scope = format!("{}/{region}/{service}/aws4_request", &date[..8]);
    let credential = percent(format!("{}/{scope}", keys.access_key_id.as_str()));
    let start = format!(
        "{action}&X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential={credential}&X-Amz-Date={date}\
         &X-Amz-Expires={}",
        TOKEN_LIFE.as_secs()
    );
    let token = token.as_ref().map_or_else(Zeroizing::default, |token| {
        let token = Zeroizing::new(percent(token.expose()));
        Zeroizing::new(["&X-Amz-Security-Token=", &token].concat())
    });
    // Names of hosts are signed in lower case, however they are written, and without the port that
    // HTTPS has.
    let host = place.to_ascii_lowercase();
    let host = host.strip_suffix(":443").unwrap_or(&host);
    let request = [
        "GET\n/\n",
        &start,
        &token,
        SIGNED_HEADERS,
        "\nhost:",
        host,
        "\n\nhost\n",
        OF_NO_BODY,
    ];
    let request = Zeroizing::new(request.concat());
    let request = hex(&Sha256::digest(request.as_bytes()));
    let text = format!("{ALGORITHM}\n{date}\n{scope}\n{request}");
    let secret = keys.secret_access_key.expose();
    let key = generate_signing_key(secret, moment.into(), region, service);
    let signature = calculate_signature(key, text.as_bytes());
    let query = [
        &start,
        SIGNED_HEADERS,
        &token,
        "&X-Amz-Signature=",
        &signature,
    ];
    Zeroizing::new(query.concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::Signer;
    use crate::ids::AccessKeyId;
    use crate::secret::{Keys, Origin, SecretAccessKey, SessionToken};
    use aws_sigv4::http_request::{
        SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
    };
    use aws_sigv4::sign::v4::SigningParams;
    use aws_smithy_runtime_api::client::identity::Identity;
    use proptest::prelude::*;

    fn session(token: Option<&str>) -> Session {
        let issued_at = moment();
        Session {
            keys: Keys {
                access_key_id: AccessKeyId::parse("ASIAIOSFODNN7EXAMPLE").expect("a key id"),
                secret_access_key: SecretAccessKey::parse(
                    "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                )
                .expect("a secret"),
            },
            token: token.map(|token| SessionToken::parse(token).expect("a token")),
            issued_at,
            expires_at: issued_at + Duration::from_secs(3600),
            principal: None,
            account: None,
            origin: Origin::Keyring,
        }
    }

    /// 2026-11-18 11:06:40 UTC.
    fn moment() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000)
    }

    fn login(host: &str, port: u16, user: &str, region: &str) -> DatabaseLogin {
        let region = region.parse().expect("a region");
        let host = DatabaseHost::read(host, None).expect("a host");
        DatabaseLogin::new(host, port, user, &region).expect("a login")
    }

    /// Printed by `generate_db_auth_token` of botocore 1.44.5 with its clock held at this moment.
    #[test]
    fn a_token_is_what_botocore_makes_of_the_same_second() {
        let orders = login(
            "orders.abc.eu-central-1.rds.amazonaws.com",
            5432,
            "app",
            "eu-central-1",
        );
        let signed = sign_token(&session(Some("IQoJb3JpZ2luX2VjE/+==")), &orders, moment())
            .expect("a token");
        assert_eq!(
            signed.token.expose(),
            "orders.abc.eu-central-1.rds.amazonaws.com:5432/?Action=connect&DBUser=app\
             &X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=ASIAIOSFODNN7EXAMPLE%2F20261118%2Feu-central-1%2Frds-db%2Faws4_request\
             &X-Amz-Date=20261118T110640Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host\
             &X-Amz-Security-Token=IQoJb3JpZ2luX2VjE%2F%2B%3D%3D\
             &X-Amz-Signature=f6d89c5b6b967090e3c6f30ec82bb8819acc028ac1ccc0d07dfaa65bf591904b"
        );
        let odd = login(
            "Orders.ABC.cn-north-1.rds.amazonaws.com.cn",
            443,
            "o'neil+x@db %/~ü",
            "cn-north-1",
        );
        let signed = sign_token(&session(None), &odd, moment()).expect("a token");
        assert_eq!(
            signed.token.expose(),
            "Orders.ABC.cn-north-1.rds.amazonaws.com.cn:443/?Action=connect\
             &DBUser=o%27neil%2Bx%40db%20%25%2F~%C3%BC&X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=ASIAIOSFODNN7EXAMPLE%2F20261118%2Fcn-north-1%2Frds-db%2Faws4_request\
             &X-Amz-Date=20261118T110640Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host\
             &X-Amz-Signature=8a8d9c30297d1f2d8c9c16dbd83ebbb34f7e5bccc8e16544ef9cd07d5fc4c889"
        );
    }

    /// Printed by botocore 1.44.8: `generate_db_connect_admin_auth_token`, and the other.
    #[test]
    fn a_token_for_aurora_dsql_is_what_botocore_makes_of_the_same_second() {
        for (user, action, signature) in [
            (
                "admin",
                "DbConnectAdmin",
                "f81f08c6541a6f4a97e48e358fc6a22551f1248684d004611de02fc60d049145",
            ),
            (
                "app",
                "DbConnect",
                "ee38cb45d89ce374ae6efc6f6dd90164ac351038b06536ed81e65c43a91960a2",
            ),
        ] {
            let login = login("abc.dsql.us-east-1.on.aws", 5432, user, "eu-west-1");
            let session = session(Some("IQoJb3JpZ2luX2VjE/+=="));
            let signed = sign_token(&session, &login, moment()).expect("a token");
            let expected = format!(
                "abc.dsql.us-east-1.on.aws/?Action={action}&X-Amz-Algorithm=AWS4-HMAC-SHA256\
                 &X-Amz-Credential=ASIAIOSFODNN7EXAMPLE%2F20261118%2Fus-east-1%2Fdsql%2Faws4_request\
                 &X-Amz-Date=20261118T110640Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host\
                 &X-Amz-Security-Token=IQoJb3JpZ2luX2VjE%2F%2B%3D%3D&X-Amz-Signature={signature}"
            );
            assert_eq!(signed.token.expose(), expected);
        }
    }

    /// aws-sigv4 makes its requests of any address, query and credentials.
    fn signature_by_the_library(session: &Session, url: &str) -> String {
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(TOKEN_LIFE);
        let identity = Identity::from(Signer::Session(session).credentials());
        let params = SigningParams::builder()
            .identity(&identity)
            .region("eu-central-1")
            .name("rds-db")
            .time(moment())
            .settings(settings)
            .build()
            .expect("all is set")
            .into();
        let request = SignableRequest::new("GET", url, std::iter::empty(), SignableBody::empty());
        let signed = sign(request.expect("a request"), &params);
        signed.expect("a signature").signature().to_owned()
    }

    proptest! {
        #[test]
        fn whatever_the_login_the_signature_is_the_librarys(
            host in "[A-Za-z0-9][A-Za-z0-9.-]{0,40}",
            port in prop_oneof![Just(443_u16), Just(80), 1_u16..],
            user in "[^\\pC\\pZ]\\PC{0,40}",
            token in proptest::option::of("[!-~]{1,400}"),
        ) {
            let host = format!("{host}.example");
            let (session, login) = (session(token.as_deref()), login(&host, port, &user, "eu-central-1"));
            let signed = sign_token(&session, &login, moment()).expect("a token");
            let start = format!("{host}:{port}/?Action=connect&DBUser={}", percent(&user));
            let (_, signature) = signed.token.expose().rsplit_once('=').expect("a signature");
            let url = format!("https://{}", start.replacen(&host, &host.to_ascii_lowercase(), 1));
            prop_assert!(signed.token.expose().starts_with(&start));
            prop_assert_eq!(signature, signature_by_the_library(&session, &url));
        }
    }

    #[test]
    fn its_fifteen_minutes_begin_with_the_whole_second_that_it_names() {
        let orders = login("db.example", 5432, "app", "eu-central-1");
        let late = moment() + Duration::from_millis(999);
        let signed = sign_token(&session(None), &orders, late).expect("a token");
        assert_eq!(
            signed,
            sign_token(&session(None), &orders, moment()).expect("a token")
        );
        assert_eq!(signed.expires_at, moment() + Duration::from_secs(900));
    }

    #[test]
    fn the_longest_session_token_that_there_is_can_be_signed_with() {
        let users = "ü".repeat(LONGEST_USER);
        let orders = login(&"a".repeat(253), 5432, &users, "eu-central-1");
        let longest = "=".repeat(16_384);
        let signed = sign_token(&session(Some(&longest)), &orders, moment()).expect("a token");
        assert!(signed.token.expose().contains(&"%3D".repeat(16_384)));
    }

    #[test]
    fn what_is_no_host_port_or_user_is_refused_by_name() {
        let region: Region = "eu-central-1".parse().expect("a region");
        let long = "a".repeat(300);
        for (host, port, user, named) in [
            ("", 5432, "app", "host"),
            ("https://db.example", 5432, "app", "https://db.example"),
            ("db.example:5432", 5432, "app", "db.example:5432"),
            ("db example", 5432, "app", "db example"),
            ("db.example/x", 5432, "app", "db.example/x"),
            ("db.example?x=y#z", 5432, "app", "db.example?x"),
            ("kim@db.example", 5432, "app", "kim@db.example"),
            ("dß.example", 5432, "app", "dß.example"),
            ("db\n", 5432, "app", "host"),
            (&long, 5432, "app", "aaaa"),
            ("db.example", 0, "app", "port"),
            ("db.example", 5432, "", "user is empty"),
            ("db.example", 5432, " \t", "user is empty"),
            ("db.example", 5432, "a\0b", "database user"),
            ("db.example", 5432, &long, "aaaa"),
        ] {
            let error = DatabaseHost::read(host, None)
                .and_then(|host| DatabaseLogin::new(host, port, user, &region))
                .expect_err(host);
            assert_eq!(
                (error.code, error.hints.len()),
                (Code::InvalidInput, 1),
                "{host}:{port} {user}"
            );
            assert!(
                error.message.contains(named) && error.message.len() < 300,
                "{error}"
            );
            assert!(!error.message.contains(['\n', '\0']), "{error}");
        }
    }
}
