//! Roles that an IAM Identity Center assigns to the person, as identities that are not written
//! (`auto_provision_identities`). The list was kept when it was last made, and is read with the
//! configuration: no call goes out. An identity that is written wins over one that is found. Beside
//! it, for identities that name their account by its name: the accounts as they were last listed.

use super::kinds::{AccountReference, PermissionSet};
use super::values;
use crate::environment::Environment;
use crate::error::{Code, Error, Result};
use crate::files;
use crate::ids::{AccountId, IdentityName, Realm};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

const VERSION: u32 = 1;

/// An account, and the roles that the person has there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignedAccount {
    pub id: AccountId,
    pub name: String,
    pub roles: Vec<String>,
}

/// What is kept of a provider.
#[derive(Serialize, Deserialize)]
struct AssignedFile {
    v: u32,
    configuration: PathBuf,
    /// Where the person signed in: the list of another place is none.
    address: String,
    accounts: Vec<AssignedAccount>,
}

/// A role as an identity.
pub(super) struct AssignedIdentity {
    pub name: IdentityName,
    pub set: PermissionSet,
}

/// The folder with the lists of a realm.
pub fn assigned_folder(environment: &Environment, realm: &Realm) -> Result<PathBuf> {
    let state = environment.state_folder()?;
    Ok(state.join(realm.file_name()).join("assigned"))
}

/// Of which list it is.
#[derive(Clone, Debug)]
pub struct AssignedBy<'a> {
    pub environment: &'a Environment,
    pub realm: &'a Realm,
    pub configuration: &'a Path,
    pub provider: &'a str,
    /// Where the person signed in.
    pub address: String,
}

impl AssignedBy<'_> {
    /// For the next who reads the configuration.
    pub fn keep(&self, accounts: Vec<AssignedAccount>) -> Result<()> {
        self.keep_in(&self.path()?, accounts)
    }

    /// The same without their roles.
    pub fn keep_accounts(&self, accounts: Vec<AssignedAccount>) -> Result<()> {
        self.keep_in(&self.path_of_accounts()?, accounts)
    }

    /// As they were last listed, and when.
    pub fn accounts(&self) -> Option<(Vec<AssignedAccount>, SystemTime)> {
        let path = self.path_of_accounts().ok()?;
        let kept_at = path.metadata().ok()?.modified().ok()?;
        match self.kept(&path) {
            Ok(accounts) => Some((accounts?, kept_at)),
            Err(error) => {
                tracing::warn!(provider = self.provider, %error, "unreadable list of accounts");
                None
            }
        }
    }

    fn keep_in(&self, path: &Path, accounts: Vec<AssignedAccount>) -> Result<()> {
        files::create_folder(&assigned_folder(self.environment, self.realm)?)?;
        let kept = AssignedFile {
            v: VERSION,
            configuration: self.configuration.to_owned(),
            address: self.address.clone(),
            accounts,
        };
        let text = serde_json::to_vec(&kept).map_err(|error| {
            let message = format!("the roles of {} cannot be kept: {error}", self.provider);
            Error::new(Code::InvalidInput, message)
        })?;
        files::replace(path, &text)
    }

    /// When it was last made.
    pub fn kept_at(&self) -> Option<SystemTime> {
        self.path().ok()?.metadata().ok()?.modified().ok()
    }

    /// None where there is no list, or only one of another place.
    pub(super) fn identities(&self) -> Option<Vec<AssignedIdentity>> {
        match self.path().and_then(|path| self.kept(&path)) {
            Ok(accounts) => Some(identities(accounts?)),
            Err(error) => {
                tracing::warn!(provider = self.provider, %error, "unreadable list of roles");
                None
            }
        }
    }

    fn kept(&self, path: &Path) -> Result<Option<Vec<AssignedAccount>>> {
        let Some(text) = files::read(path)? else {
            return Ok(None);
        };
        let kept: AssignedFile = serde_json::from_slice(&text).map_err(|error| {
            Error::new(Code::InvalidInput, format!("{}: {error}", path.display()))
        })?;
        let is_it = kept.v == VERSION
            && kept.configuration == self.configuration
            && kept.address == self.address;
        Ok(is_it.then_some(kept.accounts))
    }

    fn path(&self) -> Result<PathBuf> {
        self.file("")
    }

    fn path_of_accounts(&self) -> Result<PathBuf> {
        self.file("~accounts")
    }

    /// No name has a `~`.
    fn file(&self, end: &str) -> Result<PathBuf> {
        let name = files::file_name(&self.provider.to_ascii_lowercase());
        let folder = assigned_folder(self.environment, self.realm)?;
        Ok(folder.join(format!("{name}{end}.json")))
    }
}

/// `None`: there is no such account, or several.
pub fn only_of_name<'a>(accounts: &'a [AssignedAccount], name: &str) -> Option<&'a AccountId> {
    let mut of_name = accounts.iter().filter(|it| it.name == name);
    let first = of_name.next().filter(|_| of_name.next().is_none())?;
    Some(&first.id)
}

/// `account/role`, with the account's number where its name is no name, or that of several.
fn identities(accounts: Vec<AssignedAccount>) -> Vec<AssignedIdentity> {
    let mut of_name: HashMap<String, usize> = HashMap::new();
    for account in &accounts {
        let name = as_name(&account.name).to_ascii_lowercase();
        *of_name.entry(name).or_default() += 1;
    }
    let mut found = Vec::new();
    for account in accounts {
        let name = as_name(&account.name);
        let is_one = of_name.get(&name.to_ascii_lowercase()) == Some(&1);
        let roles = account.roles.into_iter();
        for role in roles.filter(|role| values::permission_set_name(role).is_ok()) {
            let by_name = format!("{name}/{role}").parse().ok();
            let by_number = || format!("{}/{role}", account.id).parse().ok();
            let name = by_name.filter(|_| is_one).or_else(by_number);
            let set = PermissionSet {
                name: role,
                account: AccountReference::Id(account.id.clone()),
                known_account: None,
            };
            found.extend(name.map(|name| AssignedIdentity { name, set }));
        }
    }
    found
}

/// `Dev (EU)` becomes `Dev-EU`.
fn as_name(text: &str) -> String {
    let is_kept = |char: char| char.is_ascii_alphanumeric() || "._@+-".contains(char);
    let words = text.split(|char| !is_kept(char));
    words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(accounts: &[(&str, &str, &[&str])]) -> Vec<String> {
        let accounts: Vec<AssignedAccount> = accounts
            .iter()
            .map(|(id, name, roles)| AssignedAccount {
                id: id.parse().expect("an account"),
                name: (*name).to_owned(),
                roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            })
            .collect();
        let found = identities(accounts).into_iter();
        found.map(|it| it.name.to_string()).collect()
    }

    #[test]
    fn accounts_go_by_their_names_and_those_without_a_name_of_their_own_by_number() {
        let found = names(&[
            ("012345678901", "Dev (EU)", &["Admin", "View"]),
            ("111111111111", "Prod", &["Admin"]),
            ("222222222222", "prod", &["Admin"]),
            ("333333333333", "データ", &["Admin"]),
            ("444444444444", &"x".repeat(60), &["Administrator"]),
        ]);
        assert_eq!(
            found,
            [
                "Dev-EU/Admin",
                "Dev-EU/View",
                "111111111111/Admin",
                "222222222222/Admin",
                "333333333333/Admin",
                "444444444444/Administrator",
            ]
        );
    }
}
