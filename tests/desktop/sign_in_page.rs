//! An identity provider's page (SAML) in a window of its own: what it would send to AWS signs in
//! here, and it reaches nothing of the app.

use crate::app::App;
use crate::desktop::Desktop;
use crate::home::Home;
use crate::windows;
use aws_smithy_types::base64;
use jiff::{Timestamp, ToSpan};
use keyfob_core::sandbox::{RoleTrust, SandboxRole};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

/// On loopback, for as long as the test runs. A person who has signed in is known by a cookie.
struct IdentityProvider {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

/// Tries what a hostile page would, says what came of it, and signs in as a person would.
const PAGE: &str = "<title>kim@example</title>
    <form method=post action=https://signin.aws.amazon.com/saml>
    <input type=hidden name=SAMLResponse value='ASSERTION'><button>Sign in</button></form>
    <script>
    const tried = (command) => Promise.resolve()
        .then(() => __TAURI_INTERNALS__.invoke(command))
        .then(() => `did:${command}`, () => `refused:${command}`);
    const commands = ['snapshot', 'cancel', 'log_out', 'plugin:event|listen'];
    Promise.all(commands.map(tried)).then(async (said) => {
        ({}).toString = () => 'pages may';
        await fetch('/said/' + said.join(','));
        document.cookie = 'known=kim;max-age=3600';
        SUBMIT
    });
    </script>";

impl IdentityProvider {
    /// `submit` is how the page sends its form.
    fn start(submit: &'static str, role: &'static str) -> IdentityProvider {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = format!("http://{}/aws", listener.local_addr().expect("bound"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let page = PAGE.replace("ASSERTION", &assertion(role));
                answer(stream, &seen, &page.replace("SUBMIT", submit));
            }
        });
        IdentityProvider { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no test panics here").clone()
    }

    fn configuration(&self) -> String {
        format!(
            "auth:
  providers:
    okta: {{ kind: aws/saml, region: us-east-1, url: \"{}\" }}
  identities:
    dev: {{ kind: aws/assume-role, via: {{ provider: okta }}, principal: {{ assume_role: \"arn:aws:iam::420000000025:role/dev\" }} }}
",
            self.address
        )
    }
}

/// Notes its first line, and the cookie that came with it.
fn answer(mut stream: TcpStream, asked: &Mutex<Vec<String>>, page: &str) {
    let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
    let head: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
    let cookie = head
        .iter()
        .find(|line| line.to_lowercase().starts_with("cookie"));
    let what = format!(
        "{} {}",
        head.first().map_or("", String::as_str),
        cookie.map_or("", String::as_str)
    );
    asked.lock().expect("no test panics here").push(what);
    let length = page.len();
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{page}"
    );
    // The page may be closed meanwhile.
    let _ = stream.write_all(answer.as_bytes());
}

fn assertion(role: &str) -> String {
    let end = Timestamp::now() + 5.minutes();
    let audience = "https://signin.aws.amazon.com/saml";
    base64::encode(format!(
        r#"<Response><Issuer>https://idp.example</Issuer><Assertion><Signature>x</Signature>
<Subject><NameID>kim</NameID></Subject>
<Conditions NotOnOrAfter="{end}"><AudienceRestriction><Audience>{audience}</Audience></AudienceRestriction></Conditions>
<AttributeStatement>
<Attribute Name="https://aws.amazon.com/SAML/Attributes/Role"><AttributeValue>arn:aws:iam::420000000025:saml-provider/corp,arn:aws:iam::420000000025:role/{role}</AttributeValue></Attribute>
<Attribute Name="https://aws.amazon.com/SAML/Attributes/RoleSessionName"><AttributeValue>kim@example</AttributeValue></Attribute>
</AttributeStatement></Assertion></Response>"#
    ))
}

fn home(of: &IdentityProvider) -> Home {
    let home = Home::with(&of.configuration());
    let role = SandboxRole::new(
        "arn:aws:iam::420000000025:role/dev".to_owned(),
        RoleTrust::Everybody,
    );
    home.aws().add_role(role).expect("a role");
    home
}

#[test]
fn a_role_is_taken_by_the_page_of_an_identity_provider_which_reaches_nothing_of_the_app() {
    let desktop = Desktop::new();
    let idp = IdentityProvider::start("document.forms[0].submit();", "dev");
    let home = home(&idp);
    let known = |asked: &str| asked.starts_with("GET /aws") && asked.contains("known=kim");
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    page.press("Sign in: dev");
    page.sees("dev Valid");
    windows::disappears("http://127");
    let asked = idp.asked();
    let said = asked.iter().find(|it| it.contains("/said/"));
    let said = said.expect("the page ran");
    assert!(said.contains("refused:snapshot"), "{said}");
    assert!(!said.contains("did:"), "{said}");
    assert!(asked.iter().all(|it| it.starts_with("GET ")), "{asked:?}");
    assert!(!asked.iter().any(|it| known(it)), "{asked:?}");
    let source = &home.json(&["whoami", "dev", "--json"])["source"];
    assert_eq!(source, "SAML assertion");
    let pages = home.path(".local/state/keyfob/default/pages");
    let mode = std::fs::metadata(&pages)
        .expect("kept")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
    drop(page);
    drop(app);

    home.run(&["logout", "dev", "--keep-provider"]);
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    page.press("Sign in: dev");
    page.sees("dev Valid");
    let asked = idp.asked();
    assert!(asked.iter().any(|it| known(it)), "{asked:?}");

    let dry = home.run(&["logout", "--provider", "okta", "--dry-run"]);
    let removed = String::from_utf8_lossy(&dry.stdout).into_owned();
    assert!(removed.contains("cookies of its sign-in page"), "{removed}");
    assert!(std::fs::read_dir(&pages).expect("kept").count() > 0);
    home.run(&["logout", "--provider", "okta"]);
    assert_eq!(std::fs::read_dir(&pages).expect("kept").count(), 0);
    let before = idp.asked().len();
    page.sees("dev Signed out");
    page.press("Sign in: dev");
    page.sees("dev Valid");
    assert!(!idp.asked()[before..].iter().any(|it| known(it)));
}

#[test]
fn a_program_waits_for_the_page_and_an_assertion_that_is_of_no_use_is_said_at_the_prompt() {
    let desktop = Desktop::new();
    let idp = IdentityProvider::start("document.forms[0].requestSubmit();", "other");
    let home = home(&idp);
    let app = App::start(&desktop, &home, &["--hidden"]);
    app.serves(&home);
    let program = home.start_fob(&["credential-process", "dev", "--wait", "60"]);
    let page = app.prompt_page();
    assert_eq!(idp.asked().len(), 0, "no page without a press");
    page.press("Open sign-in page");
    let ran = program.wait_with_output().expect("fob ends");
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(said.contains("role/other"), "{said}");
    assert!(idp.asked().iter().all(|it| it.starts_with("GET ")));
}

#[test]
fn a_sign_in_of_a_terminal_goes_on_in_the_window_with_the_page() {
    let desktop = Desktop::new();
    let idp = IdentityProvider::start("document.querySelector('button').click();", "dev");
    let home = home(&idp);
    let app = App::start(&desktop, &home, &["--hidden"]);
    app.serves(&home);
    let fob = home.fob(&["login", "dev"]).get_program().to_owned();
    let mut terminal = home.command("script");
    let login = format!("{} login dev", fob.to_string_lossy());
    terminal.args(["--quiet", "--return", "--command", &login, "/dev/null"]);
    let terminal = terminal.stdout(std::process::Stdio::piped()).spawn();
    let page = app.prompt_page();
    page.press("Open sign-in page");
    let ran = terminal.expect("it is installed").wait_with_output();
    let ran = ran.expect("it ends");
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success(), "{said}");
    assert!(said.contains(&idp.address), "{said}");
    assert_eq!(
        home.json(&["whoami", "dev", "--json"])["source"],
        "SAML assertion"
    );
}

#[test]
fn what_the_sandboxs_page_keeps_goes_with_the_sandbox() {
    let desktop = Desktop::new();
    let home = Home::empty();
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    let pages = || {
        let realms = std::fs::read_dir(home.path(".local/state/keyfob")).expect("a state folder");
        let realms = realms
            .flatten()
            .filter(|it| it.path().join("pages").is_dir());
        let names = realms.map(|it| it.file_name().to_string_lossy().into_owned());
        names.collect::<Vec<_>>()
    };
    page.press("Try the sandbox");
    page.press("Sign in: ops");
    let address = "http://127.0.0.1:.*/saml";
    windows::appears(address);
    page.sees("needs idp (for ops)");
    windows::press_key_until_gone(address, "Return");
    page.sees("Signed in to ops");
    let sandbox = format!("sandbox-{}", app.pid());
    assert_eq!(pages(), [sandbox]);
    // The row that was signed in to is far down.
    page.script("document.querySelector('main').scrollTo(0, 0)", &[]);
    page.press("Leave");
    page.sees("Set up Keyfob");
    assert!(pages().is_empty(), "{:?}", pages());
}
