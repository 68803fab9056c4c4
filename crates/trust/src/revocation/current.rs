//! Reading the list.

use std::io::Read as _;

use image::client::Client;
use image::source::MANIFEST_BYTES;
use image::{Digest, Reference};
use keys::PublicKey;
use oci_spec::image::ImageManifest;
use store::Store;
use thiserror::Error;
use time::OffsetDateTime;

use super::{LIMIT, MEDIA_TYPE, REPOSITORY, RevocationList, Seen, TAG};
use crate::TrustError;
use crate::error::short;

/// Reads the list of one registry.
#[derive(Clone, Debug)]
pub struct Revocations {
    client: Client,
    registry: String,
    keys: Vec<PublicKey>,
    seen: Option<Seen>,
}

/// A list that one of the keys signed, the newest that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The list.
    pub list: RevocationList,
    /// Who signed it.
    pub by: PublicKey,
    /// How good it is.
    pub state: State,
}

/// How good a list is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The registry has it, and it has not ended.
    Fresh,
    /// It has ended: what was revoked since is not on it. Believe it no more.
    Stale,
    /// The registry has an older one, with this version; the newest that was seen before is given instead. Somebody may
    /// be putting trust back that was withdrawn.
    Older(u64),
    /// Two lists of this version are signed: the registry has another one than was seen before. What either revokes is
    /// revoked. Of two that write at once one finds the other's list there, and its own has been signed all the same:
    /// whoever may write there can put that one in its place.
    Rivals,
    /// The registry gives none, for this reason; the newest that was seen before is given instead.
    Remembered(String),
}

/// Why there is no list that could be believed at all.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RevocationError {
    /// The registry has none, and none was seen before.
    #[error("{0} has no revocation list; start one with: plimsoll revoke --renew --registry {0} --key KEY")]
    Missing(String),
    /// What the registry has is no list by the right keys.
    #[error("the revocation list of {registry} cannot be believed: {reason}")]
    Refused {
        /// The registry.
        registry: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The registry did not do what was asked.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

impl Revocations {
    /// Reads the list of `registry` (`HOST[:PORT]`) that one of `keys` must have signed.
    pub fn new(client: Client, registry: impl Into<String>, keys: Vec<PublicKey>) -> Self {
        Self { client, registry: registry.into(), keys, seen: None }
    }

    /// The same, with a memory of what was seen before.
    #[must_use]
    pub fn remembering(self, seen: Seen) -> Self {
        Self { seen: Some(seen), ..self }
    }

    /// The newest list that is known.
    pub fn current(&self, now: OffsetDateTime) -> Result<Known, RevocationError> {
        newest(self.served(), self.seen.as_ref(), &self.registry, &self.keys, now)
    }

    /// The list that the registry has, with its bytes.
    fn served(&self) -> Result<Served, RevocationError> {
        let place = place(&self.registry);
        let manifest = match self.client.tagged(&place, TAG) {
            Ok(manifest) => manifest.bytes,
            Err(error) if error.is_not_found() => return Err(RevocationError::Missing(self.registry.clone())),
            Err(error) => return Err(TrustError::from(error).into()),
        };
        let refused = |reason| RevocationError::Refused { registry: self.registry.clone(), reason };
        let layer = layer(&manifest).map_err(refused)?;
        let bytes = self.client.small_blob(&place, &layer, LIMIT).map_err(TrustError::from)?.into_bytes();
        let (list, by) = RevocationList::open(&bytes, &self.keys).map_err(refused)?;
        let by = by.clone();
        Ok((bytes, list, by))
    }
}

/// Where the list of a registry lies.
pub(super) fn place(registry: &str) -> Reference {
    Reference {
        registry: registry.to_owned(),
        repository: REPOSITORY.to_owned(),
        tag: Some(TAG.to_owned()),
        digest: None,
    }
}

/// The one layer of the list's manifest.
fn layer(manifest: &[u8]) -> Result<Digest, String> {
    let manifest: ImageManifest =
        serde_json::from_slice(manifest).map_err(|error| format!("its manifest is malformed: {}", short(error)))?;
    match manifest.layers().as_slice() {
        [layer] if layer.media_type().as_ref() == MEDIA_TYPE && layer.size() <= LIMIT => {
            layer.digest().as_ref().parse().map_err(|error: image::digest::DigestError| error.to_string())
        }
        _ => Err("its manifest does not hold one list".into()),
    }
}

/// The list that a registry has: its bytes, what they say, and whose they are.
type Served = (Vec<u8>, RevocationList, PublicKey);

/// Holds what a registry has against what was seen of it before, and remembers it where it is newer.
fn newest(
    served: Result<Served, RevocationError>,
    seen: Option<&Seen>,
    registry: &str,
    keys: &[PublicKey],
    now: OffsetDateTime,
) -> Result<Known, RevocationError> {
    let kept = seen.into_iter().flat_map(|seen| seen.read(registry));
    let opened = kept.filter_map(|bytes| {
        let (list, by) = RevocationList::open(&bytes, keys).ok()?;
        Some((list, by.clone()))
    });
    let remembered = opened.max_by_key(|(list, _)| list.version);
    if let (Ok((bytes, list, _)), Some(seen)) = (&served, seen)
        && remembered.as_ref().is_none_or(|(remembered, _)| remembered.version < list.version)
    {
        seen.keep(registry, keys, bytes);
    }
    let (list, by, state) = match (served, remembered) {
        (Ok((_, served, _)), Some((list, by))) if served.version < list.version => {
            (list, by, State::Older(served.version))
        }
        (Ok((_, served, by)), Some((list, _))) if served.version == list.version && served != list => {
            (served.joined(list), by, State::Rivals)
        }
        (Ok((_, list, by)), _) => (list, by, State::Fresh),
        (Err(error), Some((list, by))) => (list, by, State::Remembered(error.to_string())),
        (Err(error), None) => return Err(error),
    };
    let state = if list.is_fresh(now) { state } else { State::Stale };
    Ok(Known { list, by, state })
}

/// The list in a server's own store, which is where its clients read it. Whoever may push may put an old one back there:
/// the newest that was seen is remembered in the data folder.
pub async fn stored(store: &Store, keys: &[PublicKey], now: OffsetDateTime) -> Result<Known, RevocationError> {
    let tagged = store.tag(REPOSITORY, TAG).await.map_err(TrustError::from)?;
    let seen = Seen::in_folder(store.folder().path().join("revocation"));
    let served = tagged.ok_or_else(|| RevocationError::Missing(HERE.to_owned()));
    let served = served.and_then(|manifest| of_store(store, &manifest, keys));
    newest(served, Some(&seen), HERE, keys, now)
}

/// A server's own registry, whatever its clients call it.
const HERE: &str = "this registry";

fn of_store(store: &Store, manifest: &Digest, keys: &[PublicKey]) -> Result<Served, RevocationError> {
    let refused = |reason| RevocationError::Refused { registry: HERE.to_owned(), reason };
    let layer = layer(&blob(store, manifest, MANIFEST_BYTES).map_err(refused)?).map_err(refused)?;
    let bytes = blob(store, &layer, LIMIT).map_err(refused)?;
    let (list, by) = RevocationList::open(&bytes, keys).map_err(refused)?;
    let by = by.clone();
    Ok((bytes, list, by))
}

fn blob(store: &Store, digest: &Digest, limit: u64) -> Result<Vec<u8>, String> {
    let file = store.blobs().open(digest).map_err(|error| error.to_string())?;
    let file = file.ok_or_else(|| format!("{digest} is named and not there"))?;
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}
