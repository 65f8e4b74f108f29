//! `aws/permission-set`

use super::footing::{Footing, KindName};
use super::identity_center;
use crate::config::reader::Fields;
use crate::config::values;
use crate::ids::AccountId;
use std::str::FromStr;

pub(crate) const NAME: KindName = KindName::above("aws/permission-set");

#[derive(Clone, Debug)]
pub struct PermissionSet {
    pub name: String,
    pub account: AccountReference,
    /// Of the account's name, when accounts were last listed.
    pub known_account: Option<AccountId>,
}

impl PermissionSet {
    /// By its number, as far as that is known.
    pub(super) fn account_id(&self) -> Option<String> {
        let account = match &self.account {
            AccountReference::Id(id) => Some(id),
            AccountReference::Name(_) => self.known_account.as_ref(),
        };
        account.map(ToString::to_string)
    }

    /// Without what is only known: sessions stored before stay good.
    pub(super) fn written(&self) -> String {
        let (name, account) = (&self.name, &self.account);
        format!("PermissionSet {{ name: {name:?}, account: {account:?} }}")
    }
}

#[derive(Clone, Debug)]
pub enum AccountReference {
    Id(AccountId),
    Name(String),
}

pub(super) fn read(fields: &Fields<'_>, footing: &Footing<'_>) -> Option<PermissionSet> {
    if let Some(base) = footing.base.filter(|base| *base != identity_center::NAME) {
        let message = format!(
            "a permission set comes from a provider of kind {}, not from {}",
            identity_center::NAME.name,
            base.name
        );
        footing.misfit(fields.problems(), &message);
    }
    let name = fields.required("principal.name", values::permission_set_name);
    let account = account(fields);
    Some(PermissionSet {
        name: name?,
        account: account?,
        known_account: None,
    })
}

fn account(fields: &Fields<'_>) -> Option<AccountReference> {
    let id = fields.try_read("principal.account.id", AccountId::from_str);
    let name = fields.try_read("principal.account.name", values::any);
    match (id.ok()?, name.ok()?) {
        (Some(id), None) => Some(AccountReference::Id(id.value)),
        (None, Some(name)) => Some(AccountReference::Name(name.value)),
        (Some(_), Some(name)) => {
            let message = "write `account.id` or `account.name`, not both";
            fields.problems().error(&name.location, message);
            None
        }
        (None, None) => {
            let message = "`principal.account.id` or `principal.account.name` is missing";
            fields.problems().error(&fields.location, message);
            None
        }
    }
}
