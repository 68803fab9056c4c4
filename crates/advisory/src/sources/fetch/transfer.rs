//! Bytes from an address onto the disk or into memory, within bounds of size and time.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Instant;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use ureq::http::{Response, StatusCode};
use ureq::tls::{RootCerts, TlsConfig};

use super::{FetchError, Options, Progress, SegmentInfo};
use crate::sources::{ImportError, SourceError};

/// Far above the largest ecosystem's archive (a few hundred MB).
const LARGEST_ARCHIVE: u64 = 8 << 30;
/// A server that gives less than this in [`Options::stall`] has stalled, though it may still be alive.
pub(super) const SLOWEST: u64 = 16 << 10;
/// What a part of an address may not carry.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b'?').add(b'#').add(b'\\').add(b'"');

/// An address below another.
pub(super) fn escaped(base: &str, path: &str) -> String {
    format!("{base}/{}", utf8_percent_encode(path, ESCAPED))
}

/// An archive on disk without a name, and the server's marks of it.
pub(super) struct Archive {
    pub(super) file: File,
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
}

/// A client that keeps its connections.
pub(super) struct Transfer<'a> {
    agent: ureq::Agent,
    options: &'a Options,
    folder: &'a Path,
    progress: &'a dyn Progress,
}

impl<'a> Transfer<'a> {
    pub(super) fn new(options: &'a Options, folder: &'a Path, progress: &'a dyn Progress) -> Self {
        Self { agent: agent(options), options, folder, progress }
    }

    /// The begin of a text that may be long: as much of it as the reader of the answer wants.
    pub(super) fn open(&self, url: &str) -> Result<Option<impl Read + use<>>, FetchError> {
        let response = self.agent.get(url).call().map_err(|error| self.transport(url, error.into_io()))?;
        match response.status() {
            StatusCode::OK => Ok(Some(response.into_body().into_with_config().limit(LARGEST_ARCHIVE).reader())),
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(FetchError::Status { url: url.into(), status: status.as_u16() }),
        }
    }

    /// The archive at an address; `None` where it is still the one that is present.
    pub(super) fn download(
        &self,
        ecosystem: &str,
        url: &str,
        present: Option<&SegmentInfo>,
    ) -> Result<Option<Archive>, FetchError> {
        let mut request = self.agent.get(url);
        if let Some(etag) = present.and_then(|segment| segment.etag.as_deref()) {
            request = request.header("If-None-Match", etag);
        } else if let Some(time) = present.and_then(|segment| segment.last_modified.as_deref()) {
            request = request.header("If-Modified-Since", time);
        }
        let response = request.call().map_err(|error| self.transport(url, error.into_io()))?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_MODIFIED => return Ok(None),
            StatusCode::NOT_FOUND => return Err(FetchError::Unknown { url: url.into() }),
            status => return Err(FetchError::Status { url: url.into(), status: status.as_u16() }),
        }
        let (etag, last_modified) = (header(&response, "etag"), header(&response, "last-modified"));
        let body = response.into_body();
        self.progress.started(ecosystem, body.content_length());
        let keep = |source| FetchError::Keep { url: url.into(), folder: self.folder.into(), source };
        // Without a name there is never a partial file under one, whatever happens.
        let mut file = tempfile::tempfile_in(self.folder).map_err(keep)?;
        let mut reader = body.into_with_config().limit(LARGEST_ARCHIVE).reader();
        let mut buffer = vec![0; 1 << 16];
        let mut window = (Instant::now(), 0);
        loop {
            let read = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.transport(url, error)),
            };
            file.write_all(&buffer[..read]).map_err(keep)?;
            self.progress.advanced(ecosystem, read as u64);
            window.1 += read as u64;
            if window.0.elapsed() >= self.options.stall {
                if window.1 < SLOWEST {
                    return Err(FetchError::Stalled { url: url.into(), stall: self.options.stall });
                }
                window = (Instant::now(), 0);
            }
        }
        file.seek(SeekFrom::Start(0)).map_err(keep)?;
        Ok(Some(Archive { file, etag, last_modified }))
    }

    pub(super) fn transport(&self, url: &str, source: io::Error) -> FetchError {
        let inner = source.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
        if source.kind() == io::ErrorKind::TimedOut || matches!(inner, Some(ureq::Error::Timeout(_))) {
            return FetchError::Stalled { url: url.into(), stall: self.options.stall };
        }
        FetchError::Transport { url: url.into(), source }
    }
}

/// A header that is no longer than any real one.
fn header<T>(response: &Response<T>, name: &str) -> Option<String> {
    let value = response.headers().get(name)?.to_str().ok()?;
    (value.len() <= 256).then(|| value.to_owned())
}

/// An archive of a mirror on disk; its size and time stand for a server's marks.
pub(super) fn local(path: &Path, url: &str, present: Option<&SegmentInfo>) -> Result<Option<Archive>, FetchError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => FetchError::Unknown { url: url.into() },
        _ => ImportError::from(SourceError::Io { name: path.display().to_string(), source }).into(),
    };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    let changed = metadata.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    let etag = Some(format!("\"{}-{}\"", metadata.len(), changed.unwrap_or_default().as_nanos()));
    if present.is_some_and(|segment| segment.etag == etag) {
        return Ok(None);
    }
    Ok(Some(Archive { file, etag, last_modified: None }))
}

fn agent(options: &Options) -> ureq::Agent {
    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
    ureq::Agent::config_builder()
        .user_agent(concat!("plimsoll/", env!("CARGO_PKG_VERSION")))
        .http_status_as_error(false)
        // What was asked for over TLS is not taken without.
        .https_only(options.base.starts_with("https://"))
        .max_redirects(5)
        .timeout_resolve(Some(options.stall))
        .timeout_connect(Some(options.stall))
        .timeout_recv_response(Some(options.stall))
        .timeout_per_read(Some(options.stall))
        .timeout_per_write(Some(options.stall))
        .tls_config(tls)
        .build()
        .new_agent()
}
