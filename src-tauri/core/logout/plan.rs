//! Logout is a list: [`Scope::removals`] is pure, a dry run shows it, a run carries it out. A
//! [`Removal`] can only be made from the configuration, so nothing else can be removed.

use crate::config::{AwsFiles, Config, Identity, Kind, Provider};
use crate::error::Result;
use crate::ids::ProviderName;
use crate::store::{EntryKind, Mode, UpTo};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// The flag of `fob` to forget access keys, too.
pub(super) const KEYCHAIN: &str = "--keychain";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum Target {
    Identity {
        name: String,
        depth: Depth,
    },
    /// Identities with a chain that starts there; `aws-user`: those of the stand-alone identities.
    Provider(String),
    /// Everything of this configuration.
    All,
}

/// How far down the chain of an identity a logout goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum Depth {
    Chain,
    /// `--keep-provider`: only the identity's own session and sections.
    Own,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum LongLivedKeys {
    Keep,
    /// `--keychain`
    Remove,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logout {
    pub target: Target,
    pub long_lived_keys: LongLivedKeys,
    pub mode: Mode,
}

/// The identities, in lower case, of which the agent holds something; it forgets them with the
/// logout.
#[derive(Clone, Debug, Default)]
pub struct InMemory {
    pub sessions: HashSet<String>,
    pub with_tokens: HashSet<String>,
}

/// One thing to remove, or to keep and to say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal(pub(super) RemovalKind);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RemovalKind {
    Entry {
        kind: EntryKind,
        name: String,
        /// Where its chain starts.
        via: String,
    },
    /// What the running agent holds.
    Memory {
        name: String,
    },
    /// In memory; reported only where there are any.
    DatabaseTokens {
        name: String,
    },
    /// Long-lived keys that no caller wants removed.
    KeysThatStay {
        kind: EntryKind,
        name: String,
    },
    /// The sign-in at AWS itself, of a provider or of an identity that stands alone.
    SignInAtAws {
        source: String,
    },
    /// What the window with its page keeps.
    SignInPage {
        provider: String,
        address: String,
    },
    TokenThatStays {
        name: String,
        used_by: Vec<String>,
    },
    /// Sections, then the files and folders that are then empty.
    Profiles {
        provider: String,
        files: AwsFiles,
        identities: Vec<String>,
        up_to: UpTo,
    },
}

impl Scope<'_> {
    /// What would be removed from where, in order.
    pub fn removals(&self, config: &Config, keys: LongLivedKeys) -> Vec<Removal> {
        let mut list = Vec::new();
        for identity in &self.identities {
            of_identity(identity, keys, &mut list);
        }
        for provider in &self.providers {
            let name = provider.name.to_string();
            if let Ok(Kind::Saml(saml)) = config.source(provider).map(|it| it.kind) {
                list.push(Removal(RemovalKind::SignInPage {
                    provider: name.clone(),
                    address: saml.url,
                }));
            }
            // Others store nothing.
            if sign_in_address(config, provider).is_none() {
                continue;
            }
            let used_by = self.others_of_the_same_sign_in(config, provider);
            if used_by.is_empty() {
                let source = name.clone();
                list.push(Removal(RemovalKind::SignInAtAws { source }));
                list.push(Removal(RemovalKind::Entry {
                    kind: EntryKind::Token,
                    via: name.clone(),
                    name,
                }));
            } else {
                let source = config.source(provider);
                let name = source.map_or(name, |source| source.sign_in_name(config));
                list.push(Removal(RemovalKind::TokenThatStays { name, used_by }));
            }
        }
        self.add_profiles(config, &mut list);
        list
    }
}

fn of_identity(identity: &Identity, keys: LongLivedKeys, list: &mut Vec<Removal>) {
    let name = identity.name.to_string();
    let via = identity
        .provider
        .as_ref()
        .map_or_else(|| "a broken chain".to_owned(), ToString::to_string);
    let entry = |kind| {
        Removal(RemovalKind::Entry {
            kind,
            name: name.clone(),
            via: via.clone(),
        })
    };
    if identity.kind == Kind::Login.as_str() {
        // Its session ends it at AWS.
        let source = name.clone();
        list.push(Removal(RemovalKind::SignInAtAws { source }));
        list.push(entry(EntryKind::Token));
    }
    list.push(entry(EntryKind::Session));
    list.push(Removal(RemovalKind::Memory { name: name.clone() }));
    list.push(Removal(RemovalKind::DatabaseTokens { name: name.clone() }));
    if identity.kind == "aws/user" {
        list.extend(
            [EntryKind::Keys, EntryKind::SetAside].map(|kind| match keys {
                LongLivedKeys::Keep => Removal(RemovalKind::KeysThatStay {
                    kind,
                    name: name.clone(),
                }),
                LongLivedKeys::Remove => entry(kind),
            }),
        );
    }
}

/// What a target comes to. Fails only for a name that the configuration does not have.
pub(super) struct Scope<'c> {
    pub identities: Vec<&'c Identity>,
    pub providers: Vec<&'c Provider>,
    pub up_to: UpTo,
}

impl<'c> Scope<'c> {
    pub fn of(config: &'c Config, target: &Target) -> Result<Scope<'c>> {
        let supported = || {
            config
                .identities()
                .iter()
                .filter(|identity| identity.is_supported)
        };
        Ok(match target {
            Target::Identity {
                name,
                depth: Depth::Own,
            } => Scope {
                identities: vec![config.identity(name)?],
                providers: Vec::new(),
                up_to: UpTo::Nothing,
            },
            Target::Identity {
                name,
                depth: Depth::Chain,
            } => {
                let identity = config.identity(name)?;
                let providers: Vec<_> = provider_of(config, identity).into_iter().collect();
                let names = config.chain_names(identity);
                // The first name is the provider's, if there is one.
                let identities = names
                    .iter()
                    .skip(providers.len())
                    .rev()
                    .filter_map(|name| config.identity(name).ok());
                Scope {
                    identities: identities.collect(),
                    providers,
                    up_to: UpTo::Provider,
                }
            }
            Target::Provider(name) => {
                let provider = config.provider(name)?;
                let starts_there = |it: &&Identity| it.provider.as_ref() == Some(&provider.name);
                let written = provider.name.as_str() != ProviderName::STAND_ALONE;
                Scope {
                    identities: supported().filter(starts_there).collect(),
                    providers: Some(provider).into_iter().filter(|_| written).collect(),
                    up_to: UpTo::Provider,
                }
            }
            Target::All => Scope {
                identities: supported().collect(),
                providers: config
                    .providers()
                    .iter()
                    .filter(|provider| provider.is_supported)
                    .collect(),
                up_to: UpTo::Base,
            },
        })
    }

    pub fn names_of_identities(&self) -> Vec<String> {
        self.identities
            .iter()
            .map(|it| it.name.to_string())
            .collect()
    }

    pub fn names_of_providers(&self) -> Vec<String> {
        self.providers
            .iter()
            .map(|it| it.name.to_string())
            .collect()
    }

    /// Providers outside the target that sign in at the same place and so with the same token.
    pub fn others_of_the_same_sign_in(&self, config: &Config, provider: &Provider) -> Vec<String> {
        let address = sign_in_address(config, provider);
        let outside = config
            .providers()
            .iter()
            .filter(|it| !self.providers.iter().any(|ours| ours.name == it.name));
        outside
            .filter(|it| sign_in_address(config, it) == address)
            .map(|it| it.name.to_string())
            .collect()
    }

    /// One walk for each folder, however many identities have sections there.
    pub fn add_profiles(&self, config: &Config, list: &mut Vec<Removal>) {
        let mut groups: Vec<(String, AwsFiles, Vec<String>)> = Vec::new();
        let of_identities = self.identities.iter().filter_map(|identity| {
            let provider = identity.provider.as_ref()?;
            Some((
                provider.to_string(),
                files_of(config, identity)?,
                Some(identity.name.to_string()),
            ))
        });
        // A folder may be left of identities that the configuration no longer has.
        let of_providers = self
            .providers
            .iter()
            .filter(|_| self.up_to != UpTo::Nothing)
            .filter_map(|provider| {
                Some((
                    provider.name.to_string(),
                    config.files(provider).ok()?,
                    None,
                ))
            });
        for (provider, files, identity) in of_identities.chain(of_providers) {
            match groups
                .iter_mut()
                .find(|(_, known, _)| known.folder == files.folder)
            {
                Some((_, _, identities)) => identities.extend(identity),
                None => groups.push((provider, files, identity.into_iter().collect())),
            }
        }
        list.extend(groups.into_iter().map(|(provider, files, identities)| {
            Removal(RemovalKind::Profiles {
                provider,
                files,
                identities,
                up_to: self.up_to,
            })
        }));
    }
}

pub(super) fn provider_of<'c>(config: &'c Config, identity: &Identity) -> Option<&'c Provider> {
    let name = identity
        .provider
        .as_ref()
        .filter(|name| name.as_str() != ProviderName::STAND_ALONE)?;
    config.provider(name.as_str()).ok()
}

/// Where an identity's profile is: what its chain starts at decides, also when the identity itself
/// is broken.
pub(super) fn files_of(config: &Config, identity: &Identity) -> Option<AwsFiles> {
    if let Some(provider) = provider_of(config, identity) {
        return config.files(provider).ok();
    }
    let below = config
        .chain_names(identity)
        .into_iter()
        .rev()
        .filter_map(|name| config.identity(name).ok());
    below
        .filter_map(|identity| config.chain(identity).ok())
        .map(|chain| chain.files)
        .next()
}

/// Of an IAM Identity Center; others store no sign-in.
pub(super) fn sign_in_address(config: &Config, provider: &Provider) -> Option<String> {
    config.source(provider).ok()?.sign_in_address()
}
