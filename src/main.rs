//! The binary: parses, runs, ends with the right code.

use std::process::ExitCode;

fn main() -> ExitCode {
    nodewarden::cli::main()
}
