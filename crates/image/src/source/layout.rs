//! The OCI image layout (image-layout.md), whether its files stand in a folder or in a tar.

use oci_spec::image::{Descriptor, ImageIndex};
use serde::Deserialize;

use super::document::{Document, MANIFEST_BYTES, digest_of};
use super::{Image, Part, Request, SourceError, resolve_entries};
use crate::layer::Window;
use crate::{Digest, Reference, Verified};

/// The annotation that holds an image's tag.
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The annotation in which containerd and docker write the whole name.
const CONTAINERD_NAME: &str = "io.containerd.image.name";

/// The files of a layout, by their path in it. Paths are made here and never taken from the layout.
pub(super) trait LayoutFiles: Send + Sync {
    /// A file's bytes; [`SourceError::TooLarge`] beyond `limit`.
    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, SourceError>;

    /// All of a file.
    fn open(&self, path: &str) -> Result<Window, SourceError>;
}

/// `oci-layout`, the file that makes a folder a layout.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    image_layout_version: String,
}

/// `blobs/sha256/HEX`: a digest has nothing in it that could lead elsewhere.
pub(super) fn blob_path(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm().name(), digest.hex())
}

/// Resolves the image that `tag` names; without a tag the only one, or the platform's out of one image for several.
pub(super) fn resolve_layout(
    files: &dyn LayoutFiles,
    request: Request<'_>,
    tag: Option<&str>,
) -> Result<Image, SourceError> {
    let what = format!("oci-layout of {}", request.name);
    let header: Header = serde_json::from_slice(&files.read("oci-layout", 4096)?)
        .map_err(|error| SourceError::malformed(&what, error.to_string()))?;
    if !header.image_layout_version.starts_with("1.") {
        return Err(SourceError::Unsupported {
            what,
            reason: format!("layout version {:?} is not known; version 1 is read", header.image_layout_version),
        });
    }
    let mut index = read_index(files, request.name)?;
    let chosen = choose(index.manifests(), tag, request.name)?;
    index.set_manifests(chosen);
    resolve_entries(request, &index, &|_: Part, digest: &Digest, limit: u64| files.read(&blob_path(digest), limit))
}

/// `index.json`, which no digest names.
pub(super) fn read_index(files: &dyn LayoutFiles, name: &str) -> Result<ImageIndex, SourceError> {
    let bytes = Verified::name(files.read("index.json", MANIFEST_BYTES)?);
    let what = format!("index.json of {name}");
    match Document::parse(&bytes, None, &what)? {
        Document::Index(index) => Ok(*index),
        Document::Manifest(_) => Err(SourceError::malformed(&what, "it is a manifest and no index")),
    }
}

/// The entries that a tag names, or all where they are one image.
fn choose(entries: &[Descriptor], tag: Option<&str>, name: &str) -> Result<Vec<Descriptor>, SourceError> {
    if let Some(tag) = tag {
        let chosen: Vec<_> = entries.iter().filter(|entry| is_named(entry, tag)).cloned().collect();
        if chosen.is_empty() {
            let tags = tags(entries);
            let hint =
                if tags.is_empty() { "it has no tags at all".into() } else { format!("it has {}", tags.join(", ")) };
            return Err(SourceError::NotFound { what: format!("image {tag:?}"), place: name.to_owned(), hint });
        }
        return Ok(chosen);
    }
    // Entries without names, or with the same, are one image for several platforms.
    let mut names = entries.iter().map(|entry| (annotation(entry, CONTAINERD_NAME), annotation(entry, REF_NAME)));
    let first = names.next();
    if first.is_some() && names.any(|other| Some(other) != first) {
        return Err(SourceError::Ambiguous {
            what: name.to_owned(),
            choices: tags(entries).into_iter().map(|tag| format!("{name}:{tag}")).collect(),
        });
    }
    Ok(entries.to_vec())
}

/// Whether an entry is called so: by the annotation's text, by the whole name, or by digest.
fn is_named(entry: &Descriptor, wanted: &str) -> bool {
    let same_reference = |name: &str| match (name.parse::<Reference>(), wanted.parse::<Reference>()) {
        (Ok(name), Ok(wanted)) => name == wanted,
        _ => false,
    };
    let containerd_name = annotation(entry, CONTAINERD_NAME);
    [annotation(entry, REF_NAME), containerd_name, Some(entry.digest().as_ref())].contains(&Some(wanted))
        || containerd_name.is_some_and(same_reference)
}

fn annotation<'a>(entry: &'a Descriptor, key: &str) -> Option<&'a str> {
    entry.annotations().as_ref()?.get(key).map(String::as_str)
}

/// Names to choose from, escaped: they come from the layout.
fn tags(entries: &[Descriptor]) -> Vec<String> {
    let name = |entry: &Descriptor| {
        let name = annotation(entry, CONTAINERD_NAME).or_else(|| annotation(entry, REF_NAME));
        name.unwrap_or(entry.digest().as_ref()).escape_debug().take(200).collect()
    };
    entries.iter().take(50).map(name).collect()
}

/// The manifest whose config is this one, looked for in all of an index, and the outermost index that leads to it.
/// `None` where it is not there, or where not all of the way to it is: `docker save` lists platforms that it left out.
pub(super) fn manifest_of_config(
    files: &dyn LayoutFiles,
    config: &Digest,
    name: &str,
) -> Option<(Verified, Option<Digest>)> {
    const FETCHES: usize = 64;
    let index = read_index(files, name).ok()?;
    let mut pending: Vec<_> = index.manifests().iter().rev().map(|entry| (entry.clone(), None)).collect();
    for _ in 0..FETCHES {
        let (descriptor, outermost) = pending.pop()?;
        let digest = digest_of(&descriptor, name).ok()?;
        let Ok(bytes) = files.read(&blob_path(&digest), MANIFEST_BYTES) else { continue };
        let Ok(bytes) = Verified::check(bytes, &digest, name) else { continue };
        match Document::parse(&bytes, Some(descriptor.media_type().as_ref()), name) {
            Ok(Document::Manifest(manifest)) if manifest.config().digest().as_ref() == config.as_str() => {
                return Some((bytes, outermost));
            }
            Ok(Document::Index(index)) => {
                let outermost = Some(outermost.unwrap_or(digest));
                pending.extend(index.manifests().iter().rev().map(|entry| (entry.clone(), outermost.clone())));
            }
            _ => {}
        }
    }
    None
}
