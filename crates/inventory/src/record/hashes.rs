//! What stands for a path in a record.

use sha2::{Digest as _, Sha256};

/// The first eight bytes of the SHA-256 of a path that is relative to the image's root.
///
/// Cryptographic, since layers choose their paths: a name that collides with `var/lib/dpkg` by design would hide
/// packages of the layers below.
pub fn path_hash(path: &str) -> u64 {
    first_bytes(Sha256::new_with_prefix(path))
}

/// The same of a path's folders that are longer than `known` bytes, the highest first, and of the path itself. The
/// path's bytes are hashed once: hashing each folder from its start would let a layer of deep paths cost minutes.
pub(crate) fn hashes_along(path: &str, known: usize) -> impl Iterator<Item = u64> {
    let mut hasher = Sha256::new();
    let mut start = 0;
    ends(path).filter(move |end| *end > known).map(move |end| {
        hasher.update(&path.as_bytes()[start..end]);
        start = end;
        first_bytes(hasher.clone())
    })
}

/// The hash of each path in one folder, whose bytes are hashed once: a package may list a million names in a folder of
/// the longest name. The folder ends with its slash and is relative to the root.
pub(crate) fn hash_in(folder: &[u8]) -> impl Fn(&[u8]) -> u64 + use<> {
    let folder = Sha256::new_with_prefix(folder);
    move |name| first_bytes(folder.clone().chain_update(name))
}

fn ends(path: &str) -> impl Iterator<Item = usize> {
    path.match_indices('/').map(|(end, _)| end).chain([path.len()])
}

fn first_bytes(hasher: Sha256) -> u64 {
    hasher.finalize().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}
