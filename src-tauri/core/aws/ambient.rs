//! Credentials that the machine itself has: a container's role, then an instance's role, then
//! explicit keys of the environment. Role first, because explicit keys are the ones that are
//! forgotten in a shell.

use super::client::{Aws, SigningTime};
use super::container::{self, NoRole};
use super::fault::innermost;
use super::http::client;
use super::printed::{LOOK_AGAIN_AFTER, refuse_expired};
use crate::error::{Code, Error, Note, Result};
use crate::foreign::Foreign;
use crate::ids::{AccessKeyId, is_placeholder};
use crate::secret::{Keys, Origin, Secret, SecretAccessKey, Session, SessionToken};
use aws_config::imds;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::StaticTimeSource;
use std::time::{Duration, SystemTime};

/// The instance metadata service answers within milliseconds or is not there.
const METADATA_CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// What the machine has.
#[derive(Debug)]
pub struct Ambient {
    pub session: Session,
    /// A container role is configured, and failed: why.
    pub broken_role: Option<String>,
}

impl Ambient {
    pub fn warning(&self) -> Option<Note> {
        let why = self.broken_role.as_ref()?;
        let source = self.session.origin;
        Some(Note::Warning(format!(
            "the container role that the environment names gave nothing ({why}); these credentials \
             come from: {source}"
        )))
    }
}

impl Aws {
    /// The first source that has credentials; otherwise an error that says of each why it gave
    /// nothing.
    pub async fn ambient_credentials(&self) -> Result<Ambient> {
        let mut tried = Vec::new();
        let mut broken_role = None;
        let mut code = Code::NoCredentials;
        match container::role(self).await {
            Ok(session) => {
                return Ok(Ambient {
                    session,
                    broken_role,
                });
            }
            Err(NoRole::NotConfigured(why)) => tried.push(format!("container role: {why}")),
            Err(NoRole::Failed(error)) => {
                tried.push(format!("container role: {error}"));
                code = error.code;
                broken_role = Some(error.message);
            }
        }
        match self.instance_role().await {
            Ok(session) => {
                return Ok(Ambient {
                    session,
                    broken_role,
                });
            }
            Err(error) => {
                tried.push(format!("instance role: {error}"));
                if error.code == Code::AnswerExpired {
                    code = error.code;
                }
            }
        }
        match self.explicit_keys()? {
            Ok(session) => {
                return Ok(Ambient {
                    session,
                    broken_role,
                });
            }
            Err(why) => tried.push(format!("environment: {why}")),
        }
        let error = Error::new(code, "this machine offers no AWS credentials");
        Err(tried.into_iter().fold(error, Error::hint))
    }

    async fn instance_role(&self) -> Result<Session> {
        let without = |why: Foreign| Error::new(Code::NoCredentials, why);
        if self
            .environment
            .raw("AWS_EC2_METADATA_DISABLED")
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
        {
            return Err(without("switched off by AWS_EC2_METADATA_DISABLED".into()));
        }
        let metadata = imds::Client::builder()
            .configure(&provider_config(self))
            .connect_timeout(METADATA_CONNECT_TIMEOUT)
            .max_attempts(2)
            .build();
        // At this time no answer is old: the SDK would give an expired one a new expiry.
        let time = StaticTimeSource::new(SystemTime::UNIX_EPOCH);
        let provider = ImdsCredentialsProvider::builder()
            .configure(&provider_config(self).with_time_source(time))
            .imds_client(metadata)
            .build();
        let credentials = provider
            .provide_credentials()
            .await
            .map_err(|error| without(innermost(&error)))?;
        session(&credentials, self.clock.now())
    }

    /// Empty and placeholder values are said by name and never sent.
    fn explicit_keys(&self) -> Result<Result<Session, String>> {
        let value = |name: &str| {
            Ok::<_, Error>(match self.environment.var(name)? {
                Some(value) if is_placeholder(value) => Err(format!("{name} is a placeholder")),
                Some(value) => Ok(Secret::new(value)),
                None if self.environment.raw(name).is_some() => {
                    Err(format!("{name} is set but empty"))
                }
                None => Err(format!("{name} is not set")),
            })
        };
        let id = value("AWS_ACCESS_KEY_ID")?.and_then(|id| {
            AccessKeyId::parse(id.expose())
                .map_err(|error| format!("AWS_ACCESS_KEY_ID: {}", error.message))
        });
        let secret = value("AWS_SECRET_ACCESS_KEY")?.and_then(|secret| {
            SecretAccessKey::parse(secret.expose())
                .map_err(|error| format!("AWS_SECRET_ACCESS_KEY: {}", error.message))
        });
        let (access_key_id, secret_access_key) = match (id, secret) {
            (Ok(id), Ok(secret)) => (id, secret),
            (Err(why), _) | (_, Err(why)) => return Ok(Err(why)),
        };
        let token = self.environment.var("AWS_SESSION_TOKEN")?.map(str::trim);
        let token = token.filter(|token| !token.is_empty());
        let token = match token.map(SessionToken::parse).transpose() {
            Ok(token) => token,
            Err(error) => return Ok(Err(format!("AWS_SESSION_TOKEN: {}", error.message))),
        };
        if access_key_id.is_of_a_session() && token.is_none() {
            return Ok(Err(
                "AWS_ACCESS_KEY_ID is a session's, and AWS_SESSION_TOKEN is not set".to_owned(),
            ));
        }
        let now = self.clock.now();
        Ok(Ok(Session {
            keys: Keys {
                access_key_id,
                secret_access_key,
            },
            token,
            issued_at: now,
            expires_at: now + LOOK_AGAIN_AFTER,
            principal: None,
            account: None,
            origin: Origin::Environment,
        }))
    }
}

fn session(credentials: &Credentials, now: SystemTime) -> Result<Session> {
    let expires_at = credentials.expiry().unwrap_or(now + LOOK_AGAIN_AFTER);
    refuse_expired(expires_at, now)?;
    Ok(Session {
        keys: Keys {
            access_key_id: AccessKeyId::parse(credentials.access_key_id())?,
            secret_access_key: SecretAccessKey::parse(credentials.secret_access_key())?,
        },
        token: credentials
            .session_token()
            .map(SessionToken::parse)
            .transpose()?,
        issued_at: now,
        expires_at,
        principal: None,
        account: credentials
            .account_id()
            .and_then(|id| id.as_str().parse().ok()),
        origin: Origin::InstanceRole,
    })
}

/// The SDK's provider reads the metadata variables of this very process.
fn provider_config(aws: &Aws) -> ProviderConfig {
    ProviderConfig::without_region()
        .with_http_client(client(aws.direct_connector()))
        .with_sleep_impl(TokioSleep::new())
        .with_time_source(SigningTime(aws.clock.clone()))
}
