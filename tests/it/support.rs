//! What several tests need: the repository's own files, and programs run to their end.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `folder`, in a stable order, as paths from the repository's root.
pub fn files_below(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![repository().join(folder)];
    while let Some(folder) = open.pop() {
        for entry in folder
            .read_dir()
            .unwrap_or_else(|cause| panic!("{}: {cause}", folder.display()))
        {
            let path = entry
                .expect("a folder of the repository can be listed")
                .path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(
                    path.strip_prefix(repository())
                        .expect("found below it")
                        .to_owned(),
                );
            }
        }
    }
    found.sort();
    found
}

/// The standard output of a program that must succeed.
pub fn output(program: impl AsRef<OsStr>, arguments: &[&str]) -> String {
    let program = program.as_ref();
    let ran = Command::new(program)
        .args(arguments)
        .current_dir(repository())
        .output();
    let ran =
        ran.unwrap_or_else(|cause| panic!("{} cannot be started: {cause}", program.display()));
    assert!(
        ran.status.success(),
        "{} {arguments:?}: {}",
        program.display(),
        String::from_utf8_lossy(&ran.stderr)
    );
    String::from_utf8(ran.stdout).expect("programs run here print UTF-8")
}
