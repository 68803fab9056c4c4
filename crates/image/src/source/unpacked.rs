//! A layer as it lies unpacked in an engine's store.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::StoreFolder;

/// A layer's content in a folder, what it deletes marked as overlayfs has it: by character devices with number 0/0, by files
/// whose names begin with `.wh.`, and by attributes of folders.
#[derive(Debug)]
pub struct Unpacked {
    /// The folder.
    pub folder: OwnedFd,
    /// Whether it is all that there is: the layer's bytes cannot be put together again.
    pub is_all: bool,
    /// The store that the folder is in, and where.
    pub(super) store: Arc<StoreFolder>,
    pub(super) at: String,
}

impl Unpacked {
    /// Opens a file below the folder for a process that may not do so itself, where somebody still may.
    pub fn file(&self, path: &str) -> io::Result<File> {
        self.store.member(&self.folder, &self.at, path.as_bytes())
    }

    /// The same for a folder.
    pub fn below(&self, path: &str) -> io::Result<OwnedFd> {
        self.store.folder(&format!("{}/{path}", self.at))
    }
}
