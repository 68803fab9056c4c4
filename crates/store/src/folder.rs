//! The data folder: what lies where in it.
//!
//! ```text
//! format         "plimsoll 1": what made the folder, and the version of this layout
//! plimsoll.db    the embedded database
//! blobs/         sha256/ab/abcd…
//! uploads/       what is on its way in
//! serving.lock   who serves the folder
//! migrating.lock held while the schema is changed
//! ```
//!
//! Beside these lie what other rooms keep: `advisories/`, `signatures/` and `revocation/` (verified once, and the newest
//! lists that were seen).

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::StoreError;

/// The version of the layout that this program writes.
const FORMAT: i64 = 1;

/// What an interrupted start may have left.
const OWN: [&str; 5] = ["blobs", "uploads", "format", "serving.lock", "migrating.lock"];
/// What other rooms keep in the folder, before or after it is opened here; and what a file system has in its root.
const BESIDE: [&str; 4] = ["advisories", "signatures", "revocation", "lost+found"];

/// A folder that is Plimsoll's own. Cheap to clone.
#[derive(Clone, Debug)]
pub struct DataFolder {
    path: Arc<Path>,
}

impl DataFolder {
    /// Opens a data folder, or makes it (readable by its owner alone) where it is missing or empty.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        match fs::read_to_string(path.join("format")) {
            Ok(text) => check_format(path, &text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => create(path)?,
            Err(error) => return Err(StoreError::file("read", &path.join("format"))(error)),
        }
        let path = path.canonicalize().map_err(StoreError::file("open", path))?;
        Ok(Self { path: path.into() })
    }

    /// Where it is, absolute and without links.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The embedded database.
    pub fn database(&self) -> PathBuf {
        self.path.join("plimsoll.db")
    }

    /// The folder of blobs.
    pub fn blobs(&self) -> PathBuf {
        self.path.join("blobs")
    }

    /// The folder of what is on its way in. On the same file system as the blobs: a rename moves it there.
    pub fn uploads(&self) -> PathBuf {
        self.path.join("uploads")
    }

    /// The file that says who serves the folder.
    pub fn serving_lock(&self) -> PathBuf {
        self.path.join("serving.lock")
    }

    /// The file that is locked while the schema is changed.
    pub fn migrating_lock(&self) -> PathBuf {
        self.path.join("migrating.lock")
    }
}

fn check_format(path: &Path, text: &str) -> Result<(), StoreError> {
    let version = text.strip_prefix("plimsoll ").and_then(|rest| rest.trim_end().parse::<i64>().ok());
    match version {
        Some(FORMAT) => Ok(()),
        Some(found) if found > FORMAT => {
            Err(StoreError::Newer { what: format!("the data folder {}", path.display()), found, known: FORMAT })
        }
        _ => Err(StoreError::NotADataFolder {
            path: path.to_owned(),
            reason: "its file `format` says something else".into(),
        }),
    }
}

fn create(path: &Path) -> Result<(), StoreError> {
    create_private(path)?;
    refuse_foreign(path)?;
    for part in ["blobs", "uploads"] {
        create_private(&path.join(part))?;
    }
    // Renamed into place last: a folder with a `format` is whole. Two processes that do this at once write the same.
    let file = tempfile::NamedTempFile::new_in(path).map_err(StoreError::file("create a file in", path))?;
    writeln!(file.as_file(), "plimsoll {FORMAT}")
        .and_then(|()| file.as_file().sync_all())
        .map_err(StoreError::file("write", file.path()))?;
    let target = path.join("format");
    file.persist(&target).map_err(|error| StoreError::file("create", &target)(error.error))?;
    sync_folder(path)
}

/// A folder full of somebody's files is not made ours by a wrong `--data`. What an interrupted start, or a room that
/// keeps its things beside ours, may have left is no reason to refuse.
fn refuse_foreign(path: &Path) -> Result<(), StoreError> {
    let known = |name: &str| {
        OWN.contains(&name) || BESIDE.contains(&name) || name.starts_with("plimsoll") || name.starts_with('.')
    };
    let entries = fs::read_dir(path).map_err(StoreError::file("list", path))?;
    for entry in entries {
        let name = entry.map_err(StoreError::file("list", path))?.file_name();
        if !name.to_str().is_some_and(known) {
            let reason = format!("it holds {}", Path::new(&name).display());
            return Err(StoreError::NotADataFolder { path: path.to_owned(), reason });
        }
    }
    Ok(())
}

/// Makes a folder that only its owner may enter, with the folders above it; fine where it is there.
pub(crate) fn create_private(path: &Path) -> Result<(), StoreError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(StoreError::file("create", path))
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(StoreError::file("sync", path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_new_folder_is_private_and_opens_again() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a/b");
        DataFolder::open(&path).unwrap();
        let folder = DataFolder::open(&path).unwrap();
        assert_eq!(fs::metadata(folder.path()).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_to_string(path.join("format")).unwrap(), "plimsoll 1\n");
    }

    #[test]
    fn a_folder_of_a_newer_program_is_refused_by_version() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("format"), "plimsoll 7\n").unwrap();
        let error = DataFolder::open(place.path()).unwrap_err().to_string();
        assert!(error.contains("has version 7") && error.contains("newer plimsoll"), "{error}");
    }

    #[test]
    fn what_other_rooms_kept_there_before_is_no_reason_to_refuse() {
        let place = tempfile::tempdir().unwrap();
        for name in ["signatures", "revocation"] {
            fs::create_dir(place.path().join(name)).unwrap();
        }
        DataFolder::open(place.path()).unwrap();
    }

    #[test]
    fn a_folder_with_something_else_in_it_is_left_alone() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("thesis.tex"), "").unwrap();
        let error = DataFolder::open(place.path()).unwrap_err().to_string();
        assert!(error.contains("thesis.tex") && error.contains("--data"), "{error}");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }
}
