//! Blobs: streamed, taken up again where a connection broke, and written.

use std::fmt;
use std::io::{self, Read};

use ureq::BodyReader;
use ureq::http::{HeaderValue, Method, header};

use super::Client;
use super::error::{self, ClientError, Retries};
use super::exchange::{Order, Place};
use super::manifests::{pull_scope, push_scope};
use super::transport::{Patience, Payload};
use crate::{Digest, Reference, Verified};

/// However often a registry lets a byte through before it breaks off: at some point it is not the network.
const MOST_RESUMPTIONS: u32 = 64;

/// The bytes of a blob on their way in: exactly as many as were asked for, or an error. Not checked against the digest;
/// who reads them to the end does that.
pub struct BlobReader {
    client: Client,
    reference: Reference,
    digest: Digest,
    size: u64,
    received: u64,
    body: Option<BodyReader<'static>>,
    failures: u32,
    resumptions: u32,
}

impl Client {
    /// Streams a blob of `size` bytes, as its descriptor says. A connection that stalls or breaks is taken up again.
    pub fn blob(&self, reference: &Reference, digest: &Digest, size: u64) -> Result<BlobReader, ClientError> {
        let mut reader = BlobReader {
            client: self.clone(),
            reference: reference.clone(),
            digest: digest.clone(),
            size,
            received: 0,
            body: None,
            failures: 0,
            resumptions: 0,
        };
        reader.open()?;
        Ok(reader)
    }

    /// Reads a blob whole and checks it.
    pub fn small_blob(&self, reference: &Reference, digest: &Digest, limit: u64) -> Result<Verified, ClientError> {
        let what = blob_name(reference, digest);
        let action = format!("read {what}");
        let order = get(reference, digest, &action, Patience::Small, 0);
        let answer = self.exchange(&order, Payload::None)?.expect(self, &[200])?;
        Ok(Verified::check(answer.bytes(limit)?, digest, &what)?)
    }

    /// The size of a blob; `None` where it is not there.
    pub fn head_blob(&self, reference: &Reference, digest: &Digest) -> Result<Option<u64>, ClientError> {
        let action = format!("look for {}", blob_name(reference, digest));
        let mut order = get(reference, digest, &action, Patience::Small, 0);
        order.method = Method::HEAD;
        let answer = self.exchange(&order, Payload::None)?;
        if answer.status() == 404 {
            return Ok(None);
        }
        let answer = answer.expect(self, &[200])?;
        answer.length().map(Some).ok_or_else(|| answer.unusable("it does not say the blob's size"))
    }

    /// Writes a blob of `size` bytes out of `input`, in one piece, unless it is there already.
    pub fn push_blob(
        &self,
        reference: &Reference,
        digest: &Digest,
        size: u64,
        input: &mut (dyn Read + Send),
    ) -> Result<(), ClientError> {
        if self.head_blob(reference, digest)? == Some(size) {
            return Ok(());
        }
        let action = format!("write {}", blob_name(reference, digest));
        let order = |method, place, headers| Order {
            registry: &reference.registry,
            method,
            place,
            scope: push_scope(reference),
            headers,
            patience: Patience::Stream,
            action: &action,
        };
        // The last segment is empty: the address ends in a slash.
        let start = Place::Path(vec![&reference.repository, "blobs", "uploads", ""], None);
        let started = self.exchange(&order(Method::POST, start, vec![]), Payload::None)?.expect(self, &[202])?;
        let mut url = started.location()?;
        url.query_pairs_mut().append_pair("digest", digest.as_str());
        let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        let mut source = Counted { input, size, count: 0, failure: None };
        let sent = self.exchange(&order(Method::PUT, Place::Url(url), vec![kind]), Payload::Stream(&mut source, size));
        if let Some(failure) = source.failure {
            return Err(ClientError::Local { action, source: failure });
        }
        sent?.expect(self, &[201, 204])?;
        Ok(())
    }
}

impl BlobReader {
    /// Bytes received so far.
    pub fn received(&self) -> u64 {
        self.received
    }

    fn action(&self) -> String {
        format!("read {}", blob_name(&self.reference, &self.digest))
    }

    /// Asks for what is missing.
    fn open(&mut self) -> Result<(), ClientError> {
        let action = self.action();
        let order = get(&self.reference, &self.digest, &action, Patience::Stream, self.received);
        let answer = self.client.exchange(&order, Payload::None)?;
        let answer = match (self.received, answer.status()) {
            (1.., 206) => {
                let start = format!("bytes {}-", self.received);
                if !answer.header("content-range").is_some_and(|range| range.starts_with(&start)) {
                    return Err(answer.unusable("it sends another part of the blob than the one that was asked for"));
                }
                if answer.length().is_some_and(|length| length != self.size - self.received) {
                    return Err(answer.unusable("the blob changed its size in the middle"));
                }
                self.body = Some(answer.into_body());
                return Ok(());
            }
            _ => answer.expect(&self.client, &[200])?,
        };
        if let Some(length) = answer.length().filter(|length| *length != self.size) {
            let reason = format!("it has {length} bytes, but {} were promised by what names it", self.size);
            return Err(answer.unusable(&reason));
        }
        // A registry that knows no ranges begins anew: what came already is read again and dropped.
        let mut body = answer.into_body();
        let skipped = io::copy(&mut (&mut body).take(self.received), &mut io::sink());
        match skipped {
            Ok(skipped) if skipped == self.received => {
                self.body = Some(body);
                Ok(())
            }
            Ok(skipped) => Err(self.interrupted(skipped, "the connection was closed".into())),
            Err(failure) => Err(self.interrupted(0, error::body_reason(&failure))),
        }
    }

    fn interrupted(&self, received: u64, reason: String) -> ClientError {
        ClientError::Interrupted {
            action: self.action(),
            registry: self.reference.registry.clone(),
            received,
            expected: Some(self.size),
            reason,
            tries: Retries(self.failures),
        }
    }

    /// Counts a failure; an error when it was one too many, else the connection is taken up again.
    fn go_on(&mut self, mut reason: String) -> io::Result<()> {
        self.body = None;
        loop {
            self.failures += 1;
            self.resumptions += 1;
            if self.failures >= self.client.inner.settings.attempts.max(1) || self.resumptions > MOST_RESUMPTIONS {
                let error = self.interrupted(self.received, reason);
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, error));
            }
            tracing::debug!(digest = %self.digest, received = self.received, size = self.size, reason, "going on");
            self.client.pause(self.failures, None);
            match self.open() {
                Ok(()) => return Ok(()),
                Err(ClientError::Interrupted { reason: next, .. } | ClientError::Unreachable { reason: next, .. }) => {
                    reason = next;
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let missing = usize::try_from(self.size - self.received).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(missing);
        if wanted == 0 {
            return Ok(0);
        }
        loop {
            let Some(body) = &mut self.body else {
                self.go_on("the connection was closed".into())?;
                continue;
            };
            match body.read(&mut buffer[..wanted]) {
                Ok(0) => self.go_on("the connection was closed".into())?,
                Ok(count) => {
                    self.received += count as u64;
                    self.failures = 0;
                    return Ok(count);
                }
                Err(failure) if failure.kind() == io::ErrorKind::Interrupted => {}
                Err(failure) => self.go_on(error::body_reason(&failure))?,
            }
        }
    }
}

impl fmt::Debug for BlobReader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "BlobReader({}, {} of {} bytes)", self.digest, self.received, self.size)
    }
}

/// Tells what went wrong with our own bytes from what went wrong with the connection.
struct Counted<'a> {
    input: &'a mut (dyn Read + Send),
    size: u64,
    count: u64,
    failure: Option<io::Error>,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let missing = usize::try_from(self.size - self.count).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(missing);
        if wanted == 0 {
            return Ok(0);
        }
        let read = self.input.read(&mut buffer[..wanted]);
        let failure = match read {
            Ok(0) => io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("the bytes to be written ended after {} of {}", self.count, self.size),
            ),
            Ok(count) => {
                self.count += count as u64;
                return Ok(count);
            }
            Err(failure) if failure.kind() == io::ErrorKind::Interrupted => return Err(failure),
            Err(failure) => failure,
        };
        let kind = failure.kind();
        self.failure = Some(failure);
        Err(kind.into())
    }
}

fn blob_name(reference: &Reference, digest: &Digest) -> String {
    format!("blob {digest} of {}/{}", reference.registry, reference.repository)
}

fn get<'a>(
    reference: &'a Reference,
    digest: &'a Digest,
    action: &'a str,
    patience: Patience,
    received: u64,
) -> Order<'a> {
    let range = (received > 0).then(|| HeaderValue::from_str(&format!("bytes={received}-")).ok()).flatten();
    Order {
        registry: &reference.registry,
        method: Method::GET,
        place: Place::Path(vec![&reference.repository, "blobs", digest.as_str()], None),
        scope: pull_scope(reference),
        headers: range.into_iter().map(|range| (header::RANGE, range)).collect(),
        patience,
        action,
    }
}
