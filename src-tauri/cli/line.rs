//! A line of text typed on a terminal, with the keys that shells know: Home, End, Ctrl+A, E, U, K
//! and W. Checked on Enter; the reason stands under the line. Drawn on stderr; keeps nothing of it.

use crate::clipboard;
use crate::echo::{self, EchoOff};
use crate::terminal::{Terminal, WIPED, print_to_people};
use clap::builder::styling::AnsiColor;
use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, poll, read};
use crossterm::terminal::{disable_raw_mode, enable_raw_mode, size};
use std::io;
use std::time::Duration;
use zeroize::{Zeroize, Zeroizing};

/// What is to be typed.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    pub question: &'a str,
    /// Below the line; may be empty.
    pub help: &'a str,
    pub initial: &'a str,
    /// What Tab copies: the address that the field is about.
    pub address: Option<&'a str>,
    pub shown: Shown,
    /// The reason that the text cannot be taken.
    pub check: fn(&str) -> Result<(), String>,
    /// What is changed of a text that is taken: below the line while it is typed.
    pub warning: fn(&str) -> Option<String>,
}

#[derive(Clone, Copy, Debug)]
pub enum Shown {
    Plain,
    /// Afterwards what this makes of it.
    UntilEnter(fn(&str) -> String),
    /// As asterisks.
    Masked,
}

/// How typing ended without a text.
#[derive(Debug)]
pub enum NoLine {
    /// Esc.
    Closed,
    /// Ctrl+C.
    Interrupted,
    Failed(io::Error),
    /// Another client answered.
    Overtaken,
}

/// Whether the answer is still wanted: looked at while nothing is typed.
pub type IsWanted<'a> = &'a mut dyn FnMut() -> bool;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// Until Esc, or until it is no longer wanted: what is pressed meanwhile goes to `press`.
pub fn wait(is_wanted: IsWanted<'_>, mut press: impl FnMut(KeyCode)) -> NoLine {
    let _keys = EchoOff::key_by_key();
    while is_wanted() {
        // A program in the background that reads its terminal is stopped.
        let is_pressed = echo::is_in_front().then(|| poll(LOOK));
        match is_pressed {
            Some(Ok(false)) => {}
            Some(Ok(true)) => {
                if let Ok(Event::Key(key)) = read()
                    && key.kind != KeyEventKind::Release
                {
                    if key.code == KeyCode::Esc {
                        return NoLine::Closed;
                    }
                    press(key.code);
                }
            }
            Some(Err(_)) | None => std::thread::park_timeout(LOOK),
        }
    }
    NoLine::Overtaken
}

impl From<io::Error> for NoLine {
    fn from(error: io::Error) -> NoLine {
        NoLine::Failed(error)
    }
}

pub fn ask(
    field: &Field<'_>,
    terminal: Terminal,
    is_wanted: IsWanted<'_>,
) -> Result<Zeroizing<String>, NoLine> {
    let raw = RawMode::enter()?;
    let mut line = Line::of(field.initial);
    let mut below = None;
    loop {
        draw(field, &line, below.as_ref(), terminal);
        while !poll(LOOK)? {
            if !is_wanted() {
                leave(field, &Line::of(""), terminal);
                return Err(NoLine::Overtaken);
            }
        }
        let key = match read()? {
            Event::Key(key) if key.kind != KeyEventKind::Release => key,
            Event::Paste(text) => {
                let text = Zeroizing::new(text);
                if is_all(field, &text) {
                    line.text = text.chars().collect();
                    break;
                }
                below = line.paste(&text).map(BelowLine::Said);
                continue;
            }
            Event::Key(_)
            | Event::Resize(..)
            | Event::Mouse(_)
            | Event::FocusGained
            | Event::FocusLost => continue,
        };
        if let (KeyCode::Tab, Some(address)) = (key.code, field.address) {
            below = Some(BelowLine::Said(clipboard::copy(address, "address")));
            continue;
        }
        match line.press(key) {
            Pressed::Edited => below = None,
            Pressed::Enter => match (field.check)(&line.text()) {
                Ok(()) => break,
                Err(why) => below = Some(BelowLine::Refused(why)),
            },
            Pressed::Esc | Pressed::Interrupt => {
                leave(field, &line, terminal);
                drop(raw);
                let interrupted = matches!(key.code, KeyCode::Char(_));
                return Err(if interrupted {
                    NoLine::Interrupted
                } else {
                    NoLine::Closed
                });
            }
        }
    }
    leave(field, &line, terminal);
    Ok(line.text())
}

/// Several lines that answer the field as a whole, such as the JSON that AWS prints for a key.
fn is_all(field: &Field<'_>, text: &str) -> bool {
    let is_long = text.trim().contains(['\r', '\n']);
    is_long && matches!(field.shown, Shown::UntilEnter(_)) && (field.check)(text).is_ok()
}

/// What AltGr counts as on Windows; terminals elsewhere send the character alone.
const ALT_GR: KeyModifiers = KeyModifiers::CONTROL.union(KeyModifiers::ALT);

/// The terminal hands over each key, and what is pasted in one piece, and echoes none.
pub struct RawMode;

impl RawMode {
    pub fn enter() -> io::Result<RawMode> {
        enable_raw_mode()?;
        // Consoles of Windows hand over the keys of what is pasted.
        #[cfg(unix)]
        print_to_people("\x1b[?2004h");
        Ok(RawMode)
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        #[cfg(unix)]
        print_to_people("\x1b[?2004l");
        // A terminal that is gone needs no mode.
        let _ = disable_raw_mode();
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pressed {
    Edited,
    Enter,
    Esc,
    Interrupt,
}

/// Wiped when it is dropped.
pub struct Line {
    text: Vec<char>,
    /// The place before which is typed.
    cursor: usize,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.text.zeroize();
    }
}

impl Line {
    pub fn of(text: &str) -> Line {
        let text: Vec<char> = text.chars().collect();
        Line {
            cursor: text.len(),
            text,
        }
    }

    pub fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(self.text.iter().collect())
    }

    fn put(&mut self, c: char) {
        if !c.is_control() {
            self.text.insert(self.cursor, c);
            self.cursor += 1;
        }
    }

    /// A field is one line: in the next ones may be a secret that it would show. What is said of
    /// them.
    fn paste(&mut self, text: &str) -> Option<String> {
        let mut lines = text.trim_end().split(['\r', '\n']);
        lines
            .next()
            .unwrap_or_default()
            .chars()
            .for_each(|c| self.put(c));
        lines
            .next()
            .map(|_| "only the first line was taken".to_owned())
    }

    pub fn press(&mut self, key: KeyEvent) -> Pressed {
        let is_alt_gr = cfg!(windows) && key.modifiers.contains(ALT_GR);
        let control = key.modifiers.contains(KeyModifiers::CONTROL) && !is_alt_gr;
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        let (cursor, end) = (self.cursor, self.text.len());
        match key.code {
            KeyCode::Enter => return Pressed::Enter,
            // A line end that was pasted, or typed by a program.
            KeyCode::Char('j' | 'm') if control => return Pressed::Enter,
            KeyCode::Esc => return Pressed::Esc,
            KeyCode::Char('c' | 'd') if control => return Pressed::Interrupt,
            KeyCode::Char('a') if control => self.cursor = 0,
            KeyCode::Char('e') if control => self.cursor = end,
            KeyCode::Char('u') if control => self.cut(0, cursor),
            KeyCode::Char('k') if control => self.cut(cursor, end),
            KeyCode::Char('w') if control => self.cut(self.word_before(), cursor),
            KeyCode::Backspace if control || alt => self.cut(self.word_before(), cursor),
            KeyCode::Char('h') if control => self.cut(cursor.saturating_sub(1), cursor),
            KeyCode::Backspace => self.cut(cursor.saturating_sub(1), cursor),
            KeyCode::Delete => self.cut(cursor, end.min(cursor + 1)),
            KeyCode::Home => self.cursor = 0,
            KeyCode::End => self.cursor = end,
            KeyCode::Left => self.cursor = cursor.saturating_sub(1),
            KeyCode::Right => self.cursor = end.min(cursor + 1),
            KeyCode::Char(c) if !control => self.put(c),
            // Keys of a terminal that mean nothing here.
            _ => {}
        }
        Pressed::Edited
    }

    fn cut(&mut self, from: usize, to: usize) {
        self.text.drain(from..to);
        self.cursor = from;
    }

    /// Where the word before the cursor begins, blanks behind it included.
    fn word_before(&self) -> usize {
        let before = &self.text[..self.cursor];
        let word = before.iter().rposition(|c| !c.is_whitespace());
        let blank = word.and_then(|end| before[..end].iter().rposition(|c| c.is_whitespace()));
        blank.map_or(0, |at| at + 1)
    }

    /// As it is shown in so many columns, with the cursor's place there.
    pub fn window(&self, shown: Shown, columns: usize) -> (String, usize) {
        let start = self.cursor.saturating_sub(columns);
        let visible = self.text.iter().skip(start).take(columns + 1);
        let text = visible.map(|&c| match shown {
            Shown::Masked => '*',
            Shown::Plain | Shown::UntilEnter(_) => c,
        });
        (text.collect(), self.cursor - start)
    }
}

/// What stands below the line until it is changed.
enum BelowLine {
    Refused(String),
    Said(String),
}

/// The question and the text; below it the reason or the help.
fn draw(field: &Field<'_>, line: &Line, below: Option<&BelowLine>, terminal: Terminal) {
    let width = size().map_or(80, |(columns, _)| usize::from(columns).max(20));
    let clip = |text: &str| text.chars().take(width - 3).collect::<String>();
    let question = clip(field.question);
    let used = question.chars().count() + 3;
    let (text, at) = line.window(field.shown, width.saturating_sub(used + 2));
    let paint = |color, text: &str| terminal.paint(color, text);
    let below = match below {
        Some(BelowLine::Said(text)) => paint(AnsiColor::Cyan, &clip(text)),
        Some(BelowLine::Refused(why)) => paint(AnsiColor::Red, &clip(&format!("# {why}"))),
        None => match (field.warning)(&line.text()) {
            Some(warning) => paint(AnsiColor::Yellow, &clip(&format!("! {warning}"))),
            None if field.help.is_empty() => String::new(),
            None => paint(AnsiColor::Cyan, &clip(&format!("[{}]", field.help))),
        },
    };
    let mark = paint(AnsiColor::Green, "?");
    print_to_people(&format!(
        "{WIPED}{mark} {question} {text}\r\n{WIPED}{below}\x1b[A\r\x1b[{}C",
        used + at
    ));
}

/// The line stays, without what was below it.
fn leave(field: &Field<'_>, line: &Line, terminal: Terminal) {
    let text = match field.shown {
        Shown::Plain => line.text(),
        Shown::UntilEnter(rest) => Zeroizing::new(rest(&line.text())),
        Shown::Masked => Zeroizing::new("********".to_owned()),
    };
    let question = field.question;
    let mark = terminal.paint(AnsiColor::Green, ">");
    let text = Zeroizing::new(format!(
        "{WIPED}{mark} {question} {}\r\n{WIPED}",
        text.as_str()
    ));
    print_to_people(&text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[(KeyCode, KeyModifiers)], initial: &str) -> (String, usize) {
        let mut line = Line::of(initial);
        for (code, modifiers) in keys {
            line.press(KeyEvent::new(*code, *modifiers));
        }
        (line.text().as_str().to_owned(), line.cursor)
    }

    #[test]
    fn the_keys_of_a_shell_edit_the_line() {
        let control = |c| (KeyCode::Char(c), KeyModifiers::CONTROL);
        let key = |code| (code, KeyModifiers::NONE);
        let text = "one two  three";
        for (keys, after, cursor) in [
            (&[control('u')][..], "", 0),
            (&[control('w')], "one two  ", 9),
            (&[control('w'), control('w')], "one ", 4),
            (
                &[control('w'), control('w'), control('w'), control('w')],
                "",
                0,
            ),
            (
                &[key(KeyCode::Home), key(KeyCode::Char('x'))],
                "xone two  three",
                1,
            ),
            (&[control('a'), control('k')], "", 0),
            (
                &[
                    key(KeyCode::Home),
                    key(KeyCode::End),
                    key(KeyCode::Backspace),
                ],
                "one two  thre",
                13,
            ),
            (
                &[key(KeyCode::Home), key(KeyCode::Delete), control('e')],
                "ne two  three",
                13,
            ),
            (
                &[key(KeyCode::Left), key(KeyCode::Left), control('u')],
                "ee",
                0,
            ),
            (
                &[control('x'), key(KeyCode::F(1)), key(KeyCode::Right)],
                text,
                14,
            ),
        ] {
            assert_eq!(typed(keys, text), (after.to_owned(), cursor), "{keys:?}");
        }
        let typed_with_alt_gr = typed(&[(KeyCode::Char('@'), ALT_GR)], "kim");
        let taken = if cfg!(windows) { "kim@" } else { "kim" };
        assert_eq!(typed_with_alt_gr.0, taken);
    }

    #[test]
    fn a_long_line_is_shown_around_its_cursor_and_a_secret_as_asterisks() {
        let line = Line::of("abcdefghij");
        assert_eq!(line.window(Shown::Plain, 4), ("ghij".to_owned(), 4));
        assert_eq!(
            line.window(Shown::Masked, 20),
            ("**********".to_owned(), 10)
        );
    }
}
