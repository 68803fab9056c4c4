//! A layer on its way into the layer store.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;

use super::BrokerError;
use crate::channel::{Channel, ChannelError};
use crate::protocol::{UnpackAnswer, UnpackRequest, Unpacked};

/// Wants the plain tar, and then to be told that blob digest and diff id of what was fed matched. Dropped without
/// that, it leaves nothing behind.
#[derive(Debug)]
pub struct Unpacking {
    channel: Channel,
    pipe: Option<File>,
}

impl Unpacking {
    pub(super) fn new(channel: Channel, pipe: OwnedFd) -> Self {
        Self { channel, pipe: Some(File::from(pipe)) }
    }

    /// Keeps the layer: the tar is whole and its digests matched. Returns when it is synced.
    pub fn keep(mut self) -> Result<Unpacked, BrokerError> {
        // The end of the pipe is the end of the tar.
        drop(self.pipe.take());
        let failed = |source| BrokerError::Channel { doing: "keeping a layer", source };
        match self.channel.send(&UnpackRequest::Keep, &[]) {
            // It may have failed and said so before it was asked.
            Ok(()) | Err(ChannelError::Closed) => {}
            Err(source) => return Err(failed(source)),
        }
        self.answer()
    }

    /// What went wrong, after a write was answered with [`io::ErrorKind::BrokenPipe`].
    pub fn failure(mut self) -> BrokerError {
        drop(self.pipe.take());
        match self.answer() {
            Ok(_) => BrokerError::Refused("a layer was unpacked before its end".into()),
            Err(error) => error,
        }
    }

    fn answer(&self) -> Result<Unpacked, BrokerError> {
        match self.channel.receive::<UnpackAnswer>() {
            Ok((UnpackAnswer::Kept(unpacked), _)) => Ok(unpacked),
            Ok((UnpackAnswer::Failed { reason }, _)) => Err(BrokerError::Refused(reason)),
            Err(source) => Err(BrokerError::Channel { doing: "unpacking a layer", source }),
        }
    }
}

impl Write for Unpacking {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.pipe {
            Some(pipe) => pipe.write(bytes),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
