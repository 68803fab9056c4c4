//! A layer's tar, member by member, in the form that overlayfs stacks.
//!
//! Whiteouts (image-spec, layer.md) become what overlayfs reads with `userxattr`: a character device 0/0 for a name
//! that is deleted (which the kernel lets a user namespace make, from 5.8), `user.overlay.opaque` on a folder that
//! hides what is below it.

use std::collections::HashSet;
use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid, XattrFlags};
use sandbox::protocol::Unpacked;
use tar::{Entry, EntryType};

use super::place::{self, Place};
use super::plain;

/// Most members, and most bytes of all files together.
const MAX_ENTRIES: u64 = 20_000_000;
const MAX_BYTES: u64 = 64 << 30;

/// Longest path, and most bytes of one extended attribute (Linux' own limits).
const MAX_PATH: usize = 4096;
const MAX_ATTRIBUTE: usize = 64 << 10;

/// Bytes that are read at a time.
const BUFFER: usize = 128 << 10;

const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";

/// One layer that is being unpacked.
struct Layer<'folder> {
    root: &'folder OwnedFd,
    unpacked: Unpacked,
    bytes: u64,
    /// Folders with their times, set at the end: whatever is made in them changes these.
    folders: Vec<(Vec<CString>, i64)>,
    /// What is read and not yet written.
    buffer: Vec<u8>,
}

/// A member's owner, mode and time.
#[derive(Clone, Copy, Debug)]
struct About {
    uid: u32,
    gid: u32,
    mode: u32,
    time: i64,
}

/// Unpacks a plain tar into a folder that is empty.
pub(super) fn unpack(tar: File, root: &OwnedFd) -> Result<Unpacked, String> {
    let mut layer =
        Layer { root, unpacked: Unpacked::default(), bytes: 0, folders: Vec::new(), buffer: vec![0; BUFFER] };
    let mut archive = tar::Archive::new(tar);
    let entries = archive.entries().map_err(|error| format!("its tar cannot be read: {error}"))?;
    for entry in entries {
        let mut entry = entry.map_err(|error| format!("its tar is damaged: {error}"))?;
        let path = entry.path_bytes().into_owned();
        layer.member(&mut entry, &path).map_err(|error| format!("{:?}: {error}", String::from_utf8_lossy(&path)))?;
    }
    layer.finish()?;
    // Past the end of the archive too: whoever writes is to come to the end of what it hashes.
    let mut rest = archive.into_inner();
    while rest.read(&mut layer.buffer).map_err(|error| format!("its tar cannot be read to its end: {error}"))? > 0 {}
    Ok(layer.unpacked)
}

impl Layer<'_> {
    fn member(&mut self, entry: &mut Entry<'_, File>, path: &[u8]) -> Result<(), String> {
        self.unpacked.entries += 1;
        if self.unpacked.entries > MAX_ENTRIES {
            return Err(format!("the layer has more than {MAX_ENTRIES} members"));
        }
        if path.len() > MAX_PATH {
            return Err(format!("its path is longer than {MAX_PATH} bytes"));
        }
        plain::check(entry)?;
        let mut kind = entry.header().entry_type();
        if matches!(kind, EntryType::XGlobalHeader) {
            return Ok(());
        }
        if entry.header().as_bytes()[156] == 0 && path.ends_with(b"/") {
            // Before POSIX a folder was told by its name alone.
            kind = EntryType::Directory;
        }
        let mut parts = place::parts(path)?;
        let name = parts.last().map(|name| name.to_bytes().to_owned()).unwrap_or_default();
        if name == OPAQUE {
            parts.pop();
            let folder = place::folder(self.root, &parts).map_err(|error| error.to_string())?;
            return hide_below(&folder);
        }
        if let Some(hidden) = name.strip_prefix(WHITEOUT) {
            parts.pop();
            // `.wh..wh.` begins names of AUFS' own (image-spec: reserved); a bare prefix hides nothing.
            if hidden.is_empty() || hidden == b"." || hidden == b".." || hidden.starts_with(WHITEOUT) {
                return Ok(());
            }
            parts.push(CString::new(hidden).map_err(|error| error.to_string())?);
            let Some(place) = self.place(parts)? else { return Ok(()) };
            return whiteout(&place);
        }
        let about = about(entry)?;
        let Some(place) = self.place(parts.clone())? else {
            // The root of the image itself.
            if kind.is_dir() {
                return self.folder(entry, self.root, parts, about);
            }
            return Err("it would replace the root of the image".into());
        };
        match kind {
            EntryType::Directory => {
                let folder = make_folder(&place)?;
                self.folder(entry, &folder, parts, about)
            }
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => self.file(entry, &place, about),
            EntryType::Symlink => symlink(entry, &place, about),
            EntryType::Link => self.hard_link(entry, &place),
            EntryType::Fifo => fifo(&place, about),
            EntryType::Block | EntryType::Char => {
                // Cannot be made in a user namespace, and what a container needs it gets from the runtime.
                self.unpacked.devices_left_out += 1;
                Ok(())
            }
            other => Err(format!("it is of kind {:?}, which no layer has", char::from(other.as_byte()))),
        }
    }

    fn place(&self, parts: Vec<CString>) -> Result<Option<Place>, String> {
        place::of(self.root, parts).map_err(|error| match error.raw_os_error() {
            Some(libc::ENOTDIR) => "something that is no folder is above it in the same layer".into(),
            _ => format!("the folder for it cannot be opened: {error}"),
        })
    }

    fn file(&mut self, entry: &mut Entry<'_, File>, place: &Place, about: About) -> Result<(), String> {
        clear(place)?;
        let made = place.open(OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL, Mode::RUSR | Mode::WUSR);
        let mut file = File::from(made.map_err(|error| format!("cannot make it: {error}"))?);
        let mut left = entry.size();
        loop {
            let read = entry.read(&mut self.buffer).map_err(|error| format!("its content cannot be read: {error}"))?;
            if read == 0 {
                break;
            }
            left = left.saturating_sub(read as u64);
            self.bytes += read as u64;
            if self.bytes > MAX_BYTES {
                return Err(format!("the files of the layer are more than {MAX_BYTES} bytes together"));
            }
            file.write_all(&self.buffer[..read]).map_err(|error| format!("cannot write it: {error}"))?;
        }
        if left > 0 {
            return Err(format!("the tar ends {left} bytes before its content does"));
        }
        let file = OwnedFd::from(file);
        own(&file, about)?;
        self.attributes(entry, &file)?;
        times(&file, about.time)
    }

    fn folder(
        &mut self,
        entry: &mut Entry<'_, File>,
        folder: &OwnedFd,
        parts: Vec<CString>,
        about: About,
    ) -> Result<(), String> {
        own(folder, about)?;
        self.attributes(entry, folder)?;
        self.folders.push((parts, about.time));
        Ok(())
    }

    fn hard_link(&mut self, entry: &Entry<'_, File>, place: &Place) -> Result<(), String> {
        let target = entry.link_name_bytes().ok_or("it is a hard link to nothing")?.into_owned();
        let shown = String::from_utf8_lossy(&target).into_owned();
        let parts = place::parts(&target)?;
        let Some(target) = self.place(parts)? else { return Err("it is a hard link to the root of the image".into()) };
        match target.look().map_err(|error| error.to_string())? {
            None => return Err(format!("it is a hard link to {shown:?}, which the layer has not made before it")),
            Some(found) if FileType::from_raw_mode(found.st_mode).is_dir() => {
                return Err(format!("it is a hard link to the folder {shown:?}"));
            }
            Some(found) => {
                // A link to itself: replacing would delete the only one.
                let same = place.look().map_err(|error| error.to_string())?;
                if same.is_some_and(|same| (same.st_dev, same.st_ino) == (found.st_dev, found.st_ino)) {
                    return Ok(());
                }
            }
        }
        clear(place)?;
        rustix::fs::linkat(&target.folder, &target.name, &place.folder, &place.name, AtFlags::empty())
            .map_err(|error| format!("cannot link it to {shown:?}: {error}"))
    }

    /// Sets the attributes that an image may set.
    fn attributes(&mut self, entry: &mut Entry<'_, File>, file: &OwnedFd) -> Result<(), String> {
        let extensions = entry.pax_extensions().map_err(|error| format!("its attributes cannot be read: {error}"))?;
        for extension in extensions.into_iter().flatten() {
            let extension = extension.map_err(|error| format!("its attributes cannot be read: {error}"))?;
            let Some(name) = extension.key_bytes().strip_prefix(b"SCHILY.xattr.") else { continue };
            let value = extension.value_bytes();
            // `user.overlay.*` would speak to overlayfs in the layer's name; other spaces are the host's.
            let allowed =
                name.starts_with(b"user.") && !name.starts_with(b"user.overlay.") || name == b"security.capability";
            let name = CString::new(name).ok().filter(|_| allowed && value.len() <= MAX_ATTRIBUTE);
            let set = name.is_some_and(|name| rustix::fs::fsetxattr(file, &name, value, XattrFlags::empty()).is_ok());
            self.unpacked.attributes_left_out += u64::from(!set);
        }
        Ok(())
    }

    /// Sets the folders' times, deepest first, so that the last word on each is its own.
    fn finish(&mut self) -> Result<(), String> {
        let mut seen = HashSet::new();
        for (parts, time) in std::mem::take(&mut self.folders).into_iter().rev() {
            if !seen.insert(parts.clone()) {
                continue;
            }
            // It may have been replaced since, by something else or by a whiteout of its name.
            let folder = match place::existing(self.root, &parts) {
                Ok(Some(folder)) => folder,
                Ok(None) => continue,
                Err(error) => return Err(format!("cannot open a folder again: {error}")),
            };
            times(&folder, time)?;
        }
        Ok(())
    }
}

fn about(entry: &Entry<'_, File>) -> Result<About, String> {
    let header = entry.header();
    let id = |id: io::Result<u64>| {
        let id = id.map_err(|error| format!("its owner cannot be read: {error}"))?;
        u32::try_from(id).ok().filter(|id| *id < crate::ranges::BLOCK).ok_or_else(|| {
            format!(
                "its owner or group is {id}, but a container has ids up to 65535 only; build the image with --chown"
            )
        })
    };
    let (uid, gid) = (id(header.uid())?, id(header.gid())?);
    let mode = header.mode().map_err(|error| format!("its mode cannot be read: {error}"))? & 0o7777;
    let time = header.mtime().map_err(|error| format!("its time cannot be read: {error}"))?;
    Ok(About { uid, gid, mode, time: i64::try_from(time).unwrap_or(0) })
}

/// Takes away what the same layer has put there before; a folder stays where another is to be.
fn clear(place: &Place) -> Result<(), String> {
    place.clear().map_err(|error| format!("cannot replace what is there: {error}"))
}

fn is_whiteout(about: &rustix::fs::Stat) -> bool {
    FileType::from_raw_mode(about.st_mode).is_char_device() && about.st_rdev == 0
}

/// Hides a name of the layers below. What this layer itself has under that name stays (image-spec: whiteouts apply
/// to lower layers only), but a folder then shows nothing of them.
fn whiteout(place: &Place) -> Result<(), String> {
    match place.look().map_err(|error| error.to_string())? {
        Some(found) if FileType::from_raw_mode(found.st_mode).is_dir() => {
            let folder = place.open(OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty());
            hide_below(&folder.map_err(|error| error.to_string())?)
        }
        Some(_) => Ok(()),
        None => rustix::fs::mknodat(&place.folder, &place.name, FileType::CharacterDevice, Mode::empty(), 0)
            .map_err(|error| format!("cannot mark it as deleted: {error}")),
    }
}

/// Marks a folder so that nothing of the layers below shows through.
fn hide_below(folder: &OwnedFd) -> Result<(), String> {
    rustix::fs::fsetxattr(folder, c"user.overlay.opaque", b"y", XattrFlags::empty())
        .map_err(|error| format!("cannot mark the folder as hiding what is below it: {error}"))
}

/// Makes a folder or takes the one that is there.
fn make_folder(place: &Place) -> Result<OwnedFd, String> {
    let found = place.look().map_err(|error| error.to_string())?;
    let hides = found.is_some_and(|found| is_whiteout(&found));
    if !found.is_some_and(|found| FileType::from_raw_mode(found.st_mode).is_dir()) {
        clear(place)?;
        rustix::fs::mkdirat(&place.folder, &place.name, Mode::RWXU)
            .map_err(|error| format!("cannot make the folder: {error}"))?;
    }
    let folder = place.open(OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty());
    let folder = folder.map_err(|error| format!("cannot open the folder: {error}"))?;
    if hides {
        hide_below(&folder)?;
    }
    Ok(folder)
}

fn symlink(entry: &Entry<'_, File>, place: &Place, about: About) -> Result<(), String> {
    let target = entry.link_name_bytes().ok_or("it is a symbolic link to nothing")?.into_owned();
    let target = CString::new(target).map_err(|_| "its target holds a zero byte")?;
    clear(place)?;
    rustix::fs::symlinkat(&target, &place.folder, &place.name)
        .map_err(|error| format!("cannot make the link: {error}"))?;
    finish_by_name(place, about, false)
}

fn fifo(place: &Place, about: About) -> Result<(), String> {
    clear(place)?;
    rustix::fs::mknodat(&place.folder, &place.name, FileType::Fifo, Mode::empty(), 0)
        .map_err(|error| format!("cannot make the FIFO: {error}"))?;
    finish_by_name(place, about, true)
}

/// Owner, mode and time of what cannot be opened.
fn finish_by_name(place: &Place, about: About, has_mode: bool) -> Result<(), String> {
    let failed = |error| format!("cannot set its owner, mode or time: {error}");
    let (uid, gid) = (Some(Uid::from_raw(about.uid)), Some(Gid::from_raw(about.gid)));
    rustix::fs::chownat(&place.folder, &place.name, uid, gid, AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
    if has_mode {
        let mode = Mode::from_raw_mode(about.mode);
        rustix::fs::chmodat(&place.folder, &place.name, mode, AtFlags::empty()).map_err(failed)?;
    }
    let times = both(about.time);
    rustix::fs::utimensat(&place.folder, &place.name, &times, AtFlags::SYMLINK_NOFOLLOW).map_err(failed)
}

/// Owner first: changing it takes setuid bits away.
fn own(file: &OwnedFd, about: About) -> Result<(), String> {
    let (uid, gid) = (Uid::from_raw(about.uid), Gid::from_raw(about.gid));
    rustix::fs::fchown(file, Some(uid), Some(gid)).map_err(|error| format!("cannot give it its owner: {error}"))?;
    rustix::fs::fchmod(file, Mode::from_raw_mode(about.mode)).map_err(|error| format!("cannot set its mode: {error}"))
}

fn times(file: &OwnedFd, time: i64) -> Result<(), String> {
    rustix::fs::futimens(file, &both(time)).map_err(|error| format!("cannot set its time: {error}"))
}

fn both(time: i64) -> Timestamps {
    let time = Timespec { tv_sec: time, tv_nsec: 0 };
    Timestamps { last_access: time, last_modification: time }
}
