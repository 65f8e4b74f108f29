//! The changes that an import comes to, beside what the configuration has already.

use super::meaning::{Meaning, Needed};
use super::names::{FreeNames, renamed, valid};
use crate::config::configuration::Config;
use crate::config::edit::{
    Change, NewIdentity, NewIdentityCenter, NewKind, NewSettings, NewWebIdentity,
};
use crate::config::kinds::{AccountReference, Kind, one_start_url};
use crate::error::shorten;
use crate::secret::Secret;
use serde::Serialize;
use std::fmt;

/// The identity for the machine's own credentials; no profile is called [`NO_PROFILE`].
const MACHINE: &str = "machine";
const NO_PROFILE: &str = "";

/// What importing some profiles comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// One identity each, with the providers they need; sources before the roles that are assumed
    /// with them.
    pub changes: Vec<Change>,
    /// For the keyring, once the changes are made.
    pub keys: Vec<ImportedKeys>,
    /// What people should know: names that had to be changed, profiles that came along, what is
    /// left out.
    pub notes: Vec<String>,
}

/// What cannot be imported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    pub name: String,
    pub reason: String,
}

/// The long-lived keys of one of the identities.
#[derive(Clone, PartialEq, Eq)]
pub struct ImportedKeys {
    pub identity: String,
    pub access_key_id: String,
    pub secret: Secret,
    pub mfa_arn: Option<String>,
}

impl fmt::Debug for ImportedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ImportedKeys {
            identity,
            access_key_id: _,
            secret,
            mfa_arn,
        } = self;
        f.debug_struct("ImportedKeys")
            .field("identity", identity)
            .field("secret", secret)
            .field("mfa_arn", mfa_arn)
            .finish_non_exhaustive()
    }
}

pub(super) struct ImportDraft<'c> {
    beside: Option<&'c Config>,
    identities: FreeNames,
    providers: FreeNames,
    has_default: bool,
    new_providers: Vec<Change>,
    new_identities: Vec<Change>,
    pub keys: Vec<ImportedKeys>,
    pub notes: Vec<String>,
}

impl<'c> ImportDraft<'c> {
    pub fn beside(beside: Option<&'c Config>, notes: Vec<String>) -> ImportDraft<'c> {
        let identities = beside.map_or(&[][..], Config::identities);
        let providers = beside.map_or(&[][..], Config::providers);
        ImportDraft {
            beside,
            identities: FreeNames::beside(identities.iter().map(|it| it.name.as_str())),
            providers: FreeNames::beside(providers.iter().map(|it| it.name.as_str())),
            has_default: identities.iter().any(|it| it.is_default),
            new_providers: Vec::new(),
            new_identities: Vec::new(),
            keys: Vec::new(),
            notes,
        }
    }

    pub fn finish(self) -> Import {
        Import {
            changes: [self.new_providers, self.new_identities].concat(),
            keys: self.keys,
            notes: self.notes,
        }
    }

    /// Gives the profile the name of its identity: of the one that is there and the same, or a free
    /// one.
    pub fn name(&mut self, profile: &str, meaning: &Meaning) {
        let same = valid(profile);
        if self.is_there(&same, &meaning.kind, &meaning.settings) {
            self.notes.push(format!(
                "the profile `{}` is there already, as the identity `{same}`",
                shorten(profile)
            ));
            self.identities.reuse(profile, &same);
        } else {
            let name = self.identities.name(profile, profile);
            self.notes.extend(renamed(profile, name));
        }
    }

    pub fn identity(&self, profile: &str) -> String {
        self.identities.of(profile)
    }

    pub fn add(&mut self, profile: &str, meaning: Meaning) {
        let (name, mut kind) = (self.identity(profile), meaning.kind);
        if self.is_there(&name, &kind, &meaning.settings) {
            return;
        }
        match meaning.below {
            Needed::Center(center) => kind.stand_on(&self.center(center)),
            Needed::Token(token) => kind.stand_on(&self.token(token)),
            Needed::Machine => kind.stand_on(&self.machine()),
            Needed::Nothing => {
                if let NewKind::AssumeRole { via, .. } = &mut kind {
                    *via = self.identities.of(via);
                }
            }
        }
        self.new_identities.push(Change::AddIdentity(NewIdentity {
            name,
            is_default: profile == "default" && !self.has_default,
            kind,
            settings: meaning.settings,
        }));
    }

    /// The provider for that place, which is added once.
    pub fn center(&mut self, mut center: NewIdentityCenter) -> String {
        let url = one_start_url(&center.start_url);
        let place = format!("{url} {}", center.region);
        if let Some(name) = self.providers.known(&place) {
            return name.to_owned();
        }
        let mut there = self.beside.into_iter().flat_map(Config::providers);
        let there = there.find(|it| {
            let link = self.beside.and_then(|config| config.source(it).ok());
            link.is_some_and(|link| match link.kind {
                Kind::IdentityCenter(it) => {
                    it.start_url == url && link.region.as_str() == center.region
                }
                _ => false,
            })
        });
        if let Some(there) = there {
            self.providers.reuse(&place, there.name.as_str());
            return there.name.to_string();
        }
        let name = self.providers.name(&place, &center.name).to_owned();
        center.name.clone_from(&name);
        self.new_providers.push(Change::AddIdentityCenter(center));
        name
    }

    fn token(&mut self, mut token: NewWebIdentity) -> String {
        let place = format!("{} {:?}", token.token_file, token.region);
        if let Some(name) = self.providers.known(&place) {
            return name.to_owned();
        }
        let name = self.providers.name(&place, &token.name).to_owned();
        token.name.clone_from(&name);
        self.new_providers.push(Change::AddWebIdentity(token));
        name
    }

    fn machine(&mut self) -> String {
        if let Some(name) = self.identities.known(NO_PROFILE) {
            return name.to_owned();
        }
        let kind = NewKind::Ambient { region: None };
        if self.is_there(MACHINE, &kind, &NewSettings::default()) {
            self.identities.reuse(NO_PROFILE, MACHINE);
            return MACHINE.to_owned();
        }
        let name = self.identities.name(NO_PROFILE, MACHINE).to_owned();
        self.new_identities.push(Change::AddIdentity(NewIdentity {
            name: name.clone(),
            is_default: false,
            kind,
            settings: Box::default(),
        }));
        name
    }

    /// An identity of that name is the same as far as AWS is concerned.
    fn is_there(&self, name: &str, kind: &NewKind, settings: &NewSettings) -> bool {
        let chain = self.beside.and_then(|config| {
            let identity = config.identity(name).ok()?;
            config.chain(identity).ok()
        });
        let Some(chain) = chain else {
            return false;
        };
        let endpoint = &chain.target().endpoint_url;
        if settings.endpoint_url.is_some() && *endpoint != settings.endpoint_url {
            return false;
        }
        let is_in = |region: &Option<String>| {
            let region = region.as_deref();
            region.is_none_or(|it| it == chain.region.as_str())
        };
        match (&chain.target().kind, kind) {
            (Kind::User(_), NewKind::User { region, .. }) => is_in(region),
            (Kind::Ambient, NewKind::Ambient { region })
            | (Kind::Login, NewKind::Login { region }) => is_in(region),
            (Kind::Process(it), NewKind::Process { command, region }) => {
                it.command == *command && is_in(region)
            }
            (
                Kind::AssumeRole(it),
                NewKind::AssumeRole {
                    role_arn, region, ..
                }
                | NewKind::AssumeRoleWithToken {
                    role_arn, region, ..
                },
            ) => it.role_arn == *role_arn && is_in(region),
            (
                Kind::PermissionSet(it),
                NewKind::PermissionSet {
                    role_name,
                    account,
                    region,
                    ..
                },
            ) => {
                let is_account = match &it.account {
                    AccountReference::Id(id) => id.as_str() == account,
                    AccountReference::Name(_) => false,
                };
                it.name == *role_name && is_account && is_in(region)
            }
            (_, _) => false,
        }
    }
}
