//! Typed messages with descriptors over a SEQPACKET socket pair.
//!
//! One message is one datagram, so that a reader never sees half of one or two at once. Its descriptors come by
//! `SCM_RIGHTS`, closed on exec. Both sides are bounded; what does not fit is an error, never cut.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// Most bytes of one message. Linux queues a datagram whole, and its default for what a socket may queue is 208 KiB.
pub const MAX_MESSAGE: usize = 160 << 10;

/// Most descriptors in one message; Linux' own limit is 253.
pub const MAX_DESCRIPTORS: usize = 128;

/// One end of a socket pair.
#[derive(Debug)]
pub struct Channel(OwnedFd);

/// Why a message could not be sent or received.
#[derive(Debug, Error)]
pub enum ChannelError {
    /// The other side has gone.
    #[error("the other side closed the connection")]
    Closed,
    /// The socket failed.
    #[error("cannot {doing} a message")]
    Socket {
        /// `send`, `receive`.
        doing: &'static str,
        /// Why.
        source: io::Error,
    },
    /// More than fits.
    #[error("a message is larger than {MAX_MESSAGE} bytes or has more than {MAX_DESCRIPTORS} descriptors")]
    TooLarge,
    /// It is not what was expected.
    #[error("a message cannot be understood: {0}")]
    Nonsense(#[from] serde_json::Error),
    /// Another number of descriptors than the message has.
    #[error("a message came with {found} descriptors, but {expected} were expected")]
    Descriptors {
        /// How many came.
        found: usize,
        /// How many belong to it.
        expected: usize,
    },
}

impl Channel {
    /// Two ends, both closed on exec.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) =
            rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Self(one), Self(other)))
    }

    /// One more descriptor for the same end.
    pub fn duplicate(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    /// Sends one message.
    pub fn send(&self, message: &impl Serialize, descriptors: &[BorrowedFd<'_>]) -> Result<(), ChannelError> {
        let bytes = serde_json::to_vec(message)?;
        if bytes.len() > MAX_MESSAGE || descriptors.len() > MAX_DESCRIPTORS {
            return Err(ChannelError::TooLarge);
        }
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
            return Err(ChannelError::TooLarge);
        }
        loop {
            match rustix::net::sendmsg(&self.0, &[IoSlice::new(&bytes)], &mut ancillary, SendFlags::NOSIGNAL) {
                Ok(_) => return Ok(()),
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::PIPE | rustix::io::Errno::CONNRESET) => return Err(ChannelError::Closed),
                Err(error) => return Err(ChannelError::Socket { doing: "send", source: error.into() }),
            }
        }
    }

    /// Waits for one message.
    pub fn receive<Message: DeserializeOwned>(&self) -> Result<(Message, Vec<OwnedFd>), ChannelError> {
        let mut buffer = vec![0_u8; MAX_MESSAGE + 1];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut reset = false;
        let received = loop {
            let into = &mut [IoSliceMut::new(&mut buffer)];
            match rustix::net::recvmsg(&self.0, into, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
                Ok(received) => break received,
                Err(rustix::io::Errno::INTR) => {}
                // The other side has gone without reading all that we sent. Its own last words are behind this
                // error, which is told once.
                Err(rustix::io::Errno::CONNRESET) if !reset => reset = true,
                Err(rustix::io::Errno::CONNRESET) => return Err(ChannelError::Closed),
                Err(error) => return Err(ChannelError::Socket { doing: "receive", source: error.into() }),
            }
        };
        // Taken out first: what is not wanted is closed by being dropped.
        let descriptors: Vec<OwnedFd> = ancillary
            .drain()
            .filter_map(|message| match message {
                RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
                _ => None,
            })
            .flatten()
            .collect();
        if received.bytes == 0 {
            // No message of ours is empty, and the end of a SEQPACKET socket reads as an empty one.
            return Err(ChannelError::Closed);
        }
        if received.bytes > MAX_MESSAGE || received.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
            return Err(ChannelError::TooLarge);
        }
        Ok((serde_json::from_slice(&buffer[..received.bytes])?, descriptors))
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl From<OwnedFd> for Channel {
    fn from(descriptor: OwnedFd) -> Self {
        Self(descriptor)
    }
}

impl From<Channel> for OwnedFd {
    fn from(channel: Channel) -> Self {
        channel.0
    }
}

/// The descriptors of a message, when they must be exactly so many.
pub fn exactly<const COUNT: usize>(descriptors: Vec<OwnedFd>) -> Result<[OwnedFd; COUNT], ChannelError> {
    let found = descriptors.len();
    descriptors.try_into().map_err(|_| ChannelError::Descriptors { found, expected: COUNT })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_arrives_with_its_descriptors() {
        let (one, other) = Channel::pair().unwrap();
        let file = std::fs::File::open("/dev/null").unwrap();
        one.send(&"hello", &[file.as_fd(), file.as_fd()]).unwrap();
        let (message, descriptors): (String, _) = other.receive().unwrap();
        assert_eq!((message.as_str(), descriptors.len()), ("hello", 2));
    }

    #[test]
    fn an_end_that_is_gone_is_told_from_nonsense() {
        let (one, other) = Channel::pair().unwrap();
        one.send(&17, &[]).unwrap();
        assert!(matches!(other.receive::<String>(), Err(ChannelError::Nonsense(_))));
        drop(one);
        assert!(matches!(other.receive::<String>(), Err(ChannelError::Closed)));
    }

    #[test]
    fn last_words_are_heard_though_ours_were_not() {
        let (one, other) = Channel::pair().unwrap();
        one.send(&"never read", &[]).unwrap();
        other.send(&"last words", &[]).unwrap();
        drop(other);
        assert_eq!(one.receive::<String>().unwrap().0, "last words");
        assert!(matches!(one.receive::<String>(), Err(ChannelError::Closed)));
    }

    #[test]
    fn a_message_that_is_too_large_is_refused_on_both_sides() {
        let (one, other) = Channel::pair().unwrap();
        assert!(matches!(one.send(&"x".repeat(MAX_MESSAGE), &[]), Err(ChannelError::TooLarge)));
        rustix::net::send(&one, &vec![b' '; MAX_MESSAGE + 1], SendFlags::empty()).unwrap();
        assert!(matches!(other.receive::<String>(), Err(ChannelError::TooLarge)));
    }
}
