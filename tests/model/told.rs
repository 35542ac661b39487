//! Operations done to any ledger, and what is told of them, as text that can be compared.

use std::collections::BTreeMap;
use std::fmt::Debug;

use nodewarden::store::{Counts, Ledger, Memory, Outbox, Rows, StoreError};

use crate::modelled::STREAM;
use crate::operations::{Call, Walk};

/// What two replicas have open, and the epochs that they took last.
pub struct Open<L, O> {
    pub ledgers: [L; 2],
    pub outboxes: [O; 2],
    pub epochs: [u64; 2],
}

/// An answer as text; of an error, which kind it is.
pub fn answer<T: Debug>(answer: Result<T, StoreError>) -> String {
    match answer {
        Ok(value) => format!("{value:?}"),
        Err(StoreError::Fenced(epoch)) => format!("fenced in {epoch}"),
        Err(StoreError::Lost(loss)) => format!("lost {loss}"),
        Err(StoreError::Permanent { .. }) => "refused for good".to_owned(),
        Err(StoreError::Corrupt(_)) => "corrupt".to_owned(),
        Err(other) => format!("{other:?}"),
    }
}

fn sorted(mut memory: Memory) -> Memory {
    memory.conductors.sort_by(|a, b| a.name.cmp(&b.name));
    memory.standings.sort_by(|a, b| a.0.cmp(&b.0));
    memory.observed.sort_by(|a, b| a.pair.cmp(&b.pair));
    memory.unknown.sort();
    memory
        .receipts
        .sort_by(|a, b| a.receipt.subscriber.cmp(&b.receipt.subscriber));
    memory
        .unheeded
        .sort_by(|a, b| a.conductor.cmp(&b.conductor));
    memory
}

fn rows(walk: &Walk) -> Rows<'_> {
    match walk {
        Walk::NodesOf(pair) => Rows::NodesOf(pair),
        Walk::HoldsOf(pair) => Rows::HoldsOf(pair),
        Walk::Holds => Rows::Holds,
        Walk::Nodes => Rows::Nodes,
    }
}

/// What a replica is told.
pub async fn told<L: Ledger, O: Outbox>(
    open: &mut Open<L, O>,
    replica: usize,
    call: &Call,
    now_ms: u64,
) -> String {
    let (ledger, outbox) = (&mut open.ledgers[replica], &mut open.outboxes[replica]);
    let epoch = open.epochs[replica];
    match call {
        Call::TakeEpoch(mode) => {
            let taken = ledger.take_epoch("a replica", *mode, now_ms).await;
            if let Ok(taken) = &taken {
                open.epochs[replica] = taken.epoch;
            }
            answer(taken.map(|taken| {
                let (stream, epoch) = (taken.stream, taken.epoch);
                (stream, epoch, sorted(taken.memory), taken.began)
            }))
        }
        Call::StepDown => answer(ledger.step_down(epoch, now_ms).await),
        Call::Stream => answer(ledger.stream().await),
        Call::Told(more, stream) => {
            let looked = answer(ledger.missing().await);
            let known = ledger.known();
            known.provide(stream.clone());
            if let Some(mut further) = known.furthest() {
                further.commits += more;
                known.told(&further);
            }
            let before = ledger.came_after(STREAM).await.unwrap();
            format!("{looked}, {before}, {:?}", ledger.missing().await.unwrap())
        }
        Call::Prove => answer(ledger.prove().await),
        Call::Note(note) => answer(ledger.note(epoch, note).await),
        Call::Resume => answer(ledger.resume(epoch).await.map(sorted)),
        Call::Recall(events) => {
            let known = ledger.recall(events).await;
            answer(known.map(|known| known.into_iter().collect::<BTreeMap<_, _>>()))
        }
        Call::Commit(findings) => answer(ledger.commit(epoch, findings).await),
        Call::TakeOut(pair, window) => answer(ledger.take_out(epoch, pair, window).await),
        Call::GiveBack(pair, window) => {
            answer(ledger.give_back(epoch, pair.as_ref(), window).await)
        }
        Call::CarryOut(to, pairs, window) => {
            answer(ledger.carry_out(epoch, *to, pairs, window).await)
        }
        Call::UnmarkStrays(window) => answer(ledger.unmark_strays(epoch, window).await),
        Call::FirstAfter(walk, after) => answer(ledger.first_after(rows(walk), after).await),
        Call::Survey(walk, window) => answer(ledger.survey(rows(walk), window).await),
        Call::SurveyAll(window) => answer(ledger.survey_all(window).await),
        Call::SurveyPairs(pairs, window) => answer(ledger.survey_pairs(pairs, window).await),
        Call::BeginSweep(sweep) => answer(ledger.begin_sweep(epoch, sweep).await),
        Call::Prune(what, before_ms, most) => {
            answer(ledger.prune(epoch, *what, *before_ms, *most).await)
        }
        Call::UnknownPairs(most) => answer(ledger.unknown_pairs(*most).await),
        Call::Needed(pairs) => answer(ledger.needed(pairs).await),
        Call::Count => answer(count(ledger, epoch, now_ms).await),
        Call::Fold => answer(ledger.fold_counts(epoch).await),
        Call::Pause => answer(ledger.pause().await),
        Call::EndPause(id) => answer(ledger.end_pause(epoch, id, now_ms).await),
        Call::Requests => answer(ledger.requests().await),
        Call::WaitedSince(seq) => answer(ledger.waited_since(*seq).await),
        Call::AnswerForget(asked, forget) => {
            let answered = ledger.answer_forget(epoch, asked, *forget, "so", now_ms);
            answer(answered.await)
        }
        Call::Pending(after, most) => answer(outbox.pending(*after, *most).await),
        Call::Announced(number) => answer(outbox.announced(epoch, *number, now_ms).await),
    }
}

/// Counts all nodes. A place, and so a window, is each store's own; what all of them count is not.
async fn count(ledger: &mut impl Ledger, epoch: u64, now_ms: u64) -> Result<Counts, StoreError> {
    let mut counts = Counts {
        counted_at_ms: now_ms,
        ..Counts::default()
    };
    let mut after = String::new();
    loop {
        let window = ledger.count_nodes(&after, 3).await?;
        counts.nodes += window.seen;
        for (pair, nodes) in window.pairs {
            *counts.pairs.entry(pair).or_default() += nodes;
        }
        match window.last {
            Some(last) => after = last,
            None => break,
        }
    }
    while !ledger.keep_counts(epoch, &counts, 2).await? {}
    Ok(counts)
}
