//! The keys that an agent holds, locked or not.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::protocol::HeldKey;
use crate::attestation::statement;
use crate::{
    Algorithm, Attestation, Custody, Hash, KeyError, KeyUri, Message, Person, PublicKey, Signature, Signer, TouchPolicy,
};

/// Opens a key that is named; may ask its owner.
pub type Opener = Box<dyn Fn(&KeyUri, &dyn Person) -> Result<Arc<dyn Signer>, KeyError> + Send + Sync>;

/// A key that an agent holds. As a signer it opens itself when it is asked to sign and is locked; what is public of it
/// is known all the time, so that what is signed can be built and shown before anything is asked.
pub(super) struct Held {
    uri: KeyUri,
    public: PublicKey,
    custody: Custody,
    certificate: Option<Vec<u8>>,
    attestation: Option<Attestation>,
    opener: Arc<Opener>,
    open: Mutex<Option<Arc<dyn Signer>>>,
    /// When it was opened or signed last.
    used: Mutex<Instant>,
    /// Requests that are at it.
    busy: AtomicUsize,
    /// When it signed last, where a touch counts for longer than for what it was given for.
    touched: Mutex<Option<Instant>>,
}

/// How long a touch counts on a card whose policy is *cached*. Whether a reset ends that is not known.
const WINDOW: Duration = Duration::from_secs(15);

#[derive(Default)]
pub(super) struct Keyring {
    keys: Mutex<Vec<Arc<Held>>>,
}

impl Keyring {
    /// Takes an open key. Taking one again unlocks it.
    pub(super) fn add(
        &self,
        uri: &KeyUri,
        signer: Arc<dyn Signer>,
        opener: &Arc<Opener>,
    ) -> Result<Arc<Held>, KeyError> {
        let held = Arc::new(Held {
            uri: uri.clone(),
            public: signer.public_key(),
            custody: signer.custody(),
            certificate: signer.certificate()?,
            // A key that its device did not make has none; it signs all the same.
            attestation: signer.attestation().ok().flatten(),
            opener: Arc::clone(opener),
            open: Mutex::new(Some(signer)),
            used: Mutex::new(Instant::now()),
            busy: AtomicUsize::new(0),
            touched: Mutex::default(),
        });
        let mut keys = self.keys();
        match keys.iter_mut().find(|known| known.uri == held.uri) {
            Some(known) => {
                // The same card, under the same finger.
                *held.touched.lock().unwrap_or_else(PoisonError::into_inner) = known.touched();
                *known = Arc::clone(&held);
            }
            None => keys.push(Arc::clone(&held)),
        }
        Ok(held)
    }

    /// The key that a name means; the error says which there are.
    pub(super) fn find(&self, name: Option<&str>) -> Result<Arc<Held>, String> {
        let keys = self.keys();
        let named = || keys.iter().map(|key| key.uri.to_string()).collect::<Vec<_>>().join(", ");
        let fits: Vec<_> = keys.iter().filter(|key| name.is_none_or(|name| key.is_named(name))).collect();
        match (fits.as_slice(), name) {
            // One key may be held under two of its names.
            ([key, others @ ..], _) if others.iter().all(|other| other.public == key.public) => Ok(Arc::clone(key)),
            ([], _) if keys.is_empty() => {
                Err("the agent holds no key; give it one with: plimsoll agent add KEY".into())
            }
            ([], Some(name)) => Err(format!("the agent holds no key {name}; it holds {}", named())),
            (_, Some(name)) => Err(format!("several of the agent's keys are {name}; name one of {}", named())),
            (_, None) => Err(format!("the agent holds several keys; name one of {}", named())),
        }
    }

    pub(super) fn all(&self) -> Vec<Arc<Held>> {
        self.keys().clone()
    }

    fn keys(&self) -> MutexGuard<'_, Vec<Arc<Held>>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn is_named(&self, name: &str) -> bool {
        let is_fingerprint = name.len() >= 8 && self.public.fingerprint().starts_with(&name.to_ascii_lowercase());
        let stem = self.uri.path().and_then(|path| path.file_stem()).and_then(|stem| stem.to_str());
        let same = name.parse::<KeyUri>().is_ok_and(|uri| uri == self.uri);
        is_fingerprint || stem == Some(name) || same || self.uri.to_string() == name
    }

    pub(super) fn fingerprint(&self) -> String {
        self.public.fingerprint()
    }

    pub(super) fn is_open(&self) -> bool {
        self.open().is_some()
    }

    /// Whether each signature takes somebody who touches the key: nobody signs with it unseen.
    pub(super) fn wants_touch(&self) -> bool {
        matches!(&self.custody, Custody::Card(card) if card.touch == Some(TouchPolicy::Always))
    }

    /// Says that a request is at it, until what is given is dropped.
    pub(super) fn busy(&self) -> Busy<'_> {
        self.busy.fetch_add(1, Ordering::SeqCst);
        Busy(self)
    }

    /// Locks it where nothing was signed with it for so long and nobody is at it. Requests that lead to no signature keep
    /// nothing open, or whoever may ask could keep it so for ever.
    pub(super) fn lock_after(&self, idle: Duration) {
        let used = *self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.elapsed() >= idle && self.busy.load(Ordering::SeqCst) == 0 {
            self.lock();
        }
    }

    /// It has signed, or was opened.
    pub(super) fn is_used(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// It has signed, or tried to.
    pub(super) fn may_be_touched(&self) {
        if self.keeps_touches() {
            *self.touched.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
    }

    /// How long the last touch may still count, for whoever asks next and was not touched for.
    pub(super) fn window(&self) -> Duration {
        self.touched().map_or(Duration::ZERO, |since| WINDOW.saturating_sub(since.elapsed()))
    }

    fn touched(&self) -> Option<Instant> {
        *self.touched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether one touch can serve two requests: as the card says, or where it does not, as it attests.
    fn keeps_touches(&self) -> bool {
        let Custody::Card(card) = &self.custody else { return false };
        let attested = || self.attestation.as_ref().and_then(|attestation| statement::read(&attestation.leaf));
        card.touch.or_else(|| attested().map(|statement| statement.touch)) == Some(TouchPolicy::Cached)
    }

    pub(super) fn describe(&self) -> HeldKey {
        HeldKey {
            uri: self.uri.to_string(),
            public: self.public.to_pem(),
            fingerprint: self.fingerprint(),
            algorithm: self.algorithm().to_string(),
            unlocked: self.is_open(),
            certificate: self.certificate.clone(),
        }
    }

    fn algorithm(&self) -> Algorithm {
        self.public.algorithm()
    }

    /// Opens the key where it is locked.
    pub(super) fn unlock(&self, person: &dyn Person) -> Result<Arc<dyn Signer>, KeyError> {
        if let Some(signer) = &*self.open() {
            return Ok(Arc::clone(signer));
        }
        // Not under the lock: a person may take their time, and whoever asks for the state does not wait for them.
        let signer = (self.opener)(&self.uri, person)?;
        if signer.public_key() != self.public {
            return Err(KeyError::Sign {
                name: self.uri.to_string(),
                reason: "there is another key now in its place; add it anew with plimsoll agent add".into(),
            });
        }
        *self.open() = Some(Arc::clone(&signer));
        self.is_used();
        Ok(signer)
    }

    fn open(&self) -> MutexGuard<'_, Option<Arc<dyn Signer>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is at a key.
pub(super) struct Busy<'a>(&'a Held);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Signer for Held {
    fn uri(&self) -> &KeyUri {
        &self.uri
    }

    fn public_key(&self) -> PublicKey {
        self.public.clone()
    }

    fn custody(&self) -> Custody {
        self.custody.clone()
    }

    fn sign(&self, batch: &[Message<'_>], person: &dyn Person) -> Result<Vec<Signature>, KeyError> {
        self.unlock(person)?.sign(batch, person)
    }

    fn sign_digest(&self, digest: &[u8], hash: Hash, person: &dyn Person) -> Result<Signature, KeyError> {
        self.unlock(person)?.sign_digest(digest, hash, person)
    }

    fn certificate(&self) -> Result<Option<Vec<u8>>, KeyError> {
        Ok(self.certificate.clone())
    }

    fn attestation(&self) -> Result<Option<Attestation>, KeyError> {
        Ok(self.attestation.clone())
    }

    fn lock(&self) {
        if let Some(signer) = self.open().take() {
            signer.lock();
        }
    }
}
