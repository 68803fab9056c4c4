//! What the command line names: an image, a folder or a list of packages, opened in two halves: what only the caller may open, then what is in it.

use std::fs::File;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use image::client::{Client, Credentials, RegistrySource, Settings};
use image::source::{
    Containerd, ContainerdPlace, ContainersStorage, DockerArchive, Engine, LayoutFolder, OciLayout, StoragePlace,
    StoredName, engine_socket,
};
use image::target::Target;
use image::{ImageSource, Platform, Reference};
use inventory::sbom::PackageList;
use rustix::fs::{Mode, OFlags};

use crate::stores::{self, Opening};
use crate::verbs::Start;

/// What is to be scanned, and where it is to be read from. No byte of it has been looked at yet.
#[derive(Debug)]
pub(crate) struct Wanted {
    text: String,
    platform: Option<Platform>,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Anywhere(Box<Anywhere>),
    Engine { reference: Reference, engine: Engine },
    Podman { name: StoredName, places: Vec<StoragePlace> },
    Containerd { name: StoredName, namespace: Option<String>, places: Vec<ContainerdPlace> },
    Registry { reference: Reference, credentials: Credentials },
    Layout { folder: LayoutFolder, tag: Option<String> },
    Archive { file: File, image: Option<String> },
    Folder(OwnedFd),
    PackageList(File),
}

/// The local engine where it has the image, else podman's and containerd's stores, else the registry.
#[derive(Debug)]
struct Anywhere {
    reference: Reference,
    name: StoredName,
    engine: Option<Engine>,
    podman: Vec<StoragePlace>,
    containerd: Vec<ContainerdPlace>,
    credentials: Credentials,
    /// What to write where a file or folder of that name is meant.
    on_disk: Option<String>,
}

/// What was named, opened.
pub(crate) enum Opened {
    /// An image, with its manifest read.
    Image(Arc<dyn ImageSource>),
    /// A folder, of which nothing is read yet, under the name that it was given.
    Folder(OwnedFd, String),
    /// A list of packages, read, under the name that it was given.
    PackageList(Box<PackageList>, String),
}

impl Wanted {
    /// As the calling user: opens files, stores and the engine's socket, reads the caller's logins.
    pub(crate) fn prepare(text: &str, platform: Option<Platform>, start: &Start) -> Result<Self> {
        let target: Target = text.parse()?;
        let mut opening = Opening::default();
        let place = match target {
            Target::Reference(reference) => {
                // A machine without an engine, or a caller who may not ask it, has a registry all the same.
                let engine = match connect() {
                    Ok(engine) => Some(engine),
                    Err(error) => {
                        tracing::debug!("the local engine was not asked: {error:#}");
                        None
                    }
                };
                // The same goes for a store that the caller may not read.
                let podman = unless_refused(stores::podman(&start.caller, &mut opening));
                let containerd = unless_refused(stores::containerd(&start.caller, &start.settings, &mut opening));
                let credentials = Credentials::of_caller([&reference]);
                let (name, on_disk) = (text.parse()?, on_disk(text));
                let place = Anywhere { reference, name, engine, podman, containerd, credentials, on_disk };
                Place::Anywhere(Box::new(place))
            }
            Target::Engine(reference) => Place::Engine { reference, engine: connect()? },
            Target::Podman(name) => {
                let places = stores::podman(&start.caller, &mut opening).with_context(|| hint(text))?;
                Place::Podman { name, places }
            }
            Target::Containerd { name, namespace } => {
                let places = stores::containerd(&start.caller, &start.settings, &mut opening);
                Place::Containerd { name, namespace, places: places.with_context(|| hint(text))? }
            }
            Target::Registry(reference) => {
                let credentials = Credentials::of_caller([&reference]);
                Place::Registry { reference, credentials }
            }
            Target::OciLayout { folder, tag } => {
                let mut folder = LayoutFolder::open(&folder).with_context(|| hint(text))?;
                folder.hold_files().with_context(|| hint(text))?;
                Place::Layout { folder, tag }
            }
            Target::DockerArchive { file, image } => Place::Archive { file: file_or_stdin(file.as_deref())?, image },
            Target::Folder(folder) => Place::Folder(open_folder(&folder).with_context(|| hint(text))?),
            Target::PackageList(file) => Place::PackageList(file_or_stdin(file.as_deref())?),
        };
        opening.seal()?;
        Ok(Self { text: text.to_owned(), platform, place })
    }

    /// As the owner of the data folder: finds an image and reads its manifest, reads a list. What has to be copied on the
    /// way to it lies in `spool`, in files without a name. Blocks.
    pub(crate) fn open(self, spool: &Path) -> Result<Opened> {
        match self.place {
            Place::Folder(folder) => Ok(Opened::Folder(folder, self.text)),
            Place::PackageList(file) => {
                let place = self.text.split_once(':').map_or(self.text.as_str(), |(_, place)| place);
                let place = if place == "-" { "standard input" } else { place };
                let list = inventory::sbom::read(file, place);
                let list = list.with_context(|| format!("cannot read the list of packages {place}"))?;
                Ok(Opened::PackageList(Box::new(list), self.text))
            }
            _ => Ok(Opened::Image(self.image(spool)?)),
        }
    }

    /// Whether it is an image: anything else is not known to a store.
    pub(crate) fn is_image(&self) -> bool {
        !matches!(self.place, Place::Folder(_) | Place::PackageList(_))
    }

    fn image(self, spool: &Path) -> Result<Arc<dyn ImageSource>> {
        let platform = self.platform.as_ref();
        match self.place {
            Place::Anywhere(place) => place.image(&self.text, platform, spool),
            Place::Engine { reference, engine } => {
                let found = engine.image(&reference, platform, spool)?;
                let missing =
                    || format!("the local engine has no image {}; docker pull brings it", reference.familiar());
                Ok(Arc::new(found.with_context(missing)?))
            }
            Place::Podman { name, places } => {
                let found = ContainersStorage::read(places)?.image(&name, &self.text, platform)?;
                let missing = || {
                    format!(
                        "podman's store has no image {name}; `podman images` lists what it has, podman pull brings more"
                    )
                };
                Ok(Arc::new(found.with_context(missing)?))
            }
            Place::Containerd { name, namespace, places } => {
                let found = Containerd::image(places, &name, namespace.as_deref(), &self.text, platform)?;
                let missing = || match &namespace {
                    Some(namespace) => format!(
                        "containerd has no image {name} in the namespace {namespace}; `ctr -n {namespace} images ls` lists what it has"
                    ),
                    None => format!(
                        "containerd has no image {name} in any namespace; `ctr namespaces ls` lists these, `ctr -n NAMESPACE images ls` what one has"
                    ),
                };
                Ok(Arc::new(found.with_context(missing)?))
            }
            Place::Registry { reference, credentials } => registry(&reference, credentials, platform),
            Place::Layout { folder, tag } => {
                Ok(Arc::new(OciLayout::open(folder, &self.text, tag.as_deref(), platform)?))
            }
            Place::Archive { file, image } => {
                Ok(Arc::new(DockerArchive::open(file, &self.text, image.as_deref(), platform, spool)?))
            }
            Place::Folder(_) | Place::PackageList(_) => anyhow::bail!("{} is no image", self.text),
        }
    }
}

impl Anywhere {
    fn image(self, text: &str, platform: Option<&Platform>, spool: &Path) -> Result<Arc<dyn ImageSource>> {
        let Self { reference, name, engine, podman, containerd, credentials, on_disk } = self;
        if let Some(engine) = engine {
            match engine.image(&reference, platform, spool) {
                Ok(Some(image)) => return Ok(Arc::new(image)),
                Ok(None) => tracing::debug!("the local engine does not have {reference}"),
                // A platform that the engine's copy is not for may well be at the registry.
                Err(error) => tracing::info!("the local engine could not give {reference}: {error}"),
            }
        }
        match ContainersStorage::read(podman).and_then(|store| store.image(&name, text, platform)) {
            Ok(Some(image)) => return Ok(Arc::new(image)),
            Ok(None) => tracing::debug!("podman's store does not have {reference}"),
            Err(error) => tracing::info!("podman's store could not give {reference}: {error}"),
        }
        match Containerd::image(containerd, &name, None, text, platform) {
            Ok(Some(image)) => return Ok(Arc::new(image)),
            Ok(None) => tracing::debug!("containerd's store does not have {reference}"),
            Err(error) => tracing::info!("containerd's store could not give {reference}: {error}"),
        }
        let found = registry(&reference, credentials, platform);
        match on_disk {
            Some(instead) => found.with_context(|| format!("a name is an image's; {instead}")),
            None => found,
        }
    }
}

/// A store that cannot be opened is as good as none where only perhaps it has the image.
fn unless_refused<T>(opened: Result<Vec<T>>) -> Vec<T> {
    opened.unwrap_or_else(|error| {
        tracing::debug!("a store was not asked: {error:#}");
        Vec::new()
    })
}

fn registry(
    reference: &Reference,
    credentials: Credentials,
    platform: Option<&Platform>,
) -> Result<Arc<dyn ImageSource>> {
    let client = Client::new(credentials, Settings::default());
    let (source, held) = RegistrySource::open_pending(&client, reference, platform)?;
    crate::registries::tell_held(reference, held.as_ref());
    Ok(Arc::new(source))
}

fn connect() -> Result<Engine> {
    let host = std::env::var("DOCKER_HOST").ok();
    Ok(Engine::connect(&engine_socket(host.as_deref())?)?)
}

fn file_or_stdin(path: Option<&Path>) -> Result<File> {
    if let Some(path) = path {
        return File::open(path).with_context(|| format!("cannot open {}", path.display()));
    }
    let stdin = std::io::stdin().as_fd().try_clone_to_owned().context("cannot read standard input")?;
    Ok(File::from(stdin))
}

/// `app.tar` is an image's name as much as a file's: a file is taken for an image only where somebody says so.
fn on_disk(text: &str) -> Option<String> {
    let about = std::fs::metadata(text).ok()?;
    let (kind, prefix) = if about.is_dir() { ("folder", "oci") } else { ("file", "docker-archive") };
    Some(format!("for the {kind} of that name write {prefix}:{text}"))
}

/// A folder, through a link to it where one is named. Only its descriptor is kept; whoever reads it later may read what
/// their own user may.
fn open_folder(path: &Path) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty()).map_err(std::io::Error::from)?)
}

/// What the text would have meant as the name of an image, for whom it was meant so.
fn hint(text: &str) -> String {
    match Target::other_reading(text) {
        Some(reference) => format!("cannot open {text}; the image of that name is written {reference}"),
        None => format!("cannot open {text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_also_a_file_gets_a_hint() {
        assert_eq!(on_disk("Cargo.toml").as_deref(), Some("for the file of that name write docker-archive:Cargo.toml"));
        assert_eq!(on_disk("src").as_deref(), Some("for the folder of that name write oci:src"));
        assert_eq!(on_disk("debian:12"), None);
    }
}
