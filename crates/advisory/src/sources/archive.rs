//! Files out of folders and archives, one after the other, within limits.
//!
//! Nothing is unpacked to disk and no member's name is ever used as a path, so `../` in an archive means nothing. In a
//! real folder symbolic links are not followed.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::fd::OwnedFd;

use flate2::bufread::MultiGzDecoder;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};

use super::epss::looks_like_scores;
use super::osv::{Input, looks_like_json};
use super::zstd::Frames;
use super::{Limits, SourceError};

/// Most bytes of what stands before a file in a tar: a long name, or records of a pax header (as for layers).
const EXTENDED_HEADER: u64 = 1 << 20;

/// One file.
pub(super) struct Member<'a> {
    /// For messages: the archive's name and its own.
    pub(super) name: &'a str,
    pub(super) content: &'a mut dyn Read,
}

/// Reads one file and tells how many records it saw.
type Visit<'a> = &'a mut dyn FnMut(Member<'_>) -> Result<u64, SourceError>;

/// Visits the files of a folder or archive, or the one file.
pub(super) fn walk(input: Input, limits: Limits, visit: Visit<'_>) -> Result<(), SourceError> {
    let name = input.name;
    let failed = |source| SourceError::Io { name: name.clone(), source };
    let metadata = input.file.metadata().map_err(failed)?;
    let mut budget = Budget {
        name: name.clone(),
        members: limits.records,
        bytes: limits.unpacked.saturating_add(metadata.len().saturating_mul(limits.ratio)),
        limits,
    };
    if metadata.is_dir() {
        // A folder is what it is: its files are not unpacked from anything.
        budget.bytes = u64::MAX;
        return walk_folder(&OwnedFd::from(input.file), &name, limits.depth, &mut budget, visit);
    }
    let mut magic = [0; 4];
    let mut file = input.file;
    let read = read_begin(&mut file, &mut magic).map_err(failed)?;
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    match &magic[..read] {
        b"PK\x03\x04" | b"PK\x05\x06" => walk_zip(file, &mut budget, visit),
        [0x28, 0xB5, 0x2F, 0xFD] => {
            let frames = Frames::new(BufReader::new(file)).map_err(|error| budget.damaged(&error))?;
            walk_stream(frames, &mut budget, visit)
        }
        [0x1F, 0x8B, ..] => walk_stream(MultiGzDecoder::new(BufReader::new(file)), &mut budget, visit),
        _ => walk_stream(file, &mut budget, visit),
    }
}

/// What may still be unpacked.
struct Budget {
    name: String,
    members: u64,
    bytes: u64,
    limits: Limits,
}

impl Budget {
    fn damaged(&self, reason: &impl ToString) -> SourceError {
        SourceError::Archive { name: self.name.clone(), reason: reason.to_string() }
    }

    fn take_members(&mut self, count: u64) -> Result<(), SourceError> {
        self.members = self.members.checked_sub(count).ok_or_else(|| SourceError::Bomb {
            name: self.name.clone(),
            what: "files or records",
            limit: self.limits.records,
        })?;
        Ok(())
    }

    /// Visits a member, counting its bytes; an error of the stream itself is the archive's, not the system's.
    fn visit(&mut self, name: &str, content: &mut dyn Read, visit: Visit<'_>) -> Result<(), SourceError> {
        self.take_members(1)?;
        let mut counted = Counted::new(content, self.bytes);
        let result = visit(Member { name, content: &mut counted });
        let exhausted = counted.exhausted;
        self.bytes = counted.left;
        if exhausted {
            return Err(SourceError::Bomb { name: self.name.clone(), what: "bytes", limit: self.limits.unpacked });
        }
        match result {
            Ok(records) => self.take_members(records.saturating_sub(1)),
            Err(SourceError::Io { source, .. }) => Err(self.damaged(&format!("{name}: {source}"))),
            Err(other) => Err(other),
        }
    }
}

/// Counts bytes and stops when there are too many.
pub(super) struct Counted<'a> {
    inner: &'a mut dyn Read,
    left: u64,
    exhausted: bool,
}

impl<'a> Counted<'a> {
    pub(super) fn new(inner: &'a mut dyn Read, left: u64) -> Self {
        Self { inner, left, exhausted: false }
    }
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let Some(left) = self.left.checked_sub(read as u64) else {
            self.exhausted = true;
            return Err(io::Error::other("more bytes than any advisory export has"));
        };
        self.left = left;
        Ok(read)
    }
}

fn wanted(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or_default();
    let unpacked = file.strip_suffix(".gz").unwrap_or(file);
    let ending = unpacked.rsplit_once('.').map(|(_, ending)| ending).unwrap_or_default();
    !file.starts_with('.') && ["json", "jsonl", "csv"].iter().any(|wanted| ending.eq_ignore_ascii_case(wanted))
}

fn walk_folder(
    folder: &OwnedFd,
    name: &str,
    depth: usize,
    budget: &mut Budget,
    visit: Visit<'_>,
) -> Result<(), SourceError> {
    let failed = |name: &str, error: rustix::io::Errno| SourceError::Io { name: name.to_owned(), source: error.into() };
    let mut entries: Vec<std::ffi::CString> = Vec::new();
    for entry in Dir::read_from(folder).map_err(|error| failed(name, error))? {
        let entry = entry.map_err(|error| failed(name, error))?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            entries.push(entry.file_name().to_owned());
        }
        if entries.len() as u64 > budget.members {
            budget.take_members(entries.len() as u64)?;
        }
    }
    // The same order everywhere, so that the same folder makes the same index.
    entries.sort_unstable();
    for entry in entries {
        let path = format!("{name}/{}", entry.to_string_lossy());
        let Ok(kind) = rustix::fs::statat(folder, &entry, AtFlags::SYMLINK_NOFOLLOW) else { continue };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        match FileType::from_raw_mode(kind.st_mode) {
            FileType::Directory if depth == 0 => {
                let reason = format!("{path} lies deeper than {} folders", budget.limits.depth);
                return Err(budget.damaged(&reason));
            }
            FileType::Directory if !entry.to_bytes().starts_with(b".") => {
                let inner = rustix::fs::openat(folder, &entry, flags | OFlags::DIRECTORY, Mode::empty())
                    .map_err(|error| failed(&path, error))?;
                walk_folder(&inner, &path, depth - 1, budget, visit)?;
            }
            FileType::RegularFile if wanted(&path) => {
                let file = rustix::fs::openat(folder, &entry, flags, Mode::empty());
                let mut file = File::from(file.map_err(|error| failed(&path, error))?);
                budget.visit(&path, &mut file, visit)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn walk_zip(file: File, budget: &mut Budget, visit: Visit<'_>) -> Result<(), SourceError> {
    let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(|error| budget.damaged(&error))?;
    if archive.len() as u64 > budget.members {
        budget.take_members(archive.len() as u64)?;
    }
    let mut found = false;
    for number in 0..archive.len() {
        let mut member = archive.by_index(number).map_err(|error| budget.damaged(&error))?;
        if !member.is_file() || !wanted(member.name()) {
            continue;
        }
        found = true;
        let name = format!("{}:{}", budget.name, member.name());
        budget.visit(&name, &mut member, visit)?;
    }
    if found || archive.is_empty() { Ok(()) } else { Err(budget.without_json("a zip archive")) }
}

/// A plain stream: a tar, or JSON.
fn walk_stream(mut input: impl Read, budget: &mut Budget, visit: Visit<'_>) -> Result<(), SourceError> {
    let mut begin = [0; 512];
    let read = read_begin(&mut input, &mut begin).map_err(|error| budget.damaged(&error))?;
    let begin = &begin[..read];
    let mut input = begin.chain(input);
    if looks_like_json(begin) || looks_like_scores(begin) {
        let name = budget.name.clone();
        return budget.visit(&name, &mut input, visit);
    }
    if begin.get(257..262) != Some(b"ustar") {
        let bytes = begin.iter().take(8).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
        let found = if begin.is_empty() { "empty".into() } else { format!("none of these (it begins {bytes})") };
        return Err(SourceError::Format { name: budget.name.clone(), found });
    }
    let mut found = false;
    // What lies between members counts too, or an archive of nothing but other files would unpack without end.
    let mut counted = Counted::new(&mut input, budget.bytes);
    let mut archive = tar::Archive::new(&mut counted);
    let outcome = walk_tar(&mut archive, budget, visit, &mut found);
    if counted.exhausted {
        return Err(SourceError::Bomb { name: budget.name.clone(), what: "bytes", limit: budget.limits.unpacked });
    }
    outcome?;
    if found { Ok(()) } else { Err(budget.without_json("a tar archive")) }
}

fn walk_tar<R: Read>(
    archive: &mut tar::Archive<R>,
    budget: &mut Budget,
    visit: Visit<'_>,
    found: &mut bool,
) -> Result<(), SourceError> {
    let mut told = None;
    // Raw: the `tar` crate would read whatever stands before a file into memory, of any size.
    for entry in archive.entries().map_err(|error| budget.damaged(&error))?.raw(true) {
        let mut entry = entry.map_err(|error| budget.damaged(&error))?;
        if is_extended(entry.header().entry_type()) {
            if entry.size() > EXTENDED_HEADER {
                return Err(budget.damaged(&format!("an extended header is larger than {EXTENDED_HEADER} bytes")));
            }
            told = name_told_by(&mut entry).map_err(|error| budget.damaged(&error))?.or(told);
            continue;
        }
        let path = told.take().unwrap_or_else(|| entry.path_bytes().into_owned());
        let path = String::from_utf8_lossy(&path).into_owned();
        budget.take_members(1)?;
        if !entry.header().entry_type().is_file() || !wanted(&path) {
            continue;
        }
        *found = true;
        let name = format!("{}:{path}", budget.name);
        budget.visit(&name, &mut entry, visit)?;
    }
    Ok(())
}

/// Whether a member of a tar tells something of the one behind it, or of all, and is none itself.
fn is_extended(kind: tar::EntryType) -> bool {
    kind.is_gnu_longname()
        || kind.is_gnu_longlink()
        || kind.is_pax_local_extensions()
        || kind.is_pax_global_extensions()
}

/// The name of the next file, where such a member tells it.
fn name_told_by(entry: &mut tar::Entry<'_, impl Read>) -> io::Result<Option<Vec<u8>>> {
    let kind = entry.header().entry_type();
    let mut content = Vec::new();
    entry.read_to_end(&mut content)?;
    if kind.is_gnu_longname() {
        let end = content.iter().position(|byte| *byte == 0).unwrap_or(content.len());
        content.truncate(end);
        return Ok(Some(content));
    }
    if !kind.is_pax_local_extensions() {
        return Ok(None);
    }
    let mut records = tar::PaxExtensions::new(&content).filter_map(Result::ok);
    Ok(records.find(|record| record.key_bytes() == b"path").map(|record| record.value_bytes().to_owned()))
}

impl Budget {
    fn without_json(&self, kind: &str) -> SourceError {
        SourceError::Format { name: self.name.clone(), found: format!("{kind} without a .json file") }
    }
}

pub(super) fn read_begin(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match input.read(&mut buffer[read..]) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}
