//! What bridges remember of Ironic's conductors: the highest incarnation said or seen of each. The
//! higher one wins, so bridges never undo each other.

use crate::store::database::connection::{Connection, values};
use crate::store::database::dialect::Dialect;
use crate::store::database::row::Row;

/// A conductor's highest incarnation, and the registration that has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberOfConductor {
    /// Its name.
    pub conductor: String,
    /// When it registered, by its own clock; `None`: its end has the number; 0: its row was deleted, and
    /// that was told.
    pub registered_at_ms: Option<u64>,
    /// The number.
    pub incarnation: u64,
}

/// More were never seen in one fleet; what is beyond them is not remembered.
const READ: &str = "SELECT conductor, registered_at_ms, incarnation FROM nodewarden_bridge_said
    ORDER BY conductor LIMIT 50000";

const INTO: &str = "INSERT INTO nodewarden_bridge_said (conductor, registered_at_ms, incarnation, noted_at_ms) VALUES ";

const HIGHER: &str =
    " ON CONFLICT (conductor) DO UPDATE SET registered_at_ms = excluded.registered_at_ms,
    incarnation = excluded.incarnation, noted_at_ms = excluded.noted_at_ms
    WHERE nodewarden_bridge_said.incarnation < excluded.incarnation";

/// Each is set before the next is looked at, so the incarnation comes last.
const HIGHER_MYSQL: &str = " ON DUPLICATE KEY UPDATE
    registered_at_ms = CASE WHEN incarnation < VALUES(incarnation) THEN VALUES(registered_at_ms)
        ELSE registered_at_ms END,
    noted_at_ms = CASE WHEN incarnation < VALUES(incarnation) THEN VALUES(noted_at_ms) ELSE noted_at_ms END,
    incarnation = greatest(incarnation, VALUES(incarnation))";

/// Conductors that are gone from Ironic's table, and so it was told. `$1`: noted before.
const DROP: &str = "DELETE FROM nodewarden_bridge_said WHERE noted_at_ms < $1 AND registered_at_ms = 0
    AND NOT EXISTS (SELECT 1 FROM conductors c WHERE c.hostname = nodewarden_bridge_said.conductor)";

pub(super) async fn write(
    connection: &mut Connection,
    numbers: &[NumberOfConductor],
    now_ms: u64,
) -> Result<(), sqlx::Error> {
    let over = match connection.dialect() {
        Dialect::Sqlite | Dialect::Postgres => HIGHER,
        Dialect::MySql => HIGHER_MYSQL,
    };
    let rows = numbers.iter().map(|number| {
        [
            (&number.conductor).into(),
            number.registered_at_ms.into(),
            number.incarnation.into(),
            now_ms.into(),
        ]
    });
    connection.write_rows((INTO, over), rows).await
}

pub(super) async fn read(
    connection: &mut Connection,
) -> Result<Vec<NumberOfConductor>, sqlx::Error> {
    let rows = connection.fetch(READ, &[]).await?;
    rows.iter().map(number).collect()
}

/// Drops those of conductors that are known to be gone since before `before_ms`.
pub(super) async fn drop_old(
    connection: &mut Connection,
    before_ms: u64,
) -> Result<(), sqlx::Error> {
    connection.execute(DROP, values![before_ms]).await?;
    Ok(())
}

fn number(row: &Row) -> Result<NumberOfConductor, sqlx::Error> {
    Ok(NumberOfConductor {
        conductor: row.text("conductor")?,
        registered_at_ms: row.maybe_uint("registered_at_ms")?,
        incarnation: row.uint("incarnation")?,
    })
}
