//! Whether it can work: each condition, whether it holds, and the command that makes it true.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

use super::aggregate::Aggregate;
use super::openstack::{ApiFault, OpenStack, Service};

/// The metadata that makes Nova isolate the aggregate: no request asks for that trait.
pub const DEMANDED_TRAIT: &str = "trait:CUSTOM_NODEWARDEN_OUT_OF_SERVICE";

/// The lowest version of Placement's API that Nova's filter works with (`member_of=!in:`).
const FILTER_VERSION: (u64, u64) = (1, 32);

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// What must be so.
    pub what: String,
    /// Whether it is; `None`: it cannot be seen from here.
    pub holds: Option<bool>,
    /// What was seen, or the command that makes it true.
    pub detail: String,
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// Every condition, in the order in which to make them true.
    pub conditions: Vec<Condition>,
    /// The aggregate's UUID, if it is known.
    pub aggregate: Option<String>,
    /// Its members, if they could be read.
    pub members: Option<BTreeSet<String>>,
}

impl Findings {
    fn add(&mut self, what: impl Into<String>, holds: Option<bool>, detail: impl Into<String>) {
        self.conditions.push(Condition {
            what: what.into(),
            holds,
            detail: detail.into(),
        });
    }

    /// The first condition that is known not to hold.
    #[must_use]
    pub fn broken(&self) -> Option<&Condition> {
        let broken = |condition: &&Condition| condition.holds == Some(false);
        self.conditions.iter().find(broken)
    }
}

/// Looks at everything that can be seen; writes nothing. `aggregate` is a name or a UUID.
/// Errors: [`ApiFault::Busy`]: OpenStack cannot be asked now.
pub async fn look(openstack: &OpenStack, aggregate: &str) -> Result<Findings, ApiFault> {
    let mut findings = Findings::default();
    version(openstack, &mut findings).await?;
    aggregates(openstack, aggregate, &mut findings).await?;
    members(openstack, &mut findings).await?;
    findings.add(
        "Nova isolates aggregates",
        None,
        "cannot be seen over its API: set [scheduler] enable_isolated_aggregate_filtering = true in nova.conf \
         of every nova-scheduler and restart it",
    );
    Ok(findings)
}

async fn version(openstack: &OpenStack, findings: &mut Findings) -> Result<(), ApiFault> {
    let what = format!(
        "Placement's API has version {}.{} or newer",
        FILTER_VERSION.0, FILTER_VERSION.1
    );
    match ask(openstack, Service::Placement, "/").await? {
        Err(why) => findings.add(what, Some(false), why),
        Ok(answer) => {
            let newest = answer["versions"][0]["max_version"].as_str().unwrap_or("?");
            let number = newest
                .split_once('.')
                .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
            let holds = number.is_some_and(|number: (u64, u64)| number >= FILTER_VERSION);
            let detail = if holds {
                format!("it has {newest}")
            } else {
                format!("it has {newest}: upgrade Placement to Train or newer")
            };
            findings.add(what, Some(holds), detail);
        }
    }
    Ok(())
}

/// Whether the aggregate exists, demands our trait and nothing else, and which others the option would
/// isolate, too.
async fn aggregates(
    openstack: &OpenStack,
    aggregate: &str,
    findings: &mut Findings,
) -> Result<(), ApiFault> {
    let is_uuid = uuid::Uuid::try_parse(aggregate).is_ok();
    let exists = format!("the aggregate {aggregate} exists");
    let all = match ask(openstack, Service::Compute, "/os-aggregates").await? {
        Ok(answer) => answer["aggregates"].as_array().cloned().unwrap_or_default(),
        Err(why) if is_uuid => {
            findings.aggregate = Some(aggregate.to_ascii_lowercase());
            let detail = format!("Nova does not show its aggregates ({why}); the UUID is trusted");
            findings.add(exists, None, detail);
            return Ok(());
        }
        Err(why) => {
            let detail = format!(
                "Nova does not show its aggregates ({why}): set placement.aggregate to the UUID from \
                 `openstack aggregate show {aggregate} -c uuid`"
            );
            findings.add(exists, Some(false), detail);
            return Ok(());
        }
    };
    let is_ours = |entry: &&Value| {
        let is_uuid = |uuid: &str| uuid.eq_ignore_ascii_case(aggregate);
        entry["name"] == aggregate || entry["uuid"].as_str().is_some_and(is_uuid)
    };
    let Some(ours) = all.iter().find(is_ours) else {
        let detail = format!("create it: `openstack aggregate create {aggregate}`");
        findings.add(exists, Some(false), detail);
        return Ok(());
    };
    findings.aggregate = ours["uuid"].as_str().map(str::to_owned);
    findings.add(exists, Some(true), ours["uuid"].as_str().unwrap_or("?"));
    our_own(ours, findings);
    others(all.iter().filter(|entry| !is_ours(entry)), findings);
    Ok(())
}

/// The traits that a request must ask for, or Nova offers it nothing of the aggregate.
fn demands(aggregate: &Value) -> Vec<&str> {
    let metadata = aggregate["metadata"].as_object().into_iter().flatten();
    metadata
        .filter(|(key, value)| key.starts_with("trait:") && **value == "required")
        .map(|(key, _)| key.as_str())
        .collect()
}

fn our_own(ours: &Value, findings: &mut Findings) {
    let demands = demands(ours);
    let alone = demands == [DEMANDED_TRAIT];
    let detail = if alone {
        "it does".to_owned()
    } else {
        let name = ours["name"].as_str().unwrap_or("it");
        format!(
            "it demands {demands:?}: `openstack aggregate set --property {DEMANDED_TRAIT}=required {name}`, and \
             remove any other trait"
        )
    };
    let what = format!("it demands {DEMANDED_TRAIT} and no other trait");
    findings.add(what, Some(alone), detail);
    let hosts = ours["hosts"].as_array().map_or(0, Vec::len);
    if hosts > 0 {
        let detail = format!("it has {hosts}: their nodes would never be offered; remove them");
        findings.add("it has no hosts", Some(false), detail);
    }
}

fn others<'a>(others: impl Iterator<Item = &'a Value>, findings: &mut Findings) {
    let isolated: Vec<&str> = others
        .filter(|entry| !demands(entry).is_empty())
        .filter_map(|entry| entry["name"].as_str())
        .collect();
    let what = "other aggregates that Nova's option isolates";
    if isolated.is_empty() {
        findings.add(what, Some(true), "none");
    } else {
        let detail = format!(
            "{}: requests that do not ask for their traits avoid these, too",
            isolated.join(", ")
        );
        findings.add(what, None, detail);
    }
}

async fn members(openstack: &OpenStack, findings: &mut Findings) -> Result<(), ApiFault> {
    let Some(uuid) = findings.aggregate.clone() else {
        return Ok(());
    };
    let what = "members can be read";
    let aggregate = Aggregate {
        openstack,
        uuid: &uuid,
    };
    match aggregate.members().await {
        Ok(members) => {
            findings.add(what, Some(true), format!("{} now", members.len()));
            findings.members = Some(members);
        }
        Err(fault @ ApiFault::Busy(_)) => return Err(fault),
        Err(fault) => {
            let detail = format!("{fault}: give the user the role service (or admin)");
            findings.add(what, Some(false), detail);
        }
    }
    Ok(())
}

/// An answer, or why there is none for us.
async fn ask(
    openstack: &OpenStack,
    service: Service,
    path: &str,
) -> Result<Result<Value, String>, ApiFault> {
    match openstack.ask(service, Method::GET, path, None).await {
        Ok(answer) => Ok(Ok(answer)),
        Err(fault @ ApiFault::Busy(_)) => Err(fault),
        Err(fault) => Ok(Err(fault.to_string())),
    }
}
