//! CSV with a header, cut into records.

use std::io::{self, Read};

use ::csv::{ErrorKind, StringRecord};

use super::fault::Faults;
use super::lines::newlines;
use super::record::{FIELDS, Field, Given, Record, client_option, field_called, near_miss};
use super::taking::{RECORD_BYTES, Taking};

/// The records below the header of `source`.
pub(super) fn records(source: impl Read, separator: u8, taking: &mut Taking) -> io::Result<()> {
    let mut reader = ::csv::ReaderBuilder::new()
        // A row that is too short or too long is said with its line, by us.
        .flexible(true)
        .has_headers(false)
        .delimiter(separator)
        .trim(::csv::Trim::All)
        .from_reader(Remembered::new(source));
    let mut columns: Option<Vec<Option<&'static str>>> = None;
    let mut row = StringRecord::new();
    loop {
        let read = reader.read_record(&mut row);
        let from = row.position().map_or(0, ::csv::Position::byte);
        let line = reader.get_mut().line_of_row(from);
        match read {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) => return cannot_be_read(error, line, &mut taking.faults),
        }
        let text = reader.get_ref().row_until(reader.position().byte());
        let wanted = columns.as_ref().map_or(row.len(), Vec::len);
        if swallows_rows(&text, separator, wanted) {
            taking.faults.line(
                line,
                "a value goes on over several lines: is a quote not closed?",
            );
            if columns.is_none() {
                return Ok(());
            }
            continue;
        }
        let Some(columns) = &columns else {
            // Excel's note of the separator.
            if row
                .get(0)
                .is_some_and(|word| word.eq_ignore_ascii_case("sep="))
            {
                continue;
            }
            let header: Vec<_> = row.iter().map(field_called).collect();
            if !check_header(line, &row, &header, &mut taking.faults) {
                return Ok(());
            }
            columns = Some(header);
            continue;
        };
        if row.len() == columns.len() {
            taking.take(&record(line, columns, &row));
        } else {
            let advice = match row.len() > columns.len() {
                true => format!(": quote values that hold a {:?}", char::from(separator)),
                false if text.contains(&b'"') => ": is a quote not closed?".to_owned(),
                false => String::new(),
            };
            taking.faults.line(
                line,
                format!(
                    "has {} columns and the header has {}{advice}",
                    row.len(),
                    columns.len(),
                ),
            );
        }
    }
}

/// Whether a quote in this row is not closed, or a quoted value holds a line that could be a row of its own.
fn swallows_rows(row: &[u8], separator: u8, columns: usize) -> bool {
    let (mut quoted, mut broken, mut separators) = (false, false, 0);
    for byte in row {
        match byte {
            // Two of them are one in the text, and change nothing.
            b'"' => quoted = !quoted,
            b'\n' | b'\r' => (broken, separators) = (quoted, 0),
            other if *other != separator => {}
            _ if !quoted => broken = false,
            _ if broken => separators += 1,
            _ => {}
        }
        if separators > 0 && separators + 1 >= columns {
            return true;
        }
    }
    let is_break = |byte: &u8| matches!(byte, b'\n' | b'\r');
    quoted && row.trim_ascii_end().iter().any(is_break)
}

fn cannot_be_read(error: ::csv::Error, line: usize, faults: &mut Faults) -> io::Result<()> {
    let what = format!("cannot be read as CSV: {error}");
    if let ErrorKind::Utf8 { .. } = error.kind() {
        faults.line(line, "is not UTF-8: save the file as UTF-8");
        return Ok(());
    }
    if let ErrorKind::Io(fault) = error.into_kind()
        && fault.kind() != io::ErrorKind::InvalidData
    {
        return Err(fault);
    }
    faults.line(line, what);
    Ok(())
}

/// What separates the columns of the text that begins so: what its first line says, or what makes the most
/// columns of it that are known.
pub(super) fn separator(head: &[u8]) -> u8 {
    let head = String::from_utf8_lossy(head.trim_ascii_start());
    let line = head.lines().next().unwrap_or_default();
    let line = line.trim_end_matches([' ', '\r']);
    if names_separator(line)
        && let [separator] = line.as_bytes()[4..]
    {
        return separator;
    }
    let known = |separator: &u8| {
        let titles = line.split(char::from(*separator));
        let titles = titles.map(|title| title.trim().trim_matches('"'));
        titles.filter_map(field_called).count()
    };
    // Of those that do as well, the last one wins.
    *b"|\t;,"
        .iter()
        .max_by_key(|separator| known(separator))
        .unwrap_or(&b',')
}

/// Whether the text begins with a line that names the columns that a node must have.
pub(super) fn has_header(head: &[u8]) -> bool {
    let separator = char::from(separator(head));
    let head = String::from_utf8_lossy(head.trim_ascii_start());
    let titles = head.lines().next().unwrap_or_default().split(separator);
    let fields: Vec<_> = titles
        .filter_map(|title| field_called(title.trim().trim_matches('"')))
        .collect();
    fields.contains(&"driver") || names_separator(&head)
}

/// Whether a text begins with Excel's note of the separator.
fn names_separator(text: &str) -> bool {
    let begin = text.as_bytes().get(..4);
    begin.is_some_and(|begin| begin.eq_ignore_ascii_case(b"sep="))
}

/// Says what is wrong with the header: once, and not again for each row.
fn check_header(
    line: usize,
    titles: &StringRecord,
    columns: &[Option<&'static str>],
    faults: &mut Faults,
) -> bool {
    let mut good = true;
    if !columns.contains(&Some("conductor_group"))
        && let Some(what) = titles.iter().find_map(near_miss)
    {
        faults.line(line, format!("the column {what}"));
        good = false;
    }
    for field in FIELDS {
        let named = columns.iter().filter(|column| **column == Some(field));
        let count = named.count();
        let what = match count {
            0 if field == "uuid" && columns.contains(&Some("id")) => continue,
            0 if matches!(field, "uuid" | "driver") => format!(
                "the column {field} is missing: the first line must name the columns; with \
                 OpenStack's client use {} -f csv",
                client_option()
            ),
            0 | 1 => continue,
            _ => format!("the column {field} is given {count} times: keep one"),
        };
        faults.line(line, what);
        good = false;
    }
    good
}

/// Remembers what was read through it and is not behind us yet, to find the line of a row: the library
/// counts empty lines before a row as part of it.
struct Remembered<R> {
    source: R,
    bytes: Vec<u8>,
    /// How many of them are behind us.
    passed: usize,
    /// Where they begin in the file.
    from: u64,
    /// The line there, but for those that are behind us.
    line: usize,
}

impl<R> Remembered<R> {
    fn new(source: R) -> Self {
        Self {
            source,
            bytes: Vec::new(),
            passed: 0,
            from: 0,
            line: 1,
        }
    }

    /// The line of the row whose bytes begin at `offset`, which must not be before the last one.
    fn line_of_row(&mut self, offset: u64) -> usize {
        let to = usize::try_from(offset.saturating_sub(self.from)).unwrap_or(usize::MAX);
        let to = to.clamp(self.passed, self.bytes.len());
        let rest = &self.bytes[to..];
        let empty = rest.iter().take_while(|byte| matches!(byte, b'\n' | b'\r'));
        let to = to + empty.count();
        self.line += newlines(&self.bytes[self.passed..to]);
        self.passed = to;
        self.line
    }

    /// The bytes of the row that begins at the line found last, up to `offset`.
    fn row_until(&self, offset: u64) -> Vec<u8> {
        let to = usize::try_from(offset.saturating_sub(self.from)).unwrap_or(usize::MAX);
        self.bytes[self.passed..to.clamp(self.passed, self.bytes.len())].to_vec()
    }
}

impl<R: Read> Read for Remembered<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(into)?;
        self.bytes.drain(..self.passed);
        self.from += self.passed as u64;
        self.passed = 0;
        if self.bytes.len() > RECORD_BYTES {
            let what = format!("a row is longer than {RECORD_BYTES} bytes: is a quote not closed?");
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        self.bytes.extend_from_slice(&into[..read]);
        Ok(read)
    }
}

fn record(line: usize, columns: &[Option<&'static str>], row: &StringRecord) -> Record {
    let fields = columns.iter().zip(row).filter_map(|(column, text)| {
        let field = (*column)?;
        let value = match (field, text) {
            // As OpenStack's client prints null. Ironic keeps groups in lower case, so this is none.
            (_, "None") => Given::Nothing,
            ("name" | "maintenance", "") => Given::Nothing,
            (_, text) => Given::Text(text.to_owned()),
        };
        Some((field, Field { line, value }))
    });
    Record {
        line,
        fields: fields.collect(),
    }
    .settled()
}
