//! Which distributions' advisories also list what is not fixed yet.
//!
//! It decides whether a distribution's word may stand for a language package that one of its own packages brought: a
//! feed that tells of a weakness only when the fix is out would leave it unsaid until then.

/// A distribution's ecosystem in OSV, and whether its feed lists issues without a fix.
struct Feed {
    ecosystem: &'static str,
    lists_unfixed: bool,
}

const fn all(ecosystem: &'static str) -> Feed {
    Feed { ecosystem, lists_unfixed: true }
}

const fn only_fixed(ecosystem: &'static str) -> Feed {
    Feed { ecosystem, lists_unfixed: false }
}

/// From what each project says of its feed. What is not in the table counts as listing only what is fixed: then a
/// package is judged twice, and nothing is left out.
const FEEDS: &[Feed] = &[
    // The security tracker's records (`DEBIAN-CVE-…`), one for each CVE of a package, open ones included.
    all("Debian"),
    // The CVE tracker's records (`UBUNTU-CVE-…`), "needed" and "deferred" included.
    all("Ubuntu"),
    // OVAL definitions, also of what no version mends.
    all("Azure Linux"),
    // secdb: versions in which something was fixed.
    only_fixed("Alpine"),
    only_fixed("Wolfi"),
    only_fixed("Chainguard"),
    only_fixed("MinimOS"),
    // Errata: one for each update that is out. (Red Hat's VEX tells of unfixed ones; OSV has its errata.)
    only_fixed("Red Hat"),
    only_fixed("AlmaLinux"),
    only_fixed("Rocky Linux"),
    only_fixed("SUSE"),
    only_fixed("openSUSE"),
    only_fixed("openEuler"),
    only_fixed("Mageia"),
    only_fixed("Photon OS"),
];

/// Whether the feed of a distribution (`Debian:12`, `Debian`) lists issues that are not fixed, too.
pub fn lists_unfixed(ecosystem: &str) -> bool {
    let base = advisory::ecosystem::base(ecosystem);
    FEEDS.iter().any(|feed| feed.ecosystem == base && feed.lists_unfixed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feed_of_the_table_is_an_ecosystem_of_osv_and_stands_there_once() {
        for (number, feed) in FEEDS.iter().enumerate() {
            assert!(advisory::ecosystem::is_defined(feed.ecosystem), "{}", feed.ecosystem);
            assert!(FEEDS[..number].iter().all(|earlier| earlier.ecosystem != feed.ecosystem), "{}", feed.ecosystem);
        }
    }

    #[test]
    fn what_is_not_known_of_a_feed_leaves_nothing_out() {
        assert!(lists_unfixed("Debian:12") && lists_unfixed("Ubuntu:24.04:LTS"));
        assert!(!lists_unfixed("Alpine:v3.20") && !lists_unfixed("raspbian:12"));
    }
}
