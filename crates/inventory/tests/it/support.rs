//! Where test data and counterparts are, and the worker that tests start.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use inventory::worker::Launcher;

/// The program of `examples/worker.rs`, built where it is not: Cargo builds examples with the tests, but not with
/// one test binary alone.
pub(crate) fn worker_program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let build = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--offline", "--example", "worker", "--message-format=json"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        assert!(build.status.success(), "{}", String::from_utf8_lossy(&build.stderr));
        let messages = String::from_utf8(build.stdout).unwrap();
        let executables = messages.lines().filter_map(|line| {
            let message: serde_json::Value = serde_json::from_str(line).ok()?;
            let is_worker = message["target"]["name"] == "worker";
            is_worker.then(|| message["executable"].as_str().map(PathBuf::from)).flatten()
        });
        executables.last().unwrap()
    })
}

pub(crate) fn launcher() -> Launcher {
    Launcher::program(worker_program(), ["worker"])
}

/// Says why a test does nothing, or fails where everything must be there.
pub(crate) fn skip(reason: &str) {
    assert!(std::env::var_os("PLIMSOLL_REQUIRE").is_none(), "needed and absent: {reason}");
    println!("skipped: {reason}");
}
