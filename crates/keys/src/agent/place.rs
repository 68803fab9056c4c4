//! Where the agent's socket and log are.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::KeyError;

/// The variable that names another socket.
pub const VARIABLE: &str = "PLIMSOLL_AGENT_SOCK";

/// The socket's name.
const SOCKET: &str = "agent.sock";

/// The calling user's socket: the one that is named, else `$XDG_RUNTIME_DIR/plimsoll/agent.sock`, else one in the state
/// folder.
pub fn socket() -> Result<PathBuf, KeyError> {
    if let Some(named) = absolute(VARIABLE) {
        return Ok(named);
    }
    match absolute("XDG_RUNTIME_DIR") {
        Some(folder) => Ok(folder.join("plimsoll").join(SOCKET)),
        None => Ok(state_folder()?.join("run").join(SOCKET)),
    }
}

/// The calling user's state folder: `$XDG_STATE_HOME/plimsoll`, else `~/.local/state/plimsoll`.
pub fn state_folder() -> Result<PathBuf, KeyError> {
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local").join("state")))
        .map(|folder| folder.join("plimsoll"))
        .ok_or_else(|| KeyError::NoDefault("neither HOME nor XDG_STATE_HOME is set to a folder".into()))
}

/// Makes the folder of a socket, or checks that it is this user's alone. One that a person named is not changed: it may be
/// the machine's `/run` or `/tmp`.
pub fn house(socket: &Path) -> Result<(), KeyError> {
    let Some(folder) = socket.parent() else {
        return Err(KeyError::NoDefault(format!("{} is in no folder", socket.display())));
    };
    if absolute(VARIABLE).as_deref() != Some(socket) {
        return private(folder);
    }
    named(folder)
}

/// Makes a folder of our own that is this user's alone; one that others can enter is closed.
pub fn private(folder: &Path) -> Result<(), KeyError> {
    if is_open(folder)? {
        let closed = fs::set_permissions(folder, fs::Permissions::from_mode(0o700));
        closed.map_err(|source| failed(folder, source))?;
    }
    Ok(())
}

fn named(folder: &Path) -> Result<(), KeyError> {
    if is_open(folder)? {
        let reason = format!(
            "others can enter it, and it is not closed to them because {VARIABLE} names it; name a socket in a folder of its own"
        );
        return Err(failed(folder, io::Error::other(reason)));
    }
    Ok(())
}

/// Whether others can enter this user's folder, which is made where it is missing.
fn is_open(folder: &Path) -> Result<bool, KeyError> {
    let fail = |source| failed(folder, source);
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(fail)?;
    let about = fs::symlink_metadata(folder).map_err(fail)?;
    if !about.is_dir() || about.uid() != rustix::process::geteuid().as_raw() {
        return Err(fail(io::Error::other("it is there, and not this user's folder")));
    }
    Ok(about.permissions().mode() & 0o077 != 0)
}

fn failed(folder: &Path, source: io::Error) -> KeyError {
    KeyError::File { action: "make the private folder", path: folder.to_owned(), source }
}

fn absolute(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_others_can_enter_is_closed_and_a_link_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("a/b");
        private(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        private(&folder).unwrap();
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o1777)).unwrap();
        let refused = named(&folder).unwrap_err();
        assert!(std::error::Error::source(&refused).unwrap().to_string().contains("of its own"), "{refused}");
        assert_eq!(
            fs::metadata(&folder).unwrap().permissions().mode() & 0o7777,
            0o1777,
            "a folder that was named stays"
        );
        private(&folder).unwrap();
        named(&folder).unwrap();
        let link = place.path().join("link");
        std::os::unix::fs::symlink(&folder, &link).unwrap();
        private(&link).unwrap_err();
    }
}
