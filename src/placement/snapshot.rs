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

/// The last change that is committed, from the first of `urls` that knows `stream`, beginning behind the first
/// `skipped`. Errors: A sentence for each that does not.
pub async fn position(
    http: &reqwest::Client,
    urls: &[String],
    skipped: usize,
    stream: &str,
) -> Result<u64, String> {
    let ask = async |url: String| {
        let page = page(http, &url, ("", 1)).await?;
        if page.stream == stream {
            return Ok(page.seq);
        }
        let what = format!("{url}: the stream is {} there", page.stream);
        Err(ApiFault::Strange(what))
    };
    page::first(urls, skipped, "position", ask).await
}

/// A whole snapshot from the first of `urls` that gives one, beginning behind the first `skipped`.
/// Errors: A sentence for each that gave none.
pub async fn take(
    http: &reqwest::Client,
    urls: &[String],
    skipped: usize,
) -> Result<Following, String> {
    page::first(urls, skipped, "snapshot", |url| from(http, url)).await
}

async fn page(http: &reqwest::Client, url: &str, part: (&str, u32)) -> Result<Page, ApiFault> {
    page::get(http, (url, "/v1/snapshot"), part, "snapshot").await
}

async fn from(http: &reqwest::Client, url: String) -> Result<Following, ApiFault> {
    let mut out = BTreeSet::new();
    let mut after = String::new();
    let mut begun: Option<(String, u64)> = None;
    loop {
        let page = page(http, &url, (&after, page::WHOLE)).await?;
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
