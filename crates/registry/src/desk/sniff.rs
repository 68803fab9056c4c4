//! Is it a layer? Told from the first bytes, for a blob's upload says nothing of its type.

use std::io::{self, Read};

/// A tar's magic stands at byte 257 of its first header.
const ENOUGH: usize = 512;

/// What a stream begins with.
pub(super) enum Sniffed {
    /// Something that a layer may begin with; the bytes that were read.
    Layer(Vec<u8>),
    /// Something else: a config, a signature, a document.
    Other,
}

/// Reads as much as is needed to tell.
pub(super) fn first_bytes(input: &mut impl Read) -> io::Result<Sniffed> {
    let mut first = Vec::with_capacity(ENOUGH);
    input.take(ENOUGH as u64).read_to_end(&mut first)?;
    let gzip = first.starts_with(&[0x1f, 0x8b]);
    let zstd = first.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]);
    // A frame to skip, as `zstd:chunked` and pzstd write them: 0x184D2A50 to 0x184D2A5F, little-endian.
    let skippable = first.get(..4).is_some_and(|magic| magic[0] & 0xf0 == 0x50 && magic[1..] == [0x2a, 0x4d, 0x18]);
    let tar = first.get(257..262) == Some(b"ustar");
    // The empty tar is two blocks of zeroes; old tars have no magic but a checksum, which is left to the walker.
    let old_tar = first.len() == ENOUGH && (first.iter().all(|byte| *byte == 0) || has_checksum(&first));
    Ok(if gzip || zstd || skippable || tar || old_tar { Sniffed::Layer(first) } else { Sniffed::Other })
}

/// Whether a block is a tar header by its checksum (the sum of its bytes, those of the checksum counted as blanks).
fn has_checksum(block: &[u8]) -> bool {
    let field = &block[148..156];
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum::<u32>()
        - field.iter().map(|byte| u32::from(*byte)).sum::<u32>()
        + 8 * u32::from(b' ');
    let digits: Vec<u8> = field.iter().copied().skip_while(|byte| *byte == b' ').collect();
    let digits = digits.split(|byte| !(b'0'..=b'7').contains(byte)).next().unwrap_or_default();
    std::str::from_utf8(digits).ok().and_then(|digits| u32::from_str_radix(digits, 8).ok()) == Some(sum)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_layer(bytes: &[u8]) -> bool {
        matches!(first_bytes(&mut &bytes[..]).unwrap(), Sniffed::Layer(_))
    }

    #[test]
    fn what_layers_begin_with_is_told_from_documents() {
        assert!(is_layer(&[0x1f, 0x8b, 8, 0]));
        assert!(is_layer(&[0x28, 0xb5, 0x2f, 0xfd]));
        assert!(is_layer(&[0x5e, 0x2a, 0x4d, 0x18, 0]));
        assert!(is_layer(&[0; 1024]));
        let mut tar = vec![0; 1024];
        tar[257..262].copy_from_slice(b"ustar");
        assert!(is_layer(&tar));
        for document in [&b"{}"[..], b"", b"{\"architecture\":\"amd64\"}", b"MZ", &[b' '; 600]] {
            assert!(!is_layer(document), "{document:?}");
        }
    }

    #[test]
    fn a_tar_of_the_seventies_is_told_by_its_checksum() {
        let mut header = [0_u8; 512];
        header[..4].copy_from_slice(b"file");
        let sum = header.iter().map(|byte| u32::from(*byte)).sum::<u32>() + 8 * 32;
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        assert!(is_layer(&header));
    }

    proptest! {
        #[test]
        fn any_bytes_are_told(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            is_layer(&bytes);
        }
    }
}
