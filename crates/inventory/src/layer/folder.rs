//! A folder of the machine, read as if it were a layer: the same collector, the same sealed worker.
//!
//! The walk never leaves the folder: every name is opened below its own folder's descriptor without following links
//! (openat(2), `O_NOFOLLOW`), so that who writes in the folder meanwhile cannot lead it elsewhere. Links are recorded and
//! resolved as for a process whose root the folder is. Only regular files are read; devices, pipes and sockets are not
//! even opened. What the kernel shows of itself (`/proc`, `/sys`), other machines' file systems and the merged views of
//! running containers are left out; other mounts are walked like any folder. What could not be read is said.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;

use image::Digest;
use image::layer::{Entry, EntryKind, LayerError, Visitor as _};
use image::source::Unpacked;
use rustix::fs::{self, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::Limits;
use super::collector::{Collector, DEEPEST, OPAQUE, WHITEOUT};
use crate::record::LayerRecord;
use crate::worker::Launcher;

/// Names of one folder that are held at once; they are read in this order's own sorting, a part after the other.
const NAMES_AT_ONCE: usize = 64 << 10;

/// Catalogues what lies in a folder. The record's digest is that of what was found, which no layer has: for showing,
/// never for keeping.
pub fn catalogue_folder(folder: &OwnedFd, limits: &Limits, launcher: &Launcher) -> Result<LayerRecord, LayerError> {
    let mut record = walk(folder, None, limits, launcher)?;
    let found: Vec<_> = record.files.iter().map(|file| (&file.path, &file.cataloguer, &file.facts)).collect();
    if let Ok(bytes) = postcard::to_allocvec(&found) {
        record.diff_id = Digest::sha256(&bytes);
    }
    Ok(record)
}

/// Catalogues the folder that a layer was unpacked to, what it deletes marked as overlayfs has it. The record is of the layer that it is claimed to
/// be: nothing proves it, so it is for showing, never for keeping.
pub fn catalogue_unpacked(
    layer: &Unpacked,
    claimed: &Digest,
    limits: &Limits,
    launcher: &Launcher,
) -> Result<LayerRecord, LayerError> {
    let record = walk(&layer.folder, Some(layer), limits, launcher)?;
    Ok(LayerRecord { diff_id: claimed.clone(), ..record })
}

fn walk(
    folder: &OwnedFd,
    layer: Option<&Unpacked>,
    limits: &Limits,
    launcher: &Launcher,
) -> Result<LayerRecord, LayerError> {
    let collector = Collector::new(limits, launcher);
    let mut walk = Walk { collector, limits, entries: 0, device: 0, layer };
    walk.device = fs::fstat(folder).map_err(io::Error::from).map_err(LayerError::Io)?.st_dev;
    walk.folder(folder, "", 0)?;
    Ok(walk.collector.finish(Digest::sha256(b"")))
}

struct Walk<'a> {
    collector: Collector<'a>,
    limits: &'a Limits,
    entries: u64,
    /// The file system of the folder that is being read.
    device: fs::Dev,
    /// The layer that the folder is of, whose marks of what is deleted mean that.
    layer: Option<&'a Unpacked>,
}

/// The attributes by which a folder says that nothing below it is seen (Documentation/filesystems/overlayfs.rst, "whiteouts and opaque
/// directories"; fuse-overlayfs has one of its own). The first can be read with privileges only.
const OPAQUE_ATTRIBUTES: [&str; 3] = ["trusted.overlay.opaque", "user.overlay.opaque", "user.fuseoverlayfs.opaque"];

/// A name in a folder, and what the folder says that it is.
struct Name {
    name: CString,
    kind: FileType,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &OwnedFd, path: &str, depth: usize) -> Result<(), LayerError> {
        let mut names = match fs::Dir::read_from(folder) {
            Ok(names) => names,
            Err(error) => return self.not_read(path, error),
        };
        loop {
            let mut part = Vec::new();
            while part.len() < NAMES_AT_ONCE
                && let Some(name) = names.read()
            {
                match name {
                    Ok(name) if matches!(name.file_name().to_bytes(), b"." | b"..") => {}
                    Ok(name) => part.push(Name { name: name.file_name().to_owned(), kind: name.file_type() }),
                    Err(error) => {
                        self.not_read(path, error)?;
                        break;
                    }
                }
            }
            if part.is_empty() {
                return Ok(());
            }
            part.sort_unstable_by(|one, other| one.name.cmp(&other.name));
            for name in part {
                self.entries += 1;
                if self.entries > self.limits.walk.entries {
                    return Err(LayerError::TooManyEntries { limit: self.limits.walk.entries });
                }
                self.name(folder, path, &name, depth)?;
            }
        }
    }

    fn name(&mut self, folder: &OwnedFd, above: &str, name: &Name, depth: usize) -> Result<(), LayerError> {
        let shown = name.name.to_string_lossy();
        if shown.starts_with(WHITEOUT) && self.layer.is_none() {
            // In a layer such a name deletes another; in a folder it is a file like any, and tells of no package.
            return Ok(());
        }
        let path = if above.is_empty() { shown.into_owned() } else { format!("{above}/{shown}") };
        if path.len() > self.limits.walk.path_bytes {
            self.collector.warn(format!("/{above}: not read, paths in it are too long"));
            return Ok(());
        }
        let kind = match name.kind {
            // A file system that does not say.
            FileType::Unknown => match fs::statat(folder, &name.name, fs::AtFlags::SYMLINK_NOFOLLOW) {
                Ok(about) => FileType::from_raw_mode(about.st_mode),
                Err(error) => return self.not_read(&path, error),
            },
            known => known,
        };
        match kind {
            FileType::Directory => self.enter(folder, &name.name, &path, depth),
            FileType::RegularFile => self.file(folder, &name.name, path),
            FileType::Symlink => match fs::readlinkat(folder, &name.name, Vec::new()) {
                Ok(target) => self.visit(path, EntryKind::Symlink(target.to_string_lossy().into_owned())),
                Err(error) => self.not_read(&path, error),
            },
            FileType::CharacterDevice if self.layer.is_some() && is_whiteout(folder, &name.name) => {
                let marked = [above, if above.is_empty() { "" } else { "/" }, WHITEOUT, &name.name.to_string_lossy()];
                self.visit(marked.concat(), EntryKind::File)
            }
            _ => self.visit(path, EntryKind::Special),
        }
    }

    fn enter(&mut self, above: &OwnedFd, name: &CString, path: &str, depth: usize) -> Result<(), LayerError> {
        if depth + 1 >= DEEPEST {
            self.collector.warn(format!("/{path}: not read, it lies more than {DEEPEST} folders deep"));
            return Ok(());
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = fs::openat(above, name, flags, Mode::empty());
        let folder = match opened.or_else(|error| self.asked(error, |layer| layer.below(path))) {
            Ok(folder) => folder,
            Err(error) => return self.not_read(path, error),
        };
        self.visit(path.to_owned(), EntryKind::Directory)?;
        if self.layer.is_some() && is_opaque(&folder) {
            self.visit(format!("{path}/{OPAQUE}"), EntryKind::File)?;
        }
        let device = match fs::fstat(&folder) {
            Ok(about) => about.st_dev,
            Err(error) => return self.not_read(path, error),
        };
        if device != self.device {
            match foreign(&folder) {
                Foreign::No => {}
                Foreign::Kernel => return Ok(()),
                Foreign::Named(what) => {
                    self.collector.warn(format!("/{path}: not read, it is {what}; name it to scan it"));
                    return Ok(());
                }
            }
        }
        let outer = std::mem::replace(&mut self.device, device);
        let outcome = self.folder(&folder, path, depth + 1);
        self.device = outer;
        outcome
    }

    fn file(&mut self, folder: &OwnedFd, name: &CString, path: String) -> Result<(), LayerError> {
        // What is a pipe by now must not keep the walk waiting.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let opened = fs::openat(folder, name, flags, Mode::empty());
        let file = match opened.or_else(|error| self.asked(error, |layer| layer.file(&path).map(OwnedFd::from))) {
            Ok(file) => File::from(file),
            Err(error) => return self.not_read(&path, error),
        };
        let about = match file.metadata() {
            Ok(about) if about.is_file() => about,
            Ok(_) => return self.visit(path, EntryKind::Special),
            Err(error) => return self.not_read(&path, Errno::from_io_error(&error).unwrap_or(Errno::IO)),
        };
        let size = about.len();
        let mut content = Steady { file, left: size, failure: None };
        let entry = Entry { path, kind: EntryKind::File, size, mode: about.mode() & 0o7777 };
        self.collector.visit(&entry, &mut content)?;
        if let Some(failure) = content.failure {
            self.collector.warn(format!("/{}: not read to its end: {failure}", entry.path));
        }
        Ok(())
    }

    /// Of a layer, what this process may not open may be opened by one that still may.
    fn asked(&self, error: Errno, ask: impl FnOnce(&Unpacked) -> io::Result<OwnedFd>) -> Result<OwnedFd, Errno> {
        match self.layer {
            Some(layer) if error == Errno::ACCESS => ask(layer).map_err(|_| error),
            _ => Err(error),
        }
    }

    fn visit(&mut self, path: String, kind: EntryKind) -> Result<(), LayerError> {
        self.collector.visit(&Entry { path, kind, size: 0, mode: 0 }, &mut io::empty())
    }

    /// Says that something could not be read; what is gone meanwhile, or has become another thing, is not there.
    fn not_read(&mut self, path: &str, error: Errno) -> Result<(), LayerError> {
        if matches!(error, Errno::NOENT | Errno::LOOP | Errno::NOTDIR) && !path.is_empty() {
            return Ok(());
        }
        if path.is_empty() {
            return Err(LayerError::Io(error.into()));
        }
        self.collector.warn(format!("/{path}: not read: {}", io::Error::from(error)));
        Ok(())
    }
}

/// What is deleted is a character device with number 0/0 in an overlay's folder.
fn is_whiteout(folder: &OwnedFd, name: &CString) -> bool {
    fs::statat(folder, name, fs::AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|about| about.st_rdev == 0)
}

fn is_opaque(folder: &OwnedFd) -> bool {
    OPAQUE_ATTRIBUTES.iter().any(|attribute| {
        let mut value = [0; 8];
        fs::fgetxattr(folder, *attribute, &mut value).is_ok_and(|length| value.get(..length) == Some(b"y"))
    })
}

/// Whose file system a folder is on.
enum Foreign {
    /// This machine's own.
    No,
    /// The kernel's view of itself.
    Kernel,
    /// Something that is better scanned on its own.
    Named(&'static str),
}

/// By the magic numbers of statfs(2) and of linux/magic.h.
fn foreign(folder: &OwnedFd) -> Foreign {
    match magic(folder) {
        0x9fa0 | 0x6265_6572 | 0x1cd1 | 0x27_e0eb | 0x6367_7270 | 0x6462_6720 | 0x7472_6163 | 0x7363_6673
        | 0x6165_676c | 0xde5e_81e4 | 0xcafe_4a11 | 0x6265_6570 | 0x6573_5543 | 0x1980_0202 | 0x9584_58f6
        | 0x4249_4e4d | 0x0187 | 0x6e73_6673 | 0xf97c_ff8c => Foreign::Kernel,
        0x6969 | 0x517b | 0xff53_4d42 | 0xfe53_4d42 | 0x0102_1997 | 0x00c3_6400 | 0x5346_414f => {
            Foreign::Named("another machine's file system")
        }
        0x794c_7630 => Foreign::Named("the merged file system of a container"),
        _ => Foreign::No,
    }
}

#[cfg(target_os = "linux")]
fn magic(folder: &OwnedFd) -> u64 {
    fs::fstatfs(folder).map_or(0, |about| u64::try_from(about.f_type).unwrap_or_default() & 0xffff_ffff)
}

/// Other systems number theirs otherwise: all is walked.
#[cfg(not(target_os = "linux"))]
fn magic(_: &OwnedFd) -> u64 {
    0
}

/// As many bytes as the file had when it was opened, whatever becomes of it meanwhile: what is cut off is zeros, which
/// no format takes for packages, and what is added is not read.
struct Steady {
    file: File,
    left: u64,
    failure: Option<io::Error>,
}

impl Read for Steady {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let Some(buffer) = buffer.get_mut(..most).filter(|buffer| !buffer.is_empty()) else { return Ok(0) };
        let read = match &self.failure {
            Some(_) => 0,
            None => match self.file.read(buffer) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
                Err(error) => {
                    self.failure = Some(error);
                    0
                }
            },
        };
        let given = if read == 0 {
            buffer.fill(0);
            buffer.len()
        } else {
            read
        };
        self.left -= given as u64;
        Ok(given)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_file_that_is_cut_or_grows_while_it_is_read_keeps_its_size() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"abc").unwrap();
        let steady = |size: u64| {
            let mut again = file.try_clone().unwrap();
            io::Seek::rewind(&mut again).unwrap();
            let mut bytes = Vec::new();
            Steady { file: again, left: size, failure: None }.read_to_end(&mut bytes).unwrap();
            bytes
        };
        assert_eq!(steady(5), b"abc\0\0");
        assert_eq!(steady(2), b"ab");
    }
}
