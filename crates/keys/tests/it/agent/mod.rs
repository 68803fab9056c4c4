//! The agent, over its own socket.

mod asking;
mod hostile;
mod locking;
mod restricted;

use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use keys::agent::journal::{Entry, Journal};
use keys::agent::{Agent, Asker, Client, Limits, Parts, People, Request, Server};
use keys::{
    Author, Draft, FileSigner, ImageRequest, Intent, KeyError, KeyFile, KeyUri, Message, Passphrase, Person, Pin,
    PinAsk, PublicKey, Signature, SignedArtifact, Signer, TouchMoment, Unasked,
};

pub(super) const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// An agent that serves in a folder of its own.
pub(super) struct House {
    folder: tempfile::TempDir,
    pub(super) agent: Arc<Agent>,
    pub(super) owner: Arc<Owner>,
    pub(super) public: PublicKey,
    serving: Option<JoinHandle<()>>,
}

/// The key's owner: what they were shown and asked, and what they answer.
#[derive(Default)]
pub(super) struct Owner {
    pub(super) shown: Mutex<Vec<Intent>>,
    pub(super) asked: Mutex<Vec<String>>,
    /// Which of the choices is taken.
    pub(super) choice: Mutex<usize>,
    /// While it is held, whoever is shown something looks at it.
    hesitates: Mutex<bool>,
    decided: Condvar,
}

impl Owner {
    /// From now on the owner looks at what is shown, until they [`Owner::decide`].
    pub(super) fn hesitate(&self) {
        *self.hesitates.lock().unwrap() = true;
    }

    pub(super) fn decide(&self) {
        *self.hesitates.lock().unwrap() = false;
        self.decided.notify_all();
    }

    pub(super) fn has_seen(&self, count: usize) {
        while self.shown.lock().unwrap().len() < count {
            thread::sleep(Duration::from_millis(2));
        }
    }
}

struct Meeting {
    owner: Arc<Owner>,
    cancelled: Arc<AtomicBool>,
}

struct Around(Arc<Owner>);

impl People for Around {
    fn meet(&self, _: &Asker, _: &str, cancelled: &Arc<AtomicBool>) -> Box<dyn Person> {
        Box::new(Meeting { owner: Arc::clone(&self.0), cancelled: Arc::clone(cancelled) })
    }
}

impl Person for Meeting {
    fn show(&self, intent: &Intent) {
        self.owner.shown.lock().unwrap().push(intent.clone());
        let mut hesitates = self.owner.hesitates.lock().unwrap();
        while *hesitates && !self.is_cancelled() {
            hesitates = self.owner.decided.wait_timeout(hesitates, Duration::from_millis(5)).unwrap().0;
        }
    }

    fn passphrase(&self, name: &str) -> Result<Passphrase, KeyError> {
        self.owner.asked.lock().unwrap().push(name.to_owned());
        Passphrase::new("correct horse", "the test")
    }

    fn pin(&self, ask: &PinAsk) -> Result<Pin, KeyError> {
        Err(KeyError::NobodyToAsk(Unasked::new(&*ask.device)))
    }

    fn choose(&self, question: &str, _: &[String]) -> Result<usize, KeyError> {
        self.owner.asked.lock().unwrap().push(question.to_owned());
        Ok(*self.owner.choice.lock().unwrap())
    }

    fn touch(&self, _: TouchMoment) {}

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }
}

/// Signs a line about the image, in each format.
struct Writer;

struct Line(ImageRequest, Vec<u8>);

impl Author for Writer {
    fn draft(&self, request: &ImageRequest, _: &dyn Signer) -> Result<Box<dyn Draft>, KeyError> {
        if request.digest != DIGEST {
            return Err(KeyError::Draft { what: request.repository.clone(), reason: "the registry has it not".into() });
        }
        Ok(Box::new(Line(request.clone(), format!("about {}", request.digest).into_bytes())))
    }
}

impl Draft for Line {
    fn intent(&self) -> Intent {
        Intent { repository: Some(self.0.repository.clone()), digest: Some(self.0.digest.clone()), ..Intent::default() }
    }

    fn messages(&self) -> Vec<Message<'_>> {
        self.0.formats.iter().map(|_| Message::new(&self.1)).collect()
    }

    fn finish(self: Box<Self>, signatures: Vec<Signature>) -> Result<Vec<SignedArtifact>, KeyError> {
        let artifact = |(format, signature): (&String, Signature)| SignedArtifact {
            format: format.clone(),
            bytes: signature.into_bytes(),
            annotations: [("message".to_owned(), String::from_utf8(self.1.clone()).unwrap())].into(),
        };
        Ok(self.0.formats.iter().zip(signatures).map(artifact).collect())
    }
}

/// What a test may want otherwise.
pub(super) struct Wishes {
    pub(super) limits: Limits,
    pub(super) idle: Option<Duration>,
}

impl Default for Wishes {
    fn default() -> Self {
        let limits = Limits { patience: Duration::from_secs(30), look: Duration::from_millis(5), ..Limits::default() };
        Self { limits, idle: None }
    }
}

impl House {
    pub(super) fn new() -> Self {
        Self::with(&Wishes::default())
    }

    pub(super) fn with(wishes: &Wishes) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("release.key");
        let passphrase = Passphrase::new("correct horse", "the test").unwrap();
        let (signer, _) = FileSigner::generate(&path, &passphrase).unwrap();
        let public = signer.public_key();
        let owner = Arc::new(Owner::default());
        let opener = |uri: &KeyUri, person: &dyn Person| {
            let file = KeyFile::read(uri.path().unwrap())?;
            let passphrase = person.passphrase(file.name())?;
            Ok(Arc::new(file.unlock(&passphrase)?) as Arc<dyn Signer>)
        };
        let agent = Arc::new(Agent::new(Parts {
            opener: Box::new(opener),
            author: Box::new(Writer),
            people: Box::new(Around(Arc::clone(&owner))),
            journal: Journal::at(folder.path().join("agent.log")),
            idle: wishes.idle,
            confirms: false,
        }));
        agent.hold(&KeyUri::File(path), Arc::new(signer)).unwrap();
        let listener = UnixListener::bind(folder.path().join("agent.sock")).unwrap();
        let server = Server { performer: Arc::clone(&agent), limits: wishes.limits };
        let serving = Some(thread::spawn(move || server.serve(&listener).unwrap()));
        Self { folder, agent, owner, public, serving }
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.folder.path().join("agent.sock")
    }

    pub(super) fn client(&self) -> Client {
        Client::connect(&self.socket()).unwrap()
    }

    pub(super) fn key(&self) -> PathBuf {
        self.folder.path().join("release.key")
    }

    pub(super) fn log(&self) -> Vec<Entry> {
        let text = std::fs::read_to_string(self.folder.path().join("agent.log")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.owner.decide();
        self.agent.stop();
        let _ = self.serving.take().unwrap().join();
    }
}

pub(super) fn image(repository: &str) -> ImageRequest {
    ImageRequest {
        repository: repository.into(),
        tag: Some("1.2".into()),
        digest: DIGEST.into(),
        formats: vec!["bundle".into(), "cosign-tag".into()],
    }
}

pub(super) fn sign(repository: &str) -> Request {
    Request::SignImage { key: None, image: image(repository) }
}

/// A statement as cosign has it signed.
pub(super) fn statement() -> Vec<u8> {
    let body = format!(
        r#"{{"subject":[{{"digest":{{"sha256":"{}"}}}}],"predicateType":"https://sigstore.dev/cosign/sign/v1"}}"#,
        &DIGEST["sha256:".len()..]
    );
    let kind = "application/vnd.in-toto+json";
    format!("DSSEv1 {} {kind} {} {body}", kind.len(), body.len()).into_bytes()
}
