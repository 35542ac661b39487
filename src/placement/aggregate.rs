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

/// One aggregate.
pub struct Aggregate<'a> {
    /// OpenStack.
    pub openstack: &'a OpenStack,
    /// The aggregate's UUID.
    pub uuid: &'a str,
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

impl Aggregate<'_> {
    /// The providers in the aggregate.
    pub async fn members(&self) -> Result<BTreeSet<String>, ApiFault> {
        let path = format!("/resource_providers?member_of=in:{}", self.uuid);
        let asked = self
            .openstack
            .ask_for::<Providers>(Service::Placement, &path);
        let providers = asked.await?.resource_providers;
        Ok(providers
            .into_iter()
            .map(|provider| provider.uuid)
            .collect())
    }

    /// Makes the provider of node `uuid` a member, or no member: reads its aggregates, and writes them
    /// back with or without ours and with the generation that was read, so that a change of somebody
    /// else's in between is never undone.
    /// Errors: [`ApiFault`]; nothing was written, or it is not known whether it was.
    pub async fn set(&self, uuid: &str, member: bool) -> Result<Outcome, ApiFault> {
        let path = format!("/resource_providers/{uuid}/aggregates");
        let mut tries = CONFLICTS;
        loop {
            match self.try_set(&path, member).await {
                Err(ApiFault::Missing(_)) => return Ok(Outcome::Unknown),
                Err(ApiFault::Conflict(_)) if tries > 1 => tries -= 1,
                done => return done,
            }
        }
    }

    async fn try_set(&self, path: &str, member: bool) -> Result<Outcome, ApiFault> {
        let answer = self.ask(Method::GET, path, None).await?;
        let generation = &answer["resource_provider_generation"];
        let (Some(aggregates), true) = (answer["aggregates"].as_array(), generation.is_u64())
        else {
            return strange(path);
        };
        let ours = Value::from(self.uuid);
        if aggregates.contains(&ours) == member {
            return Ok(Outcome::AsWished);
        }
        let mut wished: Vec<&Value> = aggregates.iter().filter(|other| **other != ours).collect();
        if member {
            wished.push(&ours);
        }
        let body = json!({ "aggregates": wished, "resource_provider_generation": generation });
        self.ask(Method::PUT, path, Some(&body)).await?;
        Ok(Outcome::Written)
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, ApiFault> {
        self.openstack
            .ask(Service::Placement, method, path, body)
            .await
    }
}

fn strange<T>(path: &str) -> Result<T, ApiFault> {
    Err(ApiFault::Strange(format!(
        "{path}: the answer is not Placement's"
    )))
}
