//! A blob on its way in, and readers that follow it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use image::Digest;
use image::digest::{Algorithm, Digester};

use super::Blobs;
use crate::StoreError;
use crate::folder::sync_folder;

/// Bytes on their way in, in a file that has no final name yet and is gone when this is dropped.
pub struct Incoming {
    blobs: Blobs,
    /// Locked (`flock`) as long as it is open, which tells [`Blobs::sweep_uploads`] that somebody writes it.
    file: Arc<File>,
    path: PathBuf,
    digester: Digester,
    progress: Arc<Progress>,
}

/// Reads what is being written into an [`Incoming`], waiting at its end until more comes, it is finished, or it is
/// given up (then `read` answers an error of kind `UnexpectedEof`). Holds its own descriptor: it goes on to the end
/// whatever becomes of the name.
#[derive(Debug)]
pub struct Follower {
    file: Arc<File>,
    progress: Arc<Progress>,
    position: u64,
}

/// What writer and followers share.
#[derive(Debug)]
struct Progress {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Clone, Copy, Debug)]
struct State {
    written: u64,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Writing,
    Finished,
    GivenUp,
}

impl Incoming {
    pub(super) fn create(blobs: Blobs) -> Result<Self, StoreError> {
        let (file, path) = create_locked(&blobs)?;
        let state = State { written: 0, phase: Phase::Writing };
        Ok(Self {
            blobs,
            file: Arc::new(file),
            path,
            digester: Digester::new(Algorithm::Sha256),
            progress: Arc::new(Progress { state: Mutex::new(state), changed: Condvar::new() }),
        })
    }

    /// Bytes written so far.
    pub fn len(&self) -> u64 {
        self.progress.lock().written
    }

    /// Whether nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes the next bytes, all of them. Where that fails, what was written before is still there and more may be
    /// tried (a disk that was full may have room again).
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.write_all(bytes).map_err(StoreError::file("write an upload into", &self.blobs.uploads))
    }

    /// A reader that follows the writer from the first byte.
    // A `Result` by contract: a follower with a descriptor of its own may find none left.
    #[allow(clippy::unnecessary_wraps)]
    pub fn follow(&self) -> Result<Follower, StoreError> {
        Ok(Follower { file: Arc::clone(&self.file), progress: Arc::clone(&self.progress), position: 0 })
    }

    /// Checks the digest of all that was written, syncs, gives the file its final name and syncs the folder.
    /// On any error nothing is visible under the name and followers see the upload as given up.
    pub fn commit(self, digest: &Digest) -> Result<(), StoreError> {
        let found = self.digest(digest.algorithm())?;
        if found != *digest {
            return Err(StoreError::DigestMismatch { expected: digest.clone(), found });
        }
        self.file.sync_all().map_err(StoreError::file("sync", &self.path))?;
        let shard = self.blobs.create_shard(digest)?;
        let name = shard.join(digest.hex());
        // Also where the blob is there already: the same bytes, and a file that has gone bad since is mended.
        fs::rename(&self.path, &name).map_err(StoreError::file("name", &name))?;
        // Were this to fail, the name could be lost in a power cut: not acknowledged, though visible until then.
        let synced = sync_folder(&shard);
        if synced.is_ok() {
            self.progress.enter(Phase::Finished);
        }
        synced
    }

    fn digest(&self, algorithm: Algorithm) -> Result<Digest, StoreError> {
        match algorithm {
            Algorithm::Sha256 => Ok(self.digester.clone().finish()),
            // Rare enough that the bytes are read once more rather than hashed twice as they come.
            Algorithm::Sha512 => {
                let fail = || StoreError::file("read", &self.path);
                let mut digester = Digester::new(algorithm);
                let mut file = File::open(&self.path).map_err(fail())?;
                io::copy(&mut file, &mut digester).map_err(fail())?;
                Ok(digester.finish())
            }
        }
    }
}

/// A new file in `uploads/`, locked. The sweeper may lock and delete it in the moment between its creation and our
/// lock: then it has no name any more, and another is made.
fn create_locked(blobs: &Blobs) -> Result<(File, PathBuf), StoreError> {
    loop {
        let mut random = [0_u8; 16];
        let fail = || StoreError::file("create an upload in", &blobs.uploads);
        getrandom::fill(&mut random).map_err(|error| fail()(io::Error::other(error)))?;
        let path = blobs.uploads.join(hex::encode(random));
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path).map_err(fail())?;
        file.lock().map_err(fail())?;
        if file.metadata().map_err(fail())?.nlink() > 0 {
            return Ok((file, path));
        }
    }
}

impl Write for Incoming {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = (&*self.file).write(bytes)?;
        self.digester.update(&bytes[..written]);
        self.progress.lock().written += written as u64;
        self.progress.changed.notify_all();
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if self.progress.lock().phase == Phase::Writing {
            self.progress.enter(Phase::GivenUp);
            // After a rename there is nothing under this name; else the sweeper comes by at the next start.
            if fs::remove_file(&self.path).is_ok() {
                // Followers hold it open until they notice; its room is wanted now, on a disk that is full.
                let _ = self.file.set_len(0);
            }
        }
    }
}

impl std::fmt::Debug for Incoming {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Incoming").field("path", &self.path).field("len", &self.len()).finish_non_exhaustive()
    }
}

impl Read for Follower {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let State { written, phase } = self.progress.wait_beyond(self.position);
        match phase {
            // What was given up is not read to its end: its bytes are not what somebody wanted to keep.
            Phase::GivenUp => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the upload was given up")),
            Phase::Finished if written == self.position => return Ok(0),
            Phase::Finished | Phase::Writing => {}
        }
        let wanted = usize::try_from(written - self.position).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.file.read_at(&mut buffer[..wanted], self.position)?;
        if read == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the upload's file was cut short"));
        }
        self.position += read as u64;
        Ok(read)
    }
}

impl Progress {
    /// A writer that panicked left a consistent state: each change is one assignment.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, phase: Phase) {
        self.lock().phase = phase;
        self.changed.notify_all();
    }

    /// Waits until there is something after `position`, or nothing more will come.
    fn wait_beyond(&self, position: u64) -> State {
        let mut state = self.lock();
        while state.phase == Phase::Writing && state.written <= position {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        *state
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DataFolder;

    #[test]
    fn what_is_given_up_takes_no_room_while_somebody_still_follows_it() {
        let place = tempfile::tempdir().unwrap();
        let mut incoming = Blobs::new(&DataFolder::open(place.path()).unwrap()).create().unwrap();
        incoming.append(&[7; 10_000]).unwrap();
        let mut follower = incoming.follow().unwrap();
        drop(incoming);
        assert_eq!(follower.file.metadata().unwrap().len(), 0);
        assert_eq!(follower.read(&mut [0; 10]).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
