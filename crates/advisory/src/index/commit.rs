//! How a new index takes the old one's place.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use zerocopy::IntoBytes as _;

use super::compile::Compiled;
use super::format::{BLOCK, Header, MAGIC, VERSION};
use super::{Directory, Entry, Index, IndexError, SegmentInfo};

/// Told when another process holds the lock, with the lock file's path, before it is waited for.
pub type Tell<'a> = &'a dyn Fn(&Path);

/// The right to replace the index. Another process that wants it waits until this one is dropped.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    folder: PathBuf,
    current: Option<Index>,
    /// Its lock ends when it is closed, however this process ends.
    _lock: File,
}

impl Writer {
    /// Waits for the lock and reads the index as it is then.
    pub fn lock(path: &Path, tell: Tell<'_>) -> Result<Self, IndexError> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let lock_path = path.with_extension("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(IndexError::io("open the lock of the advisory index", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                tell(&lock_path);
                lock.lock().map_err(IndexError::io("wait for the lock", &lock_path))?;
            }
            Err(TryLockError::Error(error)) => return Err(IndexError::io("lock", &lock_path)(error)),
        }
        let current = Index::open(path)?;
        Ok(Self { path: path.into(), folder: folder.into(), current, _lock: lock })
    }

    /// The index as it is, which nobody else changes now.
    pub fn current(&self) -> Option<&Index> {
        self.current.as_ref()
    }

    /// Writes an index with the segments that there are, those of `added` in place of or beside them, and `confirmed`
    /// ones told to be as fresh as now. The new file is on the disk, whole, before it gets the name.
    pub fn commit(&mut self, added: &[Compiled], confirmed: &[String]) -> Result<Index, IndexError> {
        self.replace(added, confirmed, &[])
    }

    /// As [`Self::commit`], without the segments that are `removed`.
    pub fn replace(
        &mut self,
        added: &[Compiled],
        confirmed: &[String],
        removed: &[String],
    ) -> Result<Index, IndexError> {
        let now = OffsetDateTime::now_utc().replace_nanosecond(0).unwrap_or_else(|_| OffsetDateTime::now_utc());
        let now = now.format(&Rfc3339).unwrap_or_default();
        let writing = |path: &Path| IndexError::io("write the advisory index", path);
        let mut new = tempfile::Builder::new()
            .prefix(".advisories-")
            .suffix(".new")
            .tempfile_in(&self.folder)
            .map_err(writing(&self.folder))?;
        let mut parts: Vec<(SegmentInfo, Part<'_>)> = Vec::new();
        if let Some(index) = &self.current {
            for (at, info) in index.segments().enumerate() {
                if added.iter().any(|added| added.info.name == info.name) || removed.contains(&info.name) {
                    continue;
                }
                let mut info = info.clone();
                if confirmed.contains(&info.name) {
                    info.fetched_at.clone_from(&now);
                }
                parts.push((info, Part::Kept(index, at)));
            }
        }
        parts.extend(added.iter().map(|added| (added.info.clone(), Part::New(added))));
        parts.sort_by(|left, right| left.0.name.cmp(&right.0.name));
        write_all(new.as_file_mut(), parts, &now).map_err(|failure| match failure {
            Failure::Io(error) => writing(&self.path)(error),
            Failure::Index(error) => error,
        })?;
        new.as_file().sync_all().map_err(writing(&self.path))?;
        // Whoever may read the folder may read the index: it is public knowledge.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        new.as_file().set_permissions(open).map_err(writing(&self.path))?;
        new.persist(&self.path).map_err(|error| writing(&self.path)(error.error))?;
        File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(writing(&self.folder))?;
        let index = Index::require(&self.path)?;
        self.current = Some(index.clone());
        Ok(index)
    }
}

enum Part<'a> {
    /// The so many-th segment of the old index.
    Kept(&'a Index, usize),
    New(&'a Compiled),
}

enum Failure {
    Io(io::Error),
    Index(IndexError),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn write_all(file: &mut File, parts: Vec<(SegmentInfo, Part<'_>)>, now: &str) -> Result<(), Failure> {
    let mut out = BufWriter::with_capacity(1 << 18, file);
    let mut offset = size_of::<Header>() as u64;
    out.write_all(&vec![0; size_of::<Header>()])?;
    let mut directory = Directory { built_at: now.into(), segments: Vec::new() };
    for (about, part) in parts {
        let length = match part {
            Part::Kept(index, at) => {
                let (entry, bytes) = kept(index, at).map_err(Failure::Index)?;
                out.write_all(bytes)?;
                entry.length
            }
            Part::New(compiled) => {
                let mut tables = &compiled.tables;
                tables.seek(SeekFrom::Start(0))?;
                io::copy(&mut tables.take(compiled.length), &mut out)?;
                out.write_all(&compiled.checksums)?;
                compiled.length
            }
        };
        directory.segments.push(Entry { offset, length, about });
        offset += length + length.div_ceil(BLOCK) * 4;
    }
    let directory = serde_json::to_vec(&directory).map_err(io::Error::from)?;
    out.write_all(&directory)?;
    let mut header = Header {
        magic: MAGIC,
        version: VERSION.into(),
        directory_checksum: crc32fast::hash(&directory).into(),
        directory_offset: offset.into(),
        directory_length: (directory.len() as u64).into(),
        file_length: (offset + directory.len() as u64).into(),
        checksum: 0.into(),
    };
    header.checksum = crc32fast::hash(&header.as_bytes()[..size_of::<Header>() - 4]).into();
    out.seek(SeekFrom::Start(0))?;
    out.write_all(header.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// A segment of the old index with its checksums, each block checked: damage is not copied on.
fn kept(index: &Index, at: usize) -> Result<(&Entry, &[u8]), IndexError> {
    let open = &index.0;
    let entry = &open.directory.segments[at];
    open.places[at].check_all(&open.map).map_err(|damage| index.damaged(&entry.about, &damage))?;
    let end = entry.offset + entry.length + entry.length.div_ceil(BLOCK) * 4;
    Ok((entry, &open.map[entry.offset as usize..end as usize]))
}
