//! What changes nodes that are there: UPDATEs, of two manners.
//!
//! SQLite and PostgreSQL name the table that is changed and join the rest (`UPDATE … FROM`). MySQL
//! and MariaDB join all, from our own rows on (`STRAIGHT_JOIN`): a plan that begins with all nodes
//! would wait for every locked one. MySQL must not merge a derived table of locked rows
//! (`NO_MERGE`).

use super::holds::{MARK, bounded};
use super::words::{Kind, Words};
use crate::store::database::dialect::Dialect;

/// `UPDATE … FROM`, or everything joined.
fn joins(words: &Words) -> bool {
    words.dialect == Dialect::MySql
}

/// Of our own table only rows whose state is another one.
fn changes(words: &Words, state: &str) -> String {
    match words.kind {
        Kind::Native => format!(" AND {}", words.is_not(state)),
        Kind::Ironic(_) => String::new(),
    }
}

pub fn mark_out(words: &Words) -> String {
    let (mark, changes) = (words.mark(), changes(words, "out_of_service"));
    let decision = match words.kind {
        Kind::Native => String::new(),
        Kind::Ironic(_) => format!(
            " {} nodewarden_decisions m ON m.number = c.decision",
            words.then()
        ),
    };
    if joins(words) {
        return format!(
            "UPDATE nodewarden_changes c{decision} STRAIGHT_JOIN {changed} SET {mark}
            WHERE c.seq > $2 AND c.seq <= $3{changes}",
            changed = words.changed("c.uuid"),
        );
    }
    format!(
        "UPDATE nodes AS n SET {mark} FROM nodewarden_changes c{decision}
        WHERE c.seq > $2 AND c.seq <= $3 AND {is}{changes}",
        is = words.is("c.uuid"),
    )
}

/// A node that is gone needs no unmarking, and a new one of that name must not be waited for.
pub fn mark_in(words: &Words) -> String {
    let (unmark, changes) = (words.unmark(), changes(words, "in_service"));
    match (&words.kind, joins(words)) {
        (Kind::Native, true) => format!(
            "UPDATE nodewarden_changes b STRAIGHT_JOIN {changed} SET {unmark}
            WHERE b.seq > $2 AND b.seq <= $3 AND b.back <> 'node_removed'{changes}",
            changed = words.changed("b.uuid"),
        ),
        (Kind::Native, false) => format!(
            "UPDATE nodes AS n SET {unmark} FROM nodewarden_changes b
            WHERE b.seq > $2 AND b.seq <= $3 AND b.back <> 'node_removed' AND {is}{changes}",
            is = words.is("b.uuid"),
        ),
        (Kind::Ironic(_), true) => format!(
            "UPDATE nodewarden_changes b STRAIGHT_JOIN nodewarden_changes c ON c.seq = b.ends
            STRAIGHT_JOIN nodewarden_decisions m ON m.number = coalesce(c.marked, c.decision)
            STRAIGHT_JOIN {changed} SET {unmark}
            WHERE b.seq > $2 AND b.seq <= $3 AND b.back <> 'node_removed' AND {free} AND {ours}",
            changed = words.changed("b.uuid"),
            free = words.not_reserved(),
            ours = words.marked_by_us(),
        ),
        (Kind::Ironic(_), false) => format!(
            "UPDATE nodes AS n SET {unmark}
            FROM nodewarden_changes b JOIN nodewarden_changes c ON c.seq = b.ends JOIN {MARK}
            WHERE b.seq > $2 AND b.seq <= $3 AND b.back <> 'node_removed' AND {is}
            AND {free} AND {ours}",
            is = words.is("b.uuid"),
            free = words.not_reserved(),
            ours = words.marked_by_us(),
        ),
    }
}

/// Nodes are looked at only where something may cancel a change, and each by its key: a planner with statistics
/// from before a loss would join all nodes.
pub fn not_marked_out(words: &Words) -> String {
    let (decision, otherwise) = match words.kind {
        Kind::Native => (String::new(), words.is_not("out_of_service")),
        Kind::Ironic(_) => (
            format!(
                " {} nodewarden_decisions m ON m.number = c.decision",
                words.then()
            ),
            format!("NOT coalesce({}, FALSE)", words.marked_by_us()),
        ),
    };
    format!(
        "SELECT count(*) AS nodes FROM nodewarden_changes c{decision}
        WHERE {may_cancel} AND c.seq > $1 AND c.seq <= $2
        AND (SELECT n.uuid FROM nodes n WHERE {is} AND {otherwise} LIMIT 1) IS NOT NULL",
        may_cancel = words.may_cancel(),
        is = words.is("c.uuid"),
    )
}

/// What was unmarked was ours and is locked; what somebody made their own stays as it is.
pub fn not_marked_in(words: &Words) -> String {
    let (lifted, marked) = match words.kind {
        Kind::Native => ("", words.is_not("in_service")),
        Kind::Ironic(_) => (" AND b.lifted IS NULL", "n.maintenance".to_owned()),
    };
    format!(
        "SELECT count(*) AS nodes FROM nodewarden_changes b
        WHERE {may_cancel} AND b.seq > $1 AND b.seq <= $2 AND b.back <> 'node_removed'{lifted}
        AND (SELECT n.uuid FROM nodes n WHERE {is} AND {marked} LIMIT 1) IS NOT NULL",
        may_cancel = words.may_cancel(),
        is = words.is("b.uuid"),
    )
}

/// An Ironic's node keeps the mark that it has; the hold remembers whose that is.
pub fn relabel(words: &Words) -> String {
    let (marked, set_marked) = match words.kind {
        Kind::Native => ("", ""),
        Kind::Ironic(_) => (
            ", coalesce(c.marked, c.decision) AS marked",
            "marked = moved.marked, ",
        ),
    };
    let moved = format!(
        "SELECT c.seq, p.decision{marked} FROM {}",
        moved(words, "$1", "$2")
    );
    if joins(words) {
        let set_marked = set_marked.replace("marked = ", "c.marked = ");
        return format!(
            "UPDATE /*+ NO_MERGE(moved) */ ({moved}{lock}) AS moved
            STRAIGHT_JOIN nodewarden_changes c ON c.seq = moved.seq
            SET {set_marked}c.decision = moved.decision",
            lock = words.lock(),
        );
    }
    format!(
        "UPDATE nodewarden_changes SET {set_marked}decision = moved.decision FROM ({moved}) AS moved
        WHERE nodewarden_changes.seq = moved.seq"
    )
}

/// The holds of a window whose node needs another lost pair now.
pub fn moved(words: &Words, after: &str, last: &str) -> String {
    format!(
        "{holds}
        {join} nodewarden_decisions d ON d.number = c.decision
        {join} nodes n ON {is}
        {join} nodewarden_pairs p ON {needs}
        {join} nodewarden_decisions o ON o.number = p.decision AND NOT o.observed
        WHERE c.held > {after} AND c.held <= {last}{bounded} AND p.state = 'lost'
        AND (d.driver <> p.driver OR d.conductor_group <> p.conductor_group)",
        holds = words.holds(),
        join = words.then(),
        is = words.is("c.held"),
        needs = words.needs(),
        bounded = bounded(words, after, last),
    )
}

/// Only for a table of our own: what somebody changed in an Ironic is theirs.
pub fn mark_again(words: &Words) -> String {
    let of = format!("SELECT n.uuid FROM {}", changed(words, "$2", "$3"));
    set_locked(words, &of, &words.mark())
}

/// The held nodes of a window that somebody marked otherwise.
pub fn changed(words: &Words, after: &str, last: &str) -> String {
    format!(
        "nodes n JOIN nodewarden_changes c ON c.held = n.uuid
        WHERE c.held > {after} AND c.held <= {last}{bounded} AND {otherwise}",
        bounded = bounded(words, after, last),
        otherwise = words.is_not("out_of_service"),
    )
}

/// Only for a table of our own.
pub fn unmark_strays(words: &Words) -> String {
    let of = format!("SELECT n.uuid FROM {}", stray(words, "$2", "$3"));
    set_locked(words, &of, &words.unmark())
}

/// The nodes of a window that are marked without a hold and need no lost pair.
pub fn stray(words: &Words, after: &str, last: &str) -> String {
    format!(
        "nodes n WHERE n.uuid > {after} AND n.uuid <= {last} AND {strays}
        AND NOT EXISTS (SELECT 1 FROM nodewarden_changes h WHERE h.held = n.uuid{held})
        AND NOT EXISTS (SELECT 1 FROM nodewarden_pairs p WHERE p.state = 'lost' AND {needs})",
        strays = words.is_not("in_service"),
        held = words.held_within("h.held", after, last),
        needs = words.needs(),
    )
}

/// Locks the nodes that `of` selects, and sets what is to be set; `$1` is now.
fn set_locked(words: &Words, of: &str, set: &str) -> String {
    if words.kind != Kind::Native {
        return String::new();
    }
    let lock = words.lock();
    if joins(words) {
        return format!(
            "UPDATE /*+ NO_MERGE(locked) */ ({of}{lock}) AS locked
            STRAIGHT_JOIN {changed} SET {set}",
            changed = words.changed("locked.uuid"),
        );
    }
    format!("UPDATE nodes AS n SET {set} FROM ({of}{lock}) AS locked WHERE n.uuid = locked.uuid")
}
