//! [`Scenario`]: which servers, and which faults.

use nodewarden_tests::database::Kind;

use crate::faults::Fault;
use crate::ground::On;

pub struct Scenario {
    pub name: &'static str,
    /// Of the engine that the faults are about, for people.
    pub engine: &'static str,
    pub broker: On,
    pub kind: Kind,
    pub database: On,
    pub replicas: usize,
    /// Each replica reaches its servers through proxies.
    pub proxied: bool,
    pub faults: &'static [Fault],
    /// Settings beside those of all runs.
    pub more: &'static [&'static str],
}

const AS_SHIPPED: &str = include_str!("../../deploy/rabbitmq/rabbitmq.conf");
const AS_SHIPPED_FOR_4: &str = concat!(
    include_str!("../../deploy/rabbitmq/rabbitmq.conf"),
    include_str!("../../deploy/rabbitmq/rabbitmq-4.3.conf")
);

/// Of the broker that takes a consumer for stuck that soon.
pub const CONSUMER_TIMEOUT: &str = "consumer_timeout = 4000\n";

/// A primary that waits for its standby with each commit.
const SYNCHRONOUS: &str = "synchronous_standby_names = '*'\n";

pub const ALL: &[Scenario] = &[
    Scenario {
        name: "replicas",
        engine: "RabbitMQ 3.10, PostgreSQL",
        broker: On::Shared,
        kind: Kind::Postgres,
        database: On::Shared,
        replicas: 3,
        proxied: false,
        faults: &[Fault::KillReplica, Fault::FreezeReplica],
        more: &[],
    },
    Scenario {
        name: "file",
        engine: "RabbitMQ 3.10, SQLite",
        broker: On::Shared,
        kind: Kind::Sqlite,
        database: On::Shared,
        replicas: 2,
        proxied: false,
        faults: &[Fault::KillReplica, Fault::FreezeReplica],
        more: &[],
    },
    Scenario {
        name: "topology",
        engine: "RabbitMQ 3.10, PostgreSQL",
        broker: On::Shared,
        kind: Kind::Postgres,
        database: On::Shared,
        replicas: 2,
        proxied: false,
        faults: &[Fault::DeleteQueue, Fault::Unbind, Fault::DeleteExchange],
        more: &[],
    },
    Scenario {
        name: "broker",
        engine: "RabbitMQ 3.10, PostgreSQL",
        broker: On::Own("rabbitmq", 1, ""),
        kind: Kind::Postgres,
        database: On::Shared,
        replicas: 2,
        proxied: false,
        faults: &[
            Fault::Alarm,
            Fault::Policy,
            Fault::KillBrokers,
            Fault::FreezeBroker,
        ],
        more: &[],
    },
    Scenario {
        name: "brokers",
        engine: "RabbitMQ 3.10, three nodes",
        broker: On::Own("rabbitmq", 3, AS_SHIPPED),
        kind: Kind::Postgres,
        database: On::Shared,
        replicas: 3,
        proxied: false,
        faults: &[
            Fault::KillLeader,
            Fault::KillEach,
            Fault::KillBrokers,
            Fault::FreezeBroker,
        ],
        more: &[],
    },
    Scenario {
        name: "brokers-4",
        engine: "RabbitMQ 4.3, three nodes",
        broker: On::Own("rabbitmq-4", 3, AS_SHIPPED_FOR_4),
        kind: Kind::Postgres,
        database: On::Shared,
        replicas: 3,
        proxied: false,
        faults: &[Fault::KillLeader, Fault::KillEach, Fault::FreezeBroker],
        more: &[],
    },
    // In a network of its own: see tests/prove.
    Scenario {
        name: "partition",
        engine: "RabbitMQ 3.10, three nodes, SQLite",
        broker: On::Own("rabbitmq", 3, AS_SHIPPED),
        kind: Kind::Sqlite,
        database: On::Shared,
        replicas: 3,
        proxied: false,
        faults: &[Fault::Partition],
        more: &[],
    },
    Scenario {
        name: "galera",
        engine: "Galera, three nodes",
        broker: On::Shared,
        kind: Kind::MySql,
        database: On::Own("galera", 3, ""),
        replicas: 3,
        proxied: false,
        faults: &[
            Fault::WriteElsewhere,
            Fault::FreezeDatabase,
            Fault::LagDatabase,
            Fault::KillReplica,
        ],
        more: &[],
    },
    Scenario {
        name: "galera-loss",
        engine: "Galera, three nodes",
        broker: On::Shared,
        kind: Kind::MySql,
        database: On::Own("galera", 3, ""),
        replicas: 3,
        proxied: false,
        faults: &[
            Fault::WriteElsewhere,
            Fault::BuryDatabase,
            Fault::KillReplica,
        ],
        more: &[],
    },
    Scenario {
        name: "mysql",
        engine: "MySQL 9",
        broker: On::Shared,
        kind: Kind::MySql,
        database: On::Own("mysql", 1, ""),
        replicas: 2,
        proxied: false,
        faults: &[
            Fault::KillDatabase,
            Fault::FreezeDatabase,
            Fault::KillReplica,
        ],
        more: &[],
    },
    Scenario {
        name: "wires",
        engine: "RabbitMQ 3.10, PostgreSQL, proxies",
        broker: On::Shared,
        kind: Kind::Postgres,
        database: On::Shared,
        replicas: 2,
        proxied: true,
        faults: &[
            Fault::BrokerWire,
            Fault::DatabaseWire,
            Fault::CommitWire,
            Fault::SlowFreeze,
        ],
        more: &[],
    },
    Scenario {
        name: "wires-mysql",
        engine: "RabbitMQ 3.10, MariaDB, proxies",
        broker: On::Shared,
        kind: Kind::MySql,
        database: On::Shared,
        replicas: 2,
        proxied: true,
        faults: &[
            Fault::BrokerWire,
            Fault::DatabaseWire,
            Fault::CommitWire,
            Fault::SlowFreeze,
        ],
        more: &[],
    },
    Scenario {
        name: "stalls-4",
        engine: "RabbitMQ 4.3, consumer time-out of 4 s",
        broker: On::Own("rabbitmq-4", 1, CONSUMER_TIMEOUT),
        kind: Kind::MySql,
        database: On::Own("mariadb", 1, ""),
        replicas: 2,
        proxied: false,
        faults: &[Fault::StallDatabase],
        // So that no replica ends by itself sooner.
        more: &["database.transaction_limit=60s"],
    },
    Scenario {
        name: "standby",
        engine: "PostgreSQL, synchronous standby",
        broker: On::Shared,
        kind: Kind::Postgres,
        database: On::Own("postgres", 2, SYNCHRONOUS),
        replicas: 2,
        proxied: false,
        faults: &[Fault::Promote, Fault::KillReplica],
        more: &[],
    },
    Scenario {
        name: "standby-behind",
        engine: "PostgreSQL, asynchronous standby",
        broker: On::Shared,
        kind: Kind::Postgres,
        database: On::Own("postgres", 2, ""),
        replicas: 2,
        proxied: false,
        faults: &[Fault::PromoteBehind, Fault::KillReplica],
        more: &[],
    },
];
