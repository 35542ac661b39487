//! `placement`: keeps an aggregate in OpenStack Placement equal to what is out of service.

use clap::Args;
use serde_json::json;

use super::{Failure, Output, output};
use crate::answers::explain::counted;
use crate::app;
use crate::config::Settings;
use crate::placement::preflight::Findings;
use crate::placement::{Plan, preflight};

/// Stop OpenStack's scheduler from offering nodes that are out of service.
///
/// Keeps the members of one aggregate in Placement equal to what is out of service. Nova, told to
/// isolate that aggregate, offers its members to no request from the next one on; when a node is back,
/// its membership ends. Nothing else is written: no inventory, no trait, no allocation.
///
/// To begin:
///
/// 1. `openstack aggregate create nodewarden`
///
/// 2. `openstack aggregate set --property trait:CUSTOM_NODEWARDEN_OUT_OF_SERVICE=required nodewarden`
///
/// 3. in nova.conf, [scheduler]: `enable_isolated_aggregate_filtering = true`
///
/// 4. `nodewarden placement --once`, which shows what is missing, and what would change
///
/// 5. `nodewarden placement`
///
/// With placement.pair_aggregates each node is also a member of an aggregate of its pair, which one call
/// to Nova switches: for pairs of thousands. That needs the role `admin`.
///
/// Logs in as OpenStack's own clients do: placement.cloud or OS_CLOUD names a cloud of clouds.yaml; else
/// the other variables OS_… count. The role `service` in Placement is enough; with the right to list
/// aggregates in Nova it can check more. Run as many as you like: they repeat each other. It asks a
/// replica (placement.snapshot_urls) for a snapshot and hears changes from the broker (amqp.url).
///
/// SIGTERM and SIGINT end it with 0. What it wrote stays: `--release` takes it back.
#[derive(Debug, Args)]
pub struct Placement {
    /// Show what is missing and what would change, write nothing, and end: with 1 if something is
    /// missing.
    #[arg(long)]
    once: bool,
    /// Take every member out of our aggregates, switch those of pairs off, and end: before nodewarden goes away for good. Stop every
    /// `placement` first.
    #[arg(long, conflicts_with = "once")]
    release: bool,
    /// Address and port for /healthz, /readyz and /metrics (as placement.listen; empty: none).
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
}

impl Placement {
    /// Runs until it is asked to stop, or shows once.
    /// Errors: 64 without credentials; 69 if OpenStack cannot be reached; 1 if a condition is not true.
    pub async fn run(self, settings: Settings, format: Output) -> Result<(), Failure> {
        if self.release {
            let released = app::placement_release(&settings).await?;
            let answer = match format {
                Output::Json => output::json(&json!({ "released": released })),
                Output::Tsv => output::tsv(&["released"], &json!([{ "released": released }])),
                Output::Text => {
                    let nodes = counted(released as u64, "node", "nodes");
                    format!("{nodes} taken out of our aggregates")
                }
            };
            return Ok(output::line(&answer)?);
        }
        if !self.once {
            return Ok(app::placement(settings).await?);
        }
        let (findings, plan) = app::placement_once(&settings).await?;
        let answer = match format {
            Output::Json => output::json(&answer(&findings, plan.as_ref())),
            Output::Text => text(&findings, plan.as_ref()),
            Output::Tsv => output::tsv(
                &["condition", "holds", "detail"],
                &answer(&findings, plan.as_ref())["conditions"],
            ),
        };
        output::line(&answer)?;
        match findings.broken().or_else(|| findings.broken_of_pairs()) {
            None if matches!(plan, Some(Err(_))) => {
                let why = plan.and_then(Result::err).unwrap_or_default();
                Err(Failure::unreachable(why))
            }
            Some(condition) => Err(Failure::failed(format!("not yet: {condition}"))),
            None => Ok(()),
        }
    }
}

fn answer(findings: &Findings, plan: Option<&Result<Plan, String>>) -> serde_json::Value {
    let conditions: Vec<_> = findings
        .conditions
        .iter()
        .map(|condition| {
            json!({ "condition": condition.what, "holds": condition.holds, "detail": condition.detail })
        })
        .collect();
    let plan = plan.map(|plan| match plan {
        Ok(plan) => json!({ "add": plan.add, "remove": plan.remove }),
        Err(why) => json!({ "unknown": why }),
    });
    json!({
        "aggregate": findings.aggregate,
        "conditions": conditions,
        "demanded_trait": preflight::DEMANDED_TRAIT,
        "would_change": plan,
    })
}

/// At most so many nodes are named for people; `--output json` names all.
const NAMED: usize = 20;

fn text(findings: &Findings, plan: Option<&Result<Plan, String>>) -> String {
    let rows = findings.conditions.iter().map(|condition| {
        let holds = match condition.holds {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "look",
        };
        let (what, detail) = (condition.what.clone(), condition.detail.clone());
        vec![what, holds.to_owned(), detail]
    });
    let mut text = output::table(&["CONDITION", "HOLDS", "DETAIL"], rows);
    match plan {
        None => {}
        Some(Err(why)) => text.push_str(&format!("\nWhat would change is not known: {why}\n")),
        Some(Ok(plan)) => {
            for (verb, nodes) in [("add", &plan.add), ("remove", &plan.remove)] {
                text.push_str(&format!("\nIt would {verb} {}", nodes.len()));
                for node in nodes.iter().take(NAMED) {
                    text.push_str(&format!("\n  {node}"));
                }
                if nodes.len() > NAMED {
                    text.push_str(&format!("\n  and {} more", nodes.len() - NAMED));
                }
            }
        }
    }
    text.trim_end().to_owned()
}
