//! Until when each release of a distribution gets security fixes.
//!
//! After that day its advisories stop speaking of what is found in its packages, so that a scan of such an image finds
//! less each year and says so. The day is the last of the support that comes without a contract: Debian's LTS counts,
//! Ubuntu Pro and Red Hat's extensions do not. All but Ubuntu's were compared with endoflife.date as of August 2026; Ubuntu's are
//! the distribution's own. A release that is not in the table is not known to have ended.

use inventory::Release;

/// The day on which security fixes of a release end, as `2024-06-30`, where it is known.
pub fn end_of_life(release: &Release) -> Option<&'static str> {
    let pretty = release.pretty_name.as_deref().unwrap_or_default();
    let id = match release.id.as_str() {
        "centos" if pretty.contains("Stream") => "centos-stream",
        "opensuse" => "opensuse-leap",
        id => id,
    };
    let (_, releases) = DISTRIBUTIONS.iter().find(|(distribution, _)| *distribution == id)?;
    let mut version = release.version_id.as_str();
    if id == "sles" {
        // Each service pack ends by itself, and `15` is the one before the first.
        return releases.iter().find(|(known, _)| *known == version).map(|(_, day)| *day);
    }
    // The longest of `15.5`, `15` that is in the table: minor releases of the others end with their major one.
    loop {
        if let Some((_, day)) = releases.iter().find(|(known, _)| *known == version) {
            return Some(day);
        }
        version = &version[..version.rfind('.')?];
    }
}

type Days = &'static [(&'static str, &'static str)];

const DISTRIBUTIONS: &[(&str, Days)] = &[
    // distro-info-data, debian.csv, column eol-lts.
    (
        "debian",
        &[
            ("5", "2012-02-06"),
            ("6", "2016-02-29"),
            ("7", "2018-05-31"),
            ("8", "2020-06-30"),
            ("9", "2022-06-30"),
            ("10", "2024-06-30"),
            ("11", "2026-08-31"),
            ("12", "2028-06-30"),
            ("13", "2030-06-30"),
        ],
    ),
    // distro-info-data, ubuntu.csv, column eol.
    (
        "ubuntu",
        &[
            ("10.04", "2013-05-09"),
            ("10.10", "2012-04-10"),
            ("11.04", "2012-10-28"),
            ("11.10", "2013-05-09"),
            ("12.04", "2017-04-28"),
            ("12.10", "2014-05-16"),
            ("13.04", "2014-01-27"),
            ("13.10", "2014-07-17"),
            ("14.04", "2019-04-25"),
            ("14.10", "2015-07-23"),
            ("15.04", "2016-02-04"),
            ("15.10", "2016-07-28"),
            ("16.04", "2021-04-30"),
            ("16.10", "2017-07-20"),
            ("17.04", "2018-01-13"),
            ("17.10", "2018-07-19"),
            ("18.04", "2023-05-31"),
            ("18.10", "2019-07-18"),
            ("19.04", "2020-01-23"),
            ("19.10", "2020-07-17"),
            ("20.04", "2025-05-29"),
            ("20.10", "2021-07-22"),
            ("21.04", "2022-01-20"),
            ("21.10", "2022-07-14"),
            ("22.04", "2027-06-01"),
            ("22.10", "2023-07-20"),
            ("23.04", "2024-01-25"),
            ("23.10", "2024-07-11"),
            ("24.04", "2029-05-31"),
            ("24.10", "2025-07-10"),
            ("25.04", "2026-01-15"),
            ("25.10", "2026-07-09"),
            ("26.04", "2031-05-29"),
        ],
    ),
    // alpinelinux.org/releases.
    (
        "alpine",
        &[
            ("3.0", "2016-05-01"),
            ("3.1", "2016-11-01"),
            ("3.2", "2017-05-01"),
            ("3.3", "2017-11-01"),
            ("3.4", "2018-05-01"),
            ("3.5", "2018-11-01"),
            ("3.6", "2019-05-01"),
            ("3.7", "2019-11-01"),
            ("3.8", "2020-05-01"),
            ("3.9", "2020-11-01"),
            ("3.10", "2021-05-01"),
            ("3.11", "2021-11-01"),
            ("3.12", "2022-05-01"),
            ("3.13", "2022-11-01"),
            ("3.14", "2023-05-01"),
            ("3.15", "2023-11-01"),
            ("3.16", "2024-05-23"),
            ("3.17", "2024-11-22"),
            ("3.18", "2025-05-09"),
            ("3.19", "2025-11-01"),
            ("3.20", "2026-04-01"),
            ("3.21", "2026-11-01"),
            ("3.22", "2027-05-01"),
            ("3.23", "2027-11-01"),
            ("3.24", "2028-06-01"),
        ],
    ),
    // access.redhat.com/support/policy/updates/errata: end of maintenance support.
    (
        "rhel",
        &[
            ("5", "2017-03-31"),
            ("6", "2020-11-30"),
            ("7", "2024-06-30"),
            ("8", "2029-05-31"),
            ("9", "2032-05-31"),
            ("10", "2035-05-31"),
        ],
    ),
    // centos.org/centos-linux and centos.org/cl-vs-cs, "End of life dates".
    ("centos", &[("5", "2017-03-31"), ("6", "2020-11-30"), ("7", "2024-06-30"), ("8", "2021-12-31")]),
    ("centos-stream", &[("8", "2024-05-31"), ("9", "2027-05-31"), ("10", "2030-05-31")]),
    // wiki.almalinux.org/release-notes, wiki.rockylinux.org/rocky/version, oracle.com: Premier Support of Oracle Linux.
    ("almalinux", &[("8", "2029-05-31"), ("9", "2032-05-31"), ("10", "2035-05-31")]),
    ("rocky", &[("8", "2029-05-31"), ("9", "2032-05-31"), ("10", "2035-05-31")]),
    ("ol", &[("6", "2021-03-31"), ("7", "2024-12-31"), ("8", "2029-07-31"), ("9", "2032-06-30")]),
    // aws.amazon.com: FAQs of Amazon Linux AMI, 2 and 2023.
    (
        "amzn",
        &[
            ("2015", "2023-12-31"),
            ("2016", "2023-12-31"),
            ("2017", "2023-12-31"),
            ("2018", "2023-12-31"),
            ("2", "2026-06-30"),
            ("2023", "2029-06-30"),
        ],
    ),
    // docs.fedoraproject.org/releases/eol.
    (
        "fedora",
        &[
            ("20", "2015-06-23"),
            ("21", "2015-12-01"),
            ("22", "2016-07-19"),
            ("23", "2016-12-20"),
            ("24", "2017-08-08"),
            ("25", "2017-12-12"),
            ("26", "2018-05-29"),
            ("27", "2018-11-30"),
            ("28", "2019-05-28"),
            ("29", "2019-11-26"),
            ("30", "2020-05-26"),
            ("31", "2020-11-24"),
            ("32", "2021-05-25"),
            ("33", "2021-11-30"),
            ("34", "2022-06-07"),
            ("35", "2022-12-13"),
            ("36", "2023-05-16"),
            ("37", "2023-12-05"),
            ("38", "2024-05-21"),
            ("39", "2024-11-26"),
            ("40", "2025-05-13"),
            ("41", "2025-12-15"),
            ("42", "2026-05-27"),
            ("43", "2026-12-09"),
            ("44", "2027-06-02"),
        ],
    ),
    // en.opensuse.org/Lifetime.
    (
        "opensuse-leap",
        &[
            ("13.1", "2016-02-03"),
            ("13.2", "2017-01-17"),
            ("42.1", "2017-05-17"),
            ("42.2", "2018-01-26"),
            ("42.3", "2019-07-01"),
            ("15.0", "2019-12-03"),
            ("15.1", "2021-02-02"),
            ("15.2", "2022-01-04"),
            ("15.3", "2022-12-31"),
            ("15.4", "2023-12-07"),
            ("15.5", "2024-12-31"),
            ("15.6", "2026-04-30"),
            ("16.0", "2027-10-31"),
        ],
    ),
    // suse.com/lifecycle: end of general support.
    (
        "sles",
        &[
            ("11.4", "2019-03-31"),
            ("12", "2016-06-30"),
            ("12.1", "2017-05-31"),
            ("12.2", "2018-03-31"),
            ("12.3", "2019-06-30"),
            ("12.4", "2020-06-30"),
            ("12.5", "2024-10-31"),
            ("15", "2019-12-31"),
            ("15.1", "2021-01-31"),
            ("15.2", "2021-12-31"),
            ("15.3", "2022-12-31"),
            ("15.4", "2023-12-31"),
            ("15.5", "2024-12-31"),
            ("15.6", "2025-12-31"),
            ("15.7", "2031-07-31"),
            ("16.0", "2027-11-30"),
        ],
    ),
    // github.com/vmware/photon: end of support of 1.0 to 3.0.
    ("photon", &[("1.0", "2022-02-28"), ("2.0", "2022-12-31"), ("3.0", "2024-03-01")]),
    // learn.microsoft.com: CBL-Mariner.
    ("mariner", &[("1.0", "2023-07-31"), ("2.0", "2025-07-31")]),
    // mageia.org/support.
    (
        "mageia",
        &[
            ("5", "2017-12-31"),
            ("6", "2019-09-30"),
            ("7", "2021-06-30"),
            ("8", "2023-11-30"),
            ("9", "2026-09-29"),
            ("10", "2028-03-31"),
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn end(id: &str, version: &str) -> Option<&'static str> {
        end_of_life(&Release { id: id.into(), version_id: version.into(), ..Release::default() })
    }

    #[test]
    fn a_release_ends_on_its_day_and_a_minor_one_with_its_major_one() {
        assert_eq!(end("debian", "10"), Some("2024-06-30"));
        assert_eq!(end("debian", "10.13"), Some("2024-06-30"));
        assert_eq!(end("rhel", "8.10"), Some("2029-05-31"));
        assert_eq!(end("alpine", "3.10.4"), Some("2021-05-01"));
        assert_eq!(end("ubuntu", "18.04"), Some("2023-05-31"));
        assert_eq!(end("sles", "15.4"), Some("2023-12-31"));
        assert_eq!(end("amzn", "2018.03"), Some("2023-12-31"));
    }

    #[test]
    fn what_is_not_known_to_have_ended_has_no_day() {
        assert_eq!(end("debian", ""), None);
        assert_eq!(end("debian", "99"), None);
        assert_eq!(end("alpine", "3.99.1"), None);
        assert_eq!(end("raspbian", "10"), None, "derivatives have days of their own");
        assert_eq!(end("arch", ""), None);
        assert_eq!(end("sles", "15.8"), None, "a later service pack does not end with the first");
    }

    #[test]
    fn two_distributions_share_the_id_of_centos() {
        let release = |pretty: &str| Release {
            id: "centos".into(),
            version_id: "8".into(),
            pretty_name: Some(pretty.into()),
            ..Release::default()
        };
        assert_eq!(end_of_life(&release("CentOS Linux 8")), Some("2021-12-31"));
        assert_eq!(end_of_life(&release("CentOS Stream 8")), Some("2024-05-31"));
    }

    #[test]
    fn days_are_days_and_releases_stand_once() {
        for (distribution, releases) in DISTRIBUTIONS {
            for (index, (version, day)) in releases.iter().enumerate() {
                let parts: Vec<u32> = day.split('-').map(|part| part.parse().unwrap()).collect();
                assert!(
                    matches!(parts[..], [2012..=2040, 1..=12, 1..=31]) && day.len() == 10,
                    "{distribution} {version}"
                );
                assert!(releases[index + 1..].iter().all(|(other, _)| other != version), "{distribution} {version}");
            }
        }
    }
}
