//! Every source that can be fetched: where it is, in which format, under which licence, how often it changes, what it
//! covers.
//!
//! osv.dev's bucket holds each home database's records in OSV's format, an archive an ecosystem. The licence is that of
//! the data's own publisher, as its repository or site states it; where none is stated here, the publisher's site says.

use super::fetch::OSV_BUCKET;

/// A source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// What `db update` calls it: OSV's ecosystem, `kev`, `epss`.
    pub name: &'static str,
    /// How its bytes are read.
    pub format: Format,
    /// Under which licence its data is, in SPDX's terms where it is one of those.
    pub licence: &'static str,
    /// Whose data it is.
    pub attribution: &'static str,
    /// How often its publisher renews it, in hours: younger than that there is nothing new.
    pub refresh_hours: u32,
    /// What it covers.
    pub covers: &'static str,
}

/// How a source's bytes are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A zip of OSV records, and a list of what changed.
    Osv,
    /// CISA's JSON.
    Kev,
    /// FIRST's CSV, gzip.
    Epss,
}

impl Format {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Osv => "OSV JSON in a zip",
            Self::Kev => "CISA's JSON",
            Self::Epss => "FIRST's CSV, gzip",
        }
    }
}

impl Source {
    /// The source of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        SOURCES.iter().find(|source| source.name == name)
    }

    /// Where it is fetched from, unless a mirror is.
    pub fn address(&self) -> String {
        match self.format {
            Format::Osv => format!("{OSV_BUCKET}/{}/all.zip", self.name.replace(' ', "%20")),
            Format::Kev => "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json".into(),
            Format::Epss => "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz".into(),
        }
    }

    /// Where it lies below a mirror's address.
    pub(super) fn path_on_mirror(name: &str) -> String {
        match name {
            "kev" => "kev/known_exploited_vulnerabilities.json".into(),
            "epss" => "epss/epss_scores-current.csv.gz".into(),
            ecosystem => format!("{ecosystem}/all.zip"),
        }
    }

    /// Whether it only enriches the advisories of others.
    pub fn enriches(&self) -> bool {
        self.format != Format::Osv
    }
}

const fn osv(name: &'static str, licence: &'static str, attribution: &'static str, covers: &'static str) -> Source {
    Source { name, format: Format::Osv, licence, attribution, refresh_hours: 1, covers }
}

/// What the publisher's own site states.
const STATED: &str = "as its publisher states";
const GHSA: &str = "CC-BY-4.0";

/// Every source, advisories first, each kind by name.
pub const SOURCES: &[Source] = &[
    osv("AlmaLinux", "MIT", "AlmaLinux OS Foundation, osv-database", "AlmaLinux 8, 9, 10"),
    osv("Alpaquita", STATED, "BellSoft", "Alpaquita Linux"),
    osv("Alpine", STATED, "Alpine Linux, secdb", "Alpine's branches"),
    osv("Android", STATED, "Google, Android Security Bulletins", "Android"),
    osv("Azure Linux", "MIT", "Microsoft, AzureLinuxVulnerabilityData", "Azure Linux and CBL-Mariner"),
    osv("BellSoft Hardened Containers", STATED, "BellSoft", "BellSoft's hardened images"),
    osv("Bitnami", "Apache-2.0", "Bitnami, vulndb", "components of Bitnami's images"),
    osv("CRAN", "Apache-2.0", "R Consortium, r-advisory-database", "R packages"),
    osv("Chainguard", STATED, "Chainguard", "Chainguard's images"),
    osv("CleanStart", STATED, "CleanStart", "CleanStart's images"),
    osv("Debian", STATED, "Debian, Security Tracker", "Debian's releases, unfixed issues too"),
    osv("Echo", STATED, "Echo", "Echo's images"),
    osv("GHC", "CC0-1.0", "Haskell Security Response Team, security-advisories", "the Haskell compiler"),
    osv("GitHub Actions", GHSA, "GitHub Advisory Database", "actions"),
    osv(
        "Go",
        "CC-BY-4.0",
        "Go Vulnerability Database; GitHub Advisory Database",
        "Go modules and the standard library",
    ),
    osv("Hackage", "CC0-1.0", "Haskell Security Response Team, security-advisories", "Haskell packages"),
    osv("Hex", GHSA, "GitHub Advisory Database; Erlang Ecosystem Foundation", "Erlang and Elixir packages"),
    osv("Julia", STATED, "Julia, SecurityAdvisories.jl", "Julia packages"),
    osv("Linux", STATED, "Linux kernel CVE team", "the kernel"),
    osv("Mageia", STATED, "Mageia, advisories", "Mageia's releases"),
    osv("Maven", GHSA, "GitHub Advisory Database", "Java archives"),
    osv("MinimOS", STATED, "Minimus", "Minimus' images"),
    osv("NuGet", GHSA, "GitHub Advisory Database", ".NET packages"),
    osv("OSS-Fuzz", "CC-BY-4.0", "Google, OSS-Fuzz", "projects fuzzed by OSS-Fuzz"),
    osv("Packagist", GHSA, "GitHub Advisory Database; Drupal", "PHP packages"),
    osv("Pub", GHSA, "GitHub Advisory Database", "Dart packages"),
    osv(
        "PyPI",
        "CC-BY-4.0",
        "Python Packaging Authority, advisory-database; GitHub Advisory Database",
        "Python packages",
    ),
    osv("Red Hat", "CC-BY-4.0", "Red Hat, security data", "Red Hat's products"),
    osv("Rocky Linux", STATED, "Rocky Enterprise Software Foundation", "Rocky Linux 8, 9, 10"),
    osv("Root", STATED, "Root", "Root's patched packages"),
    osv("RubyGems", GHSA, "GitHub Advisory Database", "Ruby gems"),
    osv("SUSE", "CC-BY-4.0", "SUSE", "SUSE's products"),
    osv("SwiftURL", GHSA, "GitHub Advisory Database", "Swift packages"),
    osv("Ubuntu", STATED, "Canonical, Ubuntu CVE Tracker", "Ubuntu's releases and Ubuntu Pro, unfixed issues too"),
    osv("VSCode", "Apache-2.0", "OpenSSF, malicious-packages", "malicious extensions of Visual Studio Code"),
    osv("Wolfi", "not for commercial use without asking", "Chainguard", "Wolfi"),
    osv("crates.io", "CC0-1.0", "RustSec, advisory-db; GitHub Advisory Database (CC-BY-4.0)", "Rust crates"),
    osv(
        "npm",
        GHSA,
        "GitHub Advisory Database; OpenSSF, malicious-packages (Apache-2.0)",
        "npm packages, malicious ones too",
    ),
    osv("opam", STATED, "OCaml Security Response Team", "OCaml packages"),
    osv("openEuler", STATED, "openEuler", "openEuler's releases"),
    osv("openSUSE", "CC-BY-4.0", "SUSE", "openSUSE's releases"),
    Source {
        name: "epss",
        format: Format::Epss,
        licence: "free use, FIRST to be named",
        attribution: "FIRST, Exploit Prediction Scoring System",
        refresh_hours: 24,
        covers: "how likely each CVE is to be exploited within 30 days",
    },
    Source {
        name: "kev",
        format: Format::Kev,
        licence: "CC0-1.0",
        attribution: "CISA, Known Exploited Vulnerabilities Catalog",
        refresh_hours: 24,
        covers: "which CVEs are known to be exploited",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_is_there_once_and_says_all_of_itself() {
        for (at, source) in SOURCES.iter().enumerate() {
            assert!(SOURCES[at + 1..].iter().all(|other| other.name != source.name), "{}", source.name);
            let texts = [source.licence, source.attribution, source.covers];
            assert!(texts.iter().all(|text| !text.is_empty()) && source.refresh_hours > 0, "{}", source.name);
            assert!(
                source.address().starts_with("https://") && !source.address().contains(' '),
                "{}",
                source.address()
            );
            assert!(source.enriches() || crate::ecosystem::is_defined(source.name), "{}", source.name);
        }
    }
}
