//! The kinds Keyfob can sign in with and the keys each may have: one table for the reader and its
//! messages.

use super::problem::{list, nearest};
use crate::error::shorten;
use crate::error::{Code, Error, Result};

pub(super) struct KindKeys {
    pub name: &'static str,
    pub keys: &'static [&'static str],
}

pub(super) const IDENTITY_CENTER: &str = "aws/iam-identity-center";
pub(super) const SAML: &str = "aws/saml";
pub(super) const GITHUB_OIDC: &str = "github/oidc";
pub(super) const WEB_IDENTITY: &str = "aws/web-identity";
pub(super) const USER: &str = "aws/user";
pub(super) const AMBIENT: &str = "aws/ambient";
pub(super) const PROCESS: &str = "aws/process";
pub(super) const PERMISSION_SET: &str = "aws/permission-set";
pub(super) const ASSUME_ROLE: &str = "aws/assume-role";
pub(super) const ASSUME_ROOT: &str = "aws/assume-root";

pub(super) const PROVIDERS: &[KindKeys] = &[
    KindKeys {
        name: IDENTITY_CENTER,
        keys: &[
            "kind",
            "region",
            "start_url",
            "auto_provision_identities",
            "session.duration",
            "console.session_duration",
            "spec.endpoint_url",
            "spec.files.base_path",
            "spec.files.static",
        ],
    },
    KindKeys {
        name: SAML,
        keys: &[
            "kind",
            "region",
            "url",
            "spec.endpoint_url",
            "spec.files.base_path",
            "spec.files.static",
        ],
    },
    KindKeys {
        name: GITHUB_OIDC,
        keys: &[
            "kind",
            "region",
            "spec.audience",
            "spec.endpoint_url",
            "spec.files.base_path",
            "spec.files.static",
        ],
    },
    KindKeys {
        name: WEB_IDENTITY,
        keys: &[
            "kind",
            "region",
            "spec.token_file",
            "spec.endpoint_url",
            "spec.files.base_path",
            "spec.files.static",
        ],
    },
];

pub(super) const IDENTITIES: &[KindKeys] = &[
    KindKeys {
        name: USER,
        keys: &[
            "kind",
            "default",
            "env",
            "session.duration",
            "credentials.access_key_id",
            "credentials.secret_access_key",
            "credentials.mfa_arn",
            "credentials.mfa_process",
            "credentials.region",
            "principal.region",
            "spec.endpoint_url",
            "spec.files.base_path",
            "spec.files.static",
        ],
    },
    KindKeys {
        name: AMBIENT,
        keys: &[
            "kind",
            "default",
            "env",
            "credentials.region",
            "principal.region",
            "spec.endpoint_url",
            "spec.files.base_path",
            "spec.files.static",
        ],
    },
    KindKeys {
        name: PROCESS,
        keys: &[
            "kind",
            "default",
            "env",
            "credentials.process",
            "credentials.region",
            "principal.region",
            "spec.endpoint_url",
            "spec.files.base_path",
            "spec.files.static",
        ],
    },
    KindKeys {
        name: PERMISSION_SET,
        keys: &[
            "kind",
            "default",
            "env",
            "via.provider",
            "via.identity",
            "principal.name",
            "principal.account.id",
            "principal.account.name",
            "principal.region",
            "spec.endpoint_url",
        ],
    },
    KindKeys {
        name: ASSUME_ROLE,
        keys: &[
            "kind",
            "default",
            "env",
            "session.duration",
            "via.provider",
            "via.identity",
            "principal.assume_role",
            "principal.session_name",
            "principal.external_id",
            "principal.duration",
            "principal.region",
            "spec.endpoint_url",
        ],
    },
    KindKeys {
        name: ASSUME_ROOT,
        keys: &[
            "kind",
            "default",
            "env",
            "via.provider",
            "via.identity",
            "principal.target_principal",
            "principal.task_policy_arn",
            "principal.region",
            "spec.endpoint_url",
        ],
    },
];

/// Whether a `kind` starts a chain without a provider.
pub(super) fn stands_alone(kind: &str) -> bool {
    [USER, AMBIENT, PROCESS].contains(&kind)
}

/// Whether an identity is of a kind of another cloud.
pub(super) fn is_foreign(kind: &str) -> bool {
    matches!(classify(kind, IDENTITIES, PROVIDERS), Ok(Class::Foreign))
}

pub(super) enum Class {
    Known(&'static KindKeys),
    /// Of another cloud or service: listed, and left to other tools.
    Foreign,
}

/// What `kind` is among `kinds`; `others` are those of the other section.
pub(super) fn classify(
    kind: &str,
    kinds: &'static [KindKeys],
    others: &'static [KindKeys],
) -> Result<Class> {
    if let Some(known) = kinds.iter().find(|known| known.name == kind) {
        return Ok(Class::Known(known));
    }
    let names: Vec<&str> = kinds.iter().map(|kind| kind.name).collect();
    let unknown = |why: &str| {
        let message = format!(
            "the kind `{}` {why} Known here: {}",
            shorten(kind),
            list(&names)
        );
        Err(Error::new(Code::InvalidInput, message))
    };
    if others.iter().any(|other| other.name == kind) {
        return unknown(
            "belongs to the other section: providers and identities have kinds of their own.",
        );
    }
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let is_foreign = kind
        .split_once('/')
        .is_some_and(|(cloud, what)| cloud != "aws" && is_word(cloud) && is_word(what));
    // `gcp/process` is three letters away from `aws/process` and no slip of the pen.
    let near = nearest(kind, names.iter().copied())
        .filter(|near| strsim::damerau_levenshtein(kind, near) <= 2);
    match near {
        Some(near) => unknown(&format!("is not known; did you mean `{near}`?")),
        None if is_foreign => Ok(Class::Foreign),
        None => unknown("is not known."),
    }
}
