//! Working on the `nodes` of an OpenStack Ironic: the rules, and whether its tables are those that
//! we know. A schema that is not known is refused, not guessed at.
//!
//! Ironic's API cannot set maintenance on a node whose driver has no conductor, so it is written
//! into the table, and read by API, scheduler and allocations as if an operator had set it.
//!
//! - **Touched** are only rows that are available, without instance, reservation and maintenance:
//!   others would get stuck, or lose their power sync. The sweep finds them once they are free.
//! - **Written** are `maintenance`, `maintenance_reason` (with the decision's UUID), `fault` (a value
//!   that Ironic never uses, and so never clears) and `updated_at`. Nothing else.
//! - **Ours to release** is a row only while these are as we wrote them, and it is not reserved. An
//!   operator who set or cleared maintenance meanwhile ended our hold; the same decision does not take
//!   it again.
//! - **Names** are compared as Ironic does: the group in lower case, the driver exactly.

use crate::store::database::connection::{Connection, values};
use crate::store::database::dialect::Dialect;
use crate::store::database::error::{StoreError, is_denied, is_missing};
use crate::store::sql::{self, Inventory, Keys};
use crate::store::trust::Trust;

/// Known revisions of Ironic's schema (`ironic/db/sqlalchemy/alembic/versions`), from the one that
/// made the indexes that we use to that of Ironic 39.0.0, on which this is tested.
const KNOWN_REVISIONS: [&str; 28] = [
    "ac00b586ab95",
    "2bbd96b6ccb9",
    "c1846a214450",
    "9ef41f07cb58",
    "0ac0f39bc5aa",
    "4dbec778866e",
    "fe222f476baf",
    "163040c5513f",
    "d163df1bab88",
    "aa2384fee727",
    "01f21d5e5195",
    "66bd9c5604d5",
    "6e9cf6acce0b",
    "21c48150dea9",
    "1c14278d6e33",
    "e4827561979d",
    "3ef27505c9fb",
    "d0821744f9e2",
    "763b2f62d215",
    "15e9d00367b0",
    "9f8c7d6e5b4a",
    "9c0446cb6bc3",
    "c1fd28861bb9",
    "2a3b4c5d6e7f",
    "e2d316b60d9e",
    "16990309ad9d",
    "772c0e7e8299",
    "9fb44677ef15",
];

/// An approved design for Ironic keeps maintenance there and makes the column a copy of it.
const FUTURE_TABLE: &str = "SELECT 1 AS one FROM node_maintenance LIMIT 0";

/// The statements over the nodes, if this is an Ironic's database that we know. `vouched` are
/// further revisions that the operator answers for.
pub async fn inventory(
    connection: &mut Connection,
    vouched: &[String],
    trust: Trust,
) -> Result<Inventory, StoreError> {
    let dialect = connection.dialect();
    let asked = connection.fetch("SELECT version_num FROM alembic_version", &[]);
    let revisions = asked.await.map_err(not_ironic)?;
    let revisions = revisions.iter().map(|row| row.text("version_num"));
    let revisions = revisions
        .collect::<Result<Vec<String>, _>>()
        .map_err(|fault| StoreError::from_sqlx("read Ironic's schema revision", fault))?;
    let known = |revision: &String| {
        KNOWN_REVISIONS.contains(&revision.as_str()) || vouched.contains(revision)
    };
    let listed = !revisions.is_empty() && revisions.iter().all(known);
    if trust == Trust::Revision && !listed {
        return Err(StoreError::Schema(format!(
            "{}: use a newer nodewarden; or, if its migrations change nothing about nodes.maintenance, \
             maintenance_reason, fault, reservation and provision_state, name it in inventory.ironic_revisions",
            unknown(&revisions)
        )));
    }
    match connection.execute(FUTURE_TABLE, &[]).await {
        Err(fault) if is_missing(&fault) => {}
        // PostgreSQL denies only what is there; MySQL whatever no right was given for.
        Err(fault) if is_denied(&fault) && dialect == Dialect::MySql => {
            if trust == Trust::Columns && !listed {
                return Err(StoreError::Schema(format!(
                    "{}, and whether there is a table node_maintenance, our user may not see: if there is none, \
                     name the revision in inventory.ironic_revisions",
                    unknown(&revisions)
                )));
            }
        }
        Err(fault) if !is_denied(&fault) => {
            return Err(StoreError::from_sqlx("look for node_maintenance", fault));
        }
        Ok(_) | Err(_) => {
            return Err(StoreError::Schema(
                "this Ironic has a table node_maintenance: there the column that nodewarden writes is only a copy, so \
                 inventory.kind = \"ironic\" cannot be used with it"
                    .to_owned(),
            ));
        }
    }
    Ok(sql::ironic(dialect, keys(connection).await?))
}

/// How Ironic's keys are compared and found.
async fn keys(connection: &mut Connection) -> Result<Keys, StoreError> {
    if connection.dialect() != Dialect::MySql {
        return Ok(Keys::default());
    }
    let row = connection
        .fetch_first(
            "SELECT c.character_set_name AS charset, c.collation_name AS collation, s.index_name AS unique_index
             FROM information_schema.columns c JOIN information_schema.statistics s
             ON s.table_schema = c.table_schema AND s.table_name = c.table_name AND s.column_name = c.column_name
             WHERE c.table_schema = database() AND c.table_name = $1 AND c.column_name = $2
             AND s.non_unique = 0 AND s.seq_in_index = 1 LIMIT 1",
            values!["nodes", "uuid"],
        )
        .await
        .map_err(|fault| StoreError::from_sqlx("look at the keys of Ironic's nodes", fault))?;
    let found = row.and_then(|row| {
        let text = |column| row.text(column).ok();
        Keys::parse(
            &text("charset")?,
            &text("collation")?,
            &text("unique_index")?,
        )
    });
    found.ok_or_else(|| {
        StoreError::Schema(
            "nodes.uuid is not a text column with a unique index: this is not the table of an OpenStack Ironic".to_owned(),
        )
    })
}

fn unknown(revisions: &[String]) -> String {
    format!(
        "this Ironic has schema revision {revisions:?}, which nodewarden does not know (the newest that it does is {})",
        KNOWN_REVISIONS[KNOWN_REVISIONS.len() - 1]
    )
}

fn not_ironic(fault: sqlx::Error) -> StoreError {
    if !is_missing(&fault) && !is_denied(&fault) {
        return StoreError::from_sqlx("read Ironic's schema revision", fault);
    }
    StoreError::Schema(format!(
        "inventory.kind = \"ironic\" needs the database of an OpenStack Ironic, and its table alembic_version \
         cannot be read: {fault}"
    ))
}
