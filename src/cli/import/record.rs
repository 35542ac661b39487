//! What either format is cut into: the fields of a node as the file has them, with their lines.

use std::collections::HashMap;

use crate::domain::ids::uuid_form;

/// The fields of a node that are read, by their names in Ironic's API; all others are ignored.
pub(super) const FIELDS: [&str; 5] = ["uuid", "name", "driver", "conductor_group", "maintenance"];

/// How OpenStack's SDK calls two of them. An `id` counts only in the form of a UUID: in a dump of the
/// database it is the number of the row.
const ALIASES: [(&str, &str); 2] = [("id", "uuid"), ("is_maintenance", "maintenance")];

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
    /// Null, or how the format spells it.
    Nothing,
    /// Text.
    Text(String),
    /// True or false.
    Bool(bool),
    /// 1 or 0, which some databases say for true or false.
    Digit(bool),
    /// Something that no field may be, in words.
    Other(&'static str),
}

impl Record {
    /// Takes a field by its other name where it has none by its own.
    pub(super) fn settled(mut self) -> Self {
        for (alias, field) in ALIASES {
            let Some(found) = self.fields.remove(alias) else {
                continue;
            };
            let is_uuid =
                || matches!(&found.value, Given::Text(text) if uuid_form(text.trim()).is_some());
            if field != "uuid" || is_uuid() {
                self.fields.entry(field).or_insert(found);
            }
        }
        self
    }

    pub(super) fn line_of(&self, field: &str) -> usize {
        self.fields.get(field).map_or(self.line, |field| field.line)
    }
}

/// The field that a key or column title means: `Conductor Group` is `conductor_group`.
pub(super) fn field_called(title: &str) -> Option<&'static str> {
    let title = title.trim().to_ascii_lowercase().replace(' ', "_");
    let aliases = ALIASES.into_iter().map(|(alias, _)| alias);
    FIELDS
        .into_iter()
        .chain(aliases)
        .find(|field| *field == title)
}

/// What is wrong with a key or title that is most likely meant as `conductor_group`, whose loss would put the
/// nodes into the default group.
pub(super) fn near_miss(title: &str) -> Option<String> {
    let plain = title.to_ascii_lowercase().replace([' ', '_', '-'], "");
    let missed = field_called(title).is_none() && matches!(&*plain, "group" | "conductorgroup");
    missed.then(|| format!("{} is unknown: write conductor_group", title.trim()))
}

/// What to give OpenStack's client, for the faults about missing fields.
pub(super) fn client_option() -> String {
    format!("--limit 0 --fields {}", FIELDS.join(" "))
}
