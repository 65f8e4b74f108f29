//! `aws/ambient`: what the machine or the environment of the caller has. It has no settings.

use super::footing::KindName;

pub(crate) const NAME: KindName = KindName::stand_alone("aws/ambient");
