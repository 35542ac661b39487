//! The deciding loop's connection: the fence, and one method for each of its transactions.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{self, Database, Mode};
use crate::domain::change::Standing;
use crate::domain::committed::Loss;
use crate::domain::ids::{ConductorName, EventId, Pair};
use crate::failpoints;
use crate::store::contract::Ledger;
use crate::store::database::connection::{Connection, values};
use crate::store::database::error::StoreError;
use crate::store::database::link::{Outcome, TransactionWatch, Writer, WriterConnection};
use crate::store::inventory;
use crate::store::known::Known;
use crate::store::migrate;
use crate::store::records::{
    Counts, CountsWindow, Findings, HearingNote, Memory, Prune, Request, RequestKind, Rows,
    Surveyed, Sweep, Takeover, Window, WindowDone,
};
use crate::store::sql::Inventory;
use crate::store::trust::Trust;
use crate::store::write::count;
use crate::store::write::fenced::Fenced;
use crate::store::write::pause::{self, Pause};
use crate::store::write::survey::Survey;
use crate::store::write::{
    announce, give_back, intake, lost, memory, sweep, take_out, takeover, together, walk,
};

/// [`Ledger`] on a database; owns one dedicated connection.
pub struct SqlLedger {
    link: WriterConnection,
    inventory: inventory::Inspected,
    known: Known,
}

impl SqlLedger {
    /// Does not connect yet; fails if the URL cannot be used.
    pub fn new(
        database: &Database,
        inventory: impl Into<config::Inventory>,
        watch: Arc<dyn TransactionWatch>,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            link: WriterConnection::new(database, watch, Writer::Ledger)?,
            inventory: inventory::Inspected {
                settings: inventory.into(),
                trust: Trust::Revision,
                found: None,
            },
            known: Known::default(),
        })
    }

    /// Goes by what is `known` to be committed already, and adds to it.
    #[must_use]
    pub fn knowing(self, known: Known) -> Self {
        Self { known, ..self }
    }

    async fn look_at_nodes<T>(
        &mut self,
        doing: &'static str,
        work: impl AsyncFnOnce(&mut Connection, &Inventory) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        self.inventory.look(&mut self.link, doing, work).await
    }

    /// Runs `work` in one transaction under the fence.
    async fn fenced<T>(
        &mut self,
        epoch: u64,
        now_ms: impl Into<Option<u64>>,
        doing: &'static str,
        work: impl AsyncFnOnce(&mut Fenced<'_>) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        let now_ms: Option<u64> = now_ms.into();
        let inventory = self.inventory.by(&mut self.link).await?;
        let (knowing, known) = (&self.known, self.known.furthest());
        let mut loss = None;
        let outcome = self.link.transaction(doing, async |connection| {
            let sql = connection.sql();
            let fence = values![now_ms, epoch];
            if connection.execute(sql.fence, fence).await? == 0 {
                loss = lost::below(connection, known, epoch).await?;
                return Ok(Outcome::RollBack);
            }
            let mut unit = Fenced::under_the_fence(connection, sql, &inventory).await?;
            let before = unit.counters.before();
            loss = lost::lost(unit.connection, known, before).await?;
            if let Some(loss) = &loss {
                lost::begin_stream(unit.connection, knowing, loss, now_ms).await?;
                return Ok(Outcome::Commit(None));
            }
            let value = work(&mut unit).await?;
            unit.save().await?;
            failpoints::reached("before-commit");
            Ok(Outcome::Commit(Some((value, unit.counters.committed()))))
        });
        let done = outcome.await?.flatten();
        let Some((value, committed)) = done else {
            return Err(match loss {
                Some(loss) => StoreError::Lost(Box::new(loss)),
                None => StoreError::Fenced(epoch),
            });
        };
        self.known.seen(committed);
        failpoints::reached("after-commit");
        Ok(value)
    }
}

impl Ledger for SqlLedger {
    async fn stream(&mut self) -> Result<String, StoreError> {
        self.link
            .look("read the stream", async |connection| {
                let row = connection.fetch_one(connection.sql().stream, &[]);
                row.await?.text("stream")
            })
            .await
    }

    async fn came_after(&mut self, stream: &str) -> Result<bool, StoreError> {
        self.link
            .look("look for a stream", async |connection| {
                lost::came_after(connection, stream).await
            })
            .await
    }

    async fn missing(&mut self) -> Result<Option<Loss>, StoreError> {
        lost::missing(&mut self.link, &self.known).await
    }

    fn known(&self) -> &Known {
        &self.known
    }

    fn way(&self) -> Duration {
        self.link.way
    }

    async fn prove(&mut self) -> Result<(), StoreError> {
        let filled = self.link.look("check the schema", migrate::are_filled);
        if !filled.await? {
            return Err(StoreError::empty());
        }
        self.inventory.found = None;
        self.inventory.by(&mut self.link).await?;
        self.link
            .transaction("prove that writing works", async |connection| {
                connection.execute(connection.sql().prove, &[]).await?;
                Ok(Outcome::Commit(()))
            })
            .await
            .map(drop)
    }

    async fn take_epoch(
        &mut self,
        holder: &str,
        mode: Mode,
        now_ms: u64,
    ) -> Result<Takeover, StoreError> {
        takeover::take(&mut self.link, &self.known, holder, mode, now_ms).await
    }

    async fn step_down(&mut self, epoch: u64, now_ms: u64) -> Result<(), StoreError> {
        self.fenced(epoch, now_ms, "step down", async |unit| {
            let step_down = unit.connection.execute(unit.sql.step_down, &[]);
            step_down.await.map(drop)
        })
        .await
    }

    async fn note(&mut self, epoch: u64, note: &HearingNote) -> Result<(), StoreError> {
        let troubles = note.troubles.join("\n");
        self.fenced(epoch, None, "note the hearing", async |unit| {
            let values = values![
                epoch,
                note.unproven_since_ms,
                note.unproven,
                u32::from(note.deaf),
                &troubles,
                note.noted_at_ms,
            ];
            let note = unit.connection.execute(unit.sql.note_hearing, values);
            note.await.map(drop)
        })
        .await
    }

    async fn resume(&mut self, epoch: u64) -> Result<Memory, StoreError> {
        self.fenced(epoch, None, "read the memory again", async |unit| {
            memory::read(unit.connection).await
        })
        .await?
    }

    async fn recall(
        &mut self,
        events: &[(ConductorName, EventId)],
    ) -> Result<HashMap<(ConductorName, EventId), [u8; 32]>, StoreError> {
        self.link
            .look("recall events", async |connection| {
                intake::recall(connection, events).await
            })
            .await
    }

    async fn commit(&mut self, epoch: u64, findings: &Findings) -> Result<(), StoreError> {
        let doing = "commit a batch of events";
        self.fenced(epoch, findings.now_ms, doing, async |unit| {
            intake::commit(unit, findings).await
        })
        .await
    }

    async fn take_out(
        &mut self,
        epoch: u64,
        pair: &Pair,
        window: &Window,
    ) -> Result<WindowDone, StoreError> {
        let doing = "take nodes out of service";
        self.fenced(epoch, window.now_ms, doing, async |unit| {
            take_out::take_out(unit, pair, window).await
        })
        .await
    }

    async fn give_back(
        &mut self,
        epoch: u64,
        pair: Option<&Pair>,
        window: &Window,
    ) -> Result<WindowDone, StoreError> {
        self.fenced(epoch, window.now_ms, "give nodes back", async |unit| {
            give_back::give_back(unit, pair, window).await
        })
        .await
    }

    async fn carry_out(
        &mut self,
        epoch: u64,
        to: Standing,
        pairs: &[Pair],
        window: &Window,
    ) -> Result<Vec<Option<WindowDone>>, StoreError> {
        let doing = "carry out several decisions";
        self.fenced(epoch, window.now_ms, doing, async |unit| {
            together::carry_out(unit, to, pairs, window).await
        })
        .await
    }

    async fn unmark_strays(
        &mut self,
        epoch: u64,
        window: &Window,
    ) -> Result<WindowDone, StoreError> {
        self.fenced(epoch, window.now_ms, "put marks right", async |unit| {
            give_back::unmark_strays(unit, window).await
        })
        .await
    }

    async fn first_after(
        &mut self,
        of: Rows<'_>,
        after: &str,
    ) -> Result<Option<String>, StoreError> {
        self.look_at_nodes("look for a row", async |connection, inventory| {
            let sql = connection.sql();
            walk::first_after(connection, sql, inventory, of, after).await
        })
        .await
    }

    async fn survey(&mut self, of: Rows<'_>, window: &Window) -> Result<Surveyed, StoreError> {
        self.look_at_nodes("look for work", async |connection, inventory| {
            Survey::by(connection, inventory).at(of, window).await
        })
        .await
    }

    async fn survey_all(&mut self, window: &Window) -> Result<Surveyed, StoreError> {
        self.look_at_nodes("look for any work", async |connection, inventory| {
            Survey::by(connection, inventory).all(window).await
        })
        .await
    }

    async fn survey_pairs(
        &mut self,
        pairs: &[Pair],
        window: &Window,
    ) -> Result<Vec<Option<Surveyed>>, StoreError> {
        self.look_at_nodes(
            "look for work in several pairs",
            async |connection, inventory| {
                together::survey(connection, inventory, pairs, window).await
            },
        )
        .await
    }

    async fn begin_sweep(&mut self, epoch: u64, wanted: &Sweep) -> Result<Vec<Pair>, StoreError> {
        let pairs = !wanted.unnamed.is_empty() || !wanted.unwanted.is_empty();
        // An Ironic may have been upgraded under us. Once a sweep, not with each part of what it forgets.
        if !pairs {
            self.inventory.found = None;
        }
        let doing = "look for pairs to forget";
        let needed = self.look_at_nodes(doing, async |connection, inventory| {
            let sql = connection.sql();
            sweep::needed(connection, sql, inventory, wanted).await
        });
        let needed = needed.await?;
        if pairs && needed.is_empty() {
            return Ok(Vec::new());
        }
        self.fenced(epoch, wanted.now_ms, "begin a sweep", async |unit| {
            sweep::begin(unit, &needed).await
        })
        .await
    }

    async fn prune(
        &mut self,
        epoch: u64,
        what: Prune,
        before_ms: u64,
        most: u32,
    ) -> Result<u64, StoreError> {
        self.fenced(epoch, None, "drop old records", async |unit| {
            sweep::prune(unit, what, before_ms, most).await
        })
        .await
    }

    async fn unknown_pairs(&mut self, most: u32) -> Result<Vec<Pair>, StoreError> {
        self.link
            .look("look for unknown drivers", async |connection| {
                count::unknown_pairs(connection, most).await
            })
            .await
    }

    async fn needed(&mut self, pairs: &[Pair]) -> Result<Vec<Pair>, StoreError> {
        self.look_at_nodes(
            "look at unknown drivers again",
            async |connection, inventory| count::needed(connection, inventory, pairs).await,
        )
        .await
    }

    async fn count_nodes(&mut self, after: &str, limit: u32) -> Result<CountsWindow, StoreError> {
        self.look_at_nodes("count nodes", async |connection, inventory| {
            count::window(connection, inventory, after, limit).await
        })
        .await
    }

    async fn keep_counts(
        &mut self,
        epoch: u64,
        counts: &Counts,
        most: u32,
    ) -> Result<bool, StoreError> {
        // What is kept is written under the fence alone, by the one that holds it.
        let kept = self.link.look("count holds", count::kept).await?;
        self.fenced(epoch, None, "keep the counts of nodes", async |unit| {
            count::keep(unit, counts, &kept, most).await
        })
        .await
    }

    async fn fold_counts(&mut self, epoch: u64) -> Result<u64, StoreError> {
        let doing = "fold changes into the counts";
        self.fenced(epoch, None, doing, count::fold).await
    }

    async fn waited_since(&mut self, seq: u64) -> Result<Option<u64>, StoreError> {
        self.link
            .look("look at a change", async |connection| {
                announce::waited_for(connection, seq).await
            })
            .await
    }

    async fn pause(&mut self) -> Result<Option<Pause>, StoreError> {
        lost::pause(&mut self.link, &self.known).await
    }

    async fn end_pause(&mut self, epoch: u64, id: &str, now_ms: u64) -> Result<bool, StoreError> {
        self.fenced(epoch, now_ms, "end the pause", async |unit| {
            let connection = &mut *unit.connection;
            let ended = pause::end(connection, id).await?;
            if ended {
                let (kind, what) = (RequestKind::Resume, "the time of the pause is over");
                pause::note(connection, kind, "nodewarden", what, now_ms).await?;
            }
            Ok(ended)
        })
        .await
    }

    async fn requests(&mut self) -> Result<Vec<Request>, StoreError> {
        self.link
            .look("read requests", async |connection| {
                let sql = connection.sql();
                sweep::requests(connection, sql).await
            })
            .await
    }

    async fn answer_forget(
        &mut self,
        epoch: u64,
        request: &Request,
        forget: bool,
        result: &str,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        self.fenced(epoch, now_ms, "answer a request", async |unit| {
            sweep::answer_forget(unit, request, forget, result, now_ms).await
        })
        .await
    }
}
