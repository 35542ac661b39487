//! [`Ground`]: the servers of a run, shared ones or its own, and the ways to them.

use nodewarden_tests::database::{Kind, Scratch};
use nodewarden_tests::deployment::broker;
use nodewarden_tests::engine::Engine;

/// What a scenario runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// The one that all tests share.
    Shared,
    /// One of its own: the script below `tests/servers`, members, settings.
    Own(&'static str, u16, &'static str),
}

pub struct Ground {
    /// First: it is dropped by way of the servers below.
    _scratch: Scratch,
    /// Every node's URL.
    pub brokers: Vec<String>,
    pub broker: Option<Engine>,
    /// A URL for each replica, in turn.
    databases: Vec<String>,
    pub database: Option<Engine>,
    /// Where the tables are read.
    pub looks: String,
    pub replicas: usize,
}

impl Ground {
    pub async fn new(broker_on: On, kind: Kind, database_on: On, replicas: usize) -> Self {
        let start = |on| match on {
            On::Shared => None,
            On::Own(script, members, settings) => Some(Engine::start(script, members, settings)),
        };
        let (broker_engine, database) = (start(broker_on), start(database_on));
        let brokers = match &broker_engine {
            None => vec![broker()],
            Some(engine) => (0..engine.members())
                .map(|number| engine.amqp(number))
                .collect(),
        };
        let scratch = match &database {
            None => Scratch::of(kind).await,
            // The first member is the one that dies.
            Some(engine) => Scratch::at(kind, Some(engine.mysql(engine.members() - 1))).await,
        };
        let looks = scratch.database.url.expose().to_owned();
        let databases = match &database {
            None => vec![looks.clone()],
            Some(engine) => {
                let name = looks.rsplit_once('/').expect("a database").1;
                let way = |number| {
                    let server = engine.mysql(number);
                    format!("{}/{name}", server.rsplit_once('/').expect("a database").0)
                };
                (0..engine.members()).map(way).collect()
            }
        };
        Self {
            brokers,
            broker: broker_engine,
            databases,
            database,
            looks,
            replicas,
            _scratch: scratch,
        }
    }

    /// The list of all nodes, a replica's own first.
    pub fn amqp(&self, replica: usize) -> String {
        let mut urls = self.brokers.clone();
        urls.rotate_left(replica % self.brokers.len());
        let words = |url: &String| {
            let url = url.trim_start_matches("amqp://");
            url.trim_end_matches("/%2f").to_owned()
        };
        let hosts: Vec<String> = urls.iter().map(words).collect();
        format!("amqp://{}/%2f", hosts.join(","))
    }

    pub fn database(&self, replica: usize) -> &str {
        &self.databases[replica % self.databases.len()]
    }
}
