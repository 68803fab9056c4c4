//! The local docker engine (or podman's service), asked over its unix socket.
//!
//! `docker:NAME` and the first try of a bare NAME: `GET /images/NAME/json` says whether the engine has the image,
//! `GET /images/NAME/get` writes it out as `docker save` does. What arrives is checked like any archive.

mod record;
mod remote;
mod transport;

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use thiserror::Error;
use ureq::Agent;
use ureq::http::{Response, StatusCode};

pub use self::record::EngineRecord;
pub use self::remote::EngineTls;
use self::transport::{NoResolver, UnixConnector};
use super::{DockerArchive, Image, ImageSource, Request, SourceError};
use crate::{Platform, Reference};

/// Where docker's engine listens unless it is told otherwise.
const DEFAULT_SOCKET: &str = "/var/run/docker.sock";
/// How long the engine may be silent. It writes a whole image to its disk before the first byte of an export.
const SILENCE: Duration = Duration::from_mins(10);
/// How long it may take to say whether it has an image.
const ANSWER: Duration = Duration::from_secs(30);
/// Most bytes of an answer in JSON.
const ANSWER_BYTES: u64 = 4 << 20;
/// What stands in an image's name and not in a path of a request; slashes and colons are part of the engine's routes.
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b':').remove(b'@').remove(b'.').remove(b'-').remove(b'_');

/// A docker engine, connected to.
///
/// The connections to a socket are made at once, by who may (the calling user); asking may happen later with fewer
/// rights.
#[derive(Debug)]
pub struct Engine {
    agent: Agent,
    /// What stands before a path in an address.
    base: String,
    /// Its socket or address, for messages.
    place: PathBuf,
}

/// Why the engine could not be asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EngineError {
    /// `DOCKER_HOST` names an engine elsewhere.
    #[error("DOCKER_HOST is {0:?}; only an engine on this machine (unix://…) is asked, name the image with registry:")]
    Remote(String),
    /// The certificates for an engine elsewhere cannot be used.
    #[error("could not use the certificates for the docker engine at {place}: {reason}")]
    Certificates {
        /// The engine's address.
        place: String,
        /// What is wrong with them.
        reason: String,
    },
    /// The socket is not there or not ours.
    #[error(
        "could not connect to the docker engine at {}: {source}; start it, ask as a user who may, or name the image \
         with registry:",
        .socket.display()
    )]
    Connect {
        /// The socket.
        socket: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It did not answer, or broke off.
    #[error("could not {action} at the docker engine {}: {source}", .socket.display())]
    Request {
        /// What was asked.
        action: String,
        /// The socket.
        socket: PathBuf,
        /// What happened.
        source: Box<ureq::Error>,
    },
    /// It answered with an error.
    #[error("the docker engine refused to {action}: {status}, {message:?}")]
    Refused {
        /// What was asked.
        action: String,
        /// The HTTP status.
        status: u16,
        /// What it said.
        message: String,
    },
}

impl EngineError {
    /// Whether there is just no engine that could be asked, as on a machine without docker.
    pub fn is_absent(&self) -> bool {
        match self {
            Self::Remote(_) => true,
            Self::Connect { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused | io::ErrorKind::PermissionDenied
            ),
            Self::Certificates { .. } | Self::Request { .. } | Self::Refused { .. } => false,
        }
    }
}

impl From<EngineError> for SourceError {
    fn from(error: EngineError) -> Self {
        Self::Remote(Box::new(error))
    }
}

/// The socket of the engine that `DOCKER_HOST` (`host`) means.
pub fn engine_socket(host: Option<&str>) -> Result<PathBuf, EngineError> {
    match host {
        None | Some("") => Ok(DEFAULT_SOCKET.into()),
        Some(host) => match host.strip_prefix("unix://") {
            Some(path) if !path.is_empty() => Ok(path.into()),
            _ => Err(EngineError::Remote(host.chars().take(200).collect())),
        },
    }
}

/// What the engine says of an image; the rest of its answer is not needed.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    /// The digest of the manifest or index where the engine keeps them, else of the config.
    id: String,
}

/// An error of the engine.
#[derive(Deserialize)]
struct Message {
    message: String,
}

impl Engine {
    /// Connects to the engine's socket, once for each request that [`Engine::image`] makes.
    pub fn connect(socket: &Path) -> Result<Self, EngineError> {
        let connect =
            || UnixStream::connect(socket).map_err(|source| EngineError::Connect { socket: socket.to_owned(), source });
        let ready = vec![connect()?, connect()?];
        let place = socket.to_owned();
        Ok(Self::of(UnixConnector::new(Box::new(move || UnixStream::connect(&place)), ready), socket.to_owned()))
    }

    /// An engine that is reached in another way (`ssh HOST docker system dial-stdio`): `connect` makes a connection, now, as
    /// the calling user, and another only where that one has ended. `place` is the engine's address for messages.
    pub fn over(
        place: &str,
        connect: impl Fn() -> io::Result<UnixStream> + Send + Sync + 'static,
    ) -> Result<Self, EngineError> {
        let ready = connect().map_err(|source| EngineError::Connect { socket: place.into(), source })?;
        Ok(Self::of(UnixConnector::new(Box::new(connect), vec![ready]).keeping(), place.into()))
    }

    fn of(connector: UnixConnector, place: PathBuf) -> Self {
        let config = Agent::config_builder()
            .proxy(None)
            .max_idle_connections(usize::from(connector.keeps()))
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_per_read(Some(SILENCE))
            .timeout_send_request(Some(ANSWER))
            .user_agent("plimsoll")
            .build();
        // The host in the address is docker's own word for it; the connector ignores it.
        let base = "http://localhost".to_owned();
        Self { agent: Agent::with_parts(config, connector, NoResolver), base, place }
    }

    /// The image of this name, copied out of the engine to an unlinked file in `spool`; `None` where it has none.
    ///
    /// A digest in the name is held against what the engine gives. Engines that keep images without their manifests
    /// (docker without the containerd image store) cannot show it, which is [`SourceError::Unsupported`].
    pub fn image(
        &self,
        reference: &Reference,
        platform: Option<&Platform>,
        spool: &Path,
    ) -> Result<Option<DockerArchive>, SourceError> {
        let name = match &reference.digest {
            Some(digest) => reference.at(digest.clone()).familiar(),
            None => reference.familiar(),
        };
        let Some(inspected) = self.inspect(&name)? else { return Ok(None) };
        if reference.digest.as_ref().is_some_and(|digest| digest.as_str() != inspected.id) {
            return Err(no_manifest(&name));
        }
        let action = format!("export {name}");
        let response = self.get(&action, &format!("/images/{}/get", utf8_percent_encode(&name, NAME)), SILENCE)?;
        if response.status() != StatusCode::OK {
            return Err(refusal(action, response).into());
        }
        let request = Request { name: &name, reference: Some(reference), platform };
        let archive = DockerArchive::of_stream(response.into_body().into_reader(), request, spool)?;
        let Image { digest, index_digest, .. } = archive.image();
        match &reference.digest {
            Some(wanted) if wanted != digest && Some(wanted) != index_digest.as_ref() => Err(no_manifest(&name)),
            _ => Ok(Some(archive)),
        }
    }

    fn inspect(&self, name: &str) -> Result<Option<Inspected>, EngineError> {
        let action = format!("look for {name}");
        let response = self.get(&action, &format!("/images/{}/json", utf8_percent_encode(name, NAME)), ANSWER)?;
        match response.status() {
            StatusCode::OK => {
                let body = response.into_body().into_reader().take(ANSWER_BYTES);
                match serde_json::from_reader(io::BufReader::new(body)) {
                    Ok(inspected) => Ok(Some(inspected)),
                    Err(error) => Err(self.failure(action, ureq::Error::Io(error.into()))),
                }
            }
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(refusal(action, response)),
        }
    }

    fn get(&self, action: &str, path: &str, patience: Duration) -> Result<Response<ureq::Body>, EngineError> {
        self.agent
            .get(format!("{}{path}", self.base))
            .config()
            .timeout_recv_response(Some(patience))
            .build()
            .call()
            .map_err(|error| self.failure(action.to_owned(), error))
    }

    fn failure(&self, action: String, error: ureq::Error) -> EngineError {
        EngineError::Request { action, socket: self.place.clone(), source: Box::new(error) }
    }
}

fn no_manifest(name: &str) -> SourceError {
    SourceError::Unsupported {
        what: name.to_owned(),
        reason: "the docker engine cannot show the manifest of that digest, so that nothing proves what it gives out; \
                 name the image with registry:"
            .into(),
    }
}

fn refusal(action: String, response: Response<ureq::Body>) -> EngineError {
    let status = response.status().as_u16();
    let mut body = Vec::new();
    // What it said is for the message only; an answer that breaks off still has its status.
    drop(response.into_body().into_reader().take(ANSWER_BYTES).read_to_end(&mut body));
    let message = serde_json::from_slice::<Message>(&body).map(|answer| answer.message);
    let message = message.unwrap_or_else(|_| String::from_utf8_lossy(&body).into_owned());
    EngineError::Refused { action, status, message: message.chars().take(500).collect() }
}
