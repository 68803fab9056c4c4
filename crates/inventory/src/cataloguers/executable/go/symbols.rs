//! The functions that are linked into a Go program: the names in its table of program counters and lines, which stack
//! traces need and stripping leaves (Go's `debug/gosym`, `cmd/link/internal/ld/pcln.go`).
//!
//! Since Go 1.16 all names stand in one part of the table, those of functions that exist only inlined into others too:
//! the linker writes the name of each function and of each call that was inlined. So what is not named there is
//! neither linked nor inlined. The table of Go 1.2 to 1.15 tells of inlined functions elsewhere; it is not read, and
//! then nothing is said of any function.

use std::collections::BTreeMap;

use super::super::layout::{Layout, Section};
use crate::cataloguers::Content;
use crate::linked::{Linked, symbol_hash};

const SECTIONS: [&str; 3] = [".gopclntab", ".data.rel.ro.gopclntab", "__gopclntab"];

/// Most bytes of names; Kubernetes' have some 6 MB.
const NAMES: u64 = 64 << 20;
/// Most names of one program, in all of its packages.
const SYMBOLS: usize = 1 << 20;
/// Longest part of a name that is read. Only type arguments are longer, and they are cut off.
const LONGEST: usize = 4096;
const CHUNK: u64 = 256 << 10;
/// Most bytes in which the table is looked for where no section bears its name.
const SEARCHED: u64 = 512 << 20;

/// The hashes of the functions' names, by the import path of their package as the linker knows it (`main`), sorted.
pub(super) type Packages = BTreeMap<String, Vec<u32>>;

/// Reads the names; half a sentence where they cannot be.
pub(super) fn packages(layout: &Layout, content: &mut dyn Content) -> Result<Packages, String> {
    let (start, end) = find(layout, content)?;
    let mut packages = Packages::new();
    let mut count = 0;
    let mut name = Vec::new();
    let mut position = start;
    while position < end {
        let chunk = layout.bytes(content, position, CHUNK.min(end - position)).map_err(|error| error.to_string())?;
        if chunk.is_empty() {
            return Err("the table of its functions ends early".into());
        }
        position += chunk.len() as u64;
        let mut parts = chunk.split(|byte| *byte == 0).peekable();
        while let Some(part) = parts.next() {
            name.extend_from_slice(&part[..part.len().min(LONGEST.saturating_sub(name.len()))]);
            if parts.peek().is_some() {
                if let Some((package, symbol)) = parse(&String::from_utf8_lossy(&name)) {
                    count += 1;
                    if count > SYMBOLS {
                        return Err(format!("it has more than {SYMBOLS} functions"));
                    }
                    packages.entry(package).or_default().push(symbol_hash(&symbol));
                    if packages.len() > Linked::PACKAGES {
                        return Err("it has too many packages".into());
                    }
                }
                name.clear();
            }
        }
    }
    // What every program has. Without it the names are not all here: they are in a shared library, or are no names.
    if !packages.contains_key("runtime") {
        return Err("the table of its functions names none of Go's runtime".into());
    }
    for symbols in packages.values_mut() {
        symbols.sort_unstable();
        symbols.dedup();
        if symbols.len() > Linked::SYMBOLS {
            return Err("a package of it has too many functions".into());
        }
    }
    Ok(packages)
}

/// Where the names begin and end.
fn find(layout: &Layout, content: &mut dyn Content) -> Result<(u64, u64), String> {
    if let Some(Section { offset, size, .. }) = SECTIONS.iter().find_map(|name| layout.section(name)) {
        return match header(layout, content, *offset, *size) {
            Some(Table::Names(names)) => Ok(names),
            Some(Table::Old) => Err("Go before 1.16 built it".into()),
            None => Err("the table of its functions is not as Go writes it".into()),
        };
    }
    let mut left = SEARCHED;
    for segment in layout.segments.iter().filter(|segment| !segment.is_code) {
        let mut done = 0;
        let size = segment.size.min(left);
        left -= size;
        while done < size {
            let at = segment.offset.saturating_add(done);
            let chunk = layout.bytes(content, at, CHUNK.min(size - done)).map_err(|error| error.to_string())?;
            // Little-endian the magic number's last byte comes first, big-endian it comes last.
            let mut candidates = Vec::new();
            for (needle, before) in [(b"\xff\xff\xff\0\0", 1), (b"\xff\xff\xff\xf1\0", 0), (b"\xff\xff\xff\xf0\0", 0)] {
                let found = memchr::memmem::find_iter(&chunk, needle).filter(|place| *place >= before);
                candidates.extend(found.map(|place| place - before).take(1000));
            }
            for place in candidates {
                let start = at + place as u64;
                let size = segment.size - done - place as u64;
                if let Some(Table::Names(names)) = header(layout, content, start, size) {
                    return Ok(names);
                }
            }
            done += (chunk.len() as u64).max(16) - 15;
            if chunk.len() < 16 {
                break;
            }
        }
    }
    Err("it has no table of its functions".into())
}

#[derive(Debug, PartialEq, Eq)]
enum Table {
    /// The offsets in the file between which the names are.
    Names((u64, u64)),
    /// Of Go before 1.16.
    Old,
}

/// Reads the table's header at an offset: magic number, two zeros, the smallest instruction, the width of a pointer,
/// then numbers of that width.
fn header(layout: &Layout, content: &mut dyn Content, start: u64, size: u64) -> Option<Table> {
    let bytes = layout.bytes(content, start, 8 + 8 * 8).ok()?;
    let [a, b, c, d, 0, 0, 1 | 2 | 4, width @ (4 | 8)] = *bytes.first_chunk()? else { return None };
    let (is_big_endian, version) = match [a, b, c, d] {
        [version, 0xff, 0xff, 0xff] => (false, version),
        [0xff, 0xff, 0xff, version] => (true, version),
        _ => return None,
    };
    let word = |index: usize| {
        let width = usize::from(width);
        let bytes = bytes.get(8 + index * width..8 + (index + 1) * width)?;
        let add = |number, byte: &u8| number << 8 | u64::from(*byte);
        Some(if is_big_endian { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) })
    };
    let first = match version {
        0xfb => return Some(Table::Old),
        0xfa => 2,
        // Go 1.18 and 1.20: the start of the code came in between.
        0xf0 | 0xf1 => 3,
        _ => return None,
    };
    let (names, end) = (word(first)?, word(first + 1)?);
    let is_sound = names < end && end - names <= NAMES && end <= size && names >= 8;
    is_sound.then(|| Some(Table::Names((start.checked_add(names)?, start.checked_add(end)?))))?
}

/// A function's package and its name as advisories write it (`Decoder.Decode`), from the linker's name
/// (`gopkg.in/yaml%2ev3.(*Decoder).Decode`). A closure counts as the function that it is in; what the compiler makes
/// for itself is nothing.
fn parse(name: &str) -> Option<(String, String)> {
    if ["type:", "go:", "type..", "go.(", "_cgo"].iter().any(|made| name.starts_with(made)) {
        return None;
    }
    // Type arguments hold paths of their own.
    let name = match (name.find('['), name.rfind(']')) {
        (Some(start), Some(end)) if start < end => format!("{}{}", &name[..start], &name[end + 1..]),
        (Some(start), _) => name[..start].to_owned(),
        _ => name.to_owned(),
    };
    let folder = name.rfind('/').map_or(0, |at| at + 1);
    let dot = folder + name[folder..].find('.')?;
    let (package, symbol) = (&name[..dot], &name[dot + 1..]);
    let symbol: String = symbol.chars().filter(|character| !matches!(character, '(' | ')' | '*')).collect();
    let symbol = symbol.split(['-', '·']).next().unwrap_or_default();
    let is_made = |part: &str| {
        let digits = ["func", "gowrap", "deferwrap"].iter().find_map(|kind| part.strip_prefix(kind)).unwrap_or(part);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let mut kept = 0;
    for (index, part) in symbol.split('.').enumerate() {
        if index > 0 && is_made(part) {
            break;
        }
        kept += part.len() + usize::from(index > 0);
    }
    (!package.is_empty() && kept > 0).then(|| (unescaped(package), symbol[..kept].to_owned()))
}

/// The linker writes dots in a path's last part, and bytes that are none of ASCII, as `%2e` (`cmd/internal/objabi`).
fn unescaped(path: &str) -> String {
    if !path.contains('%') {
        return path.to_owned();
    }
    percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn names_are_told_as_advisories_write_them() {
        let told = |name| {
            let (package, symbol) = parse(name).unwrap();
            format!("{package} {symbol}")
        };
        assert_eq!(told("gopkg.in/yaml%2ev3.(*Decoder).Decode"), "gopkg.in/yaml.v3 Decoder.Decode");
        assert_eq!(told("net/http.Header.Get"), "net/http Header.Get");
        assert_eq!(told("net/http.(*Server).Serve.func1.2"), "net/http Server.Serve");
        assert_eq!(told("net/http.(*Server).Serve-fm"), "net/http Server.Serve");
        assert_eq!(told("slices.SortFunc[go.shape.[]github.com/a/b.T,go.shape.int]"), "slices SortFunc");
        assert_eq!(told("sync/atomic.(*Pointer[go.shape.struct { a.b/c.D }]).Load"), "sync/atomic Pointer.Load");
        assert_eq!(told("go.uber.org/zap.New"), "go.uber.org/zap New");
        assert_eq!(told("a.b/c.F.gowrap1"), "a.b/c F");
        assert_eq!(told("a.b/c.F.deferwrap2"), "a.b/c F");
        assert_eq!(told("a.b/c.F-range1"), "a.b/c F");
        assert_eq!(told("a.b/c.init.0"), "a.b/c init");
        assert_eq!(told("a.b/c.glob..func1"), "a.b/c glob.");
        assert_eq!(told("main.func1"), "main func1");
        assert_eq!(told("a%20b/c.D"), "a b/c D");
        for nothing in
            ["", "a", ".b", "a/b", "type:.eq.a/b.T", "go:main.inittasks", "type..hash.a/b.T", "_cgo_init", "a.", "a.()"]
        {
            assert_eq!(parse(nothing), None, "{nothing}");
        }
    }

    /// A table of Go 1.20 with these names.
    fn table(names: &[&str]) -> Vec<u8> {
        let mut bytes = b"\xf1\xff\xff\xff\0\0\x01\x08".to_vec();
        let names: Vec<u8> = names.iter().flat_map(|name| [name.as_bytes(), b"\0"].concat()).collect();
        let end = 72 + names.len() as u64;
        for word in [1, 1, 0, 72, end, end, end, end] {
            bytes.extend_from_slice(&u64::to_le_bytes(word));
        }
        [bytes, names].concat()
    }

    fn read(bytes: Vec<u8>, is_named: bool) -> Result<Packages, String> {
        let size = bytes.len() as u64;
        let mut layout = Layout::default();
        if is_named {
            layout.sections.push(Section { name: ".gopclntab".into(), offset: 0, size });
        } else {
            layout.segments.push(super::super::super::layout::Segment {
                address: 0x1000,
                offset: 0,
                size,
                is_writable: false,
                is_code: false,
            });
        }
        packages(&layout, &mut Cursor::new(bytes))
    }

    #[test]
    fn the_table_is_found_by_its_section_and_by_its_magic_number() {
        let bytes = table(&["", "runtime.main", "a/b.C", "a/b.C", "a/b.(*D).E"]);
        let packages = read(bytes.clone(), true).unwrap();
        let mut expected = vec![symbol_hash("C"), symbol_hash("D.E")];
        expected.sort_unstable();
        assert_eq!(packages["a/b"], expected);
        for before in [0, 1, 5000, CHUNK as usize - 3, CHUNK as usize - 20] {
            let padded = [vec![0xff; before], bytes.clone()].concat();
            assert_eq!(read(padded, false).unwrap(), packages, "{before}");
        }
    }

    #[test]
    fn a_table_that_is_cut_or_absurd_tells_nothing() {
        let bytes = table(&["runtime.main", "a/b.C"]);
        for length in 0..bytes.len() {
            assert!(read(bytes[..length].to_vec(), true).is_err(), "{length}");
            assert!(read(bytes[..length].to_vec(), false).is_err(), "{length}");
        }
        for at in 0..72 {
            for value in [0, 1, 0x7f, 0xff] {
                let mut changed = bytes.clone();
                changed[at] = value;
                let _ = read(changed, true);
            }
        }
        let mut old = bytes;
        old[0] = 0xfb;
        assert_eq!(read(old, true).unwrap_err(), "Go before 1.16 built it");
        assert!(read(table(&["a/b.C"]), true).unwrap_err().contains("runtime"));
        let many = table(&[&"a.b\0".repeat(SYMBOLS + 1), "runtime.main"]);
        assert!(read(many, true).unwrap_err().contains("functions"));
    }
}
