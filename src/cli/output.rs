//! Results on standard output: JSON, lines, aligned tables.

use std::io::{self, IsTerminal, Write};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use crate::telemetry::{PRINTABLE_CHARS, printable_within};

/// The widest line on a terminal: fits most terminals without wrapping.
pub const WIDTH: usize = 100;

/// Between two columns.
const GAP: u16 = 2;

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

/// Rows of cells as aligned lines; the first row is the head. Cells may hold anything: what a
/// terminal acts on is escaped here. On a terminal a table that is wider than [`WIDTH`] continues the
/// cells of its widest columns on further lines; everywhere else a row is a line, and nothing is cut.
#[must_use]
pub fn table(rows: &[Vec<String>]) -> String {
    drawn(rows, io::stdout().is_terminal())
}

fn drawn(rows: &[Vec<String>], on_terminal: bool) -> String {
    let mut table = Table::new();
    let mut longest = usize::MAX;
    if on_terminal {
        longest = PRINTABLE_CHARS;
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(WIDTH as u16);
    }
    table.load_style(presets::NOTHING);
    for row in rows {
        table.add_row(row.iter().map(|cell| printable_within(cell, longest)));
    }
    let last = table.column_count().saturating_sub(1);
    for (place, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if place == last { 0 } else { GAP }));
    }
    table.trim_fmt() + "\n"
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

    fn rows() -> Vec<Vec<String>> {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        vec![
            row(["NAME", "N", "WHAT"]),
            row(["a\x1b[2J", "10", &"word ".repeat(70)]),
            row(["b", "", "x"]),
        ]
    }

    #[test]
    fn a_table_is_aligned_safe_and_never_cut_where_no_terminal_is() {
        let words = "word ".repeat(70);
        let expected = format!(
            "NAME        N   WHAT\na\\u{{1b}}[2J  10  {}\nb               x\n",
            words.trim_end()
        );
        assert_eq!(drawn(&rows(), false), expected);
    }

    #[test]
    fn on_a_terminal_a_long_cell_goes_on_in_its_own_column() {
        let text = drawn(&rows(), true);
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines.iter().all(|line| line.chars().count() <= WIDTH),
            "{text}"
        );
        assert!(lines[1].starts_with("a\\u{1b}[2J  10  word word"), "{text}");
        assert!(lines[2].starts_with("                word word"), "{text}");
        assert_eq!(lines.last(), Some(&"b               x"), "{text}");
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
