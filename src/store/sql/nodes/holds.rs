//! Which holds of a window are to end, as other statements say it.

use super::words::{Kind, Words};

/// Whose UUID is in the mark of the hold `c`.
pub const MARK: &str = "nodewarden_decisions m ON m.number = coalesce(c.marked, c.decision)";

/// The holds `holds` of a window whose node is gone.
pub fn gone(words: &Words, holds: &str, after: &str, last: &str) -> String {
    format!(
        "{holds} WHERE c.held > {after} AND c.held <= {last}
        AND NOT EXISTS (SELECT 1 FROM nodes n WHERE {is}{bounded})",
        is = words.is("c.held"),
        bounded = bounded(words, after, last),
    )
}

/// The holds `holds` of a window whose mark somebody else lifted or made their own.
pub fn freed(words: &Words, holds: &str, after: &str, last: &str) -> String {
    format!(
        "{holds} JOIN {MARK} JOIN nodes n ON {is}
        WHERE c.held > {after} AND c.held <= {last} AND NOT coalesce({ours}, FALSE)",
        is = words.is("c.held"),
        ours = words.marked_by_us(),
    )
}

/// A hold may end: its node is still ours. Empty for a table of our own.
pub fn ours_to_end(words: &Words) -> String {
    match words.kind {
        Kind::Native => String::new(),
        Kind::Ironic(_) => format!(" AND {} AND {}", words.not_reserved(), words.marked_by_us()),
    }
}

/// The join to the decision whose UUID is in the mark, where marks have one.
pub fn mark(words: &Words, join: &str) -> String {
    match words.kind {
        Kind::Native => String::new(),
        Kind::Ironic(_) => format!("{join} {MARK}"),
    }
}

/// The holds `holds` of a window whose node needs an active pair now.
pub fn due(words: &Words, holds: &str, after: &str, last: &str) -> String {
    let join = words.then();
    format!(
        "{holds} {mark}
            {join} nodewarden_decisions d ON d.number = c.decision
            {join} nodes n ON {is}
            {join} nodewarden_pairs p ON {needs}
            WHERE c.held > {after} AND c.held <= {last}{bounded} AND p.state = 'active'{ours}",
        mark = mark(words, join),
        is = words.is("c.held"),
        needs = words.needs(),
        bounded = bounded(words, after, last),
        ours = ours_to_end(words),
    )
}

/// The bounds of a window of holds, said of the nodes of our own table as well.
pub fn bounded(words: &Words, after: &str, last: &str) -> String {
    match words.kind {
        Kind::Native => format!(" AND n.uuid > {after} AND n.uuid <= {last}"),
        Kind::Ironic(_) => String::new(),
    }
}

/// What comes before and after the numbers of decisions.
pub fn around(statement: &str) -> (String, String) {
    let (before, after) = statement.split_once("DECISIONS").unwrap_or_default();
    (before.to_owned(), after.to_owned())
}
