//! Logout is a list: [`removals`] is pure, a dry run tells it, a run carries it out, best effort,
//! into a [`Report`]. A [`Removal`] can only be made from the configuration, so nothing else can be
//! removed. Before anything is removed the names are marked as signed out: whoever is signing in at
//! that moment stores nothing.

mod cleanup;
mod report;

pub use cleanup::{Cleanup, Finding, Health, clean_up, repair};
pub use report::{OtherSession, Report, Step as RemovalStep, StepResult, Subject, What};

use crate::ask::{Caller, Note};
use crate::config::{self, AwsFiles, Config, Identity, Provider};
use crate::error::{Code, Result};
use crate::ids::ProviderName;
pub use crate::store::Mode;
use crate::store::audit::{AuditEvent, AuditOutcome, Happened};
use crate::store::{ClearedProfile, Dropped, EntryKind, ProfilePart, UpTo};
use crate::world::World;
use report::Step;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// What `fob` is told to forget access keys, too.
pub(super) const KEYCHAIN: &str = "--keychain";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "app", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum Target {
    Identity {
        name: String,
        depth: Depth,
    },
    /// Every identity whose chain starts there; `aws-user`: those of the stand-alone identities.
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
pub struct Removal(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
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
    /// In memory; told only where there are any.
    DatabaseTokens {
        name: String,
    },
    /// Long-lived keys that nobody asked to remove.
    KeysThatStay {
        name: String,
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

/// What would be removed from where, in order. Fails only for a name that the configuration does
/// not have.
pub fn removals(config: &Config, logout: &Logout) -> Result<Vec<Removal>> {
    let scope = Scope::of(config, &logout.target)?;
    let mut list = Vec::new();
    for identity in &scope.identities {
        let name = identity.name.to_string();
        let via = identity
            .provider
            .as_ref()
            .map_or_else(|| "a broken chain".to_owned(), ToString::to_string);
        list.push(Removal(Kind::Entry {
            kind: EntryKind::Session,
            name: name.clone(),
            via: via.clone(),
        }));
        list.push(Removal(Kind::Memory { name: name.clone() }));
        list.push(Removal(Kind::DatabaseTokens { name: name.clone() }));
        if identity.kind == "aws/user" {
            list.push(Removal(match logout.long_lived_keys {
                LongLivedKeys::Keep => Kind::KeysThatStay { name },
                LongLivedKeys::Remove => Kind::Entry {
                    kind: EntryKind::Keys,
                    name,
                    via,
                },
            }));
        }
    }
    for provider in &scope.providers {
        let name = provider.name.to_string();
        let entry = |kind| {
            Removal(Kind::Entry {
                kind,
                name: name.clone(),
                via: name.clone(),
            })
        };
        if start_url(config, provider).is_none() {
            list.push(entry(EntryKind::Session));
            continue;
        }
        let used_by = scope.others_of_the_same_sign_in(config, provider);
        if used_by.is_empty() {
            list.push(entry(EntryKind::Token));
        } else {
            list.push(Removal(Kind::TokenThatStays { name, used_by }));
        }
    }
    scope.add_profiles(config, &mut list);
    Ok(list)
}

/// What a target comes to.
struct Scope<'c> {
    identities: Vec<&'c Identity>,
    providers: Vec<&'c Provider>,
    up_to: UpTo,
}

impl<'c> Scope<'c> {
    fn of(config: &'c Config, target: &Target) -> Result<Scope<'c>> {
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

    fn names(&self) -> Vec<String> {
        let identities = self
            .identities
            .iter()
            .map(|identity| identity.name.to_string());
        identities
            .chain(
                self.providers
                    .iter()
                    .map(|provider| provider.name.to_string()),
            )
            .collect()
    }

    /// Providers outside the target that sign in at the same place and so with the same token.
    fn others_of_the_same_sign_in(&self, config: &Config, provider: &Provider) -> Vec<String> {
        let url = start_url(config, provider);
        let outside = config
            .providers()
            .iter()
            .filter(|it| !self.providers.iter().any(|ours| ours.name == it.name));
        outside
            .filter(|it| start_url(config, it) == url)
            .map(|it| it.name.to_string())
            .collect()
    }

    /// One walk for each folder, however many identities have sections there.
    fn add_profiles(&self, config: &Config, list: &mut Vec<Removal>) {
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
            Removal(Kind::Profiles {
                provider,
                files,
                identities,
                up_to: self.up_to,
            })
        }));
    }
}

fn provider_of<'c>(config: &'c Config, identity: &Identity) -> Option<&'c Provider> {
    let name = identity
        .provider
        .as_ref()
        .filter(|name| name.as_str() != ProviderName::STAND_ALONE)?;
    config.provider(name.as_str()).ok()
}

/// Where an identity's profile is: what its chain starts at decides, also when the identity itself
/// is broken.
pub(crate) fn files_of(config: &Config, identity: &Identity) -> Option<AwsFiles> {
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

/// Of an IAM Identity Center; others have no token.
fn start_url(config: &Config, provider: &Provider) -> Option<String> {
    match config.source(provider).ok()?.kind {
        config::Kind::IdentityCenter(center) => Some(center.start_url),
        config::Kind::User(_)
        | config::Kind::Ambient
        | config::Kind::Process(_)
        | config::Kind::Saml(_)
        | config::Kind::GithubOidc(_)
        | config::Kind::WebIdentity(_)
        | config::Kind::PermissionSet(_)
        | config::Kind::AssumeRole(_)
        | config::Kind::AssumeRoot(_) => None,
    }
}

/// Fails only for an unknown name, before anything is touched.
pub async fn logout(
    world: &World,
    logout: &Logout,
    memory: &InMemory,
    notes: &mut Vec<Note>,
) -> Result<Report> {
    let list = removals(&world.config, logout)?;
    let scope = Scope::of(&world.config, &logout.target)?;
    let (subject, target) = subject_of(world, &logout.target)?;
    let mut report = Report::of(subject, &target, logout.mode);
    report.chain = match &logout.target {
        Target::Identity { name, .. } => {
            let names = world.config.chain_names(world.config.identity(name)?);
            names.into_iter().map(str::to_owned).collect()
        }
        Target::Provider(_) | Target::All => Vec::new(),
    };
    report.identities = scope
        .identities
        .iter()
        .map(|identity| identity.name.to_string())
        .collect();
    if logout.mode == Mode::Run {
        for name in scope.names() {
            if let Err(error) = world.store.sign_outs.sign_out(&name).await {
                let path = world.store.sign_outs.path(&name).display().to_string();
                report.steps.push(
                    Step::at(What::File, &name, path, "sign-out mark")
                        .became(Err(error), logout.mode),
                );
            }
        }
    }
    for removal in &list {
        remove(world, removal, memory, &mut report, notes).await;
    }
    report.notes.extend(unreadable_parts(world, &scope));
    name_those_who_shared(world, &scope, &mut report, notes).await;
    Ok(report)
}

fn subject_of(world: &World, target: &Target) -> Result<(Subject, String)> {
    Ok(match target {
        Target::Identity { name, .. } => (
            Subject::Identity,
            world.config.identity(name)?.name.to_string(),
        ),
        Target::Provider(name) => (
            Subject::Provider,
            world.config.provider(name)?.name.to_string(),
        ),
        Target::All => (Subject::All, "all".to_owned()),
    })
}

async fn remove(
    world: &World,
    removal: &Removal,
    memory: &InMemory,
    report: &mut Report,
    notes: &mut Vec<Note>,
) {
    let mode = report.mode;
    match &removal.0 {
        Kind::Entry { kind, name, via } => {
            let detail = match kind {
                EntryKind::Session => format!("via {via}"),
                EntryKind::Token => "sign-in token".to_owned(),
                EntryKind::Keys => "long-lived access keys".to_owned(),
                EntryKind::Audit => "end of the audit log".to_owned(),
            };
            let dropped = world.store.drop_entry(*kind, name, mode).await;
            report
                .steps
                .push(entry_step(world, *kind, name, detail).became(dropped, mode));
        }
        Kind::Memory { name } => {
            if memory.sessions.contains(&name.to_ascii_lowercase()) {
                let step = Step::at(
                    What::Agent,
                    name,
                    "memory".to_owned(),
                    "held by the running agent",
                );
                report.steps.push(step.became(Ok(Dropped::Removed), mode));
            }
        }
        Kind::DatabaseTokens { name } => {
            if memory.with_tokens.contains(&name.to_ascii_lowercase()) {
                let what = "database tokens";
                let step = Step::at(What::Agent, name, what.to_owned(), what);
                report.steps.push(step.became(Ok(Dropped::Removed), mode));
            }
        }
        Kind::KeysThatStay { name } => report
            .steps
            .extend(keys_that_stay(world, name, notes).await),
        Kind::TokenThatStays { name, used_by } => {
            // A dry run of removing it: nothing is said of a token that is not there.
            let there = world
                .store
                .drop_entry(EntryKind::Token, name, Mode::DryRun)
                .await;
            if there.is_ok_and(|there| there == Dropped::Removed) {
                let detail = format!(
                    "kept: the sign-in token, which {} uses as well",
                    used_by.join(", ")
                );
                report
                    .steps
                    .push(entry_step(world, EntryKind::Token, name, detail).stays());
            }
        }
        Kind::Profiles {
            provider,
            files,
            identities,
            up_to,
        } => {
            let cleared = world
                .store
                .profiles
                .clear(files, identities, *up_to, mode)
                .await;
            report.steps.extend(
                cleared
                    .into_iter()
                    .map(|it| profile_step(it, provider, mode)),
            );
        }
    }
}

/// Told only of keys that are there. The shortened key id is in the entry, so this reads it.
async fn keys_that_stay(world: &World, name: &str, notes: &mut Vec<Note>) -> Option<Step> {
    let step = |detail| entry_step(world, EntryKind::Keys, name, detail);
    let stored = world.store.long_lived(name).await;
    match stored.map(|stored| stored.note(notes)) {
        Ok(None) => None,
        Ok(Some(stored)) => {
            let detail = match stored.keys {
                Some(keys) => format!("kept: access key {}", keys.access_key_id),
                None => "kept: MFA device and session duration".to_owned(),
            };
            Some(step(detail).stays_unless_told(KEYCHAIN))
        }
        // Nobody asked to remove it: that it cannot be read is no failure of this logout.
        Err(error) if error.code == Code::KeyringEntryInvalid => {
            Some(step(format!("kept: {error}")).stays())
        }
        Err(_) => None,
    }
}

pub(crate) fn entry_step(
    world: &World,
    kind: EntryKind,
    name: &str,
    detail: impl Into<String>,
) -> Step {
    Step::at(What::Keyring, name, world.store.account(kind, name), detail)
}

/// Identities whose own files are not known, because their part of the configuration cannot be
/// used.
fn unreadable_parts(world: &World, scope: &Scope<'_>) -> Vec<String> {
    let broken = scope
        .identities
        .iter()
        .filter(|it| it.is_supported && files_of(&world.config, it).is_none());
    broken
        .map(|it| {
            format!(
                "{}: its profile was not looked for: `fob validate` says why",
                it.name
            )
        })
        .collect()
}

/// Others that stood on something that was removed live on until their own session ends.
async fn name_those_who_shared(
    world: &World,
    scope: &Scope<'_>,
    report: &mut Report,
    notes: &mut Vec<Note>,
) {
    let removed = scope.names();
    let now = world.clock.now();
    for identity in world.config.identities() {
        let names = world.config.chain_names(identity);
        let shares = names.iter().any(|name| {
            removed
                .iter()
                .any(|removed| removed.eq_ignore_ascii_case(name))
        });
        if !shares || removed.contains(&identity.name.to_string()) {
            continue;
        }
        let signed_out = matches!(
            world.store.sign_outs.since(identity.name.as_str()),
            Ok(Some(_))
        );
        let held = world
            .store
            .session(identity.name.as_str())
            .await
            .ok()
            .and_then(|stored| stored.note(notes))
            .map(|stored| stored.session);
        if let Some(session) = held.filter(|session| !signed_out && session.is_usable(now)) {
            let identity = identity.name.to_string();
            report.others.push(OtherSession {
                identity,
                expires_at: session.expires_at,
            });
        }
    }
}

pub(crate) fn profile_step(cleared: ClearedProfile, provider: &str, mode: Mode) -> Step {
    let ClearedProfile {
        part,
        path,
        outcome,
    } = cleared;
    let (what, name, detail) = match part {
        ProfilePart::Section { identity } => (
            What::Section,
            identity.clone(),
            format!("profile {identity}"),
        ),
        ProfilePart::File => (What::File, provider.to_owned(), "empty".to_owned()),
        ProfilePart::Folder => (What::Folder, provider.to_owned(), "empty".to_owned()),
    };
    Step::at(what, &name, path.display().to_string(), detail).became(outcome, mode)
}

/// Writes down each step of a logout or clean-up that changed something, or should have.
pub async fn record_removals(world: &World, caller: &Caller, report: &Report) -> Option<Note> {
    let happened = report.steps.iter().filter_map(|step| {
        let outcome = match step.result {
            StepResult::Removed => AuditOutcome::Ok,
            StepResult::Failed if report.mode == Mode::Run => AuditOutcome::Failed {
                error: step.code.unwrap_or(Code::LogoutFailed),
            },
            StepResult::Failed
            | StepResult::WouldRemove
            | StepResult::Absent
            | StepResult::Kept => return None,
        };
        let (identity, what) = (step.name.clone(), step.path.clone());
        Some(Happened {
            event: AuditEvent::Removal,
            identity,
            what,
            outcome,
        })
    });
    let happened: Vec<Happened> = happened.collect();
    if happened.is_empty() {
        None
    } else {
        world.record(caller, &happened).await
    }
}

/// Writes down what a repair mended: each time something was removed or closed to others.
pub async fn record_repairs(world: &World, caller: &Caller, findings: &[Finding]) -> Option<Note> {
    let mended = findings
        .iter()
        .filter(|finding| finding.status == Health::Mended);
    let happened = mended.map(|finding| Happened {
        event: AuditEvent::Removal,
        identity: finding.name.clone(),
        what: format!("repair: {}", finding.detail),
        outcome: AuditOutcome::Ok,
    });
    let happened: Vec<Happened> = happened.collect();
    if happened.is_empty() {
        None
    } else {
        world.record(caller, &happened).await
    }
}
