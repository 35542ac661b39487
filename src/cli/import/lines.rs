//! Where a place in the file is, for people: its line.

/// The line that a byte offset lies in, in time proportional to the step from the last one.
pub(super) struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: usize,
}

impl<'a> Lines<'a> {
    /// Of a piece of the file that begins on `line`.
    pub(super) fn of(text: &'a str, line: usize) -> Self {
        Self {
            text: text.as_bytes(),
            at: 0,
            line,
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
