//! Checks AWS Signature Version 4, from the published description and without any code of the SDK,
//! so that the SDK's signatures meet an independent check. Holds no keys; never signs anything for
//! a caller.

use super::protocol::timestamp;
use super::refusal::AwsRefusal;
use super::settings::SkewCode;
use crate::encode::{hex, percent};
use crate::secret::SecretAccessKey;
use axum::http::{HeaderMap, Uri};
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};
use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};
use std::time::SystemTime;
use subtle::ConstantTimeEq;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const LARGEST_SKEW: SignedDuration = SignedDuration::from_mins(15);
const DATE_FORMAT: &str = "%Y%m%dT%H%M%SZ";

/// The `Authorization` header, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Authorization {
    pub access_key_id: String,
    pub region: String,
    date: String,
    service: String,
    signed_headers: Vec<String>,
    signature: String,
    /// `X-Amz-Date`, `20150830T123600Z`.
    signed_at: String,
}

/// What a signature covers.
pub(super) struct Signed<'a> {
    pub method: &'a str,
    pub uri: &'a Uri,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

impl Authorization {
    pub fn parse(headers: &HeaderMap) -> Result<Authorization, AwsRefusal> {
        let incomplete = AwsRefusal::incomplete_signature;
        let text = headers
            .get("authorization")
            .ok_or_else(AwsRefusal::missing_token)?
            .to_str()
            .map_err(|_| incomplete("Authorization header is not text".into()))?;
        let fields = text
            .strip_prefix(ALGORITHM)
            .and_then(|rest| rest.strip_prefix(' '))
            .ok_or_else(|| incomplete(format!("Authorization header requires {ALGORITHM}")))?;
        let (credential, signature) = (field(fields, "Credential")?, field(fields, "Signature")?);
        let signed_headers = field(fields, "SignedHeaders")?;
        let [access_key_id, date, region, service, end] =
            credential.split('/').collect::<Vec<_>>()[..]
        else {
            let message = "Credential must have exactly 5 slash-delimited elements, e.g. \
                keyid/date/region/service/term";
            return Err(incomplete(message.into()));
        };
        if end != "aws4_request" {
            return Err(AwsRefusal::signature(
                "Credential should be scoped with a valid terminator: 'aws4_request'.",
            ));
        }
        let signed_at = headers
            .get("x-amz-date")
            .and_then(|date| date.to_str().ok());
        let signed_at = signed_at.ok_or_else(|| {
            incomplete("Authorization header requires existence of a 'X-Amz-Date' header.".into())
        })?;
        Ok(Authorization {
            access_key_id: access_key_id.to_owned(),
            region: region.to_owned(),
            date: date.to_owned(),
            service: service.to_owned(),
            signed_headers: signed_headers.split(';').map(str::to_owned).collect(),
            signature: signature.to_owned(),
            signed_at: signed_at.to_owned(),
        })
    }

    /// Accepts signatures made within 15 minutes of `now`.
    pub fn check_time(&self, now: SystemTime, code: SkewCode) -> Result<(), AwsRefusal> {
        let signed_at = civil::DateTime::strptime(DATE_FORMAT, &self.signed_at)
            .and_then(|time| time.to_zoned(TimeZone::UTC))
            .map_err(|_| {
                AwsRefusal::incomplete_signature("Date must be in ISO-8601 'basic format'.".into())
            })?
            .timestamp();
        let now = timestamp(now);
        let show = |time: Timestamp| time.strftime(DATE_FORMAT).to_string();
        let edge = |by: SignedDuration| show(now.checked_add(by).unwrap_or(now));
        let (earliest, latest) = (edge(-LARGEST_SKEW), edge(LARGEST_SKEW));
        let (signed, now) = (show(signed_at), show(now));
        let problem = if earliest > signed {
            format!("Signature expired: {signed} is now earlier than {earliest} ({now} - 15 min.)")
        } else if signed > latest {
            format!(
                "Signature not yet current: {signed} is still later than {latest} ({now} + 15 min.)"
            )
        } else {
            return Ok(());
        };
        Err(AwsRefusal::skew(code, problem))
    }

    /// The scope must be `service`'s, the headers that matter signed, and the signature the one
    /// `secret` gives.
    pub fn verify(
        &self,
        signed: &Signed<'_>,
        secret: &SecretAccessKey,
        service: &str,
    ) -> Result<(), AwsRefusal> {
        if self.service != service {
            return Err(AwsRefusal::signature(format!(
                "Credential should be scoped to correct service: '{service}'."
            )));
        }
        if self.region.is_empty() {
            return Err(AwsRefusal::signature(
                "Credential should be scoped to a valid region.",
            ));
        }
        if !self.signed_at.starts_with(&self.date) || self.date.len() != 8 {
            return Err(AwsRefusal::signature(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date \
                 from HTTP: '{}', from '{}'.",
                self.date, self.signed_at
            )));
        }
        for name in ["host", "x-amz-date", "x-amz-security-token"] {
            let matters = name != "x-amz-security-token" || signed.headers.contains_key(name);
            if matters && !self.signed_headers.iter().any(|header| header == name) {
                return Err(AwsRefusal::signature(format!(
                    "'{name}' must be a 'SignedHeader' in the AWS Authorization."
                )));
            }
        }
        let expected = self.signature_of(signed, secret);
        if bool::from(expected.as_bytes().ct_eq(self.signature.as_bytes())) {
            return Ok(());
        }
        Err(AwsRefusal::signature(
            "The request signature we calculated does not match the signature you provided. Check \
             your AWS Secret \
             Access Key and signing method. Consult the service documentation for details.",
        ))
    }

    fn signature_of(&self, signed: &Signed<'_>, secret: &SecretAccessKey) -> String {
        let scope = format!(
            "{}/{}/{}/aws4_request",
            self.date, self.region, self.service
        );
        let request = hex(&Sha256::digest(canonical_request(
            signed,
            &self.signed_headers,
        )));
        let to_sign = format!("{ALGORITHM}\n{}\n{scope}\n{request}", self.signed_at);
        let start = hmac(format!("AWS4{}", secret.expose()).as_bytes(), &self.date);
        let key = [&self.region, &self.service, "aws4_request"]
            .iter()
            .fold(start, |key, part| hmac(&key, part));
        hex(&hmac(&key, &to_sign))
    }
}

/// The value of `NAME=value` among the header's comma-separated fields.
fn field<'a>(fields: &'a str, name: &str) -> Result<&'a str, AwsRefusal> {
    let value = |part: &'a str| part.trim().strip_prefix(name)?.strip_prefix('=');
    let value = fields.split(',').find_map(value);
    value.filter(|value| !value.is_empty()).ok_or_else(|| {
        AwsRefusal::incomplete_signature(format!(
            "Authorization header requires '{name}' parameter."
        ))
    })
}

fn hmac(key: &[u8], text: &str) -> [u8; 32] {
    let mut hmac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    hmac.update(text.as_bytes());
    hmac.finalize().into_bytes().into()
}

fn canonical_request(signed: &Signed<'_>, signed_headers: &[String]) -> Vec<u8> {
    let mut text = format!(
        "{}\n{}\n{}\n",
        signed.method,
        signed.uri.path(),
        canonical_query(signed.uri)
    )
    .into_bytes();
    for name in signed_headers {
        text.extend_from_slice(name.as_bytes());
        text.push(b':');
        let values: Vec<_> = signed
            .headers
            .get_all(name.as_str())
            .iter()
            .map(|it| trimmed(it.as_bytes()))
            .collect();
        text.extend_from_slice(&values.join(&b','));
        text.push(b'\n');
    }
    text.extend_from_slice(
        format!(
            "\n{}\n{}",
            signed_headers.join(";"),
            hex(&Sha256::digest(signed.body))
        )
        .as_bytes(),
    );
    text
}

fn canonical_query(uri: &Uri) -> String {
    let normal = |text: &str| percent(percent_decode_str(text).collect::<Vec<u8>>());
    let pairs = uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty());
    let mut pairs: Vec<_> = pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (normal(name), normal(value))
        })
        .collect();
    pairs.sort();
    pairs
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect::<Vec<_>>()
        .join("&")
}

/// Without white space at the ends, and runs of it within as one space.
fn trimmed(value: &[u8]) -> Vec<u8> {
    let words = value
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(&b' ')
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    /// AWS's published example: "Signature Version 4 signing process", `GET ListUsers` on 30 August
    /// 2015.
    fn example() -> (Uri, HeaderMap) {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("host", "iam.amazonaws.com"),
            (
                "content-type",
                "application/x-www-form-urlencoded; charset=utf-8",
            ),
            ("x-amz-date", "20150830T123600Z"),
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
                 SignedHeaders=content-type;host;x-amz-date, \
                 Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
            ),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        (
            Uri::from_static("https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08"),
            headers,
        )
    }

    fn verify(uri: &Uri, headers: &HeaderMap, body: &[u8], secret: &str) -> Result<(), AwsRefusal> {
        let signed = Signed {
            method: "GET",
            uri,
            headers,
            body,
        };
        Authorization::parse(headers)?.verify(
            &signed,
            &SecretAccessKey::parse(secret).expect("a secret"),
            "iam",
        )
    }

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    #[test]
    fn the_example_aws_publishes_is_canonicalised_and_signed_as_published() {
        let (uri, headers) = example();
        let authorization = Authorization::parse(&headers).expect("an authorization");
        let signed = Signed {
            method: "GET",
            uri: &uri,
            headers: &headers,
            body: b"",
        };
        let canonical = canonical_request(&signed, &authorization.signed_headers);
        assert_eq!(
            hex(&Sha256::digest(canonical)),
            "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59"
        );
        assert_eq!(verify(&uri, &headers, b"", SECRET), Ok(()));
    }

    #[test]
    fn any_change_to_what_was_signed_is_noticed() {
        let (uri, headers) = example();
        let code = |result: Result<(), AwsRefusal>| result.expect_err("a refusal").code;
        assert_eq!(
            code(verify(&uri, &headers, b"x", SECRET)),
            "SignatureDoesNotMatch"
        );
        assert_eq!(
            code(verify(&uri, &headers, b"", "wrong")),
            "SignatureDoesNotMatch"
        );
        let other =
            Uri::from_static("https://iam.amazonaws.com/?Action=ListRoles&Version=2010-05-08");
        assert_eq!(
            code(verify(&other, &headers, b"", SECRET)),
            "SignatureDoesNotMatch"
        );
        for (name, value) in [("host", "evil.example"), ("x-amz-date", "20150830T123601Z")] {
            let mut changed = headers.clone();
            changed.insert(name, HeaderValue::from_static(value));
            assert_eq!(
                code(verify(&uri, &changed, b"", SECRET)),
                "SignatureDoesNotMatch",
                "{name}"
            );
        }
        let mut unsigned = headers.clone();
        unsigned.insert("x-amz-security-token", HeaderValue::from_static("smuggled"));
        let refusal = verify(&uri, &unsigned, b"", SECRET).expect_err("a refusal");
        assert!(
            refusal
                .message
                .contains("'x-amz-security-token' must be a 'SignedHeader'"),
            "{}",
            refusal.message
        );
    }

    #[test]
    fn queries_and_headers_are_brought_into_canonical_form() {
        let uri = Uri::from_static("http://localhost/?b=2&a=%7e%20x&a=&c");
        assert_eq!(canonical_query(&uri), "a=&a=~%20x&b=2&c=");
        assert_eq!(trimmed(b"  a   b\t c "), b"a b c");
    }

    #[test]
    fn an_authorization_that_cannot_be_read_is_incomplete() {
        let (_, headers) = example();
        for text in [
            "",
            "Basic abc",
            "AWS4-HMAC-SHA256",
            "AWS4-HMAC-SHA256 ,,,=",
            "AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=0",
            "AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request, SignedHeaders=host",
        ] {
            let mut broken = headers.clone();
            broken.insert("authorization", HeaderValue::from_static(text));
            assert_eq!(
                Authorization::parse(&broken).expect_err("a refusal").code,
                "IncompleteSignature",
                "{text}"
            );
        }
        assert_eq!(
            Authorization::parse(&HeaderMap::new())
                .expect_err("a refusal")
                .code,
            "MissingAuthenticationToken"
        );
    }

    #[test]
    fn fifteen_minutes_of_skew_are_borne_and_not_a_second_more() {
        let (_, headers) = example();
        let authorization = Authorization::parse(&headers).expect("an authorization");
        let signed_at: Timestamp = "2015-08-30T12:36:00Z".parse().expect("a time");
        let check = |seconds: i64| {
            let now = signed_at + SignedDuration::from_secs(seconds);
            authorization
                .check_time(now.into(), SkewCode::SignatureDoesNotMatch)
                .map_err(|refusal| refusal.message)
        };
        assert_eq!((check(900), check(-900)), (Ok(()), Ok(())));
        assert_eq!(
            check(901).expect_err("a refusal"),
            "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T125101Z - 15 min.)"
        );
        assert_eq!(
            check(-901).expect_err("a refusal"),
            "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z (20150830T122059Z + 15 min.)"
        );
    }

    proptest::proptest! {
        #[test]
        fn whatever_the_headers_only_the_right_signature_is_accepted(
            fields in "(Credential=|SignedHeaders=|Signature=|[a-z]{0,3}|[/;,= ]|sts|aws4_request|é)*",
            date in "[0-9TZ]{0,16}|\\PC{0,20}",
            query in "[%&=+a-z0-9]{0,20}",
        ) {
            let (_, mut headers) = example();
            let uri = format!("/?{query}").parse::<Uri>().expect("only what a query may hold");
            for (name, value) in [("authorization", format!("{ALGORITHM} {fields}")), ("x-amz-date", date)] {
                headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).expect("no control characters"));
            }
            if let Ok(authorization) = Authorization::parse(&headers) {
                let _ = authorization.check_time(SystemTime::UNIX_EPOCH, SkewCode::RequestExpired);
            }
            proptest::prop_assert!(verify(&uri, &headers, b"", SECRET).is_err());
        }
    }
}
