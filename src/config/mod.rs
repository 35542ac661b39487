//! Every setting: typed, validated, documented; secrets redacted.
//!
//! A TOML file (`--config`, `NODEWARDEN_CONFIG`), overridden by environment variables
//! `NODEWARDEN_<SECTION>__<KEY>`, overridden by flags. Unknown keys are errors. This is the only
//! module that reads the environment.

mod brokers;
mod check;
mod database_url;
mod duration;
mod environment;
mod fault;
mod load;
mod secret;
mod tls;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::words::words;
use serde::{Deserialize, Serialize};

pub use brokers::Brokers;
pub use environment::{STACK_VARIABLE, file_from_environment, has_stack_setting, openstack, user};
pub use secret::{SecretUrl, without_passwords};
pub use tls::tls_advice;

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
    /// The bridge to Ironic.
    pub bridge: Bridge,
    /// The subscriber for OpenStack's scheduler.
    pub placement: Placement,
}

/// `[amqp]`: the message broker and the names in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Amqp {
    /// `amqp://user:password@host:port/vhost` (`%2f` is the default vhost), or `amqps://` for TLS. Several
    /// brokers of a cluster: `amqp://u:p@h1:5672,u:p@h2:5672/vhost`, or a list of URLs; tried in order.
    pub url: Brokers,
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
    /// The exchange that subscribers publish their receipts to.
    pub receipts_exchange: String,
    /// The queue of refused messages.
    pub dead_letters_queue: String,
    /// At most so many deliveries are handled in one transaction. Acknowledging 256 at once is about seven
    /// times as fast as one by one; more brings no more.
    pub batch: u16,
}

impl Default for Amqp {
    fn default() -> Self {
        Self {
            url: Brokers::new("amqp://guest:guest@127.0.0.1:5672/%2f"),
            heartbeat: Duration::from_secs(10),
            timeout: Duration::from_secs(10),
            declare: true,
            events_exchange: "conductor.events".into(),
            events_queue: "nodewarden.conductor-events".into(),
            nodes_exchange: "node.events".into(),
            receipts_exchange: "scheduler.receipts".into(),
            dead_letters_queue: "nodewarden.dead-letters".into(),
            batch: 256,
        }
    }
}

/// `[database]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// `sqlite://PATH`: one file on a local disk of one host; `postgres://…`, `mysql://…`, with several
    /// hosts tried in order (`u:p@h1:5432,h2:5432/db`): the first that takes writes.
    pub url: SecretUrl,
    /// How long one transaction may stay open before the watchdog kills the process. A frozen
    /// process keeps the others out of an SQLite file for at most that long.
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
    /// `ironic`: further revisions of its schema that the operator answers for.
    pub ironic_revisions: Vec<String>,
}

impl From<InventoryKind> for Inventory {
    fn from(kind: InventoryKind) -> Self {
        Self {
            kind,
            ..Self::default()
        }
    }
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
    /// At most so many nodes are looked at in one transaction.
    pub chunk_nodes: u32,
    /// Above so many known conductors, new ones are refused.
    pub max_conductors: usize,
    /// Above so many known pairs, new ones are refused.
    pub max_pairs: usize,
}

impl Decide {
    /// A replica that decides commits more often than this, even if nothing happens: at each sweep, of which one may be
    /// late.
    #[must_use]
    pub fn commits_within(&self) -> Duration {
        self.sweep_interval * 2 + Duration::from_secs(10)
    }
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
            chunk_nodes: 20_000,
            // Ten times the largest fleets known, and far from what memory bears.
            max_conductors: 10_000,
            max_pairs: 100_000,
        }
    }
}

words! {
    /// Whether decisions reach the nodes.
    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    Mode, "a mode" {
        /// Nodes are taken out and put back.
        Enforce = "enforce",
        /// Decisions are only recorded.
        Observe = "observe",
    }
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
    /// At most so many nodes in one announcement, 1 to 5000.
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
    /// Without this map any login may speak for every conductor; with it a message must carry `user_id`.
    pub allowed_publishers: Option<BTreeMap<String, Vec<String>>>,
}

/// `[bridge]`: `nodewarden bridge ironic`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bridge {
    /// Ironic's database; not set: that of `database.url`.
    pub database_url: Option<SecretUrl>,
    /// How often it is looked at.
    #[serde(with = "duration")]
    pub interval: Duration,
    /// How long a conductor's `updated_at` must stand still; must be set for the bridge.
    #[serde(with = "duration::optional")]
    pub heartbeat_timeout: Option<Duration>,
    /// How long a conductor that stopped by itself is expected back; zero: not at all.
    #[serde(with = "duration")]
    pub restart_grace: Duration,
    /// Address and port for the bridge's own HTTP; empty: none.
    pub listen: String,
}

impl Default for Bridge {
    fn default() -> Self {
        Self {
            database_url: None,
            interval: Duration::from_secs(2),
            heartbeat_timeout: None,
            restart_grace: Duration::ZERO,
            listen: String::new(),
        }
    }
}

/// `[placement]`: `nodewarden placement`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Placement {
    /// The HTTP interfaces of replicas, asked for a snapshot in this order.
    pub snapshot_urls: Vec<String>,
    /// The aggregate whose members are kept: its name, or its UUID where Nova does not show it to us.
    pub aggregate: String,
    /// Whether each node is kept in an aggregate of its pair, too, so that one call to Nova takes out all of
    /// them.
    pub pair_aggregates: bool,
    /// What it calls itself in its receipts; replicas share one name.
    pub subscriber: String,
    /// Which cloud of `clouds.yaml`; not set: `OS_CLOUD`, or the other variables `OS_…`.
    pub cloud: Option<String>,
    /// How often all members are compared.
    #[serde(with = "duration")]
    pub interval: Duration,
    /// How long a whole answer of OpenStack may take.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// At most so many nodes are looked at side by side.
    pub concurrent: usize,
    /// Address and port for its own HTTP; empty: none.
    pub listen: String,
}

impl Default for Placement {
    fn default() -> Self {
        Self {
            snapshot_urls: vec!["http://127.0.0.1:8780".into()],
            aggregate: "nodewarden".into(),
            pair_aggregates: false,
            subscriber: "placement".into(),
            cloud: None,
            interval: Duration::from_secs(60),
            timeout: Duration::from_secs(10),
            concurrent: 16,
            listen: String::new(),
        }
    }
}

impl Settings {
    /// The database that the bridge looks at.
    #[must_use]
    pub fn bridge_database(&self) -> Database {
        let url = self.bridge.database_url.as_ref();
        Database {
            url: url.unwrap_or(&self.database.url).clone(),
            ..self.database.clone()
        }
    }

    /// The time-out that the bridge goes by.
    /// Errors: [`SettingsFault`]: it is not set, and only the operator knows it.
    pub fn bridge_timeout(&self) -> Result<Duration, SettingsFault> {
        self.bridge.heartbeat_timeout.ok_or_else(|| {
            SettingsFault::Refused(
                "bridge.heartbeat_timeout is not set: give it at least the heartbeat_timeout of Ironic's own \
                 [conductor] section (60s unless changed there); with less, conductors that Ironic still counts on \
                 are lost"
                    .into(),
            )
        })
    }
}

/// Why the settings cannot be used; says which one and what to do.
#[derive(Debug, thiserror::Error)]
pub enum SettingsFault {
    /// The file cannot be read.
    #[error("cannot read settings file {}: {source}", file.display())]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file, a variable or a flag holds something that no setting can be.
    #[error("{origin}: {why}")]
    Malformed {
        /// Which file, variable or flag.
        origin: String,
        /// Why, without the value where it may be secret.
        why: String,
    },
    /// A value is out of its bounds, does not fit another one, or is missing.
    #[error("{0}")]
    Refused(String),
}

impl SettingsFault {
    fn malformed(origin: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Malformed {
            origin: origin.into(),
            why: why.into(),
        }
    }

    fn of_variable(name: &str, why: impl Into<String>) -> Self {
        Self::malformed(format!("environment variable {name}"), why)
    }
}
