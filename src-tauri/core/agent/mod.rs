//! Requests in, replies out. [`Agent`] owns the auth manager; who asks sees only [`api`].

pub mod api;
pub mod pasted;

use crate::auth::Auth;

/// The agent in the asking process itself. Sign-ins that wait for a person are kept here until they are answered.
#[derive(Debug)]
pub struct Agent {
    auth: Auth,
}

impl Agent {
    pub fn in_process(auth: Auth) -> Agent {
        Agent { auth }
    }

    pub async fn ask(&mut self, call: api::Call) -> api::Answered {
        let _ = (&self.auth, call);
        unreachable!("being built")
    }
}
