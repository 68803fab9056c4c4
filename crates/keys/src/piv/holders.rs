//! Which programs talk to cards at this moment, for the message that one of them holds ours.

use std::fs;
use std::path::Path;

/// Names and process ids of other programs that have the smart card service's client library loaded, those that are
/// known to keep cards first. Only what this user may see; empty where there is no `/proc`.
pub(crate) fn holders() -> Vec<String> {
    let mut found = Vec::new();
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    for process in processes.flatten() {
        let Some(id) = process.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        if id == std::process::id() || !has_library(&process.path()) {
            continue;
        }
        let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
        // A process names itself: nothing of it may reach a terminal raw.
        let name: String = name.trim_end().chars().filter(|letter| !letter.is_control()).take(32).collect();
        found.push((!name.contains("scdaemon"), id, name));
    }
    found.sort();
    found.into_iter().map(|(_, id, name)| format!("{name} (process {id})")).collect()
}

fn has_library(process: &Path) -> bool {
    // scdaemon loads the library at run time, so its links tell nothing; what is mapped does.
    fs::read_to_string(process.join("maps")).is_ok_and(|maps| maps.contains("/libpcsclite"))
}
