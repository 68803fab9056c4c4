//! Records in OSV's own format, from disk: what osv.dev, its home databases and their mirrors offer, and what enriches
//! them.

use std::fs::File;
use std::path::Path;

use super::{Limits, Sink, SourceError, archive, member};

/// An opened file or folder that holds records.
#[derive(Debug)]
pub struct Input {
    /// What the user called it, for messages.
    pub name: String,
    /// The file or folder itself.
    pub file: File,
}

impl Input {
    /// Opens a path.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|source| SourceError::Io { name: name.clone(), source })?;
        Ok(Self { name, file })
    }

    /// Reads every record: of a folder and the folders in it, a `.zip`, `.tar`, `.tar.gz` or `.tar.zst`, or a JSON file
    /// with one record, a list of them, or one on each line (packed or not); CISA's catalog and FIRST's scores too. The
    /// content decides, not the name. In folders and archives only files that are named `.json`, `.jsonl` or `.csv`, or
    /// one of these and `.gz`, are looked at.
    pub fn read(self, limits: Limits, sink: &mut dyn Sink) -> Result<(), SourceError> {
        archive::walk(self, limits, &mut |file| member::read(file, limits, sink))
    }
}

/// Whether a file that begins so is JSON.
pub(super) fn looks_like_json(begin: &[u8]) -> bool {
    let begin = begin.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(begin);
    begin.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|byte| matches!(byte, b'{' | b'['))
}
