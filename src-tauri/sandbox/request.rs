//! A call as it came over the wire, parsed but not verified: parameters of the query protocol and
//! the claimed signature. A part that cannot be parsed is kept as its refusal.

use super::actions::{AwsAction, SignInAction, SignInService};
use super::protocol::{IAM_VERSION, IamAction, StsAction, VERSION};
use super::refusal::AwsRefusal;
use super::signature::Authorization;
use axum::body::Bytes;
use axum::http::Method;
use axum::http::request::Parts;
use serde_json::Value;
use std::collections::BTreeMap;

pub(super) type Parameters = BTreeMap<String, String>;

#[derive(Debug)]
pub(super) struct Incoming {
    pub head: Parts,
    pub body: Bytes,
    pub parameters: Result<Parameters, AwsRefusal>,
    pub authorization: Result<Authorization, AwsRefusal>,
    /// By the path; `None`: a call to STS or to the console.
    pub sign_in: Option<SignInAction>,
}

impl Incoming {
    pub fn read(head: Parts, body: Bytes) -> Incoming {
        let query = head.uri.query().unwrap_or_default().as_bytes();
        let sign_in = SignInAction::at(&head.method, head.uri.path());
        let parameters = match sign_in.map(SignInAction::service) {
            _ if head.method != Method::POST => parameters(query),
            None => parameters(&body),
            // A form is posted back to the address of its page.
            Some(SignInService::Pages) => parameters(&[query, &body].join(&b'&')),
            Some(SignInService::Oidc | SignInService::Portal | SignInService::Login) => {
                Ok(members(&body))
            }
        };
        let authorization = Authorization::parse(&head.headers);
        Incoming {
            head,
            body,
            parameters,
            authorization,
            sign_in,
        }
    }

    /// What is called, if it is known.
    pub fn called(&self) -> Option<AwsAction> {
        let iam = || self.iam().map(AwsAction::from);
        let sts = || self.action().ok().map(AwsAction::from);
        self.sign_in.map(AwsAction::from).or_else(iam).or_else(sts)
    }

    pub fn service(&self) -> Option<SignInService> {
        self.sign_in.map(SignInAction::service)
    }

    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.as_ref().ok()?.get(name).map(String::as_str)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    pub fn required(&self, name: &str) -> Result<&str, AwsRefusal> {
        let missing = || AwsRefusal::constraint(&lower_first(name), None, "not be null");
        self.parameter(name).ok_or_else(missing)
    }

    pub fn session_name(&self) -> Result<&str, AwsRefusal> {
        let name = self.required("RoleSessionName")?;
        let refuse = |rule| Err(AwsRefusal::constraint("roleSessionName", Some(name), rule));
        if !name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b))
        {
            return refuse("satisfy regular expression pattern: [\\w+=,.@-]*");
        }
        match name.len() {
            0..2 => refuse("have length greater than or equal to 2"),
            2..=64 => Ok(name),
            65.. => refuse("have length less than or equal to 64"),
        }
    }

    /// The region in the scope of the signature.
    pub fn region(&self) -> Option<&str> {
        self.authorization
            .as_ref()
            .ok()
            .map(|it| it.region.as_str())
    }

    /// Of IAM, which has a version of its own.
    pub fn iam(&self) -> Option<IamAction> {
        let action = self.parameter("Action")?;
        let is_iam = self.sign_in.is_none() && self.parameter("Version") == Some(IAM_VERSION);
        let all = IamAction::ALL.into_iter();
        all.filter(|_| is_iam).find(|it| it.name() == action)
    }

    pub fn action(&self) -> Result<StsAction, AwsRefusal> {
        self.parameters.as_ref().map_err(Clone::clone)?;
        let Some(action) = self.parameter("Action") else {
            return Err(AwsRefusal::new(
                400,
                "MissingAction",
                "The request is missing an action or a required parameter.",
            ));
        };
        let version = self.parameter("Version").unwrap_or("NO_VERSION_SPECIFIED");
        StsAction::ALL
            .into_iter()
            .find(|known| known.name() == action && version == VERSION)
            .ok_or_else(|| {
                AwsRefusal::new(
                    400,
                    "InvalidAction",
                    format!("Could not find operation {action} for version {version}"),
                )
            })
    }
}

fn lower_first(name: &str) -> String {
    name[..1].to_ascii_lowercase() + &name[1..]
}

/// `application/x-www-form-urlencoded`, strictly: a broken escape or a name given twice is refused.
fn parameters(form: &[u8]) -> Result<Parameters, AwsRefusal> {
    let form = std::str::from_utf8(form)
        .map_err(|_| AwsRefusal::malformed("The query string is not valid UTF-8"))?;
    let mut parameters = Parameters::new();
    for pair in form.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if parameters.insert(decode(name)?, decode(value)?).is_some() {
            return Err(AwsRefusal::malformed(
                "The query string names a parameter twice",
            ));
        }
    }
    Ok(parameters)
}

/// The members of a JSON object, for the journal: text as it is, anything else as JSON.
fn members(body: &[u8]) -> Parameters {
    let object: serde_json::Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let members = object.into_iter();
    members.map(|(name, value)| (name, text(value))).collect()
}

fn decode(text: &str) -> Result<String, AwsRefusal> {
    let broken = || AwsRefusal::malformed("The query string contains a syntax error");
    let is_escape =
        |rest: &str| rest.len() >= 2 && rest.bytes().take(2).all(|b| b.is_ascii_hexdigit());
    if !text.split('%').skip(1).all(is_escape) {
        return Err(broken());
    }
    let text = text.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&text)
        .decode_utf8()
        .map_err(|_| broken())?;
    Ok(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_decoded_as_written() {
        let read = parameters(b"Action=GetCallerIdentity&Name=a+b%2Bc%C3%A9&Empty=&&Bare")
            .expect("parameters");
        let read: Vec<_> = read
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(
            read,
            [
                ("Action", "GetCallerIdentity"),
                ("Bare", ""),
                ("Empty", ""),
                ("Name", "a b+cé")
            ]
        );
    }

    #[test]
    fn broken_forms_are_refused_as_malformed() {
        for form in [
            &b"a=%"[..],
            b"a=%2",
            b"a=%zz",
            b"a=1&a=2",
            b"a=%ff",
            b"\xff=1",
            b"a=%2\xc3\xa9",
        ] {
            let refusal = parameters(form).expect_err("a refusal");
            assert_eq!(
                (refusal.status, refusal.code),
                (400, "MalformedQueryString"),
                "{form:?}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_the_bytes_they_are_parameters_or_a_refusal(form: Vec<u8>, text in "([%+&=]|[0-9a-f]|é|\\PC)*") {
            for form in [&form[..], text.as_bytes()] {
                if let Err(refusal) = parameters(form) {
                    proptest::prop_assert_eq!(refusal.code, "MalformedQueryString");
                }
            }
        }
    }
}
