//! The sandbox AWS for tests whose other side are processes: it serves from a thread of its own
//! until it is dropped.

use keyfob_core::clock::Clock;
use keyfob_core::sandbox::Sandbox;
use std::ops::Deref;
use std::sync::mpsc;
use std::thread::JoinHandle;

pub struct Loopback {
    sandbox: Option<Sandbox>,
    stop: Option<mpsc::Sender<()>>,
    server: Option<JoinHandle<()>>,
}

impl Loopback {
    pub fn start() -> Loopback {
        let (hand_over, sandbox) = mpsc::channel();
        let (stop, stopped) = mpsc::channel();
        let server = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async move {
                hand_over
                    .send(Sandbox::start(Clock::system()).expect("a sandbox"))
                    .expect("somebody waits for it");
                // An error says that the other end is gone, which is how it is stopped.
                let _ = tokio::task::spawn_blocking(move || stopped.recv()).await;
            });
        });
        Loopback {
            sandbox: sandbox.recv().ok(),
            stop: Some(stop),
            server: Some(server),
        }
    }
}

impl Deref for Loopback {
    type Target = Sandbox;
    fn deref(&self) -> &Sandbox {
        self.sandbox
            .as_ref()
            .expect("it is there until it is dropped")
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.sandbox = None;
        self.stop = None;
        if let Some(server) = self.server.take() {
            let _ = server.join();
        }
    }
}
