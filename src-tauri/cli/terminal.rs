//! Output: data on stdout, everything for people on stderr. A reader that went away ends the
//! program quietly; nothing here panics.

use crate::stop::Stop;
use anstream::AutoStream;
use anstream::adapter::strip_str;
use clap::ColorChoice;
use clap::builder::styling::{AnsiColor, Style};
use keyfob_core::agent::api::Note;
use keyfob_core::error::{Code, Context, Error};
pub use keyfob_core::foreign::one_line;
use serde::Serialize;
use std::io::{self, IsTerminal, Write};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loudness {
    Normal,
    /// `-q`: errors and warnings only.
    Quiet,
}

#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    pub shape: Shape,
    loudness: Loudness,
    color: anstream::ColorChoice,
}

impl Terminal {
    pub fn new(shape: Shape, loudness: Loudness, color: ColorChoice) -> Terminal {
        let color = match color {
            ColorChoice::Auto => anstream::ColorChoice::Auto,
            ColorChoice::Always => anstream::ColorChoice::Always,
            ColorChoice::Never => anstream::ColorChoice::Never,
        };
        Terminal {
            shape,
            loudness,
            color,
        }
    }

    /// The same, for work in the background of a command.
    #[cfg(feature = "sandbox")]
    pub fn silenced(self) -> Terminal {
        Terminal {
            loudness: Loudness::Quiet,
            ..self
        }
    }

    /// Whether prompts and logs, which go to stderr, are coloured.
    pub fn colors_stderr(self) -> bool {
        match self.color {
            anstream::ColorChoice::Auto => {
                AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never
            }
            anstream::ColorChoice::Never => false,
            anstream::ColorChoice::Always | anstream::ColorChoice::AlwaysAnsi => true,
        }
    }

    /// Text for stderr that goes there as it is.
    pub fn paint(self, color: AnsiColor, text: &str) -> String {
        if self.colors_stderr() {
            paint(color, text)
        } else {
            text.to_owned()
        }
    }

    /// A line for people.
    pub fn say(self, text: &str) {
        if self.loudness == Loudness::Normal {
            self.to_people(text);
        }
    }

    /// To be read before a prompt is answered: also with `-q`.
    pub fn announce(self, text: &str) {
        self.to_people(&one_line(text));
    }

    /// The same, for a line that was rendered, with its colours.
    pub fn insist(self, line: &str) {
        self.to_people(line);
    }

    pub fn warn(self, text: &str) {
        self.to_people(&format!(
            "{} {}",
            paint(AnsiColor::Yellow, "warning:"),
            one_line(text)
        ));
    }

    pub fn note(self, note: &Note) {
        match note {
            Note::Info(text) => self.say(&one_line(text)),
            Note::Warning(text) => self.warn(text),
        }
    }

    pub fn fail(self, error: &Error) {
        match self.shape {
            // An error that cannot be printed has nowhere else to go.
            Shape::Json => drop(print_json(&ErrorObject {
                error: ErrorBody::of(error),
            })),
            Shape::Text => {
                self.to_people(&format!(
                    "{} {}",
                    paint(AnsiColor::Red, "error:"),
                    one_line(&error.message)
                ));
                for hint in &error.hints {
                    self.to_people(&format!(
                        "{} {}",
                        paint(AnsiColor::Cyan, "hint:"),
                        one_line(hint)
                    ));
                }
            }
        }
    }

    /// Text for stdout, as it is; its renderer ends the lines.
    pub fn data(self, text: &str) -> Result<(), Stop> {
        let mut out = AutoStream::new(io::stdout().lock(), self.color);
        let written = if out.current_choice() == anstream::ColorChoice::Never {
            // As one: the stream would write what is between styles piece by piece.
            let mut out = out.into_inner();
            let plain = strip_str(text).to_string();
            out.write_all(plain.as_bytes()).and_then(|()| out.flush())
        } else {
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        };
        written.map_err(|cause| closed(&cause))
    }

    /// A value as JSON, where that is wanted, or as text.
    pub fn show(self, value: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), Stop> {
        match self.shape {
            Shape::Json => print_json(value),
            Shape::Text => self.data(&text()),
        }
    }

    /// Whether a spinner turns while something takes long.
    pub fn spins(self) -> bool {
        self.loudness != Loudness::Quiet && io::stderr().is_terminal()
    }

    /// A spinner on a terminal, a plain line elsewhere.
    pub fn busy(self, doing: &str) -> Busy {
        let text = format!("{}…", one_line(doing));
        if !self.spins() {
            self.say(&text);
            return Busy {
                spinner: None,
                turns: 0,
            };
        }
        let width = terminal_size::terminal_size_of(io::stderr())
            .map_or(80, |(width, _)| usize::from(width.0));
        Busy {
            spinner: Some(text.chars().take(width.saturating_sub(3)).collect()),
            turns: 0,
        }
    }

    /// As [`Terminal::say`], while a spinner may turn.
    pub fn say_meanwhile(self, line: &str) {
        if io::stderr().is_terminal() {
            print_to_people(WIPED);
        }
        self.say(line);
    }

    fn to_people(self, line: &str) {
        let mut err = AutoStream::new(io::stderr().lock(), self.color);
        // A closed stderr leaves nothing to report to.
        let _ = writeln!(err, "{line}");
    }
}

/// Wiped when it is dropped. Never longer than a line, so that wiping one is enough after Ctrl+C.
#[derive(Debug)]
pub struct Busy {
    spinner: Option<String>,
    turns: usize,
}

/// Wipes the line the cursor is on.
pub const WIPED: &str = "\r\x1b[K";

impl Busy {
    pub fn turn(&mut self) {
        const SHAPES: [char; 4] = ['◐', '◓', '◑', '◒'];
        if let Some(text) = &self.spinner {
            let shape = SHAPES[self.turns % SHAPES.len()];
            self.turns += 1;
            print_to_people(&format!("{WIPED}{shape} {text}"));
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if self.spinner.is_some() {
            print_to_people(WIPED);
        }
    }
}

/// How wide stdout is; `None` where it is no terminal.
pub fn width() -> Option<usize> {
    terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0))
}

/// As [`Terminal::data`], and never touched by colour: for values that are used byte by byte.
pub fn print_exact(text: &str) -> Result<(), Stop> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|cause| closed(&cause))
}

pub fn print_json<T: Serialize>(value: &T) -> Result<(), Stop> {
    let text =
        serde_json::to_string_pretty(value).expect("plain structs with text keys always serialize");
    print_exact(&format!("{text}\n"))
}

/// On stderr, as it is: for programs that act on it, and to steer the terminal.
pub fn print_to_people(text: &str) {
    // A console of Windows obeys only once that is switched on, and colours do not switch it on
    // where stdout goes elsewhere.
    #[cfg(windows)]
    crossterm::ansi_support::supports_ansi();
    let mut err = io::stderr().lock();
    // A closed stderr leaves nothing to report to.
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}

pub fn paint(color: AnsiColor, text: &str) -> String {
    let style = Style::new().fg_color(Some(color.into()));
    format!("{style}{text}{style:#}")
}

pub fn dim(text: &str) -> String {
    let style = Style::new().dimmed();
    format!("{style}{text}{style:#}")
}

fn closed(cause: &io::Error) -> Stop {
    match cause.kind() {
        io::ErrorKind::BrokenPipe => Stop::OutputClosed,
        _ => Error::new(
            Code::FilesUnwritable,
            format!("cannot write to standard output: {cause}"),
        )
        .into(),
    }
}

#[derive(Debug, Serialize)]
struct ErrorObject<'a> {
    error: ErrorBody<'a>,
}

/// An error as `--json` shows it.
#[derive(Debug, Serialize)]
pub struct ErrorBody<'a> {
    code: Code,
    message: &'a str,
    hints: &'a [String],
    context: &'a Context,
}

impl ErrorBody<'_> {
    pub fn of(error: &Error) -> ErrorBody<'_> {
        ErrorBody {
            code: error.code,
            message: &error.message,
            hints: &error.hints,
            context: &error.context,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_as_json_has_the_four_fields_and_no_more() {
        let error = Error::new(
            Code::AwsCredentialsInvalid,
            "aws credentials are invalid or have been revoked",
        )
        .hint("run `fob user configure --identity kim`")
        .identity("kim")
        .aws_code("InvalidClientTokenId");
        let text = serde_json::to_string(&ErrorObject {
            error: ErrorBody::of(&error),
        })
        .expect("serializes");
        insta::assert_snapshot!(text, @r#"{"error":{"code":"aws_credentials_invalid","message":"aws credentials are invalid or have been revoked","hints":["run `fob user configure --identity kim`"],"context":{"identity":"kim","aws_error_code":"InvalidClientTokenId"}}}"#);
    }
}
