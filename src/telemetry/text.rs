//! Text from outside, and errors: printable, bounded, on one line.

use std::error::Error;

/// Characters of a text from outside in one place: a name of 255 bytes fits, a flood does not.
pub const PRINTABLE_CHARS: usize = 300;

/// An error and all that caused it, outermost first, on one safe line.
#[must_use]
pub fn error_chain(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        // Many errors repeat their cause in their own text.
        if !line.ends_with(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        next = cause.source();
    }
    printable_within(&line, 2000)
}

/// `text` with escapes for all that a terminal acts on or that breaks a line, at most
/// [`PRINTABLE_CHARS`] long.
#[must_use]
pub fn printable(text: &str) -> String {
    printable_within(text, PRINTABLE_CHARS)
}

/// [`printable`] with a limit of its own.
#[must_use]
pub fn printable_within(text: &str, limit: usize) -> String {
    crate::wire::printable(text, limit)
}

/// A name, [`printable`]; in quotes if it is empty, or begins or ends with white space: as it stands one
/// would not see that.
#[must_use]
pub fn printable_name(name: &str) -> String {
    match name.is_empty() || name.trim() != name {
        true => format!("\"{}\"", printable(name)),
        false => printable(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_with_all_its_causes_on_one_safe_line() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot open\n{name}")]
        struct Outer {
            name: &'static str,
            source: std::io::Error,
        }
        let source = std::io::Error::other("disk \x1b[31mred");
        let outer = Outer { name: "x", source };
        assert_eq!(error_chain(&outer), "cannot open\\nx: disk \\u{1b}[31mred");
    }

    #[test]
    fn names_that_differ_by_blanks_look_different() {
        let names = ["rack 1", " rack 1", "rack 1\u{a0}", " ", ""];
        let shown = names.map(printable_name);
        assert_eq!(
            shown,
            [
                "rack 1",
                "\" rack 1\"",
                "\"rack 1\\u{a0}\"",
                "\" \"",
                "\"\""
            ]
        );
    }

    #[test]
    fn text_from_outside_is_printable_and_bounded() {
        assert_eq!(printable("web-7 \"Größe\" 木"), "web-7 \"Größe\" 木");
        let hostile = printable(&"\x1b[2J\r\n\u{202e}\u{2028}".repeat(100));
        assert!(hostile.chars().count() <= PRINTABLE_CHARS);
        assert!(
            !hostile
                .chars()
                .any(|c| c.is_control() || c == '\u{202e}' || c == '\u{2028}')
        );
    }
}
