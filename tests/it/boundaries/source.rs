//! The program's source as modules and paths: the Rust files without their tests, the module each
//! holds, and every path by which one names another.

use crate::support::repository;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The Rust files of the program, each with its path from the repository's root and its text. Test
/// modules are no part of it, whether they stand in a file of their own or inside another.
pub fn rust_files() -> impl Iterator<Item = (String, String)> {
    let of_the_program = |path: &PathBuf| {
        path.extension().is_some_and(|extension| extension == "rs")
            && !path
                .iter()
                .any(|step| step == "tests" || step == "tests.rs")
    };
    files_below("src-tauri")
        .into_iter()
        .filter(of_the_program)
        .map(|path| {
            let source = std::fs::read_to_string(repository().join(&path))
                .expect("a source file is readable UTF-8");
            (path.to_string_lossy().replace('\\', "/"), source)
        })
}

/// The module a file holds, from its binary or the library downwards:
/// `src-tauri/core/config/chain.rs` is `[config, chain]`. `None` for the map itself and for the
/// build script.
pub fn module_of(path: &str) -> Option<Vec<String>> {
    let inside = path.strip_prefix("src-tauri/")?;
    let inside = inside.strip_prefix("core/").unwrap_or(inside);
    if matches!(inside, "lib.rs" | "build.rs") {
        return None;
    }
    let steps = Path::new(inside).with_extension("");
    let mut module: Vec<_> = steps
        .iter()
        .map(|step| step.to_string_lossy().into_owned())
        .collect();
    if module
        .last()
        .is_some_and(|last| last == "mod" || last == "main")
    {
        module.pop();
    }
    Some(module)
}

/// A path to something of the program, from the root of the library or of a binary downwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedPath {
    pub line: usize,
    pub path: Vec<String>,
    /// The name that a `use` gives it in the file: its own, or the one after `as`.
    pub imported_as: Option<String>,
}

/// Every path in `use` trees, in expressions, in types and inside macro calls alike: all of them
/// are tokens. Paths through the file's own child modules count from the root, too.
pub fn used_paths(tokens: &[TokenTree], module: &[String]) -> Vec<UsedPath> {
    let mut found = Vec::new();
    collect_uses(tokens, module, &children(tokens), &mut found);
    found
}

/// The modules that the file declares and that stand in files of their own.
pub fn children(tokens: &[TokenTree]) -> BTreeSet<String> {
    let declared = |window: &[TokenTree]| match window {
        [
            TokenTree::Ident(keyword),
            TokenTree::Ident(name),
            TokenTree::Punct(end),
        ] if keyword == "mod" && end.as_char() == ';' => Some(name.to_string()),
        _ => None,
    };
    tokens.windows(3).filter_map(declared).collect()
}

fn collect_uses(
    tokens: &[TokenTree],
    module: &[String],
    children: &BTreeSet<String>,
    uses: &mut Vec<UsedPath>,
) {
    let in_a_binary = matches!(module[0].as_str(), "cli" | "app");
    let mut at = 0;
    while at < tokens.len() {
        if let Some(after) = end_of_test_item(tokens, at) {
            at = after;
            continue;
        }
        let starts_a_path = at < 2 || !is_path_separator(tokens, at - 2);
        match &tokens[at] {
            TokenTree::Ident(ident) if starts_a_path && is_path_separator(tokens, at + 1) => {
                let place = Place {
                    line: ident.span().start().line,
                    in_use: matches!(tokens[..at].last(), Some(TokenTree::Ident(keyword)) if keyword == "use"),
                };
                let root = match ident.to_string().as_str() {
                    "keyfob_core" => Some(Vec::new()),
                    "crate" if in_a_binary => Some(vec![module[0].clone()]),
                    "crate" => Some(Vec::new()),
                    "self" => Some(module.to_vec()),
                    "super" => Some(module[..module.len() - 1].to_vec()),
                    name if children.contains(name) => Some([module, &[name.to_owned()]].concat()),
                    _ => None,
                };
                if let Some(root) = root {
                    collect_paths(&tokens[at + 3..], root, place, uses);
                }
            }
            TokenTree::Group(group) => {
                let inside: Vec<_> = group.stream().into_iter().collect();
                match &tokens[..at] {
                    // A module written out inside the file is one step further down.
                    [.., TokenTree::Ident(keyword), TokenTree::Ident(name)] if keyword == "mod" => {
                        let inner = [module, &[name.to_string()]].concat();
                        collect_uses(&inside, &inner, &BTreeSet::new(), uses);
                    }
                    _ => collect_uses(&inside, module, children, uses),
                }
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
        at += 1;
    }
}

/// Where a path was found.
#[derive(Clone, Copy)]
struct Place {
    line: usize,
    in_use: bool,
}

/// What follows `root::`: one name after another, or a group of such paths.
fn collect_paths(
    tokens: &[TokenTree],
    mut root: Vec<String>,
    place: Place,
    uses: &mut Vec<UsedPath>,
) {
    match tokens {
        [TokenTree::Group(group), ..] if group.delimiter() == Delimiter::Brace => {
            let inside: Vec<_> = group.stream().into_iter().collect();
            let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ',');
            for path in inside.split(is_comma).filter(|path| !path.is_empty()) {
                collect_paths(path, root.clone(), place, uses);
            }
            return;
        }
        [TokenTree::Ident(name), rest @ ..] => {
            match name.to_string().as_str() {
                "super" => drop(root.pop()),
                "self" => {}
                name => root.push(name.to_owned()),
            }
            if is_path_separator(rest, 0) {
                return collect_paths(&rest[2..], root, place, uses);
            }
        }
        // A star, or the generics of the last name: everything below the root.
        _ => root.push("*".to_owned()),
    }
    let alias = match tokens {
        [_, TokenTree::Ident(keyword), TokenTree::Ident(alias), ..] if keyword == "as" => {
            Some(alias.to_string())
        }
        _ => root.last().cloned(),
    };
    uses.extend((!root.is_empty()).then_some(UsedPath {
        line: place.line,
        path: root,
        imported_as: alias.filter(|_| place.in_use),
    }));
}

fn is_path_separator(tokens: &[TokenTree], at: usize) -> bool {
    let is_colon =
        |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(mark)) if mark.as_char() == ':');
    is_colon(at) && is_colon(at + 1)
}

/// Where the tokens go on after an item under `#[cfg(test)]` that begins at `at`.
pub fn end_of_test_item(tokens: &[TokenTree], at: usize) -> Option<usize> {
    const ITEMS: [&str; 10] = [
        "mod", "use", "fn", "impl", "pub", "struct", "enum", "const", "static", "type",
    ];
    let [
        TokenTree::Punct(hash),
        TokenTree::Group(attribute),
        TokenTree::Ident(keyword),
        rest @ ..,
    ] = &tokens[at..]
    else {
        return None;
    };
    let is_test = attribute.stream().to_string().replace(' ', "") == "cfg(test)";
    if hash.as_char() != '#' || !is_test || !ITEMS.iter().any(|item| keyword == item) {
        return None;
    }
    let is_end = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(mark) => mark.as_char() == ';',
        TokenTree::Ident(_) | TokenTree::Literal(_) => false,
    };
    let length = rest.iter().position(is_end).map_or(rest.len(), |at| at + 1);
    Some(at + 3 + length)
}

pub fn tokens(source: &str) -> Vec<TokenTree> {
    source
        .parse::<TokenStream>()
        .expect("the source compiles, so it can be read")
        .into_iter()
        .collect()
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
