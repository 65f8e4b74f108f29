//! Providers and identities, twice: as they are listed, however broken they are, and the settings
//! of those that were understood.

use super::kinds::Kind;
use crate::ids::{IdentityName, ProviderName, Region};
use std::path::PathBuf;

/// A provider as it is listed.
#[derive(Clone, Debug)]
pub struct Provider {
    pub name: ProviderName,
    /// As written; empty when it is missing.
    pub kind: String,
    /// False for kinds of other clouds.
    pub is_supported: bool,
    /// From 1; 0 for `aws-user`, which is written nowhere.
    pub line: usize,
    pub(super) role_list: RoleList,
}

/// Of the roles that a provider assigns, which are identities then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RoleList {
    NotWanted,
    /// A person has to sign in first.
    NotYet,
    Kept,
}

/// The first that has not listed its roles yet.
pub(super) fn awaited(providers: &[Provider]) -> Option<&Provider> {
    providers.iter().find(|it| it.role_list == RoleList::NotYet)
}

/// How an identity that is not known may come to be.
pub(super) fn list_hints(providers: &[Provider]) -> impl Iterator<Item = String> {
    let listing = providers.iter();
    let listing = listing.filter(|it| it.role_list != RoleList::NotWanted);
    listing.map(|it| format!("`fob login --provider {0}` lists the roles of {0}", it.name))
}

/// An identity as it is listed.
#[derive(Clone, Debug)]
pub struct Identity {
    pub name: IdentityName,
    /// As written; empty when it is missing.
    pub kind: String,
    pub is_default: bool,
    /// Where the chain starts: `aws-user` for stand-alone identities, `None` where that is not
    /// known.
    pub provider: Option<ProviderName>,
    /// False where the chain uses a kind of another cloud.
    pub is_supported: bool,
    /// Not written: an IAM Identity Center assigns its role.
    pub is_assigned: bool,
    /// From 1; of the provider where it is not written.
    pub line: usize,
    /// The link before it, where there is one.
    pub(super) below: Option<Below>,
}

impl Identity {
    /// Whether it may be the one to use when none is named.
    pub(super) fn is_candidate(&self) -> bool {
        self.is_default && self.is_supported
    }
}

/// The link before an identity, by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Below {
    Provider(usize),
    Identity(usize),
}

/// Which of AWS's own hosts are called; what is not written is left to the environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostVariant {
    pub fips: Option<bool>,
    pub dual_stack: Option<bool>,
}

impl HostVariant {
    /// What is written, else what holds one link before.
    pub(super) fn or(self, before: HostVariant) -> HostVariant {
        HostVariant {
            fips: self.fips.or(before.fips),
            dual_stack: self.dual_stack.or(before.dual_stack),
        }
    }
}

/// What a provider or identity says, understood and complete.
#[derive(Clone, Debug)]
pub(super) struct EntrySettings {
    pub kind: Kind,
    pub region: Option<Region>,
    pub endpoint_url: Option<String>,
    pub hosts: HostVariant,
    /// Of identities.
    pub env: Vec<(String, String)>,
    /// Of sources, as is the next.
    pub files_base: Option<PathBuf>,
    pub static_credentials: bool,
}
