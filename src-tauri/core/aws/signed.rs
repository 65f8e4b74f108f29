//! A signed call of a service that is called too little for an SDK, which is a hundred times as
//! long.

use super::callee::AwsService;
use super::client::{Aws, Place, Signer};
use super::fault::{Fault, innermost};
use super::tries::tried;
use crate::error::Error;
use crate::ids::Region;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::identity::Identity;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use std::error::Error as StdError;
use std::time::SystemTime;

#[derive(Clone, Copy, Debug)]
pub(super) struct SignedCall<'a> {
    pub service: AwsService,
    /// The service, as signatures name it.
    pub signing_name: &'static str,
    pub signer: Signer<'a>,
    /// Its region is that of the signature and of the host.
    pub place: Place<'a>,
    pub headers: &'a [(&'static str, &'static str)],
    pub body: &'a str,
    /// What an answer says that is none to the call.
    pub refusal: fn(&HttpResponse, SystemTime) -> Fault,
}

impl SignedCall<'_> {
    /// What `read` makes of the answer.
    pub async fn send<T>(
        &self,
        aws: &Aws,
        read: fn(&[u8]) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let misused = |error: Error| Fault::other(error.message);
        let (service, place) = (self.service, self.place);
        let endpoint = aws.endpoint(service, place).map_err(misused)?;
        let connector = aws.http_connector(endpoint).map_err(misused)?;
        let url = match endpoint {
            Some(url) => Some(url.to_owned()),
            None => aws.own_url(service, place),
        };
        let nowhere = || Fault::other(format!("{} has no such service", place.region));
        let url = url.ok_or_else(nowhere)?;
        tried(place.tries, || async {
            let now = aws.clock.now();
            let request = self
                .signed(&url, now)
                .map_err(|error| Fault::other(innermost(&*error)))?;
            let response = connector.call(request).await.map_err(|error| {
                let why = innermost(&error);
                if error.is_user() {
                    Fault::other(why)
                } else {
                    Fault::unreachable(why)
                }
            })?;
            if response.status().is_success() {
                read(response.body().bytes().unwrap_or_default())
            } else {
                Err((self.refusal)(&response, now))
            }
        })
        .await
    }

    fn signed(
        &self,
        url: &str,
        now: SystemTime,
    ) -> Result<HttpRequest, Box<dyn StdError + Send + Sync>> {
        let identity = Identity::from(self.signer.credentials());
        let region: &Region = self.place.region;
        let params = SigningParams::builder()
            .identity(&identity)
            .region(region.as_str())
            .name(self.signing_name)
            .time(now)
            .settings(SigningSettings::default())
            .build()?
            .into();
        let content = SignableBody::Bytes(self.body.as_bytes());
        let signable = SignableRequest::new("POST", url, self.headers.iter().copied(), content)?;
        let (signed, _) = sign(signable, &params)?.into_parts();
        let mut request = HttpRequest::new(SdkBody::from(self.body));
        request.set_method("POST")?;
        request.set_uri(url)?;
        let headers = request.headers_mut();
        for (name, value) in self.headers {
            headers.insert(*name, *value);
        }
        for header in signed.into_parts().0 {
            headers.try_insert(header.name(), header.value().to_owned())?;
        }
        Ok(request)
    }
}
