//! How long the index takes: `cargo run --release -p advisory --example timings -- FILE…` compiles the files of
//! advisories named, opens the index and looks packages up.

use std::time::Instant;

use advisory::Index;
use advisory::index::Writer;
use advisory::sources::{self, Limits, osv::Input};
use inventory::{Package, PackageKind};

type Failure = Box<dyn std::error::Error>;

const LOOKUPS: usize = 10_000;

fn main() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join(Index::FILE);
    let start = Instant::now();
    let mut segments = Vec::new();
    for (number, file) in std::env::args_os().skip(1).enumerate() {
        let input = Input::open(file.as_ref())?;
        segments.push(sources::import(input, &number.to_string(), folder.path(), Limits::default())?);
    }
    let records: u64 = segments.iter().map(|segment| segment.info.counts.records).sum();
    println!("compiled {records} records in {:.2?}", start.elapsed());

    let start = Instant::now();
    Writer::lock(&path, &|_| {})?.commit(&segments, &[])?;
    println!("written and synced in {:.2?}, {} bytes", start.elapsed(), std::fs::metadata(&path)?.len());

    let start = Instant::now();
    let rounds = 100;
    for _ in 0..rounds {
        Index::require(&path)?;
    }
    println!("opened in {:.2?}", start.elapsed() / rounds);

    let index = Index::require(&path)?;
    // One package in ten is one with many records; the rest are not in the index, as in a real image.
    let known =
        ["django", "tensorflow", "pillow", "requests", "jinja2", "urllib3", "numpy", "flask", "lxml", "ansible"];
    let package = |number: usize| {
        let name = if number.is_multiple_of(10) {
            known[number / 10 % known.len()].into()
        } else {
            format!("package-{number}")
        };
        Package::new(PackageKind::Pypi, name, format!("{}.{}", number % 5, number % 7))
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
