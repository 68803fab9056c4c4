//! From a manifest's bytes to an image: index, platform, manifest, config, layers, each checked against the digest
//! and size that named it. Shared by all sources; they only fetch.

use std::collections::HashSet;

use oci_spec::image::{Descriptor, ImageConfiguration, ImageIndex, ImageManifest};

use super::document::{
    CONFIG_BYTES, Document, DocumentKind, MANIFEST_BYTES, digest_of, kind_of_media_type, require_image,
};
use super::{Image, Layer, SourceError};
use crate::digest::Algorithm;
use crate::{Digest, Platform, Reference, Verified};

/// How deep indexes may nest. One index in another is seen in OCI layouts; more is not seen at all.
const DEPTH: usize = 4;
/// How many manifests are fetched at most on the way to one image.
const FETCHES: usize = 64;

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// What the user called it, for messages.
    pub name: &'a str,
    /// Its name in a registry, where it has one.
    pub reference: Option<&'a Reference>,
    /// The platform that was asked for. `None`: the host's out of an index, and an image that is for one platform
    /// alone whatever that is.
    pub platform: Option<&'a Platform>,
}

/// What is fetched by digest while an image is resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A manifest or index (a registry keeps them under `/manifests/`).
    Manifest,
    /// A config (`/blobs/`).
    Config,
}

/// Where the parts of an image come from. Nothing that is returned is believed; it is checked here.
pub trait Fetch {
    /// The bytes that `digest` names. Implementations stop reading after `limit` bytes, with
    /// [`SourceError::TooLarge`] or with what they have, which then fails its check.
    fn fetch(&self, part: Part, digest: &Digest, limit: u64) -> Result<Vec<u8>, SourceError>;
}

impl<F> Fetch for F
where
    F: Fn(Part, &Digest, u64) -> Result<Vec<u8>, SourceError>,
{
    fn fetch(&self, part: Part, digest: &Digest, limit: u64) -> Result<Vec<u8>, SourceError> {
        self(part, digest, limit)
    }
}

/// Resolves the document that the image's name led to. `media_type` is what named it (a descriptor's media type or
/// the `Content-Type` header), where something did.
pub fn resolve(
    request: Request<'_>,
    top: Verified,
    media_type: Option<&str>,
    fetch: &dyn Fetch,
) -> Result<Image, SourceError> {
    let what = format!("manifest {} of {}", top.digest(), request.name);
    let mut search = Search { request, fetch, path: Vec::new(), seen: HashSet::new() };
    match Document::parse(&top, media_type, &what)? {
        Document::Manifest(manifest) => {
            let image = search.image(top, *manifest, None)?;
            require_platform(&image.config, request.platform, request.name)?;
            Ok(image)
        }
        Document::Index(index) => {
            let digest = top.digest().clone();
            search.path.push(digest.clone());
            search.seen.insert(digest.clone());
            search.index(&index, &what, Some(&digest))
        }
    }
}

/// Resolves an index that no digest names: the `index.json` of an OCI layout, or those of its entries that a tag
/// chose.
pub fn resolve_entries(request: Request<'_>, index: &ImageIndex, fetch: &dyn Fetch) -> Result<Image, SourceError> {
    let mut search = Search { request, fetch, path: Vec::new(), seen: HashSet::new() };
    search.index(index, &format!("the index of {}", request.name), None)
}

struct Search<'a> {
    request: Request<'a>,
    fetch: &'a dyn Fetch,
    /// The indexes that lead to where the search is.
    path: Vec<Digest>,
    /// All manifests fetched.
    seen: HashSet<Digest>,
}

/// An entry of an index that may be, or lead to, the image.
struct Candidate<'a> {
    descriptor: &'a Descriptor,
    digest: Digest,
    /// Distance from the platform that is wanted; none where the entry says no platform.
    rank: Option<u64>,
}

impl Search<'_> {
    fn wanted(&self) -> Platform {
        self.request.platform.cloned().unwrap_or_else(Platform::host)
    }

    /// Looks an index's entries through, best platform first, entries that say no platform last.
    fn index(&mut self, index: &ImageIndex, what: &str, outermost: Option<&Digest>) -> Result<Image, SourceError> {
        let wanted = self.wanted();
        let mut available = Vec::new();
        let mut candidates = Vec::new();
        for descriptor in index.manifests() {
            if kind_of_media_type(descriptor.media_type().as_ref()).is_none() {
                continue;
            }
            let digest = digest_of(descriptor, what)?;
            let Some(offered) = descriptor.platform().as_ref().map(Platform::from) else {
                candidates.push(Candidate { descriptor, digest, rank: None });
                continue;
            };
            // BuildKit lists attestations as manifests for the platform unknown/unknown.
            if offered.os == "unknown" {
                continue;
            }
            if let Some(distance) = wanted.distance_to(&offered) {
                candidates.push(Candidate { descriptor, digest, rank: Some(distance) });
            }
            available.push(offered.to_string());
        }
        candidates.sort_by_key(|candidate| candidate.rank.unwrap_or(u64::MAX));
        // The only image of a layout without a platform is taken as a manifest without index would be.
        let is_only = candidates.len() == 1 && available.is_empty();
        let mut refusal = None;
        for candidate in candidates {
            let must_match = match candidate.rank {
                Some(_) => None,
                None if is_only => self.request.platform,
                None => Some(&wanted),
            };
            match self.entry(&candidate, what, outermost, must_match) {
                Ok(image) => return Ok(image),
                Err(error) if candidate.rank.is_some() => return Err(error),
                Err(SourceError::Platform { available: more, .. }) => available.extend(more),
                Err(error @ SourceError::NotAnImage { .. }) => refusal = Some(error),
                Err(error) => return Err(error),
            }
        }
        match refusal {
            Some(error) if available.is_empty() => Err(error),
            _ => {
                let what = self.request.name.to_owned();
                available.sort_unstable();
                available.dedup();
                Err(SourceError::Platform { what, wanted: wanted.to_string(), available })
            }
        }
    }

    fn entry(
        &mut self,
        candidate: &Candidate<'_>,
        parent: &str,
        outermost: Option<&Digest>,
        must_match: Option<&Platform>,
    ) -> Result<Image, SourceError> {
        let Candidate { descriptor, digest, .. } = candidate;
        if self.path.contains(digest) {
            return Err(SourceError::PointsToItself { what: parent.to_owned(), digest: digest.clone() });
        }
        self.seen.insert(digest.clone());
        if self.path.len() >= DEPTH || self.seen.len() > FETCHES {
            let limit = if self.path.len() >= DEPTH { DEPTH } else { FETCHES };
            return Err(SourceError::TooDeep { what: self.request.name.to_owned(), limit });
        }
        let what = format!("manifest {digest} of {}", self.request.name);
        let bytes = self.checked(Part::Manifest, descriptor, digest, MANIFEST_BYTES, &what)?;
        let kind = kind_of_media_type(descriptor.media_type().as_ref());
        match (Document::parse(&bytes, Some(descriptor.media_type().as_ref()), &what)?, kind) {
            (Document::Manifest(manifest), _) => {
                let image = self.image(bytes, *manifest, outermost)?;
                require_platform(&image.config, must_match, self.request.name)?;
                Ok(image)
            }
            (Document::Index(_), Some(DocumentKind::Manifest)) => {
                Err(SourceError::malformed(&what, "an index stands where a manifest was promised"))
            }
            (Document::Index(index), _) => {
                self.path.push(digest.clone());
                let found = self.index(&index, &what, outermost.or(Some(digest)));
                self.path.pop();
                found
            }
        }
    }

    /// Fetches what a descriptor names and checks size and digest.
    fn checked(
        &self,
        part: Part,
        descriptor: &Descriptor,
        digest: &Digest,
        limit: u64,
        what: &str,
    ) -> Result<Verified, SourceError> {
        if descriptor.size() > limit {
            return Err(SourceError::TooLarge { what: what.to_owned(), limit });
        }
        let bytes = self.fetch.fetch(part, digest, limit)?;
        // No bytes can hold their own digest, so these were put there to lead round in a circle.
        if part == Part::Manifest && memchr::memmem::find(&bytes, digest.as_str().as_bytes()).is_some() {
            return Err(SourceError::PointsToItself { what: what.to_owned(), digest: digest.clone() });
        }
        if bytes.len() as u64 != descriptor.size() {
            let found = bytes.len() as u64;
            return Err(SourceError::Size { what: what.to_owned(), expected: descriptor.size(), found });
        }
        Ok(Verified::check(bytes, digest, what)?)
    }

    fn image(&self, bytes: Verified, manifest: ImageManifest, index: Option<&Digest>) -> Result<Image, SourceError> {
        let what = format!("manifest {} of {}", bytes.digest(), self.request.name);
        require_image(&manifest, &what)?;
        let digest = digest_of(manifest.config(), &what)?;
        let config_what = format!("config {digest} of {}", self.request.name);
        let config_bytes = self.checked(Part::Config, manifest.config(), &digest, CONFIG_BYTES, &config_what)?;
        let config = parse_config(&config_bytes, &config_what)?;
        let layers = layers(&manifest, &config, &what)?;
        Ok(Image {
            name: self.request.name.to_owned(),
            reference: self.request.reference.cloned(),
            digest: bytes.digest().clone(),
            index_digest: index.cloned(),
            manifest,
            manifest_bytes: Some(bytes),
            config_bytes,
            config,
            layers,
        })
    }
}

/// Refuses an image whose config is for another platform than the one that was asked for.
pub(super) fn require_platform(
    config: &ImageConfiguration,
    must_match: Option<&Platform>,
    name: &str,
) -> Result<(), SourceError> {
    let Some(wanted) = must_match else { return Ok(()) };
    let offered = Platform::of_config(config);
    if wanted.distance_to(&offered).is_some() {
        return Ok(());
    }
    let available = vec![offered.to_string()];
    Err(SourceError::Platform { what: name.to_owned(), wanted: wanted.to_string(), available })
}

/// Parses a config that matched its digest.
pub(super) fn parse_config(bytes: &Verified, what: &str) -> Result<ImageConfiguration, SourceError> {
    serde_json::from_slice(bytes).map_err(|error| SourceError::malformed(what, error.to_string()))
}

/// The layers as manifest and config name them together.
fn layers(manifest: &ImageManifest, config: &ImageConfiguration, what: &str) -> Result<Vec<Layer>, SourceError> {
    let diff_ids = diff_ids(config, what)?;
    if diff_ids.len() != manifest.layers().len() {
        let reason =
            format!("it lists {} layers, but its config has {} of them", manifest.layers().len(), diff_ids.len());
        return Err(SourceError::malformed(what, reason));
    }
    let created_by = created_by(config, diff_ids.len());
    let mut layers = Vec::with_capacity(diff_ids.len());
    for ((descriptor, diff_id), created_by) in manifest.layers().iter().zip(diff_ids).zip(created_by) {
        let blob = digest_of(descriptor, what)?;
        require_sha256(&blob, what)?;
        layers.push(Layer {
            blob: Some(blob),
            diff_id,
            size: descriptor.size(),
            media_type: descriptor.media_type().to_string(),
            created_by,
        });
    }
    Ok(layers)
}

/// The digests of the uncompressed layers that a config claims.
pub(super) fn diff_ids(config: &ImageConfiguration, what: &str) -> Result<Vec<Digest>, SourceError> {
    let parse = |text: &String| {
        let digest: Digest = text
            .parse()
            .map_err(|error: crate::digest::DigestError| SourceError::malformed(what, format!("diff id: {error}")))?;
        require_sha256(&digest, what)?;
        Ok(digest)
    };
    config.rootfs().diff_ids().iter().map(parse).collect()
}

fn require_sha256(digest: &Digest, what: &str) -> Result<(), SourceError> {
    if digest.algorithm() == Algorithm::Sha256 {
        return Ok(());
    }
    Err(SourceError::Unsupported {
        what: what.to_owned(),
        reason: format!("a layer is named by {digest}; only layers named by sha256 are read, as all tools write them"),
    })
}

/// The history line of each layer. Entries that made no layer are skipped; where the rest does not fit the layers
/// one to one, nothing is said rather than something wrong.
pub(super) fn created_by(config: &ImageConfiguration, layers: usize) -> Vec<Option<String>> {
    let history = config.history().as_deref().unwrap_or_default();
    let lines: Vec<_> = history
        .iter()
        .filter(|entry| !entry.empty_layer().unwrap_or(false))
        .map(|entry| entry.created_by().clone().filter(|line| !line.is_empty()))
        .collect();
    if lines.len() == layers { lines } else { vec![None; layers] }
}
