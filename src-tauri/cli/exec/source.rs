//! The source of a child's credentials: the agent that the sign-in went through, on behalf of the
//! child and without a person for prompts. A running agent may end and another one start: meanwhile
//! there is one in this process.

use keyfob_core::agent::Client;
use keyfob_core::agent::api::{Call, Caller, Credentials, Person, Reply, SessionRequest};
use keyfob_core::error::{Code, Error, Result};
use std::ffi::OsStr;
use std::path::Path;
use std::pin::Pin;
use std::process::Child;
use std::sync::Arc;
use tokio::sync::SetOnce;

/// For another process that signs in to the same identity: longer than an answer may take, so that
/// the next question finds what comes of it.
const WAIT_SECONDS: u32 = 5;

type Asking = Pin<Box<dyn Future<Output = Result<Credentials>> + Send>>;

/// The caller of these requests: the command. It may ask before its process number is known here,
/// and is answered then.
#[derive(Debug)]
pub struct AskingChild {
    program: String,
    pid: SetOnce<u32>,
}

impl AskingChild {
    pub fn to_be(program: &OsStr) -> AskingChild {
        let name = Path::new(program).file_name().unwrap_or(program);
        AskingChild {
            program: name.to_string_lossy().into_owned(),
            pid: SetOnce::new(),
        }
    }

    pub fn is(&self, child: &Child) {
        self.pid.set(child.id()).expect("a command is started once");
    }

    async fn caller(&self) -> Caller {
        Caller {
            program: self.program.as_str().into(),
            pid: *self.pid.wait().await,
            person: Person::Absent,
            trail: None,
        }
    }
}

pub fn credentials_source(
    client: Client,
    identity: String,
    child: Arc<AskingChild>,
) -> impl Fn() -> Asking + Send + Sync + 'static {
    let client = Arc::new(client);
    move || -> Asking {
        let (client, caller, identity) = (client.clone(), child.clone(), identity.clone());
        Box::pin(async move { credentials(ask(&client, caller.caller().await, identity).await) })
    }
}

/// A person is not waited for; another process that is renewing the same session is, a moment.
async fn ask(client: &Client, caller: Caller, identity: String) -> Reply {
    let call = |wait_seconds| {
        let request = SessionRequest::Credentials {
            identity: identity.clone(),
            wait_seconds,
        };
        Call {
            caller: caller.clone(),
            request: request.into(),
        }
    };
    client.ask_either(&call(0), call(WAIT_SECONDS)).await.reply
}

fn credentials(reply: Reply) -> Result<Credentials> {
    match reply {
        Reply::Credentials(credentials) => Ok(credentials),
        Reply::Failed(error) => Err(error),
        Reply::Needs(prompt) => Err(prompt.unanswered),
        Reply::SignedIn(_)
        | Reply::Variables(_)
        | Reply::Whoami(_)
        | Reply::Configured(_)
        | Reply::Rotated(_)
        | Reply::Audit(_)
        | Reply::AuditVerified(_)
        | Reply::Removed(_)
        | Reply::Repaired(_)
        | Reply::DatabaseToken(_)
        | Reply::Console(_)
        | Reply::Snapshot(_)
        | Reply::Edited { .. }
        | Reply::Imported { .. }
        | Reply::RolesListed(_)
        | Reply::Stopping
        | Reply::Prompt(_)
        | Reply::RunInProcess => Err(Error::new(
            Code::Unsupported,
            "the agent answered something else than credentials",
        )
        .hint("the agent and `fob` are of different versions: restart the agent")),
    }
}
