//! Programs that wait for a person: a prompt names the program and its reason wherever the person
//! is, and all waiting programs get the one answer.

use crate::app::{App, MAIN, PROMPT};
use crate::desktop::{Desktop, eventually};
use crate::home::{Home, KIM_WITH_MFA};
use crate::tray::Tray;
use crate::windows;
use keyfob_core::sandbox::MfaDevice;
use serde_json::Value;
use std::process::Child;

const CREDENTIALS: &[&str] = &["credential-process", "kim", "--wait", "60"];
const CODE: &str = "123456";

fn answer(program: Child) -> Value {
    let ran = program.wait_with_output().expect("fob ends");
    assert!(ran.status.success(), "{ran:?}");
    serde_json::from_slice(&ran.stdout).expect("credentials")
}

/// A code takes less room than a window has at first. From then on its field has the focus.
fn is_fitted(window: &str) {
    eventually("it is as high as its page", || {
        (150..280).contains(&windows::height(window)).then_some(())
    });
}

fn open_prompts(home: &Home) -> usize {
    home.json(&["status", "--json"])["prompts"]
        .as_array()
        .expect("a list")
        .len()
}

#[test]
fn a_code_that_a_program_waits_for_is_asked_in_the_open_window_until_it_is_right() {
    let desktop = Desktop::new();
    let home = Home::signed_up(KIM_WITH_MFA);
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    page.sees("Needs sign-in");
    let program = home.start_fob(CREDENTIALS);
    let notice = desktop.notices.arrives_about(" needs kim");
    let pids = [program.id(), std::process::id()].map(|pid| format!("(pid {pid}) needs kim"));
    assert!(
        pids.iter().any(|pid| notice.title.ends_with(pid)),
        "{notice:?}"
    );
    page.sees(&notice.title);
    page.fill("MFA code", "000000");
    page.sees("AWS did not accept this code. Use the next one.");
    assert_eq!(open_prompts(&home), 1);
    page.fill("MFA code", CODE);
    assert_eq!(answer(program)["Version"], 1);
    desktop.notices.is_withdrawn(&notice);
    page.sees("kim default Valid");
    assert_eq!(open_prompts(&home), 0);
}

#[test]
fn with_no_window_open_a_prompt_has_one_of_its_own_and_closing_that_leaves_it_open() {
    let desktop = Desktop::new();
    let home = Home::signed_up(KIM_WITH_MFA);
    let mut app = App::start(&desktop, &home, &["--hidden"]);
    app.serves(&home);
    let program = home.start_fob(CREDENTIALS);
    let notice = desktop.notices.arrives_about(" needs kim");
    let window = windows::appears(PROMPT);
    is_fitted(&window);
    windows::close(&window);
    windows::disappears(PROMPT);
    assert_eq!(open_prompts(&home), 1);
    assert!(app.is_running());
    desktop.notices.press(&notice, "Enter code");
    let window = windows::appears(PROMPT);
    assert!(windows::titled(MAIN).is_empty(), "nothing but the prompt");
    windows::close(&window);
    windows::disappears(PROMPT);
    let tray = Tray::of(&desktop, &app);
    let first = tray.menu().swap_remove(0).label;
    assert!(first.starts_with("Enter code for kim ("), "{first}");
    tray.press(&[&first]);
    let window = windows::appears(PROMPT);
    is_fitted(&window);
    windows::type_into(&window, CODE);
    assert_eq!(answer(program)["Version"], 1);
    windows::disappears(PROMPT);
    desktop.notices.is_withdrawn(&notice);
}

#[test]
fn twenty_programs_at_once_meet_one_prompt_and_get_one_answer() {
    let desktop = Desktop::new();
    let home = Home::signed_up(KIM_WITH_MFA);
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    page.sees("Needs sign-in");
    let programs: Vec<Child> = (0..20).map(|_| home.start_fob(CREDENTIALS)).collect();
    page.sees("MFA code");
    desktop.notices.arrives_about(" needs kim");
    assert_eq!(open_prompts(&home), 1);
    page.fill("MFA code", CODE);
    let answers: Vec<Value> = programs.into_iter().map(answer).collect();
    assert!(answers.iter().all(|it| it == &answers[0]), "{answers:?}");
    let notices = desktop
        .notices
        .so_far()
        .into_iter()
        .filter(|notice| notice.title.contains(" needs kim"))
        .count();
    assert_eq!(notices, 1, "one notice");
    assert_eq!(
        home.aws()
            .journal()
            .iter()
            .filter(|call| call.action == "GetSessionToken")
            .count(),
        1
    );
}

#[test]
fn a_locked_screen_withdraws_what_is_asked_and_the_program_is_told() {
    let desktop = Desktop::new();
    let home = Home::signed_up(KIM_WITH_MFA);
    let app = App::start(&desktop, &home, &[]);
    let page = app.page();
    page.sees("Needs sign-in");
    let program = home.start_fob(CREDENTIALS);
    let notice = desktop.notices.arrives_about(" needs kim");
    page.sees("MFA code");
    for interface in ["org.example.Other", "org.freedesktop.ScreenSaver"] {
        assert_eq!(open_prompts(&home), 1, "before {interface} says anything");
        let said = desktop.bus.emit_signal(
            None::<&str>,
            "/org/freedesktop/ScreenSaver",
            interface,
            "ActiveChanged",
            &true,
        );
        said.expect("the bus takes a signal");
    }
    let ran = program.wait_with_output().expect("fob ends");
    assert_eq!(ran.status.code(), Some(3), "{ran:?}");
    assert_eq!(open_prompts(&home), 0);
    desktop.notices.is_withdrawn(&notice);
}

/// kim's prompt has the window, and robin's waits behind it.
fn two_prompts(home: &Home) -> (String, Child, Child) {
    let kim = home.start_fob(CREDENTIALS);
    let window = windows::appears("Keyfob: .+ needs an MFA code for kim");
    is_fitted(&window);
    windows::type_into(&window, "12");
    let robin = home.start_fob(&["credential-process", "robin", "--wait", "60"]);
    windows::appears("Keyfob: .+ needs an MFA code for kim .1 of 2.");
    assert_eq!(
        windows::titled(PROMPT),
        std::slice::from_ref(&window),
        "one window"
    );
    (window, kim, robin)
}

fn home_of_two() -> Home {
    let robin = "    robin:\n      kind: aws/user\n      credentials:\n        region: eu-central-1\n        \
        mfa_arn: arn:aws:iam::123456789012:mfa/robin\n";
    let home = Home::signed_up(&format!("{KIM_WITH_MFA}{robin}"));
    home.aws().add_user("robin").expect("a new name");
    let key = home.aws().create_key("robin").expect("there is room");
    home.aws()
        .set_mfa("robin", MfaDevice::Enrolled)
        .expect("robin is there");
    home.store_key("robin", &key);
    home
}

#[test]
fn two_prompts_share_one_window_and_what_is_typed_stays_with_the_first() {
    let desktop = Desktop::new();
    let home = home_of_two();
    let app = App::start(&desktop, &home, &["--hidden"]);
    app.serves(&home);
    let (window, kim, robin) = two_prompts(&home);
    windows::type_into(&window, "3456");
    assert_eq!(
        answer(kim)["Version"],
        1,
        "one code, typed before and after"
    );
    let next = windows::appears("Keyfob: .+ needs an MFA code for robin .2 of 2.");
    assert_eq!(next, window, "the same window");
    windows::type_into(&window, CODE);
    assert_eq!(answer(robin)["Version"], 1);
    windows::disappears(PROMPT);
}

#[test]
fn digits_of_a_code_whose_prompt_was_answered_elsewhere_go_to_no_other_prompt() {
    let desktop = Desktop::new();
    let home = home_of_two();
    let app = App::start(&desktop, &home, &["--hidden"]);
    app.serves(&home);
    let (window, kim, mut robin) = two_prompts(&home);
    let given = home.run(&["login", "kim", "--mfa-code", CODE]);
    assert!(given.status.success(), "{given:?}");
    assert_eq!(answer(kim)["Version"], 1);
    eventually("kim's prompt is closed", || {
        (open_prompts(&home) == 1).then_some(())
    });
    windows::type_into(&window, "345");
    assert!(robin.try_wait().expect("a child of ours").is_none());
    assert_eq!(open_prompts(&home), 1, "robin's is as it was");
    let given = home.run(&["login", "robin", "--mfa-code", CODE]);
    assert!(given.status.success(), "{given:?}");
    assert_eq!(answer(robin)["Version"], 1);
    windows::disappears(PROMPT);
}

#[test]
fn the_window_of_programs_prompts_answers_none_that_was_begun_in_the_main_window() {
    let desktop = Desktop::new();
    let home = home_of_two();
    let app = App::start(&desktop, &home, &["--hidden"]);
    app.serves(&home);
    let kim = home.start_fob(CREDENTIALS);
    let page = app.prompt_page();
    page.sees("MFA code");
    Tray::of(&desktop, &app).press(&["robin", "Sign in"]);
    windows::appears("Keyfob$");
    eventually("both prompts are open", || {
        (open_prompts(&home) == 2).then_some(())
    });
    let answer_for = |identity: &str| {
        let script = format!(
            "const call = window.__TAURI_INTERNALS__.invoke; \
             call('snapshot') \
             .then(({{ agent }}) => agent.prompts.find((it) => it.prompt.identity === '{identity}')) \
             .then((it) => it && call('answer_code', {{ prompt: it.prompt.id, code: '{CODE}' }}) \
             .then(() => 'taken', (error) => error.message ?? error)) \
             .then((said) => (window.said = said)); return true;"
        );
        assert_eq!(page.script(&script, &[]), true);
    };
    // The title would not do: the page writes its own whenever the prompts change.
    let said = eventually("the window knows robin's prompt and is answered", || {
        answer_for("robin");
        page.script("return window.said", &[])
            .as_str()
            .map(str::to_owned)
    });
    assert_eq!(
        said,
        "this prompt is not shown in this window, or is no longer open"
    );
    assert_eq!(open_prompts(&home), 2);
    answer_for("kim");
    assert_eq!(answer(kim)["Version"], 1);
    assert_eq!(open_prompts(&home), 1, "robin's is as it was");
}
