//! The real binary, as somebody calls it by hand.

use std::path::Path;
use std::process::{Command, Stdio};

use nodewarden_tests::deployment::binary;

/// A command with settings; nothing of the environment's says whom to trust.
pub fn nodewarden(words: &[&str], settings: &[String]) -> Command {
    let mut command = Command::new(binary());
    command
        .args(words)
        .env_remove("SSL_CERT_FILE")
        .env_remove("SSL_CERT_DIR")
        .stdin(Stdio::null());
    for setting in settings {
        command.arg("--set").arg(setting);
    }
    command
}

/// Trusts that authority, and no other.
pub fn trusting<'a>(command: &'a mut Command, authority: &Path) -> &'a mut Command {
    command.env("SSL_CERT_FILE", authority)
}

/// It goes well; what it says.
#[track_caller]
pub fn goes_well(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{command:?}: {told}");
    String::from_utf8(output.stdout).unwrap()
}

/// It ends with that code, and says all of `words`.
#[track_caller]
pub fn is_refused(command: &mut Command, code: i32, words: &[&str]) {
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    for word in words {
        assert!(told.contains(word), "{word:?} is not in: {told}");
    }
    assert_eq!(output.status.code(), Some(code), "{command:?}: {told}");
}
