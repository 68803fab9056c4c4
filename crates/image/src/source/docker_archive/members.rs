//! The members of an archive, found once and read by offset.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use crate::layer::path::normalise;
use crate::layer::tar::Reader;
use crate::layer::window::Seeking;
use crate::layer::{EntryKind, Limits, Window};
use crate::source::SourceError;
use crate::source::layout::LayoutFiles;

/// Most members of an archive: an image of 127 layers has five hundred, an archive may hold many images.
const MEMBERS: u64 = 65_536;
/// How many links lead from a name to a file at most. `docker save` needs one.
const LINKS: usize = 8;

/// Where an archive's members lie.
#[derive(Debug)]
pub(super) struct Members {
    file: Arc<File>,
    by_path: HashMap<String, Node>,
    /// What the user called the archive.
    name: String,
}

#[derive(Debug)]
enum Node {
    File {
        offset: u64,
        size: u64,
    },
    /// A link, and the path in the archive that it leads to.
    Link(String),
    /// A sparse file, which no program writes into such an archive.
    Unreadable,
}

impl Members {
    /// Looks an uncompressed archive through. Contents are not read.
    pub(super) fn of(file: File, name: &str) -> Result<Self, SourceError> {
        let file = Arc::new(file);
        let size = file.metadata().map_err(SourceError::io(format!("read {name}")))?.len();
        let limits = Limits { entries: MEMBERS, ..Limits::default() };
        let mut reader = Reader::new(Seeking::new(Window::new(Arc::clone(&file), 0, size)), &limits);
        let mut by_path = HashMap::new();
        let archive = |source| SourceError::Archive { what: name.to_owned(), source };
        while let Some(member) = reader.next().map_err(archive)? {
            let node = match member.entry.kind {
                EntryKind::File if member.is_contiguous => {
                    Node::File { offset: member.offset, size: member.entry.size }
                }
                EntryKind::File => Node::Unreadable,
                EntryKind::Symlink(target) => Node::Link(target_path(&member.entry.path, &target)),
                EntryKind::HardLink(target) => Node::Link(target),
                EntryKind::Directory | EntryKind::Special => continue,
            };
            // As when unpacking, the last member of a name holds.
            by_path.insert(member.entry.path, node);
        }
        Ok(Self { file, by_path, name: name.to_owned() })
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.by_path.contains_key(path)
    }

    /// Offset and size of the file at a path as the archive writes it.
    pub(super) fn find(&self, path: &str) -> Result<(u64, u64), SourceError> {
        let mut plain = String::new();
        normalise(path.as_bytes(), &mut plain);
        let mut at = plain.as_str();
        for _ in 0..=LINKS {
            match self.by_path.get(at) {
                Some(Node::File { offset, size }) => return Ok((*offset, *size)),
                Some(Node::Link(target)) => at = target,
                Some(Node::Unreadable) => {
                    let reason = "it is a sparse file; write the archive without them (tar without -S)".into();
                    return Err(SourceError::Unsupported { what: format!("{path:?} in {}", self.name), reason });
                }
                None => {
                    return Err(SourceError::NotFound {
                        what: format!("{path:?}"),
                        place: self.name.clone(),
                        hint: "it is no archive of docker save, or was cut short".into(),
                    });
                }
            }
        }
        Err(SourceError::malformed(&self.name, format!("{path:?} is a link that leads round in a circle")))
    }

    pub(super) fn window(&self, offset: u64, size: u64) -> Window {
        Window::new(Arc::clone(&self.file), offset, size)
    }
}

impl LayoutFiles for Members {
    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, SourceError> {
        let (offset, size) = self.find(path)?;
        let what = format!("{path:?} in {}", self.name);
        if size > limit {
            return Err(SourceError::TooLarge { what, limit });
        }
        let mut bytes = Vec::new();
        self.window(offset, size).read_to_end(&mut bytes).map_err(SourceError::io(format!("read {what}")))?;
        Ok(bytes)
    }

    fn open(&self, path: &str) -> Result<Window, SourceError> {
        let (offset, size) = self.find(path)?;
        Ok(self.window(offset, size))
    }
}

/// The path in the archive that a symbolic link leads to; `..` ends at the archive's root.
fn target_path(link: &str, target: &str) -> String {
    let folder = link.rsplit_once('/').map_or("", |(folder, _)| folder);
    let from = if target.starts_with('/') { target.to_owned() } else { format!("{folder}/{target}") };
    let mut path = String::new();
    normalise(from.as_bytes(), &mut path);
    path
}
