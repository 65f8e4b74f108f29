//! An agent without the passphrase of the keyring file: clients that have it open the keyring
//! themselves.

use crate::home::{DEV, Home, code, text};

#[test]
fn an_agent_without_the_passphrase_leaves_the_work_to_processes_that_have_it() {
    let home = Home::signed_up(DEV);
    let mut run = home.fob(&["agent", "run"]);
    run.env_remove("FOB_KEYRING_PASSWORD");
    let _agent = home.agent(run);
    for arguments in [
        &["login"][..],
        &["credential-process", "dev"],
        &["whoami", "dev"],
        &["logout", "dev"],
        &["login"],
    ] {
        let ran = home.run(arguments);
        assert_eq!(code(&ran), 0, "{arguments:?}: {}", text(&ran.stderr));
    }
    assert_eq!(
        home.calls().get("GetSessionToken"),
        Some(&2),
        "one for each sign-in"
    );

    let mut without = home.fob(&["credential-process", "dev"]);
    let ran = without
        .env_remove("FOB_KEYRING_PASSWORD")
        .output()
        .expect("fob starts");
    assert_eq!(code(&ran), 3, "{}", text(&ran.stderr));
    assert!(
        text(&ran.stderr).contains("passphrase"),
        "{}",
        text(&ran.stderr)
    );
}
