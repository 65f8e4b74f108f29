//! The idle headless agent: with one identity, and with a session held for each of a thousand; and
//! the cost of one pass over a thousand.

use crate::figures::{Figure, mebibytes, median, milliseconds, ratio, timed};
use crate::process::{Minute, Process, wait};
use crate::stage::{FOB, MINIMAL, Stage};
use keyfob_core::agent::api::{Call, Caller, Person, Reply, Request, SessionRequest};
use keyfob_core::agent::socket::{BlockingConnection, Heard};
use keyfob_core::clock::Clock;
use keyfob_core::ids::AccessKeyId;
use keyfob_core::secret::{Keys, Origin, SecretAccessKey, Session, SessionToken};
use keyfob_core::sessions::{Renewable, Watch};
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::time::Duration;

const MANY: usize = 1000;
/// As many as four roles in each of six hundred accounts.
const ASSIGNED: usize = 2400;
const PASSES: usize = 1000;
const LOOKS: usize = 20;
/// Idle threads have ended, and connections to AWS soon will have. Five minutes after a session was
/// used that is written down.
const SETTLED: Duration = Duration::from_secs(100);
const MEMORY_AIM: u64 = 12 << 20;
const SIZE_AIM: u64 = 8_000_000;

fn pass(minimal: Duration, many: usize) -> Figure {
    let now = Clock::system().now();
    let mut watches: Vec<Watch> = (0..many)
        .map(|n| {
            let session = Session {
                keys: Keys {
                    access_key_id: AccessKeyId::parse(&format!("ASIABENCH{n:011}"))
                        .expect("a key id"),
                    secret_access_key: SecretAccessKey::parse("bench").expect("a secret"),
                },
                token: Some(SessionToken::parse("bench").expect("a token")),
                issued_at: now,
                expires_at: now + Duration::from_secs(3600),
                principal: None,
                account: None,
                origin: Origin::Keyring,
            };
            Watch::new(&session, Renewable::Alone, Duration::from_secs(15 * 60))
        })
        .collect();
    let pass = |watches: &mut [Watch]| {
        let nothing_due = watches.iter_mut().all(|watch| watch.look(now).is_empty());
        assert!(nothing_due && watches.iter().filter_map(Watch::wake_at).min() > Some(now));
    };
    let mut passes: Vec<Duration> = (0..PASSES).map(|_| timed(|| pass(&mut watches))).collect();
    let pass = median(&mut passes);
    Figure::new(
        format!("a pass of the scheduler over {many} identities"),
        Some(ratio(pass, minimal)),
        milliseconds(pass),
    )
    .limit("1 ms", pass < Duration::from_millis(1))
}

/// From the agent's memory: that it reads no keyring is a test's.
fn status(stage: &Stage, minimal: Duration) -> Figure {
    let look = || {
        let text = stage.home.run(&[&FOB, "--json", "list"]).ok();
        assert!(text.contains(&format!("role-{MANY}")) && text.contains("valid"));
    };
    let mut looks: Vec<Duration> = (0..LOOKS).map(|_| timed(look)).collect();
    let look = median(&mut looks);
    Figure::new(
        format!("`fob list --json` of {MANY} identities"),
        Some(ratio(look, minimal)),
        milliseconds(look),
    )
}

pub fn held(minimal: Duration) -> Vec<Figure> {
    let waiting = memory_of_minimal();
    let few = Stage::new("few", 1);
    let few_agent = few.agent();
    let (many, many_agent) = Stage::in_memory("many", MANY);
    sign_in(&few, 1);
    sign_in(&many, MANY);
    wait(SETTLED);
    let minute = many_agent.idle_minute();
    let mut figures = vec![
        pass(minimal, MANY),
        pass(minimal, ASSIGNED),
        status(&many, minimal),
    ];
    figures.extend(quiet(&minute));
    figures.push(memory(
        "private memory of the idle agent, one session",
        &few_agent,
        waiting,
    ));
    figures.push(memory(
        &format!("the same, {MANY} sessions and a keyring in memory"),
        &many_agent,
        waiting,
    ));
    figures.push(size());
    figures
}

fn quiet(minute: &Minute) -> Vec<Figure> {
    let Minute {
        wake_ups_of_main,
        wake_ups,
        busy,
    } = minute;
    // Less than the 10 ms in which Linux counts.
    let is_idle = *busy < Duration::from_millis(10);
    vec![
        Figure::new(
            format!("wake-ups of the scheduler in a minute, {MANY} sessions"),
            None,
            format!("{wake_ups_of_main}; {wake_ups} of the whole agent"),
        )
        .limit("2", *wake_ups_of_main <= 2),
        Figure::new(
            "time on a processor in that minute",
            None,
            milliseconds(*busy),
        )
        .limit("not measurable", is_idle),
    ]
}

fn size() -> Figure {
    let size = |path: &str| std::fs::metadata(path).expect("it was built").len();
    let (fob, minimal) = (size(&FOB), size(&MINIMAL));
    let ratio = Duration::from_secs(fob).div_duration_f64(Duration::from_secs(minimal));
    Figure::new(
        "size of `fob`",
        Some(ratio),
        format!("{:.1} MB", Duration::from_nanos(fob).as_secs_f64() * 1000.0),
    )
    .limit("8 MB", fob <= SIZE_AIM)
}

fn memory(what: &str, agent: &Process, minimal: Option<u64>) -> Figure {
    let (Some(bytes), Some(minimal)) = (agent.private_memory(), minimal) else {
        return Figure::new(what, None, "only root may know");
    };
    let ratio = Duration::from_secs(bytes).div_duration_f64(Duration::from_secs(minimal));
    Figure::new(what, Some(ratio), mebibytes(bytes)).limit("12 MiB", bytes <= MEMORY_AIM)
}

/// While it waits for an answer that never comes.
fn memory_of_minimal() -> Option<u64> {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let socket = folder.path().join("silent");
    let silent = UnixListener::bind(&socket).expect("it can be listened at");
    let waiting = Process::of(
        Command::new(&*MINIMAL)
            .arg(&socket)
            .spawn()
            .expect("it starts"),
    );
    let (_connection, _) = silent.accept().expect("it connects");
    wait(Duration::from_millis(100));
    waiting.private_memory()
}

fn sign_in(stage: &Stage, roles: usize) {
    let fingerprint = stage.environment().fingerprint();
    let mut client = BlockingConnection::open(&stage.address())
        .expect("the socket is ours")
        .expect("the agent runs");
    let caller = Caller {
        program: "bench".into(),
        pid: std::process::id(),
        person: Person::Absent,
        trail: None,
    };
    for n in 1..=roles {
        let request = Request::Session(SessionRequest::Credentials {
            identity: format!("role-{n}"),
            wait_seconds: 18,
        });
        let heard = client
            .ask(
                &Call {
                    caller: caller.clone(),
                    request,
                },
                &fingerprint,
            )
            .expect("it answers");
        assert!(
            matches!(&heard, Heard::Answered(it) if matches!(it.reply, Reply::Credentials(_))),
            "{heard:?}"
        );
    }
}
