//! Packages that a lower layer brought and the image no longer shows: an upgrade leaves the old version in the layers
//! below, where it takes room and can still be read.

use std::collections::HashMap;

use super::group::Held;
use super::{located, order};
use crate::package::{Gone, Located, PackageKind, Release};

/// A package that a layer took away.
pub(super) struct Taken<'a> {
    pub(super) held: Held<'a>,
    pub(super) by: usize,
}

/// What is gone, in the order of packages; what came back as it was is not gone.
pub(super) fn gone(taken: Vec<Taken<'_>>, packages: &[Located], release: Option<&Release>) -> Vec<Gone> {
    let mut there: HashMap<(PackageKind, &str), Vec<&Located>> = HashMap::new();
    for located in packages {
        there.entry((located.package.kind, &located.package.name)).or_default().push(located);
    }
    let mut all = Vec::new();
    for Taken { held, by } in taken {
        let same_name = there.get(&(held.package.kind, held.package.name.as_str()));
        let same_name = same_name.into_iter().flatten();
        if same_name.clone().any(|located| located.package == *held.package) {
            continue;
        }
        let replacement =
            |located: &&&Located| located.layer == by && located.package.architecture == held.package.architecture;
        let replaced_by = same_name.clone().find(replacement).map(|located| located.package.version.clone());
        all.push(Gone { located: located(&held, release), by, replaced_by });
    }
    all.sort_by(|one, other| order(&one.located).cmp(&order(&other.located)).then(one.by.cmp(&other.by)));
    all
}
