//! Notices as the desktop shows them, by a thread of their own: whoever has something to tell does
//! not wait for a desktop. What they say is decided elsewhere ([`keyfob_core::view::notice`]). A
//! part of both `fob` and `keyfob`.

use keyfob_core::agent::api::Event;
use keyfob_core::clock::Clock;
use keyfob_core::view::notice::{Button, Key, Notice, combined, notice, withdrawn_by};
use notify_rust::Notification;
use std::cell::Cell;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;

/// A desktop that does not answer for so long is given up, for this notice.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// How long [`Notifier::finish`] waits for what was asked before.
const FINISH_WITHIN: Duration = Duration::from_secs(1);

/// What happens within this time is told in one notice.
const TOGETHER: Duration = Duration::from_secs(1);

/// Events as notices, until the agent has ended: one for all that happens together, as after
/// waking. `heard` gets each event with its notice, and returns what is to be shown.
pub async fn tell(
    mut events: Receiver<Event>,
    notifier: Option<Notifier>,
    mut heard: impl FnMut(&Event, Option<Notice>) -> Option<Notice>,
) {
    let mut note = |event: &Event, notices: &mut Vec<Notice>| {
        let told = heard(event, notice(event, Clock::system().now()));
        let Some(notifier) = &notifier else { return };
        let withdrawn = withdrawn_by(event);
        notices.retain(|notice| !withdrawn.contains(&notice.key));
        if !withdrawn.is_empty() {
            notifier.withdraw(withdrawn);
        }
        notices.extend(told);
    };
    loop {
        let event = match events.recv().await {
            Ok(event) => event,
            Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => break,
        };
        let mut notices = Vec::new();
        note(&event, &mut notices);
        if notices.is_empty() {
            continue;
        }
        Clock::nap(TOGETHER).await;
        while let Ok(event) = events.try_recv() {
            note(&event, &mut notices);
        }
        if let (Some(notifier), Some(notice)) = (&notifier, combined(notices)) {
            notifier.show(notice);
        }
    }
    if let Some(notifier) = notifier {
        notifier.finish();
    }
}

/// What is on the screen belongs to it: on some desktops it goes away with it.
#[derive(Debug)]
pub struct Notifier {
    orders: UnboundedSender<Order>,
    /// Closed when the thread ends.
    ended: Mutex<mpsc::Receiver<()>>,
}

#[derive(Debug)]
enum Order {
    Show(Notice),
    Withdraw(Vec<Key>),
}

impl Notifier {
    /// `pressed` is called, on the thread, with what a notice was about and the button that was
    /// pressed.
    pub fn start(pressed: impl Fn(&[Key], Button) + Send + 'static) -> Notifier {
        let (orders, received) = unbounded_channel();
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
            orders,
            ended: Mutex::new(ended),
        }
    }

    /// In the place of an earlier one with the same key, if that is still there.
    pub fn show(&self, notice: Notice) {
        // Without its thread nothing is shown, and that was told.
        let _ = self.orders.send(Order::Show(notice));
    }

    /// Takes away what is about none but these.
    pub fn withdraw(&self, keys: Vec<Key>) {
        let _ = self.orders.send(Order::Withdraw(keys));
    }

    /// Ends the thread once it has done what was asked of it, or has had a moment to do so.
    pub fn finish(self) {
        drop(self.orders);
        let ended = self
            .ended
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let _ = ended.recv_timeout(FINISH_WITHIN);
    }
}

/// A notice in the words of a desktop. Some read marks in the body, and `<` begins one.
fn notification(notice: &Notice, desktop: Desktop) -> Notification {
    let body = if desktop.reads_marks {
        notice
            .body
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
    } else {
        notice.body.clone()
    };
    let mut notification = Notification::new();
    notification
        .appname("Keyfob")
        .icon("dialog-password")
        .summary(&notice.title)
        .body(&body);
    // As the installer registers it; without it Windows shows a notice as PowerShell's.
    #[cfg(windows)]
    notification.app_id("dev.keyfob.Keyfob");
    if desktop.shows_buttons {
        for button in &notice.buttons {
            notification.action(button.id(), button.label());
        }
    }
    notification
}

/// What the notices of a desktop can hold.
#[derive(Clone, Copy, Debug)]
struct Desktop {
    reads_marks: bool,
    shows_buttons: bool,
}

/// Says once that nothing is shown; whoever has no desktop needs no reminder.
#[derive(Debug, Default)]
struct Complaint(Cell<bool>);

impl Complaint {
    fn about(&self, error: &dyn Display) {
        if !self.0.replace(true) {
            tracing::warn!(%error, "the desktop shows no notices");
        }
    }
}

/// Each notice that is shown has a task, which owns what keeps it on the screen.
#[cfg(target_os = "linux")]
mod screen {
    use super::{ANSWER_WITHIN, Complaint, Desktop, Order, notification};
    use keyfob_core::view::notice::{Button, Key, Notice};
    use notify_rust::{NotificationHandle, NotificationResponse, error::Result};
    use std::collections::HashMap;
    use std::rc::Rc;
    use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
    use tokio::task::{JoinSet, spawn_blocking};
    use tokio::time::timeout;

    struct Shown {
        about: Vec<Key>,
        changes: UnboundedSender<Change>,
    }

    enum Change {
        Replace(Notice),
        Close,
    }

    /// Until nobody can order any more; then what was ordered is finished.
    pub async fn serve(
        mut orders: UnboundedReceiver<Order>,
        pressed: impl Fn(&[Key], Button) + 'static,
    ) {
        let (pressed, complaint) = (Rc::new(pressed), Rc::new(Complaint::default()));
        let mut shown: HashMap<Key, Shown> = HashMap::new();
        let mut tasks = JoinSet::new();
        while let Some(order) = orders.recv().await {
            shown.retain(|_, it| !it.changes.is_closed());
            match order {
                Order::Withdraw(keys) => take_away(&mut shown, &keys, None),
                Order::Show(notice) => {
                    // What says the same apart need not be there twice.
                    take_away(&mut shown, &notice.about, Some(&notice.key));
                    let (key, about) = (notice.key.clone(), notice.about.clone());
                    let changes = match shown.remove(&key) {
                        Some(it) => {
                            let _ = it.changes.send(Change::Replace(notice));
                            it.changes
                        }
                        None => {
                            let (changes, received) = unbounded_channel();
                            tasks.spawn_local(keep(
                                notice,
                                received,
                                pressed.clone(),
                                complaint.clone(),
                            ));
                            changes
                        }
                    };
                    shown.insert(key, Shown { about, changes });
                }
            }
        }
        drop(shown);
        while tasks.join_next().await.is_some() {}
    }

    fn take_away(shown: &mut HashMap<Key, Shown>, keys: &[Key], but: Option<&Key>) {
        shown.retain(|key, it| {
            if Some(key) == but {
                return true;
            }
            it.about.retain(|about| !keys.contains(about));
            if it.about.is_empty() {
                let _ = it.changes.send(Change::Close);
            }
            !it.about.is_empty()
        });
    }

    async fn keep(
        mut notice: Notice,
        mut changes: UnboundedReceiver<Change>,
        pressed: Rc<impl Fn(&[Key], Button)>,
        complaint: Rc<Complaint>,
    ) {
        loop {
            let (desktop, mut handle) = match show(&notice).await {
                Ok(shown) => shown,
                Err(error) => return complaint.about(&error),
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
                    Some(Change::Replace(next)) => {
                        *handle = notification(&next, desktop);
                        match in_time(update(handle)).await {
                            Ok(updated) => (handle, notice) = (updated, next),
                            // The session that it was shown in may have ended: there may be
                            // another.
                            Err(_) => break next,
                        }
                    }
                    Some(Change::Close) => {
                        // What cannot be closed is not there any more.
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
            reads_marks: can("body-markup"),
            shows_buttons: can("actions"),
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

/// These desktops neither replace a notice nor take it away: the same one is shown once.
#[cfg(not(target_os = "linux"))]
mod screen {
    use super::{Complaint, Desktop, Order, notification};
    use keyfob_core::view::notice::{Button, Key, Notice};
    use std::collections::HashMap;
    use tokio::sync::mpsc::UnboundedReceiver;

    const DESKTOP: Desktop = Desktop {
        reads_marks: false,
        shows_buttons: false,
    };

    pub async fn serve(
        mut orders: UnboundedReceiver<Order>,
        _pressed: impl Fn(&[Key], Button) + 'static,
    ) {
        let complaint = Complaint::default();
        let mut shown: HashMap<Key, Notice> = HashMap::new();
        while let Some(order) = orders.recv().await {
            match order {
                Order::Withdraw(keys) => shown.retain(|key, _| !keys.contains(key)),
                Order::Show(notice) if shown.get(&notice.key) == Some(&notice) => {}
                Order::Show(notice) => {
                    if let Err(error) = notification(&notice, DESKTOP).show() {
                        complaint.about(&error);
                    }
                    shown.insert(notice.key.clone(), notice);
                }
            }
        }
    }
}
