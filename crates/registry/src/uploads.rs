//! Uploads that are open: bytes in the store's `Incoming`, a name for the client, and the cataloguing that follows.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use store::blobs::Incoming;
use tokio::sync::mpsc;

use crate::body;
use crate::desk::Live;
use crate::error::{Code, Refusal};
use crate::names::RepositoryName;

/// The name of an upload: 128 random bits. Who knows it may write to it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct UploadId([u8; 16]);

/// An upload that nobody writes at the moment.
#[derive(Debug)]
pub struct Upload {
    /// The bytes so far.
    pub incoming: Incoming,
    /// The cataloguing that reads them as they come.
    pub(crate) live: Option<Live>,
}

/// The open uploads of a server.
#[derive(Debug)]
pub(crate) struct Uploads {
    open: Mutex<HashMap<UploadId, Session>>,
    most: usize,
}

#[derive(Debug)]
struct Session {
    repository: RepositoryName,
    touched: Instant,
    /// `None` while a request writes it.
    upload: Option<Upload>,
}

/// How a body ended.
pub(crate) enum End {
    /// Whole: the upload with the body's bytes.
    Whole(Upload),
    /// Refused in the middle: the upload with what came before.
    Cut(Upload, Refusal),
}

impl UploadId {
    fn new() -> Result<Self, Refusal> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| {
            tracing::error!(%error, "no random numbers");
            Refusal::new(Code::Internal, "the registry has no random numbers for an upload's name")
        })?;
        Ok(Self(random))
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for UploadId {
    /// Not the name itself: it is a right to write.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("UploadId")
    }
}

impl FromStr for UploadId {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let mut id = [0; 16];
        if text.len() != 32 {
            return Err(unknown());
        }
        for (byte, pair) in id.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let (Some(high), Some(low)) = (digit(pair[0]), digit(pair[1])) else { return Err(unknown()) };
            *byte = high << 4 | low;
        }
        Ok(Self(id))
    }
}

impl Uploads {
    pub(crate) fn new(most: usize) -> Self {
        Self { open: Mutex::default(), most }
    }

    /// Gives a new upload a name. It counts as being written until it is put back.
    pub(crate) fn begin(&self, repository: &RepositoryName) -> Result<UploadId, Refusal> {
        let id = UploadId::new()?;
        let mut open = self.lock();
        if open.len() >= self.most {
            return Err(Refusal::new(
                Code::TooManyRequests,
                format!("{} uploads are open, which is the most; try again when some are finished", self.most),
            ));
        }
        open.insert(id, Session { repository: repository.clone(), touched: Instant::now(), upload: None });
        Ok(id)
    }

    /// Takes an upload out to write it. Its name stays known.
    pub(crate) fn take(&self, repository: &RepositoryName, id: UploadId) -> Result<Upload, Refusal> {
        let mut open = self.lock();
        let session = open.get_mut(&id).filter(|session| session.repository == *repository).ok_or_else(unknown)?;
        session.touched = Instant::now();
        session.upload.take().ok_or_else(|| {
            Refusal::new(Code::BlobUploadInvalid, "another request writes this upload; one writes it at a time")
        })
    }

    /// Puts it back. Where it was given up meanwhile it is dropped, and its file with it.
    pub(crate) fn put_back(&self, id: UploadId, upload: Upload) {
        if let Some(session) = self.lock().get_mut(&id) {
            session.touched = Instant::now();
            session.upload = Some(upload);
        }
    }

    /// Forgets a name. The bytes go with it, unless they were taken out.
    pub(crate) fn forget(&self, id: UploadId) {
        self.lock().remove(&id);
    }

    /// Forgets an upload of a repository, and with it its bytes.
    pub(crate) fn give_up(&self, repository: &RepositoryName, id: UploadId) -> Result<(), Refusal> {
        let mut open = self.lock();
        match open.get(&id) {
            Some(session) if session.repository == *repository => {
                open.remove(&id);
                Ok(())
            }
            _ => Err(unknown()),
        }
    }

    /// Throws away what nobody has touched for so long, and says how many there were.
    pub(crate) fn sweep(&self, idle: Duration) -> usize {
        let mut open = self.lock();
        let before = open.len();
        open.retain(|_, session| session.upload.is_none() || session.touched.elapsed() < idle);
        before - open.len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UploadId, Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unknown() -> Refusal {
    Refusal::new(
        Code::BlobUploadUnknown,
        "there is no such upload; it was finished, given up, or lay idle for too long",
    )
}

/// Returns an upload to its session even where the request that writes it is dropped with its connection.
pub(crate) struct Return {
    pub(crate) uploads: Arc<Uploads>,
    pub(crate) id: UploadId,
}

/// Writes a body of at most `most` bytes to an upload. Hashing and writing block, so they have a thread of their own.
///
/// Where the connection is lost, this future is dropped: the thread then gives the upload back to its session, so that
/// the client may go on from there.
pub(crate) async fn receive(
    upload: Upload,
    mut source: Body,
    most: Option<u64>,
    patience: Duration,
    back: Option<Return>,
) -> Result<End, Refusal> {
    let (sender, mut receiver) = mpsc::channel::<Option<Bytes>>(8);
    let writer = tokio::task::spawn_blocking(move || {
        let mut upload = upload;
        let mut result = Ok(());
        let mut ended = false;
        while let Some(message) = receiver.blocking_recv() {
            let Some(bytes) = message else {
                ended = true;
                break;
            };
            result = upload.incoming.append(&bytes);
            if result.is_err() {
                ended = true;
                break;
            }
        }
        if ended {
            return Some((upload, result));
        }
        if let Some(Return { uploads, id }) = back {
            uploads.put_back(id, upload);
        }
        None
    });
    let mut left = most.unwrap_or(u64::MAX);
    let mut refusal = None;
    loop {
        match body::next(&mut source, patience).await {
            Ok(Some(mut bytes)) => {
                if bytes.len() as u64 > left {
                    refusal = Some(Refusal::new(Code::SizeInvalid, "the body is longer than was said"));
                    bytes.truncate(usize::try_from(left).unwrap_or(usize::MAX));
                }
                left -= bytes.len() as u64;
                // The thread ends before it is told to only where writing failed.
                if sender.send(Some(bytes)).await.is_err() {
                    body::drain(&mut source).await;
                    break;
                }
                if refusal.is_some() {
                    break;
                }
            }
            Ok(None) => break,
            Err(error) => {
                refusal = Some(error);
                break;
            }
        }
    }
    let _ = sender.send(None).await;
    let written = writer.await.map_err(|error| {
        tracing::error!(%error, "the thread that writes an upload failed");
        Refusal::new(Code::Internal, "the registry could not write the upload; its log says why")
    })?;
    let Some((upload, result)) = written else {
        return Err(Refusal::new(Code::Internal, "the upload was given up"));
    };
    let refusal = result.err().map(Refusal::from).or(refusal);
    Ok(match refusal {
        None => End::Whole(upload),
        Some(refusal) => End::Cut(upload, refusal),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_upload_is_read_back() {
        let id = UploadId::new().unwrap();
        assert!(id.to_string().parse::<UploadId>().unwrap() == id);
        for text in ["", "0", &"g".repeat(32), &"A".repeat(32), &"0".repeat(33), &"é".repeat(16)] {
            assert!(text.parse::<UploadId>().is_err(), "{text}");
        }
    }

    #[test]
    fn no_more_uploads_are_opened_than_are_allowed() {
        let uploads = Uploads::new(2);
        let repository = "a".parse().unwrap();
        let first = uploads.begin(&repository).unwrap();
        uploads.begin(&repository).unwrap();
        assert_eq!(uploads.begin(&repository).unwrap_err().code(), Code::TooManyRequests);
        uploads.forget(first);
        uploads.begin(&repository).unwrap();
    }

    #[test]
    fn an_upload_belongs_to_its_repository() {
        let uploads = Uploads::new(2);
        let id = uploads.begin(&"a".parse().unwrap()).unwrap();
        assert_eq!(uploads.take(&"b".parse().unwrap(), id).unwrap_err().code(), Code::BlobUploadUnknown);
        assert_eq!(uploads.give_up(&"b".parse().unwrap(), id).unwrap_err().code(), Code::BlobUploadUnknown);
        uploads.give_up(&"a".parse().unwrap(), id).unwrap();
    }
}
