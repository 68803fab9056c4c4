//! HTTP over a unix socket, or over whatever gives one, as a transport of `ureq`.

use std::fmt;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Mutex;
use std::time::Duration;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport};
use ureq::{Error, Timeout};

/// Gives out connections that were made before, then makes new ones.
pub(super) struct UnixConnector {
    connect: Connect,
    ready: Mutex<Vec<UnixStream>>,
    /// Whether a connection serves one request after the other.
    keeps: bool,
}

/// Makes a connection.
pub(super) type Connect = Box<dyn Fn() -> io::Result<UnixStream> + Send + Sync>;

impl UnixConnector {
    pub(super) fn new(connect: Connect, ready: Vec<UnixStream>) -> Self {
        Self { connect, ready: Mutex::new(ready), keeps: false }
    }

    /// The same with connections that are used for more than one request.
    pub(super) fn keeping(self) -> Self {
        Self { keeps: true, ..self }
    }

    pub(super) fn keeps(&self) -> bool {
        self.keeps
    }
}

impl Connector for UnixConnector {
    type Out = UnixTransport;

    fn connect(&self, details: &ConnectionDetails, _chained: Option<()>) -> Result<Option<UnixTransport>, Error> {
        let ready = self.ready.lock().ok().and_then(|mut ready| ready.pop());
        let stream = match ready {
            Some(stream) => stream,
            None => (self.connect)()?,
        };
        let buffers = LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(UnixTransport { stream, buffers, keeps: self.keeps }))
    }
}

impl fmt::Debug for UnixConnector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("UnixConnector").finish_non_exhaustive()
    }
}

/// One connection.
pub(super) struct UnixTransport {
    stream: UnixStream,
    buffers: LazyBuffers,
    keeps: bool,
}

impl Transport for UnixTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.stream.set_write_timeout(patience(&timeout))?;
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        self.stream.write_all(output).map_err(|error| or_timeout(error, timeout.reason))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.stream.set_read_timeout(patience(&timeout))?;
        let input = self.buffers.input_append_buf();
        let read = loop {
            match self.stream.read(input) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result.map_err(|error| or_timeout(error, timeout.reason))?,
            }
        };
        self.buffers.input_appended(read);
        Ok(read > 0)
    }

    /// Connections are used for one request each, but for those that were dear to make.
    fn is_open(&mut self) -> bool {
        if !self.keeps || self.stream.set_nonblocking(true).is_err() {
            return false;
        }
        // Neither ended nor with something to say that nobody asked for.
        let is_quiet = matches!(self.stream.read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        is_quiet && self.stream.set_nonblocking(false).is_ok()
    }
}

impl fmt::Debug for UnixTransport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("UnixTransport").field("stream", &self.stream).finish_non_exhaustive()
    }
}

/// The time that is left; none is for ever, and nothing left is as little as a socket can wait.
fn patience(timeout: &NextTimeout) -> Option<Duration> {
    timeout.not_zero().map(|left| *left)
}

fn or_timeout(error: io::Error, reason: Timeout) -> Error {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Error::Timeout(reason),
        _ => error.into(),
    }
}

/// A unix socket has no address to look up.
#[derive(Debug)]
pub(super) struct NoResolver;

impl Resolver for NoResolver {
    fn resolve(&self, _uri: &Uri, _config: &Config, _timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let mut addresses = self.empty();
        addresses.push(std::net::SocketAddr::from(([0, 0, 0, 0], 0)));
        Ok(addresses)
    }
}
