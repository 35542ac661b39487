//! One request to OpenStack: a token, an endpoint, a time limit.

use std::time::Duration;

use reqwest::{Method, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use super::answer::ApiFault;
use super::answer::{busy, chain, parsed, read};
use super::credentials::{Auth, Credentials, Login};
use crate::clock::SystemClock;
use crate::config::Placement;
use crate::domain::time::Mono;

/// Which service is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    Placement,
    /// Nova's own API.
    Compute,
}

impl Service {
    const fn catalog_type(self) -> &'static str {
        match self {
            Self::Placement => "placement",
            Self::Compute => "compute",
        }
    }

    /// The header that asks for a version of the API, and the version that we ask for.
    fn version(self) -> (&'static str, &'static str) {
        match self {
            // `member_of` with `in:`, generations with aggregates (1.19), and no more than we use.
            Self::Placement => ("openstack-api-version", "placement 1.19"),
            // Aggregates have a UUID since 2.41.
            Self::Compute => ("x-openstack-nova-api-version", "2.41"),
        }
    }
}

/// A request: service, method, path and body.
type Asked<'a> = (Service, Method, &'a str, Option<&'a Value>);

/// A login to OpenStack.
pub struct OpenStack {
    http: reqwest::Client,
    credentials: Credentials,
    clock: SystemClock,
    /// Keystone is asked for its catalog again no sooner than this after the last time.
    renewal: Duration,
    session: tokio::sync::RwLock<Option<Session>>,
}

/// What Keystone said.
#[derive(Debug, Clone)]
struct Session {
    token: String,
    catalog: Value,
    /// When it was last asked.
    asked: Mono,
}

impl OpenStack {
    /// Asks nothing yet. Errors: A sentence: the certificates of an authority cannot be read.
    pub fn new(
        credentials: Credentials,
        settings: &Placement,
        clock: SystemClock,
    ) -> Result<Self, String> {
        Ok(Self {
            http: client(settings.timeout, credentials.authorities.as_deref())?,
            credentials,
            clock,
            renewal: settings.interval,
            session: tokio::sync::RwLock::default(),
        })
    }

    /// Asks `service`; an empty answer is `Null`. A token that has ended is renewed once.
    pub async fn ask(
        &self,
        service: Service,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, ApiFault> {
        let what = format!("{method} {path}");
        let asked = (service, method, path, body);
        self.answer(asked, |bytes| parsed(&what, bytes)).await
    }

    /// Asks for something long, of which only what `T` names is kept.
    pub async fn ask_for<T: DeserializeOwned>(
        &self,
        service: Service,
        path: &str,
    ) -> Result<T, ApiFault> {
        let strange = |_| ApiFault::Strange(format!("GET {path}: the answer is not as expected"));
        let expected = |bytes: &[u8]| serde_json::from_slice(bytes).map_err(strange);
        self.answer((service, Method::GET, path, None), expected)
            .await
    }

    /// What `read` makes of the answer. If that is in doubt, the next request goes where the service is by then.
    async fn answer<T>(
        &self,
        asked: Asked<'_>,
        read: impl FnOnce(&[u8]) -> Result<T, ApiFault>,
    ) -> Result<T, ApiFault> {
        let answer = self.bytes(asked).await.and_then(|bytes| read(&bytes));
        if answer.as_ref().is_err_and(ApiFault::doubts_the_catalog) {
            self.renew().await;
        }
        answer
    }

    /// Logs in again, unless that was done a short while ago. The old session counts until there is a new one.
    async fn renew(&self) {
        if !self.is_keystone() {
            return;
        }
        let now = self.clock.mono();
        match self.session.write().await.as_mut() {
            Some(session) if now.since(session.asked) >= self.renewal => session.asked = now,
            Some(_) | None => return,
        }
        if let Ok(session) = self.log_in().await {
            *self.session.write().await = Some(session);
        }
    }

    async fn bytes(&self, asked: Asked<'_>) -> Result<Vec<u8>, ApiFault> {
        let session = self.session().await?;
        match self.send(&session, asked.clone()).await {
            // A right that is missing (403) is no matter of the token.
            Err(ApiFault::NotLoggedIn(_)) if self.is_keystone() => {
                self.forget(&session).await;
                let session = self.session().await?;
                self.send(&session, asked).await
            }
            done => done,
        }
    }

    fn is_keystone(&self) -> bool {
        matches!(self.credentials.login, Login::Keystone { .. })
    }

    /// Drops a token that was not taken, unless another task has a newer one already.
    async fn forget(&self, old: &Session) {
        let mut session = self.session.write().await;
        if session.as_ref().is_some_and(|now| now.token == old.token) {
            *session = None;
        }
    }

    async fn session(&self) -> Result<Session, ApiFault> {
        if let Some(session) = self.session.read().await.as_ref() {
            return Ok(session.clone());
        }
        let mut slot = self.session.write().await;
        if let Some(session) = slot.as_ref() {
            return Ok(session.clone());
        }
        let session = self.log_in().await?;
        Ok(slot.insert(session).clone())
    }

    async fn log_in(&self) -> Result<Session, ApiFault> {
        let (token, catalog) = match &self.credentials.login {
            Login::Fixed { token } => (token.clone(), Value::Null),
            Login::Keystone { url, auth } => self.ask_keystone(url, auth).await?,
        };
        let asked = self.clock.mono();
        Ok(Session {
            token,
            catalog,
            asked,
        })
    }

    /// A token, and the catalog.
    async fn ask_keystone(&self, url: &str, auth: &Auth) -> Result<(String, Value), ApiFault> {
        let url = url.trim_end_matches('/').trim_end_matches("/v3");
        let url = format!("{url}/v3/auth/tokens");
        let what = format!("log in at {url}");
        let request = self.http.post(&url).json(&auth.request());
        let response = request.send().await.map_err(|fault| busy(&what, &fault))?;
        let token = response.headers().get("x-subject-token");
        let token = token.and_then(|token| token.to_str().ok());
        let token = token.map(str::to_owned);
        let answer = parsed(&what, &read(&what, response).await?)?;
        let strange = || ApiFault::Strange(format!("{what}: the answer holds no token"));
        Ok((
            token.ok_or_else(strange)?,
            answer["token"]["catalog"].clone(),
        ))
    }

    async fn send(
        &self,
        session: &Session,
        (service, method, path, body): Asked<'_>,
    ) -> Result<Vec<u8>, ApiFault> {
        let url = format!("{}{path}", self.endpoint(session, service)?);
        let what = format!("{method} {url}");
        let url =
            Url::parse(&url).map_err(|fault| ApiFault::Strange(format!("{what}: {fault}")))?;
        let (header, version) = service.version();
        let mut request = self
            .http
            .request(method, url)
            .header("x-auth-token", &session.token)
            .header("accept", "application/json")
            .header(header, version);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|fault| busy(&what, &fault))?;
        read(&what, response).await
    }

    /// Where `service` is, without a slash at its end.
    fn endpoint(&self, session: &Session, service: Service) -> Result<String, ApiFault> {
        let credentials = &self.credentials;
        if service == Service::Placement
            && let Some(url) = &credentials.placement_endpoint
        {
            return Ok(url.trim_end_matches('/').to_owned());
        }
        let fits = |endpoint: &&Value| {
            let region = credentials.region.as_deref();
            endpoint["interface"] == credentials.interface.as_str()
                && (region.is_none()
                    || endpoint["region"].as_str() == region
                    || endpoint["region_id"].as_str() == region)
        };
        let kind = service.catalog_type();
        let services = session.catalog.as_array().into_iter().flatten();
        let url = services
            .filter(|entry| entry["type"] == kind)
            .filter_map(|entry| entry["endpoints"].as_array())
            .flatten()
            .find(fits)
            .and_then(|endpoint| endpoint["url"].as_str());
        let url = url.map(|url| url.trim_end_matches('/').to_owned());
        url.ok_or_else(|| {
            let region = credentials.region.iter();
            let region: String = region.map(|region| format!(", region {region}")).collect();
            let interface = &credentials.interface;
            let missing = format!("an endpoint of {kind} ({interface} interface{region})");
            ApiFault::NoEndpoint(missing)
        })
    }
}

/// A client that verifies certificates, follows no redirect with our token, and waits no longer than `limit` for a
/// whole answer. Errors: A sentence: the file of `authorities` cannot be read.
pub fn client(limit: Duration, authorities: Option<&str>) -> Result<reqwest::Client, String> {
    // Fails if it was done before, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .timeout(limit)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("nodewarden/", env!("CARGO_PKG_VERSION")));
    if let Some(file) = authorities {
        let pem = std::fs::read(file).map_err(|fault| format!("cacert {file}: {fault}"))?;
        let certificates = reqwest::Certificate::from_pem_bundle(&pem)
            .map_err(|fault| format!("cacert {file}: {}", chain(&fault)))?;
        for certificate in certificates {
            builder = builder.add_root_certificate(certificate);
        }
    }
    builder.build().map_err(|fault| chain(&fault))
}
