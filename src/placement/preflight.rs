//! Whether it can work: each condition, whether it holds, and the command that makes it true.

use std::collections::BTreeSet;

use reqwest::Method;

use super::aggregate;
pub use super::nova::DEMANDED_TRAIT;
use super::nova::{self, NovaAggregate};
use super::openstack::{ApiFault, OpenStack, Service};
use crate::config::Placement;

/// The lowest version of Placement's API that Nova's filter works with (`member_of=!in:`).
const FILTER_VERSION: (u64, u64) = (1, 32);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// What must be so.
    pub what: String,
    /// Whether it is; `None`: it cannot be seen from here.
    pub holds: Option<bool>,
    /// What was seen, or the command that makes it true.
    pub detail: String,
    /// Without it nodes still go one by one.
    pub of_pairs: bool,
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.what, self.detail)
    }
}

#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// Every condition, in the order in which to make them true.
    pub conditions: Vec<Condition>,
    /// The aggregate's UUID, if it is known.
    pub aggregate: Option<String>,
    /// Its name, which those of pairs begin with; empty: Nova does not show it.
    pub name: String,
    /// `GROUP/DRIVER`, and the aggregate of that pair.
    pub pairs: Vec<(String, NovaAggregate)>,
    /// Its members, if they could be read.
    pub members: Option<BTreeSet<String>>,
}

impl Findings {
    fn add(&mut self, what: impl Into<String>, holds: Option<bool>, detail: impl Into<String>) {
        self.conditions.push(Condition {
            what: what.into(),
            holds,
            detail: detail.into(),
            of_pairs: false,
        });
    }

    fn add_of_pairs(&mut self, what: impl Into<String>, holds: bool, detail: impl Into<String>) {
        self.add(what, Some(holds), detail);
        if let Some(condition) = self.conditions.last_mut() {
            condition.of_pairs = true;
        }
    }

    /// The first condition that is known not to hold, and without which nothing works.
    #[must_use]
    pub fn broken(&self) -> Option<&Condition> {
        self.all_broken().find(|condition| !condition.of_pairs)
    }

    /// The first condition that is known not to hold, and without which pairs are not switched.
    #[must_use]
    pub fn broken_of_pairs(&self) -> Option<&Condition> {
        self.all_broken().find(|condition| condition.of_pairs)
    }

    fn all_broken(&self) -> impl Iterator<Item = &Condition> {
        let broken = |condition: &&Condition| condition.holds == Some(false);
        self.conditions.iter().filter(broken)
    }
}

/// The name of a pair's aggregate, where ours has this `name`.
#[must_use]
pub fn pair_name(name: &str, pair: &str) -> String {
    format!("{name}:{pair}")
}

/// Looks at everything that can be seen; changes nothing. Errors: [`ApiFault::Busy`]: OpenStack cannot be asked now.
pub async fn look(openstack: &OpenStack, settings: &Placement) -> Result<Findings, ApiFault> {
    let mut findings = Findings::default();
    version(openstack, &mut findings).await?;
    aggregates(openstack, &settings.aggregate, &mut findings).await?;
    members(openstack, &mut findings).await?;
    pairs(openstack, settings.pair_aggregates, &mut findings).await?;
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
    let asked = openstack.ask(Service::Placement, Method::GET, "/", None);
    match seen(asked.await)? {
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

/// Whether the aggregate exists, demands our trait and nothing else, and which others the option would isolate, too.
async fn aggregates(
    openstack: &OpenStack,
    aggregate: &str,
    findings: &mut Findings,
) -> Result<(), ApiFault> {
    let is_uuid = uuid::Uuid::try_parse(aggregate).is_ok();
    let exists = format!("the aggregate {aggregate} exists");
    let all = match seen(nova::list(openstack).await)? {
        Ok(all) => all,
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
    let is_ours = |entry: &NovaAggregate| {
        entry.name == aggregate || entry.uuid.eq_ignore_ascii_case(aggregate)
    };
    let Some(ours) = all.iter().find(|entry| is_ours(entry)) else {
        let detail = format!("create it: `openstack aggregate create {aggregate}`");
        findings.add(exists, Some(false), detail);
        return Ok(());
    };
    findings.aggregate = Some(ours.uuid.clone());
    findings.name = ours.name.clone();
    findings.add(exists, Some(true), ours.uuid.as_str());
    our_own(ours, findings);
    let begin = pair_name(&ours.name, "");
    let (of_pairs, others) = all
        .into_iter()
        .filter(|entry| !is_ours(entry))
        .partition::<Vec<_>, _>(|entry| entry.name.starts_with(&begin));
    for entry in of_pairs {
        let pair = entry.name[begin.len()..].to_owned();
        findings.pairs.push((pair, entry));
    }
    isolated(&others, findings);
    Ok(())
}

fn our_own(ours: &NovaAggregate, findings: &mut Findings) {
    let demands = ours.demands();
    let alone = demands == [DEMANDED_TRAIT];
    let detail = if alone {
        "it does".to_owned()
    } else {
        let name = &ours.name;
        format!(
            "it demands {demands:?}: `openstack aggregate set --property {DEMANDED_TRAIT}=required {name}`, and \
             remove any other trait"
        )
    };
    let what = format!("it demands {DEMANDED_TRAIT} and no other trait");
    findings.add(what, Some(alone), detail);
    let hosts = ours.hosts.len();
    if hosts > 0 {
        let detail = format!("it has {hosts}: their nodes would never be offered; remove them");
        findings.add("it has no hosts", Some(false), detail);
    }
}

fn isolated(others: &[NovaAggregate], findings: &mut Findings) {
    let isolated = others.iter().filter(|entry| !entry.demands().is_empty());
    let isolated: Vec<&str> = isolated.map(|entry| entry.name.as_str()).collect();
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

/// Whether aggregates of pairs can be kept, or none of a former setting is left switched.
async fn pairs(
    openstack: &OpenStack,
    wanted: bool,
    findings: &mut Findings,
) -> Result<(), ApiFault> {
    if !wanted {
        let on = findings.pairs.iter().filter(|(_, entry)| entry.is_on());
        let on: Vec<&str> = on.map(|(_, entry)| entry.name.as_str()).collect();
        if !on.is_empty() {
            let detail = format!(
                "{}: `nodewarden placement --release`, or set placement.pair_aggregates = true",
                on.join(", ")
            );
            findings.add_of_pairs("no aggregate of a pair is left switched", false, detail);
        }
        return Ok(());
    }
    let what = "aggregates of pairs can be made and switched";
    if findings.name.is_empty() {
        let detail = "Nova does not show its aggregates: give the user the role admin in its project: \
                      `openstack role add --user USER --project PROJECT admin`";
        findings.add_of_pairs(what, false, detail);
        return Ok(());
    }
    // Without an answer nodes go one by one, and are compared all the same.
    match nova::may_switch(openstack).await {
        Ok(true) => findings.add_of_pairs(what, true, "the user may"),
        Ok(false) => findings.add_of_pairs(
            what,
            false,
            "the user may not: `openstack role add --user USER --project PROJECT admin`, or a policy of Nova's \
             for os_compute_api:os-aggregates:create and :set_metadata",
        ),
        Err(fault) => findings.add_of_pairs(what, false, fault.to_string()),
    }
    let foreign = (findings.pairs).extract_if(.., |(_, entry)| !entry.is_ours_alone());
    let foreign: Vec<_> = foreign.map(|(_, entry)| entry.name).collect();
    if !foreign.is_empty() {
        let detail = format!("{}: remove their hosts and metadata", foreign.join(", "));
        findings.add_of_pairs("aggregates of pairs are ours alone", false, detail);
    }
    Ok(())
}

async fn members(openstack: &OpenStack, findings: &mut Findings) -> Result<(), ApiFault> {
    let Some(uuid) = findings.aggregate.clone() else {
        return Ok(());
    };
    let what = "members can be read";
    match aggregate::members(openstack, &uuid).await {
        Ok(members) => {
            findings.add(what, Some(true), format!("{} now", members.len()));
            findings.members = Some(members);
        }
        Err(fault @ ApiFault::Busy(_)) => return Err(fault),
        Err(fault @ ApiFault::Denied(_)) => {
            let detail = format!("{fault}: give the user the role service (or admin)");
            findings.add(what, Some(false), detail);
        }
        Err(fault) => findings.add(what, Some(false), fault.to_string()),
    }
    Ok(())
}

/// An answer, or why there is none for us.
fn seen<T>(answer: Result<T, ApiFault>) -> Result<Result<T, String>, ApiFault> {
    match answer {
        Ok(answer) => Ok(Ok(answer)),
        Err(fault @ ApiFault::Busy(_)) => Err(fault),
        Err(fault) => Ok(Err(fault.to_string())),
    }
}
