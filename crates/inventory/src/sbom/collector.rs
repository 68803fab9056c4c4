//! Entries in, packages out: what each package URL means here, which distribution they are of, and what was left out.

use std::collections::BTreeMap;
use std::collections::HashMap;

use image::Digest;

use super::entry::{self, Entry};
use super::package_url::PackageUrl;
use crate::package::{Linked, Located, SourcePackage};
use crate::{Inventory, LinkedText, Package, PackageKind, Release};

/// Most packages of a list; real ones have some ten thousand.
const MOST_PACKAGES: usize = 500_000;
/// Most layers that a list may name; an image has 127 at most.
const MOST_LAYERS: usize = 1024;
/// Most bytes of what is linked, of all modules: functions have less in a list of ours, and there are the packages' names.
const MOST_LINKED: usize = 2 * LinkedText::ROOM;
/// Most types of package URLs that are told apart when they are counted.
const MOST_TYPES: usize = 50;

/// What is known of a list so far.
#[derive(Debug, Default)]
pub(super) struct Collector<'a> {
    place: &'a str,
    packages: Vec<(Package, Entry)>,
    /// The distribution that the list names as such.
    release: Option<Release>,
    /// The distributions that package URLs name, with how often.
    distributions: BTreeMap<(String, String), usize>,
    layers: Vec<Digest>,
    pub(super) history: Vec<Option<String>>,
    pub(super) subject: Option<String>,
    pub(super) platform: Option<String>,
    pub(super) warnings: Vec<String>,
    pub(super) unverified: Vec<usize>,
    pub(super) release_told: bool,
    pub(super) content_sets: Vec<String>,
    /// Bytes of what is linked so far.
    linked: usize,
    without_purl: Counted,
    broken: Counted,
    over: usize,
    unknown: BTreeMap<String, usize>,
    other_types: usize,
}

/// How many there are, and one of them for people.
#[derive(Debug, Default)]
struct Counted {
    number: usize,
    first: String,
}

/// What a list told.
pub(super) struct Found {
    pub(super) subject: Option<String>,
    pub(super) platform: Option<String>,
    pub(super) history: Vec<Option<String>>,
    pub(super) inventory: Inventory,
}

impl<'a> Collector<'a> {
    pub(super) fn new(place: &'a str) -> Self {
        Self { place, ..Self::default() }
    }

    /// An entry that is to be a package.
    pub(super) fn take(&mut self, mut entry: Entry) {
        entry.linked = entry.linked.take().filter(|linked| self.has_room_for(linked));
        let Some(text) = &entry.purl else {
            return self.without_purl.add(|| named(&entry));
        };
        let Some(purl) = PackageUrl::parse(text) else {
            return self.broken.add(|| clipped(text));
        };
        let Some(kind) = purl.package_kind() else {
            if self.unknown.len() < MOST_TYPES || self.unknown.contains_key(purl.kind.as_ref()) {
                *self.unknown.entry(clipped(&purl.kind)).or_default() += 1;
            } else {
                self.other_types += 1;
            }
            return;
        };
        if self.packages.len() >= MOST_PACKAGES {
            self.over += 1;
            return;
        }
        match package(kind, &purl, &entry) {
            Ok(package) => {
                if kind.is_of_distribution()
                    && let Some(distribution) = distribution(&purl)
                {
                    *self.distributions.entry(distribution).or_default() += 1;
                }
                self.packages.push((package, entry));
            }
            Err(reason) => self.broken.add(|| format!("{}: {reason}", clipped(text))),
        }
    }

    /// Whether what is linked of one more module may be kept; where it may not, nothing is known of it. Numbers in memory take
    /// several times their text.
    fn has_room_for(&mut self, linked: &LinkedText) -> bool {
        self.linked = self.linked.saturating_add(linked.size());
        self.linked <= MOST_LINKED
    }

    /// An entry that could not be read at all.
    pub(super) fn unreadable(&mut self, what: &str, reason: &str) {
        self.broken.add(|| format!("{what}: {}", clipped(reason)));
    }

    /// The distribution, where the list names one; the first one counts.
    pub(super) fn distribution(&mut self, release: Release) {
        if self.release.is_none() && release.check().is_ok() {
            self.release = Some(Release { id: os_release_id(&release.id), ..release });
        }
    }

    /// The next layer from the base.
    pub(super) fn layer(&mut self, digest: &str, created_by: Option<String>) {
        if let Ok(digest) = digest.parse()
            && self.layers.len() < MOST_LAYERS
        {
            self.layers.push(digest);
            self.history.push(created_by);
        }
    }

    pub(super) fn finish(self) -> Found {
        let release = self.release.clone().or_else(|| of_purls(&self.distributions));
        let numbers: HashMap<&Digest, usize> = self.layers.iter().rev().zip((0..self.layers.len()).rev()).collect();
        let mut warnings = self.warnings.clone();
        warnings.extend(self.left_out());
        let mut packages: Vec<Located> = Vec::with_capacity(self.packages.len());
        let mut linked: Vec<(String, Linked)> = Vec::new();
        for (package, entry) in self.packages {
            let by_digest = entry.layer.as_ref().and_then(|digest| numbers.get(digest).copied());
            let by_number = entry.layer_number.filter(|number| *number < self.layers.len().max(1));
            let of_module = entry.linked.as_ref().and_then(|linked| linked.read(&package.name));
            if let Some((path, of_module)) = entry.path.as_ref().zip(of_module) {
                linked.push((path.clone(), of_module));
            }
            packages.push(Located {
                purl: package.purl(release.as_ref()),
                package,
                path: entry.path.unwrap_or_else(|| self.place.to_owned()),
                layer: by_number.or(by_digest).unwrap_or(0),
                owner: entry.owner,
            });
        }
        packages.sort_by(|one, other| order(one).cmp(&order(other)));
        packages.dedup();
        let (layers, unverified) = (self.layers, self.unverified);
        let mut content_sets = self.content_sets;
        content_sets.sort_unstable();
        content_sets.dedup();
        let inventory =
            Inventory { release, packages, layers, warnings, unverified, content_sets, linked, ..Inventory::default() };
        let inventory = Inventory { release_told: self.release_told, ..inventory };
        Found { subject: self.subject, platform: self.platform, history: self.history, inventory }
    }

    /// What of the list was not judged, a sentence each.
    fn left_out(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        let entries = |number: usize| if number == 1 { "1 entry".into() } else { format!("{number} entries") };
        if self.without_purl.number > 0 {
            let Counted { number, first } = &self.without_purl;
            sentences.push(format!("{} without a package URL, such as {first}", entries(*number)));
        }
        for (kind, number) in &self.unknown {
            sentences.push(format!("{} of type {kind}, which is not known here", entries(*number)));
        }
        if self.other_types > 0 {
            sentences.push(format!("{} of other types, which are not known here", entries(self.other_types)));
        }
        if self.broken.number > 0 {
            let Counted { number, first } = &self.broken;
            sentences.push(format!("{} that cannot be read, such as {first}", entries(*number)));
        }
        if self.over > 0 {
            sentences.push(format!("{} more than the {MOST_PACKAGES} that a list may have", entries(self.over)));
        }
        sentences
    }
}

/// As in the inventory of an image.
fn order(located: &Located) -> (PackageKind, &str, &str, &str, &Package) {
    let package = &located.package;
    (package.kind, &package.name, &package.version, &located.path, package)
}

impl Counted {
    fn add(&mut self, what: impl FnOnce() -> String) {
        self.number += 1;
        if self.first.is_empty() {
            self.first = what();
        }
    }
}

fn named(entry: &Entry) -> String {
    let version = entry.version.as_deref().unwrap_or_default();
    clipped(format!("{} {version}", entry.name).trim())
}

fn clipped(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(120).collect()
}

/// The package that a package URL and what stands beside it mean.
fn package(kind: PackageKind, purl: &PackageUrl<'_>, entry: &Entry) -> Result<Package, &'static str> {
    let beside = entry.version.as_deref();
    let mut version = purl.version.as_deref().or(beside).ok_or("it has no version")?.to_owned();
    // rpm's epoch is a qualifier by the specification, dpkg's by Trivy.
    if matches!(kind, PackageKind::Rpm | PackageKind::Deb)
        && let Some(epoch) = purl.qualifier("epoch")
        && !version.contains(':')
    {
        version = format!("{epoch}:{version}");
    }
    let named = purl.full_name(kind);
    // Types that are written in lower case keep their own case in the name beside; so does Maven's group, which some
    // leave out of the package URL.
    let name = match kind {
        PackageKind::Maven if !named.contains(':') && entry.name.contains(':') => entry.name.clone(),
        _ if same_but_for_case(&named, &entry.name) => entry.name.clone(),
        _ => named,
    };
    let architecture = match kind {
        PackageKind::Gem => purl.qualifier("platform"),
        PackageKind::Conda => purl.qualifier("subdir"),
        _ => purl.qualifier("arch"),
    };
    let source = entry.source.clone().or_else(|| source(kind, purl, &name, &version));
    let module = entry.module.as_deref().or_else(|| purl.qualifier("rpmmod"));
    let vendor = entry.vendor.as_deref().or_else(|| purl.qualifier("channel").filter(|_| kind == PackageKind::Conda));
    let licences = entry.licences.iter().filter(|licence| !licence.is_empty()).take(100).cloned().collect();
    let mut package = Package {
        architecture: architecture.map(str::to_owned),
        source,
        licences,
        vendor: vendor.map(str::to_owned),
        module: module.map(str::to_owned),
        inside: entry.inside.clone(),
        ..Package::new(kind, name, version)
    };
    if package.check().is_err() {
        // An absurd licence or vendor costs itself; what is judged by must be right.
        package.licences.clear();
        package.vendor = None;
        package.inside = None;
    }
    package.check().map(|()| package)
}

fn same_but_for_case(purl: &str, beside: &str) -> bool {
    let same = |one: u8, other: u8| one.eq_ignore_ascii_case(&other) || matches!((one, other), (b'-', b'_' | b'.'));
    purl.len() == beside.len() && purl.bytes().zip(beside.bytes()).all(|(one, other)| same(one, other))
}

/// The source package by the qualifier `upstream`: `glibc`, `util-linux@2.38.1-5`, `bash-5.1.8-9.el9.src.rpm`. Formats
/// that have source packages and name none are built from one of the same name.
fn source(kind: PackageKind, purl: &PackageUrl<'_>, name: &str, version: &str) -> Option<SourcePackage> {
    if !kind.is_of_distribution() {
        return None;
    }
    let of_version = |name: &str, version: &str| SourcePackage { name: name.to_owned(), version: version.to_owned() };
    let Some(upstream) = purl.qualifier("upstream") else { return Some(of_version(name, version)) };
    let file = upstream.strip_suffix(".rpm").and_then(|file| file.rsplit_once('.'));
    if let Some((file, "src" | "nosrc")) = file
        && let Some((rest, release)) = file.rsplit_once('-')
        && let Some((name, number)) = rest.rsplit_once('-')
    {
        // The file's name has no epoch; the binary's is the source's but for rare exceptions.
        let epoch = version.split_once(':').map_or(String::new(), |(epoch, _)| format!("{epoch}:"));
        return Some(of_version(name, &format!("{epoch}{number}-{release}")));
    }
    entry::source(upstream).or_else(|| Some(of_version(upstream, version)))
}

/// Id and version of the distribution that a package URL names: `distro=debian-12`, Trivy's `distro=3.19.1` of
/// namespace `alpine`, or the namespace alone.
fn distribution(purl: &PackageUrl<'_>) -> Option<(String, String)> {
    let namespace = purl.namespace.as_str();
    let Some(distro) = purl.qualifier("distro") else {
        return (!namespace.is_empty()).then(|| (namespace.to_owned(), String::new()));
    };
    if distro.starts_with(|first: char| first.is_ascii_digit()) {
        return (!namespace.is_empty()).then(|| (namespace.to_owned(), distro.to_owned()));
    }
    let parts = distro.rsplit_once('-');
    let numbered = parts.filter(|(_, version)| version.starts_with(|first: char| first.is_ascii_digit()));
    let (id, version) = numbered.or_else(|| parts.filter(|(id, _)| *id == namespace)).unwrap_or((distro, ""));
    Some((id.to_owned(), version.to_owned()))
}

/// The distribution that most package URLs name.
fn of_purls(distributions: &BTreeMap<(String, String), usize>) -> Option<Release> {
    let most = distributions.iter().max_by_key(|((_, version), number)| (!version.is_empty(), **number))?;
    let (id, version) = most.0;
    let is_number = version.starts_with(|first: char| first.is_ascii_digit());
    let release = Release {
        id: os_release_id(id),
        version_id: if is_number { version.clone() } else { String::new() },
        codename: (!is_number && !version.is_empty()).then(|| version.clone()),
        ..Release::default()
    };
    release.check().is_ok().then_some(release)
}

/// The `ID` of os-release for what others call a distribution: Trivy has names of its own, package URLs have vendors.
fn os_release_id(name: &str) -> String {
    let name = name.to_lowercase();
    match name.as_str() {
        "alma" => "almalinux",
        "amazon" => "amzn",
        "cbl-mariner" => "mariner",
        "opensuse.leap" => "opensuse-leap",
        "opensuse.tumbleweed" => "opensuse-tumbleweed",
        "oracle" | "oraclelinux" => "ol",
        "redhat" => "rhel",
        "suse linux enterprise server" => "sles",
        other => other,
    }
    .to_owned()
}
