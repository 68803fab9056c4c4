//! What merging says is there is what the kernel shows, over random stacks of layers.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{Cursor, Read};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Command;

use inventory::layer::{Limits, catalogue};
use inventory::worker::Launcher;
use inventory::{Inventory, merge};
use proptest::prelude::*;
use rustix::fs::{Mode, OFlags, ResolveFlags};

use crate::layers::{Layer, Member};
use crate::support::skip;

/// Where packages may be told of, and where a link may lead a well-known path to.
const PLACES: &[&str] = &[
    "var/lib/dpkg/status",
    "var/lib/dpkg/status.d/one",
    "var/lib/dpkg/status.d/two",
    "data/lib/dpkg/status",
    "data/dpkg/status",
    "lib/apk/db/installed",
    "usr/lib/apk/db/installed",
    "etc/os-release",
    "usr/lib/os-release",
    "data/os-release",
    "etc/debian_version",
    "usr/lib/node_modules/a/package.json",
    "usr/lib/node_modules/@s/b/package.json",
    "lib/node_modules/a/package.json",
    "data/c-1.dist-info/METADATA",
    "usr/lib/c-1.dist-info/METADATA",
];

/// Links between the folders of those places. None goes up again from a folder that may not be there: the kernel
/// stops where following does not.
const LINKS: &[(&str, &str)] = &[
    ("lib", "usr/lib"),
    ("lib", "/usr/lib"),
    ("usr/lib", "../lib"),
    ("var", "data"),
    ("var/lib", "../data"),
    ("var/lib", "/usr/lib"),
    ("data", "/var/lib"),
    ("data", "./usr/../usr//lib/."),
    ("var/lib/dpkg", "/data/dpkg"),
    ("var/lib/dpkg/status.d", "../../../data"),
    ("etc/os-release", "../usr/lib/os-release"),
    ("etc/os-release", "/data/os-release"),
    ("usr/lib/os-release", "../../etc/os-release"),
    ("var/lib/dpkg/status", "/data/dpkg/status"),
    ("usr/lib/node_modules", "/data"),
    ("etc", "usr/lib"),
];

/// A file of two possible contents at that path: unchanged and changed packages both come up.
fn content(path: &str, version: u8) -> Vec<u8> {
    let text = match path.rsplit('/').next().unwrap() {
        "package.json" => format!("{{\"name\": \"npm\", \"version\": \"{version}\"}}"),
        "METADATA" => format!("Name: python\nVersion: {version}\n"),
        "os-release" => format!("ID=os{version}\n"),
        "debian_version" => format!("{version}.1\n"),
        "installed" => format!("P:always-apk\nV:1\n\nP:apk\nV:{version}\n"),
        name => format!(
            "Package: always\nStatus: install ok installed\nVersion: 1\n\n\
             Package: in-{name}\nStatus: install ok installed\nVersion: {version}\n"
        ),
    };
    text.into_bytes()
}

fn ancestors() -> Vec<String> {
    let mut all: Vec<String> =
        PLACES.iter().flat_map(|place| place.match_indices('/').map(|(end, _)| place[..end].to_owned())).collect();
    all.sort();
    all.dedup();
    all
}

fn hidden(path: &str) -> String {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    format!("{folder}/.wh.{name}").trim_start_matches('/').to_owned()
}

fn member() -> impl Strategy<Value = (String, Member)> {
    let place = || prop::sample::select(PLACES);
    let folder = || prop::sample::select(ancestors());
    prop_oneof![
        12 => (place(), 1..3u8).prop_map(|(path, version)| (path.to_owned(), Member::File(content(path, version)))),
        3 => prop::sample::select(LINKS).prop_map(|(path, target)| (path.to_owned(), Member::Link(target.into()))),
        2 => folder().prop_map(|path| (path, Member::Folder)),
        1 => folder().prop_map(|path| (path, Member::File(b"in the way".to_vec()))),
        1 => place().prop_map(|path| (path.to_owned(), Member::Folder)),
        2 => place().prop_map(|path| (hidden(path), Member::File(vec![]))),
        2 => folder().prop_map(|path| (hidden(&path), Member::File(vec![]))),
        2 => folder().prop_map(|path| (format!("{path}/.wh..wh..opq"), Member::File(vec![]))),
        1 => (place(), place()).prop_map(|(path, target)| (path.to_owned(), Member::HardLink(target.to_owned()))),
    ]
}

fn layer() -> impl Strategy<Value = Layer> {
    prop::collection::vec(member(), 1..8).prop_map(Layer)
}

/// What can be told of an image: packages by where they are and since which layer, and the distribution.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    packages: BTreeMap<Package, usize>,
    release: Option<String>,
}

/// Path (none where several files are one database), name, version.
type Package = (Option<PathBuf>, String, String);

fn is_database(path: &Path) -> bool {
    !(path.ends_with("package.json") || path.ends_with("METADATA"))
}

fn told_by(inventory: &Inventory) -> Told {
    let packages = inventory.packages.iter().map(|located| {
        let path = PathBuf::from(&located.path);
        let path = Some(path).filter(|path| !is_database(path));
        ((path, located.package.name.clone(), located.package.version.clone()), located.layer)
    });
    let release = inventory.release.as_ref().map(|release| format!("{}{}", release.id, release.version_id));
    Told { packages: packages.collect(), release }
}

/// Opens a path inside a tree as a process with that root would.
fn open_in(root: &Path, path: &str) -> Option<(fs::File, PathBuf)> {
    let root_folder = fs::File::open(root).unwrap();
    let flags = OFlags::RDONLY | OFlags::NONBLOCK;
    let file = rustix::fs::openat2(&root_folder, path, flags, Mode::empty(), ResolveFlags::IN_ROOT).ok()?;
    let real = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap();
    Some((file.into(), Path::new("/").join(real.strip_prefix(root).unwrap())))
}

fn read_at(root: &Path, path: &str) -> Option<(PathBuf, String)> {
    let (mut file, real) = open_in(root, path)?;
    let mut text = String::new();
    (file.metadata().unwrap().is_file() && file.read_to_string(&mut text).is_ok()).then_some((real, text))
}

/// Names and versions in a file that [`content`] made.
fn packages_in(text: &str) -> Vec<(String, String)> {
    let value = |names: &[&str]| -> Vec<String> {
        text.lines()
            .filter_map(|line| names.iter().find_map(|name| line.strip_prefix(name)))
            .map(str::to_owned)
            .collect()
    };
    if let Some(version) = text.strip_prefix("{\"name\": \"npm\", \"version\": \"") {
        return vec![("npm".into(), version[..1].into())];
    }
    value(&["Package: ", "P:", "Name: "]).into_iter().zip(value(&["Version: ", "V:"])).collect()
}

/// What is told by a tree that the kernel shows, read the plain way.
fn told_by_tree(root: &Path) -> (Vec<Package>, Option<String>) {
    let mut packages = Vec::new();
    for (database, format) in
        [("var/lib/dpkg/status", "Package: "), ("lib/apk/db/installed", "P:"), ("usr/lib/apk/db/installed", "P:")]
    {
        // Only what is written there in that format: hard links put one format's file in another's place.
        let text = read_at(root, database).map(|(_, text)| text).filter(|text| text.starts_with(format));
        let found = packages_in(&text.unwrap_or_default());
        packages.extend(found.into_iter().map(|(name, version)| (None, name, version)));
    }
    if let Some((_, folder)) =
        open_in(root, "var/lib/dpkg/status.d").filter(|(file, _)| file.metadata().unwrap().is_dir())
    {
        for entry in fs::read_dir(root.join(folder.strip_prefix("/").unwrap())).unwrap().map(Result::unwrap) {
            let text = fs::read_to_string(entry.path()).unwrap_or_default();
            if entry.file_type().unwrap().is_file() && text.starts_with("Package: ") {
                let found = packages_in(&text);
                packages.extend(found.into_iter().map(|(name, version)| (None, name, version)));
            }
        }
    }
    walk(root, &mut |path, is_file| {
        let inside = path.strip_prefix(root).unwrap();
        let text = inside.to_str().unwrap();
        let is_python = text.contains(".dist-info/METADATA");
        let is_npm = text.contains("node_modules/") && text.ends_with("/package.json");
        if is_file && (is_python || is_npm) {
            let text = fs::read_to_string(path).unwrap();
            if text.starts_with(if is_npm { "{" } else { "Name: " }) {
                for (name, version) in packages_in(&text) {
                    packages.push((Some(Path::new("/").join(inside)), name, version));
                }
            }
        }
    });
    packages.sort();
    packages.dedup();
    let release = ["etc/os-release", "usr/lib/os-release"].iter().find_map(|path| {
        let (_, text) = read_at(root, path)?;
        text.strip_prefix("ID=").map(|id| id.trim().to_owned())
    });
    let release = release.or_else(|| {
        let (_, text) = read_at(root, "etc/debian_version")?;
        text.trim().strip_suffix(".1").map(|version| format!("debian{version}"))
    });
    (packages, release)
}

fn walk(folder: &Path, visit: &mut dyn FnMut(&Path, bool)) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let kind = entry.file_type().unwrap();
        visit(&entry.path(), kind.is_file());
        if kind.is_dir() {
            walk(&entry.path(), visit);
        }
    }
}

/// What the kernel shows of the stack when it is complete, each package with the first layer since which it showed
/// it without a gap. None where a layer cannot be unpacked.
fn told_by_kernel(layers: &[Layer]) -> Option<Told> {
    // Memory-backed where that is there: overlayfs as a layer of overlayfs, as in a container, keeps its own
    // attributes to itself.
    let place = if Path::new("/dev/shm").is_dir() { PathBuf::from("/dev/shm") } else { std::env::temp_dir() };
    let folder = tempfile::Builder::new().prefix("plimsoll-overlay").tempdir_in(place).unwrap();
    fs::create_dir(folder.path().join("nothing")).unwrap();
    fs::create_dir(folder.path().join("merged")).unwrap();
    let mut script = format!("set -e; cd {}\n", folder.path().display());
    let mut stack = "nothing".to_owned();
    for (index, layer) in layers.iter().enumerate() {
        let root = folder.path().join(format!("layer{index}"));
        fs::create_dir(&root).unwrap();
        layer.unpack(&root).ok()?;
        stack = format!("layer{index}:{stack}");
        // Where a folder is in one layer only, the kernel lists the whiteouts in it, which then cannot be opened.
        write!(
            script,
            "mount -t overlay overlay -o lowerdir={stack} merged\n\
             cp -a merged shown{index} 2>said || ! grep -v 'cannot stat' said >&2\numount merged\n"
        )
        .unwrap();
    }
    let done = Command::new("unshare").args(["-m", "sh", "-c", &script]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let shown = |index| told_by_tree(&folder.path().join(format!("shown{index}")));
    let mut packages: BTreeMap<Package, usize> = BTreeMap::new();
    for index in 0..layers.len() {
        let now = shown(index).0;
        packages.retain(|package, _| now.contains(package));
        for package in now {
            packages.entry(package).or_insert(index);
        }
    }
    Some(Told { packages, release: shown(layers.len() - 1).1 })
}

/// A hard link to something that no cataloguer reads under its first name, or that is not there, is a warning.
fn merged(layers: &[Layer]) -> (Inventory, bool) {
    let launcher = Launcher::unsealed_in_this_process();
    let mut warned = false;
    let records: Vec<_> = layers
        .iter()
        .map(|layer| {
            let (_, record) = catalogue(Cursor::new(layer.tar()), &Limits::default(), &launcher).unwrap();
            warned |= !record.warnings.is_empty();
            record
        })
        .collect();
    (merge(&records), warned)
}

fn can_mount() -> bool {
    let tried = Command::new("unshare").args(["-m", "true"]).status();
    rustix::process::geteuid().is_root() && tried.is_ok_and(|status| status.success())
}

#[test]
fn merging_says_what_the_kernel_shows() {
    if !can_mount() {
        return skip("mounting an overlay needs root with CAP_SYS_ADMIN");
    }
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(64);
    proptest!(ProptestConfig { cases, max_global_rejects: 2 * cases, failure_persistence: None, ..ProptestConfig::default() },
    |(layers in prop::collection::vec(layer(), 1..5))| {
        let (inventory, warned) = merged(&layers);
        prop_assume!(!warned);
        let shown = told_by_kernel(&layers);
        prop_assume!(shown.is_some());
        prop_assert_eq!(told_by(&inventory), shown.unwrap());
    });
}
