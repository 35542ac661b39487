//! Settings that make no sense are refused, with the reason.

use std::time::Duration;

use super::database_url::{self, refuse};
use super::{Settings, SettingsFault};

const fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

const HOUR: Duration = seconds(3600);

/// The longest that anything is kept or waited for: the arithmetic of instants ends far behind it.
const TEN_YEARS: Duration = seconds(10 * 31_557_600);

impl Settings {
    /// Refuses settings that make no sense, with the reason.
    /// Errors: [`SettingsFault`] for the first one that does not.
    pub fn check(&self) -> Result<(), SettingsFault> {
        self.check_amqp()?;
        check_listen("http.listen", &self.http.listen)?;
        check_listen("bridge.listen", &self.bridge.listen)?;
        check_listen("placement.listen", &self.placement.listen)?;
        if !(1..=5000).contains(&self.publish.nodes_per_message) {
            return refuse("publish.nodes_per_message must be 1 to 5000");
        }
        if self.decide.max_conductors == 0 || self.decide.max_pairs == 0 {
            return refuse("decide.max_conductors and decide.max_pairs must be at least 1");
        }
        self.check_decide()?;
        self.check_retention()?;
        self.check_database()?;
        self.check_bridge()?;
        self.check_placement()
    }

    fn check_amqp(&self) -> Result<(), SettingsFault> {
        if !(seconds(1)..=seconds(60)).contains(&self.amqp.heartbeat) {
            return refuse(
                "amqp.heartbeat must be 1s to 60s: shorter ends healthy sessions, longer blocks a fail-over",
            );
        }
        if self.amqp.heartbeat.subsec_nanos() != 0 {
            return refuse("amqp.heartbeat must be whole seconds: AMQP 0-9-1 carries no fractions");
        }
        if !(seconds(1)..=seconds(120)).contains(&self.amqp.timeout) {
            return refuse("amqp.timeout must be 1s to 120s");
        }
        if !(1..=2000).contains(&self.amqp.batch) {
            return refuse("amqp.batch must be 1 to 2000");
        }
        for (key, name) in [
            ("events_exchange", &self.amqp.events_exchange),
            ("events_queue", &self.amqp.events_queue),
            ("nodes_exchange", &self.amqp.nodes_exchange),
            ("receipts_exchange", &self.amqp.receipts_exchange),
            ("dead_letters_queue", &self.amqp.dead_letters_queue),
        ] {
            if name.is_empty() || name.len() > 255 {
                return refuse(format!("amqp.{key} must be 1 to 255 bytes long"));
            }
            if key.ends_with("_queue") && name.starts_with("amq.") {
                return refuse(format!(
                    "amqp.{key} must not begin with amq.: RabbitMQ keeps such names for queues of its own"
                ));
            }
        }
        if self.amqp.events_queue == self.amqp.dead_letters_queue {
            return refuse(
                "amqp.dead_letters_queue must not be amqp.events_queue: a refused message would keep coming back",
            );
        }
        if self.amqp.events_exchange == self.amqp.nodes_exchange {
            return refuse(
                "amqp.nodes_exchange must not be amqp.events_exchange: conductors and schedulers need separate permissions",
            );
        }
        if [&self.amqp.events_exchange, &self.amqp.nodes_exchange]
            .contains(&&self.amqp.receipts_exchange)
        {
            return refuse(
                "amqp.receipts_exchange must be neither amqp.events_exchange nor amqp.nodes_exchange: what comes \
                 through it counts as receipts alone",
            );
        }
        Ok(())
    }

    fn check_decide(&self) -> Result<(), SettingsFault> {
        if !(1..=100_000).contains(&self.decide.chunk_nodes) {
            return refuse(
                "decide.chunk_nodes must be 1 to 100000: one transaction handles them and keeps their rows locked",
            );
        }
        if self.decide.reconnect_grace < 2 * self.amqp.heartbeat {
            return refuse(format!(
                "decide.reconnect_grace ({}) must be at least two amqp.heartbeat ({}): conductors need that long to notice a dead broker and come back",
                humantime::format_duration(self.decide.reconnect_grace),
                humantime::format_duration(self.amqp.heartbeat),
            ));
        }
        if self.decide.reconnect_grace > HOUR {
            return refuse(
                "decide.reconnect_grace must be at most 1h: after each takeover no silent conductor is found for that long",
            );
        }
        if !(seconds(1)..=HOUR).contains(&self.decide.sweep_interval) {
            return refuse(
                "decide.sweep_interval must be 1s to 1h: a newly registered node of a lost driver stays unnoticed for that long",
            );
        }
        if self.decide.back_within_cap > seconds(24 * 3600) {
            return refuse(
                "decide.back_within_cap must be at most 24h: nodes of a conductor that never returns stay in service for that long",
            );
        }
        if !(HOUR..=TEN_YEARS).contains(&self.decide.forget_after) {
            return refuse("decide.forget_after must be 1h to 10y");
        }
        if !(seconds(1)..=TEN_YEARS).contains(&self.decide.unknown_driver_grace) {
            return refuse("decide.unknown_driver_grace must be 1s to 10y");
        }
        Ok(())
    }

    fn check_retention(&self) -> Result<(), SettingsFault> {
        let retention = &self.retention;
        if !(HOUR..=TEN_YEARS).contains(&retention.events) {
            return refuse(
                "retention.events must be 1h to 10y: an event must be remembered as long as the broker can deliver it again",
            );
        }
        if !(seconds(1)..=TEN_YEARS).contains(&retention.announced) {
            return refuse(
                "retention.announced must be 1s to 10y: a subscriber that sends no receipt is forgotten after it",
            );
        }
        if !(seconds(1)..=TEN_YEARS).contains(&retention.decisions) {
            return refuse(
                "retention.decisions must be 1s to 10y: they say why nodes went out and came back",
            );
        }
        Ok(())
    }

    fn check_database(&self) -> Result<(), SettingsFault> {
        if !(seconds(5)..=seconds(600)).contains(&self.database.transaction_limit) {
            return refuse(
                "database.transaction_limit must be 5s to 10m: under it a slow disk would get a healthy process killed, \
                 above it a frozen one keeps all others out",
            );
        }
        database_url::check("database.url", &self.database.url)
    }

    fn check_placement(&self) -> Result<(), SettingsFault> {
        let placement = &self.placement;
        if !(seconds(1)..=seconds(3600)).contains(&placement.interval) {
            return refuse("placement.interval must be 1s to 1h");
        }
        if !(seconds(1)..=seconds(60)).contains(&placement.timeout) {
            return refuse("placement.timeout must be 1s to 60s");
        }
        if !(1..=256).contains(&placement.concurrent) {
            return refuse(
                "placement.concurrent must be 1 to 256: Placement answers Nova, too, and has few workers",
            );
        }
        let is_http = |url: &String| url.starts_with("http://") || url.starts_with("https://");
        if placement.snapshot_urls.is_empty() || !placement.snapshot_urls.iter().all(is_http) {
            return refuse(
                "placement.snapshot_urls must name at least one http:// or https:// address of a replica",
            );
        }
        // Each of these characters can begin or end a secret, and the URL is shown in the log and in /readyz.
        if placement
            .snapshot_urls
            .iter()
            .any(|url| url.contains(['@', '?', '#']))
        {
            return refuse(
                "placement.snapshot_urls must hold no user, password, query or fragment (no @, ? or #), since they would \
                 be shown in the log: write http://HOST:PORT, and let a proxy add what it needs",
            );
        }
        if placement.aggregate.trim().is_empty() {
            return refuse("placement.aggregate must name an aggregate");
        }
        let name = placement.subscriber.trim();
        if name.is_empty() || name.len() > 255 || name.contains(char::is_control) {
            return refuse(
                "placement.subscriber must be 1 to 255 bytes without control characters",
            );
        }
        Ok(())
    }

    fn check_bridge(&self) -> Result<(), SettingsFault> {
        let bridge = &self.bridge;
        if !(Duration::from_millis(200)..=seconds(60)).contains(&bridge.interval) {
            return refuse("bridge.interval must be 200ms to 60s");
        }
        if let Some(url) = &bridge.database_url {
            database_url::check("bridge.database_url", url)?;
        }
        let cap = self.decide.back_within_cap;
        if bridge.restart_grace > cap {
            return refuse(format!(
                "bridge.restart_grace ({}) must not be longer than decide.back_within_cap ({}), to which every \
                 replica cuts it",
                humantime::format_duration(bridge.restart_grace),
                humantime::format_duration(cap),
            ));
        }
        match bridge.heartbeat_timeout {
            Some(timeout) if timeout < 3 * bridge.interval => refuse(format!(
                "bridge.heartbeat_timeout ({}) must be at least three bridge.interval ({}), and not less than the \
                 heartbeat_timeout of Ironic's own [conductor] section",
                humantime::format_duration(timeout),
                humantime::format_duration(bridge.interval),
            )),
            _ => Ok(()),
        }
    }
}

/// Empty, or an address and a port.
fn check_listen(setting: &str, listen: &str) -> Result<(), SettingsFault> {
    let host_and_port = listen.rsplit_once(':');
    let good = host_and_port.is_some_and(|(host, port)| {
        let bracketed = host.starts_with('[') && host.ends_with(']');
        !host.is_empty()
            && (bracketed || !host.contains([':', '/', ' ']))
            && port.parse::<u16>().is_ok()
    });
    if listen.is_empty() || good {
        return Ok(());
    }
    refuse(format!(
        "{setting} must be an address and a port, such as 127.0.0.1:8780, 0.0.0.0:8780 or [::1]:8780, or empty"
    ))
}
