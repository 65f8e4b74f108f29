//! YAML text into a tree that remembers where everything was written and how: lines, columns, tags
//! and the source text of each scalar, so `012345678901` stays twelve digits. Refuses what would
//! not end: depth, size and expansion are bounded.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Tag};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use zeroize::Zeroizing;

const DEEPEST: usize = 64;
const MOST_NODES: usize = 50_000;
const MOST_ALIASED_NODES: usize = 10_000;

/// Why the text is not a tree, and where.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub line: usize,
    pub column: usize,
    pub message: String,
}

/// One-based, as editors count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub line: usize,
    pub column: usize,
}

/// Without `Debug`: the tree holds the secrets of the file.
pub(super) struct Node {
    pub at: Position,
    pub tag: Option<String>,
    pub value: Value,
    /// Nodes in this tree, aliases followed.
    size: usize,
    height: usize,
}

pub(super) enum Value {
    /// Not written, `~` or `null`.
    Null,
    Scalar(Zeroizing<String>),
    Sequence(Vec<Rc<Node>>),
    Mapping(Vec<Member>),
}

#[derive(Clone)]
pub(super) struct Member {
    pub key: Rc<Node>,
    pub value: Rc<Node>,
}

impl Node {
    /// What an empty file would hold.
    pub fn nothing() -> Node {
        Node {
            at: Position { line: 1, column: 1 },
            tag: None,
            value: Value::Null,
            size: 1,
            height: 1,
        }
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

/// The one document of `text`; `None` when it holds nothing but comments.
pub(super) fn parse(text: &str) -> Result<Option<Rc<Node>>, Unreadable> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| not_yaml(&error))?;
        builder.take(event, position(span.start))?;
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
    fault(at, format!("not YAML: {}", error.info()))
}

fn fault(at: Position, message: impl Into<String>) -> Unreadable {
    Unreadable {
        line: at.line,
        column: at.column,
        message: message.into(),
    }
}

/// A collection that has been opened and not closed yet.
struct Open {
    at: Position,
    tag: Option<String>,
    anchor: usize,
    is_mapping: bool,
    children: Vec<Rc<Node>>,
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    root: Option<Rc<Node>>,
    anchors: HashMap<usize, Rc<Node>>,
    nodes: usize,
    aliased: usize,
    documents: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, at: Position) -> Result<(), Unreadable> {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(fault(
                        at,
                        "a second YAML document starts here; a configuration is one document",
                    ));
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.count(at)?;
                let value = if style == ScalarStyle::Plain
                    && matches!(&*text, "" | "~" | "null" | "Null" | "NULL")
                {
                    Value::Null
                } else {
                    Value::Scalar(Zeroizing::new(text.into_owned()))
                };
                self.place(
                    anchor,
                    Node {
                        at,
                        tag: written_tag(tag),
                        value,
                        size: 1,
                        height: 1,
                    },
                );
                Ok(())
            }
            Event::SequenceStart(anchor, tag) => self.open(Open {
                at,
                tag: written_tag(tag),
                anchor,
                is_mapping: false,
                children: Vec::new(),
            }),
            Event::MappingStart(anchor, tag) => self.open(Open {
                at,
                tag: written_tag(tag),
                anchor,
                is_mapping: true,
                children: Vec::new(),
            }),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(closed) => {
                    self.place(closed.anchor, closed.into_node());
                    Ok(())
                }
                None => Err(fault(
                    at,
                    "not YAML: a list or mapping ends that did not start",
                )),
            },
            Event::Alias(anchor) => self.alias(anchor, at),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn count(&mut self, at: Position) -> Result<(), Unreadable> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return Err(fault(
                at,
                format!("more than {MOST_NODES} values: this is not a configuration"),
            ));
        }
        Ok(())
    }

    fn open(&mut self, open: Open) -> Result<(), Unreadable> {
        self.count(open.at)?;
        if self.open.len() >= DEEPEST {
            return Err(fault(
                open.at,
                format!("nested more than {DEEPEST} levels deep"),
            ));
        }
        self.open.push(open);
        Ok(())
    }

    fn alias(&mut self, anchor: usize, at: Position) -> Result<(), Unreadable> {
        let Some(target) = self.anchors.get(&anchor).cloned() else {
            return Err(fault(
                at,
                "an alias that stands inside the value it repeats",
            ));
        };
        self.aliased = self.aliased.saturating_add(target.size);
        if self.aliased > MOST_ALIASED_NODES {
            return Err(fault(
                at,
                format!("aliases (`*name`) repeat more than {MOST_ALIASED_NODES} values"),
            ));
        }
        if self.open.len() + target.height > DEEPEST {
            return Err(fault(
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
    fn into_node(self) -> Node {
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
