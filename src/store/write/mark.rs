//! Marks the nodes of new holds and unmarks those whose holds ended, and makes sure of it (I3): a trigger, a
//! rule or a policy of somebody else's may cancel a change of a row, and no database reports that.

use crate::store::database::connection::values;
use crate::store::database::row::Nonsense;
use crate::store::tables;
use crate::store::write::fenced::Fenced;

/// Marks the nodes of the new holds above `base` and up to `end`.
///
/// # Errors
/// One of a row, like any other that the database refuses, if a node is not marked even so.
pub async fn mark_out(
    unit: &mut Fenced<'_>,
    now_ms: u64,
    base: u64,
    end: u64,
) -> Result<(), sqlx::Error> {
    let inventory = unit.inventory;
    let statements = (&inventory.mark_out, &inventory.not_marked_out);
    change(unit, statements, (now_ms, base, end), "in service").await
}

/// Takes the marks from the nodes whose holds ended by the changes above `base` and up to `end`.
pub async fn mark_in(
    unit: &mut Fenced<'_>,
    now_ms: u64,
    base: u64,
    end: u64,
) -> Result<(), sqlx::Error> {
    let inventory = unit.inventory;
    let statements = (&inventory.mark_in, &inventory.not_marked_in);
    change(unit, statements, (now_ms, base, end), "out of service").await
}

async fn change(
    unit: &mut Fenced<'_>,
    (set, not_set): (&String, &String),
    (now_ms, base, end): (u64, u64, u64),
    stays: &str,
) -> Result<(), sqlx::Error> {
    let connection = &mut *unit.connection;
    connection.execute(set, values![now_ms, base, end]).await?;
    let left = connection.fetch_one(not_set, values![base, end]).await?;
    let left = match left.uint("nodes")? {
        0 => return Ok(()),
        1 => "1 node stays".to_owned(),
        left => format!("{left} nodes stay"),
    };
    let what = format!(
        "{left} {stays} though the database reported no error: a trigger, a rule or a policy there cancels the change"
    );
    let table = tables::NODES;
    Err(Nonsense { table, what }.into())
}
