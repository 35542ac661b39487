//! Reading the stored half of the driver map, and refusing rows that make no sense.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::domain::change::{Cause, CauseKind, CauseWord, Standing, Turn, Verdict};
use crate::domain::ids::{
    ConductorName, Driver, EventId, Group, Incarnation, Pair, SubscriberName,
};
use crate::domain::receipt::{Receipt, Received};
use crate::domain::unheeded::{Ignored, Note, Refused};
use crate::store::database::connection::Connection;
use crate::store::database::error::StoreError;
use crate::store::database::row::{Nonsense, Row};
use crate::store::records::{ConductorRecord, Memory};
use crate::store::tables;

/// The driver map as stored. The inner error is a row that makes no sense.
pub async fn read(connection: &mut Connection) -> Result<Result<Memory, StoreError>, sqlx::Error> {
    let sql = connection.sql();
    let conductors = connection.fetch(sql.conductors, &[]).await?;
    let standings = connection.fetch(sql.standings, &[]).await?;
    let unheeded = connection.fetch(sql.unheeded, &[]).await?;
    let receipts = connection.fetch(sql.receipts, &[]).await?;
    let collect = || {
        Ok(Memory {
            conductors: conductors.iter().map(conductor).collect::<Result<_, _>>()?,
            standings: standings.iter().map(standing).collect::<Result<_, _>>()?,
            observed: standings
                .iter()
                .filter_map(|row| observed(row).transpose())
                .collect::<Result<_, _>>()?,
            unknown: standings
                .iter()
                .filter_map(|row| unknown(row).transpose())
                .collect::<Result<_, _>>()?,
            unheeded: unheeded.iter().filter_map(readable).collect(),
            receipts: receipts.iter().filter_map(received).collect(),
        })
    };
    Ok(collect())
}

/// A fault that says itself in which table.
fn unread_word(fault: sqlx::Error) -> StoreError {
    StoreError::from_sqlx("read the memory", fault)
}

fn conductor(row: &Row) -> Result<ConductorRecord, StoreError> {
    let corrupt = |what: &str| StoreError::Corrupt(format!("table {}: {what}", tables::CONDUCTORS));
    let unread = |fault: sqlx::Error| corrupt(&fault.to_string());
    let drivers: Vec<String> = serde_json::from_str(&row.text("drivers").map_err(unread)?)
        .map_err(|fault| corrupt(&fault.to_string()))?;
    let drivers = drivers
        .iter()
        .map(|driver| Driver::parse(driver))
        .collect::<Result<BTreeSet<_>, _>>()
        .map_err(|fault| corrupt(&format!("a driver {fault}")))?;
    let duration = |column| {
        let ms = row.maybe_uint(column).map_err(unread)?;
        Ok::<_, StoreError>(ms.map(Duration::from_millis))
    };
    Ok(ConductorRecord {
        name: ConductorName::parse(&row.text("conductor").map_err(unread)?)
            .map_err(|fault| corrupt(&format!("a name {fault}")))?,
        incarnation: Incarnation::new(row.uint("incarnation").map_err(unread)?)
            .ok_or_else(|| corrupt("incarnation"))?,
        group: Group::parse(&row.text("conductor_group").map_err(unread)?)
            .map_err(|fault| corrupt(&format!("a group {fault}")))?,
        drivers,
        heartbeat_timeout: duration("heartbeat_timeout_ms")?,
        state: row.word(tables::CONDUCTORS, "state").map_err(unread_word)?,
        restart_remaining: duration("hold_remaining_ms")?,
        last_sent_at_ms: row.maybe_uint("last_sent_at_ms").map_err(unread)?,
        last_sign_at_ms: row.uint("last_sign_at_ms").map_err(unread)?,
        since_ms: row.uint("since_ms").map_err(unread)?,
    })
}

/// A note delays a verdict and informs: one that makes no sense is no reason to decide nothing.
fn readable(row: &Row) -> Option<Note> {
    note(row)
        .inspect_err(
            |fault| tracing::warn!(%fault, "a note of signs that did not count is passed by"),
        )
        .ok()
}

fn note(row: &Row) -> Result<Note, StoreError> {
    let corrupt = |what: &str| StoreError::Corrupt(format!("table {}: {what}", tables::UNHEEDED));
    let unread = |fault: sqlx::Error| corrupt(&fault.to_string());
    let number = |column| row.maybe_uint(column).map_err(unread);
    let or_zero = |column| number(column).map(Option::unwrap_or_default);
    let refused = match row.maybe_text("refused_why").map_err(unread)? {
        Some(why) => Some(Refused::stored(
            why,
            or_zero("refused_count")?,
            or_zero("refused_since_ms")?,
            or_zero("refused_last_ms")?,
        )),
        None => None,
    };
    let ignored = match number("ignored_incarnation")? {
        Some(incarnation) => Some(Ignored {
            incarnation: Incarnation::new(incarnation).ok_or_else(|| corrupt("incarnation"))?,
            count: or_zero("ignored_count")?,
            since_ms: or_zero("ignored_since_ms")?,
            last_ms: or_zero("ignored_last_ms")?,
        }),
        None => None,
    };
    Ok(Note {
        conductor: ConductorName::parse(&row.text("conductor").map_err(unread)?)
            .map_err(|fault| corrupt(&format!("a name {fault}")))?,
        refused,
        remaining: number("refused_remaining_ms")?.map(Duration::from_millis),
        ignored,
    })
}

/// A receipt informs: one that makes no sense is no reason to decide nothing.
fn received(row: &Row) -> Option<Received> {
    let read = || {
        let subscriber = SubscriberName::parse(&row.text("subscriber")?);
        Ok::<_, sqlx::Error>(match subscriber {
            Err(_) => None,
            Ok(subscriber) => Some(Received {
                receipt: Receipt {
                    subscriber,
                    stream: row.text("stream")?,
                    seq: row.uint("seq")?,
                    applied_at_ms: row.uint("applied_at_ms")?,
                },
                heard_at_ms: row.uint("heard_at_ms")?,
            }),
        })
    };
    read()
        .inspect_err(|fault| tracing::warn!(%fault, "a subscriber's receipt is passed by"))
        .ok()
        .flatten()
}

fn standing(row: &Row) -> Result<(Pair, Standing), StoreError> {
    let corrupt = |what: &str| StoreError::Corrupt(format!("table {}: {what}", tables::PAIRS));
    let text = |column| {
        row.text(column)
            .map_err(|fault| corrupt(&fault.to_string()))
    };
    let pair = Pair {
        group: Group::parse(&text("conductor_group")?)
            .map_err(|fault| corrupt(&format!("a group {fault}")))?,
        driver: Driver::parse(&text("driver")?)
            .map_err(|fault| corrupt(&format!("a driver {fault}")))?,
    };
    let standing = row.word(tables::PAIRS, "state").map_err(unread_word)?;
    Ok((pair, standing))
}

/// What was decided about a lost pair, if that was only observed.
fn observed(row: &Row) -> Result<Option<Turn>, StoreError> {
    let (pair, to) = standing(row)?;
    let read = || {
        if to != Standing::Lost || !row.maybe_flag("observed")?.unwrap_or(false) {
            return Ok(None);
        }
        Ok(Some(Turn {
            pair,
            to,
            verdict: Some(row.word(tables::DECISIONS, "verdict")?),
            cause: Cause {
                conductor: row
                    .maybe_text("cause_conductor")?
                    .and_then(|name| ConductorName::parse(&name).ok()),
                kind: cause(row)?,
            },
            last_good_at_ms: row.maybe_uint("last_good_at_ms")?,
        }))
    };
    read().map_err(|fault| StoreError::from_sqlx("read what was observed", fault))
}

/// A lost pair, if it was decided that it never had a conductor.
fn unknown(row: &Row) -> Result<Option<Pair>, StoreError> {
    let (pair, to) = standing(row)?;
    let verdict = row.maybe_text("verdict").map_err(unread_word)?;
    let unknown = to == Standing::Lost && verdict.as_deref() == Some(Verdict::Unknown.as_str());
    Ok(unknown.then_some(pair))
}

fn cause(row: &Row) -> Result<CauseKind, sqlx::Error> {
    Ok(match row.word(tables::DECISIONS, "cause")? {
        CauseWord::Silence => CauseKind::Silence,
        CauseWord::RestartOverdue => CauseKind::RestartOverdue,
        CauseWord::NeverSeen => CauseKind::NeverSeen,
        CauseWord::Event => CauseKind::Event {
            id: EventId::parse(&row.text("cause_event_id")?).map_err(|fault| Nonsense {
                table: tables::DECISIONS,
                what: format!("the id of an event {fault}"),
            })?,
            event_type: row.word(tables::DECISIONS, "cause_event")?,
        },
    })
}
