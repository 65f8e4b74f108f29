//! Whether a host that calls go to answers at all, what lies on the way there, and what time it is
//! there. Sends no credentials.

use super::callee::AwsService;
use super::client::{Aws, Place, authority, proxy};
use super::fault::{Skew, innermost, skew};
use crate::error::{Code, Error, Result};
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;

/// Allowed to everybody, and refused without a signature: an answer like any other of AWS's.
const QUESTION: &str = "Action=GetCallerIdentity&Version=2011-06-15";

/// Of a host that has answered.
#[derive(Clone, Debug)]
pub struct HostAnswer {
    /// Without the password that its address may hold.
    pub proxy: Option<String>,
    /// Between its clock and this machine's; `None` where it does not say what time it is.
    pub skew: Option<Skew>,
}

/// The address of a service: the one that is set, or else AWS's own.
pub fn address(aws: &Aws, service: AwsService, place: Place<'_>) -> Result<String> {
    if let Some(url) = aws.endpoint(service, place)? {
        return Ok(url.trim_end_matches('/').to_owned());
    }
    aws.own_url(service, place).ok_or_else(|| {
        let message = format!("AWS has no such service in {}", place.region);
        Error::new(Code::InvalidInput, message).hint("use another region")
    })
}

/// Whatever it answers will do, unless it is a page for a browser. One try.
pub async fn answers(aws: &Aws, url: &str) -> Result<HostAnswer> {
    let host = authority(url).to_owned();
    let proxy = (url.starts_with("https:"))
        .then(|| proxy(&aws.environment, &host))
        .flatten();
    let through = match &proxy {
        Some(proxy) => format!(" through the proxy {proxy}"),
        None => String::new(),
    };
    let failed = |why: String| {
        Error::new(
            Code::Network,
            format!("{host} cannot be reached{through}: {why}"),
        )
    };
    let mut request = HttpRequest::new(SdkBody::from(QUESTION));
    let set = request
        .set_method("POST")
        .and_then(|()| request.set_uri(url));
    set.map_err(|error| failed(innermost(&error).to_string()))?;
    let content_type = "application/x-www-form-urlencoded";
    request.headers_mut().insert("content-type", content_type);
    let answer = aws.http_connector(Some(url))?.call(request).await;
    let answer = answer.map_err(|error| failed(innermost(&error).to_string()))?;
    let date = answer.headers().get("date");
    Ok(HostAnswer {
        skew: date.and_then(|date| skew(date, aws.clock.now())),
        proxy,
    })
}
