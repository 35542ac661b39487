//! Stacks that no header can overflow.
//!
//! The AMQP library reads the headers of a message recursively, on a thread of its own whose stack
//! we cannot choose: a publisher that nests them some thousand levels deep would end every replica,
//! one after the other. The standard library reads the size for such threads from the environment
//! when the first one starts, so the process begins again with it set.

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::config::STACK_VARIABLE;

/// 18,000 levels fit in a frame of 128 KiB, at some 20 KiB each unoptimised. Only used memory counts.
const STACK: &str = "536870912";

/// Replaces this process by itself, with deep stacks for libraries' threads; goes on without if it fails.
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
