//! The nodes of a file that is being checked: packed, so that a million of them take less than 100 MB,
//! and in the order of their keys, in which a database writes them fastest.

use std::collections::HashMap;

use super::fault::{Fault, Faults, quoted};
use super::node::ImportedNode;
use crate::store::NodeUpsert;

/// What is known of a node, as bits.
const NAME_SAID: u8 = 1;
const NAMED: u8 = 2;
const GROUP_SAID: u8 = 4;
const MAINTENANCE_SAID: u8 = 8;
const MAINTENANCE: u8 = 16;

/// Checked nodes, by uuid.
#[derive(Debug, Default)]
pub struct PackedNodes {
    /// One after the other: see [`push`](Self::push).
    bytes: Vec<u8>,
    /// Where each begins.
    starts: Vec<usize>,
    /// Drivers and groups, each written once, and their places.
    words: Vec<String>,
    places: HashMap<String, u32>,
    /// They came in pages, of which the last one says that it is.
    paged: bool,
}

/// One of them, in pieces.
struct Unpacked<'a> {
    line: u32,
    /// That of its uuid.
    uuid_line: u32,
    bits: u8,
    uuid: &'a str,
    name: &'a str,
    driver: &'a str,
    group: &'a str,
}

/// Where Ironic ends a list by itself, unless told otherwise (`api.max_limit`).
const PAGE: usize = 1000;

impl PackedNodes {
    /// Whether there may be more of them where they come from: they are just as many as Ironic prints at
    /// most, and nothing says that they are all.
    #[must_use]
    pub fn may_be_a_page(&self) -> bool {
        self.len() == PAGE && !self.paged
    }

    pub(super) fn say_paged(&mut self) {
        self.paged = true;
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// Whether one has this uuid.
    #[must_use]
    pub fn names(&self, uuid: &str) -> bool {
        let found = self
            .starts
            .binary_search_by(|start| self.key(*start).cmp(uuid.as_bytes()));
        found.is_ok()
    }

    /// Some of them, by uuid: at most `most` from the place `from` on.
    #[must_use]
    pub fn some(&self, from: usize, most: usize) -> Vec<NodeUpsert> {
        let some = self.starts.iter().skip(from).take(most);
        some.map(|start| upsert(self.node(*start))).collect()
    }

    pub(super) fn in_order_of_the_file(&self) -> Vec<ImportedNode> {
        let mut starts = self.starts.clone();
        starts.sort_unstable();
        starts.into_iter().map(|start| self.node(start)).collect()
    }

    /// Takes a node whose uuid is on `uuid_line`.
    pub(super) fn push(&mut self, node: &ImportedNode, uuid_line: usize) {
        self.starts.push(self.bytes.len());
        let mut bits = 0;
        let mut set = |bit, yes| bits |= if yes { bit } else { 0 };
        let name = node.name.as_ref().and_then(Option::as_ref);
        set(NAME_SAID, node.name.is_some());
        set(NAMED, name.is_some());
        set(GROUP_SAID, node.conductor_group.is_some());
        set(MAINTENANCE_SAID, node.maintenance.is_some());
        set(MAINTENANCE, node.maintenance == Some(true));
        let line = |line: usize| u32::try_from(line).unwrap_or(u32::MAX);
        let driver = self.place(&node.driver);
        let group = self.place(node.conductor_group.as_deref().unwrap_or_default());
        for number in [line(node.line), line(uuid_line), driver, group] {
            self.bytes.extend(number.to_le_bytes());
        }
        self.bytes.push(bits);
        for text in [node.uuid.as_str(), name.map_or("", String::as_str)] {
            let text = text.as_bytes();
            self.bytes.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
            // Checked before: a name has at most 255 bytes.
            self.bytes.extend(&text[..text.len().min(255)]);
        }
    }

    fn place(&mut self, word: &str) -> u32 {
        if let Some(place) = self.places.get(word) {
            return *place;
        }
        let place = u32::try_from(self.words.len()).expect("a file has at most 2^30 bytes");
        self.words.push(word.to_owned());
        self.places.insert(word.to_owned(), place);
        place
    }

    /// Puts them in order, and says which are there twice.
    pub(super) fn sort(&mut self, faults: &mut Faults) {
        let mut starts = std::mem::take(&mut self.starts);
        starts.sort_unstable_by(|one, other| {
            let keys = self.key(*one).cmp(self.key(*other));
            keys.then(one.cmp(other))
        });
        for same in starts.chunk_by(|one, other| self.key(*one) == self.key(*other)) {
            let first = self.at(same[0]);
            for again in &same[1..] {
                faults.add(Fault {
                    line: self.at(*again).uuid_line as usize,
                    field: Some("uuid"),
                    what: format!(
                        "{} is already on line {}: keep one of the two",
                        quoted(first.uuid),
                        first.uuid_line
                    ),
                });
            }
        }
        self.starts = starts;
    }

    /// Its uuid as bytes, which sort as the text does.
    fn key(&self, start: usize) -> &[u8] {
        let rest = &self.bytes[start + 17..];
        &rest[1..][..rest[0].into()]
    }

    fn at(&self, start: usize) -> Unpacked<'_> {
        let rest = &self.bytes[start..];
        let number = |at: usize| {
            let bytes = rest[at..at + 4].try_into().expect("four of them");
            u32::from_le_bytes(bytes)
        };
        let (uuid, rest_of_it) = text(&rest[17..]);
        let (name, _) = text(rest_of_it);
        Unpacked {
            line: number(0),
            uuid_line: number(4),
            bits: rest[16],
            uuid,
            name,
            driver: &self.words[number(8) as usize],
            group: &self.words[number(12) as usize],
        }
    }

    fn node(&self, start: usize) -> ImportedNode {
        let packed = self.at(start);
        let said = |bit| packed.bits & bit != 0;
        ImportedNode {
            line: packed.line as usize,
            uuid: packed.uuid.to_owned(),
            name: said(NAME_SAID).then(|| said(NAMED).then(|| packed.name.to_owned())),
            driver: packed.driver.to_owned(),
            conductor_group: said(GROUP_SAID).then(|| packed.group.to_owned()),
            maintenance: said(MAINTENANCE_SAID).then(|| said(MAINTENANCE)),
        }
    }
}

/// A text behind its length, and what follows.
fn text(bytes: &[u8]) -> (&str, &[u8]) {
    let (text, rest) = bytes[1..].split_at(bytes[0].into());
    (std::str::from_utf8(text).expect("packed from text"), rest)
}

fn upsert(node: ImportedNode) -> NodeUpsert {
    NodeUpsert {
        uuid: node.uuid,
        name: node.name,
        driver: node.driver,
        conductor_group: node.conductor_group,
        maintenance: node.maintenance,
    }
}
