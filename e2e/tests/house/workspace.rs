//! The workspace as cargo and its files tell it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, MetadataCommand, Package};

/// The folder that holds the workspace's manifest.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("e2e lies in the workspace").to_path_buf()
}

/// A file of the repository as text.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("reading {path}: {error}"))
}

/// A manifest of the repository.
pub(crate) fn manifest(path: &str) -> toml::Table {
    read(path).parse().unwrap_or_else(|error| panic!("parsing {path}: {error}"))
}

/// The packages of the workspace, without their dependencies' own.
pub(crate) fn packages() -> Vec<Package> {
    let metadata: Metadata =
        MetadataCommand::new().current_dir(root()).no_deps().exec().expect("cargo metadata of this workspace");
    metadata.packages
}

/// The rooms: the folders under `crates/`.
pub(crate) fn rooms() -> BTreeSet<String> {
    fs::read_dir(root().join("crates"))
        .expect("crates/")
        .map(|entry| entry.expect("an entry of crates/"))
        .filter(|entry| entry.path().join("Cargo.toml").is_file())
        .map(|entry| entry.file_name().into_string().expect("a name in UTF-8"))
        .collect()
}

/// The crate of test support: other crates may have it among their `[dev-dependencies]`, and nowhere else.
pub(crate) const TEST_SUPPORT: &str = "virtual-card";

/// The folders of the rooms and of the test support, from the root.
pub(crate) fn folders() -> Vec<String> {
    let rooms = rooms().into_iter().map(|room| format!("crates/{room}"));
    rooms.chain([format!("e2e/{TEST_SUPPORT}")]).collect()
}

/// The Rust files of a room, its tests among them.
pub(crate) fn sources(room: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("crates").join(room)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the repository") {
            let path = entry.expect("an entry of it").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
