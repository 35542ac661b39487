//! Cuts values out of a stream of JSON without holding more than one of them. Where a value ends is
//! all that it knows of JSON; whether it is one is for the library to say.

use std::io::{self, BufRead};

/// A stream of JSON, and where it is, from 1.
pub(super) struct Cutter<R> {
    source: R,
    pub(super) line: usize,
    pub(super) column: usize,
}

/// What became of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// All of it, as far as there is more.
    Whole,
    /// It is longer than it may be.
    TooLong,
}

/// Where in a value it is.
#[derive(Default)]
struct Nesting {
    depth: usize,
    in_text: bool,
    escaped: bool,
}

impl Nesting {
    /// Takes a byte; whether it is the last one of an object, a list or a text.
    fn ends_with(&mut self, byte: u8) -> bool {
        if self.in_text {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => {
                    self.in_text = false;
                    return self.depth == 0;
                }
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.in_text = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }
}

impl<R: BufRead> Cutter<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            source,
            line: 1,
            column: 1,
        }
    }

    /// The next byte, which stays where it is.
    pub(super) fn peek(&mut self) -> io::Result<Option<u8>> {
        loop {
            match self.source.fill_buf() {
                Ok(bytes) => return Ok(bytes.first().copied()),
                Err(fault) if fault.kind() == io::ErrorKind::Interrupted => {}
                Err(fault) => return Err(fault),
            }
        }
    }

    /// Passes by the next byte, which was looked at.
    pub(super) fn pass(&mut self, byte: u8) {
        self.source.consume(1);
        if byte == b'\n' {
            self.line += 1;
            self.column = 1;
        } else {
            self.column += 1;
        }
    }

    /// The next byte that is no white space; what was passed by is kept in `into`.
    pub(super) fn next_sign(&mut self, into: &mut Vec<u8>) -> io::Result<Option<u8>> {
        loop {
            match self.peek()? {
                Some(byte @ (b' ' | b'\t' | b'\n' | b'\r')) => {
                    self.pass(byte);
                    into.push(byte);
                }
                other => return Ok(other),
            }
        }
    }

    /// Takes the value that begins here.
    pub(super) fn value(&mut self, into: &mut Vec<u8>, most: usize) -> io::Result<Cut> {
        match self.peek()? {
            Some(b'{' | b'[' | b'"') => self.until_closed(0, into, most),
            // A number or a word: up to what cannot be in one.
            _ => self.until(into, most, |byte| {
                matches!(
                    byte,
                    b',' | b']' | b'}' | b':' | b' ' | b'\t' | b'\n' | b'\r'
                )
            }),
        }
    }

    /// Takes what is left of a value in which `depth` brackets are open.
    pub(super) fn until_closed(
        &mut self,
        depth: usize,
        into: &mut Vec<u8>,
        most: usize,
    ) -> io::Result<Cut> {
        let mut nesting = Nesting {
            depth,
            ..Nesting::default()
        };
        let mut over = false;
        self.until(into, most, |byte| {
            let was_over = over;
            over = over || nesting.ends_with(byte);
            was_over
        })
    }

    /// The next line without its end; `None`: there is none.
    pub(super) fn whole_line(
        &mut self,
        into: &mut Vec<u8>,
        most: usize,
    ) -> io::Result<Option<Cut>> {
        if self.peek()?.is_none() {
            return Ok(None);
        }
        let cut = self.until(into, most, |byte| byte == b'\n')?;
        if let Some(byte @ b'\n') = self.peek()? {
            self.pass(byte);
        }
        Ok(Some(cut))
    }

    /// Takes all bytes before the first that `ends`.
    fn until(
        &mut self,
        into: &mut Vec<u8>,
        most: usize,
        mut ends: impl FnMut(u8) -> bool,
    ) -> io::Result<Cut> {
        loop {
            if self.peek()?.is_none() {
                return Ok(Cut::Whole);
            }
            let bytes = self.source.fill_buf()?;
            let end = bytes.iter().position(|byte| ends(*byte));
            let taken = &bytes[..end.unwrap_or(bytes.len())];
            if into.len() + taken.len() > most {
                return Ok(Cut::TooLong);
            }
            into.extend_from_slice(taken);
            let length = taken.len();
            match taken.iter().rposition(|byte| *byte == b'\n') {
                None => self.column += length,
                Some(last) => {
                    self.line += super::lines::newlines(taken);
                    self.column = length - last;
                }
            }
            self.source.consume(length);
            if end.is_some() {
                return Ok(Cut::Whole);
            }
        }
    }
}
