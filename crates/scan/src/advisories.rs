//! The advisory index that is in force: the file may be replaced at any time, by this process or by another.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use advisory::{Index, IndexIdentity};

use crate::ScanError;

/// The index at one path, opened anew whenever another file stands there. Cheap to clone.
#[derive(Clone)]
pub struct Advisories {
    path: Arc<Path>,
    open: Arc<Mutex<Option<Index>>>,
}

impl Advisories {
    /// The index of a data folder.
    pub fn in_folder(folder: &Path) -> Self {
        Self::at(folder.join(Index::FILE))
    }

    /// The index at a path.
    pub fn at(path: PathBuf) -> Self {
        Self { path: path.into(), open: Arc::default() }
    }

    /// Where the index is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The index that is in force now; `None` where there is none yet.
    pub fn current(&self) -> Result<Option<Index>, ScanError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if !open.as_ref().is_some_and(Index::is_current) {
            *open = Index::open(&self.path)?;
        }
        Ok(open.clone())
    }

    /// Which index is in force; the default identity where there is none.
    pub fn identity(&self) -> Result<IndexIdentity, ScanError> {
        Ok(self.current()?.map(|index| index.identity()).unwrap_or_default())
    }
}
