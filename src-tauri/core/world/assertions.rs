//! Assertions of identity providers, in memory alone: each is for every role that is taken in
//! its five minutes, and then forgotten.

use crate::secret::Secret;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// By provider in lower case. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Assertions(Arc<Mutex<HashMap<String, HeldAssertion>>>);

#[derive(Debug)]
struct HeldAssertion {
    text: Secret,
    until: SystemTime,
}

impl Assertions {
    pub fn hold(&self, provider: &str, text: Secret, until: SystemTime) {
        let held = HeldAssertion { text, until };
        self.all().insert(provider.to_ascii_lowercase(), held);
    }

    pub fn held(&self, provider: &str, now: SystemTime) -> Option<Secret> {
        let mut all = self.all();
        all.retain(|_, held| held.until > now);
        let held = all.get(&provider.to_ascii_lowercase())?;
        Some(held.text.clone())
    }

    pub fn forget(&self, provider: &str) {
        self.all().remove(&provider.to_ascii_lowercase());
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, HeldAssertion>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
