//! Advisories that a test writes relative to what is installed.

use std::path::Path;

use serde_json::json;

/// A record in OSV's format: `name` of `ecosystem` from `introduced` on, until `fixed` where there is one.
pub(crate) fn record(folder: &Path, id: &str, ecosystem: &str, name: &str, introduced: &str, fixed: Option<&str>) {
    let mut events = vec![json!({ "introduced": introduced })];
    events.extend(fixed.map(|version| json!({ "fixed": version })));
    let record = json!({
        "schema_version": "1.7.0",
        "id": id,
        "modified": "2026-01-01T00:00:00Z",
        "summary": format!("{name}, for a test"),
        "affected": [{
            "package": { "ecosystem": ecosystem, "name": name },
            "ranges": [{ "type": "ECOSYSTEM", "events": events }],
        }],
    });
    std::fs::create_dir_all(folder).expect("a folder for advisories");
    std::fs::write(folder.join(format!("{id}.json")), record.to_string()).expect("an advisory");
}
