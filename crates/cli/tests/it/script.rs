//! Programs of shell that a test makes.

use std::path::Path;
use std::process::Command;

/// A program of shell. Another program writes it: a child that some other test forks at this moment would hold it open for
/// writing, and then it cannot be executed.
pub(crate) fn script(program: &Path, lines: &str) {
    let mut writer = Command::new("sh");
    writer.args(["-c", "printf '#!/bin/sh\\n%s\\n' \"$1\" > \"$0\" && chmod 755 \"$0\""]);
    assert!(writer.args([program.as_os_str(), lines.as_ref()]).status().unwrap().success());
}
