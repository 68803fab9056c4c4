//! Blobs as files under their digest.
#![allow(clippy::unused_async, missing_debug_implementations)]

use std::fs::File;
use std::io::{self, Read, Write};

use image::Digest;

use crate::StoreError;

/// The blobs of a data folder: `blobs/sha256/ab/abcd…`, and `uploads/` for what is on its way in. Cheap to clone.
/// Its calls block on the disk; async callers use `spawn_blocking`.
#[derive(Clone)]
pub struct Blobs {}

/// Bytes on their way in, in a file that has no final name yet and is gone when this is dropped.
pub struct Incoming {}

/// Reads what is being written into an [`Incoming`], waiting at its end until more comes, it is finished, or it is
/// given up (then `read` answers an error of kind `UnexpectedEof`). Holds its own descriptor: it goes on to the end
/// whatever becomes of the name.
pub struct Follower {}

impl Blobs {
    /// Opens a blob for reading; `None` where it is not there.
    pub fn open(&self, _digest: &Digest) -> Result<Option<File>, StoreError> {
        unimplemented!("owner: store room")
    }

    /// Its size in bytes; `None` where it is not there.
    pub fn size(&self, _digest: &Digest) -> Result<Option<u64>, StoreError> {
        unimplemented!("owner: store room")
    }

    /// Starts a new blob.
    pub fn create(&self) -> Result<Incoming, StoreError> {
        unimplemented!("owner: store room")
    }

    /// Keeps small bytes under their own digest (manifests, configs, signatures), synced.
    pub fn put(&self, _bytes: &image::Verified) -> Result<(), StoreError> {
        unimplemented!("owner: store room")
    }

    /// Deletes a blob; true where it was there.
    pub fn delete(&self, _digest: &Digest) -> Result<bool, StoreError> {
        unimplemented!("owner: store room")
    }
}

impl Incoming {
    /// Bytes written so far.
    pub fn len(&self) -> u64 {
        unimplemented!("owner: store room")
    }

    /// Whether nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A reader that follows the writer from the first byte.
    pub fn follow(&self) -> Result<Follower, StoreError> {
        unimplemented!("owner: store room")
    }

    /// Checks the digest of all that was written, syncs, gives the file its final name and syncs the folder.
    /// On any error nothing is visible under the name and followers see the upload as given up.
    pub fn commit(self, _digest: &Digest) -> Result<(), StoreError> {
        unimplemented!("owner: store room")
    }
}

impl Write for Incoming {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        unimplemented!("owner: store room")
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Follower {
    fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
        unimplemented!("owner: store room")
    }
}
