//! `oci:DIR[:TAG]`: an OCI image layout in a folder.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Dir, FileType, Mode, OFlags, openat};

use super::layout::{LayoutFiles, blob_path, resolve_layout};
use super::{Image, ImageSource, Request, SourceError};
use crate::Platform;
use crate::layer::Window;

/// Most files that are held open for later; below the usual limit of 1,024 descriptors a process.
const HELD_FILES: usize = 512;

/// The folder of a layout, open.
///
/// Files are opened part by part below it, no symbolic link is followed, and only regular files are read: whatever
/// the layout holds, nothing outside of it is opened.
#[derive(Debug)]
pub struct LayoutFolder {
    path: PathBuf,
    root: OwnedFd,
    held: HashMap<String, Arc<File>>,
}

impl LayoutFolder {
    /// Opens the folder; its files are opened when they are read.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(path, flags, Mode::empty())
            .map_err(io::Error::from)
            .map_err(SourceError::io(format!("open the OCI layout {}", path.display())))?;
        Ok(Self { path: path.to_owned(), root, held: HashMap::new() })
    }

    /// Opens the layout's files now, for a process that gives up the rights to do so before it reads them. A layout
    /// of more than 512 blobs holds the first that it meets; the rest is opened with the rights of then.
    pub fn hold_files(&mut self) -> Result<(), SourceError> {
        for name in ["oci-layout", "index.json"] {
            let file = self.open_file(name)?;
            self.held.insert(name.to_owned(), file);
        }
        for algorithm in ["sha256", "sha512"] {
            let folder = format!("blobs/{algorithm}");
            let Ok(opened) = self.open_below(&folder, OFlags::DIRECTORY) else { continue };
            let list =
                Dir::new(opened).map_err(io::Error::from).map_err(SourceError::io(self.action("list", &folder)))?;
            for entry in list {
                let entry = entry.map_err(io::Error::from).map_err(SourceError::io(self.action("list", &folder)))?;
                let Ok(name) = entry.file_name().to_str() else { continue };
                if matches!(entry.file_type(), FileType::RegularFile | FileType::Unknown)
                    && self.held.len() < HELD_FILES
                {
                    let path = format!("{folder}/{name}");
                    let Ok(file) = self.open_file(&path) else { continue };
                    self.held.insert(path, file);
                }
            }
        }
        Ok(())
    }

    fn action(&self, verb: &str, path: &str) -> String {
        format!("{verb} {}", self.path.join(path).display())
    }

    /// Opens part by part, so that no part can be a link.
    fn open_below(&self, path: &str, flags: OFlags) -> io::Result<OwnedFd> {
        let base = OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let (parents, name) = path.rsplit_once('/').map_or(("", path), |(parents, name)| (parents, name));
        let mut folder = None::<OwnedFd>;
        for part in parents.split('/').filter(|part| !part.is_empty()) {
            let parent = folder.as_ref().map_or(self.root.as_fd(), AsFd::as_fd);
            folder = Some(openat(parent, part, base | OFlags::DIRECTORY, Mode::empty())?);
        }
        let parent = folder.as_ref().map_or(self.root.as_fd(), AsFd::as_fd);
        // A FIFO would otherwise block here until somebody writes.
        Ok(openat(parent, name, base | flags | OFlags::NONBLOCK, Mode::empty())?)
    }

    fn open_file(&self, path: &str) -> Result<Arc<File>, SourceError> {
        if let Some(file) = self.held.get(path) {
            return Ok(Arc::clone(file));
        }
        let file = match self.open_below(path, OFlags::RDONLY) {
            Ok(descriptor) => File::from(descriptor),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(SourceError::NotFound {
                    what: path.to_owned(),
                    place: format!("the OCI layout {}", self.path.display()),
                    hint: "it is no layout, or was not copied whole".into(),
                });
            }
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
                return Err(SourceError::Unsupported {
                    what: self.path.join(path).display().to_string(),
                    reason: "symbolic links in a layout are not followed; copy it with cp -rL".into(),
                });
            }
            Err(error) => return Err(SourceError::io(self.action("open", path))(error)),
        };
        let metadata = file.metadata().map_err(SourceError::io(self.action("read", path)))?;
        if !metadata.is_file() {
            return Err(SourceError::malformed(&self.path.join(path).display().to_string(), "it is no regular file"));
        }
        Ok(Arc::new(file))
    }
}

impl LayoutFiles for LayoutFolder {
    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, SourceError> {
        let reader = self.open(path)?;
        if reader.left() > limit {
            return Err(SourceError::TooLarge { what: self.path.join(path).display().to_string(), limit });
        }
        let mut bytes = Vec::new();
        reader.take(limit).read_to_end(&mut bytes).map_err(SourceError::io(self.action("read", path)))?;
        Ok(bytes)
    }

    fn open(&self, path: &str) -> Result<Window, SourceError> {
        let file = self.open_file(path)?;
        let size = file.metadata().map_err(SourceError::io(self.action("read", path)))?.len();
        Ok(Window::new(file, 0, size))
    }
}

/// An image in an OCI layout.
#[derive(Debug)]
pub struct OciLayout {
    folder: LayoutFolder,
    image: Image,
}

impl OciLayout {
    /// Resolves the image that `tag` names in the layout. `name` is what the user called it.
    pub fn open(
        folder: LayoutFolder,
        name: &str,
        tag: Option<&str>,
        platform: Option<&Platform>,
    ) -> Result<Self, SourceError> {
        let request = Request { name, reference: None, platform };
        let image = resolve_layout(&folder, request, tag)?;
        Ok(Self { folder, image })
    }
}

impl ImageSource for OciLayout {
    fn image(&self) -> &Image {
        &self.image
    }

    fn open_layer(&self, index: usize) -> Result<Box<dyn Read + Send>, SourceError> {
        Ok(Box::new(open_blob_layer(&self.folder, &self.image, index)?))
    }

    fn layer_window(&self, index: usize) -> Result<Option<Window>, SourceError> {
        open_blob_layer(&self.folder, &self.image, index).map(Some)
    }
}

/// Opens a layer that is kept as a blob of a layout and has the size that the manifest promised.
pub(super) fn open_blob_layer(files: &dyn LayoutFiles, image: &Image, index: usize) -> Result<Window, SourceError> {
    let no_layer = || SourceError::NotFound {
        what: format!("layer {index}"),
        place: image.name.clone(),
        hint: format!("it has {} layers", image.layers.len()),
    };
    let layer = image.layers.get(index).ok_or_else(no_layer)?;
    let blob = layer.blob.as_ref().ok_or_else(no_layer)?;
    let reader = files.open(&blob_path(blob))?;
    let found = reader.left();
    if found != layer.size {
        let what = format!("layer {blob} of {}", image.name);
        return Err(SourceError::Size { what, expected: layer.size, found });
    }
    Ok(reader)
}
