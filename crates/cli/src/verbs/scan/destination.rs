//! Where a report goes: standard output, or a file that was opened while this process was still the caller.

use std::fs::{File, OpenOptions};
use std::io::{Seek as _, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::output::{self, Style};

/// Standard output, or a file.
#[derive(Debug, Default)]
pub(crate) struct Destination {
    file: Option<(File, PathBuf)>,
}

impl Destination {
    /// As the calling user: opens the file without changing what is in it, so that a scan that fails leaves the last
    /// report alone.
    pub(crate) fn open(path: Option<PathBuf>) -> Result<Self> {
        let Some(path) = path else { return Ok(Self::default()) };
        let opened = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let file = opened.with_context(|| format!("cannot write to {}", path.display()))?;
        Ok(Self { file: Some((file, path)) })
    }

    /// What it is like; a file has no width and no colour.
    pub(crate) fn style(&self) -> Style {
        if self.file.is_some() { Style { width: None, colour: false } } else { Style::of_stdout() }
    }

    /// Writes the whole report. Where that fails midway nothing of it is left: half a report may look like a good one.
    pub(crate) fn write(&mut self, report: &[u8]) -> Result<()> {
        let Some((file, path)) = &mut self.file else { return output::write(report) };
        let mut replace = || {
            file.set_len(0)?;
            file.rewind()?;
            file.write_all(report)?;
            file.sync_all()
        };
        let written = replace();
        if written.is_err() {
            // The disk is full, so there is room for nothing; that it could not be emptied either changes no answer.
            let _ = file.set_len(0);
        }
        written.with_context(|| format!("cannot write the report to {}; it is empty now", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_replaces_a_longer_one_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report");
        std::fs::write(&path, "a much longer report than the next").unwrap();
        let mut destination = Destination::open(Some(path.clone())).unwrap();
        assert_eq!(std::fs::read(&path).unwrap().len(), 34, "opening changes nothing");
        destination.write(b"short").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"short");
    }

    #[test]
    fn a_full_disk_is_told_and_leaves_no_half_report() {
        let mut destination = Destination::open(Some("/dev/full".into())).unwrap();
        assert!(destination.write(b"report").is_err());
    }
}
