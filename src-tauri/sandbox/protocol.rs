//! AWS's query protocol as STS and IAM speak it: their actions, versions and namespaces, and text
//! in XML.

use serde::{Deserialize, Serialize};
use std::time::SystemTime;

pub(super) const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
pub(super) const VERSION: &str = "2011-06-15";
pub(super) const SERVICE: &str = "sts";
pub(super) const IAM_VERSION: &str = "2010-05-08";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StsAction {
    GetCallerIdentity,
    GetSessionToken,
    AssumeRole,
    AssumeRoleWithSAML,
    AssumeRoleWithWebIdentity,
    AssumeRoot,
}

impl StsAction {
    pub const ALL: [StsAction; 6] = [
        StsAction::GetCallerIdentity,
        StsAction::GetSessionToken,
        StsAction::AssumeRole,
        StsAction::AssumeRoleWithSAML,
        StsAction::AssumeRoleWithWebIdentity,
        StsAction::AssumeRoot,
    ];

    pub fn name(self) -> &'static str {
        match self {
            StsAction::GetCallerIdentity => "GetCallerIdentity",
            StsAction::GetSessionToken => "GetSessionToken",
            StsAction::AssumeRole => "AssumeRole",
            StsAction::AssumeRoleWithSAML => "AssumeRoleWithSAML",
            StsAction::AssumeRoleWithWebIdentity => "AssumeRoleWithWebIdentity",
            StsAction::AssumeRoot => "AssumeRoot",
        }
    }

    /// A whole answer around the content of the action's `…Result` element.
    pub(super) fn to_xml(self, result: &str, request_id: &str) -> String {
        let name = self.name();
        format!(
            "<{name}Response xmlns=\"{NAMESPACE}\">\n  <{name}Result>{result}</{name}Result>\n  \
             <ResponseMetadata>\n    \
             <RequestId>{request_id}</RequestId>\n  </ResponseMetadata>\n</{name}Response>\n"
        )
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IamAction {
    ListAccessKeys,
    CreateAccessKey,
    UpdateAccessKey,
    DeleteAccessKey,
    GetAccessKeyLastUsed,
}

impl IamAction {
    pub const ALL: [IamAction; 5] = [
        IamAction::ListAccessKeys,
        IamAction::CreateAccessKey,
        IamAction::UpdateAccessKey,
        IamAction::DeleteAccessKey,
        IamAction::GetAccessKeyLastUsed,
    ];

    pub fn name(self) -> &'static str {
        match self {
            IamAction::ListAccessKeys => "ListAccessKeys",
            IamAction::CreateAccessKey => "CreateAccessKey",
            IamAction::UpdateAccessKey => "UpdateAccessKey",
            IamAction::DeleteAccessKey => "DeleteAccessKey",
            IamAction::GetAccessKeyLastUsed => "GetAccessKeyLastUsed",
        }
    }
}

/// For display; a time beyond the displayable ones is the last of them.
pub(super) fn timestamp(time: SystemTime) -> jiff::Timestamp {
    jiff::Timestamp::try_from(time).unwrap_or(jiff::Timestamp::MAX)
}

/// Text for XML 1.0, which cannot carry control characters.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}
