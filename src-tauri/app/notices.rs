//! The agent's events on this desktop: notices, what their buttons lead to, and windows that come
//! up when a program waits.

use crate::desktop::{self, Notifier};
use crate::host::EventStreams;
use crate::mutex::lock;
use crate::snapshot::{View, is_of_a_program};
use crate::state::AppState;
use crate::window_process;
use keyfob_core::agent::api::{Event, Person, Prompt, Renewal};
use keyfob_core::view::notice::{Button, NoticeKey, NoticeKind};
use tauri::{AppHandle, Manager};
use tokio::sync::broadcast::Receiver;

/// For as long as the app runs.
pub async fn follow(app: AppHandle, mut streams: EventStreams) {
    while let Some(events) = streams.recv().await {
        tauri::async_runtime::spawn(show(app.clone(), events));
    }
}

/// Until the agent has ended.
async fn show(app: AppHandle, events: Receiver<Event>) {
    let pressed_in = app.clone();
    let notifier = Notifier::start(move |about, button| pressed(&pressed_in, about, button));
    desktop::notify(events, Some(notifier), |event, notice| {
        app.state::<AppState>().changed();
        if let Event::PromptOpened(prompt) = event
            && (prompt.caller.person == Person::Absent || is_only_here(prompt))
        {
            window_process::show_prompt(&app, prompt.id);
        }
        let state = app.state::<AppState>();
        let preferences = lock(&state.preferences);
        notice.filter(|it| it.about.iter().all(|key| preferences.shows(key.kind)))
    })
    .await;
}

/// No terminal can show its page; the app's own sign-ins show it already.
fn is_only_here(prompt: &Prompt) -> bool {
    prompt.kind.is_in_a_window() && is_of_a_program(prompt)
}

fn pressed(app: &AppHandle, about: &[NoticeKey], button: Button) {
    let [key] = about else {
        return match button {
            Button::Later => {}
            _ => window_process::show(app, View::Identities),
        };
    };
    let identity = key.identity.clone();
    if let Some(prompt) = app.state::<AppState>().snapshot().prompt_for(&identity) {
        return window_process::show_prompt(app, prompt);
    }
    let view = match (button, key.kind) {
        (Button::Later, _) => return,
        (Button::EnterNewKeys, _) => View::EnterKeys { identity },
        (Button::SignInNow, _) => View::SignIn {
            identity,
            renewal: Renewal::Always,
        },
        (Button::SignIn | Button::Retry, _)
        | (Button::EnterCode | Button::Unlock, NoticeKind::PersonAwaited) => View::SignIn {
            identity,
            renewal: Renewal::WhenDue,
        },
        (Button::EnterCode | Button::Unlock | Button::Details, _) => View::Identities,
    };
    window_process::show(app, view);
}
