//! The relay's connection: what is to be announced, and how far it is.

use std::sync::Arc;

use crate::config::Database;
use crate::domain::announcement::{
    About, AnnouncedCause, AnnouncedNode, Announcement, AnnouncementType, Content,
};
use crate::domain::ids::{Driver, Group, Pair};
use crate::store::contract::Outbox;
use crate::store::database::connection::{Connection, values};
use crate::store::database::error::StoreError;
use crate::store::database::link::{Outcome, TransactionWatch, Writer, WriterConnection};
use crate::store::database::row::{Nonsense, Row};
use crate::store::tables;
use crate::store::write::announce::{FORMAT, waited_since};

/// [`Outbox`] on a database; owns one connection of its own.
pub struct SqlOutbox {
    link: WriterConnection,
}

impl SqlOutbox {
    /// Does not connect yet; fails if the URL cannot be used.
    pub fn new(database: &Database, watch: Arc<dyn TransactionWatch>) -> Result<Self, StoreError> {
        Ok(Self {
            link: WriterConnection::new(database, watch, Writer::Relay)?,
        })
    }
}

impl Outbox for SqlOutbox {
    async fn pending(
        &mut self,
        after: Option<u64>,
        most: u32,
    ) -> Result<Vec<Announcement>, StoreError> {
        self.link
            .look("read announcements", async |connection| {
                read(connection, after, most).await
            })
            .await?
    }

    async fn announced(&mut self, epoch: u64, number: u64, now_ms: u64) -> Result<(), StoreError> {
        let rows = self
            .link
            .transaction("record what was announced", async |connection| {
                let values = values![number, now_ms, epoch];
                let rows = connection.execute(connection.sql().announced, values);
                Ok(Outcome::Commit(rows.await?))
            })
            .await?;
        match rows {
            Some(1) => Ok(()),
            Some(_) | None => Err(StoreError::Fenced(epoch)),
        }
    }
}

/// The inner error is a row that makes no sense.
async fn read(
    connection: &mut Connection,
    after: Option<u64>,
    most: u32,
) -> Result<Result<Vec<Announcement>, StoreError>, sqlx::Error> {
    let sql = connection.sql();
    let rows = connection.fetch(sql.pending, values![after, most]).await?;
    let mut runs = Vec::with_capacity(rows.len());
    for row in &rows {
        // A type that is none is told with its own row, after those before it.
        let position = matches!(
            row.word(tables::ANNOUNCEMENTS, "type"),
            Ok(AnnouncementType::Position)
        );
        let run = (row.uint("first_seq")?, row.uint("last_seq")?);
        runs.push((!position).then_some(run));
    }
    // The runs of several announcements follow one another: one query for all of them.
    let first = runs.iter().flatten().map(|run| run.0).min();
    let last = runs.iter().flatten().map(|run| run.1).max();
    let nodes = match first.zip(last) {
        Some((first, last)) => {
            let run = values![first, last];
            connection.fetch(sql.announced_nodes, run).await?
        }
        None => Vec::new(),
    };
    let nodes: Vec<AnnouncedNode> = nodes.iter().map(node).collect::<Result<_, _>>()?;
    let mut nodes = nodes.into_iter().peekable();
    let mut announcements = Vec::with_capacity(rows.len());
    for (row, run) in rows.iter().zip(runs) {
        let mut of_run = Vec::new();
        if let Some((first, last)) = run {
            while let Some(node) = nodes.next_if(|node| node.seq <= last) {
                of_run.extend((node.seq >= first).then_some(node));
            }
        }
        match announcement(row, of_run) {
            Ok(announcement) => announcements.push(announcement),
            // What is before it can go out.
            Err(_) if !announcements.is_empty() => break,
            Err(fault) => return Ok(Err(fault)),
        }
    }
    Ok(Ok(announcements))
}

fn node(row: &Row) -> Result<AnnouncedNode, sqlx::Error> {
    Ok(AnnouncedNode {
        seq: row.uint("seq")?,
        uuid: row.text("uuid")?,
        name: row.maybe_text("name")?,
    })
}

fn announcement(row: &Row, nodes: Vec<AnnouncedNode>) -> Result<Announcement, StoreError> {
    let unread = |fault| StoreError::from_sqlx("read an announcement", fault);
    let number = row.uint("number").map_err(unread)?;
    let format = row.int("format").map_err(unread)?;
    if format != FORMAT {
        return Err(StoreError::Schema(format!(
            "announcement {number} has format {format}, and this nodewarden makes format {FORMAT} alone: \
             a replica of the version that wrote it must carry it out"
        )));
    }
    of_this_format(row, number, nodes).map_err(unread)
}

fn of_this_format(
    row: &Row,
    number: u64,
    nodes: Vec<AnnouncedNode>,
) -> Result<Announcement, sqlx::Error> {
    let corrupt = |what: &str| Nonsense {
        table: tables::ANNOUNCEMENTS,
        what: format!("announcement {number}: {what}"),
    };
    let announcement_type: AnnouncementType = row.word(tables::ANNOUNCEMENTS, "type")?;
    let content = if announcement_type == AnnouncementType::Position {
        Content::Position {
            seq: row.uint("last_seq")?,
        }
    } else {
        let Some(about) = about(row)? else {
            return Err(corrupt("its decision is missing").into());
        };
        if nodes.is_empty() {
            return Err(corrupt("its nodes are missing").into());
        }
        if announcement_type == AnnouncementType::OutOfService {
            Content::OutOfService {
                about,
                reason: row.word(tables::ANNOUNCEMENTS, "reason")?,
                nodes,
            }
        } else {
            Content::BackInService {
                about,
                reason: row.word(tables::ANNOUNCEMENTS, "reason")?,
                released_by: row.maybe_text("released_by")?,
                nodes,
            }
        }
    };
    let decided_at_ms = row.uint("decided_at_ms")?;
    let (committed, completed) = (
        row.uint("committed_at_ms")?,
        row.maybe_uint("completed_at_ms")?,
    );
    Ok(Announcement {
        waited_since_ms: waited_since(committed, Some(decided_at_ms), completed),
        number,
        stream: row.text("stream")?,
        epoch: row.uint("epoch")?,
        decided_at_ms,
        content,
    })
}

fn about(row: &Row) -> Result<Option<About>, sqlx::Error> {
    let group = row.maybe_text("conductor_group")?;
    let driver = row.maybe_text("driver")?;
    let pair = group
        .and_then(|group| Group::parse(&group).ok())
        .zip(driver.and_then(|driver| Driver::parse(&driver).ok()))
        .map(|(group, driver)| Pair { group, driver });
    let last_good_at_ms = row.maybe_uint("last_good_at_ms")?;
    let cause = AnnouncedCause {
        event_id: row.maybe_text("cause_event_id")?,
        event: row.maybe_word(tables::DECISIONS, "cause_event")?,
        conductor: row.maybe_text("cause_conductor")?,
    };
    Ok(row
        .maybe_text("decision_id")?
        .zip(pair)
        .map(|(decision_id, pair)| About {
            decision_id,
            pair,
            cause,
            last_good_at_ms,
        }))
}
