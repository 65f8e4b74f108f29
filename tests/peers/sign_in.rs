//! The sandbox's IAM Identity Center and its console's sign-in, held to the protocol by clients of
//! other makes: they sign in there, or read what it issued, renew it there and work with it. Its
//! pages are shown in a real browser.

use crate::endpoint::{ROLE, rust_client};
use crate::home::{Home, prepared};
use crate::loopback::Loopback;
use keyfob_core::sandbox::SandboxSettings;

/// A browser with one finger: it posts the form of a page and says where that leads.
const CLICK: &str = r#"
import base64, boto3, hashlib, json, os, pathlib, urllib.error, urllib.parse, urllib.request
from botocore import UNSIGNED
from botocore.config import Config
from datetime import datetime, timedelta, timezone

HOME = pathlib.Path.home()
BACK = "http://127.0.0.1:7777/oauth/callback"
START = "https://sandbox.awsapps.com/start"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
unsigned = Config(signature_version=UNSIGNED)

class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_): return None

def click(path, **parameters):
    page = os.environ["AWS_ENDPOINT_URL"] + path + "?" + urllib.parse.urlencode(parameters)
    assert "<button>" in urllib.request.urlopen(page).read().decode()
    try: urllib.request.build_opener(Stay).open(page, data=b"")
    except urllib.error.HTTPError as back:
        return dict(urllib.parse.parse_qsl(urllib.parse.urlparse(back.headers["location"]).query))

def at(seconds):
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")

def write(path, text):
    (HOME / path).parent.mkdir(parents=True, exist_ok=True)
    (HOME / path).write_text(text)
"#;

/// The real browser in its place, and a program that it comes back to.
const CHROMIUM: &str = r#"
import http.server, subprocess, sys, threading
came_back = []

class Program(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path.startswith("/oauth/callback?"):
            came_back.append(dict(urllib.parse.parse_qsl(urllib.parse.urlparse(self.path).query)))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"You can close this page.")
    def log_message(self, *_): pass

program = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Program)
threading.Thread(target=program.serve_forever, daemon=True).start()
BACK = f"http://127.0.0.1:{program.server_port}/oauth/callback"

def browse(path, *words, **parameters):
    page = os.environ["AWS_ENDPOINT_URL"] + path + "?" + urllib.parse.urlencode(parameters)
    return subprocess.run(sys.argv[1:] + [page, *words], check=True, stdout=subprocess.PIPE, text=True).stdout

def click(path, **parameters):
    assert "You can close this page." in browse(path, "press", **parameters)
    return came_back.pop()
"#;

fn stage() -> (Loopback, Home) {
    let sandbox = Loopback::start();
    let mut home = Home::new();
    home.set("AWS_ENDPOINT_URL", &sandbox.url());
    home.set("AWS_EC2_METADATA_DISABLED", "true");
    (sandbox, home)
}

/// What the script printed, line by line.
fn printed(home: &Home, script: &str) -> Vec<String> {
    let ran = home.python(&format!("{CLICK}{script}"), &[]).ok();
    ran.lines().map(str::to_owned).collect()
}

/// As [`printed`], with the real browser.
fn printed_with_chromium(home: &Home, script: &str) -> Vec<String> {
    let browser = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/browser.js");
    let script = [CLICK, CHROMIUM, script].concat();
    let ran = home.python(&script, &[&prepared("KEYFOB_NODE"), browser]);
    ran.ok().lines().map(str::to_owned).collect()
}

fn outcomes(sandbox: &Loopback) -> Vec<String> {
    let calls = sandbox.journal().into_iter();
    calls
        .map(|call| format!("{} {}", call.action, call.outcome))
        .collect()
}

/// boto3 makes the sign-in, and puts a token that is nearly over where the SDKs look for it.
const SSO_TOKEN: &str = r#"
oidc = boto3.client("sso-oidc", region_name="eu-central-1", config=unsigned)
client = oidc.register_client(clientName="peer", clientType="public", scopes=["sso:account:access"], issuerUrl=START,
    grantTypes=["authorization_code", "refresh_token"], redirectUris=["http://127.0.0.1/oauth/callback"])
by = {"clientId": client["clientId"], "clientSecret": client["clientSecret"]}
code = click("/authorize", response_type="code", client_id=client["clientId"], redirect_uri=BACK, state="s",
    code_challenge_method="S256", scopes="sso:account:access", code_challenge=CHALLENGE)["code"]
first = oidc.create_token(grantType="authorization_code", code=code, codeVerifier=VERIFIER, redirectUri=BACK, **by)
cache = ".aws/sso/cache/" + hashlib.sha1(b"corp").hexdigest() + ".json"
write(cache, json.dumps(by | {"startUrl": START, "region": "eu-central-1", "accessToken": first["accessToken"],
    "expiresAt": at(60), "registrationExpiresAt": at(86400), "refreshToken": first["refreshToken"]}))
write(".aws/config", f"""[sso-session corp]
sso_start_url = {START}
sso_region = eu-central-1
sso_registration_scopes = sso:account:access
[profile dev]
sso_session = corp
sso_account_id = 012345678901
sso_role_name = ReadOnlyAccess
region = eu-central-1
""")
"#;

/// botocore has to renew it.
const SSO: &str = r#"
session = boto3.Session(profile_name="dev")
print(session.client("sts").get_caller_identity()["Arn"])
renewed = json.loads((HOME / cache).read_text())
print(renewed["refreshToken"] != first["refreshToken"], renewed["expiresAt"] > at(3000))
"#;

#[test]
fn botocore_renews_a_token_of_identity_center_and_works_with_the_role() {
    let (sandbox, home) = stage();
    let printed = printed(&home, &[SSO_TOKEN, SSO].concat());
    let role = "arn:aws:sts::012345678901:assumed-role/AWSReservedSSO_ReadOnlyAccess_";
    assert!(printed[0].starts_with(role), "{printed:?}");
    assert_eq!(printed[1], "True True");
    let expected = [
        "RegisterClient ok",
        "Authorize ok",
        "Authorize ok",
        "CreateToken ok",
        "CreateToken ok",
        "GetRoleCredentials ok",
        "GetCallerIdentity ok",
    ];
    assert_eq!(outcomes(&sandbox), expected);
}

#[test]
fn botocore_names_the_refusals_of_identity_center() {
    let (_sandbox, home) = stage();
    let refused = r#"
portal = boto3.client("sso", region_name="eu-central-1", config=unsigned)
def refusal(call, **parameters):
    try: call(**parameters)
    except portal.exceptions.ClientError as refused:
        print(type(refused).__name__, refused.response["ResponseMetadata"]["HTTPStatusCode"], refused.response.get("error"))
token = renewed["accessToken"]
accounts = portal.get_paginator("list_accounts").paginate(accessToken=token, PaginationConfig={"PageSize": 1})
print([account["accountName"] for page in accounts for account in page["accountList"]])
refusal(portal.get_role_credentials, accessToken=token, accountId="420000000025", roleName="Nonsense")
refusal(oidc.create_token, grantType="refresh_token", refreshToken=renewed["refreshToken"], clientId="x", clientSecret="x")
refusal(oidc.create_token, grantType="refresh_token", refreshToken=first["refreshToken"], **by)
refusal(oidc.create_token, grantType="refresh_token", refreshToken=renewed["refreshToken"], **by)
refusal(portal.list_accounts, accessToken=token)
"#;
    let printed = printed(&home, &[SSO_TOKEN, SSO, refused].concat());
    let expected = [
        "['dev', 'production', 'archive']",
        "ClientError 403 None",
        "InvalidClientException 401 invalid_client",
        // Used twice: the sign-in is over.
        "InvalidGrantException 400 invalid_grant",
        "InvalidGrantException 400 invalid_grant",
        "UnauthorizedException 401 None",
    ];
    assert_eq!(printed[2..], expected);
}

#[test]
fn aws_sso_util_signs_in_with_a_device_code_and_lists_what_is_assigned() {
    let (sandbox, home) = stage();
    let device = r#"
import aws_sso_lib
def confirm(verificationUriComplete, **_):
    assert "<button>" in urllib.request.urlopen(verificationUriComplete).read().decode()
    urllib.request.urlopen(verificationUriComplete, data=b"")
aws_sso_lib.login(START, "eu-central-1", user_auth_handler=confirm)
for role in aws_sso_lib.list_available_roles(START, "eu-central-1"): print(*role)
"#;
    let expected = [
        "420000000025 dev AdministratorAccess",
        "420000000025 dev ReadOnlyAccess",
        "420000000026 production ReadOnlyAccess",
        "012345678901 archive ReadOnlyAccess",
    ];
    let mut printed = printed(&home, device);
    printed.sort_by_key(|line| expected.iter().position(|it| it == line));
    assert_eq!(printed, expected);
    let calls = outcomes(&sandbox);
    assert_eq!(
        calls[..2],
        ["RegisterClient ok", "StartDeviceAuthorization ok"]
    );
    assert!(calls.contains(&"VerifyDevice ok".to_owned()), "{calls:?}");
    let refused: Vec<_> = calls.iter().filter(|call| !call.ends_with(" ok")).collect();
    assert!(
        refused
            .iter()
            .all(|call| call.ends_with("AuthorizationPendingException")),
        "{refused:?}"
    );
}

/// boto3 signs in with botocore's own proof, and puts what it got, as if it were over, where the SDKs
/// look for it.
const LOGIN_TOKEN: &str = r#"
from awscrt.crypto import EC
from botocore.credentials import _build_add_dpop_header_handler
from botocore.utils import generate_login_cache_key
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

CLIENT = "arn:aws:signin:::devtools/same-device"
key = ec.generate_private_key(ec.SECP256R1())
exported = lambda form: key.private_bytes(form, PrivateFormat.TraditionalOpenSSL, NoEncryption())
code = click("/v1/authorize", response_type="code", client_id=CLIENT, redirect_uri=BACK, state="s",
    code_challenge_method="SHA-256", scope="openid", code_challenge=CHALLENGE)["code"]
signin = boto3.client("signin", region_name="eu-central-1", config=unsigned)
def token(**more):
    try: return signin.create_o_auth2_token(tokenInput={"clientId": CLIENT} | more)["tokenOutput"]
    except signin.exceptions.ClientError as refused: print(type(refused).__name__, refused.response["error"])
redeem = {"grantType": "authorization_code", "code": code, "codeVerifier": VERIFIER, "redirectUri": BACK}
token(**redeem)
signin.meta.events.register("before-call.signin.CreateOAuth2Token",
    _build_add_dpop_header_handler(EC.new_key_from_der_data(exported(Encoding.DER))))
first = token(**redeem)
name = json.loads(base64.urlsafe_b64decode(first["idToken"].split(".")[1] + "=="))["sub"]
print(name, first["tokenType"])
cache = ".aws/login/cache/" + generate_login_cache_key(name) + ".json"
write(cache, json.dumps({"accessToken": first["accessToken"] | {"accountId": "123456789012", "expiresAt": at(-60)},
    "tokenType": first["tokenType"], "clientId": CLIENT, "refreshToken": first["refreshToken"], "idToken": first["idToken"],
    "dpopKey": exported(Encoding.PEM).decode()}))
write(".aws/config", f"[default]\nlogin_session = {name}\nregion = eu-central-1\n")
"#;

/// botocore has to renew it.
const LOGIN: &str = r#"
session = boto3.Session()
used = []
def work():
    print(session.client("sts").get_caller_identity()["Arn"])
    used.append(session.get_credentials().get_frozen_credentials().access_key)
work()
renewed = json.loads((HOME / cache).read_text())
print(renewed["refreshToken"] != first["refreshToken"], used[0] != first["accessToken"]["accessKeyId"])
"#;

#[test]
fn botocore_with_awscrt_renews_the_consoles_sign_in_and_ends_it() {
    let (sandbox, home) = stage();
    let end = r#"
session.client("signin").revoke_oauth2_token_with_iam(token=renewed["refreshToken"])
token(grantType="refresh_token", refreshToken=renewed["refreshToken"])
"#;
    let kim = "arn:aws:iam::123456789012:user/kim";
    let printed = printed(&home, &[LOGIN_TOKEN, LOGIN, end].concat());
    let expected = [
        // Without a proof.
        "ValidationException INVALID_REQUEST".to_owned(),
        format!("{kim} aws_sigv4"),
        kim.to_owned(),
        "True True".to_owned(),
        "AccessDeniedException TOKEN_EXPIRED".to_owned(),
    ];
    assert_eq!(printed, expected);
    assert!(sandbox.state().sign_ins.is_empty());
}

#[test]
fn botocore_works_on_past_the_ends_of_several_sessions_of_the_console() {
    let (sandbox, home) = stage();
    let settings = SandboxSettings {
        session_seconds: Some(10),
        ..sandbox.settings()
    };
    sandbox.set_settings(settings).expect("good settings");
    let again = r"
import time
for _ in range(12):
    time.sleep(2)
    work()
print(len(set(used)) > 2)
";
    let printed = printed(&home, &[LOGIN_TOKEN, LOGIN, again].concat());
    assert_eq!(
        printed.last().map(String::as_str),
        Some("True"),
        "{printed:?}"
    );
    let refused: Vec<_> = outcomes(&sandbox)
        .into_iter()
        .filter(|call| !call.ends_with(" ok"))
        .collect();
    assert_eq!(
        refused,
        ["CreateOAuth2Token INVALID_REQUEST"],
        "only the call without a proof"
    );
}

#[test]
fn the_sdk_for_rust_renews_what_both_issued_and_works_with_it() {
    let test = "sign_in::the_sdk_for_rust_renews_what_both_issued_and_works_with_it";
    let Some(client) = rust_client(test) else {
        return;
    };
    let client: Vec<&str> = client.iter().map(String::as_str).collect();
    for (script, profile, renewal, arn) in [
        (
            SSO_TOKEN,
            "dev",
            "CreateToken",
            "arn:aws:sts::012345678901:assumed-role/AWSReservedSSO_",
        ),
        (
            LOGIN_TOKEN,
            "default",
            "CreateOAuth2Token",
            "arn:aws:iam::123456789012:user/kim",
        ),
    ] {
        let (sandbox, mut home) = stage();
        printed(&home, script);
        sandbox.clear_journal();
        home.set("AWS_PROFILE", profile);
        home.set(ROLE, "client");
        let said = home.run(&client).ok();
        assert!(said.lines().any(|line| line.starts_with(arn)), "{said}");
        let calls = outcomes(&sandbox);
        assert_eq!(calls[0], format!("{renewal} ok"), "{calls:?}");
        assert!(calls.iter().all(|call| call.ends_with(" ok")), "{calls:?}");
    }
}

#[test]
fn a_person_signs_in_to_both_in_a_real_browser() {
    let (_sandbox, home) = stage();
    let printed = printed_with_chromium(&home, &[SSO_TOKEN, SSO, LOGIN_TOKEN, LOGIN].concat());
    assert!(
        printed[0].contains("AWSReservedSSO_ReadOnlyAccess_"),
        "{printed:?}"
    );
    assert_eq!(printed[3], "arn:aws:iam::123456789012:user/kim aws_sigv4");
}

#[test]
fn a_person_refuses_goes_back_and_opens_the_page_twice_in_a_real_browser() {
    let (_sandbox, home) = stage();
    let wander = r#"
def page(*words):
    return browse("/v1/authorize", *words, response_type="code", client_id=CLIENT, redirect_uri=BACK, state="s",
        code_challenge_method="SHA-256", scope="openid", code_challenge=CHALLENGE)
page("tick", "press")
print(came_back.pop())
page("press", "back", "press")
page("press")
codes = [back["code"] for back in came_back]
print(len(set(codes)))
for code in [*codes, codes[0]]: print(bool(token(**redeem | {"code": code})))
"#;
    let printed = printed_with_chromium(&home, &[LOGIN_TOKEN, wander].concat());
    let expected = [
        "{'error': 'access_denied', 'state': 's'}",
        "3",
        "True",
        "True",
        "True",
        "ValidationException INVALID_REQUEST",
        "False",
    ];
    assert_eq!(printed[printed.len() - expected.len()..], expected);
}

#[test]
fn a_person_confirms_a_device_code_in_a_real_browser() {
    let (_sandbox, home) = stage();
    let device = r#"
import aws_sso_lib
def confirm(verificationUriComplete, userCode, **_):
    asked = urllib.parse.urlparse(verificationUriComplete)
    print(userCode in browse(asked.path, **dict(urllib.parse.parse_qsl(asked.query))))
    print("Access is allowed" in browse(asked.path, "press", user_code=userCode))
aws_sso_lib.login(START, "eu-central-1", user_auth_handler=confirm)
print(len(list(aws_sso_lib.list_available_accounts(START, "eu-central-1"))))
"#;
    assert_eq!(printed_with_chromium(&home, device), ["True", "True", "3"]);
}
