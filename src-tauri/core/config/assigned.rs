//! Roles that an IAM Identity Center assigns to the person, as identities that are not written
//! (`auto_provision_identities`). The list was kept when it was last made, and is read with the
//! configuration: no call goes out. An identity that is written wins over one that is found.

use super::kinds::PERMISSION_SET;
use super::yaml::{Member, Node, Value};
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

/// What would be written for a role.
pub(super) struct AssignedIdentity {
    pub name: IdentityName,
    pub node: Node,
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
        files::replace(&self.path()?, &text)
    }

    /// When it was last made.
    pub fn kept_at(&self) -> Option<SystemTime> {
        self.path().ok()?.metadata().ok()?.modified().ok()
    }

    /// None where there is no list, or only one of another place.
    pub(super) fn identities(&self) -> Option<Vec<AssignedIdentity>> {
        match self.kept() {
            Ok(accounts) => Some(identities(self.provider, &accounts?)),
            Err(error) => {
                tracing::warn!(provider = self.provider, %error, "unreadable list of roles");
                None
            }
        }
    }

    fn kept(&self) -> Result<Option<Vec<AssignedAccount>>> {
        let path = self.path()?;
        let Some(text) = files::read(&path)? else {
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
        let name = files::file_name(&self.provider.to_ascii_lowercase());
        let folder = assigned_folder(self.environment, self.realm)?;
        Ok(folder.join(format!("{name}.json")))
    }
}

/// `account/role`, with the account's number where its name is no name, or that of several.
fn identities(provider: &str, accounts: &[AssignedAccount]) -> Vec<AssignedIdentity> {
    let mut of_name: HashMap<String, usize> = HashMap::new();
    for account in accounts {
        let name = as_name(&account.name).to_ascii_lowercase();
        *of_name.entry(name).or_default() += 1;
    }
    let mut found = Vec::new();
    for account in accounts {
        let name = as_name(&account.name);
        let is_one = of_name.get(&name.to_ascii_lowercase()) == Some(&1);
        for role in &account.roles {
            let by_name = format!("{name}/{role}").parse().ok();
            let by_number = || format!("{}/{role}", account.id).parse().ok();
            let name = by_name.filter(|_| is_one).or_else(by_number);
            found.extend(name.map(|name| AssignedIdentity {
                name,
                node: written(provider, account, role),
            }));
        }
    }
    found
}

fn written(provider: &str, account: &AssignedAccount, role: &str) -> Node {
    let id = mapping([("id", text(account.id.as_str()))]);
    mapping([
        ("kind", text(PERMISSION_SET.name)),
        ("via", mapping([("provider", text(provider))])),
        (
            "principal",
            mapping([("name", text(role)), ("account", id)]),
        ),
    ])
}

fn text(text: &str) -> Node {
    Node::of(Value::Scalar(text.to_owned().into()))
}

fn mapping<const N: usize>(members: [(&str, Node); N]) -> Node {
    let members = members.map(|(key, value)| Member {
        key: text(key).into(),
        value: value.into(),
    });
    Node::of(Value::Mapping(members.into()))
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
        let found = identities("corp", &accounts).into_iter();
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
