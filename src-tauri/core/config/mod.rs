//! The configuration: found, read, and resolved into what it means. [`Config`] cannot hold anything invalid: what could
//! not be understood is a [`Problem`], and blocks only the chains that use it.

mod chain;
mod file;
mod names;

pub use chain::{
    AssumeRole, AssumeRoot, AwsFiles, Chain, ConfiguredKeys, IdentityCenter, PermissionSet, Saml, Source, SourceKind,
    Step, StepKind, User,
};
pub use names::{IdentityName, Partition, ProviderName, Realm, Region};
#[derive(Debug)]
pub struct Config;
