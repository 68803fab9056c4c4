//! How a layer's blob is compressed.

use super::LayerError;

/// How a layer's blob is compressed, told from its first bytes and never from its media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// A plain tar.
    None,
    /// RFC 1952, also in several members.
    Gzip,
    /// RFC 8878, also in several frames.
    Zstd,
}

impl Compression {
    /// What bytes that begin so are compressed with. Formats that docker once loaded and nobody pushes are refused.
    pub(crate) fn of(first_bytes: &[u8]) -> Result<Self, LayerError> {
        let other = match first_bytes {
            [0x1f, 0x8b, ..] => return Ok(Self::Gzip),
            // A frame, or a skippable frame before the first.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => return Ok(Self::Zstd),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => "xz",
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..] => "bzip2",
            _ => return Ok(Self::None),
        };
        Err(LayerError::Unsupported {
            reason: format!("it is compressed with {other}; the image format knows gzip, zstd and plain tar"),
        })
    }
}
