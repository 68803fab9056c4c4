//! What `plimsoll scan` and its kin are pointed at.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

use crate::Reference;
use crate::reference::ReferenceError;
use crate::source::StoredName;

/// What is to be scanned and where it is to be read from, told by the text alone.
///
/// A known prefix and a colon win over the image of that name: `registry:2` is the image `2` of a registry. The image
/// `registry` with tag `2` is written `docker.io/library/registry:2`; see [`Target::other_reading`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `NAME`: the local engine first, then podman's and containerd's stores, then the registry.
    Reference(Reference),
    /// `docker:NAME`: the local engine only.
    Engine(Reference),
    /// `podman:NAME`: podman's store only; an id is a name, too. `containers-storage:NAME` as skopeo has it.
    Podman(StoredName),
    /// `containerd:NAME[@NAMESPACE]`: containerd's store only. What stands behind the last `@` is a digest if it has a colon.
    Containerd {
        /// The image.
        name: StoredName,
        /// The namespace, where it is to be looked for in one alone.
        namespace: Option<String>,
    },
    /// `registry:NAME`: the registry only.
    Registry(Reference),
    /// `oci:DIR[:TAG]`: an OCI image layout. The folder ends at the first colon, as skopeo has it.
    OciLayout {
        /// The folder.
        folder: PathBuf,
        /// The `org.opencontainers.image.ref.name` of the image, where the layout holds several.
        tag: Option<String>,
    },
    /// `docker-archive:FILE[:NAME]`, `oci-archive:FILE[:NAME]`: what `docker save` or skopeo wrote; which of the two it is
    /// is told by its content. The file ends at the first colon.
    DockerArchive {
        /// The file; none is standard input (`-`).
        file: Option<PathBuf>,
        /// The name of the image, where the archive holds several.
        image: Option<String>,
    },
    /// `dir:PATH`: a folder, read as if it were the root of an image. No image.
    Folder(PathBuf),
    /// `sbom:FILE`: a list of packages that others wrote; none is standard input (`-`). No image.
    PackageList(Option<PathBuf>),
}

/// Why a text is no target.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The name behind the prefix, or the whole, is no reference.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// Nothing stands behind the prefix.
    #[error("{prefix}: needs {wants} behind the colon, for example {prefix}:{example}")]
    Empty {
        /// The prefix.
        prefix: &'static str,
        /// What it needs.
        wants: &'static str,
        /// How it looks.
        example: &'static str,
    },
    /// A path, which nothing says how to read.
    #[error(
        "{0:?} is a path; write docker-archive:{0} or sbom:{0} for a file, oci:{0} for an image layout, dir:{0} for any other folder"
    )]
    Path(String),
    /// A place that another tool knows.
    #[error("{prefix}: is not read here; {instead}")]
    Unknown {
        /// The prefix.
        prefix: String,
        /// What to write or do instead.
        instead: &'static str,
    },
}

/// The prefixes that an image may be called like.
const PREFIXES: [&str; 10] = [
    "docker",
    "podman",
    "containers-storage",
    "containerd",
    "registry",
    "oci",
    "docker-archive",
    "oci-archive",
    "dir",
    "sbom",
];

/// Prefixes of skopeo, syft, grype and trivy that people will try, and what to write here.
const ELSEWHERE: [(&str, &str); 7] = [
    ("docker-daemon", "write docker:NAME for the local engine"),
    ("docker-archive-gz", "write docker-archive:FILE, compressed archives are told by their first bytes"),
    ("oci-dir", "write oci:DIR"),
    ("nerdctl", "write containerd:NAME@default, or another namespace of nerdctl's behind the @"),
    ("singularity", "Singularity's images are not known; build an OCI image of the same content"),
    ("file", "write docker-archive:FILE for an image, sbom:FILE for a list of packages, dir:DIR for a folder"),
    ("purl", "write package URLs into a file, one a line, and scan sbom:FILE"),
];

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        if text.starts_with(['/', '.', '~']) {
            return Err(TargetError::Path(text.chars().take(200).collect()));
        }
        let Some((prefix, rest)) = text.split_once(':') else {
            return Ok(Self::Reference(text.parse()?));
        };
        let required = |prefix, wants, example| match rest {
            "" => Err(TargetError::Empty { prefix, wants, example }),
            _ => Ok(rest),
        };
        match prefix.to_ascii_lowercase().as_str() {
            "docker" => Ok(Self::Engine(required("docker", "a name", "debian:12")?.parse()?)),
            "podman" | "containers-storage" => {
                Ok(Self::Podman(required("podman", "a name or an id", "localhost/app:1")?.parse()?))
            }
            "containerd" => containerd(required("containerd", "a name", "docker.io/library/debian:12@k8s.io")?),
            "registry" => Ok(Self::Registry(required("registry", "a name", "ghcr.io/team/app:1")?.parse()?)),
            "oci" => {
                let (folder, tag) = split_name(required("oci", "a folder", "./layout:latest")?);
                if folder.is_empty() {
                    return Err(TargetError::Empty { prefix: "oci", wants: "a folder", example: "./layout:latest" });
                }
                Ok(Self::OciLayout { folder: folder.into(), tag })
            }
            "docker-archive" => archive("docker-archive", required("docker-archive", "a file", "image.tar")?),
            "oci-archive" => archive("oci-archive", required("oci-archive", "a file", "image.tar")?),
            "dir" => Ok(Self::Folder(required("dir", "a folder", "/srv/app")?.into())),
            "sbom" => {
                let file = required("sbom", "a file", "bom.json")?;
                Ok(Self::PackageList((file != "-").then(|| file.into())))
            }
            _ => match ELSEWHERE.iter().find(|(known, _)| known.eq_ignore_ascii_case(prefix)) {
                // An image may have such a name and a tag behind it; a path or a second colon cannot follow a tag.
                Some((_, instead)) if rest.contains(['/', ':']) || rest.is_empty() => {
                    Err(TargetError::Unknown { prefix: prefix.to_owned(), instead })
                }
                _ => Ok(Self::Reference(text.parse()?)),
            },
        }
    }
}

impl Target {
    /// The image that the same text would name if prefixes did not exist: `docker.io/library/registry:2` for
    /// `registry:2`. For a hint where the target was not found.
    pub fn other_reading(text: &str) -> Option<Reference> {
        let (prefix, tag) = text.split_once(':')?;
        if !PREFIXES.contains(&prefix) || tag.contains(['/', ':']) {
            return None;
        }
        text.parse().ok()
    }
}

/// The text as a [`Target`] parses it.
impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (prefix, place, name) = match self {
            Self::Reference(reference) => {
                let short = reference.familiar();
                // An image may be called like a prefix; it keeps its long form.
                let is_clear = short.parse::<Self>().is_ok_and(|parsed| parsed == *self);
                return formatter.write_str(&if is_clear { short } else { reference.to_string() });
            }
            Self::Engine(reference) => return write!(formatter, "docker:{}", reference.familiar()),
            Self::Podman(name) => return write!(formatter, "podman:{name}"),
            Self::Containerd { name, namespace: None } => return write!(formatter, "containerd:{name}"),
            Self::Containerd { name, namespace: Some(namespace) } => {
                return write!(formatter, "containerd:{name}@{namespace}");
            }
            Self::Registry(reference) => return write!(formatter, "registry:{}", reference.familiar()),
            Self::OciLayout { folder, tag } => ("oci", folder.display().to_string(), tag),
            Self::DockerArchive { file: Some(file), image } => ("docker-archive", file.display().to_string(), image),
            Self::DockerArchive { file: None, image } => ("docker-archive", "-".to_owned(), image),
            Self::Folder(folder) => ("dir", folder.display().to_string(), &None),
            Self::PackageList(file) => {
                ("sbom", file.as_ref().map_or("-".to_owned(), |file| file.display().to_string()), &None)
            }
        };
        write!(formatter, "{prefix}:{place}")?;
        name.as_ref().map_or(Ok(()), |name| write!(formatter, ":{name}"))
    }
}

fn containerd(text: &str) -> Result<Target, TargetError> {
    let namespaced = text.rsplit_once('@').filter(|(_, namespace)| !namespace.is_empty() && !namespace.contains(':'));
    let (name, namespace) = namespaced.map_or((text, None), |(name, namespace)| (name, Some(namespace.to_owned())));
    Ok(Target::Containerd { name: name.parse()?, namespace })
}

fn archive(prefix: &'static str, rest: &str) -> Result<Target, TargetError> {
    let (file, image) = split_name(rest);
    if file.is_empty() {
        return Err(TargetError::Empty { prefix, wants: "a file", example: "image.tar" });
    }
    Ok(Target::DockerArchive { file: (file != "-").then(|| file.into()), image })
}

fn split_name(text: &str) -> (&str, Option<String>) {
    match text.split_once(':') {
        Some((place, "")) => (place, None),
        Some((place, name)) => (place, Some(name.to_owned())),
        None => (text, None),
    }
}
