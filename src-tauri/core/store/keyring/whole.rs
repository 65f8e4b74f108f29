//! Whole values over a back end that may have to keep them in parts.

use super::backend::{Backend, unusable};
use super::entry::{Deletion, EntryName, KeyringEntry, ValuedEntry};
use super::parts::{self, PartsHead};
use crate::error::Result;
use crate::secret::Secret;

/// The back end, owned by the keyring's thread.
pub(super) struct WholeValues {
    pub backend: Box<dyn Backend>,
}

impl WholeValues {
    pub fn read(&mut self, name: &EntryName) -> Result<Option<Secret>> {
        let account = name.to_string();
        let Some(value) = self.backend.read(&account)? else {
            return Ok(None);
        };
        let Some(head) = PartsHead::parse(value.expose()) else {
            return Ok(Some(value));
        };
        let mut found = Vec::new();
        for part in head.accounts(&account) {
            found.extend(self.backend.read(&part)?);
        }
        match head.join(&found) {
            Some(whole) => Ok(Some(whole)),
            None => Err(unusable(
                name,
                "is kept in parts that do not belong together",
            )),
        }
    }

    pub fn write_all(&mut self, all: &[ValuedEntry]) -> Result<()> {
        match self.backend.value_limit() {
            None => self.backend.write_all(all),
            Some(limit) => all.iter().try_for_each(|it| self.write(it, limit)),
        }
    }

    fn write(&mut self, ValuedEntry { entry, value }: &ValuedEntry, limit: usize) -> Result<()> {
        let account = entry.name.to_string();
        let previous = self.head(&account)?;
        match parts::split(value, limit, previous.as_ref()) {
            None => self.backend.write(&account, &entry.attributes, value)?,
            Some((head, parts)) => {
                for (part, text) in head.accounts(&account).iter().zip(&parts) {
                    self.backend.write(part, &entry.attributes, text)?;
                }
                let text = head.text();
                self.backend.write(&account, &entry.attributes, &text)?;
            }
        }
        self.delete_parts(&account, previous.as_ref())
    }

    pub fn delete(&mut self, account: &str) -> Result<Deletion> {
        let previous = match self.backend.value_limit() {
            Some(_) => self.head(account)?,
            None => None,
        };
        let deletion = self.backend.delete(account)?;
        self.delete_parts(account, previous.as_ref())?;
        Ok(deletion)
    }

    pub fn list(&mut self) -> Result<Vec<KeyringEntry>> {
        let found = self.backend.list()?.into_iter();
        Ok(found
            .filter(|(account, _)| !parts::is_part(account))
            .filter_map(|(account, attributes)| {
                let name = EntryName::parse(&account)?;
                Some(KeyringEntry { name, attributes })
            })
            .collect())
    }

    fn head(&mut self, account: &str) -> Result<Option<PartsHead>> {
        let value = self.backend.read(account)?;
        Ok(value.and_then(|value| PartsHead::parse(value.expose())))
    }

    fn delete_parts(&mut self, account: &str, head: Option<&PartsHead>) -> Result<()> {
        for part in head.iter().flat_map(|head| head.accounts(account)) {
            self.backend.delete(&part)?;
        }
        Ok(())
    }
}
