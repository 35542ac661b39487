//! Results on standard output: JSON, lines, aligned tables, and tab-separated values.
//!
//! Nothing is ever cut. Widths are counted in the columns of a terminal, where 木 takes two.

use std::io::{self, IsTerminal, Write};

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use crate::telemetry::printable_within;

/// For whom results are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// Text and tables, for people.
    #[default]
    #[value(alias = "table")]
    Text,
    /// JSON; a list that may be long is one object a line.
    Json,
    /// Tab-separated values under a line of names, where there is a table; else text.
    Tsv,
}

/// The widest line of prose: longer ones are hard to read. A table may be as wide as the terminal.
pub const WIDTH: usize = 100;

/// A terminal that is narrower, or does not know its width, is taken for this wide.
const NARROWEST: u16 = 40;

/// Between two columns.
const GAP: u16 = 2;

/// Prints `text` and a line break.
/// Errors: What standard output reports, but for a reader that has gone away: that is no fault.
pub fn line(text: &str) -> io::Result<()> {
    part(&format!("{text}\n")).map(|_| ())
}

/// As [`line()`], for the answer of a command that has changed something.
/// Errors: the same, which say that the change is made all the same.
pub fn done(text: &str) -> io::Result<()> {
    line(text).map_err(|fault| {
        let said = format!("{fault}; what the command was asked for is done");
        io::Error::new(fault.kind(), said)
    })
}

/// [`done`] with the answer of a command that did all, [`line()`] with that of one that did a part.
/// Errors: as of these, then what was not done.
pub fn outcome<E: From<io::Error>>(text: &str, complete: Result<(), E>) -> Result<(), E> {
    match complete {
        Ok(()) => Ok(done(text)?),
        Err(_) => line(text).map_err(E::from).and(complete),
    }
}

/// Tells `text` beside the answer, on standard error. Nothing depends on whether anything reads it.
pub fn aside(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Prints a part of a longer answer at once; returns whether anything still reads it.
pub fn part(text: &str) -> io::Result<bool> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(fault) if fault.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(fault) => {
            let said = format!("cannot write to standard output: {fault}");
            Err(io::Error::new(fault.kind(), said))
        }
        Ok(()) => Ok(true),
    }
}

/// `value` as indented JSON.
#[must_use]
pub fn json(value: &Value) -> String {
    format!("{value:#}")
}

/// The named fields of a list of objects as tab-separated lines, under a line of their names.
#[must_use]
pub fn tsv(fields: &[&str], objects: &Value) -> String {
    let mut text = fields.join("\t");
    for object in objects.as_array().into_iter().flatten() {
        text.push('\n');
        text.push_str(&tsv_row(fields, object));
    }
    text
}

/// One line of [`tsv`]. What is absent is empty; a list is written with commas; a tab, a line break and
/// a backslash within a value are written as in C, other control characters as `\u{1b}`.
#[must_use]
pub fn tsv_row(fields: &[&str], object: &Value) -> String {
    let cells: Vec<String> = fields.iter().map(|field| cell(&object[*field])).collect();
    cells.join("\t")
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => {
            let mut cell = String::with_capacity(text.len());
            for char in text.chars() {
                match char {
                    '\\' | '\t' | '\n' | '\r' => cell.extend(char.escape_default()),
                    other if other.is_control() => cell.extend(other.escape_unicode()),
                    other => cell.push(other),
                }
            }
            cell
        }
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(","),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

/// A cell of a table, whole. Names that differ only by blanks must not look the same.
fn shown(text: &str) -> String {
    let safe = printable_within(text, usize::MAX);
    match text.trim() == text {
        true => safe,
        false => format!("\"{safe}\""),
    }
}

/// How wide the terminal on standard output is; `None`: it is none.
fn terminal() -> Option<u16> {
    let out = io::stdout();
    let size = || rustix::termios::tcgetwinsize(&out).map_or(0, |size| size.ws_col);
    out.is_terminal().then(|| match size() {
        0 => WIDTH as u16,
        width => width.max(NARROWEST),
    })
}

/// Rows of cells as aligned lines below a head. Cells may hold anything: what a terminal acts on is
/// escaped here. On a terminal that is narrower than the table, long cells go on in further lines;
/// everywhere else a row is a line.
#[must_use]
pub fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let rows: Vec<_> = std::iter::once(cells(head)).chain(rows).collect();
    Pages::default().page(&rows)
}

fn cells(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

/// A table that is printed a page at a time: its columns never get narrower.
#[derive(Debug, Default)]
pub struct Pages {
    widths: Vec<u16>,
}

impl Pages {
    /// The next rows.
    #[must_use]
    pub fn page(&mut self, rows: &[Vec<String>]) -> String {
        self.drawn(rows, terminal())
    }

    fn drawn(&mut self, rows: &[Vec<String>], terminal: Option<u16>) -> String {
        let mut table = Table::new();
        if let Some(width) = terminal {
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(width);
        }
        table.load_style(presets::NOTHING);
        for row in rows {
            table.add_row(row.iter().map(|text| shown(text)));
        }
        let widths = table.column_max_content_widths();
        self.widths.resize(widths.len().max(self.widths.len()), 0);
        for (known, width) in self.widths.iter_mut().zip(widths) {
            *known = width.max(*known);
        }
        let last = table.column_count().saturating_sub(1);
        for (place, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, if place == last { 0 } else { GAP }));
            if terminal.is_none() && place < last {
                let width = Width::Fixed(self.widths[place] + GAP);
                column.set_constraint(ColumnConstraint::Absolute(width));
            }
        }
        table.trim_fmt() + "\n"
    }
}

/// A list that is printed as it is read.
#[derive(Debug)]
pub struct Listing {
    output: Output,
    head: &'static [&'static str],
    fields: &'static [&'static str],
    pages: Pages,
    begun: bool,
}

impl Listing {
    /// One with this head for people, and these fields of each object for `tsv`.
    #[must_use]
    pub fn new(
        output: Output,
        head: &'static [&'static str],
        fields: &'static [&'static str],
    ) -> Self {
        Self {
            output,
            head,
            fields,
            pages: Pages::default(),
            begun: false,
        }
    }

    /// The next items, each as cells for people and as an object; whole lines.
    #[must_use]
    pub fn page(&mut self, items: impl Iterator<Item = (Vec<String>, Value)>) -> String {
        let first = !std::mem::replace(&mut self.begun, true);
        let mut lines = Vec::new();
        match self.output {
            Output::Text => {
                let head = first.then(|| cells(self.head));
                let rows: Vec<_> = head.into_iter().chain(items.map(|(row, _)| row)).collect();
                if rows.is_empty() {
                    return String::new();
                }
                return self.pages.page(&rows);
            }
            Output::Json => lines.extend(items.map(|(_, object)| object.to_string())),
            Output::Tsv => {
                lines.extend(first.then(|| self.fields.join("\t")));
                lines.extend(items.map(|(_, object)| tsv_row(self.fields, &object)));
            }
        }
        lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// `text` broken at spaces into lines of at most [`WIDTH`] columns, fewer on a narrower terminal;
/// following lines are indented by `indent`.
#[must_use]
pub fn wrapped(text: &str, indent: usize) -> String {
    let width = terminal().map_or(WIDTH, usize::from);
    wrapped_within(text, indent, width.min(WIDTH))
}

fn wrapped_within(text: &str, indent: usize, width: usize) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("begun with one");
        if line.trim().is_empty() {
            line.push_str(word);
        } else if line.width() + word.width() < width {
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
        vec![
            cells(&["NAME", "N", "WHAT"]),
            cells(&["a\x1b[2J", "10", "word ".repeat(70).trim_end()]),
            cells(&["b", "", "x"]),
        ]
    }

    #[test]
    fn a_table_is_aligned_safe_and_never_cut_where_no_terminal_is() {
        let words = "word ".repeat(70);
        let expected = format!(
            "NAME        N   WHAT\na\\u{{1b}}[2J  10  {}\nb               x\n",
            words.trim_end()
        );
        assert_eq!(Pages::default().drawn(&rows(), None), expected);
    }

    #[test]
    fn cells_that_differ_by_blanks_look_different() {
        let rows = [["rack1", "a"], [" rack1", "b"], ["rack1 ", ""]].map(|row| cells(&row));
        assert_eq!(
            Pages::default().drawn(&rows, None),
            "rack1     a\n\" rack1\"  b\n\"rack1 \"\n"
        );
    }

    #[test]
    fn on_a_terminal_a_long_cell_goes_on_in_its_own_column() {
        let text = Pages::default().drawn(&rows(), Some(100));
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
    fn pairs_that_differ_at_the_end_of_a_long_name_stay_different() {
        let name = |end: &str| vec![format!("{}{end}", "d".repeat(200)), "x".to_owned()];
        let rows = [name("1"), name("2")];
        for terminal in [None, Some(60)] {
            let text = Pages::default().drawn(&rows, terminal);
            let whole: String = text
                .split_whitespace()
                .filter(|part| *part != "x")
                .collect();
            let expected: String = rows.iter().map(|row| row[0].as_str()).collect();
            assert_eq!(whole, expected, "{text}");
        }
    }

    #[test]
    fn a_wide_letter_takes_two_columns() {
        let rows = [["木木", "a"], ["xxxx", "b"]].map(|row| cells(&row));
        assert_eq!(Pages::default().drawn(&rows, None), "木木  a\nxxxx  b\n");
        assert_eq!(wrapped_within("木木 木木 ab", 0, 8), "木木\n木木 ab");
    }

    #[test]
    fn a_later_page_keeps_the_columns_of_the_one_before() {
        let mut pages = Pages::default();
        assert_eq!(pages.drawn(&[cells(&["long", "a"])], None), "long  a\n");
        assert_eq!(pages.drawn(&[cells(&["b", "c"])], None), "b     c\n");
    }

    #[test]
    fn a_row_of_tsv_is_one_line_with_as_many_cells_as_fields() {
        let object = serde_json::json!({"a": "x\ty\nz\\", "b": null, "c": ["p", "q"], "d": 7});
        assert_eq!(
            tsv(&["a", "b", "c", "d"], &serde_json::json!([object])),
            "a\tb\tc\td\nx\\ty\\nz\\\\\t\tp,q\t7"
        );
    }

    #[test]
    fn tsv_holds_nothing_that_a_terminal_acts_on() {
        let object = serde_json::json!({"a": "\u{1b}]0;x\u{7}Größe\u{9b}\r"});
        assert_eq!(tsv_row(&["a"], &object), "\\u{1b}]0;x\\u{7}Größe\\u{9b}\\r");
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
