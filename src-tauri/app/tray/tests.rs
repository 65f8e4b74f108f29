use super::menu::{Choice, Difference, MenuEntry, difference, menu, tooltip};
use crate::autostart::StartAtLogin;
use crate::snapshot::tests::{NOW, identity, now, snapshot, waiting};
use keyfob_core::agent::api::{
    DatabaseStatus, IdentityStatus, LastCaller, OpenedWith, ProxyStatus, Refresh, State,
};
use keyfob_core::error::{Code, Error};
use std::time::Duration;

const HOUR: u64 = 60 * 60;

fn lines(items: &[MenuEntry]) -> Vec<String> {
    let mut lines = Vec::new();
    for item in items {
        match item {
            MenuEntry::Separator => lines.push("-".to_owned()),
            MenuEntry::Line(line) => {
                let mark = if line.is_checked == Some(true) {
                    " ✓"
                } else {
                    ""
                };
                let off = if line.is_enabled { "" } else { " (off)" };
                lines.push(format!("{}{mark}{off}", line.text));
            }
            MenuEntry::Submenu { text, items, .. } => {
                lines.push(format!("{text} >"));
                lines.extend(self::lines(items).iter().map(|line| format!("  {line}")));
            }
        }
    }
    lines
}

fn ending(seconds: u64) -> IdentityStatus {
    IdentityStatus {
        expires_at: Some(now() + Duration::from_secs(seconds)),
        ..identity("dev-admin", State::Valid)
    }
}

fn title(identity: IdentityStatus) -> String {
    let items = menu(&snapshot(vec![identity]), StartAtLogin::Off, now());
    lines(&items)
        .into_iter()
        .find(|line| line.ends_with('>'))
        .expect("an identity")
}

#[test]
fn the_menu_lists_what_can_be_done_in_the_order_people_look_for_it() {
    let mut shown = snapshot(vec![
        ending(35 * HOUR + 59 * 60),
        identity("ops", State::SignedOut),
    ]);
    shown.refresh = Refresh::Paused;
    insta::assert_snapshot!(lines(&menu(&shown, StartAtLogin::On, now())).join("\n"), @r"
    Open Keyfob
    -
    dev-admin — 36 h >
      Renew
      Log out…
      -
      Copy environment
      Copy profile name
      Open console (off)
      Use as default
    ops — signed out >
      Sign in
      Log out…
      -
      Copy environment (off)
      Copy profile name
      Open console (off)
      Use as default
    -
    Sign in to…
    Log out…
    Pause refresh ✓
    Start at login ✓
    -
    Quit
    ");
}

#[test]
fn while_a_program_waits_the_first_line_answers_it() {
    let items = menu(&waiting("dev"), StartAtLogin::Off, now());
    let MenuEntry::Line(first) = &items[0] else {
        panic!("a line")
    };
    assert_eq!(first.text, "Enter code for dev (terraform)…");
    assert_eq!(Choice::of(&first.id), Some(Choice::Answer(7)));
}

#[test]
fn the_default_is_marked() {
    let default = IdentityStatus {
        default: true,
        ..ending(HOUR)
    };
    assert_eq!(title(default), "dev-admin (default) — 1 h >");
}

#[test]
fn time_left_is_rounded_to_its_largest_unit() {
    let cases = [
        (35 * HOUR + 3599, "36 h"),
        (HOUR, "1 h"),
        (3599, "1 h"),
        (3569, "59 min"),
        (60, "1 min"),
        (59, "under 1 min"),
    ];
    for (seconds, text) in cases {
        assert_eq!(title(ending(seconds)), format!("dev-admin — {text} >"));
    }
    assert_eq!(title(ending(0)), "dev-admin — expired >");
}

#[test]
fn a_long_name_is_shortened_in_its_middle_and_keys_have_no_end() {
    let long = identity(
        "acme-production-eu-central-1/AdministratorAccess",
        State::Valid,
    );
    assert_eq!(title(long), "acme-production-…inistratorAccess — valid >");
    let all = snapshot(vec![identity("dev", State::Valid)]);
    assert_eq!(tooltip(&all, now()), "Keyfob: 1 signed in");
}

#[test]
fn databases_have_a_menu_of_their_own_with_their_ports() {
    let database = |name: &str, with: OpenedWith, proxy: Option<ProxyStatus>| DatabaseStatus {
        name: name.to_owned(),
        engine: "postgres".to_owned(),
        host: "db.example.com".to_owned(),
        port: 5432,
        user: "app".to_owned(),
        identity: "dev".to_owned(),
        with,
        expires_at: None,
        proxy,
    };
    let port = |connections, problem| {
        Some(ProxyStatus {
            port: 15432,
            connections,
            problem,
        })
    };
    let taken = Error::new(Code::FilesUnwritable, "cannot listen");
    let mut shown = snapshot(vec![identity("dev", State::Valid)]);
    shown.agent.as_mut().expect("there is one").databases = vec![
        database("orders", OpenedWith::Token, port(1, None)),
        database("lake", OpenedWith::Password, port(0, Some(taken))),
        database("plain", OpenedWith::Token, None),
    ];
    let lines = lines(&menu(&shown, StartAtLogin::Off, now()));
    let start = lines.iter().position(|line| line == "Databases >");
    let start = start.expect("a menu of its own");
    insta::assert_snapshot!(lines[start..start + 10].join("\n"), @r"
    Databases >
      orders — 127.0.0.1:15432, 1 connection >
        Copy token
        Open terminal
      lake — port 15432 not open >
        Copy password
        Open terminal
      plain >
        Copy token
        Open terminal
    ");
    for choice in [
        Choice::CopyDatabaseToken("orders".to_owned()),
        Choice::OpenDatabaseTerminal("orders".to_owned()),
    ] {
        assert_eq!(Choice::of(&choice.id()), Some(choice));
    }
}

#[test]
fn what_aws_refused_goes_before_what_the_keyring_holds() {
    let mut shown = snapshot(vec![identity("dev-admin", State::Revoked)]);
    let text = |shown: &_| lines(&menu(shown, StartAtLogin::Off, now()))[2].clone();
    assert_eq!(text(&shown), "dev-admin — revoked >");
    shown = snapshot(vec![ending(HOUR)]);
    assert_eq!(text(&shown), "dev-admin — 1 h >");
}

#[test]
fn only_a_role_that_is_signed_in_to_opens_the_console() {
    let role = IdentityStatus {
        role: Some("arn:aws:iam::420000000025:role/deploy".to_owned()),
        ..ending(HOUR)
    };
    let items = menu(&snapshot(vec![role]), StartAtLogin::Off, now());
    assert!(lines(&items).contains(&"  Open console".to_owned()));
}

#[test]
fn many_identities_leave_room_for_the_rest_of_the_menu() {
    let mut many: Vec<_> = (0..200)
        .map(|n| identity(&format!("it-{n}"), State::NeedsSignIn))
        .collect();
    many[150].default = true;
    for (n, seconds) in [(190, 2), (120, 1)] {
        many[n].last_caller = Some(LastCaller {
            program: "make".into(),
            pid: 7,
            at: now() + Duration::from_secs(seconds),
        });
    }
    many[199].state = State::Valid;
    let lines = lines(&menu(&snapshot(many), StartAtLogin::Off, now()));
    let names = lines.iter().filter_map(|line| line.split_once(" — "));
    let names: Vec<_> = names.map(|(name, _)| name).collect();
    let used_last = ["it-120", "it-150 (default)", "it-190", "it-199"];
    assert_eq!(names[..6], ["it-0", "it-1", "it-2", "it-3", "it-4", "it-5"]);
    assert_eq!(names[6..], used_last, "in the order of the configuration");
    assert!(
        lines.contains(&"All 200 identities…".to_owned())
            && lines.last().is_some_and(|it| it == "Quit")
    );
}

#[test]
fn another_text_changes_in_place_and_another_line_does_not() {
    let of = |identities| menu(&snapshot(identities), StartAtLogin::Off, now());
    let shown = of(vec![ending(2 * HOUR)]);
    assert_eq!(
        difference(&shown, &of(vec![ending(2 * HOUR + 60)])),
        Difference::None
    );
    let Difference::Looks(looks) = difference(&shown, &of(vec![ending(HOUR)])) else {
        panic!("the same lines")
    };
    assert!(
        matches!(looks.as_slice(), [MenuEntry::Submenu { text, .. }] if text == "dev-admin — 1 h"),
        "{looks:?}"
    );
    let Difference::Looks(looks) =
        difference(&shown, &of(vec![identity("dev-admin", State::Expired)]))
    else {
        panic!("the same lines")
    };
    assert_eq!(
        looks.len(),
        3,
        "its title, its first line and the environment that is gone: {looks:?}"
    );
    assert_eq!(difference(&shown, &of(Vec::new())), Difference::Lines);
    assert_eq!(
        difference(&shown, &of(vec![identity("dev", State::Valid)])),
        Difference::Lines
    );
}

#[test]
fn every_line_leads_back_to_what_it_does() {
    let name = "a:b/c".to_owned();
    let choices = [
        Choice::Answer(7),
        Choice::Open,
        Choice::SignIn(name.clone()),
        Choice::LogOut(name.clone()),
        Choice::CopyEnvironment(name.clone()),
        Choice::CopyProfileName(name.clone()),
        Choice::OpenConsole(name.clone()),
        Choice::UseAsDefault(name),
        Choice::SignInTo,
        Choice::LogOutOf,
        Choice::PauseRefresh,
        Choice::StartAtLogin,
        Choice::Quit,
    ];
    for choice in choices {
        assert_eq!(Choice::of(&choice.id()), Some(choice));
    }
    assert_eq!(Choice::of("identity:dev"), None);
}

#[test]
fn the_tooltip_says_who_waits_else_how_many_are_signed_in_and_which_ends_first() {
    let said = |identities| tooltip(&snapshot(identities), now());
    assert_eq!(said(Vec::new()), "Keyfob: not signed in");
    assert_eq!(
        said(vec![ending(HOUR)]),
        "Keyfob: dev-admin signed in, ends in 1 h"
    );
    let first = IdentityStatus {
        name: "prod".to_owned(),
        ..ending(20 * 60)
    };
    assert_eq!(
        said(vec![ending(2 * HOUR), first]),
        "Keyfob: 2 signed in, prod ends in 20 min"
    );
    assert_eq!(
        tooltip(&waiting("dev"), now()),
        "Keyfob: terraform needs dev"
    );
    assert!(NOW.ends_with('Z'));
}
