//! What is visible of the files and links that matter when layers are stacked (the kernel's
//! Documentation/filesystems/overlayfs.rst).

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::ops::Bound;

use crate::paths;
use crate::record::{Catalogued, LayerRecord, hashes_along};

/// The stack so far.
#[derive(Debug, Default)]
pub(super) struct View<'a> {
    files: BTreeMap<&'a str, File<'a>>,
    links: BTreeMap<&'a str, Visible<&'a str>>,
}

type File<'a> = Visible<Vec<&'a Catalogued>>;

#[derive(Debug)]
struct Visible<T> {
    /// Hashes of the path and the folders above it, the highest first.
    hashes: Box<[u64]>,
    what: T,
}

/// What a layer changed.
pub(super) struct Change<'a> {
    /// Paths of files that are not what they were.
    pub(super) files: Vec<&'a str>,
    /// Whether well-known paths may lead elsewhere.
    pub(super) links: bool,
}

impl<'a> View<'a> {
    /// Puts a layer on top.
    ///
    /// An error is of reading the layer's list of paths; what is hidden by those is then still there.
    pub(super) fn stack(&mut self, layer: &'a LayerRecord) -> (Change<'a>, io::Result<()>) {
        let (mut cover, read) = match Cover::new(layer, self) {
            Ok(cover) => (cover, Ok(())),
            Err(error) => (Cover::blind(layer), Err(error)),
        };
        let mut files = Vec::new();
        self.files.retain(|path, file| {
            let hidden = cover.hides(path, &file.hashes);
            if hidden {
                files.push(*path);
            }
            !hidden
        });
        let links_before = self.links.len();
        self.links.retain(|path, link| !cover.hides(path, &link.hashes));
        let links = self.links.len() != links_before || !layer.links.is_empty();
        for link in &layer.links {
            let hashes = hashes_along(&link.path, 0).collect();
            self.links.insert(&link.path, Visible { hashes, what: &link.target });
        }
        for file in &layer.files {
            let path = file.path.as_str();
            files.push(path);
            if let Some(known) = self.files.get_mut(path) {
                known.what.push(file);
            } else {
                let hashes = hashes_along(path, 0).collect();
                self.files.insert(path, Visible { hashes, what: vec![file] });
            }
        }
        (Change { files, links }, read)
    }

    /// Hashes of all that is there and of the folders above.
    fn hashes(&self) -> Vec<u64> {
        let files = self.files.values().flat_map(|file| &file.hashes);
        files.chain(self.links.values().flat_map(|link| &link.hashes)).copied().collect()
    }

    /// Where a path leads.
    pub(super) fn follow(&self, path: &'static str) -> Option<String> {
        paths::follow(path, true, |path| self.links.get(path).map(|link| link.what))
    }

    /// The file at a path as that cataloguer read it.
    pub(super) fn file(&self, path: &str, cataloguer: &str) -> Option<&'a Catalogued> {
        self.files.get(path)?.what.iter().copied().find(|file| file.cataloguer == cataloguer)
    }

    /// The files directly in a folder as that cataloguer read them, by name.
    pub(super) fn files_in(&self, folder: &str, cataloguer: &str) -> Vec<&'a Catalogued> {
        let prefix = format!("{folder}/");
        let from = self.files.range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded));
        let inside = from.take_while(|(path, _)| path.starts_with(&prefix));
        let direct = inside.filter(|(path, _)| !path[prefix.len()..].contains('/'));
        direct.flat_map(|(_, file)| &file.what).copied().filter(|file| file.cataloguer == cataloguer).collect()
    }
}

/// What one layer hides of those below it.
struct Cover<'a> {
    layer: &'a LayerRecord,
    /// Hashes of its folders and of everything else, sorted; at least those that will be asked for.
    folders: Vec<u64>,
    others: Vec<u64>,
    /// Folders above many files are asked for once.
    replaced: HashMap<u64, bool>,
}

impl<'a> Cover<'a> {
    /// What a layer hides of what is there.
    fn new(layer: &'a LayerRecord, view: &View<'_>) -> io::Result<Self> {
        let mut cover = Self::blind(layer);
        if !view.files.is_empty() || !view.links.is_empty() {
            cover.folders = layer.folders.among(|| view.hashes())?;
            cover.others = layer.others.among(|| view.hashes())?;
        }
        Ok(cover)
    }

    /// One that knows no paths.
    fn blind(layer: &'a LayerRecord) -> Self {
        Self { layer, folders: Vec::new(), others: Vec::new(), replaced: HashMap::new() }
    }

    /// Whether the file or link at `path` of a lower layer cannot be seen through this one.
    fn hides(&mut self, path: &str, hashes: &[u64]) -> bool {
        let layer = self.layer;
        let is_named = |names: &[String], path: &str| names.binary_search_by(|name| name.as_str().cmp(path)).is_ok();
        // Something that is no folder, here or above.
        let mut replaced = || {
            hashes.iter().any(|hash| {
                let search = || self.others.binary_search(hash).is_ok();
                *self.replaced.entry(*hash).or_insert_with(search)
            })
        };
        (!self.others.is_empty() && replaced())
            // A folder where it is.
            || hashes.last().is_some_and(|hash| self.folders.binary_search(hash).is_ok())
            || (!layer.whiteouts.is_empty()
                && paths::with_ancestors(path).any(|path| is_named(&layer.whiteouts, path)))
            || (!layer.opaque.is_empty() && {
                let (folder, _) = paths::split(path);
                is_named(&layer.opaque, "") || paths::with_ancestors(folder).any(|path| is_named(&layer.opaque, path))
            })
    }
}
