//! The INI files of AWS tools as sections of keys and values. What a key means is decided
//! by the caller.

/// `[name]` and what stands below it.
pub(crate) struct IniSection<'a> {
    /// What stands between the brackets.
    pub header: &'a str,
    pub pairs: Vec<(&'a str, &'a str)>,
}

impl<'a> IniSection<'a> {
    /// The profile's name, as either file has it: `[profile dev]` or `[dev]`.
    pub fn name(&self) -> &'a str {
        let name = self
            .keyword_and_name()
            .map_or(self.header, |(_, name)| name);
        name.trim_matches(['"', '\''])
    }

    /// Whether it says that it is a profile.
    pub fn is_called_profile(&self) -> bool {
        self.keyword_and_name().is_some()
    }

    /// The last one of that name, as AWS tools take it.
    pub fn value(&self, key: &str) -> Option<&'a str> {
        self.pairs
            .iter()
            .rev()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| *value)
    }

    fn keyword_and_name(&self) -> Option<(&'a str, &'a str)> {
        let (keyword, name) = self.header.split_once(char::is_whitespace)?;
        (keyword == "profile").then_some((keyword, name.trim()))
    }
}

/// Indented lines belong to a nested setting, such as `s3 =`, and hold no keys.
pub(crate) fn sections(text: &str) -> Vec<IniSection<'_>> {
    let mut sections: Vec<IniSection> = Vec::new();
    for line in text
        .lines()
        .filter(|line| !line.starts_with([' ', '\t', '#', ';']))
    {
        if let Some(header) = line
            .trim()
            .strip_prefix('[')
            .and_then(|rest| rest.split(']').next())
        {
            sections.push(IniSection {
                header: header.trim(),
                pairs: Vec::new(),
            });
        } else if let (Some(section), Some((key, value))) =
            (sections.last_mut(), line.split_once('='))
        {
            section.pairs.push((key.trim(), value.trim()));
        }
    }
    sections
}
