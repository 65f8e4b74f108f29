//! An identity provider (SAML) of others' make, whose pages a person walks through in a window of
//! the app: with the keyboard, as no test drives the page from inside.

use crate::app::App;
use crate::desktop::{Desktop, eventually, prepared};
use crate::home::Home;
use crate::pictures::Album;
use crate::windows;
use keyfob_core::sandbox::{RoleTrust, SandboxRole};
use serde_json::Value;
use std::cell::Cell;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

const ROLE: &str = "arn:aws:iam::420000000025:role/dev";
const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/desktop/identity_provider.js"
);

struct IdentityProvider {
    server: Child,
    port: String,
    asked: Arc<Mutex<Vec<String>>>,
    /// How many fields have had the focus.
    focused: Arc<AtomicUsize>,
    filled: Cell<usize>,
}

impl IdentityProvider {
    fn start() -> IdentityProvider {
        let mut node = Command::new(prepared("KEYFOB_NODE"));
        node.args([SCRIPT, ROLE]);
        node.env("NODE_PATH", prepared("KEYFOB_NODE_MODULES"));
        let mut server = node.stdout(Stdio::piped()).spawn().expect("node starts");
        let said = server.stdout.take().expect("it is piped");
        let mut said = BufReader::new(said).lines().map_while(Result::ok);
        let port = said.next().expect("the identity provider listens");
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let focused: Arc<AtomicUsize> = Arc::default();
        let (noted, counted) = (asked.clone(), focused.clone());
        std::thread::spawn(move || {
            said.for_each(|line| match line.as_str() {
                "GET /focused" => {
                    counted.fetch_add(1, Ordering::Relaxed);
                }
                _ => noted.lock().expect("no panic").push(line),
            });
        });
        IdentityProvider {
            server,
            port,
            asked,
            focused,
            filled: Cell::default(),
        }
    }

    /// What was asked for since the last time.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn home(&self) -> Home {
        let home = Home::with(&format!(
            "auth:
  providers:
    okta: {{ kind: aws/saml, region: us-east-1, url: \"http://127.0.0.1:{}/aws\" }}
  identities:
    dev: {{ kind: aws/assume-role, via: {{ provider: okta }}, principal: {{ assume_role: \"{ROLE}\" }} }}
",
            self.port
        ));
        let role = SandboxRole::new(ROLE.to_owned(), RoleTrust::Everybody);
        home.aws().add_role(role).expect("a role");
        home
    }

    /// Where its page is; the portal, which is in the configuration, is elsewhere.
    fn page(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.port)
    }

    /// Types into the page that comes next, once its field has the focus: what is typed before
    /// that is lost, or goes to the page before it.
    fn fill(&self, path: &str, text: &str) {
        let count = self.filled.get() + 1;
        self.filled.set(count);
        let window = windows::appears(&self.page(path));
        windows::focus(&window);
        eventually("the field has the focus", || {
            (self.focused.load(Ordering::Relaxed) >= count).then_some(())
        });
        windows::type_into(&window, text);
        windows::press_keys(&window, "Return");
    }
}

impl Drop for IdentityProvider {
    fn drop(&mut self) {
        // Both fail only where it has ended by itself.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn calls(home: &Home) -> usize {
    let journal = home.aws().journal().into_iter();
    let calls = journal.filter(|call| call.action == "AssumeRoleWithSAML");
    calls.count()
}

#[test]
fn a_program_gets_its_session_once_a_person_has_walked_through_the_pages() {
    let desktop = Desktop::new();
    let idp = IdentityProvider::start();
    let home = idp.home();
    let app = App::start(&desktop, &home, &["--hidden"]);
    app.serves(&home);
    let program = home.start_fob(&["credential-process", "dev", "--wait", "100"]);
    let page = app.prompt_page();
    page.press("Open sign-in page");
    let window = windows::appears(&idp.page("/name"));
    Album::of("light").take(&window, "sign-in-page");
    idp.fill("/name", "kim");
    idp.fill("/password", "wrong");
    idp.fill("/password", "correct horse");
    let ran = program.wait_with_output().expect("fob ends");
    let keys: Value = serde_json::from_slice(&ran.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&ran.stderr)));
    assert!(keys["SessionToken"].is_string(), "{:?}", keys["Version"]);
    windows::disappears(&idp.page(".*"));
    let whoami = home.json(&["whoami", "dev", "--json"]);
    assert_eq!(
        whoami["principal"],
        "arn:aws:sts::420000000025:assumed-role/dev/kim@example"
    );
    assert_eq!(calls(&home), 1);
    let walked = idp.asked().join(", ");
    assert_eq!(
        walked,
        "GET /aws, GET /saml, GET /name, POST /name, GET /password, POST /password, \
         POST /password, GET /saml"
    );
}

#[test]
fn whoever_closes_the_page_gives_the_sign_in_up_and_who_gives_it_up_closes_the_page() {
    let desktop = Desktop::new();
    let idp = IdentityProvider::start();
    let home = idp.home();
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    let prompts = || {
        let status = home.json(&["status", "--json"]);
        status["prompts"].as_array().map_or(0, Vec::len)
    };
    page.press("Sign in: dev");
    let window = windows::appears(&idp.page("/name"));
    assert_eq!(prompts(), 1);
    windows::close(&window);
    page.sees("The sign-in was cancelled");
    page.sees_no_more("Open sign-in page");
    eventually("no prompt is open", || (prompts() == 0).then_some(()));
    page.press("Sign in: dev");
    windows::appears(&idp.page("/name"));
    page.press("Cancel");
    windows::disappears(&idp.page("/name"));
    eventually("no prompt is open", || (prompts() == 0).then_some(()));
    assert_eq!(calls(&home), 0);
}
