use super::wire::{Answered, request};
use super::*;
use serde_json::{Value, json};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const REDIRECT: &str = "http://127.0.0.1:7777/oauth/callback";
const START_URL: &str = "https://sandbox.awsapps.com/start";
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const SECOND: Duration = Duration::from_secs(1);

/// A registered client.
struct Tool<'a> {
    setup: &'a Setup,
    id: String,
    secret: String,
}

impl Setup {
    async fn json(&self, path: &str, body: &Value) -> Answered {
        request(
            self,
            &format!("POST {path}"),
            "Content-Type: application/json\r\n",
            &body.to_string(),
        )
        .await
    }

    async fn portal(&self, line: &str, token: &str) -> Answered {
        request(
            self,
            line,
            &format!("x-amz-sso_bearer_token: {token}\r\n"),
            "",
        )
        .await
    }

    async fn tool(&self) -> Tool<'_> {
        let answered = self.json("/client/register", &registration()).await;
        assert_eq!(answered.status, 200, "{}", answered.body);
        let client = answered.json();
        Tool {
            setup: self,
            id: text(&client, "clientId"),
            secret: text(&client, "clientSecret"),
        }
    }

    fn set(&self, change: impl FnOnce(&mut SandboxSettings)) {
        let mut settings = self.sandbox.settings();
        change(&mut settings);
        self.sandbox.set_settings(settings).expect("good settings");
    }

    fn outcomes(&self) -> Vec<String> {
        let calls = self.sandbox.journal().into_iter();
        calls
            .map(|call| format!("{} {}", call.action, call.outcome))
            .collect()
    }
}

impl Tool<'_> {
    fn page(&self) -> String {
        let redirect = REDIRECT.replace(':', "%3A").replace('/', "%2F");
        format!(
            "/authorize?response_type=code&client_id={}&redirect_uri={redirect}&state=a%26b&code_challenge_method=S256\
             &scopes=sso%3Aaccount%3Aaccess&code_challenge={CHALLENGE}",
            self.id
        )
    }

    /// Where the browser is sent when the form of the page is posted.
    async fn click(&self, page: &str, form: &str) -> String {
        let answered = request(self.setup, &format!("POST {page}"), "", form).await;
        assert_eq!(answered.status, 303, "{}", answered.body);
        answered.header("location").expect("an address").to_owned()
    }

    async fn code(&self) -> String {
        let back = self.click(&self.page(), "").await;
        let code = back.strip_prefix(&format!("{REDIRECT}?code="));
        code.and_then(|rest| rest.strip_suffix("&state=a%26b"))
            .expect(&back)
            .to_owned()
    }

    async fn token(&self, more: Value) -> Answered {
        let mut body = json!({ "clientId": self.id, "clientSecret": self.secret });
        let fields = body.as_object_mut().expect("an object");
        fields.extend(more.as_object().expect("an object").clone());
        self.setup.json("/token", &body).await
    }

    async fn redeem(&self, code: &str) -> Answered {
        self.token(json!({
            "grantType": "authorization_code", "code": code, "codeVerifier": VERIFIER, "redirectUri": REDIRECT,
        }))
        .await
    }

    async fn renew(&self, refresh: &str) -> Answered {
        self.token(json!({ "grantType": "refresh_token", "refreshToken": refresh }))
            .await
    }

    async fn sign_in(&self) -> Value {
        let answered = self.redeem(&self.code().await).await;
        assert_eq!(answered.status, 200, "{}", answered.body);
        answered.json()
    }

    async fn device(&self) -> Value {
        let body =
            json!({ "clientId": self.id, "clientSecret": self.secret, "startUrl": START_URL });
        let answered = self.setup.json("/device_authorization", &body).await;
        assert_eq!(answered.status, 200, "{}", answered.body);
        answered.json()
    }

    async fn poll(&self, device: &Value) -> Answered {
        self.token(json!({ "grantType": DEVICE_CODE, "deviceCode": device["deviceCode"] }))
            .await
    }
}

fn registration() -> Value {
    json!({
        "clientName": "keyfob",
        "clientType": "public",
        "scopes": ["sso:account:access"],
        "redirectUris": ["http://127.0.0.1/oauth/callback"],
        "grantTypes": ["authorization_code", "refresh_token", DEVICE_CODE],
        "issuerUrl": START_URL,
    })
}

fn text(value: &Value, name: &str) -> String {
    value[name]
        .as_str()
        .unwrap_or_else(|| panic!("{name} in {value}"))
        .to_owned()
}

/// AWS's clients read the kind of an error from a header, and what it means from `error`.
fn assert_refused(answered: &Answered, status: u16, kind: &str, error: &str) {
    assert_eq!(answered.status, status, "{}", answered.body);
    assert_eq!(answered.header("x-amzn-errortype"), Some(kind));
    let body = answered.json();
    let named = if error.is_empty() {
        "message"
    } else {
        "error_description"
    };
    assert!(!text(&body, named).is_empty(), "{body}");
    if !error.is_empty() {
        assert_eq!(text(&body, "error"), error);
    }
}

#[tokio::test]
async fn a_code_from_the_browser_becomes_a_token_and_the_token_the_keys_of_a_role() {
    let setup = Setup::new();
    let tool = setup.tool().await;
    let page = request(&setup, &format!("GET {}", tool.page()), "", "").await;
    assert_eq!(page.status, 200);
    assert!(
        page.body.contains("<button>Allow access</button>"),
        "{}",
        page.body
    );
    let token = tool.sign_in().await;
    assert_eq!(
        (&token["tokenType"], &token["expiresIn"]),
        (&json!("Bearer"), &json!(3600))
    );
    let bearer = text(&token, "accessToken");

    let accounts = setup
        .portal("GET /assignment/accounts", &bearer)
        .await
        .json();
    assert_eq!(accounts["accountList"][2]["accountId"], "012345678901");
    let roles = setup
        .portal("GET /assignment/roles?account_id=420000000025", &bearer)
        .await
        .json();
    assert_eq!(
        roles["roleList"][1],
        json!({ "accountId": "420000000025", "roleName": "ReadOnlyAccess" })
    );

    let line = "GET /federation/credentials?role_name=ReadOnlyAccess&account_id=420000000025";
    let keys = setup.portal(line, &bearer).await.json()["roleCredentials"].clone();
    assert_eq!(keys["expiration"], 1_800_003_600_000_u64);
    let held = Held(
        Keys {
            access_key_id: AccessKeyId::parse(&text(&keys, "accessKeyId")).expect("an id"),
            secret_access_key: SecretAccessKey::parse(&text(&keys, "secretAccessKey"))
                .expect("a key"),
        },
        Some(Secret::new(text(&keys, "sessionToken"))),
    );
    let arn = setup.identity(&held).await.expect("an identity");
    assert!(
        arn.starts_with("arn:aws:sts::420000000025:assumed-role/AWSReservedSSO_ReadOnlyAccess_"),
        "{arn}"
    );
    assert!(arn.ends_with("/kim"), "{arn}");
    setup.role_session(&held).await;
    assert_eq!(
        setup.outcomes()[..8],
        [
            "RegisterClient ok",
            "Authorize ok",
            "Authorize ok",
            "CreateToken ok",
            "ListAccounts ok",
            "ListAccountRoles ok",
            "GetRoleCredentials ok",
            "GetCallerIdentity ok"
        ]
    );
    let journal = setup.sandbox.journal();
    assert_eq!(journal[6].principal.as_deref(), Some("kim"));
    assert_eq!(journal[6].parameters["account_id"], "420000000025");
    let seen = format!(
        "{journal:?} {:?} {:?}",
        setup.sandbox,
        setup.sandbox.state()
    );
    for secret in [
        &bearer,
        &text(&token, "refreshToken"),
        &tool.secret,
        &text(&keys, "sessionToken"),
        &VERIFIER.to_owned(),
    ] {
        assert!(!seen.contains(secret.as_str()));
    }
}

#[tokio::test]
async fn a_code_is_good_once_for_its_client_its_redirect_and_its_verifier() {
    let setup = Setup::new();
    let (tool, other) = (setup.tool().await, setup.tool().await);
    let invalid = |answered: Answered| {
        assert_refused(&answered, 400, "InvalidGrantException", "invalid_grant");
    };
    let code = tool.code().await;
    assert_eq!(tool.redeem(&code).await.status, 200);
    invalid(tool.redeem(&code).await);
    invalid(other.redeem(&tool.code().await).await);
    invalid(tool.redeem("nonsense").await);
    for (name, value) in [
        ("codeVerifier", CHALLENGE),
        ("redirectUri", "http://127.0.0.1:7778/oauth/callback"),
    ] {
        let mut body = json!({
            "grantType": "authorization_code", "code": tool.code().await, "codeVerifier": VERIFIER, "redirectUri": REDIRECT,
        });
        body[name] = value.into();
        invalid(tool.token(body).await);
    }
    let code = tool.code().await;
    setup.clock.advance(Duration::from_secs(600));
    invalid(tool.redeem(&code).await);
    let answered = tool
        .token(json!({ "grantType": "authorization_code", "code": "x" }))
        .await;
    assert_refused(&answered, 400, "InvalidRequestException", "invalid_request");
}

#[tokio::test]
async fn the_page_sends_nobody_to_an_address_that_the_client_did_not_register() {
    let setup = Setup::new();
    let tool = setup.tool().await;
    let page = tool.page();
    for (part, other) in [
        (tool.id.as_str(), "nonsense"),
        ("127.0.0.1", "example.com"),
        ("http%3A", "https%3A"),
        ("callback", "elsewhere"),
    ] {
        let line = format!("POST {}", page.replace(part, other));
        let answered = request(&setup, &line, "", "").await;
        assert!(answered.status >= 400, "{line}");
        assert_eq!(answered.header("location"), None);
        assert!(
            answered.body.starts_with("<!doctype html>"),
            "{}",
            answered.body
        );
    }
    for (part, other, error) in [
        (
            "response_type=code",
            "response_type=token",
            "unsupported_response_type",
        ),
        ("S256", "plain", "invalid_request"),
        (CHALLENGE, "short", "invalid_request"),
        ("account%3Aaccess", "account%3Aother", "invalid_scope"),
    ] {
        let back = tool.click(&page.replace(part, other), "").await;
        assert_eq!(back, format!("{REDIRECT}?error={error}&state=a%26b"));
    }
    let back = tool.click(&page, "refuse=on").await;
    assert_eq!(back, format!("{REDIRECT}?error=access_denied&state=a%26b"));
}

#[tokio::test]
async fn a_refresh_token_used_twice_ends_the_sign_in() {
    let setup = Setup::new();
    let tool = setup.tool().await;
    let first = tool.sign_in().await;
    let second = tool.renew(&text(&first, "refreshToken")).await.json();
    assert_ne!(second["refreshToken"], first["refreshToken"]);
    for token in [&first, &second] {
        assert_eq!(
            setup
                .portal("GET /assignment/accounts", &text(token, "accessToken"))
                .await
                .status,
            200
        );
    }
    let again = tool.renew(&text(&first, "refreshToken")).await;
    assert_refused(&again, 400, "InvalidGrantException", "invalid_grant");
    let after = tool.renew(&text(&second, "refreshToken")).await;
    assert_refused(&after, 400, "InvalidGrantException", "invalid_grant");
    let refused = setup
        .portal("GET /assignment/accounts", &text(&second, "accessToken"))
        .await;
    assert_refused(&refused, 401, "UnauthorizedException", "");
}

#[tokio::test]
async fn tokens_sign_ins_and_registrations_end_when_the_settings_say() {
    let setup = Setup::new();
    setup.set(|settings| {
        settings.token_seconds = Some(60);
        settings.sign_in_seconds = Some(90);
        settings.registration_seconds = Some(300);
    });
    let tool = setup.tool().await;
    let token = tool.sign_in().await;
    assert_eq!(token["expiresIn"], 60);
    setup.clock.advance(Duration::from_secs(60));
    let late = setup
        .portal("GET /assignment/accounts", &text(&token, "accessToken"))
        .await;
    assert_refused(&late, 401, "UnauthorizedException", "");
    let renewed = tool.renew(&text(&token, "refreshToken")).await.json();
    assert_eq!(renewed["expiresIn"], 30, "no token outlives its sign-in");
    assert_eq!(
        setup.sandbox.state().sign_ins[0].ends_at,
        "2027-01-15T08:01:30Z"
    );
    setup.clock.advance(Duration::from_secs(30));
    let late = tool.renew(&text(&renewed, "refreshToken")).await;
    assert_refused(&late, 400, "InvalidGrantException", "invalid_grant");
    setup.clock.advance(Duration::from_secs(210));
    let late = tool.renew(&text(&renewed, "refreshToken")).await;
    assert_refused(&late, 401, "InvalidClientException", "invalid_client");
}

#[tokio::test]
async fn a_device_waits_for_the_page_at_its_interval() {
    let setup = Setup::new();
    let tool = setup.tool().await;
    let device = tool.device().await;
    assert_eq!(
        (&device["expiresIn"], &device["interval"]),
        (&json!(600), &json!(1))
    );
    let page = text(&device, "verificationUriComplete").replace(&setup.sandbox.url(), "");
    let pending = || async {
        assert_refused(
            &tool.poll(&device).await,
            400,
            "AuthorizationPendingException",
            "authorization_pending",
        );
    };
    pending().await;
    assert_refused(
        &tool.poll(&device).await,
        400,
        "SlowDownException",
        "slow_down",
    );
    setup.clock.advance(SECOND * 5);
    assert_refused(
        &tool.poll(&device).await,
        400,
        "SlowDownException",
        "slow_down",
    );
    setup.clock.advance(SECOND * 11);
    pending().await;
    let shown = request(&setup, &format!("GET {page}"), "", "").await;
    assert!(
        shown.body.contains(&text(&device, "userCode")),
        "{}",
        shown.body
    );
    assert_eq!(
        request(&setup, &format!("POST {page}"), "", "")
            .await
            .status,
        200
    );
    let token = tool.poll(&device).await.json();
    assert_eq!(
        setup
            .portal("GET /assignment/accounts", &text(&token, "accessToken"))
            .await
            .status,
        200
    );
    assert_refused(
        &tool.poll(&device).await,
        400,
        "InvalidGrantException",
        "invalid_grant",
    );
    assert_eq!(
        request(&setup, &format!("POST {page}"), "", "")
            .await
            .status,
        400,
        "it is decided"
    );
}

#[tokio::test]
async fn a_device_code_is_refused_expires_or_is_typed() {
    let setup = Setup::new();
    let tool = setup.tool().await;
    let page =
        |device: &Value| text(device, "verificationUriComplete").replace(&setup.sandbox.url(), "");
    let refused = tool.device().await;
    assert_eq!(
        request(&setup, &format!("POST {}", page(&refused)), "", "refuse=on")
            .await
            .status,
        200
    );
    assert_refused(
        &tool.poll(&refused).await,
        400,
        "AccessDeniedException",
        "access_denied",
    );

    let typed = tool.device().await;
    let empty = request(&setup, "GET /device", "", "").await;
    assert!(empty.body.contains("name=\"user_code\""), "{}", empty.body);
    let form = format!(
        "user_code={}",
        text(&typed, "userCode").to_ascii_lowercase()
    );
    assert_eq!(request(&setup, "POST /device", "", &form).await.status, 200);
    assert_eq!(tool.poll(&typed).await.status, 200);

    let late = tool.device().await;
    setup.clock.advance(SECOND * 600);
    assert_refused(
        &tool.poll(&late).await,
        400,
        "ExpiredTokenException",
        "expired_token",
    );
    assert_eq!(
        request(&setup, &format!("GET {}", page(&late)), "", "")
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn what_a_client_cannot_register_is_named() {
    let setup = Setup::new();
    for (name, value, kind) in [
        ("clientType", json!("confidential"), "InvalidClientMetadata"),
        ("grantTypes", json!(["password"]), "UnsupportedGrantType"),
        ("scopes", json!(["everything"]), "InvalidScope"),
        (
            "redirectUris",
            json!(["http://example.com/oauth/callback"]),
            "InvalidRedirectUri",
        ),
        ("redirectUris", json!([]), "InvalidRedirectUri"),
        (
            "issuerUrl",
            json!("https://other.awsapps.com/start"),
            "InvalidRequest",
        ),
        ("issuerUrl", Value::Null, "InvalidRequest"),
        ("scopes", json!(7), "InvalidRequest"),
    ] {
        let mut body = registration();
        body[name] = value;
        let answered = setup.json("/client/register", &body).await;
        let kind = format!("{kind}Exception");
        assert_eq!(
            (answered.status, answered.header("x-amzn-errortype")),
            (400, Some(kind.as_str())),
            "{name}"
        );
    }
    let mut body = registration();
    body["issuerUrl"] = "https://SANDBOX.awsapps.com/start/#".into();
    assert_eq!(setup.json("/client/register", &body).await.status, 200);
}

#[tokio::test]
async fn a_client_gets_what_it_registered_for() {
    let setup = Setup::new();
    let body = json!({ "clientName": "old", "clientType": "public" });
    let client = setup.json("/client/register", &body).await.json();
    let old = Tool {
        setup: &setup,
        id: text(&client, "clientId"),
        secret: text(&client, "clientSecret"),
    };
    let device = old.device().await;
    let form = format!("user_code={}", text(&device, "userCode"));
    request(&setup, "POST /device", "", &form).await;
    let token = old.poll(&device).await.json();
    assert_eq!(
        token.get("refreshToken"),
        None,
        "without scopes nothing is renewed"
    );
    assert_eq!(
        setup
            .portal("GET /assignment/accounts", &text(&token, "accessToken"))
            .await
            .status,
        200
    );
    let refused = old
        .token(json!({ "grantType": "authorization_code" }))
        .await;
    assert_refused(
        &refused,
        400,
        "UnauthorizedClientException",
        "unauthorized_client",
    );
    let refused = old.token(json!({ "grantType": "password" })).await;
    assert_refused(
        &refused,
        400,
        "UnsupportedGrantTypeException",
        "unsupported_grant_type",
    );

    let mut body = registration();
    body["scopes"] = json!(["codewhisperer:completions"]);
    let client = setup.json("/client/register", &body).await.json();
    let other = Tool {
        setup: &setup,
        id: text(&client, "clientId"),
        secret: text(&client, "clientSecret"),
    };
    let device = other.device().await;
    let form = format!("user_code={}", text(&device, "userCode"));
    request(&setup, "POST /device", "", &form).await;
    let token = other.poll(&device).await.json();
    let refused = setup
        .portal("GET /assignment/accounts", &text(&token, "accessToken"))
        .await;
    assert_refused(&refused, 401, "UnauthorizedException", "");

    let wrong = Tool {
        setup: &setup,
        id: other.id,
        secret: old.secret,
    };
    assert_refused(
        &wrong.renew("x").await,
        401,
        "InvalidClientException",
        "invalid_client",
    );
}

#[tokio::test]
async fn six_hundred_accounts_come_in_pages_and_too_many_calls_are_refused() {
    let setup = Setup::new();
    setup.set(|settings| {
        let account = |number: u64| {
            SandboxAccount::new(
                format!("{number:012}"),
                format!("account {number}"),
                &["a", "b"],
            )
        };
        settings.accounts = (0..600).map(account).collect();
        settings.roles_calls_a_second = Some(3);
    });
    let bearer = text(&setup.tool().await.sign_in().await, "accessToken");
    let (mut seen, mut next) = (Vec::new(), String::new());
    loop {
        let page = setup
            .portal(
                &format!("GET /assignment/accounts?max_result=100{next}"),
                &bearer,
            )
            .await
            .json();
        let accounts = page["accountList"].as_array().expect("a list").clone();
        seen.extend(accounts.iter().map(|account| text(account, "accountId")));
        match page["nextToken"].as_str() {
            Some(token) => next = format!("&next_token={token}"),
            None => break,
        }
    }
    assert_eq!((seen.len(), seen[599].as_str()), (600, "000000000599"));
    for line in [
        "max_result=0",
        "max_result=101",
        "next_token=x",
        "next_token=OTk5OQ",
    ] {
        let refused = setup
            .portal(&format!("GET /assignment/accounts?{line}"), &bearer)
            .await;
        assert_refused(&refused, 400, "InvalidRequestException", "");
    }
    let roles = || setup.portal("GET /assignment/roles?account_id=000000000007", &bearer);
    for _ in 0..3 {
        assert_eq!(roles().await.status, 200);
    }
    assert_refused(&roles().await, 429, "TooManyRequestsException", "");
    setup.clock.advance(SECOND);
    assert_eq!(roles().await.status, 200);
}

#[tokio::test]
async fn the_portal_gives_what_is_assigned_until_the_sign_in_is_ended() {
    let setup = Setup::new();
    let tool = setup.tool().await;
    for end in ["log out", "revoked"] {
        let token = tool.sign_in().await;
        let (bearer, other) = (text(&token, "accessToken"), tool.sign_in().await);
        for line in [
            "role_name=Nonsense&account_id=420000000025",
            "role_name=ReadOnlyAccess&account_id=420000000099",
        ] {
            let refused = setup
                .portal(&format!("GET /federation/credentials?{line}"), &bearer)
                .await;
            assert_refused(&refused, 403, "ForbiddenException", "");
        }
        let refused = setup
            .portal("GET /federation/credentials?role_name=x", &bearer)
            .await;
        assert_refused(&refused, 400, "InvalidRequestException", "");
        match end {
            "log out" => assert_eq!(setup.portal("POST /logout", &bearer).await.status, 200),
            _ => assert_eq!(setup.sandbox.revoke_sign_ins(), 2),
        }
        for token in [&token, &other] {
            let refused = setup
                .portal("GET /assignment/accounts", &text(token, "accessToken"))
                .await;
            assert_refused(&refused, 401, "UnauthorizedException", "");
            let refused = tool.renew(&text(token, "refreshToken")).await;
            assert_refused(&refused, 400, "InvalidGrantException", "invalid_grant");
        }
        assert!(setup.sandbox.state().sign_ins.is_empty());
    }
}

#[tokio::test]
async fn faults_of_the_sign_in_services_have_the_shapes_of_aws() {
    let setup = Setup::new();
    let tool = setup.tool().await;
    let token = tool.sign_in().await;
    let (bearer, refresh) = (text(&token, "accessToken"), text(&token, "refreshToken"));
    for (fault, oidc, portal) in [
        (
            SandboxFault::Throttling,
            "TooManyRequestsException 429",
            "TooManyRequestsException 429",
        ),
        (
            SandboxFault::InternalFailure,
            "InternalServerException 500",
            "InternalServerException 500",
        ),
        (
            SandboxFault::ServiceUnavailable,
            "ServiceUnavailableException 503",
            "ServiceUnavailableException 503",
        ),
        (
            SandboxFault::AccessDenied,
            "AccessDeniedException 400",
            "ForbiddenException 403",
        ),
        (
            SandboxFault::ExpiredToken,
            "ExpiredTokenException 400",
            "UnauthorizedException 401",
        ),
        (
            SandboxFault::InvalidClient,
            "InvalidClientException 401",
            " 200",
        ),
        (
            SandboxFault::InvalidGrant,
            "InvalidGrantException 400",
            " 200",
        ),
        (SandboxFault::Html, " 200", " 200"),
    ] {
        setup
            .sandbox
            .inject(FaultSwitch::on(fault.clone()))
            .expect("a good switch");
        let seen = |answered: &Answered| {
            format!(
                "{} {}",
                answered.header("x-amzn-errortype").unwrap_or_default(),
                answered.status
            )
        };
        let answered = tool.renew(&refresh).await;
        assert_eq!(seen(&answered), oidc, "{fault:?}");
        assert_eq!(
            answered.body.starts_with("<!doctype"),
            fault == SandboxFault::Html
        );
        assert_eq!(
            seen(&setup.portal("GET /assignment/accounts", &bearer).await),
            portal,
            "{fault:?}"
        );
        setup.sandbox.clear_faults();
    }
    let once = FaultSwitch::on(SandboxFault::InvalidGrant)
        .for_action(SignInAction::CreateToken)
        .times(1);
    setup.sandbox.inject(once).expect("a good switch");
    assert_eq!(
        setup
            .portal("GET /assignment/accounts", &bearer)
            .await
            .status,
        200
    );
    assert_eq!(tool.renew(&refresh).await.status, 400);
    assert_eq!(
        tool.renew(&refresh).await.status,
        200,
        "the fault spent no token"
    );
    assert_eq!(
        setup.outcomes().last().map(String::as_str),
        Some("CreateToken ok")
    );
}

#[tokio::test]
async fn another_method_at_the_address_of_an_action_is_refused() {
    let setup = Setup::new();
    for line in [
        "GET /token",
        "POST /assignment/accounts",
        "GET /logout",
        "DELETE /authorize",
        "PUT /device",
    ] {
        assert_eq!(request(&setup, line, "", "").await.status, 404, "{line}");
    }
}
