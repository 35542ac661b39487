//! Verdicts about pairs that never had a conductor, where the rules want them
//! (`decide.unknown_driver = "take_out"`). Each sweep asks which pairs are so; each own tick that comes
//! back fresh may be the proof that one has been so for long enough.

use super::decider::{Decider, Fault, Step};
use super::ports::{Clock, Ledger, Queue};
use crate::config::Mode;
use crate::domain::ids::Pair;
use crate::domain::unknown::{self, Graces};
use crate::store::{DecisionRecord, Findings, StandingRecord};

/// Pairs that are looked at, and judged in one transaction, at the most.
pub(super) const UNKNOWN_AT_ONCE: u32 = 1000;

impl<Q: Queue, L: Ledger, C: Clock> Decider<Q, L, C> {
    pub(super) async fn judge_unknown(&mut self, step: &mut Step) -> Result<(), Fault> {
        let Some(term) = &mut self.term else {
            return Ok(());
        };
        let (Some(grace), Some(sent)) = (self.rules.unknown_after, term.fresh.take()) else {
            return Ok(());
        };
        let graces = Graces {
            unknown: grace,
            reconnect: self.rules.reconnect_grace,
        };
        let due = term.unknown.due(&term.map, &term.hearing, sent, graces);
        if due.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        // The last sweep may be a minute old: a node that was corrected since is judged by nothing.
        let still = self.ledger.unknown_pairs(UNKNOWN_AT_ONCE).await?;
        term.unknown.see(&still, &term.map, now.mono);
        let pairs: Vec<Pair> = due
            .into_iter()
            .filter(|pair| still.contains(pair))
            .collect();
        if pairs.is_empty() {
            return Ok(());
        }
        let decisions: Vec<DecisionRecord> = pairs
            .into_iter()
            .map(|pair| DecisionRecord {
                id: self.clock.id(),
                verdict: crate::domain::change::Verdict::Unknown,
                turn: unknown::verdict(pair),
                decided_at_ms: now.wall_ms,
            })
            .collect();
        let intake = Findings {
            now_ms: now.wall_ms,
            standings: decisions
                .iter()
                .map(|decision| StandingRecord {
                    pair: decision.turn.pair.clone(),
                    standing: decision.turn.to,
                })
                .collect(),
            decisions,
            observed: self.rules.mode == Mode::Observe,
            ..Findings::default()
        };
        // From here to the commit, memory is ahead of the database.
        term.doubt = true;
        for decision in &intake.decisions {
            term.map.turn(&decision.turn);
            term.pending.turned(&decision.turn.pair);
        }
        self.ledger.commit(term.epoch, &intake).await?;
        term.doubt = false;
        super::batch::tell(&intake, term.epoch);
        step.worked = true;
        Ok(())
    }
}
