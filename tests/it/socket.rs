//! The agent's socket: a real listener on a temporary folder, with a plain closure in place of the
//! agent, and clients good and bad.

mod attacks;
mod claim;
mod clients;
mod limits;
#[cfg(target_os = "linux")]
mod users;

use keyfob_core::agent::api::{
    Answered, Call, Caller, Note, Person, Prompt, PromptKind, Reply, Request, SessionRequest,
};
use keyfob_core::agent::socket::{Address, Asked, Connection, Heard, Listener, Opened};
use keyfob_core::clock::Clock;
use keyfob_core::environment::Environment;
use keyfob_core::error::{Code, Error};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// A test that waits longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("it comes soon")
}

/// A configuration, and a runtime folder.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Place {
        let folder = TempDir::new().expect("a folder");
        std::fs::write(folder.path().join("config.yaml"), "not read").expect("a file");
        std::fs::create_dir(folder.path().join("run")).expect("a folder");
        Place { folder }
    }

    fn run(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    fn environment(&self) -> Environment {
        Environment::of([
            ("HOME", self.folder.path().as_os_str()),
            ("XDG_RUNTIME_DIR", self.run().as_os_str()),
        ])
    }

    fn address(&self) -> Address {
        Address::of(&self.folder.path().join("config.yaml"), &self.environment())
            .expect("an address")
    }
}

fn open(address: &Address) -> Listener {
    match Listener::open(address).expect("it opens") {
        Opened::Ready(listener) => *listener,
        Opened::Taken { pid } => panic!("taken by {pid:?}"),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Came,
    Asked,
    GivenUp,
    Left,
}

/// One connection.
struct Visit(mpsc::UnboundedSender<Event>);

impl Drop for Visit {
    fn drop(&mut self) {
        let _ = self.0.send(Event::Left);
    }
}

/// Tells when an answer is given up.
struct Unanswered(Arc<Visit>);

impl Drop for Unanswered {
    fn drop(&mut self) {
        let _ = self.0.0.send(Event::GivenUp);
    }
}

/// The identity says what is wanted.
async fn answer(visit: Arc<Visit>, asked: Asked) -> Answered {
    let Request::Session(SessionRequest::Credentials { identity, .. }) = &asked.call.request else {
        panic!("{asked:?}")
    };
    let Caller { program, pid, .. } = asked.call.caller.clone();
    let note = match identity.as_str() {
        "never" => {
            let _unanswered = Unanswered(Arc::clone(&visit));
            let _ = visit.0.send(Event::Asked);
            std::future::pending().await
        }
        "in time" => {
            let _ = visit.0.send(Event::Asked);
            Clock::nap(Duration::from_millis(50)).await;
            "in time".to_owned()
        }
        "large" => "x".repeat(4_000_000),
        "too large" => "x".repeat(5_000_000),
        other => format!("{other} for {program} ({pid}) in {}", asked.fingerprint),
    };
    let reply = match identity.as_str() {
        "a person" => Reply::Needs(Box::new(Prompt {
            id: 1,
            identity: identity.clone(),
            wanted: None,
            kind: PromptKind::Mfa {
                device: "arn:aws:iam::123456789012:mfa/kim".parse().expect("an ARN"),
                refused: None,
            },
            attempt: 1,
            caller: asked.call.caller,
            unanswered: Error::new(Code::PersonNeeded, "a code is needed"),
        })),
        _ => Reply::RunInProcess,
    };
    Answered {
        notes: vec![Note::Info(note)],
        reply,
    }
}

struct Agent {
    place: Place,
    clock: Clock,
    events: mpsc::UnboundedReceiver<Event>,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<()>,
}

impl Agent {
    fn start() -> Agent {
        let place = Place::new();
        let listener = open(&place.address());
        let clock = Clock::manual(SystemTime::UNIX_EPOCH);
        let (sender, events) = mpsc::unbounded_channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn({
            let clock = clock.clone();
            async move {
                let visit = || {
                    let _ = sender.send(Event::Came);
                    Visit(sender.clone())
                };
                listener
                    .serve(&clock, visit, answer, async { drop(stopped.await) })
                    .await;
            }
        });
        Agent {
            place,
            clock,
            events,
            stop: Some(stop),
            served,
        }
    }

    fn stop(&mut self) {
        drop(self.stop.take());
    }

    async fn event(&mut self) -> Event {
        soon(self.events.recv()).await.expect("the agent runs")
    }

    async fn wait_for(&mut self, event: Event) {
        while self.event().await != event {}
    }

    async fn connect(&self) -> Raw {
        Raw(BufReader::new(
            UnixStream::connect(self.place.address().path())
                .await
                .expect("a connection"),
        ))
    }

    async fn client(&self) -> Connection {
        Connection::open(&self.place.address())
            .await
            .expect("usable")
            .expect("somebody listens")
    }

    /// Lets time pass, a second after another, until `done`.
    async fn let_time_pass<T>(&self, done: impl Future<Output = T>) -> T {
        let clock = self.clock.clone();
        tokio::select! {
            done = soon(done) => done,
            () = async {
                loop {
                    Clock::nap(Duration::from_millis(2)).await;
                    clock.advance(Duration::from_secs(1));
                }
            } => unreachable!("time does not end"),
        }
    }
}

/// Whoever speaks to the socket without [`Connection`].
struct Raw(BufReader<UnixStream>);

impl Raw {
    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        soon(self.0.write_all(bytes.as_ref()))
            .await
            .expect("written");
    }

    /// Without its end; `None` when the connection is closed.
    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match soon(self.0.read_line(&mut line)).await {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(line.trim_end().to_owned()),
        }
    }

    async fn ask(&mut self, bytes: impl AsRef<[u8]>) -> String {
        self.send(bytes).await;
        self.line().await.expect("an answer")
    }

    /// Every byte until the connection is closed.
    async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let _ = soon(self.0.read_to_end(&mut rest)).await;
        rest
    }
}

/// A request as it stands on the wire, from this very process.
fn request(id: u32, identity: &str) -> String {
    let pid = std::process::id();
    format!(
        r#"{{"v":1,"id":{id},"asker":{{"program":"test","pid":{pid},"person":"absent"}},"surroundings":"00ff","request":{{"credentials":{{"identity":"{identity}","wait_seconds":18}}}}}}"#
    ) + "\n"
}

/// Its answer.
fn response(id: u32, identity: &str) -> String {
    let (program, pid) = (own_name(), std::process::id());
    format!(
        r#"{{"v":1,"id":{id},"notes":[{{"info":"{identity} for {program} ({pid}) in 00ff"}}],"reply":"run_in_process"}}"#
    )
}

/// Of the file that runs, whatever the caller says.
fn own_name() -> String {
    let file = std::env::current_exe().expect("it runs");
    let name = file.file_name().expect("a file");
    name.to_str().expect("a plain name").to_owned()
}

fn call(identity: &str) -> Call {
    let caller = Caller {
        program: "test".into(),
        pid: std::process::id(),
        person: Person::Absent,
        trail: None,
    };
    Call {
        caller,
        request: Request::Session(SessionRequest::Credentials {
            identity: identity.to_owned(),
            wait_seconds: 18,
        }),
    }
}

/// What the agent noted for the answer.
fn noted(heard: &Heard) -> &str {
    let Heard::Answered(answered) = heard else {
        panic!("{heard:?}")
    };
    let [Note::Info(note)] = answered.notes.as_slice() else {
        panic!("{answered:?}")
    };
    note
}
