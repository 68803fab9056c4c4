//! `docker-archive:FILE`: what `docker save`, `podman save` and `skopeo copy` write, gzip- or zstd-compressed or not.
//!
//! Three forms are read, told by what is in them:
//! - `manifest.json` with layers as tars or as links to them (docker 1.10 to 24, podman, skopeo);
//! - the same beside an OCI layout (docker since 25), whose manifest then gives the image its digest;
//! - an OCI layout alone (`skopeo copy … oci-archive:`, `docker buildx build --output type=oci`).
//!
//! What an archive claims is not believed: a config named by a digest must have it, and layers are checked by who
//! reads them. Its names (`RepoTags`) choose an image and give it no [`Image::reference`].

mod members;
mod spool;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use oci_spec::image::{
    DescriptorBuilder, Digest as OciDigest, ImageConfiguration, ImageManifest, ImageManifestBuilder, MediaType,
};
use serde::Deserialize;

use self::members::Members;
use super::document::{CONFIG_BYTES, LAYERS, MANIFEST_BYTES};
use super::layout::{LayoutFiles, manifest_of_config, resolve_layout};
use super::oci_layout::open_blob_layer;
use super::resolve::{created_by, diff_ids, parse_config, require_platform};
use super::{Image, ImageSource, Layer, Part, Request, SourceError, resolve};
use crate::layer::{Limits, Window};
use crate::{Digest, Platform, Reference, Verified};

/// The media type of the config in a manifest that is made here.
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
/// The media type of the layers in a manifest that is made here.
const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";

/// An image in an archive.
#[derive(Debug)]
pub struct DockerArchive {
    members: Members,
    image: Image,
    /// Offset and size of each layer; none where layers are blobs of an OCI layout.
    layers: Option<Vec<(u64, u64)>>,
}

/// One image in `manifest.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Option<Vec<String>>,
}

impl DockerArchive {
    /// Opens an archive. `name` is what the user called it, `choice` the name or id of one of several images.
    ///
    /// A compressed archive, and one that comes through a pipe, is first copied to an unlinked file in `spool`.
    pub fn open(
        archive: File,
        name: &str,
        choice: Option<&str>,
        platform: Option<&Platform>,
        spool: &Path,
    ) -> Result<Self, SourceError> {
        let request = Request { name, reference: None, platform };
        Self::of_file(spool::seekable(archive, name, spool, &Limits::default())?, request, choice)
    }

    /// The same from a stream that is no file.
    pub(super) fn of_stream(stream: impl Read, request: Request<'_>, spool: &Path) -> Result<Self, SourceError> {
        Self::of_file(spool::spool(stream, request.name, spool, &Limits::default())?, request, None)
    }

    fn of_file(archive: File, request: Request<'_>, choice: Option<&str>) -> Result<Self, SourceError> {
        let members = Members::of(archive, request.name)?;
        if !members.has("manifest.json") && members.has("index.json") {
            let image = resolve_layout(&members, request, choice)?;
            return Ok(Self { members, image, layers: None });
        }
        if !members.has("manifest.json") && members.has("repositories") {
            return Err(SourceError::Unsupported {
                what: request.name.to_owned(),
                reason:
                    "docker before 1.10 wrote it, without digests; load it into a docker of today and save it again"
                        .into(),
            });
        }
        let what = format!("manifest.json of {}", request.name);
        let list = members.read("manifest.json", MANIFEST_BYTES)?;
        let items: Vec<Item> =
            serde_json::from_slice(&list).map_err(|error| SourceError::malformed(&what, error.to_string()))?;
        let item = choose(&items, choice, request.name)?;
        Self::of_item(members, item, request)
    }

    fn of_item(members: Members, item: &Item, request: Request<'_>) -> Result<Self, SourceError> {
        let what = format!("config {:?} of {}", item.config, request.name);
        let bytes = members.read(&item.config, CONFIG_BYTES)?;
        let config_bytes = match digest_in_name(&item.config) {
            Some(digest) => Verified::check(bytes, &digest, &what)?,
            None => Verified::name(bytes),
        };
        if members.has("index.json")
            && let Some((manifest, index_digest)) = manifest_of_config(&members, config_bytes.digest(), request.name)
        {
            let fetch = |_: Part, digest: &Digest, limit: u64| members.read(&super::layout::blob_path(digest), limit);
            let image = Image { index_digest, ..resolve(request, manifest, None, &fetch)? };
            return Ok(Self { members, image, layers: None });
        }
        let config = parse_config(&config_bytes, &what)?;
        require_platform(&config, request.platform, request.name)?;
        let paths = item.layers.as_deref().unwrap_or_default();
        let diff_ids = diff_ids(&config, &what)?;
        check_layers(paths, &diff_ids, request.name)?;
        let windows = paths.iter().map(|path| members.find(path)).collect::<Result<Vec<_>, _>>()?;
        let image = image(request, config_bytes, config, diff_ids, &windows)?;
        Ok(Self { members, image, layers: Some(windows) })
    }
}

impl ImageSource for DockerArchive {
    fn image(&self) -> &Image {
        &self.image
    }

    fn open_layer(&self, index: usize) -> Result<Box<dyn Read + Send>, SourceError> {
        Ok(Box::new(self.window(index)?))
    }

    fn layer_window(&self, index: usize) -> Result<Option<Window>, SourceError> {
        self.window(index).map(Some)
    }
}

impl DockerArchive {
    fn window(&self, index: usize) -> Result<Window, SourceError> {
        let Some(layers) = &self.layers else { return open_blob_layer(&self.members, &self.image, index) };
        let &(offset, size) = layers.get(index).ok_or_else(|| SourceError::NotFound {
            what: format!("layer {index}"),
            place: self.image.name.clone(),
            hint: format!("it has {} layers", layers.len()),
        })?;
        Ok(self.members.window(offset, size))
    }
}

/// The image that is meant: the only one, or the one of this name or id.
fn choose<'a>(items: &'a [Item], choice: Option<&str>, name: &str) -> Result<&'a Item, SourceError> {
    let labels = || items.iter().take(50).map(Item::label).collect::<Vec<_>>();
    match (choice, items) {
        (_, []) => {
            let reason = "it lists no image";
            Err(SourceError::malformed(&format!("manifest.json of {name}"), reason))
        }
        (None, [only]) => Ok(only),
        (None, _) => {
            let choices = labels().into_iter().map(|label| format!("{name}:{label}")).collect();
            Err(SourceError::Ambiguous { what: name.to_owned(), choices })
        }
        (Some(choice), _) => items.iter().find(|item| item.is_named(choice)).ok_or_else(|| SourceError::NotFound {
            what: format!("image {choice:?}"),
            place: name.to_owned(),
            hint: format!("it has {}", labels().join(", ")),
        }),
    }
}

impl Item {
    fn is_named(&self, choice: &str) -> bool {
        let wanted = choice.parse::<Reference>().ok();
        let tags = self.repo_tags.as_deref().unwrap_or_default();
        let by_tag = tags.iter().any(|tag| {
            tag == choice
                || wanted.as_ref().is_some_and(|wanted| tag.parse::<Reference>().ok().as_ref() == Some(wanted))
        });
        let id = choice.strip_prefix("sha256:").unwrap_or(choice);
        by_tag || digest_in_name(&self.config).is_some_and(|digest| id.len() >= 12 && digest.hex().starts_with(id))
    }

    /// A name to choose it by, escaped: it comes from the archive.
    fn label(&self) -> String {
        let tag = self.repo_tags.iter().flatten().next();
        tag.unwrap_or(&self.config).escape_debug().take(200).collect()
    }
}

/// The digest that a config's path says: `HEX.json` or `blobs/sha256/HEX`.
fn digest_in_name(path: &str) -> Option<Digest> {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    format!("sha256:{}", name.strip_suffix(".json").unwrap_or(name)).parse().ok()
}

fn check_layers(paths: &[String], diff_ids: &[Digest], name: &str) -> Result<(), SourceError> {
    if paths.len() > LAYERS {
        let (found, limit) = (paths.len() as u64, LAYERS as u64);
        return Err(SourceError::TooMany { what: format!("layers in {name}"), found, limit });
    }
    if paths.len() != diff_ids.len() {
        let reason = format!("it lists {} layers, but its config has {} of them", paths.len(), diff_ids.len());
        return Err(SourceError::malformed(&format!("manifest.json of {name}"), reason));
    }
    Ok(())
}

/// The image of an archive without a manifest of its own.
fn image(
    request: Request<'_>,
    config_bytes: Verified,
    config: ImageConfiguration,
    diff_ids: Vec<Digest>,
    windows: &[(u64, u64)],
) -> Result<Image, SourceError> {
    let manifest = manifest(&config_bytes, &diff_ids, windows)
        .map_err(|error| SourceError::malformed(request.name, error.to_string()))?;
    let created_by = created_by(&config, diff_ids.len());
    let layers = diff_ids
        .into_iter()
        .zip(windows)
        .zip(created_by)
        .map(|((diff_id, (_, size)), created_by)| Layer {
            blob: None,
            diff_id,
            size: *size,
            media_type: DOCKER_LAYER.to_owned(),
            created_by,
        })
        .collect();
    Ok(Image {
        name: request.name.to_owned(),
        reference: request.reference.cloned(),
        digest: config_bytes.digest().clone(),
        index_digest: None,
        manifest,
        manifest_bytes: None,
        config_bytes,
        config,
        layers,
    })
}

/// A manifest as docker would write it for the uncompressed layers.
fn manifest(
    config: &Verified,
    diff_ids: &[Digest],
    windows: &[(u64, u64)],
) -> Result<ImageManifest, oci_spec::OciSpecError> {
    let descriptor = |media_type: &str, digest: &Digest, size: u64| {
        let digest: OciDigest = digest.as_str().parse()?;
        DescriptorBuilder::default().media_type(MediaType::from(media_type)).digest(digest).size(size).build()
    };
    let layers = diff_ids
        .iter()
        .zip(windows)
        .map(|(diff_id, (_, size))| descriptor(DOCKER_LAYER, diff_id, *size))
        .collect::<Result<Vec<_>, _>>()?;
    ImageManifestBuilder::default()
        .schema_version(2u32)
        .config(descriptor(DOCKER_CONFIG, config.digest(), config.len() as u64)?)
        .layers(layers)
        .build()
}
