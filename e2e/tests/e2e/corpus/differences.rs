//! Where Plimsoll and Syft differ, and why each time.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::Listed;
use crate::machine;

/// Why something is on one side alone.
struct Explanation {
    /// `plimsoll` or `syft`.
    only: String,
    kind: String,
    /// Name and version, with `*` for anything.
    name: String,
    version: String,
    why: String,
}

/// Writes the table of differences, and fails for each that nothing explains.
pub(crate) fn explained(ours: &BTreeSet<Listed>, syfts: &BTreeSet<Listed>) {
    let explanations = read();
    let mut table = String::from("| only in | package | why |\n|---|---|---|\n");
    let mut unexplained = Vec::new();
    for (side, only) in [("plimsoll", ours - syfts), ("syft", syfts - ours)] {
        for listed in &only {
            let why = explanations.iter().find(|explanation| explanation.holds(side, listed));
            let Listed { kind, name, version } = listed;
            let text = why.map_or("**not explained**", |explanation| &explanation.why);
            writeln!(table, "| {side} | {kind} {name} {version} | {text} |").expect("a string takes all");
            if why.is_none() {
                unexplained.push(format!("only {side}: {kind} {name} {version}"));
            }
        }
    }
    let place = std::env::var_os("CARGO_TARGET_TMPDIR").map_or_else(std::env::temp_dir, Into::into);
    let path = place.join("plimsoll-corpus-differences.md");
    std::fs::write(&path, table).expect("the table of differences");
    println!("both find {}; the differences are in {}", ours.intersection(syfts).count(), path.display());
    assert!(unexplained.is_empty(), "{} differences are not explained:\n{}", unexplained.len(), unexplained.join("\n"));
}

fn read() -> Vec<Explanation> {
    let path = machine::root().join("e2e/tests/e2e/corpus/differences.toml");
    let text = std::fs::read_to_string(&path).expect("the explanations");
    let table: toml::Table = text.parse().expect("the explanations are TOML");
    let rows = table["difference"].as_array().expect("a list of differences");
    let field = |row: &toml::Value, key: &str, otherwise: &str| {
        row.get(key).and_then(toml::Value::as_str).unwrap_or(otherwise).to_owned()
    };
    let explanation = |row: &toml::Value| Explanation {
        only: field(row, "only", ""),
        kind: field(row, "kind", ""),
        name: field(row, "name", "*"),
        version: field(row, "version", "*"),
        why: field(row, "why", ""),
    };
    let all: Vec<_> = rows.iter().map(explanation).collect();
    assert!(all.iter().all(|one| one.why.len() > 20), "each difference needs its reason");
    all
}

impl Explanation {
    fn holds(&self, side: &str, listed: &Listed) -> bool {
        self.only == side
            && self.kind == listed.kind
            && matches(&self.name, &listed.name)
            && matches(&self.version, &listed.version)
    }
}

/// Whether a text is the pattern, whose `*` stand for anything.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len()).filter(|at| rest.is_char_boundary(*at)).any(|at| matches(after, &rest[at..]))
        }),
    }
}
