//! Which executables are worth asking the worker about, told while their bytes pass.
//!
//! Half of an image's bytes are executables, and nearly all of them tell of no package. What does tell leaves a mark:
//! Go's build information, cargo-auditable's section, .NET's bundle signature, a native image's symbol. The marks lie
//! where a walk comes last (data, section names), and the bytes cannot be had a second time, so each executable is held
//! until its end: a small one in memory, a large one in the worker's file. Machine code holds neither a mark nor what
//! any cataloguer reads; where the program headers say which bytes are code, those of a large file are not even copied.

use std::io::{self, Read};

use memchr::memmem::Finder;

use super::elf::{Part, Treatment, parts};
use crate::worker::Room;

/// Bytes at the start that are looked at first: the headers of all real executables.
const HEAD: usize = 4096;

/// Bytes of a large executable that are taken at once.
const CHUNK: usize = 256 << 10;

/// Where packers put their name.
const PACKER_WITHIN: usize = 1024;

/// Marks in data: the last is the signature behind a .NET single file's offset of its bundle (dotnet/runtime,
/// `bundle_marker.cpp`), the one before the name of cargo-auditable's section.
const IN_DATA: [&[u8]; 3] = [
    b"\xff Go buildinf:",
    b".dep-v0\0",
    b"\x8b\x12\x02\xb9\x6a\x61\x20\x38\x72\x7b\x93\x02\x14\xd7\xa0\x32\x13\xf5\xb9\xe6\xef\xae\x33\x18\xee\x3b\x2d\xce\
      \x24\xb3\x6a\xae",
];
/// Mark among names of symbols, which lie in a segment that is only read: GraalVM's bill of materials.
const IN_CONSTANTS: [&[u8]; 1] = [b"\0sbom_length\0"];
const LONGEST_MARK: usize = 32;

/// The first bytes of a file: its headers, where it may be an executable.
pub(super) fn head(size: u64, content: &mut dyn Read) -> io::Result<Vec<u8>> {
    let length = usize::try_from(size).unwrap_or(HEAD).min(HEAD);
    let first = length.min(4);
    let mut head = vec![0; first];
    content.read_exact(&mut head)?;
    if length >= 64 && may_be_executable(&head) {
        head.resize(length, 0);
        content.read_exact(&mut head[first..])?;
    }
    Ok(head)
}

fn may_be_executable(magic: &[u8]) -> bool {
    matches!(
        magic,
        [0x7f, b'E', b'L', b'F']
            | [0xfe, 0xed, 0xfa, 0xce | 0xcf]
            | [0xce | 0xcf, 0xfa, 0xed, 0xfe]
            | [0xca, 0xfe, 0xba, 0xbe | 0xbf]
            | [b'M', b'Z', ..]
    )
}

/// Whether a file that begins so is an ELF program or library, a Mach-O or a PE.
pub(super) fn is_executable(head: &[u8]) -> bool {
    match head {
        [0x7f, b'E', b'L', b'F', ..] => !parts(head, u64::MAX).is_empty(),
        // A class of Java begins the same; its version, where Mach-O counts architectures, is 45 at least.
        [0xca, 0xfe, 0xba, 0xbe | 0xbf, 0, 0, 0, count, ..] => (1..32).contains(count),
        [0xca, 0xfe, 0xba, 0xbe | 0xbf, ..] => false,
        [b'M', b'Z', ..] => {
            let at = head.get(0x3c..0x40).and_then(|bytes| bytes.first_chunk()).map(|at| u32::from_le_bytes(*at));
            at.and_then(|at| head.get(at as usize..)).is_some_and(|rest| rest.starts_with(b"PE\0\0"))
        }
        _ => head.len() >= 64 && may_be_executable(&head[..4]),
    }
}

/// What became of an executable.
pub(super) enum Sifted<'a> {
    /// It has no mark.
    Nothing,
    /// It has one, and these are its bytes.
    InMemory(&'a [u8]),
    /// It has one, and lies there.
    InFile(Room),
    /// It has one, and was too large to be kept.
    TooLarge,
    /// It could not be kept; whether it has one was not looked at further.
    NotWritten(io::Error),
}

/// Holds one executable at a time.
pub(super) struct Sieve {
    buffer: Vec<u8>,
    in_data: [Finder<'static>; 3],
    in_constants: [Finder<'static>; 1],
}

/// How much of an executable is held, and where.
pub(super) struct Bounds {
    /// Larger ones go to the file.
    pub(super) in_memory: u64,
    /// Larger ones are not kept at all.
    pub(super) kept: u64,
}

impl Sieve {
    pub(super) fn new() -> Self {
        Self { buffer: Vec::new(), in_data: IN_DATA.map(Finder::new), in_constants: IN_CONSTANTS.map(Finder::new) }
    }

    /// Lets an executable pass whose first bytes are `head` and whose others are `content`. An error is the content's.
    pub(super) fn sift(
        &mut self,
        size: u64,
        head: &[u8],
        content: &mut dyn Read,
        bounds: &Bounds,
        room: impl FnOnce() -> io::Result<Room>,
    ) -> io::Result<Sifted<'_>> {
        let parts = match head {
            [0x7f, b'E', b'L', b'F', ..] => parts(head, size),
            _ => vec![Part { end: size, treatment: Treatment::Search }],
        };
        let is_packed = memchr::memmem::find(&head[..head.len().min(PACKER_WITHIN)], b"UPX!").is_some();
        if size > bounds.in_memory {
            return self.pass(size, head, content, &parts, is_packed, (size <= bounds.kept).then_some(room));
        }
        let length = usize::try_from(size).map_err(io::Error::other)?;
        if self.buffer.len() < length {
            self.buffer.resize(length, 0);
        }
        self.buffer[..head.len()].copy_from_slice(head);
        content.read_exact(&mut self.buffer[head.len()..length])?;
        let mut start = 0;
        let is_marked = parts.iter().any(|part| {
            let end = usize::try_from(part.end).unwrap_or(length).min(length);
            let bytes = &self.buffer[start..end];
            start = end;
            self.finds(part.treatment, bytes)
        });
        Ok(if is_marked || is_packed { Sifted::InMemory(&self.buffer[..length]) } else { Sifted::Nothing })
    }

    /// The same for one that is too large for memory.
    fn pass(
        &mut self,
        size: u64,
        head: &[u8],
        content: &mut dyn Read,
        parts: &[Part],
        is_packed: bool,
        room: Option<impl FnOnce() -> io::Result<Room>>,
    ) -> io::Result<Sifted<'static>> {
        let room = match room.map(|room| room()).transpose() {
            Ok(room) => room,
            Err(error) => return Ok(Sifted::NotWritten(error)),
        };
        if self.buffer.len() < LONGEST_MARK + CHUNK {
            self.buffer.resize(LONGEST_MARK + CHUNK, 0);
        }
        let mut content = head.chain(content);
        let mut is_marked = is_packed;
        let mut position = 0;
        // A mark may lie across two chunks: the end of each is put before the next.
        let mut before = 0;
        for part in parts {
            let end = part.end.min(size);
            // The headers themselves may lie in the segment of the code.
            let kept_from = if part.treatment == Treatment::Skip { end.min(HEAD as u64) } else { end };
            while position < kept_from {
                let length = (kept_from - position).min(CHUNK as u64) as usize;
                let chunk = LONGEST_MARK..LONGEST_MARK + length;
                content.read_exact(&mut self.buffer[chunk.clone()])?;
                if let Some(room) = &room
                    && let Err(error) = room.write(position, &self.buffer[chunk.clone()])
                {
                    return Ok(Sifted::NotWritten(error));
                }
                is_marked = is_marked || self.finds(part.treatment, &self.buffer[LONGEST_MARK - before..chunk.end]);
                before = length.min(LONGEST_MARK);
                self.buffer.copy_within(chunk.end - before..chunk.end, LONGEST_MARK - before);
                position += length as u64;
            }
            if position < end {
                io::copy(&mut content.by_ref().take(end - position), &mut io::sink())?;
                position = end;
                before = 0;
            }
        }
        Ok(match room {
            _ if !is_marked => Sifted::Nothing,
            Some(room) => Sifted::InFile(room),
            None => Sifted::TooLarge,
        })
    }

    fn finds(&self, treatment: Treatment, bytes: &[u8]) -> bool {
        let in_constants = || self.in_constants.iter().any(|finder| finder.find(bytes).is_some());
        match treatment {
            Treatment::Skip => false,
            Treatment::Constants => in_constants(),
            Treatment::Search => in_constants() || self.in_data.iter().any(|finder| finder.find(bytes).is_some()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::elf::tests::{Segment, elf};

    const MIB: u64 = 1 << 20;

    fn sifted(bytes: &[u8], in_memory: u64, kept: u64) -> Option<Vec<u8>> {
        let mut content = bytes;
        let size = bytes.len() as u64;
        let head = head(size, &mut content).unwrap();
        assert!(is_executable(&head));
        let mut sieve = Sieve::new();
        let launcher = crate::worker::Launcher::unsealed_in_this_process();
        let bounds = crate::worker::Bounds::default();
        let mut worker = crate::worker::Worker::new(&launcher, &bounds);
        let room = || worker.room(size);
        match sieve.sift(size, &head, &mut content, &Bounds { in_memory, kept }, room).unwrap() {
            Sifted::Nothing => None,
            Sifted::InMemory(bytes) => Some(bytes.to_vec()),
            Sifted::InFile(room) => Some(room.bytes().unwrap()),
            Sifted::TooLarge => Some(vec![]),
            Sifted::NotWritten(error) => panic!("{error}"),
        }
    }

    /// Headers and code, constants, data, and what follows.
    fn program(mark: &[u8], at: usize) -> Vec<u8> {
        let segments = [
            Segment { offset: 0, size: 400_000, flags: 5 },
            Segment { offset: 400_000, size: 100_000, flags: 4 },
            Segment { offset: 500_000, size: 300_000, flags: 6 },
        ];
        let mut bytes = elf(2, &segments, 900_000);
        for (index, byte) in bytes.iter_mut().enumerate().skip(1000) {
            *byte = (index % 251) as u8;
        }
        bytes[at..at + mark.len()].copy_from_slice(mark);
        bytes
    }

    #[test]
    fn a_mark_is_found_in_data_and_behind_it_wherever_chunks_meet() {
        for mark in IN_DATA {
            for at in [500_000, 600_000, 799_990, 900_000 - mark.len()] {
                let bytes = program(mark, at);
                assert_eq!(sifted(&bytes, MIB, MIB).unwrap(), bytes, "{at}");
                assert!(sifted(&bytes, 1000, MIB).is_some(), "{at}");
                assert_eq!(sifted(&bytes, 1000, 1000).unwrap(), [0; 0], "too large to be kept");
            }
            for at in (0..40).map(|before| 500_000 + CHUNK - before) {
                assert!(sifted(&program(mark, at), 1000, MIB).is_some(), "{at}");
            }
        }
        assert!(sifted(&program(IN_CONSTANTS[0], 450_000), 1000, MIB).is_some());
        assert!(sifted(&program(b"UPX!", 300), 1000, MIB).is_some());
    }

    #[test]
    fn what_has_no_mark_is_let_go_and_code_is_not_searched() {
        assert_eq!(sifted(&program(b"", 0), MIB, MIB), None);
        assert_eq!(sifted(&program(b"", 0), 1000, MIB), None);
        assert_eq!(sifted(&program(IN_DATA[0], 100_000), MIB, MIB), None);
        assert_eq!(sifted(&program(IN_DATA[0], 100_000), 1000, MIB), None);
    }

    #[test]
    fn a_large_program_is_kept_but_for_its_code() {
        let bytes = program(IN_DATA[0], 600_000);
        let kept = sifted(&bytes, 1000, MIB).unwrap();
        assert_eq!(kept.len(), bytes.len());
        assert_eq!(kept[..HEAD], bytes[..HEAD]);
        assert!(kept[HEAD..400_000].iter().all(|byte| *byte == 0));
        assert_eq!(kept[400_000..], bytes[400_000..]);
    }

    #[test]
    fn executables_are_told_from_what_looks_like_them() {
        let pad = |start: &[u8]| [start, &[0; 80]].concat();
        assert!(is_executable(&pad(b"\xcf\xfa\xed\xfe\x07\0\0\x01")));
        assert!(is_executable(&pad(b"\xca\xfe\xba\xbe\0\0\0\x02")));
        assert!(!is_executable(&pad(b"\xca\xfe\xba\xbe\0\0\0\x3d")), "a class of Java 17");
        assert!(!is_executable(&pad(b"MZ is how this text begins")));
        assert!(!is_executable(b"#!/bin/sh\n"));
        let mut portable = pad(b"MZ");
        portable[0x3c] = 0x40;
        portable[0x40..0x44].copy_from_slice(b"PE\0\0");
        assert!(is_executable(&portable));
        assert!(is_executable(&elf(2, &[], 100)));
        assert!(is_executable(&elf(3, &[], 100)));
        assert!(!is_executable(&elf(1, &[], 100)), "an object file");
        assert!(!is_executable(&elf(4, &[], 100)), "a core dump");
    }
}
