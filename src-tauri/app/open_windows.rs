//! The windows that are open: what each was opened to show, the secret pasted into its form,
//! and the prompts that its own requests led to.

use crate::mutex::lock;
use crate::snapshot::View;
use keyfob_core::agent::api::{PromptId, Secret};
use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;

/// By label.
#[derive(Default)]
pub struct OpenWindows(Mutex<HashMap<String, OpenWindow>>);

struct OpenWindow {
    view: View,
    pasted: Option<Secret>,
    prompts: BTreeSet<PromptId>,
}

impl OpenWindows {
    pub fn add(&self, label: &str, view: View) {
        let window = OpenWindow {
            view,
            pasted: None,
            prompts: BTreeSet::new(),
        };
        lock(&self.0).insert(label.to_owned(), window);
    }

    pub fn remove(&self, label: &str) {
        lock(&self.0).remove(label);
    }

    pub fn holds(&self, label: &str) -> bool {
        lock(&self.0).contains_key(label)
    }

    pub fn is_empty(&self) -> bool {
        lock(&self.0).is_empty()
    }

    pub fn view(&self, label: &str) -> View {
        let view = lock(&self.0).get(label).map(|window| window.view.clone());
        view.unwrap_or(View::Identities)
    }

    pub fn keep_pasted(&self, label: &str, secret: Option<Secret>) {
        if let Some(window) = lock(&self.0).get_mut(label) {
            window.pasted = secret;
        }
    }

    pub fn pasted(&self, label: &str) -> Option<Secret> {
        lock(&self.0).get(label)?.pasted.clone()
    }

    /// A request of this window led to this prompt.
    pub fn led_to(&self, label: &str, prompt: PromptId) {
        if let Some(window) = lock(&self.0).get_mut(label) {
            window.prompts.insert(prompt);
        }
    }

    pub fn has_led_to(&self, label: &str, prompt: PromptId) -> bool {
        let windows = lock(&self.0);
        windows
            .get(label)
            .is_some_and(|window| window.prompts.contains(&prompt))
    }
}
