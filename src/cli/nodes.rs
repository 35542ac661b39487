//! `nodewarden nodes import`: fills the table of nodes from a file.

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::import::{self, ImportedNode};
use super::{Failure, Output, output};
use crate::answers::explain::counted;
use crate::config::{InventoryKind, Settings};
use crate::store::{self, NodeUpsert};

/// The largest file: a million nodes with everything that Ironic's API prints for a list.
const FILE_BYTES: u64 = 1 << 30;

/// Commands about nodes.
#[derive(Debug, clap::Subcommand)]
pub enum Nodes {
    /// Fill the table `nodes` from JSON or CSV.
    Import(Import),
}

/// Fill the table `nodes` from JSON or CSV.
///
/// JSON: an array, {"nodes": [...]}, or one object per line; CSV: with a header line. Understands what
/// `openstack baremetal node list --fields uuid name driver conductor_group maintenance -f json`
/// prints. Known nodes are brought up to date; nothing is deleted; `service_state` is never
/// written, `maintenance` only where the file has it. If anything in the file is wrong, nothing
/// is imported and every fault is named with its line and field.
#[derive(Debug, clap::Args)]
pub struct Import {
    /// The file; `-` is standard input.
    pub file: PathBuf,
}

impl Nodes {
    /// Does it.
    ///
    /// # Errors
    /// [`Failure`]
    pub async fn run(self, settings: &Settings, output: Output) -> Result<(), Failure> {
        match self {
            Self::Import(import) => import.run(settings, output).await,
        }
    }
}

impl Import {
    /// Prints the answer.
    ///
    /// # Errors
    /// As [`answer`](Self::answer).
    pub async fn run(self, settings: &Settings, output: Output) -> Result<(), Failure> {
        let answer = self.answer(settings, output).await?;
        Ok(output::line(&answer)?)
    }

    /// Does it; the text to print.
    ///
    /// # Errors
    /// [`Failure`]
    pub async fn answer(&self, settings: &Settings, output: Output) -> Result<String, Failure> {
        if settings.inventory.kind == InventoryKind::Ironic {
            return Err(Failure::usage(
                "with inventory.kind = \"ironic\" the table of nodes is Ironic's own: enroll nodes there; nothing was imported",
            ));
        }
        let shown = if self.is_stdin() {
            "standard input".to_owned()
        } else {
            self.file.display().to_string()
        };
        let text = self
            .read()
            .map_err(|fault| Failure::failed(format!("cannot read {shown}: {fault}")))?;
        let extension = self
            .file
            .extension()
            .and_then(|extension| extension.to_str());
        let nodes = import::parse(&text, extension).map_err(|faults| {
            Failure::failed(format!("{faults}\n{shown}: nothing was imported"))
        })?;
        let nodes: Vec<NodeUpsert> = nodes.into_iter().map(upsert).collect();
        let progress = progress(nodes.len());
        let done = store::import(&settings.database, &nodes, |written| {
            progress.set_position(written)
        })
        .await;
        progress.finish_and_clear();
        let count = done.map_err(|fault| Failure::database(&fault, settings))?;
        Ok(match output {
            Output::Json => {
                output::json(&json!({ "added": count.added, "updated": count.updated }))?
            }
            Output::Text => format!(
                "{} imported from {shown}: {} added, {} already known and updated.",
                counted(count.added + count.updated, "node", "nodes"),
                count.added,
                count.updated
            ),
        })
    }

    fn is_stdin(&self) -> bool {
        self.file == Path::new("-")
    }

    fn read(&self) -> std::io::Result<Vec<u8>> {
        let source: Box<dyn Read> = if self.is_stdin() {
            Box::new(std::io::stdin().lock())
        } else {
            Box::new(std::fs::File::open(&self.file)?)
        };
        let mut text = Vec::new();
        source.take(FILE_BYTES + 1).read_to_end(&mut text)?;
        if text.len() as u64 > FILE_BYTES {
            let why = format!("it is larger than {FILE_BYTES} bytes: split it");
            return Err(std::io::Error::other(why));
        }
        Ok(text)
    }
}

fn upsert(node: ImportedNode) -> NodeUpsert {
    NodeUpsert {
        uuid: node.uuid,
        name: node.name,
        driver: node.driver,
        conductor_group: node.conductor_group,
        maintenance: node.maintenance,
    }
}

/// A bar on standard error if somebody watches it, nothing otherwise.
pub(super) fn progress(nodes: usize) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(nodes as u64), ProgressDrawTarget::stderr());
    match ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} nodes, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
