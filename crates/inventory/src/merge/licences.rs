//! The licences of packages whose own database does not tell them.

use std::collections::HashMap;

use crate::package::{Located, PackageKind};
use crate::record::{Catalogued, Fact, Licences};

/// Fills in licences that files beside the database tell.
///
/// A package whose folder of documents is a link has none of its own; the link leads to another package of the same
/// source (Debian Policy 12.3), whose licences are its own.
pub(super) fn fill<'a>(packages: &mut [Located], files: impl Iterator<Item = &'a Catalogued>) {
    let told = files.flat_map(|file| &file.facts).filter_map(|fact| match fact {
        Fact::Licences(Licences { kind, name, licences }) => Some(((*kind, name.as_str()), licences)),
        _ => None,
    });
    let told: HashMap<(PackageKind, &str), &Vec<String>> = told.collect();
    if told.is_empty() {
        return;
    }
    let mut by_source: HashMap<(PackageKind, String), Vec<String>> = HashMap::new();
    for Located { package, .. } in packages.iter_mut().filter(|located| located.package.licences.is_empty()) {
        if let Some(licences) = told.get(&(package.kind, package.name.as_str())) {
            package.licences.clone_from(licences);
            if let Some(source) = &package.source {
                by_source.entry((package.kind, source.name.clone())).or_insert_with(|| (*licences).clone());
            }
        }
    }
    for Located { package, .. } in packages.iter_mut().filter(|located| located.package.licences.is_empty()) {
        let Some(source) = &package.source else { continue };
        if let Some(licences) = by_source.get(&(package.kind, source.name.clone())) {
            package.licences.clone_from(licences);
        }
    }
}
