//! What several tests need.

use std::fs::File;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};

use advisory::index::{Compiled, Compiler, Writer};
use advisory::sources::osv::Input;
use advisory::sources::{self, Limits, Sink};
use advisory::{Index, Match, Verdict};
use inventory::package::SourcePackage;
use inventory::{Package, PackageKind, Release};
use tempfile::TempDir;

/// A file of the shared test data; says why the test is skipped where there is none.
pub(crate) fn data(path: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("PLIMSOLL_TEST_DATA") else {
        println!("skipped: PLIMSOLL_TEST_DATA names no folder with {path}");
        return None;
    };
    let file = Path::new(&folder).join(path);
    if !file.exists() {
        println!("skipped: {} is not there", file.display());
        return None;
    }
    Some(file)
}

/// The files of a `.tar.zst`, name and content.
pub(crate) fn unpack(archive: &Path) -> Vec<(String, Vec<u8>)> {
    let file = File::open(archive).expect("the archive opens");
    let decoder = ruzstd::decoding::StreamingDecoder::new(file).expect("a zstd frame");
    let mut files = Vec::new();
    for entry in tar::Archive::new(decoder).entries().expect("a tar") {
        let mut entry = entry.expect("an entry");
        if entry.header().entry_type().is_file() {
            let name = entry.path().expect("a path").display().to_string();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).expect("content");
            files.push((name, content));
        }
    }
    files
}

/// A folder with an index made of records, each a JSON text.
pub(crate) struct Library {
    pub(crate) folder: TempDir,
    pub(crate) index: Index,
}

impl Library {
    pub(crate) fn of(records: &[&str]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let compiled = compile(folder.path(), "own", records);
        let index = commit(folder.path(), &[compiled]);
        Self { folder, index }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join(Index::FILE)
    }

    /// The ids that apply to a version.
    pub(crate) fn ids(&self, ecosystem: &str, name: &str, version: &str) -> Vec<String> {
        self.matches(ecosystem, name, version).into_iter().map(|found| found.id).collect()
    }

    pub(crate) fn matches(&self, ecosystem: &str, name: &str, version: &str) -> Vec<Match> {
        matches(&self.index, ecosystem, name, version)
    }
}

/// The records that apply, whether covered or not.
pub(crate) fn matches(index: &Index, ecosystem: &str, name: &str, version: &str) -> Vec<Match> {
    match index.verdict_by_name(ecosystem, name, version).expect("a sound index") {
        Verdict::Covered(found) => found,
        Verdict::Unknown { .. } => Vec::new(),
    }
}

pub(crate) fn compile(folder: &Path, name: &str, records: &[&str]) -> Compiled {
    let mut compiler = Compiler::new(name, "test", "2026-01-01T00:00:00Z", folder).expect("a compiler");
    for record in records {
        let record = advisory::record::parse(record.as_bytes()).expect("a record");
        compiler.record("test", record).expect("room for it");
    }
    compiler.finish().expect("a segment")
}

pub(crate) fn commit(folder: &Path, added: &[Compiled]) -> Index {
    let mut writer = Writer::lock(&folder.join(Index::FILE), &|_| {}).expect("the lock");
    writer.commit(added, &[]).expect("a new index")
}

/// Imports bytes as if they were a file.
pub(crate) fn import(name: &str, bytes: &[u8]) -> Result<Compiled, sources::ImportError> {
    import_within(name, bytes, Limits::default())
}

pub(crate) fn import_within(name: &str, bytes: &[u8], limits: Limits) -> Result<Compiled, sources::ImportError> {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join(name);
    File::create(&path).and_then(|mut file| file.write_all(bytes)).expect("a file");
    let input = Input { name: name.into(), file: File::open(&path).expect("the file") };
    sources::import(input, name, folder.path(), limits)
}

/// A record of one package with one range.
pub(crate) fn record(id: &str, ecosystem: &str, name: &str, introduced: &str, fixed: &str) -> String {
    format!(
        r#"{{"id": "{id}", "modified": "2026-01-01T00:00:00Z", "affected": [{{"package": {{"ecosystem": "{ecosystem}",
        "name": "{name}"}}, "ranges": [{{"type": "ECOSYSTEM", "events": [{{"introduced": "{introduced}"}},
        {{"fixed": "{fixed}"}}]}}]}}]}}"#
    )
}

pub(crate) fn package(kind: PackageKind, name: &str, version: &str, source: Option<(&str, &str)>) -> Package {
    Package {
        source: source.map(|(name, version)| SourcePackage { name: name.into(), version: version.into() }),
        ..Package::new(kind, name, version)
    }
}

pub(crate) fn release(id: &str, version_id: &str) -> Release {
    Release { id: id.into(), version_id: version_id.into(), ..Release::default() }
}

/// A tar of files.
pub(crate) fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        // Names are written as they are: some tests want ones that no writer would make.
        let field = &mut header.as_old_mut().name;
        field[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, *content).expect("memory");
    }
    builder.into_inner().expect("memory")
}

/// A zip of files.
pub(crate) fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        writer.start_file(*name, options).expect("memory");
        writer.write_all(content).expect("memory");
    }
    writer.finish().expect("memory").into_inner()
}
