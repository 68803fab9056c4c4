//! An archive as a plain tar in a file, which members can be read from in any order.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::layer::{Compression, Inflated, Limits};
use crate::source::SourceError;

/// The archive itself where it is an uncompressed file; a copy without a name in `folder` where it is compressed or
/// comes through a pipe. The copy is gone when it is closed, however the process ends.
pub(super) fn seekable(file: File, name: &str, folder: &Path, limits: &Limits) -> Result<File, SourceError> {
    let metadata = file.metadata().map_err(SourceError::io(format!("read {name}")))?;
    if metadata.is_dir() {
        let reason = "it is a folder; write oci:DIR for an OCI layout".into();
        return Err(SourceError::Unsupported { what: name.to_owned(), reason });
    }
    if !metadata.is_file() {
        return spool(file, name, folder, limits);
    }
    let mut start = [0; 16];
    let read = file.read_at(&mut start, 0).map_err(SourceError::io(format!("read {name}")))?;
    let compression = Compression::of(start.get(..read).unwrap_or_default());
    match compression.map_err(|source| SourceError::Archive { what: name.to_owned(), source })? {
        Compression::None => Ok(file),
        Compression::Gzip | Compression::Zstd => spool(file, name, folder, limits),
    }
}

/// Copies an archive, decompressed, to a file without a name.
pub(super) fn spool(archive: impl Read, name: &str, folder: &Path, limits: &Limits) -> Result<File, SourceError> {
    let keep = || format!("keep {name} in a temporary file in {}", folder.display());
    let archive_error = |source| SourceError::Archive { what: name.to_owned(), source };
    let mut copy = tempfile::tempfile_in(folder).map_err(SourceError::io(keep()))?;
    let mut inflated = Inflated::unhashed(archive, limits).map_err(archive_error)?;
    loop {
        let chunk = inflated.chunk().map_err(archive_error)?;
        let bytes = chunk.len();
        if bytes == 0 {
            return Ok(copy);
        }
        copy.write_all(chunk).map_err(SourceError::io(keep()))?;
        inflated.advance(bytes);
    }
}
