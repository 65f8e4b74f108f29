//! Answers that have the form of AWS's, and what none of AWS's holds.

use super::*;
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

/// The sign-in by a code, and what the service answers: several answers of one path in their
/// order, the last one from then on.
struct OddService {
    office: Office,
    requests: Arc<Mutex<Vec<String>>>,
}

const REGISTER: &str = "/client/register";
const DEVICE: &str = "/device_authorization";
const TOKEN: &str = "/token";
const CREDENTIALS: &str = "/federation/credentials";
const ACCOUNTS: &str = "/assignment/accounts";
const SIGN_IN: &[&str] = &["login", "admin", "--no-browser"];

fn usual() -> Vec<(&'static str, Value)> {
    let ends = (jiff::Timestamp::now().as_millisecond() / 1000 + 3600) * 1000;
    vec![
        (
            REGISTER,
            json!({ "clientId": "id", "clientSecret": "secret", "clientSecretExpiresAt": 0 }),
        ),
        (
            DEVICE,
            json!({ "deviceCode": "d", "userCode": "ABCD-EFGH", "interval": 1, "expiresIn": 600,
                    "verificationUriComplete": "https://device.example/?user_code=ABCD-EFGH" }),
        ),
        (
            TOKEN,
            json!({ "accessToken": "a", "expiresIn": 2, "refreshToken": "r-1" }),
        ),
        (
            CREDENTIALS,
            json!({ "roleCredentials": {
                "accessKeyId": "ASIA1111222233334444", "secretAccessKey": "s3cr3t",
                "sessionToken": "t", "expiration": ends,
            } }),
        ),
    ]
}

/// As usual, but for these fields of the answer of a path.
fn but(path: &str, change: &Value) -> OddService {
    let mut answers = usual();
    let (_, answer) = answers.iter_mut().find(|it| it.0 == path).expect("a path");
    for (name, value) in change.as_object().expect("fields") {
        answer[name] = value.clone();
    }
    OddService::answering(answers)
}

impl OddService {
    fn answering(mut answers: Vec<(&'static str, Value)>) -> OddService {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("it listens"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&requests);
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                let mut request = vec![0; 1 << 16];
                let length = stream.read(&mut request).unwrap_or_default();
                let request = String::from_utf8_lossy(&request[..length]).into_owned();
                let is_for = |path: &str| {
                    let line = request.lines().next().unwrap_or_default();
                    line.contains(&format!(" {path}"))
                };
                let at = answers.iter().position(|it| is_for(it.0)).expect("a path");
                let is_last = answers[at + 1..].iter().all(|it| it.0 != answers[at].0);
                let body = answers[at].1.to_string();
                if !is_last {
                    answers.remove(at);
                }
                noted.lock().expect("no panic").push(request);
                let length = body.len();
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
                let _ = write!(
                    stream,
                    "{head}connection: close\r\ncontent-length: {length}\r\n\r\n{body}"
                );
            }
        });
        let at_it = format!("awsapps.com/start\", spec: {{ endpoint_url: \"{url}\" }} }}");
        let office = Office::with(&CENTER.replace("awsapps.com/start\" }", &at_it));
        OddService { office, requests }
    }

    fn signed_in(&self, arguments: &[&str]) -> (String, i32) {
        let (shown, exit) = self.office.on_a_terminal(arguments).finish();
        assert!(!shown.contains("panicked"), "{shown}");
        (shown.replace("\r\n", " "), exit)
    }

    fn asked(&self, path: &str) -> Vec<String> {
        let requests = self.requests.lock().expect("no panic");
        let of_it = requests.iter().filter(|it| it.contains(path));
        of_it.cloned().collect()
    }
}

#[test]
fn an_answer_that_cannot_be_used_is_said_and_the_terminal_shows_none_of_it() {
    let odd = "x\u{1b}[2J\u{202e}\r\nfake: line";
    let far = i64::MAX;
    let session = |field: &str, value: Value| {
        let mut usual = usual().pop().expect("credentials").1;
        usual["roleCredentials"][field] = value;
        usual
    };
    for (path, change, words) in [
        (REGISTER, json!({ "clientId": "" }), "holds no registration"),
        (DEVICE, json!({ "userCode": odd }), "holds no code to enter"),
        (
            DEVICE,
            json!({ "userCode": "A".repeat(5000) }),
            "holds no code to enter",
        ),
        (
            DEVICE,
            json!({ "deviceCode": "" }),
            "holds no code to enter",
        ),
        (DEVICE, json!({ "expiresIn": 0 }), "holds no code to enter"),
        (
            DEVICE,
            json!({ "verificationUriComplete": "file:///etc/passwd" }),
            "no address to enter it at",
        ),
        (
            DEVICE,
            json!({ "verificationUriComplete": format!("https://x/{odd}") }),
            "no address to enter it at",
        ),
        (
            TOKEN,
            json!({ "accessToken": odd }),
            "holds no usable token",
        ),
        (TOKEN, json!({ "expiresIn": -1 }), "holds no usable expiry"),
        (
            CREDENTIALS,
            session("expiration", json!(far)),
            "holds no usable expiry",
        ),
        (CREDENTIALS, session("expiration", json!(1)), "had expired"),
    ] {
        let service = but(path, &change);
        let (shown, exit) = service.signed_in(SIGN_IN);
        assert_eq!(exit, 1, "{path} {change}: {shown}");
        assert!(shown.contains(words), "{path} {change}: {shown}");
        assert!(!shown.contains('\u{202e}'), "{shown:?}");
    }
}

/// Neither the waiting between two questions nor the code has to end, as far as the service says.
#[test]
fn a_code_ends_when_it_does_however_seldom_the_service_wants_to_be_asked() {
    let service = but(DEVICE, &json!({ "interval": i32::MAX, "expiresIn": 1 }));
    let (shown, exit) = service.signed_in(SIGN_IN);
    assert_eq!(exit, 0, "asked once more at its end: {shown}");
    let service = but(DEVICE, &json!({ "expiresIn": i32::MAX }));
    let (shown, exit) = service.signed_in(SIGN_IN);
    assert_eq!(exit, 0, "{shown}");
}

#[test]
fn a_registration_without_an_end_is_kept_and_used_again() {
    for end in [0, i64::MAX] {
        let service = but(REGISTER, &json!({ "clientSecretExpiresAt": end }));
        for arguments in [SIGN_IN, &["login", "admin", "--force-all"]] {
            let (shown, exit) = service.signed_in(arguments);
            assert_eq!(exit, 0, "{end}: {shown}");
        }
        assert_eq!(service.asked(REGISTER).len(), 1, "{end}");
    }
}

#[test]
fn a_refresh_token_that_is_not_replaced_stays() {
    let mut answers = usual();
    let none = json!({ "accessToken": "b", "expiresIn": 2, "refreshToken": "" });
    answers.push((TOKEN, none));
    let service = OddService::answering(answers);
    let (shown, exit) = service.signed_in(SIGN_IN);
    assert_eq!(exit, 0, "{shown}");
    for _ in 0..2 {
        let (shown, exit) = service.signed_in(&["login", "admin", "--force-all"]);
        assert_eq!(exit, 0, "{shown}");
    }
    let renewals = service.asked(TOKEN).split_off(1);
    let with_it = renewals.iter().filter(|it| it.contains("\"r-1\""));
    assert_eq!(with_it.count(), 2, "{renewals:?}");
}

#[test]
fn a_list_that_goes_on_for_ever_is_given_up() {
    let mut answers = usual();
    answers.push((ACCOUNTS, json!({ "accountList": [], "nextToken": "more" })));
    let service = OddService::answering(answers);
    let (shown, exit) = service.signed_in(&["login", "reader", "--no-browser"]);
    assert_eq!(exit, 1, "{shown}");
    assert!(shown.contains("does not come to its end"), "{shown}");
}
