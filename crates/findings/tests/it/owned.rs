//! What a distribution's package brought is judged by the distribution, if it can be.

use advisory::{Match, Rule, Severity, Verdict};
use findings::{Report, Standing};
use inventory::package::{Located, Owner};
use inventory::{Inventory, PackageKind, Release};

use crate::sample::{about, identity, inventory, located, matched};

fn idna(vendor: Option<&str>) -> Located {
    let owner = Owner {
        kind: PackageKind::Deb,
        name: "python3-idna".into(),
        version: "3.3-1".into(),
        vendor: vendor.map(Into::into),
    };
    Located { owner: Some(owner), ..located(PackageKind::Pypi, "idna", "3.3", None, 0) }
}

fn debian(vendor: Option<&str>) -> Located {
    let mut package = located(PackageKind::Deb, "python3-idna", "3.3-1", Some("python-idna"), 0);
    package.package.vendor = vendor.map(Into::into);
    package
}

fn applies() -> Verdict {
    Verdict::Covered(vec![matched("PYSEC-2024-60", &["CVE-2024-3651"], Severity::Medium, None, Some("3.7"))])
}

fn judge(inventory: Inventory, verdicts: Vec<Verdict>) -> Report {
    Report::of_verdicts(about(), inventory, identity(), verdicts)
}

#[test]
fn a_package_that_debian_owns_is_judged_once_and_says_why() {
    let report = judge(inventory(vec![debian(None), idna(None)]), vec![Verdict::Covered(vec![]), applies()]);
    assert!(report.findings.is_empty());
    assert_eq!(report.standings, [Standing::Judged, Standing::ByOwner]);
    let [suppressed] = &report.suppressed[..] else { panic!("{:?}", report.suppressed) };
    let suppression = suppressed.matched.suppressed.as_ref().expect("a reason");
    assert_eq!(suppression.rule, Rule::Owned);
    assert_eq!(
        suppression.reason,
        "python3-idna 3.3-1 of Debian owns /usr/lib/idna, and Debian's own advisories judge it"
    );
}

#[test]
fn no_source_of_the_language_is_needed_for_what_the_distribution_answers_for() {
    let unknown = Verdict::Unknown { ecosystem: "PyPI".into() };
    let report = judge(inventory(vec![debian(None), idna(None)]), vec![Verdict::Covered(vec![]), unknown]);
    assert!(report.uncovered.is_empty());
    assert_eq!(report.standing(1), Standing::ByOwner);
}

#[test]
fn it_is_judged_by_itself_where_the_owner_is_not_or_is_foreign_or_is_another() {
    let covered = || Verdict::Covered(Vec::<Match>::new());
    let vendor = Some("PostgreSQL Global Development Group");
    let not_loaded = Verdict::Unknown { ecosystem: "Debian:12".into() };
    let mut older = debian(None);
    older.package.version = "3.2-1".into();
    for (owner, verdict, package) in [
        (debian(None), not_loaded, idna(None)),
        (debian(vendor), covered(), idna(vendor)),
        (older, covered(), idna(None)),
        (debian(None), covered(), Located { owner: None, ..idna(None) }),
    ] {
        let report = judge(inventory(vec![owner, package]), vec![verdict, applies()]);
        assert_eq!(report.findings.len(), 1);
        assert!(report.suppressed.is_empty());
    }
}

#[test]
fn a_feed_that_lists_only_what_is_fixed_stands_for_nothing() {
    let release = |id: &str, version: &str| Release { id: id.into(), version_id: version.into(), ..Release::default() };
    for (release, kind, counted) in [
        (release("debian", "12"), PackageKind::Deb, 0),
        (release("ubuntu", "24.04"), PackageKind::Deb, 0),
        (release("alpine", "3.20.1"), PackageKind::Apk, 1),
        (release("raspbian", "12"), PackageKind::Deb, 1),
    ] {
        let mut owner = debian(None);
        owner.package.kind = kind;
        let mut package = idna(None);
        if let Some(owner) = &mut package.owner {
            owner.kind = kind;
        }
        let inventory = Inventory { release: Some(release.clone()), ..inventory(vec![owner, package]) };
        let report = judge(inventory, vec![Verdict::Covered(vec![]), applies()]);
        assert_eq!(report.findings.len(), counted, "{release:?}");
    }
}
