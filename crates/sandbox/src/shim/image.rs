//! What an image must be so that everything can be mounted in it.
//!
//! libcontainer 0.7 makes the links of `/dev` (`/dev/fd`, `/dev/stdin`) by a path that begins at the host's root. Where
//! the image, or a bind that a link of the image leads there, makes something else of `/` or `/dev`, that path may lead
//! to a folder of the host. `/proc` and `/sys` libcontainer checks itself, but for binds.

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, statat};
use sandbox::Bind;

use super::Failure;
use crate::broker::is_taken;
use crate::confined::open_in_root;

/// Refuses an image whose `/dev` leads elsewhere, or one of whose links leads a bind to a place that the runtime makes.
pub(super) fn check(root: &Path, binds: &[Bind]) -> Result<(), Failure> {
    match root.join("dev").symlink_metadata() {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Err(Failure::of("use the image's /dev", "it is no folder")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(Failure::of("look at the image's /dev", error)),
    }
    let image = Image::open(root).map_err(|error| Failure::of("look at the image's folders", error))?;
    for Bind { destination, .. } in binds {
        let failed = |cause: &dyn std::fmt::Display| {
            Failure::of(&format!("mount at {} in the container", destination.display()), cause)
        };
        let leads_to = image.leads_to(destination).map_err(|error| failed(&error))?;
        if is_taken(&leads_to) {
            return Err(failed(&format!("in this image it leads to {}; choose another path", leads_to.display())));
        }
    }
    Ok(())
}

/// The root of an image, and its path as the kernel tells it.
struct Image {
    root: OwnedFd,
    path: PathBuf,
}

impl Image {
    fn open(root: &Path) -> io::Result<Self> {
        let root = rustix::fs::openat(CWD, root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self { path: path_of(&root)?, root })
    }

    /// The path in the image that a path leads to, its links followed as a process in it would.
    fn leads_to(&self, path: &Path) -> io::Result<PathBuf> {
        let missing = match self.find(path) {
            Ok(found) => return self.inside(&found),
            Err(error) if error.kind() == io::ErrorKind::NotFound => error,
            Err(error) => return Err(error),
        };
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Err(missing) };
        let parent = self.leads_to(parent)?;
        let is_link = self.find(&parent).is_ok_and(|folder| statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW).is_ok());
        if is_link { Err(io::Error::other("it is a link that leads nowhere")) } else { Ok(parent.join(name)) }
    }

    fn find(&self, path: &Path) -> io::Result<OwnedFd> {
        Ok(open_in_root(&self.root, path, OFlags::PATH)?)
    }

    fn inside(&self, found: &OwnedFd) -> io::Result<PathBuf> {
        let path = path_of(found)?;
        let below = path.strip_prefix(&self.path).map_err(io::Error::other)?;
        Ok(Path::new("/").join(below))
    }
}

fn path_of(opened: &OwnedFd) -> io::Result<PathBuf> {
    std::fs::read_link(format!("/proc/self/fd/{}", opened.as_raw_fd()))
}
