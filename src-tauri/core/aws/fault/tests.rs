use super::*;

#[test]
fn codes_and_wording_of_aws_mean_what_signing_in_acts_on() {
    let cases = [
        (
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
            FaultKind::UnknownKeys,
        ),
        (
            "ExpiredToken",
            "The security token included in the request is expired",
            FaultKind::Expired,
        ),
        ("ExpiredTokenException", "…", FaultKind::Expired),
        (
            "AccessDenied",
            "MultiFactorAuthentication failed with invalid MFA one time pass code. ",
            FaultKind::MfaRefused,
        ),
        (
            "AccessDenied",
            "Cannot call GetSessionToken with session credentials",
            FaultKind::SessionCannotMakeSessions,
        ),
        (
            "AccessDeniedException",
            "User: x is not authorized to perform: sts:AssumeRole",
            FaultKind::Denied,
        ),
        (
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match",
            FaultKind::SecretMismatch,
        ),
        (
            "SignatureDoesNotMatch",
            "Signature expired: 20150830T123600Z is now earlier than …",
            FaultKind::ClockSkew(None),
        ),
        (
            "InvalidSignatureException",
            "Signature not yet current: …",
            FaultKind::ClockSkew(None),
        ),
        (
            "RequestExpired",
            "Request has expired.",
            FaultKind::ClockSkew(None),
        ),
        ("Throttling", "Rate exceeded", FaultKind::Unreachable),
        (
            "RegionDisabledException",
            "STS is not activated in this region",
            FaultKind::RegionNotEnabled,
        ),
        (
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            FaultKind::DurationRefused,
        ),
        (
            "ValidationError",
            "1 validation error detected: Value at 'roleArn'",
            FaultKind::Other,
        ),
        ("MalformedPolicyDocument", "…", FaultKind::Other),
        ("InvalidGrantException", "", FaultKind::SignInOver),
        ("InvalidClientException", "", FaultKind::ClientUnknown),
        ("ForbiddenException", "No access", FaultKind::Denied),
        ("TOKEN_EXPIRED", "", FaultKind::SignInOver),
        ("AUTHCODE_EXPIRED", "", FaultKind::Expired),
        ("INSUFFICIENT_PERMISSIONS", "", FaultKind::Denied),
        (INVALID_REQUEST, "", FaultKind::Other),
    ];
    for (code, message, kind) in cases {
        assert_eq!(classify(code, message, None), kind, "{code}: {message}");
    }
}

#[test]
fn the_clock_is_compared_with_the_date_of_the_answer() {
    let at = |text: &str| SystemTime::from(text.parse::<jiff::Timestamp>().expect("a time"));
    let date = "Sun, 22 Nov 2026 10:07:00 GMT";
    assert_eq!(
        skew(date, at("2026-11-22T10:00:00Z")),
        Some(Skew::Behind(Duration::from_secs(420)))
    );
    assert_eq!(
        skew(date, at("2026-11-22T10:14:00Z")),
        Some(Skew::Ahead(Duration::from_secs(420)))
    );
    let near = skew(date, at("2026-11-22T10:07:20Z")).expect("a date");
    assert!(near.by() < notable(INVALID_REQUEST));
    assert_eq!(skew("yesterday", at("2026-11-22T10:07:20Z")), None);
    let error = clock_error(Some(Skew::Behind(Duration::from_secs(420))), "");
    assert_eq!(error.message, "this machine's clock is 7 min behind");
}
