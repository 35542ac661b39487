//! What an answer means, and whether it is the service's own: a proxy may speak in its place, or what stands where
//! the service was before it moved.

use reqwest::StatusCode;
use serde_json::Value;

/// At most so many bytes of an answer are read: 100,000 providers take some 90 MB.
const ANSWER_BYTES: usize = 128 * 1024 * 1024;

/// Why a request was not carried out. The texts hold no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiFault {
    /// The service itself says that there is no such thing (404).
    #[error("{what}: not found")]
    Missing {
        what: String,
        /// In its own words.
        told: String,
    },
    /// Keystone's catalog does not say where the service is.
    #[error("{0} is not in Keystone's catalog")]
    NoEndpoint(String),
    /// Somebody changed it meanwhile (409).
    #[error("{0}: changed meanwhile")]
    Conflict(String),
    /// The login or the token does not count (401).
    #[error("{0}")]
    NotLoggedIn(String),
    /// The rights do not suffice (403).
    #[error("{0}")]
    Denied(String),
    /// Not now: no answer, or one that says so. Trying again may help.
    #[error("{0}")]
    Busy(String),
    /// The answer makes no sense to us.
    #[error("{0}")]
    Strange(String),
}

impl ApiFault {
    /// Whether the service may be elsewhere by now.
    pub(super) fn doubts_the_catalog(&self) -> bool {
        match self {
            Self::Busy(_) | Self::Strange(_) | Self::NoEndpoint(_) => true,
            Self::Missing { .. } | Self::Conflict(_) | Self::NotLoggedIn(_) | Self::Denied(_) => {
                false
            }
        }
    }
}

pub(super) async fn read(what: &str, mut response: reqwest::Response) -> Result<Vec<u8>, ApiFault> {
    let status = response.status();
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(|fault| busy(what, &fault))? {
        body.extend_from_slice(&part);
        if body.len() > ANSWER_BYTES {
            return Err(ApiFault::Strange(format!(
                "{what}: the answer is too large"
            )));
        }
    }
    if status.is_success() {
        return Ok(body);
    }
    let why = format!("{what}: {status}{}", detail(&body));
    Err(match status {
        StatusCode::NOT_FOUND => missing(what, &body),
        StatusCode::CONFLICT => ApiFault::Conflict(what.to_owned()),
        StatusCode::UNAUTHORIZED => ApiFault::NotLoggedIn(why),
        StatusCode::FORBIDDEN => ApiFault::Denied(why),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => ApiFault::Busy(why),
        status if status.is_server_error() => ApiFault::Busy(why),
        _ => ApiFault::Strange(why),
    })
}

/// What a 404 means: each service says it in a form of its own, and nothing else does.
fn missing(what: &str, body: &[u8]) -> ApiFault {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let of_placement = &answer["errors"][0]["detail"];
    let of_nova = &answer["itemNotFound"]["message"];
    match of_placement.as_str().or(of_nova.as_str()) {
        Some(told) => ApiFault::Missing {
            what: what.to_owned(),
            told: told.to_owned(),
        },
        None => ApiFault::Strange(format!(
            "{what}: 404 Not Found, but not from the service itself{}",
            detail(body)
        )),
    }
}

pub(super) fn parsed(what: &str, body: &[u8]) -> Result<Value, ApiFault> {
    if body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(body)
        .map_err(|_| ApiFault::Strange(format!("{what}: the answer is no JSON")))
}

fn detail(body: &[u8]) -> String {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let texts = [
        &answer["errors"][0]["detail"],
        &answer["error"]["message"],
        &answer["forbidden"]["message"],
    ];
    let text = texts.into_iter().find_map(Value::as_str);
    let short: String = text.unwrap_or_default().chars().take(200).collect();
    match short.is_empty() {
        true => short,
        false => format!(": {}", short.trim()),
    }
}

pub(super) fn busy(what: &str, fault: &reqwest::Error) -> ApiFault {
    if fault.is_timeout() {
        return ApiFault::Busy(format!("{what}: no answer in time"));
    }
    ApiFault::Busy(format!("{what}: {}", chain(fault)))
}

/// A fault with its causes; the URL, which is named already, is left out.
pub(super) fn chain(fault: &dyn std::error::Error) -> String {
    let mut text = fault.to_string();
    for cause in std::iter::successors(fault.source(), |cause| cause.source()) {
        let more = cause.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
    }
    text
}
