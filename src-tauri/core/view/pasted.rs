//! Access keys as AWS and its tools write them, turned into [`TypedKeys`]: the console's CSV files,
//! JSON, a profile of `~/.aws/credentials`, `export` lines. Pure. Refuses keys of a session, which
//! are not long-lived, and never quotes a value in a message: anything may be a secret here.

use super::form::filled;
use crate::agent::api::TypedKeys;
use crate::config::{SharedProfile, SharedProfiles};
use crate::environment::Environment;
use crate::error::shorten;
use crate::error::{Code, Error, Result};
use crate::secret::Secret;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Bytes; text with keys is never longer.
pub const LONGEST: usize = 64 * 1024;

pub fn too_long(what: &str) -> Error {
    refused(format!("{what} is larger than {} KiB", LONGEST / 1024))
}

/// In any of the formats.
pub fn keys(text: &str) -> Result<TypedKeys> {
    let text = trimmed(text)?;
    let first = text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !is_comment(line))
        .unwrap_or_default();
    if first.starts_with('{') {
        json(text)
    } else if first.starts_with('[') {
        section(text)
    } else if is_assignment(first) {
        exports(text)
    } else if first.contains(',') {
        csv(text)
    } else {
        Err(refused("no access keys were found in any known format").hint(
            "supported: JSON with access_key_id and secret_access_key, AWS's CSV file, a [profile] of \
             ~/.aws/credentials, and export AWS_ACCESS_KEY_ID=… lines",
        ))
    }
}

/// `{"access_key_id","secret_access_key","mfa_arn"?,"session_duration"?}`.
fn json(text: &str) -> Result<TypedKeys> {
    const REQUIRED: [&str; 2] = ["access_key_id", "secret_access_key"];
    const OPTIONAL: [&str; 2] = ["mfa_arn", "session_duration"];
    let text = trimmed(text)?;
    // serde's own messages quote values: only the place is taken from them.
    #[expect(
        clippy::zero_sized_map_values,
        reason = "a JSON object is read as a map, and only its names matter"
    )]
    let fields: BTreeMap<String, IgnoredAny> = serde_json::from_str(text).map_err(|error| {
        refused(format!(
            "this is not a JSON object (line {}, column {})",
            error.line(),
            error.column()
        ))
    })?;
    for name in fields.keys() {
        if is_session_token(name) {
            return Err(of_a_session());
        }
        if !REQUIRED.contains(&name.as_str()) && !OPTIONAL.contains(&name.as_str()) {
            return Err(
                refused(format!("the JSON has an unknown field `{}`", shorten(name))).hint(
                    format!(
                        "known fields: {}, {}",
                        REQUIRED.join(", "),
                        OPTIONAL.join(", ")
                    ),
                ),
            );
        }
    }
    if let Some(missing) = REQUIRED.iter().find(|name| !fields.contains_key(**name)) {
        return Err(refused(format!("the JSON has no field `{missing}`")));
    }
    let it: Json = serde_json::from_str(text).map_err(|error| {
        refused(format!(
            "line {}: each field must occur once, with text in quotes",
            error.line()
        ))
    })?;
    let secret = Zeroizing::new(it.secret_access_key);
    typed(
        &it.access_key_id,
        &secret,
        it.mfa_arn.as_deref(),
        it.session_duration.as_deref(),
    )
}

#[derive(Deserialize)]
struct Json {
    access_key_id: String,
    secret_access_key: String,
    mfa_arn: Option<String>,
    session_duration: Option<String>,
}

/// The access key's file (`Access key ID,Secret access key`) or the new user's, which has more
/// columns.
pub fn csv(text: &str) -> Result<TypedKeys> {
    let mut lines = trimmed(text)?
        .lines()
        .filter(|line| !line.trim().is_empty());
    let head: Vec<String> = lines
        .next()
        .map(cells)
        .unwrap_or_default()
        .iter()
        .map(|cell| cell.to_ascii_lowercase())
        .collect();
    let column = |name: &str| {
        // The head is not quoted back: in a file without one it is the keys.
        head.iter().position(|cell| cell == name).ok_or_else(|| {
            refused(format!("the CSV has no column `{name}` in its first line"))
                .hint("the file that the AWS console offers for a new access key begins: Access key ID,Secret access key")
        })
    };
    let (id, secret) = (column("access key id")?, column("secret access key")?);
    let rows: Vec<Vec<String>> = lines.map(cells).collect();
    let row = match rows.as_slice() {
        [] => return Err(refused("the CSV has no keys below its first line")),
        [row] => row,
        [_, _, ..] => {
            return Err(
                refused(format!("the CSV contains {} access keys", rows.len()))
                    .hint("keep the first line and the one with the key of this identity"),
            );
        }
    };
    let cell = |column: usize| row.get(column).map(String::as_str).unwrap_or_default();
    typed(cell(id), cell(secret), None, None)
}

/// The only section of a text such as `~/.aws/credentials`.
fn section(text: &str) -> Result<TypedKeys> {
    match SharedProfiles::of_text(text)?.all.as_slice() {
        [] => Err(refused("there is no [profile] line")),
        [only] => of_shared(only),
        [_, _, ..] => Err(refused("there is more than one profile").hint("paste only one of them")),
    }
}

/// What a profile of the AWS files holds.
#[derive(Debug)]
pub struct KeysOfProfile {
    pub keys: TypedKeys,
    pub warnings: Vec<String>,
}

/// The profile of that name in `~/.aws/credentials` and `~/.aws/config`.
pub fn profile(environment: &Environment, name: &str) -> Result<KeysOfProfile> {
    let profiles = SharedProfiles::read(environment)?;
    let [config, credentials] = &profiles.paths;
    let looked = format!(
        "looked in {} and {}",
        credentials.display(),
        config.display()
    );
    let Some(profile) = profiles.find(name) else {
        let names: Vec<String> = profiles
            .all
            .iter()
            .take(20)
            .map(|it| shorten(&it.name))
            .collect();
        let there = if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        };
        return Err(refused(format!("there is no profile `{}`", shorten(name)))
            .hint(format!("available profiles: {there}"))
            .hint(looked));
    };
    Ok(KeysOfProfile {
        keys: of_shared(profile).map_err(|error| error.hint(looked))?,
        warnings: profile.warnings.clone(),
    })
}

fn of_shared(profile: &SharedProfile) -> Result<TypedKeys> {
    from_values(
        &|key| profile.value(key),
        "aws_access_key_id",
        "aws_secret_access_key",
        "mfa_serial",
    )
}

/// `export AWS_ACCESS_KEY_ID=…` and `export AWS_SECRET_ACCESS_KEY=…`, in any order, with or without
/// `export`.
fn exports(text: &str) -> Result<TypedKeys> {
    let mut values: BTreeMap<String, String> = BTreeMap::new();
    for line in trimmed(text)?
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !is_comment(line))
    {
        let words = shell_words::split(line).map_err(|_| refused("a quote is not closed"))?;
        for word in words.iter().filter(|word| *word != "export") {
            let Some((name, value)) = word.split_once('=') else {
                return Err(refused("a line is not of the form export NAME=value"));
            };
            values.insert(name.to_owned(), value.trim_end_matches(';').to_owned());
        }
    }
    let value = |name: &str| values.get(name).map(String::as_str);
    from_values(
        &value,
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_MFA_SERIAL",
    )
}

fn from_values<'a>(
    value: &dyn Fn(&str) -> Option<&'a str>,
    id: &str,
    secret: &str,
    mfa: &str,
) -> Result<TypedKeys> {
    const TOKENS: [&str; 4] = [
        "aws_session_token",
        "aws_security_token",
        "AWS_SESSION_TOKEN",
        "AWS_SECURITY_TOKEN",
    ];
    if TOKENS
        .iter()
        .any(|name| value(name).is_some_and(|token| !token.is_empty()))
    {
        return Err(of_a_session());
    }
    let required = |name: &str| value(name).ok_or_else(|| refused(format!("there is no {name}")));
    typed(required(id)?, required(secret)?, value(mfa), None)
}

/// Neither half is empty; the agent checks the rest.
fn typed(
    id: &str,
    secret: &str,
    mfa_arn: Option<&str>,
    session_duration: Option<&str>,
) -> Result<TypedKeys> {
    Ok(TypedKeys {
        access_key_id: filled(id).ok_or_else(|| refused("the access key id is empty"))?,
        secret_access_key: filled(secret)
            .map(Secret::new)
            .ok_or_else(|| refused("the secret access key is empty"))?,
        mfa_arn: mfa_arn.and_then(filled),
        session_duration: session_duration.and_then(filled),
    })
}

/// The cells of one CSV line; a cell may stand in quotes, with `""` for a quote.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut chars = line.chars().peekable();
    let mut quoted = false;
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cells.last_mut().expect("there is always a cell").push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            _ => cells.last_mut().expect("there is always a cell").push(c),
        }
    }
    cells
        .into_iter()
        .map(|cell| cell.trim().to_owned())
        .collect()
}

/// AWS's files begin with a byte order mark.
fn trimmed(text: &str) -> Result<&str> {
    if text.len() > LONGEST {
        return Err(too_long("this"));
    }
    Ok(text.trim_start_matches('\u{feff}').trim())
}

fn is_comment(line: &str) -> bool {
    line.starts_with(['#', ';'])
}

fn is_assignment(line: &str) -> bool {
    let name = line
        .strip_prefix("export ")
        .unwrap_or(line)
        .split('=')
        .next()
        .unwrap_or_default();
    line.contains('=') && name.trim_start().starts_with("AWS_")
}

fn is_session_token(name: &str) -> bool {
    let letters: String = name.chars().filter(char::is_ascii_alphabetic).collect();
    letters.eq_ignore_ascii_case("sessiontoken") || letters.eq_ignore_ascii_case("awssessiontoken")
}

fn of_a_session() -> Error {
    refused("these keys come with a session token: they belong to a session and expire with it")
        .hint("use the access keys of an IAM user, which begin with AKIA and have no session token")
}

fn refused(message: impl Into<String>) -> Error {
    Error::new(Code::InvalidInput, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: &str = "AKIAIOSFODNN7EXAMPLE";
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

    fn is_the_pair(keys: &TypedKeys) -> bool {
        (keys.access_key_id.as_str(), keys.secret_access_key.expose()) == (ID, SECRET)
    }

    #[test]
    fn every_form_that_aws_hands_out_is_read() {
        for text in [
            format!("\u{feff}Access key ID,Secret access key\r\n{ID},{SECRET}\r\n"),
            format!(
                "User name,Password,Access key ID,Secret access key,Console login link\nkim,,{ID},{SECRET},https://410000000017.signin.aws.amazon.com/console\n"
            ),
            format!(
                "\"User name\",\"Access key ID\",\"Secret access key\"\n\"kim, \"\"k\"\"\",\"{ID}\",\"{SECRET}\"\n"
            ),
            format!("{{\"access_key_id\":\"{ID}\",\"secret_access_key\":\"{SECRET}\"}}"),
            format!(
                "[default]\naws_access_key_id = {ID}\naws_secret_access_key={SECRET}\nregion = eu-west-1\n"
            ),
            format!(
                "# from the wiki\nexport AWS_ACCESS_KEY_ID={ID}\nexport AWS_SECRET_ACCESS_KEY=\"{SECRET}\"\n"
            ),
            format!(
                "AWS_SECRET_ACCESS_KEY='{SECRET}'\nAWS_ACCESS_KEY_ID={ID}; export AWS_DEFAULT_REGION=eu-west-1"
            ),
        ] {
            let keys = keys(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            assert!(is_the_pair(&keys), "{text}");
            assert_eq!((keys.mfa_arn, keys.session_duration), (None, None));
        }
    }

    #[test]
    fn mfa_arn_and_duration_come_along_where_the_form_has_them() {
        let arn = "arn:aws:iam::410000000017:mfa/kim";
        let json = json(&format!(
            r#"{{"access_key_id":"{ID}","secret_access_key":"{SECRET}","mfa_arn":"{arn}","session_duration":"36h"}}"#
        ))
        .expect("keys");
        assert_eq!(
            (json.mfa_arn.as_deref(), json.session_duration.as_deref()),
            (Some(arn), Some("36h"))
        );
    }

    #[test]
    fn keys_of_a_session_are_refused_in_every_form() {
        for text in [
            format!(
                "[default]\naws_access_key_id={ID}\naws_secret_access_key={SECRET}\naws_session_token=t0k3n\n"
            ),
            format!(
                "export AWS_ACCESS_KEY_ID={ID}\nexport AWS_SECRET_ACCESS_KEY={SECRET}\nexport AWS_SESSION_TOKEN=t0k3n"
            ),
            format!(
                r#"{{"access_key_id":"{ID}","secret_access_key":"{SECRET}","session_token":"t0k3n"}}"#
            ),
        ] {
            let error = keys(&text).expect_err(&text);
            assert!(error.message.contains("session"), "{error}");
            assert!(!error.message.contains("t0k3n"));
        }
    }

    #[test]
    fn what_is_wrong_is_said_and_no_value_is_quoted() {
        for (text, says) in [
            (String::new(), "no access keys"),
            (
                format!("User name,Password,Console sign-in URL\nkim,{SECRET},https://x\n"),
                "`access key id`",
            ),
            (format!("{ID},{SECRET}\n"), "`access key id`"),
            (
                "Access key ID,Secret access key\n".to_owned(),
                "no keys below",
            ),
            (
                format!("Access key ID,Secret access key\n{ID},{SECRET}\nAKIA2,{SECRET}\n"),
                "2 access keys",
            ),
            (
                format!("Access key ID,Secret access key\n{ID}\n"),
                "secret access key is empty",
            ),
            (
                format!("{{\"access_key_id\":\"{ID}\",\"secret\":\"{SECRET}\"}}"),
                "unknown field `secret`",
            ),
            (
                format!("{{\"secret_access_key\":\"{SECRET}\"}}"),
                "no field `access_key_id`",
            ),
            (
                format!("{{\"access_key_id\":\"{ID}\",\"secret_access_key\":[\"{SECRET}\"]}}"),
                "text in quotes",
            ),
            (
                format!("{{\"access_key_id\":\"{ID}\",\"secret_access_key\":\"{SECRET}"),
                "not a JSON object",
            ),
            (
                format!("[default]\naws_access_key_id={ID}\n"),
                "no aws_secret_access_key",
            ),
            (
                format!("[a]\naws_access_key_id={ID}\n[b]\n"),
                "more than one profile",
            ),
            (
                format!("export AWS_SECRET_ACCESS_KEY='{SECRET}"),
                "quote is not closed",
            ),
            (
                format!("AWS_ACCESS_KEY_ID={ID}\n{SECRET}\n"),
                "not of the form",
            ),
            ("x".repeat(LONGEST + 1), "64 KiB"),
        ] {
            let error = keys(&text).expect_err(&text);
            let said = format!("{} {:?}", error.message, error.hints);
            assert!(said.contains(says), "{said}");
            assert!(!said.contains("wJalr"), "{said}");
            assert_eq!(error.exit_code(), 2);
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = (keys(&text), json(&text), csv(&text), section(&text), exports(&text));
        }
    }
}
