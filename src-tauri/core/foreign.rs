//! Foreign text: what servers, other programs and other processes' files say. It may hold anything;
//! what comes out is bounded, on one line, and steers neither a terminal nor the text around it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A refusal of AWS, with the policies that it names, fits.
const LONGEST: usize = 1000;

/// Harmless from the moment it is made; a byte of what it was made of is nowhere kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
#[serde(from = "String", into = "String")]
pub struct Foreign(String);

impl Foreign {
    pub fn new(text: &str) -> Foreign {
        Foreign(shorten_to(LONGEST, text.trim()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Foreign {
    fn from(text: &str) -> Foreign {
        Foreign::new(text)
    }
}

impl From<String> for Foreign {
    fn from(text: String) -> Foreign {
        Foreign::new(&text)
    }
}

impl From<Foreign> for String {
    fn from(text: Foreign) -> String {
        text.0
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Input quoted back in a message.
pub fn shorten(text: &str) -> String {
    shorten_to(60, text)
}

/// As [`shorten`], to so many characters.
pub fn shorten_to(longest: usize, text: &str) -> String {
    let mut short: String = text.chars().take(longest).map(harmless).collect();
    if text.chars().nth(longest).is_some() {
        short.push('…');
    }
    short
}

/// A whole text of ours, which foreign text may be a part of.
pub fn one_line(text: &str) -> String {
    text.chars().map(harmless).collect()
}

fn harmless(c: char) -> char {
    match c {
        '\t' | '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => ' ',
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' => '\u{fffd}',
        '\u{2066}'..='\u{206f}' | '\u{e0000}'..='\u{e007f}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_steers_neither_a_terminal_nor_the_text_around_it() {
        let text = "\n a\u{1b}[2Jb\nc\u{9b}d\u{202e}e\u{2066}f\u{2028}g\u{61c}h\u{7f} \r\n";
        let shown = "a\u{fffd}[2Jb c\u{fffd}d\u{fffd}e\u{fffd}f g\u{fffd}h\u{fffd}";
        assert_eq!(Foreign::new(text).as_str(), shown);
        let json = serde_json::to_string(text).expect("text");
        let read: Foreign = serde_json::from_str(&json).expect("text");
        assert_eq!(read.as_str(), shown);
    }

    #[test]
    fn foreign_text_is_bounded_and_stays_as_it_is_when_it_is_read_again() {
        let once = Foreign::new(&"é".repeat(30_000));
        assert_eq!(once.as_str().chars().count(), LONGEST + 1);
        assert_eq!(Foreign::new(once.as_str()), once);
    }
}
