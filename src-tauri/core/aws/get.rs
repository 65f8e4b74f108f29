//! A small answer of a server that is none of AWS's services: a container's credentials, a job's
//! token. Tried a few times where the server is in trouble.

use super::fault::innermost;
use crate::secret::Secret;
use aws_smithy_async::future::timeout::Timeout;
use aws_smithy_async::rt::sleep::{AsyncSleep, TokioSleep};
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use std::time::Duration;
use zeroize::Zeroizing;

const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// The status of the answer, and its body. `authorization`: the whole header.
pub(super) async fn get(
    connector: &SharedHttpConnector,
    uri: &str,
    authorization: Option<&Secret>,
) -> Result<(u16, Zeroizing<String>), String> {
    let mut left = ATTEMPTS;
    loop {
        left -= 1;
        let asked = attempt(connector, uri, authorization);
        let answer = Timeout::new(asked, TokioSleep::new().sleep(TIME_LIMIT)).await;
        match answer.unwrap_or_else(|_| Err("it did not answer in time".to_owned())) {
            Err(_) | Ok((500.., _)) if left > 0 => TokioSleep::new().sleep(PAUSE).await,
            answer => return answer,
        }
    }
}

async fn attempt(
    connector: &SharedHttpConnector,
    uri: &str,
    authorization: Option<&Secret>,
) -> Result<(u16, Zeroizing<String>), String> {
    let mut request = HttpRequest::new(SdkBody::empty());
    request
        .set_uri(uri)
        .map_err(|error| innermost(&error).to_string())?;
    request.headers_mut().insert("accept", "application/json");
    if let Some(value) = authorization {
        let value = value.expose().to_owned();
        let set = request.headers_mut().try_insert("authorization", value);
        set.map_err(|_| "the token holds characters that no header may have".to_owned())?;
    }
    let response = connector
        .call(request)
        .await
        .map_err(|error| innermost(&error).to_string())?;
    let status = response.status().as_u16();
    let text = String::from_utf8_lossy(response.body().bytes().unwrap_or_default());
    Ok((status, Zeroizing::new(text.into_owned())))
}
