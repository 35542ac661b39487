//! The relay's connection to the model.

use nodewarden::domain::announcement::{
    About, AnnouncedCause, AnnouncedNode, Announcement, AnnouncementType, Content,
};
use nodewarden::domain::change::CauseKind;
use nodewarden::store::{Outbox, StoreError};
use nodewarden::words::Word;

use super::rows::{AnnouncementRow, DecisionRow};
use super::tables::Tables;
use super::unit::Fault;
use super::{Call, Ended, Model};

/// [`Outbox`] on a model.
pub struct ModelOutbox {
    model: Model,
    by: String,
}

impl ModelOutbox {
    pub(super) fn new(model: Model, by: &str) -> Self {
        let by = by.to_owned();
        Self { model, by }
    }

    fn call(&self, op: &'static str, epoch: Option<u64>, rows: u32) -> Call {
        Call {
            by: self.by.clone(),
            op,
            epoch,
            rows: rows.into(),
            ended: Ended::NotYet,
        }
    }
}

impl Outbox for ModelOutbox {
    async fn pending(
        &mut self,
        after: Option<u64>,
        most: u32,
    ) -> Result<Vec<Announcement>, StoreError> {
        self.model.call(self.call("pending", None, most), |unit| {
            let tables = &*unit.tables;
            let after = after.unwrap_or(tables.one.announced);
            let rows = tables.announcements.range(after.saturating_add(1)..);
            let mut pending = Vec::new();
            unit.read += 1;
            for (number, row) in rows.take(most as usize) {
                match announcement(tables, *number, row) {
                    Ok(announcement) => {
                        unit.read += 1 + row.last_seq - row.first_seq;
                        pending.push(announcement);
                    }
                    // What is before it can go out.
                    Err(_) if !pending.is_empty() => break,
                    Err(fault) => return Err(fault),
                }
            }
            Ok(pending)
        })
    }

    async fn announced(&mut self, epoch: u64, number: u64, now_ms: u64) -> Result<(), StoreError> {
        let call = self.call("announced", Some(epoch), 1);
        self.model.call(call, |unit| {
            let one = &mut unit.tables.one;
            if one.epoch != epoch {
                return Err(Fault::Fenced(epoch));
            }
            one.announced = one.announced.max(number.min(one.last_announcement));
            one.announced_at_ms = Some(now_ms);
            Ok(())
        })
    }
}

fn announcement(
    tables: &Tables,
    number: u64,
    row: &AnnouncementRow,
) -> Result<Announcement, Fault> {
    let content = match row.announcement_type {
        AnnouncementType::Position => Content::Position { seq: row.last_seq },
        AnnouncementType::OutOfService | AnnouncementType::BackInService => {
            about_nodes(tables, number, row)?
        }
    };
    let led_to_it = match row.announcement_type {
        AnnouncementType::OutOfService => row.decision,
        AnnouncementType::BackInService => row.released_by,
        AnnouncementType::Position => None,
    };
    let completed = led_to_it
        .and_then(|number| tables.decisions.get(&number))
        .and_then(|decision| decision.completed_at_ms);
    let in_time = completed.is_none_or(|at| at >= row.committed_at_ms);
    Ok(Announcement {
        waited_since_ms: match in_time {
            true => row.decided_at_ms,
            false => row.committed_at_ms,
        },
        number,
        stream: tables.one.stream.clone(),
        epoch: row.epoch,
        decided_at_ms: row.decided_at_ms,
        content,
    })
}

fn about_nodes(tables: &Tables, number: u64, row: &AnnouncementRow) -> Result<Content, Fault> {
    let corrupt = |what: &str| {
        Fault::Corrupt(format!(
            "table nodewarden_announcements: announcement {number}: {what}"
        ))
    };
    let decision = row
        .decision
        .and_then(|number| tables.decisions.get(&number));
    let by = row
        .released_by
        .and_then(|number| tables.decisions.get(&number));
    let decision = decision.ok_or_else(|| corrupt("its decision is missing"))?;
    let nodes = nodes(tables, row);
    if nodes.is_empty() {
        return Err(corrupt("its nodes are missing"));
    }
    let out = row.announcement_type == AnnouncementType::OutOfService;
    let about = About {
        decision_id: decision.id.clone(),
        pair: decision.pair.clone(),
        cause: match out {
            true => cause(Some(decision)),
            false => cause(by),
        },
        last_good_at_ms: decision.last_good_at_ms,
    };
    let reason = row.reason.as_deref().unwrap_or_default();
    let unread = || corrupt("its reason is none");
    Ok(match out {
        true => Content::OutOfService {
            about,
            reason: Word::parse(reason).ok_or_else(unread)?,
            nodes,
        },
        false => Content::BackInService {
            about,
            reason: Word::parse(reason).ok_or_else(unread)?,
            released_by: by.map(|by| by.id.clone()),
            nodes,
        },
    })
}

fn nodes(tables: &Tables, row: &AnnouncementRow) -> Vec<AnnouncedNode> {
    let changes = tables.changes.range(row.first_seq..=row.last_seq);
    let nodes = changes.map(|(seq, change)| AnnouncedNode {
        seq: *seq,
        uuid: change.uuid.clone(),
        name: change.name.clone(),
    });
    nodes.collect()
}

fn cause(decision: Option<&DecisionRow>) -> AnnouncedCause {
    let Some(cause) = decision.map(|decision| &decision.cause) else {
        return AnnouncedCause::default();
    };
    let (event_id, event) = match &cause.kind {
        CauseKind::Event { id, event_type } => (Some(id.as_str().to_owned()), Some(*event_type)),
        CauseKind::Silence | CauseKind::RestartOverdue | CauseKind::NeverSeen => (None, None),
    };
    AnnouncedCause {
        event_id,
        event,
        conductor: cause
            .conductor
            .as_ref()
            .map(|name| name.as_str().to_owned()),
    }
}
