//! What is exploited, and what is likely to be, is found by every id of a record.

use advisory::index::Writer;
use advisory::{Index, Match};
use tempfile::TempDir;

use crate::support::{commit, compile, data, import, matches, zip_of};

const KEV: &str = r#"{"title": "CISA Catalog of Known Exploited Vulnerabilities", "catalogVersion": "2025.08.25",
    "dateReleased": "2025-08-25T17:04:19.9796Z", "count": 3, "vulnerabilities": [
    {"cveID": "CVE-2020-0001", "dateAdded": "2021-11-03", "dueDate": "2022-05-03", "knownRansomwareCampaignUse": "Unknown"},
    {"cveID": "CVE-2020-0002", "dateAdded": "2023-01-01", "knownRansomwareCampaignUse": "Known"},
    {"cveID": "not one", "dateAdded": "2023-01-01"}]}"#;

const EPSS: &str = "#model_version:v2025.03.14,score_date:2025-08-25T00:00:00+0000\ncve,epss,percentile\n\
    CVE-2020-0001,0.25000,0.90000\nCVE-2020-0002,0.75000,0.95000\nCVE-2020-0003,1.5,0\n";

fn record(id: &str, ecosystem: &str, links: &str) -> String {
    format!(
        r#"{{"id": "{id}", "modified": "2026-01-01T00:00:00Z", {links}, "affected": [{{"package": {{"ecosystem": "{ecosystem}", "name": "a"}},
        "ranges": [{{"type": "ECOSYSTEM", "events": [{{"introduced": "0"}}]}}]}}]}}"#
    )
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, bytes).and_then(|()| encoder.finish()).expect("memory")
}

fn found(index: &Index, ecosystem: &str) -> Match {
    matches(index, ecosystem, "a", "1").remove(0)
}

#[test]
fn every_link_that_a_source_uses_leads_to_the_catalog_and_the_scores() {
    let folder = TempDir::new().expect("a folder");
    let both = r#"["CVE-2020-0001", "CVE-2020-0002"]"#;
    let records = compile(
        folder.path(),
        "own",
        &[
            &record("GHSA-1", "npm", &format!("\"aliases\": {both}")),
            &record("BREW-1", "Homebrew", r#""upstream": ["CVE-2020-0001"]"#),
            &record("ALSA-1", "AlmaLinux:9", r#""related": ["CVE-2020-0001"]"#),
            &record("CVE-2020-0002", "Bitnami", r#""aliases": []"#),
            &record("RUSTSEC-1", "crates.io", r#""related": ["CVE-2020-0001"]"#),
        ],
    );
    let kev = import("kev.json", KEV.as_bytes()).expect("the catalog");
    let epss = import("epss.csv.gz", &gzip(EPSS.as_bytes())).expect("the scores");
    assert_eq!((kev.info.counts.kev, kev.info.counts.skipped), (2, 1));
    assert_eq!((epss.info.counts.epss, epss.info.counts.skipped), (2, 1));
    assert_eq!(epss.info.counts.epss_scored.as_deref(), Some("2025-08-25T00:00:00+0000"));
    let index = commit(folder.path(), &[records, kev, epss]);
    for (ecosystem, kev, epss) in [
        // The one that ransomware uses; the likeliest.
        ("npm", Some("CVE-2020-0002"), Some(("CVE-2020-0002", 0.75))),
        ("Homebrew", Some("CVE-2020-0001"), Some(("CVE-2020-0001", 0.25))),
        ("AlmaLinux:9", Some("CVE-2020-0001"), Some(("CVE-2020-0001", 0.25))),
        ("Bitnami", Some("CVE-2020-0002"), Some(("CVE-2020-0002", 0.75))),
        // RustSec's `related` is about other things.
        ("crates.io", None, None),
    ] {
        let found = found(&index, ecosystem);
        assert_eq!(found.kev.as_ref().map(|kev| kev.cve.as_str()), kev, "{ecosystem}");
        assert_eq!(found.epss.as_ref().map(|epss| (epss.cve.as_str(), epss.probability)), epss, "{ecosystem}");
    }
    let kev = found(&index, "Homebrew").kev.expect("an entry");
    assert_eq!((kev.added.as_str(), kev.due.as_deref(), kev.ransomware), ("2021-11-03", Some("2022-05-03"), false));
}

#[test]
fn both_are_known_by_content_in_archives_and_beside_records() {
    let list = b"2026-01-01T00:00:00Z,A-1\n".as_slice();
    let record = record("A-1", "npm", r#""aliases": ["CVE-2020-0001"]"#);
    let zipped = gzip(EPSS.as_bytes());
    let archive = zip_of(&[
        ("anything.json", KEV.as_bytes()),
        ("epss_scores-2025-08-25.csv.gz", &zipped),
        ("modified_id.csv", list),
        ("A-1.json", record.as_bytes()),
    ]);
    let counts = import("all.zip", &archive).expect("an import").info.counts;
    assert_eq!(
        (counts.records, counts.kev, counts.epss, counts.skipped),
        (1, 2, 2, 2),
        "{:?}",
        counts.skipped_examples
    );
}

#[test]
fn the_copy_of_the_later_day_answers_and_their_ages_are_not_that_of_the_advisories() {
    let folder = TempDir::new().expect("a folder");
    let records = compile(folder.path(), "own", &[&record("A-1", "npm", r#""aliases": ["CVE-2020-0001"]"#)]);
    let old = import("a-new-name", EPSS.as_bytes()).expect("the scores");
    let newer = EPSS.replace("2025-08-25", "2025-08-26").replace("0.25000", "0.50000");
    let newer = import("an-older-name", newer.as_bytes()).expect("the scores");
    assert!(old.info.fetched_at.as_str() > "2026-01-01");
    let index = commit(folder.path(), &[old, newer]);
    assert_eq!(index.identity().built_at, "", "no advisories are there");
    let index = {
        let mut writer = Writer::lock(&folder.path().join(Index::FILE), &|_| {}).expect("the lock");
        let before = index.identity().id;
        let index = writer.commit(&[records], &[]).expect("an index");
        assert_ne!(index.identity().id, before);
        index
    };
    assert_eq!(found(&index, "npm").epss.expect("a score").probability.to_bits(), 0.5_f32.to_bits());
    assert_eq!(index.identity().built_at, "2026-01-01T00:00:00Z");
}

#[test]
fn the_real_catalog_is_read_whole() {
    let Some(path) = data("enrich/cisa-kev.tar.zst") else { return };
    let folder = TempDir::new().expect("a folder");
    let input = advisory::sources::osv::Input::open(&path).expect("the archive");
    let segment = advisory::sources::import(input, "kev", folder.path(), advisory::sources::Limits::default());
    let counts = segment.expect("an import").info.counts;
    // Its JSON schema lies beside it.
    assert_eq!((counts.kev, counts.records, counts.skipped), (1404, 0, 1), "{:?}", counts.skipped_examples);
}
