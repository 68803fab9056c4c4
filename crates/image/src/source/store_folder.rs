//! A folder of another engine's store, below which files are opened and out of which nothing leads.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FileType, Mode, OFlags};

use super::Opener;

/// An open folder. What is opened below it is opened for reading only, and is a regular file or a folder.
///
/// With an [`Opener`], what this process may not open is opened by one that still may.
#[derive(Debug)]
pub struct StoreFolder {
    path: PathBuf,
    root: OwnedFd,
    opener: Option<(Arc<Opener>, u8)>,
}

/// Which links a lookup may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Links {
    /// None.
    None,
    /// Those inside of the folder, as for a process whose root it is; the last part must be none.
    Inside,
}

impl StoreFolder {
    /// Opens a folder, by whatever links lead to it.
    pub fn open(path: &Path) -> io::Result<Self> {
        let root = rustix::fs::open(path, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self { path: path.to_owned(), root, opener: None })
    }

    /// The same, with somebody to ask for what this process may not open later.
    pub fn with_opener(self, opener: &Arc<Opener>) -> io::Result<Self> {
        let number = opener.add(self.root.as_fd())?;
        Ok(Self { opener: Some((Arc::clone(opener), number)), ..self })
    }

    /// Where it is, for messages.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A file below it.
    pub(super) fn file(&self, path: &str) -> io::Result<File> {
        match open_file(self.root.as_fd(), path.as_bytes(), Links::None) {
            Err(error) if is_refusal(&error) => self.asked(|opener, root| opener.file(root, path), error),
            opened => opened,
        }
    }

    /// A folder below it.
    pub(super) fn folder(&self, path: &str) -> io::Result<OwnedFd> {
        match open_folder(self.root.as_fd(), path.as_bytes()) {
            Err(error) if is_refusal(&error) => self.asked(|opener, root| opener.folder(root, path), error),
            opened => opened,
        }
    }

    /// A file in `folder`, which [`StoreFolder::folder`] opened at `at`.
    pub(super) fn member(&self, folder: &OwnedFd, at: &str, path: &[u8]) -> io::Result<File> {
        match open_file(folder.as_fd(), path, Links::Inside) {
            Err(error) if is_refusal(&error) => self.asked(|opener, root| opener.member(root, at, path), error),
            opened => opened,
        }
    }

    fn asked<T>(&self, ask: impl FnOnce(&Opener, u8) -> io::Result<T>, refusal: io::Error) -> io::Result<T> {
        match &self.opener {
            Some((opener, root)) => ask(opener, *root),
            None => Err(refusal),
        }
    }
}

fn is_refusal(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

/// Opens a regular file below `root`.
pub(super) fn open_file(root: BorrowedFd<'_>, path: &[u8], links: Links) -> io::Result<File> {
    // What is a pipe must not keep anybody waiting.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = confined(root, path, flags, links)?;
    match FileType::from_raw_mode(rustix::fs::fstat(&file)?.st_mode) {
        FileType::RegularFile => Ok(File::from(file)),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")),
    }
}

/// Opens a folder below `root`.
pub(super) fn open_folder(root: BorrowedFd<'_>, path: &[u8]) -> io::Result<OwnedFd> {
    confined(root, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Links::None)
}

#[cfg(target_os = "linux")]
fn confined(root: BorrowedFd<'_>, path: &[u8], flags: OFlags, links: Links) -> io::Result<OwnedFd> {
    use rustix::fs::ResolveFlags;
    use rustix::io::Errno;

    /// How often a lookup is begun anew while somebody renames what it leads through (openat2(2), `EAGAIN`).
    const TRIES: usize = 16;
    let resolve = match links {
        Links::None => ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS,
        Links::Inside => ResolveFlags::IN_ROOT,
    };
    let mut tries = 0;
    loop {
        match rustix::fs::openat2(root, path, flags, Mode::empty(), resolve | ResolveFlags::NO_MAGICLINKS) {
            Err(Errno::AGAIN | Errno::INTR) if tries < TRIES => tries += 1,
            opened => return Ok(opened?),
        }
    }
}

/// Where nothing opens below a folder and never above it, nothing is opened; the engines that have such stores run on Linux.
#[cfg(not(target_os = "linux"))]
fn confined(_: BorrowedFd<'_>, _: &[u8], _: OFlags, _: Links) -> io::Result<OwnedFd> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "other engines' stores are read on Linux only"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_outside_is_opened_whatever_the_links_say() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("secret"), "x").unwrap();
        let inside = place.path().join("store");
        std::fs::create_dir_all(inside.join("layer/usr/lib")).unwrap();
        std::fs::write(inside.join("layer/usr/lib/a"), "a").unwrap();
        symlink("/usr/lib", inside.join("layer/lib")).unwrap();
        symlink("../../secret", inside.join("layer/up")).unwrap();
        symlink("../..", inside.join("layer/out")).unwrap();
        symlink("layer", inside.join("other")).unwrap();
        let store = StoreFolder::open(&inside).unwrap();
        let layer = store.folder("layer").unwrap();
        assert!(store.member(&layer, "layer", b"usr/lib/a").is_ok());
        assert!(store.member(&layer, "layer", b"/lib/a").is_ok(), "a link is followed as in the image");
        for path in ["up", "out/secret", "../../secret", "usr", "no"] {
            assert!(store.member(&layer, "layer", path.as_bytes()).is_err(), "{path}");
        }
        assert!(store.folder("other").is_err() && store.file("../secret").is_err() && store.file("layer").is_err());
    }

    #[test]
    fn a_pipe_keeps_nobody_waiting() {
        let place = tempfile::tempdir().unwrap();
        assert!(std::process::Command::new("mkfifo").arg(place.path().join("pipe")).status().unwrap().success());
        assert!(StoreFolder::open(place.path()).unwrap().file("pipe").is_err());
    }
}
