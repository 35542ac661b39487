//! The aggregates that Nova has: which there are, a new one, and whether requests must ask for our trait
//! to be offered anything of one.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::openstack::{ApiFault, OpenStack, Service};

/// The trait that makes Nova isolate an aggregate: no request asks for it.
pub const DEMANDED_TRAIT: &str = "trait:CUSTOM_NODEWARDEN_OUT_OF_SERVICE";

/// One of Nova's aggregates.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NovaAggregate {
    /// Nova's number for it.
    pub id: u64,
    pub name: String,
    /// Its UUID, by which Placement knows it.
    pub uuid: String,
    /// Hosts in it: none in one of ours.
    #[serde(default)]
    pub hosts: Vec<Value>,
    #[serde(default)]
    pub metadata: BTreeMap<String, Value>,
}

impl NovaAggregate {
    /// The traits that a request must ask for, or Nova offers it nothing of the aggregate.
    #[must_use]
    pub fn demands(&self) -> Vec<&str> {
        let demanded =
            |(key, value): &(&String, &Value)| key.starts_with("trait:") && **value == "required";
        let demanded = self.metadata.iter().filter(demanded);
        demanded.map(|(key, _)| key.as_str()).collect()
    }

    /// Whether it demands our trait.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.demands().contains(&DEMANDED_TRAIT)
    }

    /// Whether nothing in it is of somebody else.
    #[must_use]
    pub fn is_ours_alone(&self) -> bool {
        self.hosts.is_empty() && self.metadata.keys().all(|key| key == DEMANDED_TRAIT)
    }
}

#[derive(Deserialize)]
struct All {
    aggregates: Vec<NovaAggregate>,
}

#[derive(Deserialize)]
struct One {
    aggregate: NovaAggregate,
}

/// Every aggregate.
pub async fn list(openstack: &OpenStack) -> Result<Vec<NovaAggregate>, ApiFault> {
    let asked = openstack.ask_for::<All>(Service::Compute, "/os-aggregates");
    Ok(asked.await?.aggregates)
}

/// A new aggregate without hosts and metadata.
pub async fn create(openstack: &OpenStack, name: &str) -> Result<NovaAggregate, ApiFault> {
    let body = json!({ "aggregate": { "name": name, "availability_zone": null } });
    let path = "/os-aggregates";
    let asked = openstack.ask(Service::Compute, Method::POST, path, Some(&body));
    let made: Result<One, _> = serde_json::from_value(asked.await?);
    let strange = |_| ApiFault::Strange(format!("POST {path}: the answer is not Nova's"));
    Ok(made.map_err(strange)?.aggregate)
}

/// Makes an aggregate demand our trait, or not.
pub async fn switch(openstack: &OpenStack, id: u64, on: bool) -> Result<(), ApiFault> {
    let value = on.then_some("required");
    let body = json!({ "set_metadata": { "metadata": { DEMANDED_TRAIT: value } } });
    let path = format!("/os-aggregates/{id}/action");
    let asked = openstack.ask(Service::Compute, Method::POST, &path, Some(&body));
    asked.await.map(drop)
}

/// Whether we may switch aggregates: Nova looks at rights before it looks for the aggregate, and none has
/// the number 0, so nothing changes.
pub async fn may_switch(openstack: &OpenStack) -> Result<bool, ApiFault> {
    match switch(openstack, 0, false).await {
        Err(ApiFault::Missing { .. }) => Ok(true),
        Err(ApiFault::Denied(_)) => Ok(false),
        Ok(()) => Ok(true),
        Err(fault) => Err(fault),
    }
}
