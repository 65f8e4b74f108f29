//! The role of a container: requested from the endpoint that its environment names, and of no other
//! host than this machine, an agent of ECS or EKS, or one behind TLS.

use super::client::Aws;
use super::get::get;
use super::printed::{self, Printer, Useless};
use crate::endpoint::is_on_loopback;
use crate::error::{Code, Error, shorten, shorten_to};
use crate::foreign::Foreign;
use crate::secret::{Secret, Session};
use serde_json::Value;
use zeroize::Zeroizing;

const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
const ECS: &str = "http://169.254.170.2";
/// The agents of ECS and EKS, which are on this machine.
const AGENTS: [&str; 3] = [ECS, "http://169.254.170.23", "http://[fd00:ec2::23]"];
const LONGEST_MESSAGE: usize = 300;

/// Why there is no role.
pub(super) enum NoRole {
    /// There is no such endpoint here.
    NotConfigured(String),
    Failed(Error),
}

impl From<String> for NoRole {
    fn from(why: String) -> NoRole {
        NoRole::Failed(Error::new(Code::NoCredentials, why))
    }
}

pub(super) async fn role(aws: &Aws) -> Result<Session, NoRole> {
    let uri = uri(aws)?;
    let token = token(aws)?;
    let connector = if uri.starts_with("http:") {
        aws.direct_connector()
    } else {
        aws.http_connector(None).map_err(|error| error.message)?
    };
    match get(&connector, &uri, token.as_ref()).await {
        Ok((200, body)) => {
            let session = printed::session(&body, Printer::Container, aws.clock.now());
            session.map_err(|useless| match useless {
                Useless::Expired(error) => NoRole::Failed(error),
                Useless::Flawed(why) => match own_message(&body) {
                    Some(said) => said.to_string().into(),
                    None => why.into(),
                },
            })
        }
        Ok((status, body)) => {
            let said = match own_message(&body) {
                Some(said) => format!(": {said}"),
                None if body.trim().is_empty() => String::new(),
                // A page of a server says no more than its status.
                None if body.contains('<') => ", with a page for a browser".to_owned(),
                None => format!(": {}", shorten_to(LONGEST_MESSAGE, body.trim())),
            };
            Err(format!("{} answered {status}{said}", shorten(&uri)).into())
        }
        Err(why) => Err(format!("{}: {why}", shorten(&uri)).into()),
    }
}

/// A variable that is empty is an absent one.
fn value<'a>(aws: &'a Aws, name: &str) -> Result<Option<&'a str>, String> {
    let value = aws.environment.var(name).map_err(|error| error.message)?;
    Ok(value.map(str::trim).filter(|value| !value.is_empty()))
}

fn uri(aws: &Aws) -> Result<String, NoRole> {
    if let Some(path) = value(aws, RELATIVE)? {
        return match path.strip_prefix('/') {
            Some(path) => Ok(format!("{ECS}/{path}")),
            None => Err(format!("{RELATIVE} does not begin with /").into()),
        };
    }
    let Some(uri) = value(aws, FULL)? else {
        let why = format!("{RELATIVE} and {FULL} are not set");
        return Err(NoRole::NotConfigured(why));
    };
    // Our own endpoint hands out what was signed in to here; taking it for a role would make a
    // loop.
    if is_our_own(uri) {
        return Err(NoRole::NotConfigured(format!(
            "{FULL} is Keyfob's own endpoint"
        )));
    }
    let is_agent = |agent: &&str| {
        let rest = uri.strip_prefix(*agent);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ':']))
    };
    if uri.starts_with("https://") || is_on_loopback(uri) || AGENTS.iter().any(is_agent) {
        return Ok(uri.to_owned());
    }
    let why = format!("{FULL} is neither https, nor this machine, nor an agent of ECS or EKS");
    Err(why.into())
}

/// A token becomes a header: a line end in it would be a part of the next one.
fn token(aws: &Aws) -> Result<Option<Secret>, String> {
    let (token, from) = if let Some(path) = value(aws, TOKEN_FILE)? {
        let read = std::fs::read_to_string(path).map(Zeroizing::new);
        let cause = |cause| format!("{TOKEN_FILE} names {path}, which cannot be read: {cause}");
        (
            read.map_err(cause)?,
            format!("the file {path}, named by {TOKEN_FILE},"),
        )
    } else if let Some(token) = value(aws, TOKEN)? {
        (Zeroizing::new(token.to_owned()), TOKEN.to_owned())
    } else {
        return Ok(None);
    };
    if token.contains(['\n', '\r']) {
        return Err(format!(
            "{from} holds a line end: write the token without one (printf, not echo)"
        ));
    }
    if !token
        .bytes()
        .all(|byte| byte.is_ascii_graphic() || byte == b' ')
    {
        return Err(format!("{from} holds characters that no token has"));
    }
    Ok(Some(Secret::new(token.as_str())))
}

/// `{"code","message"}`, as endpoints say why they give nothing.
fn own_message(body: &str) -> Option<Foreign> {
    let value: Value = serde_json::from_str(body).ok()?;
    let field = |names: [&str; 2]| names.iter().find_map(|name| value.get(name)?.as_str());
    let message = shorten_to(LONGEST_MESSAGE, field(["message", "Message"])?);
    Some(match field(["code", "Code"]) {
        Some(code) => format!("{message} ({})", shorten(code)).into(),
        None => message.into(),
    })
}

/// As `cli/exec/endpoint` names itself.
fn is_our_own(uri: &str) -> bool {
    let path = uri
        .strip_prefix("http://127.0.0.1:")
        .and_then(|rest| rest.split_once('/'));
    path.is_some_and(|(_, path)| path.starts_with("v1/credentials/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::environment::Environment;

    #[test]
    fn our_own_endpoint_is_told_from_a_containers() {
        assert!(is_our_own(
            "http://127.0.0.1:40123/v1/credentials/team%2Fdeploy"
        ));
        for foreign in [
            "http://127.0.0.1/v1/credentials",
            "http://127.0.0.1:40123/role?next=/v1/credentials/dev",
            "http://169.254.170.23/v1/credentials",
            "http://localhost:40123/v1/credentials/dev",
            "https://127.0.0.1:40123/v1/credentials/dev",
        ] {
            assert!(!is_our_own(foreign), "{foreign}");
        }
    }

    #[test]
    fn the_endpoint_is_the_one_the_environment_names_and_no_stranger() {
        let of = |variables: &[(&str, &str)]| {
            let environment = Environment::of(variables.iter().copied());
            uri(&Aws::new(environment, Clock::system()))
        };
        for (variables, right) in [
            (
                vec![(RELATIVE, "/v2/x"), (FULL, "http://elsewhere/")],
                "http://169.254.170.2/v2/x",
            ),
            (
                vec![(RELATIVE, " "), (FULL, "http://169.254.170.23/v1")],
                "http://169.254.170.23/v1",
            ),
            (
                vec![(FULL, "http://localhost:8080/x")],
                "http://localhost:8080/x",
            ),
            (
                vec![(FULL, "https://creds.example/x")],
                "https://creds.example/x",
            ),
        ] {
            assert_eq!(of(&variables).ok().as_deref(), Some(right), "{variables:?}");
        }
        for full in [
            "http://elsewhere/",
            "http://169.254.170.2.elsewhere/",
            "ftp://localhost",
        ] {
            assert!(
                matches!(of(&[(FULL, full)]), Err(NoRole::Failed(_))),
                "{full}"
            );
        }
        let empty = of(&[(RELATIVE, ""), (FULL, "")]);
        assert!(matches!(empty, Err(NoRole::NotConfigured(_))));
    }
}
