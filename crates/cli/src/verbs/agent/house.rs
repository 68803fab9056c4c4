//! The agent's socket: one agent at a time, in a folder that is its user's alone.

use std::fs::{self, File};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use keys::agent::{Client, Reply, Request, place};
use rustix::fs::{FlockOperation, flock};

/// A socket that is bound, and the lock that says whose it is. Both go when this is dropped.
#[derive(Debug)]
pub(super) struct House {
    pub(super) listener: UnixListener,
    pub(super) path: PathBuf,
    _lock: File,
}

impl House {
    /// Takes the place of the user's agent, unless somebody has it.
    pub(super) fn take(path: PathBuf) -> Result<Self> {
        place::house(&path)?;
        let lock_path = path.with_extension("lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&lock_path);
        let lock = lock.with_context(|| format!("cannot open {}", lock_path.display()))?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            bail!("an agent runs already{} at {}; end it with: plimsoll agent stop", process(&path), path.display());
        }
        // Nobody holds the lock: a socket that lies there is left of an agent that was killed.
        if path.symlink_metadata().is_ok_and(|about| !about.file_type().is_socket()) {
            bail!("{} is there and is no socket; name another place in PLIMSOLL_AGENT_SOCK", path.display());
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove the old socket {}", path.display()));
            }
            _ => {}
        }
        let listener =
            UnixListener::bind(&path).with_context(|| format!("cannot make the socket {}", path.display()))?;
        // The folder lets nobody else in; the socket says the same once more.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))
            .with_context(|| format!("cannot close the socket {}", path.display()))?;
        Ok(Self { listener, path, _lock: lock })
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn process(path: &Path) -> String {
    match Client::connect(path).map(|client| client.ask(Request::Status, &mut |_| {})) {
        Ok(Ok(Reply::Status(status))) => format!(" (process {})", status.process),
        _ => String::new(),
    }
}
