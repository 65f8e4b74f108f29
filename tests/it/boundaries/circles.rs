//! No file uses another of its own module in a circle: each can be read after those it stands on.
//! A folder's `mod.rs` that uses its children's items, be it to re-export them, and defines items
//! that the children use, is one half of a circle; what they share belongs into a file below both.

use super::source::{UsedPath, children, module_of, rust_files, tokens, used_paths};
use proc_macro2::TokenTree;
use std::collections::{BTreeMap, BTreeSet};

/// Uses that are left out of account.
const EXCEPTED: &[Excepted] = &[Excepted {
    from: "src-tauri/cli/args.rs",
    to: "src-tauri/cli/help.rs",
    _why: "clap's attributes name the help texts, which speak of the arguments",
}];

struct Excepted {
    from: &'static str,
    to: &'static str,
    _why: &'static str,
}

#[test]
fn no_module_file_uses_another_of_its_own_folder_in_a_circle() {
    let files = Files::of(rust_files());
    let mut uses = files.uses();
    for excepted in EXCEPTED {
        let found = uses
            .get_mut(excepted.from)
            .is_some_and(|used| used.remove(excepted.to).is_some());
        assert!(
            found,
            "{} uses {} no more: remove the exception",
            excepted.from, excepted.to
        );
    }
    let circles: Vec<_> = circles(&uses)
        .iter()
        .map(|circle| describe(circle, &uses))
        .collect();
    assert!(
        circles.is_empty(),
        "files that use each other in a circle:\n{}",
        circles.join("\n")
    );
}

/// By file: the files of the same module it uses, each with the line and the path of one use.
type Uses = BTreeMap<String, BTreeMap<String, String>>;

struct File {
    path: String,
    used: Vec<UsedPath>,
    children: BTreeSet<String>,
    defined: BTreeSet<String>,
}

/// By module.
struct Files(BTreeMap<Vec<String>, File>);

impl Files {
    fn of(sources: impl Iterator<Item = (String, String)>) -> Files {
        let read = |(path, source): (String, String)| {
            let module = module_of(&path)?;
            let tokens = tokens(&source);
            let file = File {
                path,
                used: used_paths(&tokens, &module),
                children: children(&tokens),
                defined: defined(&tokens),
            };
            Some((module, file))
        };
        Files(sources.filter_map(read).collect())
    }

    fn uses(&self) -> Uses {
        let mut uses = Uses::new();
        for (module, file) in &self.0 {
            let of_file = uses.entry(file.path.clone()).or_default();
            for used in file.used.iter().filter(|used| used.path[0] == module[0]) {
                let Some(other) = self.holder(&used.path, 0) else {
                    continue;
                };
                if other.path != file.path {
                    of_file
                        .entry(other.path.clone())
                        .or_insert_with(|| format!("{}: {}", used.line, used.path.join("::")));
                }
            }
        }
        uses
    }

    /// The file in which the path's item stands, also if others re-export it.
    fn holder(&self, path: &[String], depth: usize) -> Option<&File> {
        let (file, rest) = (1..=path.len())
            .rev()
            .find_map(|length| Some((self.0.get(&path[..length])?, &path[length..])))?;
        let Some(name) = rest.first() else {
            return Some(file);
        };
        if file.defined.contains(name) || depth > 8 {
            return Some(file);
        }
        // A child that stands in another folder.
        if file.children.contains(name) {
            return None;
        }
        let imports = |wanted: &str| -> Vec<&UsedPath> {
            let is_it = |used: &&UsedPath| used.imported_as.as_deref() == Some(wanted);
            file.used.iter().filter(is_it).collect()
        };
        if let Some(used) = imports(name).first() {
            let onward = [&used.path, &rest[1..]].concat();
            return self.holder(&onward, depth + 1);
        }
        for star in imports("*") {
            let onward = [&star.path[..star.path.len() - 1], rest].concat();
            let found = self.holder(&onward, depth + 1);
            if found.is_some_and(|found| found.defined.contains(name)) {
                return found;
            }
        }
        Some(file)
    }
}

/// The names that the file itself gives to items.
fn defined(tokens: &[TokenTree]) -> BTreeSet<String> {
    const KEYWORDS: [&str; 9] = [
        "fn",
        "struct",
        "enum",
        "trait",
        "type",
        "const",
        "static",
        "union",
        "macro_rules",
    ];
    let named = |window: &[TokenTree]| match window {
        [TokenTree::Ident(keyword), TokenTree::Ident(name)]
            if KEYWORDS.iter().any(|known| keyword == known) =>
        {
            Some(name.to_string())
        }
        _ => None,
    };
    tokens.windows(2).filter_map(named).collect()
}

/// Every largest set of files in which each reaches every other.
fn circles(uses: &Uses) -> Vec<BTreeSet<&str>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> = uses
        .keys()
        .map(|file| (file.as_str(), reachable(file, uses)))
        .collect();
    let mut found = BTreeSet::new();
    for (file, others) in &reached {
        let circle: BTreeSet<_> = others
            .iter()
            .copied()
            .filter(|other| reached[other].contains(file))
            .collect();
        if !circle.is_empty() {
            found.insert(circle);
        }
    }
    found.into_iter().collect()
}

fn reachable<'a>(file: &str, uses: &'a Uses) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<_> = uses[file].keys().collect();
    while let Some(next) = open.pop() {
        if reached.insert(next.as_str()) {
            open.extend(uses[next].keys());
        }
    }
    reached
}

/// The deepest folder that holds all of them.
fn folder_of(circle: &BTreeSet<&str>) -> String {
    let folders = |file: &str| -> Vec<String> {
        let mut steps: Vec<_> = file.split('/').map(str::to_owned).collect();
        steps.pop();
        steps
    };
    let all: Vec<_> = circle.iter().copied().map(folders).collect();
    let shared = (0..all[0].len())
        .take_while(|&at| all.iter().all(|steps| steps.get(at) == all[0].get(at)))
        .count();
    all[0][..shared].join("/")
}

fn describe(circle: &BTreeSet<&str>, uses: &Uses) -> String {
    let folder = folder_of(circle);
    let short = |file: &str| file[folder.len() + 1..].to_owned();
    let mut lines = vec![format!("in {folder}:")];
    for file in circle {
        for (other, place) in &uses[*file] {
            if circle.contains(other.as_str()) {
                lines.push(format!("  {} uses {} ({place})", short(file), short(other)));
            }
        }
    }
    lines.join("\n")
}

mod reading_circles {
    use super::*;

    fn circles_of(sources: &[(&str, &str)]) -> Vec<Vec<String>> {
        let sources = sources
            .iter()
            .map(|(path, source)| (format!("src-tauri/core/{path}"), (*source).to_owned()));
        let uses = Files::of(sources).uses();
        let plain = |circle: &BTreeSet<&str>| {
            let short = |file: &&str| file.trim_start_matches("src-tauri/core/").to_owned();
            circle.iter().map(short).collect()
        };
        circles(&uses).iter().map(plain).collect()
    }

    #[test]
    fn finds_a_circle_however_long_it_is() {
        assert_eq!(
            circles_of(&[
                ("store/mod.rs", "mod a; mod b; mod c;"),
                ("store/a.rs", "use super::b::B; pub struct A;"),
                ("store/b.rs", "fn f() { super::c::g() } pub struct B;"),
                ("store/c.rs", "fn g() -> crate::store::a::A {}"),
            ]),
            [["store/a.rs", "store/b.rs", "store/c.rs"]]
        );
    }

    #[test]
    fn finds_a_parent_and_a_child_that_use_each_other() {
        for parent in [
            "mod child; use child::Child; pub struct Own;",
            "mod child; pub struct Own; fn f() { child::f() }",
        ] {
            let circle = circles_of(&[
                ("store/mod.rs", parent),
                (
                    "store/child.rs",
                    "use super::Own; pub struct Child; pub fn f() {}",
                ),
            ]);
            assert_eq!(circle, [["store/child.rs", "store/mod.rs"]], "{parent}");
        }
    }

    #[test]
    fn a_name_that_is_only_handed_on_counts_for_the_file_it_stands_in() {
        for parent in [
            "mod a; mod b; pub use a::A; pub use b::B;",
            "mod a; mod b; pub use self::{a::*, b::B as C};",
        ] {
            let circle = circles_of(&[
                ("store/mod.rs", parent),
                ("store/a.rs", "pub struct A;"),
                ("store/b.rs", "use super::A; pub struct B;"),
            ]);
            assert_eq!(circle, [[""; 0]; 0], "{parent}");
        }
    }

    #[test]
    fn tests_and_other_modules_are_left_out() {
        let circle = circles_of(&[
            ("store/mod.rs", "mod a; use a::A; pub struct Own;"),
            (
                "store/a.rs",
                "pub struct A; #[cfg(test)] mod tests { use super::super::Own; } #[cfg(test)] use super::Own;",
            ),
            (
                "aws/mod.rs",
                "use crate::store::A; use crate::aws::Other; pub struct Other;",
            ),
        ]);
        assert_eq!(circle, [[""; 0]; 0]);
    }
}
