//! Holds the source against the architecture: who may use whom, where secrets may leave, what each
//! file is called and how it opens, what each binary links. The table of allowed edges is `LINES`
//! with `EDGES`;
//! `core/lib.rs` says the same in words.

mod circles;
mod source;

use crate::support::repository;
use proc_macro2::TokenTree;
use source::{end_of_test_item, files_below, module_of, rust_files, tokens, used_paths};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::process::Command;

/// The lines of the architecture: a module may use anything on a line above its own, nothing beside
/// or below. `EDGES` says who may use less, or, on the ground and in the binaries, what.
const LINES: &[&[&str]] = &[
    GROUND,
    &["config"],
    &["aws", "store"],
    &["world"],
    &["providers"],
    &["sign_in"],
    &["sessions", "logout", "databases", "console", "rotation"],
    &["agent"],
    &["view"],
    &["doctor"],
];

const GROUND: &[&str] = &[
    "ask",
    "error",
    "foreign",
    "kernel",
    "encode",
    "endpoint",
    "clock",
    "hardening",
    "environment",
    "duration",
    "ids",
    "secret",
    "files",
    "loopback",
    "saml",
    "program",
    "signal",
];

/// What a module may use besides itself. An entry is a module, or `module::Item` for one thing of
/// it; `not` takes single things out again.
struct Edges {
    of: &'static str,
    may: &'static [&'static str],
    not: &'static [&'static str],
}

/// A module on one of the `LINES` needs no row of its own, except on the ground.
const EDGES: &[Edges] = &[
    // Failures are named everywhere, and a secret asks to be kept out of swap.
    edges("foreign", &[]),
    edges("error", &["foreign"]),
    edges("kernel", &["foreign"]),
    // A mark in a file tells other processes of an open question.
    edges(
        "ask",
        &[
            "error", "foreign", "kernel", "clock", "duration", "files", "ids", "secret",
        ],
    ),
    edges("encode", &[]),
    edges("endpoint", &["ids"]),
    edges("clock", &[]),
    edges("hardening", &[]),
    edges(
        "environment",
        &["error", "foreign", "hardening", "kernel", "encode"],
    ),
    edges("duration", &["error"]),
    edges("ids", &["error"]),
    edges(
        "secret",
        &["error", "foreign", "hardening", "ids", "duration"],
    ),
    edges("files", &["error", "clock", "encode"]),
    edges("loopback", &["kernel"]),
    edges("saml", &["duration"]),
    edges("program", &["environment"]),
    edges("signal", &[]),
    // The configuration's plan and names, not the configuration.
    Edges {
        not: &["config::Config"],
        ..edges("aws", &[])
    },
    Edges {
        not: &["config::Config"],
        ..edges("store", &[])
    },
    edges("sandbox", GROUND),
    // `main` hardens its process, takes the snapshot of the environment and puts the parts
    // together.
    edges("cli", SHELLS_MAY),
    edges("app", SHELLS_MAY),
    // What both shells show on a desktop; a part of each.
    edges(
        "desktop",
        &["agent", "view", "clock::Clock", "error", "loopback"],
    ),
];

const fn edges(of: &'static str, may: &'static [&'static str]) -> Edges {
    Edges { of, may, not: &[] }
}

/// Besides the agent: what `main` puts together, what loading a configuration finds wrong, what a
/// window may change in it, and the ground.
const SHELLS_MAY: &[&str] = &[
    "agent",
    "view",
    "doctor",
    "world::World",
    "config::AssignedRole",
    "config::Change",
    "config::Config",
    "config::Database",
    "config::Engine",
    "config::ImportSource",
    "config::Importable",
    "config::LeftOut",
    "config::NewIdentity",
    "config::NewIdentityCenter",
    "config::NewKind",
    "config::Problem",
    "config::ProfileKind",
    "config::SensitivePart",
    "config::Severity",
    "config::Trust",
    "config::UserSettings",
    "config::awaited_list",
    "config::importable",
    "config::locate",
    "config::place",
    "clock",
    "duration",
    "encode",
    "environment",
    "error",
    "files",
    "foreign",
    "hardening",
    "ids",
    "loopback",
    "program",
    "secret",
    "signal",
    "sandbox",
];

/// Where a secret may be turned into text.
const MAY_EXPOSE: &[&str] = &[
    // To AWS, to where it is remembered, and in the sandbox, which plays AWS.
    "src-tauri/core/aws/",
    "src-tauri/core/store/",
    "src-tauri/sandbox/",
    // Onto the wire between our own processes.
    "src-tauri/core/secret.rs",
    // To the program or the person that asked for it.
    "src-tauri/cli/credential_process.rs",
    "src-tauri/cli/console.rs",
    "src-tauri/cli/rds/",
    // Secrets that hold fields.
    "src-tauri/core/databases/passwords.rs",
    // To the database, inside TLS.
    "src-tauri/core/databases/proxy/",
    "src-tauri/cli/render/",
    "src-tauri/cli/exec/",
    "src-tauri/cli/sandbox/",
    // To the clipboard and the browser of the user who clicked.
    "src-tauri/desktop/browser_link.rs",
    "src-tauri/app/outside.rs",
    "src-tauri/app/sandbox.rs",
];

const NAMES_THAT_SAY_NOTHING: &[&str] = &[
    "util", "helper", "common", "misc", "manager", "service", "type",
];

#[test]
fn every_module_uses_only_what_the_architecture_allows() {
    let violations: Vec<_> = rust_files()
        .filter_map(|(path, source)| Some((module_of(&path)?, path, source)))
        .flat_map(|(module, path, source)| {
            forbidden_edges(&module, &source)
                .into_iter()
                .map(move |found| format!("{path}:{found}"))
        })
        .collect();
    assert!(
        violations.is_empty(),
        "forbidden edges:\n{}",
        violations.join("\n")
    );
}

#[test]
fn secrets_are_exposed_only_where_they_must_leave() {
    let violations: Vec<_> = rust_files()
        .filter(|(path, _)| !MAY_EXPOSE.iter().any(|allowed| path.starts_with(allowed)))
        .flat_map(|(path, source)| {
            exposures(&source)
                .into_iter()
                .map(move |line| format!("{path}:{line}"))
        })
        .collect();
    assert!(
        violations.is_empty(),
        "`expose` is called in:\n{}",
        violations.join("\n")
    );
}

#[test]
fn every_source_file_opens_with_what_it_owns() {
    let silent: Vec<_> = rust_files()
        .filter(|(_, source)| !source.starts_with("//! "))
        .map(|(path, _)| path)
        .collect();
    assert!(
        silent.is_empty(),
        "these do not open with `//! `:\n{}",
        silent.join("\n")
    );
}

#[test]
fn every_file_name_says_something() {
    let empty: Vec<_> = ["src-tauri", "tests"]
        .into_iter()
        .flat_map(files_below)
        .filter(|path| {
            path.file_stem()
                .is_some_and(|stem| says_nothing(&stem.to_string_lossy()))
        })
        .collect();
    assert!(empty.is_empty(), "files are domain nouns, not {empty:?}");
}

#[test]
fn the_library_knows_neither_a_command_line_nor_a_window() {
    let crates = crates_of(&["--no-default-features"]);
    let foreign: Vec<_> = crates
        .iter()
        .filter(|name| name.starts_with("clap") || is_of_a_window(name))
        .collect();
    assert!(foreign.is_empty(), "the library depends on {foreign:?}");
}

#[test]
fn fob_depends_on_no_window() {
    let crates = crates_of(&["--no-default-features", "--features", "cli,sandbox"]);
    assert!(
        crates.contains("clap"),
        "the list of crates is read: {crates:?}"
    );
    let foreign: Vec<_> = crates.iter().filter(|name| is_of_a_window(name)).collect();
    assert!(foreign.is_empty(), "fob depends on {foreign:?}");
}

#[test]
#[cfg(target_os = "linux")]
fn fob_links_no_webkit() {
    let libraries = output("ldd", &[env!("CARGO_BIN_EXE_fob")]);
    assert!(
        libraries.contains("libc.so"),
        "the list of libraries is read: {libraries}"
    );
    let foreign: Vec<_> = libraries
        .lines()
        .filter(|line| line.contains("webkit") || line.contains("gtk"))
        .collect();
    assert!(foreign.is_empty(), "fob links {foreign:?}");
}

#[test]
fn nothing_switches_zbus_to_tokio() {
    let tree = [
        "tree",
        "--locked",
        "--all-features",
        "--edges",
        "features",
        "--prefix",
        "none",
        "--target",
        "all",
    ];
    let tree = output(env!("CARGO"), &tree);
    let features: BTreeSet<_> = tree
        .lines()
        .filter(|line| line.starts_with("zbus feature "))
        .collect();
    assert!(!features.is_empty(), "the list of features is read");
    assert!(
        !features.iter().any(|feature| feature.contains("tokio")),
        "the blocking users break: {features:?}"
    );
}

/// Every use of a module by another that `EDGES` does not allow, as `line: what`.
fn forbidden_edges(module: &[String], source: &str) -> Vec<String> {
    let row = EDGES.iter().find(|edges| edges.of == module[0]);
    let line = LINES
        .iter()
        .position(|line| line.contains(&module[0].as_str()));
    if row.is_none() && line.is_none() {
        return vec![format!(
            "1: `{}` is on no line of the architecture",
            module[0]
        )];
    }
    let above: Vec<&str> = LINES[..line.unwrap_or_default()].concat();
    let may = [above.as_slice(), row.map_or(&[], |row| row.may)].concat();
    let not = row.map_or(&[][..], |row| row.not);
    let listed = |list: &[&str], path: &[String]| {
        list.contains(&path[0].as_str()) || list.contains(&path.join("::").as_str())
    };
    let mut found = Vec::new();
    for used in used_paths(&tokens(source), module) {
        // The first two names are enough.
        let path = &used.path[..used.path.len().min(2)];
        if path[0] != module[0] && (!listed(&may, path) || listed(not, path)) {
            let (module, path) = (module.join("::"), path.join("::"));
            found.push(format!("{}: `{module}` uses `{path}`", used.line));
        }
    }
    found.dedup();
    found
}

/// The lines on which a secret is exposed, outside test modules.
fn exposures(source: &str) -> Vec<usize> {
    fn collect(tokens: &[TokenTree], lines: &mut Vec<usize>) {
        let mut at = 0;
        while at < tokens.len() {
            if let Some(after) = end_of_test_item(tokens, at) {
                at = after;
                continue;
            }
            match &tokens[at] {
                TokenTree::Ident(name) if name == "expose" => {
                    let defined = matches!(tokens[..at].last(), Some(TokenTree::Ident(keyword)) if keyword == "fn");
                    lines.extend((!defined).then(|| name.span().start().line));
                }
                TokenTree::Group(group) => {
                    collect(&group.stream().into_iter().collect::<Vec<_>>(), lines);
                }
                TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
            at += 1;
        }
    }
    let mut lines = Vec::new();
    collect(&tokens(source), &mut lines);
    lines
}

fn says_nothing(stem: &str) -> bool {
    stem.split(['_', '-', '.']).any(|word| {
        let word = word.to_ascii_lowercase();
        NAMES_THAT_SAY_NOTHING.contains(&word.strip_suffix('s').unwrap_or(&word))
    })
}

fn crates_of(features: &[&str]) -> BTreeSet<String> {
    let arguments = [
        &[
            "tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}",
        ],
        features,
    ]
    .concat();
    let tree = output(env!("CARGO"), &arguments);
    tree.lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect()
}

fn is_of_a_window(name: &str) -> bool {
    ["tauri", "webkit", "wry", "tao", "gtk"]
        .iter()
        .any(|word| name == *word || name.starts_with(&format!("{word}-")))
        || name.starts_with("webkit2gtk")
}

mod reading_the_source {
    use super::*;

    fn found(path: &str, source: &str) -> Vec<String> {
        forbidden_edges(&module_of(path).expect("a module of the program"), source)
    }

    #[test]
    fn finds_a_forbidden_path_however_it_is_written() {
        for source in [
            "use crate::store::Keychain;",
            "use crate::{error::Error, store};",
            "use crate::{error::{Code, Error}, store::{files}};",
            "use crate::*;",
            "use super::super::store;",
            "fn f() { crate::store::open() }",
            "fn f() -> crate::store::Entry { todo!() }",
            r#"fn f() { println!("{}", crate::store::path()) }"#,
            "mod inner { use super::super::super::store; }",
            "impl From<crate::store::Fault> for Fault {}",
            "use crate::config::Config;",
            "use keyfob_core::world::World;",
        ] {
            assert_eq!(
                found("src-tauri/core/aws/sts.rs", source).len(),
                1,
                "{source}"
            );
        }
        assert_eq!(
            found(
                "src-tauri/core/aws/sts.rs",
                "\n\nuse crate::store::Keychain;"
            ),
            ["3: `aws::sts` uses `store::Keychain`"]
        );
        assert_eq!(
            found("src-tauri/sandbox/mod.rs", "use crate::config::Config;").len(),
            1
        );
        assert_eq!(
            found("src-tauri/core/elsewhere/mod.rs", "").len(),
            1,
            "a new module needs a row in the table"
        );
    }

    #[test]
    fn finds_a_shell_that_reaches_past_the_agent() {
        assert_eq!(
            found("src-tauri/cli/main.rs", "use keyfob_core::aws::sts;").len(),
            1
        );
        assert_eq!(
            found(
                "src-tauri/cli/main.rs",
                "use keyfob_core::config::{self, Config};"
            )
            .len(),
            1
        );
        assert_eq!(
            found("src-tauri/app/tray.rs", "use keyfob_core::store;").len(),
            1
        );
    }

    #[test]
    fn leaves_allowed_paths_alone() {
        for (path, source) in [
            (
                "src-tauri/core/aws/sts.rs",
                "use crate::config::{Chain, Step}; use super::fault; use crate::aws::fault;",
            ),
            (
                "src-tauri/core/aws/mod.rs",
                "use self::sts::call; use crate::error::{Code, Error};",
            ),
            (
                "src-tauri/core/world/audit.rs",
                "use crate::{aws, store, config::Config}; use super::World;",
            ),
            (
                "src-tauri/cli/main.rs",
                "use crate::args::Args; use keyfob_core::{config::Config, agent::api};",
            ),
            (
                "src-tauri/core/aws/sts.rs",
                "#[cfg(test)] mod tests { use crate::store::Keychain; }",
            ),
            (
                "src-tauri/core/aws/sts.rs",
                "use std::sync::Arc; use other::crate_store; fn f() { a::store() }",
            ),
        ] {
            assert_eq!(found(path, source), [""; 0], "{source}");
        }
    }

    #[test]
    fn finds_every_way_to_expose_a_secret() {
        assert_eq!(exposures("fn f() { secret.expose() }"), [1]);
        assert_eq!(exposures("fn f() {\n list.map(Secret::expose) }"), [2]);
        assert_eq!(
            exposures("fn f() { format!(\"{}\", secret.expose()) }"),
            [1]
        );
        assert_eq!(
            exposures("fn expose(&self) {} #[cfg(test)] mod tests { fn f() { s.expose() } }"),
            [0; 0]
        );
    }

    #[test]
    fn knows_a_name_that_says_nothing() {
        assert!(
            says_nothing("util")
                && says_nothing("string_utils")
                && says_nothing("Helpers")
                && says_nothing("types")
        );
        assert!(!says_nothing("chain") && !says_nothing("mod") && !says_nothing("prototype"));
    }
}

/// A tag can be moved to other code, a commit cannot.
#[test]
fn the_actions_of_the_workflows_are_pinned_by_commit() {
    let mut actions = 0;
    for path in files_below(".github/workflows") {
        let text = std::fs::read_to_string(repository().join(&path));
        for line in text.expect("a workflow").lines() {
            let Some((_, action)) = line.split_once("uses: ") else {
                continue;
            };
            let (_, commit) = action.split_once('@').expect("a version");
            let commit = commit.split(' ').next().unwrap_or_default();
            let is_commit = commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit());
            assert!(is_commit, "{}: {line}", path.display());
            actions += 1;
        }
    }
    assert!(actions > 3, "the workflows are read");
}

/// The standard output of a program that must succeed.
fn output(program: impl AsRef<OsStr>, arguments: &[&str]) -> String {
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
