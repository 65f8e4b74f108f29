//! The section `databases`.

use super::database_host::DatabaseHost;
use super::entries::{NamedFields, named};
use super::identity::Identity;
use super::problem::{Blocked, list};
use super::reader::{Fields, Placed, sentence};
use super::values::{self, refuse};
use crate::error::{Code, Error, Result, shorten};
use crate::ids::{DatabaseName, IdentityName, Region};
use std::collections::HashMap;
use std::path::PathBuf;
use std::str::FromStr;

/// A database to sign in to with an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    pub name: DatabaseName,
    pub engine: Engine,
    pub host: String,
    pub port: u16,
    pub user: String,
    /// The region of the identity's chain where none is written.
    pub region: Option<Region>,
    pub identity: IdentityName,
    /// In place of an auth token signed by the identity.
    pub password_secret: Option<PasswordSecret>,
    /// The port of this machine on which an agent listens for its clients.
    pub proxy_port: Option<u16>,
    /// The certificates that the server's is checked against.
    pub proxy_ca: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Engine {
    Postgres,
    Mysql,
    Mariadb,
}

impl Engine {
    pub const ALL: [Engine; 3] = [Engine::Postgres, Engine::Mysql, Engine::Mariadb];

    pub const fn as_str(self) -> &'static str {
        match self {
            Engine::Postgres => "postgres",
            Engine::Mysql => "mysql",
            Engine::Mariadb => "mariadb",
        }
    }

    pub const fn default_port(self) -> u16 {
        match self {
            Engine::Postgres => 5432,
            Engine::Mysql | Engine::Mariadb => 3306,
        }
    }
}

/// A password kept in AWS Secrets Manager.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PasswordSecret {
    pub arn: String,
    /// The field of the secret's JSON; `None` when the whole secret is the password.
    pub field: Option<String>,
}

pub(super) fn databases(auth: &Fields<'_>, identities: &[Identity]) -> Vec<Database> {
    let named = named::<DatabaseName>(auth, "databases", Blocked::Database);
    let mut taken = HashMap::new();
    let database = |it| database(it, identities, &mut taken);
    named.into_iter().filter_map(database).collect()
}

/// `taken`: the ports of those before it.
fn database(
    it: NamedFields<'_, DatabaseName>,
    identities: &[Identity],
    taken: &mut HashMap<u16, DatabaseName>,
) -> Option<Database> {
    let NamedFields { name, fields } = it;
    let engine = fields.required("engine", engine);
    let host = fields.required_placed("host", values::any);
    let proxy_port = fields.read_placed("proxy.port", port);
    let port = fields.read("port", port);
    let user = fields.required("user", values::any);
    let region = fields.read_placed("region", Region::from_str);
    let via = fields.required_placed("via.identity", values::any);
    let identity = via.and_then(|via| find(&fields, &via, identities));
    let password_secret = fields.read("password_secret", password_secret);
    let proxy_ca = fields.read("proxy.ca", |text| fields.path(text));
    if let Some(Placed { value, location }) = &proxy_port
        && let Some(other) = taken.insert(*value, name.clone())
    {
        let message = format!("the port {value} is that of {other}; choose another");
        fields.problems().error(location, message);
    }
    if let Some(password) = fields.credential("password") {
        let message = "a password in a file is read by backups and other programs, and Keyfob does \
                       not use it: remove it; the identity signs a token, or `password_secret` \
                       names a password in AWS Secrets Manager";
        fields.problems().warning(&password.location, message);
    }
    if let Some(host) = &host {
        let region = region.as_ref().map(|region| region.value.clone());
        let warning = match password_secret {
            // It must be one that takes a token.
            None => DatabaseHost::read(&host.value, region).map(|it| it.warning()),
            Some(_) => DatabaseHost::of_password(&host.value, region).map(|_| None),
        };
        said_of_host(&fields, host, warning);
    }
    fields.finish("a database", &[]);
    let engine = engine?;
    Some(Database {
        name,
        engine,
        host: host?.value,
        port: port.unwrap_or(engine.default_port()),
        user: user?,
        region: region.map(|region| region.value),
        identity: identity?,
        password_secret,
        proxy_port: proxy_port.map(|port| port.value),
        proxy_ca,
    })
}

fn find(
    fields: &Fields<'_>,
    via: &Placed<String>,
    identities: &[Identity],
) -> Option<IdentityName> {
    let is_it = |it: &&Identity| it.name.as_str().eq_ignore_ascii_case(&via.value);
    if let Some(found) = identities.iter().find(is_it) {
        return Some(found.name.clone());
    }
    let names: Vec<&str> = identities.iter().map(|it| it.name.as_str()).collect();
    let instead = fields.problems().instead_of(&via.value, &names);
    let message = format!("there is no identity `{}`{instead}", shorten(&via.value));
    fields.problems().error(&via.location, message);
    None
}

fn engine(text: &str) -> Result<Engine> {
    let mut all = Engine::ALL.into_iter();
    all.find(|engine| engine.as_str() == text).ok_or_else(|| {
        let (text, known) = (shorten(text), list(&Engine::ALL.map(Engine::as_str)));
        let message = format!("the engine `{text}` is not known. Known: {known}");
        Error::new(Code::InvalidInput, message)
    })
}

fn said_of_host(fields: &Fields<'_>, host: &Placed<String>, said: Result<Option<String>>) {
    match said {
        Ok(None) => {}
        Ok(Some(warning)) => fields.problems().warning(&host.location, warning),
        Err(error) => fields.problems().error(&host.location, sentence(&error)),
    }
}

fn port(text: &str) -> Result<u16> {
    match text.parse::<u16>() {
        Ok(port) if port > 0 => Ok(port),
        Ok(_) | Err(_) => refuse(text, "a port", "a port is a number from 1 to 65535"),
    }
}

/// `ARN` or `ARN#key`, where the key names a field of the secret's JSON.
fn password_secret(text: &str) -> Result<PasswordSecret> {
    let (arn, field) = match text.split_once('#') {
        Some((arn, field)) => (arn, Some(field)),
        None => (text, None),
    };
    // `arn:aws:secretsmanager:…:secret:db` leaves out where it is; AWS tells when that is not
    // enough.
    let is_secret =
        arn.starts_with("arn:aws") && arn.contains(":secretsmanager:") && arn.contains(":secret:");
    if is_secret && !arn.contains(char::is_whitespace) && field != Some("") {
        return Ok(PasswordSecret {
            arn: arn.to_owned(),
            field: field.map(str::to_owned),
        });
    }
    let expected =
        "it looks like arn:aws:secretsmanager:eu-central-1:123456789012:secret:db-x1#password";
    refuse(text, "the ARN of a secret", expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arn_of_a_secret_may_name_a_field() {
        let secret = password_secret(
            "arn:aws:secretsmanager:eu-central-1:123456789012:secret:db-x1#password",
        );
        assert_eq!(
            secret.map(|secret| secret.field),
            Ok(Some("password".to_owned()))
        );
        for text in [
            "db-x1",
            "arn:aws:s3:::secret",
            "arn:aws:secretsmanager:eu-central-1:123456789012:secret:db#",
        ] {
            assert!(password_secret(text).is_err(), "{text}");
        }
    }
}
