//! `placement`, put together.

use std::collections::BTreeSet;
use std::path::PathBuf;

use tokio::sync::watch;

use super::{AppFault, begin, ends, http};
use crate::clock::SystemClock;
use crate::config::{self, Settings};
use crate::placement::aggregate::{self, Outcome};
use crate::placement::credentials::Credentials;
use crate::placement::openstack::{ApiFault, OpenStack, client};
use crate::placement::preflight::{self, Findings};
use crate::placement::{Plan, Service, Status, nova, snapshot};

/// Runs `placement` until it is asked to stop, or until a part of it dies.
pub async fn placement(settings: Settings) -> Result<(), AppFault> {
    let (tasks, stop, metrics) = begin()?;
    let clock = SystemClock::start();
    let openstack = openstack(&settings, clock)?;
    let asking = client(settings.placement.timeout, None).map_err(AppFault::Died)?;
    let (status, seen) = watch::channel(Status::new(settings.placement.interval));
    let listen = settings.placement.listen.as_str();
    let http = http(&tasks, "placement.listen", listen, move |listener, stop| {
        crate::http::serve_service(listener, seen, clock, metrics, stop)
    })
    .await?;
    let service = Service::new(openstack, asking, settings.placement.clone(), clock, status);
    let working = async move { service.run(&settings.amqp, &stop).await };
    ends(&tasks, working, http).await
}

/// What is missing, and what would change; `None` where the members could not be read.
/// Errors: OpenStack cannot be asked.
pub async fn placement_once(
    settings: &Settings,
) -> Result<(Findings, Option<Result<Plan, String>>), AppFault> {
    let openstack = openstack(settings, SystemClock::start())?;
    let findings = preflight::look(&openstack, &settings.placement).await?;
    let Some(members) = &findings.members else {
        return Ok((findings, None));
    };
    let asking = client(settings.placement.timeout, None).map_err(AppFault::Died)?;
    let following = snapshot::take(&asking, &settings.placement.snapshot_urls, 0).await;
    let mut plan = following.map(|following| Plan::new(&following.out, members));
    if let Ok(plan) = &mut plan
        && settings.placement.pair_aggregates
    {
        let covered = covered(&openstack, &findings).await?;
        plan.add.retain(|uuid| !covered.contains(uuid));
    }
    Ok((findings, Some(plan)))
}

/// The nodes of which Nova offers none because their pair is switched on.
async fn covered(openstack: &OpenStack, findings: &Findings) -> Result<BTreeSet<String>, ApiFault> {
    let mut covered = BTreeSet::new();
    for (_, pair) in findings.pairs.iter().filter(|(_, pair)| pair.is_on()) {
        covered.extend(aggregate::members(openstack, &pair.uuid).await?);
    }
    Ok(covered)
}

/// Switches every pair off and takes every member out of our aggregates; how many nodes.
/// Errors: OpenStack cannot be asked, or said no; some may be out.
pub async fn placement_release(settings: &Settings) -> Result<usize, AppFault> {
    let openstack = openstack(settings, SystemClock::start())?;
    let findings = preflight::look(&openstack, &settings.placement).await?;
    // Another aggregate's members are not ours to remove.
    if let Some(condition) = findings.broken() {
        let what = condition.to_string();
        return Err(AppFault::OpenStack(ApiFault::Denied(what)));
    }
    let (Some(uuid), Some(members)) = (findings.aggregate, findings.members) else {
        let what = "the aggregate cannot be read".to_owned();
        return Err(AppFault::OpenStack(ApiFault::Denied(what)));
    };
    let (mut ours, mut members) = (BTreeSet::from([uuid]), members);
    let pairs = findings.pairs.into_iter().map(|(_, pair)| pair);
    for pair in pairs.filter(nova::NovaAggregate::is_ours_alone) {
        if pair.is_on() {
            nova::switch(&openstack, pair.id, false).await?;
        }
        members.extend(aggregate::members(&openstack, &pair.uuid).await?);
        ours.insert(pair.uuid);
    }
    let mut released = 0;
    for member in members {
        let outcome = aggregate::set(&openstack, &ours, &member, &BTreeSet::new()).await?;
        released += usize::from(outcome == Outcome::Written);
    }
    Ok(released)
}

/// OpenStack, as the settings and the environment say who we are.
fn openstack(settings: &Settings, clock: SystemClock) -> Result<OpenStack, AppFault> {
    let (variables, folders) = config::openstack();
    let cloud = settings.placement.cloud.as_ref();
    let credentials = match cloud.or_else(|| variables.get("OS_CLOUD")) {
        None => Credentials::from_environment(&variables),
        Some(cloud) => {
            let named = variables.get("OS_CLIENT_CONFIG_FILE").map(PathBuf::from);
            let files = folders.iter().map(|folder| folder.join("clouds.yaml"));
            let Some(file) = named.into_iter().chain(files).find(|file| file.exists()) else {
                return Err(AppFault::Credentials(format!(
                    "there is no clouds.yaml for cloud {cloud:?}: put one in the working folder, ~/.config/openstack \
                     or /etc/openstack, or name it with OS_CLIENT_CONFIG_FILE"
                )));
            };
            let what = || format!("read {}", file.display());
            let clouds =
                std::fs::read_to_string(&file).map_err(|source| AppFault::start(what(), source))?;
            let secure = std::fs::read_to_string(file.with_file_name("secure.yaml")).ok();
            Credentials::from_clouds(cloud, &clouds, secure.as_deref())
        }
    };
    let credentials = credentials.map_err(|fault| AppFault::Credentials(fault.to_string()))?;
    OpenStack::new(credentials, &settings.placement, clock).map_err(AppFault::Credentials)
}
