//! [`Ground`]: the servers of a run, shared ones or its own, and the ways to them.

use nodewarden_tests::database::{Kind, Scratch};
use nodewarden_tests::deployment::broker;
use nodewarden_tests::engine::Engine;
use nodewarden_tests::proxy::Proxy;

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
    /// Of each replica, if the scenario has them: before the broker, and before the database.
    pub proxies: Vec<(Proxy, Proxy)>,
    /// The one address of a PostgreSQL with a standby; everybody goes by it.
    pub front: Option<Proxy>,
}

/// The port of the one host in a URL.
fn port(url: &str) -> u16 {
    let (_, rest) = url.rsplit_once(':').expect("a port");
    let digits = rest.split('/').next().expect("a port");
    digits.parse().expect("a port")
}

/// The same by way of a proxy.
fn through(url: &str, proxy: &Proxy) -> String {
    url.replace(&format!(":{}/", port(url)), &format!(":{}/", proxy.port))
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
        let server = |engine: &Engine, number| match kind {
            Kind::Postgres => engine.postgres(number),
            Kind::Sqlite | Kind::MySql => engine.mysql(number),
        };
        let mut front = None;
        let scratch = match &database {
            None => Scratch::of(kind).await,
            Some(engine) if kind == Kind::Postgres => {
                let address = Proxy::before(engine.port(0)).await;
                let url = through(&server(engine, 0), &address);
                front = Some(address);
                Scratch::at(kind, Some(url)).await
            }
            // The first member is the one that dies.
            Some(engine) => Scratch::at(kind, Some(server(engine, engine.members() - 1))).await,
        };
        let looks = scratch.database.url.expose().to_owned();
        let databases = match &database {
            Some(engine) if front.is_none() => {
                let name = looks.rsplit_once('/').expect("a database").1;
                let way = |number| {
                    let url = server(engine, number);
                    format!("{}/{name}", url.rsplit_once('/').expect("a database").0)
                };
                (0..engine.members()).map(way).collect()
            }
            _ => vec![looks.clone()],
        };
        Self {
            brokers,
            broker: broker_engine,
            databases,
            database,
            looks,
            replicas,
            proxies: Vec::new(),
            front,
            _scratch: scratch,
        }
    }

    /// Puts two proxies before each replica. For one broker and one database.
    pub async fn proxied(mut self) -> Self {
        for _ in 0..self.replicas {
            let broker = Proxy::before(port(&self.brokers[0])).await;
            let database = Proxy::before(port(&self.databases[0])).await;
            self.proxies.push((broker, database));
        }
        self
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
        let url = format!("amqp://{}/%2f", hosts.join(","));
        match self.proxies.get(replica) {
            Some((proxy, _)) => through(&url, proxy),
            None => url,
        }
    }

    pub fn database(&self, replica: usize) -> String {
        let url = &self.databases[replica % self.databases.len()];
        match self.proxies.get(replica) {
            // The proxy has to read what is said.
            Some((_, proxy)) if url.starts_with("postgres") => {
                through(url, proxy) + "?sslmode=disable"
            }
            Some((_, proxy)) => through(url, proxy) + "?ssl-mode=DISABLED",
            None => url.clone(),
        }
    }
}
