//! Looking at an Ironic's conductors, for the bridge: each look changes a row of ours in the same
//! database, then reads it and two of Ironic's tables in one statement. A database that does not
//! write, lags, or went back in time never passes for the present.
//!
//! Times are naive UTC there; the database itself makes integers of them.

use crate::config::Database;
use crate::store::database::connection::{Connection, values};
use crate::store::database::dialect::Dialect;
use crate::store::database::error::{StoreError, is_missing};
use crate::store::database::open::Purpose;
use crate::store::database::row::Row;
use crate::store::ironic::numbers::{self, NumberOfConductor};

/// Rows (a conductor and one of its hardware types) in one look; fleets have some hundred.
const MOST: usize = 50_000;

/// Rows of bridges that have not looked for a day are dropped, now and then.
const KEPT_MS: u64 = 24 * 3600 * 1000;
const DROP_EACH: u64 = 1000;

/// How long a conductor gone from Ironic's table is remembered: far longer than
/// `decide.forget_after`.
const REMEMBERED_MS: u64 = 180 * 24 * 3600 * 1000;

const TABLES: [[&str; 2]; 3] = [
    [
        include_str!("../../../schemas/sql/sqlite/0020_bridge.sql"),
        include_str!("../../../schemas/sql/sqlite/0041_bridge_said.sql"),
    ],
    [
        include_str!("../../../schemas/sql/postgres/0020_bridge.sql"),
        include_str!("../../../schemas/sql/postgres/0041_bridge_said.sql"),
    ],
    [
        include_str!("../../../schemas/sql/mysql/0020_bridge.sql"),
        include_str!("../../../schemas/sql/mysql/0041_bridge_said.sql"),
    ],
];

const FORGET: &str = "DELETE FROM nodewarden_bridge WHERE bridge = $1";
const BEGIN: &str =
    "INSERT INTO nodewarden_bridge (bridge, looks, looked_at_ms) VALUES ($1, $2, $3)";
const WRITE: &str =
    "UPDATE nodewarden_bridge SET looks = $2, looked_at_ms = $3 WHERE bridge = $1 AND looks = $4";
const DROP: &str = "DELETE FROM nodewarden_bridge WHERE looked_at_ms < $1 AND bridge <> $2";

/// Our row joined to everything, so that there is an answer even where Ironic's tables are empty.
macro_rules! look {
    ($id:literal, $online:literal, $updated:literal, $registered:literal) => {
        concat!(
            "SELECT b.looks AS looks, ",
            $id,
            " AS id, c.hostname AS hostname, ",
            $online,
            " AS online, ",
            $updated,
            " AS updated_at_ms, c.conductor_group AS conductor_group, h.hardware_type AS driver, MAX(",
            $registered,
            ") AS registered_at_ms
            FROM nodewarden_bridge b
            LEFT JOIN conductors c ON 1 = 1
            LEFT JOIN conductor_hardware_interfaces h ON h.conductor_id = c.id
            WHERE b.bridge = $1
            GROUP BY b.looks, c.id, c.hostname, c.online, c.updated_at, c.conductor_group, h.hardware_type
            ORDER BY c.id, h.hardware_type
            LIMIT 50001"
        )
    };
}

/// A fraction of up to six digits, cut and not rounded, to fit the seconds.
const LOOK_SQLITE: &str = look!(
    "c.id",
    "CASE WHEN c.online = 1 THEN 1 WHEN c.online = 0 THEN 0 END",
    "CAST(strftime('%s', substr(c.updated_at, 1, 19)) AS INTEGER) * 1000
        + CAST(substr(substr(c.updated_at, 21) || '000', 1, 3) AS INTEGER)",
    "CAST(strftime('%s', substr(h.created_at, 1, 19)) AS INTEGER) * 1000
        + CAST(substr(substr(h.created_at, 21) || '000', 1, 3) AS INTEGER)"
);
const LOOK_POSTGRES: &str = look!(
    "CAST(c.id AS BIGINT)",
    "CASE WHEN c.online THEN CAST(1 AS BIGINT) WHEN NOT c.online THEN CAST(0 AS BIGINT) END",
    "CAST(FLOOR(EXTRACT(EPOCH FROM c.updated_at) * 1000) AS BIGINT)",
    "CAST(FLOOR(EXTRACT(EPOCH FROM h.created_at) * 1000) AS BIGINT)"
);
const LOOK_MYSQL: &str = look!(
    "CAST(c.id AS SIGNED)",
    "CAST(CASE WHEN c.online = 1 THEN 1 WHEN c.online = 0 THEN 0 END AS SIGNED)",
    "CAST(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', c.updated_at) DIV 1000 AS SIGNED)",
    "CAST(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', h.created_at) DIV 1000 AS SIGNED)"
);

/// One row of `conductors`, with what is registered for it. Nothing is checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IronicConductor {
    /// `hostname`
    pub hostname: String,
    /// `online`
    pub online: Option<bool>,
    /// `updated_at`, ms since 1970 UTC; `None` if it is no time.
    pub updated_at_ms: Option<i64>,
    /// `conductor_group`
    pub conductor_group: Option<String>,
    /// The hardware types of its interfaces.
    pub drivers: Vec<String>,
    /// The newest `created_at` of its interfaces.
    pub registered_at_ms: Option<i64>,
}

/// Looks at an Ironic's conductors.
pub struct ConductorsOfIronic {
    database: Database,
    bridge: String,
    open: Option<Connection>,
    /// The number in our row, if we know it for sure.
    written: Option<u64>,
    looks: u64,
}

impl ConductorsOfIronic {
    /// Does not connect yet. `bridge` is a random id of this process, at most 64 bytes.
    #[must_use]
    pub fn new(database: &Database, bridge: &str) -> Self {
        Self {
            database: database.clone(),
            bridge: bridge.to_owned(),
            open: None,
            written: None,
            looks: 0,
        }
    }

    /// Whether conductors renew `updated_at` here: with SQLite, Ironic's do not.
    pub fn beats(&self) -> Result<bool, StoreError> {
        Ok(Dialect::of(&self.database)? != Dialect::Sqlite)
    }

    /// Makes sure of a connection; whether there was one. Of several hosts each may take its time.
    pub async fn connect(&mut self) -> Result<bool, StoreError> {
        if self.open.is_some() {
            return Ok(true);
        }
        self.open = Some(Connection::open(&self.database, Purpose::Write).await?);
        Ok(false)
    }

    /// Writes `numbers`, reads what is remembered, then the conductors, so that no row is older
    /// than they are. A caller that gives up waiting must [`forget`](Self::forget) the connection.
    pub async fn look(
        &mut self,
        now_ms: u64,
        numbers: &[NumberOfConductor],
    ) -> Result<(Vec<IronicConductor>, Vec<NumberOfConductor>), StoreError> {
        self.connect().await?;
        // Out of place until all went well, so that no doubtful connection is used again.
        let mut connection = self.open.take().expect("just made sure of");
        let written = self.written.take();
        self.looks += 1;
        let looks = self.looks;
        write(&mut connection, &self.bridge, written, looks, now_ms).await?;
        numbers::write(&mut connection, numbers, now_ms)
            .await
            .map_err(|fault| failed("write what bridges remember", fault))?;
        let remembered = numbers::read(&mut connection)
            .await
            .map_err(|fault| failed("read what bridges remember", fault))?;
        let seen = read(&mut connection, &self.bridge, looks).await?;
        if looks % DROP_EACH == 1 {
            let before = now_ms.saturating_sub(KEPT_MS);
            connection
                .execute(DROP, values![before, &self.bridge])
                .await
                .map_err(|fault| failed("drop rows of old bridges", fault))?;
            numbers::drop_old(&mut connection, now_ms.saturating_sub(REMEMBERED_MS))
                .await
                .map_err(|fault| failed("drop what is remembered of old conductors", fault))?;
        }
        self.open = Some(connection);
        self.written = Some(looks);
        Ok((seen, remembered))
    }

    /// Drops the connection: what is under way on it is not waited for.
    pub fn forget(&mut self) {
        self.open = None;
        self.written = None;
    }

    /// Removes our row when a bridge ends; else another bridge drops it after a day.
    pub async fn leave(mut self) -> Result<(), StoreError> {
        if let Some(connection) = &mut self.open {
            connection
                .execute(FORGET, values![&self.bridge])
                .await
                .map_err(|fault| failed("remove our row", fault))?;
        }
        Ok(())
    }
}

/// Creates the bridges' own tables in Ironic's database, those that are not there.
pub async fn make_bridge_tables(database: &Database) -> Result<(), StoreError> {
    let mut connection = Connection::open(database, Purpose::Write).await?;
    let tables = match connection.dialect() {
        Dialect::Sqlite => TABLES[0],
        Dialect::Postgres => TABLES[1],
        Dialect::MySql => TABLES[2],
    };
    for table in tables {
        connection
            .command(table)
            .await
            .map_err(|fault| failed("create the bridge's tables", fault))?;
    }
    Ok(())
}

async fn write(
    connection: &mut Connection,
    bridge: &str,
    written: Option<u64>,
    looks: u64,
    now_ms: u64,
) -> Result<(), StoreError> {
    let write = async {
        let Some(written) = written else {
            connection.execute(FORGET, values![bridge]).await?;
            let first = values![bridge, looks, now_ms];
            return connection.execute(BEGIN, first).await;
        };
        let values = values![bridge, looks, now_ms, written];
        connection.execute(WRITE, values).await
    };
    let changed = write.await;
    if changed.map_err(|fault| failed("write the bridge's own row", fault))? == 1 {
        Ok(())
    } else {
        Err(StoreError::Corrupt(
            "the bridge's own row is not as it was left: another server, or a database that went back in time".into(),
        ))
    }
}

async fn read(
    connection: &mut Connection,
    bridge: &str,
    looks: u64,
) -> Result<Vec<IronicConductor>, StoreError> {
    let failed = |fault| failed("look at Ironic's conductors", fault);
    let statement = match connection.dialect() {
        Dialect::Sqlite => LOOK_SQLITE,
        Dialect::Postgres => LOOK_POSTGRES,
        Dialect::MySql => LOOK_MYSQL,
    };
    let rows = connection.fetch(statement, values![bridge]).await;
    let rows = rows.map_err(failed)?;
    if rows.len() > MOST {
        return Err(StoreError::Corrupt(format!(
            "over {MOST} rows of conductors and hardware types: this cannot be"
        )));
    }
    let newest = rows.first().map(|row| row.uint("looks")).transpose();
    if newest.map_err(failed)? != Some(looks) {
        return Err(StoreError::Corrupt(
            "what the bridge wrote is not what it reads: it reads from a replica that lags".into(),
        ));
    }
    conductors(&rows).map_err(failed)
}

/// Those of these rows, each of which is about one and one of its drivers.
fn conductors(rows: &[Row]) -> Result<Vec<IronicConductor>, sqlx::Error> {
    let mut conductors: Vec<(i64, IronicConductor)> = Vec::new();
    for row in rows {
        let Some(id) = row.maybe_int("id")? else {
            continue;
        };
        if conductors.last().is_none_or(|(last, _)| *last != id) {
            let conductor = IronicConductor {
                hostname: row.maybe_text("hostname")?.unwrap_or_default(),
                online: row.maybe_int("online")?.map(|online| online == 1),
                updated_at_ms: row.maybe_int("updated_at_ms")?,
                conductor_group: row.maybe_text("conductor_group")?,
                ..IronicConductor::default()
            };
            conductors.push((id, conductor));
        }
        let (_, conductor) = conductors.last_mut().expect("pushed above");
        if let Some(driver) = row.maybe_text("driver")? {
            conductor.drivers.push(driver);
            let registered = row.maybe_int("registered_at_ms")?;
            conductor.registered_at_ms = conductor.registered_at_ms.max(registered);
        }
    }
    let conductors = conductors.into_iter();
    Ok(conductors.map(|(_, conductor)| conductor).collect())
}

/// Says what to do where a table is missing.
fn failed(doing: &'static str, fault: sqlx::Error) -> StoreError {
    let why = fault.to_string();
    match (is_missing(&fault), why.contains("nodewarden_bridge")) {
        (true, true) => StoreError::Schema(format!(
            "{doing}: {why}: run `nodewarden migrate` with the settings of the bridge"
        )),
        (true, false) => StoreError::Schema(format!(
            "{doing}: {why}: is this the database of an Ironic? See bridge.database_url"
        )),
        _ => StoreError::from_sqlx(doing, fault),
    }
}
