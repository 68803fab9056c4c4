//! Places below the folder that a layer is unpacked into, reached so that no name leads out of it.
//!
//! The kernel resolves every path as if that folder were the root (openat2(2), RESOLVE_IN_ROOT): `..` ends at it,
//! absolute links begin at it. The last part of a name is never followed.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::confined::open_in_root;
use crate::tree;

/// As deep as the kernel itself follows links.
const MAX_LINKS: usize = 40;

/// Where a member goes: an open folder and a name in it.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) folder: OwnedFd,
    pub(super) name: CString,
}

/// The parts of a member's path: no leading slash, no `.`, and `..` taken with what is before it, as the whole of an
/// image is walked by [`image::layer`] too. Empty for the root itself.
pub(super) fn parts(path: &[u8]) -> Result<Vec<CString>, String> {
    let mut parts: Vec<CString> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                parts.pop();
            }
            name => parts.push(CString::new(name).map_err(|_| "its name holds a zero byte".to_owned())?),
        }
    }
    Ok(parts)
}

/// The place of a member, with the folders above it made where they are missing (root's, 0755).
pub(super) fn of(root: &OwnedFd, mut parts: Vec<CString>) -> io::Result<Option<Place>> {
    let Some(name) = parts.pop() else { return Ok(None) };
    Ok(Some(Place { folder: folder(root, &parts)?, name }))
}

/// A folder below the root, made where it is missing.
pub(super) fn folder(root: &OwnedFd, parts: &[CString]) -> io::Result<OwnedFd> {
    let path = join(parts);
    match open_in_root(root, path.as_c_str(), OFlags::RDONLY | OFlags::DIRECTORY) {
        Err(Errno::NOENT) => {}
        other => return Ok(other?),
    }
    make(root, parts, 0)?;
    Ok(open_in_root(root, path.as_c_str(), OFlags::RDONLY | OFlags::DIRECTORY)?)
}

/// A folder below the root, where it is there and is one.
pub(super) fn existing(root: &OwnedFd, parts: &[CString]) -> io::Result<Option<OwnedFd>> {
    match open_in_root(root, join(parts).as_c_str(), OFlags::RDONLY | OFlags::DIRECTORY) {
        Ok(folder) => Ok(Some(folder)),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Makes the missing folders of a path, one by one; where a link leads nowhere, what it points to.
fn make(root: &OwnedFd, parts: &[CString], links: usize) -> io::Result<()> {
    for end in 1..=parts.len() {
        let path = join(&parts[..end]);
        match open_in_root(root, path.as_c_str(), OFlags::PATH) {
            Ok(_) => continue,
            Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        let parent = open_in_root(root, join(&parts[..end - 1]).as_c_str(), OFlags::RDONLY | OFlags::DIRECTORY)?;
        match rustix::fs::mkdirat(&parent, &parts[end - 1], Mode::from_raw_mode(0o755)) {
            Ok(()) => {}
            Err(Errno::EXIST) if links < MAX_LINKS => {
                let target = rustix::fs::readlinkat(&parent, &parts[end - 1], Vec::new())?;
                let target = target.to_bytes();
                let above: &[CString] = if target.starts_with(b"/") { &[] } else { &parts[..end - 1] };
                let whole = [join(above).to_bytes(), b"/", target].concat();
                make(root, &self::parts(&whole).map_err(io::Error::other)?, links + 1)?;
            }
            Err(Errno::EXIST) => return Err(Errno::LOOP.into()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn join(parts: &[CString]) -> CString {
    let mut path = Vec::new();
    for part in parts {
        path.extend_from_slice(part.as_bytes());
        path.push(b'/');
    }
    path.push(b'.');
    // Parts are C strings, so there is no zero byte in it.
    CString::new(path).unwrap_or_default()
}

impl Place {
    /// What is there now, the last link not followed.
    pub(super) fn look(&self) -> io::Result<Option<rustix::fs::Stat>> {
        match rustix::fs::statat(&self.folder, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(about) => Ok(Some(about)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes what is there, folders with all that is in them.
    pub(super) fn clear(&self) -> io::Result<()> {
        tree::remove(&self.folder, self.name.as_c_str())
    }

    /// Opens what is there, never through a link.
    pub(super) fn open(&self, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(rustix::fs::openat2(self.folder.as_fd(), self.name.as_c_str(), flags, mode, resolve)?)
    }
}
