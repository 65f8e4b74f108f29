//! A table of bad input: for each, every problem with its line, column, path and message.

use super::*;

fn problems(text: &str) -> String {
    let text = text.strip_prefix('\n').unwrap_or(text);
    let variables = [("EMPTY", ""), ("PLACEHOLDER", "changeme")];
    shown(
        &Home::with(text)
            .load_with(&variables)
            .expect("a configuration"),
    )
}

#[test]
fn unknown_keys_come_with_the_nearest_known_word() {
    insta::assert_snapshot!(problems(r"
auth:
  identities:
    dev:
      kind: aws/user
      defualt: true
      credentials: {mfa_ran: x, acess_key_id: y}
      sesion: {duration: 1h}
      zzz: 1
  identitys: {}
"), @r"
5:7 error auth.identities.dev.defualt: `defualt` is not known for aws/user; did you mean `default`? Known here: `kind`, `default`, `env`, `session`, `credentials`, `principal`, `spec`
6:21 error auth.identities.dev.credentials.mfa_ran: `mfa_ran` is not known for aws/user; did you mean `mfa_arn`? Known here: `access_key_id`, `secret_access_key`, `mfa_arn`, `mfa_process`, `region`
6:33 error auth.identities.dev.credentials.acess_key_id: `acess_key_id` is not known for aws/user; did you mean `access_key_id`? Known here: `access_key_id`, `secret_access_key`, `mfa_arn`, `mfa_process`, `region`
7:7 error auth.identities.dev.sesion: `sesion` is not known for aws/user; did you mean `session`? Known here: `kind`, `default`, `env`, `session`, `credentials`, `principal`, `spec`
8:7 error auth.identities.dev.zzz: `zzz` is not known for aws/user. Known here: `kind`, `default`, `env`, `session`, `credentials`, `principal`, `spec`
9:3 error auth.identitys: `identitys` is not known for `auth`; did you mean `identities`? Known here: `realm`, `keyring`, `notify`, `providers`, `identities`, `databases`
");
}

#[test]
fn kinds_that_are_unknown_misplaced_or_missing_are_named() {
    insta::assert_snapshot!(problems(r#"
auth:
  identities:
    a: {kind: aws/usr}
    b: {kind: aws/saml}
    c: {}
    d:
    e: {kind: ambient}
    f: {kind: [aws/user]}
    g: {kind: github/user}
    h: {kind: aws/other}
    i: {kind: ""}
    j: just text
    k: [a, b]
"#), @r"
3:15 error auth.identities.a.kind: the kind `aws/usr` is not known; did you mean `aws/user`? Known here: `aws/user`, `aws/ambient`, `aws/process`, `aws/login`, `aws/permission-set`, `aws/assume-role`, `aws/assume-root`
4:15 error auth.identities.b.kind: the kind `aws/saml` belongs to the other section: providers and identities have kinds of their own. Known here: `aws/user`, `aws/ambient`, `aws/process`, `aws/login`, `aws/permission-set`, `aws/assume-role`, `aws/assume-root`
5:5 error auth.identities.c: `kind` is missing
6:5 error auth.identities.d: `kind` is missing
7:15 notice auth.identities.e.kind: Keyfob cannot sign in with this kind; identities that use it are listed as unsupported
8:15 error auth.identities.f.kind: a list where a single value is expected
9:15 notice auth.identities.g.kind: Keyfob cannot sign in with this kind; identities that use it are listed as unsupported
10:15 error auth.identities.h.kind: the kind `aws/other` is not known. Known here: `aws/user`, `aws/ambient`, `aws/process`, `aws/login`, `aws/permission-set`, `aws/assume-role`, `aws/assume-root`
11:15 error auth.identities.i.kind: the value is empty: write one, or leave the key out
12:5 error auth.identities.j: a single value where a mapping is expected
13:5 error auth.identities.k: a list where a mapping is expected
");
}

#[test]
fn providers_are_held_against_their_kind() {
    insta::assert_snapshot!(problems(r"
auth:
  providers:
    a: {kind: aws/iam-identity-center}
    b: {kind: aws/iam-identity-center, start_url: http://corp.example/start, region: eu_central_1}
    c: {kind: aws/saml}
    d: {kind: aws/saml, url: ftp://x, start_url: https://x, session: {duration: 8h}}
    e: {kind: aws/web-identity, spec: {audience: x}}
    f: {kind: github/oidc, spec: {token_file: x, files: {static: maybe}}}
    g: {kind: aws/user}
    aws-user: {kind: aws/saml, url: https://x}
    h: {kind: aws/iam-identity-center, start_url: https://kim:hunter2@x, auto_provision_identities: yes}
    i: {kind: github/oidc, spec: {endpoint_url: http://example.org}}
"), @r"
3:5 error auth.providers.a: `start_url` is missing
4:51 error auth.providers.b.start_url: `http://corp.example/start` is not safe: plain http to another machine shows what is sent; write https://
4:86 error auth.providers.b.region: `eu_central_1` is not a region; a region looks like eu-central-1
5:5 error auth.providers.c: `url` is missing
6:30 error auth.providers.d.url: `ftp://x` is not an https URL; a URL looks like https://example.com/start; http is for this machine only (http://127.0.0.1:4566)
6:39 warning auth.providers.d.start_url: `start_url` has no effect on aws/saml
6:61 warning auth.providers.d.session: `session` has no effect on aws/saml
7:5 error auth.providers.e: `spec.token_file` is missing
7:40 warning auth.providers.e.spec.audience: `audience` has no effect on aws/web-identity
8:35 warning auth.providers.f.spec.token_file: `token_file` has no effect on github/oidc
8:66 error auth.providers.f.spec.files.static: `maybe` is neither true nor false
9:15 error auth.providers.g.kind: the kind `aws/user` belongs to the other section: providers and identities have kinds of their own. Known here: `aws/iam-identity-center`, `aws/saml`, `github/oidc`, `aws/web-identity`
10:5 error auth.providers.aws-user: `aws-user` is reserved: it is the provider of stand-alone identities; choose another name
11:51 error auth.providers.h.start_url: the URL contains a user name or password; leave it out
11:101 error auth.providers.h.auto_provision_identities: `yes` is neither true nor false
12:49 error auth.providers.i.spec.endpoint_url: `http://example.org` is not safe: plain http to another machine shows what is sent; write https://
");
}

#[test]
fn names_that_cannot_be_used_are_refused() {
    insta::assert_snapshot!(problems(r#"
auth:
  identities:
    "../x": {kind: aws/ambient}
    "a b": {kind: aws/ambient}
    "🦀": {kind: aws/ambient}
    "\u202Eabc": {kind: aws/ambient}
    "a\nb": {kind: aws/ambient}
    "": {kind: aws/ambient}
    ? [a]
    : {kind: aws/ambient}
    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: {kind: aws/ambient}
"#), @r"
3:5 error auth.identities.../x: `../x` is not a name: it contains `..`; a name has 1 to 64 unaccented letters, digits and `.`, `_`, `@`, `+`, `/`, `-`, starting with a letter or digit
4:5 error auth.identities.a b: `a b` is not a name: it contains a space; a name has 1 to 64 unaccented letters, digits and `.`, `_`, `@`, `+`, `/`, `-`, starting with a letter or digit
5:5 error auth.identities.🦀: `🦀` is not a name: it does not start with an unaccented letter or a digit; a name has 1 to 64 unaccented letters, digits and `.`, `_`, `@`, `+`, `/`, `-`, starting with a letter or digit
6:5 error auth.identities.�abc: `�abc` is not a name: it does not start with an unaccented letter or a digit; a name has 1 to 64 unaccented letters, digits and `.`, `_`, `@`, `+`, `/`, `-`, starting with a letter or digit
7:5 error auth.identities.a b: `a b` is not a name: it contains a line break; a name has 1 to 64 unaccented letters, digits and `.`, `_`, `@`, `+`, `/`, `-`, starting with a letter or digit
8:5 error auth.identities.: `` is not a name: it is empty; a name has 1 to 64 unaccented letters, digits and `.`, `_`, `@`, `+`, `/`, `-`, starting with a letter or digit
9:7 error auth.identities.?: a name must be a single word
11:5 error auth.identities.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…: `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…` is not a name: it is longer than 64 characters; a name has 1 to 64 unaccented letters, digits and `.`, `_`, `@`, `+`, `/`, `-`, starting with a letter or digit
");
}

#[test]
fn names_that_differ_too_little_are_refused() {
    insta::assert_snapshot!(problems(r"
auth:
  identities:
    dev: {kind: aws/ambient}
    Dev: {kind: aws/ambient}
    a/b: {kind: aws/ambient}
    a_b: {kind: aws/ambient}
    dev: {kind: aws/ambient}
"), @r"
4:5 error auth.identities.Dev: `Dev` is too much like `dev` (line 3): case, and `/` or `_`, make no difference
6:5 error auth.identities.a_b: `a_b` is too much like `a/b` (line 5): case, and `/` or `_`, make no difference
7:5 error auth.identities.dev: `dev` is written twice; first on line 3
");
}

#[test]
fn keys_written_twice_are_refused() {
    insta::assert_snapshot!(problems(r"
auth:
  realm: a
  realm: b
  identities:
    dev: {kind: aws/user, default: true, default: false, credentials: {region: us-east-1, region: us-east-2}}
"), @r"
3:3 error auth.realm: `realm` is written twice; first on line 2
5:42 error auth.identities.dev.default: `default` is written twice; first on line 5
5:91 error auth.identities.dev.credentials.region: `region` is written twice; first on line 5
");
}

#[test]
fn references_must_exist() {
    insta::assert_snapshot!(problems(r#"
auth:
  providers:
    corp-sso: {kind: aws/iam-identity-center, start_url: https://x}
  identities:
    admin: {kind: aws/permission-set, via: {provider: corp-ssso}, principal: {name: A, account: {id: 123456789012}}}
    a: {kind: aws/assume-role, via: {identity: adnim}, principal: {assume_role: "arn:aws:iam::123456789012:role/r"}}
    b: {kind: aws/assume-role, via: {provider: admin}, principal: {assume_role: "arn:aws:iam::123456789012:role/r"}}
    c: {kind: aws/permission-set, via: {identity: corp-sso}, principal: {name: A, account: {id: 123456789012}}}
    d: {kind: aws/assume-role, via: {identity: nowhere}, principal: {assume_role: "arn:aws:iam::123456789012:role/r"}}
"#), @r"
5:55 error auth.identities.admin.via.provider: there is no provider `corp-ssso`; did you mean `corp-sso`? Known here: `corp-sso`
6:48 error auth.identities.a.via.identity: there is no identity `adnim`; did you mean `admin`? Known here: `admin`, `a`, `b`, `c`, `d`
7:48 error auth.identities.b.via.provider: there is no provider `admin`, but identity `admin` exists: `via: { identity: admin }`
8:51 error auth.identities.c.via.identity: there is no identity `corp-sso`, but provider `corp-sso` exists: `via: { provider: corp-sso }`
9:48 error auth.identities.d.via.identity: there is no identity `nowhere`. Known here: `admin`, `a`, `b`, `c`, `d`
");
}

#[test]
fn an_identity_stands_on_one_thing() {
    insta::assert_snapshot!(problems(r#"
auth:
  providers:
    okta: {kind: aws/saml, url: https://x}
  identities:
    base: {kind: aws/ambient}
    none: {kind: aws/assume-role, principal: {assume_role: "arn:aws:iam::123456789012:role/r"}}
    empty: {kind: aws/assume-role, via: {}, principal: {assume_role: "arn:aws:iam::123456789012:role/r"}}
    both: {kind: aws/assume-role, via: {provider: okta, identity: base}, principal: {assume_role: "arn:aws:iam::123456789012:role/r"}}
    text: {kind: aws/assume-role, via: base, principal: {assume_role: "arn:aws:iam::123456789012:role/r"}}
    alone: {kind: aws/user, via: {provider: okta}}
"#), @r"
6:5 error auth.identities.none: `via` is missing: `via: { provider: NAME }` or `via: { identity: NAME }`
7:5 error auth.identities.empty: `via` is missing: `via: { provider: NAME }` or `via: { identity: NAME }`
8:67 error auth.identities.both.via.identity: write `via.provider` or `via.identity`, not both
9:40 error auth.identities.text.via: a single value where a mapping is expected, with `provider`, `identity`
10:29 warning auth.identities.alone.via: `via` has no effect on aws/user
");
}

#[test]
fn circles_are_spelled_out_once() {
    insta::assert_snapshot!(problems(r#"
auth:
  identities:
    a: {kind: aws/assume-role, via: {identity: b}, principal: {assume_role: "arn:aws:iam::123456789012:role/r"}}
    b: {kind: aws/assume-role, via: {identity: c}, principal: {assume_role: "arn:aws:iam::123456789012:role/r"}}
    c: {kind: aws/assume-role, via: {identity: a}, principal: {assume_role: "arn:aws:iam::123456789012:role/r"}}
    d: {kind: aws/assume-role, via: {identity: a}, principal: {assume_role: "arn:aws:iam::123456789012:role/r"}}
    self: {kind: aws/assume-role, via: {identity: SELF}, principal: {assume_role: "arn:aws:iam::123456789012:role/r"}}
"#), @r"
3:48 error auth.identities.a.via.identity: the identities are based on each other in a circle: a → b → c → a
7:51 error auth.identities.self.via.identity: the identities are based on each other in a circle: self → self
");
}

#[test]
fn links_must_fit_what_they_stand_on() {
    insta::assert_snapshot!(problems(r#"
auth:
  providers:
    sso: {kind: aws/iam-identity-center, start_url: https://x}
    okta: {kind: aws/saml, url: https://x}
  identities:
    user: {kind: aws/user}
    role: {kind: aws/assume-role, via: {provider: sso}, principal: {assume_role: "arn:aws:iam::123456789012:role/r"}}
    set: {kind: aws/permission-set, via: {provider: okta}, principal: {name: A, account: {name: dev}}}
    set2: {kind: aws/permission-set, via: {identity: user}, principal: {name: A, account: {name: dev}}}
    root: {kind: aws/assume-root, via: {provider: okta}, principal: &root {target_principal: 123456789012, task_policy_arn: "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"}}
    root2: {kind: aws/assume-root, via: {identity: user}, principal: *root}
    above: {kind: aws/assume-role, via: {identity: root2}, principal: {assume_role: "arn:aws:iam::123456789012:role/r"}}
"#), @r"
7:51 warning auth.identities.role.via.provider: the identity is unsupported: its role cannot be assumed straight from IAM Identity Center: put an identity of kind aws/permission-set between, with `via: { identity: NAME }`
8:53 error auth.identities.set.via.provider: a permission set comes from a provider of kind aws/iam-identity-center, not from aws/saml
9:54 error auth.identities.set2.via.identity: a permission set comes from a provider of kind aws/iam-identity-center, not from aws/user
10:51 error auth.identities.root.via.provider: a root session is assumed from an identity: `via: { identity: NAME }`
12:52 error auth.identities.above.via.identity: a root session may only carry out its task: nothing can be assumed from it
");
}

#[test]
fn two_defaults_are_both_named() {
    insta::assert_snapshot!(problems(r"
auth:
  identities:
    a: {kind: aws/user, default: true}
    b: {kind: aws/ambient, default: true}
    c: {kind: azure/subscription, default: true}
"), @r"
4:5 error auth.identities.b.default: both `a` (line 3) and `b` are the default
5:15 notice auth.identities.c.kind: Keyfob cannot sign in with this kind; identities that use it are listed as unsupported
");
}

#[test]
fn durations_are_errors_when_bad_and_warnings_when_out_of_bounds() {
    insta::assert_snapshot!(problems(r#"
auth:
  notify: {before: 0}
  providers:
    sso: {kind: aws/iam-identity-center, start_url: https://x, session: {duration: 12x}, console: {session_duration: -1h}}
  identities:
    long: {kind: aws/user, session: {duration: 48h}}
    short: {kind: aws/user, session: {duration: 5m}}
    zero: {kind: aws/user, session: {duration: 0}}
    exact: {kind: aws/user, session: {duration: "129600"}}
    role: {kind: aws/assume-role, via: {identity: long}, principal: {assume_role: "arn:aws:iam::123456789012:role/r", duration: 13h}}
    chained: {kind: aws/assume-role, via: {identity: role}, principal: {assume_role: "arn:aws:iam::123456789012:role/r", duration: 4h}}
    set: {kind: aws/permission-set, via: {provider: sso}, session: {duration: 2h}, principal: {name: A, account: {name: dev}}}
"#), @r"
2:20 error auth.notify.before: `0` is not a duration; a duration is seconds (7200), or hours, minutes and days: 90m, 36h, 1h30m, 2d; more than zero
4:84 error auth.providers.sso.session.duration: `12x` is not a duration; a duration is seconds (7200), or hours, minutes and days: 90m, 36h, 1h30m, 2d; more than zero
4:118 error auth.providers.sso.console.session_duration: `-1h` is not a duration; a duration is seconds (7200), or hours, minutes and days: 90m, 36h, 1h30m, 2d; more than zero
6:48 warning auth.identities.long.session.duration: an IAM user's session lasts at most 36h: 48h was asked for, 36h is used
7:49 warning auth.identities.short.session.duration: an IAM user's session lasts at least 15m: 5m was asked for, 15m is used
8:48 error auth.identities.zero.session.duration: `0` is not a duration; a duration is seconds (7200), or hours, minutes and days: 90m, 36h, 1h30m, 2d; more than zero
10:129 warning auth.identities.role.principal.duration: a role session lasts at most 12h: 13h was asked for, 12h is used
10:129 notice auth.identities.role.principal.duration: for more than an hour the role is assumed with the user's access key itself: with an MFA device, each new session asks for a code
11:132 warning auth.identities.chained.principal.duration: a role assumed with a session (role chaining) lasts at most 1h: 4h was asked for, 1h is used
12:59 warning auth.identities.set.session: `session` has no effect on aws/permission-set
");
}

#[test]
fn principals_are_checked() {
    insta::assert_snapshot!(problems(r#"
auth:
  providers:
    sso: {kind: aws/iam-identity-center, start_url: https://x}
  identities:
    u: {kind: aws/user}
    a: {kind: aws/permission-set, via: {provider: sso}}
    b: {kind: aws/permission-set, via: {provider: sso}, principal: {name: has space, account: {id: 12345}}}
    c: {kind: aws/permission-set, via: {provider: sso}, principal: {name: A, account: {id: 123456789012, name: dev}}}
    d: {kind: aws/assume-role, via: {identity: u}, principal: {assume_role: role/x, external_id: x, session_name: Kim Müller, region: nowhere}}
    e: {kind: aws/assume-role, via: {identity: u}}
    f: {kind: aws/assume-root, via: {identity: u}, principal: {target_principal: root, task_policy_arn: "arn:aws:iam::aws:policy/AdministratorAccess"}}
    g: {kind: aws/process}
    h: {kind: aws/permission-set, via: {provider: sso}, principal: {name: A, account: 123456789012}}
    i: {kind: aws/assume-role, via: {identity: u}, spec: {files: {static: true}}, principal: {assume_role: "arn:aws:iam::123456789012:role/r"}}
"#), @r"
6:5 error auth.identities.a: `principal.name` is missing
6:5 error auth.identities.a: `principal.account.id` or `principal.account.name` is missing
7:75 error auth.identities.b.principal.name: `has space` is not the name of a permission set; it has 1 to 32 letters, digits and `_+=,.@-`
7:100 error auth.identities.b.principal.account.id: `12345` is not an account id: an account id has twelve digits
8:112 error auth.identities.c.principal.account.name: write `account.id` or `account.name`, not both
9:77 error auth.identities.d.principal.assume_role: `role/x` is not the ARN of a role; a role's ARN looks like arn:aws:iam::123456789012:role/deploy
9:98 error auth.identities.d.principal.external_id: `x` is not an external id; it has 2 to 1224 letters, digits and `_+=,.@:/-`
9:115 warning auth.identities.d.principal.session_name: AWS does not allow the session name `Kim Müller`: `Kim-M-ller` is used
9:135 error auth.identities.d.principal.region: `nowhere` is not a region; a region looks like eu-central-1
10:5 error auth.identities.e: `principal.assume_role` is missing
11:82 error auth.identities.f.principal.target_principal: `root` is not an account id: an account id has twelve digits
11:105 error auth.identities.f.principal.task_policy_arn: `arn:aws:iam::aws:policy/AdministratorAccess` is not the ARN of a root task policy; it is one of AWS's own, like arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials
12:5 error auth.identities.g: `credentials.process` is missing
13:87 error auth.identities.h.principal.account: a single value where a mapping is expected, with `id`, `name`
14:59 warning auth.identities.i.spec.files: `files` has no effect on aws/assume-role
");
}

#[test]
fn placeholders_and_empty_credentials_are_named_and_treated_as_absent() {
    insta::assert_snapshot!(problems(r#"
auth:
  identities:
    a: {kind: aws/user, credentials: {access_key_id: "", secret_access_key: changeme, mfa_arn: ""}}
    b: {kind: aws/user, credentials: {access_key_id: AKIAXXXXXXXXXXXXXXXX, secret_access_key: xxx}}
    c: {kind: aws/user, credentials: {access_key_id: !env EMPTY, secret_access_key: !env UNSET}}
    d: {kind: aws/user, credentials: {access_key_id: !env PLACEHOLDER, secret_access_key: !env PLACEHOLDER}}
"#), @r"
3:54 warning auth.identities.a.credentials.access_key_id: `access_key_id`: the value is empty and is treated as absent
3:77 warning auth.identities.a.credentials.secret_access_key: `secret_access_key`: the value is a placeholder and is treated as absent
3:96 warning auth.identities.a.credentials.mfa_arn: `mfa_arn`: the value is empty and is treated as absent
4:54 warning auth.identities.b.credentials.access_key_id: `access_key_id`: the value is a placeholder and is treated as absent
4:95 warning auth.identities.b.credentials.secret_access_key: `secret_access_key`: the value is a placeholder and is treated as absent
5:54 warning auth.identities.c.credentials.access_key_id: the environment variable EMPTY is empty; the value is treated as absent
5:85 warning auth.identities.c.credentials.secret_access_key: the environment variable UNSET is not set; the value is treated as absent
6:54 warning auth.identities.d.credentials.access_key_id: `access_key_id`: the environment variable PLACEHOLDER is a placeholder and is treated as absent
6:91 warning auth.identities.d.credentials.secret_access_key: `secret_access_key`: the environment variable PLACEHOLDER is a placeholder and is treated as absent
");
}

#[test]
fn credentials_are_checked_without_being_quoted() {
    insta::assert_snapshot!(problems(r#"
auth:
  identities:
    half: {kind: aws/user, credentials: {access_key_id: AKIAIOSFODNN7EXAMPLE}}
    other: {kind: aws/user, credentials: {secret_access_key: wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY}}
    session: {kind: aws/user, credentials: {access_key_id: ASIAIOSFODNN7EXAMPLE, secret_access_key: wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY}}
    swapped: {kind: aws/user, credentials: {access_key_id: wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY, secret_access_key: AKIAIOSFODNN7EXAMPLE}}
    spaced: {kind: aws/user, credentials: {access_key_id: AKIAIOSFODNN7EXAMPLE, secret_access_key: wJalr XUtnFEMI}}
    list: {kind: aws/user, credentials: {access_key_id: [AKIAIOSFODNN7EXAMPLE], secret_access_key: {a: wJalrXUtnFEMI}}}
    env: {kind: aws/user, credentials: {access_key_id: AKIAIOSFODNN7EXAMPLE, secret_access_key: !env wJalrXUtnFEMI/K7MDENG}}
    good: {kind: aws/user, credentials: {access_key_id: AKIAFOREIGN000000001, secret_access_key: wJalrXUtnFEMI/K7MDENG/bPxRfiCY0000000000, mfa_arn: "arn:aws:iam::1:user/x"}}
"#), @r"
3:57 error auth.identities.half.credentials.access_key_id: `access_key_id` is useless without `secret_access_key`: write both or neither
4:62 error auth.identities.other.credentials.secret_access_key: `secret_access_key` is useless without `access_key_id`: write both or neither
5:60 error auth.identities.session.credentials.access_key_id: an access key id that starts with ASIA belongs to a session and is useless without its token; long-lived keys start with AKIA
5:101 warning auth.identities.session.credentials.secret_access_key: a secret access key in a file is read by backups and other programs; `fob user configure` keeps it in the keyring
6:60 error auth.identities.swapped.credentials.access_key_id: the access key id is not one; an access key id looks like AKIAIOSFODNN7EXAMPLE: 16 to 128 letters and digits
6:121 warning auth.identities.swapped.credentials.secret_access_key: a secret access key in a file is read by backups and other programs; `fob user configure` keeps it in the keyring
7:100 warning auth.identities.spaced.credentials.secret_access_key: a secret access key in a file is read by backups and other programs; `fob user configure` keeps it in the keyring
7:100 error auth.identities.spaced.credentials.secret_access_key: the secret access key holds a space, a line end or another character that none has
8:57 error auth.identities.list.credentials.access_key_id: a list where a single value is expected
8:100 error auth.identities.list.credentials.secret_access_key: a mapping where a single value is expected
9:56 error auth.identities.env.credentials.access_key_id: `access_key_id` is useless without `secret_access_key`: write both or neither
9:97 error auth.identities.env.credentials.secret_access_key: `!env` is followed by the name of an environment variable: `!env DEV_KEY`
10:98 warning auth.identities.good.credentials.secret_access_key: a secret access key in a file is read by backups and other programs; `fob user configure` keeps it in the keyring
10:149 error auth.identities.good.credentials.mfa_arn: `arn:aws:iam::1:user/x` is not an MFA ARN; an MFA ARN looks like arn:aws:iam::123456789012:mfa/kim
");
}

#[test]
fn tags_other_than_env_are_refused() {
    insta::assert_snapshot!(problems(r#"
auth:
  identities:
    a: {kind: aws/user, credentials: {region: !exec whoami, mfa_process: !env "A B", mfa_arn: !!str arn:aws:iam::123456789012:mfa/kim}}
    b: {kind: !env KIND}
    c: {kind: aws/process, credentials: {process: !env UNSET}}
"#), @r"
3:47 error auth.identities.a.credentials.region: the tag `!exec` is not known; only `!env NAME` is
3:74 error auth.identities.a.credentials.mfa_process: `mfa_process` is not taken from `!env`: only keys, regions, paths and endpoints are
4:15 error auth.identities.b.kind: `kind` is not taken from `!env`: only keys, regions, paths and endpoints are
5:51 error auth.identities.c.credentials.process: `process` is not taken from `!env`: only keys, regions, paths and endpoints are
");
}

#[test]
fn paths_are_not_blank_and_stay_on_their_line() {
    insta::assert_snapshot!(problems(r#"
auth:
  providers:
    a: {kind: github/oidc, spec: {files: {base_path: ""}}}
    b: {kind: github/oidc, spec: {files: {base_path: "  "}}}
    c: {kind: github/oidc, spec: {files: {base_path: "/a\nb"}}}
    d: {kind: github/oidc, spec: {files: {base_path: "/a\0b"}}}
    e: {kind: aws/web-identity, spec: {token_file: "/a\rb"}}
    f: {kind: github/oidc, spec: {files: here}}
    g: {kind: github/oidc, spec: {files: {base_path: [a]}}}
"#), @r"
3:54 error auth.providers.a.spec.files.base_path: the value is empty: write one, or leave the key out
4:54 error auth.providers.b.spec.files.base_path: the value is empty: write one, or leave the key out
5:54 error auth.providers.c.spec.files.base_path: the value contains a line break or another control character
6:54 error auth.providers.d.spec.files.base_path: the value contains a line break or another control character
7:52 error auth.providers.e.spec.token_file: the value contains a line break or another control character
8:42 error auth.providers.f.spec.files: a single value where a mapping is expected, with `base_path`, `static`
9:54 error auth.providers.g.spec.files.base_path: a list where a single value is expected
");
}

#[test]
fn variables_of_an_identity_have_names_and_values() {
    insta::assert_snapshot!(problems(r#"
auth:
  identities:
    a: {kind: aws/ambient, env: {KEY: value}}
    b: {kind: aws/ambient, env: [{key: 1A, value: x}, {key: A}, {value: x}, {key: B, value: "a\0b"}, {kye: C, value: x}, text, {key: OK, value: ""}]}
"#), @r"
3:33 error auth.identities.a.env: a mapping where a list is expected: `[ { key: NAME, value: VALUE } ]`
4:40 error auth.identities.b.env.0.key: `1A` is not the name of an environment variable; it has letters, digits and `_`, like TF_VAR_stage
4:55 error auth.identities.b.env.1: `value` is missing
4:65 error auth.identities.b.env.2: `key` is missing
4:93 error auth.identities.b.env.3.value: an environment variable cannot hold a NUL character
4:102 error auth.identities.b.env.4: `key` is missing
4:103 error auth.identities.b.env.4.kye: `kye` is not known for `env`; did you mean `key`? Known here: `key`, `value`
4:122 error auth.identities.b.env.5: a single value where a mapping is expected, with `key`, `value`
");
}

#[test]
fn the_keyring_and_the_realm_are_checked() {
    insta::assert_snapshot!(problems(r#"
auth:
  realm: ../x
  keyring: {type: vault, spec: {path: "", pasword_env: X}}
"#), @r"
2:10 error auth.realm: `../x` is not a name: it contains `..`; a name has 1 to 64 unaccented letters, digits and `.`, `_`, `@`, `+`, `/`, `-`, starting with a letter or digit
3:19 error auth.keyring.type: the keyring type `vault` is not known. Known: `system`, `file`, `memory`
3:39 error auth.keyring.spec.path: the value is empty: write one, or leave the key out
3:43 error auth.keyring.spec.pasword_env: `pasword_env` is not known for `keyring`; did you mean `password_env`? Known here: `path`, `password_env`
");
}

#[test]
fn a_keyring_that_is_not_a_file_needs_no_path() {
    insta::assert_snapshot!(problems(r"
auth:
  keyring: {type: memory, spec: {path: ~/x}}
"), @r"
2:12 warning auth.keyring: `spec` has an effect only with `type: file`
");
}

#[test]
fn a_keyring_is_a_mapping() {
    insta::assert_snapshot!(problems(r"
auth:
  keyring: file
  providers: [a]
  identities: none
  notify: 30m
"), @r"
2:12 error auth.keyring: a single value where a mapping is expected, with `type`, `spec`
3:14 error auth.providers: a list where a mapping from names to providers is expected
4:15 error auth.identities: a single value where a mapping from names to identities is expected
5:11 error auth.notify: a single value where a mapping is expected, with `before`, `key_age`
");
}

#[test]
fn databases_are_checked() {
    insta::assert_snapshot!(problems(r#"
auth:
  identities:
    dev: {kind: aws/ambient}
  databases:
    a: {}
    b: {engine: postgress, host: a b, port: 0, user: app, region: x, via: {identity: dve}}
    c: {engine: mysql, host: db.example, port: 70000, user: "", via: {provider: dev}, password_secret: db}
    d: {engine: mysql, host: db.example, user: app, via: {identity: DEV}, pasword_secret: x}
    e: {engine: mysql, host: "https://db.example:5432", user: app, via: {identity: DEV}, password_secret: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db"}
    ok: {engine: mariadb, host: db.example, user: app, via: {identity: DEV}}
"#), @r"
5:5 error auth.databases.a: `engine` is missing
5:5 error auth.databases.a: `host` is missing
5:5 error auth.databases.a: `user` is missing
5:5 error auth.databases.a: `via.identity` is missing
6:17 error auth.databases.b.engine: the engine `postgress` is not known. Known: `postgres`, `mysql`, `mariadb`
6:34 error auth.databases.b.host: `a b` is not the name of a host; a host looks like orders.abc.eu-central-1.rds.amazonaws.com, without `https://`; the port is given apart from it
6:45 error auth.databases.b.port: `0` is not a port; a port is a number from 1 to 65535
6:67 error auth.databases.b.region: `x` is not a region; a region looks like eu-central-1
6:86 error auth.databases.b.via.identity: there is no identity `dve`; did you mean `dev`? Known here: `dev`
7:5 error auth.databases.c: `via.identity` is missing
7:30 warning auth.databases.c.host: AWS accepts a token only for the endpoint that it shows for the database (….rds.amazonaws.com), and `db.example` is none: write the endpoint as the host, or name it with `fob rds token NAME --host ENDPOINT`; connect through a tunnel or an alias as before
7:48 error auth.databases.c.port: `70000` is not a port; a port is a number from 1 to 65535
7:61 error auth.databases.c.user: the value is empty: write one, or leave the key out
7:71 error auth.databases.c.via.provider: `provider` is not known for a database. Known here: `identity`
7:104 error auth.databases.c.password_secret: `db` is not the ARN of a secret; it looks like arn:aws:secretsmanager:eu-central-1:123456789012:secret:db-x1#password
8:30 warning auth.databases.d.host: AWS accepts a token only for the endpoint that it shows for the database (….rds.amazonaws.com), and `db.example` is none: write the endpoint as the host, or name it with `fob rds token NAME --host ENDPOINT`; connect through a tunnel or an alias as before
8:75 error auth.databases.d.pasword_secret: `pasword_secret` is not known for a database; did you mean `password_secret`? Known here: `engine`, `host`, `proxy`, `port`, `user`, `region`, `via`, `password_secret`, `password`
9:30 error auth.databases.e.host: `https://db.example:5432` is not the name of a host; a host looks like orders.abc.eu-central-1.rds.amazonaws.com, without `https://`; the port is given apart from it
10:33 warning auth.databases.ok.host: AWS accepts a token only for the endpoint that it shows for the database (….rds.amazonaws.com), and `db.example` is none: write the endpoint as the host, or name it with `fob rds token NAME --host ENDPOINT`; connect through a tunnel or an alias as before
");
}
