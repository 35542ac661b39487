//! [`Failure`]: how a command fails, whatever it did, and with which exit code.

use std::path::Path;
use std::process::ExitCode;

use rustix::fs::{Access, access};

use super::output;
use crate::app::AppFault;
use crate::broker::{BrokerError, UrlFault};
use crate::config::{Settings, SettingsFault};
use crate::placement::openstack::ApiFault;
use crate::store::{Storage, StoreError};
use crate::telemetry::{error_chain, printable_within};

/// Exit code: it was tried and failed.
pub const FAILED: u8 = 1;
/// Exit code: wrong usage or settings (`EX_USAGE` of sysexits.h).
pub const USAGE: u8 = 64;
/// Exit code: broker or database unreachable (`EX_UNAVAILABLE` of sysexits.h).
pub const UNREACHABLE: u8 = 69;

/// How a command failed: what to tell the operator, and the exit code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// [`FAILED`], [`USAGE`] or [`UNREACHABLE`].
    pub code: u8,
    /// What went wrong and what to do, without secrets.
    pub message: String,
}

impl Failure {
    fn new(code: u8, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, message }
    }

    /// It was tried and failed.
    #[must_use]
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(FAILED, message)
    }

    /// Wrong usage or settings.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(USAGE, message)
    }

    /// Broker or database unreachable.
    #[must_use]
    pub fn unreachable(message: impl Into<String>) -> Self {
        Self::new(UNREACHABLE, message)
    }

    /// What a fault of the settings' database becomes.
    pub(super) fn of(settings: &Settings) -> impl Fn(StoreError) -> Self + Copy {
        |fault| {
            let failure = Self::at("database.url", &settings.database.url.redacted(), &fault);
            // Before `migrate`, as with a server whose tables are not made yet.
            let file = settings.database.url.expose();
            if matches!(fault, StoreError::NoFile { .. }) && why_no_file(file).is_none() {
                return Self::failed(failure.message);
            }
            failure
        }
    }

    /// The database at `url`, which holds no secret and comes from this setting, failed: says why and
    /// what to do.
    #[must_use]
    pub fn at(setting: &str, url: &str, fault: &StoreError) -> Self {
        let why = error_chain(fault);
        let message = |hint: &str| format!("database {url}: {why}\n{hint}");
        if let Some(storage) = fault.storage() {
            return Self::unreachable(message(&match storage {
                Storage::Full => "There is no room for what it writes: make some on its disk.".to_owned(),
                Storage::Damaged => "The file is damaged: end every replica, and put a backup in its place (then \
                                     `nodewarden migrate --new-stream`), or what `sqlite3 FILE .recover` still reads."
                    .to_owned(),
                Storage::Foreign => {
                    format!("The file is there, and is no database of SQLite: is {setting} right?")
                }
                Storage::Failing => format!(
                    "Reading or writing fails: is {setting} a file on a local disk, and no directory? What does the \
                     system's log say of that disk?"
                ),
            }));
        }
        match fault {
            StoreError::Url(why) => Self::usage(format!("{setting} {why}")),
            StoreError::NoFile { .. } => {
                Self::unreachable(message(&why_no_file(url).unwrap_or_else(|| {
                    format!(
                        "Is {setting} right? If the file does not exist yet: `nodewarden migrate` creates it."
                    )
                })))
            }
            StoreError::Unopened(_) => Self::unreachable(message(&format!(
                "Is the server running, and are host, port, user, password and name in {setting} right?"
            ))),
            StoreError::Transient { .. } if fault.is_read_only() && url.starts_with("sqlite:") => {
                Self::unreachable(message(&format!(
                    "This user may not write the file or its directory, or {setting} says mode=ro. Run the command as \
                     the user of the service: {AS_SERVICE}"
                )))
            }
            StoreError::Transient { .. } if fault.is_read_only() => {
                Self::unreachable(message(&format!(
                    "It takes no writes: it is a standby, or was set read-only. Name the host that takes them in \
                     {setting}, or all hosts: the first that does is used."
                )))
            }
            StoreError::Transient { .. } => Self::unreachable(message(&format!(
                "It may be busy or out of reach for now: try again, or look at {setting}."
            ))),
            // The first two say by themselves what to do.
            StoreError::Schema(_)
            | StoreError::Missing { .. }
            | StoreError::Denied(_)
            | StoreError::Fenced(_)
            | StoreError::Lost(_)
            | StoreError::Permanent { .. }
            | StoreError::Corrupt(_) => Self::failed(format!("database {url}: {why}")),
        }
    }

    /// Prints the message on standard error; the code to end with.
    #[must_use]
    pub fn report(&self) -> ExitCode {
        for line in self.message.lines() {
            output::aside(&printable_within(line, 2000));
        }
        ExitCode::from(self.code)
    }
}

/// How to run a command as the user that owns an SQLite file.
const AS_SERVICE: &str = "`sudo -u nodewarden nodewarden …`";

/// Why the file of an SQLite URL cannot be opened, if it is not just one that `migrate` has yet to make.
fn why_no_file(url: &str) -> Option<String> {
    let path = url.strip_prefix("sqlite://")?.split('?').next()?;
    if path.contains('%') {
        return None;
    }
    let missing = |path: &Path| {
        std::fs::metadata(path).is_err_and(|fault| fault.kind() == std::io::ErrorKind::NotFound)
    };
    let path = Path::new(path);
    let directory = match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        Some(_) | None => Path::new("."),
    };
    let writable = || access(directory, Access::WRITE_OK | Access::EXEC_OK).is_ok();
    if missing(directory) {
        return Some(format!(
            "The directory {} does not exist.",
            directory.display()
        ));
    }
    (!missing(path) || !writable()).then(|| {
        format!(
            "This user may not open the file, or may not write there. Run the command as the user of the service: \
             {AS_SERVICE}"
        )
    })
}

impl From<AppFault> for Failure {
    fn from(fault: AppFault) -> Self {
        match fault {
            AppFault::Settings(fault) => fault.into(),
            AppFault::Database { url, source } => Self::at("database.url", &url, &source),
            AppFault::OpenStack(ApiFault::Busy(why)) => {
                Self::unreachable(format!("OpenStack: {why}"))
            }
            AppFault::Credentials(why) => Self::usage(why),
            AppFault::Start { .. } | AppFault::Died(_) | AppFault::OpenStack(_) => {
                Self::failed(error_chain(&fault))
            }
        }
    }
}

/// Faults that say all by themselves, and the code that each ends with.
macro_rules! ends_with {
    ($($fault:ty => $end:ident),*) => {
        $(impl From<$fault> for Failure {
            fn from(fault: $fault) -> Self {
                Self::$end(fault.to_string())
            }
        })*
    };
}

ends_with! {
    std::io::Error => failed, SettingsFault => usage, UrlFault => usage
}

impl From<BrokerError> for Failure {
    fn from(fault: BrokerError) -> Self {
        // The library says the name of the code, and the broker says it again.
        let said = ["NOT_FOUND", "ACCESS_REFUSED", "PRECONDITION_FAILED"]
            .iter()
            .fold(fault.to_string(), |said, code| {
                said.replace(&format!("{}: {code}", code.replace('_', "-")), code)
            });
        let (code, hint) = match fault {
            BrokerError::Missing(_) => (
                FAILED,
                "\n`nodewarden run` declares what is missing: is it running, with the same names in [amqp]?",
            ),
            BrokerError::Refused(_) => (FAILED, ""),
            BrokerError::Unreachable(_) => (
                UNREACHABLE,
                "\nIs the broker running, and are host and port in amqp.url right?",
            ),
            BrokerError::Denied(_) | BrokerError::Lost(_) => (UNREACHABLE, ""),
        };
        Self::new(code, said + hint)
    }
}
