//! Single values that are more than text: URLs, ARNs, paths, session names. Each is checked as far
//! as it can be without asking AWS, and refused with what was expected.

use crate::environment::Environment;
use crate::error::{Code, Error, Result, shorten};
use crate::ids::{AccountId, Partition};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

/// AWS's bounds for RoleSessionName.
const SESSION_NAME: std::ops::RangeInclusive<usize> = 2..=64;

pub(super) fn refuse<T>(text: &str, is_not: &str, expected: &str) -> Result<T> {
    Err(Error::new(
        Code::InvalidInput,
        format!("`{}` is not {is_not}", shorten(text)),
    )
    .hint(expected))
}

/// Any text that the reader lets through.
#[expect(clippy::unnecessary_wraps, reason = "stands where a check stands")]
pub(super) fn any(text: &str) -> Result<String> {
    Ok(text.to_owned())
}

/// https, or http to this machine.
pub fn url(text: &str) -> Result<String> {
    let expected = "a URL looks like https://example.com/start; http is for this machine only \
        (http://127.0.0.1:4566)";
    let Some((scheme, rest)) = text.split_once("://") else {
        return refuse(text, "a URL", expected);
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    if authority.contains('@') {
        return Err(Error::new(
            Code::InvalidInput,
            "the URL contains a user name or password",
        )
        .hint("leave it out"));
    }
    let (host, port) = match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']').unwrap_or((bracketed, "?")),
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let is_port = port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|port| port.parse::<u16>().is_ok());
    if host.is_empty()
        || !is_port
        || text.contains(|c: char| c.is_whitespace() || matches!(c, '\\' | '"' | '<' | '>'))
    {
        return refuse(text, "a URL", expected);
    }
    match scheme.to_ascii_lowercase().as_str() {
        "https" => Ok(text.to_owned()),
        "http" if is_loopback(host) => Ok(text.to_owned()),
        "http" => refuse(
            text,
            "safe: plain http to another machine shows what is sent",
            "write https://",
        ),
        _ => refuse(text, "an https URL", expected),
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
        || host
            .parse::<Ipv6Addr>()
            .is_ok_and(|address| address.is_loopback())
}

/// `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`
fn resource_of<'a>(arn: &'a str, service: &str) -> Option<&'a str> {
    let mut parts = arn.splitn(6, ':');
    let is_arn = parts.next() == Some("arn")
        && parts
            .next()
            .is_some_and(|partition| partition.starts_with(Partition::Aws.as_str()))
        && parts.next() == Some(service);
    let resource = parts.nth(2)?;
    (is_arn && arn.len() <= 2048 && !arn.contains(char::is_whitespace)).then_some(resource)
}

/// Of a role in IAM.
pub fn role_arn(text: &str) -> Result<String> {
    let is_role = resource_of(text, "iam").is_some_and(|role| {
        role.strip_prefix("role/")
            .is_some_and(|name| !name.is_empty())
    });
    if is_role && AccountId::of_arn(text).is_some() {
        return Ok(text.to_owned());
    }
    refuse(
        text,
        "the ARN of a role",
        "a role's ARN looks like arn:aws:iam::123456789012:role/deploy",
    )
}

/// Of an identity provider in IAM.
pub(super) fn saml_provider_arn(text: &str) -> Result<String> {
    let name = resource_of(text, "iam").and_then(|it| it.strip_prefix("saml-provider/"));
    if name.is_some_and(|name| !name.is_empty()) && AccountId::of_arn(text).is_some() {
        return Ok(text.to_owned());
    }
    let expected = "it looks like arn:aws:iam::123456789012:saml-provider/corp";
    refuse(text, "the ARN of a SAML provider", expected)
}

pub(super) fn task_policy_arn(text: &str) -> Result<String> {
    let task = resource_of(text, "iam").and_then(|policy| policy.strip_prefix("policy/root-task/"));
    if task.is_some_and(|name| !name.is_empty()) && text.split(':').nth(4) == Some("aws") {
        return Ok(text.to_owned());
    }
    let expected = "it is one of AWS's own, like arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials";
    refuse(text, "the ARN of a root task policy", expected)
}

pub(super) fn permission_set_name(text: &str) -> Result<String> {
    if text.len() <= 32 && text.chars().all(is_word) {
        return Ok(text.to_owned());
    }
    refuse(
        text,
        "the name of a permission set",
        "it has 1 to 32 letters, digits and `_+=,.@-`",
    )
}

pub(super) fn external_id(text: &str) -> Result<String> {
    if (2..=1224).contains(&text.len())
        && text.chars().all(|c| is_word(c) || matches!(c, ':' | '/'))
    {
        return Ok(text.to_owned());
    }
    refuse(
        text,
        "an external id",
        "it has 2 to 1224 letters, digits and `_+=,.@:/-`",
    )
}

/// As AWS has it for SourceIdentity.
pub(super) fn source_identity(text: &str) -> Result<String> {
    if (2..=64).contains(&text.len()) && text.chars().all(is_word) && !text.starts_with("aws:") {
        return Ok(text.to_owned());
    }
    refuse(
        text,
        "a source identity",
        "it has 2 to 64 letters, digits and `_+=,.@-`",
    )
}

/// As AWS has it for session tags.
pub(super) fn session_tag(key: &str, value: &str) -> Result<()> {
    let allowed = |c: char| c.is_alphanumeric() || " _.:/=+-@".contains(c);
    let fits = |text: &str, longest| text.chars().count() <= longest && text.chars().all(allowed);
    if !key.is_empty() && fits(key, 128) && fits(value, 256) && !key.starts_with("aws:") {
        return Ok(());
    }
    refuse(
        key,
        "a session tag with a value that AWS takes",
        "a key has 1 to 128, a value up to 256 letters, digits, spaces and `_.:/=+-@`",
    )
}

/// The name of an environment variable.
pub(super) fn variable_name(text: &str) -> Result<String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if (1..=256).contains(&text.len())
        && text.bytes().all(allowed)
        && !text.as_bytes()[0].is_ascii_digit()
    {
        return Ok(text.to_owned());
    }
    refuse(
        text,
        "the name of an environment variable",
        "it has letters, digits and `_`, like TF_VAR_stage",
    )
}

/// `[\w+=,.@-]`, as AWS has it for names of sessions and permission sets.
fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '+' | '=' | ',' | '.' | '@' | '-')
}

/// A RoleSessionName is made valid rather than refused; `fob-<identity>` where none is written.
pub(super) fn session_name(written: Option<&str>, identity: &str) -> String {
    let wanted = written.map_or_else(|| format!("fob-{identity}"), str::to_owned);
    let valid: String = wanted
        .chars()
        .map(|c| if is_word(c) { c } else { '-' })
        .take(*SESSION_NAME.end())
        .collect();
    if valid.len() < *SESSION_NAME.start() {
        format!("fob-{valid}")
    } else {
        valid
    }
}

/// A folder or file: never blank, and without anything that would break a line of a file it is
/// written to.
pub(super) fn path(text: &str, environment: &Environment, folder: &Path) -> Result<PathBuf> {
    if text.trim().is_empty() {
        return Err(Error::new(Code::InvalidInput, "the path is empty")
            .hint("write a path, or leave it out"));
    }
    if text.contains(['\0', '\r', '\n']) {
        return Err(Error::new(
            Code::InvalidInput,
            "the path contains a line break or a NUL character",
        ));
    }
    environment.expand(text, folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for text in [
            "https://corp.awsapps.com/start#/",
            "HTTPS://x.example",
            "http://localhost:4566",
            "http://127.8.9.1",
            "http://[::1]:80/a",
        ] {
            assert_eq!(url(text).as_deref(), Ok(text));
        }
        for text in [
            "",
            "corp.awsapps.com/start",
            "https://",
            "https:///start",
            "http://corp.awsapps.com/start",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "http://[::2]",
            "http://[::1",
            "http://[::1].evil.example",
            "http://localhost:80.evil.example",
            "https://x:port",
            "ftp://localhost",
            "https://a b",
            "javascript://%0aalert(1)",
        ] {
            assert_eq!(url(text).expect_err(text).code, Code::InvalidInput);
        }
        let error = url("https://kim:hunter2@corp.example").expect_err("a password");
        assert!(!error.message.contains("hunter2"));
        assert!(url("http://127.0.0.1@evil.example").is_err());
    }

    #[test]
    fn session_names_are_made_valid() {
        for (written, name) in [
            (None, "fob-team-deploy"),
            (Some("kim"), "kim"),
            (Some("k"), "fob-k"),
            (Some("Kim Müller"), "Kim-M-ller"),
            (Some("🦀🦀"), "--"),
        ] {
            assert_eq!(session_name(written, "team/deploy"), name);
        }
        assert_eq!(
            session_name(Some(&"x".repeat(100)), "team/deploy").len(),
            64
        );
    }

    #[test]
    fn arns_are_held_against_their_form() {
        for text in [
            "arn:aws:iam::123456789012:role/a",
            "arn:aws-cn:iam::123456789012:role/path/a",
        ] {
            assert!(role_arn(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "role/a",
            "arn:aws:iam::123456789012:user/a",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::12345:role/a",
            "arn:aws:sts::123456789012:role/a",
            "arn:other:iam::123456789012:role/a",
            "arn:aws:iam::123456789012:role/a b",
        ] {
            assert!(role_arn(text).is_err(), "{text}");
        }
        assert!(task_policy_arn("arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy").is_ok());
        for text in [
            "arn:aws:iam::aws:policy/AdministratorAccess",
            "arn:aws:iam::123456789012:policy/root-task/x",
        ] {
            assert!(task_policy_arn(text).is_err(), "{text}");
        }
    }
}
