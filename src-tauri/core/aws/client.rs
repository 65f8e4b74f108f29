//! The client for AWS: where a call goes, how often it is tried, and through which proxy.

use super::callee::AwsService;
use super::fault::{Fault, FaultKind};
use super::http::{CONNECT_TIMEOUT, client, connector, guarded};
use crate::clock::Clock;
use crate::config::{HostVariant, endpoint_url};
use crate::endpoint::is_on_loopback;
use crate::environment::Environment;
use crate::error::{Code, Error, Result, shorten};
use crate::ids::{Partition, Region, is_example};
use crate::secret::{Keys, Session, SessionToken};
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::TimeSource;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use std::pin::pin;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

/// One attempt may take this long, and all of them together that long. A prompt for keys must never
/// be the answer to a slow network, so both end in a fault of their own.
pub(super) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(40);
const ATTEMPTS: u32 = 4;

/// Where a call goes. `endpoint_url` is the configuration's own; the environment's comes after it.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub region: &'a Region,
    pub endpoint_url: Option<&'a str>,
    /// The configuration's own choice too; without an endpoint.
    pub hosts: HostVariant,
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
    pub(super) fn parts(&self) -> (&Keys, Option<&SessionToken>) {
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

    /// `spec.endpoint_url` > `AWS_ENDPOINT_URL_<SERVICE>` > `AWS_ENDPOINT_URL` > the region's own.
    /// The environment's obeys the rule of the configuration's.
    pub fn endpoint<'a>(
        &'a self,
        service: AwsService,
        place: Place<'a>,
    ) -> Result<Option<&'a str>> {
        if let Some(url) = place.endpoint_url {
            return Ok(Some(url));
        }
        for name in [service.variable(), "AWS_ENDPOINT_URL"] {
            if let Some(url) = self.environment.var(name)? {
                let of_variable = |error: Error| Error {
                    message: format!("the variable {name}: {}", error.message),
                    ..error
                };
                return endpoint_url(url).map(|_| Some(url)).map_err(of_variable);
            }
        }
        Ok(None)
    }

    pub(super) fn sts(&self, signer: Signer<'_>, place: Place<'_>) -> Result<aws_sdk_sts::Client> {
        self.refuse_examples(signer.parts().0, place)?;
        let credentials = SharedCredentialsProvider::new(signer.credentials());
        let config = self.config(AwsService::Sts, place)?;
        let config = config.into_builder().credentials_provider(credentials);
        Ok(aws_sdk_sts::Client::new(&config.build()))
    }

    /// As the SDKs read it, without credentials.
    pub(super) fn config(&self, service: AwsService, place: Place<'_>) -> Result<SdkConfig> {
        let endpoint = self.endpoint(service, place)?;
        let http_client = client(self.http_connector(endpoint)?);
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(aws_config::Region::new(place.region.as_str().to_owned()))
            .http_client(http_client)
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
        if endpoint.is_none() {
            let (fips, dual_stack) = self.variant(place.hosts)?;
            config = config.use_fips(fips).use_dual_stack(dual_stack);
        }
        config.set_endpoint_url(endpoint.map(str::to_owned));
        Ok(config.build())
    }

    /// Keys of AWS's documentation are for an AWS on this machine.
    pub fn refuse_examples(&self, keys: &Keys, place: Place<'_>) -> Result<()> {
        let example = "an example of AWS's documentation, which no account has";
        let (what, why) = if is_example(keys.access_key_id.as_str()) {
            ("the access key id", example)
        } else if is_example(keys.secret_access_key.expose()) {
            ("the secret access key", example)
        } else if !keys.access_key_id.is_of_iam() {
            ("the access key id", "none of AWS's")
        } else {
            return Ok(());
        };
        let endpoint = self.endpoint(AwsService::Sts, place)?;
        if endpoint.is_some_and(is_on_loopback) {
            return Ok(());
        }
        let message = format!("{what} is {why}: it is not used");
        Err(Error::new(Code::InvalidInput, message))
    }

    /// A loopback endpoint without TLS is reached directly.
    pub(super) fn http_connector(&self, endpoint: Option<&str>) -> Result<SharedHttpConnector> {
        if endpoint.is_some_and(is_on_loopback) {
            return Ok(self.direct_connector());
        }
        if let Some(connector) = self.outside.get() {
            return Ok(connector.clone());
        }
        // The proxy variables of this very process: the environment's snapshot was taken from them.
        let connector = connector()
            .proxy_config(ProxyConfig::from_env())
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(trust(&self.environment)?);
        let connector = guarded(connector.build());
        Ok(self.outside.get_or_init(|| connector).clone())
    }

    /// No proxy, and no certificates to load.
    pub(super) fn direct_connector(&self) -> SharedHttpConnector {
        self.loopback
            .get_or_init(|| guarded(connector().build_http()))
            .clone()
    }

    /// What failed, with the host and the proxy where that could not be reached.
    pub(super) fn fault<E>(
        &self,
        error: &SdkError<E, HttpResponse>,
        service: AwsService,
        place: Place<'_>,
    ) -> Fault
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let fault = Fault::of(error, self.clock.now());
        if fault.kind != FaultKind::Unreachable || fault.code.is_some() {
            return fault;
        }
        let endpoint = self.endpoint(service, place).ok().flatten();
        let host = match (endpoint, self.own_url(service, place)) {
            (Some(url), _) => authority(url).to_owned(),
            (None, Some(url)) => authority(&url).to_owned(),
            (None, None) => format!("AWS in {}", place.region),
        };
        let is_proxied = endpoint.is_none_or(|url| url.starts_with("https:"));
        let proxy = is_proxied
            .then(|| proxy(&self.environment, &host))
            .flatten();
        let through = proxy.map(|proxy| format!(" through the proxy {proxy}"));
        let message = format!("{host}{}: {}", through.unwrap_or_default(), fault.message);
        let message = message.into();
        Fault { message, ..fault }
    }

    /// Whether it is FIPS and dual stack that is called, as written or as the environment says.
    fn variant(&self, hosts: HostVariant) -> Result<(bool, bool)> {
        let or_environment = |written: Option<bool>, name| match written {
            Some(written) => Ok::<_, Error>(written),
            None => {
                let value = self.environment.var(name)?;
                Ok(value.is_some_and(|value| value.eq_ignore_ascii_case("true")))
            }
        };
        let HostVariant { fips, dual_stack } = hosts;
        Ok((
            or_environment(fips, "AWS_USE_FIPS_ENDPOINT")?,
            or_environment(dual_stack, "AWS_USE_DUALSTACK_ENDPOINT")?,
        ))
    }

    /// What the SDK calls where no endpoint is set, by its own table.
    pub(super) fn own_url(&self, service: AwsService, place: Place<'_>) -> Option<String> {
        let (fips, dual_stack) = self.variant(place.hosts).unwrap_or_default();
        macro_rules! by_the_table_of {
            ($sdk:ident) => {{
                use $sdk::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
                let parameters = Params::builder()
                    .region(place.region.as_str())
                    .use_fips(fips)
                    .use_dual_stack(dual_stack)
                    .build();
                let table = DefaultResolver::new();
                let parameters = parameters.ok()?;
                let resolved = pin!(table.resolve_endpoint(&parameters));
                match resolved.poll(&mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(endpoint) => Some(endpoint.ok()?.url().to_owned()),
                    Poll::Pending => None,
                }
            }};
        }
        match service {
            AwsService::Sts => by_the_table_of!(aws_sdk_sts),
            AwsService::SsoOidc => by_the_table_of!(aws_sdk_ssooidc),
            AwsService::Sso => by_the_table_of!(aws_sdk_sso),
            AwsService::Signin => by_the_table_of!(aws_sdk_signin),
            AwsService::SecretsManager => {
                // Its hosts are named as those of STS in every partition.
                let of_sts = self.own_url(AwsService::Sts, place)?;
                let (_, domain) = of_sts.split_once('.')?;
                let fips = if fips { "-fips" } else { "" };
                Some(format!("https://secretsmanager{fips}.{domain}"))
            }
            AwsService::Iam => Some(iam_url(place.region.partition(), fips, dual_stack).to_owned()),
        }
    }
}

/// By the table of the AWS SDKs.
fn iam_url(partition: Partition, fips: bool, dual_stack: bool) -> &'static str {
    match (partition, fips, dual_stack) {
        (Partition::Aws, false, false) => "https://iam.amazonaws.com",
        (Partition::Aws, true, false) => "https://iam-fips.amazonaws.com",
        (Partition::Aws, false, true) => "https://iam.global.api.aws",
        (Partition::Aws, true, true) => "https://iam-fips.global.api.aws",
        (Partition::AwsCn, false, false) => "https://iam.cn-north-1.amazonaws.com.cn",
        (Partition::AwsCn, true, false) => "https://iam-fips.amazonaws.com.cn",
        (Partition::AwsCn, false, true) => "https://iam.global.api.amazonwebservices.com.cn",
        (Partition::AwsCn, true, true) => "https://iam-fips.api.amazonwebservices.com.cn",
        (Partition::AwsUsGov, _, false) => "https://iam.us-gov.amazonaws.com",
        (Partition::AwsUsGov, _, true) => "https://iam.us-gov.api.aws",
    }
}

/// The system's certificates, and those of `AWS_CA_BUNDLE`, which companies that open TLS
/// traffic hand out.
fn trust(environment: &Environment) -> Result<TlsContext> {
    const VARIABLE: &str = "AWS_CA_BUNDLE";
    let mut trust = TrustStore::default();
    if let Some(path) = environment.var(VARIABLE)? {
        let refused = |why: &str| {
            let message =
                format!("{VARIABLE} names {path}, {why}; correct {VARIABLE}, or unset it");
            Error::new(Code::Usage, message)
        };
        let pem = std::fs::read(path)
            .map_err(|cause| refused(&format!("which cannot be read: {cause}")))?;
        if !pem.windows(PEM.len()).any(|part| part == PEM) {
            return Err(refused("which holds no certificate in PEM form"));
        }
        trust = trust.with_pem_certificate(pem);
    }
    let context = TlsContext::builder().with_trust_store(trust).build();
    Ok(context.unwrap_or_default())
}

/// The proxy that a host is reached through, without the password that its address may hold.
pub(super) fn proxy(environment: &Environment, host: &str) -> Option<String> {
    let first = |names: &[&str]| names.iter().find_map(|name| environment.var(name).ok()?);
    let host = host.split(':').next().unwrap_or(host);
    let is_excepted = |name: &str| {
        let name = name.trim().trim_start_matches('.');
        let rest = host.strip_suffix(name).filter(|_| !name.is_empty());
        name == "*" || rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    if first(&["NO_PROXY", "no_proxy"]).is_some_and(|names| names.split(',').any(is_excepted)) {
        return None;
    }
    let proxy = first(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])?;
    Some(shorten(authority(proxy)))
}

const PEM: &[u8] = b"-----BEGIN CERTIFICATE";

/// Host and port of a URL.
pub(super) fn authority(url: &str) -> &str {
    let (_, rest) = url.split_once("://").unwrap_or(("", url));
    let (authority, _) = rest.split_once('/').unwrap_or((rest, ""));
    authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host)
}

/// Requests are signed by our clock.
#[derive(Debug)]
pub(super) struct SigningTime(pub Clock);

impl TimeSource for SigningTime {
    fn now(&self) -> SystemTime {
        self.0.now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::AccessKeyId;
    use crate::secret::SecretAccessKey;
    use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
    use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use std::sync::{Arc, Mutex};

    /// Sends nothing, and notes where to.
    #[derive(Clone, Debug, Default)]
    struct Recorder(Arc<Mutex<Vec<String>>>);

    impl HttpConnector for Recorder {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let mut seen = self.0.lock().expect("no panic");
            seen.push(request.uri().to_owned());
            HttpConnectorFuture::ready(Err(ConnectorError::user("sent nothing".into())))
        }
    }

    async fn address(variables: &[(&str, &str)], region: &str, hosts: HostVariant) -> String {
        let aws = Aws::new(Environment::of(variables.iter().copied()), Clock::system());
        let keys = Keys {
            access_key_id: AccessKeyId::parse("AKIA1111222233334444").expect("a key id"),
            secret_access_key: SecretAccessKey::parse("s").expect("a secret"),
        };
        let region = region.parse().expect("a region");
        let place = Place {
            region: &region,
            endpoint_url: None,
            hosts,
            tries: Tries::One,
        };
        let sts = aws.sts(Signer::LongLived(&keys), place).expect("a client");
        let recorder = Recorder::default();
        let overridden = aws_sdk_sts::Config::builder()
            .http_client(client(SharedHttpConnector::new(recorder.clone())));
        let call = sts.get_caller_identity().customize();
        let _ = call.config_override(overridden).send().await;
        let seen = recorder.0.lock().expect("no panic");
        seen.join(" ")
    }

    #[tokio::test]
    async fn the_configuration_and_then_the_environment_choose_fips_and_dual_stack_hosts() {
        let fips = ("AWS_USE_FIPS_ENDPOINT", "true");
        let dual_stack = ("AWS_USE_DUALSTACK_ENDPOINT", "TRUE");
        for (variables, region, host) in [
            (
                &[][..],
                "eu-central-1",
                "https://sts.eu-central-1.amazonaws.com/",
            ),
            (
                &[fips],
                "us-east-2",
                "https://sts-fips.us-east-2.amazonaws.com/",
            ),
            (
                &[dual_stack],
                "eu-central-1",
                "https://sts.eu-central-1.api.aws/",
            ),
            (
                &[fips, dual_stack],
                "us-east-2",
                "https://sts-fips.us-east-2.api.aws/",
            ),
            (
                &[("AWS_USE_FIPS_ENDPOINT", "false")],
                "eu-central-1",
                "https://sts.eu-central-1.amazonaws.com/",
            ),
            (
                &[fips, ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")],
                "us-east-2",
                "http://127.0.0.1:4566/",
            ),
        ] {
            let address = address(variables, region, HostVariant::default()).await;
            assert_eq!(address, host, "{variables:?}");
        }
        let written = HostVariant {
            fips: Some(false),
            dual_stack: Some(true),
        };
        let address = address(&[fips], "us-east-2", written).await;
        assert_eq!(address, "https://sts.us-east-2.api.aws/");
    }

    #[test]
    fn the_host_of_a_message_is_the_one_that_is_called() {
        let aws = Aws::new(Environment::default(), Clock::system());
        let host = |region: &str, fips, dual_stack| {
            let hosts = HostVariant {
                fips: Some(fips),
                dual_stack: Some(dual_stack),
            };
            let region = region.parse().expect("a region");
            let place = Place {
                region: &region,
                endpoint_url: None,
                hosts,
                tries: Tries::One,
            };
            aws.own_url(AwsService::Sts, place)
        };
        for (region, fips, dual_stack, right) in [
            ("us-east-2", false, false, "sts.us-east-2.amazonaws.com"),
            ("us-east-2", true, false, "sts-fips.us-east-2.amazonaws.com"),
            ("us-east-2", false, true, "sts.us-east-2.api.aws"),
            ("us-east-2", true, true, "sts-fips.us-east-2.api.aws"),
            (
                "us-gov-west-1",
                true,
                false,
                "sts.us-gov-west-1.amazonaws.com",
            ),
            (
                "cn-north-1",
                false,
                false,
                "sts.cn-north-1.amazonaws.com.cn",
            ),
        ] {
            let url = host(region, fips, dual_stack).expect("a host");
            assert_eq!(authority(&url), right, "{region}");
        }
    }
}
