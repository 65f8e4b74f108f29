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
    /// The lines of each setting, with those nested below it.
    blocks: Vec<Range<usize>>,
    /// Lines that are no setting, from 1.
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

    /// What stands between the brackets.
    pub fn header(&self) -> &'a str {
        self.header.unwrap_or_default()
    }

    /// The settings that pass, as they stand in `text`, and whether all did. Comments are left out.
    pub fn lines(&self, text: &str, passes: impl Fn(&str) -> bool) -> (String, bool) {
        let (mut shown, mut all) = (String::new(), true);
        for block in &self.blocks {
            let block = &text[block.clone()];
            let key = block.split(['=', ':']).next().unwrap_or_default();
            if passes(&key.trim().to_ascii_lowercase()) {
                for line in block.split(['\n', '\r']).filter(|it| !it.trim().is_empty()) {
                    shown.extend([line.trim_end(), "\n"]);
                }
            } else {
                all = false;
            }
        }
        (shown, all)
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
                "is indented: AWS tools read it as a part of the setting above, not as the beginning of a profile"
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

fn scan(text: &[u8]) -> Vec<IniSection<'_>> {
    let mut sections: Vec<IniSection> = Vec::new();
    // How far the setting above is indented: a line that is indented further belongs to it.
    let mut setting: Option<usize> = None;
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
                blocks: Vec::new(),
                stray: Vec::new(),
                is_copy: false,
            });
            continue;
        }
        let Some(section) = sections.last_mut() else {
            continue;
        };
        if let Some(origin) = content.strip_prefix(MARK.as_bytes()) {
            section.configuration = Some(String::from_utf8_lossy(origin).into_owned());
        } else if content.starts_with(COPY.as_bytes()) {
            section.is_copy = true;
        } else if content.is_empty() || content.starts_with(b"#") || content.starts_with(b";") {
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
        let rest = &text[start..];
        let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let length = match end {
            Some(at) if rest[at..].starts_with(b"\r\n") => at + 2,
            Some(at) => at + 1,
            None => rest.len(),
        };
        let range = start..start + length;
        start = range.end;
        (!range.is_empty()).then_some(range)
    })
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
    let mut result = Vec::with_capacity(text.len() + section.len() + 2);
    let Some(first) = found.first() else {
        result.extend_from_slice(text);
        if !text.is_empty() {
            result.extend_from_slice(if text.ends_with(b"\n") {
                b"\n"
            } else {
                b"\n\n"
            });
        }
        result.extend_from_slice(section);
        return result;
    };
    result.extend_from_slice(&text[..first.range.start]);
    result.extend_from_slice(section);
    result.extend(without(
        &text[first.range.end..],
        &found[1..],
        first.range.end,
    ));
    result
}

/// Takes `found` out, each with the blank line that [`put`] set before it.
pub fn remove(text: &[u8], found: &[IniSection<'_>]) -> Vec<u8> {
    without(text, found, 0)
}

fn without(text: &[u8], found: &[IniSection<'_>], offset: usize) -> Vec<u8> {
    let mut result = Vec::with_capacity(text.len());
    let mut from = 0;
    for IniSection { range, .. } in found {
        result.extend_from_slice(&text[from..range.start - offset]);
        from = range.end - offset;
        let nothing_follows = text[from..]
            .first()
            .is_none_or(|&byte| byte == b'\n' || byte == b'\r');
        if nothing_follows && result.ends_with(b"\n\n") {
            result.pop();
        }
    }
    result.extend_from_slice(&text[from..]);
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DEV: Header<'static> = Header {
        keyword: "profile",
        name: "dev",
    };

    fn replaced(text: &str) -> String {
        let section = DEV.section("/c.yaml", &[("region", "eu-west-1")]);
        String::from_utf8(put(text.as_bytes(), &find(text.as_bytes(), DEV), &section))
            .expect("text")
    }

    #[test]
    fn only_the_section_itself_is_replaced() {
        let text = "# mine\n[default]\nregion=x\n\n[profile dev]\nregion = old\ns3 =\n  a = b\n\n; of other\n[profile other]\r\nkey=1\r\n# end";
        insta::assert_snapshot!(replaced(text).replace('\r', "␍"), @r"
        # mine
        [default]
        region=x

        [profile dev]
        # Written by Keyfob from /c.yaml
        region = eu-west-1

        ; of other
        [profile other]␍
        key=1␍
        # end
        ");
    }

    #[test]
    fn headers_are_read_as_aws_tools_read_them() {
        for line in [
            "[profile dev]",
            "[ profile   dev ]",
            "[profile \"dev\"]",
            "[profile DEV] # c",
            "[profile\tdev]",
        ] {
            assert_eq!(find(line.as_bytes(), DEV).len(), 1, "{line}");
        }
        for line in [
            "[dev]",
            "[profiledev]",
            "[profile dev2]",
            "[profile dev",
            "[sso-session dev]",
            "[default]",
        ] {
            assert!(find(line.as_bytes(), DEV).is_empty(), "{line}");
        }
        let header = Header {
            keyword: "",
            name: "dev",
        };
        assert_eq!(find(b"[dev]", header).len(), 1);
    }

    #[test]
    fn a_section_written_twice_by_somebody_is_there_once_afterwards() {
        let text = "[profile dev]\na=1\n[profile x]\nb=2\n[profile dev]\nc=3\n";
        assert_eq!(
            replaced(text),
            "[profile dev]\n# Written by Keyfob from /c.yaml\nregion = eu-west-1\n[profile x]\nb=2\n"
        );
    }

    fn read(text: &str) -> String {
        let of = "the file";
        let sections = match sections(text, &of) {
            Ok(sections) => sections,
            Err(error) => return error.message,
        };
        let line = |it: &IniSection| {
            let settings: Vec<_> = it
                .settings
                .iter()
                .map(|(key, value)| format!("{key}={}", value.as_str()))
                .collect();
            format!("{} {:?} {}", it.line, it.header, settings.join("|"))
        };
        sections.iter().map(line).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn settings_are_read_as_botocore_reads_them() {
        for (text, right) in [
            (
                "[a]\n  Key = v\n\tKEY2:w=x",
                r#"1 Some("a") key=v|key2=w=x"#,
            ),
            (
                "\u{feff}[a]\rk=v\r\n[b]",
                r#"1 Some("a") k=v; 3 Some("b") "#,
            ),
            (
                "[a]\ns3 =\n  k = no\n\n  # x\n  l = no\nm = 1\n   2\n",
                r#"1 Some("a") s3=|m=1"#,
            ),
            ("k=v\n  [a]\n  k = v", r#"2 Some("a") k=v"#),
            ("[a]\nno delimiter\n;k=v", r#"1 Some("a") "#),
        ] {
            assert_eq!(read(text).replace("\n2", ""), right, "{text:?}");
        }
        for (text, line) in [("[a]\nk=v\n  [b]", 3), ("[a", 1), ("\n[ ]", 2), ("[]x", 1)] {
            let error = read(text);
            assert!(
                error.contains(&format!("line {line} of the file")),
                "{error}"
            );
        }
    }

    #[test]
    fn an_indented_section_of_someone_else_is_not_taken_along() {
        let text = "[profile dev]\na=1\n  [profile x]\n  b=2\n";
        let found = find(text.as_bytes(), DEV);
        assert_eq!(remove(text.as_bytes(), &found), b"  [profile x]\n  b=2\n");
    }

    proptest! {
        #[test]
        fn putting_and_removing_a_section_gives_back_every_other_byte(text in "([a-z =]{0,9}|\\[[a-z ]{0,9}\\]|#é{0,3}|\r)(\n([a-z =]{0,9}|\\[[a-z ]{0,9}\\]|#é{0,3}|\r)){0,12}\n") {
            prop_assume!(find(text.as_bytes(), DEV).is_empty());
            let section = DEV.section("/c.yaml", &[("region", "x")]);
            let with = put(text.as_bytes(), &[], &section);
            prop_assert!(with.starts_with(text.as_bytes()));
            let found = find(&with, DEV);
            prop_assert_eq!(found[0].configuration.as_deref(), Some("/c.yaml"));
            prop_assert_eq!(remove(&with, &found), text.as_bytes());
        }

        #[test]
        fn no_file_makes_it_panic(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            let found = find(&text, DEV);
            let with = put(&text, &found, b"[profile dev]\nregion = x\n");
            prop_assert_eq!(find(&with, DEV).len(), 1);
        }
    }
}
