//! What looks for work in a window, by the conditions of the statements that do it. Rows are
//! counted, without a limit: a planner that needs one row gambles on finding it early.

use super::holds::{bounded, due, freed, gone};
use super::updates::{changed, moved, stray};
use super::words::{Kind, Words};

/// After which uuid a window begins, and its last.
const WINDOW: (&str, &str) = ("$1", "$2");

/// Holds whose node is gone, needs another pair or is marked otherwise, or whose pair is not lost. Only for a
/// table of our own.
pub fn held(words: &Words) -> String {
    let (after, last) = WINDOW;
    match words.kind {
        Kind::Native => format!(
            "SELECT count(*) AS nodes FROM {holds}
            {join} nodewarden_decisions d ON d.number = c.decision
            LEFT JOIN nodewarden_pairs p
                ON p.driver = d.driver AND p.conductor_group = d.conductor_group AND p.state = 'lost'
            LEFT JOIN nodes n ON {is}{bounded}
            WHERE c.held > {after} AND c.held <= {last}
            AND (p.driver IS NULL OR n.uuid IS NULL OR {driver} <> d.driver OR {group} <> d.conductor_group
                OR {otherwise})",
            holds = words.holds(),
            join = words.then(),
            is = words.is("c.held"),
            bounded = bounded(words, after, last),
            driver = words.driver(),
            group = words.group(),
            otherwise = words.is_not("out_of_service"),
        ),
        Kind::Ironic(_) => String::new(),
    }
}

/// Holds to end or to re-label.
pub fn holds(words: &Words) -> String {
    let ((after, last), holds) = (WINDOW, words.holds());
    let mut kinds = vec![
        gone(words, holds, after, last),
        due(words, holds, after, last),
        moved(words, after, last),
    ];
    if words.kind != Kind::Native {
        kinds.push(freed(words, holds, after, last));
    }
    let counts: Vec<String> = kinds
        .iter()
        .map(|of| format!("(SELECT count(*) FROM {of})"))
        .collect();
    format!("SELECT {} AS nodes", counts.join(" + "))
}

/// Holds whose node is to be marked again. Only for a table of our own.
pub fn marks(words: &Words) -> String {
    of_our_own(words, changed)
}

/// Nodes that are marked without a hold. Only for a table of our own.
pub fn strays(words: &Words) -> String {
    of_our_own(words, stray)
}

/// Rows that no walk comes to, for want of a key; of each kind at most a thousand. Only for a table of our own.
pub fn keyless(words: &Words) -> String {
    let each = words.keyless().iter().map(|keyless| {
        format!(
            "(SELECT count(*) FROM (SELECT n.uuid FROM nodes n WHERE {keyless} LIMIT 1000) AS k)"
        )
    });
    let each: Vec<String> = each.collect();
    match each.is_empty() {
        true => String::new(),
        false => format!("SELECT {} AS nodes", each.join(" + ")),
    }
}

fn of_our_own(words: &Words, of: fn(&Words, &str, &str) -> String) -> String {
    match words.kind {
        Kind::Native => format!(
            "SELECT count(*) AS nodes FROM {}",
            of(words, WINDOW.0, WINDOW.1)
        ),
        Kind::Ironic(_) => String::new(),
    }
}
