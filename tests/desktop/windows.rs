//! The windows on the screen, as the display server lists them.

use crate::desktop::eventually;
use std::path::Path;
use std::process::Command;

/// The ids of those with exactly this title.
pub fn titled(title: &str) -> Vec<String> {
    said(
        "xdotool",
        &["search", "--onlyvisible", "--name", &format!("^{title}$")],
    )
    .lines()
    .map(str::to_owned)
    .collect()
}

/// Of all that are shown.
pub fn titles() -> String {
    let words = [
        "search",
        "--onlyvisible",
        "--name",
        ".",
        "getwindowname",
        "%@",
    ];
    said("xdotool", &words)
}

/// Its id.
pub fn appears(title: &str) -> String {
    eventually(&format!("a window {title}"), || titled(title).pop())
}

pub fn disappears(title: &str) {
    eventually(&format!("no window {title}"), || {
        titled(title).is_empty().then_some(())
    });
}

/// As a user does with the mouse in its corner.
pub fn close(id: &str) {
    // wmctrl's way: the window manager passes the wish on.
    said(
        "xdotool",
        &[
            "windowfocus",
            "--sync",
            id,
            "key",
            "--clearmodifiers",
            "alt+F4",
        ],
    );
}

pub fn focus(id: &str) {
    said("xdotool", &["windowfocus", "--sync", id]);
}

/// One after the other.
pub fn press_keys(id: &str, keys: &str) {
    let words = ["windowfocus", "--sync", id, "key", "--clearmodifiers"];
    let words: Vec<_> = words.into_iter().chain(keys.split(' ')).collect();
    said("xdotool", &words);
}

/// Until the window is gone: a page that is still being loaded takes no keys.
pub fn press_key_until_gone(title: &str, key: &str) {
    eventually(&format!("no window {title}"), || {
        match titled(title).pop() {
            Some(id) => {
                press_keys(&id, key);
                None
            }
            None => Some(()),
        }
    });
}

pub fn type_into(id: &str, text: &str) {
    said(
        "xdotool",
        &["windowfocus", "--sync", id, "type", "--delay", "30", text],
    );
}

/// In pixels.
pub fn height(id: &str) -> u32 {
    let geometry = said("xdotool", &["getwindowgeometry", "--shell", id]);
    let height = geometry
        .lines()
        .find_map(|line| line.strip_prefix("HEIGHT="));
    height.and_then(|it| it.parse().ok()).unwrap_or_default()
}

/// In a dialog with this title, which begins on the button that changes nothing.
pub fn press_in_dialog(title: &str, button: DialogButton) {
    let keys = match button {
        DialogButton::Cancel => "Return",
        DialogButton::Agree => "Tab Return",
    };
    press_keys(&appears(title), keys);
    disappears(title);
}

#[derive(Clone, Copy, Debug)]
pub enum DialogButton {
    Agree,
    Cancel,
}

/// With the left button, in pixels from the upper left corner of the screen.
pub fn click_at(x: u32, y: u32) {
    said(
        "xdotool",
        &["mousemove", &x.to_string(), &y.to_string(), "click", "1"],
    );
}

/// Of a window, or of the whole screen as `root`.
pub fn picture(id: &str, file: &Path) {
    said(
        "import",
        &[
            "-window",
            id,
            "-silent",
            file.to_str().expect("a plain name"),
        ],
    );
}

/// How many colours a picture has; one that shows nothing has few.
pub fn colours(file: &Path) -> usize {
    said(
        "identify",
        &["-format", "%k", file.to_str().expect("a plain name")],
    )
    .trim()
    .parse()
    .unwrap_or(0)
}

/// Whether more than some letters changed from one picture to the other.
pub fn differs_much(before: &Path, after: &Path) -> bool {
    let words = [
        "-metric",
        "AE",
        before.to_str().expect("a plain name"),
        after.to_str().expect("a plain name"),
        "null:",
    ];
    let ran = Command::new("compare")
        .args(words)
        .output()
        .expect("`./x test` installs it");
    String::from_utf8_lossy(&ran.stderr)
        .trim()
        .parse::<f64>()
        .is_ok_and(|pixels| pixels > 10_000.0)
}

fn said(program: &str, words: &[&str]) -> String {
    let ran = Command::new(program)
        .args(words)
        .output()
        .unwrap_or_else(|cause| panic!("{program}: {cause}"));
    String::from_utf8_lossy(&ran.stdout).into_owned()
}
