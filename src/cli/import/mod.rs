//! Reads the file of `nodes import`: JSON or CSV, as `openstack baremetal node list` and Ironic's
//! API print it. Pure: bytes in, nodes or all of their faults out.
//!
//! `csv` and `json` cut the file into `record`s, fields with their `lines`; what a field must be is
//! said once, in `node`; what is wrong is gathered in `fault`. Each knows only those after it here.

use std::collections::HashMap;

use self::fault::{Faults, quoted};
use self::lines::newlines;
use self::record::Record;

mod csv;
mod fault;
mod json;
mod lines;
mod node;
mod record;

pub use fault::{FAULTS_NAMED, Fault, ImportFault};
pub use node::ImportedNode;

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
        let Some(node) = node::node(record, &mut faults) else {
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
        "csv" => csv::records(text, faults),
        "jsonl" | "ndjson" => json::one_a_line(text, faults),
        "json" => json::records(text, faults),
        _ if text.trim_start().starts_with(['{', '[']) => json::records(text, faults),
        _ => csv::records(text, faults),
    }
}
