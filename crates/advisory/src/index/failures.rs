//! What could not be fetched when it was last tried, kept beside the index: the index stays as it was, and who asks for
//! its state learns that it should have changed.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::IndexError;

/// A source that failed when it was last tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Its name, as `db update` takes it.
    pub source: String,
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// Why, a sentence without full stop.
    pub reason: String,
}

/// More than there are sources.
const MOST: usize = 200;
/// Longer than any list of them.
const LONGEST: u64 = 1 << 20;

/// Where they are kept.
fn place(index: &Path) -> PathBuf {
    index.with_extension("failures")
}

/// The sources that failed when they were last tried. A file that cannot be read says nothing of them.
pub fn failures(index: &Path) -> Vec<Failure> {
    let path = place(index);
    if std::fs::metadata(&path).map_or(true, |about| about.len() > LONGEST) {
        return Vec::new();
    }
    let read = std::fs::read(&path).ok().and_then(|json| serde_json::from_slice::<Vec<Failure>>(&json).ok());
    read.unwrap_or_default()
}

/// Remembers what became of the sources tried: `None` is success. Called while the index is locked.
pub(crate) fn remember(index: &Path, tried: &[(String, Option<Failure>)]) -> Result<(), IndexError> {
    let before = failures(index);
    let mut now: Vec<Failure> =
        before.iter().filter(|old| tried.iter().all(|(name, _)| *name != old.source)).cloned().collect();
    now.extend(tried.iter().filter_map(|(_, failure)| failure.clone()));
    now.truncate(MOST);
    if now == before {
        return Ok(());
    }
    let path = place(index);
    let failed = || IndexError::io("keep what could not be fetched in", &path);
    if now.is_empty() {
        return std::fs::remove_file(&path).map_err(failed());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".advisories-").tempfile_in(folder).map_err(failed())?;
    let json = serde_json::to_vec_pretty(&now).map_err(std::io::Error::from).map_err(failed())?;
    file.write_all(&json).map_err(failed())?;
    file.persist(&path).map_err(|error| failed()(error.error))?;
    Ok(())
}
