//! What the database says, by SQL of its own: any of the three kinds, every column as text.

use std::collections::BTreeMap;
use std::time::Duration;

use sqlx::{AssertSqlSafe, Column as _, Connection, Row as _};

use crate::evidence::{Change, Decided, Tables};

/// A frozen server must not hold up who looks.
const PATIENCE: Duration = Duration::from_secs(5);

pub type Rows = Vec<Vec<String>>;

/// Rows as texts: a number in digits, yes and no as 1 and 0, NULL as nothing.
macro_rules! texts {
    ($rows:expr) => {
        $rows
            .iter()
            .map(|row| {
                (0..row.columns().len())
                    .map(|at| {
                        let number = |n: Option<i64>| n.map(|n| n.to_string());
                        row.try_get::<Option<String>, _>(at)
                            .or_else(|_| row.try_get(at).map(number))
                            .or_else(|_| {
                                row.try_get(at)
                                    .map(|n: Option<i32>| number(n.map(i64::from)))
                            })
                            .or_else(|_| {
                                row.try_get(at)
                                    .map(|n: Option<bool>| number(n.map(i64::from)))
                            })
                            .or_else(|_| {
                                let bytes: Option<Vec<u8>> = row.try_get(at)?;
                                Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
                            })
                            .map_err(|fault: sqlx::Error| {
                                panic!("{}: {fault}", row.column(at).name())
                            })
                            .unwrap()
                            .unwrap_or_default()
                    })
                    .collect()
            })
            .collect()
    };
}

/// Asks the database at `url`.
pub async fn ask(url: &str, query: &str) -> Result<Rows, String> {
    let query = AssertSqlSafe(query.to_owned());
    let asked = async {
        if url.starts_with("sqlite") {
            let mut link = sqlx::SqliteConnection::connect(url).await?;
            Ok::<Rows, sqlx::Error>(texts!(sqlx::query(query).fetch_all(&mut link).await?))
        } else if url.starts_with("postgres") {
            let mut link = sqlx::PgConnection::connect(url).await?;
            Ok(texts!(sqlx::query(query).fetch_all(&mut link).await?))
        } else {
            let mut link = sqlx::MySqlConnection::connect(url).await?;
            Ok(texts!(sqlx::query(query).fetch_all(&mut link).await?))
        }
    };
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(rows) => rows.map_err(|fault| fault.to_string()),
        Err(_) => Err("no answer".into()),
    }
}

fn number(text: &str) -> u64 {
    text.parse()
        .unwrap_or_else(|_| panic!("{text} is a number"))
}

/// What is out of service, by the marks.
pub async fn out(url: &str) -> Result<std::collections::BTreeSet<String>, String> {
    let query = "SELECT uuid FROM nodes WHERE service_state = 'out_of_service'";
    Ok(ask(url, query).await?.into_iter().flatten().collect())
}

/// The epoch, and when it was taken.
pub async fn takeover(url: &str) -> Result<Option<(u64, u64)>, String> {
    let rows = ask(url, "SELECT epoch, taken_at_ms FROM nodewarden_state").await?;
    let row = rows.first().filter(|row| !row[1].is_empty());
    Ok(row.map(|row| (number(&row[0]), number(&row[1]))))
}

/// How many announcements wait, and how many decisions are not complete.
pub async fn waiting(url: &str) -> Result<Vec<String>, String> {
    let query = "SELECT s.last_announcement - r.announced,
            (SELECT count(*) FROM nodewarden_decisions WHERE completed_at_ms IS NULL)
        FROM nodewarden_state s, nodewarden_relay r";
    Ok(ask(url, query).await?.swap_remove(0))
}

/// Conductor and id of each event that was handled, and when, ms.
pub async fn handled(url: &str) -> Result<BTreeMap<(String, String), u64>, String> {
    let query = "SELECT conductor, message_id, received_at_ms FROM nodewarden_events";
    let rows = ask(url, query).await?.into_iter();
    let event = |mut row: Vec<String>| {
        let (at, id) = (number(&row[2]), row.swap_remove(1));
        ((row.swap_remove(0), id), at)
    };
    Ok(rows.map(event).collect())
}

/// Everything.
pub async fn read(url: &str) -> Result<Tables, String> {
    let state = ask(url, "SELECT stream, seq FROM nodewarden_state").await?;
    let events = handled(url).await?;
    let mut times: Vec<u64> = events.values().copied().collect();
    times.sort_unstable();
    let held = ask(
        url,
        "SELECT held FROM nodewarden_changes WHERE held IS NOT NULL",
    )
    .await?;
    let nodes = ask(url, "SELECT uuid, service_state, maintenance FROM nodes").await?;
    let nodes = nodes.into_iter().map(|mut row| {
        let state = (row[1] == "out_of_service", row[2] == "1");
        (row.swap_remove(0), state)
    });
    Ok(Tables {
        stream: state[0][0].clone(),
        seq: number(&state[0][1]),
        longest_wait_ms: times
            .windows(2)
            .map(|two| two[1] - two[0])
            .max()
            .unwrap_or(0),
        events: events.into_keys().collect(),
        decisions: decisions(url).await?,
        changes: changes(url).await?,
        held: held.into_iter().flatten().collect(),
        nodes: nodes.collect(),
    })
}

async fn decisions(url: &str) -> Result<Vec<Decided>, String> {
    let query =
        "SELECT decision_id, conductor_group, driver, verdict, cause, cause_event_id, epoch,
        decided_at_ms, completed_at_ms FROM nodewarden_decisions ORDER BY number";
    let rows = ask(url, query).await?.into_iter();
    let decided = |row: Vec<String>| Decided {
        id: row[0].clone(),
        pair: (row[1].clone(), row[2].clone()),
        verdict: row[3].clone(),
        cause: row[4].clone(),
        event: row[5].clone(),
        epoch: number(&row[6]),
        at_ms: number(&row[7]),
        complete: !row[8].is_empty(),
    };
    Ok(rows.map(decided).collect())
}

async fn changes(url: &str) -> Result<Vec<Change>, String> {
    let query = "SELECT seq, uuid, back FROM nodewarden_changes ORDER BY seq";
    let rows = ask(url, query).await?.into_iter();
    let change = |row: Vec<String>| Change {
        seq: number(&row[0]),
        uuid: row[1].clone(),
        out: row[2].is_empty(),
    };
    Ok(rows.map(change).collect())
}
