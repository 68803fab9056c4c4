//! Records in OSV's own format, from disk: what osv.dev, its home databases and their mirrors offer.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use super::archive::{self, Member};
use super::json::{Piece, Splitter};
use super::{Limits, Sink, SourceError};
use crate::record;

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
    /// with one record, a list of them, or one on each line (packed or not). The content decides, not the name. In
    /// folders and archives only files that are named `.json` (or `.jsonl`) are looked at.
    pub fn read(self, limits: Limits, sink: &mut dyn Sink) -> Result<(), SourceError> {
        archive::walk(self, limits, &mut |member| read_member(member, limits, sink))
    }
}

/// Reads the records of one file.
fn read_member(member: Member<'_>, limits: Limits, sink: &mut dyn Sink) -> Result<u64, SourceError> {
    let name = member.name;
    let mut splitter = Splitter::new(BufReader::new(member.content), limits.record);
    let mut records = 0;
    loop {
        let next = splitter.next().map_err(|source| SourceError::Io { name: name.to_owned(), source })?;
        let Some((number, piece)) = next else { break };
        records += 1;
        if records > limits.records {
            return Err(SourceError::Bomb { name: name.to_owned(), what: "records", limit: limits.records });
        }
        let origin = if number == 1 { name.to_owned() } else { format!("{name}#{number}") };
        let parsed = match piece {
            Piece::Object(json) => record::parse(json).map_err(|error| error.to_string()),
            Piece::Broken(reason) => Err(reason),
        };
        match parsed {
            Ok(record) => {
                sink.record(&origin, record).map_err(|source| SourceError::Keep { name: name.to_owned(), source })?;
            }
            Err(reason) => sink.skipped(&origin, reason),
        }
    }
    if records == 0 {
        sink.skipped(name, "it holds no JSON object".into());
    }
    Ok(records)
}

/// Whether a file that begins so is JSON.
pub(super) fn looks_like_json(begin: &[u8]) -> bool {
    let begin = begin.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(begin);
    begin.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|byte| matches!(byte, b'{' | b'['))
}
