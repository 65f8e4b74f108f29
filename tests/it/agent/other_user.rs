//! Keys of another IAM user than the stored ones are stored only when that is meant.

use super::recovery::{Road, fill_in, revoke, road};
use crate::home::{DEV, Home, code, text, wait_for};
use crate::screen::Terminal;
use keyfob_core::ids::AccessKeyId;
use keyfob_core::secret::Keys;

const KIM: &str = "arn:aws:iam::123456789012:user/kim";

/// kim's keys are stored for `dev`; these are another user's.
fn with_keys_of_pat() -> (Home, Keys, String) {
    let home = Home::signed_up(DEV);
    assert_eq!(code(&home.run(&["login", "dev"])), 0);
    let pat = home.sandbox().add_user("pat").expect("a user");
    let keys = home.sandbox().create_key("pat").expect("a key");
    (home, keys, pat)
}

fn stored_key(home: &Home) -> Option<AccessKeyId> {
    let store = home.store(&home.config());
    let stored = wait_for(store.keys.find("dev", None)).expect("readable");
    Some(stored?.long_lived.keys?.access_key_id)
}

#[test]
fn where_nobody_can_be_asked_they_are_refused_and_yes_stores_them() {
    for with_agent in [true, false] {
        let (home, keys, pat) = with_keys_of_pat();
        let _agent = with_agent.then(|| home.start_agent());
        let before = stored_key(&home);
        for road_of in [Road::Stdin, Road::Csv, Road::Profile, Road::WithoutTheAgent] {
            let ran = road(&home, road_of, &keys, &[]);
            let said = text(&ran.stderr);
            assert_eq!(code(&ran), 3, "{road_of:?}: {said}");
            for part in [KIM, &pat, "--yes", "nothing was stored"] {
                assert!(said.contains(part), "{road_of:?}, {part}: {said}");
            }
            assert_eq!(stored_key(&home), before, "{road_of:?}");
        }
        let ran = road(&home, Road::Csv, &keys, &["--yes"]);
        assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
        assert_eq!(stored_key(&home), Some(keys.access_key_id));
        let whoami = home.json(&["whoami", "dev", "--json"]);
        assert_ne!(whoami["principal"], KIM, "{whoami}");
    }
}

#[test]
fn a_person_is_asked_in_the_form_and_in_the_recovery_of_a_sign_in() {
    for with_agent in [true, false] {
        for arguments in [
            &["user", "configure", "dev"][..],
            &["login", "dev", "--force"],
        ] {
            let (home, keys, pat) = with_keys_of_pat();
            let _agent = with_agent.then(|| home.start_agent());
            revoke(&home);
            let before = stored_key(&home);
            for (answer, exit) in [("no", 1), ("yes", 0)] {
                let mut terminal = Terminal::start(home.fob_on_a_terminal(arguments));
                fill_in(&mut terminal, &keys);
                terminal.read_to(&format!("These keys belong to {pat}"));
                terminal.read_to(KIM);
                terminal.type_line(answer);
                let (rest, ended) = terminal.finish();
                assert_eq!(ended, exit, "{arguments:?} {answer}: {rest}");
                if answer == "no" {
                    let now = stored_key(&home);
                    assert!(now.is_none() || now == before, "{now:?}");
                }
            }
            assert_eq!(stored_key(&home), Some(keys.access_key_id));
        }
    }
}
