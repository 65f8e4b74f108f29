//! Access keys as AWS and its tools write them, turned into [`TypedKeys`]: the console's CSV files,
//! JSON, a profile of the AWS files, lines for a shell. Refuses keys of a session, which
//! are not long-lived, and never quotes a value in a message: anything may be a secret here.

use super::form::{self, filled};
use crate::agent::api::TypedKeys;
use crate::config::{SharedProfile, SharedProfiles};
use crate::environment::Environment;
use crate::error::shorten;
use crate::error::{Code, Error, Result};
use crate::secret::Secret;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Bytes; text with keys is never longer.
pub const LONGEST: usize = 64 * 1024;

pub fn too_long(what: &str) -> Error {
    refused(format!("{what} is larger than {} KiB", LONGEST / 1024))
}

/// The text of a file: UTF-8, or UTF-16 as spreadsheets save it.
pub fn decoded(bytes: &[u8], name: &str) -> Result<Zeroizing<String>> {
    if bytes.len() > LONGEST {
        return Err(too_long(name));
    }
    let units = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, odd) = rest.as_chunks::<2>();
        let units = pairs.iter().map(|pair| unit(*pair));
        let text = char::decode_utf16(units).collect::<Result<String, _>>();
        text.ok().filter(|_| odd.is_empty())
    };
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => units(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => units(rest, u16::from_be_bytes),
        _ => str::from_utf8(bytes).ok().map(str::to_owned),
    };
    text.map(Zeroizing::new)
        .ok_or_else(|| refused(format!("{name} is neither UTF-8 nor UTF-16 text")))
}

/// In any of the formats.
pub fn keys(text: &str) -> Result<TypedKeys> {
    let text = &*trimmed(text)?;
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
        assignments(text)
    } else if first.contains(SEPARATORS) {
        csv(text)
    } else {
        Err(
            refused("no access keys were found in any known format").hint(
                "supported: JSON with access_key_id and secret_access_key, or as `aws iam \
             create-access-key` \
             and credential_process print it; AWS's CSV file; a [profile] of ~/.aws/credentials; \
             AWS_ACCESS_KEY_ID=… lines with export, SET or $Env:",
            ),
        )
    }
}

/// `{"access_key_id","secret_access_key","mfa_arn"?,"session_duration"?}`, or AWS's own fields,
/// which `aws iam create-access-key` puts below `AccessKey`.
fn json(text: &str) -> Result<TypedKeys> {
    const REQUIRED: [[&str; 2]; 2] = [
        ["access_key_id", "AccessKeyId"],
        ["secret_access_key", "SecretAccessKey"],
    ];
    const OPTIONAL: [&str; 2] = ["mfa_arn", "session_duration"];
    const OF_AWS: [&str; 5] = ["Version", "UserName", "Status", "CreateDate", "AccountId"];
    let mut fields = from_json::<Fields>(text)?;
    let below = ["AccessKey", "Credentials"];
    let is_below = fields.len() == 1 && below.iter().any(|name| fields.contains_key(*name));
    if is_below {
        fields = from_json::<NestedKeys<Fields>>(text)?.access_key;
    }
    // A field that says `null` is as good as not there.
    fields.retain(|_, value| value.is_some());
    for name in fields.keys().map(String::as_str) {
        if is_session_token(name) {
            return Err(of_a_session());
        }
        if !(REQUIRED.as_flattened().contains(&name)
            || OPTIONAL.contains(&name)
            || OF_AWS.contains(&name))
        {
            let [[id, _], [secret, _]] = REQUIRED;
            let known = [id, secret, OPTIONAL[0], OPTIONAL[1]].join(", ");
            let error = refused(format!("the JSON has an unknown field `{}`", shorten(name)));
            return Err(error.hint(format!("known fields: {known}")));
        }
    }
    for [name, of_aws] in REQUIRED {
        if !fields.contains_key(name) && !fields.contains_key(of_aws) {
            return Err(refused(format!("the JSON has no field `{name}`")));
        }
    }
    let it = if is_below {
        from_json::<NestedKeys<Json>>(text)?.access_key
    } else {
        from_json::<Json>(text)?
    };
    let secret = Zeroizing::new(it.secret_access_key);
    typed(
        &it.access_key_id,
        &secret,
        it.mfa_arn.as_deref(),
        it.session_duration.as_deref(),
    )
}

/// serde's own messages quote values: only the place is taken from them.
fn from_json<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        refused(match error.classify() {
            serde_json::error::Category::Data => {
                format!(
                    "line {line}, column {column}: each field must occur once, with text in quotes"
                )
            }
            serde_json::error::Category::Io
            | serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof => {
                format!("this is not a JSON object (line {line}, column {column})")
            }
        })
    })
}

/// Only the names of the fields.
type Fields = BTreeMap<String, Option<IgnoredAny>>;

#[derive(Deserialize)]
struct NestedKeys<T> {
    #[serde(rename = "AccessKey", alias = "Credentials")]
    access_key: T,
}

#[derive(Deserialize)]
struct Json {
    #[serde(alias = "AccessKeyId")]
    access_key_id: String,
    #[serde(alias = "SecretAccessKey")]
    secret_access_key: String,
    mfa_arn: Option<String>,
    session_duration: Option<String>,
}

/// Between the cells of a CSV file, as spreadsheets of different countries save it.
const SEPARATORS: [char; 3] = [',', ';', '\t'];

/// The access key's file (`Access key ID,Secret access key`) or the new user's, which has more
/// columns.
pub fn csv(text: &str) -> Result<TypedKeys> {
    let text = &*trimmed(text)?;
    // A line for Excel, which names the separator.
    let mut lines = text
        .lines()
        .filter(|line| !line.trim().to_ascii_lowercase().starts_with("sep="));
    let head = lines.next().unwrap_or_default().to_ascii_lowercase();
    let columns = SEPARATORS.map(|separator| (separator, cells(&head, separator)));
    let (separator, columns) = columns
        .into_iter()
        .max_by_key(|(_, cells)| cells.len())
        .expect("there are several separators");
    let column = |name: &str| {
        // The head is not quoted back: in a file without one it is the keys.
        columns.iter().position(|cell| cell == name).ok_or_else(|| {
            refused(format!("the CSV has no column `{name}` in its first line")).hint(
                "the file that the AWS console offers for a new access key begins: Access \
                    key ID,Secret access key",
            )
        })
    };
    let (id, secret) = (column("access key id")?, column("secret access key")?);
    let rows: Vec<Vec<String>> = lines
        .map(|line| cells(line, separator))
        .filter(|cells| cells.iter().any(|cell| !cell.is_empty()))
        .collect();
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
        keys: of_shared(profile).map_err(|error| {
            let source = profile
                .value("source_profile")
                .filter(|_| !profile.has_keys());
            let from = |source| format!("it takes its keys from another one: --profile {source}");
            let error = source
                .iter()
                .fold(error, |error, it| error.hint(from(shorten(it))));
            error.hint(looked)
        })?,
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

/// As [`form::access_key_id`], for a field that also takes the whole pair or a line for a shell.
pub fn access_key_id(text: &str) -> Result<(), String> {
    match keys(text) {
        Ok(_) => Ok(()),
        Err(_) => form::access_key_id(&value(text, "AWS_ACCESS_KEY_ID")),
    }
}

/// What a line sets `name` to, for a field into which such lines are pasted one by one; else the
/// text as it is.
pub fn value(text: &str, name: &str) -> Zeroizing<String> {
    let set = is_assignment(text).then(|| values(text).ok()?.remove(name));
    Zeroizing::new(set.flatten().unwrap_or_else(|| text.trim().to_owned()))
}

/// `AWS_ACCESS_KEY_ID=…` and `AWS_SECRET_ACCESS_KEY=…` in any order, bare, or as a shell sets them:
/// with `export`, `SET` (cmd) or `$Env:` (PowerShell).
fn assignments(text: &str) -> Result<TypedKeys> {
    let values = values(text)?;
    let value = |name: &str| values.get(name).map(String::as_str);
    from_values(
        &value,
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_MFA_SERIAL",
    )
}

/// By name, in upper case.
fn values(text: &str) -> Result<BTreeMap<String, String>> {
    let mut values = BTreeMap::new();
    let mut set = |name: &str, value: &str| {
        values.insert(
            name.to_ascii_uppercase(),
            value.trim_end_matches(';').to_owned(),
        );
    };
    let wrong = || refused("a line is not of the form export NAME=value");
    for line in text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !is_comment(line))
    {
        if let Some(rest) = of_windows(line) {
            let (name, value) = rest.split_once('=').ok_or_else(wrong)?;
            let bare = |text: &str| text.trim().trim_matches(['"', '\'']).to_owned();
            set(&bare(name), &bare(value.trim().trim_end_matches(';')));
            continue;
        }
        let words = shell_words::split(line).map_err(|_| refused("a quote is not closed"))?;
        for word in words.iter().filter(|word| *word != "export") {
            let (name, value) = word.split_once('=').ok_or_else(wrong)?;
            set(name, value);
        }
    }
    Ok(values)
}

/// What stands behind `SET ` or `$Env:`.
fn of_windows(line: &str) -> Option<&str> {
    ["set ", "$env:"].iter().find_map(|start| {
        let (before, rest) = line.split_at_checked(start.len())?;
        before.eq_ignore_ascii_case(start).then_some(rest)
    })
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
        file: None,
    })
}

/// The cells of one CSV line; a cell may stand in quotes, with `""` for a quote.
fn cells(line: &str, separator: char) -> Vec<String> {
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
            _ if c == separator && !quoted => cells.push(String::new()),
            _ => cells.last_mut().expect("there is always a cell").push(c),
        }
    }
    cells
        .into_iter()
        .map(|cell| cell.trim().to_owned())
        .collect()
}

/// Without a byte order mark, which AWS's files begin with; every line ends in `\n`.
fn trimmed(text: &str) -> Result<Zeroizing<String>> {
    if text.len() > LONGEST {
        return Err(too_long("this"));
    }
    let text = text.trim_start_matches('\u{feff}').trim();
    Ok(Zeroizing::new(
        text.replace("\r\n", "\n").replace('\r', "\n"),
    ))
}

fn is_comment(line: &str) -> bool {
    line.starts_with(['#', ';'])
}

fn is_assignment(line: &str) -> bool {
    let line = of_windows(line)
        .or(line.strip_prefix("export "))
        .unwrap_or(line);
    line.contains('=')
        && line
            .trim_start()
            .trim_start_matches('"')
            .starts_with("AWS_")
}

fn is_session_token(name: &str) -> bool {
    let letters: String = name.chars().filter(char::is_ascii_alphabetic).collect();
    ["sessiontoken", "awssessiontoken", "expiration"]
        .iter()
        .any(|it| letters.eq_ignore_ascii_case(it))
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
            format!("sep=;\rAccess key ID;Secret access key;\r;;\r{ID};{SECRET};\r"),
            format!(
                "set \"AWS_ACCESS_KEY_ID={ID}\"\r\n$env:aws_secret_access_key = '{SECRET}';\r\n"
            ),
            format!(
                r#"{{"AccessKeyId":"{ID}","SecretAccessKey":"{SECRET}","SessionToken":null,"Version":1}}"#
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
            format!(
                r#"{{"Credentials":{{"AccessKeyId":"{ID}","SecretAccessKey":"{SECRET}","SessionToken":"t0k3n"}}}}"#
            ),
            format!(
                r#"{{"Version":1,"AccessKeyId":"{ID}","SecretAccessKey":"{SECRET}","Expiration":"t0k3n"}}"#
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
            let _ = (keys(&text), json(&text), csv(&text), section(&text), assignments(&text));
        }
    }
}
