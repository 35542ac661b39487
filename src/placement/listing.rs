//! Which pair each node needs, from any replica's HTTP interface.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::openstack::ApiFault;
use super::{page, pair};
use crate::domain::ids::node_id;

#[derive(Debug, Deserialize)]
struct Page {
    nodes: Vec<Node>,
    next: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Node {
    uuid: String,
    conductor_group: String,
    driver: Option<String>,
    maintenance: Option<bool>,
    service_state: String,
}

/// Node → its pair, of all nodes but those that their operators hold back: none of those is offered, and none would
/// go out of service with its pair. From the first of `urls` that answers. Errors: A sentence for each that did not.
pub async fn take(
    http: &reqwest::Client,
    urls: &[String],
) -> Result<BTreeMap<String, String>, String> {
    page::first(urls, 0, "list of nodes", |url| from(http, url)).await
}

async fn from(http: &reqwest::Client, url: String) -> Result<BTreeMap<String, String>, ApiFault> {
    let mut listed = BTreeMap::new();
    let mut after = String::new();
    loop {
        let asked = page::get(http, (&url, "/v1/nodes"), (&after, page::WHOLE), "list");
        let page: Page = asked.await?;
        for node in page.nodes {
            let held_back = node.maintenance == Some(true) && node.service_state == "in_service";
            let driver = node.driver.filter(|_| !held_back);
            if let Some(pair) = driver.and_then(|driver| pair::name(&node.conductor_group, &driver))
            {
                listed.insert(node_id(&node.uuid), pair);
            }
        }
        match page.next {
            Some(next) => after = next,
            None => return Ok(listed),
        }
    }
}
