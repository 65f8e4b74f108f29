//! Secrets of AWS Secrets Manager: one call of its JSON protocol.

use super::callee::AwsService;
use super::client::{Aws, Place, Signer};
use super::fault::Fault;
use super::signed::SignedCall;
use crate::ids::Region;
use crate::secret::{Secret, Session, on_the_wire};
use serde::Deserialize;
use serde_json::json;

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
    let call = SignedCall {
        service: AwsService::SecretsManager,
        signing_name: "secretsmanager",
        signer: Signer::Session(session),
        place: Place { region, ..place },
        headers: &HEADERS,
        body: &json!({ "SecretId": arn }).to_string(),
        refusal: Fault::of_json,
    };
    call.send(aws, |body| {
        // The cause could quote what it stumbled over.
        let read = serde_json::from_slice::<SecretValue>(body)
            .map_err(|_| Fault::other("the answer is not one of Secrets Manager"))?;
        let binary = || Fault::other("the secret is binary, and not a text");
        read.text.ok_or_else(binary)
    })
    .await
}
