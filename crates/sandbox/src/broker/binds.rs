//! Files and folders of the host, opened as the user who asks.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags};
use rustix::process::WaitOptions;
use rustix::thread::{Gid, Uid};
use sandbox::channel::{Channel, exactly};
use sandbox::{Bind, Settings};
use serde::{Deserialize, Serialize};

use super::caller::Caller;
use crate::system;

/// Folders of the host that are not given to a container, whoever asks: what is in them is the machine itself.
const MACHINE: [&str; 4] = ["/proc", "/sys", "/dev", "/boot"];

/// Where engines listen: who reaches one of these is root on the machine. Neither they nor a folder above them.
const ENGINES: [&str; 7] = [
    "/run/docker.sock",
    "/var/run/docker.sock",
    "/run/containerd",
    "/run/crio",
    "/run/podman",
    "/run/buildkit",
    "/run/systemd/private",
];

/// Places in a container that are made by the runtime.
const TAKEN: [&str; 4] = ["/", "/proc", "/sys", "/dev"];

/// What the child that opens for the caller says.
#[derive(Debug, Serialize, Deserialize)]
enum Opened {
    Yes,
    /// The error's number.
    No(i32),
}

/// Opens what a bind names. The descriptor is what is mounted: whatever happens to the path later changes nothing.
pub(super) fn open(bind: &Bind, caller: &Caller, settings: &Settings) -> Result<OwnedFd, String> {
    let Bind { source, destination, .. } = bind;
    if !settings.binds.contains(bind) {
        return Err(format!("{} was not named by the caller when the sandbox was started", source.display()));
    }
    if is_taken(&clean(destination)) {
        return Err(format!("{} cannot be mounted over in a container; choose another path", destination.display()));
    }
    let what = source.display();
    let opened = open_as(caller, source).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("cannot mount {what}: it does not exist on the host; make it first"),
        io::ErrorKind::PermissionDenied => {
            format!("cannot mount {what}: user {} may not reach it, and a container never may more", caller.uid)
        }
        _ => format!("cannot mount {what}: {error}"),
    })?;
    match refusal(&opened, settings) {
        Ok(None) => Ok(opened),
        Ok(Some(reason)) => Err(format!("{what} is not given to a container: {reason}")),
        Err(error) => Err(format!("cannot look at {what}: {error}")),
    }
}

/// Whether a path in a container is a place that the runtime makes. It has to be clean, and without links.
pub(crate) fn is_taken(destination: &Path) -> bool {
    TAKEN.iter().any(|taken| destination == Path::new(taken)) || below(destination, &["/proc", "/sys"])
}

/// Opens a path with the rights of the caller, in a child that becomes the caller for good.
fn open_as(caller: &Caller, path: &Path) -> io::Result<OwnedFd> {
    let (ours, theirs) = Channel::pair()?;
    let child = system::fork(|| {
        let opened = become_caller(caller).and_then(|()| {
            let flags = OFlags::PATH | OFlags::CLOEXEC;
            // Magic links (`/proc/PID/root`) lead to where the caller's own rights were never asked for.
            let resolve = ResolveFlags::NO_MAGICLINKS;
            Ok(rustix::fs::openat2(rustix::fs::CWD, path, flags, Mode::empty(), resolve)?)
        });
        let told = match &opened {
            Ok(opened) => theirs.send(&Opened::Yes, &[opened.as_fd()]),
            Err(error) => theirs.send(&Opened::No(error.raw_os_error().unwrap_or(libc::EIO)), &[]),
        };
        u8::from(told.is_err())
    })?;
    drop(theirs);
    let answer = ours.receive::<Opened>();
    rustix::process::waitpid(Some(child), WaitOptions::empty())?;
    match answer.map_err(io::Error::other)? {
        (Opened::Yes, descriptors) => {
            let [opened] = exactly(descriptors).map_err(io::Error::other)?;
            Ok(opened)
        }
        (Opened::No(error), _) => Err(io::Error::from_raw_os_error(error)),
    }
}

fn become_caller(caller: &Caller) -> io::Result<()> {
    let groups: Vec<Gid> = caller.groups.iter().copied().map(Gid::from_raw).collect();
    let (uid, gid) = (Uid::from_raw(caller.uid), Gid::from_raw(caller.gid));
    rustix::thread::set_thread_groups(&groups)?;
    rustix::thread::set_thread_res_gid(gid, gid, gid)?;
    rustix::thread::set_thread_res_uid(uid, uid, uid)?;
    Ok(())
}

/// Why what was opened is given to no container, if so. Judged by the descriptor, not by the path that was asked
/// for: links and other names lead to the same answer.
fn refusal(opened: &OwnedFd, settings: &Settings) -> io::Result<Option<&'static str>> {
    let about = rustix::fs::fstat(opened)?;
    let kind = FileType::from_raw_mode(about.st_mode);
    if !matches!(kind, FileType::Directory | FileType::RegularFile | FileType::Socket) {
        return Ok(Some("only files, folders and sockets are"));
    }
    let root = rustix::fs::stat("/")?;
    if (about.st_dev, about.st_ino) == (root.st_dev, root.st_ino) {
        return Ok(Some("it is the whole machine; name the folder that is needed"));
    }
    let path = std::fs::read_link(format!("/proc/self/fd/{}", opened.as_raw_fd()))?;
    if below(&path, &MACHINE) || is_machine_file_system(opened)? {
        return Ok(Some("it is the machine itself"));
    }
    if holds(&path, MACHINE.iter().map(PathBuf::from)) {
        return Ok(Some("the machine itself is in it"));
    }
    let ours = [settings.data.clone(), settings.run.clone()];
    let ours = ours.into_iter().filter_map(|path| path.canonicalize().ok());
    if ours.clone().any(|ours| path.starts_with(ours)) || holds(&path, ours) {
        return Ok(Some("what Plimsoll keeps is in it"));
    }
    let engines = || ENGINES.iter().filter_map(|path| Path::new(path).canonicalize().ok());
    if engines().any(|engine| path.starts_with(engine))
        || holds(&path, engines())
        || holds(&path, [PathBuf::from("/run")].into_iter())
    {
        return Ok(Some("whoever reaches the sockets of the machine's services in it is root"));
    }
    Ok(None)
}

/// Whether a path is one of these or in one of these.
fn below(path: &Path, folders: &[&str]) -> bool {
    folders.iter().any(|folder| path.starts_with(folder))
}

/// Whether one of these is in a path, or is it.
fn holds(path: &Path, mut places: impl Iterator<Item = PathBuf>) -> bool {
    places.any(|place| place.starts_with(path))
}

/// A path in a container without what is redundant in it, and with no way up.
fn clean(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::from("/");
    for part in path.components() {
        match part {
            std::path::Component::Normal(name) => cleaned.push(name),
            std::path::Component::ParentDir => {
                cleaned.pop();
            }
            _ => {}
        }
    }
    cleaned
}

/// Whether a descriptor is on a file system through which the kernel itself is reached, under whatever name.
fn is_machine_file_system(opened: &OwnedFd) -> io::Result<bool> {
    /// From linux/magic.h: proc, sysfs, devpts, cgroup, cgroup2, debugfs, tracefs, securityfs, bpf, configfs.
    const MAGIC: [u64; 10] = [
        0x9fa0,
        0x6265_6572,
        0x1cd1,
        0x0027_e0eb,
        0x6367_7270,
        0x6462_6720,
        0x7472_6163,
        0x7363_6673,
        0xcafe_4a11,
        0x6265_6570,
    ];
    let about = rustix::fs::fstatfs(opened)?;
    #[allow(clippy::cast_sign_loss)] // The type's sign differs by architecture; the numbers are 32 bits.
    let magic = about.f_type as u64 & 0xffff_ffff;
    Ok(MAGIC.contains(&magic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_in_a_container_is_cleaned_before_it_is_judged() {
        for path in ["/proc", "/a/../proc", "//proc/.", "/../../proc"] {
            assert_eq!(clean(Path::new(path)), Path::new("/proc"));
        }
        assert_eq!(clean(Path::new("/..")), Path::new("/"));
    }
}
