//! Advisories from osv.dev's bucket or a mirror of it: one `all.zip` an ecosystem, fetched only when it changed.
//!
//! The lock of the index is held from the first question to the commit: of two first scans at once the second waits
//! and then finds what the first one fetched. A source that fails leaves its last good state in the index.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use thiserror::Error;
use ureq::http::StatusCode;
use ureq::tls::{RootCerts, TlsConfig};

use super::import::{self, ImportError, finish};
use super::osv::Input;
use super::{Limits, SourceError};
use crate::index::{Compiled, Compiler, Index, IndexError, SegmentInfo, Tell, Writer};

/// Where osv.dev publishes.
pub const OSV_BUCKET: &str = "https://osv-vulnerabilities.storage.googleapis.com";

/// Far above the largest ecosystem's archive (a few hundred MB).
const LARGEST_ARCHIVE: u64 = 8 << 30;
/// A server that gives less than this in [`Options::stall`] has stalled, though it may still be alive.
const SLOWEST: u64 = 16 << 10;
/// What an ecosystem's name may not carry into an address.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b'?').add(b'#').add(b'/').add(b'\\').add(b'"');

/// How to fetch.
#[derive(Clone, Debug)]
pub struct Options {
    /// `https://…`, `http://…` or `file://…`, without a slash at its end; below it lie `ECOSYSTEM/all.zip`.
    pub base: String,
    /// How long nothing may arrive.
    pub stall: Duration,
    /// How much an archive may unpack to.
    pub limits: Limits,
    /// Leave alone what is in the index already, however old.
    pub only_missing: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { base: OSV_BUCKET.into(), stall: Duration::from_mins(1), limits: Limits::default(), only_missing: false }
    }
}

/// Who is told how far it is. All calls come from one thread.
pub trait Progress {
    /// Another process holds the lock, whose file is named; it is waited for.
    fn waiting(&self, _lock: &Path) {}
    /// An ecosystem is being fetched; its size where the server tells it.
    fn started(&self, _ecosystem: &str, _bytes: Option<u64>) {}
    /// So many bytes more of it arrived.
    fn advanced(&self, _ecosystem: &str, _bytes: u64) {}
    /// All of it arrived; it is being compiled.
    fn compiling(&self, _ecosystem: &str) {}
    /// It is done with, as told.
    fn finished(&self, _ecosystem: &str, _outcome: &Result<Outcome, FetchError>) {}
}

/// Tells nobody.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Progress for Silent {}

/// What became of one ecosystem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Fetched and compiled; so many records.
    Fetched(u64),
    /// The server has nothing newer.
    Unchanged,
    /// In the index already, and only what is missing was asked for.
    Present,
}

/// What became of an update.
#[derive(Debug)]
pub struct Update {
    /// The index as it is now; `None` where there still is none.
    pub index: Option<Index>,
    /// Each ecosystem with what became of it.
    pub outcomes: Vec<(String, Result<Outcome, FetchError>)>,
}

/// Why an ecosystem could not be fetched.
#[derive(Debug, Error)]
pub enum FetchError {
    /// A name that no ecosystem has.
    #[error("{name:?} is no OSV ecosystem; names are such as Debian, Alpine, PyPI, npm, Go, crates.io")]
    Name {
        /// The name.
        name: String,
    },
    /// The server does not know it.
    #[error("{url} does not exist; OSV's names are case-sensitive: Debian, Ubuntu, Alpine, PyPI, npm, Go, crates.io")]
    Unknown {
        /// The address.
        url: String,
    },
    /// The server answered something else.
    #[error("{url} answered {status}; try again later, or import a copy with `plimsoll db import PATH`")]
    Status {
        /// The address.
        url: String,
        /// HTTP status.
        status: u16,
    },
    /// The connection failed or broke.
    #[error(
        "cannot fetch {url}; check the network and proxy (HTTPS_PROXY), or import a copy with \
         `plimsoll db import PATH`"
    )]
    Transport {
        /// The address.
        url: String,
        /// What went wrong.
        source: io::Error,
    },
    /// It does not arrive at any useful speed.
    #[error("{url} sent less than {SLOWEST} bytes in {} seconds and was given up; try again later", stall.as_secs())]
    Stalled {
        /// The address.
        url: String,
        /// How long was waited.
        stall: Duration,
    },
    /// The download could not be kept.
    #[error("cannot keep the download of {url} in {}", folder.display())]
    Keep {
        /// The address.
        url: String,
        /// Where.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It arrived and is of no use; the last good state stays.
    #[error(transparent)]
    Import(#[from] ImportError),
}

/// Fetches ecosystems into the index at `path`. An ecosystem that fails does not keep the others from being
/// committed; errors of the index itself end the update.
pub fn update(
    path: &Path,
    ecosystems: &[String],
    options: &Options,
    progress: &dyn Progress,
) -> Result<Update, IndexError> {
    let tell: Tell<'_> = &|lock| progress.waiting(lock);
    let mut writer = Writer::lock(path, tell)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let fetcher = Fetcher { agent: agent(options), options, folder, progress };
    let (mut added, mut confirmed, mut outcomes) = (Vec::new(), Vec::new(), Vec::new());
    for ecosystem in ecosystems {
        let present = writer.current().and_then(|index| {
            index.segments().find(|segment| segment.ecosystem.as_deref() == Some(ecosystem)).cloned()
        });
        let outcome = match fetcher.fetch(ecosystem, present.as_ref()) {
            Ok(Fetched::New(compiled)) => {
                let records = compiled.info.counts.records;
                added.push(*compiled);
                Ok(Outcome::Fetched(records))
            }
            Ok(Fetched::Unchanged) => {
                confirmed.extend(present.map(|segment| segment.name));
                Ok(Outcome::Unchanged)
            }
            Ok(Fetched::Present) => Ok(Outcome::Present),
            Err(error) => Err(error),
        };
        progress.finished(ecosystem, &outcome);
        outcomes.push((ecosystem.clone(), outcome));
    }
    if !added.is_empty() || !confirmed.is_empty() {
        writer.commit(&added, &confirmed)?;
    }
    Ok(Update { index: writer.current().cloned(), outcomes })
}

enum Fetched {
    New(Box<Compiled>),
    Unchanged,
    Present,
}

struct Fetcher<'a> {
    agent: ureq::Agent,
    options: &'a Options,
    folder: &'a Path,
    progress: &'a dyn Progress,
}

/// An archive on disk without a name, and the server's marks of it.
struct Archive {
    file: File,
    etag: Option<String>,
    last_modified: Option<String>,
}

impl Fetcher<'_> {
    fn fetch(&self, ecosystem: &str, present: Option<&SegmentInfo>) -> Result<Fetched, FetchError> {
        if present.is_some() && self.options.only_missing {
            return Ok(Fetched::Present);
        }
        if !is_name(ecosystem) {
            return Err(FetchError::Name { name: ecosystem.into() });
        }
        let url = format!("{}/{}/all.zip", self.options.base, utf8_percent_encode(ecosystem, ESCAPED));
        // Another mirror's marks say nothing of this one.
        let present = present.filter(|segment| segment.origin == url);
        let archive = match self.options.base.strip_prefix("file://") {
            Some(folder) => local(Path::new(folder), ecosystem, &url, present)?,
            None => self.download(ecosystem, &url, present)?,
        };
        let Some(archive) = archive else { return Ok(Fetched::Unchanged) };
        self.progress.compiling(ecosystem);
        let name = format!("osv.dev/{ecosystem}");
        let compile = || -> Result<Compiled, ImportError> {
            let mut compiler = Compiler::new(&name, &url, &import::now(), self.folder)?;
            compiler.fetched(ecosystem, archive.etag, archive.last_modified);
            Input { name: url.clone(), file: archive.file }.read(self.options.limits, &mut compiler)?;
            finish(compiler, &url)
        };
        Ok(Fetched::New(Box::new(compile()?)))
    }

    fn download(
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
        let header = |name: &str| {
            let value = response.headers().get(name)?.to_str().ok()?;
            (value.len() <= 256).then(|| value.to_owned())
        };
        let (etag, last_modified) = (header("etag"), header("last-modified"));
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

    fn transport(&self, url: &str, source: io::Error) -> FetchError {
        let inner = source.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
        if source.kind() == io::ErrorKind::TimedOut || matches!(inner, Some(ureq::Error::Timeout(_))) {
            return FetchError::Stalled { url: url.into(), stall: self.options.stall };
        }
        FetchError::Transport { url: url.into(), source }
    }
}

/// An archive of a mirror on disk; its size and time stand for a server's marks.
fn local(
    folder: &Path,
    ecosystem: &str,
    url: &str,
    present: Option<&SegmentInfo>,
) -> Result<Option<Archive>, FetchError> {
    let path = folder.join(ecosystem).join("all.zip");
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => FetchError::Unknown { url: url.into() },
        _ => ImportError::from(SourceError::Io { name: path.display().to_string(), source }).into(),
    };
    let file = File::open(&path).map_err(failed)?;
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

/// Whether a text could be an ecosystem's name: no path, no address.
fn is_name(text: &str) -> bool {
    let fits = |character: char| character.is_ascii_alphanumeric() || " .:-".contains(character);
    text.len() <= 64 && text.starts_with(|first: char| first.is_ascii_alphanumeric()) && text.chars().all(fits)
}
