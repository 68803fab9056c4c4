//! An rpm header as the databases hold it (rpm.org, "RPM V4 Package format", header structure): the number of index
//! entries, the number of data bytes, the entries, the data.

use super::blocks::be32;
use crate::package::{Package, PackageKind, SourcePackage};
use crate::record::{Owns, hash_in};

/// The largest header that is read. The one of a kernel with all its files has some 2 MB.
pub(super) const MOST_BYTES: usize = 64 << 20;
/// Most entries of one; rpm itself refuses more (`HEADER_TAGS_MAX`).
const MOST_ENTRIES: usize = 0xffff;
/// Longest text that is read. The licences of glibc take 800 bytes.
const LONGEST: usize = 4096;

const NAME: u32 = 1000;
const VERSION: u32 = 1001;
const RELEASE: u32 = 1002;
const EPOCH: u32 = 1003;
const VENDOR: u32 = 1011;
const LICENCE: u32 = 1014;
const ARCHITECTURE: u32 = 1022;
/// Paths of packages that were built before rpm 4, in one piece.
const OLD_FILE_NAMES: u32 = 1027;
/// The source package's file name (`bash-5.1.8-9.el9.src.rpm`).
const SOURCE: u32 = 1044;
const FOLDER_INDEXES: u32 = 1116;
const BASE_NAMES: u32 = 1117;
const FOLDER_NAMES: u32 = 1118;
/// `nodejs:18:8090020231:…`, for a package out of a module.
const MODULARITY: u32 = 5096;

const INT32: u32 = 4;
const STRING: u32 = 6;
const STRING_ARRAY: u32 = 8;
const I18N_STRING: u32 = 9;

/// A header of some package.
pub(super) struct Header<'a> {
    index: &'a [u8],
    data: &'a [u8],
}

struct Entry {
    kind: u32,
    offset: usize,
    count: usize,
}

impl<'a> Header<'a> {
    /// Finds a header's parts; the reason where it is none.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, String> {
        let (entries, size) = (be32(bytes, 0) as usize, be32(bytes, 4) as usize);
        let parts = (entries <= MOST_ENTRIES).then(|| {
            let start = 8 + entries * 16;
            Some((bytes.get(8..start)?, bytes.get(start..start.checked_add(size)?)?))
        });
        match parts.flatten() {
            Some((index, data)) => Ok(Self { index, data }),
            None => Err(format!(
                "a package's header says that it has {entries} entries and {size} bytes of data, and has {} bytes",
                bytes.len()
            )),
        }
    }

    /// The package's name; none where the header has none.
    pub(super) fn name(&self) -> Option<String> {
        self.text(NAME)
    }

    /// The package, where it has a name and a version.
    pub(super) fn package(&self) -> Option<Package> {
        let name = self.name()?;
        let epoch = self.number(EPOCH);
        let version = self.text(VERSION)?;
        let version = full_version(epoch, &version, self.text(RELEASE).as_deref());
        let source = self.text(SOURCE).and_then(|file| source_package(&file, epoch));
        let source = source.unwrap_or_else(|| SourcePackage { name: name.clone(), version: version.clone() });
        Some(Package {
            architecture: self.text(ARCHITECTURE),
            source: Some(source),
            licences: self.text(LICENCE).map(|licence| one_line(&licence)).into_iter().collect(),
            vendor: self.text(VENDOR).map(|vendor| one_line(&vendor)),
            module: self.text(MODULARITY),
            ..Package::new(PackageKind::Rpm, name, version)
        })
    }

    /// What the package owns: its files and its folders.
    pub(super) fn owns(&self, package: &Package) -> Owns {
        let from_root = |path: &'a [u8]| path.strip_prefix(b"/").unwrap_or(path);
        let folders: Vec<_> = self.texts(FOLDER_NAMES).map(|folder| hash_in(from_root(folder))).collect();
        let names = self.texts(BASE_NAMES).zip(self.numbers(FOLDER_INDEXES)).take(Owns::FILES);
        let mut files: Vec<u64> =
            names.filter_map(|(name, folder)| Some(folders.get(folder as usize)?(name))).collect();
        files.extend(self.texts(OLD_FILE_NAMES).take(Owns::FILES).map(|path| hash_in(b"")(from_root(path))));
        files.truncate(Owns::FILES);
        Owns { kind: PackageKind::Rpm, name: package.name.clone(), architecture: package.architecture.clone(), files }
    }

    fn entry(&self, wanted: u32) -> Option<Entry> {
        let entry = self.index.chunks_exact(16).find(|entry| be32(entry, 0) == wanted)?;
        Some(Entry { kind: be32(entry, 4), offset: be32(entry, 8) as usize, count: be32(entry, 12) as usize })
    }

    /// A text; the first where there are several by language. `(none)` is how rpm writes that there is none.
    fn text(&self, tag: u32) -> Option<String> {
        let entry = self.entry(tag).filter(|entry| matches!(entry.kind, STRING | I18N_STRING))?;
        let (bytes, _) = text_at(self.data, entry.offset)?;
        let text = String::from_utf8_lossy(bytes).into_owned();
        (!text.is_empty() && text != "(none)").then_some(text)
    }

    fn texts(&self, tag: u32) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let entry = self.entry(tag).filter(|entry| entry.kind == STRING_ARRAY);
        let (mut offset, count) = entry.map_or((0, 0), |entry| (entry.offset, entry.count));
        let data = self.data;
        std::iter::from_fn(move || {
            let (text, next) = text_at(data, offset)?;
            offset = next;
            Some(text)
        })
        .take(count)
    }

    fn number(&self, tag: u32) -> Option<u32> {
        self.numbers(tag).next()
    }

    fn numbers(&self, tag: u32) -> impl Iterator<Item = u32> + use<'a> {
        let entry = self.entry(tag).filter(|entry| entry.kind == INT32);
        let (offset, count) = entry.map_or((0, 0), |entry| (entry.offset, entry.count));
        let bytes = self.data.get(offset..).unwrap_or_default();
        bytes.chunks_exact(4).take(count).map(|number| be32(number, 0))
    }
}

/// `[epoch:]version[-release]`, without an epoch of 0, which rpm takes for the same as none.
pub(in super::super) fn full_version(epoch: Option<u32>, version: &str, release: Option<&str>) -> String {
    let mut full = epoch.filter(|epoch| *epoch != 0).map(|epoch| format!("{epoch}:")).unwrap_or_default();
    full.push_str(version);
    if let Some(release) = release {
        full.push('-');
        full.push_str(release);
    }
    full
}

/// Name, version and release out of the source package's file name. Its epoch is the package's own: rpm writes none
/// there.
pub(in super::super) fn source_package(file: &str, epoch: Option<u32>) -> Option<SourcePackage> {
    let stem = file.strip_suffix(".rpm")?;
    let (stem, _architecture) = stem.rsplit_once('.')?;
    let (stem, release) = stem.rsplit_once('-')?;
    let (name, version) = stem.rsplit_once('-')?;
    let is_whole = !name.is_empty() && !version.is_empty() && !release.is_empty();
    is_whole.then(|| SourcePackage { name: name.into(), version: full_version(epoch, version, Some(release)) })
}

/// Some packages' licences are written over several lines.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The bytes up to the next zero byte, and where the next text begins. A text that is longer than any should be is none:
/// many entries that lead to one long text would otherwise cost the product of both.
fn text_at(data: &[u8], offset: usize) -> Option<(&[u8], usize)> {
    let rest = data.get(offset..)?;
    let end = rest.iter().take(LONGEST + 1).position(|byte| *byte == 0)?;
    Some((&rest[..end], offset + end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::path_hash;

    /// A header of these entries: tag, kind, count, data.
    fn header(entries: &[(u32, u32, u32, &[u8])]) -> Vec<u8> {
        let (mut index, mut data) = (Vec::new(), Vec::new());
        for (tag, kind, count, bytes) in entries {
            if *kind == INT32 {
                data.resize(data.len().next_multiple_of(4), 0);
            }
            for number in [*tag, *kind, data.len() as u32, *count] {
                index.extend_from_slice(&number.to_be_bytes());
            }
            data.extend_from_slice(bytes);
        }
        let sizes = [entries.len() as u32, data.len() as u32].map(u32::to_be_bytes).concat();
        [sizes, index, data].concat()
    }

    fn named<'a>(name: &'a [u8], others: &[(u32, u32, u32, &'a [u8])]) -> Vec<u8> {
        let must: [(u32, u32, u32, &[u8]); 3] =
            [(NAME, STRING, 1, name), (VERSION, STRING, 1, b"1.2\0"), (RELEASE, STRING, 1, b"3.el9\0")];
        header(&[&must[..], others].concat())
    }

    fn package(bytes: &[u8]) -> Package {
        Header::parse(bytes).unwrap().package().unwrap()
    }

    #[test]
    fn a_package_is_what_its_entries_say() {
        let bytes = named(
            b"bash-doc\0",
            &[
                (EPOCH, INT32, 1, &[0, 0, 0, 2]),
                (VENDOR, STRING, 1, b"Red Hat, Inc.\0"),
                (LICENCE, STRING, 1, b"MIT\n  and BSD\0"),
                (ARCHITECTURE, STRING, 1, b"noarch\0"),
                (SOURCE, STRING, 1, b"bash-1.2-3.el9.src.rpm\0"),
                (MODULARITY, STRING, 1, b"a:1:2:3\0"),
            ],
        );
        let expected = Package {
            architecture: Some("noarch".into()),
            source: Some(SourcePackage { name: "bash".into(), version: "2:1.2-3.el9".into() }),
            licences: vec!["MIT and BSD".into()],
            vendor: Some("Red Hat, Inc.".into()),
            module: Some("a:1:2:3".into()),
            ..Package::new(PackageKind::Rpm, "bash-doc", "2:1.2-3.el9")
        };
        assert_eq!(package(&bytes), expected);
    }

    #[test]
    fn an_epoch_of_none_and_of_zero_are_the_same() {
        assert_eq!(package(&named(b"a\0", &[])).version, "1.2-3.el9");
        assert_eq!(package(&named(b"a\0", &[(EPOCH, INT32, 1, &[0; 4])])).version, "1.2-3.el9");
        let none = named(b"a\0", &[(VENDOR, STRING, 1, b"(none)\0"), (SOURCE, STRING, 1, b"(none)\0")]);
        assert_eq!(package(&none).vendor, None);
        assert_eq!(package(&none).source.unwrap().name, "a");
    }

    #[test]
    fn source_packages_are_read_from_the_right() {
        let name = |file| source_package(file, None).map(|source| format!("{} {}", source.name, source.version));
        assert_eq!(name("java-11-openjdk-11.0.20-1.el9.src.rpm").unwrap(), "java-11-openjdk 11.0.20-1.el9");
        assert_eq!(name("x-1-2.nosrc.rpm").unwrap(), "x 1-2");
        for file in ["x-1.src.rpm", "", "-1-2.src.rpm", "x-1-2.src", ".rpm", "x--2.src.rpm"] {
            assert_eq!(name(file), None, "{file}");
        }
    }

    #[test]
    fn files_are_told_by_their_path_from_the_root() {
        let bytes = named(
            b"a\0",
            &[
                (FOLDER_INDEXES, INT32, 3, &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9]),
                (BASE_NAMES, STRING_ARRAY, 3, b"sh\0motd\0lost\0"),
                (FOLDER_NAMES, STRING_ARRAY, 2, b"/etc/\0/usr/bin/\0"),
                (OLD_FILE_NAMES, STRING_ARRAY, 1, b"/old/way\0"),
            ],
        );
        let header = Header::parse(&bytes).unwrap();
        let owns = header.owns(&header.package().unwrap());
        assert_eq!(owns.files, ["usr/bin/sh", "etc/motd", "old/way"].map(path_hash));
    }

    #[test]
    fn a_header_of_any_bytes_is_read_or_refused() {
        for bytes in [&b""[..], &[0; 7], &[0xff; 64], &[0, 1, 0, 0, 0, 0, 0, 0], &[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]]
        {
            assert!(Header::parse(bytes).is_err());
        }
        // Offsets that lead outside, a text without end, more texts than there are.
        let outside = header(&[(NAME, STRING, 1, b"a")]);
        assert!(Header::parse(&outside).unwrap().package().is_none());
        let whole = named(b"a\0", &[(BASE_NAMES, STRING_ARRAY, u32::MAX, b"x\0"), (FOLDER_INDEXES, INT32, 7, &[0; 4])]);
        for length in 0..whole.len() {
            if let Ok(header) = Header::parse(&whole[..length]) {
                let _ = header.package().map(|package| header.owns(&package));
            }
        }
        let header = Header::parse(&whole).unwrap();
        assert!(header.owns(&header.package().unwrap()).files.is_empty());
        let long = [vec![b'x'; 100_000], vec![0]].concat();
        assert!(Header::parse(&named(&long, &[])).unwrap().package().is_none());
    }
}
