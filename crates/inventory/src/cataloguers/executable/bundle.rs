//! .NET's single files: the application's assemblies and its `deps.json` behind the program that starts it
//! (dotnet/runtime, `docs/design/features/host-component-layout`, `bundler.md`; `Manifest.cs`).
//!
//! The program holds a signature, and before it the offset of the bundle's header: 0 where nothing was bundled. Programs
//! that know the signature hold it, too, with something else before it (this one does): where no header can be, there is
//! no bundle. The
//! header is a version (1 of .NET Core 3, 2 of .NET 5, 6 since .NET 6), the number of files, an id, since version 2
//! where `deps.json` is, and then an entry a file.

use std::io::{self, BufRead, BufReader, Read, SeekFrom};

use super::layout::Layout;
use crate::cataloguers::dotnet::deps_json;
use crate::cataloguers::{Content, Told};

const SIGNATURE: [u8; 32] = *b"\x8b\x12\x02\xb9\x6a\x61\x20\x38\x72\x7b\x93\x02\x14\xd7\xa0\x32\
                               \x13\xf5\xb9\xe6\xef\xae\x33\x18\xee\x3b\x2d\xce\x24\xb3\x6a\xae";

/// Most bytes of the program in which the signature is looked for; that of .NET 9 with its runtime has some 12 MiB.
const SEARCHED: u64 = 64 << 20;
const CHUNK: u64 = 1 << 20;

/// Where no header is any more: texts and addresses before the signature are larger numbers.
const FARTHEST: u64 = 1 << 40;
/// Most files of a bundle. One with all of ASP.NET has some 400.
const FILES: u32 = 100_000;
/// Most bytes of `deps.json`, inflated.
const LONGEST: u64 = 32 << 20;
const DEPS_JSON: u8 = 3;

/// Where a bundled file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    offset: u64,
    size: u64,
    /// Its bytes where it is deflated, else 0.
    compressed: u64,
}

/// Reads a program; false where it bundles nothing.
pub(super) fn read(layout: &Layout, content: &mut dyn Content, told: &mut Told) -> bool {
    let Some(header) = header_offset(layout, content) else { return false };
    let json = find(content, header)
        .and_then(|place| place.map(|place| bytes(content, place)).transpose())
        .map_err(|error| format!("the files in it cannot be read: {error}"));
    match json {
        Ok(Some(json)) => deps_json(&json, told),
        Ok(None) => told.warn("it is a .NET single file without a list of its packages (deps.json)"),
        Err(reason) => told.warn(reason),
    }
    true
}

/// The number before the signature, of the first one before which there is one that may be an offset.
fn header_offset(layout: &Layout, content: &mut dyn Content) -> Option<u64> {
    let mut left = SEARCHED;
    for segment in layout.segments.iter().filter(|segment| !segment.is_code) {
        let size = segment.size.min(left);
        left -= size;
        // What is bundled is written behind the program (in a Mach-O in its last segment), the header last of all. Where
        // the file ends before it, somebody cut it, which is to be said.
        let may_be = |offset: u64| offset >= segment.offset.saturating_add(segment.size) && offset < FARTHEST;
        let mut done = 0;
        while done < size {
            let at = segment.offset.checked_add(done)?;
            let chunk = layout.bytes(content, at, CHUNK.min(size - done)).ok()?;
            let places = memchr::memmem::find_iter(&chunk, &SIGNATURE).filter(|place| *place >= 8);
            let before = places.filter_map(|place| chunk[place - 8..].first_chunk());
            if let Some(offset) = before.map(|number| u64::from_le_bytes(*number)).find(|offset| may_be(*offset)) {
                return Some(offset);
            }
            // Once more what may be the beginning of both.
            done += (chunk.len() as u64).max(64) - 40;
            if chunk.len() < 64 {
                break;
            }
        }
    }
    None
}

fn find(content: &mut dyn Content, header: u64) -> io::Result<Option<Place>> {
    content.seek(SeekFrom::Start(header))?;
    let mut reader = BufReader::with_capacity(16 << 10, content);
    let [major, _minor, files] = [u32_of(&mut reader)?, u32_of(&mut reader)?, u32_of(&mut reader)?];
    if !matches!(major, 1 | 2 | 6) {
        return Err(invalid(format!("they are bundled in a way (version {major}) that is not known")));
    }
    if files > FILES {
        return Err(invalid(format!("there are {files}, and {FILES} are the most")));
    }
    skip_text(&mut reader)?;
    if major >= 2 {
        let place = Place { offset: u64_of(&mut reader)?, size: u64_of(&mut reader)?, compressed: 0 };
        for _ in 0..3 {
            u64_of(&mut reader)?;
        }
        // What the host itself reads is never compressed.
        if place.size > 0 {
            return Ok(Some(place));
        }
    }
    for _ in 0..files {
        let (offset, size) = (u64_of(&mut reader)?, u64_of(&mut reader)?);
        let compressed = if major >= 6 { u64_of(&mut reader)? } else { 0 };
        let mut kind = [0];
        reader.read_exact(&mut kind)?;
        skip_text(&mut reader)?;
        if kind == [DEPS_JSON] {
            return Ok(Some(Place { offset, size, compressed }));
        }
    }
    Ok(None)
}

fn bytes(content: &mut dyn Content, place: Place) -> io::Result<Vec<u8>> {
    if place.size > LONGEST || place.compressed > LONGEST {
        return Err(invalid(format!("deps.json has {} bytes, and {LONGEST} are the most", place.size)));
    }
    content.seek(SeekFrom::Start(place.offset))?;
    let mut bytes = Vec::new();
    if place.compressed > 0 {
        flate2::read::DeflateDecoder::new(content.take(place.compressed)).take(place.size).read_to_end(&mut bytes)?;
    } else {
        content.take(place.size).read_to_end(&mut bytes)?;
    }
    if bytes.len() as u64 != place.size {
        return Err(invalid(format!("deps.json ends after {} of {} bytes", bytes.len(), place.size)));
    }
    Ok(bytes)
}

fn u32_of(reader: &mut impl Read) -> io::Result<u32> {
    let mut bytes = [0; 4];
    reader.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

fn u64_of(reader: &mut impl Read) -> io::Result<u64> {
    let mut bytes = [0; 8];
    reader.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

/// Passes a text behind its length, which .NET writes in groups of seven bits.
fn skip_text(reader: &mut impl BufRead) -> io::Result<()> {
    const LONGEST: u32 = 16 << 10;
    let mut length = 0;
    for shift in [0, 7, 14] {
        let mut byte = [0];
        reader.read_exact(&mut byte)?;
        length |= u32::from(byte[0] & 0x7f) << shift;
        if byte[0] & 0x80 == 0 {
            if length > LONGEST {
                break;
            }
            let skipped = io::copy(&mut reader.take(length.into()), &mut io::sink())?;
            return if skipped == u64::from(length) { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
    }
    Err(invalid("a name is too long".into()))
}

fn invalid(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use super::*;
    use crate::cataloguers::executable::layout::Segment;
    use crate::record::Fact;

    const DEPS: &[u8] = br#"{"runtimeTarget": {"name": ".NETCoreApp,Version=v8.0/linux-x64"}, "targets": {
        ".NETCoreApp,Version=v8.0/linux-x64": {"Newtonsoft.Json/13.0.1": {"runtime": {"lib/netstandard2.0/Newtonsoft.Json.dll": {}}}}},
        "libraries": {"Newtonsoft.Json/13.0.1": {"type": "package", "serviceable": true, "sha512": ""}}}"#;

    /// Where what is bundled begins.
    const PROGRAM: usize = 540;

    fn text(text: &str) -> Vec<u8> {
        let (low, high) = (text.len() & 0x7f, text.len() >> 7);
        let length = if high == 0 { vec![low as u8] } else { vec![low as u8 | 0x80, high as u8] };
        [length, text.as_bytes().to_vec()].concat()
    }

    /// A program that bundles two files, as `Manifest.Write` of dotnet/runtime writes them.
    fn bundled(major: u32, is_compressed: bool) -> Vec<u8> {
        let mut bytes = vec![1; 500];
        let signature_at = bytes.len();
        bytes.extend_from_slice(&[0; 8]);
        bytes.extend_from_slice(&SIGNATURE);
        let deps_at = bytes.len() as u64;
        let stored = if is_compressed {
            let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(DEPS).unwrap();
            encoder.finish().unwrap()
        } else {
            DEPS.to_vec()
        };
        bytes.extend_from_slice(&stored);
        let header = bytes.len() as u64;
        bytes[signature_at..signature_at + 8].copy_from_slice(&header.to_le_bytes());
        for number in [major, 0, 2] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend(text("an id"));
        if major >= 2 {
            let place = if is_compressed { [0, 0] } else { [deps_at, DEPS.len() as u64] };
            for number in place.into_iter().chain([0, 0, 0]) {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
        }
        for (kind, name) in [(1, "a".repeat(200) + ".dll"), (3, "app.deps.json".into())] {
            let mut numbers = vec![deps_at, DEPS.len() as u64];
            if major >= 6 {
                numbers.push(if is_compressed { stored.len() as u64 } else { 0 });
            }
            for number in numbers {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
            bytes.push(kind);
            bytes.extend(text(&name));
        }
        bytes
    }

    fn told(bytes: Vec<u8>) -> Option<(Vec<Fact>, Vec<String>)> {
        // What is bundled is no part of the program.
        let size = bytes.len().min(PROGRAM) as u64;
        let segments = vec![Segment { address: 0, offset: 0, size, is_writable: true, is_code: false }];
        let mut told = Told::default();
        let layout = Layout { segments, ..Layout::default() };
        read(&layout, &mut Cursor::new(bytes), &mut told).then(|| told.into_parts())
    }

    #[test]
    fn packages_are_found_in_bundles_of_all_versions() {
        for (major, is_compressed) in [(1, false), (2, false), (6, false), (6, true)] {
            let (facts, warnings) = told(bundled(major, is_compressed)).unwrap();
            assert_eq!(warnings, [""; 0], "{major}");
            let [Fact::Package(package)] = &facts[..] else { panic!("{facts:?}") };
            assert_eq!((package.name.as_str(), package.version.as_str()), ("Newtonsoft.Json", "13.0.1"));
        }
    }

    #[test]
    fn a_program_that_bundles_nothing_is_none() {
        let host = [vec![0; 100], SIGNATURE.to_vec()].concat();
        assert_eq!(told(host), None);
        assert_eq!(told(vec![0; 100]), None);
        // A program that knows the signature, as this one does: text, a number or an address stands before it.
        for before in [*b"the way ", 0x1f_u64.to_le_bytes(), 0x5555_5555_4000_u64.to_le_bytes(), [0xff; 8]] {
            let knows = [&[1; 500][..], &before, &SIGNATURE, &[7; 5000]].concat();
            assert_eq!(told(knows), None, "{before:?}");
        }
        // The right one may come after such a one.
        let mut both = bundled(6, false);
        both[100..132].copy_from_slice(&SIGNATURE);
        assert_eq!(told(both).unwrap().1, [""; 0]);
    }

    #[test]
    fn what_is_cut_or_absurd_is_one_warning() {
        let whole = bundled(6, true);
        for length in PROGRAM..whole.len() - 1 {
            let (facts, warnings) = told(whole[..length].to_vec()).unwrap();
            assert!(facts.is_empty() && warnings.len() == 1, "{length}: {warnings:?}");
        }
        let header = u64::from_le_bytes(*whole[500..].first_chunk().unwrap()) as usize;
        let mut changed = whole.clone();
        changed[header] = 9;
        assert!(told(changed).unwrap().1[0].contains("version 9"));
        let mut changed = whole.clone();
        changed[header + 8..header + 12].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(told(changed).unwrap().1[0].contains("the most"));
    }
}
