//! The access keys of an IAM user, as IAM keeps them: five calls of its query protocol.

use super::callee::AwsService;
use super::client::{Aws, Place, Signer, Tries};
use super::fault::Fault;
use super::signed::SignedCall;
use crate::encode::percent;
use crate::ids::AccessKeyId;
use crate::secret::{Keys, SecretAccessKey};
use aws_smithy_xml::decode::{Document, ScopedDecoder, try_data};
use jiff::Timestamp;
use std::time::SystemTime;

const HEADERS: [(&str, &str); 1] = [("content-type", "application/x-www-form-urlencoded")];
const DEEPEST: usize = 16;

#[derive(Clone, Copy, Debug)]
pub enum IamCall<'a> {
    ListKeys,
    /// Not sent twice: each makes another one.
    MakeKey,
    Deactivate(&'a AccessKeyId),
    Delete(&'a AccessKeyId),
    LastUse(&'a AccessKeyId),
}

/// What an answer says of one key.
#[derive(Clone, Debug, Default)]
pub struct IamKey {
    pub id: Option<AccessKeyId>,
    secret: Option<SecretAccessKey>,
    pub is_active: bool,
    pub made_at: Option<SystemTime>,
    /// Says [`IamCall::LastUse`]; `None`: never.
    pub used_at: Option<SystemTime>,
}

impl IamKey {
    /// Of one that was just made: no other answer holds the secret.
    pub fn keys(self) -> Option<Keys> {
        Some(Keys {
            access_key_id: self.id?,
            secret_access_key: self.secret?,
        })
    }
}

impl IamCall<'_> {
    /// `user`: by name; `None`: the one that signs, which an account's root is by no name.
    pub async fn send(
        self,
        aws: &Aws,
        signer: Signer<'_>,
        place: Place<'_>,
        user: Option<&str>,
    ) -> Result<Vec<IamKey>, Fault> {
        let tries = match self {
            IamCall::MakeKey => Tries::One,
            IamCall::ListKeys
            | IamCall::Deactivate(_)
            | IamCall::Delete(_)
            | IamCall::LastUse(_) => place.tries,
        };
        let sent = SignedCall {
            service: AwsService::Iam,
            signing_name: "iam",
            signer,
            place: Place {
                region: &place.region.partition().default_region(),
                tries,
                ..place
            },
            headers: &HEADERS,
            body: &self.body(user),
            refusal: Fault::of_xml,
        };
        sent.send(aws, read).await
    }

    fn action(&self) -> &'static str {
        match self {
            IamCall::ListKeys => "ListAccessKeys",
            IamCall::MakeKey => "CreateAccessKey",
            IamCall::Deactivate(_) => "UpdateAccessKey",
            IamCall::Delete(_) => "DeleteAccessKey",
            IamCall::LastUse(_) => "GetAccessKeyLastUsed",
        }
    }

    fn body(&self, user: Option<&str>) -> String {
        let key = match self {
            IamCall::ListKeys | IamCall::MakeKey => None,
            IamCall::Deactivate(id) | IamCall::Delete(id) | IamCall::LastUse(id) => Some(id),
        };
        let status = matches!(self, IamCall::Deactivate(_)).then_some("Inactive");
        // The key says whose it is.
        let user = user.filter(|_| !matches!(self, IamCall::LastUse(_)));
        let fields = [
            ("Action", Some(self.action())),
            ("Version", Some("2010-05-08")),
            ("AccessKeyId", key.map(|id| id.as_str())),
            ("Status", status),
            ("UserName", user),
        ];
        let written = fields.iter().filter_map(|(name, value)| {
            let value = percent(value.as_ref()?.as_bytes());
            Some(format!("{name}={value}"))
        });
        written.collect::<Vec<_>>().join("&")
    }
}

fn read(body: &[u8]) -> Result<Vec<IamKey>, Fault> {
    let read = || {
        let mut document = Document::new(std::str::from_utf8(body).ok()?);
        let mut found = Vec::new();
        walk(&mut document.root_element().ok()?, &mut found, 0)?;
        Some(found)
    };
    // The cause could quote a secret.
    read().ok_or_else(|| Fault::other("the answer is not one of IAM"))
}

/// `None`: no XML, or none that IAM sends.
fn walk(element: &mut ScopedDecoder<'_, '_>, found: &mut Vec<IamKey>, depth: usize) -> Option<()> {
    (depth < DEEPEST).then_some(())?;
    while let Some(mut child) = element.next_tag() {
        let name = child.start_el().local().to_owned();
        if matches!(name.as_str(), "member" | "AccessKey" | "AccessKeyLastUsed") {
            found.push(IamKey::default());
        }
        let Some(key) = found.last_mut() else {
            walk(&mut child, found, depth + 1)?;
            continue;
        };
        let mut text = || try_data(&mut child).ok();
        let time = |text: &str| text.parse::<Timestamp>().ok().map(SystemTime::from);
        match name.as_str() {
            "AccessKeyId" => key.id = Some(AccessKeyId::parse(&text()?).ok()?),
            "SecretAccessKey" => key.secret = Some(SecretAccessKey::parse(&text()?).ok()?),
            "Status" => key.is_active = text()? == "Active",
            "CreateDate" => key.made_at = time(&text()?),
            "LastUsedDate" => key.used_at = time(&text()?),
            _ => walk(&mut child, found, depth + 1)?,
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As AWS's API reference shows them.
    #[test]
    fn what_iam_answers_is_read() {
        let list = "<ListAccessKeysResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">
          <ListAccessKeysResult><UserName>Bob</UserName><AccessKeyMetadata>
          <member><UserName>Bob</UserName><AccessKeyId>AKIAIOSFODNN7EXAMPLE</AccessKeyId>
            <Status>Active</Status><CreateDate>2016-12-03T18:53:41Z</CreateDate></member>
          <member><UserName>Bob</UserName><AccessKeyId>AKIAI44QH8DHBEXAMPLE</AccessKeyId>
            <Status>Inactive</Status></member>
          </AccessKeyMetadata><IsTruncated>false</IsTruncated></ListAccessKeysResult>
          </ListAccessKeysResponse>";
        let keys = read(list.as_bytes()).expect("an answer");
        let ids = keys
            .iter()
            .map(|it| it.id.as_ref().map(AccessKeyId::as_str));
        assert_eq!(
            ids.collect::<Vec<_>>(),
            [Some("AKIAIOSFODNN7EXAMPLE"), Some("AKIAI44QH8DHBEXAMPLE")]
        );
        assert_eq!((keys[0].is_active, keys[1].is_active), (true, false));
        let made_at = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_480_791_221);
        assert_eq!(keys[0].made_at, Some(made_at));
        let made =
            "<CreateAccessKeyResponse><CreateAccessKeyResult><AccessKey><UserName>Bob</UserName>
          <AccessKeyId>AKIAIOSFODNN7EXAMPLE</AccessKeyId><Status>Active</Status>
          <SecretAccessKey>wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY</SecretAccessKey></AccessKey>
          </CreateAccessKeyResult></CreateAccessKeyResponse>";
        let mut made = read(made.as_bytes()).expect("an answer");
        assert!(made.pop().and_then(IamKey::keys).is_some());
        let used = |date: &str| {
            let text = format!(
                "<GetAccessKeyLastUsedResponse><GetAccessKeyLastUsedResult><AccessKeyLastUsed>\
                 <Region>N/A</Region>{date}<ServiceName>N/A</ServiceName></AccessKeyLastUsed>\
                 <UserName>Bob</UserName></GetAccessKeyLastUsedResult></GetAccessKeyLastUsedResponse>"
            );
            read(text.as_bytes()).expect("an answer")[0].used_at
        };
        assert_eq!(used(""), None);
        assert!(used("<LastUsedDate>2015-11-12T17:06:00Z</LastUsedDate>").is_some());
        let done = "<DeleteAccessKeyResponse><ResponseMetadata/></DeleteAccessKeyResponse>";
        assert!(read(done.as_bytes()).expect("an answer").is_empty());
        for odd in ["", "<a", "\u{fffd}", "{\"a\":1}", &"<a>".repeat(9999)] {
            assert!(read(odd.as_bytes()).is_err(), "{odd:.9}");
        }
    }
}
