//! The end of a decision: nothing is left to do for it.

use crate::domain::ids::Pair;
use crate::store::database::connection::values;
use crate::store::records::Completed;
use crate::store::write::fenced::Fenced;

/// What was decided about these pairs before, and holds nothing any more, is not looked at again: a pair that
/// comes and goes has ever more of it (L2).
pub async fn holds_no_more(unit: &mut Fenced<'_>, pairs: &[&Pair]) -> Result<(), sqlx::Error> {
    let pairs = pairs.iter().map(|pair| (*pair).into());
    let statement = unit.sql.holds_no_more;
    unit.connection.write_rows(statement, pairs).await
}

/// The pair's decision is carried out; returns it, if it was not before.
pub async fn complete(
    unit: &mut Fenced<'_>,
    pair: &Pair,
    now_ms: u64,
) -> Result<Option<Completed>, sqlx::Error> {
    let values = values![now_ms, pair];
    if unit.connection.execute(unit.sql.complete, values).await? == 0 {
        return Ok(None);
    }
    let (completed, pair) = (unit.sql.completed, values![pair]);
    let row = unit.connection.fetch_one(completed, pair).await?;
    Ok(Some(Completed {
        decision_id: row.text("decision_id")?,
        nodes: row.uint("nodes")?,
    }))
}
