use super::super::fault::FaultKind;
use super::*;
use crate::clock::Clock;
use crate::config::HostVariant;
use crate::environment::Environment;
use crate::ids::AccessKeyId;
use crate::secret::{Keys, Origin, SecretAccessKey};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

fn region(text: &str) -> Region {
    text.parse().expect("a region")
}

fn page(wish: Option<&str>, of: &str) -> Result<String> {
    super::page(wish, &region(of))
}

fn session() -> Session {
    let now = std::time::SystemTime::UNIX_EPOCH;
    Session {
        keys: Keys {
            access_key_id: AccessKeyId::parse("ASIAIOSFODNN7EXAMPLE").expect("a key id"),
            secret_access_key: SecretAccessKey::parse("wJalr/UtnF+EMI").expect("a secret"),
        },
        token: Some(SessionToken::parse("IQo\"Jb3==").expect("a token")),
        issued_at: now,
        expires_at: now + LINK_LIFE,
        principal: None,
        account: None,
        origin: Origin::Keyring,
    }
}

/// Where the token is requested and the link leads.
fn federation(variables: &[(&str, &str)], written: Option<&str>, of: &str) -> Result<String> {
    let aws = Aws::new(Environment::of(variables.iter().copied()), Clock::system());
    aws.federation(Place {
        region: &region(of),
        endpoint_url: written,
        hosts: HostVariant::default(),
        tries: Tries::One,
    })
}

#[test]
fn each_partition_has_its_own_sign_in_and_its_own_console() {
    for (of, sign_in, console) in [
        (
            "us-east-1",
            "https://signin.aws.amazon.com/federation",
            "https://console.aws.amazon.com",
        ),
        (
            "eu-central-1",
            "https://signin.aws.amazon.com/federation",
            "https://console.aws.amazon.com",
        ),
        (
            "cn-north-1",
            "https://signin.amazonaws.cn/federation",
            "https://console.amazonaws.cn",
        ),
        (
            "cn-northwest-1",
            "https://signin.amazonaws.cn/federation",
            "https://console.amazonaws.cn",
        ),
        (
            "us-gov-west-1",
            "https://signin.amazonaws-us-gov.com/federation",
            "https://console.amazonaws-us-gov.com",
        ),
        (
            "us-gov-east-1",
            "https://signin.amazonaws-us-gov.com/federation",
            "https://console.amazonaws-us-gov.com",
        ),
    ] {
        assert_eq!(federation(&[], None, of).as_deref(), Ok(sign_in), "{of}");
        assert_eq!(
            page(None, of),
            Ok(format!("{console}/console/home?region={of}"))
        );
        assert_eq!(
            page(Some("s3"), of),
            Ok(format!("{console}/s3/home?region={of}"))
        );
        let whole = format!("{console}/ec2/home?region={of}#Instances:");
        assert_eq!(page(Some(&whole), of), Ok(whole));
        let elsewhere = if of.starts_with("cn-") {
            "us-east-1"
        } else {
            "cn-north-1"
        };
        assert!(
            page(Some(&format!("{console}/")), elsewhere).is_err(),
            "another partition's page in {elsewhere}"
        );
    }
}

#[test]
fn an_endpoint_of_somebodys_own_is_asked_in_the_order_of_every_other_call() {
    let general = ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566/");
    let own = ("AWS_ENDPOINT_URL_SIGNIN", "https://signin.example");
    let of_sts = ("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1");
    for (variables, written, expected) in [
        (
            &[general, of_sts][..],
            None,
            "http://127.0.0.1:4566/federation",
        ),
        (&[general, own], None, "https://signin.example/federation"),
        (
            &[general, own],
            Some("http://localhost:4599"),
            "http://localhost:4599/federation",
        ),
        (&[of_sts], None, "https://signin.aws.amazon.com/federation"),
        (&[], Some("http://[::1]"), "http://[::1]/federation"),
        (
            &[],
            Some("http://127.0.0.1:80/aws/"),
            "http://127.0.0.1:80/aws/federation",
        ),
    ] {
        assert_eq!(
            federation(variables, written, "eu-west-1").as_deref(),
            Ok(expected),
            "{variables:?}"
        );
    }
}

#[test]
fn keys_are_sent_over_tls_or_to_this_machine_and_nowhere_else() {
    for url in [
        "http://signin.example",
        "http://127.0.0.1.example",
        "http://localhost.example:80",
        "http://127.0.0.1:80@signin.example/",
        "http://localhost:x@signin.example",
        "ftp://x",
        "x",
    ] {
        let error = federation(&[], Some(url), "eu-west-1").expect_err(url);
        assert!(
            error.message.contains(url) && error.message.contains("no keys are sent"),
            "{error}"
        );
    }
}

#[test]
fn a_page_elsewhere_is_refused_however_it_is_written() {
    for wish in [
        "https://evil.example/",
        "http://console.aws.amazon.com/",
        "https://console.aws.amazon.com@evil.example/",
        "https://evil.example\\.aws.amazon.com/",
        "https://evil.example#.aws.amazon.com",
        "https://evilaws.amazon.com/",
        "https://console.aws.amazon.com:8443/",
        "https://console.aws.amazon.com/\n",
        "https://console.aws.amazon.com/a b",
        "https://",
        "javascript:alert(1)",
        "//console.aws.amazon.com",
        "s3/../..",
        "S3",
        "ec2?x",
    ] {
        let refused = page(Some(wish), "eu-west-1");
        if wish.ends_with('\n') {
            assert_eq!(
                refused.as_deref(),
                Ok(wish.trim()),
                "white space around it does not matter"
            );
            continue;
        }
        let error = refused.expect_err(wish);
        assert_eq!(
            (error.code, error.hints.len()),
            (Code::InvalidInput, 1),
            "{wish}"
        );
    }
    assert!(
        page(
            Some(&format!(
                "https://console.aws.amazon.com/{}",
                "x".repeat(2048)
            )),
            "eu-west-1"
        )
        .is_err()
    );
    for wish in [
        "https://eu-west-1.console.aws.amazon.com/s3/home",
        "https://health.aws.amazon.com/health/home",
    ] {
        assert_eq!(page(Some(wish), "eu-west-1").as_deref(), Ok(wish));
    }
    assert_eq!(page(Some(" "), "eu-west-1"), page(None, "eu-west-1"));
}

#[test]
fn the_token_is_asked_for_with_the_whole_session_and_a_duration_only_where_one_is_given() {
    let keys = "&Session=%7B%22sessionId%22%3A%22ASIAIOSFODNN7EXAMPLE%22%2C%22sessionKey%22%3A%22wJalr%2FUtnF%2BEMI\
                %22%2C%22sessionToken%22%3A%22IQo%5C%22Jb3%3D%3D%22%7D";
    let form = |duration: Option<&str>| {
        let duration = duration.map(|text| text.parse().expect("a duration"));
        token_request(&session(), duration)
            .expect("a form")
            .to_string()
    };
    assert_eq!(form(None), format!("Action=getSigninToken{keys}"));
    assert_eq!(
        form(Some("6h")),
        format!("Action=getSigninToken&SessionDuration=21600{keys}")
    );
}

#[test]
fn a_link_holds_the_token_and_the_page_escaped_and_does_not_show_itself() {
    let aws = Aws::new(Environment::of::<&str, &str>([]), Clock::system());
    let place = Place {
        region: &region("eu-west-1"),
        endpoint_url: None,
        hosts: HostVariant::default(),
        tries: Tries::One,
    };
    let door = aws.console_door(place, None).expect("a door");
    let link = link(&door, &Secret::new("a-b_c&d=+/"));
    assert_eq!(
        link.expose(),
        "https://signin.aws.amazon.com/federation?Action=login&Issuer=keyfob&Destination=https%3A%2F%2Fconsole.aws\
         .amazon.com%2Fconsole%2Fhome%3Fregion%3Deu-west-1&SigninToken=a-b_c%26d%3D%2B%2F"
    );
    assert_eq!(format!("{link:?}"), "Secret(…)");
}

/// One answer for each call; returns the calls.
async fn ask(answers: &[&str], tries: Tries) -> (Result<Secret, Fault>, Vec<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let federation = format!(
        "http://{}/federation",
        listener.local_addr().expect("an address")
    );
    let serve = async {
        let mut heard = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.expect("a caller");
            let mut request = vec![0; 64 * 1024];
            let mut length = 0;
            // The keys are the last to come.
            while !request[..length].ends_with(b"%7D") {
                length += stream.read(&mut request[length..]).await.expect("readable");
            }
            heard.push(String::from_utf8_lossy(&request[..length]).into_owned());
            // Who does not read to the end hangs up.
            let _ = stream.write_all(answer.as_bytes()).await;
        }
        heard
    };
    let aws = Aws::new(Environment::of::<&str, &str>([]), Clock::system());
    let door = ConsoleDoor {
        federation,
        page: "https://console.aws.amazon.com".to_owned(),
        tries,
    };
    let session = session();
    tokio::join!(aws.console_link(&session, &door, None), serve)
}

fn answer(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn the_keys_travel_in_the_body_and_the_token_becomes_a_link() {
    let good = answer("200", r#"{"SigninToken":"t0ken","more":1}"#);
    let (link, calls) = ask(&[&good], Tries::One).await;
    assert!(link.expect("a link").expose().ends_with(
        "/federation?Action=login&Issuer=keyfob&Destination=https%3A%2F%2Fconsole.aws.amazon.com&SigninToken=t0ken"
    ));
    let (head, body) = calls[0].split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("POST /federation HTTP/1.1\r\n"), "{head}");
    assert!(
        head.to_ascii_lowercase()
            .contains("content-type: application/x-www-form-urlencoded"),
        "{head}"
    );
    assert!(
        body.starts_with("Action=getSigninToken&Session=%7B%22sessionId"),
        "{body}"
    );
    assert!(!head.contains("ASIA") && !head.contains("wJalr"), "{head}");
}

#[tokio::test]
async fn every_answer_without_a_token_is_a_refusal_or_a_trouble_that_passes_and_quotes_nothing() {
    let page = "<html>wJalr is not a key</html>";
    let long = format!("{{\"SigninToken\":\"{}\"}}", "x".repeat(1 << 20));
    for (status, body, kind, says) in [
        ("400", page, FaultKind::Other, "answered 400"),
        ("403", page, FaultKind::Other, "answered 403"),
        ("302", page, FaultKind::Unreachable, "not AWS's"),
        ("404", page, FaultKind::Other, "answered 404"),
        ("429", page, FaultKind::Unreachable, "answered 429"),
        ("500", page, FaultKind::Unreachable, "answered 500"),
        ("503", page, FaultKind::Unreachable, "answered 503"),
        ("200", page, FaultKind::Unreachable, "a captive portal"),
        (
            "200",
            r#"{"SigninToken":""}"#,
            FaultKind::Other,
            "holds no token",
        ),
        (
            "200",
            r#"{"SigninToken":null}"#,
            FaultKind::Other,
            "holds no token",
        ),
        ("200", "", FaultKind::Other, "holds no token"),
        ("200", &long, FaultKind::Unreachable, "longer than 1 MiB"),
    ] {
        let (refused, _) = ask(&[&answer(status, body)], Tries::One).await;
        let fault = refused.expect_err(status);
        assert_eq!((fault.kind, fault.code), (kind, None), "{status} {body}");
        assert!(
            fault.message.as_str().contains(says) && !fault.message.as_str().contains("wJalr"),
            "{}",
            fault.message
        );
    }
}

#[tokio::test]
async fn trouble_that_passes_is_waited_out_and_a_refusal_is_not_repeated() {
    let (bad, good) = (
        answer("503", ""),
        answer("200", r#"{"SigninToken":"t0ken"}"#),
    );
    let (link, calls) = ask(&[&bad, "", &good], Tries::Several).await;
    assert!(link.is_ok() && calls.len() == 3, "{link:?}");
    let (refused, _) = ask(&[&answer("400", "")], Tries::Several).await;
    assert!(refused.is_err());
    let (link, _) = ask(&[&bad], Tries::One).await;
    assert_eq!(link.expect_err("one try").kind, FaultKind::Unreachable);
}
