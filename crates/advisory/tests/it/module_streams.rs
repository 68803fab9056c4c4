//! A build of one module stream meets the records of its stream, and of no other: with AlmaLinux's real records, and
//! labels that are read here straight from their JSON.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use advisory::index::Writer;
use advisory::sources::{self, Limits, osv::Input};
use advisory::versions::Scheme;
use advisory::{Index, Match, Rule, Verdict};
use inventory::package::Located;
use inventory::{Inventory, Package, PackageKind};
use serde_json::Value;

use crate::support::{Library, data, release, unpack};

fn ask(index: &Index, name: &str, version: &str, module: Option<&str>, major: &str) -> Vec<Match> {
    let package = Package {
        module: module.map(Into::into),
        ..Package::new(PackageKind::Rpm, name.to_owned(), version.to_owned())
    };
    let located =
        Located { package, purl: String::new(), path: "/var/lib/rpm/rpmdb.sqlite".into(), layer: 0, owner: None };
    let inventory = Inventory { release: Some(release("almalinux", major)), ..Inventory::default() };
    match index.verdict_in(&located, &inventory).expect("a sound index") {
        Verdict::Covered(found) => found,
        Verdict::Unknown { ecosystem } => panic!("{ecosystem} is not covered"),
    }
}

fn counted(found: &[Match]) -> BTreeSet<String> {
    found.iter().filter(|found| found.suppressed.is_none()).map(|found| found.id.clone()).collect()
}

fn rule(found: &[Match]) -> Option<Rule> {
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].suppressed.as_ref().map(|suppression| suppression.rule)
}

fn record(id: &str, summary: &str, fixed: &str) -> String {
    format!(
        r#"{{"id": "{id}", "modified": "2026-01-01T00:00:00Z", "summary": "{summary}", "affected": [{{"package": {{"ecosystem": "AlmaLinux:8", "name": "nodejs"}},
        "ranges": [{{"type": "ECOSYSTEM", "events": [{{"introduced": "0"}}, {{"fixed": "{fixed}"}}]}}]}}]}}"#
    )
}

#[test]
fn a_package_of_no_module_is_not_hit_by_module_builds_nor_the_other_way_round() {
    let modular =
        Library::of(&[&record("A-1", "Important: nodejs:18 update", "1:18.9.1-1.module_el8.7.0+3343+ea2b7901")]);
    let plain = Library::of(&[&record("A-2", "Important: nodejs update", "1:18.9.1-1.el8")]);
    let module = Some("nodejs:18:8070020221009220316:bd1311ed");
    let ask = |library: &Library, version: &str, module| rule(&ask(&library.index, "nodejs", version, module, "8"));
    assert_eq!(ask(&modular, "1:16.1.0-1.el8", None), Some(Rule::ModuleStream));
    assert_eq!(ask(&modular, "1:18.1.0-1.module_el8.7.0+1+abc", module), None);
    assert_eq!(ask(&plain, "1:16.1.0-1.el8", None), None);
    assert_eq!(ask(&plain, "1:18.1.0-1.module_el8.7.0+1+abc", module), Some(Rule::ModuleStream));
}

#[test]
fn without_a_label_the_build_or_the_streams_number_tells() {
    let library = Library::of(&[
        &record("A-16", "Important: nodejs:16 update", "1:16.20.2-1.module_el8.9.0+3637+d6d1c5d1"),
        &record("A-18", "Important: nodejs:18 update", "1:18.9.1-1.module_el8.7.0+3343+ea2b7901"),
    ]);
    let counted = |version: &str| counted(&ask(&library.index, "nodejs", version, None, "8"));
    assert!(
        counted("1:16.20.2-1.module_el8.9.0+3637+d6d1c5d1").is_empty(),
        "a build that a record of its stream names"
    );
    assert!(counted("1:16.20.3-1.module_el8.9.0+9999+aaaaaaaa").is_empty(), "a later one, by its number");
    assert_eq!(counted("1:18.1.0-1.module_el8.6.0+1+bbbbbbbb"), BTreeSet::from(["A-18".to_owned()]));
    // Where the streams are no numbers nothing tells, and the record counts.
    let named = Library::of(&[&record("A-1", "Important: nodejs:rhel8 update", "1:18.9.1-1.module_el8.7.0+1+aa")]);
    assert_eq!(rule(&ask(&named.index, "nodejs", "1:16.1.0-1.module_el8.6.0+2+bb", None, "8")), None);
}

/// A record's word on one package.
struct Label {
    id: String,
    streams: BTreeSet<String>,
    fixed: String,
}

/// `Important: nodejs:18 security update`, `httpd:2.4/mod_http2`: the words with a colon in their middle.
fn streams(summary: &str) -> BTreeSet<String> {
    let words = summary.split(' ').map(|word| word.trim_end_matches([',', '.']));
    let words = words.map(|word| word.split('/').next().unwrap_or_default());
    words.filter(|word| word.find(':').is_some_and(|at| at > 0 && at + 1 < word.len())).map(ToOwned::to_owned).collect()
}

/// AlmaLinux's records: by ecosystem and package what each says, and the index made of them.
struct AlmaLinux {
    labels: BTreeMap<(String, String), Vec<Label>>,
    index: Index,
    _folder: tempfile::TempDir,
}

fn almalinux() -> Option<AlmaLinux> {
    let path = data("osv/almalinux-8-9.osv.tar.zst")?;
    let mut labels: BTreeMap<(String, String), Vec<Label>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for (name, content) in unpack(&path) {
        if !name.ends_with("json") {
            continue;
        }
        let record: Value = serde_json::from_slice(&content).expect("JSON");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        for affected in record["affected"].as_array().into_iter().flatten() {
            let place = (text(&affected["package"]["ecosystem"]), text(&affected["package"]["name"]));
            let fixed = text(&affected["ranges"][0]["events"][1]["fixed"]);
            let id = text(&record["id"]);
            if seen.insert((place.clone(), id.clone(), fixed.clone())) {
                labels.entry(place).or_default().push(Label { id, streams: streams(&text(&record["summary"])), fixed });
            }
        }
    }
    let folder = tempfile::TempDir::new().expect("a folder");
    let input = Input::open(&path).expect("the archive");
    let segment = sources::import(input, "alma", folder.path(), Limits::default()).expect("an import");
    let mut writer = Writer::lock(&folder.path().join(Index::FILE), &|_| {}).expect("the lock");
    let index = writer.commit(&[segment], &[]).expect("an index");
    Some(AlmaLinux { labels, index, _folder: folder })
}

#[test]
fn every_real_build_of_a_stream_meets_the_records_of_its_stream_alone() {
    let Some(AlmaLinux { labels, index, .. }) = &almalinux() else { return };
    let (mut asked, mut hidden, mut unlabelled) = (0, 0, 0);
    for ((ecosystem, name), records) in labels {
        let major = ecosystem.trim_start_matches("AlmaLinux:");
        let modular = |fixed: &str| fixed.contains(".module_");
        // Without a stream in the summary there is no label to hold the answer against.
        if !records.iter().any(|label| modular(&label.fixed))
            || records.iter().any(|label| modular(&label.fixed) && label.streams.is_empty())
        {
            continue;
        }
        for installed in records.iter().filter(|label| modular(&label.fixed)).step_by(3) {
            for stream in &installed.streams {
                let is_own = |label: &&Label| {
                    let devel = |stream: &str| stream.replacen("-devel:", ":", 1);
                    modular(&label.fixed) && label.streams.iter().any(|other| devel(other) == devel(stream))
                };
                let expected: BTreeSet<String> = records
                    .iter()
                    .filter(is_own)
                    .filter(|label| Scheme::Rpm.compare(&installed.fixed, &label.fixed) == Some(Ordering::Less))
                    .map(|label| label.id.clone())
                    .collect();
                let label = format!("{stream}:8060020220523:ad008a3a");
                let found = ask(index, name, &installed.fixed, Some(&label), major);
                assert_eq!(counted(&found), expected, "{ecosystem} {name} {} of {stream}", installed.fixed);
                asked += 1;
                hidden += found.len() - expected.len();
                let without = counted(&ask(index, name, &installed.fixed, None, major));
                assert!(expected.is_subset(&without), "{ecosystem} {name} {} of {stream}", installed.fixed);
                unlabelled += without.len() - expected.len();
            }
        }
    }
    println!("{asked} builds asked, {hidden} records of other streams suppressed, {unlabelled} more without labels");
    assert!(asked > 5_000 && hidden > 15_000, "{asked} {hidden}");
    // A build that records of two streams name is of either.
    assert!(unlabelled * 10 < hidden, "without labels {unlabelled} of {hidden} are not suppressed");
}

#[test]
fn a_patched_node_of_stream_16_is_hit_by_31_records_of_later_streams_and_none_counts() {
    let Some(AlmaLinux { labels, index, .. }) = &almalinux() else { return };
    let records = &labels[&("AlmaLinux:8".to_owned(), "nodejs".to_owned())];
    let of_16 = records.iter().filter(|label| label.streams.contains("nodejs:16")).map(|label| label.fixed.as_str());
    let patched =
        of_16.reduce(|high, next| if Scheme::Rpm.compare(high, next) == Some(Ordering::Less) { next } else { high });
    let patched = patched.expect("a record of the stream");
    for module in [Some("nodejs:16:8090020240315081818:a75119d5"), None] {
        let found = ask(index, "nodejs", patched, module, "8");
        assert_eq!(found.len(), 31);
        assert!(found.iter().all(|found| found.suppressed.is_some()), "{patched} {module:?}");
    }
}
