//! The only door to AWS, and to the programs and machine roles that stand in for it. Every call
//! goes out through the real SDK, signed with exactly the credentials it was given; the SDK's own
//! credential chain is never consulted. Answers come back as whole values or as a [`Fault`];
//! nothing here decides what happens next, stores or asks.

mod ambient;
mod authorization;
mod callee;
mod claims;
mod client;
mod console;
mod container;
mod fault;
mod federated;
mod get;
mod github;
mod http;
mod iam;
mod printed;
mod process;
mod proof;
mod rds;
mod reach;
mod secret_value;
mod signed;
mod signin;
mod sso;
mod sso_oidc;
mod start_url;
mod sts;
mod tries;

pub use ambient::Ambient;
pub use authorization::{AuthorizationRequest, REDIRECT_PATH};
pub use callee::AwsService;
pub use claims::vouching_token;
pub use client::{Aws, Place, Signer, Tries};
pub use console::{ConsoleDoor, LINK_LIFE};
pub use fault::{Fault, FaultKind, Skew};
pub use federated::{Vouched, assertion, assume_root};
pub use github::github_token;
pub use iam::{IamCall, IamKey};
pub use printed::LOOK_AGAIN_AFTER;
pub use rds::{DatabaseLogin, SignedToken, TOKEN_LIFE, sign_token};
pub use reach::{HostAnswer, address, answers};
pub use secret_value::secret_value;
pub use signin::{ConsoleGrant, ConsoleSignIn, console_client};
pub use sso::{Portal, PortalAccount};
pub use sso_oidc::{CodeToEnter, SCOPE as PORTAL_SCOPE, SsoOidc, TokenGrant};
pub use start_url::start_url;
pub use sts::{Granted, Mfa, Principal, RoleRequest};
