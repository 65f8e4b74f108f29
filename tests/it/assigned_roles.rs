//! Roles that an Identity Center assigns are identities, without a line in the configuration: the
//! real `fob` with and without an agent, and the sandbox's AWS.

use crate::desktop::{Desktop, Office};
use crate::home::{code, text};
use keyfob_core::sandbox::{FaultSwitch, SandboxAccount, SandboxFault, SignInAction};

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
    let busy = FaultSwitch::on(SandboxFault::Throttling)
        .for_action(SignInAction::ListAccountRoles)
        .times(7);
    office.home.sandbox().inject(busy).expect("a fault");
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
