//! Reads the file of `nodes import`: JSON or CSV, as `openstack baremetal node list` and Ironic's
//! API print it. Pure: bytes in, nodes or all of their faults out.
//!
//! The file streams through: `csv` and `json` cut one `record` after the other, fields with their
//! `lines`; what a field must be is said once, in `node`; what is wrong is gathered in `fault`; what
//! is good is kept `packed`, a fraction of the file, until all of it was checked.

use std::io::{self, Read};

use self::lines::newlines;
use self::taking::Taking;

mod csv;
mod cutter;
mod fault;
mod foreign;
mod json;
mod lines;
mod node;
mod packed;
mod record;
mod taking;

pub use fault::{FAULTS_NAMED, Fault, ImportFault};
pub use node::ImportedNode;
pub use packed::PackedNodes;

/// So much of the file is looked at to find out what it is.
const HEAD_BYTES: u64 = 64 * 1024;

/// Why there are no nodes.
#[derive(Debug, thiserror::Error)]
pub enum ReadFault {
    /// The file is wrong.
    #[error(transparent)]
    Import(#[from] ImportFault),
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The nodes in `text`, in the order of the file: [`read`] for those who have all of it.
/// Errors: [`ImportFault`] with all that is wrong.
pub fn parse(text: &[u8], extension: Option<&str>) -> Result<Vec<ImportedNode>, ImportFault> {
    match read(text, extension) {
        Ok(nodes) => Ok(nodes.in_order_of_the_file()),
        Err(ReadFault::Import(faults)) => Err(faults),
        Err(ReadFault::Io(_)) => unreachable!("memory can be read"),
    }
}

/// The nodes in `source`. `extension` is that of the file's name, without the dot; where it says
/// nothing (standard input), a text that begins with a bracket is JSON, and any other CSV.
/// Errors: [`ReadFault`] with all that is wrong.
pub fn read(mut source: impl Read, extension: Option<&str>) -> Result<PackedNodes, ReadFault> {
    let mut taking = Taking::default();
    let mut head = Vec::new();
    source.by_ref().take(HEAD_BYTES).read_to_end(&mut head)?;
    match readable(&head) {
        Err(what) => taking.faults.line(1, what),
        Ok(from) => {
            let extension = extension.unwrap_or_default().to_ascii_lowercase();
            let from = from + foreign::before_json(&head[from..], &extension);
            taking.above = newlines(&head[..from]);
            let text = &head[from..];
            let first = text.trim_ascii_start().first().copied();
            let whole = text.chain(source);
            match (extension.as_str(), first) {
                ("csv", _) => csv::records(whole, csv::separator(text), &mut taking)?,
                ("jsonl" | "ndjson", _) => json::one_a_line(whole, &mut taking)?,
                ("json", _) | (_, Some(b'{' | b'[')) => json::records(whole, &mut taking)?,
                _ => csv::records(whole, csv::separator(text), &mut taking)?,
            }
        }
    }
    let Taking {
        mut nodes,
        mut faults,
        ..
    } = taking;
    nodes.sort(&mut faults);
    Ok(faults.none_or(nodes)?)
}

/// Where the text begins, behind its byte order mark.
fn readable(head: &[u8]) -> Result<usize, &'static str> {
    // What PowerShell writes when it redirects into a file.
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return Err("the file is UTF-16: save it as UTF-8");
    }
    let from = if head.starts_with(b"\xef\xbb\xbf") {
        3
    } else {
        0
    };
    if let Some(what) = foreign::no_text(&head[from..]) {
        return Err(what);
    }
    if head[from..].trim_ascii().is_empty() && (head.len() as u64) < HEAD_BYTES {
        return Err("the file is empty: give JSON, or CSV with a header");
    }
    Ok(from)
}
