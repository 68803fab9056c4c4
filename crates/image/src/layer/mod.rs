//! A layer as a stream: inflated, hashed on both sides, its tar walked with bounds, in one pass.

mod compression;
mod error;
mod gzip;
mod hashing;
mod inflated;
mod input;
pub(crate) mod path;
pub(crate) mod tar;
mod unverified;
pub(crate) mod window;
mod zstd;

use std::io::Read;

pub use self::compression::Compression;
pub use self::error::LayerError;
pub use self::inflated::{Digests, Inflated};
pub use self::unverified::walk_unverified;
pub use self::window::Window;

use crate::Digest;

/// What kind of thing a tar member makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Directory,
    /// A symbolic link with its target as written.
    Symlink(String),
    /// A hard link to the member at this path in the same layer, normalised like [`Entry::path`].
    HardLink(String),
    /// A device, FIFO or socket: of no interest but for what it hides.
    Special,
}

/// One member of a layer's tar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The path inside the image, relative, without `.`, `..` or empty parts, and no leading slash
    /// (`usr/lib/os-release`). Bytes that are not UTF-8 are replaced. `""` is the root itself.
    pub path: String,
    /// What it makes.
    pub kind: EntryKind,
    /// Bytes of content; 0 for all but files.
    pub size: u64,
    /// Permission bits with setuid, setgid and sticky.
    pub mode: u32,
}

/// What the walker calls for each member, in the order of the tar.
pub trait Visitor {
    /// Sees one member. `content` ends after [`Entry::size`] bytes; what is left unread is skipped.
    fn visit(&mut self, entry: &Entry, content: &mut dyn Read) -> Result<(), LayerError>;
}

/// Bounds on what a layer may ask of us.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Most bytes of tar that are read before the layer is called a bomb.
    pub uncompressed_bytes: u64,
    /// Most members.
    pub entries: u64,
    /// Longest path in bytes (pax and GNU long names too).
    pub path_bytes: usize,
}

/// What the walk learned of the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walked {
    /// The digest of the bytes as they came.
    pub blob: Digest,
    /// Their number.
    pub blob_size: u64,
    /// The digest of the tar.
    pub diff_id: Digest,
    /// Its bytes.
    pub uncompressed_size: u64,
    /// How it was compressed.
    pub compression: Compression,
    /// Members seen.
    pub entries: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { uncompressed_bytes: 64 << 30, entries: 20_000_000, path_bytes: path::PATH_BYTES }
    }
}

/// Walks a layer from its first byte to its last and past the tar's end, so that both digests cover everything.
/// The caller compares [`Walked::blob`] and [`Walked::diff_id`] with what it asked for.
pub fn walk(input: impl Read + Send, limits: &Limits, visitor: &mut dyn Visitor) -> Result<Walked, LayerError> {
    let mut members = tar::Reader::new(Inflated::new(input, limits)?, limits);
    walk_members(&mut members, visitor)?;
    let entries = members.entries();
    let Digests { blob, blob_size, diff_id, uncompressed_size, compression } = members.into_stream().finish()?;
    Ok(Walked { blob, blob_size, diff_id, uncompressed_size, compression, entries })
}

fn walk_members<S: tar::Stream>(members: &mut tar::Reader<S>, visitor: &mut dyn Visitor) -> Result<(), LayerError> {
    while let Some(member) = members.next()? {
        let mut content = members.content();
        let outcome = visitor.visit(&member.entry, &mut content);
        // A visitor reports that its reading failed in its own words; what matters is why.
        if let Some(failure) = content.into_failure() {
            return Err(failure);
        }
        outcome?;
    }
    Ok(())
}
