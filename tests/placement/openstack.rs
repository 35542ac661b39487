//! [`SimOpenStack`]: Keystone, Nova's aggregates and Placement as far as `placement` may ask them, with
//! the rules that matter: tokens that end, versions, generations, providers that do not exist. It
//! writes down each request, so that a story can say what was never asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use nodewarden_tests::fleet::Cloud;
use serde_json::{Value, json};

use crate::tls::Front;

/// The aggregate of ours, and one of somebody else.
pub const OURS: &str = "11111111-1111-4111-8111-111111111111";
pub const TRAIT: &str = "trait:CUSTOM_NODEWARDEN_OUT_OF_SERVICE";
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
    /// What stands before Placement answers 404 with this.
    pub astray: Option<Value>,
    /// Where Placement is, as the catalog says.
    pub placement: Option<&'static str>,
    /// What stands before Keystone answers 404.
    pub keystone_astray: bool,
    /// Nova answers 503.
    pub nova_down: bool,
    /// What is posted to Nova at a path that ends so is never answered.
    pub hanging: Option<&'static str>,
    /// This provider answers 500.
    pub broken: Option<String>,
    /// Somebody else changes a provider between our read and our write, so many times.
    pub interfering: usize,
    /// What Nova shows; `None`: it says 403.
    pub aggregates: Option<Value>,
    /// We may make and change aggregates.
    pub admin: bool,
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
            placement: Some("/placement"),
            aggregates: Some(json!([
                { "id": 1, "name": "nodewarden", "uuid": OURS, "hosts": [],
                  "metadata": { "trait:CUSTOM_NODEWARDEN_OUT_OF_SERVICE": "required" } },
                { "id": 2, "name": "rack-1", "uuid": OTHER, "hosts": ["c1"], "metadata": {} },
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
        self.members_of(OURS)
    }

    /// The members of an aggregate.
    pub fn members_of(&self, uuid: &str) -> BTreeSet<String> {
        let site = self.site();
        let held = |(_, aggregates): &(u64, BTreeSet<String>)| aggregates.contains(uuid);
        let members = site.providers.iter().filter(|(_, one)| held(one));
        members.map(|(uuid, _)| uuid.clone()).collect()
    }

    /// The members of the aggregate with that name; none, if there is no such.
    pub fn members_of_pair(&self, name: &str) -> BTreeSet<String> {
        let uuid = self.site().named(name).map(|entry| entry["uuid"].clone());
        let uuid = uuid.as_ref().and_then(Value::as_str);
        uuid.map(|uuid| self.members_of(uuid)).unwrap_or_default()
    }

    /// The providers that Nova offers: those in no aggregate that demands our trait.
    pub fn offered(&self) -> BTreeSet<String> {
        let site = self.site();
        let all = site.aggregates.as_ref().and_then(Value::as_array);
        let isolated: BTreeSet<&str> = all
            .into_iter()
            .flatten()
            .filter(|entry| entry["metadata"][TRAIT] == "required")
            .filter_map(|entry| entry["uuid"].as_str())
            .collect();
        let free = |held: &BTreeSet<String>| held.iter().all(|uuid| !isolated.contains(&**uuid));
        let offered = site.providers.iter().filter(|(_, (_, held))| free(held));
        offered.map(|(uuid, _)| uuid.clone()).collect()
    }

    /// How often each request was made that is no reading: method and path.
    pub fn writes(&self) -> BTreeMap<(String, String), usize> {
        let mut writes = BTreeMap::new();
        let site = self.site();
        let written = site.requests.iter().filter(|(method, _)| method != "GET");
        for request in written {
            *writes.entry(request.clone()).or_default() += 1;
        }
        writes
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
    if site.lock().expect("no panic meanwhile").takes(&parts) {
        return std::future::pending().await;
    }
    let mut site = site.lock().expect("no panic meanwhile");
    let path = parts.uri.path().to_owned();
    let query = parts.uri.query().unwrap_or_default().to_owned();
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
        return compute(&mut site, &parts.method, path, &parts.headers, &body);
    }
    let of_placement = site.placement.and_then(|at| path.strip_prefix(at));
    match of_placement {
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
    if site.keystone_astray {
        return StatusCode::NOT_FOUND.into_response();
    }
    site.logins += 1;
    let endpoint = |path: &str, region: &str| json!({ "interface": "internal", "region": region, "url": format!("{base}{path}") });
    let mut of_placement = vec![endpoint("/wrong", "south")];
    of_placement.extend(site.placement.map(|path| endpoint(path, "north")));
    let catalog = json!([
        { "type": "placement", "endpoints": of_placement },
        { "type": "compute", "endpoints": [endpoint("/compute/v2.1", "north")] },
    ]);
    let header = [("x-subject-token", format!("token-{}", site.token))];
    let answer = json!({ "token": { "catalog": catalog } });
    (StatusCode::CREATED, header, axum::Json(answer)).into_response()
}

impl Site {
    /// Writes a request down; whether it is never answered.
    fn takes(&mut self, request: &Parts) -> bool {
        let (method, path) = (request.method.to_string(), request.uri.path().to_owned());
        let hangs = self.hanging.is_some_and(|end| path.ends_with(end));
        let hangs = hangs && method == "POST";
        self.requests.push((method, path));
        hangs
    }

    /// Nova's aggregate of that name.
    pub fn named(&self, name: &str) -> Option<&Value> {
        let all = self.aggregates.as_ref()?.as_array()?;
        all.iter().find(|entry| entry["name"] == name)
    }
}

fn compute(
    site: &mut Site,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
    body: &Value,
) -> Response {
    if site.nova_down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    assert_eq!(headers["x-openstack-nova-api-version"], "2.41");
    let may = site.admin || method == "GET";
    let Some(Value::Array(all)) = site.aggregates.as_mut().filter(|_| may) else {
        return StatusCode::FORBIDDEN.into_response();
    };
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    match (method.as_str(), &parts[..]) {
        ("GET", ["os-aggregates"]) => axum::Json(json!({ "aggregates": all })).into_response(),
        ("POST", ["os-aggregates"]) => {
            let name = &body["aggregate"]["name"];
            if all.iter().any(|entry| entry["name"] == *name) {
                return StatusCode::CONFLICT.into_response();
            }
            let mut made = json!({ "id": all.len() + 1, "name": name, "uuid": uuid::Uuid::new_v4().to_string() });
            let answer = json!({ "aggregate": made });
            made["hosts"] = json!([]);
            made["metadata"] = json!({});
            all.push(made);
            axum::Json(answer).into_response()
        }
        ("POST", ["os-aggregates", id, "action"]) => {
            let id: u64 = id.parse().expect("a number");
            let Some(entry) = all.iter_mut().find(|entry| entry["id"] == id) else {
                let what = json!({ "itemNotFound": { "code": 404, "message": format!("Aggregate {id} could not be found.") } });
                return (StatusCode::NOT_FOUND, axum::Json(what)).into_response();
            };
            let set = body["set_metadata"]["metadata"].as_object().expect("a map");
            for (key, value) in set {
                let metadata = entry["metadata"].as_object_mut().expect("a map");
                metadata.remove(key);
                if !value.is_null() {
                    metadata.insert(key.clone(), value.clone());
                }
            }
            axum::Json(json!({ "aggregate": entry })).into_response()
        }
        _ => panic!("{method} {path}"),
    }
}

/// As Placement says it.
fn not_found(uuid: &str) -> Value {
    let told = format!(
        "The resource could not be found.\n\n No resource provider with uuid {uuid} found  "
    );
    json!({ "errors": [{ "status": 404, "title": "Not Found", "detail": told }] })
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
    if let Some(page) = &site.astray {
        return (StatusCode::NOT_FOUND, axum::Json(page)).into_response();
    }
    assert_eq!(headers["openstack-api-version"], "placement 1.19");
    let path: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match (method.as_str(), &path[..]) {
        ("GET", []) => {
            axum::Json(json!({ "versions": [{ "max_version": "1.39" }] })).into_response()
        }
        ("GET", ["resource_providers"]) => {
            let of = query
                .strip_prefix("member_of=in:")
                .expect("of an aggregate");
            let members: Vec<Value> = site
                .providers
                .iter()
                .filter(|(_, (_, aggregates))| aggregates.contains(of))
                .map(|(uuid, (generation, _))| json!({ "uuid": uuid, "generation": generation }))
                .collect();
            axum::Json(json!({ "resource_providers": members })).into_response()
        }
        (method, ["resource_providers", uuid, "aggregates"]) => {
            if site.broken.as_deref() == Some(*uuid) {
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            }
            let Some((generation, aggregates)) = site.providers.get_mut(*uuid) else {
                return (StatusCode::NOT_FOUND, axum::Json(not_found(uuid))).into_response();
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
            let answer =
                json!({ "aggregates": aggregates, "resource_provider_generation": generation });
            axum::Json(answer).into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}
