//! `run`: one replica of the worker.

use clap::Args;

use super::Failure;
use crate::app;
use crate::config::Settings;

/// Run one replica of the worker.
///
/// Run as many as you like on one broker and one database: one decides, the others wait
/// in line and take over within two seconds. SIGTERM and SIGINT finish the work in hand and exit 0;
/// let a supervisor start it again after any other end.
///
/// With SQLite it creates or upgrades its tables by itself, and all replicas must run on the host
/// that has the file on a local disk.
#[derive(Debug, Args)]
pub struct Run {
    /// Address and port for HTTP (as http.listen; empty: no HTTP).
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub http_listen: Option<String>,
    /// Die or freeze at a named place: NAME=kill|stop.
    #[cfg(feature = "failpoints")]
    #[arg(long, hide = true, requires = "fail_point_file")]
    pub fail_point: Option<String>,
    /// The place is armed while this file exists; the file is removed when it is reached.
    #[cfg(feature = "failpoints")]
    #[arg(long, hide = true)]
    pub fail_point_file: Option<std::path::PathBuf>,
}

impl Run {
    /// Runs until it is asked to stop.
    pub async fn run(self, settings: Settings) -> Result<(), Failure> {
        #[cfg(feature = "failpoints")]
        if let (Some(spec), Some(file)) = (&self.fail_point, self.fail_point_file) {
            crate::failpoints::arm(spec, file).map_err(Failure::usage)?;
        }
        app::run(settings).await?;
        Ok(())
    }
}
