//! Sorted lists of path hashes, which are nearly all of a record: written as the gaps between neighbours, seven bytes
//! each for a layer of a hundred thousand members where postcard's own integers would take ten.

use std::fmt;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserializer, Serializer};
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

pub(super) fn serialize<S: Serializer>(sorted: &[u64], serializer: S) -> Result<S::Ok, S::Error> {
    let mut bytes = Vec::with_capacity(sorted.len() * 7);
    let mut last = 0;
    for hash in sorted {
        let mut gap = hash.wrapping_sub(last);
        while gap >= 0x80 {
            bytes.push(gap as u8 | 0x80);
            gap >>= 7;
        }
        bytes.push(gap as u8);
        last = *hash;
    }
    serializer.serialize_bytes(&bytes)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u64>, D::Error> {
    deserializer.deserialize_bytes(Gaps)
}

struct Gaps;

impl<'de> Visitor<'de> for Gaps {
    type Value = Vec<u64>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the gaps of a sorted list of hashes")
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Vec<u64>, E> {
        let broken = || E::custom("a list of hashes is broken");
        let mut hashes: Vec<u64> = Vec::with_capacity(bytes.len() / 7);
        let mut rest = bytes.iter();
        while !rest.as_slice().is_empty() {
            let mut gap = 0u64;
            for shift in (0..64).step_by(7) {
                let byte = *rest.next().ok_or_else(broken)?;
                let part = u64::from(byte & 0x7f);
                if part << shift >> shift != part {
                    return Err(broken());
                }
                gap |= part << shift;
                if byte & 0x80 == 0 {
                    break;
                }
                if shift == 63 {
                    return Err(broken());
                }
            }
            let hash = match hashes.last() {
                // Strictly rising: what searches it may rely on that.
                Some(last) if gap > 0 => last.checked_add(gap).ok_or_else(broken)?,
                Some(_) => return Err(broken()),
                None => gap,
            };
            hashes.push(hash);
        }
        Ok(hashes)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Vec<u64>, A::Error> {
        Err(A::Error::custom("a list of hashes is bytes"))
    }
}
