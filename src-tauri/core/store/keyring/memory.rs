//! Entries in memory, lost with the last handle.

use super::backend::{Backend, Entries, accounts};
use super::entry::{Attributes, Deletion};
use crate::error::Result;
use crate::secret::Secret;

#[derive(Default)]
pub(super) struct MemoryKeyring(Entries);

impl Backend for MemoryKeyring {
    fn read(&mut self, account: &str) -> Result<Option<Secret>> {
        Ok(self.0.get(account).map(|(_, value)| value.clone()))
    }

    fn attributes(&mut self, account: &str) -> Result<Option<Attributes>> {
        Ok(self
            .0
            .get(account)
            .map(|(attributes, _)| attributes.clone()))
    }

    fn write(&mut self, account: &str, attributes: &Attributes, value: &Secret) -> Result<()> {
        let entry = (attributes.clone(), value.clone());
        self.0.insert(account.to_owned(), entry);
        Ok(())
    }

    fn delete(&mut self, account: &str) -> Result<Deletion> {
        Ok(match self.0.remove(account) {
            Some(_) => Deletion::Removed,
            None => Deletion::Absent,
        })
    }

    fn list(&mut self) -> Result<Vec<(String, Attributes)>> {
        Ok(accounts(&self.0))
    }

    fn check(&mut self) -> Result<()> {
        Ok(())
    }
}
