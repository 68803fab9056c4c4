//! One 512-byte header of a tar (POSIX.1-1988 ustar, GNU tar, star and the format before them), read as Go's
//! `archive/tar` reads it, since that is what docker and containerd unpack layers with.

/// Bytes of a block.
pub(super) const BLOCK: usize = 512;

/// A header whose checksum holds.
pub(super) struct Header<'a> {
    block: &'a [u8; BLOCK],
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    V7,
    Ustar,
    Star,
    Gnu,
}

/// What a block is where a header should stand.
pub(super) enum Block<'a> {
    Header(Header<'a>),
    /// All zero: one half of the end mark.
    Zero,
    /// The checksum does not hold.
    Garbage,
}

impl<'a> Block<'a> {
    pub(super) fn read(block: &'a [u8; BLOCK]) -> Self {
        if block.iter().all(|byte| *byte == 0) {
            return Self::Zero;
        }
        let (unsigned, signed) = checksums(block);
        match octal(part(block, 148, 8)) {
            // Some old programs summed up signed bytes.
            Some(written) if written == unsigned || i64::try_from(written) == Ok(signed) => {
                Self::Header(Header { block, format: Format::of(block) })
            }
            _ => Self::Garbage,
        }
    }
}

impl Format {
    fn of(block: &[u8; BLOCK]) -> Self {
        let is_star = part(block, 508, 4) == b"tar\0";
        match part(block, 257, 8) {
            [b'u', b's', b't', b'a', b'r', 0, ..] if is_star => Self::Star,
            [b'u', b's', b't', b'a', b'r', 0, ..] => Self::Ustar,
            b"ustar  \0" => Self::Gnu,
            _ => Self::V7,
        }
    }
}

impl<'a> Header<'a> {
    pub(super) fn type_flag(&self) -> u8 {
        self.block.get(156).copied().unwrap_or_default()
    }

    /// Bytes of content that follow, as this header alone says.
    pub(super) fn size(&self) -> Option<u64> {
        number(part(self.block, 124, 12))
    }

    /// Permission bits.
    pub(super) fn mode(&self) -> Option<u32> {
        Some((number(part(self.block, 100, 8))? & 0o7777) as u32)
    }

    /// Writes the member's name, with the prefix where the format has one.
    pub(super) fn name(&self, name: &mut Vec<u8>) {
        name.clear();
        let prefix: &[u8] = match self.format {
            Format::Ustar => text(part(self.block, 345, 155)),
            Format::Star => text(part(self.block, 345, 131)),
            Format::V7 | Format::Gnu => &[],
        };
        if !prefix.is_empty() {
            name.extend_from_slice(prefix);
            name.push(b'/');
        }
        name.extend_from_slice(text(part(self.block, 0, 100)));
    }

    pub(super) fn link_name(&self) -> &'a [u8] {
        text(part(self.block, 157, 100))
    }

    /// The sparse fields of old GNU tar: the first entries of the map, whether more follow, and the real size.
    pub(super) fn old_gnu_sparse(&self) -> Option<(&'a [u8], bool, Option<u64>)> {
        let extended = self.block.get(482).copied().unwrap_or_default() != 0;
        (self.format == Format::Gnu).then(|| (part(self.block, 386, 96), extended, number(part(self.block, 483, 12))))
    }
}

/// A number in octal digits or, for large ones, in GNU's base 256. `None` if it is neither, negative or too large.
pub(super) fn number(field: &[u8]) -> Option<u64> {
    match field {
        [first, rest @ ..] if first & 0x80 != 0 => {
            if first & 0x40 != 0 {
                return None;
            }
            rest.iter().try_fold(u64::from(first & 0x3f), |value, byte| {
                value.checked_mul(256).map(|value| value | u64::from(*byte))
            })
        }
        _ => octal(field),
    }
}

fn octal(field: &[u8]) -> Option<u64> {
    let is_padding = |byte: &u8| matches!(byte, b' ' | 0);
    let start = field.iter().position(|byte| !is_padding(byte)).unwrap_or(field.len());
    let digits = text(field.get(start..).unwrap_or_default()).trim_ascii_end();
    digits.iter().try_fold(0u64, |value, digit| match digit {
        b'0'..=b'7' => value.checked_mul(8).map(|value| value | u64::from(digit - b'0')),
        _ => None,
    })
}

/// A text ends at its first NUL.
pub(super) fn text(field: &[u8]) -> &[u8] {
    let end = memchr::memchr(0, field).unwrap_or(field.len());
    field.get(..end).unwrap_or_default()
}

fn part(block: &[u8; BLOCK], start: usize, len: usize) -> &[u8] {
    block.get(start..start + len).unwrap_or_default()
}

/// The sum of all bytes, the checksum's own counted as spaces; unsigned and signed.
fn checksums(block: &[u8; BLOCK]) -> (u64, i64) {
    let mut unsigned = 0;
    let mut signed = 0;
    for (index, byte) in block.iter().enumerate() {
        let byte = if (148..156).contains(&index) { b' ' } else { *byte };
        unsigned += u64::from(byte);
        signed += i64::from(byte.cast_signed());
    }
    (unsigned, signed)
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_are_octal_or_base_256_and_nothing_else() {
        assert_eq!(number(b"0000644\0"), Some(0o644));
        assert_eq!(number(b"   644 \0"), Some(0o644));
        assert_eq!(number(b"\0\0\0\0\0\0\0\0"), Some(0));
        assert_eq!(number(b"777777777777"), Some(0o777_777_777_777));
        assert_eq!(number(&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]), Some(256));
        assert_eq!(number(&[0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), Some(u64::MAX));
        assert_eq!(number(&[0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]), None, "more than 64 bits");
        assert_eq!(number(&[0xff; 12]), None, "negative");
        assert_eq!(number(b"12345678\0\0\0\0"), None, "8 is no octal digit");
        assert_eq!(number(b"-1\0\0\0\0\0\0\0\0\0\0"), None);
    }
}
