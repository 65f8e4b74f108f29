//! Variables for shells, files and pipelines, each quoted as its reader unquotes. A value that a
//! format cannot carry is an error that names the variable, never a value that arrives changed.

use crate::args::VariablesFormat;
use keyfob_core::agent::api::{Variable, Variables};
use keyfob_core::error::{Code, Error, Result};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use zeroize::Zeroizing;

/// What the variables live on, for the comment at the head of a file.
#[derive(Clone, Copy, Debug)]
pub struct Lifetime<'a> {
    pub identity: &'a str,
    /// As people read it; `None` for a profile, which outlives the session it was written with.
    pub until: Option<&'a str>,
}

/// The text to print or write; with a comment on top where the format has comments and `lifetime`
/// is given.
pub fn variables(
    format: VariablesFormat,
    variables: &Variables,
    lifetime: Option<Lifetime>,
) -> Result<Zeroizing<String>> {
    let Some(syntax) = Syntax::of(format) else {
        return Ok(json(variables));
    };
    let mut text = Zeroizing::new(String::new());
    if let (Some(prefix), Some(lifetime)) = (syntax.comment, lifetime) {
        let _ = writeln!(text, "{prefix} {}", comment(lifetime));
    }
    if let Some((before, after)) = syntax.unset {
        for name in &variables.remove {
            let _ = writeln!(text, "{before}{name}{after}");
        }
    }
    for Variable { name, value } in &variables.set {
        let line = (syntax.set)(name, value.expose())
            .map(Zeroizing::new)
            .map_err(|what| {
                Error::new(
                    Code::InvalidInput,
                    format!(
                        "the value of {name} contains {what}, which this format cannot \
                        express"
                    ),
                )
                .hint(
                    "use another `--format`; bash, fish, powershell and json can express \
                    everything",
                )
            })?;
        let _ = writeln!(text, "{}", *line);
    }
    Ok(text)
}

/// What GitHub's runner shall not show in logs. It reads these lines from the step's output, not
/// from the file.
pub fn masks(variables: &Variables) -> Zeroizing<String> {
    const SECRETS: [&str; 4] = [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_SECURITY_TOKEN",
    ];
    let mut text = Zeroizing::new(String::new());
    for variable in variables
        .set
        .iter()
        .filter(|it| SECRETS.contains(&it.name.as_str()))
    {
        let value = variable
            .value
            .expose()
            .replace('%', "%25")
            .replace('\r', "%0D")
            .replace('\n', "%0A");
        let _ = writeln!(text, "::add-mask::{}", *Zeroizing::new(value));
    }
    text
}

/// How a format that goes line by line says things.
struct Syntax {
    comment: Option<&'static str>,
    /// What stands before and after the name. Files of name and value have no way to take a
    /// variable away.
    unset: Option<(&'static str, &'static str)>,
    /// From name and value; the error says what in the value cannot be carried.
    set: fn(&str, &str) -> Result<String, &'static str>,
}

impl Syntax {
    fn of(format: VariablesFormat) -> Option<Syntax> {
        match format {
            VariablesFormat::Bash => Some(Syntax {
                comment: Some("#"),
                unset: Some(("unset ", "")),
                set: |name, value| Ok(bash(name, value)),
            }),
            VariablesFormat::Fish => Some(Syntax {
                comment: Some("#"),
                unset: Some(("set -e ", "")),
                set: |name, value| Ok(fish(name, value)),
            }),
            VariablesFormat::PowerShell => Some(Syntax {
                comment: Some("#"),
                unset: Some(("Remove-Item Env:", " -ErrorAction SilentlyContinue")),
                set: |name, value| Ok(powershell(name, value)),
            }),
            // `@`: a batch file would show its lines, and with them the secrets.
            VariablesFormat::Cmd => Some(Syntax {
                comment: Some("@rem"),
                unset: Some(("@set \"", "=\"")),
                set: cmd,
            }),
            VariablesFormat::Dotenv => Some(Syntax {
                comment: Some("#"),
                unset: None,
                set: dotenv,
            }),
            VariablesFormat::Github => Some(Syntax {
                comment: None,
                unset: None,
                set: |name, value| Ok(github(name, value)),
            }),
            VariablesFormat::Json => None,
        }
    }
}

fn json(variables: &Variables) -> Zeroizing<String> {
    let map: BTreeMap<&str, &str> = variables
        .set
        .iter()
        .map(|it| (it.name.as_str(), it.value.expose()))
        .collect();
    let mut text = Zeroizing::new(
        serde_json::to_string_pretty(&map).expect("a map of text always serializes"),
    );
    text.push('\n');
    text
}

fn comment(lifetime: Lifetime) -> String {
    let Lifetime { identity, until } = lifetime;
    match until {
        Some(until) => format!("Keyfob: {identity}; these credentials expire at {until}"),
        None => format!("Keyfob: {identity}; renews itself"),
    }
}

fn bash(name: &str, value: &str) -> String {
    format!("export {name}='{}'", value.replace('\'', r"'\''"))
}

fn fish(name: &str, value: &str) -> String {
    format!(
        "set -gx {name} '{}'",
        value.replace('\\', r"\\").replace('\'', r"\'")
    )
}

/// PowerShell takes typographic quotes for quotes too.
fn powershell(name: &str, value: &str) -> String {
    let mut quoted = String::new();
    for c in value.chars() {
        if matches!(c, '\'' | '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}') {
            quoted.push(c);
        }
        quoted.push(c);
    }
    format!("$Env:{name} = '{quoted}'")
}

/// Meant for a batch file, where `%%` is a percent sign. A quote would end the quoting for what
/// follows.
fn cmd(name: &str, value: &str) -> Result<String, &'static str> {
    if value.contains(['\n', '\r']) {
        Err("a line break")
    } else if value.contains('"') {
        Err("a double quote")
    } else {
        Ok(format!("@set \"{name}={}\"", value.replace('%', "%%")))
    }
}

/// Readers of `.env` files disagree about escapes: only what all of them read alike is written.
fn dotenv(name: &str, value: &str) -> Result<String, &'static str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./:@%+,=-".contains(c);
    let single_is_literal =
        !value.contains(['\'', '\n', '\r']) && !value.contains(r"\\") && !value.ends_with('\\');
    if value.chars().all(is_plain) {
        Ok(format!("{name}={value}"))
    } else if single_is_literal {
        Ok(format!("{name}='{value}'"))
    } else if value.contains(['\n', '\r']) {
        Err("a line break")
    } else if value.contains(['"', '$', '`', '\\']) {
        Err("quotes together with other special characters")
    } else {
        Ok(format!("{name}=\"{value}\""))
    }
}

fn github(name: &str, value: &str) -> String {
    if !value.contains(['\n', '\r']) {
        return format!("{name}={value}");
    }
    let mut delimiter = "KEYFOB_END".to_owned();
    while value.contains(&delimiter) {
        delimiter.push('_');
    }
    format!("{name}<<{delimiter}\n{value}\n{delimiter}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyfob_core::agent::api::Secret;
    #[cfg(unix)]
    use std::process::Command;

    const NASTY: [&str; 10] = [
        "plain",
        "two words",
        "it's",
        r#"say "hi""#,
        "$HOME `id` $(id) !x",
        r"C:\Users\kim\",
        "50% %PATH%",
        "line\nbreak",
        "‘curly’ ünï",
        "",
    ];

    fn of(value: &str) -> Variables {
        Variables {
            set: vec![Variable {
                name: "NASTY".to_owned(),
                value: Secret::new(value),
            }],
            remove: vec!["AWS_PROFILE".to_owned()],
            withheld: Vec::new(),
            expires_at: None,
        }
    }

    fn render(format: VariablesFormat, value: &str) -> Result<String> {
        variables(format, &of(value), None).map(|text| text.to_string())
    }

    #[cfg(unix)]
    #[test]
    fn every_value_arrives_in_posix_shells_as_it_was() {
        for shell in ["bash", "sh", "zsh"] {
            let run = |script: &str| {
                Command::new(shell)
                    .arg("-c")
                    .arg(script)
                    .env("AWS_PROFILE", "caller")
                    .output()
            };
            for value in NASTY {
                let script = render(VariablesFormat::Bash, value).expect("bash carries everything");
                let Ok(output) = run(&format!(
                    "{script}printf '%s|%s' \"$NASTY\" \"${{AWS_PROFILE-unset}}\""
                )) else {
                    assert_ne!(shell, "sh", "every Unix has sh");
                    break;
                };
                assert_eq!(
                    String::from_utf8_lossy(&output.stdout),
                    format!("{value}|unset"),
                    "{shell}"
                );
            }
        }
    }

    #[test]
    fn fish_powershell_and_cmd_quote_in_their_own_way() {
        let last = |format, value| {
            let text = render(format, value).expect("this format carries it");
            text.lines().last().unwrap_or_default().to_owned()
        };
        assert_eq!(
            last(VariablesFormat::Fish, r"it's $x \"),
            r"set -gx NASTY 'it\'s $x \\'"
        );
        assert_eq!(
            last(VariablesFormat::PowerShell, "it's $x ’"),
            "$Env:NASTY = 'it''s $x ’’'"
        );
        assert_eq!(
            last(VariablesFormat::Cmd, "50% a&b"),
            "@set \"NASTY=50%% a&b\""
        );
        for value in ["line\nbreak", "a\rb", "a\"&calc&\""] {
            let error = render(VariablesFormat::Cmd, value).expect_err("cmd cannot carry it");
            assert!(error.message.contains("NASTY"), "{error}");
        }
    }

    #[test]
    fn dotenv_writes_only_what_all_its_readers_read_alike() {
        let line = |value| render(VariablesFormat::Dotenv, value).map_err(|error| error.code);
        assert_eq!(line("wJalr/+=="), Ok("NASTY=wJalr/+==\n".to_owned()));
        assert_eq!(
            line("two words $x"),
            Ok("NASTY='two words $x'\n".to_owned())
        );
        assert_eq!(line("it's"), Ok("NASTY=\"it's\"\n".to_owned()));
        for value in ["line\nbreak", "it's $x", r#"it's "x""#] {
            assert_eq!(line(value), Err(Code::InvalidInput), "{value}");
        }
    }

    #[test]
    fn github_takes_line_breaks_and_no_delimiter_can_be_forged() {
        assert_eq!(
            render(VariablesFormat::Github, "a<<b=c"),
            Ok("NASTY=a<<b=c\n".to_owned())
        );
        assert_eq!(
            render(VariablesFormat::Github, "a\nKEYFOB_END\nPATH=/evil"),
            Ok("NASTY<<KEYFOB_END_\na\nKEYFOB_END\nPATH=/evil\nKEYFOB_END_\n".to_owned())
        );
        let mut keys = of("x");
        keys.set.push(Variable {
            name: "AWS_SECRET_ACCESS_KEY".to_owned(),
            value: Secret::new("50%"),
        });
        assert_eq!(*masks(&keys), "::add-mask::50%25\n");
    }

    #[test]
    fn json_is_an_object_of_the_variables_alone() {
        for value in NASTY {
            let text = render(VariablesFormat::Json, value).expect("json carries everything");
            let map: BTreeMap<String, String> = serde_json::from_str(&text).expect("an object");
            assert_eq!(
                map,
                BTreeMap::from([("NASTY".to_owned(), value.to_owned())])
            );
        }
    }

    #[test]
    fn a_file_says_on_top_until_when_it_is_good() {
        let lifetime = Lifetime {
            identity: "kim",
            until: Some("2026-12-24 04:58:00 MST"),
        };
        let text = variables(VariablesFormat::Bash, &of("x"), Some(lifetime))
            .expect("bash carries everything");
        insta::assert_snapshot!(*text, @r"
        # Keyfob: kim; these credentials expire at 2026-12-24 04:58:00 MST
        unset AWS_PROFILE
        export NASTY='x'
        ");
    }
}
