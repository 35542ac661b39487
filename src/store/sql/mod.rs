//! Every statement, by name, so that the code above them is written once. Placeholders are numbered
//! (`$1`), in every dialect; a pair takes two of them, the group first.
//!
//! [`Statements`] are those over our own tables: `common.rs` has them all, a dialect's file what
//! differs there. [`Inventory`] are those that touch the table of nodes, of which there are two
//! kinds, our own and that of an OpenStack Ironic: see [`nodes`].

/// Declares a table of statements, and lists them by name.
macro_rules! statements {
    ($(#[$about:meta])* $table:ident { $($(#[$doc:meta])* $name:ident: $kind:ty,)* }) => {
        $(#[$about])*
        pub struct $table {
            $($(#[$doc])* pub $name: $kind,)*
        }

        #[cfg(any(test, feature = "counting"))]
        impl $table {
            /// Each statement by name: how it begins, and how it ends where rows go in between.
            pub fn by_name(&self) -> Vec<(&'static str, Vec<(String, String)>)> {
                use crate::store::sql::Texts as _;
                vec![$((stringify!($name), self.$name.texts())),*]
            }
        }
    };
}

mod common;
mod dialects;
mod mysql;
pub mod nodes;
mod postgres;
mod sqlite;

pub use dialects::statements;
pub use nodes::{Inventory, Keys, ironic, native};

use crate::domain::ids::Pair;
use crate::store::database::connection::{Bind, Value};

/// A pair takes two places: its group, then its driver, so that the two are never swapped.
impl<'a> From<&'a Pair> for [Value<'a>; 2] {
    fn from(pair: &'a Pair) -> Self {
        [pair.group.as_str().into(), pair.driver.as_str().into()]
    }
}

impl<'a> Bind<'a> for &'a Pair {
    fn bind(self, values: &mut Vec<Value<'a>>) {
        values.extend(<[Value<'a>; 2]>::from(self));
    }
}

/// The texts of a statement, or of several that go by one name.
#[cfg(any(test, feature = "counting"))]
pub trait Texts {
    /// How each begins, and how it ends where rows go in between.
    fn texts(&self) -> Vec<(String, String)>;
}

#[cfg(any(test, feature = "counting"))]
impl Texts for &'static str {
    fn texts(&self) -> Vec<(String, String)> {
        vec![((*self).to_owned(), String::new())]
    }
}

#[cfg(any(test, feature = "counting"))]
impl Texts for Option<&'static str> {
    fn texts(&self) -> Vec<(String, String)> {
        self.iter().flat_map(Texts::texts).collect()
    }
}

#[cfg(any(test, feature = "counting"))]
impl Texts for (&'static str, &'static str) {
    fn texts(&self) -> Vec<(String, String)> {
        vec![(self.0.to_owned(), self.1.to_owned())]
    }
}

#[cfg(any(test, feature = "counting"))]
impl Texts for (&'static str, &'static str, &'static str) {
    fn texts(&self) -> Vec<(String, String)> {
        vec![(self.0.to_owned(), self.2.to_owned())]
    }
}

#[cfg(any(test, feature = "counting"))]
impl Texts for &'static [&'static str] {
    fn texts(&self) -> Vec<(String, String)> {
        self.iter().flat_map(Texts::texts).collect()
    }
}

#[cfg(any(test, feature = "counting"))]
impl Texts for String {
    fn texts(&self) -> Vec<(String, String)> {
        vec![(self.clone(), String::new())]
    }
}

#[cfg(any(test, feature = "counting"))]
impl Texts for (String, String) {
    fn texts(&self) -> Vec<(String, String)> {
        vec![self.clone()]
    }
}

#[cfg(any(test, feature = "counting"))]
impl<T: Texts> Texts for Vec<T> {
    fn texts(&self) -> Vec<(String, String)> {
        self.iter().flat_map(Texts::texts).collect()
    }
}

statements! {
/// One dialect's statements over our own tables, in the order in which they are used.
Statements {
    // --- how transactions begin: of a writer, of one who looks at several things at once ---------
    begin: &'static str,
    begin_look: &'static str,

    // --- fence ----------------------------------------------------------------------------------
    /// Makes the one row that everything hangs on, once. `$1` stream.
    create_stream: &'static str,
    create_relay: &'static str,
    stream: &'static str,
    /// Looks at every used table and column without reading a row.
    schema: &'static [&'static str],
    /// Changes a row of its own: proves that writing works, and touches none of the active
    /// replica's.
    prove: &'static str,
    /// `$1` holder, `$2` now, `$3` mode.
    take_epoch: &'static str,
    /// First in every writing transaction: no row, no right. `$1` now or NULL, `$2` epoch.
    fence: &'static str,
    /// The same for an operator's command, in whatever epoch there is; keeps when the holder
    /// committed.
    fence_any: &'static str,
    counters: &'static str,
    /// `$1` seq, `$2` last announcement, `$3` last decision.
    save_counters: &'static str,
    step_down: &'static str,
    conductors: &'static str,
    standings: &'static str,
    unheeded: &'static str,
    receipts: &'static str,

    // --- intake ---------------------------------------------------------------------------------
    /// Goes before and after the rows of (conductor, message id).
    recall: (&'static str, &'static str),
    remember: &'static str,
    save_conductors: (&'static str, &'static str),
    save_unheeded: (&'static str, &'static str),
    save_receipts: (&'static str, &'static str),
    /// Goes before the rows.
    decided: &'static str,
    /// A decision that is only recorded: what it would have moved. `$1` now, `$2` nodes, `$3` number.
    observed: &'static str,
    /// Decisions that are overtaken complete at that moment. `$1` now; goes before and after the pairs.
    overtaken: (&'static str, &'static str),
    /// Goes before and after the rows.
    stand: (&'static str, &'static str),

    // --- take out and give back -----------------------------------------------------------------
    /// Its decision, and whether it is carried out; no row: not lost (I6). `$1`, `$2` the pair.
    lost_decision: &'static str,
    /// The decisions of several pairs, likewise of those that are not lost. Goes before and after the pairs.
    decisions_of_pairs: (&'static str, &'static str),
    /// Goes before the cases (`WHEN` a number `THEN` its nodes), before and after those numbers.
    count_nodes: (&'static str, &'static str, &'static str),
    /// `$1` now; goes before and after the numbers.
    complete_each: (&'static str, &'static str),
    /// The new changes of each decision, from the first `seq` to the last. `$1`, `$2`: above and up to which.
    taken: &'static str,
    /// `$1` now, `$2`, `$3` the pair.
    complete: &'static str,
    /// The pair's decision. `$1`, `$2` the pair.
    completed: &'static str,
    /// Goes before the rows.
    announce: &'static str,
    /// `$1` after, `$2` limit.
    holds_window: &'static str,
    /// The pair's decisions that hold anything above a uuid. `$1`, `$2` the pair, `$3` after.
    holding: &'static str,
    /// The decisions of several pairs that hold anything, the last hold of each, and one beyond `$1` holds if
    /// there are so many. Goes before and after the pairs.
    holding_of_pairs: (&'static str, &'static str),
    /// How much each of these decisions holds. Goes before and after their numbers.
    holds_of_each: (&'static str, &'static str),
    /// Of one decision's holds the next ones: goes before and after its place. `$1` after, `$2` limit.
    holds_of: (&'static str, &'static str),
    /// Goes before and after [`holds_of`](Self::holds_of), one for each decision.
    holds_window_of_pair: (&'static str, &'static str),
    /// The decisions about these pairs, but for each one's last, that hold nothing: they never will, and are
    /// not looked at again. Some hundreds at once. Goes before and after the pairs.
    holds_no_more: (&'static str, &'static str),
    /// `$1`, `$2`: above and up to which `seq`.
    end_holds: &'static str,
    /// What of the new changes goes into one message: same hold's decision, same reason. `$1` seq.
    released: &'static str,
    /// Return decisions that nothing waits for any more. `$1` now, `$2` how many at most.
    complete_restored: &'static str,
    /// How many these are.
    restored_open: &'static str,

    // --- sweep; the last ones each drop at most `$2` rows from before `$1`, oldest first ----------
    /// A pair that was decided to be unknown, if nothing is held for it. `$1`, `$2` the pair.
    forget_unknown: &'static str,
    /// The pair, if that statement would forget it. `$1`, `$2` the pair.
    unwanted: &'static str,
    /// `$1`, `$2` the pair.
    forget_pair: &'static str,
    drop_events: &'static str,
    drop_changes: &'static str,
    drop_announcements: &'static str,
    drop_decisions: &'static str,
    drop_receipts: &'static str,
    /// `$1` subscriber.
    drop_receipt: &'static str,

    // --- operators ------------------------------------------------------------------------------
    pause: &'static str,
    /// `$1` id, `$2` reason, `$3` who, `$4` now, `$5` remaining or NULL.
    begin_pause: &'static str,
    /// `$1` id.
    end_pause: &'static str,
    /// What the holder says of its hearing. `$1` epoch, `$2` since when silence proves nothing, `$3` for how
    /// long, `$4` deaf, `$5` troubles, `$6` now.
    note_hearing: &'static str,
    /// `$1` epoch.
    noted_hearing: &'static str,
    /// What remains of it. `$1` remaining, `$2` now, `$3` id.
    keep_pause: &'static str,
    /// A new history, and no replica that could write before may write in it. `$1` stream, `$2` epoch,
    /// `$3` commits.
    new_stream: &'static str,
    /// Where it came from, and why. `$1` stream, `$2` previous; `$3` to `$6` what was known (stream, epoch,
    /// seq, commits) or NULL; `$7` to `$9` what was found; `$10` for how long to wait, `$11` now or NULL.
    note_stream: &'static str,
    /// A stream that began because another one ended, or was lost. `$1` that one.
    stream_after: &'static str,
    /// A stream that began because commits were lost. `$1` stream.
    stream_began: &'static str,
    /// `$1` for how long yet, `$2` stream.
    keep_waiting: &'static str,
    /// `$1` kind, `$2` argument, `$3` by whom, `$4` now.
    request: &'static str,
    /// The number of the row that was just inserted. `None`: the statement that inserts it answers with it.
    request_number: Option<&'static str>,
    /// What was done. `$1` kind, `$2` who, `$3` now, `$4` what, for people.
    note_done: &'static str,
    requests: &'static str,
    /// `$1` now, `$2` result, `$3` number.
    answer: &'static str,
    /// `$1` conductor.
    forget: &'static str,
    /// After `forget`: what did not count of a conductor that is not known. `$1` conductor.
    forget_unheeded: &'static str,
    drop_requests: &'static str,

    // --- relay ----------------------------------------------------------------------------------
    /// `$1` after which, or NULL; `$2` limit.
    pending: &'static str,
    /// `$1`, `$2`: from which to which `seq`.
    announced_nodes: &'static str,
    /// Never back, and only for the holder of the epoch. `$1` number, `$2` now, `$3` epoch.
    announced: &'static str,

    // --- looking --------------------------------------------------------------------------------
    position: &'static str,
    outbox: &'static str,
    /// `$1` after, `$2` limit.
    snapshot: &'static str,
    /// The same with what tipped each decision.
    list_holds: &'static str,
    see_conductors: &'static str,
    /// `$1` group.
    see_conductors_of_group: &'static str,
    see_pairs: &'static str,
    /// `$1` group, `$2` driver.
    see_pair: &'static str,
    /// `$1` uuid.
    see_hold: &'static str,
    /// `$1` uuid.
    see_last_change: &'static str,
    /// `$1` number.
    see_decision: &'static str,
    /// `$1` limit.
    see_decisions: &'static str,
    /// Below a number, newest first. `$1` number, `$2` limit.
    past_decisions: &'static str,
    /// Likewise.
    past_requests: &'static str,
    /// What was decided and not carried out, from `$1` on, by verdict.
    see_observed: &'static str,
    /// `$1` number.
    see_request: &'static str,
    /// The receipts, each with when the first change was committed that it does not cover.
    see_receipts: &'static str,
    /// When a change was committed, and when what led to it was decided and completed. `$1` seq.
    see_change: &'static str,

    // --- counts ---------------------------------------------------------------------------------
    /// The last `seq`, and the holds of each pair as of it; one row without a pair if nothing is held.
    count_holds: &'static str,
    /// Goes before and after the rows of (group, driver, nodes, held): what is counted.
    keep_counts: (&'static str, &'static str),
    /// The same; what `held` has changed by.
    fold_counts: (&'static str, &'static str),
    /// Pairs that no node needs and nothing is held for.
    drop_counts: &'static str,
    /// `$1` now, `$2` nodes, `$3` held, `$4` seq.
    keep_counted: &'static str,
    /// `$1` held, `$2` seq.
    fold_counted: &'static str,
    see_counted: &'static str,
    see_counts: &'static str,
    /// By how much the changes above `$1` and up to `$2` changed what is held for each pair.
    moved: &'static str,
    /// Counted pairs that nothing was ever decided about, by group and driver. `$1` limit.
    unknown_pairs: &'static str,
}
}
