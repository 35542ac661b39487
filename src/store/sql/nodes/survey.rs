//! What looks for work in a window, by the conditions of the statements that do it; [`all`] says them once more,
//! of all at once. Rows are counted, without a limit: a planner that needs one row gambles on finding it early.

use super::holds::{bounded, due, freed, gone};
use super::updates::{changed, moved, stray};
use super::words::{Kind, Words};

/// After which uuid a window begins, and its last.
const WINDOW: (&str, &str) = ("$1", "$2");

/// Everything at once: what is not held and should be (whatever its key: what no message can carry is
/// named by the walk), or is marked although it is not held; what is held and not marked, needs an
/// active pair or another lost one; and holds that no node has. Nodes are counted by what they need and what holds
/// them, and only the counts meet pairs and decisions (SQLite would sort to count). Only for a table of our own.
pub fn all(words: &Words) -> String {
    let (after, last) = WINDOW;
    let by = words.by_pair();
    match words.kind {
        Kind::Native => format!(
            "SELECT count(CASE WHEN CASE
                    WHEN n.decision IS NULL THEN
                        CASE WHEN p.state = 'lost' THEN NOT o.observed AND (o.verdict <> 'unknown' OR $3)
                        ELSE n.marked > 0 END
                    ELSE n.unmarked > 0 OR p.state = 'active' OR (p.state = 'lost' AND NOT o.observed
                        AND (d.driver <> p.driver OR d.conductor_group <> p.conductor_group))
                    END THEN 1 END)
                + CASE WHEN coalesce(sum(n.held), 0) <> (SELECT count(*) FROM {holds}
                    WHERE c.held > {after} AND c.held <= {last}) THEN 1 ELSE 0 END AS nodes
            FROM (SELECT {columns}, c.decision, {held} AS held, {unmarked} AS unmarked, {marked} AS marked
                FROM {nodes} LEFT JOIN {holds} ON {has}{within}
                WHERE n.uuid > {after} AND n.uuid <= {last}{key}{grouped}) n
            LEFT JOIN nodewarden_pairs p ON p.driver = {driver} AND p.conductor_group = {group}
            LEFT JOIN nodewarden_decisions o ON o.number = p.decision
            LEFT JOIN nodewarden_decisions d ON d.number = n.decision",
            holds = words.holds(),
            columns = by.columns,
            held = words.counted("c.held IS NOT NULL"),
            unmarked = words.counted(&words.is_not("out_of_service")),
            marked = words.counted(&words.is_not("in_service")),
            nodes = words.nodes_by_place(),
            has = words.has("c.held"),
            within = words.held_within("c.held", after, last),
            key = words.has_key(),
            grouped = by.grouped,
            driver = by.driver,
            group = by.group,
        ),
        Kind::Ironic(_) => String::new(),
    }
}

/// Decisions about lost pairs that are not completed, which is no part of a window. Only for a table of our own.
pub fn open(words: &Words) -> &'static str {
    match words.kind {
        Kind::Native => {
            "SELECT count(*) AS decisions FROM nodewarden_decisions d JOIN nodewarden_pairs p ON p.decision = d.number
            WHERE d.completed_at_ms IS NULL AND NOT d.observed AND p.state = 'lost' AND (d.verdict <> 'unknown' OR $1)"
        }
        Kind::Ironic(_) => "",
    }
}

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
