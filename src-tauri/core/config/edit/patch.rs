//! Changes to a text as pieces put in, taken out or replaced: a key added below others, a value
//! replaced, a key removed. Touches only the lines of what changes, and says why where that is not
//! possible.

use super::entry::{Braces, Item};
use super::layout::{Page, Pair, Shape, Spot, Style};
use std::ops::Range;
use zeroize::Zeroizing;

/// What comes in place of a part of the text.
#[derive(Debug)]
pub(super) struct Patch {
    at: Range<usize>,
    with: String,
}

impl Patch {
    fn insert(at: usize, with: impl Into<String>) -> Patch {
        Patch {
            at: at..at,
            with: with.into(),
        }
    }

    fn replace(at: Range<usize>, with: impl Into<String>) -> Patch {
        Patch {
            at,
            with: with.into(),
        }
    }
}

/// Why something cannot be written where it belongs.
pub(super) type Obstacle = String;

/// No comment is ever lost.
pub(super) fn apply(text: &str, mut patches: Vec<Patch>) -> Result<Zeroizing<String>, Obstacle> {
    if patches
        .iter()
        .any(|patch| text[patch.at.clone()].contains('#'))
    {
        return Err("a comment stands in the way".to_owned());
    }
    patches.sort_by_key(|patch| (patch.at.start, patch.at.end));
    let mut result = Zeroizing::new(String::with_capacity(text.len() + 1024));
    let mut from = 0;
    for patch in patches {
        result.push_str(&text[from.min(patch.at.start)..patch.at.start]);
        result.push_str(&patch.with);
        from = patch.at.end;
    }
    result.push_str(&text[from..]);
    Ok(result)
}

/// What is wanted at the end of a path of keys.
pub(super) struct Wanted<'a> {
    pub item: &'a Item,
    /// The key behind which it stands best.
    pub behind: Option<&'a str>,
}

/// Puts something where `path` leads, with the mappings on the way that are missing.
pub(super) fn put(
    page: &Page<'_>,
    path: &[&str],
    wanted: &Wanted<'_>,
) -> Result<Vec<Patch>, Obstacle> {
    let Some(root) = &page.root else {
        let [first, rest @ ..] = path else {
            return Err("there is no key to write".to_owned());
        };
        let lines = wanted.item.clone().below(rest).lines(first, 0, page.unit);
        return Ok(vec![lines_at(page, page.text.len(), &lines)]);
    };
    let mut spot = root;
    let mut holder: Option<(Style, &Pair)> = None;
    for (depth, key) in path.iter().enumerate() {
        match &spot.shape {
            Shape::Mapping(style, pairs)
                if pairs.is_empty() && holder.is_some() && *style == Style::Flow =>
            {
                return fill(
                    page,
                    holder,
                    spot,
                    &wanted.item.clone().below(&path[depth..]),
                );
            }
            Shape::Mapping(style, pairs) => match find(pairs, key)? {
                Some(pair) => {
                    (spot, holder) = (&pair.value, Some((*style, pair)));
                }
                None => {
                    let item = wanted.item.clone().below(&path[depth + 1..]);
                    return insert(page, spot, (key, &item), wanted.behind);
                }
            },
            Shape::Empty => {
                return fill(
                    page,
                    holder,
                    spot,
                    &wanted.item.clone().below(&path[depth..]),
                );
            }
            Shape::Scalar if is_null(page, spot) => {
                return fill(
                    page,
                    holder,
                    spot,
                    &wanted.item.clone().below(&path[depth..]),
                );
            }
            Shape::Alias => {
                return Err(format!(
                    "{} is an alias of something else",
                    shown(&path[..depth])
                ));
            }
            Shape::Scalar | Shape::Other => {
                return Err(format!("{} is not a mapping", shown(&path[..depth])));
            }
        }
    }
    match (&spot.shape, wanted.item) {
        (Shape::Empty, item) => fill(page, holder, spot, item),
        (Shape::Scalar | Shape::Alias, Item::Text(_) | Item::Is(_)) => {
            Ok(vec![replace(page, spot, wanted.item)])
        }
        (Shape::Scalar | Shape::Alias | Shape::Mapping(..) | Shape::Other, _) => {
            Err(format!("{} holds something else", shown(path)))
        }
    }
}

/// Takes a key out that holds `true`. Where something else stands on its line it becomes `false`
/// instead, so that nothing but the value changes.
pub(super) fn unset(page: &Page<'_>, path: &[&str]) -> Result<Vec<Patch>, Obstacle> {
    let (mut pairs, mut style): (&[Pair], Style) = (&[], Style::Block);
    let mut found: Option<&Pair> = None;
    for (depth, key) in path.iter().enumerate() {
        let spot = match found {
            Some(pair) => Some(&pair.value),
            None => page.root.as_ref(),
        };
        match spot.map(|spot| &spot.shape) {
            Some(Shape::Mapping(its, below)) => (pairs, style) = (below, *its),
            Some(Shape::Alias) => {
                return Err(format!(
                    "{} is an alias of something else",
                    shown(&path[..depth])
                ));
            }
            Some(Shape::Empty | Shape::Scalar | Shape::Other) | None => {
                return Err(format!("{} is not a mapping", shown(&path[..depth])));
            }
        }
        found = Some(
            find(pairs, key)?
                .ok_or_else(|| format!("{} is not written there", shown(&path[..=depth])))?,
        );
    }
    let Some(pair) = found else {
        return Err("there is no key to remove".to_owned());
    };
    let taken_out = match style {
        Style::Block => without_line(page, pairs, pair),
        Style::Flow => without_item(page, pairs, pair),
    };
    match (taken_out, &pair.value.shape) {
        // What a merge brings in would show behind it.
        (Some(patches), _) if find(pairs, "<<")?.is_none() => Ok(patches),
        (_, Shape::Scalar | Shape::Alias) => Ok(vec![Patch::replace(
            pair.value.range.clone(),
            in_its_quotes(page, &pair.value, "false"),
        )]),
        (_, Shape::Empty | Shape::Mapping(..) | Shape::Other) => {
            Err(format!("{} holds something else", shown(path)))
        }
    }
}

/// Whether the last key of `path` is written there itself, and not brought in by a merge.
pub(super) fn is_written(page: &Page<'_>, path: &[&str]) -> bool {
    let mut spot = page.root.as_ref();
    for key in path {
        let Some(Shape::Mapping(_, pairs)) = spot.map(|spot| &spot.shape) else {
            return false;
        };
        spot = pairs
            .iter()
            .find(|pair| pair.key.as_deref() == Some(key))
            .map(|pair| &pair.value);
    }
    spot.is_some()
}

fn shown(path: &[&str]) -> String {
    if path.is_empty() {
        "the whole file".to_owned()
    } else {
        format!("`{}`", path.join("."))
    }
}

fn find<'p>(pairs: &'p [Pair], key: &str) -> Result<Option<&'p Pair>, Obstacle> {
    let mut found = pairs.iter().filter(|pair| pair.key.as_deref() == Some(key));
    let first = found.next();
    if found.next().is_some() {
        Err(format!("`{key}` is written twice"))
    } else {
        Ok(first)
    }
}

fn is_null(page: &Page<'_>, spot: &Spot) -> bool {
    matches!(
        &page.text[spot.range.clone()],
        "~" | "null" | "Null" | "NULL"
    )
}

fn replace(page: &Page<'_>, spot: &Spot, item: &Item) -> Patch {
    let value = match item {
        Item::Text(text) => text.clone(),
        Item::Is(_) | Item::Map(_) => item.value(Braces::USUAL),
    };
    Patch::replace(spot.range.clone(), in_its_quotes(page, spot, &value))
}

/// Durations, `true` and `false` need no quotes of their own, and keep those that were there.
fn in_its_quotes(page: &Page<'_>, spot: &Spot, value: &str) -> String {
    match page.text[spot.range.clone()].chars().next() {
        Some(quote @ ('"' | '\'')) => format!("{quote}{value}{quote}"),
        Some(_) | None => value.to_owned(),
    }
}

/// Puts lines before the one that begins at `at`, or behind the last.
fn lines_at(page: &Page<'_>, at: usize, lines: &[String]) -> Patch {
    let mut with = String::new();
    if !page.text[..at].is_empty() && !page.text[..at].ends_with('\n') {
        with.push_str(page.line_end);
    }
    for line in lines {
        with.push_str(line);
        with.push_str(page.line_end);
    }
    Patch::insert(at, with)
}

fn insert(
    page: &Page<'_>,
    mapping: &Spot,
    (key, item): (&str, &Item),
    behind: Option<&str>,
) -> Result<Vec<Patch>, Obstacle> {
    let Shape::Mapping(style, pairs) = &mapping.shape else {
        return Err("it is not a mapping".to_owned());
    };
    let behind = behind.and_then(|key| pairs.iter().find(|pair| pair.key.as_deref() == Some(key)));
    let behind = behind.filter(|pair| matches!(pair.value.shape, Shape::Scalar));
    match (style, pairs.as_slice()) {
        (Style::Block, []) => Err("it is not a mapping".to_owned()),
        (Style::Block, [first, ..]) => {
            let is_explicit =
                "it is written in a form (`? key`) that only a person can add to".to_owned();
            let column = page.indent(first.at).ok_or(is_explicit)?;
            let unit = pairs
                .iter()
                .find_map(|pair| inner_step(page, pair, column))
                .unwrap_or(page.unit);
            let at = match behind {
                Some(pair) => page.line_after(pair.value.range.end),
                None => end_of_block(page, mapping, column),
            };
            Ok(vec![lines_at(page, at, &item.lines(key, column, unit))])
        }
        (Style::Flow, []) => {
            let braces = Braces {
                is_json: false,
                is_padded: true,
            };
            Ok(vec![Patch::replace(
                mapping.range.clone(),
                item.clone().below(&[key]).value(braces),
            )])
        }
        (Style::Flow, [.., last]) => Ok(insert_in_braces(
            page,
            mapping,
            behind.unwrap_or(last),
            (key, item),
        )),
    }
}

/// How far what stands below `pair` is indented.
fn inner_step(page: &Page<'_>, pair: &Pair, column: usize) -> Option<usize> {
    let Shape::Mapping(Style::Block, below) = &pair.value.shape else {
        return None;
    };
    page.indent(below.first()?.at)?
        .checked_sub(column)
        .filter(|step| *step > 0)
}

/// Behind the last line that belongs to a block: its content, or a comment that is indented like
/// it. Blank lines and comments that are not belong to what follows.
fn end_of_block(page: &Page<'_>, mapping: &Spot, column: usize) -> usize {
    let limit = mapping.range.end;
    let mut end = if limit == page.text.len() {
        limit
    } else {
        page.line_start(limit)
    };
    if mapping.is_open() {
        return end;
    }
    let mut last = end;
    while end > mapping.range.start {
        let line = page.line_start(end - 1);
        let content = page.text[line..end].trim_end();
        let indented = content.len() - content.trim_start().len();
        let is_between = content.trim_start().is_empty()
            || (content.trim_start().starts_with('#') && indented < column);
        if !is_between {
            return last;
        }
        (end, last) = (line, line);
    }
    last
}

fn insert_in_braces(
    page: &Page<'_>,
    mapping: &Spot,
    before: &Pair,
    (key, item): (&str, &Item),
) -> Vec<Patch> {
    let at = end_of_value(before);
    let braces = braces_of(page, mapping, before);
    let rest = page.rest_of_line(at).trim_start();
    let (has_comma, rest) = match rest.strip_prefix(',') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, rest),
    };
    let is_alone = page
        .indent(before.at)
        .filter(|_| rest.is_empty() || rest.starts_with('#'));
    let Some(indent) = is_alone else {
        return vec![Patch::insert(at, format!(", {}", item.inline(key, braces)))];
    };
    let outer = indent_of_line(page, mapping.range.start);
    let unit = indent
        .checked_sub(outer)
        .filter(|step| *step > 0)
        .unwrap_or(page.unit);
    let is_spread = matches!(&before.value.shape, Shape::Mapping(Style::Flow, below)
        if below.first().is_some_and(|first| page.indent(first.at).is_some()));
    let mut lines = if is_spread {
        item.spread(key, braces, (indent, unit))
    } else {
        vec![item.inline(key, braces)]
    };
    if let Some(first) = lines.first_mut() {
        first.insert_str(0, &" ".repeat(indent));
    }
    if has_comma && let Some(last) = lines.last_mut() {
        last.push(',');
    }
    let comma = (!has_comma).then(|| Patch::insert(at, ","));
    comma
        .into_iter()
        .chain([lines_at(page, page.line_after(at), &lines)])
        .collect()
}

fn indent_of_line(page: &Page<'_>, at: usize) -> usize {
    let line = &page.text[page.line_start(at)..at];
    line.len() - line.trim_start().len()
}

fn end_of_value(pair: &Pair) -> usize {
    match pair.value.shape {
        Shape::Empty => pair.value.range.end.max(pair.colon),
        Shape::Scalar | Shape::Alias | Shape::Mapping(..) | Shape::Other => pair.value.range.end,
    }
}

fn braces_of(page: &Page<'_>, mapping: &Spot, pair: &Pair) -> Braces {
    Braces {
        is_json: page.text[pair.at..].starts_with('"'),
        is_padded: page.text[mapping.range.start..].starts_with("{ ")
            || page.indent(pair.at).is_some(),
    }
}

/// Writes a value where nothing is, or something that holds nothing: `~`, `null`, `{}`.
fn fill(
    page: &Page<'_>,
    holder: Option<(Style, &Pair)>,
    spot: &Spot,
    item: &Item,
) -> Result<Vec<Patch>, Obstacle> {
    let Some((style, pair)) = holder else {
        return Err("the file holds something else".to_owned());
    };
    let start = spot.range.start;
    let nothing = &page.text[spot.range.clone()];
    let is_on_one_line =
        !nothing.contains(['\n', '#']) && page.line_start(start) == page.line_start(pair.at);
    let (Style::Block, Item::Map(pairs), true) = (style, item, is_on_one_line) else {
        let is_json = style == Style::Flow && page.text[pair.at..].starts_with('"');
        let value = item.value(Braces {
            is_json,
            is_padded: true,
        });
        let colon = if page.text[..pair.colon].ends_with(':') {
            ""
        } else {
            ":"
        };
        return Ok(vec![match spot.shape {
            Shape::Empty => Patch::insert(end_of_value(pair), format!("{colon} {value}")),
            Shape::Scalar | Shape::Alias | Shape::Mapping(..) | Shape::Other => {
                Patch::replace(spot.range.clone(), value)
            }
        }]);
    };
    let explicit = "it is written in a form (`? key`) that only a person can add to".to_owned();
    let column = page.indent(pair.at).ok_or(explicit)?;
    let lines: Vec<String> = pairs
        .iter()
        .flat_map(|(key, item)| item.lines(key, column + page.unit, page.unit))
        .collect();
    let before = page.text[..start].trim_end_matches([' ', '\t']).len();
    let nothing = match spot.shape {
        Shape::Empty => None,
        Shape::Scalar | Shape::Alias | Shape::Mapping(..) | Shape::Other => {
            Some(Patch::replace(before..spot.range.end, ""))
        }
    };
    let below = lines_at(
        page,
        behind_comments(page, page.line_after(spot.range.end), column),
        &lines,
    );
    Ok(nothing.into_iter().chain([below]).collect())
}

/// Behind the comments from `at` on that are indented by more than `column`.
fn behind_comments(page: &Page<'_>, at: usize, column: usize) -> usize {
    let (mut line, mut last) = (at, at);
    while line < page.text.len() {
        let next = page.line_after(line);
        let content = page.text[line..next].trim_end();
        let indented = content.len() - content.trim_start().len();
        match content.trim_start().chars().next() {
            None => {}
            Some('#') if indented > column => last = next,
            Some(_) => break,
        }
        line = next;
    }
    last
}

/// The whole line, where nothing else stands on it.
fn without_line(page: &Page<'_>, pairs: &[Pair], pair: &Pair) -> Option<Vec<Patch>> {
    let end = end_of_value(pair);
    let is_alone = page.indent(pair.at).is_some()
        && page.line_start(pair.at) == page.line_start(end)
        && page.rest_of_line(end).trim().is_empty();
    (is_alone && pairs.len() > 1).then(|| {
        vec![Patch::replace(
            page.line_start(pair.at)..page.line_after(end),
            "",
        )]
    })
}

/// The item with its comma, and its line where nothing else stands on it.
fn without_item(page: &Page<'_>, pairs: &[Pair], pair: &Pair) -> Option<Vec<Patch>> {
    let at = pairs.iter().position(|other| other.at == pair.at)?;
    let end = end_of_value(pair);
    let before = at.checked_sub(1).and_then(|at| pairs.get(at));
    let next = pairs.get(at + 1);
    let has_comment = |range: Range<usize>| page.text[range].contains('#');
    let rest = page.rest_of_line(end).trim();
    let is_alone =
        page.indent(pair.at).is_some() && page.line_start(pair.at) == page.line_start(end);
    if is_alone && matches!(rest, "" | ",") {
        let line = Patch::replace(page.line_start(pair.at)..page.line_after(end), "");
        // The comma before it would be left over, which JSON does not allow.
        return match (before, next, rest) {
            (_, Some(_) | None, ",") => Some(vec![line]),
            (Some(before), None, _) => {
                let comma =
                    end_of_value(before) + page.text[end_of_value(before)..pair.at].find(',')?;
                let is_next = page.text[end_of_value(before)..comma].trim().is_empty();
                is_next.then(|| vec![Patch::replace(comma..comma + 1, ""), line])
            }
            (None, None, _) | (_, Some(_), _) => None,
        };
    }
    match (before, next) {
        (Some(before), _) => {
            let gap = end_of_value(before)..end;
            let is_plain =
                !has_comment(gap.clone()) && page.line_start(gap.start) == page.line_start(gap.end);
            is_plain.then(|| vec![Patch::replace(gap, "")])
        }
        (None, Some(next)) => {
            let gap = pair.at..next.at;
            let is_plain =
                !has_comment(gap.clone()) && page.line_start(gap.start) == page.line_start(gap.end);
            is_plain.then(|| vec![Patch::replace(gap, "")])
        }
        (None, None) => None,
    }
}
