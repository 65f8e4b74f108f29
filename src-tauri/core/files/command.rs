//! Command lines of a configuration: that of a `credential_process`, written and read, and those of
//! other programs.

use crate::error::{Code, Error, Result};
use std::iter::repeat_n;
use std::path::{Path, PathBuf};

/// `fob`, for the identities of a configuration.
#[derive(Clone, Debug)]
pub struct FobCommand {
    /// Its absolute path.
    pub program: PathBuf,
    /// The absolute path.
    pub configuration: String,
}

impl FobCommand {
    /// The identity may be any text: what is no identity gets an error that lists those there are.
    pub fn credential_process(&self, identity: &str) -> Result<String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._@+/-".contains(c);
        let identity = if !identity.starts_with('-') && identity.chars().all(plain) {
            identity.to_owned()
        } else {
            quote(identity, HERE)?
        };
        let program = quote(&self.program.to_string_lossy(), HERE)?;
        let configuration = quote(&self.configuration, HERE)?;
        Ok(format!(
            "{program} --config {configuration} credential-process {identity}"
        ))
    }
}

/// The program of such a line.
pub fn program_of(line: &str) -> Option<PathBuf> {
    match line.strip_prefix('"') {
        Some(rest) => rest.split('"').next().map(PathBuf::from),
        None => words_of(line).ok()?.first().map(PathBuf::from),
    }
}

/// The words of a command that is started without a shell; the error says what is wrong with it.
pub fn words_of(line: &str) -> std::result::Result<Vec<String>, String> {
    match HERE {
        Quoting::Posix => shell_words::split(line).map_err(|error| error.to_string()),
        Quoting::Windows => windows_words(line),
    }
}

/// As programs of Windows read their own: a backslash is one, but before a quotation mark.
fn windows_words(line: &str) -> std::result::Result<Vec<String>, String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), None::<String>, false);
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        if c.is_ascii_whitespace() && !quoted {
            words.extend(word.take());
            continue;
        }
        let word = word.get_or_insert_default();
        match c {
            '\\' => {
                let more = std::iter::from_fn(|| rest.next_if_eq(&'\\')).count();
                let count = more + 1;
                let escapes = rest.peek() == Some(&'"');
                word.extend(repeat_n('\\', if escapes { count / 2 } else { count }));
                if escapes && count % 2 == 1 {
                    word.extend(rest.next());
                }
            }
            '"' if quoted && rest.next_if_eq(&'"').is_some() => word.push('"'),
            '"' => quoted = !quoted,
            c => word.push(c),
        }
    }
    words.extend(word);
    if quoted {
        Err("a quotation mark is not closed".to_owned())
    } else {
        Ok(words)
    }
}

/// Whether a program that is named by its path is not there.
pub fn is_gone(program: &Path) -> bool {
    program.is_absolute() && !program.exists()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quoting {
    Posix,
    Windows,
}

const HERE: Quoting = if cfg!(windows) {
    Quoting::Windows
} else {
    Quoting::Posix
};

/// One word of a `credential_process`. Some AWS tools hand the line to a shell and some split it
/// themselves, so on Unix only what `sh` and Python's `shlex` read alike is used: they differ on
/// `\$` within double quotes.
pub(crate) fn quote(word: &str, reader: Quoting) -> Result<String> {
    if word.contains(|c: char| c.is_control()) {
        return Err(refused(
            word,
            "holds a control character, which no AWS tool could read back",
        ));
    }
    match reader {
        Quoting::Posix if !word.contains(['"', '$', '`', '\\', '!']) => Ok(format!("\"{word}\"")),
        Quoting::Posix => Ok(format!("'{}'", word.replace('\'', "'\"'\"'"))),
        Quoting::Windows if word.contains('"') => Err(refused(word, "holds a quotation mark")),
        Quoting::Windows => Ok(format!("\"{word}\"")),
    }
}

fn refused(what: &str, why: &str) -> Error {
    Error::new(
        Code::InvalidInput,
        format!("`{}` {why}", crate::error::shorten(what)),
    )
    .hint("move or rename it, then sign in again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_reads_paths_in_commands_as_they_are_written() {
        for (line, words) in [
            (
                r"C:\bin\creds.exe --json",
                &[r"C:\bin\creds.exe", "--json"][..],
            ),
            (
                r#""C:\Program Files\x\y.exe"  a"#,
                &[r"C:\Program Files\x\y.exe", "a"],
            ),
            (r#""\\host\share\\" 'b c'"#, &[r"\\host\share\", "'b", "c'"]),
            (
                r#"say \"hi\" "a ""b"" c" """#,
                &["say", "\"hi\"", "a \"b\" c", ""],
            ),
            (" ", &[]),
        ] {
            assert_eq!(windows_words(line).expect("closed"), words, "{line}");
        }
        assert!(windows_words("\"C:\\open").is_err());
        let here = std::env::current_exe().expect("it runs");
        let line = quote(&here.to_string_lossy(), HERE).expect("quotable");
        assert_eq!(
            words_of(&line),
            Ok(vec![here.to_string_lossy().into_owned()])
        );
    }

    #[test]
    fn a_program_that_is_gone_is_read_back_however_it_was_quoted() {
        let line = |program: &str| {
            let fob = FobCommand {
                program: program.into(),
                configuration: "/home/kim/config.yaml".to_owned(),
            };
            fob.credential_process("dev").expect("quotable")
        };
        let root = if cfg!(windows) { "C:" } else { "" };
        for program in ["/no such/fob", "/no $such/fob", "/no'such/fob"] {
            let program = format!("{root}{program}");
            let line = line(&program);
            let read = program_of(&line).filter(|it| is_gone(it));
            assert_eq!(read.as_deref(), Some(Path::new(&program)), "{line}");
        }
        let here = std::env::current_exe().expect("it runs");
        for there in [
            line(&here.to_string_lossy()),
            "fob credential-process dev".to_owned(),
        ] {
            assert!(!is_gone(&program_of(&there).expect("a program")), "{there}");
        }
    }
}
