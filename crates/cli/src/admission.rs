//! The gate as verbs ask it: one way to find the policy, one way to collect what it needs to know of an image.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use findings::Report;
use gate::Revoked;
use gate::evidence::{Evidence, Subject};
use gate::file::PolicyFile;
use image::client::Client;
use image::{Digest, Image, ImageSource, Reference};
use keys::PublicKey;
use scan::{Options, Progress, Scanner};
use trust::{Cache, Found, RegistrySignatures, SignatureSource, TrustError};

use crate::caller::Caller;
use crate::settings::Settings;

/// What an image from a file is called where policies are concerned: only patterns that mean everything match it.
const OF_NO_REPOSITORY: &str = "of-no-repository";

/// As the calling user: opens the policy that was named, or the first that there is. `None` means that none is.
pub(crate) fn find_policy(caller: &Caller, named: Option<&Path>, settings: &Settings) -> Result<Option<PolicyFile>> {
    let candidates = caller.policy_candidates(named, settings);
    match named.or(settings.policy.as_deref()) {
        // Whoever names a policy does not mean none.
        Some(path) => Ok(Some(PolicyFile::open(path)?)),
        None => Ok(PolicyFile::open_first(&candidates)?),
    }
}

/// Which image a policy is asked about.
pub(crate) fn subject(image: &Image, reference: Option<&Reference>) -> Subject {
    Subject {
        repository: reference.map_or_else(|| OF_NO_REPOSITORY.to_owned(), Reference::repository_name),
        digest: image.digest.clone(),
        index: image.index_digest.clone(),
        tag: reference.and_then(|reference| reference.tag.clone()),
    }
}

/// What can be known of an image: its signatures in its registry, its findings by scanning it.
pub(crate) struct ImageEvidence {
    scanner: Scanner,
    source: Arc<dyn ImageSource>,
    signatures: Arc<dyn SignatureSource + Send + Sync>,
    /// The registry's client, its name, and the data folder: for the list of what was revoked.
    revocation: Option<(Client, String, PathBuf)>,
    progress: Arc<dyn Progress>,
}

impl ImageEvidence {
    /// `origin` is the registry's client and the name in it; an image without them has no signatures.
    pub(crate) fn new(
        scanner: Scanner,
        source: Arc<dyn ImageSource>,
        origin: Option<(Client, Reference)>,
        data: &Path,
        progress: Arc<dyn Progress>,
    ) -> Self {
        let revocation = origin.as_ref().map(|(client, name)| (client.clone(), name.registry.clone(), data.to_owned()));
        let signatures: Arc<dyn SignatureSource + Send + Sync> = match origin {
            Some((client, reference)) => {
                let cache = Cache::in_folder(data.join("signatures"));
                Arc::new(RegistrySignatures::new(client, reference).remembering(cache))
            }
            None => Arc::new(NoSignatures),
        };
        Self { scanner, source, signatures, revocation, progress }
    }
}

impl Evidence for ImageEvidence {
    fn signatures(&self) -> Arc<dyn SignatureSource + Send + Sync> {
        Arc::clone(&self.signatures)
    }

    async fn revoked(&self, keys: Vec<PublicKey>) -> Result<Revoked, String> {
        let Some((client, registry, data)) = self.revocation.clone() else {
            return Err("the image comes from a file, and no registry says what was revoked".into());
        };
        let read = tokio::task::spawn_blocking(move || crate::revocation::current(client, &registry, keys, &data));
        read.await.unwrap_or_else(|_| Err("reading the list ended unexpectedly".to_owned()))
    }

    async fn report(&self, _image: &Digest) -> Result<Report, String> {
        let (source, progress) = (Arc::clone(&self.source), Arc::clone(&self.progress));
        let scanned = self.scanner.scan(source, Options::default(), progress).await;
        scanned.map_err(|error| error.to_string())
    }
}

/// The signatures of an image that comes from a file: signatures lie in registries.
struct NoSignatures;

impl SignatureSource for NoSignatures {
    fn found(&self, _image: &Digest) -> Result<Vec<Result<Found, TrustError>>, TrustError> {
        Ok(Vec::new())
    }
}
