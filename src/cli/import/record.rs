//! One node of the file before it is checked: the fields that matter, with their lines.

use std::collections::HashMap;

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
