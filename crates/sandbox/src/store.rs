//! The folder of a data folder that belongs to root: layers and writable layers.
//!
//! `DATA/sandbox/` (0700, root), in it `layers/HEX/`, `incoming/` and `containers/ID/{upper,work}`. The data folder
//! belongs to the daemon, who may rename what is in it; so everything is reached from one descriptor of the `sandbox`
//! folder, which is used only when root owns it, and never by a path.
//!
//! Nobody else may pass that folder, whoever may pass the data folder: layers hold setuid programs, and on the host
//! these would make whoever runs them the owner of all layers.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use sandbox::{ContainerId, DiffId, Range};

use crate::tree;

/// The opened folder.
#[derive(Debug)]
pub(crate) struct LayerStore {
    layers: OwnedFd,
    incoming: OwnedFd,
    containers: OwnedFd,
}

/// A layer that is being unpacked, in a folder without its final name; deleted when this is dropped.
#[derive(Debug)]
pub(crate) struct Incoming<'store> {
    store: &'store LayerStore,
    name: String,
    /// Locked, so that another broker's sweep leaves it alone.
    folder: OwnedFd,
    kept: bool,
}

impl LayerStore {
    /// Opens it, making what is missing.
    pub(crate) fn open(data: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let data = rustix::fs::open(data, flags, Mode::empty())?;
        let top = open_root_folder(&data, "sandbox", 0o700)?;
        Ok(Self {
            layers: open_root_folder(&top, "layers", 0o711)?,
            incoming: open_root_folder(&top, "incoming", 0o711)?,
            containers: open_root_folder(&top, "containers", 0o711)?,
        })
    }

    /// The folder of layers.
    pub(crate) fn layers(&self) -> BorrowedFd<'_> {
        self.layers.as_fd()
    }

    /// Whether a layer is kept.
    pub(crate) fn has(&self, layer: &DiffId) -> io::Result<bool> {
        match rustix::fs::statat(&self.layers, layer.folder(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes an empty folder for a layer, owned by the root of the store's range.
    pub(crate) fn receive(&self, owner: Range) -> io::Result<Incoming<'_>> {
        // Several brokers may take the same layer in at once; the first who keeps it wins.
        let name = format!("{}-{}", std::process::id(), unique());
        let folder = make_owned(self.incoming.as_fd(), &name, owner, 0o755)?;
        rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Incoming { store: self, name, folder, kept: false })
    }

    /// Makes the folder that holds a container's writable layer.
    pub(crate) fn make_container(&self, id: &ContainerId, owner: Range) -> io::Result<OwnedFd> {
        let folder = make_owned(self.containers.as_fd(), id.as_str(), owner, 0o700)?;
        make_owned(folder.as_fd(), "upper", owner, 0o755)?;
        make_owned(folder.as_fd(), "work", owner, 0o700)?;
        Ok(folder)
    }

    /// Whether a container's writable layer is kept.
    pub(crate) fn has_container(&self, id: &ContainerId) -> bool {
        rustix::fs::statat(&self.containers, id.as_str(), AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// Deletes a container's writable layer, if it is there.
    pub(crate) fn remove_container(&self, id: &ContainerId) -> io::Result<()> {
        tree::remove(&self.containers, id.as_str())
    }

    /// Deletes layers that brokers who have died were unpacking.
    pub(crate) fn sweep(&self) -> io::Result<()> {
        for entry in rustix::fs::Dir::read_from(&self.incoming)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if matches!(name, "." | "..") {
                continue;
            }
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let Ok(folder) = rustix::fs::openat(&self.incoming, name, flags, Mode::empty()) else { continue };
            if rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive).is_ok() {
                tree::remove(&self.incoming, name)?;
            }
        }
        Ok(())
    }
}

impl Incoming<'_> {
    /// Where it is unpacked.
    pub(crate) fn folder(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }

    /// Gives it its name, after everything is on the disk: who finds the name finds the whole layer, after a power
    /// cut too.
    pub(crate) fn keep(mut self, layer: &DiffId) -> io::Result<()> {
        rustix::fs::syncfs(&self.folder)?;
        let (from, to) = (&self.store.incoming, &self.store.layers);
        match rustix::fs::renameat_with(from, self.name.as_str(), to, layer.folder(), RenameFlags::NOREPLACE) {
            Ok(()) => self.kept = true,
            // Another has kept the same bytes meanwhile; this copy is not needed.
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(rustix::fs::fsync(to)?)
    }
}

impl Drop for Incoming<'_> {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = tree::remove(&self.store.incoming, &self.name)
        {
            tracing::warn!("cannot delete a layer that was not kept: {error}; the next start tries again");
        }
    }
}

/// Opens a folder in a folder, making it where it is missing. Refuses what root does not own or others may write.
pub(crate) fn open_root_folder(parent: impl AsFd, name: &str, mode: u32) -> io::Result<OwnedFd> {
    match rustix::fs::mkdirat(&parent, name, Mode::from_raw_mode(mode)) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = rustix::fs::openat(&parent, name, flags, Mode::empty())?;
    let about = rustix::fs::fstat(&folder)?;
    if about.st_uid != 0 || about.st_mode & 0o022 != 0 {
        return Err(io::Error::other(format!(
            "the folder {name:?} there does not belong to root alone; move it away, and it is made anew"
        )));
    }
    // The process' own mask may have made it narrower.
    rustix::fs::fchmod(&folder, Mode::from_raw_mode(mode))?;
    Ok(folder)
}

/// Makes a folder that belongs to the root of a range.
fn make_owned(parent: BorrowedFd<'_>, name: &str, owner: Range, mode: u32) -> io::Result<OwnedFd> {
    rustix::fs::mkdirat(parent, name, Mode::RWXU)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = rustix::fs::openat(parent, name, flags, Mode::empty())?;
    crate::system::give(&folder, owner.first, owner.first)?;
    rustix::fs::fchmod(&folder, Mode::from_raw_mode(mode))?;
    Ok(folder)
}

/// A number that this process has not given before.
fn unique() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
