//! [`Fleet`]: a deployment with nodes of two drivers, one of which goes away, and `placement` beside it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use crate::deployment::{Deployment, Other, Replica, eventually, free_port, get};

/// How `placement` logs in to an OpenStack.
pub struct Cloud {
    /// Keystone's URL.
    pub auth_url: String,
    pub username: &'static str,
    pub password: &'static str,
    pub region: &'static str,
    /// The aggregate's name or UUID.
    pub aggregate: String,
    /// The certificate of an authority to trust besides the system's.
    pub authority: Option<PathBuf>,
}

/// `lost` nodes on drivers that go away, and `kept` ones on another.
pub struct Fleet {
    /// Ends before the folder that holds its log.
    pub replica: Replica,
    pub deployment: Deployment,
    pub lost: BTreeSet<String>,
    pub kept: BTreeSet<String>,
    folder: tempfile::TempDir,
    incarnation: std::cell::Cell<u64>,
    drivers: Vec<String>,
}

/// Waits until this `placement` has compared everything as it is by now: the second comparison that ends
/// began later than this.
pub fn compared(port: u16) {
    let age = || {
        let metrics = get(port, "/metrics")?.1;
        let name = "nodewarden_placement_compared_age_seconds ";
        let age = metrics.lines().find_map(|line| line.strip_prefix(name))?;
        age.parse::<f64>().ok()
    };
    let (mut before, mut ended) = (f64::INFINITY, 0);
    eventually("two comparisons", || {
        let now = age()?;
        ended += u8::from(now < before && before.is_finite());
        before = now;
        (ended == 2).then_some(())
    });
}

/// UUIDs that no other fleet has.
fn uuids(count: usize) -> BTreeSet<String> {
    let new = || uuid::Uuid::new_v4().to_string();
    std::iter::repeat_with(new).take(count).collect()
}

impl Fleet {
    /// Its conductors have joined, and a replica decides.
    pub fn start(lost: usize, kept: usize) -> Self {
        Self::with_drivers(vec!["ipmi".into()], lost, kept)
    }

    /// The same, with the lost nodes dealt out to these drivers.
    pub fn with_drivers(drivers: Vec<String>, lost: usize, kept: usize) -> Self {
        let deployment = Deployment::default();
        let folder = tempfile::tempdir().expect("a folder");
        let (lost, kept) = (uuids(lost), uuids(kept));
        let rows = lost.iter().zip(drivers.iter().cycle());
        let rows = rows.map(|(uuid, driver)| format!("{uuid},{driver}\n"));
        let rows = rows.chain(kept.iter().map(|uuid| format!("{uuid},redfish\n")));
        let file = folder.path().join("nodes.csv");
        let csv = format!("uuid,driver\n{}", rows.collect::<String>());
        std::fs::write(&file, csv).expect("a file");
        deployment.run(&["migrate"]);
        deployment.run(&["nodes", "import", file.to_str().expect("a path")]);
        let replica = deployment.replica(&["decide.sweep_interval=1s"]);
        let fleet = Self {
            deployment,
            replica,
            lost,
            kept,
            folder,
            incarnation: 0.into(),
            drivers,
        };
        fleet.bring_back();
        fleet.emit(&["joined", "c2", "--incarnation", "1", "--driver", "redfish"]);
        fleet
    }

    fn emit(&self, words: &[&str]) {
        self.deployment.run(&[&["emit"], words].concat());
    }

    /// The last conductor of the lost nodes' driver leaves.
    pub fn lose(&self) {
        let incarnation = self.incarnation.get().to_string();
        self.emit(&["left", "c1", "--incarnation", &incarnation]);
    }

    /// It returns, or comes.
    pub fn bring_back(&self) {
        self.incarnation.set(self.incarnation.get() + 1);
        let incarnation = self.incarnation.get().to_string();
        let mut words = vec!["joined", "c1", "--incarnation", &incarnation];
        words.extend(self.drivers.iter().flat_map(|driver| ["--driver", driver]));
        self.emit(&words);
    }

    /// Every node.
    pub fn all(&self) -> Vec<String> {
        self.lost.union(&self.kept).cloned().collect()
    }

    /// Waits until conductor c1 is heard to the last, these nodes are out of service and no others, and every
    /// subscriber has carried that out.
    pub fn carried_out(&self, out: &BTreeSet<String>) {
        eventually("all of it is carried out", || {
            let conductors = self.deployment.ask(&["status"])["conductors"].clone();
            let is_c1 = |one: &&serde_json::Value| one["conductor"] == "c1";
            let c1 = conductors.as_array()?.iter().find(is_c1)?;
            let state = if out.is_empty() { "active" } else { "left" };
            if c1["incarnation"] != self.incarnation.get() || c1["state"] != state {
                return None;
            }
            let (_, snapshot) = self.replica.http_get("/v1/snapshot");
            let nodes = snapshot["nodes"].as_array()?.iter();
            let nodes = nodes.filter_map(|node| Some(node["uuid"].as_str()?.to_owned()));
            let all_is_applied = |(_, _, behind): &(String, u64, u64)| *behind == 0;
            let is_out = nodes.collect::<BTreeSet<_>>() == *out;
            let all = self.subscribers();
            (is_out && !all.is_empty() && all.iter().all(all_is_applied)).then_some(())
        });
    }

    /// How far subscribers are, as `status` tells: name, last change applied, changes behind.
    pub fn subscribers(&self) -> Vec<(String, u64, u64)> {
        let status = self.deployment.ask(&["status"]);
        let all = status["subscribers"].as_array().expect("a list").iter();
        all.map(|one| {
            let number = |field: &str| one[field].as_u64().expect("a number");
            let name = one["subscriber"].as_str().expect("a name").to_owned();
            (name, number("seq"), number("behind"))
        })
        .collect()
    }

    /// A command with the login of `cloud` in its surroundings. The first address for snapshots leads
    /// nowhere.
    pub fn command(&self, cloud: &Cloud, words: &[&str]) -> Command {
        let file = self.folder.path().join("clouds.yaml");
        let Cloud {
            auth_url,
            username,
            password,
            region,
            aggregate,
            authority,
        } = cloud;
        let trusted = authority.as_ref().map_or_else(String::new, |file| {
            format!("cacert: '{}', ", file.display())
        });
        let text = format!(
            "clouds: {{site: {{{trusted}region_name: {region}, interface: internal, auth: {{auth_url: '{auth_url}', \
             username: {username}, password: {password}, project_name: service}}}}}}"
        );
        std::fs::write(&file, text).expect("a file");
        let urls = format!(
            "placement.snapshot_urls=[\"http://127.0.0.1:9\", \"{}\"]",
            self.replica.url()
        );
        let aggregate = format!("placement.aggregate={aggregate}");
        let settings = [
            urls.as_str(),
            &aggregate,
            "placement.interval=1s",
            "placement.cloud=site",
        ];
        let mut command = self.deployment.command(&settings, words);
        command.env("OS_CLIENT_CONFIG_FILE", file);
        command
    }

    /// Starts `placement`; returns once it is ready, with the port of its HTTP.
    pub fn service(&self, cloud: &Cloud) -> (Other, u16) {
        self.service_with(cloud, &[])
    }

    /// The same with further settings.
    pub fn service_with(&self, cloud: &Cloud, settings: &[&str]) -> (Other, u16) {
        let (service, port) = self.unready_service(cloud, settings);
        eventually("placement is ready", || {
            get(port, "/readyz").filter(|(status, _)| *status == 200)
        });
        (service, port)
    }

    /// The same, which may have something to complain of.
    pub fn unready_service(&self, cloud: &Cloud, settings: &[&str]) -> (Other, u16) {
        let port = free_port();
        let listen = format!("127.0.0.1:{port}");
        let mut command = self.command(cloud, &["placement", "--listen", &listen]);
        for setting in settings {
            command.args(["--set", setting]);
        }
        let service = Other::start("placement", &mut command);
        eventually("placement answers", || get(port, "/readyz"));
        (service, port)
    }
}
