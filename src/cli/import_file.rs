//! Reads the file of `nodes import`: JSON or CSV, as `openstack baremetal node list` and Ironic's
//! API print it. Pure: bytes in, nodes or all of their faults out.
//!
//! Either format is first cut into `Record`s, fields with their lines; what a field must be is
//! said once, in `import_node`.

use std::collections::HashMap;
use std::fmt;

use super::import_csv;
use super::import_json;
use super::import_node::node;

/// How many faults are named: enough to see a pattern, few enough for one screen.
pub const FAULTS_NAMED: usize = 20;

/// One node of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedNode {
    /// Where it begins in the file, from 1.
    pub line: usize,
    /// Its id, as in the file.
    pub uuid: String,
    /// `None`: the file does not say. `Some(None)`: it has no name.
    pub name: Option<Option<String>>,
    /// The driver that it needs.
    pub driver: String,
    /// The conductor group that it needs, as in the file. `None`: the file does not say.
    pub conductor_group: Option<String>,
    /// The operators' own mark. `None`: the file does not say.
    pub maintenance: Option<bool>,
}

/// Everything that is wrong with the file. Nothing of it is imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportFault {
    /// The first [`FAULTS_NAMED`], in the order of the file.
    pub faults: Vec<Fault>,
    /// How many more there are.
    pub more: usize,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where, from 1.
    pub line: usize,
    /// In which field, where it is about one.
    pub field: Option<&'static str>,
    /// What, and what to do about it.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        if let Some(field) = self.field {
            write!(f, "{field} ")?;
        }
        f.write_str(&self.what)
    }
}

impl fmt::Display for ImportFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, fault) in self.faults.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            fault.fmt(f)?;
        }
        if self.more > 0 {
            write!(f, "\nand {} more", self.more)?;
        }
        Ok(())
    }
}

impl std::error::Error for ImportFault {}

/// The nodes in `text`. `extension` is that of the file's name, without the dot; where it says
/// nothing (standard input), a text that begins with a bracket is JSON, and any other CSV.
///
/// # Errors
/// [`ImportFault`] with all that is wrong.
pub fn parse(text: &[u8], extension: Option<&str>) -> Result<Vec<ImportedNode>, ImportFault> {
    let mut faults = Faults::default();
    let records = match readable(text) {
        Ok(text) => records(text, extension, &mut faults),
        Err(fault) => {
            faults.add(fault);
            Vec::new()
        }
    };
    let mut nodes = Vec::with_capacity(records.len());
    let mut lines: HashMap<String, usize> = HashMap::new();
    for record in &records {
        let Some(node) = node(record, &mut faults) else {
            continue;
        };
        match lines.get(&node.uuid) {
            Some(first) => faults.add(Fault {
                line: record.line_of("uuid"),
                field: Some("uuid"),
                what: format!(
                    "{} is already on line {first}: keep one of the two",
                    quoted(&node.uuid)
                ),
            }),
            None => {
                lines.insert(node.uuid.clone(), record.line_of("uuid"));
                nodes.push(node);
            }
        }
    }
    faults.none_or(nodes)
}

/// The text without its byte order mark.
fn readable(text: &[u8]) -> Result<&str, Fault> {
    let whole = |what: &str| Fault {
        line: 1,
        field: None,
        what: what.to_owned(),
    };
    // What PowerShell writes when it redirects into a file.
    if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        return Err(whole("the file is UTF-16: save it as UTF-8"));
    }
    let text = std::str::from_utf8(text).map_err(|error| Fault {
        line: 1 + newlines(&text[..error.valid_up_to()]),
        ..whole("is not UTF-8: save the file as UTF-8")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(whole("the file is empty: give JSON, or CSV with a header"));
    }
    Ok(text)
}

fn records(text: &str, extension: Option<&str>, faults: &mut Faults) -> Vec<Record> {
    let extension = extension.unwrap_or_default().to_ascii_lowercase();
    match extension.as_str() {
        "csv" => import_csv::records(text, faults),
        "jsonl" | "ndjson" => import_json::one_a_line(text, faults),
        "json" => import_json::records(text, faults),
        _ if text.trim_start().starts_with(['{', '[']) => import_json::records(text, faults),
        _ => import_csv::records(text, faults),
    }
}

/// Collects faults; no more than a few for each record, so the file bounds them.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// A fault of a whole line.
    pub(super) fn line(&mut self, line: usize, what: impl Into<String>) {
        self.add(Fault {
            line,
            field: None,
            what: what.into(),
        });
    }

    fn none_or<T>(mut self, good: T) -> Result<T, ImportFault> {
        if self.0.is_empty() {
            return Ok(good);
        }
        // Those of the format were found before those of the fields.
        self.0.sort_by_key(|fault| fault.line);
        let more = self.0.len().saturating_sub(FAULTS_NAMED);
        self.0.truncate(FAULTS_NAMED);
        Err(ImportFault {
            faults: self.0,
            more,
        })
    }
}

/// The fields of one node that matter, by their names in the API.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) line: usize,
    pub(super) fields: HashMap<&'static str, Field>,
}

/// What the file has in one field. Null and its spellings are no field, but for the name.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) line: usize,
    pub(super) value: Given,
}

/// A value of the file, as far as any field needs it.
#[derive(Debug)]
pub(super) enum Given {
    Nothing,
    Text(String),
    Bool(bool),
    /// Something that no field may be, in words.
    Other(&'static str),
}

impl Record {
    pub(super) fn line_of(&self, field: &str) -> usize {
        self.fields.get(field).map_or(self.line, |field| field.line)
    }
}

/// The field that a key or column title means: `Conductor Group` is `conductor_group`. Others are
/// ignored.
pub(super) fn field_called(title: &str) -> Option<&'static str> {
    let title = title.trim().to_ascii_lowercase().replace(' ', "_");
    ["uuid", "name", "driver", "conductor_group", "maintenance"]
        .into_iter()
        .find(|field| *field == title)
}

/// The line that a byte offset lies in, from 1, in time proportional to the step from the last one.
pub(super) struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text: text.as_bytes(),
            at: 0,
            line: 1,
        }
    }

    /// `offset` must not be before the last one.
    pub(super) fn line_at(&mut self, offset: usize) -> usize {
        let offset = offset.clamp(self.at, self.text.len());
        self.line += newlines(&self.text[self.at..offset]);
        self.at = offset;
        self.line
    }
}

fn newlines(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte == b'\n').count()
}

/// The beginning of a text of the file, fit for a terminal.
pub(super) fn quoted(text: &str) -> String {
    // A UUID has 36 characters.
    let shown: String = text.chars().take(40).collect();
    let rest = if shown.len() < text.len() { "…" } else { "" };
    format!("\"{}{rest}\"", shown.escape_debug())
}
