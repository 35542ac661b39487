//! Named places to crash or freeze, for tests of faults; nothing without the feature `failpoints`.
//!
//! `--fail-point NAME=kill|stop --fail-point-file FILE` arms a place as soon as FILE exists.
//! Reaching it removes FILE and signals the process, so a test decides when, and can assert that.

#[cfg(not(feature = "failpoints"))]
pub use absent::reached;
#[cfg(feature = "failpoints")]
pub use present::{arm, reached};

#[cfg(not(feature = "failpoints"))]
mod absent {
    /// Nothing: this build has no fail points.
    #[inline(always)]
    pub fn reached(_name: &'static str) {}
}

#[cfg(feature = "failpoints")]
mod present {
    use std::path::PathBuf;
    use std::sync::OnceLock;
    use std::time::Duration;

    use rustix::process::{Signal, getpid, kill_process};

    /// How long the kernel may take, on a busy machine, until the signal stops every thread.
    const TAKEN_WITHIN: Duration = Duration::from_secs(1);

    struct Armed {
        name: String,
        signal: Signal,
        file: PathBuf,
    }

    static ARMED: OnceLock<Armed> = OnceLock::new();

    /// Arms one place: `NAME=kill` or `NAME=stop`, once `file` exists.
    pub fn arm(spec: &str, file: PathBuf) -> Result<(), String> {
        let (name, action) = spec
            .split_once('=')
            .ok_or("a fail point is NAME=kill or NAME=stop")?;
        let signal = match action {
            "kill" => Signal::KILL,
            "stop" => Signal::STOP,
            other => return Err(format!("unknown action {other:?}")),
        };
        let armed = Armed {
            name: name.to_owned(),
            signal,
            file,
        };
        ARMED
            .set(armed)
            .map_err(|_| "only one fail point can be armed".to_owned())
    }

    /// This place is reached.
    pub fn reached(name: &'static str) {
        let Some(armed) = ARMED.get().filter(|armed| armed.name == name) else {
            return;
        };
        // Gone or never there: not armed (yet, or any more).
        if std::fs::remove_file(&armed.file).is_ok() {
            kill_process(getpid(), armed.signal).expect("a process may signal itself");
            // The signal is the whole process's, and any thread may take it: until one has, this
            // one must not get past its place.
            std::thread::sleep(TAKEN_WITHIN);
        }
    }
}
