//! How many findings go away by what, exactly.

use advisory::{Affected, Match, Severity, Verdict};
use findings::{Actions, Report};
use inventory::package::Located;
use inventory::{Owner, PackageKind};

use crate::sample::{about, identity, inventory, large, located, matched, small, urgent};

#[test]
fn upgrades_and_what_has_no_fix_add_up_to_all_that_was_found() {
    for report in [small(), large(), urgent()] {
        let actions = report.actions();
        assert_eq!(actions.removable() + actions.without_fix.total(), report.counts().total());
        for upgrade in &actions.upgrades {
            assert!(upgrade.removes.total() > 0 && upgrade.exploited <= upgrade.removes.total());
        }
    }
}

#[test]
fn each_source_package_is_one_line_with_its_command() {
    let actions = urgent().actions();
    let lines: Vec<_> = actions
        .upgrades
        .iter()
        .map(|upgrade| {
            let command = upgrade.command.clone().unwrap_or_default();
            (upgrade.package.as_str(), upgrade.fixed.join(" "), upgrade.removes.total(), upgrade.exploited, command)
        })
        .collect();
    assert_eq!(
        lines,
        [
            ("glibc", "2.36-9+deb12u8".into(), 4, 2, "apt-get install --only-upgrade libc-bin libc6".into()),
            ("Jinja2", "2.8.1".into(), 2, 0, "pip install 'Jinja2>=2.8.1'".into()),
        ]
    );
    assert_eq!(actions.without_fix.total(), 4, "three of the kernel's, and malware");
}

#[test]
fn where_the_fix_comes_in_is_said_as_far_as_the_image_proves_it() {
    let actions = urgent().actions();
    let base = actions.base.expect("glibc came with the lowest layer");
    assert_eq!((base.layer, base.removes.total()), (0, 4));
    assert!(actions.rebuilds.is_empty(), "nothing in layer 1 has a fix");
    // In an image of one layer nothing says what is its base.
    let report = urgent();
    let mut flat = report.inventory.clone();
    flat.layers.truncate(1);
    let flat = Report { inventory: flat, ..report };
    assert_eq!(flat.actions().base, None);
}

#[test]
fn a_layer_whose_packages_have_fixes_is_to_be_built_again() {
    let openssl = located(PackageKind::Deb, "openssl", "3.0.11-1", Some("openssl"), 1);
    let found = Match {
        ecosystem: "Debian:12".into(),
        package: "openssl".into(),
        ..matched("DEBIAN-CVE-2024-1", &["CVE-2024-1"], Severity::High, None, Some("3.0.13-1"))
    };
    let scanned = |line: &str| {
        let about = findings::About { history: vec![None, Some(line.into())], ..about() };
        let verdicts = vec![Verdict::Covered(vec![found.clone()])];
        Report::of_verdicts(about, inventory(vec![openssl.clone()]), identity(), verdicts).actions()
    };
    let rebuilds = scanned("RUN /bin/sh -c apt-get install -y openssl # buildkit").rebuilds;
    assert_eq!((rebuilds.len(), rebuilds[0].layer, rebuilds[0].removes.high), (1, 1, 1));
    assert!(scanned("COPY --from=build / / # buildkit").rebuilds.is_empty());
}

fn jinja(matches: Vec<Match>) -> Actions {
    let jinja = located(PackageKind::Pypi, "Jinja2", "2.4.1", None, 2);
    Report::of_verdicts(about(), inventory(vec![jinja]), identity(), vec![Verdict::Covered(matches)]).actions()
}

#[test]
fn a_finding_goes_away_only_where_every_database_says_so() {
    let fixed = || matched("GHSA-1", &["CVE-2026-1"], Severity::High, None, Some("2.8.1"));
    let other = |affected| Match { affected, ..matched("PYSEC-1", &["CVE-2026-1"], Severity::High, None, None) };
    let range = |last: Option<&str>| Affected::Range {
        introduced: "0".into(),
        fixed: None,
        last_affected: last.map(Into::into),
    };
    for (affected, removable) in
        [(Affected::Listed, 1), (range(None), 0), (range(Some("2.8.0")), 1), (range(Some("2.9")), 0)]
    {
        let actions = jinja(vec![fixed(), other(affected.clone())]);
        assert_eq!(actions.removable(), removable, "{affected:?}");
        assert_eq!(actions.removable() + actions.without_fix.total(), 1);
    }
}

#[test]
fn the_target_mends_all_by_the_ecosystems_own_order() {
    let record = |id: &str, fixed| matched(id, &[], Severity::High, None, Some(fixed));
    let actions = jinja(vec![record("A", "2.10"), record("B", "2.9"), record("C", "2.10.0")]);
    assert_eq!(actions.upgrades[0].fixed, ["2.10"]);
    assert_eq!(actions.removable(), 3);
}

#[test]
fn what_a_distributions_package_owns_is_upgraded_by_the_distribution() {
    let found =
        || Verdict::Covered(vec![matched("PYSEC-2024-60", &["CVE-2024-3651"], Severity::High, None, Some("3.7"))]);
    let loose = located(PackageKind::Pypi, "idna", "3.3", None, 1);
    let owner = Owner { kind: PackageKind::Deb, name: "python3-idna".into(), version: "3.3-1".into(), vendor: None };
    let of_debian = Located { owner: Some(owner), path: "/usr/lib/python3/dist-packages/idna".into(), ..loose.clone() };
    let command = |packages: Vec<Located>| {
        let verdicts = packages.iter().map(|_| found()).collect();
        let report = Report::of_verdicts(about(), inventory(packages), identity(), verdicts);
        report.actions().upgrades[0].command.clone().unwrap()
    };
    assert_eq!(command(vec![of_debian.clone()]), "apt-get install --only-upgrade python3-idna");
    assert_eq!(command(vec![loose.clone()]), "pip install 'idna>=3.7'");
    assert_eq!(command(vec![of_debian, loose]), "pip install 'idna>=3.7'", "one of them is nobody's");
}

/// A record: its id, its fix, and where it holds again.
type Fixed<'a> = (&'a str, &'a str, &'a [(&'a str, Option<&'a str>)]);

/// What to do about a package with these records.
fn upgrade_of(records: &[Fixed<'_>]) -> findings::Actions {
    let found = records.iter().map(|(id, fixed, again)| {
        let part = |introduced: &str, fixed: Option<&str>| Affected::Range {
            introduced: introduced.into(),
            fixed: fixed.map(Into::into),
            last_affected: None,
        };
        Match {
            affected: part("0", Some(fixed)),
            again: again.iter().map(|(introduced, fixed)| part(introduced, *fixed)).collect(),
            ..matched(id, &[], Severity::High, None, Some(fixed))
        }
    });
    let packages = vec![located(PackageKind::Pypi, "app", "1.0", None, 0)];
    let verdicts = vec![Verdict::Covered(found.collect())];
    Report::of_verdicts(about(), inventory(packages), identity(), verdicts).actions()
}

#[test]
fn an_upgrade_does_not_lead_to_a_version_that_a_record_affects_again() {
    let target = |actions: &findings::Actions| actions.upgrades[0].fixed.join(" ");
    let plain = upgrade_of(&[("A", "1.5", &[]), ("B", "2.1", &[])]);
    assert_eq!((target(&plain), plain.upgrades[0].removes.total()), ("2.1".into(), 2));
    let again = upgrade_of(&[("A", "1.5", &[("2.0", Some("2.3"))]), ("B", "2.1", &[])]);
    assert_eq!((target(&again), again.upgrades[0].removes.total()), ("2.3".into(), 2));
    // A branch above the target is no matter.
    let above = upgrade_of(&[("A", "1.5", &[("3.0", Some("3.1"))]), ("B", "2.1", &[])]);
    assert_eq!(target(&above), "2.1");
    // The next end may lie in another's branch.
    let chain = upgrade_of(&[("A", "1.5", &[("2.0", Some("2.3"))]), ("B", "2.1", &[("2.3", Some("2.4"))])]);
    assert_eq!((target(&chain), chain.upgrades[0].removes.total()), ("2.4".into(), 2));
    // Where it holds from then on, no version mends both: what is left is said.
    let none = upgrade_of(&[("A", "1.5", &[("2.0", None)]), ("B", "2.1", &[])]);
    assert_eq!((target(&none), none.upgrades[0].removes.total(), none.without_fix.total()), ("2.1".into(), 1, 1));
}
