//! The portal of IAM Identity Center: the accounts and roles of a person, sessions of these roles,
//! and the end of a sign-in. Nothing is signed: the sign-in's token goes along.

use super::callee::AwsService;
use super::client::{Aws, Place};
use super::fault::Fault;
use super::sts::{Granted, misused, odd};
use crate::foreign::Foreign;
use crate::ids::AccountId;
use crate::secret::Secret;
use aws_sdk_sso::Client;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use std::time::{Duration, SystemTime};

/// Each has a hundred entries or so: a list that goes on after these has no end.
const MOST_PAGES: usize = 1000;
const ENDLESS: &str = "is a list that does not come to its end";

/// An account in which the person has a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortalAccount {
    pub id: AccountId,
    pub name: Foreign,
}

/// The portal as the person sees it whose sign-in the token is of.
#[derive(Clone, Copy, Debug)]
pub struct Portal<'a> {
    pub aws: &'a Aws,
    pub place: Place<'a>,
    pub token: &'a Secret,
}

impl Portal<'_> {
    fn client(&self) -> Result<Client, Fault> {
        let config = self.aws.config(AwsService::Sso, self.place);
        Ok(Client::new(&config.map_err(misused)?))
    }

    fn fault<E>(&self, error: &SdkError<E, HttpResponse>) -> Fault
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        self.aws.fault(error, AwsService::Sso, self.place)
    }

    /// A session of the role that a permission set is in an account.
    pub async fn role_credentials(
        &self,
        account: &AccountId,
        role: &str,
    ) -> Result<Granted, Fault> {
        let issued_at = self.aws.clock.now();
        let answer = self
            .client()?
            .get_role_credentials()
            .access_token(self.token.expose())
            .account_id(account.to_string())
            .role_name(role)
            .send()
            .await
            .map_err(|error| self.fault(&error))?;
        let credentials = answer
            .role_credentials()
            .ok_or_else(|| odd("holds no credentials"))?;
        let parts = [
            credentials.access_key_id().unwrap_or_default(),
            credentials.secret_access_key().unwrap_or_default(),
            credentials.session_token().unwrap_or_default(),
        ];
        let end = u64::try_from(credentials.expiration()).ok();
        let end =
            end.and_then(|end| SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(end)));
        Granted::of(parts, end, issued_at)
    }

    /// All of them, by as many calls as it takes.
    pub async fn accounts(&self) -> Result<Vec<PortalAccount>, Fault> {
        let client = self.client()?;
        let (mut accounts, mut next) = (Vec::new(), None);
        for _ in 0..MOST_PAGES {
            let answer = client
                .list_accounts()
                .access_token(self.token.expose())
                .set_next_token(next)
                .send()
                .await
                .map_err(|error| self.fault(&error))?;
            let listed = answer.account_list().iter().filter_map(|account| {
                Some(PortalAccount {
                    id: account.account_id()?.parse().ok()?,
                    name: account.account_name().unwrap_or_default().into(),
                })
            });
            accounts.extend(listed);
            next = more(answer.next_token());
            if next.is_none() {
                return Ok(accounts);
            }
        }
        Err(odd(ENDLESS))
    }

    /// The roles of the person in an account, by name.
    pub async fn account_roles(&self, account: &AccountId) -> Result<Vec<Foreign>, Fault> {
        let client = self.client()?;
        let (mut roles, mut next) = (Vec::new(), None);
        for _ in 0..MOST_PAGES {
            let answer = client
                .list_account_roles()
                .access_token(self.token.expose())
                .account_id(account.to_string())
                .set_next_token(next)
                .send()
                .await
                .map_err(|error| self.fault(&error))?;
            let names = answer
                .role_list()
                .iter()
                .filter_map(|role| role.role_name());
            roles.extend(names.map(Foreign::new));
            next = more(answer.next_token());
            if next.is_none() {
                return Ok(roles);
            }
        }
        Err(odd(ENDLESS))
    }

    /// Ends the sign-in at AWS, and with it every token of the same portal session.
    pub async fn end_sign_in(&self) -> Result<(), Fault> {
        let logout = self.client()?.logout().access_token(self.token.expose());
        let ended = logout.send().await;
        ended.map(drop).map_err(|error| self.fault(&error))
    }
}

fn more(next: Option<&str>) -> Option<String> {
    next.filter(|token| !token.is_empty()).map(str::to_owned)
}
