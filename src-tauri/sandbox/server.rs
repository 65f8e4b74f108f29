//! The HTTP server: listens on loopback, limits what it reads, takes AWS calls through faults,
//! authentication and the action, and writes each into the journal. Paths under `/_sandbox/` are
//! `control`'s.

use super::actions::SignInAction;
use super::answer::HttpAnswer;
use super::authentication::authenticate;
use super::console;
use super::control;
use super::faults::{FaultsMet, SandboxFault};
use super::federation;
use super::iam;
use super::journal::RecordedCall;
use super::pages;
use super::protocol::{SERVICE, StsAction};
use super::random;
use super::refusal::AwsRefusal;
use super::request::Incoming;
use super::rest::RestCall;
use super::served::Served;
use super::sign_in;
use super::simulated_aws::{SimulatedAws, VerifiedCaller};
use super::sts::{self, VerifiedCall};
use crate::clock::Clock;
use crate::error::{Code, Error, Result};
use crate::loopback;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::Response;
use axum::routing::any;
use axum::serve::{IncomingStream, Listener};
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// Room for the longest assertion that STS takes.
pub(super) const LONGEST_BODY: usize = 256 * 1024;
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
    let now = clock.now();
    let listener = OwnConnections(TcpListener::from_std(bound).map_err(|cause| failed(&cause))?);
    let served = Arc::new(Served {
        clock,
        address,
        aws: Mutex::new(SimulatedAws::with_one_user(
            format!("http://{address}"),
            now,
        )?),
    });
    let mut app = Router::new()
        .route("/", any(aws))
        .route(console::PATH, any(aws))
        .route(federation::PAGE, any(identity_provider))
        .route("/_sandbox/{*rest}", any(controlled));
    for action in SignInAction::ALL {
        app = app.route(action.path(), any(aws));
    }
    let app = app
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
        Err(_) => control::refused(413, "the request body is larger than 262144 bytes"),
    };
    let mut reply = HttpAnswer::new("application/json", json);
    reply.status = status;
    reply.into_response(served.clock.now())
}

async fn identity_provider(State(served): State<Arc<Served>>) -> Response<Body> {
    let now = served.clock.now();
    federation::page(now).into_response(now)
}

async fn elsewhere(State(served): State<Arc<Served>>) -> Response<Body> {
    HttpAnswer::refused(&AwsRefusal::no_such_place()).into_response(served.clock.now())
}

async fn aws(
    State(served): State<Arc<Served>>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    request: Request,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let now = served.clock.now();
    let Ok(body) = to_bytes(body, LONGEST_BODY).await else {
        return HttpAnswer::refused(&AwsRefusal::too_large()).into_response(now);
    };
    // On a task of its own: AWS, too, carries out a call after its caller has hung up.
    let answered = tokio::spawn(answer(served, wire, Incoming::read(head, body)));
    answered
        .await
        .unwrap_or_else(|_| HttpAnswer::refused(&AwsRefusal::internal_failure()).into_response(now))
}

async fn answer(served: Arc<Served>, wire: Wire, incoming: Incoming) -> Response<Body> {
    let faults = served.aws().faults.meet(&incoming);
    if !faults.delay().is_zero() {
        Clock::system().pause(faults.delay()).await;
    }
    let time = served.clock.now();
    let now = faults.shift(time);
    let is_cut = faults.has(&SandboxFault::Outage);
    let reply = if is_cut {
        // Arrives only if there is no second handle to cut.
        HttpAnswer::outage()
    } else if faults.has(&SandboxFault::Html) {
        pages::of_a_hotel()
    } else {
        reply(&served, &incoming, &faults, now)
    };
    let call = RecordedCall::new(time, &incoming, reply.principal.clone(), reply.outcome);
    served.aws().journal.record(call);
    if is_cut {
        wire.cut();
    }
    reply.into_response(now)
}

fn reply(served: &Served, incoming: &Incoming, faults: &FaultsMet, now: SystemTime) -> HttpAnswer {
    let aws = &mut served.aws();
    if let Some(action) = incoming.sign_in {
        let url = served.url();
        let call = RestCall { incoming, url, now };
        return sign_in::answer(aws, action, &call, faults);
    }
    let (caller, reply) = match incoming.head.uri.path() {
        console::PATH => {
            let (caller, result) = console::answer(aws, incoming, faults, now);
            (
                caller,
                result.unwrap_or_else(|refusal| pages::refused(&refusal)),
            )
        }
        "/" => {
            let (caller, result) = decide(aws, incoming, faults, now);
            (
                caller,
                result.unwrap_or_else(|refusal| HttpAnswer::refused(&refusal)),
            )
        }
        // The path of a sign-in action, by another method.
        _ => (None, HttpAnswer::refused(&AwsRefusal::no_such_place())),
    };
    reply.by(caller.map(|caller| caller.arn))
}

/// The caller, once verified, and the result.
fn decide(
    aws: &mut SimulatedAws,
    incoming: &Incoming,
    faults: &FaultsMet,
    now: SystemTime,
) -> (Option<VerifiedCaller>, Result<HttpAnswer, AwsRefusal>) {
    if let Some(action) = incoming.iam() {
        return iam::answer(aws, action, incoming, faults, now);
    }
    let verified = || {
        if let Some(refusal) = faults.iter().find_map(SandboxFault::early_refusal) {
            return Err(refusal);
        }
        let action = incoming.action()?;
        let caller = match action {
            StsAction::AssumeRoleWithSAML => federation::by_assertion(incoming, now)?,
            StsAction::AssumeRoleWithWebIdentity => federation::by_token(aws, incoming, now)?,
            StsAction::GetCallerIdentity
            | StsAction::GetSessionToken
            | StsAction::AssumeRole
            | StsAction::AssumeRoot => authenticate(aws, incoming, SERVICE, now)?,
        };
        Ok((action, caller))
    };
    let (action, caller) = match verified() {
        Ok(verified) => verified,
        Err(refusal) => return (None, Err(refusal)),
    };
    iam::note_use(aws, incoming, now);
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
        None => sts::perform(aws, action, &call).map(|result| {
            let request_id = random::request_id();
            HttpAnswer::xml(action.to_xml(&result, &request_id), &request_id)
        }),
    };
    (Some(caller), result)
}
