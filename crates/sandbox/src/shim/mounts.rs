//! The root file system: layers, writable layer and binds, each mapped to where the container's ids are.
//!
//! Nothing at rest belongs to a running container's range. Each layer and the folder with the writable layer is
//! cloned as a detached mount that maps the store's range to the container's (mount_setattr(2), from 5.12), and
//! overlayfs (idmapped layers from 5.19) stacks the clones. Clones are made in the mount namespace that the
//! descriptors are from, attached in one of this process' own.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, StatVfsMountFlags};
use rustix::mount::{
    MountFlags as OldFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, mount, mount_change, move_mount,
    open_tree,
};
use rustix::thread::{CapabilitiesSecureBits, UnshareFlags};

use super::{Failure, Job, image};
use crate::system::{self, MountFlags};
use crate::user_namespace::{self, Mapping};

/// What was mounted, as seen in this process' mount namespace.
#[derive(Debug)]
pub(super) struct Mounts {
    /// The container's root.
    pub(super) root: PathBuf,
    /// The sources of its binds, in the order of the request.
    pub(super) binds: Vec<PathBuf>,
    /// A folder for files that are made for it (`/etc/hosts`), gone with the mount namespace.
    pub(super) files: PathBuf,
}

/// Mounts everything. After this the process is in a mount namespace of its own.
pub(super) fn mount_all(job: &Job) -> Result<Mounts, Failure> {
    let (store, range) = (job.order.store, job.order.range);
    let map = Mapping { inside: store.first, outside: range.first, count: range.count };
    let failed = |error| Failure::of("make a user namespace to map the layers by", error);
    let namespace = user_namespace::make(map, map).map_err(failed)?;
    let mut clones = Vec::with_capacity(job.order.request.layers.len());
    for layer in &job.order.request.layers {
        let clone =
            clone_mapped(&job.layers, layer.folder(), &namespace, MountFlags::NODEV.with(MountFlags::READ_ONLY));
        clones.push(clone.map_err(|error| not_mapped(&format!("layer {layer}"), &error))?);
    }
    let writable = clone_mapped(&job.writable, "", &namespace, MountFlags::NODEV);
    let writable = writable.map_err(|error| not_mapped("the writable layer", &error))?;
    let binds = clone_binds(job)?;

    system::unshare(UnshareFlags::NEWNS).map_err(|error| Failure::of("make a mount namespace", error))?;
    // Nothing that is mounted from here on is seen outside, nor the other way round.
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(|error| Failure::of("make the mount namespace private", error))?;
    let place = job.order.run.join("mount");
    attach(&place, range.first, &clones, &writable, &binds)
        .map_err(|error| Failure::of(&format!("mount the container's parts at {}", place.display()), error))?;
    overlay(&place, clones.len(), range.first)?;
    image::check(&place.join("root"), &job.order.request.binds)?;
    let binds = (0..binds.len()).map(|at| place.join(format!("bind/{at}"))).collect();
    Ok(Mounts { root: place.join("root"), binds, files: place.join("files") })
}

/// Maps each bind so that the caller's files are the container root's, and nobody else's are anybody's: one user,
/// one group. A container's root has the caller's rights there and never more (others' files belong to nobody, and
/// no capability holds for a file whose owner or group is not mapped).
fn clone_binds(job: &Job) -> Result<Vec<OwnedFd>, Failure> {
    let requested = &job.order.request.binds;
    if requested.is_empty() {
        return Ok(Vec::new());
    }
    let ((user, group), root) = (job.order.caller, job.order.range.first);
    let only = |inside| Mapping { inside, outside: root, count: 1 };
    let namespace = user_namespace::make(only(user), only(group))
        .map_err(|error| Failure::of("make a user namespace to map the binds by", error))?;
    let mut clones = Vec::with_capacity(requested.len());
    for (bind, source) in requested.iter().zip(&job.binds) {
        let flags = MountFlags::NODEV.with(MountFlags::NOSUID);
        let flags = if bind.read_only { flags.with(MountFlags::READ_ONLY) } else { flags };
        let clone = clone_mapped(source, "", &namespace, flags);
        clones.push(clone.map_err(|error| not_mapped(&bind.source.display().to_string(), &error))?);
    }
    Ok(clones)
}

/// One mount (not those below it) as a detached, mapped copy.
fn clone_mapped(folder: &OwnedFd, name: &str, namespace: &OwnedFd, flags: MountFlags) -> io::Result<OwnedFd> {
    let mut how =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_SYMLINK_NOFOLLOW;
    how.set(OpenTreeFlags::AT_EMPTY_PATH, name.is_empty());
    let clone = open_tree(folder, name, how)?;
    system::map_mount(&clone, namespace.as_fd(), flags)?;
    Ok(clone)
}

fn not_mapped(what: &str, error: &io::Error) -> Failure {
    let hint = if error.raw_os_error() == Some(libc::EINVAL) {
        "; its file system cannot map ids (NFS and FUSE cannot; ext4, xfs, btrfs can, tmpfs from Linux 6.3)"
    } else {
        ""
    };
    Failure::of(&format!("map the ids of {what}"), format!("{error}{hint}"))
}

/// Attaches the clones below a small tmpfs that hides `place` in this mount namespace.
fn attach(place: &Path, root: u32, layers: &[OwnedFd], writable: &OwnedFd, binds: &[OwnedFd]) -> io::Result<()> {
    mount("tmpfs", place, "tmpfs", OldFlags::NODEV | OldFlags::NOSUID, c"mode=0711,size=4m")?;
    for name in ["layer", "writable", "bind", "root", "files"] {
        std::fs::create_dir(place.join(name))?;
    }
    for (at, layer) in layers.iter().enumerate() {
        let place = place.join(format!("layer/{at}"));
        std::fs::create_dir(&place)?;
        move_to(layer, &place)?;
    }
    move_to(writable, &place.join("writable"))?;
    for (at, bind) in binds.iter().enumerate() {
        let place = place.join(format!("bind/{at}"));
        let about = rustix::fs::fstat(bind)?;
        if rustix::fs::FileType::from_raw_mode(about.st_mode).is_dir() {
            std::fs::create_dir(&place)?;
        } else {
            std::fs::write(&place, "")?;
        }
        move_to(bind, &place)?;
    }
    std::os::unix::fs::chown(place.join("files"), Some(root), Some(root))
}

fn move_to(clone: &OwnedFd, place: &Path) -> io::Result<()> {
    Ok(move_mount(clone, "", CWD, place, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?)
}

/// Stacks the layers.
///
/// The mounting task's file ids must be inside the mapping: overlayfs makes its work folder with them, and where it
/// cannot (EOVERFLOW) it mounts read-only without a word. The layers are named by short relative paths, since all
/// options together must fit one page, and by path at all, since descriptors work from Linux 6.13 only.
fn overlay(place: &Path, layers: usize, root: u32) -> Result<(), Failure> {
    let failed = |error: rustix::io::Errno| {
        Failure::of(&format!("stack {layers} layers (overlayfs with mapped ids needs Linux 5.19 or later)"), error)
    };
    let layer_folder = place.join("layer");
    rustix::process::chdir(&layer_folder).map_err(failed)?;
    let lower: Vec<String> = (0..layers).rev().map(|at| at.to_string()).collect();
    // `userxattr`: folders that hide what is below them are marked by `user.overlay.opaque`, which is all that a
    // user namespace can set, and the marks that only the host's root can set mean nothing.
    let options = format!("lowerdir={},upperdir=../writable/upper,workdir=../writable/work,userxattr", lower.join(":"));
    let options = std::ffi::CString::new(options).map_err(|error| Failure::of("stack the layers", error))?;
    rustix::thread::set_capabilities_secure_bits(CapabilitiesSecureBits::NO_SETUID_FIXUP).map_err(failed)?;
    let mounted =
        system::with_file_ids(root, || mount("overlay", "../root", "overlay", OldFlags::NODEV, options.as_c_str()));
    rustix::thread::set_capabilities_secure_bits(CapabilitiesSecureBits::empty()).map_err(failed)?;
    rustix::process::chdir("/").map_err(failed)?;
    mounted.map_err(failed)?;
    let about = rustix::fs::statvfs(place.join("root")).map_err(failed)?;
    if about.f_flag.contains(StatVfsMountFlags::RDONLY) {
        return Err(Failure::of("stack the layers", "the kernel mounted them read-only; its log (dmesg) says why"));
    }
    Ok(())
}
