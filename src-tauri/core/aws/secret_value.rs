//! Secrets of AWS Secrets Manager: one signed call of its JSON protocol, in place of an SDK that is
//! a hundred times as long.

use super::callee::AwsService;
use super::client::{Aws, Place, Signer};
use super::fault::{Fault, innermost};
use super::tries::tried;
use crate::ids::Region;
use crate::secret::{Secret, Session, on_the_wire};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::identity::Identity;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use serde::Deserialize;
use serde_json::json;
use std::error::Error as StdError;
use std::time::SystemTime;

const SIGNING_NAME: &str = "secretsmanager";
const HEADERS: [(&str, &str); 2] = [
    ("content-type", "application/x-amz-json-1.1"),
    ("x-amz-target", "secretsmanager.GetSecretValue"),
];

#[derive(Deserialize)]
struct SecretValue {
    #[serde(
        default,
        rename = "SecretString",
        deserialize_with = "on_the_wire::optional::deserialize"
    )]
    text: Option<Secret>,
}

/// The whole text of a secret, in the region that its ARN names.
pub async fn secret_value(
    aws: &Aws,
    session: &Session,
    arn: &str,
    place: Place<'_>,
) -> Result<Secret, Fault> {
    let named: Option<Region> = arn.split(':').nth(3).and_then(|it| it.parse().ok());
    let region = named.as_ref().unwrap_or(place.region);
    let place = Place { region, ..place };
    let misused = |error: crate::error::Error| Fault::other(error.message);
    let service = AwsService::SecretsManager;
    let endpoint = aws.endpoint(service, place).map_err(misused)?;
    let connector = aws.http_connector(endpoint).map_err(misused)?;
    let url = match endpoint {
        Some(url) => Some(url.to_owned()),
        None => aws.own_url(service, place),
    };
    let url = url.ok_or_else(|| Fault::other(format!("{region} has no such service")))?;
    tried(place.tries, || async {
        let now = aws.clock.now();
        let body = json!({ "SecretId": arn }).to_string();
        let request = signed(session, region, &url, body, now)
            .map_err(|error| Fault::other(innermost(&*error)))?;
        let response = connector.call(request).await.map_err(|error| {
            let why = innermost(&error);
            if error.is_user() {
                Fault::other(why)
            } else {
                Fault::unreachable(why)
            }
        })?;
        if !response.status().is_success() {
            return Err(Fault::of_json(&response, now));
        }
        let body = response.body().bytes().unwrap_or_default();
        // The cause could quote what it stumbled over.
        let read = serde_json::from_slice::<SecretValue>(body)
            .map_err(|_| Fault::other("the answer is not one of Secrets Manager"))?;
        let binary = || Fault::other("the secret is binary, and not a text");
        read.text.ok_or_else(binary)
    })
    .await
}

fn signed(
    session: &Session,
    region: &Region,
    url: &str,
    body: String,
    now: SystemTime,
) -> Result<HttpRequest, Box<dyn StdError + Send + Sync>> {
    let identity = Identity::from(Signer::Session(session).credentials());
    let params = SigningParams::builder()
        .identity(&identity)
        .region(region.as_str())
        .name(SIGNING_NAME)
        .time(now)
        .settings(SigningSettings::default())
        .build()?
        .into();
    let content = SignableBody::Bytes(body.as_bytes());
    let signable = SignableRequest::new("POST", url, HEADERS.into_iter(), content)?;
    let (signed, _) = sign(signable, &params)?.into_parts();
    let mut request = HttpRequest::new(SdkBody::from(body));
    request.set_method("POST")?;
    request.set_uri(url)?;
    let headers = request.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, value);
    }
    for header in signed.into_parts().0 {
        headers.try_insert(header.name(), header.value().to_owned())?;
    }
    Ok(request)
}
