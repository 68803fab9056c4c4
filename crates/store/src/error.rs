//! Why something could not be kept or found.

use std::io;
use std::path::{Path, PathBuf};

use image::Digest;
use thiserror::Error;

/// Why something could not be kept or found.
#[derive(Debug, Error)]
pub enum StoreError {
    /// A file or folder refused.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// What was being done (`open`, `create`, …).
        action: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No room. Whatever was acknowledged before is still there; what was being written is not.
    #[error(
        "no space left on the disk of {place} while trying to {action}; nothing that was stored before is lost; free \
         some space and try again"
    )]
    DiskFull {
        /// What was being done.
        action: &'static str,
        /// The file, folder or database.
        place: String,
    },
    /// The bytes are not what the digest promised; they were thrown away.
    #[error("the bytes have digest {found}, but {expected} was promised; they were changed or cut short on the way")]
    DigestMismatch {
        /// The digest that was promised.
        expected: Digest,
        /// The digest that they have.
        found: Digest,
    },
    /// The database refused.
    #[error("the database could not {action}: {source}")]
    Database {
        /// What was being done.
        action: &'static str,
        /// What it said.
        source: sqlx::Error,
    },
    /// The address of the database is not one. The address is not repeated: it may hold a password.
    #[error("the database's address cannot be used: {reason}; write postgres://USER@HOST/NAME")]
    DatabaseAddress {
        /// What is wrong with it.
        reason: String,
    },
    /// A newer Plimsoll made this.
    #[error("{what} has version {found}, this program knows versions up to {known}; use a newer plimsoll on it")]
    Newer {
        /// The data folder or database.
        what: String,
        /// Its version.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// The folder is no data folder, and not empty.
    #[error("{} is not a data folder of plimsoll: {reason}; name an empty or a new folder with --data", path.display())]
    NotADataFolder {
        /// The folder.
        path: PathBuf,
        /// What was found there.
        reason: String,
    },
    /// A row holds what we never write.
    #[error("the database holds {what} that makes no sense: {reason}; it was changed by something else")]
    Corrupt {
        /// Which thing.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

impl StoreError {
    /// Turns what the system said about a file into an error, a full disk told apart.
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| {
            if is_full(&source) {
                Self::DiskFull { action, place: path.display().to_string() }
            } else {
                Self::File { action, path, source }
            }
        }
    }

    /// Turns what the database said into an error, a full disk told apart.
    pub(crate) fn database(action: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| {
            let code = source.as_database_error().and_then(|error| error.code().map(String::from));
            // SQLITE_FULL, and PostgreSQL's disk_full.
            if matches!(code.as_deref(), Some("13" | "53100")) {
                Self::DiskFull { action, place: "the database".into() }
            } else {
                Self::Database { action, source }
            }
        }
    }

    /// Whether the reason is that the disk is full.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::DiskFull { .. })
    }
}

/// Whether the system said that there is no room (a full disk, or a quota that is used up).
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
