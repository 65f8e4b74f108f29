//! Names and numbers that can be confused, each a type of its own: checked when made, shown as
//! written, compared without regard to case where people type them. None can leave its folder or
//! break its line once it is part of a path or a file. Placeholders are recognised here.

use crate::error::{Code, Error, Result, shorten};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// `AKIA…` (long-lived) or `ASIA…` (of a session), all letters, digits and `_`. Shown shortened;
/// the whole id is needed only where it is sent, stored or typed.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccessKeyId(String);

impl AccessKeyId {
    /// IAM's own pattern is `[\w]{16,128}`.
    pub fn parse(text: &str) -> Result<AccessKeyId> {
        let text = text.trim();
        let refuse = |why: &str| {
            Err(
                Error::new(Code::InvalidInput, format!("the access key id {why}")).hint(
                    "an access key id looks like AKIAIOSFODNN7EXAMPLE: 16 to 128 letters and \
                    digits",
                ),
            )
        };
        if text.is_empty() {
            return refuse("is empty");
        }
        if is_placeholder(text) {
            return refuse("is a placeholder");
        }
        let id = AccessKeyId::of_any_aws(text);
        id.filter(AccessKeyId::is_of_iam)
            .map_or_else(|| refuse("is not one"), Ok)
    }

    /// Also `test` and the like, which imitations of AWS take.
    pub fn of_any_aws(text: &str) -> Option<AccessKeyId> {
        let is_part = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let is_word = (1..=128).contains(&text.len()) && text.bytes().all(is_part);
        (is_word && !is_placeholder(text)).then(|| AccessKeyId(text.to_owned()))
    }

    /// Whether AWS itself may have made it.
    pub fn is_of_iam(&self) -> bool {
        self.0.len() >= 16
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `ASIA…` ids work only together with a session token; they are never long-lived keys.
    pub fn is_of_a_session(&self) -> bool {
        self.0.starts_with("ASIA")
    }
}

impl fmt::Display for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_of_iam() {
            return f.write_str(&self.0);
        }
        write!(f, "{}…{}", &self.0[..4], &self.0[self.0.len() - 4..])
    }
}

impl fmt::Debug for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What people leave in a file or variable when they have no key yet. Never sent to AWS.
pub fn is_placeholder(text: &str) -> bool {
    let text = text.trim().to_ascii_lowercase();
    let filler = |rest: &str| {
        !rest.is_empty() && rest.bytes().all(|b| matches!(b, b'x' | b'*' | b'.' | b'0'))
    };
    matches!(
        text.as_str(),
        "changeme"
            | "change-me"
            | "change_me"
            | "placeholder"
            | "dummy"
            | "todo"
            | "none"
            | "null"
            | "fixme"
            | "replace-me"
            | "db"
    ) || filler(&text)
        || ["akia", "asia"]
            .iter()
            .any(|prefix| text.strip_prefix(prefix).is_some_and(filler))
        || (text.starts_with('<') && text.ends_with('>'))
        || (text.starts_with("your") && text.contains("key"))
}

/// The keys of AWS's documentation, which no account has. Good for an AWS on this machine, never
/// sent to the real one.
pub fn is_example(text: &str) -> bool {
    const SECRETS: [&str; 2] = [
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY",
    ];
    let text = text.trim();
    let is_id = text.len() == 20 && text.ends_with("EXAMPLE");
    SECRETS.contains(&text)
        || (is_id && ["AKIA", "ASIA"].iter().any(|start| text.starts_with(start)))
}

const LONGEST_NAME: usize = 64;

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = Error;
            fn from_str(text: &str) -> Result<$type> {
                Ok($type($check(text)?.to_owned()))
            }
        }

        impl TryFrom<String> for $type {
            type Error = Error;
            fn try_from(text: String) -> Result<$type> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

macro_rules! written_name {
    ($(#[$doc:meta])* $type:ident) => {
        name!($(#[$doc])* $type, check_name);

        impl $type {
            /// For look-ups and keyring accounts.
            pub fn key(&self) -> String {
                self.0.to_ascii_lowercase()
            }

            /// One component of a path.
            pub fn file_name(&self) -> String {
                self.0.replace('/', "_")
            }
        }
    };
}

written_name!(
    /// An identity, as written in the configuration.
    IdentityName
);
written_name!(
    /// A provider, as written in the configuration; `aws-user` for stand-alone identities.
    ProviderName
);
written_name!(
    /// A database, as written in the configuration.
    DatabaseName
);
written_name!(
    /// Keeps identities of one name in different files apart.
    Realm
);
name!(
    /// `eu-central-1`.
    Region,
    check_region
);
name!(
    /// Twelve digits.
    AccountId,
    check_account
);
name!(
    /// The serial number of an MFA device: an ARN, or the serial of a hardware device.
    #[cfg_attr(feature = "app", derive(specta::Type))]
    MfaArn,
    check_mfa_arn
);

impl AccountId {
    /// The account named in an ARN, when it names one.
    pub fn of_arn(arn: &str) -> Option<AccountId> {
        arn.split(':').nth(4)?.parse().ok()
    }
}

/// The six digits of an MFA device. Valid for seconds, and still not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct MfaCode(String);

impl MfaCode {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As a program printed it: other words may stand around the only six digits (`976249 lasts
    /// 24s`).
    pub fn printed(text: &str) -> Result<MfaCode> {
        if let Ok(code) = text.parse() {
            return Ok(code);
        }
        let numbers = text.split(|c: char| !c.is_ascii_alphanumeric());
        let mut codes: Vec<&str> = numbers.filter(|number| is_digits(number, 6)).collect();
        codes.dedup();
        let wrong = |why: &str| Err(Error::new(Code::InvalidInput, why));
        match codes.as_slice() {
            [code] => code.parse(),
            [] => wrong("there is no number of six digits in it"),
            [_, _, ..] => wrong(
                "there is more than one number of six digits in it, and which of them is the code \
                 is not known",
            ),
        }
    }
}

impl FromStr for MfaCode {
    type Err = Error;

    /// Blanks and hyphens may stand around and between the digits, as apps and pages group them.
    fn from_str(text: &str) -> Result<MfaCode> {
        let is_between =
            |c: char| c.is_whitespace() || matches!(c, '-' | '\u{200b}' | '\u{2060}' | '\u{feff}');
        let code: String = text.chars().filter(|c| !is_between(*c)).collect();
        if is_digits(&code, 6) {
            Ok(MfaCode(code))
        } else {
            Err(Error::new(Code::InvalidInput, "an MFA code has six digits"))
        }
    }
}

impl fmt::Debug for MfaCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MfaCode(…)")
    }
}

impl ProviderName {
    /// The provider of identities that have none; reserved in the configuration.
    pub const STAND_ALONE: &str = "aws-user";

    pub fn stand_alone() -> ProviderName {
        ProviderName(Self::STAND_ALONE.to_owned())
    }
}

impl Realm {
    pub const DEFAULT: &str = "default";

    pub fn is_default(&self) -> bool {
        self.0.eq_ignore_ascii_case(Self::DEFAULT)
    }
}

impl Default for Realm {
    fn default() -> Realm {
        Realm(Self::DEFAULT.to_owned())
    }
}

impl Region {
    pub fn partition(&self) -> Partition {
        if self.0.starts_with("cn-") {
            Partition::AwsCn
        } else if self.0.starts_with("us-gov-") {
            Partition::AwsUsGov
        } else {
            Partition::Aws
        }
    }
}

/// The separate AWSs: accounts, ARNs and endpoints do not cross.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Partition {
    Aws,
    AwsCn,
    AwsUsGov,
}

impl Partition {
    /// As ARNs spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Partition::Aws => "aws",
            Partition::AwsCn => "aws-cn",
            Partition::AwsUsGov => "aws-us-gov",
        }
    }

    /// Where STS answers for every account of the partition.
    pub fn default_region(self) -> Region {
        Region(
            match self {
                Partition::Aws => "us-east-1",
                Partition::AwsCn => "cn-north-1",
                Partition::AwsUsGov => "us-gov-west-1",
            }
            .to_owned(),
        )
    }

    /// `None` when the text is not an ARN of a partition known here.
    pub fn of_arn(arn: &str) -> Option<Partition> {
        let partition = arn.strip_prefix("arn:")?.split_once(':')?.0;
        [Partition::Aws, Partition::AwsCn, Partition::AwsUsGov]
            .into_iter()
            .find(|known| known.as_str() == partition)
    }
}

fn check_name(text: &str) -> Result<&str> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._@+/-".contains(&b);
    let why = if text.is_empty() {
        "it is empty".to_owned()
    } else if text.len() > LONGEST_NAME {
        format!("it is longer than {LONGEST_NAME} characters")
    } else if text.contains("..") {
        "it contains `..`".to_owned()
    } else if !text.as_bytes()[0].is_ascii_alphanumeric() {
        "it does not start with an unaccented letter or a digit".to_owned()
    } else if let Some(bad) = text.chars().find(|c| !u8::try_from(*c).is_ok_and(allowed)) {
        format!("it contains {}", visible(bad))
    } else {
        return Ok(text);
    };
    Err(Error::new(
        Code::InvalidInput,
        format!(
            "`{}` is not a name: \
        {why}",
            shorten(text)
        ),
    )
    .hint(format!(
        "a name has 1 to {LONGEST_NAME} unaccented letters, digits and `.`, `_`, `@`, `+`, `/`, \
         `-`, starting with a letter or digit"
    )))
}

fn is_digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|b| b.is_ascii_digit())
}

fn check_account(text: &str) -> Result<&str> {
    if is_digits(text, 12) {
        return Ok(text);
    }
    let text = shorten(text);
    let message = format!("`{text}` is not an account id: an account id has twelve digits");
    Err(Error::new(Code::InvalidInput, message))
}

/// AWS's own pattern for SerialNumber is `[\w+=/:,.@-]{9,256}`.
fn check_mfa_arn(text: &str) -> Result<&str> {
    let text = text.trim();
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_+=/:,.@-".contains(&b);
    let arn_like = !text.contains(':') || (text.starts_with("arn:aws") && text.contains(":mfa/"));
    if (9..=256).contains(&text.len()) && text.bytes().all(allowed) && arn_like {
        return Ok(text);
    }
    let message = format!("`{}` is not an MFA ARN", shorten(text));
    Err(Error::new(Code::InvalidInput, message)
        .hint("an MFA ARN looks like arn:aws:iam::123456789012:mfa/kim"))
}

fn visible(c: char) -> String {
    match c {
        ' ' => "a space".to_owned(),
        '\t' => "a tab".to_owned(),
        '\n' | '\r' => "a line break".to_owned(),
        '\0' => "a NUL byte".to_owned(),
        c if c.is_ascii_graphic() || c.is_alphanumeric() => format!("`{c}`"),
        c => format!("U+{:04X}", u32::from(c)),
    }
}

/// `us-east-1`, `us-gov-west-1`, `eusc-de-east-1`: words of lower-case letters, then a number.
fn check_region(text: &str) -> Result<&str> {
    let words: Vec<&str> = text.split('-').collect();
    let is_word = |word: &&str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
    let is_number =
        |word: &&str| (1..=2).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_digit());
    let well_formed = match words.as_slice() {
        [area, middle @ .., number] => {
            text.len() <= 32
                && is_word(area)
                && (1..=2).contains(&middle.len())
                && middle.iter().all(is_word)
                && is_number(number)
        }
        _ => false,
    };
    if well_formed {
        return Ok(text);
    }
    Err(Error::new(
        Code::InvalidInput,
        format!("`{}` is not a region", shorten(text)),
    )
    .hint("a region looks like eu-central-1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_recognised_and_real_keys_are_not() {
        for text in [
            "changeme",
            "xxx",
            "AKIAXXXXXXXXXXXXXXXX",
            "XXXX",
            "<your key>",
            "YOUR_ACCESS_KEY",
            "****",
            "DB",
        ] {
            assert!(is_placeholder(text), "{text}");
        }
        for text in [
            "AKIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        ] {
            assert!(is_example(text) && !is_placeholder(text), "{text}");
        }
        for text in ["AKIAFOREIGN000000001", "db-password-7", ""] {
            assert!(!is_example(text) && !is_placeholder(text), "{text}");
        }
    }

    #[test]
    fn a_code_is_read_with_any_blanks_and_out_of_the_words_of_a_program() {
        for text in [
            "123456",
            " 123 456\n",
            "12\u{a0}34\u{2009}56",
            "123-456",
            "\u{200b}123\u{feff}456",
        ] {
            assert_eq!(text.parse::<MfaCode>().expect(text).as_str(), "123456");
        }
        for (text, code) in [
            ("976249 lasts 24s", "976249"),
            ("corp:kim  123456", "123456"),
            ("123456 (123456)", "123456"),
        ] {
            assert_eq!(MfaCode::printed(text).expect(text).as_str(), code);
        }
        for text in ["123456 next 654321", "1234567 left", "a123456", "none", ""] {
            let error = MfaCode::printed(text).expect_err(text);
            assert!(!error.message.contains("123456"), "{error}");
        }
    }

    #[test]
    fn names_are_accepted_as_written_and_compared_without_regard_to_case() {
        for text in [
            "a",
            "0",
            "dev-admin",
            "Prod/Admin",
            "kim@example.org",
            "a+b_c.d",
            &"a".repeat(64),
        ] {
            assert_eq!(text.parse::<IdentityName>().expect(text).as_str(), text);
        }
        let name: IdentityName = "Prod/Admin".parse().expect("a name");
        assert_eq!(
            (name.key().as_str(), name.file_name().as_str()),
            ("prod/admin", "Prod_Admin")
        );
    }

    #[test]
    fn names_that_could_leave_their_folder_or_break_a_line_are_refused() {
        let long = "a".repeat(300);
        for (text, why) in [
            ("", "it is empty"),
            ("../etc", "`..`"),
            ("a/../../b", "`..`"),
            ("/etc/passwd", "start with"),
            (".hidden", "start with"),
            ("-rf", "start with"),
            ("a b", "it contains a space"),
            ("a\nb", "a line break"),
            ("a\0b", "a NUL byte"),
            ("aüb", "`ü`"),
            ("a\"b", "`\"`"),
            ("a]b", "`]`"),
            ("a\\b", "`\\`"),
            ("dev🦀", "U+1F980"),
            ("a\u{202e}b", "U+202E"),
            ("مرحبا", "start with"),
            (&long, "longer than 64"),
        ] {
            let error = text.parse::<IdentityName>().expect_err(text);
            assert_eq!(error.code, Code::InvalidInput);
            assert!(error.message.contains(why), "{text:?}: {}", error.message);
            assert!(
                error.message.len() < 400 && !error.message.contains(['\n', '\0', '\u{202e}']),
                "{}",
                error.message
            );
        }
    }

    #[test]
    fn regions_and_arns_tell_their_partition() {
        for (text, partition) in [
            ("us-east-1", Partition::Aws),
            ("ap-southeast-11", Partition::Aws),
            ("eusc-de-east-1", Partition::Aws),
            ("cn-northwest-1", Partition::AwsCn),
            ("us-gov-east-1", Partition::AwsUsGov),
        ] {
            assert_eq!(text.parse::<Region>().expect(text).partition(), partition);
            assert_eq!(partition.default_region().partition(), partition);
            let arn = format!("arn:{}:iam::123456789012:role/r", partition.as_str());
            assert_eq!(Partition::of_arn(&arn), Some(partition));
        }
        for text in [
            "",
            "-",
            "us",
            "us-east",
            "us-east-1a",
            "US-EAST-1",
            "us-east-1\n",
            "us--east-1",
            "eu_central_1",
        ] {
            assert!(text.parse::<Region>().is_err(), "{text:?}");
        }
        for text in ["", "arn:", "arn:aws", "aws:iam", "arn:amazon:iam::1:x"] {
            assert_eq!(Partition::of_arn(text), None, "{text:?}");
        }
    }
}
