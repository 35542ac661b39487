//! What is known of one node: its row, what holds it, and the pair that it needs.

use crate::config::Mode;
use crate::domain::announcement::BackReason;
use crate::domain::ids::node_id;
use crate::store::database::connection::values;
use crate::store::database::row::Row;
use crate::store::look::from_row::decision;
use crate::store::look::pairs::pair;
use crate::store::look::snapshot::Snapshot;
use crate::store::look::views::{DecisionView, Gone, NodeFacts, PairFacts};
use crate::store::tables;
use crate::store::write::pause;

/// How a node that is asked for may be spelled in the table: as asked, and in the one form of an id.
pub fn spellings(asked: &str) -> Vec<String> {
    let mut all = vec![asked.to_owned(), node_id(asked)];
    all.dedup();
    all
}

pub async fn node(look: &mut Snapshot, row: &Row) -> Result<NodeFacts, sqlx::Error> {
    let uuid = row.text("uuid")?;
    let group = row.text("conductor_group")?;
    let driver = row.maybe_text("driver")?;
    let pair = match &driver {
        Some(driver) => Some(pair_of(look, &group, driver).await?),
        None => None,
    };
    let position = look.connection.fetch_one(look.sql.position, &[]).await?;
    Ok(NodeFacts {
        hold: hold_of(look, &uuid).await?,
        last_back: last_back_of(look, &uuid).await?,
        uuid,
        name: row.maybe_text("name")?,
        conductor_group: group,
        driver,
        maintenance: row.maybe_flag("maintenance")?.unwrap_or(false),
        service_state: row.maybe_text("service_state")?.unwrap_or_default(),
        since_ms: row.maybe_uint("service_state_since_ms")?,
        free: row.maybe_flag("free")?.unwrap_or(false),
        lifted: row.maybe_uint("lifted")?,
        ours: row.maybe_flag("ours")?.unwrap_or(false),
        pair,
        pause: pause::read(&mut look.connection, look.sql).await?,
        observing: position.maybe_word(tables::STATE, "mode")? == Some(Mode::Observe),
    })
}

/// The row of the node with this uuid, or with this name if no other node has it.
pub async fn row_of(look: &mut Snapshot, uuid_or_name: &str) -> Result<Option<Row>, sqlx::Error> {
    let (connection, inventory) = (&mut look.connection, &look.inventory);
    let asked = values![uuid_or_name];
    let found = connection.fetch_first(&inventory.see_node, asked).await?;
    if found.is_some() {
        return Ok(found);
    }
    let named = connection.fetch(&inventory.see_node_by_name, asked);
    let mut named = named.await?;
    Ok((named.len() == 1).then(|| named.remove(0)))
}

/// Since when the node is held, and by which decision.
async fn hold_of(
    look: &mut Snapshot,
    uuid: &str,
) -> Result<Option<(u64, DecisionView)>, sqlx::Error> {
    let (connection, sql) = (&mut look.connection, look.sql);
    let held = connection.fetch_first(sql.see_hold, values![uuid]).await?;
    let Some(held) = held else {
        return Ok(None);
    };
    let number = values![held.uint("decision")?];
    let row = connection.fetch_first(sql.see_decision, number).await?;
    let decision = row.as_ref().map(decision).transpose()?;
    Ok(Some(held.uint("since_ms")?).zip(decision))
}

/// Why and when the node came back, if its last change is that it did.
async fn last_back_of(
    look: &mut Snapshot,
    uuid: &str,
) -> Result<Option<(BackReason, u64)>, sqlx::Error> {
    let (connection, statement) = (&mut look.connection, look.sql.see_last_change);
    let Some(last) = connection.fetch_first(statement, values![uuid]).await? else {
        return Ok(None);
    };
    Ok(last
        .maybe_word(tables::CHANGES, "back")?
        .zip(last.maybe_uint("since_ms")?))
}

/// What is known of the pair that the node needs.
async fn pair_of(look: &mut Snapshot, group: &str, driver: &str) -> Result<PairFacts, sqlx::Error> {
    let (view, conductors) = pair(look, group, driver).await?;
    let gone = Gone::among(&conductors);
    let gone = gone.of(&view).iter().copied().cloned().collect();
    Ok(PairFacts { gone, view })
}
