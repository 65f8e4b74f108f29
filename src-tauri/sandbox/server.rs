//! The door: listens on loopback, bounds what comes in, leads AWS calls through faults,
//! authentication and the action, and writes each into the journal. Everything under `/_sandbox/`
//! is `control`'s.

use super::console;
use super::control;
use super::faults::{Fault, Struck};
use super::journal::Call;
use super::mint;
use super::refusal::Refusal;
use super::request::Incoming;
use super::signature::Signed;
use super::sts::{self, Action, Proven};
use super::world::{Requester, World, timestamp};
use crate::clock::Clock;
use crate::error::{Code, Error, Result};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, Response, header};
use axum::routing::any;
use axum::serve::IncomingStream;
use jiff::fmt::rfc2822::DateTimePrinter;
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub(super) const LONGEST_BODY: usize = 64 * 1024;

/// What the handle and the server share.
#[derive(Debug)]
pub(super) struct Premises {
    pub clock: Clock,
    pub address: SocketAddr,
    world: Mutex<World>,
}

impl Premises {
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world
            .lock()
            .expect("no panic happens while the lock is held")
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Serves until `closed` resolves, which it does when the other end is dropped.
pub(super) fn open(
    clock: Clock,
    port: u16,
    closed: oneshot::Receiver<()>,
) -> Result<Arc<Premises>> {
    let failed = |cause: &dyn std::fmt::Display| {
        Error::new(
            Code::InvalidInput,
            format!("the sandbox cannot listen on 127.0.0.1:{port}: {cause}"),
        )
        .hint("choose another port, or none to have a free one chosen")
    };
    let runtime = tokio::runtime::Handle::try_current().map_err(|cause| failed(&cause))?;
    let bound =
        std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|cause| failed(&cause))?;
    bound
        .set_nonblocking(true)
        .map_err(|cause| failed(&cause))?;
    let address = bound.local_addr().map_err(|cause| failed(&cause))?;
    let listener = TcpListener::from_std(bound).map_err(|cause| failed(&cause))?;
    let premises = Arc::new(Premises {
        clock,
        address,
        world: Mutex::new(World::of_a_demo()?),
    });
    let app = Router::new()
        .route("/", any(aws))
        .route(console::PATH, any(aws))
        .route("/_sandbox/{*rest}", any(controlled))
        .fallback(elsewhere)
        .with_state(premises.clone())
        .into_make_service_with_connect_info::<Wire>();
    runtime.spawn(async move {
        let closing = async { drop(closed.await) };
        if let Err(cause) = axum::serve(listener, app)
            .with_graceful_shutdown(closing)
            .await
        {
            tracing::warn!(%cause, "sandbox stopped serving");
        }
    });
    Ok(premises)
}

/// A second handle on the connection a call came over, to end it without an answer.
#[derive(Clone, Debug)]
struct Wire(Option<Arc<std::net::TcpStream>>);

impl Wire {
    fn cut(&self) {
        if let Some(stream) = &self.0 {
            // It may be gone already, which is what is wanted.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Connected<IncomingStream<'_, TcpListener>> for Wire {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Wire {
        #[cfg(unix)]
        let twin = std::os::fd::AsFd::as_fd(stream.io()).try_clone_to_owned();
        #[cfg(windows)]
        let twin = std::os::windows::io::AsSocket::as_socket(stream.io()).try_clone_to_owned();
        Wire(twin.ok().map(|twin| Arc::new(twin.into())))
    }
}

async fn controlled(State(premises): State<Arc<Premises>>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let (status, json) = match to_bytes(body, LONGEST_BODY).await {
        Ok(body) => control::answer(&premises, &head, &body),
        Err(_) => control::refused(413, "the request body is larger than 65536 bytes"),
    };
    respond(status, "application/json", json, premises.clock.now())
}

async fn elsewhere(State(premises): State<Arc<Premises>>) -> Response<Body> {
    let refusal = Refusal::new(
        404,
        "InvalidAction",
        "The sandbox answers only at /, at /federation and under /_sandbox/.",
    );
    refuse(&refusal, &mint::request_id(), premises.clock.now())
}

async fn aws(
    State(premises): State<Arc<Premises>>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    request: Request,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LONGEST_BODY).await else {
        return refuse(
            &Refusal::too_large(),
            &mint::request_id(),
            premises.clock.now(),
        );
    };
    let now = premises.clock.now();
    // On a task of its own: AWS, too, carries out a call whose caller has lost patience.
    let answered = tokio::spawn(answer(premises, wire, Incoming::read(head, body)));
    answered
        .await
        .unwrap_or_else(|_| refuse(&Refusal::internal_failure(), &mint::request_id(), now))
}

async fn answer(premises: Arc<Premises>, wire: Wire, incoming: Incoming) -> Response<Body> {
    let struck = premises.world().faults.strike(&incoming);
    if !struck.delay().is_zero() {
        Clock::system().pause(struck.delay()).await;
    }
    let time = premises.clock.now();
    let now = struck.shift(time);
    if struck.by(&Fault::Outage) {
        premises
            .world()
            .journal
            .record(Call::new(time, &incoming, None, "outage"));
        wire.cut();
        // Reaches nobody, unless there was no second handle to cut.
        return respond(503, "text/xml", String::new(), now);
    }
    if incoming.head.uri.path() == console::PATH {
        return visited(&premises, &incoming, &struck, time);
    }
    let (caller, result) = decide(&mut premises.world(), &incoming, &struck, now);
    let outcome = result
        .as_ref()
        .map_or_else(|refusal| refusal.code, |_| "ok");
    let call = Call::new(time, &incoming, caller.map(|caller| caller.arn), outcome);
    premises.world().journal.record(call);
    let request_id = mint::request_id();
    let mut response = match result {
        Ok((action, result)) => respond(
            200,
            "text/xml",
            sts::to_xml(action, &result, &request_id),
            now,
        ),
        Err(refusal) => refuse(&refusal, &request_id, now),
    };
    if let Ok(request_id) = HeaderValue::try_from(request_id) {
        response
            .headers_mut()
            .insert("x-amzn-requestid", request_id);
    }
    response
}

/// Into the console, which answers browsers.
fn visited(
    premises: &Premises,
    incoming: &Incoming,
    struck: &Struck,
    time: SystemTime,
) -> Response<Body> {
    let now = struck.shift(time);
    let (caller, result) = console::visit(&mut premises.world(), incoming, struck, now);
    let outcome = result
        .as_ref()
        .map_or_else(|refusal| refusal.code, |_| "ok");
    premises.world().journal.record(Call::new(
        time,
        incoming,
        caller.map(|caller| caller.arn),
        outcome,
    ));
    match result {
        Ok(answer) => respond(200, answer.content_type(), answer.body(), now),
        Err(refusal) => respond(
            refusal.status,
            "text/html; charset=utf-8",
            console::refused(&refusal),
            now,
        ),
    }
}

/// Who called, once that is proven, and what they get.
fn decide(
    world: &mut World,
    incoming: &Incoming,
    struck: &Struck,
    now: SystemTime,
) -> (Option<Requester>, Result<(Action, String), Refusal>) {
    if let Some(refusal) = struck.iter().find_map(Refusal::at_the_door) {
        return (None, Err(refusal));
    }
    let action = match incoming.action() {
        Ok(action) => action,
        Err(refusal) => return (None, Err(refusal)),
    };
    let caller = match authenticate(world, incoming, now) {
        Ok(caller) => caller,
        Err(refusal) => return (None, Err(refusal)),
    };
    let call = Proven {
        incoming,
        caller: &caller,
        struck,
        now,
    };
    let result = match struck
        .iter()
        .find_map(|fault| sts::refused_by(fault, action, &call))
    {
        Some(refusal) => Err(refusal),
        None => sts::perform(world, action, &call).map(|result| (action, result)),
    };
    (Some(caller), result)
}

fn authenticate(world: &World, incoming: &Incoming, now: SystemTime) -> Result<Requester, Refusal> {
    let authorization = incoming.authorization.as_ref().map_err(Clone::clone)?;
    let token = incoming.header("x-amz-security-token");
    let credential = world
        .credential(&authorization.access_key_id, token)
        .ok_or_else(Refusal::invalid_token)?;
    authorization.check_time(now, world.settings().skew_code)?;
    let Incoming { head, body, .. } = incoming;
    let signed = Signed {
        method: head.method.as_str(),
        uri: &head.uri,
        headers: &head.headers,
        body,
    };
    authorization.verify(&signed, credential.secret, sts::SERVICE)?;
    if credential
        .expires_at
        .is_some_and(|expires_at| expires_at <= now)
    {
        return Err(Refusal::expired(world.settings().expired_code));
    }
    Ok(credential.caller)
}

fn refuse(refusal: &Refusal, request_id: &str, now: SystemTime) -> Response<Body> {
    respond(refusal.status, "text/xml", refusal.to_xml(request_id), now)
}

/// Every answer tells the time by the sandbox's clock, as `Date` does at AWS.
fn respond(
    status: u16,
    content_type: &'static str,
    body: String,
    now: SystemTime,
) -> Response<Body> {
    let date = DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&timestamp(now))
        .unwrap_or_default();
    let response = Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, content_type)
        .header(header::DATE, date)
        .header(header::CACHE_CONTROL, "no-store");
    response
        .body(Body::from(body))
        .expect("a table's status and headers of plain ASCII make a response")
}
