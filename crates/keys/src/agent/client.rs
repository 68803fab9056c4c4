//! The other side of the socket.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use super::asker::Origin;
use super::frame::{self, FrameError};
use super::process::{self, Process};
use super::protocol::{Call, Code, HeldKey, Reply, Request, VERSION};
use crate::{ImageRequest, KeyError, PublicKey, Signature, SignedArtifact};

/// A person may take their time, and others may be before.
const PATIENCE: Duration = Duration::from_mins(30);

/// A connection to an agent.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    path: PathBuf,
    terminal: Option<String>,
    origin: Option<Origin>,
}

/// Why an agent did not do what it was asked.
#[derive(Debug, Error)]
pub enum ClientError {
    /// There is none.
    #[error("no agent answers at {}: {source}; start one with: plimsoll agent --background", path.display())]
    NoAgent {
        /// Where it should be.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What answers is another user's.
    #[error("what answers at {} belongs to another user, and is asked nothing", .0.display())]
    Foreign(PathBuf),
    /// The connection.
    #[error(
        "the agent at {} did not answer, and what was asked of it is not done: {source}; see whether it is there with: plimsoll \
         agent status", path.display()
    )]
    Lost {
        /// Where it is.
        path: PathBuf,
        /// What happened.
        source: FrameError,
    },
    /// An answer that is none.
    #[error("the agent at {} gave an answer that is none: {reason}", path.display())]
    Answer {
        /// Where it is.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// It refused.
    #[error("the agent did not do it: {reason}")]
    Refused {
        /// Why, for programs.
        code: Code,
        /// Why, for people.
        reason: String,
    },
    /// What it gave cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl Client {
    /// Connects to an agent of this user.
    pub fn connect(path: &Path) -> Result<Self, ClientError> {
        let no_agent = |source| ClientError::NoAgent { path: path.to_owned(), source };
        let stream = UnixStream::connect(path).map_err(no_agent)?;
        if !process::peer(&stream).map_err(no_agent)?.is_own_user() {
            return Err(ClientError::Foreign(path.to_owned()));
        }
        Ok(Self { stream, path: path.to_owned(), terminal: None, origin: None })
    }

    /// Over a connection that is there already, to an agent that this program has started itself.
    pub fn over(stream: UnixStream) -> Self {
        Self { stream, path: "an agent of its own".into(), terminal: None, origin: None }
    }

    /// The terminal where PIN and touch may be asked for.
    #[must_use]
    pub fn at_terminal(self, terminal: Option<String>) -> Self {
        Self { terminal, ..self }
    }

    /// Says for whom it is asked from now on.
    #[must_use]
    pub fn on_behalf_of(self, origin: Origin) -> Self {
        Self { origin: Some(origin), ..self }
    }

    /// Asks, and waits for the answer; `progress` hears what is waited for.
    pub fn ask(&self, request: Request, progress: &mut dyn FnMut(&str)) -> Result<Reply, ClientError> {
        let lost = |source| ClientError::Lost { path: self.path.clone(), source };
        let answer = |reason: String| ClientError::Answer { path: self.path.clone(), reason };
        let call = Call { version: VERSION, terminal: self.terminal.clone(), origin: self.origin.clone(), request };
        let bytes = serde_json::to_vec(&call).map_err(|error| answer(error.to_string()))?;
        // An agent that has no room for one more says so and hangs up, without reading: what it said is there to be read.
        let written = frame::write(&self.stream, &bytes, PATIENCE);
        loop {
            let bytes = match (frame::read(&self.stream, PATIENCE), &written) {
                (Ok(bytes), _) => bytes,
                (Err(error), _) => return Err(lost(error)),
            };
            match serde_json::from_slice(&bytes).map_err(|error| answer(error.to_string()))? {
                Reply::Progress { text } => progress(&text),
                Reply::Refused { code, reason } => return Err(ClientError::Refused { code, reason }),
                reply => return Ok(reply),
            }
        }
    }

    /// Hangs up, from another thread: what is under way is cancelled.
    pub fn hang_up(&self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }

    /// The keys that the agent holds.
    pub fn keys(&self) -> Result<Vec<HeldKey>, ClientError> {
        match self.ask(Request::List, &mut |_| {})? {
            Reply::Keys { keys } => Ok(keys),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Has an image signed.
    pub fn sign_image(
        &self,
        key: Option<&str>,
        image: &ImageRequest,
        progress: &mut dyn FnMut(&str),
    ) -> Result<(PublicKey, Vec<SignedArtifact>), ClientError> {
        let request = Request::SignImage { key: key.map(str::to_owned), image: image.clone() };
        match self.ask(request, progress)? {
            Reply::Image { key, artifacts } => Ok((PublicKey::from_pem(&key)?, artifacts)),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Has several images signed in one batch: what is to be stored beside each, in their order.
    pub fn sign_images(
        &self,
        key: Option<&str>,
        images: &[ImageRequest],
        progress: &mut dyn FnMut(&str),
    ) -> Result<(PublicKey, Vec<Vec<SignedArtifact>>), ClientError> {
        let request = Request::SignImages { key: key.map(str::to_owned), images: images.to_vec() };
        match self.ask(request, progress)? {
            Reply::Images { key, artifacts } if artifacts.len() == images.len() => {
                Ok((PublicKey::from_pem(&key)?, artifacts))
            }
            other => Err(self.unexpected(&other)),
        }
    }

    /// Has bytes or a digest signed: a request of one of these kinds.
    pub fn sign(
        &self,
        request: Request,
        progress: &mut dyn FnMut(&str),
    ) -> Result<(PublicKey, Signature), ClientError> {
        match self.ask(request, progress)? {
            Reply::Signature { key, signature } => {
                let key = PublicKey::from_pem(&key)?;
                let signature = Signature::new(key.algorithm(), signature);
                Ok((key, signature))
            }
            other => Err(self.unexpected(&other)),
        }
    }

    fn unexpected(&self, reply: &Reply) -> ClientError {
        let reason = match reply {
            Reply::Progress { .. } => "it only told of progress",
            Reply::Status(_) => "it told of itself",
            Reply::Keys { .. } => "it listed its keys",
            Reply::Image { .. } => "it signed an image",
            Reply::Images { .. } => "it signed some images",
            Reply::Signature { .. } => "it signed bytes",
            Reply::Done { .. } => "it did something",
            Reply::Refused { .. } => "it refused",
        };
        ClientError::Answer { path: self.path.clone(), reason: reason.into() }
    }
}

/// The terminal that this process belongs to, whatever its input and output are.
pub fn own_terminal() -> Option<String> {
    Process::terminal_file(std::process::id())
}
