//! Programs and data from outside that some tests need.

use std::path::PathBuf;
use std::process::Command;

/// A file of the shared test data; without it the test is skipped, or fails where CI demands it.
pub(crate) fn shared_data(path: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("PLIMSOLL_TEST_DATA") else {
        println!("skipped: PLIMSOLL_TEST_DATA names no folder with {path}");
        return None;
    };
    let file = PathBuf::from(folder).join(path);
    assert!(file.exists(), "{} is missing", file.display());
    Some(file)
}

/// Whether a program can be run; without it the test is skipped, or fails where CI demands it.
pub(crate) fn has_program(name: &str) -> bool {
    let found = Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        let required = std::env::var_os("PLIMSOLL_REQUIRE").is_some_and(|value| value == "1");
        assert!(!required, "{name} is not installed, and PLIMSOLL_REQUIRE=1 asks for it");
        println!("skipped: {name} is not installed");
    }
    found
}

/// Runs a program to its successful end.
pub(crate) fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Whether the test runs as root; otherwise it is skipped, or fails where CI demands it.
pub(crate) fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        let required = std::env::var_os("PLIMSOLL_REQUIRE").is_some_and(|value| value == "1");
        assert!(!required, "this test needs root, and PLIMSOLL_REQUIRE=1 asks for it");
        println!("skipped: needs root");
    }
    is_root
}
