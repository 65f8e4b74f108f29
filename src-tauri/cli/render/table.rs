//! Columns of text. A cell knows its own width, so that colour does not count.

use crate::terminal::{one_line, paint};
use clap::builder::styling::AnsiColor;

#[derive(Clone, Debug)]
pub struct Cell {
    text: String,
    color: Option<AnsiColor>,
}

impl Cell {
    pub fn new(text: &str) -> Cell {
        Cell {
            text: one_line(text),
            color: None,
        }
    }

    pub fn colored(text: &str, color: Option<AnsiColor>) -> Cell {
        Cell {
            text: one_line(text),
            color,
        }
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }

    fn painted(&self) -> String {
        match self.color {
            Some(color) => paint(color, &self.text),
            None => self.text.clone(),
        }
    }
}

/// One line per row, two spaces between the columns, nothing behind the last cell.
pub fn columns(rows: &[Vec<Cell>]) -> String {
    let widths = widths(rows);
    let mut text = String::new();
    for row in rows {
        let mut gap = 0;
        for (cell, width) in row.iter().zip(&widths) {
            if cell.width() > 0 {
                text.push_str(&" ".repeat(gap));
                text.push_str(&cell.painted());
                gap = 0;
            }
            gap += width - cell.width() + 2;
        }
        text.push('\n');
    }
    text
}

/// How wide the longest line of [`columns`] can get.
pub fn total_width(rows: &[Vec<Cell>]) -> usize {
    let widths = widths(rows);
    widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1)
}

/// Name and value, one pair per line: fits any terminal.
pub fn pairs(pairs: &[(&str, String)]) -> String {
    let rows: Vec<_> = pairs
        .iter()
        .map(|(name, value)| vec![Cell::new(name), Cell::new(value)])
        .collect();
    columns(&rows)
}

fn widths(rows: &[Vec<Cell>]) -> Vec<usize> {
    let count = rows.iter().map(Vec::len).max().unwrap_or_default();
    (0..count)
        .map(|i| {
            rows.iter()
                .filter_map(|row| row.get(i))
                .map(Cell::width)
                .max()
                .unwrap_or_default()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_whatever_their_colour_and_have_no_trailing_space() {
        let rows = [
            vec![
                Cell::new("a"),
                Cell::colored("long one", Some(AnsiColor::Red)),
                Cell::new("x"),
            ],
            vec![Cell::new("bbb"), Cell::new("c"), Cell::new("")],
        ];
        let text = anstream::adapter::strip_str(&columns(&rows)).to_string();
        assert_eq!(text, "a    long one  x\nbbb  c\n");
        assert_eq!(total_width(&rows), 16);
    }
}
