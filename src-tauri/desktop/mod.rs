//! Desktop notifications, on a thread of their own: callers never wait for a desktop. The words are
//! [`keyfob_core::view::notice`]'s. A part of both `fob` and `keyfob`.

pub mod browser;
pub mod browser_link;

use keyfob_core::agent::api::Event;
use keyfob_core::clock::Clock;
use keyfob_core::view::notice::{
    Button, Buttons, Notice, NoticeKey, combined, notice, withdrawn_by,
};
use notify_rust::Notification;
use std::cell::Cell;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;

/// How long [`Notifier::finish`] waits for notices that were sent before.
const FINISH_WITHIN: Duration = Duration::from_secs(1);

/// As the app's package installs it.
const ICON: &str = "keyfob";
#[cfg(not(target_os = "linux"))]
const IDENTIFIER: &str = "dev.keyfob.Keyfob";
/// Events within this time become one notice.
const TOGETHER: Duration = Duration::from_secs(1);

/// Shows events as notices until the agent has ended: one for all that come together, as after
/// waking. `filter` sees each event with its notice, and returns the notice to show.
pub async fn notify(
    mut events: Receiver<Event>,
    notifier: Option<Notifier>,
    mut filter: impl FnMut(&Event, Option<Notice>) -> Option<Notice>,
) {
    let mut collect = |event: &Event, notices: &mut Vec<Notice>| {
        let shown = filter(event, notice(event, Clock::system().now()));
        let Some(notifier) = &notifier else { return };
        let withdrawn = withdrawn_by(event);
        notices.retain(|it| it.key().is_none_or(|key| !withdrawn.contains(key)));
        if !withdrawn.is_empty() {
            notifier.withdraw(withdrawn);
        }
        notices.extend(shown);
    };
    loop {
        let event = match events.recv().await {
            Ok(event) => event,
            Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => break,
        };
        let mut notices = Vec::new();
        collect(&event, &mut notices);
        if notices.is_empty() {
            continue;
        }
        Clock::nap(TOGETHER).await;
        while let Ok(event) = events.try_recv() {
            collect(&event, &mut notices);
        }
        if let (Some(notifier), Some(notice)) = (&notifier, combined(notices)) {
            notifier.show(notice);
        }
    }
    if let Some(notifier) = notifier {
        notifier.finish();
    }
}

/// Owns the notices on the screen: on some desktops they go away with it.
#[derive(Debug)]
pub struct Notifier {
    commands: UnboundedSender<NoticeCommand>,
    /// Closed when the thread ends.
    ended: Mutex<mpsc::Receiver<()>>,
}

#[derive(Debug)]
enum NoticeCommand {
    Show(Notice),
    Withdraw(Vec<NoticeKey>),
}

impl Notifier {
    /// `pressed` is called on that thread with the subjects of a notice and the button pressed.
    pub fn start(pressed: impl Fn(&[NoticeKey], Button) + Send + 'static) -> Notifier {
        let (commands, received) = unbounded_channel();
        let (end, ended) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("notices".to_owned())
            .spawn(move || {
                let _end = end;
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_time()
                    .build();
                match runtime {
                    Ok(runtime) => {
                        LocalSet::new().block_on(&runtime, screen::serve(received, pressed));
                    }
                    Err(error) => tracing::warn!(%error, "no notices can be shown"),
                }
            });
        if let Err(error) = thread {
            tracing::warn!(%error, "no notices can be shown");
        }
        Notifier {
            commands,
            ended: Mutex::new(ended),
        }
    }

    /// In the place of an earlier one with the same key, if that is still there.
    pub fn show(&self, notice: Notice) {
        // Without its thread nothing is shown, which has been logged.
        let _ = self.commands.send(NoticeCommand::Show(notice));
    }

    /// Closes notices that are about none but these.
    pub fn withdraw(&self, keys: Vec<NoticeKey>) {
        let _ = self.commands.send(NoticeCommand::Withdraw(keys));
    }

    /// Ends the thread once its commands are carried out, or after a moment.
    pub fn finish(self) {
        drop(self.commands);
        let ended = self
            .ended
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let _ = ended.recv_timeout(FINISH_WITHIN);
    }
}

/// A notice as this desktop takes it. Some read markup in the body, which `<` begins.
fn notification(notice: &Notice, desktop: Desktop) -> Notification {
    let body = notice.body(desktop.buttons);
    let body = if desktop.reads_markup {
        body.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
    } else {
        body
    };
    let mut notification = Notification::new();
    notification
        .appname("Keyfob")
        .icon(ICON)
        .summary(&notice.title)
        .body(&body);
    // As the installer registers it; without it Windows shows a notice as PowerShell's.
    #[cfg(windows)]
    notification.app_id(IDENTIFIER);
    if desktop.buttons == Buttons::Shown {
        for button in &notice.buttons {
            notification.action(button.id(), button.label());
        }
    }
    notification
}

/// What a desktop supports in its notices.
#[derive(Clone, Copy, Debug)]
struct Desktop {
    reads_markup: bool,
    buttons: Buttons,
}

/// Logs once that no notices are shown.
#[derive(Debug, Default)]
struct LoggedOnce(Cell<bool>);

impl LoggedOnce {
    fn warn(&self, error: &dyn Display) {
        if !self.0.replace(true) {
            tracing::warn!(%error, "the desktop shows no notices");
        }
    }
}

/// Each notice that is shown has a task, which owns what keeps it on the screen.
#[cfg(target_os = "linux")]
mod screen {
    use super::{Desktop, LoggedOnce, NoticeCommand, notification};
    use keyfob_core::view::notice::{Button, Buttons, Notice, NoticeKey};
    use notify_rust::{NotificationHandle, NotificationResponse, error::Result};
    use std::collections::HashMap;
    use std::rc::Rc;
    use std::time::Duration;
    use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
    use tokio::task::{JoinSet, spawn_blocking};
    use tokio::time::timeout;

    /// A desktop that takes longer to answer does not get this notice.
    const ANSWER_WITHIN: Duration = Duration::from_secs(5);

    /// `None`: the notice that combines several.
    type Slot = Option<NoticeKey>;

    struct OnScreen {
        about: Vec<NoticeKey>,
        changes: UnboundedSender<NoticeChange>,
    }

    enum NoticeChange {
        Replace(Notice),
        Close,
    }

    /// Until the notifier is dropped; then finishes what is left.
    pub async fn serve(
        mut commands: UnboundedReceiver<NoticeCommand>,
        pressed: impl Fn(&[NoticeKey], Button) + 'static,
    ) {
        let (pressed, logged) = (Rc::new(pressed), Rc::new(LoggedOnce::default()));
        let mut shown: HashMap<Slot, OnScreen> = HashMap::new();
        let mut tasks = JoinSet::new();
        while let Some(command) = commands.recv().await {
            shown.retain(|_, it| !it.changes.is_closed());
            match command {
                NoticeCommand::Withdraw(keys) => take_away(&mut shown, &keys, None),
                NoticeCommand::Show(notice) => {
                    let (slot, about) = (notice.key().cloned(), notice.about.clone());
                    // No other notice says the same.
                    take_away(&mut shown, &about, Some(&slot));
                    let changes = match shown.remove(&slot) {
                        Some(it) => {
                            let _ = it.changes.send(NoticeChange::Replace(notice));
                            it.changes
                        }
                        None => {
                            let (changes, received) = unbounded_channel();
                            tasks.spawn_local(keep(
                                notice,
                                received,
                                pressed.clone(),
                                logged.clone(),
                            ));
                            changes
                        }
                    };
                    shown.insert(slot, OnScreen { about, changes });
                }
            }
        }
        drop(shown);
        while tasks.join_next().await.is_some() {}
    }

    fn take_away(shown: &mut HashMap<Slot, OnScreen>, keys: &[NoticeKey], except: Option<&Slot>) {
        shown.retain(|slot, it| {
            if Some(slot) == except {
                return true;
            }
            it.about.retain(|about| !keys.contains(about));
            if it.about.is_empty() {
                let _ = it.changes.send(NoticeChange::Close);
            }
            !it.about.is_empty()
        });
    }

    async fn keep(
        mut notice: Notice,
        mut changes: UnboundedReceiver<NoticeChange>,
        pressed: Rc<impl Fn(&[NoticeKey], Button)>,
        logged: Rc<LoggedOnce>,
    ) {
        loop {
            let (desktop, mut handle) = match show(&notice).await {
                Ok(shown) => shown,
                Err(error) => return logged.warn(&error),
            };
            notice = loop {
                let change = tokio::select! {
                    biased;
                    change = changes.recv() => change,
                    id = response(&handle) => {
                        if let Some(button) = notice.buttons.iter().find(|it| Some(it.id()) == id.as_deref()) {
                            pressed(&notice.about, *button);
                        }
                        return;
                    }
                };
                match change {
                    Some(NoticeChange::Replace(next)) => {
                        *handle = notification(&next, desktop);
                        match in_time(update(handle)).await {
                            Ok(updated) => (handle, notice) = (updated, next),
                            // Its desktop session may have ended: there may be another.
                            Err(_) => break next,
                        }
                    }
                    Some(NoticeChange::Close) => {
                        // A notice that cannot be closed is gone.
                        let _ = timeout(ANSWER_WITHIN, handle.close_async()).await;
                        return;
                    }
                    None => return,
                }
            };
        }
    }

    async fn show(notice: &Notice) -> Result<(Desktop, NotificationHandle)> {
        let desktop = in_time(desktop()).await?;
        Ok((
            desktop,
            in_time(notification(notice, desktop).show_async()).await?,
        ))
    }

    async fn desktop() -> Result<Desktop> {
        let able = spawn_blocking(notify_rust::get_capabilities)
            .await
            .unwrap_or_else(|_| Ok(Vec::new()))?;
        let can = |capability: &str| able.iter().any(|it| it == capability);
        Ok(Desktop {
            reads_markup: can("body-markup"),
            buttons: if can("actions") {
                Buttons::Shown
            } else {
                Buttons::NotShown
            },
        })
    }

    /// The id of the button that was pressed; `None` when the notice was closed, or cannot be
    /// pressed.
    async fn response(handle: &NotificationHandle) -> Option<String> {
        if handle.actions.is_empty() {
            std::future::pending::<()>().await;
        }
        let mut id = None;
        let note = |response: &NotificationResponse| match response {
            NotificationResponse::Action(pressed) => id = Some(pressed.clone()),
            NotificationResponse::Default
            | NotificationResponse::Reply(_)
            | NotificationResponse::Closed(_) => {}
        };
        handle.wait_for_action_async(note).await;
        id
    }

    async fn update(mut handle: NotificationHandle) -> Result<NotificationHandle> {
        let updated = spawn_blocking(move || handle.update().map(|()| handle)).await;
        updated.unwrap_or_else(|_| Err("the update was given up".into()))
    }

    async fn in_time<T>(call: impl Future<Output = Result<T>>) -> Result<T> {
        timeout(ANSWER_WITHIN, call)
            .await
            .unwrap_or_else(|_| Err("it does not answer".into()))
    }
}

/// These desktops neither replace nor close a notice: the same one is shown once.
#[cfg(not(target_os = "linux"))]
mod screen {
    use super::{Desktop, LoggedOnce, NoticeCommand, notification};
    use keyfob_core::view::notice::{Button, Buttons, Notice, NoticeKey};
    use std::collections::HashMap;
    use tokio::sync::mpsc::UnboundedReceiver;

    const DESKTOP: Desktop = Desktop {
        reads_markup: false,
        buttons: Buttons::NotShown,
    };

    pub async fn serve(
        mut commands: UnboundedReceiver<NoticeCommand>,
        _pressed: impl Fn(&[NoticeKey], Button) + 'static,
    ) {
        let logged = LoggedOnce::default();
        // Before the first one: otherwise macOS shows a dialog for choosing the app.
        #[cfg(target_os = "macos")]
        if let Err(error) = notify_rust::set_application(super::IDENTIFIER) {
            logged.warn(&error);
        }
        let mut shown: HashMap<Option<NoticeKey>, Notice> = HashMap::new();
        while let Some(command) = commands.recv().await {
            match command {
                NoticeCommand::Withdraw(keys) => {
                    shown.retain(|key, _| key.as_ref().is_none_or(|key| !keys.contains(key)));
                }
                NoticeCommand::Show(notice)
                    if shown.get(&notice.key().cloned()) == Some(&notice) => {}
                NoticeCommand::Show(notice) => {
                    if let Err(error) = notification(&notice, DESKTOP).show() {
                        logged.warn(&error);
                    }
                    shown.insert(notice.key().cloned(), notice);
                }
            }
        }
    }
}
