//! Stacks that no header can overflow.
//!
//! The AMQP library reads the headers of a message recursively, on a thread of its own whose stack
//! we cannot choose: a publisher that nests them some thousand levels deep would end every replica,
//! one after the other. The standard library reads the size for such threads from the environment
//! when the first one starts, so the process begins again with it set.

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::config::STACK_VARIABLE;

/// Headers fit in one frame of at most 128 KiB, which is about 18,000 levels; an unoptimised build
/// needs some 20 KiB for each. Only what is used takes memory.
const STACK: &str = "536870912";

/// Replaces this process by itself, with deep stacks for the threads of libraries, unless it has
/// them. Goes on without if that fails.
pub fn with_deep_stacks() {
    if crate::config::has_stack_setting() {
        return;
    }
    let mut arguments = std::env::args_os();
    let (Some(name), Ok(this)) = (arguments.next(), std::env::current_exe()) else {
        return;
    };
    let fault = Command::new(this)
        .arg0(name)
        .args(arguments)
        .env(STACK_VARIABLE, STACK)
        .exec();
    eprintln!("cannot start with deep stacks ({fault}); hostile headers may end this process");
}
