//! Roles that an Identity Center assigns are identities, without a line in the configuration: the
//! real `fob` with and without an agent, and the sandbox's AWS.

use crate::desktop::{Desktop, Office};
#[cfg(target_os = "linux")]
use crate::home::pause;
use crate::home::{code, text};
#[cfg(target_os = "linux")]
use crate::opens::Opens;
use keyfob_core::sandbox::{FaultSwitch, SandboxAccount, SandboxFault, SignInAction};
#[cfg(target_os = "linux")]
use std::fs;
#[cfg(target_os = "linux")]
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(target_os = "linux")]
use std::time::Duration;

const LISTING: &str = r#"auth:
  providers:
    corp: { kind: aws/iam-identity-center, region: eu-central-1, start_url: "https://sandbox.awsapps.com/start", auto_provision_identities: true }
  identities:
    staging/readonlyaccess: { kind: aws/permission-set, via: { provider: corp }, principal: { name: AdministratorAccess, account: { id: "420000000025" } } }
    deploy: { kind: aws/assume-role, via: { identity: production/AdministratorAccess }, principal: { assume_role: "arn:aws:iam::420000000025:role/deploy" } }
"#;

fn office() -> Office {
    let office = Office::with(LISTING);
    office.set(|it| {
        it.accounts = vec![
            account(
                "420000000025",
                "production",
                &["AdministratorAccess", "ReadOnlyAccess"],
            ),
            account("420000000026", "staging", &["ReadOnlyAccess"]),
            account("012345678901", "old (archive)", &["ReadOnlyAccess"]),
        ];
    });
    office
}

fn listed(office: &Office) -> Vec<String> {
    let list = office.home.json(&["list", "--json"]);
    let identities = list["identities"].as_array().expect("identities").iter();
    let names = identities.map(|it| it["name"].as_str().expect("a name").to_owned());
    names.collect()
}

fn account(id: &str, name: &str, roles: &[&str]) -> SandboxAccount {
    SandboxAccount {
        id: id.to_owned(),
        name: name.to_owned(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
    }
}

#[test]
fn the_roles_that_are_assigned_are_identities_once_a_person_has_signed_in() {
    for with_an_agent in [false, true] {
        let office = office();
        let _agent = with_an_agent.then(|| office.agent());
        assert_eq!(listed(&office), ["staging/readonlyaccess", "deploy"]);
        let mut terminal = office.on_a_terminal(&["login", "--provider", "corp"]);
        terminal.read_to("opens this address");
        Desktop::click(&office.desktop.opened());
        let (shown, exit) = terminal.finish();
        assert_eq!(exit, 0, "{shown}");
        assert!(shown.contains("4 roles in 3 accounts"), "{shown}");
        office.home.sandbox().clear_journal();
        assert_eq!(
            listed(&office),
            [
                "staging/readonlyaccess",
                "deploy",
                "production/AdministratorAccess",
                "production/ReadOnlyAccess",
                "old-archive/ReadOnlyAccess",
            ],
            "what is written has precedence"
        );
        assert_eq!(office.home.calls().len(), 0, "a list takes no call");
        let ran = office.home.run(&["login", "OLD-archive/readonlyaccess"]);
        assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
        assert_eq!(office.calls("GetRoleCredentials"), 1);
        let checked = text(&office.home.run(&["doctor"]).stdout);
        assert!(
            checked.contains("identity old-archive/ReadOnlyAccess: valid"),
            "{checked}"
        );
        assert!(
            !checked.contains("production/ReadOnlyAccess"),
            "of those not used nothing: {checked}"
        );
        let ran = office.home.run(&["login", "deploy"]);
        assert_eq!(code(&ran), 0, "a role on one: {}", text(&ran.stderr));
        assert_eq!(office.desktop.times(), 1, "one tab");

        office.set(|it| it.accounts.truncate(1));
        let ran = office.home.run(&["login", "--provider", "corp"]);
        assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
        assert_eq!(listed(&office).len(), 4);
    }
}

#[test]
fn a_portal_with_many_accounts_that_is_busy_now_and_then_is_listed_whole() {
    let office = office();
    office.set(|it| {
        it.accounts = (0..25)
            .map(|n| {
                account(
                    &format!("{:012}", 700 + n),
                    &format!("team-{n}"),
                    &["View", "Admin"],
                )
            })
            .collect();
        it.accounts
            .push(account("420000000025", "x", &["AdministratorAccess"]));
    });
    let mut terminal = office.on_a_terminal(&["login", "--provider", "corp"]);
    terminal.read_to("opens this address");
    busy(&office, 7);
    Desktop::click(&office.desktop.opened());
    let (shown, exit) = terminal.finish();
    assert_eq!(exit, 0, "{shown}");
    assert!(shown.contains("51 roles in 26 accounts"), "{shown}");
}

#[test]
fn without_a_sign_in_no_role_is_listed_and_what_was_listed_stays() {
    let office = office();
    let ran = office.home.run(&["login", "--provider", "corp"]);
    assert_eq!(code(&ran), 3, "{}", text(&ran.stderr));
    assert!(
        text(&ran.stderr).contains("fob login --provider corp"),
        "{}",
        text(&ran.stderr)
    );
    assert_eq!(office.home.calls().len(), 0);
}

fn busy(office: &Office, times: u32) {
    let busy = FaultSwitch::on(SandboxFault::Throttling)
        .for_action(SignInAction::ListAccountRoles)
        .times(times);
    office.home.sandbox().inject(busy).expect("a fault");
}

/// While something is done, one call of ten is one too many for the portal.
#[cfg(target_os = "linux")]
fn busy_again_and_again<T>(office: &Office, work: impl FnOnce() -> T) -> T {
    let sandbox = office.home.sandbox();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let is_busy = threads.spawn(|| {
            let mut times = 0;
            while !is_over.load(Ordering::Relaxed) {
                if sandbox.journal().len() >= 9 {
                    sandbox.clear_journal();
                    let once = FaultSwitch::on(SandboxFault::Throttling).times(1);
                    sandbox.inject(once).expect("a fault");
                    times += 1;
                }
                pause(Duration::from_millis(20));
            }
            times
        });
        let done = work();
        is_over.store(true, Ordering::Relaxed);
        let times = is_busy.join().expect("no panic");
        assert!(times > 40, "it was too busy {times} times");
        sandbox.clear_faults();
        sandbox.clear_journal();
        done
    })
}

/// AWS takes twenty questions for roles a second: listing takes half a minute.
#[cfg(target_os = "linux")]
#[test]
fn of_thousands_of_roles_only_those_that_were_used_are_looked_at_and_signed_out_of() {
    const ROLES: [&str; 4] = ["Admin", "View", "Billing", "Support"];
    let office = office();
    office.sign_in(&["login", "--provider", "corp"]);
    office.set(|it| {
        let team = |n| account(&format!("{n:012}"), &format!("team-{n}"), &ROLES);
        it.accounts = (1..=600).map(team).collect();
        it.roles_calls_a_second = Some(20);
    });
    let roles = (1..=600).flat_map(|n| ROLES.map(|role| format!("team-{n}/{role}")));
    let roles: Vec<String> = roles.collect();
    for with_an_agent in [true, false] {
        let _agent = with_an_agent.then(|| office.agent());
        let ran = busy_again_and_again(&office, || {
            office.home.run(&["login", "--provider", "corp"])
        });
        let said = text(&ran.stderr);
        assert!(said.contains("2400 roles in 600 accounts"), "{said}");
        assert_eq!(listed(&office)[2..], roles, "each, and in order");
    }
    let too_many = FaultSwitch::on(SandboxFault::Throttling).times(2);
    let too_many = too_many.for_action(SignInAction::GetRoleCredentials);
    office.home.sandbox().inject(too_many).expect("a fault");
    let ran = office.home.run(&["login", "team-1/View"]);
    assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
    assert_eq!(office.calls("GetRoleCredentials"), 3);
    office.home.sandbox().clear_journal();

    let state = office.home.path().join(".local/state/keyfob/default");
    let opens = Opens::below(&state);
    assert_eq!(listed(&office).len(), 2402);
    let looked_at = opens.count();
    assert!(looked_at < 30, "{looked_at} files");
    let _agent = office.agent();
    for _ in 0..2 {
        assert_eq!(listed(&office).len(), 2402);
    }
    let looked_at = opens.count();
    assert!(looked_at < 30, "{looked_at} files, with an agent");
    assert_eq!(office.home.calls().len(), 0);
    let ran = office.home.run(&["login", "TEAM-600/support"]);
    assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));

    opens.count();
    let report = office.home.json(&["logout", "--all", "--yes", "--json"]);
    let steps = report["steps"].as_array().expect("steps");
    assert!(steps.len() < 30, "{report}");
    let looked_at = opens.count();
    assert!(looked_at < 300, "{looked_at} files at the logout");
    let marks = fs::read_dir(state.join("marks")).expect("marks").count();
    assert_eq!(marks, 5, "two used, two written, and the provider");
    let keyring = office.home.keyring();
    assert!(keyring.is_empty(), "{:?}", keyring.keys());
    for used_or_not in ["team-1/View", "team-2/View"] {
        let program = office.home.run(&["credential-process", used_or_not]);
        assert_eq!(code(&program), 3);
        let said = text(&program.stderr);
        assert!(said.contains("is signed out"), "{said}");
    }
}

#[test]
fn a_role_above_one_that_is_not_listed_yet_is_signed_in_to_from_nothing() {
    for with_an_agent in [false, true] {
        let office = office();
        let _agent = with_an_agent.then(|| office.agent());
        let valid = office.home.run(&["validate"]);
        let said = text(&valid.stdout);
        assert_eq!(code(&valid), 0, "nothing is wrong with it: {said}");
        assert!(said.contains("fob login --provider corp"), "{said}");
        let list = office.home.json(&["list", "--json"]);
        assert_eq!(list["identities"][1]["state"], "needs_sign_in");
        let program = office.home.run(&["credential-process", "deploy"]);
        let said = text(&program.stderr);
        assert_eq!(code(&program), 3, "{said}");
        assert!(said.contains("fob login --provider corp"), "{said}");
        for identity in ["deploy", "old-archive/ReadOnlyAccess"] {
            let alone = office.home.run(&["login", identity]);
            let said = text(&alone.stderr);
            assert_eq!(code(&alone), 3, "a person is needed: {said}");
            assert!(said.contains("fob login --provider corp"), "{said}");
        }
        let shown = office.sign_in(&["login", "deploy"]);
        assert!(shown.contains("Authentication successful!"), "{shown}");
        let program = office.home.run(&["credential-process", "deploy"]);
        assert_eq!(code(&program), 0, "{}", text(&program.stderr));
        let ran = office.home.run(&["login", "old-archive/ReadOnlyAccess"]);
        assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
        assert_eq!(office.desktop.times(), 1, "one tab");
        let unknown = office.home.run(&["login", "production/Nothing"]);
        let said = text(&unknown.stderr);
        assert_eq!(code(&unknown), 1, "{said}");
        assert!(said.contains("fob login --provider corp"), "{said}");
    }
}
