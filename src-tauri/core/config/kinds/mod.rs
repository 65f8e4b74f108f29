//! The kinds of providers and identities, one file each: its settings, and how they are read. A new
//! kind is a file, a variant of [`Kind`], and a line in each of the two lists below it.

mod ambient;
mod assume_role;
mod assume_root;
mod footing;
mod github_oidc;
mod identity_center;
mod login;
mod permission_set;
mod process;
mod saml;
mod user;
mod web_identity;

pub(super) use ambient::NAME as AMBIENT;
pub use assume_role::{AssumeRole, SessionTag};
pub(super) use assume_role::{NAME as ASSUME_ROLE, ROLE_ON_CENTER};
pub use assume_root::AssumeRoot;
pub(super) use footing::{Footing, Level, Via};
pub use github_oidc::GithubOidc;
pub use identity_center::IdentityCenter;
pub(super) use identity_center::NAME as IDENTITY_CENTER;
pub(crate) use identity_center::{
    is_of_aws as is_start_url_of_aws, one_start_url, region_of as region_of_start_url,
};
pub(super) use login::NAME as LOGIN;
pub(super) use permission_set::NAME as PERMISSION_SET;
pub use permission_set::{AccountReference, PermissionSet};
pub(super) use process::NAME as PROCESS;
pub use process::Process;
pub use saml::Saml;
pub(super) use user::NAME as USER;
pub use user::{ConfiguredKeys, HandedOut, User};
pub(super) use web_identity::NAME as WEB_IDENTITY;
pub use web_identity::WebIdentity;

use self::footing::KindName;
use super::atmos;
use super::problem::{list, nearest};
use super::reader::Fields;
use crate::error::{Code, Error, Result, shorten};
use crate::ids::Region;

/// What a link of a chain is.
#[derive(Clone, Debug)]
pub enum Kind {
    User(User),
    Ambient,
    Process(Process),
    Login,
    IdentityCenter(IdentityCenter),
    Saml(Saml),
    GithubOidc(GithubOidc),
    WebIdentity(WebIdentity),
    PermissionSet(PermissionSet),
    AssumeRole(AssumeRole),
    AssumeRoot(AssumeRoot),
}

/// What the links above a link are made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    Session,
    /// A person's, at a provider.
    SignIn,
    /// An identity provider's.
    Assertion,
    /// A web identity's.
    Token,
}

impl Kind {
    pub fn gives(&self) -> Gives {
        match self {
            Kind::User(_)
            | Kind::Ambient
            | Kind::Process(_)
            | Kind::Login
            | Kind::PermissionSet(_)
            | Kind::AssumeRole(_)
            | Kind::AssumeRoot(_) => Gives::Session,
            Kind::IdentityCenter(_) => Gives::SignIn,
            Kind::Saml(_) => Gives::Assertion,
            Kind::GithubOidc(_) | Kind::WebIdentity(_) => Gives::Token,
        }
    }

    fn name(&self) -> KindName {
        match self {
            Kind::User(_) => user::NAME,
            Kind::Ambient => ambient::NAME,
            Kind::Process(_) => process::NAME,
            Kind::Login => login::NAME,
            Kind::IdentityCenter(_) => identity_center::NAME,
            Kind::Saml(_) => saml::NAME,
            Kind::GithubOidc(_) => github_oidc::NAME,
            Kind::WebIdentity(_) => web_identity::NAME,
            Kind::PermissionSet(_) => permission_set::NAME,
            Kind::AssumeRole(_) => assume_role::NAME,
            Kind::AssumeRoot(_) => assume_root::NAME,
        }
    }

    /// As written in the configuration.
    pub fn as_str(&self) -> &'static str {
        self.name().name
    }

    /// Whether programs get a long-lived access key in place of a session.
    pub fn hands_out_keys(&self) -> bool {
        matches!(self, Kind::User(user) if user.hands_out == HandedOut::LongLivedKeys)
    }

    /// Whether the roles that it assigns are identities, too.
    pub fn lists_roles(&self) -> bool {
        matches!(self, Kind::IdentityCenter(it) if it.auto_provision_identities)
    }

    /// Where a person signs in at a provider of this kind.
    pub fn signs_in_at(&self, region: &Region, endpoint_url: Option<&str>) -> Option<String> {
        let address = self.facts().sign_in_address?;
        let endpoint = endpoint_url.unwrap_or_default();
        Some(format!("{address} {region} {endpoint}"))
    }

    pub fn facts(&self) -> KindFacts {
        match self {
            Kind::User(user) => KindFacts::of([match user.hands_out {
                HandedOut::Session => format!("{:?}", user.mfa_arn),
                HandedOut::LongLivedKeys => "keys".to_owned(),
            }]),
            Kind::Ambient | Kind::Saml(_) => KindFacts::of([]),
            Kind::Process(process) => KindFacts::of([process.command.clone()]),
            Kind::Login => KindFacts {
                sign_in_address: Some("the AWS console".to_owned()),
                ..KindFacts::of([])
            },
            Kind::IdentityCenter(center) => KindFacts {
                sign_in_address: Some(center.start_url.clone()),
                ..KindFacts::of([])
            },
            Kind::GithubOidc(oidc) => KindFacts::of([oidc.audience.clone()]),
            Kind::WebIdentity(web) => KindFacts::of([web.token_file.display().to_string()]),
            Kind::PermissionSet(set) => KindFacts {
                role: Some(set.name.clone()),
                account: set.account_id(),
                ..KindFacts::of([set.written()])
            },
            Kind::AssumeRole(role) => KindFacts {
                role: Some(role.role_arn.clone()),
                account: account_in(&role.role_arn),
                sign_in_address: None,
                fingerprint: role.fingerprint(),
            },
            Kind::AssumeRoot(root) => KindFacts {
                role: Some(root.task_policy_arn.clone()),
                account: Some(root.target_principal.to_string()),
                ..KindFacts::of([format!("{root:?}")])
            },
        }
    }
}

/// What others need to know of a link, whatever its kind.
#[derive(Clone, Debug)]
pub struct KindFacts {
    /// A session is not that of a link that was written differently. Durations are left out.
    pub fingerprint: Vec<String>,
    /// The role's ARN, the permission set's name.
    pub role: Option<String>,
    /// Twelve digits, where the link names its account.
    pub account: Option<String>,
    /// Links with the same address share a sign-in token.
    pub sign_in_address: Option<String>,
}

impl KindFacts {
    fn of<const N: usize>(fingerprint: [String; N]) -> KindFacts {
        KindFacts {
            fingerprint: fingerprint.into(),
            role: None,
            account: None,
            sign_in_address: None,
        }
    }
}

/// `arn:aws:iam::123456789012:role/deploy`
fn account_in(arn: &str) -> Option<String> {
    let account = arn.split(':').nth(4).filter(|it| !it.is_empty());
    account.map(str::to_owned)
}

/// A kind that can be written, and its reader.
pub(super) struct KnownKind {
    pub name: KindName,
    /// Looks for every key of the kind, whatever it finds: what it does not look for is not known.
    pub read: fn(&Fields<'_>, &Footing<'_>) -> Option<Kind>,
}

pub(super) const ALL: &[KnownKind] = &[
    KnownKind {
        name: user::NAME,
        read: |fields, _| Some(Kind::User(user::read(fields))),
    },
    KnownKind {
        name: ambient::NAME,
        read: |_, _| Some(Kind::Ambient),
    },
    KnownKind {
        name: process::NAME,
        read: |fields, _| process::read(fields).map(Kind::Process),
    },
    KnownKind {
        name: login::NAME,
        read: |_, _| Some(Kind::Login),
    },
    KnownKind {
        name: permission_set::NAME,
        read: |fields, footing| permission_set::read(fields, footing).map(Kind::PermissionSet),
    },
    KnownKind {
        name: assume_role::NAME,
        read: |fields, footing| assume_role::read(fields, footing).map(Kind::AssumeRole),
    },
    KnownKind {
        name: assume_root::NAME,
        read: |fields, footing| assume_root::read(fields, footing).map(Kind::AssumeRoot),
    },
    KnownKind {
        name: identity_center::NAME,
        read: |fields, _| identity_center::read(fields).map(Kind::IdentityCenter),
    },
    KnownKind {
        name: saml::NAME,
        read: |fields, _| saml::read(fields).map(Kind::Saml),
    },
    KnownKind {
        name: github_oidc::NAME,
        read: |fields, _| Some(Kind::GithubOidc(github_oidc::read(fields))),
    },
    KnownKind {
        name: web_identity::NAME,
        read: |fields, _| web_identity::read(fields).map(Kind::WebIdentity),
    },
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EntrySection {
    Providers,
    Identities,
}

impl EntrySection {
    pub fn kinds(self) -> impl Iterator<Item = &'static KnownKind> {
        ALL.iter().filter(move |kind| {
            let is_provider = kind.name.level == Level::Provider;
            is_provider == (self == EntrySection::Providers)
        })
    }
}

pub(super) enum Class {
    Known(&'static KnownKind),
    /// Of another cloud or service: listed, and left to other tools.
    Foreign,
}

impl Class {
    /// What a `kind` means in a section.
    pub fn of(kind: &str, section: EntrySection) -> Result<Class> {
        let in_section = section.kinds().find(|known| known.name.name == kind);
        if let Some(known) = in_section {
            return Ok(Class::Known(known));
        }
        let names: Vec<&str> = section.kinds().map(|known| known.name.name).collect();
        let unknown = |why: &str| {
            let (kind, known) = (shorten(kind), list(&names));
            let message = format!("the kind `{kind}` {why} Known here: {known}");
            Err(Error::new(Code::InvalidInput, message))
        };
        if ALL.iter().any(|known| known.name.name == kind) {
            return unknown(
                "belongs to the other section: providers and identities have kinds of their own.",
            );
        }
        // `gcp/process` is three letters away from `aws/process` and no typing error.
        let near = nearest(kind, names.iter().copied())
            .filter(|near| strsim::damerau_levenshtein(kind, near) <= 2);
        match near {
            Some(near) => unknown(&format!("is not known; did you mean `{near}`?")),
            None if is_elsewhere(kind) => Ok(Class::Foreign),
            None => unknown("is not known."),
        }
    }
}

/// Whether a `kind` is one of Atmos' own, or has the form of one of another cloud.
fn is_elsewhere(kind: &str) -> bool {
    let is_word = |word: &str| {
        let is_part = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        !word.is_empty() && word.bytes().all(is_part)
    };
    atmos::KINDS.contains(&kind)
        || kind
            .split_once('/')
            .is_some_and(|(cloud, what)| cloud != "aws" && is_word(cloud) && is_word(what))
}

/// Whether an identity is of a kind of another cloud.
pub(super) fn is_foreign(kind: &str) -> bool {
    matches!(
        Class::of(kind, EntrySection::Identities),
        Ok(Class::Foreign)
    )
}
