//! The command line as a whole: global options, the list of commands, and what a run of one means
//! for the exit code.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use super::bridge::Bridge;
use super::conductors::Conductors;
use super::dead_letters::Letters;
use super::emit::Emit;
use super::explain::Explain;
use super::history::History;
use super::migrate::Migrate;
use super::nodes::Nodes;
use super::pages::Completions;
use super::pause::{Pause, Resume};
use super::placement::Placement;
use super::release::Release;
use super::run::Run;
use super::status::Status;
use super::streamed::Streamed;
use super::tail::Tail;
use super::whatif::WhatIf;
use super::{Failure, Output, USAGE, output};
use crate::broker;
use crate::config::{self, Settings};
use crate::lifecycle::{self, watchdog};
use crate::telemetry;

/// What every command understands, in a section of its own in every help.
const GLOBAL: &str = "Everywhere";

/// Takes bare-metal nodes out of service when no active conductor supports their driver, and puts
/// exactly those back when one does.
///
/// Conductors report over RabbitMQ that they joined, are alive, or left; schedulers learn which nodes
/// are out of service. Run as many replicas as you like: one decides.
///
/// To begin: `nodewarden migrate`, `nodewarden nodes import FILE`, `nodewarden run`; then
/// `nodewarden emit joined …` and `nodewarden tail` to see it work.
///
/// Settings come from a TOML file, overridden by environment variables NODEWARDEN_SECTION__KEY, such as
/// NODEWARDEN_AMQP__URL, overridden by flags. Exit codes: 0 done, 1 failed, 64 wrong usage or
/// settings, 69 broker or database unreachable.
#[derive(Debug, Parser)]
#[command(name = "nodewarden", version, max_term_width = 100)]
pub struct Cli {
    /// The settings file (or NODEWARDEN_CONFIG).
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The broker (as amqp.url). Every user of this machine can read a password here: prefer the file
    /// or the environment.
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "URL")]
    amqp_url: Option<String>,
    /// The database (as database.url).
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "URL")]
    database_url: Option<String>,
    /// Any setting, such as decide.sweep_interval=30s. Repeat for more.
    #[arg(long = "set", global = true, help_heading = GLOBAL, value_name = "SECTION.KEY=VALUE")]
    set: Vec<String>,
    /// How to print results.
    #[arg(long, global = true, help_heading = GLOBAL, value_enum, default_value_t)]
    output: Output,
    /// Log level: error, warn, info, debug, trace.
    #[arg(long, global = true, help_heading = GLOBAL, default_value = "info")]
    log: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(Run),
    Migrate(Migrate),
    /// Fill the table of nodes, and list it.
    #[command(subcommand)]
    Nodes(Nodes),
    Emit(Emit),
    Tail(Tail),
    Status(Status),
    Pause(Pause),
    Resume(Resume),
    Release(Release),
    #[command(subcommand)]
    Explain(Explain),
    History(History),
    #[command(name = "whatif")]
    WhatIf(WhatIf),
    DeadLetters(Letters),
    /// Publish lifecycle events for conductors that publish none themselves.
    #[command(subcommand)]
    Bridge(Bridge),
    Placement(Placement),
    /// Change what nodewarden remembers about conductors.
    #[command(subcommand)]
    Conductors(Conductors),
    Completions(Completions),
    /// Kills its parent if a transaction stays open too long; started by `run`.
    #[command(hide = true)]
    Watchdog {
        #[arg(long)]
        limit_ms: u64,
    },
}

/// Ends the long help of every command.
const EXIT_CODES: &str =
    "Exit codes: 0 done, 1 failed, 64 wrong usage or settings, 69 broker or database unreachable.";

/// The command line with all that its help says.
#[must_use]
pub fn command() -> clap::Command {
    with_exit_codes(Cli::command())
}

fn with_exit_codes(command: clap::Command) -> clap::Command {
    let inner = command.has_subcommands();
    let command = command.mut_subcommands(with_exit_codes);
    if inner {
        command
    } else {
        command.after_long_help(EXIT_CODES)
    }
}

fn parsed() -> Result<Cli, clap::Error> {
    let matches = command().try_get_matches()?;
    Cli::from_arg_matches(&matches).map_err(|fault| fault.format(&mut command()))
}

/// Parses the command line, runs the command, and says how to end.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match parsed() {
        Ok(cli) => cli,
        Err(fault) => {
            let text = fault.to_string();
            // A URL in the wrong place may hold a password.
            if fault.use_stderr() && text.contains("://") {
                output::aside(&config::without_passwords(&text));
            } else {
                let _ = fault.print();
            }
            return ExitCode::from(if fault.use_stderr() { USAGE } else { 0 });
        }
    };
    if let Command::Watchdog { limit_ms } = cli.command {
        let limit = std::time::Duration::from_millis(limit_ms);
        watchdog::watch(limit, telemetry::tell);
        return ExitCode::SUCCESS;
    }
    if matches!(cli.command, Command::Run(_))
        && let Some(code) = lifecycle::as_first_process()
    {
        return code;
    }
    if matches!(
        cli.command,
        Command::Run(_) | Command::Tail(_) | Command::DeadLetters(_) | Command::Placement(_)
    ) {
        // These read messages of others.
        lifecycle::with_deep_stacks();
    }
    match start(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn start(cli: Cli) -> Result<(), Failure> {
    if let Command::Completions(command) = &cli.command {
        return command.run(&self::command());
    }
    telemetry::init_logs(&cli.log).map_err(Failure::usage)?;
    let settings = cli.settings()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let outcome = runtime.block_on(cli.run(settings));
    // What is left are readers of standard input and the like, which nothing waits for.
    runtime.shutdown_background();
    outcome
}

impl Cli {
    fn settings(&self) -> Result<Settings, Failure> {
        let mut overrides = Vec::new();
        for pair in &self.set {
            let (key, value) = pair.split_once('=').ok_or_else(|| {
                Failure::usage(format!(
                    "--set {}: write SECTION.KEY=VALUE",
                    config::without_passwords(pair)
                ))
            })?;
            overrides.push((key.to_owned(), value.to_owned()));
        }
        let mut flags = vec![
            ("amqp.url", &self.amqp_url),
            ("database.url", &self.database_url),
        ];
        if let Command::Run(run) = &self.command {
            flags.push(("http.listen", &run.http_listen));
        }
        if let Command::Bridge(Bridge::Ironic(ironic)) = &self.command {
            flags.push(("bridge.listen", &ironic.listen));
        }
        if let Command::Placement(placement) = &self.command {
            flags.push(("placement.listen", &placement.listen));
        }
        for (key, value) in flags {
            overrides.extend(value.iter().map(|value| (key.to_owned(), value.clone())));
        }
        let file = self.config.clone().or_else(config::file_from_environment);
        let settings = Settings::load(file.as_deref(), &overrides)?;
        broker::check_url(&settings.amqp.url)?;
        Ok(settings)
    }

    async fn run(self, settings: Settings) -> Result<(), Failure> {
        let output = self.output;
        let answer = match self.command {
            Command::WhatIf(command) => return command.run(&settings, output).await,
            Command::Explain(command) => return command.run(&settings, output).await,
            Command::Migrate(command) => command.answer(&settings, output).await?,
            Command::Nodes(Nodes::Import(command)) => command.answer(&settings, output).await?,
            Command::Resume(command) => command.answer(&settings, output).await?,
            Command::Conductors(Conductors::Forget(command)) => {
                command.answer(&settings, output).await?
            }
            Command::Nodes(Nodes::List(command)) => return command.run(&settings, output).await,
            Command::Status(command) => return command.run(&settings, output).await,
            Command::Pause(command) => return command.run(&settings, output).await,
            Command::History(command) => return command.run(&settings, output).await,
            Command::Completions(command) => return command.run(&self::command()),
            Command::Run(command) => return command.run(settings).await,
            Command::Emit(command) => return command.run(&settings, output).await,
            Command::Tail(command) => return command.run(&settings).await,
            Command::Release(command) => return command.run(&settings, output).await,
            Command::DeadLetters(command) => return command.run(&settings, output).await,
            Command::Bridge(command) => return command.run(settings, output).await,
            Command::Placement(command) => return command.run(settings, output).await,
            Command::Watchdog { .. } => return Ok(()),
        };
        Ok(output::done(&answer)?)
    }
}
