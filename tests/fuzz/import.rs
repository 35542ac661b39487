//! Files for `nodes import`: JSON in its shapes, CSV with its separators, and whatever else somebody
//! gives it.

use std::collections::BTreeSet;
use std::io::{self, Read};

use nodewarden::cli::import::{FAULTS_NAMED, ImportFault, ImportedNode, ReadFault, parse, read};
use nodewarden::store::NodeUpsert;
use serde_json::{Value, json};

use super::random::Random;
use super::{Target, bytes, corpus};

/// A file, and the extension of its name.
#[derive(Debug)]
pub struct File {
    text: Vec<u8>,
    extension: Option<&'static str>,
}

pub struct Import {
    files: Vec<Vec<u8>>,
}

impl Import {
    pub fn new() -> Self {
        let mut files = corpus::fixtures();
        files.extend(corpus::kept("import"));
        Self { files }
    }
}

const EXTENSIONS: &[Option<&str>] = &[
    None,
    Some("json"),
    Some("csv"),
    Some("jsonl"),
    Some("ndjson"),
    Some("txt"),
];

const MUST_OCCUR: &[&str] = &[
    "good with None",
    "good with Some(\"json\")",
    "good with Some(\"jsonl\")",
    "good with Some(\"csv\")",
    "uuid ",
    "driver ",
    "name ",
];

const WORDS: &[&str] = &[
    "ipmi",
    "redfish",
    "rack-7",
    "",
    " ",
    "None",
    "null",
    "true",
    "False",
    "a,b",
    "a;b",
    "a\"b",
    "a\nb",
    "\u{202e}x",
    "Größe",
    "x\0",
    "406B2F34-0195-4FC2-A6BB-338FB25CCFA4",
    "406b2f3401954fc2a6bb338fb25ccfa4",
];

const KEYS: &[&str] = &[
    "uuid",
    "UUID",
    "id",
    "name",
    "Name",
    "driver",
    "conductor_group",
    "Conductor Group",
    "maintenance",
    "is_maintenance",
    "service_state",
    "extra",
    "nodes",
    "next",
];

fn value(random: &mut Random) -> Value {
    match random.below(8) {
        0 => Value::Null,
        1 => json!(random.once_in(2)),
        2 => json!(random.next()),
        3 => json!([1, {"uuid": "x"}]),
        4 => json!({"uuid": {"driver": []}}),
        _ => json!(random.one_of(WORDS)),
    }
}

fn node(random: &mut Random) -> Value {
    let mut node = json!({"uuid": format!("n{}", random.below(40)), "driver": "ipmi"});
    for _ in 0..random.below(3) {
        node[*random.one_of(KEYS)] = value(random);
    }
    for _ in 0..random.below(3) {
        node[*random.one_of(&["name", "conductor_group"])] = json!(random.one_of(WORDS));
    }
    node
}

fn file(random: &mut Random) -> Vec<u8> {
    let nodes: Vec<Value> = (0..random.below(6)).map(|_| node(random)).collect();
    let text = match random.below(5) {
        0 => json!(nodes).to_string(),
        1 => serde_json::to_string_pretty(&nodes).unwrap(),
        2 => json!({"nodes": nodes}).to_string(),
        3 => nodes.iter().map(|node| format!("{node}\n")).collect(),
        _ => return csv(random, &nodes),
    };
    text.into_bytes()
}

fn csv(random: &mut Random, nodes: &[Value]) -> Vec<u8> {
    let separator = *random.one_of(b",;\t|");
    let mut columns = vec!["uuid", "driver"];
    for _ in 0..random.below(4) {
        columns.push(*random.one_of(KEYS));
    }
    let text = |value: &Value| match (value.is_null(), value.as_str()) {
        (true, _) => String::new(),
        (_, Some(text)) => text.to_owned(),
        (_, None) => value.to_string(),
    };
    let mut text_of = ::csv::WriterBuilder::new()
        .delimiter(separator)
        .from_writer(Vec::new());
    text_of.write_record(&columns).unwrap();
    for node in nodes {
        text_of
            .write_record(columns.iter().map(|column| text(&node[*column])))
            .unwrap();
    }
    text_of.into_inner().unwrap()
}

impl Target for Import {
    type Input = File;

    fn name(&self) -> &'static str {
        "import"
    }

    fn input(&self, random: &mut Random) -> File {
        let mut text = match random.once_in(3) {
            true => random.one_of(&self.files).clone(),
            false => file(random),
        };
        if !random.once_in(4) {
            let other = random.one_of(&self.files).clone();
            bytes::mutate(random, &mut text, &other);
        }
        File {
            text,
            extension: *random.one_of(EXTENSIONS),
        }
    }

    fn kept(&self, input: &File) -> Vec<u8> {
        input.text.clone()
    }

    fn judge(&self, random: &mut Random, input: &File) -> String {
        let outcome = parse(&input.text, input.extension);
        // It matters to nobody in which pieces the file arrives.
        let most = *random.one_of(&[1, 2, 3, 7, 8192]);
        let pieces = Pieces {
            rest: &input.text,
            most,
        };
        let whole = packed(&input.text[..], input.extension);
        assert_eq!(
            packed(pieces, input.extension),
            whole,
            "in pieces of {most}"
        );
        match outcome {
            Err(faults) => {
                is_told(&faults, &input.text);
                let first = &faults.faults[0];
                format!("{} {}", first.field.unwrap_or_default(), shape(&first.what))
            }
            Ok(nodes) => {
                is_bounded(&nodes);
                again(&nodes);
                format!("good with {:?}", input.extension)
            }
        }
    }

    fn must_occur(&self) -> &'static [&'static str] {
        MUST_OCCUR
    }
}

/// What is read, as the database gets it.
fn packed(source: impl Read, extension: Option<&str>) -> Result<Vec<NodeUpsert>, ImportFault> {
    match read(source, extension) {
        Ok(nodes) => Ok(nodes.some(0, nodes.len())),
        Err(ReadFault::Import(faults)) => Err(faults),
        Err(ReadFault::Io(fault)) => panic!("memory can be read: {fault}"),
    }
}

/// Every fault has its line, and fits on a terminal.
fn is_told(told: &ImportFault, text: &[u8]) {
    assert!((1..=FAULTS_NAMED).contains(&told.faults.len()));
    let lines = text.iter().filter(|byte| **byte == b'\n').count() + 1;
    for fault in &told.faults {
        assert!((1..=lines).contains(&fault.line), "{fault} of {lines}");
        assert!(!fault.what.is_empty() && fault.what.len() < 2000, "{fault}");
        assert!(!fault.what.chars().any(char::is_control), "{fault:?}");
    }
}

fn is_bounded(nodes: &[ImportedNode]) {
    let name = |text: &str| {
        (1..=255).contains(&text.len())
            && !text.chars().any(char::is_control)
            && text.trim() == text
    };
    let mut uuids = BTreeSet::new();
    for node in nodes {
        assert!(name(&node.uuid) && name(&node.driver), "{node:?}");
        let names = [node.name.clone().flatten(), node.conductor_group.clone()];
        for text in names.into_iter().flatten() {
            assert!(text.is_empty() || name(&text), "{node:?}");
        }
        assert!(uuids.insert(&node.uuid), "{node:?} is there twice");
    }
}

/// What we would write of them means the same.
fn again(nodes: &[ImportedNode]) {
    let lines = nodes.iter().map(|node| {
        let mut fields = json!({"uuid": node.uuid, "driver": node.driver});
        if let Some(name) = &node.name {
            fields["name"] = json!(name);
        }
        if let Some(group) = &node.conductor_group {
            fields["conductor_group"] = json!(group);
        }
        if let Some(maintenance) = node.maintenance {
            fields["maintenance"] = json!(maintenance);
        }
        format!("{fields}\n")
    });
    let text: String = lines.collect();
    if nodes.is_empty() {
        return;
    }
    let without_lines = |nodes: &[ImportedNode]| -> Vec<ImportedNode> {
        let nodes = nodes.iter().cloned();
        nodes.map(|node| ImportedNode { line: 0, ..node }).collect()
    };
    let again = parse(text.as_bytes(), Some("jsonl")).unwrap();
    assert_eq!(without_lines(&again), without_lines(nodes));
}

/// A file that comes in small pieces, with interruptions.
struct Pieces<'a> {
    rest: &'a [u8],
    most: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.most.min(into.len()).min(self.rest.len());
        let (now, later) = self.rest.split_at(length);
        into[..length].copy_from_slice(now);
        self.rest = later;
        Ok(length)
    }
}

/// The words of a fault, without what it quotes and counts.
fn shape(what: &str) -> String {
    let outside = what.split('"').next().unwrap_or_default();
    outside.chars().filter(|c| !c.is_ascii_digit()).collect()
}
