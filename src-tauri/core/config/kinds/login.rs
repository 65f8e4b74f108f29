//! `aws/login`: the console's own sign-in, for everybody who can open the console. It has no
//! settings of its own.

use super::footing::KindName;

pub(crate) const NAME: KindName = KindName::stand_alone("aws/login");
