//! What the program headers of an ELF file say of its bytes (System V ABI, "Program Header"; `elf(5)`).

/// What is done with a part of an executable while it passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Treatment {
    /// It is code: not kept.
    Skip,
    /// Constants and the names of symbols.
    Constants,
    /// Data, and what no segment holds.
    Search,
}

/// Bytes from the end of the part before to `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) end: u64,
    pub(super) treatment: Treatment,
}

const RELOCATABLE: u16 = 1;
const CORE: u16 = 4;
const LOAD: u32 = 1;
const EXECUTE: u32 = 1;
const WRITE: u32 = 2;

struct Segment {
    offset: u64,
    size: u64,
    flags: u32,
}

/// Reads numbers as the file writes them.
struct Fields<'a> {
    bytes: &'a [u8],
    is_wide: bool,
    is_big_endian: bool,
}

impl Fields<'_> {
    fn u16(&self, at: usize) -> Option<u16> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.is_big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.is_big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    /// A number of the file's own width.
    fn word(&self, at: usize) -> Option<u64> {
        if !self.is_wide {
            return self.u32(at).map(u64::from);
        }
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.is_big_endian { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) })
    }
}

/// The parts of an ELF file of `size` bytes that begins with `head`; none where it is an object file or a core dump.
/// Where the headers cannot be read, or do not say where the constants are, everything is one part to search.
pub(super) fn parts(head: &[u8], size: u64) -> Vec<Part> {
    let fields = Fields { bytes: head, is_wide: head.get(4) == Some(&2), is_big_endian: head.get(5) == Some(&2) };
    if matches!(fields.u16(16), None | Some(RELOCATABLE | CORE)) {
        return vec![];
    }
    let mut segments = segments(&fields).unwrap_or_default();
    segments.sort_by_key(|segment| segment.offset);
    // Old linkers put constants beside the code, into one segment.
    let constants = segments.iter().rev().find(|segment| segment.flags & (EXECUTE | WRITE) == 0);
    let constants_at = constants.map_or(0, |segment| segment.offset);
    let mut parts: Vec<Part> = Vec::new();
    let mut position = 0;
    let mut add = |end: u64, treatment| {
        if end > position {
            position = end;
            match parts.last_mut() {
                Some(last) if last.treatment == treatment => last.end = end,
                _ => parts.push(Part { end, treatment }),
            }
        }
    };
    for segment in &segments {
        let treatment = match segment.flags & (EXECUTE | WRITE) {
            EXECUTE if segment.offset < constants_at => Treatment::Skip,
            0 => Treatment::Constants,
            _ => Treatment::Search,
        };
        add(segment.offset.min(size), Treatment::Search);
        add(segment.offset.saturating_add(segment.size).min(size), treatment);
    }
    add(size, Treatment::Search);
    parts
}

/// The segments that are loaded.
fn segments(fields: &Fields<'_>) -> Option<Vec<Segment>> {
    let (table, entry_size, count) = if fields.is_wide { (32, 54, 56) } else { (28, 42, 44) };
    let (table, entry_size, count) = (fields.word(table)?, fields.u16(entry_size)?, fields.u16(count)?);
    let mut segments = Vec::new();
    for index in 0..count {
        let at = usize::try_from(table.checked_add(u64::from(index) * u64::from(entry_size))?).ok()?;
        let [flags, offset, size] = if fields.is_wide { [4, 8, 32] } else { [24, 4, 16] };
        if fields.u32(at)? == LOAD {
            segments.push(Segment {
                offset: fields.word(at.checked_add(offset)?)?,
                size: fields.word(at.checked_add(size)?)?,
                flags: fields.u32(at.checked_add(flags)?)?,
            });
        }
    }
    Some(segments)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) struct Segment {
        pub(in super::super) offset: u64,
        pub(in super::super) size: u64,
        pub(in super::super) flags: u32,
    }

    /// An ELF file of zeros with these segments.
    pub(in super::super) fn elf(kind: u16, segments: &[Segment], size: usize) -> Vec<u8> {
        let mut bytes = vec![0; 64];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        bytes[16..18].copy_from_slice(&kind.to_le_bytes());
        bytes[32] = 64;
        bytes[54] = 56;
        bytes[56] = u8::try_from(segments.len()).unwrap();
        for segment in segments {
            let mut header = [0; 56];
            header[0] = 1;
            header[4..8].copy_from_slice(&segment.flags.to_le_bytes());
            header[8..16].copy_from_slice(&segment.offset.to_le_bytes());
            header[32..40].copy_from_slice(&segment.size.to_le_bytes());
            bytes.extend_from_slice(&header);
        }
        bytes.resize(size, 0);
        bytes
    }

    fn told(bytes: &[u8], size: u64) -> Vec<(u64, Treatment)> {
        parts(bytes, size).into_iter().map(|part| (part.end, part.treatment)).collect()
    }

    #[test]
    fn code_is_left_out_where_constants_have_a_segment_of_their_own_behind_it() {
        use Treatment::{Constants, Search, Skip};
        let segment = |offset, size, flags| Segment { offset, size, flags };
        let gnu = elf(2, &[segment(0, 10, 4), segment(10, 20, 5), segment(30, 20, 4), segment(52, 8, 6)], 500);
        assert_eq!(told(&gnu, 100), [(10, Constants), (30, Skip), (50, Constants), (100, Search)]);
        let old = elf(2, &[segment(0, 50, 5), segment(50, 20, 6)], 500);
        assert_eq!(told(&old, 100), [(100, Search)]);
        let writable_code = elf(2, &[segment(0, 50, 7), segment(50, 20, 4)], 500);
        assert_eq!(told(&writable_code, 100), [(50, Search), (70, Constants), (100, Search)]);
    }

    #[test]
    fn headers_that_cannot_be_are_no_harm() {
        let segment = |offset, size, flags| Segment { offset, size, flags };
        let overlapping = elf(3, &[segment(0, u64::MAX, 5), segment(10, u64::MAX, 4), segment(u64::MAX, 1, 4)], 300);
        let parts = told(&overlapping, 300);
        assert!(parts.is_sorted_by(|one, other| one.0 < other.0) && parts.last().unwrap().0 == 300, "{parts:?}");
        let mut many = elf(2, &[], 100);
        many[56..58].copy_from_slice(&u16::MAX.to_le_bytes());
        assert_eq!(told(&many, 100), [(100, Treatment::Search)]);
        many[32..40].copy_from_slice(&u64::MAX.to_le_bytes());
        assert_eq!(told(&many, 100), [(100, Treatment::Search)]);
        assert!(told(b"\x7fELF", 4).is_empty());
    }
}
