//! `nodewarden nodes list`: one line a node, why and since when. Read and printed a page at a time,
//! by uuid, so that a fleet of any size streams; each page is one consistent read.

use serde_json::{Value, json};

use super::streamed::Streamed;
use super::{Failure, Output, output, patience, reader};
use crate::answers::explain::date;
use crate::config::Settings;
use crate::domain::event::EventType;
use crate::domain::ids::{Driver, Group, Pair};
use crate::store::{HoldReason, NodeLine};

/// So many nodes are read at once: about a hundredth of a second, and few enough that the first lines
/// are there at once.
const PAGE: u32 = 2000;

/// What people see of each node.
const HEAD: &[&str] = &["STATE", "SINCE", "UUID", "NAME", "DRIVER", "GROUP", "WHY"];

/// What `--output tsv` tells of each node.
const FIELDS: &[&str] = &[
    "state",
    "since_ms",
    "uuid",
    "name",
    "conductor_group",
    "driver",
    "reason",
    "cause",
    "cause_conductor",
    "decision_id",
    "maintenance",
];

/// List nodes: one line each, with its state, since when, and why.
///
/// In order of uuid; a fleet of any size streams. `--output json` prints one object a line. With both
/// --driver and --group only those nodes are read; with one of them all are read, and the rest left out.
///
/// Example: `nodewarden nodes list --out --driver redfish`
#[derive(Debug, Default, clap::Args)]
pub struct List {
    /// Only nodes that are out of service because of nodewarden, by the driver and group that took
    /// them out.
    #[arg(long)]
    pub out: bool,
    /// Only nodes of this driver.
    #[arg(long, value_name = "DRIVER")]
    pub driver: Option<String>,
    /// Only nodes of this conductor group; "" is the default group.
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
}

/// Which nodes are asked for.
pub(super) struct Wanted {
    pub(super) driver: Option<Driver>,
    pub(super) group: Option<Group>,
}

impl Wanted {
    pub(super) fn parse(driver: Option<&str>, group: Option<&str>) -> Result<Self, Failure> {
        let driver = driver.map(|text| Driver::parse(text.trim())).transpose();
        let group = group.map(|text| Group::parse(text.trim())).transpose();
        Ok(Self {
            driver: driver.map_err(|fault| Failure::usage(format!("--driver: {fault}")))?,
            group: group.map_err(|fault| Failure::usage(format!("--group: {fault}")))?,
        })
    }

    pub(super) fn takes(&self, group: &str, driver: Option<&str>) -> bool {
        let of_group = |wanted: &Group| group == wanted.as_str();
        let of_driver = |wanted: &Driver| driver == Some(wanted.as_str());
        self.group.as_ref().is_none_or(of_group) && self.driver.as_ref().is_none_or(of_driver)
    }

    fn pair(&self) -> Option<Pair> {
        let (driver, group) = (self.driver.clone()?, self.group.clone()?);
        Some(Pair { group, driver })
    }
}

impl Streamed for List {
    async fn stream(
        &self,
        settings: &Settings,
        output: Output,
        mut print: impl FnMut(&str) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let wanted = Wanted::parse(self.driver.as_deref(), self.group.as_deref())?;
        let pair = wanted.pair();
        let reader = reader(settings)?;
        let mut lines = output::Listing::new(output, HEAD, FIELDS);
        let mut after = String::new();
        loop {
            let page = patience(settings, async || match self.out {
                true => reader.holds(&after, PAGE).await,
                false => reader.nodes(pair.as_ref(), &after, PAGE).await,
            })
            .await?;
            let last = page.last().map(|line| line.uuid.clone());
            let full = page.len() == PAGE as usize;
            let shown: Vec<NodeLine> = page
                .into_iter()
                .filter(|line| wanted.takes(&line.conductor_group, line.driver.as_deref()))
                .collect();
            let lines_of = shown.iter().map(|node| (row(node), object(node)));
            let text = lines.page(lines_of);
            if !text.is_empty() && !print(&text)? {
                return Ok(());
            }
            match last.filter(|_| full) {
                Some(last) => after = last,
                None => return Ok(()),
            }
        }
    }
}

fn row(node: &NodeLine) -> Vec<String> {
    let dash = |text: Option<&str>| text.filter(|it| !it.is_empty()).unwrap_or("-").to_owned();
    let why = match (&node.hold, node.maintenance) {
        (Some(hold), _) => match &hold.cause_conductor {
            Some(conductor) => format!("{}: {} of {conductor}", hold.reason, cause(hold)),
            None => hold.reason.to_string(),
        },
        (None, Some(true)) => "maintenance (an operator's)".to_owned(),
        (None, _) => "-".to_owned(),
    };
    vec![
        node.service_state().as_str().to_owned(),
        node.since_ms.map_or_else(|| "-".to_owned(), date),
        node.uuid.clone(),
        dash(node.name.as_deref()),
        dash(node.driver.as_deref()),
        dash(Some(&node.conductor_group)),
        why,
    ]
}

/// The type of the event that tipped it, or what else did.
fn cause(hold: &HoldReason) -> &'static str {
    let event = hold.cause_event.map(EventType::as_str);
    event.unwrap_or(hold.cause.as_str())
}

fn object(node: &NodeLine) -> Value {
    let hold = node.hold.as_ref();
    json!({
        "uuid": node.uuid,
        "name": node.name,
        "conductor_group": node.conductor_group,
        "driver": node.driver,
        "state": node.service_state().as_str(),
        "since_ms": node.since_ms,
        "maintenance": node.maintenance,
        "reason": hold.map(|hold| hold.reason.as_str()),
        "cause": hold.map(cause),
        "cause_conductor": hold.and_then(|hold| hold.cause_conductor.as_deref()),
        "decision_id": hold.map(|hold| hold.decision_id.as_str()),
    })
}
