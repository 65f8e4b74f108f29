//! The way into the AWS console: a link that signs a browser in with a session. It is made of a
//! token that the sign-in endpoint of the partition gives for the session's keys, which go there
//! whole: only over TLS, or to this machine. What kind of session the console takes is for the
//! caller to know.

use super::callee::AwsService;
use super::client::{Aws, Place, Tries};
use super::fault::{Fault, innermost};
use super::tries::tried;
use crate::duration::SessionDuration;
use crate::encode::percent;
use crate::endpoint::is_on_loopback;
use crate::error::shorten;
use crate::error::{Code, Error, Result};
use crate::ids::{Partition, Region};
use crate::secret::{Secret, Session, SessionToken, on_the_wire};
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::time::Duration;
use zeroize::Zeroizing;

/// From the moment a link is made. AWS: "valid for 15 minutes after it is created".
pub const LINK_LIFE: Duration = Duration::from_secs(15 * 60);

/// Where AWS sends a browser after its session has ended.
const ISSUER: &str = "keyfob";
const LONGEST_ADDRESS: usize = 2048;
const LONGEST_SERVICE: usize = 40;
/// A partition's addresses: what gives tokens and takes links, the console, and the domain that
/// every page of it is in.
struct Addresses {
    federation: &'static str,
    console: &'static str,
    domain: &'static str,
}

impl Addresses {
    const fn of(partition: Partition) -> Addresses {
        let (federation, console, domain) = match partition {
            Partition::Aws => (
                "https://signin.aws.amazon.com/federation",
                "https://console.aws.amazon.com",
                "aws.amazon.com",
            ),
            Partition::AwsCn => (
                "https://signin.amazonaws.cn/federation",
                "https://console.amazonaws.cn",
                "amazonaws.cn",
            ),
            Partition::AwsUsGov => (
                "https://signin.amazonaws-us-gov.com/federation",
                "https://console.amazonaws-us-gov.com",
                "amazonaws-us-gov.com",
            ),
        };
        Addresses {
            federation,
            console,
            domain,
        }
    }
}

/// Which console, by what way, and where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleDoor {
    federation: String,
    page: String,
    tries: Tries,
}

/// A page of a service by its short name (`s3`), or by its whole address; where nothing is wished,
/// the console's home. In the region, unless the address says otherwise. Always one of AWS's own.
fn page(wish: Option<&str>, region: &Region) -> Result<String> {
    let Addresses {
        console, domain, ..
    } = Addresses::of(region.partition());
    let wish = wish.map(str::trim).filter(|wish| !wish.is_empty());
    let named = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    match wish {
        None => Ok(format!("{console}/console/home?region={region}")),
        Some(service) if service.len() <= LONGEST_SERVICE && service.bytes().all(named) => {
            Ok(format!("{console}/{service}/home?region={region}"))
        }
        Some(address) if is_below(address, domain) => Ok(address.to_owned()),
        Some(other) => {
            let message = format!("`{}` is not a page of the AWS console", shorten(other));
            Err(Error::new(Code::InvalidInput, message).hint(format!(
                "name a service (s3), or an address that begins with {console}/"
            )))
        }
    }
}

/// Whether browsers, too, read this as an address within the domain.
fn is_below(address: &str, domain: &str) -> bool {
    let Some(rest) = address.strip_prefix("https://") else {
        return false;
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let in_a_host = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    let within = host
        .strip_suffix(domain)
        .is_some_and(|below| below.is_empty() || below.ends_with('.'));
    let shown = |b: u8| b.is_ascii_graphic() && b != b'\\';
    within
        && host.bytes().all(in_a_host)
        && address.len() <= LONGEST_ADDRESS
        && address.bytes().all(shown)
}

/// The session as the sign-in endpoint reads it.
#[derive(Serialize)]
struct FederationSession<'a> {
    #[serde(rename = "sessionId")]
    access_key_id: &'a str,
    #[serde(rename = "sessionKey")]
    secret_access_key: &'a str,
    #[serde(rename = "sessionToken")]
    token: &'a str,
}

#[derive(Deserialize)]
struct FederationAnswer {
    #[serde(rename = "SigninToken", deserialize_with = "on_the_wire::deserialize")]
    token: Secret,
}

impl Aws {
    /// Calls nothing yet.
    pub fn console_door(&self, place: Place<'_>, destination: Option<&str>) -> Result<ConsoleDoor> {
        let federation = self.federation(place)?;
        Ok(ConsoleDoor {
            federation,
            page: page(destination, place.region)?,
            tries: place.tries,
        })
    }

    /// A link that signs in the browser that opens it within [`LINK_LIFE`]. `duration` is how long
    /// the browser's own session lasts: AWS refuses it for a role that was assumed with a session.
    pub async fn console_link(
        &self,
        session: &Session,
        door: &ConsoleDoor,
        duration: Option<SessionDuration>,
    ) -> Result<Secret, Fault> {
        let form = token_request(session, duration)?;
        let token = self.signin_token(door, &form).await?;
        Ok(link(door, &token))
    }

    /// `spec.endpoint_url` > `AWS_ENDPOINT_URL_SIGNIN` > `AWS_ENDPOINT_URL` > the partition's own.
    fn federation(&self, place: Place<'_>) -> Result<String> {
        let endpoint = self.endpoint(AwsService::Signin, place)?;
        let Some(url) = endpoint else {
            return Ok(Addresses::of(place.region.partition())
                .federation
                .to_owned());
        };
        // Other calls are signed with the keys; this one carries them.
        if !url.starts_with("https://") && !is_on_loopback(url) {
            let message = format!(
                "{} is neither https nor this machine, so no keys are sent there",
                shorten(url)
            );
            return Err(Error::new(Code::InvalidInput, message));
        }
        Ok(format!("{}/federation", url.trim_end_matches('/')))
    }

    async fn signin_token(&self, door: &ConsoleDoor, form: &str) -> Result<Secret, Fault> {
        tried(door.tries, || self.attempt(&door.federation, form)).await
    }

    async fn attempt(&self, federation: &str, form: &str) -> Result<Secret, Fault> {
        // In the body: addresses end up in the logs of proxies.
        let mut request = HttpRequest::new(SdkBody::from(form));
        request
            .set_method("POST")
            .and_then(|()| request.set_uri(federation))
            .map_err(|error| Fault::other(innermost(&error)))?;
        request
            .headers_mut()
            .insert("content-type", "application/x-www-form-urlencoded");
        request
            .headers_mut()
            .insert("user-agent", concat!("keyfob/", env!("CARGO_PKG_VERSION")));
        let connector = self
            .http_connector(Some(federation))
            .map_err(|error| Fault::other(error.message))?;
        let response = connector.call(request).await.map_err(|error| {
            if error.is_user() {
                Fault::other(innermost(&error))
            } else {
                Fault::unreachable(innermost(&error))
            }
        })?;
        read(&response)
    }
}

fn token_request(
    session: &Session,
    duration: Option<SessionDuration>,
) -> Result<Zeroizing<String>, Fault> {
    let told = FederationSession {
        access_key_id: session.keys.access_key_id.as_str(),
        secret_access_key: session.keys.secret_access_key.expose(),
        token: session
            .token
            .as_ref()
            .map(SessionToken::expose)
            .unwrap_or_default(),
    };
    let failed =
        |error: serde_json::Error| Fault::other(format!("the session cannot be sent: {error}"));
    let longest = 64 + told.access_key_id.len() + told.secret_access_key.len() + told.token.len();
    // Long enough from the start: a text that grows leaves copies behind.
    let mut json = Zeroizing::new(Vec::with_capacity(2 * longest));
    serde_json::to_writer(&mut *json, &told).map_err(failed)?;
    let mut form = Zeroizing::new(String::with_capacity(64 + 3 * json.len()));
    form.push_str("Action=getSigninToken");
    if let Some(duration) = duration {
        let _ = write!(form, "&SessionDuration={}", duration.seconds());
    }
    let _ = write!(form, "&Session={}", percent(&json));
    Ok(form)
}

fn link(door: &ConsoleDoor, token: &Secret) -> Secret {
    let ConsoleDoor {
        federation, page, ..
    } = door;
    let page = percent(page);
    let mut link =
        String::with_capacity(federation.len() + 3 * (LONGEST_ADDRESS + token.expose().len()) + 64);
    let _ = write!(
        link,
        "{federation}?Action=login&Issuer={ISSUER}&Destination={page}"
    );
    let _ = write!(link, "&SigninToken={}", percent(token.expose()));
    Secret::new(link)
}

/// The body of a refusal is a page for a browser, and is not shown.
fn read(response: &HttpResponse) -> Result<Secret, Fault> {
    let status = response.status().as_u16();
    let answered = format!("the sign-in endpoint answered {status}");
    match status {
        200 => {}
        407 | 408 | 429 | 500.. => return Err(Fault::unreachable(answered)),
        _ => return Err(Fault::other(answered)),
    }
    let json = response.body().bytes().unwrap_or_default();
    match serde_json::from_slice::<FederationAnswer>(json) {
        Ok(FederationAnswer { token }) if !token.expose().is_empty() => Ok(token),
        // The cause could quote what it stumbled over.
        Ok(_) | Err(_) => Err(Fault::other("the sign-in endpoint's answer holds no token")),
    }
}

#[cfg(test)]
mod tests;
