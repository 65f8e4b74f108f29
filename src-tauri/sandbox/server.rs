//! The HTTP server: listens on loopback, limits what it reads, takes AWS calls through faults,
//! authentication and the action, and writes each into the journal. Paths under `/_sandbox/` are
//! `control`'s.

use super::console;
use super::control;
use super::faults::{FaultsMet, SandboxFault};
use super::journal::RecordedCall;
use super::protocol::{SERVICE, StsAction, timestamp};
use super::random;
use super::refusal::AwsRefusal;
use super::request::Incoming;
use super::served::Served;
use super::signature::Signed;
use super::simulated_aws::{SimulatedAws, VerifiedCaller};
use super::sts::{self, VerifiedCall};
use crate::clock::Clock;
use crate::error::{Code, Error, Result};
use crate::loopback;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, Response, header};
use axum::routing::any;
use axum::serve::{IncomingStream, Listener};
use jiff::fmt::rfc2822::DateTimePrinter;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

pub(super) const LONGEST_BODY: usize = 64 * 1024;
/// When the system has run out of, say, file handles.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves until `closed` resolves, which it does when the other end is dropped.
pub(super) fn open(clock: Clock, port: u16, closed: oneshot::Receiver<()>) -> Result<Arc<Served>> {
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
    let listener = OwnConnections(TcpListener::from_std(bound).map_err(|cause| failed(&cause))?);
    let served = Arc::new(Served {
        clock,
        address,
        aws: Mutex::new(SimulatedAws::with_one_user()?),
    });
    let app = Router::new()
        .route("/", any(aws))
        .route(console::PATH, any(aws))
        .route("/_sandbox/{*rest}", any(controlled))
        .fallback(elsewhere)
        .with_state(served.clone())
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
    Ok(served)
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

/// Of this user alone.
struct OwnConnections(TcpListener);

impl Listener for OwnConnections {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match loopback::accept(&self.0).await {
                Ok(accepted) => return accepted,
                Err(cause) => {
                    tracing::debug!(%cause, "a connection was not accepted");
                    Clock::nap(PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, OwnConnections>> for Wire {
    fn connect_info(stream: IncomingStream<'_, OwnConnections>) -> Wire {
        #[cfg(unix)]
        let twin = std::os::fd::AsFd::as_fd(stream.io()).try_clone_to_owned();
        #[cfg(windows)]
        let twin = std::os::windows::io::AsSocket::as_socket(stream.io()).try_clone_to_owned();
        Wire(twin.ok().map(|twin| Arc::new(twin.into())))
    }
}

async fn controlled(State(served): State<Arc<Served>>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let (status, json) = match to_bytes(body, LONGEST_BODY).await {
        Ok(body) => control::answer(&served, &head, &body),
        Err(_) => control::refused(413, "the request body is larger than 65536 bytes"),
    };
    respond(status, "application/json", json, served.clock.now())
}

async fn elsewhere(State(served): State<Arc<Served>>) -> Response<Body> {
    let refusal = AwsRefusal::new(
        404,
        "InvalidAction",
        "The sandbox answers only at /, at /federation and under /_sandbox/.",
    );
    refuse(&refusal, &random::request_id(), served.clock.now())
}

async fn aws(
    State(served): State<Arc<Served>>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    request: Request,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LONGEST_BODY).await else {
        return refuse(
            &AwsRefusal::too_large(),
            &random::request_id(),
            served.clock.now(),
        );
    };
    let now = served.clock.now();
    // On a task of its own: AWS, too, carries out a call after its caller has hung up.
    let answered = tokio::spawn(answer(served, wire, Incoming::read(head, body)));
    answered
        .await
        .unwrap_or_else(|_| refuse(&AwsRefusal::internal_failure(), &random::request_id(), now))
}

async fn answer(served: Arc<Served>, wire: Wire, incoming: Incoming) -> Response<Body> {
    let faults = served.aws().faults.meet(&incoming);
    if !faults.delay().is_zero() {
        Clock::system().pause(faults.delay()).await;
    }
    let time = served.clock.now();
    let now = faults.shift(time);
    let record = |caller: Option<VerifiedCaller>, outcome: &str| {
        let call = RecordedCall::new(time, &incoming, caller.map(|caller| caller.arn), outcome);
        served.aws().journal.record(call);
    };
    if faults.has(&SandboxFault::Outage) {
        record(None, "outage");
        wire.cut();
        // Arrives only if there was no second handle to cut.
        return respond(503, "text/xml", String::new(), now);
    }
    if incoming.head.uri.path() == console::PATH {
        let (caller, result) = console::answer(&mut served.aws(), &incoming, &faults, now);
        record(caller, outcome_of(&result));
        return match result {
            Ok(reply) => respond(200, reply.content_type(), reply.body(), now),
            Err(refusal) => respond(
                refusal.status,
                "text/html; charset=utf-8",
                console::refused(&refusal),
                now,
            ),
        };
    }
    let (caller, result) = decide(&mut served.aws(), &incoming, &faults, now);
    record(caller, outcome_of(&result));
    let request_id = random::request_id();
    let mut response = match result {
        Ok((action, result)) => respond(200, "text/xml", action.to_xml(&result, &request_id), now),
        Err(refusal) => refuse(&refusal, &request_id, now),
    };
    if let Ok(request_id) = HeaderValue::try_from(request_id) {
        response
            .headers_mut()
            .insert("x-amzn-requestid", request_id);
    }
    response
}

fn outcome_of<T>(result: &Result<T, AwsRefusal>) -> &'static str {
    result
        .as_ref()
        .map_or_else(|refusal| refusal.code, |_| "ok")
}

/// The caller, once verified, and the result.
fn decide(
    aws: &mut SimulatedAws,
    incoming: &Incoming,
    faults: &FaultsMet,
    now: SystemTime,
) -> (
    Option<VerifiedCaller>,
    Result<(StsAction, String), AwsRefusal>,
) {
    let verified = || {
        if let Some(refusal) = faults.iter().find_map(SandboxFault::early_refusal) {
            return Err(refusal);
        }
        let action = incoming.action()?;
        Ok((action, authenticate(aws, incoming, now)?))
    };
    let (action, caller) = match verified() {
        Ok(verified) => verified,
        Err(refusal) => return (None, Err(refusal)),
    };
    let call = VerifiedCall {
        incoming,
        caller: &caller,
        faults,
        now,
    };
    let result = match faults
        .iter()
        .find_map(|fault| sts::refused_by(fault, action, &call))
    {
        Some(refusal) => Err(refusal),
        None => sts::perform(aws, action, &call).map(|result| (action, result)),
    };
    (Some(caller), result)
}

fn authenticate(
    aws: &SimulatedAws,
    incoming: &Incoming,
    now: SystemTime,
) -> Result<VerifiedCaller, AwsRefusal> {
    let authorization = incoming.authorization.as_ref().map_err(Clone::clone)?;
    let token = incoming.header("x-amz-security-token");
    let credential = aws
        .credential(&authorization.access_key_id, token)
        .ok_or_else(AwsRefusal::invalid_token)?;
    authorization.check_time(now, aws.settings().skew_code)?;
    let Incoming { head, body, .. } = incoming;
    let signed = Signed {
        method: head.method.as_str(),
        uri: &head.uri,
        headers: &head.headers,
        body,
    };
    authorization.verify(&signed, credential.secret, SERVICE)?;
    if credential
        .expires_at
        .is_some_and(|expires_at| expires_at <= now)
    {
        return Err(AwsRefusal::expired(aws.settings().expired_code));
    }
    Ok(credential.caller)
}

fn refuse(refusal: &AwsRefusal, request_id: &str, now: SystemTime) -> Response<Body> {
    respond(refusal.status, "text/xml", refusal.to_xml(request_id), now)
}

/// The header `Date` is the sandbox's clock, as at AWS.
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
