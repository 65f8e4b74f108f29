//! `aws/web-identity`

use super::footing::KindName;
use crate::config::reader::Fields;
use std::path::PathBuf;

pub(crate) const NAME: KindName = KindName::provider("aws/web-identity");

#[derive(Clone, Debug)]
pub struct WebIdentity {
    pub token_file: PathBuf,
}

pub(super) fn read(fields: &Fields<'_>) -> Option<WebIdentity> {
    let token_file = fields.required("spec.token_file", |text| fields.path(text))?;
    Some(WebIdentity { token_file })
}
