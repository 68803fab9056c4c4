//! `podman:NAME`: the store that podman, buildah, skopeo and CRI-O share (containers/storage), read where it lies.
//!
//! Layers are unpacked there, and what a tar loses by that stands beside them ([`tar_split`]). So each layer is put together again and
//! must have the digest that the image's config names. Where nothing stands beside it (a layer that was made by other means), only
//! its folder can be read, and nothing proves what is in it ([`ImageSource::unpacked`]).
//!
//! Drivers: overlay, vfs. Not read: btrfs and zfs, whose layers are file systems of their own, and composefs.

mod listed;
mod tar_split;

use std::collections::HashMap;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use self::listed::{ListedImage, ListedLayer, document, list, part};
pub use self::tar_split::{Files, TarSplit};
use super::document::{LAYERS, MANIFEST_BYTES};
use super::{Image, ImageSource, Opener, Part, Request, SourceError, StoreFolder, StoredName, Unpacked, resolve};
use crate::layer::{Inflated, LayerError, Limits};
use crate::{Digest, Platform, Reference, Verified};

/// How layers are unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Driver {
    /// Each layer in a folder of its own, what it deletes marked as overlayfs has it.
    Overlay,
    /// Each layer in a copy of all below it.
    Vfs,
}

/// A store's folders, open; nothing in them was read yet.
#[derive(Debug)]
pub struct StoragePlace {
    driver: Driver,
    images: StoreFolder,
    layers: StoreFolder,
    content: Arc<StoreFolder>,
}

/// Stores of one engine: its own, and those that it reads beside it.
#[derive(Debug)]
pub struct ContainersStorage {
    places: Vec<Listed>,
}

/// A store whose lists were read.
#[derive(Debug)]
struct Listed {
    place: StoragePlace,
    images: Vec<ListedImage>,
    layers: HashMap<String, ListedLayer>,
}

/// An image in such a store.
#[derive(Debug)]
pub struct StorageImage {
    storage: ContainersStorage,
    image: Image,
    /// Which store each layer is in, and its id there; base first.
    layers: Vec<(usize, String)>,
}

/// The store that an image is in, its entry there, and the name by which it was found.
type Found<'a> = (usize, &'a ListedImage, Option<Reference>);

impl StoragePlace {
    /// The stores in a root folder (`/var/lib/containers/storage`), one for each driver that it was used with; none where it is no store.
    pub fn open(root: &Path, opener: Option<&Arc<Opener>>) -> io::Result<Vec<Self>> {
        let mut places = Vec::new();
        for (driver, name) in [(Driver::Overlay, "overlay"), (Driver::Vfs, "vfs")] {
            let open = |path: &str| {
                let folder = StoreFolder::open(&root.join(path))?;
                match opener {
                    Some(opener) => folder.with_opener(opener),
                    None => Ok(folder),
                }
            };
            let images = match open(&format!("{name}-images")) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                images => images?,
            };
            places.push(Self {
                driver,
                images,
                layers: open(&format!("{name}-layers"))?,
                content: Arc::new(open(name)?),
            });
        }
        Ok(places)
    }

    /// Where a layer is unpacked.
    fn unpacked(&self, layer: &str) -> String {
        match self.driver {
            Driver::Overlay => format!("{layer}/diff"),
            Driver::Vfs => format!("dir/{layer}"),
        }
    }
}

impl ContainersStorage {
    /// Reads the lists of all places.
    pub fn read(places: Vec<StoragePlace>) -> Result<Self, SourceError> {
        let read = |place: StoragePlace| {
            let images = list(&place.images, "images.json")?;
            let layers = list::<ListedLayer>(&place.layers, "layers.json")?;
            let layers = layers.into_iter().map(|layer| (layer.id.clone(), layer)).collect();
            Ok(Listed { place, images, layers })
        };
        Ok(Self { places: places.into_iter().map(read).collect::<Result<_, SourceError>>()? })
    }

    /// The image of this name or id; `None` where there is none. `shown` is what the user called it.
    pub fn image(
        self,
        name: &StoredName,
        shown: &str,
        platform: Option<&Platform>,
    ) -> Result<Option<StorageImage>, SourceError> {
        let Some((store, row, reference)) = self.find(name)? else { return Ok(None) };
        let manifest = Verified::name(document(&self.places[store].place.images, &row.id, "manifest", MANIFEST_BYTES)?);
        let request = Request { name: shown, reference: reference.as_ref(), platform };
        let fetch = |part: Part, digest: &Digest, limit: u64| self.document(part, digest, limit);
        let mut image = resolve(request, manifest, None, &fetch)?;
        if let Some(wanted) = name.reference().and_then(|reference| reference.digest.as_ref())
            && *wanted != image.digest
            && Some(wanted) != image.index_digest.as_ref()
        {
            // The list that a registry gave is kept beside the image that was chosen from it.
            let list =
                document(&self.places[store].place.images, &row.id, &format!("manifest-{wanted}"), MANIFEST_BYTES)?;
            let list = Verified::check(list, wanted, shown)?;
            if memchr::memmem::find(&list, image.digest.as_str().as_bytes()).is_none() {
                let reason = format!("the list {wanted} does not lead to the image that the store has under its name");
                return Err(SourceError::malformed(shown, reason));
            }
            image.index_digest = Some(wanted.clone());
        }
        let layers = self.layers(&image, shown)?;
        for (layer, (store, id)) in image.layers.iter_mut().zip(&layers) {
            let listed = &self.places[*store];
            // The manifest speaks of the blob that was fetched; what is here is its content.
            layer.blob = None;
            let written =
                listed.layers.get(id).and_then(|layer| layer.diff_size).and_then(|size| u64::try_from(size).ok());
            layer.size = match written.filter(|size| *size > 0) {
                Some(size) => size,
                None => listed.place.tar_bytes(id)?,
            };
        }
        Ok(Some(StorageImage { storage: self, image, layers }))
    }

    /// The image that is meant.
    fn find(&self, name: &StoredName) -> Result<Option<Found<'_>>, SourceError> {
        let all = || {
            self.places
                .iter()
                .enumerate()
                .flat_map(|(store, listed)| listed.images.iter().map(move |image| (store, image)))
        };
        for wanted in name.candidates() {
            let found = all().find(|(_, image)| image.is_named(&wanted));
            if let Some((store, image)) = found {
                return Ok(Some((store, image, Some(wanted))));
            }
        }
        let Some(id) = name.id() else { return Ok(None) };
        let mut found: Vec<_> = all().filter(|(_, image)| image.id.starts_with(id)).collect();
        found.dedup_by(|one, other| one.1.id == other.1.id);
        match found.as_slice() {
            [] => Ok(None),
            [(store, image)] => Ok(Some((*store, image, None))),
            several => Err(SourceError::Ambiguous {
                what: name.to_string(),
                choices: several.iter().map(|(_, image)| image.id.escape_debug().take(64).collect()).collect(),
            }),
        }
    }

    /// What a digest names, whichever image it is kept with.
    fn document(&self, wanted: Part, digest: &Digest, limit: u64) -> Result<Vec<u8>, SourceError> {
        for listed in &self.places {
            let holds = |image: &&ListedImage| {
                let is_config = wanted == Part::Config && image.id == digest.hex();
                is_config || image.big_data_digests.values().any(|held| held == digest.as_str())
            };
            for image in listed.images.iter().filter(holds) {
                let key = image.big_data_digests.iter().find(|(_, held)| *held == digest.as_str());
                let key = key.map_or(digest.as_str(), |(key, _)| key);
                match document(&listed.place.images, &image.id, key, limit) {
                    Err(SourceError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                    found => return found,
                }
            }
        }
        Err(SourceError::NotFound {
            what: digest.to_string(),
            place: "podman's store".to_owned(),
            hint: "pull the image again".to_owned(),
        })
    }

    /// The layers of a resolved image, base first, held against its config.
    fn layers(&self, image: &Image, name: &str) -> Result<Vec<(usize, String)>, SourceError> {
        let config = image.config_bytes.digest();
        let is_it = |row: &&ListedImage| {
            row.id == config.hex() || row.big_data_digests.values().any(|digest| digest == config.as_str())
        };
        let row = self.places.iter().flat_map(|listed| &listed.images).find(is_it);
        let malformed = |reason: String| SourceError::malformed(&format!("{name} in podman's store"), reason);
        let mut next = row.and_then(|row| row.layer.clone()).filter(|layer| !layer.is_empty());
        let mut layers = Vec::new();
        while let Some(id) = next {
            if layers.len() >= LAYERS {
                return Err(malformed(format!("more than {LAYERS} layers lie on each other, or in a circle")));
            }
            let found =
                self.places.iter().enumerate().find_map(|(store, listed)| Some((store, listed.layers.get(&id)?)));
            let (store, layer) = found.ok_or_else(|| malformed(format!("its layer {:?} is not listed", shown(&id))))?;
            part(&id)?;
            next = layer.parent.clone().filter(|parent| !parent.is_empty());
            layers.push((store, id));
        }
        layers.reverse();
        if layers.len() != image.layers.len() {
            return Err(malformed(format!(
                "it has {} layers there, but its config has {} of them",
                layers.len(),
                image.layers.len()
            )));
        }
        for ((store, id), layer) in layers.iter().zip(&image.layers) {
            let listed = self.places[*store].layers.get(id).and_then(|layer| layer.diff_digest.as_deref());
            if listed.is_some_and(|listed| !listed.is_empty() && listed != layer.diff_id.as_str()) {
                let (id, diff_id) = (shown(id), &layer.diff_id);
                return Err(malformed(format!("the store has layer {id:?} where the config names {diff_id}")));
            }
        }
        Ok(layers)
    }
}

impl ListedImage {
    fn is_named(&self, wanted: &Reference) -> bool {
        let has_digest = |digest: &Digest| self.big_data_digests.values().any(|held| held == digest.as_str());
        self.names.iter().filter_map(|name| name.parse::<Reference>().ok()).any(|name| match &wanted.digest {
            // A digest alone names what was pulled by any tag.
            Some(digest) => {
                name.registry == wanted.registry && name.repository == wanted.repository && has_digest(digest)
            }
            None => name == *wanted,
        })
    }
}

impl StoragePlace {
    /// The list of what a layer's tar was made of, inflated.
    fn parts(&self, layer: &str) -> io::Result<BufReader<Inflated<std::fs::File>>> {
        let file = self.layers.file(&format!("{layer}.tar-split.gz"))?;
        Ok(BufReader::new(Inflated::unhashed(file, &Limits::default()).map_err(LayerError::into_io)?))
    }

    fn has_parts(&self, layer: &str) -> bool {
        !matches!(self.layers.file(&format!("{layer}.tar-split.gz")), Err(error) if error.kind() == io::ErrorKind::NotFound)
    }

    /// Bytes of a layer's tar; 0 where nothing tells.
    fn tar_bytes(&self, layer: &str) -> Result<u64, SourceError> {
        if !self.has_parts(layer) {
            return Ok(0);
        }
        self.parts(layer)
            .and_then(tar_split::tar_bytes)
            .map_err(SourceError::io(format!("read the parts of layer {layer}")))
    }
}

impl StorageImage {
    fn layer(&self, index: usize) -> Result<(&StoragePlace, &str), SourceError> {
        let layer =
            self.layers.get(index).and_then(|(store, id)| Some((&self.storage.places.get(*store)?.place, id.as_str())));
        layer.ok_or_else(|| SourceError::NotFound {
            what: format!("layer {index}"),
            place: self.image.name.clone(),
            hint: format!("it has {} layers", self.layers.len()),
        })
    }
}

impl ImageSource for StorageImage {
    fn image(&self) -> &Image {
        &self.image
    }

    fn open_layer(&self, index: usize) -> Result<Box<dyn Read + Send>, SourceError> {
        let (place, id) = self.layer(index)?;
        let action = |verb: &str| SourceError::io(format!("{verb} layer {id} in {}", place.layers.path().display()));
        let parts = place.parts(id).map_err(action("read what is kept of the tar of"))?;
        let at = place.unpacked(id);
        let folder = place.content.folder(&at).map_err(action("open the folder of"))?;
        let content = Arc::clone(&place.content);
        let files = move |name: &[u8]| content.member(&folder, &at, name);
        Ok(Box::new(TarSplit::new(parts, files)))
    }

    fn unpacked(&self, index: usize) -> Result<Option<Unpacked>, SourceError> {
        let (place, id) = self.layer(index)?;
        if place.driver == Driver::Vfs {
            return Ok(None);
        }
        let at = place.unpacked(id);
        let folder = place.content.folder(&at).map_err(SourceError::io(format!("open the folder of layer {id}")))?;
        Ok(Some(Unpacked { folder, is_all: !place.has_parts(id), store: Arc::clone(&place.content), at }))
    }
}

fn shown(text: &str) -> String {
    text.escape_debug().take(100).collect()
}
