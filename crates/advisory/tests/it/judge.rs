//! OSV's own evaluation algorithm, in a few lines of Python with orders of its own (`judge.py`), agrees with the index on
//! every version around the bounds of the real records.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use advisory::Index;
use advisory::index::Writer;
use advisory::sources::{self, Limits, osv::Input};

use crate::support::{data, matches, unpack};

/// Python with `packaging`; says why the test is skipped where there is none.
fn python() -> Option<&'static str> {
    let has = Command::new("python3").args(["-c", "import packaging"]).output().is_ok_and(|run| run.status.success());
    if !has {
        let required = std::env::var_os("PLIMSOLL_REQUIRE").is_some_and(|value| value == "1");
        assert!(!required, "python3 with packaging is not installed, and PLIMSOLL_REQUIRE=1 asks for it");
        println!("skipped: python3 with packaging is not installed");
    }
    has.then_some("python3")
}

/// Right and wrong answers, a record for a version each.
#[derive(Debug, Default)]
struct Score {
    versions: usize,
    right: usize,
    /// Found and not there.
    too_many: usize,
    /// There and not found.
    too_few: usize,
    examples: Vec<String>,
}

/// Judges one package in `share` of an ecosystem's; `None` where something for it is missing.
fn judge(set: &str, ecosystems: &[&str], share: u32) -> Option<Score> {
    let archive = data(&format!("osv/{set}.osv.tar.zst"))?;
    let python = python()?;
    let folder = tempfile::TempDir::new().expect("a folder");
    let input = Input::open(&archive).expect("the archive");
    let segment = sources::import(input, set, folder.path(), Limits::default()).expect("an import");
    let mut writer = Writer::lock(&folder.path().join(Index::FILE), &|_| {}).expect("the lock");
    let index = writer.commit(&[segment], &[]).expect("an index");
    let records = folder.path().join("records");
    std::fs::create_dir(&records).expect("a folder");
    for (number, (name, content)) in unpack(&archive).iter().enumerate() {
        if Path::new(name).extension().is_some_and(|ending| ending == "json") {
            std::fs::write(records.join(format!("{number}.json")), content).expect("a file");
        }
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/judge.py");
    let mut score = Score::default();
    for ecosystem in ecosystems {
        let run = Command::new(python).arg(&script).arg(&records).args([ecosystem, &*share.to_string()]).output();
        let run = run.expect("python runs");
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        score.count(&index, &String::from_utf8(run.stdout).expect("text"));
    }
    println!(
        "{set}: {} versions judged, {} records apply, {} too many, {} too few",
        score.versions, score.right, score.too_many, score.too_few
    );
    Some(score)
}

impl Score {
    fn count(&mut self, index: &Index, judged: &str) {
        for line in judged.lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            let [ecosystem, package, version, ids] = fields[..] else { panic!("{line:?}") };
            let expected: BTreeSet<String> = ids.split_whitespace().map(ToOwned::to_owned).collect();
            let found: BTreeSet<String> =
                matches(index, ecosystem, package, version).into_iter().map(|found| found.id).collect();
            self.versions += 1;
            self.right += expected.intersection(&found).count();
            self.too_many += found.difference(&expected).count();
            self.too_few += expected.difference(&found).count();
            if found != expected && self.examples.len() < 10 {
                self.examples.push(format!("{ecosystem} {package} {version}: {found:?}, the judge {expected:?}"));
            }
        }
    }
}

/// Precision and recall are both 1.0, over no fewer versions and records than these.
fn assert_perfect(score: Option<Score>, versions: usize, records: usize) {
    let Some(score) = score else { return };
    assert_eq!((score.too_many, score.too_few), (0, 0), "{:#?}", score.examples);
    assert!(score.versions >= versions && score.right >= records, "{score:?}");
}

#[test]
fn the_index_agrees_with_the_judge_on_pypi() {
    assert_perfect(judge("pypi-pypa", &["PyPI"], 3), 10_000, 20_000);
}

#[test]
fn the_index_agrees_with_the_judge_on_go() {
    assert_perfect(judge("go-vulndb", &["Go"], 2), 10_000, 10_000);
}

#[test]
fn the_index_agrees_with_the_judge_on_crates_io() {
    assert_perfect(judge("crates.io-rustsec", &["crates.io"], 1), 5_000, 5_000);
}

#[test]
fn the_index_agrees_with_the_judge_on_bitnami() {
    assert_perfect(judge("bitnami", &["Bitnami"], 12), 1_000, 10_000);
}

#[test]
fn the_index_agrees_with_the_judge_on_almalinux() {
    assert_perfect(judge("almalinux-8-9", &["AlmaLinux:8", "AlmaLinux:9", "AlmaLinux:10"], 12), 10_000, 10_000);
}

#[test]
fn the_index_agrees_with_the_judge_on_hackage_cran_and_homebrew() {
    for (set, ecosystems) in
        [("hackage-hsec", &["Hackage", "GHC"][..]), ("cran-rsec", &["CRAN"]), ("homebrew", &["Homebrew"])]
    {
        assert_perfect(judge(set, ecosystems, 1), 40, 40);
    }
}
