//! The console's sign-in for programs (`aws login`): AWS's page for the browser, and the exchange
//! of what comes back for a session, with a token that gives the next one. Each exchange proves the
//! key of the sign-in, and is sent once: a token that comes twice ends the sign-in.

use super::authorization::{AUTHORIZATION_CODE, AuthorizationRequest, REFRESH_TOKEN};
use super::callee::AwsService;
use super::claims::Claims;
use super::client::{Aws, Place, Signer, Tries};
use super::fault::Fault;
use super::proof::{new_key, proof};
use super::sts::{Granted, misused, odd};
use crate::error::{Code, Error, Result};
use crate::foreign::Foreign;
use crate::secret::{ClientRegistration, OidcFlow, Secret, Session};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_signin::Client;
use aws_sdk_signin::types::CreateOAuth2TokenRequestBody;
use aws_sdk_signin::types::builders::CreateOAuth2TokenRequestBodyBuilder;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use std::time::{Duration, SystemTime};

const SAME_DEVICE: &str = "arn:aws:signin:::devtools/same-device";
const CROSS_DEVICE: &str = "arn:aws:signin:::devtools/cross-device";
const SCOPE: &str = "openid";
/// Where a browser on another device ends: it shows a code to copy.
const CONFIRMATION: &str = "/v1/sessions/confirmation";

/// The service, of one region.
#[derive(Clone, Copy, Debug)]
pub struct ConsoleSignIn<'a> {
    pub aws: &'a Aws,
    pub place: Place<'a>,
}

/// What an exchange gives.
#[derive(Debug)]
pub struct ConsoleGrant {
    pub session: Granted,
    /// For the next one, once.
    pub refresh_token: Secret,
    /// Said when a person has just signed in.
    pub principal: Option<Foreign>,
}

/// AWS's own client for this flow, with a new key.
pub fn console_client(flow: OidcFlow, expires_at: SystemTime) -> ClientRegistration {
    let id = match flow {
        OidcFlow::Redirect => SAME_DEVICE,
        OidcFlow::DeviceCode => CROSS_DEVICE,
    };
    ClientRegistration {
        id: id.to_owned(),
        secret: new_key(),
        expires_at,
        flow,
        scope: SCOPE.to_owned(),
    }
}

impl ConsoleSignIn<'_> {
    fn client(&self, signer: Option<Signer<'_>>) -> Result<Client, Fault> {
        let place = Place {
            tries: Tries::One,
            ..self.place
        };
        let config = self
            .aws
            .config(AwsService::Signin, place)
            .map_err(misused)?;
        let mut config = config.into_builder();
        config.set_credentials_provider(
            signer.map(|it| SharedCredentialsProvider::new(it.credentials())),
        );
        Ok(Client::new(&config.build()))
    }

    fn fault<E>(&self, error: &SdkError<E, HttpResponse>) -> Fault
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        self.aws.fault(error, AwsService::Signin, self.place)
    }

    fn address(&self) -> Result<String> {
        let ConsoleSignIn { aws, place } = *self;
        let written = aws.endpoint(AwsService::Signin, place)?;
        let own = || aws.own_url(AwsService::Signin, place);
        let address = written.map(str::to_owned).or_else(own);
        let address = address.ok_or_else(|| {
            let message = format!("AWS has no sign-in for programs in {}", place.region);
            Error::new(Code::InvalidInput, message)
        })?;
        Ok(address.trim_end_matches('/').to_owned())
    }

    /// A sign-in whose code a person carries here.
    pub fn by_code(&self) -> Result<AuthorizationRequest> {
        let confirmation = format!("{}{CONFIRMATION}", self.address()?);
        Ok(AuthorizationRequest::new(confirmation))
    }

    /// The page that a person signs in at.
    pub fn authorization_page(
        &self,
        client: &ClientRegistration,
        request: &AuthorizationRequest,
    ) -> Result<String> {
        let authorize = format!("{}/v1/authorize", self.address()?);
        let more = [("code_challenge_method", "SHA-256"), ("scope", SCOPE)];
        Ok(request.page(&authorize, &client.id, more))
    }

    /// With the code that the browser brought.
    pub async fn redeem(
        &self,
        client: &ClientRegistration,
        code: &Secret,
        request: &AuthorizationRequest,
    ) -> Result<ConsoleGrant, Fault> {
        let body = CreateOAuth2TokenRequestBody::builder()
            .grant_type(AUTHORIZATION_CODE)
            .code(code.expose())
            .code_verifier(request.verifier.expose())
            .redirect_uri(&request.redirect_uri);
        self.create_token(client, body).await
    }

    pub async fn renew(
        &self,
        client: &ClientRegistration,
        refresh_token: &Secret,
    ) -> Result<ConsoleGrant, Fault> {
        let body = CreateOAuth2TokenRequestBody::builder()
            .grant_type(REFRESH_TOKEN)
            .refresh_token(refresh_token.expose());
        self.create_token(client, body).await
    }

    async fn create_token(
        &self,
        client: &ClientRegistration,
        body: CreateOAuth2TokenRequestBodyBuilder,
    ) -> Result<ConsoleGrant, Fault> {
        let body = body.client_id(&client.id).build();
        let body = body.expect("both of what it needs are set");
        let (key, clock) = (client.secret.clone(), self.aws.clock.clone());
        let issued_at = clock.now();
        let call = self.client(None)?.create_o_auth2_token().token_input(body);
        let answer = call
            .customize()
            .mutate_request(move |request| {
                // Without it AWS refuses the call.
                if let Some(proof) = proof(&key, request.uri(), &clock) {
                    request.headers_mut().insert("DPoP", proof);
                }
            })
            .send()
            .await
            .map_err(|error| self.fault(&error))?;
        let answer = answer.token_output.ok_or_else(|| odd("holds no token"))?;
        if answer.refresh_token.is_empty() {
            return Err(odd("holds no token for the next session"));
        }
        let session = answer.access_token.ok_or_else(|| odd("holds no session"))?;
        let parts = [
            session.access_key_id(),
            session.secret_access_key(),
            session.session_token(),
        ];
        let life = u64::try_from(answer.expires_in).ok();
        let end = life.filter(|life| *life > 0);
        let end = end.map(|life| issued_at + Duration::from_secs(life));
        Ok(ConsoleGrant {
            session: Granted::of(parts, end, issued_at)?,
            refresh_token: Secret::new(answer.refresh_token),
            principal: answer.id_token.and_then(|token| Claims::of(&token)?.sub),
        })
    }

    /// Ends the sign-in at AWS; a session of it signs.
    pub async fn revoke(&self, session: &Session, refresh_token: &Secret) -> Result<(), Fault> {
        let revoke = self
            .client(Some(Signer::Session(session)))?
            .revoke_o_auth2_token_with_iam()
            .token(refresh_token.expose());
        let ended = revoke.send().await;
        ended.map(drop).map_err(|error| self.fault(&error))
    }
}
