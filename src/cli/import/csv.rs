//! CSV with a header, cut into records.

use super::fault::Faults;
use super::lines::Lines;
use super::record::{FIELDS, Field, Given, Record, client_option, field_called};

/// The records below the header of `text`.
pub(super) fn records(text: &str, faults: &mut Faults) -> Vec<Record> {
    let mut reader = ::csv::ReaderBuilder::new()
        // A row that is too short or too long is said with its line, by us.
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let columns = match reader.headers() {
        Ok(header) => header.iter().map(field_called).collect::<Vec<_>>(),
        Err(error) => {
            faults.line(1, format!("cannot be read as CSV: {error}"));
            return Vec::new();
        }
    };
    let header_good = check_header(text, &columns, faults);
    if !header_good {
        return Vec::new();
    }
    let mut lines = Lines::new(text);
    let mut records = Vec::new();
    for row in reader.records() {
        let row = match row {
            Ok(row) => row,
            Err(error) => {
                let offset = error.position().map_or(0, |position| position.byte());
                let line = lines.line_at(usize::try_from(offset).unwrap_or(usize::MAX));
                faults.line(line, format!("cannot be read as CSV: {error}"));
                return records;
            }
        };
        let line = lines.line_at(start(text, &row));
        if row.len() == columns.len() {
            records.push(record(line, &columns, &row));
        } else {
            faults.line(
                line,
                format!(
                    "has {} columns and the header has {}: quote values that hold a comma",
                    row.len(),
                    columns.len()
                ),
            );
        }
    }
    records
}

/// Says what is wrong with the header: once, and not again for each row.
fn check_header(text: &str, columns: &[Option<&'static str>], faults: &mut Faults) -> bool {
    // The library skips empty lines before the header, too.
    let line = Lines::new(text).line_at(text.len() - text.trim_start().len());
    let mut good = true;
    for field in FIELDS {
        let count = columns
            .iter()
            .filter(|column| **column == Some(field))
            .count();
        let what = match count {
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

/// Where the row begins. The library counts empty lines before a row as part of it.
fn start(text: &str, row: &::csv::StringRecord) -> usize {
    let from = row.position().map_or(0, |position| position.byte());
    let from = usize::try_from(from).unwrap_or(usize::MAX).min(text.len());
    let rest = &text.as_bytes()[from..];
    let empty = rest.iter().take_while(|byte| matches!(byte, b'\n' | b'\r'));
    from + empty.count()
}

fn record(line: usize, columns: &[Option<&'static str>], row: &::csv::StringRecord) -> Record {
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
}
