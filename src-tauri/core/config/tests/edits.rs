//! Changes of the text: what is written where, in the style of what is there, and what is refused.

use super::*;
use crate::config::edit::AutoProvision;

fn user(name: &str) -> Change {
    Change::AddIdentity(NewIdentity {
        name: name.to_owned(),
        is_default: false,
        kind: NewKind::User {
            region: Some("eu-west-1".to_owned()),
            mfa_arn: None,
        },
        settings: Box::default(),
    })
}

fn role(name: &str, via: &str) -> Change {
    Change::AddIdentity(NewIdentity {
        name: name.to_owned(),
        is_default: false,
        kind: NewKind::AssumeRole {
            via: via.to_owned(),
            role_arn: "arn:aws:iam::123456789012:role/deploy".to_owned(),
            external_id: None,
            session_name: Some(" ".to_owned()),
            region: None,
            duration: Some("45m".to_owned()),
        },
        settings: Box::default(),
    })
}

fn identity_center(name: &str) -> Change {
    Change::AddIdentityCenter(NewIdentityCenter {
        name: name.to_owned(),
        start_url: "https://corp.awsapps.com/start".to_owned(),
        region: " eu-central-1".to_owned(),
        only_written: false,
    })
}

#[test]
fn an_identity_center_is_added_beside_other_providers_and_to_a_new_file() {
    let written = "    corp:
      kind: aws/iam-identity-center
      region: eu-central-1
      start_url: \"https://corp.awsapps.com/start\"
      auto_provision_identities: true
";
    let alone = after("", &identity_center("corp"));
    assert_eq!(alone, format!("auth:\n  providers:\n{written}"));
    let other = "auth:\n  providers:\n    okta: { kind: aws/saml } # Theirs.\n";
    assert_eq!(
        after(other, &identity_center("corp")),
        format!("{other}{written}")
    );
    let error = refused(&alone, &identity_center("CORP"));
    assert_eq!(
        error.message,
        "there is already a provider `corp`, on line 3 of /c.yaml"
    );
    let Change::AddIdentityCenter(mut new) = identity_center("corp") else {
        unreachable!("made above");
    };
    new.start_url = "corp".to_owned();
    let error = refused("", &Change::AddIdentityCenter(new));
    assert!(error.message.contains("corp"), "{error}");
}

#[test]
fn the_roles_that_a_provider_assigns_are_listed_or_not() {
    let listing = |provider: &str, is_on: bool| {
        Change::AutoProvision(AutoProvision {
            provider: provider.to_owned(),
            is_on,
        })
    };
    let text = after("", &identity_center("corp"));
    let off = after(&text, &listing("Corp", false));
    assert_eq!(off, text.replace("identities: true", "identities: false"));
    assert_eq!(after(&off, &listing("corp", true)), text);
    let written = "auth:\n  providers:\n    corp: { kind: aws/iam-identity-center, region: eu-central-1, start_url: \"https://corp.awsapps.com/start\" } # Ours.\n";
    let on = after(written, &listing("corp", true));
    let kind = "kind: aws/iam-identity-center,";
    let listed = format!("{kind} auto_provision_identities: true,");
    assert_eq!(on, written.replace(kind, &listed));
    let error = refused(&text, &listing("corporate", true));
    assert!(error.message.contains("corporate"), "{error}");
}

fn default(name: &str) -> Change {
    Change::MakeDefault(name.to_owned())
}

fn before(text: &str) -> Change {
    Change::NotifyBefore(text.to_owned())
}

fn key_age(text: &str) -> Change {
    Change::KeyAge(text.to_owned())
}

fn after(text: &str, change: &Change) -> String {
    match edited(Path::new("/c.yaml"), text, change) {
        Ok(text) => text.to_string(),
        Err(error) => panic!("{error} {:?}\n{text}", error.hints),
    }
}

fn refused(text: &str, change: &Change) -> Error {
    match edited(Path::new("/c.yaml"), text, change) {
        Ok(after) => panic!("should have been refused: {}", *after),
        Err(error) => error,
    }
}

/// The lines that went and the lines that came, in the order of the file.
fn changed(text: &str, change: &Change) -> String {
    let after = after(text, change);
    let (old, new): (Vec<&str>, Vec<&str>) =
        (text.split('\n').collect(), after.split('\n').collect());
    let mut shown = String::new();
    let (mut at, mut then) = (0, 0);
    while at < old.len() || then < new.len() {
        if old.get(at) == new.get(then) {
            (at, then) = (at + 1, then + 1);
            continue;
        }
        let came = new[then..]
            .iter()
            .position(|line| old.get(at) == Some(line));
        let went = old[at..]
            .iter()
            .position(|line| new.get(then) == Some(line));
        let (came, went) = match (came, went) {
            (Some(came), Some(went)) if came <= went => (came, 0),
            (Some(came), None) => (came, 0),
            (_, Some(went)) => (0, went),
            (None, None) => (1.min(new.len() - then), 1.min(old.len() - at)),
        };
        old[at..at + went]
            .iter()
            .for_each(|line| shown.extend(["-", line, "\n"]));
        new[then..then + came]
            .iter()
            .for_each(|line| shown.extend(["+", line, "\n"]));
        (at, then) = (at + went, then + came);
    }
    shown.replace('\r', "␍")
}

const COMMENTED: &str = "\
# ours
auth: # all of it
    notify: # soon
    identities: # who
          # first
          \"dev\": # me
            kind: aws/user # k
            default: true
          prod:

            kind: aws/user
            # why not
            default: false
          # last

    # of the realm
    realm: x
other: 1";

const JSON: &str = r#"{
  "auth": {
    "identities": {
      "dev": {
        "kind": "aws/user",
        "default": true
      },
      "prod": {
        "default": false,
        "kind": "aws/user"
      }
    },
    "notify": {"before": "30m"}
  }
}
"#;

#[test]
fn an_identity_is_added_behind_the_last_one_as_the_others_are_indented() {
    let added = "\
+          new:
+            kind: aws/user
+            credentials:
+              region: eu-west-1
";
    assert_eq!(changed(COMMENTED, &user("new")), added);
    let windows = COMMENTED.replace('\n', "\r\n");
    assert_eq!(changed(&windows, &user("new")), added.replace('\n', "␍\n"));
    let marked = format!("\u{feff}{COMMENTED}");
    assert!(after(&marked, &user("new")).starts_with("\u{feff}# ours\n"));
    assert_eq!(changed(&marked, &user("new")), added);
    assert_eq!(
        changed(
            "auth:\n identities:\n    dev: {kind: aws/user}",
            &role("Prod/Deploy", "DEV")
        ),
        "\
-    dev: {kind: aws/user}
+    dev: {kind: aws/user}
+    Prod/Deploy:
+     kind: aws/assume-role
+     via:
+      identity: DEV
+     principal:
+      assume_role: \"arn:aws:iam::123456789012:role/deploy\"
+      duration: 45m
+
"
        .replacen(
            "-    dev: {kind: aws/user}\n+    dev: {kind: aws/user}\n",
            "",
            1
        )
    );
}

#[test]
fn within_braces_on_one_line_an_identity_is_added_as_the_others_are_written() {
    for text in [
        JSON,
        r#"{"auth": {"identities": {"a": {}}}}"#,
        "auth:\n  identities: {a: {}, # a\n    b: {} # b\n  }\n",
        "auth:\n  identities: {\n    a: {}, # a\n    }\n",
    ] {
        let error = refused(text, &user("new"));
        assert!(
            error.message.contains("line ") && error.hints[0].starts_with("write it by hand: "),
            "{error}"
        );
    }
    for (text, now) in [
        (
            "auth: {identities: {dev: {kind: aws/user}}}",
            "auth: {identities: {dev: {kind: aws/user}, NEW}}",
        ),
        (
            "auth: {identities: {a: {}, }} # c",
            "auth: {identities: {a: {}, NEW, }} # c",
        ),
        ("auth: {identities: {a}}", "auth: {identities: {a, NEW}}"),
        ("auth: {identities: }", "auth: {identities: { NEW } }"),
        ("auth: {identities: null}", "auth: {identities: { NEW }}"),
        ("auth: {identities: {}}", "auth: {identities: { NEW }}"),
        ("{}", "{ auth: { identities: { NEW } } }"),
        ("{auth: }", "{auth: { identities: { NEW } } }"),
    ] {
        let new = if now.contains("{ NEW") {
            "new: { kind: aws/user, credentials: { region: eu-west-1 } }"
        } else {
            "new: {kind: aws/user, credentials: {region: eu-west-1}}"
        };
        assert_eq!(after(text, &user("new")), now.replace("NEW", new));
    }
}

#[test]
fn what_is_missing_on_the_way_is_made() {
    let entry = "    new:\n      kind: aws/user\n      credentials:\n        region: eu-west-1\n";
    for (text, start, end) in [
        ("", "auth:\n  identities:\n", ""),
        ("# mine", "# mine\nauth:\n  identities:\n", ""),
        ("---\n# mine\n", "---\n# mine\nauth:\n  identities:\n", ""),
        ("auth:", "auth:\n  identities:\n", ""),
        ("auth: ~ # c\n# d\n", "auth: # c\n  identities:\n", "# d\n"),
        (
            "auth: null\nlogs: {}\n",
            "auth:\n  identities:\n",
            "logs: {}\n",
        ),
        ("auth: {}\n", "auth:\n  identities:\n", ""),
        ("logs: {}\n", "logs: {}\nauth:\n  identities:\n", ""),
        (
            "auth:\n  realm: x\n\n# end\n",
            "auth:\n  realm: x\n  identities:\n",
            "\n# end\n",
        ),
        (
            "auth:\n  identities: # c\n  realm: x\n",
            "auth:\n  identities: # c\n",
            "  realm: x\n",
        ),
        (
            "auth:\n  identities:\n    # dev:\n\n  # of x\n  realm: x\n",
            "auth:\n  identities:\n    # dev:\n",
            "\n  # of x\n  realm: x\n",
        ),
        (
            "auth:\n  identities: {} # none\n",
            "auth:\n  identities: # none\n",
            "",
        ),
        (
            "auth:\n  realm: x\n...\n",
            "auth:\n  realm: x\n  identities:\n",
            "...\n",
        ),
        (
            "\"auth\":\n  'identities': ~\n",
            "\"auth\":\n  'identities':\n",
            "",
        ),
    ] {
        assert_eq!(
            after(text, &user("new")),
            format!("{start}{entry}{end}"),
            "{text}"
        );
    }
    assert_eq!(
        after("base_path: ./\nauth:\n    realm: x\n", &before("45m")),
        "base_path: ./\nauth:\n    realm: x\n    notify:\n        before: 45m\n"
    );
    assert_eq!(
        changed(COMMENTED, &before("1h30m")),
        "+        before: 1h30m\n"
    );
}

#[test]
fn text_that_ends_in_blank_lines_of_its_own_is_never_changed() {
    let text = "auth:\n  identities:\n    dev:\n      kind: aws/process\n      credentials:\n        process: |+\n          a\n\n\n";
    assert_eq!(refused(text, &user("new")).code, Code::ConfigInvalid);
    let text = text.replace("|+", "|");
    assert!(after(&text, &user("new")).ends_with("eu-west-1\n\n\n"));
}

#[test]
fn one_identity_is_made_the_default_and_no_other_keeps_it() {
    assert_eq!(
        changed(COMMENTED, &default("PROD")),
        "-            default: true\n-            default: false\n+            default: true\n"
    );
    assert_eq!(changed(COMMENTED, &default("dev")), "");
    assert_eq!(
        after(JSON, &default("prod")),
        JSON.replace(",\n        \"default\": true\n", "\n")
            .replace("\"default\": false", "\"default\": true")
    );
    for (text, now) in [
        (
            "a: {kind: aws/user, default: true}\nb: {kind: aws/user}",
            "a: {kind: aws/user}\nb: {kind: aws/user, default: true}",
        ),
        (
            "a: {default: true, kind: aws/user}\nb: {}",
            "a: {kind: aws/user}\nb:\n      default: true\n",
        ),
        (
            "a: {default: True}\nb: ",
            "a: {default: false}\nb: \n      default: true\n",
        ),
        (
            "a:\n    kind: aws/user\n    default: true # mine\nb: {x: 1}",
            "a:\n    kind: aws/user\n    default: false # mine\nb: {x: 1, default: true}",
        ),
        (
            "a: {kind: aws/user, # k\n    default: true # d\n    }\nb: {default: false, kind: aws/user}",
            "a: {kind: aws/user, # k\n    default: false # d\n    }\nb: {default: true, kind: aws/user}",
        ),
        (
            "a: &a\n    kind: aws/user\n    default: true\nb:\n    <<: *a\n    default: false",
            "a: &a\n    kind: aws/user\nb:\n    <<: *a\n    default: true",
        ),
        (
            "b:\n    kind: aws/user\n    env: []\na: {default: 'true'}",
            "b:\n    kind: aws/user\n    default: true\n    env: []\na: {default: 'false'}",
        ),
        (
            "b: {kind: aws/user}\na: {kind: azure/role, default: true}",
            "b: {kind: aws/user, default: true}\na: {kind: azure/role, default: true}",
        ),
    ] {
        let whole = |inner: &str| {
            format!(
                "auth:\n  identities:\n{}",
                inner
                    .split('\n')
                    .map(|line| match line {
                        "" => String::new(),
                        _ if line.starts_with("      ") => format!("{line}\n"),
                        _ => format!("    {line}\n"),
                    })
                    .collect::<String>()
            )
        };
        assert_eq!(after(&whole(text), &default("b")), whole(now));
    }
}

#[test]
fn the_time_of_notices_is_replaced_in_the_quotes_it_has() {
    for (text, now) in [
        (
            "auth:\n  notify: { before: 30m } # c\n",
            "auth:\n  notify: { before: 45m } # c\n",
        ),
        (
            "auth:\n  notify:\n    before: '30m' # c\n",
            "auth:\n  notify:\n    before: '45m' # c\n",
        ),
        (
            "auth:\n  notify:\n    before: # c\n  realm: x\n",
            "auth:\n  notify:\n    before: 45m # c\n  realm: x\n",
        ),
        (
            "auth:\n  notify: {before: \"45m\"}",
            "auth:\n  notify: {before: \"45m\"}",
        ),
    ] {
        assert_eq!(after(text, &before(" 45m ")), now);
    }
    assert_eq!(after(JSON, &before("7200")), JSON.replace("30m", "7200"));
}

#[test]
fn the_age_at_which_keys_are_old_changes_at_its_line() {
    let text = "auth:\n  notify:\n    before: 30m # b\n    key_age: 90d # k\n  realm: x\n";
    assert_eq!(
        changed(text, &key_age("60d")),
        "-    key_age: 90d # k\n+    key_age: 60d # k\n"
    );
    let off = after(text, &key_age("off"));
    assert_eq!(off.lines().count(), text.lines().count());
    assert_eq!(after(&off, &key_age("90d")), text);
    assert_eq!(
        changed(COMMENTED, &key_age("60d")),
        "+        key_age: 60d\n"
    );
}

#[test]
fn a_default_identity_is_added_and_takes_over() {
    let Change::AddIdentity(new) = user("new") else {
        panic!("an identity")
    };
    let new = Change::AddIdentity(NewIdentity {
        is_default: true,
        ..new
    });
    assert_eq!(
        changed(
            "auth:\n  identities:\n    dev: {kind: aws/user, default: true}\n",
            &new
        ),
        "\
-    dev: {kind: aws/user, default: true}
+    dev: {kind: aws/user}
+    new:
+      kind: aws/user
+      default: true
+      credentials:
+        region: eu-west-1
"
    );
}

#[test]
fn every_kind_is_written_as_the_reader_reads_it() {
    let process = Change::AddIdentity(NewIdentity {
        name: "vendor".to_owned(),
        is_default: false,
        kind: NewKind::Process {
            command: r#"sh -c "a: 'b' # {c}\n" é"#.to_owned(),
            region: None,
        },
        settings: Box::default(),
    });
    let full = Change::AddIdentity(NewIdentity {
        name: "410000000017".to_owned(),
        is_default: true,
        kind: NewKind::AssumeRole {
            via: "vendor".to_owned(),
            role_arn: "arn:aws:iam::123456789012:role/deploy".to_owned(),
            external_id: Some("x-1".to_owned()),
            session_name: Some("kim".to_owned()),
            region: Some("eu-west-1".to_owned()),
            duration: Some("2700".to_owned()),
        },
        settings: Box::default(),
    });
    for text in ["", "{}", "auth: {realm: x}", "auth: { realm: x }\n"] {
        let config = load(&after(&after(text, &process), &full));
        assert_eq!(shown(&config), "", "{text}");
        let chain = chain(&config, "410000000017").expect("a chain");
        let Kind::Process(process) = &chain.source().kind else {
            panic!("a program")
        };
        assert_eq!(process.command, r#"sh -c "a: 'b' # {c}\n" é"#);
        let Kind::AssumeRole(role) = &chain.target().kind else {
            panic!("a role")
        };
        assert_eq!(
            (role.session_name.as_str(), role.external_id.as_deref()),
            ("kim", Some("x-1"))
        );
        assert_eq!(
            role.duration.map(crate::duration::SessionDuration::seconds),
            Some(2700)
        );
        assert_eq!(
            config
                .default_identity()
                .map(|it| it.map(|it| it.name.as_str())),
            Ok(Some("410000000017"))
        );
    }
}

#[test]
fn what_cannot_be_used_is_refused_by_name() {
    let with = |kind: NewKind| {
        Change::AddIdentity(NewIdentity {
            name: "new".to_owned(),
            is_default: false,
            kind,
            settings: Box::default(),
        })
    };
    let some = |text: &str| Some(text.to_owned());
    for (change, says) in [
        (
            user("Dev"),
            "there is already an identity `dev`, on line 6 of /c.yaml",
        ),
        (user("a b"), "is not a name"),
        (user(""), "is not a name"),
        (role("new", "nobody"), "there is no identity `nobody`"),
        (role("new", " "), "`identity` is empty"),
        (
            with(NewKind::User {
                region: some("EU"),
                mfa_arn: None,
            }),
            "`EU` is not a region",
        ),
        (
            with(NewKind::User {
                region: None,
                mfa_arn: some("arn:aws:iam::1:user/kim"),
            }),
            "is not an MFA ARN",
        ),
        (
            with(NewKind::Process {
                command: " ".to_owned(),
                region: None,
            }),
            "`process` is empty",
        ),
        (
            with(NewKind::Process {
                command: "a\nb".to_owned(),
                region: None,
            }),
            "contains a line break",
        ),
        (default("nobody"), "there is no identity `nobody`"),
        (before("soon"), "`soon` is not a duration"),
        (key_age("soon"), "`soon` is not a duration"),
        (key_age("0d"), "`0d` is not a duration"),
        (before(""), "`` is not a duration"),
        (before("0"), "`0` is not a duration"),
    ] {
        let error = refused(COMMENTED, &change);
        assert!(error.message.contains(says), "{error}");
        assert!(
            matches!(error.code, Code::InvalidInput | Code::IdentityNotFound),
            "{error}"
        );
    }
    let error = refused("auth: {identities: {a/b: {kind: aws/user}}}", &user("A_b"));
    assert!(
        error.hints.iter().any(|hint| hint.contains("`/` and `_`")),
        "{:?}",
        error.hints
    );
}

#[test]
fn a_broken_file_is_refused_with_what_is_wrong() {
    for (text, says) in [
        ("auth: [", "line 2, column 1: not YAML"),
        ("auth: {}\nauth: {}\n", "has the top-level key `auth` twice"),
        ("- auth\n", "holds a list instead of a mapping"),
        ("auth: [a]\n", "`auth` is not a mapping"),
        (
            "auth: {identities: [a]}\n",
            "`auth.identities` is not a mapping",
        ),
        (
            "auth: {identities: dev}\n",
            "`auth.identities` is not a mapping",
        ),
        (
            "auth:\n  identities: {a: 1}\n  identities: {b: 1}\n",
            "`identities` is written twice",
        ),
    ] {
        let error = refused(text, &user("new"));
        assert_eq!(error.code, Code::ConfigInvalid);
        assert!(
            error.message.starts_with("the configuration /c.yaml ") && error.message.contains(says),
            "{error}"
        );
    }
}

#[test]
fn what_would_change_something_else_is_refused_with_what_to_write_by_hand() {
    let by_hand = "write it by hand: `new: { kind: aws/user, credentials: { region: eu-west-1 } }` below `auth.identities`";
    for text in [
        "x: &x {dev: {kind: aws/user}}\nauth:\n  identities: *x\n",
        "x: &x\n  identities: {dev: {kind: aws/user}}\nauth:\n  <<: *x\n",
        "auth:\n  identities: &x\n    dev: {kind: aws/user}\nagain: *x\n",
        "auth:\n  identities: !mine\n    dev: {kind: aws/user}\nx: 1\n",
        "auth:\n  identities: !!map\n",
        "auth: {identities}",
        "auth: {identities: {a: , }}",
        "? auth\n: identities: {}\n",
        "auth:\n  ? identities\n  : dev: {kind: aws/user}\n",
    ] {
        match edited(Path::new("/c.yaml"), text, &user("new")) {
            // What can be added to is.
            Ok(after) => assert!(load(&after).identity("new").is_ok(), "{}", *after),
            Err(error) => {
                assert_eq!(error.code, Code::ConfigInvalid);
                assert_eq!(error.hints, [by_hand], "{error}");
            }
        }
    }
    for text in [
        "x: &x {kind: aws/user}\nauth:\n  identities:\n    a: {kind: aws/user, default: true}\n    b: *x\n",
        "auth:\n  identities:\n    a: &a {kind: aws/user, default: true}\n    b: *a\n",
        "auth:\n  identities:\n    b: &b\n      kind: aws/user\n    c: *b\n",
        "auth:\n  identities:\n    a: &a\n      kind: aws/user\n      default: true\n    b:\n      <<: *a\n",
        "auth: {identities: {b: &b {default: true}, c: {<<: *b}}}",
        "auth:\n  identities:\n    a: {kind: aws/user, default: &d true}\n    b: {kind: aws/user}\nx: *d\n",
    ] {
        let error = refused(text, &default("b"));
        assert_eq!(error.code, Code::ConfigInvalid);
        assert!(
            error.hints[0].contains("`default: true` below `auth.identities.b`"),
            "{:?}",
            error.hints
        );
    }
    for text in [
        "auth:\n  notify: {before: !env BEFORE}\n",
        "auth: {x: &x 1h, notify: {before: *x}, y: *x}\n",
    ] {
        let error = refused(text, &before("45m"));
        assert!(
            error.hints[0].contains("`before: 45m` below `auth.notify`"),
            "{:?}",
            error.hints
        );
    }
    let error = refused("auth: {identities: {a: {kind: azure/role}}}", &default("a"));
    assert_eq!(error.code, Code::Unsupported);
}

#[test]
fn the_samples_are_changed_in_the_lines_of_the_change_alone() {
    assert_eq!(
        changed(SAMPLE, &before("45m")),
        "-  notify: { before: 30m }\n+  notify: { before: 45m }\n"
    );
    assert_eq!(
        changed(SAMPLE, &default("here")),
        "\
-      default: true
-    here:   { kind: aws/ambient, principal: { region: us-east-1 } }
+    here:   { kind: aws/ambient, default: true, principal: { region: us-east-1 } }
"
    );
    for text in [SAMPLE, ATMOS] {
        let added = changed(text, &user("new"));
        assert_eq!(
            added,
            "+    new:\n+      kind: aws/user\n+      credentials:\n+        region: eu-west-1\n"
        );
    }
    assert_eq!(
        changed(ATMOS, &default("emergency")),
        "-      default: true\n+      default: true\n"
    );
}
