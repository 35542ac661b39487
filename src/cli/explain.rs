//! `nodewarden explain`: why is it in or out of service, or why not?

use clap::builder::NonEmptyStringValueParser;
use serde_json::json;

use super::picture::{NEXT_SWEEP, shown};
use super::{Failure, Output, output, reader};
use crate::answers::explain;
use crate::answers::shapes::{Driver, Node};
use crate::clock::now_ms;
use crate::config::Settings;
use crate::store::{Gone, Reader, StoreError};
use crate::telemetry::{printable, printable_name};

/// Explain why something is in or out of service: the cause, the decision, when, and by which replica.
#[derive(Debug, clap::Subcommand)]
pub enum Explain {
    /// A node, by uuid, or by a name that only one node has.
    ///
    /// Says which pair the node needs, what tipped the decision about it, when and by which replica, and
    /// what brings the node back.
    ///
    /// Example: `nodewarden explain node rack1-01`
    Node {
        /// Its uuid or name.
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        name: String,
    },
    /// A driver in a conductor group.
    ///
    /// Says since when the pair is active, held or lost, which conductors support it, and how many nodes
    /// need it.
    ///
    /// Example: `nodewarden explain driver redfish --group rack1`
    Driver {
        /// Its name.
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        name: String,
        /// The conductor group; the default group if it is left out.
        #[arg(long, default_value = "")]
        group: String,
    },
    /// A conductor.
    ///
    /// Says since when it is active or gone, when it was last heard, and what it supports.
    ///
    /// Example: `nodewarden explain conductor c1`
    Conductor {
        /// Its name.
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        name: String,
    },
}

impl Explain {
    /// Prints the answer.
    pub async fn run(self, settings: &Settings, output: Output) -> Result<(), Failure> {
        let answer = self.answer(settings, output).await?;
        Ok(output::line(&answer)?)
    }

    /// Does it; the text to print.
    pub async fn answer(&self, settings: &Settings, output: Output) -> Result<String, Failure> {
        let reader = reader(settings)?;
        let answer = match &self {
            Self::Node { name } => node(&reader, name).await,
            Self::Driver { name, group } => {
                driver(&reader, name.trim(), &group.trim().to_ascii_lowercase()).await
            }
            Self::Conductor { name } => conductor(&reader, name.trim()).await,
        };
        let answer = answer.map_err(Failure::of(settings))?;
        let (text, object) = answer.map_err(Failure::failed)?;
        Ok(match output {
            Output::Json => output::json(&object),
            Output::Text | Output::Tsv => output::wrapped(&text, 0),
        })
    }
}

/// The sentences and the object, or why there are none.
type Answer = Result<Result<(String, serde_json::Value), String>, StoreError>;

async fn node(reader: &Reader, name: &str) -> Answer {
    let now = now_ms();
    Ok(match reader.node(name).await? {
        Some(facts) => Ok((explain::node(&facts, now), json!(Node::new(facts, now)))),
        None => Err(no_one_node(reader, name).await?),
    })
}

/// Why `name` is not the uuid or name of one node.
pub(super) async fn no_one_node(reader: &Reader, name: &str) -> Result<String, StoreError> {
    let named = reader.named(name).await?;
    let named: Vec<String> = named.iter().map(|uuid| printable(uuid)).collect();
    let name = printable(name);
    Ok(match named[..] {
        [] => format!("no node has the uuid or name {name}; `nodewarden nodes list` shows all"),
        _ => format!(
            "more than one node has the name {name}: give the uuid, such as {}",
            named.join(" or ")
        ),
    })
}

async fn driver(reader: &Reader, name: &str, group: &str) -> Answer {
    let now = now_ms();
    let conductors = reader.conductors().await?;
    let drivers = reader.drivers().await?;
    let in_groups: Vec<String> = drivers
        .iter()
        .filter(|view| view.driver == name)
        .map(|view| printable_name(shown(&view.conductor_group)))
        .collect();
    let found = drivers
        .into_iter()
        .find(|view| view.driver == name && view.conductor_group == group);
    Ok(match found {
        Some(view) => {
            let gone = Gone::among(&conductors);
            let text = explain::driver(&view, gone.of(&view), now);
            Ok((text, json!(Driver::new(view, &gone, now))))
        }
        None if in_groups.is_empty() => Err(format!(
            "no pair of driver {} is known yet; {NEXT_SWEEP}, and `nodewarden status` lists those that are known",
            printable(name)
        )),
        None => Err(format!(
            "no pair of driver {} is known yet in that conductor group, but there is one in {}: use --group",
            printable(name),
            in_groups.join(", ")
        )),
    })
}

async fn conductor(reader: &Reader, name: &str) -> Answer {
    let now = now_ms();
    let mut known = reader.conductors().await?.into_iter();
    Ok(match known.find(|view| view.conductor == name) {
        Some(view) => {
            let text = explain::conductor(&view, now);
            let mut object = json!(view);
            object["explanation"] = json!(text);
            Ok((text, object))
        }
        None => Err(format!(
            "no conductor {} is known: it never joined, or it was forgotten; `nodewarden status` lists the others",
            printable(name)
        )),
    })
}
