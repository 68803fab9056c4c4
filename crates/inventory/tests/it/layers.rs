//! Layers that tests make: as a tar for Plimsoll, and unpacked into a folder for the kernel.

use std::collections::BTreeSet;
use std::fmt::{Display, Write as _};
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, XattrFlags};

/// A database of dpkg with these packages and versions.
pub(crate) fn status<N: Display>(packages: impl IntoIterator<Item = (N, N)>) -> String {
    packages.into_iter().fold(String::new(), |mut status, (name, version)| {
        let fields = "Status: install ok installed\nArchitecture: amd64";
        writeln!(status, "Package: {name}\n{fields}\nVersion: {version}\n").unwrap();
        status
    })
}

/// Members in the order of the tar.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layer(pub(crate) Vec<(String, Member)>);

#[derive(Clone)]
pub(crate) enum Member {
    Folder,
    File(Vec<u8>),
    Link(String),
    HardLink(String),
}

impl std::fmt::Debug for Member {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Folder => formatter.write_str("folder"),
            Self::File(content) => write!(formatter, "file {:?}", String::from_utf8_lossy(content)),
            Self::Link(target) => write!(formatter, "link to {target}"),
            Self::HardLink(target) => write!(formatter, "hard link to {target}"),
        }
    }
}

impl Layer {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn file(self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.with(path, Member::File(content.into()))
    }

    pub(crate) fn link(self, path: &str, target: &str) -> Self {
        self.with(path, Member::Link(target.into()))
    }

    pub(crate) fn hard_link(self, path: &str, target: &str) -> Self {
        self.with(path, Member::HardLink(target.into()))
    }

    fn with(mut self, path: &str, member: Member) -> Self {
        self.0.push((path.into(), member));
        self
    }

    pub(crate) fn tar(&self) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (path, member) in &self.0 {
            let mut header = tar::Header::new_gnu();
            header.set_mode(0o755);
            let (kind, content): (_, &[u8]) = match member {
                Member::Folder => (tar::EntryType::Directory, b""),
                Member::File(content) => (tar::EntryType::Regular, content),
                Member::Link(_) => (tar::EntryType::Symlink, b""),
                Member::HardLink(_) => (tar::EntryType::Link, b""),
            };
            header.set_entry_type(kind);
            header.set_size(content.len() as u64);
            match member {
                Member::Link(target) | Member::HardLink(target) => tar.append_link(&mut header, path, target).unwrap(),
                _ => tar.append_data(&mut header, path, content).unwrap(),
            }
        }
        tar.into_inner().unwrap()
    }

    /// Unpacks the layer into an empty folder as container engines do for an overlay: whiteouts become devices 0/0,
    /// opaque markers an attribute. A whiteout that the layer itself fills again hides what is below all the same.
    pub(crate) fn unpack(&self, root: &Path) -> io::Result<()> {
        let mut replaced = BTreeSet::new();
        let mut whiteouts = Vec::new();
        let mut opaque = Vec::new();
        for (path, member) in &self.0 {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            let folder = make_folders(root, folder, &replaced)?;
            if name == ".wh..wh..opq" {
                opaque.push(folder);
                continue;
            } else if let Some(hidden) = name.strip_prefix(".wh.") {
                whiteouts.push(folder.join(hidden));
                continue;
            }
            let place = folder.join(name);
            let target = match member {
                Member::HardLink(target) => {
                    let (folder, name) = target.rsplit_once('/').unwrap_or(("", target));
                    Some(resolve(root, folder)?.join(name)).filter(|target| *target != place)
                }
                _ => None,
            };
            let there = fs::symlink_metadata(&place);
            match (&there, member) {
                (Ok(there), Member::Folder) if there.is_dir() => continue,
                (_, Member::HardLink(_)) if target.is_none() => continue,
                (Ok(there), _) if there.is_dir() => {
                    fs::remove_dir_all(&place)?;
                    replaced.insert(place.clone());
                }
                (Ok(_), _) => fs::remove_file(&place)?,
                (Err(_), _) => {}
            }
            match member {
                Member::Folder => make_folder(&place, &replaced)?,
                Member::File(content) => fs::write(&place, content)?,
                Member::Link(target) => symlink(target, &place)?,
                Member::HardLink(_) => fs::hard_link(target.unwrap(), &place)?,
            }
        }
        // A folder that was replaced later is gone with what it held, also where a link now has its name.
        let is_still_there =
            |folder: &Path| fs::canonicalize(folder).is_ok_and(|real| real == folder) && folder.is_dir();
        for folder in opaque.iter().filter(|folder| is_still_there(folder)) {
            mark_opaque(folder)?;
        }
        for hidden in whiteouts.into_iter().filter(|hidden| hidden.parent().is_some_and(is_still_there)) {
            match fs::symlink_metadata(&hidden) {
                Ok(there) if there.is_dir() => mark_opaque(&hidden)?,
                Ok(_) => {}
                Err(_) => rustix::fs::mknodat(CWD, &hidden, FileType::CharacterDevice, Mode::empty(), 0)?,
            }
        }
        Ok(())
    }
}

fn mark_opaque(folder: &Path) -> io::Result<()> {
    Ok(rustix::fs::lsetxattr(folder, "trusted.overlay.opaque", b"y", XattrFlags::empty())?)
}

/// Where a folder is once links are followed inside `root`; what does not exist stays as it is written.
fn resolve(root: &Path, path: &str) -> io::Result<PathBuf> {
    let mut todo: Vec<String> = path.rsplit('/').map(str::to_owned).collect();
    let mut real: Vec<String> = Vec::new();
    let mut links = 0;
    while let Some(part) = todo.pop() {
        match part.as_str() {
            "" | "." => {}
            ".." => drop(real.pop()),
            _ => {
                real.push(part);
                if let Ok(target) = fs::read_link(root.join(real.join("/"))) {
                    links += 1;
                    if links > 40 {
                        return Err(io::Error::other("too many links"));
                    }
                    real.pop();
                    let target = target.to_str().unwrap().to_owned();
                    if target.starts_with('/') {
                        real.clear();
                    }
                    todo.extend(target.rsplit('/').map(str::to_owned));
                }
            }
        }
    }
    Ok(root.join(real.join("/")))
}

/// Makes the folders of a path that are not there, in place of whatever else is.
fn make_folders(root: &Path, path: &str, replaced: &BTreeSet<PathBuf>) -> io::Result<PathBuf> {
    let real = resolve(root, path)?;
    let mut made = root.to_owned();
    for part in real.strip_prefix(root).unwrap() {
        made.push(part);
        match fs::symlink_metadata(&made) {
            Ok(there) if there.is_dir() => {}
            Ok(_) => {
                fs::remove_file(&made)?;
                make_folder(&made, replaced)?;
            }
            Err(_) => make_folder(&made, replaced)?,
        }
    }
    Ok(real)
}

/// An error where the tar made a folder of it before and then something else. Of such a tar, which nobody writes,
/// hashes of what the first folder held are still known (`src/layer/tree.rs`).
fn make_folder(path: &Path, replaced: &BTreeSet<PathBuf>) -> io::Result<()> {
    if replaced.contains(path) { Err(io::Error::other("a folder for the second time")) } else { fs::create_dir(path) }
}
