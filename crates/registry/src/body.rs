//! Bodies of requests, read with bounds on size and on patience.

use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body_util::BodyExt;

use crate::error::{Code, Refusal};

/// The next bytes of a body; `None` at its end. An error is a sender that is gone, broke the framing of its
/// chunks, or stands still for longer than `patience`.
pub(crate) async fn next(body: &mut Body, patience: Duration) -> Result<Option<Bytes>, Refusal> {
    loop {
        let frame = tokio::time::timeout(patience, body.frame()).await.map_err(|_| {
            let reason = format!("nothing of the body came for {} seconds", patience.as_secs());
            Refusal::new(Code::Timeout, reason)
        })?;
        match frame {
            None => return Ok(None),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => return Ok(Some(bytes)),
                // Trailers say nothing here.
                Err(_) => {}
            },
            Some(Err(error)) => {
                return Err(Refusal::new(Code::BlobUploadInvalid, format!("the body was cut short: {error}")));
            }
        }
    }
}

/// A whole body of at most `most` bytes.
pub(crate) async fn whole(mut body: Body, most: usize, patience: Duration) -> Result<Vec<u8>, Refusal> {
    let mut whole = Vec::new();
    while let Some(bytes) = next(&mut body, patience).await? {
        if whole.len() + bytes.len() > most {
            return Err(Refusal::new(
                Code::ManifestTooLarge,
                format!("the manifest is larger than {most} bytes, which is the most that is taken"),
            ));
        }
        whole.extend_from_slice(&bytes);
    }
    Ok(whole)
}

/// Reads on through a body that was refused, and throws it away. A connection with unread bytes is reset when it is
/// closed, and docker then tells of a broken pipe instead of the reason. What is endless or slow is given up.
pub(crate) async fn drain(body: &mut Body) {
    const PATIENCE: Duration = Duration::from_secs(2);
    let read = async {
        let mut left: usize = 1 << 30;
        while let Ok(Some(bytes)) = next(body, PATIENCE).await {
            left = left.saturating_sub(bytes.len());
            if left == 0 {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(30), read).await;
}
