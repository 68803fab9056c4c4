//! `containerd:NAME`: containerd's own store, read where it lies: also that of k3s, k0s, nerdctl, and of docker where it keeps its images in
//! containerd.
//!
//! Its content is that of an OCI layout (`blobs/sha256/HEX`); which names lead to which manifests stands in a bbolt database, in the bucket
//! `v1`, there in one for each namespace (containerd, `metadata/buckets.go`):
//!
//! ```text
//! v1/NAMESPACE/images/NAME/target/{digest,mediatype,size}
//! ```

mod bolt;

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use oci_spec::image::{Descriptor, DescriptorBuilder, Digest as OciDigest, ImageIndex, ImageIndexBuilder, MediaType};

pub use self::bolt::{BoltBucket, BoltDatabase, BoltError, BoltValue};
use super::layout::{LayoutFiles, blob_path};
use super::oci_layout::open_blob_layer;
use super::{Image, ImageSource, Opener, Part, Request, SourceError, StoreFolder, StoredName, resolve_entries};
use crate::layer::Window;
use crate::{Digest, Platform, Reference};

const CONTENT: &str = "io.containerd.content.v1.content";
const METADATA: &str = "io.containerd.metadata.v1.bolt";
/// Namespaces that are looked through, and names that are looked at in one.
const NAMESPACES: usize = 1000;
const NAMES: usize = 100_000;

/// A containerd's folders, open; nothing in them was read yet.
#[derive(Debug)]
pub struct ContainerdPlace {
    content: StoreFolder,
    metadata: StoreFolder,
}

/// An image in containerd's store.
#[derive(Debug)]
pub struct ContainerdImage {
    files: Blobs,
    image: Image,
}

/// Looks images up.
#[derive(Debug)]
pub struct Containerd;

/// One name that leads to the image that is meant.
#[derive(Debug)]
struct Found {
    namespace: String,
    target: Descriptor,
}

impl ContainerdPlace {
    /// The store in a root folder (`/var/lib/containerd`); none where there is none.
    pub fn open(root: &Path, opener: Option<&Arc<Opener>>) -> io::Result<Option<Self>> {
        let open = |path: &str| {
            let folder = StoreFolder::open(&root.join(path))?;
            match opener {
                Some(opener) => folder.with_opener(opener),
                None => Ok(folder),
            }
        };
        let metadata = match open(METADATA) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            metadata => metadata?,
        };
        Ok(Some(Self { content: open(CONTENT)?, metadata }))
    }

    fn failed(&self, error: &BoltError) -> SourceError {
        SourceError::malformed(&self.metadata.path().join("meta.db").display().to_string(), error.to_string())
    }

    fn find(&self, name: &StoredName, namespace: Option<&str>) -> Result<Vec<Found>, SourceError> {
        let path = self.metadata.path().join("meta.db");
        let file = self.metadata.file("meta.db").map_err(SourceError::io(format!("open {}", path.display())))?;
        BoltDatabase::new(file)
            .read(|root| {
                let Some(version) = root.bucket(b"v1")? else { return Ok(Vec::new()) };
                let namespaces = match namespace {
                    Some(namespace) => vec![namespace.as_bytes().to_vec()],
                    None => version.keys(NAMESPACES)?,
                };
                let mut found = Vec::new();
                for namespace in namespaces {
                    let Some(images) =
                        version.bucket(&namespace)?.map(|bucket| bucket.bucket(b"images")).transpose()?.flatten()
                    else {
                        continue;
                    };
                    if let Some(target) = target(&images, name)? {
                        found.push(Found { namespace: String::from_utf8_lossy(&namespace).into_owned(), target });
                    }
                }
                Ok(found)
            })
            .map_err(|error: BoltError| self.failed(&error))
    }
}

/// What a name leads to in one namespace: as it was written, made whole, or by the digest in it.
fn target(images: &BoltBucket<'_>, name: &StoredName) -> Result<Option<Descriptor>, BoltError> {
    let mut names = vec![name.text().to_owned()];
    if let Some(reference) = name.reference() {
        names.push(reference.to_string());
    }
    for name in names {
        if let Some(image) = images.bucket(name.as_bytes())? {
            return descriptor(&image).map(Some);
        }
    }
    let Some((reference, digest)) =
        name.reference().and_then(|reference| Some((reference, reference.digest.as_ref()?)))
    else {
        return Ok(None);
    };
    for name in images.keys(NAMES)? {
        let stored = std::str::from_utf8(&name).ok().and_then(|name| name.parse::<Reference>().ok());
        let is_like = |stored: Reference| stored.repository_name() == reference.repository_name();
        if stored.is_some_and(is_like)
            && let Some(image) = images.bucket(&name)?
        {
            let target = descriptor(&image)?;
            if target.digest().as_ref() == digest.as_str() {
                return Ok(Some(target));
            }
        }
    }
    Ok(None)
}

fn descriptor(image: &BoltBucket<'_>) -> Result<Descriptor, BoltError> {
    const NONE: BoltError = BoltError::Damaged("an image has no target that could be read");
    let target = image.bucket(b"target")?.ok_or(NONE)?;
    let text = |key: &[u8]| {
        let bytes = target.bytes(key)?.ok_or(NONE)?;
        String::from_utf8(bytes).map_err(|_| NONE)
    };
    let digest: OciDigest = text(b"digest")?.parse().map_err(|_| NONE)?;
    // Go's `binary.PutVarint`: seven bits a byte, the sign in the lowest.
    let size =
        target.bytes(b"size")?.ok_or(NONE)?.iter().rev().fold(0_u64, |size, byte| size << 7 | u64::from(byte & 0x7f))
            >> 1;
    let media_type = MediaType::from(text(b"mediatype")?.as_str());
    DescriptorBuilder::default().media_type(media_type).digest(digest).size(size).build().map_err(|_| NONE)
}

impl Containerd {
    /// The image of this name in the first of the places that has it; `None` where none has. `shown` is what the user called it.
    ///
    /// Where several namespaces have the name for different images, one must be named.
    pub fn image(
        places: Vec<ContainerdPlace>,
        name: &StoredName,
        namespace: Option<&str>,
        shown: &str,
        platform: Option<&Platform>,
    ) -> Result<Option<ContainerdImage>, SourceError> {
        for place in places {
            let found = place.find(name, namespace)?;
            let Some(first) = found.first() else { continue };
            if found.iter().any(|other| other.target.digest() != first.target.digest()) {
                let choice = |found: &Found| format!("containerd:{name}@{}", found.namespace.escape_debug());
                return Err(SourceError::Ambiguous {
                    what: format!("containerd's name {name}"),
                    choices: found.iter().map(choice).collect(),
                });
            }
            let index = entries(first.target.clone())?;
            let files = Blobs(place.content);
            let request = Request { name: shown, reference: name.reference(), platform };
            let fetch = |_: Part, digest: &Digest, limit: u64| files.read(&blob_path(digest), limit);
            let mut image = resolve_entries(request, &index, &fetch)?;
            if image.index_digest.is_none() && image.digest.as_str() != first.target.digest().as_ref() {
                image.index_digest = first.target.digest().as_ref().parse().ok();
            }
            return Ok(Some(ContainerdImage { files, image }));
        }
        Ok(None)
    }
}

fn entries(target: Descriptor) -> Result<ImageIndex, SourceError> {
    let index = ImageIndexBuilder::default().schema_version(2u32).manifests(vec![target]).build();
    index.map_err(|error| SourceError::malformed("containerd's entry of the image", error.to_string()))
}

/// The content by digest.
#[derive(Debug)]
struct Blobs(StoreFolder);

impl LayoutFiles for Blobs {
    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, SourceError> {
        let reader = self.open(path)?;
        if reader.left() > limit {
            return Err(SourceError::TooLarge { what: self.0.path().join(path).display().to_string(), limit });
        }
        let mut bytes = Vec::new();
        let read = reader.take(limit).read_to_end(&mut bytes);
        read.map_err(SourceError::io(format!("read {}", self.0.path().join(path).display())))?;
        Ok(bytes)
    }

    fn open(&self, path: &str) -> Result<Window, SourceError> {
        let whole = self.0.path().join(path).display().to_string();
        let opened = self.0.file(path).and_then(|file| {
            let size = file.metadata()?.len();
            Ok(Window::new(Arc::new(file), 0, size))
        });
        opened.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => SourceError::NotFound {
                what: path.to_owned(),
                place: "containerd's store".to_owned(),
                hint: "it keeps only what it needs to run the image (another platform's content is not fetched; \
                       discard_unpacked_layers throws layers away); name the image with registry:"
                    .to_owned(),
            },
            _ => SourceError::io(format!("open {whole}"))(error),
        })
    }
}

impl ImageSource for ContainerdImage {
    fn image(&self) -> &Image {
        &self.image
    }

    fn open_layer(&self, index: usize) -> Result<Box<dyn Read + Send>, SourceError> {
        Ok(Box::new(open_blob_layer(&self.files, &self.image, index)?))
    }

    fn layer_window(&self, index: usize) -> Result<Option<Window>, SourceError> {
        open_blob_layer(&self.files, &self.image, index).map(Some)
    }
}
