//! The newest list that was ever seen, kept on this machine.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use image::Digest;
use keys::PublicKey;

use super::LIMIT;

/// Lists of one registry that are looked at: one for each set of keys that a policy ever named for it.
const MOST: usize = 64;

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

    /// The lists of a registry that were kept, as they were: signed, by whatever keys. A policy that names one key more
    /// knows what was seen under those before. What cannot be read is as good as none.
    pub(super) fn read(&self, registry: &str) -> Vec<Vec<u8>> {
        let front = front(registry);
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let own = entries.filter(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with(&front)));
        let read = |path: PathBuf| {
            let mut bytes = Vec::new();
            fs::File::open(path).ok()?.take(LIMIT + 1).read_to_end(&mut bytes).ok()?;
            Some(bytes)
        };
        own.take(MOST).filter_map(|entry| read(entry.path())).collect()
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
        let keys = Digest::sha256(fingerprints.join("\n").as_bytes());
        self.folder.join(format!("{}{}.json", front(registry), &keys.hex()[..32]))
    }
}

/// How the names of a registry's files begin.
fn front(registry: &str) -> String {
    format!("{}-", &Digest::sha256(registry.as_bytes()).hex()[..32])
}
