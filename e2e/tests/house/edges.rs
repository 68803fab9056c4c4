//! Which crate may use which: the table under "The crates" in `ARCHITECTURE.md`, held against `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::DependencyKind;

use crate::workspace::{self, TEST_SUPPORT};

/// Crate and the crates of the workspace that it may use, in the table's order.
type Table = Vec<(String, BTreeSet<String>)>;

/// Reads the rows `| image | job | – |`: names in backticks in the first and the last column, "all above" for the rows
/// so far.
fn table(document: &str) -> Table {
    let mut rows: Table = Vec::new();
    for line in document.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, _job, uses] = cells[..] else { continue };
        let uses = if uses == "all above" {
            rows.iter().map(|(name, _)| name.clone()).collect()
        } else {
            uses.split(',').filter_map(quoted).collect()
        };
        rows.push((quoted(name).expect("a crate's name in backticks"), uses));
    }
    rows
}

/// The word between backticks.
fn quoted(cell: &str) -> Option<String> {
    cell.trim().strip_prefix('`')?.strip_suffix('`').map(ToOwned::to_owned)
}

/// What each package uses of the workspace, for code, tests and build scripts alike. Test support counts where code that
/// is no test uses it.
fn edges() -> BTreeMap<String, BTreeSet<String>> {
    let packages = workspace::packages();
    let members: BTreeSet<String> = packages.iter().map(|package| package.name.to_string()).collect();
    packages
        .iter()
        .map(|package| {
            let uses = package.dependencies.iter().filter(|edge| members.contains(&edge.name));
            let uses = uses.filter(|edge| edge.name != TEST_SUPPORT || edge.kind != DependencyKind::Development);
            (package.name.to_string(), uses.map(|edge| edge.name.clone()).collect())
        })
        .collect()
}

#[test]
fn the_table_names_every_room_once_and_no_other() {
    let rows = table(&workspace::read("ARCHITECTURE.md"));
    let names: BTreeSet<String> = rows.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(names.len(), rows.len(), "a crate has two rows");
    assert_eq!(names, workspace::rooms(), "left: the table in ARCHITECTURE.md, right: the folders under crates/");
}

#[test]
fn each_row_uses_only_rows_above_it() {
    let mut above = BTreeSet::new();
    for (name, uses) in table(&workspace::read("ARCHITECTURE.md")) {
        let later: Vec<_> = uses.difference(&above).collect();
        assert!(later.is_empty(), "the row of {name} uses {later:?}, which stand below it or nowhere");
        above.insert(name);
    }
}

#[test]
fn no_crate_uses_another_that_its_row_does_not_allow() {
    let allowed: BTreeMap<_, _> = table(&workspace::read("ARCHITECTURE.md")).into_iter().collect();
    let nothing = BTreeSet::new();
    let mut wrong = Vec::new();
    for (name, uses) in edges() {
        let row = if ["e2e", TEST_SUPPORT].contains(&name.as_str()) { &nothing } else { &allowed[&name] };
        wrong.extend(uses.difference(row).map(|other| format!("{name} uses {other}")));
    }
    assert!(wrong.is_empty(), "not in the table of ARCHITECTURE.md: {wrong:#?}");
}

#[test]
fn a_row_is_read_with_its_names_and_with_all_above() {
    let rows = table(
        "| crate | job | may use |\n|---|---|---|\n| `a` | x | – |\n| `b` | y | `a` |\n| `c` | z | all above |\n",
    );
    let of = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    assert_eq!(rows, [("a".into(), of(&[])), ("b".into(), of(&["a"])), ("c".into(), of(&["a", "b"]))]);
}
