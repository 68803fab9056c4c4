//! How long the index takes and how much memory: `cargo run --release -p advisory --example timings -- FILE…` compiles the
//! files of advisories named, opens the index and looks packages up; `-- --synthetic 1000000` does so with that many made
//! records.

use std::path::Path;
use std::time::Instant;

use advisory::Index;
use advisory::index::{Compiled, Compiler, Writer};
use advisory::sources::{self, Limits, Sink as _, osv::Input};
use inventory::{Package, PackageKind};

type Failure = Box<dyn std::error::Error>;

const LOOKUPS: usize = 10_000;

fn main() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join(Index::FILE);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let start = Instant::now();
    let segments = match arguments.first().map(String::as_str) {
        Some("--synthetic") => vec![synthetic(arguments.get(1).ok_or("how many records?")?.parse()?, folder.path())?],
        _ => import(&arguments, folder.path())?,
    };
    let records: u64 = segments.iter().map(|segment| segment.info.counts.records).sum();
    println!("compiled {records} records in {:.2?}, peak memory {} MiB", start.elapsed(), peak()?);

    let start = Instant::now();
    Writer::lock(&path, &|_| {})?.commit(&segments, &[])?;
    println!("written and synced in {:.2?}, {} bytes", start.elapsed(), std::fs::metadata(&path)?.len());

    let start = Instant::now();
    let rounds = 100;
    for _ in 0..rounds {
        Index::require(&path)?;
    }
    println!("opened in {:.2?}", start.elapsed() / rounds);
    look_up(&Index::require(&path)?)
}

fn import(files: &[String], folder: &Path) -> Result<Vec<Compiled>, Failure> {
    let import = |(number, file): (usize, &String)| {
        let input = Input::open(file.as_ref())?;
        Ok(sources::import(input, &number.to_string(), folder, Limits::default())?)
    };
    files.iter().enumerate().map(import).collect()
}

/// Records of the size of real ones, read from JSON as real ones are; three or four for each package.
fn synthetic(records: usize, folder: &Path) -> Result<Compiled, Failure> {
    let mut compiler = Compiler::new("synthetic", "made", "2026-01-01T00:00:00Z", folder)?;
    let details = "A crafted request makes the parser read what lies behind its buffer. ".repeat(10);
    for number in 0..records {
        let package = number * 7919 % (records / 3 + 1);
        let json = format!(
            r#"{{"id": "SYN-{number}", "modified": "2026-01-01T00:00:00Z", "published": "2025-12-{:02}T00:00:00Z",
            "aliases": ["CVE-2026-{}"], "summary": "Out-of-bounds read in package-{package}", "details": "{details}{number}",
            "severity": [{{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}}],
            "affected": [{{"package": {{"ecosystem": "npm", "name": "package-{package}"}}, "ranges": [{{"type": "SEMVER",
            "events": [{{"introduced": "{}.0.0"}}, {{"fixed": "{}.{}.{}"}}]}}]}}],
            "references": [{{"type": "WEB", "url": "https://example.com/{number}"}}]}}"#,
            number % 28 + 1,
            number + 10_000,
            number % 7,
            number % 7,
            number % 11 + 1,
            number % 13,
        );
        let record = advisory::record::parse(json.as_bytes())?;
        compiler.record("made", record)?;
    }
    Ok(compiler.finish()?)
}

/// The most memory that this process had, in MiB; nothing is mapped yet when it is asked for.
fn peak() -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.split_whitespace().next().ok_or("no number")?.parse::<u64>()? / 1024)
}

fn look_up(index: &Index) -> Result<(), Failure> {
    // One package in ten is one with records; the rest are not in the index, as in a real image.
    let known =
        ["django", "tensorflow", "pillow", "requests", "jinja2", "urllib3", "numpy", "flask", "lxml", "ansible"];
    let synthetic = index.covers("npm")?;
    let package = |number: usize| {
        let version = format!("{}.{}.0", number % 5, number % 7);
        match (number.is_multiple_of(10), synthetic) {
            (true, true) => Package::new(PackageKind::Npm, format!("package-{number}"), version),
            (true, false) => Package::new(PackageKind::Pypi, known[number / 10 % known.len()], version),
            (false, true) => Package::new(PackageKind::Npm, format!("absent-{number}"), version),
            (false, false) => Package::new(PackageKind::Pypi, format!("absent-{number}"), version),
        }
    };
    for round in ["cold", "warm"] {
        let start = Instant::now();
        let mut found = 0;
        for number in 0..LOOKUPS {
            if let advisory::Verdict::Covered(matches) = index.verdict(&package(number), None)? {
                found += matches.len();
            }
        }
        println!("{LOOKUPS} lookups ({round}) in {:.2?}, {found} matches", start.elapsed());
    }
    Ok(())
}
