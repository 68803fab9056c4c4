//! Frames: four bytes of length, big endian, then so many bytes. A frame has a bound in size and one in time, so that
//! nobody holds a thread or memory by promising much and sending little.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use thiserror::Error;

/// A frame's length, at most: the largest payload as base64, and room around it.
pub const LARGEST: usize = 1 << 20;

/// Why there is no frame.
#[derive(Debug, Error)]
pub enum FrameError {
    /// The other side has gone, between two frames.
    #[error("the other side closed the connection")]
    Closed,
    /// The other side has gone, in the middle.
    #[error("the other side closed the connection in the middle of a message")]
    Cut,
    /// It would be too long.
    #[error("a message of {0} bytes was announced; at most {LARGEST} are taken")]
    TooLong(usize),
    /// It did not come in time.
    #[error("nothing, or too little, came within {} s", .0.as_secs())]
    TooSlow(Duration),
    /// The system's word.
    #[error("the connection broke: {0}")]
    Broken(#[from] io::Error),
}

/// Reads one frame. It must have begun within `patience`, and be whole within `patience` again.
pub fn read(stream: &UnixStream, patience: Duration) -> Result<Vec<u8>, FrameError> {
    let mut length = [0_u8; 4];
    // The first byte alone, for which one may wait without harm.
    fill(stream, &mut length[..1], Instant::now() + patience, patience)
        .map_err(|error| if matches!(error, FrameError::Cut) { FrameError::Closed } else { error })?;
    let end = Instant::now() + patience;
    fill(stream, &mut length[1..], end, patience)?;
    let length = u32::from_be_bytes(length) as usize;
    if length > LARGEST {
        return Err(FrameError::TooLong(length));
    }
    // Memory only for what has come, whatever was announced.
    let mut bytes = Vec::new();
    while bytes.len() < length {
        let begin = bytes.len();
        bytes.resize(length.min(begin + (64 << 10)), 0);
        fill(stream, &mut bytes[begin..], end, patience)?;
    }
    Ok(bytes)
}

/// Writes one frame.
pub fn write(stream: &UnixStream, bytes: &[u8], patience: Duration) -> Result<(), FrameError> {
    let length = u32::try_from(bytes.len()).ok().filter(|_| bytes.len() <= LARGEST);
    let length = length.ok_or(FrameError::TooLong(bytes.len()))?;
    stream.set_write_timeout(Some(patience))?;
    let mut whole = length.to_be_bytes().to_vec();
    whole.extend_from_slice(bytes);
    (&mut &*stream).write_all(&whole)?;
    Ok(())
}

fn fill(mut stream: &UnixStream, mut room: &mut [u8], end: Instant, patience: Duration) -> Result<(), FrameError> {
    while !room.is_empty() {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(FrameError::TooSlow(patience));
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(room) {
            Ok(0) => return Err(FrameError::Cut),
            Ok(count) => room = &mut room[count..],
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Err(FrameError::TooSlow(patience));
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Err(FrameError::Cut),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
