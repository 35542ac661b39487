//! What each field of a node must be, whatever the format of the file.

use super::fault::{Fault, Faults, quoted};
use super::record::{Given, Record, client_option};
use crate::domain::ids::{Driver, Group, NAME_BYTES, node_id};

/// One node of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedNode {
    /// Where it begins in the file, from 1.
    pub line: usize,
    /// Its id, in its one form.
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

/// The node that `record` describes, or `None` after saying everything that is wrong with it.
pub(super) fn node(record: &Record, faults: &mut Faults) -> Option<ImportedNode> {
    let mut check = Check {
        record,
        faults,
        good: true,
    };
    let uuid = check.required("uuid", id_fault);
    let driver = check.required("driver", id_fault);
    let group = check.text("conductor_group", |text| {
        Group::parse(text).err().map(|fault| fault.to_string())
    });
    // Ironic has no empty names: an empty one is none.
    let name = check.text("name", |text| id_fault(text).filter(|_| !text.is_empty()));
    let maintenance = check.flag("maintenance");
    if !check.good {
        return None;
    }
    Some(ImportedNode {
        line: record.line,
        uuid: node_id(&uuid?),
        name: record
            .fields
            .contains_key("name")
            .then(|| name.filter(|name| !name.is_empty())),
        driver: driver?,
        conductor_group: group,
        maintenance,
    })
}

/// Drivers, ids and names of nodes have the bounds of every name.
fn id_fault(text: &str) -> Option<String> {
    Driver::parse(text).err().map(|fault| fault.to_string())
}

struct Check<'a> {
    record: &'a Record,
    faults: &'a mut Faults,
    good: bool,
}

impl Check<'_> {
    fn fault(&mut self, field: &'static str, what: String) {
        self.good = false;
        self.faults.add(Fault {
            line: self.record.line_of(field),
            field: Some(field),
            what,
        });
    }

    /// The text in `field`, where there is one. `fault` says what is wrong with it.
    fn text(&mut self, field: &'static str, fault: fn(&str) -> Option<String>) -> Option<String> {
        let found = match &self.record.fields.get(field)?.value {
            Given::Nothing => return None,
            Given::Text(text) => match fault(text.trim()) {
                None => return Some(text.trim().to_owned()),
                Some(what) => format!(
                    "{what}: {}; it must be text of at most {NAME_BYTES} bytes without control characters",
                    quoted(text)
                ),
            },
            Given::Bool(_) => "is a boolean: it must be text".to_owned(),
            Given::Digit(_) => "is a number: it must be text".to_owned(),
            Given::Other(kind) => format!("is {kind}: it must be text"),
        };
        self.fault(field, found);
        None
    }

    fn required(
        &mut self,
        field: &'static str,
        fault: fn(&str) -> Option<String>,
    ) -> Option<String> {
        let nothing = match self.record.fields.get(field).map(|field| &field.value) {
            None | Some(Given::Nothing) => true,
            Some(Given::Text(text)) => text.trim().is_empty(),
            Some(_) => false,
        };
        if nothing {
            self.fault(
                field,
                format!("is missing: ask for it with {}", client_option()),
            );
            return None;
        }
        self.text(field, fault)
    }

    fn flag(&mut self, field: &'static str) -> Option<bool> {
        let found = match &self.record.fields.get(field)?.value {
            Given::Nothing => return None,
            Given::Bool(flag) | Given::Digit(flag) => return Some(*flag),
            Given::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "1" => return Some(true),
                "false" | "0" => return Some(false),
                _ => quoted(text),
            },
            Given::Other(kind) => (*kind).to_owned(),
        };
        self.fault(field, format!("is {found}: it must be true or false"));
        None
    }
}
