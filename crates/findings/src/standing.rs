//! How each package was judged: by a loaded source, through the distribution's package that owns it, or not at all.

use std::collections::HashSet;

use advisory::ecosystem::{base, home};
use advisory::{Rule, Suppression, Verdict};
use inventory::package::{Located, Owner};
use inventory::{Inventory, Package, PackageKind};
use serde::{Deserialize, Serialize};

use crate::{Report, feeds};

/// How one package was judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// No loaded source covers it: nothing is known.
    #[default]
    Unknown,
    /// A loaded source covers its ecosystem and release.
    Judged,
    /// A package of the distribution owns its files, and the distribution's own advisories, unfixed issues included,
    /// judge that one.
    ByOwner,
}

/// What is known of one package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PackageVerdict {
    /// Something that is counted applies.
    Affected,
    /// A loaded source covers it, and nothing that is counted applies.
    NoneKnown,
    /// It is judged through the distribution's package that owns it.
    ByOwner,
    /// Nothing is known.
    Unknown,
}

impl PackageVerdict {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Affected => "affected",
            Self::NoneKnown => "nothing known",
            Self::ByOwner => "by its owner",
            Self::Unknown => "unknown",
        }
    }
}

/// What is known of each package of a report, in the inventory's order.
pub(crate) fn verdicts(report: &Report) -> Vec<PackageVerdict> {
    let affected: HashSet<_> = report.findings.iter().map(|finding| place(&finding.located)).collect();
    let verdict = |(number, located): (usize, &Located)| match report.standing(number) {
        _ if affected.contains(&place(located)) => PackageVerdict::Affected,
        Standing::Judged => PackageVerdict::NoneKnown,
        Standing::ByOwner => PackageVerdict::ByOwner,
        Standing::Unknown => PackageVerdict::Unknown,
    };
    report.inventory.packages.iter().enumerate().map(verdict).collect()
}

fn place(located: &Located) -> (&Package, &str, usize) {
    (&located.package, &located.path, located.layer)
}

/// The standing of each package, in the inventory's order.
pub(crate) fn standings(inventory: &Inventory, verdicts: &[Verdict]) -> Vec<Standing> {
    let owners = judged_owners(inventory, verdicts);
    let standing = |(located, verdict): (&Located, &Verdict)| match (&located.owner, verdict) {
        (Some(owner), _) if owners.contains(&key(owner.kind, &owner.name, &owner.version)) => Standing::ByOwner,
        (_, Verdict::Covered(_)) => Standing::Judged,
        (_, Verdict::Unknown { .. }) => Standing::Unknown,
    };
    inventory.packages.iter().zip(verdicts).map(standing).collect()
}

/// Why what applies to a package is not counted a second time.
pub(crate) fn owned(located: &Located, owner: &Owner, inventory: &Inventory) -> Suppression {
    let package = Package { vendor: owner.vendor.clone(), ..Package::new(owner.kind, &owner.name, &owner.version) };
    let home = home(&package, inventory.release.as_ref());
    let distribution = base(&home.ecosystem);
    let reason = format!(
        "{} {} of {distribution} owns {}, and {distribution}'s own advisories judge it",
        owner.name, owner.version, located.path
    );
    Suppression { rule: Rule::Owned, reason }
}

/// The distribution's own packages that a feed of everything covers.
fn judged_owners<'a>(inventory: &'a Inventory, verdicts: &[Verdict]) -> HashSet<Key<'a>> {
    let release = inventory.release.as_ref();
    let mut owners = HashSet::new();
    for (located, verdict) in inventory.packages.iter().zip(verdicts) {
        let package = &located.package;
        if package.kind.is_of_distribution()
            && matches!(verdict, Verdict::Covered(_))
            && is_own(package)
            && feeds::lists_unfixed(&home(package, release).ecosystem)
        {
            owners.insert(key(package.kind, &package.name, &package.version));
        }
    }
    owners
}

/// Whether the distribution built it. rpm names the builder of every package; whose advisories speak of it
/// ([`home`]) follows from that name, so that a foreign one has another home.
fn is_own(package: &Package) -> bool {
    package.vendor.is_none() || package.kind == PackageKind::Rpm
}

type Key<'a> = (PackageKind, &'a str, &'a str);

fn key<'a>(kind: PackageKind, name: &'a str, version: &'a str) -> Key<'a> {
    (kind, name, version)
}
