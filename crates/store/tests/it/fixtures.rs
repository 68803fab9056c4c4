//! Stores to test with.

use image::Digest;
use store::Store;
use store::repositories::ManifestRow;
use tempfile::TempDir;

use crate::postgres;

/// A store in a folder that is gone when this is dropped.
pub(crate) struct Fixture {
    pub(crate) store: Store,
    pub(crate) folder: TempDir,
    pub(crate) database: Option<String>,
}

impl Fixture {
    /// A store on SQLite.
    pub(crate) async fn embedded() -> Self {
        Self::on(None).await
    }

    /// One store on each database.
    pub(crate) async fn on_both() -> Vec<Self> {
        let mut fixtures = vec![Self::embedded().await];
        if let Some(address) = postgres::new_database() {
            fixtures.push(Self::on(Some(address)).await);
        }
        fixtures
    }

    async fn on(database: Option<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), database.as_deref()).await.unwrap();
        Self { store, folder, database }
    }

    /// The same folder and database opened once more, as another process would.
    pub(crate) async fn again(&self) -> Store {
        Store::open(self.folder.path(), self.database.as_deref()).await.unwrap()
    }

    /// Runs SQL on the database behind the store's back; false where the program for it is not there.
    pub(crate) fn run_sql(&self, sql: &str) -> bool {
        let mut command;
        if let Some(address) = &self.database {
            command = std::process::Command::new("psql");
            command.args(["-q", "-X", "-v", "ON_ERROR_STOP=1", "-d", address, "-c", sql]);
        } else {
            command = std::process::Command::new("sqlite3");
            command.arg(self.folder.path().join("plimsoll.db")).arg(sql);
        }
        match command.stdin(std::process::Stdio::null()).status() {
            Ok(status) => {
                assert!(status.success(), "the statement failed: {sql}");
                true
            }
            Err(_) => false,
        }
    }
}

/// Some digest.
pub(crate) fn digest(text: &str) -> Digest {
    Digest::sha256(text.as_bytes())
}

/// An image's manifest that was pushed at second `second` of a day.
pub(crate) fn manifest(text: &str, second: u32) -> ManifestRow {
    ManifestRow {
        digest: digest(text),
        media_type: "application/vnd.oci.image.manifest.v1+json".into(),
        size: 1234,
        subject: None,
        artifact_type: None,
        annotations: None,
        pushed_at: format!("2026-11-25T09:00:{second:02}Z"),
    }
}

/// A small file system of its own, as root; `None` where we may not mount.
pub(crate) struct SmallDisk {
    pub(crate) folder: TempDir,
}

impl SmallDisk {
    pub(crate) fn mount(bytes: u64) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = nix::unistd::geteuid().is_root()
            && std::process::Command::new("mount")
                .args(["-t", "tmpfs", "-o", &format!("size={bytes},mode=700"), "plimsoll-test"])
                .arg(folder.path())
                .status()
                .is_ok_and(|status| status.success());
        if mounted {
            return Some(Self { folder });
        }
        skipped("only root may mount a small file system");
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("--lazy").arg(self.folder.path()).status();
    }
}

/// Says why a test does nothing here; where everything is meant to be there, fails.
pub(crate) fn skipped(reason: &str) {
    assert!(std::env::var_os("PLIMSOLL_REQUIRE").is_none(), "cannot be skipped here: {reason}");
    println!("skipped: {reason}");
}
