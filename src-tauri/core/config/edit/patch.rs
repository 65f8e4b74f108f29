//! A value put where a path of keys leads, or a key taken out, as pieces of the text that change.
//! Touches only the lines of what changes, and says why where that is not possible.

use super::value::NewValue;
use crate::config::yaml::{Member, Node, Value};
use std::ops::Range;

/// What comes in place of a part of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    pub at: Range<usize>,
    pub with: String,
}

/// Why something cannot be written where it belongs.
pub type Obstacle = String;

type Patches = Result<Vec<Patch>, Obstacle>;

/// Forms that are hardly ever written are left to a person.
fn odd_form(node: &Node) -> Obstacle {
    let line = node.at.line;
    format!("line {line} is written in a form that only a person should change")
}

/// A text and its tree.
#[derive(Clone, Copy)]
pub struct Page<'t> {
    pub text: &'t str,
    pub root: &'t Node,
}

/// Where a value stands: `member` of `parent`.
#[derive(Clone, Copy)]
struct Spot<'t> {
    parent: &'t Node,
    member: &'t Member,
}

impl Page<'_> {
    /// Puts a value where `path` leads, with the mappings on the way that are missing. A new key
    /// comes behind the one called `behind`, or last.
    pub fn put(self, path: &[&str], value: &NewValue, behind: &str) -> Patches {
        let (mut node, mut spot) = (self.root, None);
        for (depth, key) in path.iter().enumerate() {
            let rest = || value.clone().below(&path[depth..]);
            match &node.value {
                _ if node.tag.is_some() => return Err(odd_form(node)),
                Value::Null => return self.fill(spot, node, &rest()),
                Value::Mapping(members) if members.is_empty() => {
                    return self.fill(spot, node, &rest());
                }
                Value::Mapping(members) => match only(members, key)? {
                    Some(member) if is_alias(member) => {
                        let (what, line) = (shown(&path[..=depth]), member.key.at.line);
                        return Err(format!(
                            "{what} on line {line} is an alias or comes from a merge"
                        ));
                    }
                    Some(member) => {
                        spot = Some(Spot {
                            parent: node,
                            member,
                        });
                        node = &member.value;
                    }
                    None => {
                        let value = value.clone().below(&path[depth + 1..]);
                        let at = position(members, behind);
                        return self.insert(node, at, &value.below(&[key]));
                    }
                },
                Value::Scalar(_) | Value::Sequence(_) => {
                    return Err(format!("{} is not a mapping", shown(&path[..depth])));
                }
            }
        }
        match (&node.value, value) {
            (Value::Null, _) => self.fill(spot, node, value),
            (Value::Scalar(old), NewValue::Text(text)) => self.replace(node, old, text),
            (Value::Scalar(old), NewValue::Is(it)) => self.replace(node, old, &it.to_string()),
            (Value::Scalar(_) | Value::Sequence(_) | Value::Mapping(_), _) => {
                Err(format!("{} holds something else", shown(path)))
            }
        }
    }

    /// Takes a key out, where that leaves nothing behind and everything else in its place.
    pub fn remove(self, parent: &Node, member: &Member) -> Option<Patch> {
        let (start, end) = (member.key.range.start, member.value.range.end);
        let members = parent.members();
        let at = members
            .iter()
            .position(|it| it.key.range == member.key.range)?;
        if members.len() < 2 || is_alias(member) {
            return None;
        }
        let range = if !self.is_in_braces(parent) {
            let rest = &self.text[end..self.line_after(end)];
            let is_alone = self.indent(start).is_some() && rest.trim().is_empty();
            (is_alone && !self.text[start..end].contains('\n'))
                .then(|| self.line_start(start)..self.line_after(end))?
        } else if let Some(next) = members.get(at + 1) {
            start..next.key.range.start
        } else {
            let before = self.text[..start].trim_end().strip_suffix(',')?;
            before.trim_end().len()..end
        };
        Some(Patch {
            at: range,
            with: String::new(),
        })
    }

    fn is_in_braces(self, mapping: &Node) -> bool {
        self.text[mapping.range.clone()].starts_with('{')
    }

    fn line_start(self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |before| before + 1)
    }

    /// Behind the line of `at`, with its line end.
    fn line_after(self, at: usize) -> usize {
        let end = self.text[at..].find('\n');
        end.map_or(self.text.len(), |end| at + end + 1)
    }

    /// How far `at` is indented; `None` where something else stands before it on its line.
    fn indent(self, at: usize) -> Option<usize> {
        let before = &self.text[self.line_start(at)..at];
        let is_blank = before.bytes().all(|byte| byte == b' ');
        is_blank.then_some(before.len())
    }

    /// How far the blocks in a block are indented from it.
    fn unit(self, mapping: &Node) -> Option<usize> {
        let step = |member: &Member| {
            let first = member.value.members().first()?;
            let inner = self.indent(first.key.range.start)?;
            let outer = self.indent(member.key.range.start)?;
            inner.checked_sub(outer).filter(|step| *step > 0)
        };
        let members = mapping.members();
        members
            .iter()
            .find_map(step)
            .or_else(|| members.iter().find_map(|member| self.unit(&member.value)))
    }

    /// In place of a value, with the quotes that it has.
    fn replace(self, node: &Node, old: &str, new: &str) -> Patches {
        let written = &self.text[node.range.clone()];
        let quotes = written.split_once(old).filter(|_| node.tag.is_none());
        match quotes {
            Some((quote @ ("" | "'" | "\""), end)) if quote == end => Ok(vec![Patch {
                at: node.range.clone(),
                with: format!("{quote}{new}{quote}"),
            }]),
            Some(_) | None => Err(odd_form(node)),
        }
    }

    /// Where nothing is written, or something that holds nothing: `~`, `null`, `{}`.
    fn fill(self, spot: Option<Spot<'_>>, node: &Node, value: &NewValue) -> Patches {
        let written = &self.text[node.range.clone()];
        if written.contains(['\n', '#', '&', '*', '!']) {
            return Err(odd_form(node));
        }
        let (end, unit) = (node.range.end, self.unit(self.root).unwrap_or(2));
        let Some(spot) = spot else {
            return Ok(vec![match value {
                NewValue::Mapping(pairs) if written.is_empty() => {
                    self.lines(self.text.len(), pairs, 0, unit)
                }
                NewValue::Mapping(_)
                | NewValue::Text(_)
                | NewValue::Is(_)
                | NewValue::Tagged(_, _)
                | NewValue::Sequence(_) => Patch {
                    at: node.range.clone(),
                    with: value.inline(" "),
                },
            }]);
        };
        let key = spot.member.key.range.start;
        match (value, self.is_in_braces(spot.parent)) {
            (NewValue::Mapping(pairs), false) => {
                let column = self.indent(key).ok_or_else(|| odd_form(node))?;
                let before = self.text[..node.range.start].trim_end_matches([' ', '\t']);
                let below = self.behind_comments(self.line_after(end), column);
                let mut patches = vec![self.lines(below, pairs, column + unit, unit)];
                if !written.is_empty() {
                    patches.push(Patch {
                        at: before.len()..end,
                        with: String::new(),
                    });
                }
                Ok(patches)
            }
            (
                NewValue::Mapping(_)
                | NewValue::Text(_)
                | NewValue::Is(_)
                | NewValue::Tagged(_, _)
                | NewValue::Sequence(_),
                _,
            ) => {
                let space = if written.is_empty() { " " } else { "" };
                Ok(vec![Patch {
                    at: node.range.clone(),
                    with: format!("{space}{}", value.inline(" ")),
                }])
            }
        }
    }

    /// New keys, as the member at a position.
    fn insert(self, mapping: &Node, position: usize, value: &NewValue) -> Patches {
        let (members, NewValue::Mapping(pairs)) = (mapping.members(), value) else {
            return Err(odd_form(mapping));
        };
        if self.is_in_braces(mapping) {
            return self.insert_in_braces(mapping, position, pairs);
        }
        let first = members.first().ok_or_else(|| odd_form(mapping))?;
        let column = self
            .indent(first.key.range.start)
            .ok_or_else(|| odd_form(mapping))?;
        let at = if position < members.len() {
            self.line_after(members[position - 1].value.range.end)
        } else {
            self.end_of_block(mapping, column)
        };
        let unit = self.unit(mapping).or_else(|| self.unit(self.root));
        Ok(vec![self.lines(at, pairs, column, unit.unwrap_or(2))])
    }

    fn insert_in_braces(
        self,
        mapping: &Node,
        position: usize,
        pairs: &[(String, NewValue)],
    ) -> Patches {
        let written = &self.text[mapping.range.clone()];
        if written.contains('\n') {
            let line = mapping.at.line;
            return Err(format!("line {line} opens braces that end on another line"));
        }
        if written.trim_start_matches(['{', ' ']).starts_with('"') {
            let line = mapping.at.line;
            return Err(format!("line {line} is written as JSON"));
        }
        let pad = if written.starts_with("{ ") { " " } else { "" };
        let pairs: Vec<String> = pairs
            .iter()
            .map(|(key, value)| value.inline_after(key, pad))
            .collect();
        let pairs = pairs.join(", ");
        let (at, with) = match mapping.members().get(position) {
            Some(next) => (next.key.range.start, format!("{pairs}, ")),
            None => {
                let inside = self.text[..mapping.range.end].strip_suffix('}');
                let inside = inside.ok_or_else(|| odd_form(mapping))?.trim_end();
                let inside = inside.strip_suffix(',').unwrap_or(inside);
                (inside.trim_end().len(), format!(", {pairs}"))
            }
        };
        Ok(vec![Patch { at: at..at, with }])
    }

    /// Lines before the one that begins at `at`, or behind the last.
    fn lines(self, at: usize, pairs: &[(String, NewValue)], indent: usize, unit: usize) -> Patch {
        let line_end = match self.text.find('\n') {
            Some(end) if self.text[..end].ends_with('\r') => "\r\n",
            Some(_) | None => "\n",
        };
        let mut with = String::new();
        if !matches!(self.text[..at].chars().next_back(), None | Some('\n')) {
            with.push_str(line_end);
        }
        for line in pairs
            .iter()
            .flat_map(|(key, value)| value.lines(key, indent, unit))
        {
            with.push_str(&line);
            with.push_str(line_end);
        }
        Patch { at: at..at, with }
    }

    /// Behind the last line that belongs to a block: its content, or a comment that is indented
    /// like it. Blank lines and comments that are not belong to what follows.
    fn end_of_block(self, mapping: &Node, column: usize) -> usize {
        let limit = mapping.range.end;
        let mut end = if limit == self.text.len() {
            limit
        } else {
            self.line_start(limit)
        };
        while end > mapping.range.start {
            let line = self.line_start(end - 1);
            let content = self.text[line..end].trim_end();
            let indented = content.len() - content.trim_start().len();
            let is_comment = content.trim_start().starts_with('#');
            let is_between = content.is_empty() || is_comment && indented < column;
            if !is_between {
                break;
            }
            end = line;
        }
        end
    }

    /// Behind the comments from `at` on that are indented by more than `column`.
    fn behind_comments(self, at: usize, column: usize) -> usize {
        let (mut line, mut last) = (at, at);
        while line < self.text.len() {
            let next = self.line_after(line);
            let content = self.text[line..next].trim_end();
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
}

/// Where a new key comes: behind a single value called `behind`, or last.
pub fn position(members: &[Member], behind: &str) -> usize {
    let is_it = |it: &Member| it.key.text() == Some(behind) && it.value.text().is_some();
    let before = members.iter().position(is_it);
    before.map_or(members.len(), |before| before + 1)
}

/// A value stands behind its key, but for one that an alias repeats or a merge brings in.
fn is_alias(member: &Member) -> bool {
    member.value.range.start < member.key.range.end
}

fn only<'m>(members: &'m [Member], key: &str) -> Result<Option<&'m Member>, Obstacle> {
    let mut found = members.iter().filter(|it| it.key.text() == Some(key));
    let first = found.next();
    match found.next() {
        Some(_) => Err(format!("`{key}` is written twice")),
        None => Ok(first),
    }
}

fn shown(path: &[&str]) -> String {
    format!("`{}`", path.join("."))
}
