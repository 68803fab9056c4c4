//! What was read of signatures before, kept on this machine under its digest.
//!
//! Manifests and blobs never change under their digest, so that what is kept needs no expiry, only the check that every
//! reader of a registry makes anyway. What lies beside an image is asked of the registry each time; only reading it again
//! is saved. That a signature held is not kept: checking one costs less than a tenth of a millisecond, and what is kept
//! could be stale or made up.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use image::{Digest, Verified};

/// Larger ones are read from the registry each time; a signature has some thousand bytes.
const LARGEST: u64 = 64 << 10;
/// Files that are kept. Whoever may write to a repository could fill the disk otherwise; where there are more, all go.
const MOST: usize = 8192;

/// A folder of what was read.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// Keeps things in a folder, which is made when something is kept.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The bytes of a digest: kept ones where they are whole, else those that `read` gives, which are kept then.
    pub(crate) fn or_read<E>(
        &self,
        digest: &Digest,
        read: impl FnOnce() -> Result<Verified, E>,
    ) -> Result<Verified, E> {
        if let Some(kept) = self.kept(digest) {
            return Ok(kept);
        }
        let bytes = read()?;
        // Without it the next reader is slower, and no more.
        if bytes.len() as u64 <= LARGEST
            && let Err(error) = self.keep(digest, &bytes)
        {
            tracing::debug!(%error, folder = %self.folder.display(), "a signature could not be kept");
        }
        Ok(bytes)
    }

    fn kept(&self, digest: &Digest) -> Option<Verified> {
        let mut bytes = Vec::new();
        fs::File::open(self.path(digest)).ok()?.take(LARGEST + 1).read_to_end(&mut bytes).ok()?;
        Verified::check(bytes, digest, "what was kept").ok()
    }

    fn keep(&self, digest: &Digest, bytes: &[u8]) -> std::io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        if fs::read_dir(&self.folder)?.count() >= MOST {
            clear(&self.folder)?;
        }
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(bytes)?;
        file.persist(self.path(digest))?;
        Ok(())
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(format!("{}-{}", digest.algorithm().name(), digest.hex()))
    }
}

/// Takes away what this cache put there, and nothing else.
fn clear(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with("sha256-") || name.starts_with("sha512-")) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_is_not_read_again_unless_it_was_changed() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::in_folder(folder.path().join("signatures"));
        let digest = Digest::sha256(b"a signature");
        let mut reads = 0;
        let mut read = |cache: &Cache| {
            let bytes = cache.or_read::<()>(&digest, || {
                reads += 1;
                Ok(Verified::name(b"a signature".to_vec()))
            });
            assert_eq!(&bytes.unwrap()[..], b"a signature");
            reads
        };
        assert_eq!(read(&cache), 1);
        assert_eq!(read(&cache), 1);
        fs::write(cache.path(&digest), "a Signature").unwrap();
        assert_eq!(read(&cache), 2, "changed bytes are not what the digest names");
        assert_eq!(read(&cache), 2);
        clear(&cache.folder).unwrap();
        assert_eq!(read(&cache), 3);
    }
}
