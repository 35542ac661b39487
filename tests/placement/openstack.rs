//! [`SimOpenStack`]: Keystone, Nova's aggregates and Placement as far as `placement` may ask them, with
//! the rules that matter: tokens that end, versions, generations, providers that do not exist. It
//! writes down each request, so that a story can say what was never asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use nodewarden_tests::fleet::Cloud;
use serde_json::{Value, json};

use crate::tls::Front;

/// The aggregate of ours, and one of somebody else.
pub const OURS: &str = "11111111-1111-4111-8111-111111111111";
pub const OTHER: &str = "22222222-2222-4222-8222-222222222222";

/// What it holds.
#[derive(Default)]
pub struct Site {
    /// Provider → its generation and aggregates.
    pub providers: BTreeMap<String, (u64, BTreeSet<String>)>,
    /// Every request: method and path.
    pub requests: Vec<(String, String)>,
    /// The token that counts now.
    pub token: u64,
    /// Logins.
    pub logins: usize,
    /// Placement answers 503.
    pub down: bool,
    /// Nova answers 503.
    pub nova_down: bool,
    /// This provider answers 500.
    pub broken: Option<String>,
    /// Somebody else changes a provider between our read and our write, so many times.
    pub interfering: usize,
    /// What Nova shows; `None`: it says 403.
    pub aggregates: Option<Value>,
}

/// A site on a port of its own, until it is dropped.
pub struct SimOpenStack {
    site: Arc<Mutex<Site>>,
    /// How its URLs begin.
    base: String,
    front: Option<Front>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl SimOpenStack {
    /// A site with these providers, our aggregate as the help makes it, and another's.
    pub fn start(providers: &[String]) -> Self {
        Self::start_behind(providers, None)
    }

    /// The same, which speaks TLS alone.
    pub fn behind_tls(providers: &[String], front: Front) -> Self {
        Self::start_behind(providers, Some(front))
    }

    fn start_behind(providers: &[String], front: Option<Front>) -> Self {
        let site = Site {
            providers: providers
                .iter()
                .map(|uuid| (uuid.clone(), (1, [OTHER.to_owned()].into())))
                .collect(),
            token: 1,
            aggregates: Some(json!([
                { "name": "nodewarden", "uuid": OURS, "hosts": [],
                  "metadata": { "trait:CUSTOM_NODEWARDEN_OUT_OF_SERVICE": "required" } },
                { "name": "rack-1", "uuid": OTHER, "hosts": ["c1"], "metadata": {} },
            ])),
            ..Site::default()
        };
        let site = Arc::new(Mutex::new(site));
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        let base = match &front {
            None => format!("http://{address}"),
            Some(front) => {
                let address = runtime.block_on(front.before(address));
                format!("https://{address}")
            }
        };
        let router = Router::new()
            .fallback(answer)
            .with_state((Arc::clone(&site), base.clone()));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self {
            site,
            base,
            front,
            runtime: Some(runtime),
        }
    }

    /// How to log in to it.
    pub fn cloud(&self) -> Cloud {
        Cloud {
            auth_url: format!("{}/identity", self.base),
            username: "nodewarden",
            password: "hush",
            region: "north",
            aggregate: "nodewarden".into(),
            authority: self.front.as_ref().map(Front::certificate),
        }
    }

    pub fn site(&self) -> MutexGuard<'_, Site> {
        self.site.lock().expect("no panic meanwhile")
    }

    /// The members of our aggregate.
    pub fn members(&self) -> BTreeSet<String> {
        let site = self.site();
        let ours = |(_, aggregates): &(u64, BTreeSet<String>)| aggregates.contains(OURS);
        let members = site.providers.iter().filter(|(_, held)| ours(held));
        members.map(|(uuid, _)| uuid.clone()).collect()
    }
}

impl Drop for SimOpenStack {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

type Shared = (Arc<Mutex<Site>>, String);

async fn answer(State((site, base)): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let mut site = site.lock().expect("no panic meanwhile");
    let path = parts.uri.path().to_owned();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    site.requests.push((parts.method.to_string(), path.clone()));
    if path == "/identity/v3/auth/tokens" {
        return log_in(&mut site, &body, &base);
    }
    if parts
        .headers
        .get("x-auth-token")
        .and_then(|t| t.to_str().ok())
        != Some(format!("token-{}", site.token).as_str())
    {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if let Some(path) = path.strip_prefix("/compute/v2.1") {
        return compute(&site, path, &parts.headers);
    }
    match path.strip_prefix("/placement") {
        Some(path) => placement(
            &mut site,
            &parts.method,
            path,
            &query,
            &parts.headers,
            &body,
        ),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn log_in(site: &mut Site, body: &Value, base: &str) -> Response {
    let user = &body["auth"]["identity"]["password"]["user"];
    if user["name"] != "nodewarden" || user["password"] != "hush" {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    site.logins += 1;
    let endpoint = |path: &str, region: &str| json!({ "interface": "internal", "region": region, "url": format!("{base}{path}") });
    let catalog = json!([
        { "type": "placement", "endpoints": [endpoint("/wrong", "south"), endpoint("/placement", "north")] },
        { "type": "compute", "endpoints": [endpoint("/compute/v2.1", "north")] },
    ]);
    let header = [("x-subject-token", format!("token-{}", site.token))];
    let answer = json!({ "token": { "catalog": catalog } });
    (StatusCode::CREATED, header, axum::Json(answer)).into_response()
}

fn compute(site: &Site, path: &str, headers: &HeaderMap) -> Response {
    if site.nova_down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    assert_eq!(path, "/os-aggregates");
    assert_eq!(headers["x-openstack-nova-api-version"], "2.41");
    match &site.aggregates {
        Some(aggregates) => axum::Json(json!({ "aggregates": aggregates })).into_response(),
        None => StatusCode::FORBIDDEN.into_response(),
    }
}

fn placement(
    site: &mut Site,
    method: &Method,
    path: &str,
    query: &str,
    headers: &HeaderMap,
    body: &Value,
) -> Response {
    if site.down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    assert_eq!(headers["openstack-api-version"], "placement 1.19");
    let path: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match (method.as_str(), &path[..]) {
        ("GET", []) => {
            axum::Json(json!({ "versions": [{ "max_version": "1.39" }] })).into_response()
        }
        ("GET", ["resource_providers"]) => {
            assert_eq!(query, format!("member_of=in:{OURS}"));
            let members: Vec<Value> = site
                .providers
                .iter()
                .filter(|(_, (_, aggregates))| aggregates.contains(OURS))
                .map(|(uuid, (generation, _))| json!({ "uuid": uuid, "generation": generation }))
                .collect();
            axum::Json(json!({ "resource_providers": members })).into_response()
        }
        (method, ["resource_providers", uuid, "aggregates"]) => {
            if site.broken.as_deref() == Some(*uuid) {
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            }
            let Some((generation, aggregates)) = site.providers.get_mut(*uuid) else {
                return StatusCode::NOT_FOUND.into_response();
            };
            if method == "GET" {
                let answer =
                    json!({ "aggregates": aggregates, "resource_provider_generation": generation });
                if site.interfering > 0 {
                    site.interfering -= 1;
                    *generation += 1;
                }
                return axum::Json(answer).into_response();
            }
            assert_eq!(method, "PUT");
            if body["resource_provider_generation"] != *generation {
                return StatusCode::CONFLICT.into_response();
            }
            *generation += 1;
            let written = body["aggregates"].as_array().expect("a list");
            *aggregates = written
                .iter()
                .map(|uuid| uuid.as_str().expect("a UUID").to_owned())
                .collect();
            axum::Json(json!({})).into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}
