//! Named places to crash or to freeze, for tests of faults. Without the feature `failpoints`,
//! which no release build has, [`reached`] is nothing.
//!
//! A place is armed by `--fail-point NAME=ACTION[:NTH]` (`kill` or `stop`, at the NTH time it is
//! reached, the first by default). Before it acts it creates the file named by
//! `--fail-point-reached`, so that a test can assert that its place was reached.

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
    use std::sync::atomic::{AtomicU32, Ordering};

    use rustix::process::{Signal, getpid, kill_process};

    struct Armed {
        name: String,
        signal: Signal,
        nth: u32,
        hits: AtomicU32,
        file: PathBuf,
    }

    static ARMED: OnceLock<Armed> = OnceLock::new();

    /// Arms one place: `NAME=kill`, `NAME=stop`, either with `:NTH`.
    ///
    /// # Errors
    /// What of `spec` cannot be understood.
    pub fn arm(spec: &str, file: PathBuf) -> Result<(), String> {
        let (name, action) = spec
            .split_once('=')
            .ok_or("a fail point is NAME=ACTION[:NTH]")?;
        let (action, nth) = action.split_once(':').unwrap_or((action, "1"));
        let signal = match action {
            "kill" => Signal::KILL,
            "stop" => Signal::STOP,
            other => return Err(format!("unknown action {other:?}")),
        };
        let nth = nth
            .parse()
            .map_err(|_| format!("{nth:?} is not a number"))?;
        let armed = Armed {
            name: name.to_owned(),
            signal,
            nth,
            hits: AtomicU32::new(0),
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
        if armed.hits.fetch_add(1, Ordering::Relaxed) + 1 == armed.nth {
            std::fs::write(&armed.file, name)
                .expect("the file of a reached fail point can be written");
            kill_process(getpid(), armed.signal).expect("a process may signal itself");
        }
    }
}
