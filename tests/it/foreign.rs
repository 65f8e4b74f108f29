//! What servers, programs and other processes say is shown without their control characters,
//! handed on only where it has the form of credentials, and read no further than an answer goes.

use crate::home::{DEV, Home, code, text};
use crate::support::prints;
use keyfob_core::secret::Secret;
use keyfob_core::store::{EntryKind, EntryName};
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const HERE: &str = "auth:
  identities:
    here: { kind: aws/user, credentials: { access_key_id: !env ID, secret_access_key: !env SECRET } }
";
const AMBIENT: &str = "auth: { identities: { here: { kind: aws/ambient } } }\n";
const CONTAINER: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
/// A line end, and what would then be a section of its own.
const SECTION: &str = "t0k3n\n[prod]\ncredential_process = touch /tmp/taken\n";
const STEERING: &str = "no\u{1b}[2J\u{9b}\u{202e}way\u{2028}\u{2066}out\r\nfake: line";

/// A server that gives every caller the same answer, as long as the test runs.
fn server(head: &str, body: &str) -> String {
    let length = body.len();
    let answer =
        format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    serve(move |mut stream| {
        // One read holds the whole of so short a request.
        let _ = stream.read(&mut [0; 8192]);
        let _ = stream.write_all(answer.as_bytes());
    })
}

fn serve(answer: impl Fn(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            answer(stream.expect("a connection"));
        }
    });
    format!("http://{address}/")
}

/// The sandbox, until `closed`; then a page of the network it is reached through.
fn portal_before(home: &Home, closed: &Arc<AtomicBool>) -> String {
    let sandbox = home.sandbox().url().replace("http://", "");
    let sandbox = sandbox.trim_end_matches('/').to_owned();
    let closed = Arc::clone(closed);
    serve(move |mut stream| {
        if closed.load(Ordering::SeqCst) {
            let _ = stream.read(&mut [0; 8192]);
            let page = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n\
                        <!DOCTYPE html><script>InvalidClientTokenId</script>";
            let _ = stream.write_all(page.as_bytes());
            return;
        }
        let mut there = TcpStream::connect(&sandbox).expect("the sandbox");
        let mut from = stream.try_clone().expect("a connection");
        let mut to = there.try_clone().expect("a connection");
        std::thread::spawn(move || std::io::copy(&mut from, &mut to));
        std::thread::spawn(move || std::io::copy(&mut there, &mut stream));
    })
}

fn refusal(message: &str) -> String {
    format!(
        "<ErrorResponse><Error><Code>AccessDenied</Code><Message>{message}</Message></Error></ErrorResponse>"
    )
}

fn granted(token: &str, expiration: &str) -> String {
    format!(
        "<GetSessionTokenResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
         <GetSessionTokenResult><Credentials><AccessKeyId>ASIA1111222233334444</AccessKeyId>\
         <SecretAccessKey>s3cr3t</SecretAccessKey><SessionToken>{token}</SessionToken>\
         <Expiration>{expiration}</Expiration></Credentials></GetSessionTokenResult>\
         </GetSessionTokenResponse>"
    )
}

fn printed(version: &str, token_field: &str, token: &str, expiration: &str) -> String {
    format!(
        r#"{{{version}"AccessKeyId":"ASIA1111222233334444","SecretAccessKey":"s3cr3t","{token_field}":{},"Expiration":"{expiration}"}}"#,
        serde_json::to_string(token).expect("text")
    )
}

/// A program of the configuration that prints this.
fn program(home: &Home, output: &str) {
    let file = home.path().join("output.json");
    fs::write(&file, output).expect("a file");
    let config = format!(
        "auth: {{ identities: {{ here: {{ kind: aws/process, credentials: {{ process: '{}' }} }} }} }}\n",
        prints(&file)
    );
    fs::write(home.config(), config).expect("a configuration");
}

fn login(home: &Home, more: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut fob = home.fob(&[&["login", "here"], more].concat());
    fob.env("ID", home.key().access_key_id.as_str())
        .env("SECRET", home.key().secret_access_key.expose())
        .envs(variables.iter().copied())
        .output()
        .expect("fob starts")
}

fn is_harmless(said: &str) -> bool {
    let steers = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    !said.contains(steers) && !said.contains("\nfake")
}

#[test]
fn what_a_server_says_steers_no_terminal_and_no_log() {
    let home = Home::with(HERE);
    let hostile = server("403 Forbidden", &refusal(STEERING));
    let mut agent = home.fob(&["agent", "run", "-vv"]);
    agent.env("AWS_ENDPOINT_URL", &hostile);
    let agent = home.agent(agent);
    for more in [&["--no-agent"][..], &[], &["--json"]] {
        let ran = login(&home, more, &[("AWS_ENDPOINT_URL", &hostile)]);
        let said = text(&ran.stderr) + &text(&ran.stdout);
        assert_eq!(code(&ran), 1, "{said}");
        assert!(
            said.contains("no\u{fffd}[2J") && is_harmless(&said),
            "{said:?}"
        );
    }
    assert!(is_harmless(&agent.said()), "{:?}", agent.said());
    drop(agent);
    fs::write(home.config(), AMBIENT).expect("a configuration");
    let json = serde_json::json!({ "code": STEERING, "message": STEERING }).to_string();
    for body in [json.as_str(), STEERING] {
        let hostile = server("403 Forbidden", body);
        let ran = login(&home, &[], &[(CONTAINER, &hostile)]);
        let said = text(&ran.stderr);
        assert!(
            said.contains("no\u{fffd}[2J") && is_harmless(&said),
            "{said:?}"
        );
    }
}

#[test]
fn a_page_of_a_container_endpoint_does_not_stand_in_a_hint() {
    let home = Home::with(AMBIENT);
    let page = "<html><head><title>404</title></head><body onload=x>gone</body></html>";
    let ran = login(&home, &[], &[(CONTAINER, &server("404 Gone", page))]);
    let said = text(&ran.stderr);
    assert!(
        said.contains("answered 404, with a page for a browser"),
        "{said}"
    );
    assert!(!said.contains('<') && !said.contains("onload"), "{said}");
}

/// Everything below the home folder that AWS tools read.
fn files_of_aws(home: &Home) -> String {
    let mut all = String::new();
    for path in home.digest().into_keys().filter(|path| path.is_file()) {
        if path.starts_with(home.path().join(".aws")) {
            all += &text(&fs::read(path).expect("a file"));
        }
    }
    all
}

#[test]
fn a_session_token_with_a_line_end_reaches_no_file() {
    const LATER: &str = "2099-01-01T00:00:00Z";
    let home = Home::with(HERE);
    let refused = |home: &Home, variables: &[(&str, &str)], says: &str| {
        for more in [&[][..], &["--no-agent"]] {
            let ran = login(home, more, variables);
            let said = text(&ran.stderr);
            assert_eq!(code(&ran), 1, "{said}");
            assert!(said.contains(says) && !said.contains("t0k3n"), "{said}");
            assert!(
                !files_of_aws(home).contains("[prod]"),
                "{}",
                files_of_aws(home)
            );
        }
    };
    let hostile = server("200 OK", &granted(&SECTION.replace('\n', "&#10;"), LATER));
    let endpoint = ("AWS_ENDPOINT_URL", hostile.as_str());
    refused(&home, &[endpoint], "holds no usable session token");
    program(
        &home,
        &printed(r#""Version":1,"#, "SessionToken", SECTION, LATER),
    );
    refused(
        &home,
        &[],
        "`SessionToken`: the session token holds a space, a line end",
    );
    fs::write(home.config(), AMBIENT).expect("a configuration");
    let hostile = server("200 OK", &printed("", "Token", SECTION, LATER));
    refused(
        &home,
        &[(CONTAINER, &hostile)],
        "`Token`: the session token holds",
    );
    let given = [("AWS_ACCESS_KEY_ID", "ASIA1111222233334444")];
    let given = [
        given[0],
        ("AWS_SECRET_ACCESS_KEY", "s3cr3t"),
        ("AWS_SESSION_TOKEN", SECTION),
    ];
    refused(&home, &given, "AWS_SESSION_TOKEN: the session token holds");
}

#[test]
fn a_session_token_with_a_line_end_in_the_keyring_is_not_used() {
    let home = Home::signed_up(DEV);
    assert_eq!(code(&home.run(&["login", "dev"])), 0);
    let keychain = home.keychain();
    let name = EntryName::new("default", EntryKind::Session, "dev");
    crate::home::wait_for(async {
        let entries = keychain.list().await.expect("a keyring");
        let entry = entries
            .into_iter()
            .find(|it| it.name == name)
            .expect("a session");
        let stored = keychain.read(&name).await.expect("read").expect("there");
        let mut value: serde_json::Value = serde_json::from_str(stored.expose()).expect("an entry");
        value["session_token"] = SECTION.into();
        let written = Secret::new(value.to_string());
        keychain.write(&entry, written).await.expect("written");
    });
    for more in [
        &["env", "dev", "--static"][..],
        &["credential-process", "dev"],
    ] {
        let ran = home.run(more);
        let said = text(&ran.stderr) + &text(&ran.stdout);
        assert!(
            !said.contains("t0k3n") && !said.contains("[prod]"),
            "{said}"
        );
    }
    let _ = home.run(&["login", "dev"]);
    assert!(
        !files_of_aws(&home).contains("[prod]"),
        "{}",
        files_of_aws(&home)
    );
}

#[test]
fn credentials_that_are_over_when_they_come_are_an_error_of_their_own() {
    const OVER: &str = "2020-01-01T00:00:00Z";
    let home = Home::with(HERE);
    let over = |variables: &[(&str, &str)]| {
        let ran = login(&home, &["--json"], variables);
        let said = text(&ran.stdout) + &text(&ran.stderr);
        assert_eq!(code(&ran), 1, "{said}");
        assert!(said.contains(r#""code": "answer_expired""#), "{said}");
        assert!(said.contains("had expired already"), "{said}");
    };
    let hostile = server("200 OK", &granted("t", OVER));
    over(&[("AWS_ENDPOINT_URL", &hostile)]);
    program(
        &home,
        &printed(r#""Version":1,"#, "SessionToken", "t", OVER),
    );
    over(&[]);
    fs::write(home.config(), AMBIENT).expect("a configuration");
    let hostile = server("200 OK", &printed("", "Token", "t", OVER));
    over(&[(CONTAINER, &hostile)]);
}

#[test]
fn a_program_that_prints_too_much_is_told_so_and_its_never_is_an_end() {
    let home = Home::with(HERE);
    program(&home, &"a".repeat(70_000));
    let ran = login(&home, &[], &[]);
    let said = text(&ran.stderr);
    assert_eq!(code(&ran), 1, "{said}");
    assert!(said.contains("it printed more than 64 KiB"), "{said}");
    let never = "9999-12-31T23:59:59Z";
    program(
        &home,
        &printed(r#""Version":1,"#, "SessionToken", "t", never),
    );
    for more in [&[][..], &["--no-agent"]] {
        let ran = login(&home, more, &[]);
        assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
    }
    let shown = home.run(&["list"]);
    assert!(
        text(&shown.stdout).contains("valid"),
        "{}",
        text(&shown.stdout)
    );
}

/// An agent of its own, say; programs have a minute.
#[cfg(unix)]
#[test]
fn what_a_program_leaves_behind_is_not_waited_for() {
    let home = Home::with(HERE);
    let output = printed(
        r#""Version":1,"#,
        "SessionToken",
        "t",
        "2099-01-01T00:00:00Z",
    );
    program(&home, &output);
    let script = home.path().join("leaves.sh");
    let printing = format!("sleep 90 &\ncat {}/output.json\n", home.path().display());
    fs::write(&script, printing).expect("a script");
    let config = fs::read_to_string(home.config()).expect("a configuration");
    let config = config
        .replace("cat ", "sh ")
        .replace("output.json", "leaves.sh");
    fs::write(home.config(), config).expect("a configuration");
    let ran = login(&home, &[], &[]);
    assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
}

#[test]
fn a_page_of_a_captive_portal_is_a_fault_of_the_network_and_clears_nothing() {
    let home = Home::with(DEV);
    let closed = Arc::new(AtomicBool::new(false));
    let portal = portal_before(&home, &closed);
    let run = |arguments: &[&str], input: &str| {
        let mut fob = home.fob(arguments);
        fob.env("AWS_ENDPOINT_URL", &portal);
        crate::home::with_input(fob, input)
    };
    let keys = crate::home::typed(&home.key());
    let stored = run(&["user", "configure", "dev", "--stdin"], &keys);
    assert_eq!(code(&stored), 0, "{}", text(&stored.stderr));
    let before = home.keyring();
    closed.store(true, Ordering::SeqCst);
    let ran = run(&["login", "dev", "--json"], "");
    let said = text(&ran.stdout) + &text(&ran.stderr);
    assert_eq!(code(&ran), 1, "{said}");
    assert!(said.contains(r#""code": "network""#), "{said}");
    assert!(said.contains("a captive portal or a proxy?"), "{said}");
    assert_eq!(home.keyring(), before);
    let sent_away = server("302 Found\r\nlocation: http://login.example/", "");
    let refused = server(
        "403 Forbidden\r\ncontent-type: text/html",
        "<html>no</html>",
    );
    fs::write(home.config(), HERE).expect("a configuration");
    for portal in [sent_away, refused] {
        let ran = login(&home, &["--json"], &[("AWS_ENDPOINT_URL", &portal)]);
        let said = text(&ran.stdout) + &text(&ran.stderr);
        assert!(said.contains(r#""code": "network""#), "{said}");
        assert!(said.contains("a captive portal or a proxy?"), "{said}");
    }
}
