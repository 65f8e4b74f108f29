//! What is to be written: checked as the reader would check it, then spelled in the style of its
//! surroundings.

use super::super::values;
use super::{NewIdentity, NewKind};
use crate::duration::SessionDuration;
use crate::error::{Code, Error, Result};
use crate::ids::MfaArn;
use crate::ids::{IdentityName, Region};
use std::fmt::Write;
use std::str::FromStr;

/// A value to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Text(String),
    Is(bool),
    Map(Vec<(String, Item)>),
}

/// How mappings within braces are spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Braces {
    /// JSON: everything in quotes.
    pub is_json: bool,
    /// `{ a: b }`, not `{a: b}`.
    pub is_padded: bool,
}

impl Braces {
    pub const USUAL: Braces = Braces {
        is_json: false,
        is_padded: true,
    };
}

impl Item {
    /// `self` below `keys`.
    pub fn below(self, keys: &[&str]) -> Item {
        keys.iter()
            .rev()
            .fold(self, |item, key| Item::Map(vec![((*key).to_owned(), item)]))
    }

    /// `key: …` as lines, each indented by at least `indent`.
    pub fn lines(&self, key: &str, indent: usize, unit: usize) -> Vec<String> {
        let start = format!("{:indent$}{}:", "", plain_or_quoted(key));
        match self {
            Item::Text(text) => vec![format!("{start} {}", plain_or_quoted(text))],
            Item::Is(it) => vec![format!("{start} {it}")],
            Item::Map(pairs) => {
                let below = pairs
                    .iter()
                    .flat_map(|(key, item)| item.lines(key, indent + unit, unit));
                [start].into_iter().chain(below).collect()
            }
        }
    }

    /// `key: …` on one line.
    pub fn inline(&self, key: &str, braces: Braces) -> String {
        format!("{}: {}", word(key, braces), self.value(braces))
    }

    /// Without a key, on one line.
    pub fn value(&self, braces: Braces) -> String {
        match self {
            Item::Text(text) => word(text, braces),
            Item::Is(it) => it.to_string(),
            Item::Map(pairs) => {
                let pairs: Vec<String> = pairs
                    .iter()
                    .map(|(key, item)| item.inline(key, braces))
                    .collect();
                let pad = if braces.is_padded { " " } else { "" };
                format!("{{{pad}{}{pad}}}", pairs.join(", "))
            }
        }
    }

    /// `key: …` within braces over several lines, the first of which is not indented.
    pub fn spread(&self, key: &str, braces: Braces, (indent, unit): (usize, usize)) -> Vec<String> {
        let Item::Map(pairs) = self else {
            return vec![self.inline(key, braces)];
        };
        let mut lines = vec![format!("{}: {{", word(key, braces))];
        for (at, (key, item)) in pairs.iter().enumerate() {
            let mut inner = item.spread(key, braces, (indent + unit, unit));
            if let (Some(last), true) = (inner.last_mut(), at + 1 < pairs.len()) {
                last.push(',');
            }
            let mut inner = inner.into_iter();
            lines.extend(
                inner
                    .next()
                    .map(|first| format!("{:1$}{first}", "", indent + unit)),
            );
            lines.extend(inner);
        }
        lines.push(format!("{:indent$}}}", ""));
        lines
    }
}

fn word(text: &str, braces: Braces) -> String {
    if braces.is_json {
        quoted(text)
    } else {
        plain_or_quoted(text)
    }
}

/// Plain only where no YAML reader, of whichever version, could take it for anything but this text.
fn plain_or_quoted(text: &str) -> String {
    const WORDS: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._/@+-".contains(&b))
        && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    let is_duration = text.starts_with(|c: char| c.is_ascii_digit())
        && text.ends_with(['s', 'm', 'h', 'd'])
        && SessionDuration::from_str(text).is_ok();
    if is_word || is_duration {
        text.to_owned()
    } else {
        quoted(text)
    }
}

/// In double quotes, as JSON and YAML both read them.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\u{feff}' | '\u{2028}' | '\u{2029}' => {
                write!(quoted, "\\u{:04x}", u32::from(c)).expect("text can be written to");
            }
            _ => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

impl NewIdentity {
    /// The name and what stands below it. What is blank and may be left out is left out.
    pub(super) fn item(&self) -> Result<(IdentityName, Item)> {
        let name: IdentityName = self.name.trim().parse()?;
        let mut entry = Group::new();
        entry.put("kind", self.kind.written());
        if self.is_default {
            entry.0.push(("default".to_owned(), Item::Is(true)));
        }
        match &self.kind {
            NewKind::User { region, mfa_arn } => {
                let mut credentials = Group::new();
                credentials.read("region", region.as_deref(), Region::from_str)?;
                credentials.read("mfa_arn", mfa_arn.as_deref(), MfaArn::from_str)?;
                entry.group("credentials", credentials);
            }
            NewKind::AssumeRole {
                via,
                role_arn,
                external_id,
                session_name,
                region,
                duration,
            } => {
                let mut below = Group::new();
                below.required("identity", via, IdentityName::from_str)?;
                entry.group("via", below);
                let mut principal = Group::new();
                principal.required("assume_role", role_arn, values::role_arn)?;
                principal.read("session_name", session_name.as_deref(), values::any)?;
                principal.read("external_id", external_id.as_deref(), values::external_id)?;
                principal.read("duration", duration.as_deref(), SessionDuration::from_str)?;
                principal.read("region", region.as_deref(), Region::from_str)?;
                entry.group("principal", principal);
            }
            NewKind::Process { command, region } => {
                let mut credentials = Group::new();
                credentials.required("process", command, values::any)?;
                credentials.read("region", region.as_deref(), Region::from_str)?;
                entry.group("credentials", credentials);
            }
        }
        Ok((name, Item::Map(entry.0)))
    }
}

/// Keys that stand together.
struct Group(Vec<(String, Item)>);

impl Group {
    fn new() -> Group {
        Group(Vec::new())
    }

    fn put(&mut self, key: &str, text: &str) {
        self.0.push((key.to_owned(), Item::Text(text.to_owned())));
    }

    /// What is empty is not written.
    fn group(&mut self, key: &str, group: Group) {
        if !group.0.is_empty() {
            self.0.push((key.to_owned(), Item::Map(group.0)));
        }
    }

    fn required<T>(
        &mut self,
        key: &str,
        text: &str,
        check: impl FnOnce(&str) -> Result<T>,
    ) -> Result<()> {
        if text.trim().is_empty() {
            return Err(Error::new(Code::InvalidInput, format!("`{key}` is empty")));
        }
        self.read(key, Some(text), check)
    }

    fn read<T>(
        &mut self,
        key: &str,
        text: Option<&str>,
        check: impl FnOnce(&str) -> Result<T>,
    ) -> Result<()> {
        let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
            return Ok(());
        };
        if text.contains(char::is_control) {
            let message = format!("`{key}` contains a line break or another control character");
            return Err(Error::new(Code::InvalidInput, message));
        }
        check(text)?;
        self.put(key, text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_plain_only_where_nobody_could_take_it_for_something_else() {
        for text in [
            "dev",
            "dev-admin",
            "kim@example.org",
            "Prod/Admin",
            "eu-west-1",
            "30m",
            "1h30m",
            "aws/user",
        ] {
            assert_eq!(plain_or_quoted(text), text);
        }
        for text in [
            "012345678901",
            "1e3",
            "true",
            "Yes",
            "null",
            "y",
            "7200",
            "",
            "a: b",
            "a #b",
            "0x1f",
            "1-2",
            "[a",
            "-a",
        ] {
            assert_eq!(plain_or_quoted(text), format!("\"{text}\""));
        }
        assert_eq!(plain_or_quoted(r#"sh -c "a\b""#), r#""sh -c \"a\\b\"""#);
        assert_eq!(plain_or_quoted("a\u{2028}b"), r#""a\u2028b""#);
    }
}
