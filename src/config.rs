//! Every setting: typed, validated, documented; secrets redacted.
//!
//! A TOML file (`--config`, `NODEWARDEN_CONFIG`), overridden by environment variables
//! `NODEWARDEN_<SECTION>__<KEY>`, overridden by flags. Unknown keys are errors. This is the only
//! module that reads the environment.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use figment::Figment;
use figment::providers::{Format, Serialized, Toml};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// All settings of nodewarden.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The message broker.
    pub amqp: Amqp,
    /// The database.
    pub database: Database,
    /// Where the nodes are.
    pub inventory: Inventory,
    /// The HTTP interface.
    pub http: Http,
    /// How it is decided.
    pub decide: Decide,
    /// How it is announced.
    pub publish: Publish,
    /// How long records are kept.
    pub retention: Retention,
    /// Who may say what.
    pub security: Security,
}

/// `[amqp]`: the message broker and the names in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Amqp {
    /// `amqp://user:password@host:port/vhost` (`%2f` is the default vhost), or `amqps://` for TLS.
    pub url: SecretUrl,
    /// The AMQP heartbeat: a peer silent for two of them is gone. The broker's own default of 60 s
    /// would block a fail-over that long.
    #[serde(with = "duration")]
    pub heartbeat: Duration,
    /// How long dialling, a handshake or an answer of the broker may take.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// Declare what is missing; `false`: only check, and say exactly what is missing.
    pub declare: bool,
    /// The exchange that conductors publish to.
    pub events_exchange: String,
    /// The queue with the single active consumer.
    pub events_queue: String,
    /// The exchange that schedulers subscribe to.
    pub nodes_exchange: String,
    /// The queue of refused messages.
    pub dead_letters_queue: String,
    /// Deliveries handled in one transaction at the most. Acknowledging 256 at once is about seven
    /// times as fast as one by one; more brings no more.
    pub batch: u16,
}

impl Default for Amqp {
    fn default() -> Self {
        Self {
            url: SecretUrl::new("amqp://guest:guest@127.0.0.1:5672/%2f"),
            heartbeat: Duration::from_secs(10),
            timeout: Duration::from_secs(10),
            declare: true,
            events_exchange: "conductor.events".into(),
            events_queue: "nodewarden.conductor-events".into(),
            nodes_exchange: "node.events".into(),
            dead_letters_queue: "nodewarden.dead-letters".into(),
            batch: 256,
        }
    }
}

/// `[database]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// `sqlite://PATH`: one file on a local disk of one host.
    pub url: SecretUrl,
    /// How long one transaction may stay open before the watchdog kills the process. A frozen
    /// process keeps the others out of an SQLite file for that long at the most.
    #[serde(with = "duration")]
    pub transaction_limit: Duration,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: SecretUrl::new("sqlite://nodewarden.db"),
            transaction_limit: Duration::from_secs(15),
        }
    }
}

/// `[inventory]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Inventory {
    /// Which table of nodes.
    pub kind: InventoryKind,
}

/// Which table of nodes is worked on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InventoryKind {
    /// Our own `nodes` table, filled by its users.
    #[default]
    Native,
    /// The `nodes` table of an OpenStack Ironic database.
    Ironic,
}

/// `[http]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Address and port; empty: no HTTP.
    pub listen: String,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8780".into(),
        }
    }
}

/// `[decide]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Decide {
    /// Whether decisions reach the nodes.
    pub mode: Mode,
    /// What becomes of nodes whose pair never had a conductor.
    pub unknown_driver: UnknownDriver,
    /// How long such a pair must have been unknown.
    #[serde(with = "duration")]
    pub unknown_driver_grace: Duration,
    /// After a takeover or a gap of our own, silence proves nothing for that long (or for the
    /// conductor's own time-out, if that is longer).
    #[serde(with = "duration")]
    pub reconnect_grace: Duration,
    /// How often every node is looked at, whatever happened.
    #[serde(with = "duration")]
    pub sweep_interval: Duration,
    /// The longest planned restart that is honoured.
    #[serde(with = "duration")]
    pub back_within_cap: Duration,
    /// Conductors gone that long are forgotten.
    #[serde(with = "duration")]
    pub forget_after: Duration,
    /// Nodes looked at in one transaction at the most.
    pub chunk_nodes: u32,
}

impl Default for Decide {
    fn default() -> Self {
        Self {
            mode: Mode::Enforce,
            unknown_driver: UnknownDriver::Report,
            unknown_driver_grace: Duration::from_secs(60),
            reconnect_grace: Duration::from_secs(60),
            sweep_interval: Duration::from_secs(60),
            back_within_cap: Duration::from_secs(15 * 60),
            forget_after: Duration::from_secs(14 * 24 * 3600),
            chunk_nodes: 5000,
        }
    }
}

/// Whether decisions reach the nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Nodes are taken out and put back.
    Enforce,
    /// Decisions are only recorded.
    Observe,
}

/// What becomes of nodes whose pair never had a conductor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownDriver {
    /// They are shown.
    Report,
    /// They are taken out after a grace.
    TakeOut,
}

/// `[publish]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Publish {
    /// Nodes in one announcement at the most, 1 to 5000.
    pub nodes_per_message: u32,
}

impl Default for Publish {
    fn default() -> Self {
        Self {
            nodes_per_message: 500,
        }
    }
}

/// `[retention]`: tables stay bounded.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// How long an event is remembered, so that its repeat changes nothing.
    #[serde(with = "duration")]
    pub events: Duration,
    /// How long an announcement is kept after it went out.
    #[serde(with = "duration")]
    pub announced: Duration,
    /// How long a completed decision is kept.
    #[serde(with = "duration")]
    pub decisions: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        Self {
            events: 7 * DAY,
            announced: 7 * DAY,
            decisions: 90 * DAY,
        }
    }
}

/// `[security]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Security {
    /// Broker user → patterns (`*` stands for any text) of the conductor names it may speak for.
    /// Without this map everybody may speak for everyone; with it a message must carry `user_id`.
    pub allowed_publishers: Option<BTreeMap<String, Vec<String>>>,
}

/// A URL that may hold a password: printed only without it.
#[derive(Clone)]
pub struct SecretUrl(SecretString);

impl SecretUrl {
    /// Keeps `url`.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self(SecretString::from(url))
    }

    /// The whole URL, password included: for the client library alone.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The URL without its user part and without its query, for people.
    #[must_use]
    pub fn redacted(&self) -> String {
        let url = self.expose();
        let Some((scheme, rest)) = url.split_once("://") else {
            return "(not a URL)".to_owned();
        };
        // The user part first: a password may hold any of the signs that end a path.
        let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        format!("{scheme}://{rest}")
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

impl Serialize for SecretUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }
}

impl<'de> Deserialize<'de> for SecretUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|url| Self::new(&url))
    }
}

mod duration {
    use super::{Deserialize, Deserializer, Duration, Serializer};

    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(*duration))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_duration(&text).map_err(|fault| {
            serde::de::Error::custom(format!(
                "{text:?} is not a duration such as 250ms, 10s or 5m: {fault}"
            ))
        })
    }
}

/// Why the settings cannot be used; says which one and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SettingsFault(pub String);

/// What the standard library reads the stack size of new threads from.
pub const STACK_VARIABLE: &str = "RUST_MIN_STACK";

/// Whether somebody chose that size already.
#[must_use]
pub fn has_stack_setting() -> bool {
    std::env::var_os(STACK_VARIABLE).is_some()
}

/// The settings file that the environment names, if it does.
#[must_use]
pub fn file_from_environment() -> Option<PathBuf> {
    std::env::var_os("NODEWARDEN_CONFIG").map(PathBuf::from)
}

impl Settings {
    /// Reads file, environment and `overrides` (`section.key`, value), in rising order of rank.
    ///
    /// # Errors
    /// [`SettingsFault`] names the file, variable or flag and what is wrong with it.
    pub fn load(
        file: Option<&Path>,
        overrides: &[(String, String)],
    ) -> Result<Self, SettingsFault> {
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        if let Some(file) = file {
            let text = std::fs::read_to_string(file).map_err(|fault| {
                SettingsFault(format!(
                    "cannot read settings file {}: {fault}",
                    file.display()
                ))
            })?;
            // Parsed alone first, so that a fault names the file.
            Figment::from(Serialized::defaults(Self::default()))
                .merge(Toml::string(&text))
                .extract::<Self>()
                .map_err(|fault| {
                    SettingsFault(format!("settings file {}: {fault}", file.display()))
                })?;
            figment = figment.merge(Toml::string(&text));
        }
        for (name, value) in std::env::vars() {
            let Some(path) = name
                .strip_prefix("NODEWARDEN_")
                .filter(|rest| rest.contains("__"))
            else {
                continue;
            };
            let path = path.to_ascii_lowercase().replace("__", ".");
            figment = Self::set(
                figment,
                &path,
                &value,
                &format!("environment variable {name}"),
            )?;
        }
        for (path, value) in overrides {
            figment = Self::set(figment, path, value, &format!("setting {path}"))?;
        }
        let settings: Self = figment
            .extract()
            .map_err(|fault| SettingsFault(format!("settings: {fault}")))?;
        settings.check()?;
        Ok(settings)
    }

    /// Merges one value given as text: a TOML value where it parses as one (numbers, booleans,
    /// lists, tables), a text otherwise.
    fn set(
        figment: Figment,
        path: &str,
        value: &str,
        origin: &str,
    ) -> Result<Figment, SettingsFault> {
        let quoted = toml_text(value);
        for candidate in [quoted.as_str(), value] {
            let merged = figment
                .clone()
                .merge(Toml::string(&format!("{path} = {candidate}")));
            if merged.extract::<Self>().is_ok() {
                return Ok(merged);
            }
        }
        let fault = figment
            .merge(Toml::string(&format!("{path} = {quoted}")))
            .extract::<Self>()
            .err()
            .map_or_else(String::new, |fault| fault.to_string());
        Err(SettingsFault(format!("{origin}: {fault}")))
    }

    /// Refuses settings that make no sense, with the reason.
    ///
    /// # Errors
    /// [`SettingsFault`] for the first one that does not.
    pub fn check(&self) -> Result<(), SettingsFault> {
        let refuse = |text: String| Err(SettingsFault(text));
        let seconds = Duration::from_secs;
        if !(seconds(1)..=seconds(60)).contains(&self.amqp.heartbeat) {
            return refuse("amqp.heartbeat must be 1s to 60s: shorter ends healthy sessions, longer blocks a fail-over".into());
        }
        if self.amqp.heartbeat.subsec_nanos() != 0 {
            return refuse(
                "amqp.heartbeat must be whole seconds: AMQP 0-9-1 carries no fractions".into(),
            );
        }
        if !(seconds(1)..=seconds(120)).contains(&self.amqp.timeout) {
            return refuse("amqp.timeout must be 1s to 120s".into());
        }
        if !(1..=2000).contains(&self.amqp.batch) {
            return refuse("amqp.batch must be 1 to 2000".into());
        }
        for (key, name) in [
            ("events_exchange", &self.amqp.events_exchange),
            ("events_queue", &self.amqp.events_queue),
            ("nodes_exchange", &self.amqp.nodes_exchange),
            ("dead_letters_queue", &self.amqp.dead_letters_queue),
        ] {
            if name.is_empty() || name.len() > 255 {
                return refuse(format!("amqp.{key} must be 1 to 255 bytes long"));
            }
        }
        if self.amqp.events_queue == self.amqp.dead_letters_queue {
            return refuse("amqp.dead_letters_queue must not be amqp.events_queue: a refused message would come back for ever".into());
        }
        if self.amqp.events_exchange == self.amqp.nodes_exchange {
            return refuse("amqp.nodes_exchange must not be amqp.events_exchange: conductors and schedulers need permissions of their own".into());
        }
        if !(1..=5000).contains(&self.publish.nodes_per_message) {
            return refuse("publish.nodes_per_message must be 1 to 5000".into());
        }
        if !(1..=100_000).contains(&self.decide.chunk_nodes) {
            return refuse("decide.chunk_nodes must be 1 to 100000: a chunk is one transaction and keeps its rows locked".into());
        }
        if self.decide.reconnect_grace < 2 * self.amqp.heartbeat {
            return refuse(format!(
                "decide.reconnect_grace ({}) must be at least two amqp.heartbeat ({}): conductors need that long to notice a dead broker and come back",
                humantime::format_duration(self.decide.reconnect_grace),
                humantime::format_duration(self.amqp.heartbeat),
            ));
        }
        if !(seconds(1)..=seconds(3600)).contains(&self.decide.sweep_interval) {
            return refuse("decide.sweep_interval must be 1s to 1h: it is how long a newly registered node of a lost driver stays unnoticed".into());
        }
        if self.decide.back_within_cap > seconds(24 * 3600) {
            return refuse("decide.back_within_cap must be at most 24h: that long nodes of a conductor that never returns stay in service".into());
        }
        if self.decide.forget_after < seconds(3600) {
            return refuse("decide.forget_after must be at least 1h".into());
        }
        if self.retention.events < seconds(3600) {
            return refuse("retention.events must be at least 1h: an event must be remembered as long as the broker can deliver it again".into());
        }
        if self.database.transaction_limit < seconds(5) {
            return refuse("database.transaction_limit must be at least 5s: a healthy but slow disk would be killed".into());
        }
        let scheme = self
            .database
            .url
            .expose()
            .split("://")
            .next()
            .unwrap_or_default()
            .to_owned();
        if scheme != "sqlite" {
            return refuse(format!(
                "database.url: this version supports sqlite://PATH, not {scheme}://"
            ));
        }
        if self.inventory.kind == InventoryKind::Ironic {
            return refuse("inventory.kind = \"ironic\" is not supported by this version".into());
        }
        if self.decide.mode == Mode::Observe {
            return refuse("decide.mode = \"observe\" is not supported by this version".into());
        }
        if self.decide.unknown_driver == UnknownDriver::TakeOut {
            return refuse(
                "decide.unknown_driver = \"take_out\" is not supported by this version".into(),
            );
        }
        Ok(())
    }
}

/// `value` as a TOML text.
fn toml_text(value: &str) -> String {
    let mut quoted = String::from("\"");
    for c in value.chars() {
        match c {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", c as u32)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
