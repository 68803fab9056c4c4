//! What is on the machine because of a container, and taking it away: after its end by its shim, after its shim's
//! death by the broker, after both by the next start.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sandbox::ContainerId;
use serde::{Deserialize, Serialize};

use crate::store::LayerStore;
use crate::{cgroup, ranges};

/// The name of the note in a container's folder.
const NOTE: &str = "note.json";

/// What must be known to clean up, written before anything is made.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Note {
    /// The data folder that the writable layer is in.
    pub(crate) data: PathBuf,
    /// Whether that is to be deleted.
    pub(crate) remove: bool,
    /// The name that it was given.
    pub(crate) name: Option<String>,
}

/// The folder of a container's state, `/run/plimsoll/containers/ID`. Root's alone.
pub(crate) fn folder(run: &Path, id: &ContainerId) -> PathBuf {
    run.join("containers").join(id.as_str())
}

/// Makes that folder with its note.
pub(crate) fn announce(run: &Path, id: &ContainerId, note: &Note) -> io::Result<()> {
    let folder = folder(run, id);
    fs::create_dir(&folder)?;
    fs::write(folder.join(NOTE), serde_json::to_vec(note)?)
}

/// The running container that has this name.
pub(crate) fn named(run: &Path, name: &str) -> io::Result<Option<String>> {
    for entry in fs::read_dir(run.join("containers"))? {
        let entry = entry?;
        // Being made or taken away: without a note it has no name.
        let Ok(note) = fs::read(entry.path().join(NOTE)) else { continue };
        if serde_json::from_slice::<Note>(&note).is_ok_and(|note| note.name.as_deref() == Some(name)) {
            return Ok(Some(entry.file_name().to_string_lossy().into_owned()));
        }
    }
    Ok(None)
}

/// Ends whatever is left of a container and deletes it. May be called several times and for what was never whole.
pub(crate) fn remove(run: &Path, id: &ContainerId) -> io::Result<()> {
    cgroup::remove(run, id)?;
    let folder = folder(run, id);
    let note = match fs::read(folder.join(NOTE)) {
        Ok(note) => Some(serde_json::from_slice::<Note>(&note)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if let Some(note) = note.filter(|note| note.remove)
        // A data folder that was deleted took the writable layer with it.
        && note.data.is_dir()
    {
        LayerStore::open(&note.data)?.remove_container(id)?;
    }
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// As [`remove`]; says whether nothing is left, and logs why something is.
pub(crate) fn remove_stale(run: &Path, id: &ContainerId) -> bool {
    let removed = remove(run, id);
    if let Err(error) = &removed {
        tracing::warn!(
            "cannot clean up after container {id}, which ended by a crash: {error}; the next start tries again"
        );
    }
    removed.is_ok()
}

/// Cleans up after all containers whose keepers have died.
pub(crate) fn sweep(run: &Path) -> io::Result<()> {
    ranges::sweep(ranges::open(run)?, |id| remove_stale(run, id))
}
