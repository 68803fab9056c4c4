//! The schema, and how an older one becomes the present one.
//!
//! Each migration is a file of plain SQL; they are run in order, each once, in one transaction. A database that is up
//! to date costs one query. (sqlx has a migrator of its own; it asks several questions at each start, takes no lock
//! on SQLite, and has no way to write what the two databases call differently.)

use std::fs::{File, OpenOptions};
use std::path::Path;

use sqlx::{AssertSqlSafe, Executor};

use crate::database::{Database, Kind};
use crate::{DataFolder, StoreError};

/// Version and text of each migration, oldest first.
const MIGRATIONS: &[(i64, &str)] = &[
    (1, include_str!("../migrations/0001_foundation.sql")),
    (2, include_str!("../migrations/0002_report_bytes.sql")),
    (3, include_str!("../migrations/0003_layer_parts.sql")),
];

/// Names our lock among PostgreSQL's advisory locks ("plimsoll" in ASCII).
const POSTGRES_LOCK: i64 = 0x706c_696d_736f_6c6c;

/// Runs the migrations that are missing.
pub(crate) async fn bring_up_to_date(database: &Database, folder: &DataFolder) -> Result<(), StoreError> {
    let newest = MIGRATIONS.last().map_or(0, |(version, _)| *version);
    let version = match version(database).await {
        Ok(version) => version,
        // The table is missing. Whatever else the database may have to complain of shows when we try to make it.
        Err(sqlx::Error::Database(_)) => 0,
        Err(error) => return Err(StoreError::database("say the version of its schema")(error)),
    };
    if version > newest {
        return Err(StoreError::Newer { what: "the database".into(), found: version, known: newest });
    }
    if version < newest { migrate(database, folder).await } else { Ok(()) }
}

async fn version(database: &Database) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT version FROM schema_version").fetch_one(database.reads()).await
}

async fn migrate(database: &Database, folder: &DataFolder) -> Result<(), StoreError> {
    const ACTION: &str = "bring its schema up to date";
    // Those that make the same folder at once take turns, for changing SQLite's journal mode does not wait.
    let path = folder.migrating_lock();
    let _lock = tokio::task::spawn_blocking(move || take_turn(&path))
        .await
        .map_err(|error| StoreError::file("lock", &folder.migrating_lock())(error.into()))??;

    if database.kind() == Kind::Embedded {
        let mode = database.writes().execute("PRAGMA journal_mode = WAL").await;
        mode.map_err(StoreError::database("switch to its write-ahead log"))?;
    }
    let mut transaction = database.begin(ACTION).await?;
    if database.kind() == Kind::Shared {
        let locked = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(POSTGRES_LOCK);
        locked.execute(&mut *transaction).await.map_err(StoreError::database(ACTION))?;
    }
    let fail = || StoreError::database(ACTION);
    transaction.execute("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)").await.map_err(fail())?;
    let found: Option<i64> = sqlx::query_scalar("SELECT version FROM schema_version")
        .fetch_optional(&mut *transaction)
        .await
        .map_err(fail())?;
    if found.is_none() {
        transaction.execute("INSERT INTO schema_version (version) VALUES (0)").await.map_err(fail())?;
    }
    for (version, sql) in MIGRATIONS.iter().filter(|(version, _)| *version > found.unwrap_or(0)) {
        let sql = in_dialect(sql, database.kind());
        transaction.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.map_err(fail())?;
        sqlx::query("UPDATE schema_version SET version = $1")
            .bind(*version)
            .execute(&mut *transaction)
            .await
            .map_err(fail())?;
        tracing::info!(version, "schema brought up to date");
    }
    transaction.commit().await.map_err(fail())
}

fn take_turn(path: &Path) -> Result<File, StoreError> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(StoreError::file("open", path))?;
    file.lock().map_err(StoreError::file("lock", path))?;
    Ok(file)
}

/// SQLite compares text by bytes and calls that BINARY; PostgreSQL calls it "C" and has to be told.
fn in_dialect(sql: &str, kind: Kind) -> String {
    match kind {
        Kind::Embedded => sql.replace(" COLLATE \"C\"", ""),
        Kind::Shared => sql.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_numbered_from_one_without_gaps() {
        assert!(MIGRATIONS.iter().map(|(version, _)| *version).eq((1..).take(MIGRATIONS.len())));
    }
}
