//! What kind of thing was scanned.

use serde::{Deserialize, Serialize};

/// What kind of thing a report is about. It says what the report's digest names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// An image: the digest is its platform manifest's (or config's), its platform and layers are known.
    #[default]
    Image,
    /// A folder: it has no digest of its own; the report's is that of what was found in it, equal where the same
    /// packages were found at the same paths. It has no platform and one layer, the folder itself.
    Folder,
    /// A list of packages that somebody else wrote (an SBOM): the digest is the file's. Platform and layers are what
    /// the list says of them, which may be nothing.
    PackageList,
}

impl Subject {
    /// Its name, as serde writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Folder => "folder",
            Self::PackageList => "package-list",
        }
    }
}
