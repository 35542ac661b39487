//! The watchdog: a process of its own that kills a replica which is stuck, or frozen, inside a
//! writing transaction (I9).
//!
//! A thread would not do: SIGSTOP or a paused container stops all threads of a process, which goes on
//! holding its locks. The replica tells it through a pipe when a transaction begins and ends. If one
//! stays open longer than the limit, the watchdog names it and sends SIGKILL to its parent until that is
//! gone. SIGKILL from within a PID namespace does not reach its first process: `init.rs`.

#![expect(
    clippy::disallowed_methods,
    reason = "a process of its own: it has one thread for the pipe, and the age of a transaction \
              is all that it judges"
)]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getppid, kill_process};
use tokio::signal::unix::{SignalKind, signal};

use crate::store::{TransactionWatch, Writer};

/// The letters of the pipe: a letter with a name begins that transaction, one alone ends it.
const WRITERS: [(Writer, char); 2] = [(Writer::Ledger, 'L'), (Writer::Relay, 'R')];

/// Before the next try to kill: the kernel ends a parent at once unless it waits for a disk.
const KILL_AGAIN: Duration = Duration::from_secs(1);

/// How often to try. A process that survives so many is beyond a signal's reach.
const KILLS: u32 = 10;

/// The replica's end of the pipe.
#[derive(Debug)]
pub struct Watchdog {
    pipe: Mutex<ChildStdin>,
    /// Kept so that the child is reaped with us and not before.
    _child: Child,
}

impl Watchdog {
    /// Starts the watchdog process for this one.
    pub fn start(limit: Duration) -> std::io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("watchdog")
            .arg("--limit-ms")
            .arg(limit.as_millis().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            // A group of its own: a stop or an interrupt from the terminal is not for it.
            .process_group(0)
            .spawn()?;
        let pipe = child.stdin.take().expect("its standard input is piped");
        // A watchdog that does not read must not stop us.
        rustix::io::ioctl_fionbio(&pipe, true)?;
        Ok(Self {
            pipe: Mutex::new(pipe),
            _child: child,
        })
    }

    fn write(&self, line: &str) {
        let mut pipe = self
            .pipe
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        // Gone, or so far behind that the pipe is full: nothing half alive. A replica does not
        // write unwatched, and a lost line would have it killed later for nothing.
        if let Err(fault) = pipe.write_all(line.as_bytes()) {
            tracing::error!(%fault, "the watchdog process is gone or stuck; ending");
            std::process::abort();
        }
    }
}

impl TransactionWatch for Watchdog {
    fn entered(&self, writer: Writer, doing: &'static str) {
        self.write(&format!("{}{doing}\n", letter(writer)));
    }

    fn left(&self, writer: Writer) {
        self.write(&format!("{}\n", letter(writer)));
    }
}

fn letter(writer: Writer) -> char {
    match writer {
        Writer::Ledger => WRITERS[0].1,
        Writer::Relay => WRITERS[1].1,
    }
}

/// The open transactions, as the pipe told of them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Open {
    of: [Option<(Instant, String)>; WRITERS.len()],
}

impl Open {
    /// Takes a line of the pipe.
    fn hear(&mut self, line: &str, now: Instant) {
        for (open, (_, letter)) in self.of.iter_mut().zip(WRITERS) {
            if let Some(doing) = line.strip_prefix(letter) {
                *open = (!doing.is_empty()).then(|| (now, doing.to_owned()));
            }
        }
    }

    /// The one that is open for longest.
    fn oldest(&self) -> Option<&(Instant, String)> {
        self.of.iter().flatten().min_by_key(|(since, _)| *since)
    }
}

/// Takes note of signals that are meant for the replica and does nothing: a supervisor may send them to
/// every process of a service, and the replica must not lose its watchdog before it has stopped.
fn outlive_stops() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let _entered = runtime.enter();
    for kind in [
        SignalKind::terminate(),
        SignalKind::interrupt(),
        SignalKind::hangup(),
    ] {
        // The handler stays when what listens is dropped.
        drop(signal(kind)?);
    }
    Ok(())
}

/// What the watchdog process does: watches its parent until that ends. `tell` says why it kills; it must
/// not wait: standard error may have no reader, or one that stands still.
pub fn watch(limit: Duration, tell: fn(&str)) {
    let Some(parent) = getppid() else {
        return;
    };
    if let Err(fault) = outlive_stops() {
        tell(&format!(
            "a stop that is sent to the watchdog ends it and the replica: {fault}"
        ));
    }
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(std::io::stdin()).lines() {
            let Ok(line) = line else { return };
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    let mut open = Open::default();
    loop {
        let line = match open.oldest() {
            None => lines.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some((since, _)) => lines.recv_timeout(limit.saturating_sub(since.elapsed())),
        };
        match line {
            Ok(line) => open.hear(&line, Instant::now()),
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                let doing = open.oldest().map_or("unknown", |(_, doing)| doing.as_str());
                tell(&format!(
                    "nodewarden watchdog: the transaction \"{doing}\" is open for {limit:?}; killing process {}",
                    parent.as_raw_nonzero()
                ));
                kill(parent, tell);
                return;
            }
        }
    }
}

/// Kills `parent` and waits until it is gone: then our parent is another, and so may be its number.
fn kill(parent: Pid, tell: fn(&str)) {
    for _ in 0..KILLS {
        if getppid() != Some(parent) {
            return;
        }
        let _ = kill_process(parent, Signal::KILL);
        let killed = Instant::now();
        while getppid() == Some(parent) && killed.elapsed() < KILL_AGAIN {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    if getppid() == Some(parent) {
        tell(&format!(
            "nodewarden watchdog: process {} survives SIGKILL and may hold locks of the database: end it from outside",
            parent.as_raw_nonzero()
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transaction_that_is_open_for_longest_is_named() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut open = Open::default();
        assert_eq!(open.oldest(), None);
        open.hear("Ltake nodes out of service", at(1));
        open.hear("Rrecord what was announced", at(2));
        let ledger = (at(1), "take nodes out of service".to_owned());
        assert_eq!(open.oldest(), Some(&ledger));
        open.hear("L", at(3));
        let relay = (at(2), "record what was announced".to_owned());
        assert_eq!(open.oldest(), Some(&relay));
        open.hear("R", at(4));
        assert_eq!(open, Open::default());
    }
}
