//! Everything that the package managers list is found, and every difference to Syft has its explanation.

mod differences;
mod judges;
mod made;
mod syft;

use std::collections::BTreeSet;

use crate::command::{command, succeed};
use crate::machine;
use made::Corpus;

/// A package as both sides name it: the type of its package URL, its name, its version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Listed {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) version: String,
}

impl Listed {
    pub(crate) fn new(kind: &str, name: &str, version: &str) -> Self {
        // PEP 503: a name's case and marks say nothing.
        let name = if kind == "pypi" { name.to_lowercase().replace(['_', '.'], "-") } else { name.to_owned() };
        Self { kind: kind.into(), name, version: version.into() }
    }
}

const PROGRAMS: &[&str] = &["mmdebstrap", "umoci", "tar", "dpkg-query", "npm", "gem", "python3"];

#[test]
fn what_the_package_managers_list_is_found_and_each_difference_to_syft_is_explained() {
    if !machine::able(PROGRAMS) {
        return;
    }
    let Some(syft) = syft::program() else { return };
    let work = tempfile::tempdir().expect("a folder for the corpus");
    let corpus = Corpus::made(work.path());
    let ours = found(&corpus);
    for (judge, listed) in judges::lists(&corpus) {
        assert!(listed.len() > 1, "{judge} lists hardly anything: {listed:?}");
        let missed: Vec<_> = listed.difference(&ours).collect();
        assert!(missed.is_empty(), "{judge} lists what was not found: {missed:#?}");
    }
    differences::explained(&ours, &syft::found(&syft, &corpus));
}

/// What Plimsoll finds.
fn found(corpus: &Corpus) -> BTreeSet<Listed> {
    let data = corpus.work.join("data");
    let plimsoll = |arguments: &[&str]| {
        let mut plimsoll = command(machine::plimsoll(), ["--data"]);
        plimsoll.arg(&data).args(arguments);
        plimsoll
    };
    succeed({
        let mut import = plimsoll(&["db", "import"]);
        import.arg(machine::root().join("demo/advisories"));
        import
    });
    let scan = plimsoll(&["scan", "--offline", "--format", "json", &corpus.target()]);
    let report: serde_json::Value = serde_json::from_str(&succeed(scan)).expect("a report");
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let packages = report["packages"].as_array().expect("packages");
    packages.iter().map(|one| Listed::new(&text(&one["kind"]), &text(&one["name"]), &text(&one["version"]))).collect()
}
