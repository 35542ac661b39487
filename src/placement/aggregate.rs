//! The members of one aggregate in Placement. Nothing else of a provider is ever written: no
//! inventory, no trait, no allocation, and no membership of another aggregate.

use std::collections::BTreeSet;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::openstack::{ApiFault, OpenStack, Service};
use crate::words::words;

/// How often a write is tried against others that write at the same time.
const CONFLICTS: usize = 8;

/// A list of providers, of which only their UUIDs are kept: there may be a hundred thousand.
#[derive(Deserialize)]
struct Providers {
    resource_providers: Vec<Provider>,
}

#[derive(Deserialize)]
struct Provider {
    uuid: String,
}

words! {
    /// What became of a wish about one provider.
    Outcome, "an outcome" {
        /// It was so already.
        AsWished = "as_wished",
        /// It was written.
        Written = "written",
        /// Placement knows no such provider: Nova never reported that node.
        Unknown = "unknown",
    }
}

/// The providers in the aggregate `uuid`.
pub async fn members(openstack: &OpenStack, uuid: &str) -> Result<BTreeSet<String>, ApiFault> {
    let path = format!("/resource_providers?member_of=in:{uuid}");
    let asked = openstack.ask_for::<Providers>(Service::Placement, &path);
    let providers = asked.await?.resource_providers.into_iter();
    Ok(providers.map(|provider| provider.uuid).collect())
}

/// Makes the provider of node `uuid` a member of those aggregates that are `wished`, and of no other of `ours`:
/// reads its aggregates, and writes them back with the generation that was read, so that a change of
/// somebody else's in between is never undone. What was read before is never used again: writers
/// of old versions of the API change aggregates and leave the generation as it is.
/// Errors: [`ApiFault`]; nothing was written, or it is not known whether it was.
pub async fn set(
    openstack: &OpenStack,
    ours: &BTreeSet<String>,
    uuid: &str,
    wished: &BTreeSet<String>,
) -> Result<Outcome, ApiFault> {
    // What is no part of a path as it is names no provider, and would make it another path.
    if !uuid
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    {
        return Ok(Outcome::Unknown);
    }
    let path = format!("/resource_providers/{uuid}/aggregates");
    let mut tries = CONFLICTS;
    loop {
        match try_set(openstack, ours, &path, wished).await {
            // Any other "not found" is not about this node.
            Err(ApiFault::Missing { told, .. }) if told.contains(uuid) => {
                return Ok(Outcome::Unknown);
            }
            Err(ApiFault::Conflict(_)) if tries > 1 => tries -= 1,
            done => return done,
        }
    }
}

async fn try_set(
    openstack: &OpenStack,
    ours: &BTreeSet<String>,
    path: &str,
    wished: &BTreeSet<String>,
) -> Result<Outcome, ApiFault> {
    let answer = openstack.ask(Service::Placement, Method::GET, path, None);
    let answer = answer.await?;
    let generation = &answer["resource_provider_generation"];
    let (Some(aggregates), true) = (answer["aggregates"].as_array(), generation.is_u64()) else {
        let strange = format!("{path}: the answer is not Placement's");
        return Err(ApiFault::Strange(strange));
    };
    let is_ours = |entry: &&Value| {
        let uuid = entry.as_str();
        uuid.is_some_and(|uuid| ours.contains(uuid) || wished.contains(uuid))
    };
    let held = aggregates.iter().filter(is_ours).filter_map(Value::as_str);
    if held.collect::<BTreeSet<_>>() == wished.iter().map(String::as_str).collect() {
        return Ok(Outcome::AsWished);
    }
    let others = aggregates.iter().filter(|entry| !is_ours(entry)).cloned();
    let all: Vec<Value> = others
        .chain(wished.iter().cloned().map(Value::from))
        .collect();
    let body = json!({ "aggregates": all, "resource_provider_generation": generation });
    let written = openstack.ask(Service::Placement, Method::PUT, path, Some(&body));
    written.await.map(|_| Outcome::Written)
}
