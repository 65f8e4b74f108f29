//! Who gets nothing, and does not make the source work either.

use super::*;

/// What is wrong with a request that would otherwise be answered: its first line (`None`: the right
/// one) and headers.
type Wrong<'a> = (Option<&'a str>, &'a [&'a str], u16);

async fn refuse_all(endpoint: &CredentialsEndpoint, well: &Well, cases: &[Wrong<'_>]) {
    for (first_line, headers, status) in cases {
        let right = format!("GET {}", endpoint.path());
        let request = endpoint.request(first_line.unwrap_or(&right), headers);
        let answer = endpoint.exchange(request.as_bytes()).await;
        let (got, body) = read(&answer);
        assert_eq!(got, *status, "{request}{answer}");
        if !request.starts_with("HEAD") {
            let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
            assert_eq!(text("code"), "invalid_input", "{answer}");
            assert!(!text("message").is_empty(), "{answer}");
        }
        assert_tells_nothing(endpoint, &answer);
    }
    assert_eq!(
        well.asked(),
        0,
        "the source was asked for somebody who gets nothing"
    );
    assert_eq!(
        read(&endpoint.exchange(endpoint.good_request().as_bytes()).await).0,
        200
    );
}

#[tokio::test]
async fn only_this_endpoints_own_token_opens_it() {
    let well = Well::open();
    let endpoint = opened("dev", &well).await;
    let other = opened("dev", &Well::open()).await;
    let own = endpoint.token.expose().to_owned();
    let with = |token: &str| format!("Authorization: {token}");
    let of_another = with(other.token.expose());
    let (bearer, cut, longer) = (
        with(&format!("Bearer {own}")),
        with(&own[..63]),
        with(&format!("{own}0")),
    );
    let (upper, once) = (with(&own.to_ascii_uppercase()), with(&own));
    refuse_all(
        &endpoint,
        &well,
        &[
            (None, &["Authorization"], 401),
            (None, &["Authorization: "], 401),
            (None, &["Authorization: \u{e9}"], 401),
            (None, &[&of_another], 401),
            (None, &[&bearer], 401),
            (None, &[&cut], 401),
            (None, &[&longer], 401),
            (None, &[&upper], 401),
            (None, &[&once, &once], 401),
        ],
    )
    .await;
    assert_eq!(
        read(&other.exchange(other.good_request().as_bytes()).await).0,
        200
    );
}

#[tokio::test]
async fn a_name_that_leads_here_is_not_the_address_that_is_served() {
    let well = Well::open();
    let endpoint = opened("dev", &well).await;
    let address = endpoint.address().to_owned();
    let (_, port) = address.split_once(':').expect("a port");
    let host = |host: &str| format!("Host: {host}");
    let other_port = host(&format!(
        "127.0.0.1:{}",
        port.parse::<u32>().expect("a number") ^ 1
    ));
    let (by_name, by_version_6) = (
        host(&format!("localhost:{port}")),
        host(&format!("[::1]:{port}")),
    );
    let (shortened, with_user) = (
        host(&format!("127.1:{port}")),
        host(&format!("kim@{address}")),
    );
    let (own, absolute) = (
        host(&address),
        format!("GET http://evil.example{}", endpoint.path()),
    );
    refuse_all(
        &endpoint,
        &well,
        &[
            (None, &["Host: evil.example"], 403),
            (None, &["Host: 127.0.0.1"], 403),
            (None, &["Host: "], 403),
            (None, &["Host"], 403),
            (None, &[&other_port], 403),
            (None, &[&by_name], 403),
            (None, &[&by_version_6], 403),
            (None, &[&shortened], 403),
            (None, &[&with_user], 403),
            (None, &[&own, &own], 403),
            (None, &[&own, "Host: evil.example"], 403),
            (Some(&absolute), &[], 403),
        ],
    )
    .await;
}

#[tokio::test]
async fn browsers_and_proxies_get_nothing_even_with_the_token() {
    let well = Well::open();
    let endpoint = opened("dev", &well).await;
    let own_origin = format!("Origin: http://{}", endpoint.address());
    refuse_all(
        &endpoint,
        &well,
        &[
            (None, &["Origin: https://evil.example"], 403),
            (None, &["origin: null"], 403),
            (None, &[&own_origin], 403),
            (None, &["Sec-Fetch-Site: same-origin"], 403),
            (None, &["SEC-FETCH-MODE: no-cors"], 403),
            (None, &["Sec-Fetch-Anything-New: 1"], 403),
            (None, &["X-Forwarded-For: 127.0.0.1"], 403),
            (None, &["X-Forwarded-Host: 127.0.0.1"], 403),
            (None, &["X-Real-IP: 127.0.0.1"], 403),
            (None, &["Via: 1.1 proxy"], 403),
            (None, &["Forwarded: for=127.0.0.1"], 403),
        ],
    )
    .await;
}

#[tokio::test]
async fn there_is_one_path_and_one_method() {
    let well = Well::open();
    let endpoint = opened("team/deploy", &well).await;
    let path = endpoint.path().to_owned();
    let line = |method: &str| format!("{method} {path}");
    let methods = [
        "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE", "PATCH", "get", "BREW",
    ]
    .map(line);
    let mut cases: Vec<Wrong> = methods
        .iter()
        .map(|line| (Some(line.as_str()), &[][..], 405))
        .collect();
    let long = format!("GET /{}", "x".repeat(8000));
    let paths = [
        "GET /",
        "GET /v1/credentials/",
        "GET /v1/credentials/dev",
        "GET /v1/credentials/team/deploy",
        "GET /v1/credentials/team%2fdeploy",
        "GET /v1/credentials/team%252Fdeploy",
        "GET /v1/credentials/../credentials/team%2Fdeploy",
        "GET /v1/credentials/%2e%2e/credentials/team%2Fdeploy",
        "GET //v1/credentials/team%2Fdeploy",
        "GET /v1/credentials/team%2Fdeploy/",
        "GET /v1/credentials/team%2Fdeploy?",
        "GET /v1/credentials/team%2Fdeploy?role=admin",
        "GET /latest/meta-data/iam/security-credentials/",
        "GET /role-arn/arn:aws:iam::420000000025:role/deploy",
        long.as_str(),
    ];
    cases.extend(paths.iter().map(|path| (Some(*path), &[][..], 404)));
    refuse_all(&endpoint, &well, &cases).await;
    let answer = endpoint
        .exchange(endpoint.request(&methods[0], &[]).as_bytes())
        .await;
    assert!(answer.contains("allow: GET"), "{answer}");
}

#[tokio::test]
async fn a_body_is_not_read() {
    let well = Well::open();
    let endpoint = opened("dev", &well).await;
    // Far more is announced than ever comes: whoever waited for it would wait for ever.
    let announced = endpoint.request(
        &format!("GET {}", endpoint.path()),
        &["Content-Length: 1000000000"],
    );
    assert_eq!(read(&endpoint.exchange(announced.as_bytes()).await).0, 200);
    let expects = endpoint.request(
        &format!("POST {}", endpoint.path()),
        &["Content-Length: 9", "Expect: 100-continue"],
    );
    assert_eq!(read(&endpoint.exchange(expects.as_bytes()).await).0, 405);
}
