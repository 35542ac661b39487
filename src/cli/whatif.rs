//! `nodewarden whatif`: what would be lost without some conductors, and how to restart all of them
//! without losing anything. Only looks.

use std::collections::BTreeSet;

use clap::builder::NonEmptyStringValueParser;
use serde_json::{Value, json};

use super::picture::shown;
use super::{Failure, Output, output, patience, reader};
use crate::answers::explain::counted;
use crate::answers::whatif;
use crate::clock::{millis, now_ms};
use crate::config::{InventoryKind, Settings};
use crate::domain::ids::{ConductorName, Pair};
use crate::domain::map::DriverMap;
use crate::domain::time::{Mono, Now};
use crate::domain::whatif::{Restarts, lost_without, restarts};
use crate::store::DriverView;
use crate::telemetry::{printable, printable_within};

/// Say what would be lost without some conductors, or how to restart all of them without a loss.
///
/// Looks at what is recorded now and decides by the same rule as the worker. Nothing is changed and
/// nothing announced.
///
/// Examples: `nodewarden whatif --without c1,c2`, `nodewarden whatif --restart-order`
#[derive(Debug, Default, clap::Args)]
#[group(required = true, multiple = false)]
pub struct WhatIf {
    /// Which pairs would be lost, and how many nodes with them, if all of these conductors were gone.
    #[arg(long, value_name = "CONDUCTORS", value_delimiter = ',', value_parser = NonEmptyStringValueParser::new())]
    pub without: Vec<String>,
    /// An order in which all conductors can be restarted with no pair lost at any moment; and those that
    /// no order helps.
    #[arg(long)]
    pub restart_order: bool,
}

/// What is said of the numbers where nodes are Ironic's.
const OF_IRONIC: &str = "NODES counts all nodes in service. Of these, only the nodes that Ironic has free would go out: \
                         those that are available and have no instance, no reservation and no maintenance.";

/// What is recorded.
struct Fleet {
    map: DriverMap,
    drivers: Vec<DriverView>,
    inventory: InventoryKind,
}

impl WhatIf {
    /// Prints the answer.
    pub async fn run(self, settings: &Settings, output: Output) -> Result<(), Failure> {
        let answer = self.answer(settings, output).await?;
        Ok(output::line(&answer)?)
    }

    /// Does it; the text to print.
    pub async fn answer(&self, settings: &Settings, output: Output) -> Result<String, Failure> {
        let reader = reader(settings)?;
        let conductors = patience(settings, async || reader.conductors().await).await?;
        let drivers = patience(settings, async || reader.drivers().await).await?;
        let map = whatif::map(&conductors, &drivers)
            .map_err(|fault| Failure::failed(format!("what is recorded is no name: {fault}")))?;
        let fleet = Fleet {
            map,
            drivers,
            inventory: settings.inventory.kind,
        };
        let now = Now {
            wall_ms: now_ms(),
            mono: Mono::default(),
        };
        if self.restart_order {
            let restarts = restarts(&fleet.map, now);
            return Ok(fleet.order(&restarts, settings, output));
        }
        let names = fleet.names(&self.without)?;
        let lost = lost_without(&fleet.map, &names, now);
        Ok(fleet.lost(&names, &lost, output))
    }
}

impl Fleet {
    fn names(&self, names: &[String]) -> Result<Vec<ConductorName>, Failure> {
        let mut known = Vec::new();
        for text in names {
            let name = ConductorName::parse(text.trim()).map_err(|fault| {
                Failure::usage(format!("--without: a conductor's name {fault}"))
            })?;
            if self.map.conductor(&name).is_none() {
                return Err(Failure::failed(format!(
                    "no conductor {} is known; `nodewarden status` lists those that are",
                    printable(text)
                )));
            }
            if !known.contains(&name) {
                known.push(name);
            }
        }
        Ok(known)
    }

    /// The nodes of a pair that would go out with it; of an Ironic's, those of them that are free then.
    fn nodes(&self, pair: &Pair) -> u64 {
        let found = self.drivers.iter().find(|view| {
            view.driver == pair.driver.as_str() && view.conductor_group == pair.group.as_str()
        });
        found.map_or(0, |view| view.nodes_in_service)
    }

    fn object(&self, pair: &Pair) -> Value {
        let mut object = json!({
            "conductor_group": pair.group.as_str(),
            "driver": pair.driver.as_str(),
            "nodes": self.nodes(pair),
        });
        if self.inventory == InventoryKind::Ironic {
            object["at_most"] = json!(true);
        }
        object
    }

    fn lost(&self, names: &[ConductorName], lost: &BTreeSet<Pair>, output: Output) -> String {
        let nodes: u64 = lost.iter().map(|pair| self.nodes(pair)).sum();
        let objects: Value = lost.iter().map(|pair| self.object(pair)).collect();
        let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        match output {
            Output::Json => {
                return output::json(&json!({ "without": names, "lost": objects, "nodes": nodes }));
            }
            Output::Tsv => return output::tsv(&["conductor_group", "driver", "nodes"], &objects),
            Output::Text => {}
        }
        let without = printable_within(&names.join(", "), usize::MAX);
        if lost.is_empty() {
            return format!("Without {without}, no pair would be lost.");
        }
        let head = format!(
            "Without {without}, {} would be lost, and {}{} with {}:",
            counted(lost.len() as u64, "pair", "pairs"),
            self.at_most(),
            counted(nodes, "node", "nodes"),
            if lost.len() == 1 { "it" } else { "them" }
        );
        let rows = lost.iter().map(|pair| self.cells(pair));
        let table = output::table(&["DRIVER", "GROUP", "NODES"], rows);
        let text = format!("{}\n\n{}", output::wrapped(&head, 0), table.trim_end());
        text + &self.of_ironic()
    }

    /// Which of Ironic's nodes are free is seen only when they are taken.
    fn at_most(&self) -> &'static str {
        match self.inventory {
            InventoryKind::Native => "",
            InventoryKind::Ironic => "at most ",
        }
    }

    /// What the numbers of nodes count, where that is not what would go out.
    fn of_ironic(&self) -> String {
        match self.inventory {
            InventoryKind::Native => String::new(),
            InventoryKind::Ironic => format!("\n\n{}", output::wrapped(OF_IRONIC, 0)),
        }
    }

    fn order(&self, restarts: &Restarts, settings: &Settings, output: Output) -> String {
        let cap = settings.decide.back_within_cap;
        match output {
            Output::Json => {
                let alone = restarts.alone.iter().map(|(name, pairs)| {
                    json!({
                        "conductor": name.as_str(),
                        "pairs": pairs.iter().map(|pair| self.object(pair)).collect::<Value>(),
                        "survives_silence_ms": self.survives(name),
                    })
                });
                let order = restarts.order.iter().map(|name| name.as_str());
                return output::json(&json!({
                    "order": order.collect::<Value>(),
                    "alone": alone.collect::<Value>(),
                    "longest_grace_ms": millis(cap),
                }));
            }
            Output::Tsv => return self.order_lines(restarts),
            Output::Text => {}
        }
        let mut text = String::new();
        if !restarts.order.is_empty() {
            text.push_str("One after the other, each once the one before is active again:\n");
            for (place, name) in restarts.order.iter().enumerate() {
                text.push_str(&format!("{:>4}. {}\n", place + 1, printable(name.as_str())));
            }
        }
        if restarts.alone.is_empty() {
            return match text.is_empty() {
                true => "No conductor counts as active: there is none to restart.".to_owned(),
                false => text + "\nNo pair is lost at any moment.",
            };
        }
        let advice = format!(
            "No order helps these: each is the only conductor of its pairs. Let its `left` say back_within_ms (with \
             the bridge: bridge.restart_grace), longer than its restart takes and at most {}; or add a conductor.",
            humantime::format_duration(cap)
        );
        let rows = restarts.alone.iter().flat_map(|(name, pairs)| {
            let row = |pair| [vec![name.as_str().to_owned()], self.cells(pair)].concat();
            pairs.iter().map(row)
        });
        let table = output::table(&["CONDUCTOR", "DRIVER", "GROUP", "NODES"], rows);
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&output::wrapped(&advice, 0));
        format!("{text}\n\n{}", table.trim_end()) + &self.of_ironic()
    }

    /// For how long it may be silent without being lost, if it promises heartbeats.
    fn survives(&self, name: &ConductorName) -> Option<u64> {
        let timeout = self.map.conductor(name)?.heartbeat_timeout?;
        u64::try_from(timeout.as_millis()).ok()
    }

    /// One line a conductor; for one that no order helps, one for each pair that it would lose.
    fn order_lines(&self, restarts: &Restarts) -> String {
        let mut objects = Vec::new();
        for (place, name) in restarts.order.iter().enumerate() {
            objects.push(json!({ "place": place + 1, "conductor": name.as_str() }));
        }
        for (name, pairs) in &restarts.alone {
            for pair in pairs {
                let mut object = self.object(pair);
                object["conductor"] = json!(name.as_str());
                objects.push(object);
            }
        }
        let fields = ["place", "conductor", "conductor_group", "driver", "nodes"];
        output::tsv(&fields, &objects.into())
    }

    fn cells(&self, pair: &Pair) -> Vec<String> {
        vec![
            pair.driver.to_string(),
            shown(pair.group.as_str()).to_owned(),
            self.nodes(pair).to_string(),
        ]
    }
}
