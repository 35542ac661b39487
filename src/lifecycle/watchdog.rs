//! The watchdog: a process of its own that kills a replica which is stuck, or frozen, inside a
//! writing transaction (I9).
//!
//! It cannot be a thread: a process that was stopped (SIGSTOP, a paused container) stops with all
//! its threads while it goes on holding the file's lock. The replica tells it through a pipe when
//! a transaction begins and ends; if one stays open longer than the limit, it sends SIGKILL to its
//! parent. The pipe's end, which comes with the parent's end, ends it.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::process::{Signal, getppid, kill_process};

use crate::store::{TransactionWatch, Writer};

/// The words of the pipe, for each writer: it has the lock, it has it no more.
const WORDS: [(u8, u8); 2] = [(b'L', b'l'), (b'R', b'r')];

/// The replica's end of the pipe.
#[derive(Debug)]
pub struct Watchdog {
    pipe: Mutex<ChildStdin>,
    /// Kept so that the child is reaped with us and not before.
    _child: Child,
}

impl Watchdog {
    /// Starts the watchdog process for this one.
    ///
    /// # Errors
    /// The process cannot be started.
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

    fn tell(&self, what: u8) {
        let mut pipe = self
            .pipe
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        // Gone, or so far behind that the pipe is full: nothing half alive. A replica does not
        // write unwatched, and a lost word would have it killed later for nothing.
        if let Err(fault) = pipe.write_all(&[what]) {
            tracing::error!(%fault, "the watchdog process is gone or stuck; ending");
            std::process::abort();
        }
    }
}

impl TransactionWatch for Watchdog {
    fn entered(&self, writer: Writer) {
        self.tell(word(writer).0);
    }

    fn left(&self, writer: Writer) {
        self.tell(word(writer).1);
    }
}

fn word(writer: Writer) -> (u8, u8) {
    match writer {
        Writer::Ledger => WORDS[0],
        Writer::Relay => WORDS[1],
    }
}

/// What the watchdog process does: watches its parent until that ends.
pub fn watch(limit: Duration) {
    let Some(parent) = getppid() else {
        return;
    };
    let (sender, words) = channel();
    std::thread::spawn(move || {
        let mut byte = [0];
        while matches!(std::io::stdin().read(&mut byte), Ok(1)) {
            if sender.send(byte[0]).is_err() {
                return;
            }
        }
    });
    let mut open_since: [Option<Instant>; WORDS.len()] = [None; WORDS.len()];
    loop {
        let word = match open_since.iter().flatten().min() {
            None => words.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(since) => words.recv_timeout(limit.saturating_sub(since.elapsed())),
        };
        match word {
            Ok(word) => {
                for (open, (entered, left)) in open_since.iter_mut().zip(WORDS) {
                    if word == entered {
                        *open = Some(Instant::now());
                    } else if word == left {
                        *open = None;
                    }
                }
            }
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                // If the parent is gone, its number may be somebody else's by now.
                if getppid() == Some(parent) {
                    eprintln!(
                        "nodewarden watchdog: a transaction is open for {limit:?}; killing process {}",
                        parent.as_raw_nonzero()
                    );
                    let _ = kill_process(parent, Signal::KILL);
                }
                return;
            }
        }
    }
}
