//! Chosen from a list on a terminal: typing filters it, with the keys of a line; Up, Down, Page Up,
//! Page Down, Home and End move in it. Drawn on stderr.

use crate::line::{Line, NoLine, Pressed, RawMode, Shown};
use crate::terminal::{Terminal, WIPED, print_to_people};
use clap::builder::styling::AnsiColor;
use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, read};
use crossterm::terminal::size;
use std::collections::BTreeSet;

/// Names shown at once.
const ROWS: usize = 7;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HowMany {
    One,
    /// Space marks.
    Any,
}

/// The places of the chosen names, which are single lines.
pub fn choose(
    question: &str,
    names: &[String],
    how_many: HowMany,
    terminal: Terminal,
) -> Result<Vec<usize>, NoLine> {
    let _raw = RawMode::enter()?;
    let mut list = List {
        question,
        names,
        how_many,
        filter: Line::of(""),
        at: 0,
        marked: BTreeSet::new(),
    };
    loop {
        list.draw(terminal);
        let key = match read()? {
            Event::Key(key) if key.kind != KeyEventKind::Release => key,
            Event::Key(_)
            | Event::Paste(_)
            | Event::Resize(..)
            | Event::Mouse(_)
            | Event::FocusGained
            | Event::FocusLost => continue,
        };
        let ended = match list.press(key) {
            Pressed::Edited => continue,
            Pressed::Enter => match (list.chosen(), how_many) {
                (none, HowMany::One) if none.is_empty() => continue,
                (chosen, _) => Ok(chosen),
            },
            Pressed::Esc => Err(NoLine::Closed),
            Pressed::Interrupt => Err(NoLine::Interrupted),
        };
        list.leave(ended.as_deref().unwrap_or_default(), terminal);
        return ended;
    }
}

struct List<'a> {
    question: &'a str,
    names: &'a [String],
    how_many: HowMany,
    filter: Line,
    /// In what the filter leaves.
    at: usize,
    marked: BTreeSet<usize>,
}

impl List<'_> {
    /// Names that begin as the filter come first: what is typed may be a part of another, too.
    fn filtered(&self) -> Vec<usize> {
        let wanted = self.filter.text().to_lowercase();
        let found = |at: usize| Some((at, self.names[at].to_lowercase().find(&wanted)?));
        let mut found: Vec<_> = (0..self.names.len()).filter_map(found).collect();
        found.sort_by_key(|(_, place)| *place > 0);
        found.into_iter().map(|(at, _)| at).collect()
    }

    fn chosen(&self) -> Vec<usize> {
        match self.how_many {
            HowMany::One => self.filtered().get(self.at).copied().into_iter().collect(),
            HowMany::Any => self.marked.iter().copied().collect(),
        }
    }

    fn press(&mut self, key: KeyEvent) -> Pressed {
        let filtered = self.filtered();
        let last = filtered.len().saturating_sub(1);
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Up => self.at = self.at.checked_sub(1).unwrap_or(last),
            KeyCode::Char('p') if control => self.at = self.at.checked_sub(1).unwrap_or(last),
            KeyCode::Down => self.at = (self.at + 1) % (last + 1),
            KeyCode::Char('n') if control => self.at = (self.at + 1) % (last + 1),
            KeyCode::PageUp => self.at = self.at.saturating_sub(ROWS),
            KeyCode::PageDown => self.at = last.min(self.at + ROWS),
            KeyCode::Home => self.at = 0,
            KeyCode::End => self.at = last,
            KeyCode::Char(' ') if self.how_many == HowMany::Any => {
                let place = filtered.get(self.at);
                if let Some(place) = place.filter(|place| !self.marked.remove(place)) {
                    self.marked.insert(*place);
                }
            }
            _ => {
                let before = self.filter.text();
                let pressed = self.filter.press(key);
                if self.filter.text() != before {
                    self.at = 0;
                }
                return pressed;
            }
        }
        Pressed::Edited
    }

    fn draw(&self, terminal: Terminal) {
        let (columns, rows) = size().map_or((80, 24), |(c, r)| (usize::from(c), usize::from(r)));
        let width = columns.max(20);
        let clip = |text: &str| text.chars().take(width - 3).collect::<String>();
        let question = clip(self.question);
        let used = question.chars().count() + 3;
        let (text, cursor) = self
            .filter
            .window(Shown::Plain, width.saturating_sub(used + 2));
        let filtered = self.filtered();
        let height = filtered.len().min(ROWS).min(rows.saturating_sub(3).max(1));
        let above = self.at.saturating_sub(height / 2);
        let first = above.min(filtered.len() - height);
        let mark = terminal.paint(AnsiColor::Green, "?");
        let mut drawn = format!("\r\x1b[J{mark} {question} {text}");
        for (at, place) in filtered.iter().enumerate().skip(first).take(height) {
            let marked = match self.how_many {
                HowMany::One => "",
                HowMany::Any if self.marked.contains(place) => "[x] ",
                HowMany::Any => "[ ] ",
            };
            let name = format!("{marked}{}", self.names[*place]);
            drawn += "\r\n";
            drawn += &if at == self.at {
                terminal.paint(AnsiColor::Cyan, &clip(&format!("> {name}")))
            } else {
                clip(&format!("  {name}"))
            };
        }
        let help = match self.how_many {
            HowMany::One => "[↑↓ to move, enter to select, type to filter]",
            HowMany::Any => "[↑↓ to move, space to select, enter to end, type to filter]",
        };
        let help = terminal.paint(AnsiColor::Cyan, &clip(help));
        let (up, right) = (height + 1, used + cursor);
        print_to_people(&format!("{drawn}\r\n{help}\x1b[{up}A\r\x1b[{right}C"));
    }

    /// The question stays, with what was chosen.
    fn leave(&self, chosen: &[usize], terminal: Terminal) {
        let names = chosen.iter().map(|place| self.names[*place].as_str());
        let names = names.collect::<Vec<_>>().join(", ");
        let mark = terminal.paint(AnsiColor::Green, ">");
        let question = self.question;
        print_to_people(&format!("\r\x1b[J{mark} {question} {names}\r\n{WIPED}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_filtered_with_the_keys_of_a_line_and_moved_in() {
        let names = ["dev", "Deploy", "lake", "ops"].map(str::to_owned);
        let chosen = |how_many, keys: &[(KeyCode, KeyModifiers)]| {
            let mut list = List {
                question: "Identity:",
                names: &names,
                how_many,
                filter: Line::of(""),
                at: 0,
                marked: BTreeSet::new(),
            };
            for (code, modifiers) in keys {
                list.press(KeyEvent::new(*code, *modifiers));
            }
            list.chosen()
        };
        let control = |c| (KeyCode::Char(c), KeyModifiers::CONTROL);
        let key = |code| (code, KeyModifiers::NONE);
        let char = |c| key(KeyCode::Char(c));
        for (keys, place) in [
            (&[][..], Some(0)),
            (&[char('e'), char('p')], Some(1)),
            (&[char('z')], None),
            (&[char('p')], Some(1)),
            (&[char('o')], Some(3)),
            (&[char('z'), control('u'), char('o'), char('p')], Some(3)),
            (&[char('z'), control('w'), key(KeyCode::End)], Some(3)),
            (&[key(KeyCode::Up)], Some(3)),
            (&[key(KeyCode::End), key(KeyCode::Down)], Some(0)),
            (
                &[key(KeyCode::End), key(KeyCode::Home), control('n')],
                Some(1),
            ),
            (
                &[key(KeyCode::Down), key(KeyCode::Down), char('d')],
                Some(0),
            ),
        ] {
            let place: Vec<usize> = place.into_iter().collect();
            assert_eq!(chosen(HowMany::One, keys), place, "{keys:?}");
        }
        let space = char(' ');
        let marks = [
            space,
            key(KeyCode::End),
            space,
            key(KeyCode::Up),
            space,
            space,
        ];
        assert_eq!(chosen(HowMany::Any, &marks), [0, 3]);
        assert!(chosen(HowMany::Any, &[key(KeyCode::Down)]).is_empty());
    }
}
