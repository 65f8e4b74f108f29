//! The INI files of AWS tools: their sections read as botocore reads them (Python's
//! `configparser`), and one section put and removed. Pure, on bytes: everything outside the section
//! stays as it is, whatever its encoding and line ends.

use crate::error::{Code, Error, Result};
use std::fmt;
use std::ops::Range;
use zeroize::Zeroizing;

/// Ours says where it came from, in a comment of this form.
const MARK: &str = "# Written by Keyfob from ";
/// The user's own section in a file that stands in for theirs.
pub const COPY: &str = "# Copied by Keyfob";
/// Behind ours in a file of the user's. Without `:` and `=`, which the AWS CLI would take for a
/// setting when it adds one.
pub const END: &str = "# End of what Keyfob wrote";

/// `[profile dev]` in a `config` file, `[dev]` in a `credentials` file.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// `profile`, or nothing.
    pub keyword: &'static str,
    pub name: &'a str,
}

impl Header<'_> {
    /// The whole section. The caller makes sure that no value holds a line end.
    pub fn section(&self, configuration: &str, settings: &[(&str, &str)]) -> Vec<u8> {
        let space = if self.keyword.is_empty() { "" } else { " " };
        let mut text = format!(
            "[{}{space}{}]\n{MARK}{configuration}\n",
            self.keyword, self.name
        );
        for (key, value) in settings {
            text.extend([key, " = ", value, "\n"]);
        }
        text.into_bytes()
    }
}

/// `[name]` and what stands below it. Blank lines and comments before the next section belong to
/// that one.
pub struct IniSection<'a> {
    /// Between the brackets; `None` where they hold nothing or are not closed.
    header: Option<&'a str>,
    /// The header is indented below a setting, so AWS tools read it as a part of that one's value.
    misplaced: bool,
    /// Of the header, from 1.
    pub line: usize,
    range: Range<usize>,
    /// The configuration that a section of ours came from.
    pub configuration: Option<String>,
    /// In order, keys in lower case. A value may be a secret; it holds line ends where it goes on
    /// in indented lines. Nested settings (`s3 =`) are left out.
    pub settings: Settings,
    /// The line of each of them, from 1.
    setting_lines: Vec<usize>,
    /// The lines of each setting, with those nested below it.
    blocks: Vec<Range<usize>>,
    /// The lines that name its owner.
    marks: Vec<Range<usize>>,
    /// Lines that are no setting of a section, from 1; the first section has those above it.
    pub stray: Vec<usize>,
    is_copy: bool,
}

/// Keys and values.
pub type Settings = Vec<(String, Zeroizing<String>)>;

impl fmt::Debug for IniSection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IniSection")
            .field("header", &self.header)
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}

impl<'a> IniSection<'a> {
    /// Where the header has `keyword` before it.
    pub fn name(&self, keyword: &str) -> Option<&'a str> {
        let rest = self.header?.trim().strip_prefix(keyword)?;
        let name = rest.trim_matches(|c: char| c.is_whitespace() || c == '"' || c == '\'');
        (keyword.is_empty() || rest.len() > rest.trim_start().len()).then_some(name)
    }

    /// The profile that it is in a `config` file, which names them with the word `profile`;
    /// `default` may go without.
    pub fn profile(&self) -> Option<&'a str> {
        let bare = self.name("").filter(|name| *name == "default");
        self.name("profile").or(bare).filter(|it| !it.is_empty())
    }

    /// Settings that stand above another one of the same name, with the lines of both.
    pub fn repeated(&self) -> impl Iterator<Item = (&str, [usize; 2])> {
        let all = || self.settings.iter().zip(&self.setting_lines);
        let again = move |at: usize, key: &str| all().skip(at + 1).find(|((it, _), _)| it == key);
        all().enumerate().filter_map(move |(at, ((key, _), line))| {
            let (_, later) = again(at, key)?;
            Some((key.as_str(), [*line, *later]))
        })
    }

    /// What stands between the brackets.
    pub fn header(&self) -> &'a str {
        self.header.unwrap_or_default()
    }

    /// The settings that pass, as they stand in `text`, and whether all did. Comments are left out.
    pub fn lines(&self, text: &str, passes: impl Fn(&str) -> bool) -> (String, bool) {
        let (mut shown, mut all) = (String::new(), true);
        for block in &self.blocks {
            let block = &text[block.clone()];
            if passes(&key(block.as_bytes())) {
                for line in block.split(['\n', '\r']).filter(|it| !it.trim().is_empty()) {
                    shown.extend([line.trim_end(), "\n"]);
                }
            } else {
                all = false;
            }
        }
        (shown, all)
    }

    /// The bytes of the whole section.
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// The line of its header.
    pub fn first_line<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        let section = &text[self.range.clone()];
        &section[..first_line(section)]
    }

    /// Its bytes without the header, our marks and the settings of these names: what others added.
    pub fn added(&self, text: &[u8], ours: &[&str]) -> Vec<u8> {
        let is_ours = |it: &&Range<usize>| ours.contains(&key(&text[(*it).clone()]).as_str());
        let mut left_out: Vec<_> = self.blocks.iter().filter(is_ours).collect();
        left_out.extend(&self.marks);
        left_out.sort_by_key(|it| it.start);
        let mut added = Vec::new();
        let mut from = self.range.start + self.first_line(text).len();
        for range in left_out {
            added.extend_from_slice(&text[from..range.start]);
            from = range.end;
        }
        added.extend_from_slice(&text[from..self.range.end]);
        added
    }

    fn is_of(&self, header: Header<'_>) -> bool {
        self.name(header.keyword)
            .is_some_and(|name| name.eq_ignore_ascii_case(header.name))
    }

    fn take_setting(&mut self, text: &[u8], line: usize) {
        let text = String::from_utf8_lossy(text);
        if let Some((key, value)) = text.split_once(['=', ':']) {
            let value = Zeroizing::new(value.trim().to_owned());
            self.settings.push((key.trim().to_ascii_lowercase(), value));
            self.setting_lines.push(line);
        } else {
            self.stray.push(line);
        }
    }

    fn go_on(&mut self, line: &[u8]) {
        let Some((_, value)) = self.settings.last_mut() else {
            return;
        };
        if !value.is_empty() {
            let line = Zeroizing::new(String::from_utf8_lossy(line).into_owned());
            *value = Zeroizing::new(format!("{}\n{}", value.as_str(), line.as_str()));
        }
    }
}

/// Every section of `text`; `of` names it in errors.
///
/// # Errors
/// [`Code::InvalidInput`]: a line is meant as a header, and AWS tools do not read it as one.
pub fn sections<'a>(text: &'a str, of: &dyn fmt::Display) -> Result<Vec<IniSection<'a>>> {
    let sections = scan(text.as_bytes());
    for section in &sections {
        let why = match section {
            IniSection { header: None, .. } => "begins a section, but has no name in [ ]",
            IniSection {
                misplaced: true, ..
            } => {
                "is indented: AWS tools read it as a part of the setting above, not as the \
                 beginning of a profile"
            }
            _ => continue,
        };
        let message = format!("line {} of {of} {why}", section.line);
        return Err(Error::new(Code::InvalidInput, message)
            .hint("write [ at the beginning of the line, and ] behind the name"));
    }
    Ok(sections)
}

/// The sections of that header, usually one or none.
pub fn find<'a>(text: &'a [u8], header: Header<'_>) -> Vec<IniSection<'a>> {
    let mut sections = scan(text);
    sections.retain(|section| section.is_of(header));
    sections
}

/// In lower case.
fn key(setting: &[u8]) -> String {
    let name = setting.split(|byte| matches!(byte, b'=' | b':')).next();
    let name = String::from_utf8_lossy(name.unwrap_or_default());
    name.trim().to_ascii_lowercase()
}

/// Every section, also those that AWS tools would not read.
pub fn scan(text: &[u8]) -> Vec<IniSection<'_>> {
    let mut sections: Vec<IniSection> = Vec::new();
    // How far the setting above is indented: a line that is indented further belongs to it.
    let mut setting: Option<usize> = None;
    let mut above = Vec::new();
    for (line, range) in (1..).zip(lines(text)) {
        let whole = text[range.clone()].trim_ascii_end();
        let content = whole.trim_ascii_start();
        let indent = whole.len() - content.len();
        let goes_on = setting.is_some_and(|above| indent > above);
        if content.starts_with(b"[") {
            setting = None;
            sections.push(IniSection {
                header: between_brackets(content),
                misplaced: goes_on,
                line,
                range,
                configuration: None,
                settings: Vec::new(),
                setting_lines: Vec::new(),
                blocks: Vec::new(),
                marks: Vec::new(),
                stray: std::mem::take(&mut above),
                is_copy: false,
            });
            continue;
        }
        let is_remark =
            content.is_empty() || content.starts_with(b"#") || content.starts_with(b";");
        let Some(section) = sections.last_mut() else {
            above.extend((!is_remark).then_some(line));
            continue;
        };
        if let Some(origin) = content.strip_prefix(MARK.as_bytes()) {
            section.configuration = Some(String::from_utf8_lossy(origin).into_owned());
            section.marks.push(range.clone());
        } else if content == END.as_bytes() {
            section.marks.push(range.clone());
        } else if content.starts_with(COPY.as_bytes()) {
            section.is_copy = true;
        } else if is_remark {
            continue;
        } else if goes_on {
            section.go_on(content);
            if let Some(block) = section.blocks.last_mut() {
                block.end = range.end;
            }
        } else {
            setting = Some(indent);
            section.take_setting(content, line);
            section.blocks.push(range.clone());
        }
        section.range.end = range.end;
    }
    sections
}

/// Up to a line end of any system, and with it; without a byte order mark.
fn lines(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut start = if text.starts_with(b"\xef\xbb\xbf") {
        3
    } else {
        0
    };
    std::iter::from_fn(move || {
        let range = start..start + first_line(&text[start..]);
        start = range.end;
        (!range.is_empty()).then_some(range)
    })
}

/// Its length with its line end.
fn first_line(text: &[u8]) -> usize {
    let end = text.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
    end.map_or(text.len(), |at| at + line_end(&text[at..]))
}

/// The length of the line end that `text` begins with, or 0.
fn line_end(text: &[u8]) -> usize {
    match text {
        [b'\r', b'\n', ..] => 2,
        [b'\r' | b'\n', ..] => 1,
        _ => 0,
    }
}

/// The length of the line end that `text` ends with, or 0.
fn last_line_end(text: &[u8]) -> usize {
    match text {
        [.., b'\r', b'\n'] => 2,
        [.., b'\r' | b'\n'] => 1,
        _ => 0,
    }
}

/// Lines of ours with the line ends of `text`.
pub fn as_in(text: &[u8], lines: &[u8]) -> Vec<u8> {
    let first = &text[..first_line(text)];
    let end = match &first[first.len() - last_line_end(first)..] {
        [] => b"\n",
        end => end,
    };
    let lines = lines.split_inclusive(|byte| *byte == b'\n');
    let spelled = lines.flat_map(|line| match line.strip_suffix(b"\n") {
        Some(line) => [line, end],
        None => [line, b""],
    });
    spelled.flatten().copied().collect()
}

fn between_brackets(line: &[u8]) -> Option<&str> {
    let (inner, _) = std::str::from_utf8(line)
        .ok()?
        .strip_prefix('[')?
        .split_once(']')?;
    Some(inner.trim()).filter(|inner| !inner.is_empty())
}

/// The sections of `configuration`, and another configuration that has one; sections that Keyfob
/// did not write are in neither.
pub fn owned<'a>(
    found: Vec<IniSection<'a>>,
    configuration: &str,
) -> (Vec<IniSection<'a>>, Option<String>) {
    let (ours, others): (Vec<_>, Vec<_>) = found
        .into_iter()
        .partition(|section| section.configuration.as_deref() == Some(configuration));
    let other = others.into_iter().find_map(|section| section.configuration);
    (ours, other)
}

/// Without the user's own sections that were copied there.
pub fn without_copies(text: &[u8]) -> Vec<u8> {
    let mut copies = scan(text);
    copies.retain(|section| section.is_copy);
    remove(text, &copies)
}

/// The names of the sections that any configuration wrote.
pub fn written(text: &[u8], keyword: &str) -> Vec<String> {
    let sections = scan(text);
    let ours = sections.iter().filter(|it| it.configuration.is_some());
    let names = ours.filter_map(|section| section.name(keyword));
    names.map(str::to_owned).collect()
}

/// The names of the sections that came from `configuration`, in the spelling of their headers.
pub fn written_by(text: &[u8], keyword: &str, configuration: &str) -> Vec<String> {
    let (ours, _) = owned(scan(text), configuration);
    let names = ours.iter().filter_map(|section| section.name(keyword));
    names.map(str::to_owned).collect()
}

/// Puts `section` where the first of `found` is, or at the end; the rest of `found` goes.
pub fn put(text: &[u8], found: &[IniSection<'_>], section: &[u8]) -> Vec<u8> {
    let section = as_in(text, section);
    let mut result = text.to_vec();
    match found {
        [] => append(&mut result, section),
        [first, rest @ ..] => {
            for it in rest.iter().rev() {
                cut(&mut result, it.range());
            }
            replace(&mut result, first.range(), section);
        }
    }
    result
}

/// Takes `found` out, each with the line end that [`append`] set before it.
pub fn remove(text: &[u8], found: &[IniSection<'_>]) -> Vec<u8> {
    let mut result = text.to_vec();
    for it in found.iter().rev() {
        cut(&mut result, it.range());
    }
    result
}

/// At the end, behind a blank line. A text whose last line has no end still has none afterwards.
pub fn append(text: &mut Vec<u8>, mut section: Vec<u8>) {
    if !text.is_empty() && last_line_end(text) == 0 {
        section.truncate(section.len() - last_line_end(&section));
    }
    if !text.is_empty() {
        text.extend(as_in(text, b"\n"));
    }
    text.extend(section);
}

pub fn replace(text: &mut Vec<u8>, range: Range<usize>, mut section: Vec<u8>) {
    if last_line_end(&text[range.clone()]) == 0 {
        section.truncate(section.len() - last_line_end(&section));
    }
    text.splice(range, section);
}

/// Takes a section out. Several of one text are taken out from the last to the first: the line end
/// of one may have been set for the next.
pub fn cut(text: &mut Vec<u8>, mut range: Range<usize>) {
    range.end = range.end.min(text.len());
    let (before, after) = (&text[..range.start], &text[range.end..]);
    let end_before = last_line_end(before);
    let line_before = &before[..before.len() - end_before];
    let is_blank_before = line_before.is_empty() || last_line_end(line_before) > 0;
    let nothing_follows = after.is_empty() || line_end(after) > 0;
    if last_line_end(&text[range.clone()]) == 0 || is_blank_before && nothing_follows {
        range.start -= end_before;
    }
    text.drain(range);
}

#[cfg(test)]
#[path = "tests/ini.rs"]
mod tests;
