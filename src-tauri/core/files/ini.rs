//! One section of an AWS file, found, put and removed. Pure, on bytes: everything outside the
//! section stays as it is, whatever its encoding and line ends.

use std::ops::Range;

/// Ours says where it came from, in a comment of this form.
const MARK: &str = "# Written by Keyfob from ";

/// `[profile dev]` in a `config` file, `[dev]` in a `credentials` file.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// `profile`, or nothing.
    pub keyword: &'static str,
    pub name: &'a str,
}

impl Header<'_> {
    fn matches(&self, line: &[u8]) -> bool {
        let Some(inner) = std::str::from_utf8(line)
            .ok()
            .and_then(|line| line.strip_prefix('['))
        else {
            return false;
        };
        let Some((inner, _)) = inner.split_once(']') else {
            return false;
        };
        let Some(rest) = inner.trim().strip_prefix(self.keyword) else {
            return false;
        };
        let name = rest.trim_matches(|c: char| c.is_whitespace() || c == '"' || c == '\'');
        (self.keyword.is_empty() || rest.len() > rest.trim_start().len())
            && name.eq_ignore_ascii_case(self.name)
    }

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

/// A section of that header: what it takes up, and the configuration that its comment names.
#[derive(Debug, PartialEq, Eq)]
pub struct IniSection {
    range: Range<usize>,
    pub configuration: Option<String>,
}

/// Usually one or none. Blank lines and comments before the next section belong to that one.
pub fn find(text: &[u8], header: Header<'_>) -> Vec<IniSection> {
    let mut found: Vec<IniSection> = Vec::new();
    let mut inside = false;
    let mut start = 0;
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        let (from, to) = (start, start + line.len());
        start = to;
        let line = line.trim_ascii();
        if line.starts_with(b"[") {
            inside = header.matches(line);
            if inside {
                found.push(IniSection {
                    range: from..to,
                    configuration: None,
                });
            }
            continue;
        }
        let Some(section) = found.last_mut().filter(|_| inside) else {
            continue;
        };
        let origin = line.strip_prefix(MARK.as_bytes());
        if let Some(origin) = origin {
            section.configuration = Some(String::from_utf8_lossy(origin).into_owned());
        }
        if origin.is_some()
            || !(line.is_empty() || line.starts_with(b"#") || line.starts_with(b";"))
        {
            section.range.end = to;
        }
    }
    found
}

/// The sections of `configuration`, and another configuration that has one; sections that Keyfob
/// did not write are in neither.
pub fn owned(found: Vec<IniSection>, configuration: &str) -> (Vec<IniSection>, Option<String>) {
    let (ours, others): (Vec<_>, Vec<_>) = found
        .into_iter()
        .partition(|section| section.configuration.as_deref() == Some(configuration));
    let other = others.into_iter().find_map(|section| section.configuration);
    (ours, other)
}

/// The names of the sections that came from `configuration`, in the spelling of their headers.
pub fn written_by(text: &[u8], keyword: &str, configuration: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut name = None;
    for line in text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii) {
        if let Some(header) = line.strip_prefix(b"[") {
            let inner = std::str::from_utf8(header)
                .ok()
                .and_then(|header| header.split_once(']'));
            name = inner
                .and_then(|(inner, _)| inner.trim().strip_prefix(keyword))
                .map(|name| name.trim().to_owned());
        } else if line.strip_prefix(MARK.as_bytes()) == Some(configuration.as_bytes()) {
            names.extend(name.take());
        }
    }
    names
}

/// Puts `section` where the first of `found` is, or at the end; the rest of `found` goes.
pub fn put(text: &[u8], found: &[IniSection], section: &[u8]) -> Vec<u8> {
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
pub fn remove(text: &[u8], found: &[IniSection]) -> Vec<u8> {
    without(text, found, 0)
}

fn without(text: &[u8], found: &[IniSection], offset: usize) -> Vec<u8> {
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
            assert!(DEV.matches(line.as_bytes()), "{line}");
        }
        for line in [
            "[dev]",
            "[profiledev]",
            "[profile dev2]",
            "[profile dev",
            "[sso-session dev]",
            "[default]",
        ] {
            assert!(!DEV.matches(line.as_bytes()), "{line}");
        }
        assert!(
            Header {
                keyword: "",
                name: "dev"
            }
            .matches(b"[dev]")
        );
    }

    #[test]
    fn a_section_written_twice_by_somebody_is_there_once_afterwards() {
        let text = "[profile dev]\na=1\n[profile x]\nb=2\n[profile dev]\nc=3\n";
        assert_eq!(
            replaced(text),
            "[profile dev]\n# Written by Keyfob from /c.yaml\nregion = eu-west-1\n[profile x]\nb=2\n"
        );
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
