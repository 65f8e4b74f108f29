//! `aws/saml`

use super::footing::KindName;
use crate::config::reader::Fields;
use crate::config::values;

pub(crate) const NAME: KindName = KindName::provider("aws/saml");

#[derive(Clone, Debug)]
pub struct Saml {
    pub url: String,
}

pub(super) fn read(fields: &Fields<'_>) -> Option<Saml> {
    let url = fields.required("url", values::url)?;
    Some(Saml { url })
}
