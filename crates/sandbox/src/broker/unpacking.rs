//! One layer on its way into the store.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::Child;

use rustix::event::{PollFd, PollFlags};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::Pid;
use sandbox::channel::{Channel, ChannelError};
use sandbox::protocol::{UnpackAnswer, UnpackRequest, Unpacked};
use sandbox::{DiffId, Range};

use super::program::Program;
use crate::store::{Incoming, LayerStore};
use crate::unpack::{ChildAnswer, ChildRequest};
use crate::user_namespace::{Mapping, write_maps};

/// Two ends: the daemon's channel, which says whether it is to be kept, and the child's, which says whether it was
/// unpacked.
#[derive(Debug)]
pub(super) struct Unpacking<'store> {
    layer: DiffId,
    incoming: Option<Incoming<'store>>,
    daemon: Channel,
    child: Process,
    kept_by_daemon: bool,
    unpacked: Option<Unpacked>,
}

/// The child, killed and reaped when this is dropped.
#[derive(Debug)]
struct Process {
    child: Child,
    channel: Channel,
}

impl Process {
    /// How it ended. One that has closed its channel, or talks nonsense, and lives on is killed: whoever took it over
    /// must not make this process, on which all layers and containers depend, wait for it.
    fn end(&mut self) -> String {
        // Changes nothing where it is ending by itself.
        let _ = self.child.kill();
        self.child.wait().map_or_else(|error| error.to_string(), |status| status.to_string())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl<'store> Unpacking<'store> {
    /// Starts the child; gives the daemon's end of the channel and the pipe that wants the tar.
    pub(super) fn start(
        store: &'store LayerStore,
        program: &Program,
        owner: Range,
        layer: DiffId,
    ) -> io::Result<(Self, OwnedFd, OwnedFd)> {
        let incoming = store.receive(owner)?;
        let (daemon, theirs) = Channel::pair()?;
        let (tar, pipe) = pipe_with(PipeFlags::CLOEXEC)?;
        // Fewer changes between the two processes; where the limit is lower it stays as it is.
        let _ = rustix::pipe::fcntl_setpipe_size(&pipe, 1 << 20);
        let (channel, child_channel) = Channel::pair()?;
        let child = Process { child: program.start("unpack", child_channel)?, channel };
        let failed = |error: ChannelError| io::Error::other(format!("its process ended at once: {error}"));
        child.channel.send(&ChildRequest::Begin, &[tar.as_fd(), incoming.folder()]).map_err(failed)?;
        match child.channel.receive().map_err(failed)?.0 {
            ChildAnswer::WantsMaps => {}
            ChildAnswer::Failed { reason } => return Err(io::Error::other(reason)),
            ChildAnswer::Unpacked(_) => return Err(io::Error::other("its process answered out of turn")),
        }
        let process = i32::try_from(child.child.id()).ok().and_then(Pid::from_raw);
        let process = process.ok_or_else(|| io::Error::other("its process has an impossible number"))?;
        let map = Mapping { inside: 0, outside: owner.first, count: owner.count };
        write_maps(process, map, map)?;
        child.channel.send(&ChildRequest::Mapped, &[]).map_err(failed)?;
        let unpacking = Self { layer, incoming: Some(incoming), daemon, child, kept_by_daemon: false, unpacked: None };
        Ok((unpacking, theirs.into(), pipe))
    }

    /// What to wait for: the daemon's word (its going away too), and the child's until it has spoken.
    pub(super) fn watched(&self) -> Vec<BorrowedFd<'_>> {
        let child = self.unpacked.is_none().then(|| self.child.channel.as_fd());
        [self.daemon.as_fd()].into_iter().chain(child).collect()
    }

    /// Goes on after one of them is ready; true when it is over.
    pub(super) fn advance(&mut self) -> bool {
        if self.unpacked.is_none() && is_ready(&self.child.channel) {
            match self.hear_child() {
                Ok(unpacked) => self.unpacked = Some(unpacked),
                Err(reason) => return self.tell(&UnpackAnswer::Failed { reason }),
            }
        }
        if !self.kept_by_daemon && is_ready(&self.daemon) {
            match self.daemon.receive::<UnpackRequest>() {
                Ok((UnpackRequest::Keep, _)) => self.kept_by_daemon = true,
                // It has gone, or says what it should not: not kept.
                Err(_) => return true,
            }
        }
        let Some(unpacked) = self.unpacked.filter(|_| self.kept_by_daemon) else { return false };
        let layer = &self.layer;
        let kept = self.incoming.take().map_or(Ok(()), |incoming| incoming.keep(layer));
        let answer = match kept {
            Ok(()) => UnpackAnswer::Kept(unpacked),
            Err(error) => UnpackAnswer::Failed { reason: format!("cannot keep layer {layer}: {error}") },
        };
        self.tell(&answer)
    }

    /// Tells the daemon how it ended. One that has gone meanwhile misses nothing: the layer is there when it looks.
    fn tell(&self, answer: &UnpackAnswer) -> bool {
        let _ = self.daemon.send(answer, &[]);
        true
    }

    fn hear_child(&mut self) -> Result<Unpacked, String> {
        let layer = &self.layer;
        match self.child.channel.receive() {
            Ok((ChildAnswer::Unpacked(unpacked), _)) => Ok(unpacked),
            Ok((ChildAnswer::Failed { reason }, _)) => Err(format!("cannot unpack layer {layer}: {reason}")),
            Ok((ChildAnswer::WantsMaps, _)) => Err(format!("unpacking layer {layer} went out of turn")),
            Err(_) => Err(format!("unpacking layer {layer} ended without a word ({})", self.child.end())),
        }
    }
}

/// Whether something can be received, or the other side has gone.
fn is_ready(channel: &Channel) -> bool {
    let mut watched = [PollFd::new(channel, PollFlags::IN)];
    let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
    rustix::event::poll(&mut watched, Some(&now)).is_ok_and(|ready| ready > 0)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_child_that_closes_its_channel_and_lives_on_is_not_waited_for() {
        let (channel, _) = Channel::pair().unwrap();
        let begun = std::time::Instant::now();
        let mut process = Process { child: Command::new("sleep").arg("30").spawn().unwrap(), channel };
        assert!(process.end().contains("signal: 9"));
        assert!(begun.elapsed().as_secs() < 20);
    }

    #[test]
    fn a_child_that_ended_by_itself_says_how() {
        let (channel, _) = Channel::pair().unwrap();
        let mut child = Command::new("sh").args(["-c", "exit 7"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
        let mut ended = child.stdout.take().unwrap();
        io::copy(&mut ended, &mut io::sink()).unwrap();
        assert_eq!(Process { child, channel }.end(), "exit status: 7");
    }
}
