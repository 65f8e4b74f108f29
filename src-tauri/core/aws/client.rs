//! The client for AWS: where a call goes, how often it is tried, and through which proxy.

use crate::clock::Clock;
use crate::environment::Environment;
use crate::error::Result;
use crate::ids::Region;
use crate::secret::{Keys, Secret, Session};
use aws_credential_types::Credentials;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::TimeSource;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Connector, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

/// One attempt may take this long, and all of them together that long. A prompt for keys must never
/// be the answer to a slow network, so both end in a fault of their own.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(3100);
pub(super) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(40);
const ATTEMPTS: u32 = 4;

/// Where a call goes. `endpoint_url` is the configuration's own; the environment's comes after it.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub region: &'a Region,
    pub endpoint_url: Option<&'a str>,
    pub tries: Tries,
}

/// How often a call goes out that meets a network or an AWS in trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tries {
    /// A client waits for the answer.
    Several,
    /// The caller comes again by itself, and at its own pace.
    One,
}

impl Tries {
    pub(super) fn attempts(self) -> u32 {
        match self {
            Tries::Several => ATTEMPTS,
            Tries::One => 1,
        }
    }
}

/// What signs a call.
#[derive(Clone, Copy, Debug)]
pub enum Signer<'a> {
    LongLived(&'a Keys),
    Session(&'a Session),
}

impl Signer<'_> {
    pub(super) fn parts(&self) -> (&Keys, Option<&Secret>) {
        match self {
            Signer::LongLived(keys) => (keys, None),
            Signer::Session(session) => (&session.keys, session.token.as_ref()),
        }
    }

    pub(super) fn credentials(&self) -> Credentials {
        let (keys, token) = self.parts();
        let token = token.map(|token| token.expose().to_owned());
        Credentials::new(
            keys.access_key_id.as_str(),
            keys.secret_access_key.expose(),
            token,
            None,
            "keyfob",
        )
    }
}

#[derive(Debug)]
pub struct Aws {
    pub(super) environment: Environment,
    pub(super) clock: Clock,
    outside: OnceLock<SharedHttpConnector>,
    loopback: OnceLock<SharedHttpConnector>,
}

impl Aws {
    pub fn new(environment: Environment, clock: Clock) -> Aws {
        Aws {
            environment,
            clock,
            outside: OnceLock::new(),
            loopback: OnceLock::new(),
        }
    }

    /// `spec.endpoint_url` > `AWS_ENDPOINT_URL_STS` > `AWS_ENDPOINT_URL` > the region's own.
    fn endpoint<'a>(&'a self, place: Place<'a>) -> Result<Option<&'a str>> {
        if let Some(url) = place.endpoint_url {
            return Ok(Some(url));
        }
        match self.environment.var("AWS_ENDPOINT_URL_STS")? {
            Some(url) => Ok(Some(url)),
            None => self.environment.var("AWS_ENDPOINT_URL"),
        }
    }

    pub(super) fn sts(&self, signer: Signer<'_>, place: Place<'_>) -> Result<aws_sdk_sts::Client> {
        let endpoint = self.endpoint(place)?;
        let mut config = aws_sdk_sts::Config::builder()
            .behavior_version(aws_sdk_sts::config::BehaviorVersion::latest())
            .region(aws_sdk_sts::config::Region::new(
                place.region.as_str().to_owned(),
            ))
            .credentials_provider(signer.credentials())
            .http_client(self.http_client(endpoint))
            .sleep_impl(TokioSleep::new())
            // A session's end is judged by this machine's clock: a wrong one is said, not worked
            // around.
            .disable_clock_skew_correction(true)
            .time_source(SigningTime(self.clock.clone()))
            .retry_config(RetryConfig::standard().with_max_attempts(place.tries.attempts()))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT_TIMEOUT)
                    .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                    .operation_timeout(CALL_TIMEOUT)
                    .build(),
            );
        config.set_endpoint_url(endpoint.map(str::to_owned));
        Ok(aws_sdk_sts::Client::from_conf(config.build()))
    }

    pub(super) fn http_client(&self, endpoint: Option<&str>) -> SharedHttpClient {
        client(self.http_connector(endpoint))
    }

    /// A loopback endpoint without TLS is reached directly: no proxy, and no certificates to load.
    pub(super) fn http_connector(&self, endpoint: Option<&str>) -> SharedHttpConnector {
        if endpoint.is_some_and(is_on_loopback) {
            return self
                .loopback
                .get_or_init(|| SharedHttpConnector::new(connector().build_http()))
                .clone();
        }
        let build = || {
            // The proxy variables of this very process: the environment's snapshot was taken from
            // them.
            let connector = connector()
                .proxy_config(ProxyConfig::from_env())
                .tls_provider(Provider::Rustls(CryptoMode::Ring))
                .tls_context(self.trust());
            SharedHttpConnector::new(connector.build())
        };
        self.outside.get_or_init(build).clone()
    }

    /// The system's certificates, and those of `AWS_CA_BUNDLE`, which companies that open TLS
    /// traffic hand out.
    fn trust(&self) -> TlsContext {
        let mut trust = TrustStore::default();
        if let Some(path) = self
            .environment
            .raw("AWS_CA_BUNDLE")
            .filter(|path| !path.is_empty())
        {
            match std::fs::read(path) {
                Ok(pem) => trust = trust.with_pem_certificate(pem),
                Err(error) => tracing::warn!(%error, "cannot read the file named in AWS_CA_BUNDLE"),
            }
        }
        TlsContext::builder()
            .with_trust_store(trust)
            .build()
            .unwrap_or_default()
    }
}

/// Safe without TLS: the request does not leave this machine. What looks like a port could be a
/// name before an `@`.
pub(super) fn is_on_loopback(url: &str) -> bool {
    let port = |rest: &str| {
        rest.strip_prefix(':')
            .is_some_and(|port| port.bytes().all(|b| b.is_ascii_digit()))
    };
    ["http://127.0.0.1", "http://localhost", "http://[::1]"]
        .iter()
        .any(|start| {
            let rest = url.strip_prefix(start).map(|rest| {
                rest.split_once('/')
                    .map_or(rest, |(authority, _)| authority)
            });
            rest.is_some_and(|rest| rest.is_empty() || port(rest))
        })
}

pub(super) fn connector() -> ConnectorBuilder {
    let settings = HttpConnectorSettings::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .build();
    Connector::builder()
        .connector_settings(settings)
        .sleep_impl(TokioSleep::new())
}

pub(super) fn client(connector: impl HttpConnector + 'static) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(connector);
    http_client_fn(move |_, _| connector.clone())
}

/// Requests are signed by our clock.
#[derive(Debug)]
pub(super) struct SigningTime(pub Clock);

impl TimeSource for SigningTime {
    fn now(&self) -> SystemTime {
        self.0.now()
    }
}
