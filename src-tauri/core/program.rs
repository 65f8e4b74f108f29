//! The file of a program that is named in a command, as the system's own shell finds it: Windows
//! itself looks for `cdk.exe` only, and packages of npm or Python come as `cdk.cmd`.

use crate::environment::Environment;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// What Windows starts with.
const EXTENSIONS: &str = ".COM;.EXE;.BAT;.CMD";

/// The path of the file; the name itself where the system finds it as well as we do, or nothing is
/// found. `path`: the folders of the program that is started, a `PATH`.
pub fn file(name: &OsStr, path: &OsStr, environment: &Environment) -> OsString {
    let found = if cfg!(windows) {
        let extensions = environment.raw("PATHEXT").filter(|it| !it.is_empty());
        let extensions = extensions.and_then(OsStr::to_str).unwrap_or(EXTENSIONS);
        found(Path::new(name), path, extensions)
    } else {
        None
    };
    found.map_or_else(|| name.to_owned(), PathBuf::into_os_string)
}

/// Not in the working folder: what lies there is started by its path alone.
fn found(name: &Path, path: &OsStr, extensions: &str) -> Option<PathBuf> {
    let folders: Vec<PathBuf> = if name.components().count() > 1 {
        vec![PathBuf::new()]
    } else {
        // An empty one is none, as for the system's own shell.
        let is_one = |folder: &PathBuf| !folder.as_os_str().is_empty();
        std::env::split_paths(path).filter(is_one).collect()
    };
    let whole = name.extension().map(|_| "");
    let endings = || whole.into_iter().chain(extensions.split(';'));
    folders.iter().find_map(|folder| {
        let file = |ending: &str| {
            let mut file = folder.join(name).into_os_string();
            file.push(ending);
            PathBuf::from(file)
        };
        endings().map(file).find(|file| file.is_file())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_found_by_the_endings_that_the_system_lists() {
        let home = tempfile::tempdir().expect("a folder");
        let at = |name: &str| home.path().join(name);
        for file in ["a/cdk", "a/cdk.cmd", "b/cdk.exe", "b/tool.v2.cmd"] {
            std::fs::create_dir_all(at(file).parent().expect("a folder")).expect("made");
            std::fs::write(at(file), "").expect("written");
        }
        std::fs::create_dir(at("a/aws.cmd")).expect("a folder");
        let path = std::env::join_paths([PathBuf::new(), at("a"), at("b")]).expect("a list");
        let found = |name: &str| found(name.as_ref(), &path, ".exe;.cmd;.toml");
        assert_eq!(found("Cargo"), None, "it lies in the working folder");
        assert_eq!(found("cdk"), Some(at("a/cdk.cmd")), "the first folder");
        assert_eq!(found("cdk.exe"), Some(at("b/cdk.exe")));
        assert_eq!(found("tool.v2"), Some(at("b/tool.v2.cmd")));
        assert_eq!(found("aws"), None, "a folder is no program");
        let by_path = at("b/cdk");
        let by_path = by_path.to_str().expect("text");
        assert_eq!(found(by_path), Some(at("b/cdk.exe")));
    }

    #[test]
    fn elsewhere_the_system_finds_it() {
        let none = Environment::default();
        let name = OsStr::new("no such program");
        assert_eq!(file(name, OsStr::new(""), &none), name);
    }
}
