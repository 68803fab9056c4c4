//! The log of what was signed and what was not: a line of JSON for each, readable by its user alone. No secret and no
//! signature is in it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// When a log is this long it is put aside under `….1`, in the place of the one before it.
const LONGEST: u64 = 16 << 20;

/// Where lines are written.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    writing: Mutex<()>,
}

/// One line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// RFC 3339, in UTC.
    pub time: String,
    /// The key's URI.
    pub key: String,
    /// The key's fingerprint.
    pub fingerprint: String,
    /// The repository, where it is known.
    pub repository: Option<String>,
    /// The tag, where it is known.
    pub tag: Option<String>,
    /// The digest, where it is known.
    pub digest: Option<String>,
    /// What was to be made.
    pub formats: Vec<String>,
    /// Who asked, in words.
    pub asked_by: String,
    /// Their process.
    pub process: Option<u32>,
    /// What it ran.
    pub program: Option<String>,
    /// `signed`, `refused`, `cancelled` or `failed`.
    pub outcome: String,
    /// Why, where it was not signed.
    pub reason: Option<String>,
}

impl Journal {
    /// A log at a path whose folder is there.
    pub fn at(path: PathBuf) -> Self {
        Self { path, writing: Mutex::default() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a line, and has it on the disk before it returns.
    pub fn write(&self, entry: &Entry) -> io::Result<()> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if fs::metadata(&self.path).is_ok_and(|about| about.len() > LONGEST) {
            let mut aside = self.path.clone().into_os_string();
            aside.push(".1");
            fs::rename(&self.path, aside)?;
        }
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.path)?;
        file.write_all(&line)?;
        file.sync_data()
    }
}
