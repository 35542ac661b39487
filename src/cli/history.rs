//! `nodewarden history`: what was decided, and what operators did, newest first. Read a page at a time
//! by number, from the newest back to where it is asked to begin.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};

use super::list::Wanted;
use super::streamed::Streamed;
use super::{Failure, Output, output, patience, reader};
use crate::answers::explain::date;
use crate::clock::{millis, now_ms};
use crate::config::Settings;
use crate::store::{ActionView, DecisionView, RequestKind};

/// So many of each are read at once.
const PAGE: u32 = 500;

/// Above every number.
const NEWEST: u64 = i64::MAX as u64;

/// What people see of each entry.
const HEAD: &[&str] = &["WHEN", "WHAT", "DRIVER", "GROUP", "NODES", "BY", "WHY"];

/// What `--output tsv` tells of each entry.
const FIELDS: &[&str] = &[
    "at_ms",
    "what",
    "driver",
    "conductor_group",
    "nodes",
    "by",
    "why",
    "decision_id",
];

/// Tell what was decided and what operators did, newest first.
///
/// Decisions with their cause, the epoch that decided and how many nodes each moved; pauses, their ends,
/// nodes given back by hand, and conductors forgotten, with who did it. With --driver or --group, only
/// decisions are chosen: what operators did is always told. `--output json` prints one object a line.
///
/// Example: `nodewarden history --since 24h --driver redfish`
#[derive(Debug, clap::Args)]
pub struct History {
    /// How far back.
    #[arg(long, default_value = "24h", value_parser = humantime::parse_duration, value_name = "DURATION")]
    pub since: Duration,
    /// Only decisions about this driver.
    #[arg(long, value_name = "DRIVER")]
    pub driver: Option<String>,
    /// Only decisions about this conductor group; "" is the default group.
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
}

impl Streamed for History {
    async fn stream(
        &self,
        settings: &Settings,
        output: Output,
        mut print: impl FnMut(&str) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let wanted = Wanted::parse(self.driver.as_deref(), self.group.as_deref())?;
        let since_ms = now_ms().saturating_sub(millis(self.since));
        let reader = reader(settings)?;
        let (mut decisions, mut actions) = (Past::default(), Past::default());
        let mut listing = output::Listing::new(output, HEAD, FIELDS);
        loop {
            if decisions.is_short() {
                let below = decisions.below.unwrap_or(NEWEST);
                let page = patience(settings, async || reader.past_decisions(below, PAGE).await);
                let page = page.await?;
                decisions.take(&page, since_ms, |view| {
                    let chosen = wanted.takes(&view.conductor_group, Some(&view.driver));
                    let entry = chosen.then(|| decided(view));
                    (view.number, view.decided_at_ms, entry)
                });
            }
            if actions.is_short() {
                let below = actions.below.unwrap_or(NEWEST);
                let page = patience(settings, async || reader.past_actions(below, PAGE).await);
                let page = page.await?;
                actions.take(&page, since_ms, |view| {
                    (view.number, view.at_ms, Some(done(view)))
                });
            }
            let entries = merged(&mut decisions, &mut actions);
            let text = listing.page(entries.iter().map(|entry| (row(entry), entry.clone())));
            if !text.is_empty() && !print(&text)? {
                return Ok(());
            }
            if decisions.is_over() && actions.is_over() {
                return Ok(());
            }
        }
    }
}

/// One kind of entries, read from the newest on.
#[derive(Default)]
struct Past {
    /// Read and not told yet: when, and what.
    read: VecDeque<(u64, Value)>,
    /// The number of the last one read; `None`: none was.
    below: Option<u64>,
    all_read: bool,
}

impl Past {
    /// Another page is to be read before more can be told.
    fn is_short(&self) -> bool {
        self.read.is_empty() && !self.all_read
    }

    fn is_over(&self) -> bool {
        self.read.is_empty() && self.all_read
    }

    /// Takes a page, of each entry its number, when, and what is told of it. The past is read up to the first
    /// page that ends before `since_ms`.
    fn take<T>(
        &mut self,
        page: &[T],
        since_ms: u64,
        entry: impl Fn(&T) -> (u64, u64, Option<Value>),
    ) {
        self.all_read = page.len() < PAGE as usize;
        for view in page {
            let (number, at_ms, object) = entry(view);
            self.below = Some(number);
            self.all_read |= at_ms < since_ms;
            if let Some(object) = object.filter(|_| at_ms >= since_ms) {
                self.read.push_back((at_ms, object));
            }
        }
    }
}

/// What can be told in order, newest first: until one kind must be read further.
fn merged(one: &mut Past, other: &mut Past) -> Vec<Value> {
    let mut entries = Vec::new();
    while !one.is_short() && !other.is_short() {
        let other_is_newer = match (one.read.front(), other.read.front()) {
            (Some((first, _)), Some((second, _))) => second > first,
            (first, _) => first.is_none(),
        };
        let newest = if other_is_newer {
            &mut *other
        } else {
            &mut *one
        };
        match newest.read.pop_front() {
            Some((_, object)) => entries.push(object),
            None => return entries,
        }
    }
    entries
}

fn decided(view: &DecisionView) -> Value {
    let what = view
        .cause_event
        .map_or(view.cause.as_str(), |event| event.as_str());
    let mut why = match &view.cause_conductor {
        Some(conductor) => format!("{what} of {conductor}"),
        None => what.to_owned(),
    };
    if view.observed {
        why.push_str(" (only observed)");
    }
    json!({
        "at_ms": view.decided_at_ms,
        "what": view.verdict.as_str(),
        "driver": view.driver,
        "conductor_group": view.conductor_group,
        "nodes": view.nodes,
        "by": format!("epoch {}", view.epoch),
        "why": why,
        "decision_id": view.decision_id,
    })
}

fn done(view: &ActionView) -> Value {
    let result = view.result.as_deref();
    let (by, why) = match view.kind {
        RequestKind::Forget => {
            let result = result.unwrap_or("not done yet");
            let why = format!("{}: {result}", view.argument);
            (view.asked_by.as_deref(), Some(why))
        }
        RequestKind::Pause | RequestKind::Resume | RequestKind::Release => {
            (Some(view.argument.as_str()), result.map(str::to_owned))
        }
    };
    json!({
        "at_ms": view.at_ms,
        "what": view.kind.as_str(),
        "driver": null,
        "conductor_group": null,
        "nodes": null,
        "by": by,
        "why": why,
        "decision_id": null,
    })
}

fn row(entry: &Value) -> Vec<String> {
    let cell = |field: &str| {
        let number = entry[field].as_u64().map(|number| number.to_string());
        let text = entry[field].as_str().filter(|text| !text.is_empty());
        number.or(text.map(str::to_owned)).unwrap_or("-".to_owned())
    };
    let at = entry["at_ms"].as_u64().map_or_else(|| "-".to_owned(), date);
    let fields = ["what", "driver", "conductor_group", "nodes", "by", "why"];
    std::iter::once(at).chain(fields.map(cell)).collect()
}
