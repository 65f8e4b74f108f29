//! What several tests need: the repository's own files.

use std::path::Path;

pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A path, or a part of one, as this system spells it.
pub fn native(path: &str) -> String {
    path.replace('/', std::path::MAIN_SEPARATOR_STR)
}

/// A command for the configuration, which prints what is in the file.
pub fn prints(file: &Path) -> String {
    let program = if cfg!(windows) {
        "cmd.exe /c type"
    } else {
        "cat"
    };
    let file = std::path::absolute(file).expect("a path");
    format!("{program} {}", file.display())
}

/// The same, which prints the text.
pub fn says(text: &str) -> String {
    let program = if cfg!(windows) {
        "cmd.exe /c echo"
    } else {
        "echo"
    };
    format!("{program} {text}")
}
