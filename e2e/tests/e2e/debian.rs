//! A real Debian (or Ubuntu) base: its tar, and what `dpkg-query` says is in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::command::{command, succeed};
use crate::machine;

/// A minimal system of this machine's own release.
#[derive(Debug)]
pub(crate) struct Base {
    /// The tar of its files.
    pub(crate) tar: PathBuf,
    /// Installed packages by name.
    pub(crate) packages: BTreeMap<String, Installed>,
    /// The release as OSV names it: `Debian:12`.
    pub(crate) ecosystem: String,
}

/// What dpkg knows of an installed package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Installed {
    /// Its own version.
    pub(crate) version: String,
    /// The source package that it was built from.
    pub(crate) source: String,
    /// That one's version, which advisories speak of.
    pub(crate) source_version: String,
}

impl Base {
    /// Makes the base, or takes it from the cache. `work` is for what dpkg-query reads.
    pub(crate) fn made(work: &Path) -> Self {
        let made = succeed(command(machine::root().join("scripts/base-image.sh"), [] as [&str; 0]));
        let tar = PathBuf::from(made.trim());
        let database = work.join("dpkg");
        std::fs::create_dir_all(&database).expect("a folder for dpkg's database");
        let members =
            ["--directory".as_ref(), database.as_os_str(), "--extract".as_ref(), "--file".as_ref(), tar.as_os_str()];
        let mut extract = command("tar", members);
        extract.args(["--wildcards", "*var/lib/dpkg/*", "*etc/debian_version", "*usr/lib/os-release"]);
        succeed(extract);
        Self {
            packages: packages(&database.join("var/lib/dpkg")),
            ecosystem: ecosystem(&database.join("usr/lib/os-release")),
            tar,
        }
    }

    /// The binary packages of one source package.
    pub(crate) fn built_from(&self, source: &str) -> Vec<(String, Installed)> {
        let of = |(_, installed): &(&String, &Installed)| installed.source == source;
        self.packages.iter().filter(of).map(|(name, installed)| (name.clone(), installed.clone())).collect()
    }
}

/// Asks the real dpkg-query.
pub(crate) fn packages(database: &Path) -> BTreeMap<String, Installed> {
    let format = "${Package}\t${Version}\t${source:Package}\t${source:Version}\t${db:Status-Status}\n";
    let mut query = command("dpkg-query", ["--show"]);
    query.arg(format!("--admindir={}", database.display())).arg(format!("--showformat={format}"));
    let told = succeed(query);
    let mut packages = BTreeMap::new();
    for line in told.lines() {
        let [name, version, source, source_version, "installed"] = line.split('\t').collect::<Vec<_>>()[..] else {
            continue;
        };
        let installed = Installed {
            version: version.to_owned(),
            source: source.to_owned(),
            source_version: source_version.to_owned(),
        };
        packages.insert(name.to_owned(), installed);
    }
    assert!(packages.len() > 50, "dpkg-query knows only {} packages", packages.len());
    packages
}

/// OSV's name for the release that this os-release describes.
fn ecosystem(os_release: &Path) -> String {
    let text = std::fs::read_to_string(os_release).expect("os-release");
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.unwrap_or_default().trim_matches('"').to_owned()
    };
    match value("ID").as_str() {
        "ubuntu" => format!("Ubuntu:{}:LTS", value("VERSION_ID")),
        _ => format!("Debian:{}", value("VERSION_ID")),
    }
}
