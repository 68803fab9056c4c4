//! The tree that a layer makes when it is unpacked into an empty folder, as far as it matters for packages.
//!
//! Members are applied in the order of the tar, as docker and containerd do: parents are followed through the links
//! that the layer itself made before, missing ones are made, and a member replaces what was at its path unless both
//! are folders. What lies under a folder that is replaced goes with it; its path hashes stay, which changes nothing
//! as long as the path does not become a folder a third time in one tar.

use std::collections::BTreeMap;
use std::io;
use std::ops::Bound;

use super::seen::{Lists, Seen};
use crate::paths::{follow, join, split, with_ancestors};
use crate::record::{Link, hashes_along, path_hash};

/// Paths, links, and the files that a cataloguer read, each with what the caller keeps of it.
#[derive(Debug)]
pub(super) struct Tree<F> {
    seen: Seen,
    links: BTreeMap<String, String>,
    files: BTreeMap<String, F>,
    link_bytes: usize,
    /// The folder of the last member, as written and as it is: most members have the same as the one before.
    last_folder: (String, String),
    /// The last folder whose ancestors were made.
    last_made: String,
}

impl<F> Tree<F> {
    pub(super) fn new() -> Self {
        Self {
            seen: Seen::default(),
            links: BTreeMap::new(),
            files: BTreeMap::new(),
            link_bytes: 0,
            last_folder: Default::default(),
            last_made: String::new(),
        }
    }

    /// Where a member's path is in the unpacked layer. None where links lead in a circle.
    pub(super) fn real(&mut self, path: &str) -> Option<String> {
        let (folder, name) = split(path);
        self.real_folder(folder).map(|folder| join(folder, name))
    }

    /// The same for a path that is a folder itself.
    pub(super) fn real_folder(&mut self, folder: &str) -> Option<&str> {
        if self.last_folder.0 != folder {
            let real = follow(folder, true, |path| self.links.get(path).map(String::as_str))?;
            self.last_folder = (folder.to_owned(), real);
        }
        Some(&self.last_folder.1)
    }

    /// A folder is at `path`, and all above it.
    pub(super) fn folder(&mut self, path: &str) {
        self.parents_of(path);
        self.remove(path, false);
        self.seen.push(path_hash(path), true);
    }

    /// Something else is at `path`, in place of what was there.
    pub(super) fn other(&mut self, path: &str) {
        self.parents_of(path);
        self.remove(path, true);
        self.seen.push(path_hash(path), false);
    }

    /// A link is at `path`.
    pub(super) fn link(&mut self, path: &str, target: &str) {
        self.other(path);
        self.link_bytes += path.len() + target.len();
        self.links.insert(path.to_owned(), target.to_owned());
        self.last_folder = Default::default();
    }

    /// Bytes of all links that are kept.
    pub(super) fn link_bytes(&self) -> usize {
        self.link_bytes
    }

    /// Where the link at `path` points; none where there is no link.
    pub(super) fn link_at(&self, path: &str) -> Option<&str> {
        self.links.get(path).map(String::as_str)
    }

    /// A file that was read is at `path`; [`Tree::other`] came before.
    pub(super) fn read(&mut self, path: &str, file: F) {
        self.files.insert(path.to_owned(), file);
    }

    /// What is kept of the file at `path`.
    pub(super) fn file_at(&self, path: &str) -> Option<&F> {
        self.files.get(path)
    }

    /// How many files were read and are there.
    pub(super) fn files(&self) -> usize {
        self.files.len()
    }

    /// Everything above a path is a folder: a tar need not list it.
    pub(super) fn parents_of(&mut self, path: &str) {
        let (folder, _) = split(path);
        if folder == self.last_made {
            return;
        }
        let known = shared_ancestors(folder, &self.last_made);
        self.last_made.clear();
        self.last_made.push_str(folder);
        for (made, hash) in with_ancestors(folder).filter(|made| made.len() > known).zip(hashes_along(folder, known)) {
            self.remove(made, false);
            self.seen.push(hash, true);
        }
    }

    /// Files, the links that `well_known` paths may lead through, and the hashes of folders and others.
    pub(super) fn finish<'a>(
        self,
        well_known: impl Iterator<Item = &'a str>,
    ) -> (BTreeMap<String, F>, Vec<Link>, io::Result<Lists>) {
        let links = links_that_matter(&self.links, well_known);
        (self.files, links, self.seen.finish())
    }

    fn remove(&mut self, path: &str, with_content: bool) {
        self.files.remove(path);
        if let Some(target) = self.links.remove(path) {
            self.link_bytes -= path.len() + target.len();
            self.last_folder = Default::default();
        }
        if with_content {
            self.remove_content(path);
        }
        if with_content && (self.last_made == path || is_beneath(&self.last_made, path)) {
            self.last_made.clear();
        }
    }

    fn remove_content(&mut self, folder: &str) {
        if self.files.is_empty() && self.links.is_empty() {
            return;
        }
        let prefix = format!("{folder}/");
        for path in beneath(&self.files, &prefix) {
            self.files.remove(&path);
        }
        for path in beneath(&self.links, &prefix) {
            let target = self.links.remove(&path).unwrap_or_default();
            self.link_bytes -= path.len() + target.len();
            self.last_folder = Default::default();
        }
    }
}

fn beneath<V>(map: &BTreeMap<String, V>, prefix: &str) -> Vec<String> {
    let from = map.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
    from.map(|(path, _)| path).take_while(|path| path.starts_with(prefix)).cloned().collect()
}

fn is_beneath(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// Bytes of the longest path that is both or above both.
fn shared_ancestors(one: &str, other: &str) -> usize {
    let same = one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
    let ends_at = |path: &str| path.len() == same || path.as_bytes()[same] == b'/';
    if ends_at(one) && ends_at(other) { same } else { one[..floor(one, same)].rfind('/').unwrap_or(0) }
}

/// The next character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// Merging needs the links on the way to well-known paths. In this layer they can be followed now; that a link leads
/// to one which another layer makes cannot be known, so those near the root, where such links are made, are kept too.
fn links_that_matter<'a>(links: &BTreeMap<String, String>, well_known: impl Iterator<Item = &'a str>) -> Vec<Link> {
    const MOST: usize = 10_000;
    let is_near = |path: &str| path.bytes().filter(|byte| *byte == b'/').count() < 2;
    let on_the_way = std::cell::RefCell::new(std::collections::BTreeSet::new());
    for path in well_known {
        follow(path, true, |path| {
            links.get_key_value(path).map(|(path, target)| {
                on_the_way.borrow_mut().insert(path.as_str());
                target.as_str()
            })
        });
    }
    let on_the_way = on_the_way.into_inner();
    let near = links.keys().map(String::as_str).filter(|path| is_near(path) && !on_the_way.contains(path));
    let mut kept: Vec<&str> = near.take(MOST - on_the_way.len().min(MOST)).collect();
    kept.extend(&on_the_way);
    kept.sort_unstable();
    let link = |path: &str| links.get(path).map(|target| Link { path: path.to_owned(), target: target.clone() });
    kept.into_iter().filter_map(link).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_of_the_layer_leads_its_later_members() {
        let mut tree = Tree::<()>::new();
        assert_eq!(tree.real("lib/x").unwrap(), "lib/x");
        tree.link("lib", "usr/lib");
        assert_eq!(tree.real("lib/apk/db/installed").unwrap(), "usr/lib/apk/db/installed");
        tree.folder("lib");
        assert_eq!(tree.real("lib/x").unwrap(), "lib/x", "a folder has replaced the link");
        tree.link("a", "a/b");
        assert_eq!(tree.real("a/x"), None);
    }

    #[test]
    fn what_replaces_a_folder_removes_its_content() {
        let mut tree = Tree::new();
        tree.other("a/b/status");
        tree.read("a/b/status", 1);
        tree.other("ab/status");
        tree.read("ab/status", 2);
        tree.link("a/l", "x");
        tree.other("a");
        let (files, links, hashes) = tree.finish([].into_iter());
        let (folders, others) =
            hashes.map(|(folders, others)| (folders.to_vec().unwrap(), others.to_vec().unwrap())).unwrap();
        assert_eq!(files.into_iter().collect::<Vec<_>>(), [("ab/status".to_owned(), 2)]);
        assert!(links.is_empty());
        assert!(folders.contains(&path_hash("ab")) && others.contains(&path_hash("a")));
        assert!(!folders.contains(&path_hash("a")));
    }

    #[test]
    fn folders_that_the_tar_does_not_list_are_there() {
        let mut tree = Tree::<()>::new();
        for path in ["a/b/c/d", "a/b/e", "a/bc/d", "ä/x", "ö/x"] {
            tree.other(path);
        }
        let (_, _, hashes) = tree.finish([].into_iter());
        let folders = hashes.unwrap().0.to_vec().unwrap();
        let mut expected = ["a", "a/b", "a/b/c", "a/bc", "ä", "ö"].map(path_hash).to_vec();
        expected.sort_unstable();
        assert_eq!(folders, expected);
    }

    #[test]
    fn links_on_the_way_to_a_database_are_kept_and_deep_others_are_not() {
        let mut tree = Tree::<()>::new();
        tree.link("etc/os-release", "/opt/very/deep/link");
        tree.link("opt/very/deep/link", "../release");
        tree.link("usr/share/doc/x", "y");
        tree.link("lib", "usr/lib");
        let (_, links, ..) = tree.finish(["etc/os-release"].into_iter());
        let paths: Vec<_> = links.iter().map(|link| link.path.as_str()).collect();
        assert_eq!(paths, ["etc/os-release", "lib", "opt/very/deep/link"]);
    }
}
