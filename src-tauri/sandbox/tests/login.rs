use super::wire::{Answered, request};
use super::*;
use crate::encode::base64url;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use std::time::UNIX_EPOCH;

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const SAME_DEVICE: &str = "arn:aws:signin:::devtools/same-device";
const CROSS_DEVICE: &str = "arn:aws:signin:::devtools/cross-device";
const REDIRECT: &str = "http://127.0.0.1:7777/oauth/callback";
const ROOT: &str = "arn:aws:iam::123456789012:root";

/// A program with the key it proves to hold.
struct Program<'a> {
    setup: &'a Setup,
    key: EcdsaKeyPair,
}

impl Setup {
    fn program(&self) -> Program<'_> {
        let (kind, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let made = EcdsaKeyPair::generate_pkcs8(kind, &random).expect("a key");
        Program {
            setup: self,
            key: EcdsaKeyPair::from_pkcs8(kind, made.as_ref(), &random).expect("the key"),
        }
    }
}

impl Program<'_> {
    fn claims(&self) -> Value {
        let now = self
            .setup
            .clock
            .now()
            .duration_since(UNIX_EPOCH)
            .expect("later");
        json!({
            "jti": random::request_id(),
            "htm": "POST",
            "htu": format!("{}/v1/token", self.setup.sandbox.url()),
            "iat": now.as_secs(),
        })
    }

    fn header(&self) -> Value {
        let point = self.key.public_key().as_ref();
        let (x, y) = (
            base64url::encode(&point[1..33]),
            base64url::encode(&point[33..]),
        );
        json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": { "kty": "EC", "crv": "P-256", "x": x, "y": y } })
    }

    fn proof(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| base64url::encode(value.to_string().as_bytes());
        let text = format!("{}.{}", part(header), part(claims));
        let signature = self
            .key
            .sign(&SystemRandom::new(), text.as_bytes())
            .expect("a signature");
        format!("{text}.{}", base64url::encode(signature.as_ref()))
    }

    async fn token(&self, body: &Value) -> Answered {
        let proof = self.proof(&self.header(), &self.claims());
        self.token_with(&format!("DPoP: {proof}\r\n"), body).await
    }

    async fn token_with(&self, headers: &str, body: &Value) -> Answered {
        request(self.setup, "POST /v1/token", headers, &body.to_string()).await
    }

    async fn sign_in(&self, form: &str) -> Value {
        let answered = self
            .token(&redemption(&self.setup.login_code(form).await))
            .await;
        assert_eq!(answered.status, 200, "{}", answered.body);
        answered.json()
    }

    async fn renew(&self, token: &Value) -> Answered {
        let refresh = &token["refreshToken"];
        self.token(&json!({ "clientId": SAME_DEVICE, "grantType": "refresh_token", "refreshToken": refresh })).await
    }
}

impl Setup {
    /// Where the browser is sent when the form of the page is posted.
    async fn click(&self, page: &str, form: &str) -> String {
        let answered = request(self, &format!("POST {page}"), "", form).await;
        assert_eq!(answered.status, 303, "{}", answered.body);
        answered.header("location").expect("an address").to_owned()
    }

    async fn login_code(&self, form: &str) -> String {
        let back = self.click(&page(SAME_DEVICE, REDIRECT), form).await;
        let code = back.strip_prefix(&format!("{REDIRECT}?code="));
        code.and_then(|rest| rest.strip_suffix("&state=s"))
            .expect(&back)
            .to_owned()
    }

    async fn revoke(&self, token: &Value, held: &Held, query: &str) -> Answered {
        let body = json!({ "token": token["refreshToken"] }).to_string();
        let Held(keys, session) = held;
        let url = format!("{}/v1/revoke{query}", self.sandbox.url());
        let credentials = Credentials::new(
            keys.access_key_id.as_str(),
            keys.secret_access_key.expose(),
            session.as_ref().map(|token| token.expose().to_owned()),
            None,
            "test",
        );
        let identity = credentials.into();
        let params = aws_sigv4::sign::v4::SigningParams::builder()
            .identity(&identity)
            .region("eu-central-1")
            .name("signin")
            .time(self.clock.now())
            .settings(aws_sigv4::http_request::SigningSettings::default())
            .build()
            .expect("all of it")
            .into();
        let host = self.sandbox.url().replace("http://", "");
        let signable = aws_sigv4::http_request::SignableRequest::new(
            "POST",
            &url,
            [("host", host.as_str())].into_iter(),
            aws_sigv4::http_request::SignableBody::Bytes(body.as_bytes()),
        );
        let signed = aws_sigv4::http_request::sign(signable.expect("a request"), &params);
        let (instructions, _) = signed.expect("a signature").into_parts();
        let headers = instructions.headers();
        let lines: Vec<_> = headers
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        request(
            self,
            &format!("POST /v1/revoke{query}"),
            &lines.concat(),
            &body,
        )
        .await
    }
}

fn page(client: &str, redirect: &str) -> String {
    format!(
        "/v1/authorize?response_type=code&client_id={client}&state=s&code_challenge_method=SHA-256&scope=openid\
         &redirect_uri={redirect}&code_challenge={CHALLENGE}"
    )
}

fn redemption(code: &str) -> Value {
    json!({
        "clientId": SAME_DEVICE, "grantType": "authorization_code", "code": code, "codeVerifier": VERIFIER,
        "redirectUri": REDIRECT,
    })
}

fn held(token: &Value) -> Held {
    let part = |name: &str| {
        token["accessToken"][name]
            .as_str()
            .expect("text")
            .to_owned()
    };
    let keys = Keys {
        access_key_id: AccessKeyId::parse(&part("accessKeyId")).expect("an id"),
        secret_access_key: SecretAccessKey::parse(&part("secretAccessKey")).expect("a key"),
    };
    Held(keys, Some(Secret::new(part("sessionToken"))))
}

/// The kind of the error and what it says.
fn refused(answered: &Answered) -> (u16, String, String) {
    let kind = answered.header("x-amzn-errortype").unwrap_or_default();
    let body = answered.json();
    assert!(
        !body["message"].as_str().unwrap_or_default().is_empty(),
        "{}",
        answered.body
    );
    (
        answered.status,
        kind.to_owned(),
        body["error"].as_str().unwrap_or_default().to_owned(),
    )
}

fn denied(error: &str) -> (u16, String, String) {
    (400, "AccessDeniedException".to_owned(), error.to_owned())
}

fn invalid(error: &str) -> (u16, String, String) {
    (400, "ValidationException".to_owned(), error.to_owned())
}

#[tokio::test]
async fn whoever_can_open_the_console_gets_a_session_of_a_quarter_of_an_hour_and_renews_it() {
    let setup = Setup::new();
    let shown = request(
        &setup,
        &format!("GET {}", page(SAME_DEVICE, REDIRECT)),
        "",
        "",
    )
    .await;
    assert!(
        shown.body.contains("<button>Sign in</button>"),
        "{}",
        shown.body
    );
    assert!(
        shown
            .body
            .contains(&format!("<option>{KIM}</option><option>{ROOT}</option>")),
        "{}",
        shown.body
    );
    for (form, arn) in [
        ("", KIM),
        ("principal=arn%3Aaws%3Aiam%3A%3A123456789012%3Aroot", ROOT),
    ] {
        let program = setup.program();
        let token = program.sign_in(form).await;
        assert_eq!(
            (&token["tokenType"], &token["expiresIn"]),
            (&json!("aws_sigv4"), &json!(900))
        );
        let claims = token["idToken"]
            .as_str()
            .and_then(|text| text.split('.').nth(1))
            .expect("a token");
        let claims: Value =
            serde_json::from_slice(&base64url::decode(claims).expect("base64")).expect("JSON");
        assert_eq!(claims["sub"], arn);
        assert_eq!(setup.identity(&held(&token)).await, Ok(arn.to_owned()));
        setup.role_session(&held(&token)).await;
        let renewed = program.renew(&token).await.json();
        assert_eq!(renewed.get("idToken"), None);
        assert_ne!(renewed["refreshToken"], token["refreshToken"]);
        assert_eq!(setup.identity(&held(&renewed)).await, Ok(arn.to_owned()));
    }
    let seen = format!("{:?} {:?}", setup.sandbox.journal(), setup.sandbox);
    assert!(!seen.contains("ASOR") && !seen.contains(VERIFIER), "{seen}");
}

#[tokio::test]
async fn a_proof_is_good_once_for_its_key_address_and_minute() {
    let setup = Setup::new();
    let program = setup.program();
    let with = |name: &str, value: Value| {
        let mut claims = program.claims();
        claims[name] = value;
        program.proof(&program.header(), &claims)
    };
    let headed = |name: &str, value: Value| {
        let mut header = program.header();
        header[name] = value;
        program.proof(&header, &program.claims())
    };
    let mut private = program.header()["jwk"].clone();
    private["d"] = "x".into();
    let other = setup.program().header()["jwk"].clone();
    let now = program.claims()["iat"].as_u64().expect("a time");
    let used = program.proof(&program.header(), &program.claims());
    let asked = redemption(&setup.login_code("").await);
    assert_eq!(
        program
            .token_with(&format!("DPoP: {used}\r\n"), &asked)
            .await
            .status,
        200
    );
    let asked = redemption(&setup.login_code("").await);
    assert_eq!(
        refused(&program.token_with("", &asked).await),
        invalid("INVALID_REQUEST"),
        "no proof"
    );
    for proof in [
        used,
        "nonsense".to_owned(),
        with("htm", "GET".into()),
        with("htu", format!("{}/token", setup.sandbox.url()).into()),
        with(
            "htu",
            "https://eu-central-1.signin.aws.amazon.com/v1/token".into(),
        ),
        with("iat", (now - 61).into()),
        with("iat", (now + 61).into()),
        with("iat", "now".into()),
        with("jti", "".into()),
        with("jti", Value::Null),
        headed("typ", "JWT".into()),
        headed("alg", "none".into()),
        headed("jwk", Value::Null),
        headed("jwk", private),
        headed("jwk", other),
    ] {
        let answered = program
            .token_with(&format!("DPoP: {proof}\r\n"), &asked)
            .await;
        assert_eq!(refused(&answered), invalid("INVALID_REQUEST"), "{proof}");
        assert!(answered.body.contains("DPoP"), "{}", answered.body);
    }
    assert_eq!(
        program.token(&asked).await.status,
        200,
        "no refused proof spent the code"
    );
}

#[tokio::test]
async fn a_refresh_token_needs_its_key_and_used_twice_ends_the_sign_in() {
    let setup = Setup::new();
    let (program, thief) = (setup.program(), setup.program());
    let first = program.sign_in("").await;
    assert_eq!(
        refused(&thief.renew(&first).await),
        invalid("INVALID_REQUEST")
    );
    let second = program.renew(&first).await.json();
    assert_eq!(
        refused(&program.renew(&first).await),
        denied("TOKEN_EXPIRED")
    );
    assert_eq!(
        refused(&program.renew(&second).await),
        denied("TOKEN_EXPIRED")
    );

    setup
        .sandbox
        .set_settings(SandboxSettings {
            session_seconds: Some(60),
            ..SandboxSettings::default()
        })
        .expect("good settings");
    let token = program.sign_in("").await;
    assert_eq!(token["expiresIn"], 60);
    setup.clock.advance(HOUR * 12);
    assert_eq!(
        refused(&program.renew(&token).await),
        denied("TOKEN_EXPIRED")
    );
}

#[tokio::test]
async fn codes_end_and_are_refused_in_the_words_of_aws() {
    let setup = Setup::new();
    let program = setup.program();
    let code = setup.login_code("").await;
    setup.clock.advance(Duration::from_secs(600));
    assert_eq!(
        refused(&program.token(&redemption(&code)).await),
        denied("AUTHCODE_EXPIRED")
    );
    assert_eq!(
        refused(&program.token(&redemption("nonsense")).await),
        invalid("INVALID_REQUEST")
    );
    for (name, value, error) in [
        ("codeVerifier", json!(CHALLENGE), "INVALID_REQUEST"),
        (
            "redirectUri",
            json!("http://127.0.0.1:1/oauth/callback"),
            "INVALID_REQUEST",
        ),
        ("clientId", json!(CROSS_DEVICE), "INVALID_REQUEST"),
        (
            "clientId",
            json!("arn:aws:signin:::devtools/other"),
            "invalid_client",
        ),
        ("grantType", json!("password"), "unsupported_grant_type"),
        ("code", Value::Null, "INVALID_REQUEST"),
        ("grantType", json!(7), "INVALID_REQUEST"),
    ] {
        let mut body = redemption(&setup.login_code("").await);
        body[name] = value;
        assert_eq!(
            refused(&program.token(&body).await),
            invalid(error),
            "{name}"
        );
    }
    for (fault, status, kind, error) in [
        (
            SandboxFault::Throttling,
            429,
            "TooManyRequestsError",
            "rate_exceeded",
        ),
        (
            SandboxFault::InternalFailure,
            500,
            "InternalServerException",
            "server_error",
        ),
        (
            SandboxFault::ServiceUnavailable,
            503,
            "ServiceUnavailableException",
            "service_unavailable",
        ),
        (
            SandboxFault::AccessDenied,
            400,
            "AccessDeniedException",
            "INSUFFICIENT_PERMISSIONS",
        ),
        (
            SandboxFault::ExpiredToken,
            400,
            "AccessDeniedException",
            "TOKEN_EXPIRED",
        ),
        (
            SandboxFault::UserCredentialsChanged,
            400,
            "AccessDeniedException",
            "USER_CREDENTIALS_CHANGED",
        ),
    ] {
        let switch = FaultSwitch::on(fault)
            .for_action(SignInAction::CreateOAuth2Token)
            .times(1);
        setup.sandbox.inject(switch).expect("a good switch");
        let answered = program.token(&redemption("x")).await;
        assert_eq!(
            refused(&answered),
            (status, kind.to_owned(), error.to_owned())
        );
        assert_eq!(
            setup
                .sandbox
                .journal()
                .pop()
                .map(|call| call.action)
                .as_deref(),
            Some("CreateOAuth2Token")
        );
    }
}

#[tokio::test]
async fn the_page_sends_nobody_to_an_unknown_address_and_takes_a_refusal() {
    let setup = Setup::new();
    for (client, redirect) in [
        ("arn:aws:signin:::devtools/other", REDIRECT),
        (SAME_DEVICE, "http://example.com/oauth/callback"),
        (SAME_DEVICE, "http://127.0.0.1:1/elsewhere"),
        (CROSS_DEVICE, REDIRECT),
    ] {
        let answered = request(&setup, &format!("POST {}", page(client, redirect)), "", "").await;
        assert_eq!(
            (answered.status, answered.header("location")),
            (400, None),
            "{client} {redirect}"
        );
    }
    let page = page(SAME_DEVICE, REDIRECT);
    for (part, other, error) in [
        ("SHA-256", "S256", "invalid_request"),
        ("scope=openid", "scope=all", "invalid_scope"),
        (
            "response_type=code",
            "response_type=token",
            "unsupported_response_type",
        ),
    ] {
        let back = setup.click(&page.replace(part, other), "").await;
        assert_eq!(back, format!("{REDIRECT}?error={error}&state=s"));
    }
    assert_eq!(
        setup.click(&page, "refuse=on").await,
        format!("{REDIRECT}?error=access_denied&state=s")
    );
    assert_eq!(
        request(&setup, &format!("POST {page}"), "", "principal=x")
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn a_code_for_another_device_is_shown_to_be_pasted() {
    let setup = Setup::new();
    let program = setup.program();
    let redirect = format!("{}/v1/sessions/confirmation", setup.sandbox.url());
    let back = setup.click(&page(CROSS_DEVICE, &redirect), "").await;
    let back = back.replace(&setup.sandbox.url(), "");
    let shown = request(&setup, &format!("GET {back}"), "", "").await.body;
    let pasted = shown
        .split("<code>")
        .nth(1)
        .and_then(|rest| rest.split("</code>").next())
        .expect("a code");
    let pasted = aws_smithy_types::base64::decode(pasted).expect("base64");
    let pasted = String::from_utf8(pasted).expect("text");
    let code = pasted.strip_prefix("state=s&code=").expect(&pasted);
    let mut body = redemption(code);
    body["clientId"] = CROSS_DEVICE.into();
    body["redirectUri"] = redirect.clone().into();
    assert_eq!(program.token(&body).await.status, 200);
    let back = setup
        .click(&page(CROSS_DEVICE, &redirect), "refuse=on")
        .await;
    let shown = request(
        &setup,
        &format!("GET {}", back.replace(&setup.sandbox.url(), "")),
        "",
        "",
    )
    .await;
    assert!(shown.body.contains("access_denied"), "{}", shown.body);
}

#[tokio::test]
async fn a_sign_in_is_revoked_by_its_own_session_alone() {
    const BY_IAM: &str = "?x-amz-client-auth-method=iam";
    let setup = Setup::new();
    let program = setup.program();
    let token = program.sign_in("").await;
    let roots = program
        .sign_in("principal=arn%3Aaws%3Aiam%3A%3A123456789012%3Aroot")
        .await;
    assert_eq!(setup.revoke(&token, &held(&token), "").await.status, 400);
    assert_eq!(
        setup.revoke(&token, &held(&roots), BY_IAM).await.status,
        200,
        "RFC 7009 tells nothing"
    );
    let Held(keys, session) = held(&token);
    let forged = Held(
        Keys {
            secret_access_key: SecretAccessKey::parse("wrong").expect("a key"),
            ..keys
        },
        session,
    );
    let answered = setup.revoke(&token, &forged, BY_IAM).await;
    assert_eq!(
        refused(&answered),
        (
            403,
            "SignatureDoesNotMatch".to_owned(),
            "SignatureDoesNotMatch".to_owned()
        )
    );
    let token = program.renew(&token).await.json();
    let answered = setup.revoke(&token, &held(&token), BY_IAM).await;
    assert_eq!((answered.status, answered.body.as_str()), (200, ""));
    assert_eq!(
        refused(&program.renew(&token).await),
        denied("TOKEN_EXPIRED")
    );
    let ends: Vec<_> = setup
        .sandbox
        .state()
        .sign_ins
        .into_iter()
        .map(|it| it.principal)
        .collect();
    assert_eq!(ends, [ROOT]);
    assert_eq!(setup.sandbox.revoke_sign_ins(), 1);
}
