//! Names that can be confused, each a type of its own: checked when made, shown as written, compared without regard to
//! case where people type them.

use std::fmt;

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(String);

        impl $type {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// An identity, as written in the configuration.
    IdentityName
);
name!(
    /// A provider, as written in the configuration; `aws-user` for stand-alone identities.
    ProviderName
);
name!(
    /// Keeps identities of one name in different files apart.
    Realm
);
name!(
    /// `eu-central-1`.
    Region
);

/// The separate AWSs: accounts, ARNs and endpoints do not cross.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Partition {
    Aws,
    AwsCn,
    AwsUsGov,
}
