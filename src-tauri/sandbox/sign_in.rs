//! The services people sign in with: each call to the one that answers it, after the faults it
//! meets.

use super::actions::SignInAction;
use super::answer::HttpAnswer;
use super::faults::FaultsMet;
use super::refusal::AwsRefusal;
use super::rest::{self, RestCall};
use super::simulated_aws::SimulatedAws;
use super::{login, oidc, portal};

pub(super) fn answer(
    aws: &mut SimulatedAws,
    action: SignInAction,
    call: &RestCall<'_>,
    faults: &FaultsMet,
) -> HttpAnswer {
    let service = action.service();
    let fault = faults
        .iter()
        .find_map(|fault| rest::refused_by(fault, service));
    // Before the call, which may end the sign-in.
    let bearer = portal::bearer(aws, call).map(|sign_in| sign_in.principal.clone());
    let result = fault.map_or_else(|| perform(aws, action, call), Err);
    let reply = result.unwrap_or_else(|refusal| rest::refused(&refusal, service));
    match bearer {
        Some(_) => reply.by(bearer),
        None => reply,
    }
}

fn perform(
    aws: &mut SimulatedAws,
    action: SignInAction,
    call: &RestCall<'_>,
) -> Result<HttpAnswer, AwsRefusal> {
    match action {
        SignInAction::RegisterClient => oidc::register(aws, call),
        SignInAction::StartDeviceAuthorization => oidc::start_device(aws, call),
        SignInAction::CreateToken => oidc::create_token(aws, call),
        SignInAction::Authorize => oidc::authorize(aws, call),
        SignInAction::VerifyDevice => oidc::verify_device(aws, call),
        SignInAction::GetRoleCredentials => portal::role_credentials(aws, call),
        SignInAction::ListAccounts => portal::accounts(aws, call),
        SignInAction::ListAccountRoles => portal::account_roles(aws, call),
        SignInAction::Logout => portal::log_out(aws, call),
        SignInAction::AuthorizeOAuth2Access => login::authorize(aws, call),
        SignInAction::ShowCode => login::confirmation(call),
        SignInAction::CreateOAuth2Token => login::create_token(aws, call),
        SignInAction::RevokeOAuth2TokenWithIAM => login::revoke(aws, call),
    }
}
