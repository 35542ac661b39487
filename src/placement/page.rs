//! A page of a list from a replica's HTTP interface.

use serde::de::DeserializeOwned;

use super::answer::{ApiFault, busy, read};

/// What the first of `urls` that has it answers to `ask`, beginning behind the first `skipped`.
/// Errors: A sentence for each that has not; `what` is missing.
pub async fn first<T, F: Future<Output = Result<T, ApiFault>>>(
    urls: &[String],
    skipped: usize,
    what: &str,
    ask: impl Fn(String) -> F,
) -> Result<T, String> {
    let mut faults = Vec::new();
    let turned = urls.iter().cycle().skip(skipped % urls.len().max(1));
    for url in turned.take(urls.len()) {
        match ask(url.trim_end_matches('/').to_owned()).await {
            Ok(answer) => return Ok(answer),
            Err(fault) => faults.push(fault.to_string()),
        }
    }
    Err(format!("no {what}: {}", faults.join("; ")))
}

/// Nodes in a page; the interface allows no more.
pub const WHOLE: u32 = 10_000;

/// The page of at most `limit` behind `after` of the list at `path`; `what` it should be, for the fault.
pub async fn get<T: DeserializeOwned>(
    http: &reqwest::Client,
    (url, path): (&str, &str),
    (after, limit): (&str, u32),
    what: &str,
) -> Result<T, ApiFault> {
    let url = format!("{url}{path}");
    let mut whole =
        reqwest::Url::parse(&url).map_err(|fault| ApiFault::Strange(format!("{url}: {fault}")))?;
    whole
        .query_pairs_mut()
        .append_pair("after", after)
        .append_pair("limit", &limit.to_string());
    let response = http.get(whole).send().await;
    let answer = read(&url, response.map_err(|fault| busy(&url, &fault))?).await?;
    serde_json::from_slice(&answer)
        .map_err(|_| ApiFault::Strange(format!("{url}: the answer is no {what} of nodewarden's")))
}
