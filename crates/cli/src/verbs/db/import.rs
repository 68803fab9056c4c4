//! `plimsoll db import`: advisories from disk.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use advisory::index::{Compiled, Writer};
use advisory::sources::osv::Input;
use advisory::sources::{self, Limits};
use anyhow::{Context as _, Result, bail};

use super::{number, progress};
use crate::exit;
use crate::output::{self, plain};

/// Arguments of `plimsoll db import`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Folders of records or archives, .zip, .tar, .tar.gz, .tar.zst or .json files, in OSV's format; CISA's catalog of
    /// exploited vulnerabilities and FIRST's EPSS scores, as they are published
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// What to call them; an earlier import of that name is replaced [default: the file's name without its ending]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

/// The files, opened by who named them.
#[derive(Debug)]
pub(crate) struct Opened(Vec<(String, Input)>);

/// How many of the skipped records are named on stderr; `db status` names more.
const NAMED_SKIPS: usize = 5;

/// What files of records are called.
const RECORDS: [&str; 5] = [".json", ".jsonl", ".csv", ".json.gz", ".csv.gz"];
/// What archives are called.
const ARCHIVES: [&str; 5] = [".zip", ".tar", ".tar.gz", ".tgz", ".tar.zst"];

impl Arguments {
    pub(super) fn open(self) -> Result<Opened> {
        if self.name.is_some() && self.paths.len() > 1 {
            bail!("--name goes with one path; {} were given", self.paths.len())
        }
        let mut opened: Vec<(String, Input)> = Vec::new();
        let paths = self.paths.iter().map(|path| with_archives(path)).collect::<Result<Vec<_>>>()?.concat();
        if self.name.is_some() && paths.len() > 1 {
            bail!("--name goes with one import; {} holds several archives", self.paths[0].display())
        }
        for path in &paths {
            let name = self.name.clone().map_or_else(|| usual_name(path), Ok)?;
            if opened.iter().any(|(other, _)| *other == name) {
                bail!(
                    "two of the paths would be called {name:?}, and the second would replace the first; import them one by one with --name"
                )
            }
            opened.push((name, Input::open(path)?));
        }
        Ok(Opened(opened))
    }
}

/// A folder of archives stands for each of them, and for itself where it holds records beside them.
fn with_archives(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let listing = || format!("cannot list the folder {}", path.display());
    let mut archives = Vec::new();
    let mut holds_others = false;
    for entry in std::fs::read_dir(path).with_context(listing)? {
        let entry = entry.with_context(listing)?.path();
        let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if entry.is_file() && ARCHIVES.iter().any(|ending| name.ends_with(ending)) {
            archives.push(entry);
        } else {
            holds_others |= entry.is_dir() || RECORDS.iter().any(|ending| name.ends_with(ending));
        }
    }
    archives.sort();
    if archives.is_empty() || holds_others {
        archives.push(path.to_owned());
    }
    Ok(archives)
}

/// The file's name up to its endings; a folder's own name.
fn usual_name(path: &Path) -> Result<String> {
    // `.` and `..` have no name of their own.
    let whole = std::path::absolute(path)?;
    let whole = if whole.file_name().is_none() || path.ends_with("..") { whole.canonicalize()? } else { whole };
    let Some(file) = whole.file_name() else { bail!("{} has no name; give one with --name", path.display()) };
    let mut name = file.to_string_lossy().into_owned();
    if !path.is_dir() {
        while let Some((begin, ending)) = name.rsplit_once('.') {
            let known = ["zip", "tar", "gz", "tgz", "zst", "json", "jsonl", "osv", "csv"].contains(&ending);
            if !known || begin.is_empty() {
                break;
            }
            name.truncate(begin.len());
        }
    }
    Ok(name)
}

pub(super) fn perform(opened: Opened, path: &Path) -> Result<ExitCode> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut segments = Vec::new();
    let mut failed = false;
    for (name, input) in opened.0 {
        match sources::import(input, &name, folder, Limits::default()) {
            Ok(segment) => segments.push(segment),
            Err(error) => {
                failed = true;
                eprintln!("plimsoll: {}", plain(&exit::sentence(&error.into())));
            }
        }
    }
    if !segments.is_empty() {
        Writer::lock(path, &progress::waiting)?.commit(&segments, &[])?;
    }
    for segment in &segments {
        tell(segment)?;
    }
    Ok(if failed { ExitCode::from(exit::FAILED) } else { ExitCode::SUCCESS })
}

fn tell(segment: &Compiled) -> Result<()> {
    let (info, counts) = (&segment.info, &segment.info.counts);
    let mut line = format!("{}: ", plain(&info.name));
    let mut parts = vec![(counts.records, "record"), (counts.kev, "exploited CVE"), (counts.epss, "score")];
    parts.retain(|(count, _)| *count > 0);
    if parts.is_empty() {
        parts.push((0, "record"));
    }
    line.push_str(&parts.into_iter().map(|(count, noun)| number(count, noun)).collect::<Vec<_>>().join(", "));
    for (count, what) in
        [(counts.withdrawn, "withdrawn"), (counts.duplicates, "given twice"), (counts.skipped, "skipped")]
    {
        if count > 0 {
            let _ = write!(line, ", {count} {what}");
        }
    }
    output::write(format!("{line}\n").as_bytes())?;
    for skipped in counts.skipped_examples.iter().take(NAMED_SKIPS) {
        eprintln!("plimsoll: skipped {}: {}", plain(&skipped.name), plain(&skipped.reason));
    }
    if counts.skipped > NAMED_SKIPS as u64 {
        eprintln!("plimsoll: `plimsoll db status` names more of the {} that were skipped", counts.skipped);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_is_called_like_its_file_without_endings() {
        for (path, name) in [
            ("/a/pypi-pypa.osv.tar.zst", "pypi-pypa"),
            ("all.zip", "all"),
            ("crates.io.json", "crates.io"),
            ("/a/.zip", ".zip"),
            ("v1.2", "v1.2"),
        ] {
            assert_eq!(usual_name(Path::new(path)).expect("a name"), name);
        }
        assert_eq!(
            usual_name(Path::new("/tmp/..")).expect_err("no name").to_string(),
            "/tmp/.. has no name; give one with --name"
        );
    }
}
