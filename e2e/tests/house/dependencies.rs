//! Every dependency has its reason, in `docs/dependencies.md`, and somebody who uses it.

use std::collections::BTreeSet;

use crate::workspace;

/// The crates from elsewhere that `[workspace.dependencies]` names.
fn declared() -> BTreeSet<String> {
    let manifest = workspace::manifest("Cargo.toml");
    let table = manifest["workspace"]["dependencies"].as_table().expect("a table of dependencies");
    table.iter().filter(|(_, value)| value.get("path").is_none()).map(|(name, _)| name.clone()).collect()
}

#[test]
fn each_dependency_has_one_line_that_says_why() {
    let document = workspace::read("docs/dependencies.md");
    let mut explained = BTreeSet::new();
    for line in document.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 4, "crate, what for, why this one, cost to leave: {line}");
        assert!(cells[1..].iter().all(|cell| cell.len() > 3), "an empty cell: {line}");
        assert!(explained.insert(cells[0].trim_matches('`').to_owned()), "explained twice: {line}");
    }
    assert_eq!(explained, declared(), "left: docs/dependencies.md, right: [workspace.dependencies] in Cargo.toml");
}

#[test]
fn no_version_is_declared_that_no_crate_takes() {
    let taken: BTreeSet<String> = workspace::packages()
        .iter()
        .flat_map(|package| package.dependencies.iter().map(|dependency| dependency.name.clone()))
        .collect();
    let idle: Vec<_> = declared().into_iter().filter(|name| !taken.contains(name)).collect();
    assert!(idle.is_empty(), "in [workspace.dependencies], but no crate takes them: {idle:?}");
}

#[test]
fn versions_stand_in_the_workspace_manifest_alone() {
    let mut wrong = Vec::new();
    for folder in workspace::folders() {
        let manifest = workspace::manifest(&format!("{folder}/Cargo.toml"));
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (name, value) in manifest.get(section).and_then(toml::Value::as_table).into_iter().flatten() {
                if value.get("workspace").and_then(toml::Value::as_bool) != Some(true) {
                    wrong.push(format!("{folder}: {name}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "these should say `workspace = true`: {wrong:?}");
}
