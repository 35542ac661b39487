//! `nodewarden completions`, and the files below `deploy/` that are made of the command line itself:
//! what shells complete, and manual pages.

use std::path::PathBuf;

use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;

use super::{Failure, output};

/// The shells whose completions are shipped.
const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

/// Print what a shell needs to complete commands and options.
///
/// Example: `nodewarden completions bash > /etc/bash_completion.d/nodewarden`
#[derive(Debug, clap::Args)]
pub struct Completions {
    /// The shell.
    pub shell: Shell,
}

impl Completions {
    /// Prints them.
    pub fn run(&self, command: &Command) -> Result<(), Failure> {
        output::part(&String::from_utf8_lossy(&completions(self.shell, command)))?;
        Ok(())
    }
}

fn completions(shell: Shell, command: &Command) -> Vec<u8> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut shown(command), "nodewarden", &mut text);
    text
}

/// The command without what is hidden, which shells would complete all the same.
fn shown(command: &Command) -> Command {
    // A name lives as long as the process; this one ends once it has printed.
    let name: &'static str = command.get_name().to_owned().leak();
    let arguments = command
        .get_arguments()
        .filter(|argument| !argument.is_hide_set());
    let inner = command
        .get_subcommands()
        .filter(|inner| !inner.is_hide_set());
    Command::new(name)
        .about(command.get_about().cloned().unwrap_or_default())
        .version(command.get_version().map(|_| env!("CARGO_PKG_VERSION")))
        .args(arguments.cloned())
        .subcommands(inner.map(shown))
}

/// Every file that is made of the command line `command`, by its path in the project.
/// Errors: None: they are written into memory.
pub fn files(mut command: Command) -> std::io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut files = Vec::new();
    for shell in SHELLS {
        let path = format!("deploy/completions/nodewarden.{shell}");
        files.push((path.into(), completions(shell, &command)));
    }
    command.build();
    manual(&command, &mut files)?;
    Ok(files)
}

/// The page of a command, and those of its subcommands.
fn manual(command: &Command, files: &mut Vec<(PathBuf, Vec<u8>)>) -> std::io::Result<()> {
    let name = command
        .get_display_name()
        .unwrap_or(command.get_name())
        .to_owned();
    let mut page = Vec::new();
    Man::new(command.clone().disable_help_subcommand(true))
        .title(name.clone())
        .render(&mut page)?;
    files.push((format!("deploy/man/{name}.1").into(), page));
    let inner = command
        .get_subcommands()
        .filter(|inner| !inner.is_hide_set() && inner.get_name() != "help");
    inner.into_iter().try_for_each(|inner| manual(inner, files))
}
