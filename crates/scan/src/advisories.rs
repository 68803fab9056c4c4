//! The advisory index that is in force: the file may be replaced at any time, by this process or by another.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use advisory::Index;
use findings::report::IndexIdentity;

use crate::ScanError;

/// The index at one path, opened anew whenever another file stands there. Cheap to clone.
#[derive(Clone)]
pub struct Advisories {
    path: Arc<Path>,
    open: Arc<Mutex<Option<(Stamp, Arc<Index>)>>>,
}

/// What tells one file at a path from the next one: a swap by rename makes a new inode.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    modified: (i64, i64),
}

impl Advisories {
    /// The name of the index in a data folder.
    pub const FILE: &'static str = "advisories.idx";

    /// The index of a data folder.
    pub fn in_folder(folder: &Path) -> Self {
        Self::at(folder.join(Self::FILE))
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
    pub fn current(&self) -> Result<Option<Arc<Index>>, ScanError> {
        let Ok(about) = std::fs::metadata(&self.path) else { return Ok(None) };
        let stamp = Stamp::of(&about);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, index)) = open.as_ref().filter(|(known, _)| *known == stamp) {
            return Ok(Some(Arc::clone(index)));
        }
        let index = Index::open(&self.path)?.map(Arc::new);
        *open = index.as_ref().map(|index| (stamp, Arc::clone(index)));
        Ok(index)
    }

    /// Which index is in force; the default identity where there is none.
    pub fn identity(&self) -> Result<IndexIdentity, ScanError> {
        Ok(self.current()?.map(|index| findings::report::identity(&index)).unwrap_or_default())
    }
}

impl Stamp {
    fn of(about: &Metadata) -> Self {
        Self { device: about.dev(), inode: about.ino(), modified: (about.mtime(), about.mtime_nsec()) }
    }
}
