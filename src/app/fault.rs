//! [`AppFault`]: why what `app` puts together did not start, or ended.

use crate::config::{Settings, SettingsFault};
use crate::placement::openstack::ApiFault;
use crate::store::StoreError;

/// What keeps a replica or a bridge from starting, or which part of it died.
#[derive(Debug, thiserror::Error)]
pub enum AppFault {
    /// A setting.
    #[error(transparent)]
    Settings(#[from] SettingsFault),
    /// The database.
    #[error("database {url}: {source}")]
    Database {
        /// Which one, without its password.
        url: String,
        /// Why.
        source: StoreError,
    },
    /// The operating system.
    #[error("{what}")]
    Start {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A part died.
    #[error("{0}")]
    Died(String),
    /// No user to log in to OpenStack with; says what to do.
    #[error("{0}")]
    Credentials(String),
    /// OpenStack.
    #[error("OpenStack: {0}")]
    OpenStack(#[from] ApiFault),
}

impl AppFault {
    pub(super) fn database(settings: &Settings, source: StoreError) -> Self {
        Self::Database {
            url: settings.database.url.redacted(),
            source,
        }
    }

    pub(super) fn start(what: impl Into<String>, source: std::io::Error) -> Self {
        Self::Start {
            what: what.into(),
            source,
        }
    }
}
