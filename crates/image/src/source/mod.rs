//! Where an image is read from: a registry, an OCI layout, a docker archive, the local engine, the stores of podman and containerd.

mod containerd;
mod containers_storage;
mod docker_archive;
mod document;
mod engine;
mod error;
mod layer_check;
mod layout;
mod oci_layout;
mod opener;
mod resolve;
mod store_folder;
mod stored_name;
mod unpacked;

use std::io::Read;

use oci_spec::image::{ImageConfiguration, ImageManifest};

pub use self::containerd::{
    BoltBucket, BoltDatabase, BoltError, BoltValue, Containerd, ContainerdImage, ContainerdPlace,
};
pub use self::containers_storage::{ContainersStorage, Files, StorageImage, StoragePlace, TarSplit};
pub use self::docker_archive::DockerArchive;
pub use self::document::{CONFIG_BYTES, Document, LAYERS, MANIFEST_BYTES, MANIFEST_MEDIA_TYPES, is_layer};
pub use self::engine::{Engine, EngineError, EngineRecord, EngineTls, engine_socket};
pub use self::error::SourceError;
pub use self::layer_check::LayerMismatch;
pub use self::oci_layout::{LayoutFolder, OciLayout};
pub use self::opener::{Opener, serve_opener};
pub use self::resolve::{Fetch, Part, Request, resolve, resolve_entries};
pub use self::store_folder::StoreFolder;
pub use self::stored_name::StoredName;
pub use self::unpacked::Unpacked;
use crate::layer::Window;
use crate::{Digest, Reference, Verified};

/// An image whose manifest and config have been read and have matched their digests.
#[derive(Clone, Debug)]
pub struct Image {
    /// What the user called it, for messages.
    pub name: String,
    /// Its name in a registry, where it has one.
    pub reference: Option<Reference>,
    /// The digest of its platform manifest; for a docker archive without one, of its config.
    pub digest: Digest,
    /// The index that the platform was chosen from, where there was one.
    pub index_digest: Option<Digest>,
    /// The manifest; made from the archive's own list for a docker archive.
    pub manifest: ImageManifest,
    /// The manifest's bytes, where there is one.
    pub manifest_bytes: Option<Verified>,
    /// The config's bytes.
    pub config_bytes: Verified,
    /// The config.
    pub config: ImageConfiguration,
    /// Its layers, base first.
    pub layers: Vec<Layer>,
}

/// One layer, as manifest and config name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The digest of the blob as it is stored; none in a docker archive, which names layers by path.
    pub blob: Option<Digest>,
    /// What the config claims of the uncompressed tar. A claim until the layer was walked.
    pub diff_id: Digest,
    /// Bytes of the blob, as the manifest says.
    pub size: u64,
    /// The media type that the manifest says.
    pub media_type: String,
    /// The history line that made it (`created_by`), empty-layer entries skipped.
    pub created_by: Option<String>,
}

/// Something that one image can be read from. Implementations are safe to use from several threads at once.
pub trait ImageSource: Send + Sync {
    /// The image, already resolved.
    fn image(&self) -> &Image;

    /// The stored bytes of layer `index` (base is 0), not yet checked: [`crate::layer::walk`] checks them.
    fn open_layer(&self, index: usize) -> Result<Box<dyn Read + Send>, SourceError>;

    /// The same bytes as a part of a file, where they are one, for [`crate::layer::walk_unverified`].
    fn layer_window(&self, _index: usize) -> Result<Option<Window>, SourceError> {
        Ok(None)
    }

    /// The content of layer `index` where it lies unpacked in a folder of its own. No digest is of a folder: what is read from it is
    /// unverified.
    fn unpacked(&self, _index: usize) -> Result<Option<Unpacked>, SourceError> {
        Ok(None)
    }
}
