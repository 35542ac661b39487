//! MessagePack by its grammar, with the vices that encoders and attackers have: lengths that lie or
//! take more bytes than they need, text that is no UTF-8, extensions, doubled keys, depth.

use serde_json::Value;

use super::random::Random;

#[derive(Clone, Debug)]
pub enum Node {
    /// Written as it is.
    Bytes(Vec<u8>),
    Unsigned(u64),
    Signed(i64),
    Double(f64),
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Extension(u8, Vec<u8>),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    /// It claims to have so many entries more than it has.
    Lying(Box<Node>, i64),
}

impl From<&Value> for Node {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Node::Bytes(vec![0xc0]),
            Value::Bool(yes) => Node::Bytes(vec![0xc2 + u8::from(*yes)]),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => Node::Unsigned(number),
                (None, Some(number)) => Node::Signed(number),
                (None, None) => Node::Double(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => Node::Text(text.clone().into_bytes()),
            Value::Array(list) => Node::List(list.iter().map(Node::from).collect()),
            Value::Object(entries) => Node::Map(
                entries
                    .iter()
                    .map(|(key, value)| (Node::Text(key.clone().into_bytes()), Node::from(value)))
                    .collect(),
            ),
        }
    }
}

/// The fields that messages have.
const FIELDS: &[&str] = &[
    "conductor",
    "incarnation",
    "conductor_group",
    "drivers",
    "heartbeat_timeout_ms",
    "heartbeat_interval_ms",
    "sent_at_ms",
    "back_within_ms",
    "reason",
    "last_seen_ms",
    "detected_by",
    "stream",
    "session",
    "sent_us",
    "nonce",
    "subscriber",
    "seq",
    "applied_at_ms",
    "added_later",
];

const NUMBERS: &[u64] = &[
    0,
    1,
    127,
    128,
    255,
    256,
    999,
    1000,
    3_600_000,
    3_600_001,
    u16::MAX as u64 + 1,
    u32::MAX as u64 + 1,
    1 << 53,
    (1 << 53) + 1,
    i64::MAX as u64,
    i64::MAX as u64 + 1,
    u64::MAX,
];

const DOUBLES: &[f64] = &[
    0.0,
    -0.0,
    1.0,
    1.5,
    -3.0,
    1e15,
    9_007_199_254_740_992.0,
    9_007_199_254_740_994.0,
    1e300,
    f64::NAN,
    f64::INFINITY,
    f64::MIN_POSITIVE,
];

const TEXTS: &[&[u8]] = &[
    b"",
    b" ",
    b" c1 ",
    b"c1",
    b"ipmi",
    b"a\0b",
    b"a\nb",
    b"\xff",
    b"a\xed\xa0\x80",
    "Größe 木".as_bytes(),
    "\u{202e}\u{feff}".as_bytes(),
    b"2b1a7c1e-50f4-4c0e-8f5e-0d3f6f0a9b11",
];

/// Any value, at most `depth` deep.
pub fn any(random: &mut Random, depth: usize) -> Node {
    match random.below(if depth == 0 { 7 } else { 10 }) {
        0 => Node::Bytes(vec![*random.one_of(&[0xc0, 0xc1, 0xc2, 0xc3])]),
        1 => Node::Unsigned(*random.one_of(NUMBERS)),
        2 => Node::Signed((*random.one_of(NUMBERS) as i64).wrapping_neg()),
        3 => Node::Double(*random.one_of(DOUBLES)),
        4 => Node::Text(text(random)),
        5 => Node::Binary(text(random)),
        6 => Node::Extension(random.next() as u8, text(random)),
        7 => {
            let length = *random.one_of(&[0, 1, 2, 3, 16, 257]);
            let depth = if length > 3 { 0 } else { depth - 1 };
            Node::List((0..length).map(|_| any(random, depth)).collect())
        }
        8 => {
            let length = random.below(5);
            let entry = |_| (any(random, 0), any(random, depth - 1));
            Node::Map((0..length).map(entry).collect())
        }
        _ => {
            let inner = any(random, 0);
            let depth = *random.one_of(&[1, 13, 14, 15, 16, 17, 1000]);
            (0..depth).fold(inner, |inner, _| Node::List(vec![inner]))
        }
    }
}

fn text(random: &mut Random) -> Vec<u8> {
    match random.below(64) {
        0 => vec![b'x'; *random.one_of(&[31, 32, 254, 255, 256, 1000, 1001, 65_536])],
        _ => random.one_of(TEXTS).to_vec(),
    }
}

/// Changes one place in the tree.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "whatever it is, another value is"
)]
pub fn mutate(random: &mut Random, node: &mut Node) {
    match node {
        Node::Map(entries) if !entries.is_empty() && !random.once_in(12) => {
            let at = random.below(entries.len());
            match random.below(8) {
                0 => drop(entries.remove(at)),
                1 => {
                    let entry = entries[at].clone();
                    entries.push(entry);
                }
                2 => {
                    let key = Node::Text(random.one_of(FIELDS).as_bytes().to_vec());
                    entries.push((key, any(random, 3)));
                }
                3 => entries[at].0 = any(random, 1),
                4 => entries.rotate_left(at),
                _ => mutate(random, &mut entries[at].1),
            }
        }
        Node::List(list) if !list.is_empty() && !random.once_in(4) => {
            let at = random.below(list.len());
            match random.below(4) {
                0 => drop(list.remove(at)),
                1 => {
                    let item = list[at].clone();
                    let times = match item {
                        Node::Text(ref text) if text.len() < 100 => {
                            *random.one_of(&[1, 255, 256, 300])
                        }
                        _ => 1,
                    };
                    list.extend(std::iter::repeat_n(item, times));
                }
                _ => mutate(random, &mut list[at]),
            }
        }
        _ if random.once_in(4) => {
            let lie = *random.one_of(&[-1, 1, 2, 1 << 16, u32::MAX as i64]);
            *node = Node::Lying(Box::new(node.clone()), lie);
        }
        _ => *node = any(random, 4),
    }
}

/// Writes the tree; the widths of numbers and lengths are not always the least.
pub fn write(random: &mut Random, node: &Node, into: &mut Vec<u8>) {
    write_as(random, node, 0, into);
}

fn write_as(random: &mut Random, node: &Node, lie: i64, into: &mut Vec<u8>) {
    match node {
        Node::Bytes(bytes) => into.extend(bytes),
        Node::Unsigned(number) => unsigned(random, *number, into),
        Node::Signed(number) => {
            into.push(0xd3);
            into.extend(number.to_be_bytes());
        }
        Node::Double(number) if random.once_in(4) => {
            into.push(0xca);
            into.extend((*number as f32).to_be_bytes());
        }
        Node::Double(number) => {
            into.push(0xcb);
            into.extend(number.to_be_bytes());
        }
        Node::Text(text) => {
            let short = (0xa0, 31);
            length(
                random,
                text.len(),
                lie,
                Some(short),
                &[0xd9, 0xda, 0xdb],
                into,
            );
            into.extend(text);
        }
        Node::Binary(bytes) => {
            length(random, bytes.len(), lie, None, &[0xc4, 0xc5, 0xc6], into);
            into.extend(bytes);
        }
        Node::Extension(kind, bytes) => {
            length(random, bytes.len(), lie, None, &[0xc7, 0xc8, 0xc9], into);
            into.push(*kind);
            into.extend(bytes);
        }
        Node::List(list) => {
            length(
                random,
                list.len(),
                lie,
                Some((0x90, 15)),
                &[0, 0xdc, 0xdd],
                into,
            );
            for item in list {
                write_as(random, item, 0, into);
            }
        }
        Node::Map(entries) => {
            length(
                random,
                entries.len(),
                lie,
                Some((0x80, 15)),
                &[0, 0xde, 0xdf],
                into,
            );
            for (key, value) in entries {
                write_as(random, key, 0, into);
                write_as(random, value, 0, into);
            }
        }
        Node::Lying(inner, lie) => write_as(random, inner, *lie, into),
    }
}

fn unsigned(random: &mut Random, number: u64, into: &mut Vec<u8>) {
    let wide = random.once_in(4);
    match number {
        0..=0x7f if !wide => into.push(number as u8),
        0..=0xff if !wide => into.extend([0xcc, number as u8]),
        0..=0xffff if !wide => {
            into.push(0xcd);
            into.extend((number as u16).to_be_bytes());
        }
        0..=0xffff_ffff if !wide => {
            into.push(0xce);
            into.extend((number as u32).to_be_bytes());
        }
        _ => {
            into.push(*random.one_of(&[0xcf, 0xcf, 0xd3]));
            into.extend(number.to_be_bytes());
        }
    }
}

/// A length with the marker that fits, or a wider one: of 8, 16 and 32 bits, 0 where there is none.
fn length(
    random: &mut Random,
    true_length: usize,
    lie: i64,
    short: Option<(u8, i64)>,
    markers: &[u8; 3],
    into: &mut Vec<u8>,
) {
    let length = (true_length as i64 + lie).max(0);
    let wide = random.once_in(8);
    match (length, short) {
        (_, Some((marker, most))) if length <= most && !wide => into.push(marker | length as u8),
        (0..=0xff, _) if markers[0] != 0 && !wide => into.extend([markers[0], length as u8]),
        (0..=0xffff, _) if !wide => {
            into.push(markers[1]);
            into.extend((length as u16).to_be_bytes());
        }
        _ => {
            into.push(markers[2]);
            into.extend((length as u32).to_be_bytes());
        }
    }
}
