//! The rows: one set of SQL, with `$1` placeholders, for an embedded SQLite and a shared PostgreSQL.

use std::fmt::{self, Write as _};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use image::Digest;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions, AnyRow};
use sqlx::{Any, AnyConnection, AnyPool, ConnectOptions, Connection, Executor, Row, Transaction};

use crate::StoreError;

/// How each connection to the embedded database is set up. The journal mode (WAL) is a property of the file, set
/// when the schema is made.
///
/// `synchronous = FULL`: in WAL mode this syncs the log at each commit, so that what was acknowledged survives a power
/// cut. NORMAL would sync at checkpoints only and could lose the last commits then; readers pay for neither.
const SETUP: &str = "PRAGMA busy_timeout = 30000; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
                     PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 67108864";

/// Connections for reading in each process: SQLite's readers do not hinder each other in WAL mode.
const READERS: u32 = 4;

/// Connections to a shared database in each process.
const SHARED_CONNECTIONS: u32 = 16;

/// Which database it is, where that makes a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// SQLite in a file of the data folder.
    Embedded,
    /// PostgreSQL.
    Shared,
}

/// A database, connected when first used. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    kind: Kind,
    reads: AnyPool,
    /// SQLite has one writer at a time. Waiting for it here, in a fair queue, is better than in its busy handler,
    /// which sleeps and tries again.
    writes: AnyPool,
}

impl Database {
    /// SQLite in a file, made where it is missing.
    pub(crate) fn embedded(file: &Path) -> Result<Self, StoreError> {
        let path = file.to_str().ok_or_else(|| StoreError::DatabaseAddress {
            reason: format!("the path {} is not UTF-8, which SQLite needs", file.display()),
        })?;
        let options = options(&format!("sqlite://{}?mode=rwc", percent_encode(path)))?;
        let pool = |connections| {
            AnyPoolOptions::new()
                .max_connections(connections)
                // A file does not go away as a server does: no pings, and no task that retires connections.
                .test_before_acquire(false)
                .idle_timeout(None)
                .max_lifetime(None)
                .after_connect(|connection, _| {
                    Box::pin(async move {
                        // The pool would try again for half a minute and say only that it timed out. What is wrong
                        // with the file shows in the first real statement, and what keeps data safe among these is
                        // the default already.
                        if let Err(error) = connection.execute(SETUP).await {
                            tracing::warn!(%error, "a connection to the database could not be set up");
                        }
                        Ok(())
                    })
                })
                // A full disk makes SQLite roll back by itself. sqlx then counts a transaction that is no more, and
                // every later one on this connection would fail: it is closed instead of used again.
                .after_release(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
                .connect_lazy_with(options.clone())
        };
        Ok(Self { kind: Kind::Embedded, reads: pool(READERS), writes: pool(1) })
    }

    /// PostgreSQL at `address` (`postgres://USER@HOST/NAME`), which answers.
    pub(crate) async fn shared(address: &str) -> Result<Self, StoreError> {
        if !address.starts_with("postgres://") && !address.starts_with("postgresql://") {
            return Err(StoreError::DatabaseAddress { reason: "it names no PostgreSQL".into() });
        }
        let options = options(address)?;
        // The pool waits for a server that is being started again, and says only that it timed out. Whether it can be
        // reached at all is asked without it.
        let connection = AnyConnection::connect_with(&options).await.map_err(StoreError::database("be reached"))?;
        connection.close().await.map_err(StoreError::database("be reached"))?;
        let pool = AnyPoolOptions::new()
            .max_connections(SHARED_CONNECTIONS)
            .acquire_timeout(Duration::from_secs(10))
            .connect_lazy_with(options);
        Ok(Self { kind: Kind::Shared, reads: pool.clone(), writes: pool })
    }

    /// Which it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// For statements that only read.
    pub(crate) fn reads(&self) -> &AnyPool {
        &self.reads
    }

    /// For single statements that write.
    pub(crate) fn writes(&self) -> &AnyPool {
        &self.writes
    }

    /// Begins a transaction that writes. In SQLite it takes the write lock at once: one that reads first and asks
    /// for the lock later fails, without waiting, when somebody else wrote in between.
    pub(crate) async fn begin(&self, action: &'static str) -> Result<Transaction<'static, Any>, StoreError> {
        let statement = match self.kind {
            Kind::Embedded => "BEGIN IMMEDIATE",
            Kind::Shared => "BEGIN",
        };
        self.writes.begin_with(statement).await.map_err(StoreError::database(action))
    }

    pub(crate) async fn close(&self) {
        self.writes.close().await;
        self.reads.close().await;
    }
}

impl fmt::Debug for Database {
    /// Without the address: it may hold a password.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Database").field("kind", &self.kind).finish_non_exhaustive()
    }
}

fn options(address: &str) -> Result<AnyConnectOptions, StoreError> {
    sqlx::any::install_default_drivers();
    AnyConnectOptions::from_str(address)
        .map(ConnectOptions::disable_statement_logging)
        .map_err(|error| StoreError::DatabaseAddress { reason: error.to_string() })
}

/// Writes a path so that it comes out of an URL as it went in.
fn percent_encode(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// `($1, $2), ($3, $4)`: placeholders for `rows` rows of `columns` columns.
pub(crate) fn placeholders(rows: usize, columns: usize) -> String {
    let row = |row: usize| {
        let columns: Vec<String> = (1..=columns).map(|column| format!("${}", row * columns + column)).collect();
        format!("({})", columns.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

/// PostgreSQL holds no NUL in text; what comes from images and advisories may have one.
pub(crate) fn text(value: &str) -> String {
    value.replace('\0', "\u{fffd}")
}

/// Sizes and counts are kept as signed 64-bit numbers.
pub(crate) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The digest in a column.
pub(crate) fn digest(row: &AnyRow, column: &str) -> Result<Digest, StoreError> {
    let text: String = row.try_get(column).map_err(StoreError::database("read a digest"))?;
    parse_digest(&text)
}

/// The digest in a column that may be empty.
pub(crate) fn optional_digest(row: &AnyRow, column: &str) -> Result<Option<Digest>, StoreError> {
    let text: Option<String> = row.try_get(column).map_err(StoreError::database("read a digest"))?;
    text.as_deref().map(parse_digest).transpose()
}

fn parse_digest(text: &str) -> Result<Digest, StoreError> {
    text.parse().map_err(|error: image::digest::DigestError| StoreError::Corrupt {
        what: "a digest",
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_count_through_all_rows() {
        assert_eq!(placeholders(2, 3), "($1, $2, $3), ($4, $5, $6)");
    }

    #[test]
    fn a_path_with_marks_of_urls_is_escaped() {
        assert_eq!(percent_encode("/a b?c#d%/é"), "/a%20b%3Fc%23d%25/%C3%A9");
    }
}
