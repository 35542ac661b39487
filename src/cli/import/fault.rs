//! What is wrong with the file: every fault with its line and field, gathered and told.

use std::fmt;

/// How many faults are named: enough to see a pattern, few enough for one screen.
pub const FAULTS_NAMED: usize = 20;

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
        let faults: Vec<String> = self.faults.iter().map(Fault::to_string).collect();
        f.write_str(&faults.join("\n"))?;
        if self.more > 0 {
            write!(f, "\nand {} more", self.more)?;
        }
        Ok(())
    }
}

impl std::error::Error for ImportFault {}

/// Collects faults: those that are named, and how many there are.
#[derive(Debug, Default)]
pub(super) struct Faults {
    first: Vec<Fault>,
    all: usize,
}

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) {
        self.all += 1;
        self.first.push(fault);
        // They come nearly in order; those that are said at the end are not the last by line.
        if self.first.len() > 10 * FAULTS_NAMED {
            self.cut();
        }
    }

    /// A fault of a whole line.
    pub(super) fn line(&mut self, line: usize, what: impl Into<String>) {
        self.add(Fault {
            line,
            field: None,
            what: what.into(),
        });
    }

    fn cut(&mut self) {
        self.first.sort_by_key(|fault| fault.line);
        self.first.truncate(FAULTS_NAMED);
    }

    pub(super) fn none_or<T>(mut self, good: T) -> Result<T, ImportFault> {
        if self.all == 0 {
            return Ok(good);
        }
        self.cut();
        Err(ImportFault {
            more: self.all - self.first.len(),
            faults: self.first,
        })
    }
}

/// The beginning of a text of the file, fit for a terminal.
pub(super) fn quoted(text: &str) -> String {
    // A UUID has 36 characters.
    let shown: String = text.chars().take(40).collect();
    let rest = if shown.len() < text.len() { "…" } else { "" };
    format!("\"{}{rest}\"", shown.escape_debug())
}
