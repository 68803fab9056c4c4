//! Which distribution's package a file belongs to.
//!
//! A package manager writes a package's files and tells of them in the same layer, so only what one layer says of its
//! own files counts: of a file that a later layer wrote anew nobody says who owns it. A database that is written whole
//! (apk's, rpm's) tells in every layer of all packages; there the package must also have come with that layer.

use std::collections::HashMap;

use crate::package::{Located, Owner, PackageKind};
use crate::record::{Catalogued, Fact, LayerRecord, Owns, path_hash};

/// The owner of the file that tells of each package; the distribution's own packages are nobody's.
pub(super) fn of_each(layers: &[LayerRecord], packages: &[Located], files: &[&Catalogued]) -> Vec<Option<Owner>> {
    let owners = Owners::new(layers, packages);
    let owner = |(located, file): (&Located, &&Catalogued)| {
        if located.package.kind.is_of_distribution() { None } else { owners.of(file) }
    };
    packages.iter().zip(files).map(owner).collect()
}

/// The distribution's packages of an image, and what each layer says of who owns what.
struct Owners<'a> {
    layers: &'a [LayerRecord],
    /// By layer and path: who says that it owns the file.
    claims: HashMap<(usize, u64), Vec<&'a Owns>>,
    packages: HashMap<(PackageKind, &'a str), Vec<&'a Located>>,
}

impl<'a> Owners<'a> {
    fn new(layers: &'a [LayerRecord], packages: &'a [Located]) -> Self {
        let mut claims: HashMap<_, Vec<_>> = HashMap::new();
        for (layer, record) in layers.iter().enumerate() {
            for owns in record.files.iter().flat_map(|file| &file.facts).filter_map(owns) {
                for file in &owns.files {
                    claims.entry((layer, *file)).or_default().push(owns);
                }
            }
        }
        let mut by_name: HashMap<_, Vec<_>> = HashMap::new();
        for located in packages.iter().filter(|located| located.package.kind.is_of_distribution()) {
            by_name.entry((located.package.kind, located.package.name.as_str())).or_default().push(located);
        }
        Self { layers, claims, packages: by_name }
    }

    /// The package that `file`, of one of the layers' records, belongs to.
    fn of(&self, file: &Catalogued) -> Option<Owner> {
        let layer =
            self.layers.iter().position(|record| record.files.as_ptr_range().contains(&std::ptr::from_ref(file)))?;
        let claims = self.claims.get(&(layer, path_hash(&file.path)))?;
        claims.iter().find_map(|owns| {
            let candidates = self.packages.get(&(owns.kind, owns.name.as_str()))?;
            let package = &candidates.iter().find(|located| is_owner(owns, located, layer))?.package;
            Some(Owner {
                kind: package.kind,
                name: package.name.clone(),
                version: package.version.clone(),
                vendor: package.vendor.clone(),
            })
        })
    }
}

/// Whether an installed package is the one that says so.
fn is_owner(owns: &Owns, located: &Located, layer: usize) -> bool {
    let same_architecture = owns.architecture.is_none() || owns.architecture == located.package.architecture;
    let came_with_it = match owns.kind {
        // A file for each package, which is written when the package is.
        PackageKind::Deb | PackageKind::Alpm => true,
        _ => located.layer == layer,
    };
    same_architecture && came_with_it
}

fn owns(fact: &Fact) -> Option<&Owns> {
    if let Fact::Owns(owns) = fact { Some(owns) } else { None }
}
