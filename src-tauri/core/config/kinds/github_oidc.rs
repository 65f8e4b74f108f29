//! `github/oidc`

use super::footing::KindName;
use crate::config::reader::Fields;
use crate::config::values;

pub(crate) const NAME: KindName = KindName::provider("github/oidc");

#[derive(Clone, Debug)]
pub struct GithubOidc {
    pub audience: String,
}

pub(super) fn read(fields: &Fields<'_>) -> GithubOidc {
    let audience = fields.read("spec.audience", values::any);
    GithubOidc {
        audience: audience.unwrap_or_else(|| "sts.amazonaws.com".to_owned()),
    }
}
