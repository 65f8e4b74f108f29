//! The token of a job of GitHub Actions: GitHub vouches with it for the job, to the audience that
//! it names.

use super::claims::vouching_token;
use super::client::Aws;
use super::get::get;
use crate::encode::percent;
use crate::endpoint::is_on_loopback;
use crate::error::{Code, Error, Result, shorten};
use crate::secret::{Secret, on_the_wire};
use serde::Deserialize;

const URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
const TOKEN: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";

#[derive(Deserialize)]
struct JobToken {
    #[serde(deserialize_with = "on_the_wire::deserialize")]
    value: Secret,
}

pub async fn github_token(aws: &Aws, audience: &str) -> Result<Secret> {
    let variable = |name| aws.environment.var(name);
    let (Some(url), Some(token)) = (variable(URL)?, variable(TOKEN)?) else {
        return Err(not_given(variable("GITHUB_ACTIONS")? == Some("true")));
    };
    if !url.starts_with("https://") && !is_on_loopback(url) {
        let message = format!("{URL} is neither https nor this machine: no token is sent there");
        return Err(Error::new(Code::Usage, message));
    }
    let joint = if url.contains('?') { '&' } else { '?' };
    let address = format!("{url}{joint}audience={}", percent(audience));
    let connector = aws.http_connector(Some(url))?;
    let authorization = Secret::new(format!("Bearer {token}"));
    match get(&connector, &address, Some(&authorization)).await {
        Ok((200, body)) => serde_json::from_str(&body)
            .map_err(|_| "holds no token")
            .and_then(|JobToken { value }| vouching_token(value.expose(), aws.clock.now()))
            .map_err(|why| failed(format!("GitHub's answer {why}"))),
        Ok((status @ 500.., _)) => {
            let message = format!("GitHub answered {status}");
            Err(Error::new(Code::Network, message).hint("try again later"))
        }
        Ok((status, _)) => Err(failed(format!("GitHub answered {status}"))
            .hint("the job's own token lasts as long as the job: is the job over?")),
        Err(why) => {
            let message = format!("GitHub gives no token: {}: {why}", shorten(url));
            let hint = "check the network, HTTPS_PROXY and NO_PROXY, and try again";
            Err(Error::new(Code::Network, message).hint(hint))
        }
    }
}

fn not_given(is_a_job: bool) -> Error {
    let (why, hint) = if is_a_job {
        (
            "this job may not request a token",
            "give the job `permissions: { id-token: write }`",
        )
    } else {
        (
            "this is no job of GitHub Actions",
            "use an identity that a person signs in to, or aws/web-identity elsewhere",
        )
    };
    let message = format!("{why}: {URL} and {TOKEN} are not set");
    Error::new(Code::NoCredentials, message).hint(hint)
}

fn failed(message: impl Into<String>) -> Error {
    Error::new(Code::NoCredentials, message)
}
