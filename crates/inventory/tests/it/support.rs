//! Where test data and counterparts are, and the worker that tests start.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use inventory::worker::Launcher;

/// An example's program. Cargo builds examples with the tests, but not with one test binary alone: what is older than
/// the sources is built here.
fn built(example: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let beside = tests.parent().and_then(Path::parent).unwrap().join("examples").join(example);
    let changed = |path: &Path| path.metadata().and_then(|metadata| metadata.modified()).ok();
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut newest = None;
    for folder in ["src", "examples"] {
        each_file(&crate_folder.join(folder), &mut |path| newest = newest.max(changed(path)));
    }
    if changed(&beside) >= newest {
        return beside;
    }
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--offline", "--message-format=json", "--example", example]);
    let messages = output_of(build.current_dir(crate_folder));
    let executable = messages.lines().rev().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let is_it = message["target"]["name"] == example;
        is_it.then(|| message["executable"].as_str().map(PathBuf::from)).flatten()
    });
    executable.unwrap()
}

fn each_file(folder: &Path, visit: &mut dyn FnMut(&Path)) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() { each_file(&entry.path(), visit) } else { visit(&entry.path()) }
    }
}

/// The program of `examples/worker.rs`.
pub(crate) fn worker_program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| built("worker"))
}

/// The program of `examples/catalogue.rs`.
pub(crate) fn catalogue_program() -> PathBuf {
    built("catalogue")
}

pub(crate) fn launcher() -> Launcher {
    Launcher::program(worker_program(), ["worker"])
}

/// Says why a test does nothing, or fails where everything must be there.
pub(crate) fn skip(reason: &str) {
    assert!(std::env::var_os("PLIMSOLL_REQUIRE").is_none(), "needed and absent: {reason}");
    println!("skipped: {reason}");
}

/// The folder of shared test data.
pub(crate) fn test_data() -> Option<PathBuf> {
    let folder = std::env::var_os("PLIMSOLL_TEST_DATA").map(PathBuf::from).filter(|folder| folder.is_dir());
    if folder.is_none() {
        println!("skipped: PLIMSOLL_TEST_DATA names no folder with test data");
    }
    folder
}

/// Where what is dear to make is kept between runs.
pub(crate) fn cache() -> PathBuf {
    let own = std::env::var_os("PLIMSOLL_CACHE").map(PathBuf::from);
    own.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache/plimsoll"))
}

/// What a program that must succeed prints.
pub(crate) fn output_of(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
