//! Blobs as files under their digest.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::Digest;

use crate::StoreError;
use crate::folder::{DataFolder, create_private, sync_folder};

mod incoming;

pub use incoming::{Follower, Incoming};

/// The blobs of a data folder: `blobs/sha256/ab/abcd…`, and `uploads/` for what is on its way in. Cheap to clone.
/// Its calls block on the disk; async callers use `spawn_blocking`.
#[derive(Clone, Debug)]
pub struct Blobs {
    blobs: Arc<Path>,
    uploads: Arc<Path>,
}

impl Blobs {
    pub(crate) fn new(folder: &DataFolder) -> Self {
        Self { blobs: folder.blobs().into(), uploads: folder.uploads().into() }
    }

    /// Opens a blob for reading; `None` where it is not there.
    pub fn open(&self, digest: &Digest) -> Result<Option<File>, StoreError> {
        let path = self.path(digest);
        absent_is_none(File::open(&path)).map_err(StoreError::file("open", &path))
    }

    /// Its size in bytes; `None` where it is not there.
    pub fn size(&self, digest: &Digest) -> Result<Option<u64>, StoreError> {
        let path = self.path(digest);
        let metadata = absent_is_none(fs::metadata(&path)).map_err(StoreError::file("look at", &path))?;
        Ok(metadata.map(|metadata| metadata.len()))
    }

    /// Starts a new blob.
    pub fn create(&self) -> Result<Incoming, StoreError> {
        Incoming::create(self.clone())
    }

    /// Keeps small bytes under their own digest (manifests, configs, signatures), synced.
    pub fn put(&self, bytes: &image::Verified) -> Result<(), StoreError> {
        if self.size(bytes.digest())? == Some(bytes.len() as u64) {
            // It was synced before it got its name, but whoever named it may not have synced the name yet.
            return sync_folder(&self.shard(bytes.digest()));
        }
        let mut incoming = self.create()?;
        incoming.append(bytes)?;
        incoming.commit(bytes.digest())
    }

    /// Deletes a blob; true where it was there.
    pub fn delete(&self, digest: &Digest) -> Result<bool, StoreError> {
        let path = self.path(digest);
        let removed = absent_is_none(fs::remove_file(&path)).map_err(StoreError::file("delete", &path))?;
        if removed.is_some() {
            sync_folder(&self.shard(digest))?;
        }
        Ok(removed.is_some())
    }

    /// Deletes the uploads of processes that are gone, and says how many there were. For who serves the folder, at
    /// its start: uploads of processes that live hold a lock on their file and are left alone.
    pub fn sweep_uploads(&self) -> Result<usize, StoreError> {
        let mut swept = 0;
        for entry in fs::read_dir(&self.uploads).map_err(StoreError::file("list", &self.uploads))? {
            let path = entry.map_err(StoreError::file("list", &self.uploads))?.path();
            let opened = absent_is_none(File::open(&path)).map_err(StoreError::file("open", &path))?;
            let Some(file) = opened else { continue };
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => continue,
                Err(TryLockError::Error(error)) => return Err(StoreError::file("lock", &path)(error)),
            }
            absent_is_none(fs::remove_file(&path)).map_err(StoreError::file("delete", &path))?;
            swept += 1;
        }
        Ok(swept)
    }

    /// Where a blob lies. A digest is lower-case hex of a known length, so this cannot leave the folder.
    fn path(&self, digest: &Digest) -> PathBuf {
        self.shard(digest).join(digest.hex())
    }

    /// The folder that a blob lies in: 256 of them keep each small enough to list.
    fn shard(&self, digest: &Digest) -> PathBuf {
        let shard = digest.hex().get(..2).unwrap_or_default();
        self.blobs.join(digest.algorithm().name()).join(shard)
    }

    /// Makes the folder that a blob will lie in, its name durable.
    fn create_shard(&self, digest: &Digest) -> Result<PathBuf, StoreError> {
        let shard = self.shard(digest);
        if !shard.is_dir() {
            create_private(&shard)?;
            sync_folder(&self.blobs.join(digest.algorithm().name()))?;
            sync_folder(&self.blobs)?;
        }
        Ok(shard)
    }
}

fn absent_is_none<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
