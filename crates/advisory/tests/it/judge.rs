//! A second evaluator, written straight from the specification's pseudocode over the parsed JSON, slow and plain,
//! agrees with the index on every version that any PyPI record names.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use advisory::Index;
use advisory::index::Writer;
use advisory::sources::{self, Limits, osv::Input};
use advisory::versions::Scheme;
use serde_json::Value;

use crate::support::{data, matches, unpack};

/// A record's word on one package, as the pseudocode reads it.
struct Affected {
    id: String,
    /// Ranks of the listed versions, see [`ranks`].
    versions: HashSet<usize>,
    /// Each with its events in order.
    ranges: Vec<Vec<(String, String)>>,
}

impl Affected {
    fn read(id: &str, affected: &Value, order: Scheme, ranks: &HashMap<String, usize>) -> Self {
        let ranges = list(&affected["ranges"]).iter().filter(|range| range["type"] != "GIT").map(|range| {
            let mut events: Vec<(String, String)> = list(&range["events"])
                .iter()
                .flat_map(|event| event.as_object().into_iter().flatten())
                .map(|(kind, version)| (kind.clone(), text(version).to_owned()))
                .collect();
            events.sort_by(|(_, left), (_, right)| match (left == "0", right == "0") {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Less,
                (false, true) => Ordering::Greater,
                (false, false) => order.compare(left, right).unwrap_or(Ordering::Equal),
            });
            events
        });
        let versions = list(&affected["versions"]).iter().map(|version| ranks[text(version)]).collect();
        Self { id: id.to_owned(), versions, ranges: ranges.collect() }
    }

    fn is_vulnerable(&self, version: &str, rank: usize, order: Scheme) -> bool {
        self.versions.contains(&rank) || self.ranges.iter().any(|events| included_in_range(version, events, order))
    }
}

fn included_in_range(version: &str, events: &[(String, String)], order: Scheme) -> bool {
    if !before_limits(version, events, order) {
        return false;
    }
    // A bound that the scheme cannot read (Bitnami has `nightly.2026-03-10.0`) is never reached.
    let at_least = |bound: &str| bound == "0" || order.compare(version, bound).is_some_and(Ordering::is_ge);
    let mut vulnerable = false;
    for (kind, bound) in events {
        if kind == "introduced" && at_least(bound) {
            vulnerable = true;
        } else if (kind == "fixed" && at_least(bound))
            || (kind == "last_affected" && order.compare(version, bound) == Some(Ordering::Greater))
        {
            vulnerable = false;
        }
    }
    vulnerable
}

fn before_limits(version: &str, events: &[(String, String)], order: Scheme) -> bool {
    let mut limits = events.iter().filter(|(kind, _)| kind == "limit").map(|(_, limit)| limit).peekable();
    limits.peek().is_none() || limits.any(|limit| limit == "*" || order.compare(version, limit) == Some(Ordering::Less))
}

/// Numbers versions so that equal ones have the same number.
fn ranks(versions: &BTreeSet<String>, order: Scheme) -> HashMap<String, usize> {
    let mut sorted: Vec<&String> = versions.iter().collect();
    sorted.sort_by(|left, right| order.compare(left, right).unwrap_or_else(|| left.cmp(right)));
    let mut rank = 0;
    let mut ranks = HashMap::new();
    for (at, version) in sorted.iter().enumerate() {
        if at > 0 && order.compare(sorted[at - 1], version) != Some(Ordering::Equal) {
            rank += 1;
        }
        ranks.insert((*version).clone(), rank);
    }
    ranks
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Every version that a record names, for each package.
fn named_versions(records: &[Value]) -> BTreeMap<String, BTreeSet<String>> {
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for affected in records.iter().flat_map(|record| list(&record["affected"])) {
        let of_package = versions.entry(text(&affected["package"]["name"]).to_owned()).or_default();
        of_package.extend(list(&affected["versions"]).iter().map(|version| text(version).to_owned()));
        for range in list(&affected["ranges"]).iter().filter(|range| range["type"] != "GIT") {
            for event in list(&range["events"]) {
                of_package.extend(event.as_object().into_iter().flatten().map(|(_, version)| text(version).to_owned()));
            }
        }
        of_package.extend(["0.0.0".to_owned(), "99999".to_owned()]);
    }
    versions
}

fn compare_with_judge(set: &str, ecosystem: &str, order: Scheme) -> (usize, usize) {
    let Some(path) = data(&format!("osv/{set}.osv.tar.zst")) else { return (0, 0) };
    let folder = tempfile::TempDir::new().expect("a folder");
    let input = Input::open(&path).expect("the archive");
    let segment = sources::import(input, set, folder.path(), Limits::default()).expect("an import");
    let mut writer = Writer::lock(&folder.path().join(Index::FILE), &|_| {}).expect("the lock");
    let index = writer.commit(&[segment], &[]).expect("an index");

    let records: Vec<Value> = unpack(&path)
        .iter()
        .filter(|(name, _)| std::path::Path::new(name).extension().is_some_and(|ending| ending == "json"))
        .map(|(_, content)| serde_json::from_slice(content).expect("JSON"))
        .filter(|record: &Value| record["withdrawn"].is_null())
        .collect();
    let mut by_package: BTreeMap<&str, Vec<(&str, &Value)>> = BTreeMap::new();
    for record in &records {
        for affected in list(&record["affected"]) {
            let package = text(&affected["package"]["name"]);
            by_package.entry(package).or_default().push((text(&record["id"]), affected));
        }
    }
    let (mut pairs, mut positive) = (0, 0);
    for (package, versions) in named_versions(&records) {
        let ranks = ranks(&versions, order);
        let claims: Vec<Affected> = by_package[package.as_str()]
            .iter()
            .map(|(id, affected)| Affected::read(id, affected, order, &ranks))
            .collect();
        for version in versions.iter().filter(|version| order.orders(version)) {
            let judged: BTreeSet<&str> = claims
                .iter()
                .filter(|claim| claim.is_vulnerable(version, ranks[version], order))
                .map(|claim| claim.id.as_str())
                .collect();
            let found = matches(&index, ecosystem, &package, version);
            let found: BTreeSet<&str> = found.iter().map(|found| found.id.as_str()).collect();
            assert_eq!(found, judged, "{ecosystem} {package} {version}");
            pairs += 1;
            positive += judged.len();
        }
    }
    println!("{ecosystem}: {pairs} versions judged, {positive} records apply");
    (pairs, positive)
}

#[test]
fn the_index_agrees_with_the_judge_on_every_version_of_pypi() {
    let (pairs, positive) = compare_with_judge("pypi-pypa", "PyPI", Scheme::Pep440);
    assert!(pairs == 0 || (pairs > 20_000 && positive > 50_000), "{pairs} {positive}");
}

#[test]
fn the_index_agrees_with_the_judge_on_every_bound_of_go_crates_and_bitnami() {
    for (set, ecosystem) in [("go-vulndb", "Go"), ("crates.io-rustsec", "crates.io"), ("bitnami", "Bitnami")] {
        let (pairs, positive) = compare_with_judge(set, ecosystem, Scheme::Semver);
        assert!(pairs == 0 || (pairs > 1_000 && positive > 1_000), "{set}: {pairs} {positive}");
    }
}
