//! `db update`, `db import`, `db status` and `db sources`.

use std::fs;

use serde_json::Value;

use crate::plimsoll::Home;

fn record(id: &str, ecosystem: &str) -> String {
    format!(
        r#"{{"id": "{id}", "modified": "2026-01-01T00:00:00Z", "affected": [{{"package": {{"ecosystem": "{ecosystem}",
        "name": "a"}}, "ranges": [{{"type": "ECOSYSTEM", "events": [{{"introduced": "0"}}]}}]}}]}}"#
    )
}

fn status(home: &Home) -> Value {
    let ended = home.run(&["db", "status", "--check", "--format", "json"]).with(0);
    serde_json::from_str(&ended.stdout).expect("JSON")
}

fn names(status: &Value) -> Vec<&str> {
    let segments = status["segments"].as_array().expect("segments").iter();
    segments.filter_map(|segment| segment["name"].as_str()).collect()
}

#[test]
fn a_missing_index_is_an_error_that_names_the_commands_which_make_one() {
    let ended = Home::new().run(&["db", "status"]).with(2);
    assert!(
        ended.stderr.contains("plimsoll db update") && ended.stderr.contains("plimsoll db import"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_folder_is_imported_and_what_could_not_be_read_is_named() {
    let home = Home::new();
    let folder = home.path("own-records");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("A-1.json"), record("A-1", "Debian:12")).unwrap();
    fs::write(folder.join("bad\u{1b}[2J.json"), "{\"id\": 5}").unwrap();
    let path = folder.display().to_string();
    let ended = home.run(&["db", "import", &path]).with(0);
    assert_eq!(ended.stdout, "own-records: 1 record, 1 skipped\n");
    assert!(ended.stderr.contains("bad\\u{1b}[2J.json"), "{}", ended.stderr);
    let told = status(&home);
    assert_eq!(names(&told), ["own-records"]);
    assert_eq!(told["segments"][0]["ecosystems"][0]["name"], "Debian:12");
    assert_eq!(told["segments"][0]["skipped"], 1);
    let text = home.run(&["db", "status"]).with(0).stdout;
    assert!(text.contains("covers      Debian:12") && text.contains("imported"), "{text}");
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn one_path_that_is_wrong_does_not_keep_the_others_out() {
    let home = Home::new();
    let good = home.path("good.json");
    fs::write(&good, record("A-1", "PyPI")).unwrap();
    let wrong = home.path("wrong.zip");
    fs::write(&wrong, "not a zip").unwrap();
    let ended = home.run(&["db", "import", &wrong.display().to_string(), &good.display().to_string()]).with(2);
    assert_eq!(ended.stdout, "good: 1 record\n");
    assert!(ended.stderr.contains("wrong.zip") && ended.stderr.contains(".tar.zst"), "{}", ended.stderr);
    // A file that is not there is noticed before anything is done.
    home.run(&["db", "import", &good.display().to_string(), "/nowhere.zip"]).with(2);
    let same = home.run(&["db", "import", "--name", "x", &good.display().to_string(), &wrong.display().to_string()]);
    assert!(same.with(2).stderr.contains("--name goes with one path"));
}

#[test]
fn an_update_renews_what_was_fetched_before() {
    let home = Home::new();
    let mirror = home.path("mirror/PyPI");
    fs::create_dir_all(&mirror).unwrap();
    fs::write(mirror.join("all.zip"), zip(&record("A-1", "PyPI"))).unwrap();
    let from = format!("file://{}", home.path("mirror").display());
    let nothing = home.run(&["db", "update", "--from", &from]).with(2);
    assert!(nothing.stderr.contains("name ecosystems"), "{}", nothing.stderr);
    assert_eq!(home.run(&["db", "update", "PyPI", "--from", &from]).with(0).stdout, "PyPI: 1 record\n");
    assert_eq!(home.run(&["db", "update", "--from", &from]).with(0).stdout, "PyPI: unchanged\n");
    let own = home.path("own.json");
    fs::write(&own, record("OWN-1", "npm")).unwrap();
    home.run(&["db", "import", &own.display().to_string()]).with(0);
    assert_eq!(names(&status(&home)), ["osv.dev/PyPI", "own"]);
    let unknown = home.run(&["db", "update", "pypi", "PyPI", "--from", &from]).with(2);
    assert_eq!(unknown.stdout, "PyPI: unchanged\n");
    assert!(unknown.stderr.contains("case-sensitive"), "{}", unknown.stderr);
}

#[test]
fn a_configured_mirror_is_asked_without_a_flag() {
    let home = Home::new();
    let mirror = home.path("mirror/npm");
    fs::create_dir_all(&mirror).unwrap();
    fs::write(mirror.join("all.zip"), zip(&record("A-1", "npm"))).unwrap();
    let settings = home.path("config.toml");
    fs::write(&settings, format!("advisories-from = \"file://{}/\"\n", home.path("mirror").display())).unwrap();
    let ended = home.run(&["--config", &settings.display().to_string(), "db", "update", "npm"]).with(0);
    assert_eq!(ended.stdout, "npm: 1 record\n");
}

const EPSS: &str =
    "#model_version:v2025.03.14,score_date:2025-08-25T00:00:00+0000\ncve,epss,percentile\nCVE-2020-0001,0.25,0.9\n";

#[test]
fn what_enriches_is_imported_and_fetched_and_its_day_is_told() {
    let home = Home::new();
    let scores = home.path("epss_scores-2025-08-25.csv");
    fs::write(&scores, EPSS).unwrap();
    let ended = home.run(&["db", "import", &scores.display().to_string()]).with(0);
    assert_eq!(ended.stdout, "epss_scores-2025-08-25: 1 score\n");
    let text = home.run(&["db", "status"]).with(0).stdout;
    assert!(text.contains("1           scores of FIRST's exploit prediction of 2025-08-25"), "{text}");
    let mirror = home.path("mirror/epss");
    fs::create_dir_all(&mirror).unwrap();
    fs::write(mirror.join("epss_scores-current.csv.gz"), EPSS).unwrap();
    let from = format!("file://{}", home.path("mirror").display());
    assert_eq!(home.run(&["db", "update", "epss", "--from", &from]).with(0).stdout, "epss: 1 score\n");
    assert_eq!(home.run(&["db", "update", "--from", &from]).with(0).stdout, "epss: unchanged\n");
}

#[test]
fn sources_are_listed_with_what_is_loaded_and_what_failed() {
    let home = Home::new();
    let list = |home: &Home| -> Value {
        let ended = home.run(&["db", "sources", "--format", "json"]).with(0);
        serde_json::from_str(&ended.stdout).expect("JSON")
    };
    let source = |listing: &Value, name: &str| -> Value {
        let sources = listing["sources"].as_array().expect("sources");
        sources.iter().find(|source| source["name"] == name).expect("the source").clone()
    };
    let before = list(&home);
    assert!(before["sources"].as_array().expect("sources").len() > 40);
    let go = source(&before, "Go");
    assert!(go["loaded"].is_null() && go["licence"] == "CC-BY-4.0", "{go}");
    let mirror = home.path("mirror/Go");
    fs::create_dir_all(&mirror).unwrap();
    fs::write(mirror.join("all.zip"), zip(&record("GO-1", "Go"))).unwrap();
    let from = format!("file://{}", home.path("mirror").display());
    home.run(&["db", "update", "Go", "PyPI", "--from", &from]).with(2);
    let after = list(&home);
    assert_eq!(source(&after, "Go")["loaded"]["due"], false);
    assert!(source(&after, "PyPI")["failure"]["reason"].as_str().expect("why").contains("does not exist"));
    let told = status(&home);
    assert_eq!(told["failures"][0]["source"], "PyPI");
    let text = home.run(&["db", "status"]).with(0).stdout;
    assert!(text.contains("could not be fetched, and is as it was\n  PyPI, "), "{text}");
    let text = home.run(&["db", "sources"]).with(0).stdout;
    assert!(text.contains("fetched today") && text.contains("CISA") && text.contains("not loaded"), "{text}");
}

/// A zip archive of one stored file, written by hand: the command line has no use for a library that does it.
fn zip(content: &str) -> Vec<u8> {
    let name = "A-1.json";
    let checksum = crc32(content.as_bytes()).to_le_bytes();
    let length = u32::try_from(content.len()).unwrap().to_le_bytes();
    // Version, flags, method, time, date; checksum, both lengths; lengths of name and extra.
    let about = [&[20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0x58][..], &checksum, &length, &length, &[8, 0, 0, 0]].concat();
    let local = [&b"PK\x03\x04"[..], &about, name.as_bytes(), content.as_bytes()].concat();
    let central = [&b"PK\x01\x02\x14\x00"[..], &about, &[0; 14], name.as_bytes()].concat();
    let size = u32::try_from(central.len()).unwrap().to_le_bytes();
    let place = u32::try_from(local.len()).unwrap().to_le_bytes();
    let end = [&b"PK\x05\x06\0\0\0\0\x01\0\x01\0"[..], &size, &place, &[0, 0]].concat();
    [local, central, end].concat()
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (0_u32.wrapping_sub(crc & 1))))
    })
}
