//! A container, from its making to its end.

use std::fs::File;
use std::os::fd::OwnedFd;

use super::BrokerError;
use crate::channel::{Channel, ChannelError, exactly};
use crate::protocol::{ContainerRequest, Exit, Range, ShimAnswer, ShimRequest, TerminalSize};

/// A container that was made. When this and its [`Controls`] are dropped, it is killed and what is left of it is
/// cleaned away.
#[derive(Debug)]
pub struct Container {
    channel: Channel,
    stdio: Option<Stdio>,
    pid: i32,
    range: Range,
}

/// The container's stdin, stdout and stderr, from outside.
#[derive(Debug)]
pub enum Stdio {
    /// The master of its terminal.
    Terminal(File),
    /// Ends of pipes.
    Pipes {
        /// Where it was asked for. Closing it is the end of the container's stdin.
        stdin: Option<File>,
        /// What it says.
        stdout: File,
        /// What it complains about.
        stderr: File,
    },
}

/// What can be asked of a running container from any thread, while another waits for its end.
#[derive(Debug)]
pub struct Controls(Channel);

impl Container {
    /// Takes what came with [`crate::protocol::Answer::Creating`] and waits until the shim has made everything.
    pub(super) fn receive(request: &ContainerRequest, descriptors: Vec<OwnedFd>) -> Result<Self, BrokerError> {
        let failed = |source| BrokerError::Channel { doing: "making a container", source };
        let (channel, pipes) = if request.terminal.is_some() {
            let [channel] = exactly(descriptors).map_err(failed)?;
            (channel, None)
        } else if request.open_stdin {
            let [channel, input, output, errors] = exactly(descriptors).map_err(failed)?;
            (channel, Some((Some(input.into()), output, errors)))
        } else {
            let [channel, output, errors] = exactly(descriptors).map_err(failed)?;
            (channel, Some((None, output, errors)))
        };
        let channel = Channel::from(channel);
        let (answer, descriptors) = channel.receive::<ShimAnswer>().map_err(failed)?;
        match answer {
            ShimAnswer::Created { pid, range } => {
                let stdio = if let Some((stdin, output, errors)) = pipes {
                    Stdio::Pipes { stdin, stdout: output.into(), stderr: errors.into() }
                } else {
                    let [master] = exactly(descriptors).map_err(failed)?;
                    Stdio::Terminal(master.into())
                };
                Ok(Self { channel, stdio: Some(stdio), pid, range })
            }
            ShimAnswer::Failed { code, reason } => {
                // Only when the channel has ended everything of it is gone.
                let _ = channel.receive::<ShimAnswer>();
                Err(BrokerError::Container { code, reason })
            }
            other => Err(BrokerError::Refused(format!("the shim said {other:?} before the container was made"))),
        }
    }

    /// The host's number of its first process.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// The ids of the host that it has while it runs.
    pub fn range(&self) -> Range {
        self.range
    }

    /// Its stdio; can be taken once.
    pub fn take_stdio(&mut self) -> Option<Stdio> {
        self.stdio.take()
    }

    /// Something to signal and resize it with.
    pub fn controls(&self) -> Result<Controls, BrokerError> {
        let duplicate = self.channel.duplicate();
        duplicate.map(Controls).map_err(|source| BrokerError::Io { doing: "duplicate a container's channel", source })
    }

    /// Runs its process.
    pub fn start(&self) -> Result<(), BrokerError> {
        let failed = |source| BrokerError::Channel { doing: "starting a container", source };
        self.channel.send(&ShimRequest::Start, &[]).map_err(failed)?;
        match self.channel.receive::<ShimAnswer>().map_err(failed)?.0 {
            ShimAnswer::Started => Ok(()),
            ShimAnswer::Failed { code, reason } => {
                let _ = self.channel.receive::<ShimAnswer>();
                Err(BrokerError::Container { code, reason })
            }
            other => Err(BrokerError::Refused(format!("the shim said {other:?} when a container was started"))),
        }
    }

    /// Waits for the end of its process.
    pub fn wait(&self) -> Result<Exit, BrokerError> {
        match self.channel.receive::<ShimAnswer>() {
            Ok((ShimAnswer::Exited(exit), _)) => Ok(exit),
            Ok((ShimAnswer::Failed { code, reason }, _)) => Err(BrokerError::Container { code, reason }),
            Ok((other, _)) => Err(BrokerError::Refused(format!("the shim said {other:?} of a running container"))),
            Err(source) => Err(BrokerError::Channel { doing: "waiting for a container", source }),
        }
    }

    /// Ends it, started or not, and waits until everything of it is gone.
    pub fn give_up(self) {
        // The shim reads the end of the channel, though others may hold this end too.
        if rustix::net::shutdown(&self.channel, rustix::net::Shutdown::Write).is_ok() {
            self.gone();
        }
    }

    /// After [`Container::wait`]: waits until everything of it is gone, and its range is free.
    pub fn gone(self) {
        while !matches!(self.channel.receive::<ShimAnswer>(), Err(ChannelError::Closed | ChannelError::Socket { .. })) {
        }
    }
}

impl Controls {
    /// Sends its process a signal. A container that has ended takes no signal, and that is no error.
    pub fn signal(&self, signal: i32) -> Result<(), BrokerError> {
        self.send(ShimRequest::Signal(signal))
    }

    /// Tells its terminal a new size.
    pub fn resize(&self, size: TerminalSize) -> Result<(), BrokerError> {
        self.send(ShimRequest::Resize(size))
    }

    fn send(&self, request: ShimRequest) -> Result<(), BrokerError> {
        match self.0.send(&request, &[]) {
            Ok(()) | Err(ChannelError::Closed) => Ok(()),
            Err(source) => Err(BrokerError::Channel { doing: "talking to a container", source }),
        }
    }
}
