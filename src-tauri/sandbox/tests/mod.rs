//! The sandbox against the real SDK, whose signatures and parsing are not ours.

mod authentication;
mod console;
mod controls;
mod federation;
mod identity_center;
mod login;
mod misbehaviour;
mod roles;
mod wire;

use super::*;
use crate::clock::Clock;
use crate::ids::AccessKeyId;
use crate::secret::{Keys, Secret, SecretAccessKey};
use aws_sdk_sts::Client;
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_async::time::TimeSource;
use aws_smithy_runtime_api::client::interceptors::{
    Intercept, context::BeforeTransmitInterceptorContextMut,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::Response;
use aws_smithy_types::config_bag::ConfigBag;
use std::time::{Duration, SystemTime};

const DEPLOY: &str = "arn:aws:iam::420000000025:role/deploy";
const KIM: &str = "arn:aws:iam::123456789012:user/kim";
const HOUR: Duration = Duration::from_hours(1);

/// A sandbox under a clock that a test moves.
struct Setup {
    sandbox: Sandbox,
    clock: Clock,
}

/// Keys with a session token where they need one.
#[derive(Clone)]
struct Held(Keys, Option<Secret>);

impl Setup {
    fn new() -> Setup {
        let clock = Clock::manual(SystemTime::UNIX_EPOCH + Duration::from_hours(500_000));
        Setup {
            sandbox: Sandbox::start(clock.clone()).expect("a sandbox"),
            clock,
        }
    }

    fn kim(&self) -> Held {
        Held(self.sandbox.keys("kim").remove(0), None)
    }

    fn client(&self, held: &Held) -> Client {
        self.client_in(held, "us-east-1")
    }

    fn client_in(&self, held: &Held, region: &str) -> Client {
        let Held(keys, token) = held;
        let token = token.as_ref().map(|token| token.expose().to_owned());
        let secret = keys.secret_access_key.expose();
        let config = aws_sdk_sts::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(Credentials::new(
                keys.access_key_id.as_str(),
                secret,
                token,
                None,
                "test",
            ))
            .endpoint_url(self.sandbox.url())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .region(Region::new(region.to_owned()))
            .retry_config(RetryConfig::disabled())
            .time_source(ClockOfTest(self.clock.clone()))
            .build();
        Client::from_conf(config)
    }

    /// A session of kim's.
    async fn session(&self) -> Held {
        self.session_of(&self.kim()).await
    }

    async fn session_of(&self, held: &Held) -> Held {
        let made = self
            .client(held)
            .get_session_token()
            .send()
            .await
            .expect("a session");
        held_from(made.credentials())
    }

    async fn role_session(&self, held: &Held) -> Held {
        let call = self
            .client(held)
            .assume_role()
            .role_arn(DEPLOY)
            .role_session_name("kim");
        held_from(call.send().await.expect("a role session").credentials())
    }

    /// `ok`, or AWS's code and text.
    async fn identity(&self, held: &Held) -> Result<String, (String, String)> {
        let call = self.client(held).get_caller_identity().send().await;
        call.map(|identity| identity.arn().expect("an ARN").to_owned())
            .map_err(code_and_text)
    }
}

#[derive(Debug)]
struct ClockOfTest(Clock);

impl TimeSource for ClockOfTest {
    fn now(&self) -> SystemTime {
        self.0.now()
    }
}

/// Changes a request after it was signed.
#[derive(Debug)]
struct Tamper(Change);

type Change = fn(&mut HttpRequest);

#[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
impl Intercept for Tamper {
    fn name(&self) -> &'static str {
        "tamper"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), aws_smithy_runtime_api::box_error::BoxError> {
        (self.0)(context.request_mut());
        Ok(())
    }
}

fn held_from(made: Option<&aws_sdk_sts::types::Credentials>) -> Held {
    let made = made.expect("credentials");
    let keys = Keys {
        access_key_id: AccessKeyId::parse(made.access_key_id()).expect("a key id"),
        secret_access_key: SecretAccessKey::parse(made.secret_access_key()).expect("a secret"),
    };
    Held(keys, Some(Secret::new(made.session_token())))
}

/// AWS's code and text.
fn code_and_text<E: ProvideErrorMetadata>(error: SdkError<E, Response>) -> (String, String) {
    let text = |text: Option<&str>| text.unwrap_or("none").to_owned();
    match error {
        SdkError::ServiceError(error) => (text(error.err().code()), text(error.err().message())),
        SdkError::DispatchFailure(_) => ("dispatch".to_owned(), String::new()),
        SdkError::TimeoutError(_) => ("timeout".to_owned(), String::new()),
        _ => panic!("neither an answer nor a missing one"),
    }
}

fn code<E: ProvideErrorMetadata>(error: SdkError<E, Response>) -> String {
    code_and_text(error).0
}
