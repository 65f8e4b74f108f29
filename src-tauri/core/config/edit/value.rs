//! What is to be written: as the reader will see it, and spelled in the style of its surroundings.

use crate::config::yaml::{Member, Node, Value};
use crate::duration::SessionDuration;
use std::fmt::Write;
use std::rc::Rc;
use std::str::FromStr;
use zeroize::Zeroizing;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewValue {
    Text(String),
    Is(bool),
    /// With its tag: `!env NAME`.
    Tagged(String, String),
    Sequence(Vec<NewValue>),
    Mapping(Vec<(String, NewValue)>),
}

impl NewValue {
    pub fn text(text: &str) -> NewValue {
        NewValue::Text(text.to_owned())
    }

    /// What is written already; `None`: nothing is.
    pub fn of(node: &Node) -> Option<NewValue> {
        Some(match (&node.value, &node.tag) {
            (Value::Null, _) => return None,
            (Value::Scalar(text), Some(tag)) => NewValue::Tagged(tag.clone(), text.to_string()),
            (Value::Scalar(text), None) => match text.as_str() {
                "true" => NewValue::Is(true),
                "false" => NewValue::Is(false),
                text => NewValue::text(text),
            },
            (Value::Sequence(items), _) => {
                let items = items.iter().filter_map(|it| NewValue::of(it));
                NewValue::Sequence(items.collect())
            }
            (Value::Mapping(members), _) => {
                let pairs = members
                    .iter()
                    .filter_map(|it| Some((it.key.text()?.to_owned(), NewValue::of(&it.value)?)));
                NewValue::Mapping(pairs.collect())
            }
        })
    }

    pub fn child_mut(&mut self, key: &str) -> Option<&mut NewValue> {
        let NewValue::Mapping(pairs) = self else {
            return None;
        };
        let mut pairs = pairs.iter_mut();
        pairs.find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// Out of a mapping.
    pub fn take(&mut self, key: &str) -> Option<NewValue> {
        let NewValue::Mapping(pairs) = self else {
            return None;
        };
        let at = pairs.iter().position(|(name, _)| name == key)?;
        Some(pairs.remove(at).1)
    }

    /// `self` below `keys`.
    pub fn below(self, keys: &[&str]) -> NewValue {
        keys.iter().rev().fold(self, |value, key| {
            NewValue::Mapping(vec![((*key).to_owned(), value)])
        })
    }

    /// As it will be read.
    pub fn node(&self) -> Node {
        Node::of(match self {
            NewValue::Text(text) => Value::Scalar(Zeroizing::new(text.clone())),
            NewValue::Is(it) => Value::Scalar(Zeroizing::new(it.to_string())),
            NewValue::Tagged(tag, text) => {
                return NewValue::text(text).node().tagged(Some(tag.clone()));
            }
            NewValue::Sequence(items) => {
                Value::Sequence(items.iter().map(|it| Rc::new(it.node())).collect())
            }
            NewValue::Mapping(pairs) => {
                let member = |(key, value): &(String, NewValue)| Member {
                    key: Rc::new(NewValue::text(key).node()),
                    value: Rc::new(value.node()),
                };
                Value::Mapping(pairs.iter().map(member).collect())
            }
        })
    }

    /// `key: …` as lines, indented by `indent` and more.
    pub fn lines(&self, key: &str, indent: usize, unit: usize) -> Vec<String> {
        let start = format!("{:indent$}{}:", "", plain_or_quoted(key));
        match self {
            NewValue::Mapping(pairs) => {
                let below = pairs
                    .iter()
                    .flat_map(|(key, value)| value.lines(key, indent + unit, unit));
                [start].into_iter().chain(below).collect()
            }
            NewValue::Text(_)
            | NewValue::Is(_)
            | NewValue::Tagged(_, _)
            | NewValue::Sequence(_) => vec![format!("{start} {}", self.inline(" "))],
        }
    }

    /// On one line; `pad` stands inside braces.
    pub fn inline(&self, pad: &str) -> String {
        match self {
            NewValue::Text(text) => plain_or_quoted(text),
            NewValue::Is(it) => it.to_string(),
            NewValue::Tagged(tag, text) => format!("{tag} {}", plain_or_quoted(text)),
            NewValue::Sequence(items) => {
                let items: Vec<String> = items.iter().map(|it| it.inline(pad)).collect();
                format!("[{}]", items.join(", "))
            }
            NewValue::Mapping(pairs) => {
                let pairs: Vec<String> = pairs
                    .iter()
                    .map(|(key, value)| value.inline_after(key, pad))
                    .collect();
                format!("{{{pad}{}{pad}}}", pairs.join(", "))
            }
        }
    }

    /// `key: …` on one line.
    pub fn inline_after(&self, key: &str, pad: &str) -> String {
        format!("{}: {}", plain_or_quoted(key), self.inline(pad))
    }
}

/// Plain only where no YAML reader, of any version, could take it for anything but this text.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_plain_only_where_it_cannot_be_taken_for_something_else() {
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
