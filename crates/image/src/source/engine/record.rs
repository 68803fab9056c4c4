//! What an engine recorded of an image that it pushed or pulled.

use std::collections::BTreeMap;
use std::io::{self, Read as _};

use percent_encoding::utf8_percent_encode;
use serde::Deserialize;
use ureq::http::StatusCode;

use super::{ANSWER, ANSWER_BYTES, Engine, EngineError, NAME, refusal};
use crate::{Digest, Reference};

/// Most tags of one repository that are asked for.
const TAGS: usize = 1000;

/// The manifests that an engine holds for one name. An image that came from nowhere and went nowhere has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineRecord {
    /// Digests under which the engine pushed the image to this repository, or pulled it from there (`RepoDigests`).
    pub digests: Vec<Digest>,
    /// The platforms' manifests behind an index, where the engine keeps such (docker's containerd image store, from API
    /// 1.48) and has them whole: `push --platform` sends one of these alone.
    pub platforms: Vec<Digest>,
}

/// `GET /images/NAME/json`, as far as it tells of manifests.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    #[serde(default)]
    repo_digests: Option<Vec<String>>,
    #[serde(default)]
    manifests: Option<Vec<Platform>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Platform {
    #[serde(default)]
    descriptor: Option<Descriptor>,
    #[serde(default)]
    available: bool,
    #[serde(default)]
    kind: String,
}

#[derive(Deserialize)]
struct Descriptor {
    #[serde(default)]
    digest: String,
}

/// `GET /images/json`, as far as it tells of names and manifests.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(flatten)]
    inspected: Inspected,
}

/// `GET /info`, as far as it tells of registries.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Info {
    registry_config: Option<RegistryConfig>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RegistryConfig {
    #[serde(default)]
    index_configs: Option<BTreeMap<String, IndexConfig>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct IndexConfig {
    #[serde(default)]
    secure: bool,
}

impl Inspected {
    fn of(self, repository: &Reference) -> EngineRecord {
        let named = self.repo_digests.unwrap_or_default();
        let digests = named.iter().filter_map(|name| name.parse::<Reference>().ok());
        let digests = digests.filter(|name| is_of(name, repository)).filter_map(|name| name.digest).collect();
        let platforms = self.manifests.unwrap_or_default().into_iter();
        let platforms = platforms
            .filter(|platform| platform.available && platform.kind == "image")
            .filter_map(|platform| platform.descriptor?.digest.parse().ok())
            .collect();
        EngineRecord { digests, platforms }
    }
}

fn is_of(name: &Reference, repository: &Reference) -> bool {
    name.registry == repository.registry && name.repository == repository.repository
}

impl Engine {
    /// What the engine recorded of the image of this name; `None` where it has none.
    pub fn record(&self, reference: &Reference) -> Result<Option<EngineRecord>, EngineError> {
        let name = reference.familiar();
        // Engines that do not know the question leave it unanswered.
        let path = format!("/images/{}/json?manifests=1", utf8_percent_encode(&name, NAME));
        let inspected = self.document::<Inspected>(format!("look for {name}"), &path)?;
        Ok(inspected.map(|inspected| inspected.of(reference)))
    }

    /// Every tag of a repository that the engine has, in order, with what it recorded: what `push --all-tags` sends.
    pub fn records(&self, repository: &Reference) -> Result<Vec<(Reference, EngineRecord)>, EngineError> {
        let bare = Reference { tag: None, digest: None, ..repository.clone() }.familiar();
        let filter = serde_json::json!({ "reference": [bare] }).to_string();
        let filter = utf8_percent_encode(&filter, percent_encoding::NON_ALPHANUMERIC);
        let path = format!("/images/json?manifests=1&filters={filter}");
        let listed = self.document::<Vec<Listed>>(format!("list the tags of {bare}"), &path)?.unwrap_or_default();
        let mut records = Vec::new();
        for image in listed {
            let names = image.repo_tags.unwrap_or_default();
            let record = image.inspected.of(repository);
            let names = names.iter().filter_map(|name| name.parse::<Reference>().ok());
            records.extend(names.filter(|name| is_of(name, repository)).map(|name| (name, record.clone())));
        }
        records.sort_by(|(one, _), (other, _)| one.tag.cmp(&other.tag));
        records.truncate(TAGS);
        Ok(records)
    }

    /// The registries (`HOST[:PORT]`) that the engine was told to speak to without TLS, or with any certificate.
    pub fn insecure_registries(&self) -> Result<Vec<String>, EngineError> {
        let info = self.document::<Info>("ask for its settings".to_owned(), "/info")?;
        let registries = info.and_then(|info| info.registry_config?.index_configs).unwrap_or_default();
        Ok(registries.into_iter().filter(|(_, config)| !config.secure).map(|(name, _)| name).collect())
    }

    fn document<T: serde::de::DeserializeOwned>(&self, action: String, path: &str) -> Result<Option<T>, EngineError> {
        let response = self.get(&action, path, ANSWER)?;
        match response.status() {
            StatusCode::OK => {
                let body = response.into_body().into_reader().take(ANSWER_BYTES);
                let parsed = serde_json::from_reader(io::BufReader::new(body));
                parsed.map(Some).map_err(|error| self.failure(action, ureq::Error::Io(error.into())))
            }
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(refusal(action, response)),
        }
    }
}
