//! An address of a customer's own that leads to the start URL of their Identity Center: followed
//! once, and to AWS alone.

use super::client::{ATTEMPT_TIMEOUT, Aws};
use super::fault::innermost;
use super::http::Redirected;
use crate::config::{is_start_url_of_aws, one_start_url};
use crate::error::{Code, Error, Result};
use crate::foreign::shorten;
use aws_smithy_async::future::timeout::Timeout;
use aws_smithy_async::rt::sleep::{AsyncSleep, TokioSleep};
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use std::error::Error as StdError;

const EXPECTED: &str = "a start URL is https://NAME.awsapps.com/start or \
    https://ssoins-ID.portal.REGION.app.aws, or an address of your own that redirects to one";

/// AWS's own start URL; `written`: that, or another address.
pub async fn start_url(aws: &Aws, written: &str) -> Result<String> {
    if is_start_url_of_aws(written) {
        return Ok(one_start_url(written));
    }
    let refused = |code, why: String| {
        let message = format!("{written} is no start URL of AWS, and {why}");
        Err(Error::new(code, message).hint(EXPECTED))
    };
    let connector = aws.http_connector(Some(written))?;
    let mut request = HttpRequest::new(SdkBody::empty());
    let set = request.set_uri(written);
    set.map_err(|error| Error::new(Code::InvalidInput, error.to_string()))?;
    let answer = connector.call(request);
    let answer = Timeout::new(answer, TokioSleep::new().sleep(ATTEMPT_TIMEOUT)).await;
    let error = match answer {
        Err(_) => return refused(Code::Network, "it does not answer".to_owned()),
        Ok(Ok(response)) => {
            let status = response.status().as_u16();
            let why = format!("it redirects to none: its answer is {status}");
            return refused(Code::InvalidInput, why);
        }
        Ok(Err(error)) => error,
    };
    match error.source().and_then(|it| it.downcast_ref()) {
        Some(Redirected { to }) if is_start_url_of_aws(to) => Ok(one_start_url(to)),
        Some(Redirected { to }) => {
            let why = format!("it redirects to `{}`, which is none either", shorten(to));
            refused(Code::InvalidInput, why)
        }
        None => refused(Code::Network, innermost(&error).to_string()),
    }
}
