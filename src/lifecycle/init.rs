//! The first process of a PID namespace, as in most containers. No SIGKILL from within reaches it,
//! so its watchdog could not end a stuck replica (I9); and it must reap orphans. So nodewarden
//! starts itself again as a child there, hands on signals, reaps, and ends as the child did.

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, wait};
use tokio::signal::unix::{SignalKind, signal};

/// Signals that are meant for the work, and what they are in a runtime's words.
const HANDED_ON: [(Signal, fn() -> SignalKind); 4] = [
    (Signal::TERM, SignalKind::terminate),
    (Signal::INT, SignalKind::interrupt),
    (Signal::HUP, SignalKind::hangup),
    (Signal::QUIT, SignalKind::quit),
];

/// In the first process of a PID namespace: runs this program as a child; the code to end with.
#[must_use]
pub fn as_first_process() -> Option<ExitCode> {
    if std::process::id() != 1 {
        return None;
    }
    match with_child() {
        Ok(code) => Some(ExitCode::from(code)),
        Err(fault) => {
            eprintln!(
                "nodewarden is process 1 of its container and cannot start its child: {fault}"
            );
            Some(ExitCode::FAILURE)
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn with_child() -> std::io::Result<u8> {
    let mut ended = signal(SignalKind::child())?;
    let mut signals = Vec::new();
    for (number, kind) in HANDED_ON {
        signals.push((number, signal(kind())?));
    }
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_else(|| "nodewarden".into());
    let child = Command::new(std::env::current_exe()?)
        .arg0(name)
        .args(arguments)
        .spawn()?;
    let child = Pid::from_child(&child);
    loop {
        let next = std::future::poll_fn(|context| {
            for (number, stream) in &mut signals {
                if stream.poll_recv(context).is_ready() {
                    return std::task::Poll::Ready(Some(*number));
                }
            }
            ended.poll_recv(context).map(|_| None)
        });
        if let Some(number) = next.await {
            // One that has just ended is seen below.
            let _ = kill_process(child, number);
        }
        if let Some(code) = reap(child)? {
            return Ok(code);
        }
    }
}

/// Reaps all that has ended; the code of `child`, if it is among them.
fn reap(child: Pid) -> std::io::Result<Option<u8>> {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) if pid == child => return Ok(Some(code(status))),
            Ok(Some(_)) => {}
            Ok(None) => return Ok(None),
            Err(fault) => return Err(fault.into()),
        }
    }
}

/// As a shell says it: the code, or 128 and the number of the signal.
fn code(status: WaitStatus) -> u8 {
    let code = match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => code,
        (None, Some(signal)) => 128 + signal,
        (None, None) => 1,
    };
    u8::try_from(code).unwrap_or(1)
}
