//! Where a place in the file is, for people: its line.

/// The line that a byte offset lies in, from 1, in time proportional to the step from the last one.
pub(super) struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text: text.as_bytes(),
            at: 0,
            line: 1,
        }
    }

    /// `offset` must not be before the last one.
    pub(super) fn line_at(&mut self, offset: usize) -> usize {
        let offset = offset.clamp(self.at, self.text.len());
        self.line += newlines(&self.text[self.at..offset]);
        self.at = offset;
        self.line
    }
}

pub(super) fn newlines(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte == b'\n').count()
}
