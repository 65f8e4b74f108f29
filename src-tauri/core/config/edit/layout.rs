//! Where everything stands in the text of a configuration: keys, values, braces and ends, in bytes.
//! What it means is `yaml`'s; aliases and merge keys are seen here as they are written.

use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use std::ops::Range;

/// A text and what stands where in it.
pub(super) struct Page<'t> {
    pub text: &'t str,
    /// `None` where there is nothing but comments.
    pub root: Option<Spot>,
    /// How far one level is indented from the next, where blocks are nested.
    pub unit: usize,
    pub line_end: &'static str,
}

/// A value.
pub(super) struct Spot {
    /// Without its anchor and tag. A mapping in block style ends where the next thing starts, or
    /// the text.
    pub range: Range<usize>,
    pub shape: Shape,
    /// Blank lines at its end are part of a value (`|+`).
    is_open: bool,
}

pub(super) enum Shape {
    /// Nothing is written.
    Empty,
    /// On one line or several, plain or in quotes.
    Scalar,
    Alias,
    Mapping(Style, Vec<Pair>),
    /// A list, or text as a block.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Block,
    Flow,
}

pub(super) struct Pair {
    /// `None` for keys that are no text.
    pub key: Option<String>,
    pub at: usize,
    /// Behind the colon, or behind the key where there is none.
    pub colon: usize,
    pub value: Spot,
}

impl<'t> Page<'t> {
    /// Of a text that [`super::yaml`] has accepted; `None` if it cannot be followed.
    pub fn of(text: &'t str) -> Option<Page<'t>> {
        let offsets: Vec<usize> = text
            .char_indices()
            .map(|(at, _)| at)
            .chain([text.len()])
            .collect();
        let events: Vec<(Event<'t>, Span)> =
            Parser::new_from_str(text).collect::<Result<_, _>>().ok()?;
        let mut walk = Walk {
            text,
            offsets,
            events: events.into_iter(),
        };
        let root = Some(walk.document()?).filter(|root| !matches!(root.shape, Shape::Empty));
        let unit = root.as_ref().and_then(|root| unit(text, root)).unwrap_or(2);
        let line_end = match text.find('\n') {
            Some(at) if text[..at].ends_with('\r') => "\r\n",
            Some(_) | None => "\n",
        };
        Some(Page {
            text,
            root,
            unit,
            line_end,
        })
    }

    /// Where the line of `at` begins.
    pub fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |before| before + 1)
    }

    /// Behind the line of `at`, with its line end.
    pub fn line_after(&self, at: usize) -> usize {
        self.text[at..]
            .find('\n')
            .map_or(self.text.len(), |end| at + end + 1)
    }

    /// How far `at` is indented; `None` where something else stands before it on its line.
    pub fn indent(&self, at: usize) -> Option<usize> {
        let before = &self.text[self.line_start(at)..at];
        before
            .bytes()
            .all(|byte| byte == b' ')
            .then_some(before.len())
    }

    /// What follows `at` on its line, without its line end.
    pub fn rest_of_line(&self, at: usize) -> &'t str {
        self.text[at..self.line_after(at)].trim_end_matches(['\n', '\r'])
    }
}

impl Spot {
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    fn pairs(&self) -> &[Pair] {
        match &self.shape {
            Shape::Mapping(_, pairs) => pairs,
            Shape::Empty | Shape::Scalar | Shape::Alias | Shape::Other => &[],
        }
    }
}

/// The first step from a block to one inside it.
fn unit(text: &str, spot: &Spot) -> Option<usize> {
    let column = |at: usize| at - text[..at].rfind('\n').map_or(0, |before| before + 1);
    spot.pairs()
        .iter()
        .find_map(|pair| match &pair.value.shape {
            Shape::Mapping(Style::Block, below) => {
                let step = column(below.first()?.at).checked_sub(column(pair.at));
                step.filter(|step| *step > 0)
                    .or_else(|| unit(text, &pair.value))
            }
            Shape::Mapping(Style::Flow, _)
            | Shape::Empty
            | Shape::Scalar
            | Shape::Alias
            | Shape::Other => None,
        })
}

struct Walk<'t> {
    text: &'t str,
    /// The parser counts characters.
    offsets: Vec<usize>,
    events: std::vec::IntoIter<(Event<'t>, Span)>,
}

impl<'t> Walk<'t> {
    /// Empty where there is nothing but comments.
    fn document(&mut self) -> Option<Spot> {
        loop {
            let (event, span) = self.events.next()?;
            match event {
                Event::Nothing | Event::StreamStart | Event::DocumentStart(_) => {}
                Event::StreamEnd | Event::DocumentEnd => {
                    return Some(Spot {
                        range: 0..0,
                        shape: Shape::Empty,
                        is_open: false,
                    });
                }
                Event::Alias(_)
                | Event::Scalar(..)
                | Event::SequenceStart(..)
                | Event::SequenceEnd
                | Event::MappingStart(..)
                | Event::MappingEnd => return self.spot(event, span, 0),
            }
        }
    }

    fn range(&self, span: Span) -> Option<Range<usize>> {
        Some(*self.offsets.get(span.start.index())?..*self.offsets.get(span.end.index())?)
    }

    /// The value that begins with `event`; where nothing is written it stands at `nowhere`.
    fn spot(&mut self, event: Event<'t>, span: Span, nowhere: usize) -> Option<Spot> {
        let range = self.range(span)?;
        match event {
            Event::Alias(_) => {
                let is_end = |c: char| c.is_whitespace() || ",[]{}".contains(c);
                let length = self.text[range.clone()].find(is_end).unwrap_or(range.len());
                Some(Spot {
                    range: range.start..range.start + length,
                    shape: Shape::Alias,
                    is_open: false,
                })
            }
            Event::Scalar(text, style, anchor, tag) => {
                let has_properties = anchor != 0 || tag.is_some();
                let start = if has_properties {
                    self.behind_properties(range.clone())
                } else {
                    range.start
                };
                let (range, shape) = match style {
                    ScalarStyle::Plain if text.is_empty() && has_properties => {
                        (range.end..range.end, Shape::Empty)
                    }
                    ScalarStyle::Plain if text.is_empty() => (nowhere..nowhere, Shape::Empty),
                    ScalarStyle::Plain => (start..range.end, Shape::Scalar),
                    // The parser counts what follows the quotes as well.
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => {
                        (start..self.behind_quotes(start)?, Shape::Scalar)
                    }
                    ScalarStyle::Literal | ScalarStyle::Folded => (range, Shape::Other),
                };
                let is_open =
                    matches!(shape, Shape::Other) && (text.ends_with("\n\n") || &*text == "\n");
                Some(Spot {
                    range,
                    shape,
                    is_open,
                })
            }
            Event::SequenceStart(..) => {
                let mut is_open = false;
                loop {
                    let (event, span) = self.events.next()?;
                    if matches!(event, Event::SequenceEnd) {
                        let end = self.range(span)?.start;
                        let end = if self.text[end..].starts_with(']') {
                            end + 1
                        } else {
                            end
                        };
                        return Some(Spot {
                            range: range.start..end,
                            shape: Shape::Other,
                            is_open,
                        });
                    }
                    is_open = self.spot(event, span, range.start)?.is_open;
                }
            }
            Event::MappingStart(..) => self.mapping(&range),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => None,
        }
    }

    fn mapping(&mut self, opened: &Range<usize>) -> Option<Spot> {
        // The parser counts what follows a brace as well.
        let start = self.behind_properties(opened.clone());
        let is_flow = start < opened.end && self.text[start..].starts_with('{');
        let mut pairs: Vec<Pair> = Vec::new();
        loop {
            let (event, span) = self.events.next()?;
            if matches!(event, Event::MappingEnd) {
                let end = self.range(span)?.start;
                let (style, end) = if is_flow {
                    (Style::Flow, end + 1)
                } else {
                    (Style::Block, end)
                };
                let is_open = !is_flow && pairs.last().is_some_and(|last| last.value.is_open);
                return Some(Spot {
                    range: start..end,
                    shape: Shape::Mapping(style, pairs),
                    is_open,
                });
            }
            let text = match &event {
                Event::Scalar(text, ..) => Some(text.to_string()),
                _ => None,
            };
            let key = self.spot(event, span, start)?;
            let colon = self.behind_colon(key.range.end);
            let (event, span) = self.events.next()?;
            let value = self.spot(event, span, colon)?;
            pairs.push(Pair {
                key: text,
                at: key.range.start,
                colon,
                value,
            });
        }
    }

    fn behind_colon(&self, at: usize) -> usize {
        let rest = &self.text[at..];
        let skipped = rest.len() - rest.trim_start().len();
        if rest[skipped..].starts_with(':') {
            at + skipped + 1
        } else {
            at
        }
    }

    /// Where the value itself starts, behind `&anchor` and `!tag`.
    fn behind_properties(&self, range: Range<usize>) -> usize {
        let mut at = range.start;
        while at < range.end {
            let rest = &self.text[at..range.end];
            let next = rest.trim_start();
            at += rest.len() - next.len();
            at += match next.as_bytes().first() {
                Some(b'&' | b'!') => next.find(char::is_whitespace).unwrap_or(next.len()),
                Some(b'#') => next.find('\n').unwrap_or(next.len()),
                Some(_) | None => break,
            };
        }
        at
    }

    fn behind_quotes(&self, start: usize) -> Option<usize> {
        let mut bytes = self.text.bytes().enumerate().skip(start).peekable();
        let (_, quote) = bytes
            .next()
            .filter(|(_, quote)| matches!(quote, b'"' | b'\''))?;
        while let Some((at, byte)) = bytes.next() {
            if byte == b'\\' && quote == b'"' {
                bytes.next();
            } else if byte == quote {
                match bytes.peek() {
                    Some((_, next)) if quote == b'\'' && *next == quote => drop(bytes.next()),
                    Some(_) | None => return Some(at + 1),
                }
            }
        }
        None
    }
}
