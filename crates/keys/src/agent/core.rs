//! What an agent does with a request.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::asker::Asker;
use super::journal::{Entry, Journal};
pub use super::keyring::Opener;
use super::keyring::{Held, Keyring};
use super::payload;
use super::protocol::{Code, Reply, Request, Status};
use super::turns::Turns;
use crate::author::sign_drafts;
use crate::{Author, ImageRequest, Intent, KeyError, KeyUri, Message, Person, Signature, SignedArtifact, Signer as _};

/// What whoever asks is told.
const SHOWN: &str = "shown to the key's owner";
/// Where the owner has neither a terminal nor a desktop at which anything could be shown.
const UNSEEN: &str = "the key's owner has no terminal and no desktop here to be shown it; it is in the agent's log";

/// Where the person is whose keys these are.
pub trait People: Send + Sync {
    /// Somebody to show and ask for a request of `asker` that concerns `key`. What is asked ends when `cancelled` is set.
    fn meet(&self, asker: &Asker, key: &str, cancelled: &Arc<AtomicBool>) -> Box<dyn Person>;
}

/// What an agent is made of.
pub struct Parts {
    /// Opens keys.
    pub opener: Opener,
    /// Writes what is signed.
    pub author: Box<dyn Author>,
    /// Whom to show and ask.
    pub people: Box<dyn People>,
    /// Where the log goes.
    pub journal: Journal,
    /// Time without a signature after which it locks.
    pub idle: Option<Duration>,
    /// Whether a person has to say yes to each signature, whatever the key.
    pub confirms: bool,
}

/// An agent.
pub struct Agent {
    keyring: Keyring,
    opener: Arc<Opener>,
    author: Box<dyn Author>,
    people: Box<dyn People>,
    journal: Journal,
    idle: Option<Duration>,
    confirms: bool,
    turns: Turns,
    /// The request whose turn it is, in short.
    at: Mutex<Option<String>>,
    raw_until: Mutex<Option<Instant>>,
    signatures: AtomicU64,
    stopping: AtomicBool,
}

/// How a request goes on, for whoever asked.
pub type Progress<'a> = &'a mut dyn FnMut(String);

/// A refusal, and whether it is worth a line in the log.
struct No {
    code: Code,
    reason: String,
}

impl No {
    fn new(code: Code, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }
}

impl From<KeyError> for No {
    fn from(error: KeyError) -> Self {
        let code = if matches!(error, KeyError::Cancelled) { Code::Cancelled } else { Code::Failed };
        Self { code, reason: error.to_string() }
    }
}

impl Agent {
    /// An agent without keys.
    pub fn new(parts: Parts) -> Self {
        let Parts { opener, author, people, journal, idle, confirms } = parts;
        Self {
            keyring: Keyring::default(),
            opener: Arc::new(opener),
            author,
            people,
            journal,
            idle,
            confirms,
            turns: Turns::default(),
            at: Mutex::default(),
            raw_until: Mutex::default(),
            signatures: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
        }
    }

    /// Holds a key that was opened already.
    pub fn hold(&self, uri: &KeyUri, signer: Arc<dyn crate::Signer>) -> Result<(), KeyError> {
        self.keyring.add(uri, signer, &self.opener).map(drop)
    }

    /// Forgets all that was unlocked.
    pub fn lock(&self) {
        for key in self.keyring.all() {
            key.lock();
        }
    }

    /// Locks each key with which nothing was signed for as long as that takes; nothing that is under way is cut off.
    pub fn lock_when_idle(&self) {
        let Some(idle) = self.idle else { return };
        for key in self.keyring.all().iter().filter(|key| key.is_open()) {
            key.lock_after(idle);
        }
    }

    /// Whether it was told to end.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Tells it to end.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
    }

    /// Does what `asker` wants. `cancelled` is set by whoever notices that they have gone.
    pub fn perform(
        &self,
        asker: &Asker,
        request: Request,
        cancelled: &Arc<AtomicBool>,
        progress: Progress<'_>,
    ) -> Reply {
        self.answer(asker, request, cancelled, progress)
            .unwrap_or_else(|No { code, reason }| Reply::Refused { code, reason })
    }

    fn answer(
        &self,
        asker: &Asker,
        request: Request,
        cancelled: &Arc<AtomicBool>,
        progress: Progress<'_>,
    ) -> Result<Reply, No> {
        // Whatever who stands in for somebody has let through: from afar come images, and nothing else.
        if asker.is_remote() && !matches!(request, Request::SignImage { .. } | Request::List) {
            return Err(No::new(Code::NotAllowed, "from afar only images can be signed, one at a time"));
        }
        match request {
            Request::Status => Ok(Reply::Status(self.status())),
            Request::List => Ok(Reply::Keys { keys: self.keyring.all().iter().map(|key| key.describe()).collect() }),
            Request::SignImage { key, image } => {
                let key = self.find(key.as_deref())?;
                self.sign(asker, &key, &[intent_of(&image, asker)], cancelled, progress, |person| {
                    let artifacts = self.sign_images(asker, &key, std::slice::from_ref(&image), person)?;
                    let artifacts = artifacts.into_iter().next().unwrap_or_default();
                    Ok(Reply::Image { key: key.public_key().to_pem(), artifacts })
                })
            }
            Request::SignImages { key, images } => {
                let key = self.find(key.as_deref())?;
                let intents: Vec<Intent> = images.iter().map(|image| intent_of(image, asker)).collect();
                self.sign(asker, &key, &intents, cancelled, progress, |person| {
                    let artifacts = self.sign_images(asker, &key, &images, person)?;
                    Ok(Reply::Images { key: key.public_key().to_pem(), artifacts })
                })
            }
            Request::SignPayload { key, payload, hash } => {
                let key = self.find(key.as_deref())?;
                let intent = match payload::read(&payload) {
                    Some(known) => Intent {
                        repository: known.repository,
                        tag: known.tag,
                        digest: Some(known.digest),
                        formats: vec![known.format],
                        asked_by: Some(asker.to_string()),
                    },
                    None => self.unknown(asker, &key)?,
                };
                self.sign(asker, &key, std::slice::from_ref(&intent), cancelled, progress, |person| {
                    person.show(&intent);
                    self.confirm(asker, &key, person)?;
                    let signatures = key.sign(&[Message { bytes: &payload, hash }], person)?;
                    Self::reply(&key, signatures)
                })
            }
            Request::SignRaw { key, digest, hash } => {
                let key = self.find(key.as_deref())?;
                let intent = self.unknown(asker, &key)?;
                self.sign(asker, &key, std::slice::from_ref(&intent), cancelled, progress, |person| {
                    person.show(&intent);
                    self.confirm(asker, &key, person)?;
                    Self::reply(&key, vec![key.sign_digest(&digest, hash, person)?])
                })
            }
            Request::Add { key } => {
                let uri: KeyUri = key.parse()?;
                if names_code(&uri) {
                    return Err(No::new(
                        Code::NotAllowed,
                        "a module is code, and whoever may ask could have the agent run theirs; name it in the \
                         configuration file (pkcs11-modules), or name the key with --key when the agent is started",
                    ));
                }
                let person = self.people.meet(asker, &key, cancelled);
                let held = self.keyring.add(&uri, (self.opener)(&uri, &*person)?, &self.opener)?;
                Ok(Reply::Done { text: format!("the agent holds {uri}, fingerprint {}", held.fingerprint()) })
            }
            Request::Lock { key: Some(key) } => {
                self.find(Some(&key))?.lock();
                Ok(Reply::Done { text: format!("{key} is locked") })
            }
            Request::Lock { key: None } => {
                self.lock();
                *self.raw_until.lock().unwrap_or_else(PoisonError::into_inner) = None;
                Ok(Reply::Done { text: "all keys are locked".into() })
            }
            Request::Unlock { key } => {
                let keys = if key.is_none() { self.keyring.all() } else { vec![self.find(key.as_deref())?] };
                for key in &keys {
                    let person = self.people.meet(asker, &key.uri().to_string(), cancelled);
                    key.unlock(&*person)?;
                }
                Ok(Reply::Done { text: format!("unlocked: {}", keys.len()) })
            }
            Request::AllowRaw { seconds } => {
                let until = (seconds > 0).then(|| Instant::now() + Duration::from_secs(seconds));
                *self.raw_until.lock().unwrap_or_else(PoisonError::into_inner) = until;
                Ok(Reply::Done {
                    text: match seconds {
                        0 => "bytes of which nothing is known are not signed".into(),
                        _ => format!("for {seconds} s, bytes of which nothing is known are signed, too"),
                    },
                })
            }
            Request::Stop => {
                self.stop();
                Ok(Reply::Done { text: "the agent ends".into() })
            }
        }
    }

    fn find(&self, name: Option<&str>) -> Result<Arc<Held>, No> {
        self.keyring.find(name).map_err(|reason| No::new(Code::NoKey, reason))
    }

    /// What is shown for bytes of which nothing is known, if such are signed now.
    fn unknown(&self, asker: &Asker, key: &Held) -> Result<Intent, No> {
        let intent = Intent { asked_by: Some(asker.to_string()), ..Intent::default() };
        if self.raw_seconds() > 0 {
            return Ok(intent);
        }
        let reason = "nobody can tell what these bytes or this digest stand for, and such are not signed; their owner can \
                      allow it for a time with: plimsoll agent allow raw --for 10m";
        let no = (Code::NotAllowed, reason.to_owned());
        let _ = self.log(asker, Some(key), &intent, &Err(no));
        Err(No::new(Code::NotAllowed, reason))
    }

    /// One's turn, one's person, the signing itself, and a line in the log for each intent.
    fn sign(
        &self,
        asker: &Asker,
        key: &Held,
        intents: &[Intent],
        cancelled: &Arc<AtomicBool>,
        progress: Progress<'_>,
        work: impl FnOnce(&dyn Person) -> Result<Reply, No>,
    ) -> Result<Reply, No> {
        let is_wanted = || !cancelled.load(Ordering::SeqCst);
        let mut tell = |before: usize| progress(self.waiting(before, asker));
        let turn = self.turns.wait(&is_wanted, &mut tell);
        let result = if turn.is_none() || !outwait(key, &is_wanted, progress) {
            Err(KeyError::Cancelled.into())
        } else {
            *self.at.lock().unwrap_or_else(PoisonError::into_inner) = Some(all_in_short(intents, asker));
            let person = self.people.meet(asker, &key.uri().to_string(), cancelled);
            progress(if person.is_there() { SHOWN.into() } else { UNSEEN.into() });
            let busy = key.busy();
            let result = work(&*person);
            key.may_be_touched();
            if result.is_ok() {
                key.is_used();
            }
            drop(busy);
            *self.at.lock().unwrap_or_else(PoisonError::into_inner) = None;
            // A signature that nobody waits for any more is given to nobody.
            let is_cancelled = person.is_cancelled() || !is_wanted();
            if is_cancelled { result.and(Err(KeyError::Cancelled.into())) } else { result }
        };
        let outcome = result.as_ref().map(|_| ()).map_err(|no| (no.code, no.reason.clone()));
        // What cannot be logged is not handed out.
        let logged = intents.iter().try_for_each(|intent| self.log(asker, Some(key), intent, &outcome));
        logged.map_err(|error| {
            No::new(
                Code::Failed,
                format!("cannot write {}: {error}; nothing is signed unseen", self.journal.path().display()),
            )
        })?;
        if result.is_ok() {
            self.signatures.fetch_add(intents.len() as u64, Ordering::SeqCst);
        }
        result
    }

    /// What one who waits is told: a key that blinks now does so for somebody else. From afar nobody hears for whom.
    fn waiting(&self, before: usize, asker: &Asker) -> String {
        let at = self.at.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match at.filter(|_| !asker.is_remote()) {
            Some(at) => format!("waiting: {before} before this one; a touch now is for {at}"),
            None => format!("waiting: {before} before this one"),
        }
    }

    /// All in one batch, after all was shown.
    fn sign_images(
        &self,
        asker: &Asker,
        key: &Held,
        images: &[ImageRequest],
        person: &dyn Person,
    ) -> Result<Vec<Vec<SignedArtifact>>, No> {
        let drafts = images.iter().map(|image| self.author.draft(image, key)).collect::<Result<Vec<_>, _>>()?;
        for draft in &drafts {
            person.show(&Intent { asked_by: Some(asker.to_string()), ..draft.intent() });
        }
        self.confirm(asker, key, person)?;
        Ok(sign_drafts(drafts, key, person)?)
    }

    /// Has the person say yes where nothing else would make them notice.
    fn confirm(&self, asker: &Asker, key: &Held, person: &dyn Person) -> Result<(), No> {
        if person.is_cancelled() {
            return Err(KeyError::Cancelled.into());
        }
        if !(self.confirms || asker.is_remote()) || key.wants_touch() {
            return Ok(());
        }
        match person.choose("Sign it?", &["yes, sign it".into(), "no, leave it unsigned".into()])? {
            0 => Ok(()),
            _ => Err(No::new(Code::NotAllowed, "the key's owner said no")),
        }
    }

    fn reply(key: &Held, signatures: Vec<Signature>) -> Result<Reply, No> {
        let signature = signatures.into_iter().next();
        let signature = signature.ok_or_else(|| No::new(Code::Failed, "the key gave no signature"))?;
        Ok(Reply::Signature { key: key.public_key().to_pem(), signature: signature.into_bytes() })
    }

    fn status(&self) -> Status {
        let keys = self.keyring.all();
        Status {
            process: std::process::id(),
            keys: keys.len(),
            unlocked: keys.iter().filter(|key| key.is_open()).count(),
            idle_seconds: self.idle.map_or(0, |idle| idle.as_secs()),
            raw_seconds: self.raw_seconds(),
            waiting: self.turns.len(),
            signatures: self.signatures.load(Ordering::SeqCst),
            log: self.journal.path().display().to_string(),
        }
    }

    fn raw_seconds(&self) -> u64 {
        let until = *self.raw_until.lock().unwrap_or_else(PoisonError::into_inner);
        let left = until.map(|until| until.saturating_duration_since(Instant::now())).unwrap_or_default();
        left.as_secs() + u64::from(left.subsec_nanos() > 0)
    }

    fn log(
        &self,
        asker: &Asker,
        key: Option<&Held>,
        intent: &Intent,
        outcome: &Result<(), (Code, String)>,
    ) -> std::io::Result<()> {
        let (word, reason) = match outcome {
            Ok(()) => ("signed", None),
            Err((Code::Cancelled, reason)) => ("cancelled", Some(reason)),
            Err((Code::NotAllowed, reason)) => ("refused", Some(reason)),
            Err((_, reason)) => ("failed", Some(reason)),
        };
        self.journal.write(&Entry {
            time: OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default(),
            key: key.map(|key| key.uri().to_string()).unwrap_or_default(),
            fingerprint: key.map(Held::fingerprint).unwrap_or_default(),
            repository: intent.repository.clone(),
            tag: intent.tag.clone(),
            digest: intent.digest.clone(),
            formats: intent.formats.clone(),
            asked_by: asker.to_string(),
            process: asker.process,
            program: asker.program.clone(),
            outcome: word.into(),
            reason: reason.cloned(),
        })
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Agent").field("status", &self.status()).finish_non_exhaustive()
    }
}

/// Lets the time pass for which the touch for the request before counts: this one wants a touch of its own. `false` where
/// nobody waits any more.
fn outwait(key: &Held, is_wanted: &dyn Fn() -> bool, progress: Progress<'_>) -> bool {
    if !key.window().is_zero() {
        progress("waiting until the touch for the request before counts no more".into());
    }
    while !key.window().is_zero() {
        if !is_wanted() {
            return false;
        }
        std::thread::sleep(key.window().min(Duration::from_millis(100)));
    }
    true
}

/// Whether opening a key would load a file that the one who asks has chosen.
fn names_code(uri: &KeyUri) -> bool {
    matches!(uri, KeyUri::Pkcs11(token) if token.module_path.is_some())
}

fn all_in_short(intents: &[Intent], asker: &Asker) -> String {
    match intents {
        [] => asker.to_string(),
        [only] => in_short(only, asker),
        [first, rest @ ..] => format!("{} and {} more", in_short(first, asker), rest.len()),
    }
}

fn in_short(intent: &Intent, asker: &Asker) -> String {
    let tag = intent.tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
    let name = match (&intent.repository, &intent.digest) {
        (Some(repository), _) => format!("{repository}{tag}"),
        (None, Some(digest)) => digest.clone(),
        (None, None) => "unknown bytes".to_owned(),
    };
    format!("{name}, asked by {asker}")
}

fn intent_of(image: &ImageRequest, asker: &Asker) -> Intent {
    Intent {
        repository: Some(image.repository.clone()),
        tag: image.tag.clone(),
        digest: Some(image.digest.clone()),
        formats: image.formats.clone(),
        asked_by: Some(asker.to_string()),
    }
}
