//! Who serves a data folder.
//!
//! Any number of processes may read and write a folder at once; one of them serves it. The lock is the kernel's
//! (`flock`), so that it ends with its holder however that ends; the file's text tells the others who it is.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use thiserror::Error;

use crate::DataFolder;

/// The right to serve a folder, until dropped.
#[derive(Debug)]
pub struct Serving {
    file: File,
    path: PathBuf,
}

/// Why a folder cannot be served.
#[derive(Debug, Error)]
pub enum LockError {
    /// Somebody serves it already.
    #[error("{} is served already by {holder}; stop that one, or use another folder with --data", folder.display())]
    Held {
        /// The folder.
        folder: PathBuf,
        /// `process 123 at 127.0.0.1:5150`.
        holder: String,
    },
    /// The lock's file refused.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// What was being done.
        action: &'static str,
        /// The lock's file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Serving {
    /// Takes the right to serve `folder`, or says who has it.
    pub fn take(folder: &DataFolder) -> Result<Self, LockError> {
        let path = folder.serving_lock();
        let fail = |action| {
            let path = path.clone();
            move |source| LockError::File { action, path, source }
        };
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(fail("open"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let folder = folder.path().to_owned();
                return Err(LockError::Held { folder, holder: holder(&file) });
            }
            Err(TryLockError::Error(source)) => return Err(fail("lock")(source)),
        }
        let serving = Self { file, path };
        serving.announce("an address that it has not bound yet")?;
        Ok(serving)
    }

    /// Tells the others at which address the folder is served.
    pub fn announce(&self, address: &str) -> Result<(), LockError> {
        let text = format!("process {} at {address}\n", std::process::id());
        let mut file = &self.file;
        file.set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(text.as_bytes()))
            .map_err(|source| LockError::File { action: "write", path: self.path.clone(), source })
    }
}

/// What the lock's file says of its holder. It is read while the holder may be writing it: then it says nothing.
fn holder(file: &File) -> String {
    let mut text = String::new();
    let read = file.take(200).read_to_string(&mut text);
    let text: String = text.trim().chars().filter(|character| !character.is_control()).collect();
    if read.is_err() || text.is_empty() { "another process".into() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_server_is_told_who_holds_the_folder_until_that_one_is_gone() {
        let place = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(place.path()).unwrap();
        let first = Serving::take(&folder).unwrap();
        first.announce("127.0.0.1:5150").unwrap();
        let error = Serving::take(&folder).unwrap_err().to_string();
        assert!(error.contains(&format!("process {} at 127.0.0.1:5150", std::process::id())), "{error}");
        drop(first);
        Serving::take(&folder).unwrap();
    }
}
