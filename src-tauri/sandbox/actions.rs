//! What a client can call: STS's actions by their names, those of the services people sign in with
//! by their paths.

use super::protocol::{IamAction, StsAction};
use axum::http::Method;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AwsAction {
    Sts(StsAction),
    Iam(IamAction),
    SignIn(SignInAction),
}

impl AwsAction {
    pub fn all() -> impl Iterator<Item = AwsAction> {
        let sts = StsAction::ALL.into_iter().map(AwsAction::from);
        let iam = IamAction::ALL.into_iter().map(AwsAction::from);
        sts.chain(iam)
            .chain(SignInAction::ALL.into_iter().map(AwsAction::from))
    }

    pub fn name(self) -> &'static str {
        match self {
            AwsAction::Sts(action) => action.name(),
            AwsAction::Iam(action) => action.name(),
            AwsAction::SignIn(action) => action.name(),
        }
    }
}

impl From<StsAction> for AwsAction {
    fn from(action: StsAction) -> AwsAction {
        AwsAction::Sts(action)
    }
}

impl From<IamAction> for AwsAction {
    fn from(action: IamAction) -> AwsAction {
        AwsAction::Iam(action)
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
    /// The page of the console's sign-in, shown or answered.
    AuthorizeOAuth2Access,
    /// The page that shows a code to carry to another device.
    ShowCode,
    CreateOAuth2Token,
    RevokeOAuth2TokenWithIAM,
}

/// A service, by the shape of its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignInService {
    Oidc,
    Portal,
    /// The console's, for programs.
    Login,
    /// For browsers.
    Pages,
}

impl SignInAction {
    pub const ALL: [SignInAction; 13] = [
        SignInAction::RegisterClient,
        SignInAction::StartDeviceAuthorization,
        SignInAction::CreateToken,
        SignInAction::Authorize,
        SignInAction::VerifyDevice,
        SignInAction::GetRoleCredentials,
        SignInAction::ListAccounts,
        SignInAction::ListAccountRoles,
        SignInAction::Logout,
        SignInAction::AuthorizeOAuth2Access,
        SignInAction::ShowCode,
        SignInAction::CreateOAuth2Token,
        SignInAction::RevokeOAuth2TokenWithIAM,
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
            SignInAction::AuthorizeOAuth2Access => "AuthorizeOAuth2Access",
            SignInAction::ShowCode => "ShowCode",
            SignInAction::CreateOAuth2Token => "CreateOAuth2Token",
            SignInAction::RevokeOAuth2TokenWithIAM => "RevokeOAuth2TokenWithIAM",
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
            SignInAction::AuthorizeOAuth2Access => "/v1/authorize",
            SignInAction::ShowCode => "/v1/sessions/confirmation",
            SignInAction::CreateOAuth2Token => "/v1/token",
            SignInAction::RevokeOAuth2TokenWithIAM => "/v1/revoke",
        }
    }

    pub(super) fn service(self) -> SignInService {
        match self {
            SignInAction::RegisterClient
            | SignInAction::StartDeviceAuthorization
            | SignInAction::CreateToken => SignInService::Oidc,
            SignInAction::CreateOAuth2Token | SignInAction::RevokeOAuth2TokenWithIAM => {
                SignInService::Login
            }
            SignInAction::Authorize
            | SignInAction::VerifyDevice
            | SignInAction::AuthorizeOAuth2Access
            | SignInAction::ShowCode => SignInService::Pages,
            SignInAction::GetRoleCredentials
            | SignInAction::ListAccounts
            | SignInAction::ListAccountRoles
            | SignInAction::Logout => SignInService::Portal,
        }
    }

    pub(super) fn at(method: &Method, path: &str) -> Option<SignInAction> {
        let takes = |action: SignInAction| match action.service() {
            SignInService::Oidc | SignInService::Login => method == Method::POST,
            SignInService::Portal if action == SignInAction::Logout => method == Method::POST,
            SignInService::Portal => method == Method::GET,
            SignInService::Pages => method == Method::GET || method == Method::POST,
        };
        SignInAction::ALL
            .into_iter()
            .find(|action| action.path() == path && takes(*action))
    }
}
