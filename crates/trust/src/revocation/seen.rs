//! The newest list that was ever seen, kept on this machine.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use image::Digest;
use keys::PublicKey;

use super::LIMIT;

/// A folder of lists, one for each registry and set of keys.
#[derive(Clone, Debug)]
pub struct Seen {
    folder: PathBuf,
}

impl Seen {
    /// Keeps them in a folder, which is made when something is kept.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The list that was kept, as it was: signed. What cannot be read is as good as none.
    pub(super) fn read(&self, registry: &str, keys: &[PublicKey]) -> Option<Vec<u8>> {
        let file = fs::File::open(self.path(registry, keys)).ok()?;
        let mut bytes = Vec::new();
        file.take(LIMIT + 1).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// Keeps a list. Where that fails the next reader knows less, and no harm is done now.
    pub(super) fn keep(&self, registry: &str, keys: &[PublicKey], bytes: &[u8]) {
        if let Err(error) = self.try_keep(&self.path(registry, keys), bytes) {
            tracing::warn!(%error, folder = %self.folder.display(), "the newest revocation list could not be kept");
        }
    }

    fn try_keep(&self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    }

    fn path(&self, registry: &str, keys: &[PublicKey]) -> PathBuf {
        let mut fingerprints: Vec<_> = keys.iter().map(PublicKey::fingerprint).collect();
        fingerprints.sort();
        let name = Digest::sha256(format!("{registry}\n{}", fingerprints.join("\n")).as_bytes());
        self.folder.join(format!("{}.json", &name.hex()[..32]))
    }
}
