//! Of all files that a distribution's packages own only those matter that another cataloguer read in the same layer.

use std::collections::HashMap;

use crate::record::{Catalogued, Fact, path_hash};

/// Drops the rest. A package may name a file by a folder that is a link now (`/lib/…` for `/usr/lib/…`, since the
/// distributions merged them): what is kept has the name by which the file was read.
pub(super) fn keep_what_matters(files: &mut Vec<Catalogued>) {
    let mut read: HashMap<u64, u64> = HashMap::new();
    for file in files.iter().filter(|file| file.facts.iter().any(tells_of_content)) {
        let hash = path_hash(&file.path);
        read.insert(hash, hash);
        if let Some(before_the_merge) = file.path.strip_prefix("usr/") {
            read.entry(path_hash(before_the_merge)).or_insert(hash);
        }
    }
    for file in &mut *files {
        file.facts.retain_mut(|fact| match fact {
            Fact::Owns(owns) => {
                owns.files = owns.files.iter().filter_map(|hash| read.get(hash)).copied().collect();
                owns.files.shrink_to_fit();
                !owns.files.is_empty()
            }
            _ => true,
        });
    }
    files.retain(|file| !file.facts.is_empty() || !file.warnings.is_empty());
}

/// Whether somebody will ask who owns the file that told this.
fn tells_of_content(fact: &Fact) -> bool {
    matches!(fact, Fact::Package(package) if !package.kind.is_of_distribution())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::{Package, PackageKind};
    use crate::record::Owns;

    fn file(path: &str, facts: Vec<Fact>) -> Catalogued {
        Catalogued { path: path.into(), cataloguer: "x".into(), facts, warnings: vec![] }
    }

    #[test]
    fn what_was_read_is_kept_by_the_name_it_was_read_by_and_everything_else_goes() {
        let owns = |files: &[&str]| {
            let files = files.iter().map(|path| path_hash(path)).collect();
            Fact::Owns(Owns { kind: PackageKind::Deb, name: "a".into(), architecture: None, files })
        };
        let package = |kind| Fact::Package(Package::new(kind, "a", "1"));
        let mut files = vec![
            file("usr/lib/node_modules/a/package.json", vec![package(PackageKind::Npm)]),
            file("var/lib/dpkg/status", vec![package(PackageKind::Deb)]),
            file("a.list", vec![owns(&["lib/node_modules/a/package.json", "etc/passwd", "var/lib/dpkg/status"])]),
            file("b.list", vec![owns(&["etc/shadow"])]),
        ];
        keep_what_matters(&mut files);
        let left: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(left, ["usr/lib/node_modules/a/package.json", "var/lib/dpkg/status", "a.list"]);
        assert_eq!(files[2].facts, [owns(&["usr/lib/node_modules/a/package.json"])]);
    }
}
