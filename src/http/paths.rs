//! The paths, one function each.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::fault::Fault;
use super::sources::Sources;
use crate::answers::shapes::{Decision, Driver, Node, Nodes, Paused};
use crate::clock::now_ms;
use crate::store::{Gone, SnapshotPage};
use crate::telemetry::{printable, printable_within};
use crate::worker::Role;

/// Nodes in a page: some 200 kB, and the most: some 2 MB.
const NODES_LIMIT: u32 = 1000;
const NODES_MOST: u32 = 10_000;

const DECISIONS_LIMIT: u32 = 100;
const DECISIONS_MOST: u32 = 1000;

/// Characters of a reason or remark, as in the log: its advice comes last.
pub(super) const SENTENCE: usize = 2000;

type Asked = Result<Query<Vec<(String, String)>>, QueryRejection>;

pub async fn healthz() -> Json<Value> {
    Json(json!({ "alive": true }))
}

pub async fn readyz(State(sources): State<Sources>) -> (StatusCode, Json<Value>) {
    let worker_is_gone = sources.status.has_changed().is_err();
    let status = sources.status.borrow().clone();
    let mut reasons: Vec<String> = status
        .troubles
        .iter()
        .map(|trouble| printable_within(trouble, SENTENCE))
        .collect();
    reasons.extend(status.hangs());
    if status.role == Role::Starting && reasons.is_empty() {
        reasons.push("broker and database have not both been reached yet".to_owned());
    }
    if worker_is_gone {
        reasons.push("the worker has ended".to_owned());
    }
    let ready = status.ready() && !worker_is_gone;
    let code = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let answer = json!({
        "ready": ready,
        "role": status.role.as_str(),
        "reasons": reasons,
        "remarks": status.remarks.iter().map(|remark| printable_within(remark, SENTENCE)).collect::<Vec<_>>(),
        "paused": status.pause.as_ref().map(Paused::from),
    });
    (code, Json(answer))
}

pub async fn snapshot(
    State(sources): State<Sources>,
    asked: Asked,
) -> Result<Json<SnapshotPage>, Fault> {
    let (after, limit) = page(asked)?;
    Ok(Json(sources.reader.snapshot(&after, limit).await?))
}

pub async fn drivers(State(sources): State<Sources>) -> Result<Json<Value>, Fault> {
    let conductors = sources.reader.conductors().await?;
    let (counted_at_ms, drivers) = sources.reader.counted_drivers().await?;
    let (now, gone) = (now_ms(), Gone::among(&conductors));
    let drivers: Vec<_> = drivers
        .into_iter()
        .map(|view| Driver::new(view, &gone, now))
        .collect();
    Ok(Json(
        json!({ "counted_at_ms": counted_at_ms, "drivers": drivers }),
    ))
}

pub async fn conductors(State(sources): State<Sources>) -> Result<Json<Value>, Fault> {
    let conductors = sources.reader.conductors().await?;
    Ok(Json(json!({ "conductors": conductors })))
}

pub async fn nodes(State(sources): State<Sources>, asked: Asked) -> Result<Json<Nodes>, Fault> {
    let (after, limit) = page(asked)?;
    let page = sources.reader.nodes(None, &after, limit).await?;
    Ok(Json(Nodes::new(page, limit)))
}

pub async fn node(
    State(sources): State<Sources>,
    uuid: Result<Path<String>, PathRejection>,
) -> Result<Json<Node>, Fault> {
    let Path(uuid) = uuid.map_err(|fault| Fault::bad_request(printable(&fault.body_text())))?;
    match sources.reader.node_by_uuid(key(&uuid)?).await? {
        Some(facts) => Ok(Json(Node::new(facts, now_ms()))),
        None => Err(Fault::not_found(format!(
            "there is no node {}",
            printable(&uuid)
        ))),
    }
}

pub async fn decisions(State(sources): State<Sources>, asked: Asked) -> Result<Json<Value>, Fault> {
    let [limit] = parameters(asked, ["limit"])?;
    let limit = within(limit, DECISIONS_LIMIT, DECISIONS_MOST)?;
    let decisions = sources.reader.decisions(limit).await?;
    let decisions: Vec<_> = decisions.into_iter().map(Decision::from).collect();
    Ok(Json(json!({ "decisions": decisions })))
}

/// Which page of nodes is asked for: behind which key, and how many.
fn page(asked: Asked) -> Result<(String, u32), Fault> {
    let [after, limit] = parameters(asked, ["after", "limit"])?;
    let limit = within(limit, NODES_LIMIT, NODES_MOST)?;
    let after = after.unwrap_or_default();
    key(&after)?;
    Ok((after, limit))
}

/// The values of the parameters that there are; any other is an error, and so is one that comes twice.
fn parameters<const N: usize>(
    asked: Asked,
    names: [&str; N],
) -> Result<[Option<String>; N], Fault> {
    let Query(asked) = asked.map_err(|fault| Fault::bad_request(printable(&fault.body_text())))?;
    let mut values = [const { None }; N];
    for (name, value) in asked {
        let Some(place) = names.iter().position(|known| *known == name) else {
            return Err(Fault::bad_request(format!(
                "there is no parameter \"{}\" here: there is {}",
                printable(&name),
                names.join(" and ")
            )));
        };
        if values[place].replace(value).is_some() {
            let twice = format!("the parameter {name} is given twice");
            return Err(Fault::bad_request(twice));
        }
    }
    Ok(values)
}

/// A key that any database can look for; PostgreSQL takes no NUL in a text.
fn key(text: &str) -> Result<&str, Fault> {
    match text.contains('\0') {
        true => Err(Fault::bad_request("no node's key holds a NUL")),
        false => Ok(text),
    }
}

fn within(asked: Option<String>, usual: u32, most: u32) -> Result<u32, Fault> {
    let Some(asked) = asked else { return Ok(usual) };
    match asked.parse() {
        Ok(limit) if (1..=most).contains(&limit) => Ok(limit),
        Ok(_) | Err(_) => Err(Fault::bad_request(format!(
            "limit must be 1 to {most}, not \"{}\"",
            printable(&asked)
        ))),
    }
}
