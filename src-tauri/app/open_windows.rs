//! The windows that are open: what each was opened to show, and the secret pasted into its form.

use crate::mutex::lock;
use crate::snapshot::View;
use keyfob_core::agent::api::{PromptId, Secret};
use std::collections::HashMap;
use std::sync::Mutex;

/// By label.
#[derive(Default)]
pub struct OpenWindows(Mutex<HashMap<String, OpenWindow>>);

struct OpenWindow {
    view: View,
    /// The identity of the prompt that it was opened for.
    about: Option<String>,
    pasted: Option<Secret>,
}

impl OpenWindow {
    fn is_for(&self, prompt: PromptId) -> bool {
        matches!(self.view, View::Prompt { prompt: own } if own == prompt)
    }
}

impl OpenWindows {
    pub fn add(&self, label: &str, view: View) {
        let window = OpenWindow {
            view,
            about: None,
            pasted: None,
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

    /// Whose an open prompt is.
    pub fn learn(&self, prompt: PromptId, identity: &str) {
        for window in lock(&self.0).values_mut() {
            if window.is_for(prompt) {
                window.about = Some(identity.to_owned());
            }
        }
    }

    /// Whether a window that was opened for one prompt is answering that one, or one that follows it
    /// for the same identity. `identity`: of the prompt that is answered.
    pub fn may_answer(&self, label: &str, prompt: PromptId, identity: Option<&str>) -> bool {
        lock(&self.0).get(label).is_some_and(|window| {
            window.is_for(prompt) || (identity.is_some() && window.about.as_deref() == identity)
        })
    }

    pub fn keep_pasted(&self, label: &str, secret: Option<Secret>) {
        if let Some(window) = lock(&self.0).get_mut(label) {
            window.pasted = secret;
        }
    }

    pub fn pasted(&self, label: &str) -> Option<Secret> {
        lock(&self.0).get(label)?.pasted.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_of_a_prompt_answers_that_one_and_what_follows_it_for_the_same_identity() {
        let windows = OpenWindows::default();
        windows.add("prompt-4", View::Prompt { prompt: 4 });
        assert!(windows.may_answer("prompt-4", 4, Some("dev")));
        assert!(
            !windows.may_answer("prompt-4", 5, Some("dev")),
            "not known yet"
        );
        windows.learn(4, "dev");
        windows.learn(5, "prod");
        assert!(
            windows.may_answer("prompt-4", 5, Some("dev")),
            "a second try"
        );
        assert!(!windows.may_answer("prompt-4", 6, Some("prod")));
        assert!(!windows.may_answer("prompt-4", 6, None));
        assert!(
            !windows.may_answer("prompt-9", 9, Some("dev")),
            "no such window"
        );
    }
}
