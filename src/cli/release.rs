//! `nodewarden release`: gives nodes back by an operator's hand.

use clap::builder::NonEmptyStringValueParser;
use serde_json::json;

use super::explain::no_one_node;
use super::nodes::progress;
use super::pause::{caller, operator};
use super::picture::NEXT_SWEEP;
use super::{Failure, Output, output, patience, reader};
use crate::answers::explain::counted;
use crate::clock::now_ms;
use crate::config::{InventoryKind, Settings};
use crate::domain::ids::{Driver, Group, Pair};
use crate::store::{DriverView, Held, Operator, Reader, Window};
use crate::telemetry::{error_chain, printable};

/// Nodes in one transaction: some hundredths of a second, for which their rows are locked.
const WINDOW: u32 = 1000;

/// Give back nodes that nodewarden took out of service, announced with the reason `released`.
///
/// Needs no conductor, no replica and no broker: the nodes are back when this command ends,
/// and schedulers are told as soon as a replica reaches the broker. It gives back only what nodewarden
/// took out itself; operators' own marks stay.
///
/// Only during a pause (`nodewarden pause --reason TEXT`), or while decisions are only observed
/// (decide.mode = "observe"): otherwise the next sweep would take the nodes again. After
/// `nodewarden resume` it does, unless a conductor supports their driver by then.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("which").required(true))]
pub struct Release {
    /// Every node.
    #[arg(long, group = "which")]
    pub all: bool,
    /// The nodes that are out because of this driver, in the group of --group.
    #[arg(long, group = "which", value_name = "NAME")]
    pub driver: Option<String>,
    /// The conductor group; the default group if it is left out.
    #[arg(long, value_name = "NAME")]
    pub group: Option<String>,
    /// One node, by uuid, or by a name that only one node has.
    #[arg(long, group = "which", value_name = "UUID", value_parser = NonEmptyStringValueParser::new())]
    pub node: Option<String>,
}

/// What was asked for, looked up.
enum Wanted {
    Everything,
    Of(Pair),
    Node(String),
}

/// After so many nodes that the database refuses, the others are not tried: it refuses all of them.
const REFUSED: usize = 100;

/// What was done.
#[derive(Debug, Default)]
struct Count {
    released: u64,
    locked: u64,
    /// Nodes that the database does not let us change.
    refused: Vec<String>,
    /// Why not, for the last one.
    why: String,
}

impl Wanted {
    /// For the history.
    fn told(&self) -> String {
        match self {
            Self::Everything => "all".to_owned(),
            Self::Of(pair) if pair.group.as_str().is_empty() => format!("driver {}", pair.driver),
            Self::Of(pair) => format!("driver {} in group {}", pair.driver, pair.group),
            Self::Node(uuid) => format!("node {uuid}"),
        }
    }
}

impl Release {
    /// Prints the answer.
    pub async fn run(self, settings: &Settings, output: Output) -> Result<(), Failure> {
        let (answer, complete) = self.done(settings, output).await?;
        output::outcome(&answer, complete)
    }

    /// Does it; the text to print.
    /// Errors: [`Failure`]; also if not every node could be given back.
    pub async fn answer(&self, settings: &Settings, output: Output) -> Result<String, Failure> {
        let (answer, complete) = self.done(settings, output).await?;
        complete?;
        Ok(answer)
    }

    async fn done(
        &self,
        settings: &Settings,
        output: Output,
    ) -> Result<(String, Result<(), Failure>), Failure> {
        let reader = reader(settings)?;
        let wanted = self.wanted(&reader, settings).await?;
        let mut operator = operator(settings)?.noted(&caller(), &wanted.told());
        // About how many nodes it is about, for the bar.
        let (held, expected) = match &wanted {
            Wanted::Everything => (Held::Everything, reader.held(None).await),
            Wanted::Of(pair) => (Held::Of(pair), reader.held(Some(pair)).await),
            Wanted::Node(uuid) => (Held::Node(uuid), Ok(1)),
        };
        let expected = expected.map_err(Failure::of(settings))?;
        let bar = progress(usize::try_from(expected).unwrap_or(usize::MAX));
        let moved = |count: &Count| bar.set_position(count.released);
        let count = give_back(&mut operator, held, settings, moved).await;
        bar.finish_and_clear();
        let count = count?;
        let complete = match (count.locked, &count.refused[..]) {
            (0, []) if count.released == 0 => self.named(&reader, &wanted, settings).await,
            (0, []) => Ok(()),
            (locked, []) => Err(Failure::failed(passed_by(locked, settings.inventory.kind))),
            (_, refused) => Err(Failure::failed(count.refusal(refused))),
        };
        Ok((said(&count, &wanted, output), complete))
    }

    async fn wanted(&self, reader: &Reader, settings: &Settings) -> Result<Wanted, Failure> {
        if let Some(name) = &self.driver {
            let group = Group::parse(self.group.as_deref().unwrap_or_default().trim())
                .map_err(|fault| Failure::usage(format!("--group: {fault}")))?;
            let driver = Driver::parse(name.trim())
                .map_err(|fault| Failure::usage(format!("--driver: {fault}")))?;
            return Ok(Wanted::Of(Pair { group, driver }));
        }
        // Not left to the parser, which lets it pass beside --all.
        if self.group.is_some() {
            Err(Failure::usage(
                "--group names the group of a --driver; give --driver too",
            ))?;
        }
        let Some(node) = &self.node else {
            return Ok(Wanted::Everything);
        };
        let found = reader.node(node).await;
        match found.map_err(Failure::of(settings))? {
            Some(facts) if facts.hold.is_none() => Err(Failure::failed(format!(
                "node {} is not out of service because of nodewarden: there is nothing to give back",
                printable(node)
            )))?,
            Some(facts) => Ok(Wanted::Node(facts.uuid)),
            None => {
                let why = no_one_node(reader, node).await;
                Err(Failure::failed(why.map_err(Failure::of(settings))?))
            }
        }
    }

    /// Nothing was given back: whether what was asked for exists at all.
    async fn named(
        &self,
        reader: &Reader,
        wanted: &Wanted,
        settings: &Settings,
    ) -> Result<(), Failure> {
        let Wanted::Of(pair) = wanted else {
            return Ok(());
        };
        let drivers = reader.drivers().await;
        let drivers = drivers.map_err(Failure::of(settings))?;
        let of = |view: &DriverView| {
            view.driver == pair.driver.as_str() && view.conductor_group == pair.group.as_str()
        };
        if drivers.iter().any(of) {
            return Ok(());
        }
        Err(Failure::failed(format!(
            "no pair {} is known yet; {NEXT_SWEEP}, `nodewarden status` lists those that are known, and --group says \
             which group",
            printable(&pair.to_string())
        )))
    }
}

impl Count {
    /// Which nodes the database refuses, and why.
    fn refusal(&self, refused: &[String]) -> String {
        let stopped = if refused.len() < REFUSED {
            ""
        } else {
            " The command stopped there; those behind were not tried."
        };
        let named: Vec<_> = refused.iter().map(|uuid| printable(uuid)).collect();
        format!(
            "{} could not be given back: {}: {}.{stopped}",
            counted(refused.len() as u64, "node", "nodes"),
            named.join(", "),
            self.why
        )
    }
}

/// Gives back window after window. One that the database will never take is halved, down to the node at fault,
/// which holds up no other.
async fn give_back(
    operator: &mut Operator,
    held: Held<'_>,
    settings: &Settings,
    moved: impl Fn(&Count),
) -> Result<Count, Failure> {
    let mut count = Count::default();
    let mut window = Window {
        after: String::new(),
        nodes: WINDOW,
        nodes_per_message: settings.publish.nodes_per_message,
        unknown: false,
        completes: false,
        now_ms: now_ms(),
    };
    while count.refused.len() < REFUSED {
        window.now_ms = now_ms();
        let outcome = patience(settings, async || {
            match operator.release(held, &window).await {
                Err(fault) if fault.is_about_rows() => Ok(Err(fault)),
                done => done.map(Ok),
            }
        });
        let next = match outcome.await? {
            Ok(None) => return Err(no_pause(count.released)),
            Ok(Some(chunk)) => {
                count.released += chunk.changed;
                count.locked += chunk.locked;
                moved(&count);
                chunk.next
            }
            Err(_) if window.nodes > 1 => {
                window.nodes /= 2;
                continue;
            }
            Err(fault) => {
                let failed = Failure::of(settings);
                let node = operator.first_held_after(held, &window.after).await;
                let Some(node) = node.map_err(failed)? else {
                    return Err(failed(fault));
                };
                count.refused.push(node.clone());
                count.why = error_chain(&fault);
                (!matches!(held, Held::Node(_))).then_some(node)
            }
        };
        match next {
            Some(next) => window.after = next,
            None => break,
        }
        window.nodes = WINDOW;
    }
    Ok(count)
}

fn no_pause(released: u64) -> Failure {
    let begun = if released > 0 {
        format!(
            " Before that, the command gave back {}.",
            counted(released, "node", "nodes")
        )
    } else {
        String::new()
    };
    Failure::failed(format!(
        "there is no pause, so the next sweep would take the nodes again: first \
         `nodewarden pause --reason TEXT`, then this command again.{begun}"
    ))
}

/// Why `nodes` were passed by: the database counts those that are locked and those that Ironic works on as one.
fn passed_by(nodes: u64, inventory: InventoryKind) -> String {
    let (locked, reserved) = match nodes {
        1 => ("another session locks its row", "the node"),
        _ => ("other sessions lock their rows", "the nodes"),
    };
    let why = match inventory {
        InventoryKind::Native => format!("{locked}. Try again."),
        InventoryKind::Ironic => {
            format!("{locked}, or Ironic has reserved {reserved}. Try again later.")
        }
    };
    format!(
        "{} could not be given back: {why}",
        counted(nodes, "node", "nodes")
    )
}

fn said(count: &Count, wanted: &Wanted, output: Output) -> String {
    let (released, locked) = (count.released, count.locked);
    match output {
        Output::Json => output::json(&json!({ "released": released, "locked": locked })),
        Output::Text | Output::Tsv if released == 0 && locked == 0 && count.refused.is_empty() => {
            let none = match wanted {
                Wanted::Everything => "holds no node",
                Wanted::Of(_) => "holds none of these nodes",
                Wanted::Node(_) => "does not hold this node",
            };
            format!("nodewarden {none} out of service: there was nothing to give back.")
        }
        Output::Text | Output::Tsv => format!(
            "{} given back; schedulers are told as soon as a replica reaches the broker.",
            counted(released, "node", "nodes")
        ),
    }
}
