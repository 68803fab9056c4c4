//! Changing the list.

use image::client::{Change, Client};
use image::{Digest, Verified};
use keys::{Intent, Person, Signer};
use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::current::place;
use super::{Entry, Known, MEDIA_TYPE, PAYLOAD_TYPE, RevocationError, RevocationList, Revocations, Seen, TAG, Target};
use crate::artifact::{EMPTY, EMPTY_TYPE, MANIFEST};
use crate::{Envelope, TrustError};

/// How far clocks may be apart.
const SKEW: Duration = Duration::hours(1);

/// Whoever keeps the list of a registry.
#[derive(Clone, Debug)]
pub struct Keeper {
    client: Client,
    registry: String,
    seen: Option<Seen>,
}

/// A list that is ready to be signed.
#[derive(Clone, Debug)]
pub struct Next {
    /// The list.
    pub list: RevocationList,
    /// The manifest that the tag points to now; none where there is none.
    before: Option<Digest>,
}

impl Keeper {
    /// Keeps the list of `registry`.
    pub fn new(client: Client, registry: impl Into<String>) -> Self {
        Self { client, registry: registry.into(), seen: None }
    }

    /// The same, with a memory of what was seen before: no list is written that is older than that.
    #[must_use]
    pub fn remembering(self, seen: Seen) -> Self {
        Self { seen: Some(seen), ..self }
    }

    /// The next list: that of now and `targets`, valid for `validity`. What is on it stays on it. The list of now must be
    /// signed by `signer`, or there must be none.
    pub fn next(
        &self,
        signer: &dyn Signer,
        targets: &[Target],
        reason: &str,
        validity: Duration,
        now: OffsetDateTime,
    ) -> Result<Next, RevocationError> {
        let before = match self.client.tagged(&place(&self.registry), TAG) {
            Ok(manifest) => Some(manifest.bytes.digest().clone()),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(TrustError::from(error).into()),
        };
        let mut reader = Revocations::new(self.client.clone(), self.registry.clone(), vec![signer.public_key()]);
        if let Some(seen) = &self.seen {
            reader = reader.remembering(seen.clone());
        }
        let mut list = match reader.current(now) {
            Ok(Known { list, .. }) => list,
            Err(RevocationError::Missing(_)) => RevocationList::empty(now),
            Err(error) => return Err(error),
        };
        list.version += 1;
        // A clock that went back a little does not make a list that seems older. One that once stood far ahead must not
        // make all lists that follow valid until then.
        list.issued = if list.issued - now <= SKEW { list.issued.max(now) } else { now };
        list.expires = list.issued + validity;
        for target in targets {
            if !list.revokes(target) {
                list.entries.push(Entry { target: target.clone(), reason: reason.to_owned(), since: now });
            }
        }
        RevocationList::parse(&list.to_json())
            .map_err(|reason| RevocationError::Refused { registry: self.registry.clone(), reason })?;
        Ok(Next { list, before })
    }

    /// Signs the list and writes it. Where somebody else has written one since [`Keeper::next`], nothing is written.
    pub fn publish(&self, next: &Next, signer: &dyn Signer, person: &dyn Person) -> Result<Digest, RevocationError> {
        let place = place(&self.registry);
        let Next { list, before } = next;
        person.show(&Intent {
            repository: Some(place.repository_name()),
            tag: Some(TAG.to_owned()),
            digest: Some(Digest::sha256(&list.to_json()).to_string()),
            formats: vec![format!("revocation list, version {}, {} entries", list.version, list.entries.len())],
            asked_by: None,
        });
        let envelope = Envelope::sign(PAYLOAD_TYPE, list.to_json(), signer, person).map_err(TrustError::from)?;
        let keys = [signer.public_key()];
        let bytes = serde_json::to_vec(&envelope).unwrap_or_default();
        RevocationList::open(&bytes, &keys)
            .map_err(|reason| RevocationError::Refused { registry: self.registry.clone(), reason })?;
        let (layer, config) = (Digest::sha256(&bytes), Digest::sha256(EMPTY));
        for (digest, bytes) in [(&config, EMPTY), (&layer, &bytes)] {
            let pushed = self.client.push_blob(&place, digest, bytes.len() as u64, &mut &bytes[..]);
            pushed.map_err(TrustError::from)?;
        }
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": MEDIA_TYPE,
            "config": { "mediaType": EMPTY_TYPE, "digest": config, "size": EMPTY.len(), "data": "e30=" },
            "layers": [{ "mediaType": MEDIA_TYPE, "digest": layer, "size": bytes.len() }],
        });
        let manifest = Verified::name(manifest.to_string().into_bytes());
        let written = self.client.change_tag(&place, TAG, manifest.digest(), |present| {
            let present = present.map(|present| present.bytes.digest().clone());
            if present.as_ref() == Some(manifest.digest()) {
                return Ok(Change::Keep);
            }
            if present == *before {
                return Ok(Change::Write(MANIFEST, manifest.to_vec()));
            }
            Err(TrustError::Contended {
                what: format!("the revocation list {}:{TAG}", place.repository_name()),
                found: present.map_or_else(|| "nothing".to_owned(), |digest| digest.to_string()),
            })
        });
        written?;
        if let Some(seen) = &self.seen {
            seen.keep(&self.registry, &keys, &bytes);
        }
        Ok(manifest.digest().clone())
    }
}
