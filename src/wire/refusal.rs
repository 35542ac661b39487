//! Why a message is refused: a closed list of codes, and one bounded line for humans.

use crate::words::words;

/// The longest detail in characters: fits a header, a table column and a terminal line or two.
const DETAIL_CHARS: usize = 200;

/// How much of a hostile text is quoted: enough to recognise it, too little to flood a log.
const EXCERPT_CHARS: usize = 40;

words! {
    /// The permanent fault of a message: closed and short, since it labels a metric.
    Reason, "a reason for refusing" {
        /// The body has no bytes at all.
        EmptyBody = "empty_body",
        /// The body is larger than [`BODY_BYTES`](super::BODY_BYTES).
        TooLarge = "too_large",
        /// Maps and lists lie deeper inside one another than [`NESTING`](super::NESTING).
        TooDeep = "too_deep",
        /// The body is not what its content type says, or ends in the middle.
        Undecodable = "undecodable",
        /// Something follows after the body's map.
        TrailingGarbage = "trailing_garbage",
        /// The property `message_id` is absent.
        MissingMessageId = "missing_message_id",
        /// The property `message_id` is empty, too long, or holds control characters.
        BadMessageId = "bad_message_id",
        /// Neither `type` nor, without one, the routing key names a message that we know.
        UnknownType = "unknown_type",
        /// A content type other than MessagePack and JSON.
        UnknownContentType = "unknown_content_type",
        /// A content encoding that would have to be undone first (gzip and the like).
        UnknownContentEncoding = "unknown_content_encoding",
        /// A field of the wrong kind, a body that is not a map, or a key that is not text.
        WrongType = "wrong_type",
        /// A required field is absent or null.
        MissingField = "missing_field",
        /// A statement names more drivers than [`DRIVERS`](super::DRIVERS).
        TooManyDrivers = "too_many_drivers",
        /// A new conductor, above the set number of known ones.
        TooManyConductors = "too_many_conductors",
        /// A new pair, above the set number of known ones.
        TooManyPairs = "too_many_pairs",
        /// A receipt of a new subscriber, above the number of those that are known at once.
        TooManySubscribers = "too_many_subscribers",
        /// A field of the right kind with a value outside its bounds.
        OutOfBounds = "out_of_bounds",
        /// The heartbeat time-out is under three heartbeat intervals: one lost message would kill.
        BadInterval = "bad_interval",
        /// A key of the body's map is given twice, so that readers could disagree about its value.
        DuplicateKey = "duplicate_key",
        /// The broker user may not speak for that conductor (`security.allowed_publishers`).
        ForeignPublisher = "foreign_publisher",
        /// The id is known with another type or body. Found by the worker, never by `decode`.
        MessageIdConflict = "message_id_conflict",
        /// Handled alone, it still cannot be recorded. Found by the worker, never by `decode`.
        Unprocessable = "unprocessable",
    }
}

/// A refused message: the code, and what exactly is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct Refusal {
    /// The code.
    pub reason: Reason,
    /// One line of at most 200 characters, without control characters.
    pub detail: String,
}

impl Refusal {
    /// Keeps `detail` to one bounded line of printable text, whatever was put in.
    #[must_use]
    pub fn new(reason: Reason, detail: impl AsRef<str>) -> Self {
        Self {
            reason,
            detail: printable(detail.as_ref(), DETAIL_CHARS),
        }
    }
}

/// A quoted, short, printable piece of a text that came from outside.
pub(super) fn excerpt(text: &str) -> String {
    format!("\"{}\"", printable(text, EXCERPT_CHARS))
}

/// At most `limit` characters, with escapes for all that a terminal acts on.
#[must_use]
pub fn printable(text: &str, limit: usize) -> String {
    let mut out = String::new();
    let mut room = limit;
    for char in text.chars() {
        // Only what does not print is escaped: quotes and backslashes are harmless here.
        let escaped: String = match char {
            '"' | '\'' | '\\' => char.into(),
            other => other.escape_debug().collect(),
        };
        let width = escaped.chars().count();
        // The last place is kept for the sign that something was left out.
        if width >= room {
            out.push('…');
            return out;
        }
        room -= width;
        out.push_str(&escaped);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_is_one_bounded_line_without_anything_a_terminal_acts_on() {
        let hostile = "\x1b[2J\r\n\u{202e}\u{9b}".repeat(100);
        let detail = Refusal::new(Reason::WrongType, &hostile).detail;
        assert!(detail.chars().count() <= DETAIL_CHARS);
        assert!(!detail.chars().any(char::is_control));
        assert!(!detail.contains('\u{202e}'));
        assert!(excerpt(&hostile).chars().count() <= EXCERPT_CHARS + 2);
    }

    #[test]
    fn ordinary_text_is_quoted_as_it_is() {
        assert_eq!(excerpt("Größe \"x\" \\ 木"), "\"Größe \"x\" \\ 木\"");
    }

    #[test]
    fn every_code_is_its_own_and_in_snake_case() {
        let codes: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|r| r.as_str()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        for code in codes {
            assert!(code.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
        }
    }
}
