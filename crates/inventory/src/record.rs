//! What is kept of a layer: everything that merging needs, so that its bytes are never needed again.

use image::Digest;
use serde::{Deserialize, Serialize};

use crate::package::{Linked, Package, PackageKind, Release};

mod bytes;
mod hashes;
mod package_table;
mod path_hashes;

pub use bytes::{Parts, RecordError};
pub use hashes::path_hash;
pub(crate) use hashes::{hash_in, hashes_along};
pub use package_table::{PackageTable, TablePage};
pub use path_hashes::PathHashes;
pub(crate) use path_hashes::Writer as HashWriter;

/// What one layer holds, made by cataloguers of version [`crate::cataloguers::VERSION`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerRecord {
    /// The digest of the uncompressed tar.
    pub diff_id: Digest,
    /// Files that a cataloguer read, by path, with what each told. A file that told nothing is left out.
    pub files: Vec<Catalogued>,
    /// Paths that this layer deletes from the layers below, without the `.wh.` prefix, sorted.
    pub whiteouts: Vec<String>,
    /// Folders whose content from the layers below this layer hides (`.wh..wh..opq`), sorted.
    pub opaque: Vec<String>,
    /// Symbolic links that a well-known path may lead through, sorted by path.
    pub links: Vec<Link>,
    /// First eight bytes of SHA-256 of the path of each folder in this layer ([`path_hash`]), sorted.
    pub folders: PathHashes,
    /// The same for everything that is not a folder: it hides what lies at or under its path below.
    pub others: PathHashes,
    /// Whether all that a cataloguer wanted was read. Where a worker could not be started, died or was given up, it
    /// is not, a warning says why, and the record is worth making anew rather than keeping.
    pub complete: bool,
    /// What could not be read of the layer as such, one sentence each.
    pub warnings: Vec<String>,
    /// Files that were passed by before a hard link to them turned out to be wanted: pnpm's store comes before the
    /// packages that are made of it. Reading the layer a second time ([`crate::layer::catalogue_again`]) finds them.
    pub passed_by: Vec<PassedBy>,
}

/// A file that would have been read, had it been known who wants it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedBy {
    /// Its path in the layer, relative, after following the layer's own links.
    pub path: String,
    /// Places in [`crate::cataloguers::ALL`] of those that want it under another name.
    pub readers: Vec<u8>,
}

/// What one file of a layer told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalogued {
    /// The file's path in the layer, relative, after following the layer's own links.
    pub path: String,
    /// The cataloguer's id (`dpkg`).
    pub cataloguer: String,
    /// What it found.
    pub facts: Vec<Fact>,
    /// What it could not read, half a sentence each; of interest only where the file counts in the merged image.
    pub warnings: Vec<String>,
}

/// One thing learned from a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fact {
    /// A package is installed.
    Package(Package),
    /// The distribution says its name.
    Release(Release),
    /// A distribution's package owns files.
    Owns(Owns),
    /// What of a module is linked into this executable.
    Linked(Linked),
    /// Under which licences a package is, told by another file than the one that tells of the package.
    Licences(Licences),
    /// The content sets of Red Hat's that the image is made of, sorted.
    ContentSets(Vec<String>),
    /// Where in a database with a write-ahead log the packages of this file are.
    PackageTable(PackageTable),
}

/// Most content sets of one image; real ones have a dozen.
const MOST_CONTENT_SETS: usize = 1000;

/// Why these cannot be content sets, where they cannot.
pub(crate) fn check_content_sets(sets: &[String]) -> Result<(), &'static str> {
    let is_word = |set: &String| !set.is_empty() && set.len() <= 512 && !set.chars().any(char::is_control);
    if sets.len() > MOST_CONTENT_SETS {
        return Err("there are too many");
    }
    if sets.iter().all(is_word) { Ok(()) } else { Err("one of them is no word") }
}

/// The licences of a package of the distribution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Licences {
    /// The package's format.
    pub kind: PackageKind,
    /// Its name.
    pub name: String,
    /// Licences as the file writes them, sorted.
    pub licences: Vec<String>,
}

impl Licences {
    /// Most licences of one package.
    pub const MOST: usize = 50;

    /// Why this cannot be, where it cannot.
    pub fn check(&self) -> Result<(), &'static str> {
        let package = Package { licences: self.licences.clone(), ..Package::new(self.kind, &self.name, "1") };
        package.check()
    }
}

/// Files that a distribution's package owns. A worker tells of all of them; the layer's record keeps those that
/// another cataloguer read in the same layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owns {
    /// The package's format.
    pub kind: PackageKind,
    /// Its name.
    pub name: String,
    /// Its architecture, where the file that tells of it says so.
    pub architecture: Option<String>,
    /// [`path_hash`] of each file's path, relative to the root, as the package wrote it.
    pub files: Vec<u64>,
}

impl Owns {
    /// Most files that one package may own. The largest real ones (kernel sources, TeX) have some 100,000.
    pub const FILES: usize = 1_000_000;
}

/// A symbolic link of a layer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Link {
    /// Its path, relative, after following the layer's own links.
    pub path: String,
    /// Where it points, as written.
    pub target: String,
}
