//! Another user gets nothing, not even an error. A thread of the test becomes that user, for the
//! system a client or an agent like any other; only root can do that, so these are ignored unless
//! root runs them: `./x test` does.

use super::*;
use crate::home::{DEV, Home};
use keyfob_core::agent::socket::BlockingConnection;
use rustix::process::{Gid, Uid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use std::fs;
use std::io::{self, BufRead, Read, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Stdio;

const NOBODY: u32 = 65534;

/// In a thread that is the user `nobody` from here on.
fn as_nobody<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    assert!(
        rustix::process::geteuid().is_root(),
        "cannot run: only root can become another user"
    );
    let thread = std::thread::spawn(|| {
        let (gid, uid) = (Gid::from_raw(NOBODY), Uid::from_raw(NOBODY));
        set_thread_groups(&[]).expect("root may");
        set_thread_res_gid(gid, gid, gid).expect("root may");
        set_thread_res_uid(uid, uid, uid).expect("root may");
        run()
    });
    thread.join().expect("no panic")
}

fn open_up(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("root may");
}

#[ignore = "needs root"]
#[tokio::test]
async fn another_user_is_refused_without_a_byte_even_with_open_permissions() {
    let mut agent = Agent::start();
    let address = agent.place.address();
    for folder in [
        agent.place.folder.path(),
        &agent.place.run(),
        &agent.place.run().join("keyfob"),
    ] {
        open_up(folder, 0o755);
    }
    open_up(address.path(), 0o666);
    let heard = tokio::task::spawn_blocking(move || {
        as_nobody(move || {
            let mut raw = std::os::unix::net::UnixStream::connect(address.path())
                .expect("the doors are open");
            // The agent may have hung up already.
            let _ = raw.write_all(request(1, "dev").as_bytes());
            let mut heard = Vec::new();
            let _ = raw.read_to_end(&mut heard);
            heard
        })
    });
    assert_eq!(soon(heard).await.expect("no panic"), b"");
    let heard = agent
        .client()
        .await
        .ask(&call("dev"), "")
        .await
        .expect("heard");
    assert!(noted(&heard).starts_with(&format!("dev for {}", own_name())));
    assert_eq!(
        [agent.event().await, agent.event().await],
        [Event::Came, Event::Left],
        "only root came in"
    );
    assert!(agent.events.is_empty());
}

/// Nobody's agent, to which every door is open for root.
#[ignore = "needs root"]
#[tokio::test]
async fn root_neither_uses_another_users_agent_nor_is_served_by_it() {
    let place = Place::new();
    open_up(place.folder.path(), 0o755);
    chown(place.run(), Some(NOBODY), Some(NOBODY)).expect("root may");
    let (environment, config) = (place.environment(), place.folder.path().join("config.yaml"));
    let (ready, opened) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let agent = std::thread::spawn(move || {
        as_nobody(move || {
            let address = Address::of(&config, &environment).expect("an address");
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let listener = open(&address);
                ready.send(address).expect("the test waits");
                let (sender, mut events) = mpsc::unbounded_channel();
                let visit = || Visit(sender.clone());
                listener
                    .serve(&Clock::system(), visit, answer, async {
                        drop(stopped.await);
                    })
                    .await;
                assert!(events.try_recv().is_err(), "nobody was let in");
            });
        });
    });
    let address = soon(opened).await.expect("it listens");
    assert!(address.path().starts_with(place.run()), "{address:?}");
    let error = BlockingConnection::open(&address).expect_err("another user's");
    assert!(error.message.contains("not your agent"), "{error}");
    let error = Connection::open(&address)
        .await
        .expect_err("another user's");
    assert!(
        error
            .message
            .contains(address.path().to_str().expect("text")),
        "{error}"
    );
    let mut raw = Raw(BufReader::new(
        UnixStream::connect(address.path())
            .await
            .expect("root may connect"),
    ));
    let _ = raw.0.write_all(request(1, "dev").as_bytes()).await;
    assert_eq!(raw.rest().await, b"");
    drop(stop);
    agent.join().expect("no panic");
}

#[ignore = "needs root"]
#[tokio::test]
async fn a_folder_of_another_user_is_no_place_to_listen() {
    let place = Place::new();
    let keyfob = place.run().join("keyfob");
    fs::create_dir(&keyfob).expect("a folder");
    open_up(&keyfob, 0o700);
    chown(&keyfob, Some(NOBODY), Some(NOBODY)).expect("root may");
    let error = Listener::open(&place.address()).expect_err("another user's");
    assert!(error.message.contains("belongs to another user"), "{error}");
    assert_eq!(fs::read_dir(&keyfob).expect("a folder").count(), 0);
    fs::remove_dir(&keyfob).expect("removed");
    chown(place.run(), Some(NOBODY), Some(NOBODY)).expect("root may");
    let address = place.address();
    assert!(
        !address.path().starts_with(place.run()),
        "nor is a runtime folder of another user, as after sudo -E"
    );
}

/// What a plain HTTP request to a loopback port is answered with.
fn fetched(address: &str, request: &str) -> String {
    let mut raw = std::net::TcpStream::connect(address).expect("a port is open to every user");
    let mut heard = Vec::new();
    // Whoever is refused may find the connection closed at any moment.
    let _ = raw.write_all(request.as_bytes());
    let _ = raw.read_to_end(&mut heard);
    String::from_utf8_lossy(&heard).into_owned()
}

#[ignore = "needs root"]
#[test]
fn the_sandbox_and_the_endpoint_of_exec_serve_their_own_user_only() {
    let home = Home::signed_up(DEV);
    let aws = home.sandbox().url().replace("http://", "");
    let list =
        format!("GET /_sandbox/journal HTTP/1.1\r\nHost: {aws}\r\nConnection: close\r\n\r\n");
    assert!(fetched(&aws, &list).starts_with("HTTP/1.1 200"));
    assert_eq!(as_nobody(move || fetched(&aws, &list)), "");

    let show =
        "echo $AWS_CONTAINER_CREDENTIALS_FULL_URI $AWS_CONTAINER_AUTHORIZATION_TOKEN; read end";
    let mut exec = home.fob(&["exec", "dev", "--", "sh", "-c", show]);
    let mut exec = exec
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("fob starts");
    let mut shown = String::new();
    io::BufReader::new(exec.stdout.take().expect("it was piped"))
        .read_line(&mut shown)
        .expect("it is text");
    let (url, token) = shown.trim().split_once(' ').expect("both are set");
    let rest = url.strip_prefix("http://").expect("it is plain HTTP");
    let (address, path) = rest.split_once('/').expect("there is a path");
    let get = format!(
        "GET /{path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: {token}\r\nConnection: close\r\n\r\n"
    );
    assert!(fetched(address, &get).contains("SecretAccessKey"));
    let address = address.to_owned();
    assert_eq!(as_nobody(move || fetched(&address, &get)), "");
    drop(exec.stdin.take());
    assert!(exec.wait().expect("it ends").code().is_some());
}
