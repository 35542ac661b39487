//! Results on standard output: JSON, lines, aligned tables.

use std::io::{self, Write};

use serde::Serialize;

use crate::telemetry::printable;

/// The widest line of a table: fits most terminals without wrapping.
pub const WIDTH: usize = 100;

/// Between two columns.
const GAP: usize = 2;

/// No column is cut below this.
const NARROWEST: usize = 8;

/// Prints `text` and a line break.
///
/// # Errors
/// What standard output reports, but for a reader that has gone away: that is no fault.
pub fn line(text: &str) -> io::Result<()> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(fault) if fault.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// `value` as indented JSON.
///
/// # Errors
/// What the serialiser reports; nothing for plain data.
pub fn json(value: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string_pretty(value)
}

/// Rows of cells as aligned lines of at most [`WIDTH`] characters; the first row is the head.
/// Cells may hold anything: what a terminal acts on is escaped here. Too wide a table loses the
/// ends of its widest columns.
#[must_use]
pub fn table(rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| printable(cell)).collect())
        .collect();
    let widths = widths(&rows);
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{:<width$}", cut(cell, *width)))
            .collect();
        text.push_str(cells.join(&" ".repeat(GAP)).trim_end());
        text.push('\n');
    }
    text
}

fn widths(rows: &[Vec<String>]) -> Vec<usize> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let mut widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or_default()
        })
        .collect();
    let room = WIDTH.saturating_sub(GAP * columns.saturating_sub(1));
    while widths.iter().sum::<usize>() > room {
        let Some(widest) = widths.iter_mut().max().filter(|width| **width > NARROWEST) else {
            break;
        };
        *widest -= 1;
    }
    widths
}

fn cut(cell: &str, width: usize) -> String {
    if cell.chars().count() <= width {
        return cell.to_owned();
    }
    let mut short: String = cell.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// `text` broken at spaces into lines of at most [`WIDTH`] characters; following lines are
/// indented by `indent`.
#[must_use]
pub fn wrapped(text: &str, indent: usize) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("begun with one");
        let room = WIDTH.saturating_sub(line.chars().count());
        if line.trim().is_empty() {
            line.push_str(word);
        } else if word.chars().count() < room {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(format!("{:indent$}{word}", ""));
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned_safe_and_never_wider_than_a_terminal() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let text = table(&[
            row(["NAME", "N", "WHAT"]),
            row(["a\x1b[2J", "10", &"x".repeat(200)]),
        ]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "NAME        N   WHAT");
        assert!(lines[1].starts_with("a\\u{1b}[2J  10  xxx"), "{}", lines[1]);
        assert_eq!(lines[1].chars().count(), WIDTH);
        assert!(lines[1].ends_with('…'));
    }

    #[test]
    fn long_sentences_are_broken_at_spaces() {
        let text = wrapped(&"word ".repeat(50), 2);
        assert!(
            text.lines().all(|line| line.chars().count() <= WIDTH),
            "{text}"
        );
        assert!(
            text.lines().skip(1).all(|line| line.starts_with("  word")),
            "{text}"
        );
    }
}
