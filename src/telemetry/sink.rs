//! Where log lines go: standard error, which something else reads, or does not. A replica that waited for
//! its reader would stop deciding with the queue in its hands; so a line that finds no room is dropped and
//! counted.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::{Mutex, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tracing_subscriber::fmt::MakeWriter;

/// So much always fits where there is room at all (PIPE_BUF of Linux).
const PIECE: usize = 4096;

/// How long to wait for room, once: a reader that is only slow makes some meanwhile.
const PATIENCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};
const AT_ONCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 0,
};

/// Writes lines to `out` as long as it takes them.
pub(super) struct Sink<W> {
    out: Mutex<Out<W>>,
}

struct Out<W> {
    to: W,
    /// Lines that were dropped since the last one that was written.
    dropped: u64,
    /// The first of them was begun.
    cut: bool,
}

impl<W: Write + AsFd> Sink<W> {
    pub(super) fn new(to: W) -> Self {
        let out = Mutex::new(Out {
            to,
            dropped: 0,
            cut: false,
        });
        Self { out }
    }
}

/// Writes a line to standard error, unless that makes it wait for long.
pub fn tell(line: &str) {
    let sink = Sink::new(io::stderr());
    let _ = (&sink).write(format!("{line}\n").as_bytes());
}

impl<'s, W: Write + AsFd + 's> MakeWriter<'s> for Sink<W> {
    type Writer = &'s Self;

    fn make_writer(&'s self) -> Self::Writer {
        self
    }
}

impl<W: Write + AsFd> Write for &Sink<W> {
    /// Never fails and never waits for long: there is no place to say so.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let patience = if out.dropped == 0 { PATIENCE } else { AT_ONCE };
        if !has_room(&out.to, &patience) {
            out.dropped += 1;
            return Ok(line.len());
        }
        if out.dropped > 0 {
            let note = format!("{}{}", if out.cut { "\n" } else { "" }, note(out.dropped));
            (out.dropped, out.cut) = (0, false);
            let _ = out.to.write_all(note.as_bytes());
        }
        for (number, piece) in line.chunks(PIECE).enumerate() {
            if !has_room(&out.to, &PATIENCE) || out.to.write_all(piece).is_err() {
                out.dropped += 1;
                out.cut = number > 0;
                break;
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn note(dropped: u64) -> String {
    let lines = if dropped == 1 {
        "line was"
    } else {
        "lines were"
    };
    format!(
        "{{\"level\":\"WARN\",\"message\":\"{dropped} log {lines} dropped: nothing read standard error\"}}\n"
    )
}

fn has_room(out: &impl AsFd, patience: &Timespec) -> bool {
    let mut asked = [PollFd::new(out, PollFlags::OUT)];
    // What cannot be asked, and what nothing reads any more, does not make a writer wait.
    poll(&mut asked, Some(patience)).map_or(true, |ready| ready > 0)
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, pipe};

    use super::*;

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "it measures real time that a pipe takes"
    )]
    fn a_reader_that_stands_still_costs_lines_and_no_time_and_is_told_how_many() {
        let (reader, writer) = pipe().unwrap();
        let sink = Sink::new(writer);
        let line = format!("{}\n", "x".repeat(999));
        let (mut written, mut began) = (0_u64, std::time::Instant::now());
        while sink.out.lock().unwrap().dropped < 1000 {
            assert_eq!((&sink).write(line.as_bytes()).unwrap(), line.len());
            written += 1;
            if sink.out.lock().unwrap().dropped == 1 {
                began = std::time::Instant::now();
            }
        }
        assert!(began.elapsed().as_millis() < 5000, "{:?}", began.elapsed());
        let mut lines = BufReader::new(reader).lines();
        for _ in 0..written - 1000 {
            assert_eq!(lines.next().unwrap().unwrap(), line.trim_end());
        }
        assert_eq!((&sink).write(b"again\n").unwrap(), 6);
        assert_eq!(
            lines.next().unwrap().unwrap(),
            "{\"level\":\"WARN\",\"message\":\"1000 log lines were dropped: nothing read standard error\"}"
        );
        assert_eq!(lines.next().unwrap().unwrap(), "again");
        assert!(note(1).contains("1 log line was dropped: "), "{}", note(1));
        drop(lines);
        assert_eq!((&sink).write(b"to a reader that is gone\n").unwrap(), 25);
    }
}
