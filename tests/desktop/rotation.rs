//! An access key is rotated in the window, which shows each step, what came of it and what helps.

use crate::app::App;
use crate::desktop::Desktop;
use crate::home::{Home, KIM};
use crate::page::Page;
use crate::windows::{self, DialogButton};
use keyfob_core::sandbox::{FaultSwitch, IamAction, SandboxFault, SandboxSettings};

const QUESTION: &str = "Rotate the access key\\?";
const STEPS: &str = "Steps of the rotation";

fn rotate(page: &Page) {
    page.press("Rotate access key…");
    windows::appears(QUESTION);
    windows::press_in_dialog(QUESTION, DialogButton::Agree);
}

#[test]
fn an_access_key_is_rotated_in_the_window_step_by_step() {
    let desktop = Desktop::new();
    let home = Home::signed_up(KIM);
    let settings = SandboxSettings {
        key_delay_seconds: Some(3),
        ..home.aws().settings()
    };
    home.aws()
        .set_settings(settings)
        .expect("they can be played");
    let old = home.key();
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    page.press("Sign in: kim");
    page.press("kim default Valid");
    page.press("More actions");
    rotate(&page);
    page.sees("This takes some seconds, up to a minute");
    let marks: Vec<String> = page.lines(STEPS);
    let marks: Vec<&str> = marks.iter().filter_map(|it| it.split(' ').next()).collect();
    assert_eq!(marks, ["✓", "•", "–", "–"]);
    page.sees("The old one was deleted at AWS.");
    let new = home.key();
    let words = format!(
        "The access key {} is in use now in place of {}.",
        new.access_key_id, old.access_key_id
    );
    page.sees(&words);
    assert_eq!(home.aws().keys("kim").len(), 1, "the old one is gone");
    assert_ne!(new.access_key_id, old.access_key_id);

    let denied = FaultSwitch::on(SandboxFault::AccessDenied).for_action(IamAction::CreateAccessKey);
    home.aws().inject(denied).expect("a fault");
    rotate(&page);
    page.sees("AWS denied access");
    page.sees("a rotation needs iam:ListAccessKeys, CreateAccessKey");
    assert_eq!(home.key().access_key_id, new.access_key_id);
    let shown = page.script("return document.documentElement.outerHTML", &[]);
    for key in [old, new] {
        for hidden in [key.access_key_id.as_str(), key.secret_access_key.expose()] {
            assert!(!shown.to_string().contains(hidden), "the page has {hidden}");
            assert!(!app.said().contains(hidden), "the log has {hidden}");
        }
    }
}
