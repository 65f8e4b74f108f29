//! YAML text into a tree that remembers where everything was written and how: lines, columns, tags
//! and the source text of each scalar, so `012345678901` stays twelve digits. Refuses what would
//! not end: depth, size and expansion are bounded.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, Tag};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::rc::Rc;
use zeroize::Zeroizing;

const DEEPEST: usize = 64;
const MOST_NODES: usize = 50_000;
const MOST_ALIASED_NODES: usize = 10_000;

/// Why the text is not a tree, and where.
#[derive(Debug)]
pub struct Unreadable {
    pub line: usize,
    pub column: usize,
    pub message: String,
}

/// One-based, as editors count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

/// Without `Debug`: the tree holds the secrets of the file.
pub struct Node {
    pub at: Position,
    /// In bytes, with anchor and tag. A mapping in block style ends where the next thing starts.
    pub range: Range<usize>,
    pub tag: Option<String>,
    pub value: Value,
    /// Nodes in this tree, aliases followed.
    size: usize,
    height: usize,
}

pub enum Value {
    /// Not written, `~` or `null`.
    Null,
    Scalar(Zeroizing<String>),
    Sequence(Vec<Rc<Node>>),
    Mapping(Vec<Member>),
}

#[derive(Clone)]
pub struct Member {
    pub key: Rc<Node>,
    pub value: Rc<Node>,
}

impl Node {
    /// A value that is written nowhere.
    pub fn of(value: Value) -> Node {
        Node {
            at: Position { line: 1, column: 1 },
            range: 0..0,
            tag: None,
            value,
            size: 1,
            height: 1,
        }
    }

    pub fn tagged(self, tag: Option<String>) -> Node {
        Node { tag, ..self }
    }

    /// What an empty file holds.
    pub fn nothing() -> Node {
        Node::of(Value::Null)
    }

    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null) && self.tag.is_none()
    }

    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text) => Some(text),
            Value::Null | Value::Sequence(_) | Value::Mapping(_) => None,
        }
    }

    pub fn members(&self) -> &[Member] {
        match &self.value {
            Value::Mapping(pairs) => pairs,
            Value::Null | Value::Scalar(_) | Value::Sequence(_) => &[],
        }
    }

    /// The first value under `key`; a second one is a problem found elsewhere.
    pub fn child(&self, key: &str) -> Option<&Node> {
        self.members()
            .iter()
            .find(|pair| pair.key.text() == Some(key))
            .map(|pair| &*pair.value)
    }

    /// What stands at a dotted key, unless that is nothing.
    pub fn below(&self, key: &str) -> Option<&Node> {
        let found = key.split('.').try_fold(self, Node::child);
        found.filter(|node| !node.is_null())
    }

    /// Wherever it is written.
    pub fn says_the_same_as(&self, other: &Node) -> bool {
        let are_same = |(one, other): (&Rc<Node>, &Rc<Node>)| one.says_the_same_as(other);
        self.tag == other.tag
            && match (&self.value, &other.value) {
                (Value::Null, Value::Null) => true,
                (Value::Scalar(one), Value::Scalar(other)) => one == other,
                (Value::Sequence(one), Value::Sequence(other)) => {
                    one.len() == other.len() && one.iter().zip(other).all(are_same)
                }
                (Value::Mapping(one), Value::Mapping(other)) => {
                    let mut pairs = one.iter().zip(other);
                    one.len() == other.len()
                        && pairs.all(|(one, other)| {
                            are_same((&one.key, &other.key)) && are_same((&one.value, &other.value))
                        })
                }
                (Value::Null | Value::Scalar(_) | Value::Sequence(_) | Value::Mapping(_), _) => {
                    false
                }
            }
    }

    /// For messages.
    pub fn noun(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Scalar(_) => "a single value",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }
}

/// The one document of `text`; `None` when it holds nothing but comments. Ranges count from behind
/// a byte order mark.
pub(super) fn parse(text: &str) -> Result<Option<Rc<Node>>, Unreadable> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut builder = Builder::of(text);
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| not_yaml(&error))?;
        builder.take(event, span)?;
    }
    Ok(builder.root.filter(|root| !root.is_null()))
}

fn position(mark: Marker) -> Position {
    Position {
        line: mark.line(),
        column: mark.col() + 1,
    }
}

fn not_yaml(error: &ScanError) -> Unreadable {
    let at = position(*error.marker());
    unreadable(at, format!("not YAML: {}", error.info()))
}

fn unreadable(at: Position, message: impl Into<String>) -> Unreadable {
    Unreadable {
        line: at.line,
        column: at.column,
        message: message.into(),
    }
}

/// A collection that has been opened and not closed yet.
struct Open {
    at: Position,
    start: usize,
    tag: Option<String>,
    anchor: usize,
    is_mapping: bool,
    children: Vec<Rc<Node>>,
}

struct Builder<'t> {
    text: &'t str,
    /// Where each character starts, since the parser counts characters; `None` where that is the
    /// same.
    starts: Option<Vec<usize>>,
    open: Vec<Open>,
    root: Option<Rc<Node>>,
    anchors: HashMap<usize, Rc<Node>>,
    nodes: usize,
    aliased: usize,
    documents: usize,
}

impl<'t> Builder<'t> {
    fn of(text: &'t str) -> Builder<'t> {
        let starts = || text.char_indices().map(|(at, _)| at).collect();
        Builder {
            text,
            starts: (!text.is_ascii()).then(starts),
            open: Vec::new(),
            root: None,
            anchors: HashMap::new(),
            nodes: 0,
            aliased: 0,
            documents: 0,
        }
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Unreadable> {
        let at = position(span.start);
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    let message =
                        "a second YAML document starts here; a configuration is one document";
                    return Err(unreadable(at, message));
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.count(at)?;
                let is_plain = style == ScalarStyle::Plain;
                let is_bare = anchor == 0 && tag.is_none();
                let range = if is_plain && text.is_empty() && is_bare {
                    let start = self.behind_the_key().unwrap_or(self.byte(span.start));
                    start..start
                } else {
                    self.range(span, &text)
                };
                let is_null = is_plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let value = if is_null {
                    Value::Null
                } else {
                    Value::Scalar(Zeroizing::new(text.into_owned()))
                };
                let node = Node {
                    at,
                    range,
                    tag: written_tag(tag),
                    ..Node::of(value)
                };
                self.place(anchor, node);
                Ok(())
            }
            Event::SequenceStart(anchor, tag) => self.open(span, anchor, tag, false),
            Event::MappingStart(anchor, tag) => self.open(span, anchor, tag, true),
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(closed) = self.open.pop() else {
                    let message = "not YAML: a list or mapping ends that did not start";
                    return Err(unreadable(at, message));
                };
                // The parser leaves out a comma behind the last item.
                let end = self.byte(span.start);
                let bracket = if closed.is_mapping { '}' } else { ']' };
                let rest = self.text[end..].trim_start_matches([',', ' ']);
                let end = match rest.strip_prefix(bracket) {
                    Some(rest) => self.text.len() - rest.len(),
                    None => end,
                };
                self.place(closed.anchor, closed.into_node(end));
                Ok(())
            }
            Event::Alias(anchor) => self.alias(anchor, at),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn byte(&self, mark: Marker) -> usize {
        match &self.starts {
            Some(starts) => starts.get(mark.index()).copied().unwrap_or(self.text.len()),
            None => mark.index().min(self.text.len()),
        }
    }

    /// Of a scalar. The parser counts what follows the quotes as well.
    fn range(&self, span: Span, text: &str) -> Range<usize> {
        let (start, end) = (self.byte(span.start), self.byte(span.end));
        let written = &self.text[start..end];
        for quote in ["'", "\""] {
            let inside = written.strip_prefix(quote);
            let behind = inside.and_then(|inside| inside.strip_prefix(text));
            if behind.is_some_and(|behind| behind.starts_with(quote)) {
                return start..start + text.len() + 2;
            }
        }
        start..end
    }

    /// Behind the colon of the key that waits for its value, or behind the key where there is none.
    fn behind_the_key(&self) -> Option<usize> {
        let open = self.open.last()?;
        let key = open.children.last()?;
        let is_value = open.is_mapping && open.children.len() % 2 == 1;
        let end = is_value.then_some(key.range.end)?;
        let rest = self.text[end..].trim_start();
        let colon = self.text.len() - rest.len();
        Some(if rest.starts_with(':') {
            colon + 1
        } else {
            end
        })
    }

    fn count(&mut self, at: Position) -> Result<(), Unreadable> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return Err(unreadable(
                at,
                format!("more than {MOST_NODES} values: this is not a configuration"),
            ));
        }
        Ok(())
    }

    fn open(
        &mut self,
        span: Span,
        anchor: usize,
        tag: Option<Cow<'_, Tag>>,
        is_mapping: bool,
    ) -> Result<(), Unreadable> {
        let at = position(span.start);
        self.count(at)?;
        if self.open.len() >= DEEPEST {
            let message = format!("nested more than {DEEPEST} levels deep");
            return Err(unreadable(at, message));
        }
        self.open.push(Open {
            at,
            start: self.byte(span.start),
            tag: written_tag(tag),
            anchor,
            is_mapping,
            children: Vec::new(),
        });
        Ok(())
    }

    fn alias(&mut self, anchor: usize, at: Position) -> Result<(), Unreadable> {
        let Some(target) = self.anchors.get(&anchor).cloned() else {
            return Err(unreadable(
                at,
                "an alias that stands inside the value it repeats",
            ));
        };
        self.aliased = self.aliased.saturating_add(target.size);
        if self.aliased > MOST_ALIASED_NODES {
            return Err(unreadable(
                at,
                format!("aliases (`*name`) repeat more than {MOST_ALIASED_NODES} values"),
            ));
        }
        if self.open.len() + target.height > DEEPEST {
            return Err(unreadable(
                at,
                format!("nested more than {DEEPEST} levels deep by an alias"),
            ));
        }
        self.put(target);
        Ok(())
    }

    fn place(&mut self, anchor: usize, node: Node) {
        let node = Rc::new(node);
        // The parser numbers anchors from 1; 0 is none.
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        self.put(node);
    }

    fn put(&mut self, node: Rc<Node>) {
        match self.open.last_mut() {
            Some(parent) => parent.children.push(node),
            None => self.root = Some(node),
        }
    }
}

impl Open {
    fn into_node(self, end: usize) -> Node {
        let size = self
            .children
            .iter()
            .fold(1_usize, |sum, child| sum.saturating_add(child.size));
        let height = 1 + self
            .children
            .iter()
            .map(|child| child.height)
            .max()
            .unwrap_or(0);
        let value = if self.is_mapping {
            let mut children = self.children.into_iter();
            let mut pairs = Vec::new();
            while let (Some(key), Some(value)) = (children.next(), children.next()) {
                pairs.push(Member { key, value });
            }
            Value::Mapping(merge(pairs))
        } else {
            Value::Sequence(self.children)
        };
        Node {
            at: self.at,
            range: self.start..end,
            tag: self.tag,
            value,
            size,
            height,
        }
    }
}

/// `<<: *defaults`, which YAML 1.1 defines and Atmos understands: pairs of the named mappings that
/// are not written here.
fn merge(pairs: Vec<Member>) -> Vec<Member> {
    let is_merge = |pair: &Member| {
        pair.key.text() == Some("<<")
            && matches!(pair.value.value, Value::Mapping(_) | Value::Sequence(_))
    };
    if !pairs.iter().any(is_merge) {
        return pairs;
    }
    let (merged, mut own): (Vec<Member>, Vec<Member>) = pairs.into_iter().partition(is_merge);
    let mut seen: HashSet<String> = own
        .iter()
        .filter_map(|pair| pair.key.text().map(str::to_owned))
        .collect();
    for pair in merged {
        let sources = match &pair.value.value {
            Value::Sequence(several) => several.clone(),
            Value::Mapping(_) | Value::Scalar(_) | Value::Null => vec![Rc::clone(&pair.value)],
        };
        for inherited in sources.iter().flat_map(|source| source.members()) {
            if inherited
                .key
                .text()
                .is_some_and(|key| seen.insert(key.to_owned()))
            {
                own.push(inherited.clone());
            }
        }
    }
    own
}

/// As it was written: `!env`. The tags of YAML itself (`!!str`) change nothing here, since text
/// stays text.
fn written_tag(tag: Option<Cow<'_, Tag>>) -> Option<String> {
    let is_plain =
        |tag: &Tag| tag.is_yaml_core_schema() || (tag.handle.is_empty() && tag.suffix == "!");
    tag.filter(|tag| !is_plain(tag)).map(|tag| {
        if tag.handle == "!" {
            format!("!{}", tag.suffix)
        } else {
            format!("{}{}", tag.handle, tag.suffix)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    fn tree(text: &str) -> Rc<Node> {
        parse(text)
            .map_err(|fault| fault.message)
            .expect("YAML")
            .expect("not empty")
    }

    fn refused(text: &str) -> String {
        match parse(text) {
            Ok(_) => panic!("should have been refused: {text:.60}"),
            Err(Unreadable {
                line,
                column,
                message,
            }) => format!("{line}:{column} {message}"),
        }
    }

    #[test]
    fn scalars_keep_their_source_text_their_tag_and_their_place() {
        let root = tree("a: 012345678901\nb: !env NAME\n  \nc: [1e3, \"x\", yes]\nd: !!str 007\n");
        let texts = |key: &str| {
            root.child(key)
                .and_then(|node| node.text().map(str::to_owned))
        };
        assert_eq!(texts("a").as_deref(), Some("012345678901"));
        assert_eq!(texts("d").as_deref(), Some("007"));
        let tagged = root.child("b").expect("b");
        assert_eq!(
            (tagged.tag.as_deref(), tagged.text()),
            (Some("!env"), Some("NAME"))
        );
        assert_eq!(tagged.at, Position { line: 2, column: 4 });
        let Value::Sequence(items) = &root.child("c").expect("c").value else {
            panic!("a list")
        };
        let items: Vec<_> = items.iter().filter_map(|item| item.text()).collect();
        assert_eq!(items, ["1e3", "x", "yes"]);
    }

    #[test]
    fn nothing_written_null_and_comments_are_nothing_but_quoted_text_is_text() {
        let root = tree("a:\nb: ~\nc: null\nd: \"null\"\ne: \"\"\n");
        let nulls: Vec<_> = root
            .members()
            .iter()
            .map(|pair| pair.value.is_null())
            .collect();
        assert_eq!(nulls, [true, true, true, false, false]);
        for text in ["", "\n\n", "# only this\n", "---\n", "null\n", "\u{feff}"] {
            assert!(parse(text).is_ok_and(|root| root.is_none()), "{text:?}");
        }
    }

    #[test]
    fn what_would_not_end_is_refused_where_it_starts() {
        assert_eq!(
            refused(&"[".repeat(100)),
            "1:65 nested more than 64 levels deep"
        );
        assert!(refused(&"{a: ".repeat(100)).ends_with("nested more than 64 levels deep"));
        assert!(refused(&"[".repeat(500_000)).starts_with("1:"));
        let nested: Vec<String> = (0..10_000)
            .map(|depth| format!("{}a:\n", " ".repeat(depth)))
            .collect();
        assert_eq!(
            refused(&nested.concat()),
            "65:65 nested more than 64 levels deep"
        );
        assert!(refused(&format!("[{}]", "a,".repeat(60_000))).contains("more than 50000 values"));
        assert_eq!(
            refused("a: &a [*a]"),
            "1:8 an alias that stands inside the value it repeats"
        );
        assert_eq!(
            refused("a: 1\n---\nb: 2\n"),
            "2:1 a second YAML document starts here; a configuration is one document"
        );
        assert_eq!(refused("a: *nowhere").split(' ').next(), Some("1:4"));

        let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..10 {
            let alias = format!("*a{}, ", level - 1).repeat(10);
            writeln!(laughs, "a{level}: &a{level} [{alias}]").expect("memory");
        }
        assert!(refused(&laughs).contains("repeat more than 10000 values"));

        let (open, close) = ("[".repeat(40), "]".repeat(40));
        let tower = format!("t0: &t0 {open}{close}\nt1: {open}*t0{close}\n");
        assert!(refused(&tower).contains("nested more than 64 levels deep by an alias"));
    }

    #[test]
    fn aliases_repeat_values_and_merge_keys_fill_in_what_is_not_written() {
        let root =
            tree("base: &b {x: 1, y: 2}\none: {<<: *b, y: 3}\ntwo: {<<: [*b, {z: 4}]}\nsame: *b\n");
        let keys = |name: &str| -> Vec<String> {
            let node = root.child(name).expect(name);
            let pair = |pair: &Member| {
                format!(
                    "{}={}",
                    pair.key.text().expect("text"),
                    pair.value.text().expect("text")
                )
            };
            node.members().iter().map(pair).collect()
        };
        assert_eq!(keys("one"), ["y=3", "x=1"]);
        assert_eq!(keys("two"), ["x=1", "y=2", "z=4"]);
        assert_eq!(keys("same"), ["x=1", "y=2"]);
    }
}
