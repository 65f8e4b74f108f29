//! Sign-ins of IAM Identity Center (OAuth): this program is registered, a browser is sent to AWS's
//! page or a code is entered there, and a token comes back. Nothing is signed.

use super::authorization::{
    AUTHORIZATION_CODE, AuthorizationRequest, REDIRECT_PATH, REFRESH_TOKEN,
};
use super::callee::AwsService;
use super::client::{Aws, Place};
use super::fault::Fault;
use super::sts::{misused, odd};
use crate::endpoint::is_on_loopback;
use crate::error::{Code, Error, Result};
use crate::secret::{ClientRegistration, OidcFlow, Secret, SessionToken, SignIn};
use aws_sdk_ssooidc::Client;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use std::time::{Duration, SystemTime};

const CLIENT_NAME: &str = "keyfob";
/// Without it a token is good for nothing at the portal.
pub const SCOPE: &str = "sso:account:access";
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// What RFC 8628 has where the answer says nothing.
const POLLING_INTERVAL: Duration = Duration::from_secs(5);

/// AWS ends one after ninety days, and RFC 7591 has zero for one without an end.
const LONGEST_REGISTRATION: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// AWS's codes are good for ten minutes.
const LONGEST_CODE: Duration = Duration::from_secs(60 * 60);
const LONGEST_USER_CODE: usize = 64;
const LONGEST_ADDRESS: usize = 2048;

/// A code for a person to enter in a browser, wherever that is.
#[derive(Debug)]
pub struct CodeToEnter {
    device: Secret,
    pub user_code: String,
    /// With the code in it.
    pub address: String,
    pub interval: Duration,
    pub expires_at: SystemTime,
}

/// What a token is given for.
#[derive(Clone, Copy, Debug)]
pub enum TokenGrant<'a> {
    Code(&'a Secret, &'a AuthorizationRequest),
    Device(&'a CodeToEnter),
    Refresh(&'a Secret),
}

/// The service, of one region.
#[derive(Clone, Copy, Debug)]
pub struct SsoOidc<'a> {
    pub aws: &'a Aws,
    pub place: Place<'a>,
}

impl SsoOidc<'_> {
    fn client(&self) -> Result<Client, Fault> {
        let config = self.aws.config(AwsService::SsoOidc, self.place);
        Ok(Client::new(&config.map_err(misused)?))
    }

    fn fault<E>(&self, error: &SdkError<E, HttpResponse>) -> Fault
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        self.aws.fault(error, AwsService::SsoOidc, self.place)
    }

    pub async fn register_client(
        &self,
        start_url: &str,
        flow: OidcFlow,
    ) -> Result<ClientRegistration, Fault> {
        let register = self
            .client()?
            .register_client()
            .client_name(CLIENT_NAME)
            .client_type("public")
            .scopes(SCOPE)
            .issuer_url(start_url)
            .grant_types(REFRESH_TOKEN);
        let register = match flow {
            OidcFlow::Redirect => register
                .grant_types(AUTHORIZATION_CODE)
                // Loopback ports are free to choose (RFC 8252).
                .redirect_uris(format!("http://127.0.0.1{REDIRECT_PATH}")),
            OidcFlow::DeviceCode => register.grant_types(DEVICE_CODE),
        };
        let answer = register.send().await.map_err(|error| self.fault(&error))?;
        let longest = self.aws.clock.now() + LONGEST_REGISTRATION;
        let expires_at = match answer.client_secret_expires_at() {
            0 => longest,
            end => {
                let end = Duration::from_secs(end.try_into().unwrap_or_default());
                // Windows' times end before the number does.
                let end = SystemTime::UNIX_EPOCH.checked_add(end);
                end.map_or(longest, |end| end.min(longest))
            }
        };
        let given = |text: Option<&str>| text.filter(|it| !it.is_empty()).map(str::to_owned);
        let (Some(id), Some(secret)) = (given(answer.client_id()), given(answer.client_secret()))
        else {
            return Err(odd("holds no registration"));
        };
        Ok(ClientRegistration {
            id,
            secret: Secret::new(secret),
            expires_at,
            flow,
            scope: SCOPE.to_owned(),
        })
    }

    /// The page that a person signs in at.
    pub fn authorization_page(
        &self,
        client: &ClientRegistration,
        request: &AuthorizationRequest,
    ) -> Result<String> {
        let SsoOidc { aws, place } = *self;
        let written = aws.endpoint(AwsService::SsoOidc, place)?;
        let own = || aws.own_url(AwsService::SsoOidc, place);
        let endpoint = written.map(str::to_owned).or_else(own);
        let Some(endpoint) = endpoint else {
            let message = format!("AWS has no IAM Identity Center in {}", place.region);
            return Err(Error::new(Code::InvalidInput, message));
        };
        let authorize = format!("{}/authorize", endpoint.trim_end_matches('/'));
        let more = [("code_challenge_method", "S256"), ("scopes", SCOPE)];
        Ok(request.page(&authorize, &client.id, more))
    }

    pub async fn device_code(
        &self,
        client: &ClientRegistration,
        start_url: &str,
    ) -> Result<CodeToEnter, Fault> {
        let now = self.aws.clock.now();
        let answer = self
            .client()?
            .start_device_authorization()
            .client_id(&client.id)
            .client_secret(client.secret.expose())
            .start_url(start_url)
            .send()
            .await
            .map_err(|error| self.fault(&error))?;
        let address = answer
            .verification_uri_complete()
            .or(answer.verification_uri());
        let (Some(device), Some(user_code), Some(address), Some(life)) = (
            answer.device_code().filter(|code| !code.is_empty()),
            answer
                .user_code()
                .filter(|code| is_shown_whole(code) && code.len() <= LONGEST_USER_CODE),
            address.filter(|address| is_for_a_browser(address)),
            seconds(answer.expires_in()),
        ) else {
            return Err(odd("holds no code to enter, or no address to enter it at"));
        };
        Ok(CodeToEnter {
            device: Secret::new(device),
            user_code: user_code.to_owned(),
            address: address.to_owned(),
            interval: seconds(answer.interval()).unwrap_or(POLLING_INTERVAL),
            expires_at: now + life.min(LONGEST_CODE),
        })
    }

    pub async fn create_token(
        &self,
        client: &ClientRegistration,
        grant: TokenGrant<'_>,
    ) -> Result<SignIn, Fault> {
        let issued_at = self.aws.clock.now();
        let create = self
            .client()?
            .create_token()
            .client_id(&client.id)
            .client_secret(client.secret.expose());
        let create = match grant {
            TokenGrant::Code(code, request) => create
                .grant_type(AUTHORIZATION_CODE)
                .code(code.expose())
                .code_verifier(request.verifier.expose())
                .redirect_uri(&request.redirect_uri),
            TokenGrant::Device(code) => create
                .grant_type(DEVICE_CODE)
                .device_code(code.device.expose()),
            TokenGrant::Refresh(token) => create
                .grant_type(REFRESH_TOKEN)
                .refresh_token(token.expose()),
        };
        let answer = create.send().await.map_err(|error| self.fault(&error))?;
        let token = SessionToken::parse(answer.access_token().unwrap_or_default());
        let token = token.map_err(|_| odd("holds no usable token"))?;
        let life = seconds(answer.expires_in()).ok_or_else(|| odd("holds no usable expiry"))?;
        let renewed_by = answer.refresh_token().filter(|token| !token.is_empty());
        let unchanged = match grant {
            TokenGrant::Refresh(token) => Some(token.clone()),
            TokenGrant::Code(..) | TokenGrant::Device(_) => None,
        };
        Ok(SignIn {
            token: token.into(),
            issued_at,
            expires_at: issued_at + life,
            refresh_token: renewed_by.map(Secret::new).or(unchanged),
        })
    }
}

/// A person compares it, and copies it.
fn is_shown_whole(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}

fn is_for_a_browser(address: &str) -> bool {
    (address.starts_with("https://") || is_on_loopback(address))
        && address.len() <= LONGEST_ADDRESS
        && is_shown_whole(address)
}

/// `None`: none, or less.
fn seconds(count: i32) -> Option<Duration> {
    let count = u64::try_from(count).ok().filter(|count| *count > 0);
    count.map(Duration::from_secs)
}
