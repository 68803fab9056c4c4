//! Every ordering that others have published for a scheme holds (`versions/` of the shared test data: half of
//! osv-scalibr's lines and of vers-spec's comparison tests).

use std::cmp::Ordering;

use advisory::versions::Scheme;
use serde_json::Value;

use crate::support::{data, unpack};

/// File name, scheme.
const LINES: &[(&str, &str)] = &[
    ("debian-versions", "Debian"),
    ("debian-versions-generated", "Debian"),
    ("alpine-versions", "Alpine"),
    ("alpine-versions-generated", "Alpine"),
    ("semver-versions", "npm"),
    ("pypi-versions", "PyPI"),
    ("pypi-versions-generated", "PyPI"),
    ("redhat-versions", "Red Hat"),
    ("maven-versions", "Maven"),
    ("maven-versions-generated", "Maven"),
    ("nuget-versions", "NuGet"),
    ("rubygems-versions", "RubyGems"),
    ("rubygems-versions-generated", "RubyGems"),
    ("packagist-versions", "Packagist"),
    ("packagist-versions-generated", "Packagist"),
    ("cran-versions", "CRAN"),
    ("cran-versions-generated", "CRAN"),
    ("hackage-versions", "Hackage"),
    ("pub-versions", "Pub"),
];

const JSON: &[(&str, &str)] = &[
    ("alpine_version_cmp_test", "Alpine"),
    ("maven_version_cmp_test", "Maven"),
    ("nuget_version_cmp_test", "NuGet"),
    ("conan_version_cmp_test", "ConanCenter"),
    ("alpm_version_cmp_test", "Arch Linux"),
];

#[test]
fn every_published_line_holds() {
    let Some(archive) = data("versions/version-vectors.tar.zst") else { return };
    let files = unpack(&archive);
    let (mut checked, mut wrong) = (0, Vec::new());
    let text = |folder: &str, name: &str| {
        let found = files.iter().find(|(path, _)| path.ends_with(&format!("{folder}/{name}")));
        String::from_utf8(found.unwrap_or_else(|| panic!("{name} is in the archive")).1.clone()).expect("text")
    };
    for (file, ecosystem) in LINES {
        let scheme = scheme(ecosystem);
        for line in text("osv-scalibr", &format!("{file}.txt")).lines() {
            if line.trim().is_empty() || line.starts_with("//") || line.starts_with('#') {
                continue;
            }
            let parts: Vec<&str> = line.split_whitespace().collect();
            let [left, sign, right] = parts[..] else { panic!("{file}: {line}") };
            check(scheme, left, expected(sign), right, &mut wrong);
            checked += 1;
        }
    }
    for (file, ecosystem) in JSON {
        let scheme = scheme(ecosystem);
        let tests: Value = serde_json::from_str(&text("vers-spec", &format!("{file}.json"))).expect("JSON");
        for test in tests["tests"].as_array().expect("tests") {
            let version = |value: &Value| value.as_str().expect("a version").to_owned();
            let given = &test["input"]["versions"];
            let (left, right) = (version(&given[0]), version(&given[1]));
            if test["test_type"] == "equality" {
                let equal = test["expected_output"].as_bool().expect("a boolean");
                if (scheme.compare(&left, &right) == Some(Ordering::Equal)) != equal {
                    wrong.push(format!("{ecosystem}: {left} = {right} should be {equal}"));
                }
            } else {
                let sorted = &test["expected_output"];
                let (first, second) = (version(&sorted[0]), version(&sorted[1]));
                if !matches!(scheme.compare(&first, &second), Some(Ordering::Less | Ordering::Equal)) {
                    wrong.push(format!("{ecosystem}: {first} should not be after {second}"));
                }
            }
            checked += 1;
        }
    }
    println!("{checked} lines checked");
    assert!(wrong.is_empty(), "{} of {checked} lines are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(checked > 20_000, "only {checked} lines were found");
}

fn scheme(ecosystem: &str) -> Scheme {
    Scheme::of_ecosystem(ecosystem).unwrap_or_else(|| panic!("{ecosystem} has no order"))
}

fn expected(sign: &str) -> Ordering {
    match sign {
        "<" => Ordering::Less,
        "=" => Ordering::Equal,
        ">" => Ordering::Greater,
        other => panic!("{other} is no sign"),
    }
}

/// Each line in both directions.
fn check(scheme: Scheme, left: &str, expected: Ordering, right: &str, wrong: &mut Vec<String>) {
    let found = (scheme.compare(left, right), scheme.compare(right, left));
    if found != (Some(expected), Some(expected.reverse())) {
        wrong.push(format!("{scheme:?}: {left} {expected:?} {right}, found {found:?}"));
    }
}
