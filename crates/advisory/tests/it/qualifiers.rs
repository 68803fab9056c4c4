//! What the image tells beyond name and version suppresses a match with its reason, and never loses it; what it does not
//! tell counts.

use advisory::{Affected, Match, Rule, Verdict};
use inventory::package::Located;
use inventory::package::{BuiltFor, Linked, LinkedPackage, symbol_hash};
use inventory::{Inventory, Package, PackageKind};

use crate::support::{Library, package, release};

fn located(package: Package) -> Located {
    Located { package, purl: String::new(), path: "/usr/bin/server".into(), layer: 0, owner: None }
}

/// Every match of a package of an image, suppressed ones too.
fn judged(library: &Library, package: Package, inventory: &Inventory) -> Vec<Match> {
    judged_at(library, &located(package), inventory)
}

fn judged_at(library: &Library, located: &Located, inventory: &Inventory) -> Vec<Match> {
    match library.index.verdict_in(located, inventory).expect("a sound index") {
        Verdict::Covered(found) => found,
        Verdict::Unknown { ecosystem } => panic!("{ecosystem} is not covered"),
    }
}

fn rule(found: &[Match]) -> Option<Rule> {
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].suppressed.as_ref().map(|suppression| suppression.rule)
}

fn go(version: &str) -> Package {
    package(PackageKind::Golang, "example.com/m", version, None)
}

fn go_record(affected: &str) -> String {
    format!(
        r#"{{"id": "GO-1", "modified": "2026-01-01T00:00:00Z", "affected": [{{"package": {{"ecosystem": "Go", "name": "example.com/m"}}, {affected}}}]}}"#
    )
}

#[test]
fn custom_ranges_replace_a_range_without_bounds_and_the_plain_answer_stays() {
    let library = Library::of(&[&go_record(
        r#""ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}],
        "ecosystem_specific": {"custom_ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "2.9.0"}, {"fixed": "2.9.12"},
        {"introduced": "2.10.0"}, {"fixed": "2.10.10"}]}]}"#,
    )]);
    let inventory = Inventory::default();
    for (version, applies) in
        [("2.8.0", false), ("2.9.0", true), ("v2.9.11", true), ("2.9.12", false), ("2.10.9", true), ("3.0.0", false)]
    {
        let found = judged(&library, go(version), &inventory);
        assert_eq!(rule(&found), (!applies).then_some(Rule::CustomRange), "{version}");
        assert_eq!(library.ids("Go", "example.com/m", version), ["GO-1"], "plainly {version} is affected");
    }
    let found = judged(&library, go("2.9.1"), &inventory);
    assert_eq!(found[0].fixed.as_deref(), Some("2.9.12"));
    let part = Affected::Range { introduced: "2.9.0".into(), fixed: Some("2.9.12".into()), last_affected: None };
    assert_eq!(found[0].affected, part);
    let reason = judged(&library, go("3.0.0"), &inventory).remove(0).suppressed.expect("suppressed").reason;
    assert!(reason.contains("3.0.0") && reason.contains("before 2.9.12"), "{reason}");
}

#[test]
fn custom_ranges_beside_a_bounded_range_count_with_it() {
    let library = Library::of(&[&go_record(
        r#""ranges": [{"type": "SEMVER", "events": [{"introduced": "3.7.0"}, {"fixed": "3.7.5"}]}],
        "ecosystem_specific": {"custom_ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.6.7"}]}]}"#,
    )]);
    let inventory = Inventory::default();
    for (version, applies) in [("3.6.6", true), ("3.6.7", false), ("3.7.4", true), ("3.7.5", false)] {
        let found = judged(&library, go(version), &inventory);
        assert_eq!(!found.is_empty(), applies, "{version}");
        assert!(found.iter().all(|found| found.suppressed.is_none()), "{version}");
    }
    assert_eq!(library.ids("Go", "example.com/m", "3.6.6"), [""; 0], "OSV's plain rules know no custom range");
}

#[test]
fn a_custom_range_of_another_shape_is_as_if_there_were_none() {
    let library = Library::of(&[&go_record(
        r#""ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}],
        "ecosystem_specific": {"custom_ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "2.0.0"}]}, "new"]}"#,
    )]);
    assert_eq!(rule(&judged(&library, go("1.0.0"), &Inventory::default())), None);
}

/// An image whose executable has these packages of the module, each with its functions.
fn linked(path: &str, packages: &[(&str, &[&str])]) -> Inventory {
    let packages = packages.iter().map(|(path, symbols)| {
        let mut symbols: Vec<u32> = symbols.iter().map(|symbol| symbol_hash(symbol)).collect();
        symbols.sort_unstable();
        LinkedPackage { path: (*path).into(), symbols }
    });
    let linked = Linked {
        module: "example.com/m".into(),
        built_for: Some(BuiltFor { os: "linux".into(), architecture: "amd64".into() }),
        packages: packages.collect(),
    };
    Inventory { linked: vec![(path.into(), linked)], ..Inventory::default() }
}

#[test]
fn a_record_that_names_functions_counts_only_where_one_of_them_is_linked() {
    let library = Library::of(&[&go_record(
        r#""ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "2.0.0"}]}],
        "ecosystem_specific": {"imports": [{"path": "example.com/m/http", "symbols": ["Server.Serve", "parse"]},
        {"path": "example.com/m/all"}]}"#,
    )]);
    let rule_of = |inventory: &Inventory| rule(&judged(&library, go("1.0.0"), inventory));
    let here = "/usr/bin/server";
    assert_eq!(rule_of(&Inventory::default()), None, "nothing is known of what is linked");
    assert_eq!(rule_of(&linked("/usr/bin/other", &[])), None, "only of another executable");
    assert_eq!(rule_of(&linked(here, &[("example.com/m/http", &["Server.Serve"])])), None);
    assert_eq!(rule_of(&linked(here, &[("example.com/m/all", &["f"])])), None, "any function of that package");
    assert_eq!(rule_of(&linked(here, &[("example.com/m/http", &[])])), None, "its functions are not known");
    assert_eq!(rule_of(&linked(here, &[("example.com/m/http", &["Client.Do"])])), Some(Rule::NotLinked));
    assert_eq!(rule_of(&linked(here, &[("example.com/m/other", &["Server.Serve"])])), Some(Rule::NotLinked));
    assert_eq!(rule_of(&linked(here, &[])), Some(Rule::NotLinked), "nothing of the module is linked");
    let found = judged(&library, go("1.0.0"), &linked(here, &[]));
    let reason = &found[0].suppressed.as_ref().expect("suppressed").reason;
    assert!(reason.contains("example.com/m/http.Server.Serve") && reason.contains(here), "{reason}");
}

#[test]
fn a_record_for_another_system_is_not_linked_and_one_without_imports_counts() {
    let windows = Library::of(&[&go_record(
        r#""ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}],
        "ecosystem_specific": {"imports": [{"path": "example.com/m/http", "symbols": ["Serve"], "goos": ["windows"]}]}"#,
    )]);
    let inventory = linked("/usr/bin/server", &[("example.com/m/http", &["Serve"])]);
    assert_eq!(rule(&judged(&windows, go("1.0.0"), &inventory)), Some(Rule::NotLinked));
    let none = Library::of(&[&go_record(r#""ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}]"#)]);
    assert_eq!(rule(&judged(&none, go("1.0.0"), &linked("/usr/bin/server", &[]))), None);
}

#[test]
fn a_record_for_some_systems_and_architectures_counts_for_what_was_built_for_them() {
    let of = |goos: &str, goarch: &str| {
        Library::of(&[&go_record(&format!(
            r#""ranges": [{{"type": "SEMVER", "events": [{{"introduced": "0"}}]}}],
            "ecosystem_specific": {{"imports": [{{"path": "example.com/m/p", "symbols": ["F"], "goos": {goos}, "goarch": {goarch}}}]}}"#
        ))])
    };
    let built = |built_for: Option<(&str, &str)>, path: &str| {
        let mut inventory = linked(path, &[("example.com/m/p", &["F"])]);
        let of = |(os, architecture): (&str, &str)| BuiltFor { os: os.into(), architecture: architecture.into() };
        inventory.linked[0].1.built_for = built_for.map(of);
        inventory
    };
    let (linux, freebsd) = (built(Some(("linux", "amd64")), "/server"), built(Some(("freebsd", "ppc64le")), "/server"));
    let (old, old_exe) = (built(None, "/server"), built(None, "/server.exe"));
    let cases = [
        ("[]", "[]", [true, true, true, true]),
        (r#"["linux"]"#, "[]", [true, false, true, true]),
        (r#"["windows"]"#, "[]", [false, false, false, true]),
        ("[]", r#"["ppc64le"]"#, [false, true, true, true]),
        (r#"["linux", "freebsd"]"#, r#"["ppc64le", "s390x"]"#, [false, true, true, true]),
        (r#"["windows"]"#, r#"["amd64"]"#, [false, false, false, true]),
    ];
    for (goos, goarch, counts) in cases {
        let library = of(goos, goarch);
        for (inventory, counts) in [&linux, &freebsd, &old, &old_exe].into_iter().zip(counts) {
            let path = &inventory.linked[0].0;
            let located = Located { path: path.clone(), ..located(go("1.0.0")) };
            let rule = rule(&judged_at(&library, &located, inventory));
            assert_eq!(rule.is_none(), counts, "{goos} {goarch} {:?}", inventory.linked);
        }
    }
}

#[test]
fn of_several_ranges_only_the_imports_of_the_one_that_holds_count() {
    let record = r#"{"id": "GO-1", "modified": "2026-01-01T00:00:00Z", "affected": [
        {"package": {"ecosystem": "Go", "name": "example.com/m"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.5.0"}]}],
         "ecosystem_specific": {"imports": [{"path": "example.com/m/old"}]}},
        {"package": {"ecosystem": "Go", "name": "example.com/m"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "1.5.0"}, {"fixed": "2.0.0"}]}],
         "ecosystem_specific": {"imports": [{"path": "example.com/m/new"}]}}]}"#;
    let library = Library::of(&[record]);
    let old = linked("/usr/bin/server", &[("example.com/m/old", &["f"])]);
    assert_eq!(rule(&judged(&library, go("1.0.0"), &old)), None);
    assert_eq!(rule(&judged(&library, go("1.6.0"), &old)), Some(Rule::NotLinked));
}

#[test]
fn a_fix_that_only_ubuntu_pro_has_is_said_and_counts_only_where_it_is_installed() {
    let record = |base: &str, pro: &str| {
        format!(
            r#"{{"id": "UBUNTU-CVE-1", "modified": "2026-01-01T00:00:00Z", "affected": [
            {{"package": {{"ecosystem": "Ubuntu:18.04:LTS", "name": "curl"}}, "ranges": [{{"type": "ECOSYSTEM", "events": [{{"introduced": "0"}}{base}]}}]}},
            {{"package": {{"ecosystem": "Ubuntu:Pro:18.04:LTS", "name": "curl"}}, "ranges": [{{"type": "ECOSYSTEM", "events": [{{"introduced": "0"}}, {{"fixed": "{pro}"}}]}}]}},
            {{"package": {{"ecosystem": "Ubuntu:Pro:FIPS:18.04:LTS", "name": "curl"}}, "ranges": [{{"type": "ECOSYSTEM", "events": [{{"introduced": "0"}}, {{"fixed": "1"}}]}}]}}]}}"#
        )
    };
    let library = Library::of(&[&record("", "7.58-2ubuntu3+esm4")]);
    let inventory = Inventory { release: Some(release("ubuntu", "18.04")), ..Inventory::default() };
    let ask = |version: &str| {
        judged(&library, package(PackageKind::Deb, "curl", version, Some(("curl", version))), &inventory)
    };
    let found = ask("7.58-2ubuntu3");
    assert_eq!((rule(&found), found[0].fixed.as_deref()), (None, None));
    let elsewhere = found[0].fixed_elsewhere.as_ref().expect("a fix of Pro");
    assert_eq!(
        (elsewhere.ecosystem.as_str(), elsewhere.version.as_str()),
        ("Ubuntu:Pro:18.04:LTS", "7.58-2ubuntu3+esm4")
    );
    assert_eq!(rule(&ask("7.58-2ubuntu3+esm3")), None);
    assert_eq!(rule(&ask("7.58-2ubuntu3+esm4")), Some(Rule::Repository));
    // The base release's own later build has no fix for all that its number is higher.
    assert_eq!(rule(&ask("7.58-2ubuntu4")), None);
    let both = Library::of(&[&record(r#", {"fixed": "7.58-2ubuntu5"}"#, "7.58-2ubuntu3+esm4")]);
    let curl = package(PackageKind::Deb, "curl", "7.58-1", Some(("curl", "7.58-1")));
    let found = judged(&both, curl, &inventory);
    assert_eq!((found[0].fixed.as_deref(), &found[0].fixed_elsewhere), (Some("7.58-2ubuntu5"), &None));
}

#[test]
fn an_image_of_red_hats_base_system_is_judged_by_the_base_systems_records() {
    let record = |id: &str, places: &[(&str, &str)]| {
        let affected: Vec<String> = places
            .iter()
            .map(|(product, fixed)| {
                format!(
                    r#"{{"package": {{"ecosystem": "Red Hat:{product}", "name": "{}"}}, "ranges": [{{"type": "ECOSYSTEM",
                    "events": [{{"introduced": "0"}}, {{"fixed": "{fixed}"}}]}}]}}"#,
                    if id.ends_with("cri-o") { "cri-o" } else { "git-lfs" }
                )
            })
            .collect();
        let affected = affected.join(",");
        format!(r#"{{"id": "{id}", "modified": "2026-01-01T00:00:00Z", "affected": [{affected}]}}"#)
    };
    let library = Library::of(&[
        &record(
            "RHSA-base",
            &[("enterprise_linux:8::appstream", "0:3.2.0-2.el8_10"), ("rhel_aus:8.6::appstream", "0:9-1.el8")],
        ),
        &record("RHSA-aus", &[("rhel_aus:8.6::appstream", "0:2.13.3-3.el8_6.1")]),
        &record("RHSA-nine", &[("enterprise_linux:9::appstream", "0:9.0-1.el9")]),
        &record("RHSA-cri-o", &[("openshift:4.14::el8", "0:1.27.4-1.el8")]),
    ]);
    let inventory = Inventory { release: Some(release("rhel", "8.10")), ..Inventory::default() };
    let ask = |name: &str, version: &str| {
        let found = judged(&library, package(PackageKind::Rpm, name, version, None), &inventory);
        let rules = found.into_iter().map(|found| (found.id, found.suppressed.map(|suppressed| suppressed.rule)));
        rules.collect::<Vec<_>>()
    };
    let base = ("RHSA-base".to_owned(), None);
    assert_eq!(ask("git-lfs", "2.13.0-1.el8"), [("RHSA-aus".to_owned(), Some(Rule::Repository)), base.clone()]);
    assert_eq!(ask("git-lfs", "3.2.0-1.el8"), [base]);
    assert_eq!(ask("git-lfs", "3.2.0-2.el8_10"), []);
    // The base system has no such package, so that the product's records are the ones that count.
    assert_eq!(ask("cri-o", "1.27.3-1.el8"), [("RHSA-cri-o".to_owned(), None)]);
    let with = |sets: &[&str], name: &str, version: &str| {
        let content_sets = sets.iter().map(|set| (*set).to_owned()).collect();
        let inventory = Inventory { content_sets, ..inventory.clone() };
        let found = judged(&library, package(PackageKind::Rpm, name, version, None), &inventory);
        let rules = found.into_iter().map(|found| (found.id, found.suppressed.map(|suppressed| suppressed.rule)));
        rules.collect::<Vec<_>>()
    };
    let (base_set, openshift) = ("rhel-8-for-x86_64-appstream-rpms", "rhocp-4.14-for-rhel-8-x86_64-rpms");
    let crio = |rule| [("RHSA-cri-o".to_owned(), rule)];
    assert_eq!(
        with(&[base_set], "cri-o", "1.27.3-1.el8"),
        crio(Some(Rule::Repository)),
        "nothing of OpenShift is there"
    );
    assert_eq!(with(&[base_set, openshift], "cri-o", "1.27.3-1.el8"), crio(None));
    let other = "rhocp-4.13-for-rhel-8-x86_64-rpms";
    assert_eq!(
        with(&[base_set, other], "cri-o", "1.27.3-1.el8"),
        crio(Some(Rule::Repository)),
        "another version of it"
    );
    assert_eq!(
        with(&[base_set, "rhceph-5-for-rhel-8"], "cri-o", "1.27.3-1.el8"),
        crio(None),
        "a product that is not known"
    );
    let aus = "rhel-8-for-x86_64-appstream-aus-rpms";
    let base = ("RHSA-base".to_owned(), None);
    assert_eq!(
        with(&[aus], "git-lfs", "2.13.0-1.el8"),
        [("RHSA-aus".to_owned(), None), base],
        "an update stream is the image's"
    );
}

#[test]
fn malware_is_told_by_its_record_or_by_an_alias() {
    let record = |id: &str, aliases: &str| {
        format!(
            r#"{{"id": "{id}", "modified": "2026-01-01T00:00:00Z", "aliases": [{aliases}], "affected": [{{"package": {{"ecosystem": "npm",
            "name": "a"}}, "versions": ["1.0.0"]}}]}}"#
        )
    };
    let library = Library::of(&[&record("MAL-2026-1", ""), &record("GHSA-1", "\"MAL-2026-2\""), &record("GHSA-2", "")]);
    let found = library.matches("npm", "a", "1.0.0");
    let category = |id: &str| found.iter().find(|found| found.id == id).expect("it").category;
    assert_eq!(category("MAL-2026-1"), advisory::Category::Malware);
    assert_eq!(category("GHSA-1"), advisory::Category::Malware);
    assert_eq!(category("GHSA-2"), advisory::Category::Vulnerability);
    assert_eq!(found[0].affected, Affected::Listed);
}
