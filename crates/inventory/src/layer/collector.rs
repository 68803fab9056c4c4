//! What is kept of a layer while it is walked.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Read};

use image::Digest;
use image::layer::{Entry, EntryKind, LayerError, Visitor};

use super::executable::{self, Sieve, Sifted};
use super::tree::Tree;
use super::{Limits, owned};
use crate::cataloguers::{ALL, Told, Wanted, clip, readers_of, readers_of_executables};
use crate::paths::{join, split};
use crate::record::{Catalogued, LayerRecord, PassedBy};
use crate::worker::protocol::ToldTo;
use crate::worker::{Launcher, Worker};

/// Most warnings that are kept of a layer; the rest is counted.
const WARNINGS: usize = 100;

/// Folders above a member. Real images have some thirty; each costs a little for every member below it.
pub(super) const DEEPEST: usize = 256;

/// Names that begin so delete what the rest of the name says (OCI image-spec, layer.md, "Whiteouts").
pub(super) const WHITEOUT: &str = ".wh.";
/// AUFS kept notes of its own under such names; one of them became part of the specification.
const AUFS: &str = ".wh..wh.";
pub(super) const OPAQUE: &str = ".wh..wh..opq";

pub(super) struct Collector<'a> {
    limits: &'a Limits,
    worker: Worker<'a>,
    tree: Tree<Asked>,
    sieve: Sieve,
    whiteouts: Names,
    opaque: Names,
    warnings: Warnings,
    /// What an earlier walk of this layer passed by.
    known_links: HashMap<&'a str, &'a [u8]>,
    passed_by: BTreeMap<String, Vec<u8>>,
}

/// The ticket of a file that was sent to the worker, who reads it, and whose reading counts for this path.
#[derive(Clone, Debug)]
struct Asked {
    ticket: u32,
    readers: Vec<u8>,
    counts: Vec<u8>,
}

/// Names with a bound on all of them together.
#[derive(Default)]
struct Names {
    names: BTreeSet<String>,
    bytes: usize,
}

#[derive(Default)]
struct Warnings {
    kept: Vec<String>,
    left_out: usize,
}

impl<'a> Collector<'a> {
    pub(super) fn new(limits: &'a Limits, launcher: &'a Launcher) -> Self {
        Self {
            limits,
            worker: Worker::new(launcher, &limits.worker),
            tree: Tree::new(),
            sieve: Sieve::new(),
            whiteouts: Names::default(),
            opaque: Names::default(),
            warnings: Warnings::default(),
            known_links: HashMap::new(),
            passed_by: BTreeMap::new(),
        }
    }

    /// For a second walk: these files are wanted too, under the names of hard links to them.
    pub(super) fn knowing(self, passed_by: &'a [PassedBy]) -> Self {
        let known_links = passed_by.iter().map(|file| (file.path.as_str(), file.readers.as_slice())).collect();
        Self { known_links, ..self }
    }

    /// Waits for the worker and puts the record together.
    pub(super) fn finish(self, diff_id: Digest) -> LayerRecord {
        let mut warnings = self.warnings;
        let answers = self.worker.finish();
        let mut complete = answers.lost.is_empty();
        for reason in answers.left_out.into_iter().chain(answers.lost) {
            warnings.push(reason);
        }
        let well_known = ALL.iter().flat_map(|cataloguer| cataloguer.wanted()).filter_map(|wanted| match wanted {
            Wanted::At(path) | Wanted::In(path) => Some(*path),
            Wanted::Anywhere(_) | Wanted::Executable => None,
        });
        let (files, links, hashes) = self.tree.finish(well_known);
        let (folders, others) = hashes.unwrap_or_else(|error| {
            complete = false;
            warnings.push(format!("the list of its paths could not be put into a temporary file: {error}"));
            Default::default()
        });
        let mut files = catalogued(files, answers.told);
        owned::keep_what_matters(&mut files);
        LayerRecord {
            diff_id,
            files,
            whiteouts: self.whiteouts.names.into_iter().collect(),
            opaque: self.opaque.names.into_iter().collect(),
            links,
            folders,
            others,
            complete,
            warnings: warnings.finish(),
            passed_by: self.passed_by.into_iter().map(|(path, readers)| PassedBy { path, readers }).collect(),
        }
    }

    /// Something that whoever walks has to say.
    pub(super) fn warn(&mut self, warning: impl AsRef<str>) {
        self.warnings.push(warning);
    }

    fn whiteout(&mut self, path: &str, folder: &str, name: &str) {
        let Some(real) = self.tree.real_folder(folder).map(str::to_owned) else {
            return self.warnings.push(circle(path));
        };
        let limit = self.limits.name_bytes;
        let kept = match name {
            OPAQUE => {
                // The marker makes its folder, as any member does.
                self.tree.parents_of(&join(&real, OPAQUE));
                self.opaque.insert(real, limit)
            }
            _ if name.starts_with(AUFS) => return,
            _ => match &name[WHITEOUT.len()..] {
                "" | "." | ".." => return self.warnings.push(format!("/{path}: it deletes no name that can be")),
                hidden => {
                    let hidden = join(&real, hidden);
                    self.tree.parents_of(&hidden);
                    self.whiteouts.insert(hidden, limit)
                }
            },
        };
        if !kept {
            self.warnings.push(format!("/{path}: left out, the layer deletes names of more than {limit} bytes"));
        }
    }

    fn link(&mut self, path: &str, target: &str) {
        let limit = self.limits.name_bytes;
        if self.tree.link_bytes() + path.len() + target.len() > limit {
            self.tree.other(path);
            return self
                .warnings
                .push(format!("/{path}: not followed, the layer has links of more than {limit} bytes"));
        }
        self.tree.link(path, target);
    }

    fn hard_link(&mut self, path: &str, target: &str) {
        let Some(target) = self.tree.real(target) else { return self.warnings.push(circle(target)) };
        if target == path {
            return self.tree.parents_of(path);
        }
        if let Some(symbolic) = self.tree.link_at(&target).map(str::to_owned) {
            return self.link(path, &symbolic);
        }
        let asked = self.tree.file_at(&target).cloned();
        self.tree.other(path);
        let mut wanted: Vec<u8> = readers_of(path).collect();
        let read: Vec<u8> = asked.iter().flat_map(|asked| &asked.readers).copied().collect();
        let missed: Vec<u8> = wanted.iter().copied().filter(|reader| !read.contains(reader)).collect();
        if !missed.is_empty() {
            self.pass_by(path, &target, missed);
        }
        wanted.extend(readers_of_executables());
        if let Some(asked) = asked {
            let readers: Vec<u8> = asked.readers.iter().copied().filter(|reader| wanted.contains(reader)).collect();
            if !readers.is_empty() {
                self.tree.read(path, Asked { ticket: asked.ticket, counts: readers.clone(), readers: asked.readers });
            }
        }
    }

    fn pass_by(&mut self, path: &str, target: &str, readers: Vec<u8>) {
        if self.passed_by.len() < self.limits.members {
            let missed = self.passed_by.entry(target.to_owned()).or_default();
            missed.extend(readers);
            missed.sort_unstable();
            missed.dedup();
        }
        let target = clip(target, 200);
        self.warnings
            .push(format!("/{path}: not read; it is a hard link to /{target}, which was not read in this layer"));
    }

    fn file(&mut self, path: &str, written: &str, size: u64, content: &mut dyn Read) -> Result<(), LayerError> {
        self.tree.other(path);
        let mut readers: Vec<u8> = readers_of(path).collect();
        if written != path {
            // It was put there through a link, under the name by which it will be asked for.
            readers.extend(readers_of(written));
            readers.sort_unstable();
            readers.dedup();
        }
        let mut counts = readers.clone();
        if let Some(others) = self.known_links.get(path) {
            readers.extend(*others);
            readers.sort_unstable();
            readers.dedup();
        }
        let head = executable::head(size, content).map_err(LayerError::Io)?;
        if executable::is_executable(&head) {
            if readers.is_empty() {
                return self.executable(path, size, &head, content).map_err(LayerError::Io);
            }
            readers.extend(readers_of_executables());
            counts.extend(readers_of_executables());
        }
        if readers.is_empty() {
            return Ok(());
        }
        let content = &mut head.chain(content);
        let limits = self.limits;
        if size > limits.member_bytes {
            self.warnings.push(too_large(path, size, limits.member_bytes));
        } else if self.tree.files() >= limits.members {
            self.warnings.push(too_many(path, limits.members));
        } else {
            let ticket = self.worker.ask(path, readers.clone(), size, content).map_err(LayerError::Io)?;
            self.tree.read(path, Asked { ticket, readers, counts });
        }
        Ok(())
    }

    /// Asks about an executable if it may tell something.
    fn executable(&mut self, path: &str, size: u64, head: &[u8], content: &mut dyn Read) -> io::Result<()> {
        let limits = self.limits;
        let bounds = executable::Bounds { in_memory: limits.worker.in_memory, kept: limits.member_bytes };
        let worker = &mut self.worker;
        let sifted = self.sieve.sift(size, head, content, &bounds, || worker.room(size))?;
        let is_full = self.tree.files() >= limits.members;
        let readers: Vec<u8> = readers_of_executables().collect();
        let ticket = match sifted {
            Sifted::Nothing => return Ok(()),
            Sifted::NotWritten(error) => {
                worker.lost_file(path, &error);
                return Ok(());
            }
            Sifted::TooLarge => {
                self.warnings.push(too_large(path, size, limits.member_bytes));
                return Ok(());
            }
            _ if is_full => {
                self.warnings.push(too_many(path, limits.members));
                return Ok(());
            }
            Sifted::InMemory(mut bytes) => worker.ask(path, readers.clone(), size, &mut bytes)?,
            Sifted::InFile(room) => worker.ask_in(path, readers.clone(), &room),
        };
        self.tree.read(path, Asked { ticket, counts: readers.clone(), readers });
        Ok(())
    }
}

impl Visitor for Collector<'_> {
    fn visit(&mut self, entry: &Entry, content: &mut dyn Read) -> Result<(), LayerError> {
        let path = entry.path.as_str();
        let (folder, name) = split(path);
        if path.is_empty() {
            return Ok(());
        }
        if name.starts_with(WHITEOUT) {
            self.whiteout(path, folder, name);
            return Ok(());
        }
        if path.bytes().filter(|byte| *byte == b'/').count() >= DEEPEST {
            self.warnings.push(format!("/{path}: left out, it lies more than {DEEPEST} folders deep"));
            return Ok(());
        }
        let Some(real) = self.tree.real(path) else {
            self.warnings.push(circle(path));
            return Ok(());
        };
        match &entry.kind {
            EntryKind::Directory => self.tree.folder(&real),
            EntryKind::File => self.file(&real, path, entry.size, content)?,
            EntryKind::Symlink(target) => self.link(&real, target),
            EntryKind::HardLink(target) => self.hard_link(&real, target),
            EntryKind::Special => self.tree.other(&real),
        }
        Ok(())
    }
}

/// Files with what they told, by path. Several may share a ticket: hard links.
fn catalogued(files: BTreeMap<String, Asked>, mut told: BTreeMap<u32, Vec<ToldTo>>) -> Vec<Catalogued> {
    let mut uses: HashMap<u32, usize> = HashMap::new();
    for asked in files.values() {
        *uses.entry(asked.ticket).or_default() += 1;
    }
    let mut files_told = Vec::new();
    for (path, asked) in files {
        let left = uses.entry(asked.ticket).or_default();
        *left = left.saturating_sub(1);
        let answers = if *left == 0 { told.remove(&asked.ticket) } else { told.get(&asked.ticket).cloned() };
        for answer in answers.unwrap_or_default() {
            let told_something = !answer.facts.is_empty() || !answer.warnings.is_empty();
            let Some(cataloguer) = ALL.get(usize::from(answer.reader)) else { continue };
            if told_something && asked.counts.contains(&answer.reader) {
                files_told.push(Catalogued {
                    path: path.clone(),
                    cataloguer: cataloguer.id().to_owned(),
                    facts: answer.facts,
                    warnings: answer.warnings,
                });
            }
        }
    }
    files_told
}

fn too_large(path: &str, size: u64, limit: u64) -> String {
    format!("/{path}: not read, it has {size} bytes and {limit} are the most")
}

fn too_many(path: &str, limit: usize) -> String {
    format!("/{path}: not read, the layer has more than {limit} files that tell of packages")
}

fn circle(path: &str) -> String {
    format!("/{path}: left out, too many links lead to it")
}

impl Names {
    /// Whether there was room for it.
    fn insert(&mut self, name: String, limit: usize) -> bool {
        let bytes = self.bytes + name.len();
        if bytes > limit {
            return self.names.contains(&name);
        }
        if self.names.insert(name) {
            self.bytes = bytes;
        }
        true
    }
}

impl Warnings {
    fn push(&mut self, warning: impl AsRef<str>) {
        if self.kept.len() < WARNINGS {
            self.kept.push(clip(warning.as_ref(), 4 * Told::WARNING_LENGTH));
        } else {
            self.left_out += 1;
        }
    }

    fn finish(mut self) -> Vec<String> {
        if self.left_out > 0 {
            self.kept.push(format!("{} more of such warnings", self.left_out));
        }
        self.kept
    }
}
