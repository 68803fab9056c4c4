//! Cgroups of containers: ending what is in them, and taking them away.
//!
//! libcontainer makes them, in every hierarchy of a v1 machine or in the one of v2, under `/plimsoll/ID`. It leaves
//! the parents behind, and after a crash everything; so this program removes them itself.

use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sandbox::ContainerId;

use crate::system;

/// Where cgroup file systems are mounted on every machine that systemd or libcontainer knows.
const MOUNTED: &str = "/sys/fs/cgroup";

/// The name of the parent in each hierarchy.
const PARENT: &str = "plimsoll";

/// How long processes that were sent SIGKILL may take to be gone: one in the middle of a write to a slow disk takes
/// its time.
const PATIENCE: Duration = Duration::from_secs(10);

/// The cgroup of a container, as the runtime specification's `cgroupsPath`. Absolute, so that libcontainer does not
/// ask systemd for it.
pub(crate) fn path(id: &ContainerId) -> PathBuf {
    Path::new("/").join(PARENT).join(id.as_str())
}

/// Keeps the parents from being removed between their making and that of the container's own cgroups, until
/// [`Making::done`].
#[derive(Debug)]
pub(crate) struct Making(fs::File);

impl Making {
    pub(crate) fn begin(run: &Path) -> io::Result<Self> {
        let lock = lock_file(run)?;
        lock.lock_shared()?;
        Ok(Self(lock))
    }

    /// Unlocks explicitly: the container's first process has a copy of the descriptor until its program runs.
    pub(crate) fn done(self) -> io::Result<()> {
        self.0.unlock()
    }
}

fn lock_file(run: &Path) -> io::Result<fs::File> {
    fs::OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(run.join("cgroup.lock"))
}

/// Kills whatever is in the cgroups of a container and removes them, parents too when nothing else is in them.
pub(crate) fn remove(run: &Path, id: &ContainerId) -> io::Result<()> {
    let end = Instant::now() + PATIENCE;
    for parent in parents()? {
        let leaf = parent.join(id.as_str());
        let mut pause = Duration::from_micros(200);
        loop {
            match fs::remove_dir(&leaf) {
                Ok(()) => break,
                Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                Err(error) if Instant::now() > end => return Err(error),
                Err(_) => {
                    kill_all(&leaf)?;
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(Duration::from_millis(50));
                }
            }
        }
    }
    let lock = lock_file(run)?;
    // While another container is being made its parents stay; whoever ends last removes them.
    if lock.try_lock().is_ok() {
        for parent in parents()? {
            // Fails while other containers are in it, as it should.
            let _ = fs::remove_dir(parent);
        }
    }
    Ok(())
}

/// Sends SIGKILL to all that is in a cgroup, at once where the kernel can (v2 from 5.14). Otherwise one by one; the
/// first process of a pid namespace takes all others with it.
fn kill_all(leaf: &Path) -> io::Result<()> {
    if fs::write(leaf.join("cgroup.kill"), "1").is_err() {
        let processes = match fs::read_to_string(leaf.join("cgroup.procs")) {
            Ok(processes) => processes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        for process in processes.lines().filter_map(|line| line.parse().ok()).filter_map(rustix::process::Pid::from_raw)
        {
            // It may be gone by now.
            let _ = system::kill(process, libc::SIGKILL);
        }
    }
    // Where a cgroup below was made (by the container, in its own cgroup namespace), it goes first.
    for entry in fs::read_dir(leaf)?.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            kill_all(&entry.path())?;
            let _ = fs::remove_dir(entry.path());
        }
    }
    Ok(())
}

/// `plimsoll` in each hierarchy where it is.
fn parents() -> io::Result<Vec<PathBuf>> {
    let mounted = Path::new(MOUNTED);
    let mut found = vec![mounted.join(PARENT)];
    for entry in fs::read_dir(mounted)? {
        let entry = entry?;
        // Links (`cpu` to `cpu,cpuacct`) lead to what is listed by itself.
        if entry.file_type()?.is_dir() && entry.file_name() != PARENT {
            found.push(entry.path().join(PARENT));
        }
    }
    found.retain(|path| path.is_dir());
    Ok(found)
}
