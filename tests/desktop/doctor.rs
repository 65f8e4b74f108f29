//! What is safe to fix is fixed from the window, and what came of it is on each line.

use crate::app::App;
use crate::desktop::Desktop;
use crate::home::{Home, KIM};
use std::fs;

#[test]
fn a_profile_that_runs_a_program_that_is_gone_is_fixed_with_a_button() {
    let desktop = Desktop::new();
    let home = Home::signed_up(KIM);
    let ran = home.run(&["login", "kim"]);
    assert!(ran.status.success(), "{ran:?}");
    let profile = home.path(".aws/keyfob/aws-user/config");
    let whole = fs::read_to_string(&profile).expect("a profile");
    let broken = whole.replace(env!("CARGO_BIN_EXE_fob"), "/gone/fob");
    assert_ne!(whole, broken);
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    page.sees("kim default Valid");
    // The agent has written it anew by now, if it does.
    fs::write(&profile, &broken).expect("the home is ours");
    page.press("Settings");
    page.press("Check this machine");
    page.sees("It runs /gone/fob, which is gone");
    page.sees("“Fix what is safe” writes the profile kim anew");
    page.press("Fix what is safe");
    page.sees("Fixed: its profile ran /gone/fob, which is gone");
    page.sees_no_more("Fix what is safe");
    assert_eq!(fs::read_to_string(&profile).expect("a profile"), whole);
}
