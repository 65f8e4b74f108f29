//! A SAML response, read as AWS reads it: what an identity provider says of a person, and to which
//! roles. Its signature is only looked for: no provider's certificate is known here.

use crate::duration::SessionDuration;
use aws_smithy_types::base64;
use aws_smithy_xml::decode::{Document, ScopedDecoder, try_data};
use jiff::Timestamp;
use std::time::SystemTime;

const DEEPEST: usize = 32;
const ROLE: &str = "https://aws.amazon.com/SAML/Attributes/Role";
const SESSION_NAME: &str = "https://aws.amazon.com/SAML/Attributes/RoleSessionName";
const SESSION_DURATION: &str = "https://aws.amazon.com/SAML/Attributes/SessionDuration";
/// AWS's own limit, in characters.
pub const LONGEST_ASSERTION: usize = 100_000;
/// The audience of an assertion for AWS, in every partition.
pub const AUDIENCES: [&str; 4] = [
    "https://signin.aws.amazon.com/saml",
    "https://signin.amazonaws.cn/saml",
    "https://signin.amazonaws-us-gov.com/saml",
    "urn:amazon:webservices",
];

/// A role that the person may take, and the provider in IAM that vouches for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SamlRole {
    pub role: String,
    pub provider: String,
}

#[derive(Debug, Default)]
pub struct SamlAssertion {
    pub issuer: String,
    pub subject: String,
    pub recipient: String,
    pub session_name: Option<String>,
    pub is_signed: bool,
    pub is_encrypted: bool,
    pub audiences: Vec<String>,
    /// Times outside these are too early or too late.
    pub not_before: Option<SystemTime>,
    pub not_on_or_after: Option<SystemTime>,
    pub session_ends_at: Option<SystemTime>,
    /// At most so long may a session last.
    pub session_duration: Option<SessionDuration>,
    /// Pairs of a role and its provider, as written.
    roles: Vec<String>,
    /// The name of the attribute that is being read.
    attribute: String,
}

impl SamlAssertion {
    /// `None`: not base64, not XML, or too deep.
    pub fn read(encoded: &str) -> Option<SamlAssertion> {
        let text = String::from_utf8(base64::decode(encoded).ok()?).ok()?;
        let mut document = Document::new(&text);
        let mut root = document.root_element().ok()?;
        let mut read = SamlAssertion::default();
        (root.start_el().local() == "Response").then_some(())?;
        read.element(&mut root, 0)?;
        Some(read)
    }

    /// Each pair is written in either order.
    pub fn roles(&self) -> impl Iterator<Item = SamlRole> {
        let pairs = self.roles.iter().filter_map(|pair| pair.split_once(','));
        let roles = pairs.map(|(a, b)| {
            let (a, b) = (a.trim().to_owned(), b.trim().to_owned());
            let (provider, role) = if a.contains(":saml-provider/") {
                (a, b)
            } else {
                (b, a)
            };
            SamlRole { role, provider }
        });
        roles.filter(|it| !it.role.is_empty() && !it.provider.is_empty())
    }

    fn element(&mut self, element: &mut ScopedDecoder<'_, '_>, depth: usize) -> Option<()> {
        let attribute = |name| element.start_el().attr(name).map(str::to_owned);
        let time = |name| attribute(name).and_then(|text| text.parse::<Timestamp>().ok());
        match element.start_el().local() {
            "EncryptedAssertion" => self.is_encrypted = true,
            "Signature" => {
                self.is_signed = true;
                return Some(());
            }
            "Conditions" => {
                self.not_before = time("NotBefore").map(SystemTime::from);
                self.not_on_or_after = time("NotOnOrAfter").map(SystemTime::from);
            }
            "SubjectConfirmationData" => {
                self.recipient = attribute("Recipient").unwrap_or_default();
            }
            "AuthnStatement" => {
                self.session_ends_at = time("SessionNotOnOrAfter").map(SystemTime::from);
            }
            "Attribute" => self.attribute = attribute("Name").unwrap_or_default(),
            name @ ("Issuer" | "NameID" | "Audience" | "AttributeValue") => {
                let name = name.to_owned();
                let text = try_data(element).ok()?.trim().to_owned();
                self.text(&name, text);
                return Some(());
            }
            _ => {}
        }
        (depth < DEEPEST).then_some(())?;
        while let Some(mut child) = element.next_tag() {
            self.element(&mut child, depth + 1)?;
        }
        Some(())
    }

    fn text(&mut self, element: &str, text: String) {
        match element {
            "Issuer" => self.issuer = text,
            "NameID" => self.subject = text,
            "Audience" => self.audiences.push(text),
            _ if self.attribute == ROLE => self.roles.push(text),
            _ if self.attribute == SESSION_NAME => self.session_name = Some(text),
            _ if self.attribute == SESSION_DURATION => self.session_duration = text.parse().ok(),
            _ => {}
        }
    }
}
