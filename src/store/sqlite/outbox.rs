//! The relay's connection: what is to be announced, and how far it is.

use std::sync::Arc;

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::super::{Outbox, StoreError};
use super::ledger::begin;
use super::open::{Link, TransactionWatch, Writer};
use super::{int, sql, text, uint};
use crate::config::Database;
use crate::domain::announcement::{
    About, AnnouncedCause, AnnouncedNode, Announcement, BackReason, Content, OutReason,
};
use crate::domain::ids::{Driver, Group, Pair};

/// [`Outbox`] on SQLite; owns one connection of its own.
pub struct SqliteOutbox {
    link: Link,
}

impl SqliteOutbox {
    /// Does not open the file yet.
    ///
    /// # Errors
    /// [`StoreError::Schema`] if the URL is none for SQLite.
    pub fn new(database: &Database, watch: Arc<dyn TransactionWatch>) -> Result<Self, StoreError> {
        Ok(Self {
            link: Link::new(database, watch, Writer::Relay)?,
        })
    }
}

impl Outbox for SqliteOutbox {
    async fn pending(
        &mut self,
        after: Option<u64>,
        most: u32,
    ) -> Result<Vec<Announcement>, StoreError> {
        let connection = self.link.connection().await?;
        match read(connection, after, most).await {
            Ok(announcements) => announcements,
            Err(fault) => {
                self.link.drop_connection();
                Err(StoreError::from_sqlx("read announcements", fault))
            }
        }
    }

    async fn announced(&mut self, epoch: u64, number: u64, now_ms: u64) -> Result<(), StoreError> {
        let watch = Arc::clone(&self.link.watch);
        let connection = self.link.connection().await?;
        let outcome = async {
            let mut tx = begin(connection).await?;
            watch.entered(Writer::Relay);
            let done = sqlx::query(sql::ANNOUNCED)
                .bind(int(number))
                .bind(int(now_ms))
                .bind(int(epoch))
                .execute(&mut *tx)
                .await?;
            tx.commit().await?;
            Ok(done.rows_affected())
        }
        .await;
        match outcome {
            Ok(rows) => {
                watch.left(Writer::Relay);
                if rows == 1 {
                    Ok(())
                } else {
                    Err(StoreError::Fenced(epoch))
                }
            }
            Err(fault) => {
                self.link.drop_connection();
                Err(StoreError::from_sqlx("record what was announced", fault))
            }
        }
    }
}

/// The inner error is a row that makes no sense.
async fn read(
    connection: &mut SqliteConnection,
    after: Option<u64>,
    most: u32,
) -> Result<Result<Vec<Announcement>, StoreError>, sqlx::Error> {
    let rows = sqlx::query(sql::PENDING)
        .bind(after.map(int))
        .bind(most)
        .fetch_all(&mut *connection)
        .await?;
    let mut announcements = Vec::with_capacity(rows.len());
    for row in &rows {
        let nodes = if row.try_get::<&str, _>("type")? == "node.position" {
            Vec::new()
        } else {
            nodes(
                connection,
                row.try_get("first_seq")?,
                row.try_get("last_seq")?,
            )
            .await?
        };
        match announcement(row, nodes)? {
            Ok(announcement) => announcements.push(announcement),
            Err(fault) => return Ok(Err(fault)),
        }
    }
    Ok(Ok(announcements))
}

async fn nodes(
    connection: &mut SqliteConnection,
    first: i64,
    last: i64,
) -> Result<Vec<AnnouncedNode>, sqlx::Error> {
    let rows: Vec<(i64, Vec<u8>, Option<Vec<u8>>)> = sqlx::query_as(sql::ANNOUNCED_NODES)
        .bind(first)
        .bind(last)
        .fetch_all(connection)
        .await?;
    Ok(rows
        .into_iter()
        .map(|(seq, uuid, name)| AnnouncedNode {
            seq: uint(seq),
            uuid: text(uuid),
            name: name.map(text),
        })
        .collect())
}

fn announcement(
    row: &SqliteRow,
    nodes: Vec<AnnouncedNode>,
) -> Result<Result<Announcement, StoreError>, sqlx::Error> {
    let number = uint(row.try_get("number")?);
    let corrupt = |what: &str| StoreError::Corrupt(format!("announcement {number}: {what}"));
    let message_type: String = row.try_get("type")?;
    let content = if message_type == "node.position" {
        Content::Position {
            seq: uint(row.try_get("last_seq")?),
        }
    } else {
        let about = match about(row)? {
            Some(about) => about,
            None => return Ok(Err(corrupt("its decision is missing"))),
        };
        let reason: Option<String> = row.try_get("reason")?;
        let reason = reason.unwrap_or_default();
        if nodes.is_empty() {
            return Ok(Err(corrupt("its nodes are missing")));
        }
        match (message_type.as_str(), BackReason::parse(&reason)) {
            ("node.out_of_service", _) => Content::OutOfService {
                about,
                reason: if reason == OutReason::DriverUnknown.as_str() {
                    OutReason::DriverUnknown
                } else {
                    OutReason::DriverLost
                },
                nodes,
            },
            ("node.back_in_service", Some(reason)) => Content::BackInService {
                about,
                reason,
                released_by: row.try_get("released_by")?,
                nodes,
            },
            _ => return Ok(Err(corrupt("its type or reason is unknown"))),
        }
    };
    Ok(Ok(Announcement {
        number,
        stream: row.try_get("stream")?,
        epoch: uint(row.try_get("epoch")?),
        decided_at_ms: uint(row.try_get("decided_at_ms")?),
        content,
    }))
}

fn about(row: &SqliteRow) -> Result<Option<About>, sqlx::Error> {
    let decision_id: Option<String> = row.try_get("decision_id")?;
    let group: Option<String> = row.try_get("conductor_group")?;
    let driver: Option<String> = row.try_get("driver")?;
    let pair = group
        .and_then(|group| Group::parse(&group).ok())
        .zip(driver.and_then(|driver| Driver::parse(&driver).ok()))
        .map(|(group, driver)| Pair { group, driver });
    let last_good_at_ms: Option<i64> = row.try_get("last_good_at_ms")?;
    let cause = AnnouncedCause {
        event_id: row.try_get("cause_event_id")?,
        event: row.try_get("cause_event")?,
        conductor: row.try_get("cause_conductor")?,
    };
    Ok(decision_id.zip(pair).map(|(decision_id, pair)| About {
        decision_id,
        pair,
        cause,
        last_good_at_ms: last_good_at_ms.map(uint),
    }))
}
