//! Credentials that the machine itself has: a container's role, then an instance's role, then
//! explicit keys of the environment. Role first, because explicit keys are the ones that are
//! forgotten in a shell.

use super::client::{Aws, SigningTime, client, connector};
use super::fault::innermost;
use crate::error::{Code, Error, Result};
use crate::ids::{AccessKeyId, is_placeholder};
use crate::secret::{Keys, Origin, Secret, Session};
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_smithy_async::rt::sleep::TokioSleep;
use std::time::Duration;

/// The instance metadata service answers within milliseconds or is not there.
const METADATA_CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Explicit keys carry no expiry; they are looked at again after this time.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(3600);

impl Aws {
    /// The first source that has credentials; otherwise an error that says of each why it gave
    /// nothing.
    pub async fn ambient_credentials(&self) -> Result<Session> {
        let mut tried = Vec::new();
        match self.container_role().await {
            Ok(session) => return Ok(session),
            Err(why) => tried.push(format!("container role: {why}")),
        }
        match self.instance_role().await {
            Ok(session) => return Ok(session),
            Err(why) => tried.push(format!("instance role: {why}")),
        }
        match self.explicit_keys()? {
            Ok(session) => return Ok(session),
            Err(why) => tried.push(format!("environment: {why}")),
        }
        let error = Error::new(
            Code::NoCredentials,
            "this machine offers no AWS credentials",
        );
        Err(tried.into_iter().fold(error, Error::hint))
    }

    async fn container_role(&self) -> Result<Session, String> {
        let relative = self
            .environment
            .raw("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
        let full = self
            .environment
            .raw("AWS_CONTAINER_CREDENTIALS_FULL_URI")
            .and_then(|uri| uri.to_str());
        if relative.is_none() && full.is_none_or(str::is_empty) {
            return Err(
                "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and …_FULL_URI are not set".to_owned(),
            );
        }
        // Our own endpoint hands out what was signed in to here; taking it for a role would make a
        // loop.
        if full.is_some_and(is_our_own) {
            return Err("AWS_CONTAINER_CREDENTIALS_FULL_URI is Keyfob's own endpoint".to_owned());
        }
        let provider = EcsCredentialsProvider::builder()
            .configure(&self.provider_config())
            .build();
        let credentials = provider
            .provide_credentials()
            .await
            .map_err(|error| innermost(&error))?;
        self.session(&credentials, Origin::ContainerRole)
    }

    async fn instance_role(&self) -> Result<Session, String> {
        if self
            .environment
            .raw("AWS_EC2_METADATA_DISABLED")
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
        {
            return Err("switched off by AWS_EC2_METADATA_DISABLED".to_owned());
        }
        let metadata = imds::Client::builder()
            .configure(&self.provider_config())
            .connect_timeout(METADATA_CONNECT_TIMEOUT)
            .max_attempts(2)
            .build();
        let provider = ImdsCredentialsProvider::builder()
            .configure(&self.provider_config())
            .imds_client(metadata)
            .build();
        let credentials = provider
            .provide_credentials()
            .await
            .map_err(|error| innermost(&error))?;
        self.session(&credentials, Origin::InstanceRole)
    }

    /// Empty and placeholder values are said by name and never sent.
    fn explicit_keys(&self) -> Result<Result<Session, String>> {
        const NAMES: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
        for name in NAMES {
            match self.environment.var(name)? {
                None if self.environment.raw(name).is_some() => {
                    return Ok(Err(format!("{name} is set but empty")));
                }
                None => return Ok(Err(format!("{name} is not set"))),
                Some(value) if is_placeholder(value) => {
                    return Ok(Err(format!("{name} is a placeholder")));
                }
                Some(_) => {}
            }
        }
        let value = |name| Ok::<_, Error>(self.environment.var(name)?.unwrap_or_default());
        let access_key_id = match AccessKeyId::parse(value(NAMES[0])?) {
            Ok(id) => id,
            Err(error) => return Ok(Err(format!("AWS_ACCESS_KEY_ID: {}", error.message))),
        };
        let token = self.environment.var("AWS_SESSION_TOKEN")?.map(Secret::new);
        if access_key_id.is_of_a_session() && token.is_none() {
            return Ok(Err(
                "AWS_ACCESS_KEY_ID is a session's, and AWS_SESSION_TOKEN is not set".to_owned(),
            ));
        }
        let now = self.clock.now();
        Ok(Ok(Session {
            keys: Keys {
                access_key_id,
                secret_access_key: Secret::new(value(NAMES[1])?),
            },
            token,
            issued_at: now,
            expires_at: now + LOOK_AGAIN_AFTER,
            principal: None,
            account: None,
            origin: Origin::Environment,
        }))
    }

    fn session(&self, credentials: &Credentials, origin: Origin) -> Result<Session, String> {
        let now = self.clock.now();
        Ok(Session {
            keys: Keys {
                access_key_id: AccessKeyId::parse(credentials.access_key_id())
                    .map_err(|error| error.message)?,
                secret_access_key: Secret::new(credentials.secret_access_key()),
            },
            token: credentials.session_token().map(Secret::new),
            issued_at: now,
            expires_at: credentials.expiry().unwrap_or(now + LOOK_AGAIN_AFTER),
            principal: None,
            account: credentials
                .account_id()
                .and_then(|id| id.as_str().parse().ok()),
            origin,
        })
    }

    /// The SDK's providers read the container and metadata variables of this very process.
    fn provider_config(&self) -> ProviderConfig {
        ProviderConfig::without_region()
            .with_http_client(client(connector().build_http()))
            .with_sleep_impl(TokioSleep::new())
            .with_time_source(SigningTime(self.clock.clone()))
    }
}

/// As `agent/endpoint` names itself.
fn is_our_own(uri: &str) -> bool {
    let path = uri
        .strip_prefix("http://127.0.0.1:")
        .and_then(|rest| rest.split_once('/'));
    path.is_some_and(|(_, path)| path.starts_with("v1/credentials/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_endpoint_is_told_from_a_containers() {
        assert!(is_our_own(
            "http://127.0.0.1:40123/v1/credentials/team%2Fdeploy"
        ));
        for foreign in [
            "http://127.0.0.1/v1/credentials",
            "http://127.0.0.1:40123/role?next=/v1/credentials/dev",
            "http://169.254.170.23/v1/credentials",
            "http://localhost:40123/v1/credentials/dev",
            "https://127.0.0.1:40123/v1/credentials/dev",
        ] {
            assert!(!is_our_own(foreign), "{foreign}");
        }
    }
}
