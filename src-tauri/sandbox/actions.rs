//! What a client can call: STS's actions by their names, those of the services people sign in with
//! by their paths.

use super::protocol::StsAction;
use axum::http::Method;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AwsAction {
    Sts(StsAction),
    SignIn(SignInAction),
}

impl AwsAction {
    pub fn all() -> impl Iterator<Item = AwsAction> {
        let sts = StsAction::ALL.into_iter().map(AwsAction::from);
        sts.chain(SignInAction::ALL.into_iter().map(AwsAction::from))
    }

    pub fn name(self) -> &'static str {
        match self {
            AwsAction::Sts(action) => action.name(),
            AwsAction::SignIn(action) => action.name(),
        }
    }
}

impl From<StsAction> for AwsAction {
    fn from(action: StsAction) -> AwsAction {
        AwsAction::Sts(action)
    }
}

impl From<SignInAction> for AwsAction {
    fn from(action: SignInAction) -> AwsAction {
        AwsAction::SignIn(action)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignInAction {
    RegisterClient,
    StartDeviceAuthorization,
    CreateToken,
    /// The page of IAM Identity Center that asks for consent, shown or answered.
    Authorize,
    /// The page on which a device code is confirmed, shown or answered.
    VerifyDevice,
    GetRoleCredentials,
    ListAccounts,
    ListAccountRoles,
    Logout,
}

/// A service, by the shape of its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignInService {
    Oidc,
    Portal,
    /// For browsers.
    Pages,
}

impl SignInAction {
    pub const ALL: [SignInAction; 9] = [
        SignInAction::RegisterClient,
        SignInAction::StartDeviceAuthorization,
        SignInAction::CreateToken,
        SignInAction::Authorize,
        SignInAction::VerifyDevice,
        SignInAction::GetRoleCredentials,
        SignInAction::ListAccounts,
        SignInAction::ListAccountRoles,
        SignInAction::Logout,
    ];

    pub fn name(self) -> &'static str {
        match self {
            SignInAction::RegisterClient => "RegisterClient",
            SignInAction::StartDeviceAuthorization => "StartDeviceAuthorization",
            SignInAction::CreateToken => "CreateToken",
            SignInAction::Authorize => "Authorize",
            SignInAction::VerifyDevice => "VerifyDevice",
            SignInAction::GetRoleCredentials => "GetRoleCredentials",
            SignInAction::ListAccounts => "ListAccounts",
            SignInAction::ListAccountRoles => "ListAccountRoles",
            SignInAction::Logout => "Logout",
        }
    }

    pub(super) fn path(self) -> &'static str {
        match self {
            SignInAction::RegisterClient => "/client/register",
            SignInAction::StartDeviceAuthorization => "/device_authorization",
            SignInAction::CreateToken => "/token",
            SignInAction::Authorize => "/authorize",
            SignInAction::VerifyDevice => "/device",
            SignInAction::GetRoleCredentials => "/federation/credentials",
            SignInAction::ListAccounts => "/assignment/accounts",
            SignInAction::ListAccountRoles => "/assignment/roles",
            SignInAction::Logout => "/logout",
        }
    }

    pub(super) fn service(self) -> SignInService {
        match self {
            SignInAction::RegisterClient
            | SignInAction::StartDeviceAuthorization
            | SignInAction::CreateToken => SignInService::Oidc,
            SignInAction::Authorize | SignInAction::VerifyDevice => SignInService::Pages,
            SignInAction::GetRoleCredentials
            | SignInAction::ListAccounts
            | SignInAction::ListAccountRoles
            | SignInAction::Logout => SignInService::Portal,
        }
    }

    pub(super) fn at(method: &Method, path: &str) -> Option<SignInAction> {
        let takes = |action: SignInAction| match action.service() {
            SignInService::Oidc => method == Method::POST,
            SignInService::Portal if action == SignInAction::Logout => method == Method::POST,
            SignInService::Portal => method == Method::GET,
            SignInService::Pages => method == Method::GET || method == Method::POST,
        };
        SignInAction::ALL
            .into_iter()
            .find(|action| action.path() == path && takes(*action))
    }
}
