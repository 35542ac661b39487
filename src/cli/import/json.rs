//! JSON in its three shapes, cut into records one after the other.
//!
//! Values of a record are kept as pieces of its text (`RawValue`), whose place in it gives the line.

use std::fmt;
use std::io::{self, BufReader, Read};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::cutter::{Cut, Cutter};
use super::fault::Faults;
use super::foreign;
use super::lines::{Lines, newlines};
use super::record::{Field, Given, Record, field_called, near_miss};
use super::taking::{RECORD_BYTES, Taking};

/// A text of the file, and where it begins.
struct Piece {
    text: Vec<u8>,
    line: usize,
    column: usize,
}

/// The file, as it is read.
struct Source<'a, R: Read> {
    cutter: Cutter<BufReader<R>>,
    taking: &'a mut Taking,
}

/// The records of an array, of `{"nodes": […]}`, of one object, or of one object a line.
pub(super) fn records(source: impl Read, taking: &mut Taking) -> io::Result<()> {
    Source::new(source, taking).any()
}

/// The records of JSON Lines: a line that cannot be read does not hide the ones after it.
pub(super) fn one_a_line(source: impl Read, taking: &mut Taking) -> io::Result<()> {
    Source::new(source, taking).lines()
}

impl<'a, R: Read> Source<'a, R> {
    fn new(source: R, taking: &'a mut Taking) -> Self {
        let mut cutter = Cutter::new(BufReader::new(source));
        cutter.line += taking.above;
        Self { cutter, taking }
    }

    fn any(&mut self) -> io::Result<()> {
        let blank = &mut Vec::new();
        match self.cutter.next_sign(blank)? {
            Some(b'[') => return self.lists(),
            Some(b'{') => return self.object(),
            _ => {
                let Some(value) = self.value()? else {
                    return Ok(());
                };
                if self.json(&value).is_some() {
                    self.taking.faults.line(
                        value.line,
                        "is not a list of nodes, nor {\"nodes\": […]}, nor one object a line",
                    );
                }
            }
        }
        self.nothing_more()
    }

    /// Lists one after the other, as they come where the pages of a list are printed into one file.
    fn lists(&mut self) -> io::Result<()> {
        while let Some(bracket @ b'[') = self.cutter.next_sign(&mut Vec::new())? {
            self.cutter.pass(bracket);
            if !self.list()? {
                return Ok(());
            }
        }
        self.nothing_more()
    }

    /// One object: a node, or something with a list of nodes, or the first of many lines.
    fn object(&mut self) -> io::Result<()> {
        let mut object = self.begin();
        let Some(has_list) = self.entries(&mut object)? else {
            return Ok(());
        };
        if has_list {
            return self.pages(object);
        }
        let one_line = !object.text.contains(&b'\n');
        let line = self.cutter.line;
        if let Some(what) = std::str::from_utf8(&object.text)
            .ok()
            .and_then(foreign::seems)
        {
            self.taking.faults.line(object.line, what);
            return Ok(());
        }
        if !self.record(&object) {
            return Ok(());
        }
        let next = self.cutter.next_sign(&mut Vec::new())?;
        if next.is_some() && one_line && self.cutter.line > line {
            return self.lines();
        }
        self.objects()
    }

    /// Objects one after the other, over as many lines as they need, as jq prints them.
    fn objects(&mut self) -> io::Result<()> {
        while self.cutter.next_sign(&mut Vec::new())? == Some(b'{') {
            let Some(node) = self.value()? else {
                return Ok(());
            };
            if !self.record(&node) {
                return Ok(());
            }
        }
        self.nothing_more()
    }

    /// A page of a list was read: it is the last one, or the others follow.
    fn pages(&mut self, mut page: Piece) -> io::Result<()> {
        self.taking.nodes.say_paged();
        while names_next(&page) {
            if self.cutter.next_sign(&mut Vec::new())? != Some(b'{') {
                self.taking.faults.line(page.line, foreign::page());
                return Ok(());
            }
            page = self.begin();
            match self.entries(&mut page)? {
                None => return Ok(()),
                Some(true) => {}
                Some(false) => {
                    self.taking
                        .faults
                        .line(page.line, "is no page of a list of nodes");
                    return Ok(());
                }
            }
        }
        if self.cutter.next_sign(&mut Vec::new())? == Some(b'{') {
            let what = "a page stands behind the last one: put the pages in the order in which they were asked for, \
                        or make one of lists that do not belong together: jq -s '{nodes: map(.nodes[])}'";
            self.taking.faults.line(self.cutter.line, what);
            return Ok(());
        }
        self.nothing_more()
    }

    /// Reads the entries of an object; whether there is a list of nodes among them, whose nodes were
    /// taken then. `None`: nothing behind it makes sense.
    fn entries(&mut self, object: &mut Piece) -> io::Result<Option<bool>> {
        let mut has_list = false;
        self.cutter.pass(b'{');
        object.text.push(b'{');
        loop {
            if self.cutter.next_sign(&mut object.text)? != Some(b'"') {
                // Its end, or no JSON: the library says what.
                return Ok(self.rest(object)?.then_some(has_list));
            }
            let Some(key) = self.value()? else {
                return Ok(None);
            };
            object.text.extend(&key.text);
            if self.cutter.next_sign(&mut object.text)? != Some(b':') {
                return Ok(self.rest(object)?.then_some(has_list));
            }
            self.cutter.pass(b':');
            object.text.push(b':');
            let sign = self.cutter.next_sign(&mut object.text)?;
            if key.text == b"\"nodes\"" {
                let Some(bracket @ b'[') = sign else {
                    let what = "\"nodes\" is not a list of nodes";
                    self.taking.faults.line(self.cutter.line, what);
                    return Ok(None);
                };
                self.cutter.pass(bracket);
                if !self.list()? {
                    return Ok(None);
                }
                has_list = true;
                object.text.extend(b"[]");
            } else {
                let Some(value) = self.value()? else {
                    return Ok(None);
                };
                object.text.extend(value.text);
            }
            if object.text.len() > RECORD_BYTES {
                return Ok(self.too_long(object.line).then_some(has_list));
            }
            if let Some(comma @ b',') = self.cutter.next_sign(&mut object.text)? {
                self.cutter.pass(comma);
                object.text.push(comma);
            }
        }
    }

    /// Takes what is left of an object, and whether all of it is JSON.
    fn rest(&mut self, object: &mut Piece) -> io::Result<bool> {
        let cut = self
            .cutter
            .until_closed(1, &mut object.text, RECORD_BYTES)?;
        if cut == Cut::TooLong {
            return Ok(self.too_long(object.line));
        }
        Ok(self.json(object).is_some())
    }

    /// Takes the nodes of a list up to its end; whether that was found.
    fn list(&mut self) -> io::Result<bool> {
        let blank = &mut Vec::new();
        let mut first = true;
        loop {
            blank.clear();
            match self.cutter.next_sign(blank)? {
                Some(bracket @ b']') if first => {
                    self.cutter.pass(bracket);
                    return Ok(true);
                }
                None if first => return Ok(self.not_json("the list has no end")),
                _ => {}
            }
            first = false;
            let Some(node) = self.value()? else {
                return Ok(false);
            };
            if !self.record(&node) {
                return Ok(false);
            }
            blank.clear();
            match self.cutter.next_sign(blank)? {
                Some(comma @ b',') => self.cutter.pass(comma),
                Some(bracket @ b']') => {
                    self.cutter.pass(bracket);
                    return Ok(true);
                }
                Some(_) => return Ok(self.not_json("expected `,` or `]`")),
                None => return Ok(self.not_json("the list has no end")),
            }
        }
    }

    fn lines(&mut self) -> io::Result<()> {
        loop {
            let mut line = self.begin();
            match self.cutter.whole_line(&mut line.text, RECORD_BYTES)? {
                None => return Ok(()),
                Some(Cut::TooLong) => {
                    self.too_long(line.line);
                    return Ok(());
                }
                Some(Cut::Whole) if line.text.trim_ascii().is_empty() => {}
                Some(Cut::Whole) => {
                    self.record(&line);
                }
            }
        }
    }

    /// A piece that begins here.
    fn begin(&self) -> Piece {
        Piece {
            text: Vec::new(),
            line: self.cutter.line,
            column: self.cutter.column,
        }
    }

    /// The value that begins here; `None` if it is too long.
    fn value(&mut self) -> io::Result<Option<Piece>> {
        let mut piece = self.begin();
        let cut = self.cutter.value(&mut piece.text, RECORD_BYTES)?;
        if cut == Cut::TooLong {
            self.too_long(piece.line);
            return Ok(None);
        }
        Ok(Some(piece))
    }

    /// Takes a record; whether it is JSON at all.
    fn record(&mut self, piece: &Piece) -> bool {
        let Some(value) = self.json(piece) else {
            return false;
        };
        if let Some(record) = record(value, piece.line, &mut self.taking.faults) {
            self.taking.take(&record);
        }
        true
    }

    /// The value that the piece is.
    fn json<'p>(&mut self, piece: &'p Piece) -> Option<&'p RawValue> {
        let faults = &mut self.taking.faults;
        let text = match std::str::from_utf8(&piece.text) {
            Ok(text) => text,
            Err(error) => {
                let line = piece.line + newlines(&piece.text[..error.valid_up_to()]);
                faults.line(line, "is not UTF-8: save the file as UTF-8");
                return None;
            }
        };
        let error = match serde_json::from_str(text) {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        // The library ends its sentence with a place of its own, which is relative to the piece.
        let what = error.to_string();
        let what = match text.trim().is_empty() {
            true => "a comma with nothing behind it",
            false => what.split(" at line ").next().unwrap_or_default(),
        };
        let column = match error.line() {
            0 | 1 => piece.column - 1 + error.column().max(1),
            _ => error.column(),
        };
        faults.line(
            piece.line - 1 + error.line().max(1),
            format!("column {column}: is not JSON: {what}"),
        );
        None
    }

    fn nothing_more(&mut self) -> io::Result<()> {
        if self.cutter.next_sign(&mut Vec::new())?.is_some() {
            self.not_json("trailing characters");
        }
        Ok(())
    }

    fn not_json(&mut self, what: &str) -> bool {
        let Cutter { line, column, .. } = self.cutter;
        let what = format!("column {column}: is not JSON: {what}");
        self.taking.faults.line(line, what);
        false
    }

    fn too_long(&mut self, line: usize) -> bool {
        let what = format!("is longer than {RECORD_BYTES} bytes: no node is");
        self.taking.faults.line(line, what);
        false
    }
}

fn names_next(page: &Piece) -> bool {
    serde_json::from_slice(&page.text).is_ok_and(|page| foreign::names_next(&page))
}

/// Where `piece`, which was borrowed from `text`, begins in it.
fn offset(text: &str, piece: &str) -> usize {
    (piece.as_ptr() as usize).saturating_sub(text.as_ptr() as usize)
}

fn record(node: &RawValue, line: usize, faults: &mut Faults) -> Option<Record> {
    let text = node.get();
    let mut lines = Lines::of(text, line);
    let Ok(Object(entries)) = serde_json::from_str::<Object>(text) else {
        faults.line(line, "is not an object with the fields of a node");
        return None;
    };
    if entries.iter().any(|(key, _)| key == "nodes") {
        faults.line(line, foreign::PAGE_AMONG_NODES);
        return None;
    }
    let mut record = Record {
        line,
        ..Record::default()
    };
    let mut good = true;
    let mut missed = None;
    for (key, value) in entries {
        let line = lines.line_at(offset(text, value.get()));
        let Some(name) = field_called(&key) else {
            missed = missed.or_else(|| Some((line, near_miss(&key)?)));
            continue;
        };
        let field = Field {
            line,
            value: given(value),
        };
        if record.fields.insert(name, field).is_some() {
            faults.line(line, format!("{name} is given twice: keep one"));
            good = false;
        }
    }
    if let Some((line, what)) = missed.filter(|_| !record.fields.contains_key("conductor_group")) {
        faults.line(line, what);
        good = false;
    }
    good.then(|| record.settled())
}

fn given(value: &RawValue) -> Given {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'n') => Given::Nothing,
        Some(b't') => Given::Bool(true),
        Some(b'f') => Given::Bool(false),
        Some(b'"') => match serde_json::from_str(text) {
            Ok(text) => Given::Text(text),
            Err(_) => Given::Other("text with a broken escape"),
        },
        Some(b'[') => Given::Other("a list"),
        Some(b'{') => Given::Other("an object"),
        // What a database says for a boolean.
        _ => match value.get() {
            "0" => Given::Digit(false),
            "1" => Given::Digit(true),
            _ => Given::Other("a number"),
        },
    }
}

/// An object in the order of the text, with keys that are given twice.
struct Object<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Object(entries))
            }
        }

        deserializer.deserialize_map(Entries)
    }
}
