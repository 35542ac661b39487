//! `nodewarden nodes import`: fills the table of nodes from a file.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use super::import::{self, PackedNodes, ReadFault};
use super::list::List;
use super::{Failure, Output, output, patience};
use crate::answers::explain::counted;
use crate::config::{InventoryKind, Settings};
use crate::lifecycle::{Tasks, stop_on_signals};
use crate::store::{ImportCount, Importer, StoreError};
use crate::telemetry::printable_name;

/// The largest file: a million nodes with everything that Ironic's API prints for a list.
const FILE_BYTES: u64 = 1 << 30;

/// So many of the nodes that the file does not name are shown.
const UNNAMED_SHOWN: usize = 5;

/// So many nodes are looked at at once to find those.
const PAGE: u32 = 5000;

/// Fill the table of nodes, and list it.
#[derive(Debug, clap::Subcommand)]
#[expect(
    missing_docs,
    reason = "the help of a command is the documentation of its type"
)]
pub enum Nodes {
    Import(Import),
    List(List),
}

/// Fill the table `nodes` from JSON or CSV.
///
/// JSON: an array, {"nodes": [...]}, or one object per line; CSV: with a header line. Understands what
/// `openstack baremetal node list --limit 0 --fields uuid name driver conductor_group maintenance -f json`
/// prints. Known nodes are brought up to date; nothing is deleted; `service_state` is never
/// written, `maintenance` only where the file has it. If anything in the file is wrong, nothing
/// is imported and every fault is named with its line and field.
///
/// Example: `nodewarden nodes import nodes.csv`
#[derive(Debug, clap::Args)]
pub struct Import {
    /// The file; `-` is standard input.
    pub file: PathBuf,
    /// Accept a file without nodes: it is no mistake.
    #[arg(long)]
    pub allow_empty: bool,
}

impl Import {
    /// Does it; the text to print.
    pub async fn answer(&self, settings: &Settings, output: Output) -> Result<String, Failure> {
        if settings.inventory.kind == InventoryKind::Ironic {
            return Err(Failure::usage(
                "with inventory.kind = \"ironic\" the table of nodes is Ironic's own: enroll nodes there; nothing was imported",
            ));
        }
        let nodes = self.read()?;
        if nodes.is_empty() && !self.allow_empty {
            return Err(Failure::failed(format!(
                "{}: there are no nodes in it, so nothing was imported; if the file is meant to be empty, add \
                 --allow-empty",
                self.shown()
            )));
        }
        if nodes.may_be_a_page() {
            output::aside(&format!(
                "warning: {} has exactly 1,000 nodes, the number at which Ironic cuts a list by itself; any further \
                 nodes would stay unprotected. `openstack baremetal node list --limit 0 …` prints all",
                self.shown()
            ));
        }
        let stop = stop_on_signals(&Tasks::default())?;
        let progress = progress(nodes.len());
        let mut done = 0;
        let work = write(settings, &nodes, |written| {
            done = written;
            progress.set_position(written as u64);
        });
        let outcome = tokio::select! {
            outcome = work => outcome,
            () = stop.cancelled() => Err(Failure::failed("stopped by a signal")),
        };
        progress.finish_and_clear();
        let imported = outcome.map_err(|why| match done {
            0 => why,
            _ => Failure {
                message: format!(
                    "the import was interrupted: {done} of {} are as the file says; run it again for the rest\n{}",
                    counted(nodes.len() as u64, "node", "nodes"),
                    why.message
                ),
                ..why
            },
        })?;
        Ok(imported.answer(&self.shown(), output))
    }

    fn is_stdin(&self) -> bool {
        self.file == Path::new("-")
    }

    fn shown(&self) -> String {
        if self.is_stdin() {
            "standard input".to_owned()
        } else {
            self.file.display().to_string()
        }
    }

    /// All nodes of the file, once all of it was checked.
    fn read(&self) -> Result<PackedNodes, Failure> {
        let shown = self.shown();
        let unreadable = |fault| Failure::failed(format!("cannot read {shown}: {fault}"));
        let source: Box<dyn Read> = if self.is_stdin() {
            Box::new(std::io::stdin().lock())
        } else {
            Box::new(File::open(&self.file).map_err(unreadable)?)
        };
        let extension = self.file.extension().and_then(OsStr::to_str);
        let mut source = source.take(FILE_BYTES + 1);
        match import::read(&mut source, extension) {
            Err(ReadFault::Io(fault)) => Err(unreadable(fault)),
            _ if source.limit() == 0 => Err(unreadable(std::io::Error::other(format!(
                "it is larger than {FILE_BYTES} bytes: split it; nothing was imported"
            )))),
            Err(ReadFault::Import(faults)) => Err(Failure::failed(format!(
                "{faults}\n{shown}: nothing was imported"
            ))),
            Ok(nodes) => Ok(nodes),
        }
    }
}

/// What an import did, and what it did not name.
struct Imported {
    count: ImportCount,
    known: u64,
    unnamed: u64,
    /// The first of those, by uuid.
    first: Vec<(String, Option<String>)>,
}

/// Writes what differs; `progress` is told how many nodes are as they should be.
async fn write(
    settings: &Settings,
    nodes: &PackedNodes,
    mut progress: impl FnMut(usize),
) -> Result<Imported, Failure> {
    let mut importer =
        patience(settings, async || Importer::open(&settings.database).await).await?;
    let mut count = ImportCount::default();
    let mut done = 0;
    while done < nodes.len() {
        let mut written = 0;
        // Once more with fewer rows, if these were too many.
        count += patience(settings, async || {
            let some = nodes.some(done, importer.rows());
            written = some.len();
            importer.write(&some).await
        })
        .await?;
        done += written;
        progress(done);
    }
    let known = patience(settings, async || importer.known().await).await?;
    let unnamed = known.saturating_sub(nodes.len() as u64);
    let first = match unnamed {
        0 => Vec::new(),
        _ => patience(settings, async || first_unnamed(&mut importer, nodes).await).await?,
    };
    Ok(Imported {
        count,
        known,
        unnamed,
        first,
    })
}

/// The first nodes that are known and not among `nodes`.
async fn first_unnamed(
    importer: &mut Importer,
    nodes: &PackedNodes,
) -> Result<Vec<(String, Option<String>)>, StoreError> {
    let mut first = Vec::new();
    let mut after = String::new();
    loop {
        let page = importer.above(&after, PAGE).await?;
        let Some((last, _)) = page.last() else {
            return Ok(first);
        };
        after.clone_from(last);
        for node in page {
            if !nodes.names(&node.0) {
                first.push(node);
            }
            if first.len() == UNNAMED_SHOWN {
                return Ok(first);
            }
        }
    }
}

impl Imported {
    fn answer(&self, shown: &str, output: Output) -> String {
        let ImportCount {
            added,
            updated,
            unchanged,
        } = self.count;
        if output == Output::Json {
            let first = self.first.iter();
            let first = first.map(|(uuid, name)| json!({ "uuid": uuid, "name": name }));
            return output::json(&json!({
                "added": added,
                "updated": updated,
                "unchanged": unchanged,
                "known": self.known,
                "not_in_file": { "nodes": self.unnamed, "first": first.collect::<Value>() },
            }));
        }
        let mut text = format!(
            "{} imported from {shown}: {added} added, {updated} updated, {unchanged} unchanged.\n{} known now",
            counted(added + updated + unchanged, "node", "nodes"),
            counted(self.known, "node is", "nodes are"),
        );
        if self.unnamed > 0 {
            let first: Vec<String> = self
                .first
                .iter()
                .map(|(uuid, name)| printable_name(name.as_ref().unwrap_or(uuid)))
                .collect();
            let more = self.unnamed > first.len() as u64;
            text.push_str(&format!(
                ", of which the file does not name {}: {}{}An import removes none; delete the rows of \
                 machines that are gone",
                self.unnamed,
                first.join(", "),
                if more { ", … " } else { ". " }
            ));
        }
        text + "."
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
