//! What is out of service now, from any replica's HTTP interface.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::following::Following;
use super::openstack::ApiFault;
use super::page;
use crate::domain::ids::node_id;

#[derive(Debug, Deserialize)]
struct Page {
    stream: String,
    seq: u64,
    nodes: Vec<Node>,
    next: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Node {
    uuid: String,
}

/// A whole snapshot from the first of `urls` that gives one, beginning behind the first `skipped`.
/// Errors: A sentence for each that gave none.
pub async fn take(
    http: &reqwest::Client,
    urls: &[String],
    skipped: usize,
) -> Result<Following, String> {
    let mut faults = Vec::new();
    let turned = urls.iter().cycle().skip(skipped % urls.len().max(1));
    for url in turned.take(urls.len()) {
        match from(http, url.trim_end_matches('/')).await {
            Ok(following) => return Ok(following),
            Err(fault) => faults.push(fault.to_string()),
        }
    }
    Err(format!("no snapshot: {}", faults.join("; ")))
}

async fn from(http: &reqwest::Client, url: &str) -> Result<Following, ApiFault> {
    let mut out = BTreeSet::new();
    let mut after = String::new();
    let mut begun: Option<(String, u64)> = None;
    loop {
        let page: Page = page::get(http, (url, "/v1/snapshot"), &after, "snapshot").await?;
        // Pages follow one another while changes go on: what is above the first one's seq is
        // followed again, and comes to the same.
        let (stream, _) = begun.get_or_insert((page.stream.clone(), page.seq));
        if *stream != page.stream {
            let what = format!("{url}: the stream changed between two pages");
            return Err(ApiFault::Busy(what));
        }
        out.extend(page.nodes.iter().map(|node| node_id(&node.uuid)));
        match (page.next, begun.take()) {
            (Some(next), kept) => (after, begun) = (next, kept),
            (None, Some((stream, seq))) => return Ok(Following::new(stream, seq, out)),
            (None, None) => return Err(ApiFault::Strange(format!("{url}: no page"))),
        }
    }
}
