//! `dead-letters`: the refused messages.

use std::collections::HashSet;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Failure, Output, output};
use crate::answers::explain::counted;
use crate::broker::{DeadLetter, DeadLetterContent, DeadLetters, Foreign, Kept, Requeued, Which};
use crate::config::Settings;
use crate::telemetry::{printable, printable_within};
use crate::wire;

/// The messages that were refused, with the reason for each.
///
/// Looking removes nothing. Fix what sent them, then `requeue` what you still want and
/// `discard` the rest.
#[derive(Debug, Args)]
pub struct Letters {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List them, one per line.
    ///
    /// Each with its id, when and why it was refused. Looking removes nothing. `--output json` prints one
    /// object, `{"dead_letters": […]}`.
    ///
    /// Example: `nodewarden dead-letters list`
    List,
    /// Show one with its original properties and its body.
    ///
    /// The body as JSON where it can be read, else as text. Looking removes nothing.
    ///
    /// Example: `nodewarden dead-letters show 0c7d4f2e-5b1d-4c7e-9a53-2f60cf1d8b11`
    Show {
        /// Its id, as `list` shows it.
        id: String,
    },
    /// Publish them again, through the exchange and with the routing key that they had.
    ///
    /// They go out under the broker user of this command. A tick or a probe of nodewarden is never
    /// put back: discard it. A message that was refused as `foreign_publisher`, or that another user
    /// published and no replica has judged (`broker_…`, `foreign`), is put back only by its id and with
    /// --as-me.
    ///
    /// Example: `nodewarden dead-letters requeue --all`
    Requeue {
        #[command(flatten)]
        chosen: Chosen,
        /// Put back a `foreign_publisher` or an unjudged one, too: its words, which another user
        /// published, perhaps without permission, become those of the broker user of this command, as if you had said
        /// them. Look at it with `show` first.
        #[arg(long, conflicts_with = "all")]
        as_me: bool,
    },
    /// Throw them away.
    ///
    /// For good: nothing keeps a copy.
    ///
    /// Example: `nodewarden dead-letters discard 0c7d4f2e-5b1d-4c7e-9a53-2f60cf1d8b11`
    Discard(Chosen),
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("which").required(true))]
struct Chosen {
    /// Their ids, as `list` shows them.
    #[arg(group = "which")]
    ids: Vec<String>,
    /// All of them.
    #[arg(long, group = "which")]
    all: bool,
}

impl Letters {
    /// Does what is asked.
    /// Errors: 69 if the broker cannot be reached, 1 if an id is not there, or another command
    /// works on the queue.
    pub async fn run(self, settings: &Settings, output: Output) -> Result<(), Failure> {
        let mut letters = DeadLetters::open(&settings.amqp).await?;
        let done = act(&mut letters, self.what, output).await;
        letters.close().await;
        done
    }
}

async fn act(letters: &mut DeadLetters, what: What, output: Output) -> Result<(), Failure> {
    match what {
        What::List => {
            let letters = letters.list().await?;
            if !letters.is_empty() || output != Output::Text {
                output::line(&list(&letters, output))?;
            }
            match letters.len() {
                _ if output != Output::Text => {}
                0 => output::aside("no dead letters"),
                count => output::aside(&counted(count as u64, "dead letter", "dead letters")),
            }
        }
        What::Show { id } => {
            let found = letters.show(&id).await?;
            let content = found.ok_or_else(|| {
                Failure::failed(format!("no dead letter has the id {}", printable(&id)))
            })?;
            output::line(&show(&content, output))?;
        }
        What::Requeue { chosen, as_me } => {
            let foreign = if as_me { Foreign::AsMe } else { Foreign::Stays };
            let done = letters.requeue(&chosen.which(), foreign).await?;
            let met = done.kept.iter().map(|(letter, _)| letter);
            let found = chosen.all_found(met.chain(&done.moved));
            let complete = found.and_then(|()| chosen.all_went(&done));
            output::outcome(&told_requeued(&done, output), complete)?;
        }
        What::Discard(chosen) => {
            let moved = letters.discard(&chosen.which()).await?;
            let complete = chosen.all_found(&moved);
            output::outcome(&told("discarded", &moved, output), complete)?;
        }
    }
    Ok(())
}

impl Chosen {
    fn which(&self) -> Which {
        if self.all {
            Which::All
        } else {
            Which::Ids(self.ids.iter().cloned().collect())
        }
    }

    fn all_found<'a>(&self, met: impl IntoIterator<Item = &'a DeadLetter>) -> Result<(), Failure> {
        let found: HashSet<&str> = met.into_iter().map(|letter| letter.id.as_str()).collect();
        let missing: Vec<String> = self
            .ids
            .iter()
            .filter(|id| !found.contains(id.as_str()))
            .map(|id| printable(id))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(Failure::failed(format!(
            "no dead letter has {} {}; `nodewarden dead-letters list` shows those that are there",
            if missing.len() == 1 {
                "the id"
            } else {
                "one of the ids"
            },
            missing.join(", ")
        )))
    }

    /// What `--all` leaves on purpose is told and no failure; what was named and stays is one.
    fn all_went(&self, done: &Requeued) -> Result<(), Failure> {
        let mut failed = Vec::new();
        for why in Kept::ALL.iter().copied() {
            let Some(said) = sentence(done, why) else {
                continue;
            };
            if self.all && why != Kept::Unroutable {
                output::aside(&said);
            } else {
                failed.push(said);
            }
        }
        if failed.is_empty() {
            return Ok(());
        }
        Err(Failure::failed(failed.join("\n")))
    }
}

/// How many letters stay for this reason, and what to do about them.
fn sentence(done: &Requeued, why: Kept) -> Option<String> {
    let count = done.kept.iter().filter(|(_, kept)| *kept == why).count();
    let (one, it, its) = match count {
        0 => return None,
        1 => ("1 letter stays".to_owned(), "it", "its id"),
        many => (format!("{many} letters stay"), "them", "their ids"),
    };
    Some(match why {
        Kept::OurOwn => {
            format!("{one}: a tick or a probe of nodewarden is never put back; discard {it}")
        }
        Kept::Receipt => format!(
            "{one}: only the newest receipt of a subscriber counts, and none is put back; discard {it}"
        ),
        Kept::Foreign => format!(
            "{one}: refused as foreign_publisher; look at {it}, then requeue {it} by {its} with --as-me to say the \
             same under your own broker user"
        ),
        Kept::Unjudged => format!(
            "{one}: put here by the broker or another program, so no replica has judged its publisher; look at {it}, \
             then requeue {it} by {its} with --as-me to say the same under your own broker user"
        ),
        Kept::Unroutable => format!(
            "{one}: no queue is bound to the events exchange for {} routing key",
            if count == 1 { "its" } else { "each" }
        ),
    })
}

/// As [`told`], with what stays.
fn told_requeued(done: &Requeued, output: Output) -> String {
    if output == Output::Json {
        let kept = done.kept.iter();
        let kept = kept.map(|(letter, why)| json!({"id": letter.id, "why": why.as_str()}));
        let kept: Value = kept.collect();
        return json!({"requeued": ids(&done.moved), "kept": kept}).to_string();
    }
    told("requeued", &done.moved, output)
}

fn as_json(letter: &DeadLetter) -> Value {
    json!({
        "id": letter.id,
        "reason": letter.reason,
        "detail": letter.detail,
        "refused_at_ms": letter.refused_at_s * 1000,
        "message_id": letter.message_id,
        "type": letter.message_type,
        "routing_key": letter.routing_key,
        "size": letter.size,
    })
}

/// What `--output tsv` tells of each letter.
const FIELDS: &[&str] = &[
    "id",
    "refused_at_ms",
    "type",
    "message_id",
    "routing_key",
    "reason",
    "detail",
    "size",
];

fn list(letters: &[DeadLetter], output: Output) -> String {
    let objects = || letters.iter().map(as_json).collect::<Value>();
    match output {
        Output::Json => json!({ "dead_letters": objects() }).to_string(),
        Output::Tsv => output::tsv(FIELDS, &objects()),
        Output::Text => {
            let lines: Vec<String> = letters.iter().map(one_line).collect();
            lines.join("\n")
        }
    }
}

fn one_line(letter: &DeadLetter) -> String {
    let message_type = letter.message_type.as_deref();
    format!(
        "{}  {}  {}  {}: {}",
        printable(&letter.id),
        moment(letter),
        printable(message_type.unwrap_or(&letter.routing_key)),
        printable(&letter.reason),
        printable(&letter.detail),
    )
}

fn show(content: &DeadLetterContent, output: Output) -> String {
    let mut original = content.original.iter();
    let content_type = original.find(|(name, _)| name == "content_type");
    let content_type = content_type.map(|(_, value)| value.as_str());
    let body = wire::to_json(&content.body, content_type);
    if output == Output::Json {
        let mut letter = as_json(&content.letter);
        let original = content.original.iter();
        letter["original"] = original
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        letter["body"] = body;
        return letter.to_string();
    }
    let mut lines = vec![
        format!("id:       {}", printable(&content.letter.id)),
        format!("refused:  {}", moment(&content.letter)),
        format!(
            "reason:   {}: {}",
            printable(&content.letter.reason),
            printable(&content.letter.detail)
        ),
    ];
    lines.extend(
        (content.original.iter())
            .map(|(name, value)| format!("original: {} = {}", printable(name), whole(value))),
    );
    lines.push(format!("body:     {} bytes", content.body.len()));
    lines.push(whole(&body.to_string()));
    lines.join("\n")
}

/// All of it: what decides about a letter may stand at its end.
fn whole(text: &str) -> String {
    printable_within(text, usize::MAX)
}

fn told(what: &str, moved: &[DeadLetter], output: Output) -> String {
    if output == Output::Json {
        return json!({ what: ids(moved) }).to_string();
    }
    format!("{what} {}", moved.len())
}

fn ids(letters: &[DeadLetter]) -> Value {
    letters.iter().map(|letter| letter.id.as_str()).collect()
}

fn moment(letter: &DeadLetter) -> String {
    let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(letter.refused_at_s);
    humantime::format_rfc3339_seconds(at).to_string()
}
