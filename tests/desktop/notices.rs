//! The desktop's notification server, of another make than what speaks to it: keeps what is shown,
//! and presses buttons.

#![expect(
    clippy::too_many_arguments,
    clippy::unused_self,
    clippy::used_underscore_binding,
    reason = "the server's signatures are the desktop's, and its attribute writes what uses them"
)]

use crate::desktop::eventually;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use zbus::blocking::{Connection, connection};
use zbus::zvariant::OwnedValue;

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

#[derive(Clone, Debug)]
pub struct Notice {
    pub id: u32,
    pub title: String,
    pub body: String,
    /// Ids and labels by turns.
    pub actions: Vec<String>,
}

#[derive(Debug, Default)]
struct Board {
    last_id: u32,
    shown: BTreeMap<u32, Notice>,
    history: Vec<Notice>,
}

struct Server(Arc<Mutex<Board>>);

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Server {
    fn notify(
        &self,
        _app_name: String,
        replaces_id: u32,
        _app_icon: &str,
        summary: String,
        body: String,
        actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _expire_timeout: i32,
    ) -> u32 {
        let mut board = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let id = if replaces_id == 0 {
            board.last_id + 1
        } else {
            replaces_id
        };
        board.last_id = board.last_id.max(id);
        let notice = Notice {
            id,
            title: summary,
            body,
            actions,
        };
        board.history.push(notice.clone());
        board.shown.insert(id, notice);
        id
    }

    fn close_notification(&self, id: u32) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .shown
            .remove(&id);
    }

    fn get_capabilities(&self) -> Vec<&'static str> {
        vec!["actions", "body"]
    }
}

pub struct Notices {
    connection: Option<Connection>,
    board: Arc<Mutex<Board>>,
}

impl Notices {
    pub fn here() -> Notices {
        let board = Arc::new(Mutex::new(Board::default()));
        let connection = connection::Builder::session()
            .and_then(|builder| builder.serve_at(PATH, Server(board.clone())))
            .and_then(|builder| builder.name(NAME))
            .and_then(connection::Builder::build)
            .expect("no other program shows notices here");
        Notices {
            connection: Some(connection),
            board,
        }
    }

    pub fn shown(&self) -> Vec<Notice> {
        self.board
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .shown
            .values()
            .cloned()
            .collect()
    }

    /// Waits for one that is titled so.
    pub fn arrives(&self, title: &str) -> Notice {
        eventually(title, || {
            self.shown()
                .into_iter()
                .find(|notice| notice.title == title)
        })
    }

    pub fn arrives_about(&self, words: &str) -> Notice {
        eventually(words, || {
            self.shown()
                .into_iter()
                .find(|notice| notice.title.contains(words))
        })
    }

    /// All that was ever shown, each as it came.
    pub fn so_far(&self) -> Vec<Notice> {
        self.board
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .history
            .clone()
    }

    pub fn is_withdrawn(&self, notice: &Notice) {
        let is_shown = || self.shown().iter().any(|it| it.id == notice.id);
        eventually(&format!("withdrawn: {}", notice.title), || {
            (!is_shown()).then_some(())
        });
    }

    /// The button with this label; what was pressed goes away, as on every desktop.
    pub fn press(&self, notice: &Notice, label: &str) {
        let action = notice.actions.chunks(2).find(|action| action[1] == label);
        let action = action.unwrap_or_else(|| panic!("no {label} in {notice:?}"));
        let connection = self
            .connection
            .as_ref()
            .expect("it serves until it is given up");
        let body = (notice.id, action[0].as_str());
        connection
            .emit_signal(None::<&str>, PATH, NAME, "ActionInvoked", &body)
            .expect("the bus takes a signal");
        self.board
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .shown
            .remove(&notice.id);
        let closed = (notice.id, 2_u32);
        connection
            .emit_signal(None::<&str>, PATH, NAME, "NotificationClosed", &closed)
            .expect("the bus takes a signal");
    }

    /// Another server may have the name now.
    pub fn give_up(&mut self) {
        if let Some(connection) = self.connection.take() {
            let _ = connection.release_name(NAME);
        }
    }
}

impl Drop for Notices {
    fn drop(&mut self) {
        self.give_up();
    }
}
