//! What is kept of a layer: everything that merging needs, so that its bytes are never needed again.

use image::Digest;
use serde::{Deserialize, Serialize};

use crate::package::{Package, Release};

/// What one layer holds, made by cataloguers of version [`crate::cataloguers::VERSION`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerRecord {
    /// The digest of the uncompressed tar.
    pub diff_id: Digest,
    /// Files that a cataloguer read, by path, with what each told.
    pub files: Vec<Catalogued>,
    /// Paths that this layer deletes from the layers below, without the `.wh.` prefix.
    pub whiteouts: Vec<String>,
    /// Folders whose content from the layers below this layer hides (`.wh..wh..opq`).
    pub opaque: Vec<String>,
    /// First eight bytes of SHA-256 of the path of each folder in this layer, sorted.
    pub folders: Vec<u64>,
    /// The same for everything that is not a folder: it hides what lies at or under its path below.
    pub others: Vec<u64>,
    /// What could not be read, one sentence each.
    pub warnings: Vec<String>,
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
}

/// One thing learned from a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fact {
    /// A package is installed.
    Package(Package),
    /// The distribution says its name.
    Release(Release),
}
