//! The connection to the broker.

use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio as ProcessStdio};
use std::sync::{Mutex, PoisonError};

use super::container::Container;
use super::unpacking::Unpacking;
use super::{BrokerError, program};
use crate::channel::{Channel, exactly};
use crate::protocol::{Answer, ContainerId, ContainerRequest, DiffId, Request, Settings, VERSION};

/// Variables that the broker keeps: who `sudo` was called by, and how much is to be logged.
const VARIABLES: [&str; 3] = ["SUDO_UID", "SUDO_GID", "PLIMSOLL_LOG"];

/// The privileged side, started by this process while it was root. When this is dropped, the broker ends, and with
/// it every container that it made.
#[derive(Debug)]
pub struct Broker {
    /// One request at a time; what takes long has a channel of its own.
    channel: Mutex<Option<Channel>>,
    child: Mutex<Child>,
}

impl Broker {
    /// Starts `plimsoll-sandbox broker`, with privileges. Call it as root and before giving them up; what it
    /// returns works for any user from then on.
    ///
    /// The broker knows who asks for binds from what it inherits here: the user who called `sudo`, else root.
    pub fn start(settings: &Settings) -> Result<Self, BrokerError> {
        if !rustix::process::geteuid().is_root() {
            return Err(BrokerError::NotRoot);
        }
        Self::start_program(&program::find()?, settings)
    }

    /// As [`Broker::start`], with a program that the caller vouches for: it is executed as root.
    pub fn start_program(path: &Path, settings: &Settings) -> Result<Self, BrokerError> {
        let (ours, theirs) =
            Channel::pair().map_err(|source| BrokerError::Io { doing: "make a socket pair", source })?;
        let mut command = Command::new(path);
        command.arg("broker").env_clear().current_dir("/");
        for name in VARIABLES {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        // Ctrl-C at the terminal is for the container, as this process decides; not for the broker.
        command.process_group(0);
        let child = command
            .stdin(ProcessStdio::from(OwnedFd::from(theirs)))
            .stdout(ProcessStdio::null())
            .spawn()
            .map_err(|source| BrokerError::Start { path: path.to_owned(), source })?;
        drop(command);
        let broker = Self { channel: Mutex::new(Some(ours)), child: Mutex::new(child) };
        let hello = Request::Hello { version: VERSION, settings: settings.clone() };
        match broker.ask(&hello, "greeting it")? {
            (Answer::Welcome { .. }, _) => Ok(broker),
            (answer, _) => Err(unexpected(&answer)),
        }
    }

    /// The process number of the broker.
    pub fn pid(&self) -> u32 {
        self.child.lock().unwrap_or_else(PoisonError::into_inner).id()
    }

    /// Which of these layers are kept already, in their order.
    pub fn layers(&self, diff_ids: &[DiffId]) -> Result<Vec<bool>, BrokerError> {
        match self.ask(&Request::Layers { diff_ids: diff_ids.to_vec() }, "asking for layers")? {
            (Answer::Layers { kept }, _) if kept.len() == diff_ids.len() => Ok(kept),
            (answer, _) => Err(unexpected(&answer)),
        }
    }

    /// Takes a layer in: write the plain tar into what is returned, then [`Unpacking::keep`] it.
    pub fn unpack(&self, diff_id: &DiffId) -> Result<Unpacking, BrokerError> {
        match self.ask(&Request::Unpack { diff_id: diff_id.clone() }, "taking a layer in")? {
            (Answer::Unpacking, descriptors) => {
                let [channel, pipe] = exactly(descriptors)
                    .map_err(|source| BrokerError::Channel { doing: "taking a layer in", source })?;
                Ok(Unpacking::new(channel.into(), pipe))
            }
            (answer, _) => Err(unexpected(&answer)),
        }
    }

    /// Makes a container; its process waits for [`Container::start`].
    pub fn create(&self, container: &ContainerRequest) -> Result<Container, BrokerError> {
        container.check()?;
        match self.ask(&Request::Create { container: Box::new(container.clone()) }, "making a container")? {
            (Answer::Creating, descriptors) => Container::receive(container, descriptors),
            (answer, _) => Err(unexpected(&answer)),
        }
    }

    /// Deletes the writable layer of a container that was kept after its end.
    pub fn remove(&self, id: &ContainerId) -> Result<(), BrokerError> {
        match self.ask(&Request::Remove { id: id.clone() }, "removing a container")? {
            (Answer::Removed, _) => Ok(()),
            (answer, _) => Err(unexpected(&answer)),
        }
    }

    /// One request, one answer.
    fn ask(&self, request: &Request, doing: &'static str) -> Result<(Answer, Vec<OwnedFd>), BrokerError> {
        let failed = |source| BrokerError::Channel { doing, source };
        let guard = self.channel.lock().unwrap_or_else(PoisonError::into_inner);
        let channel = guard.as_ref().ok_or_else(|| failed(crate::channel::ChannelError::Closed))?;
        channel.send(request, &[]).map_err(failed)?;
        match channel.receive::<Answer>().map_err(failed)? {
            (Answer::Refused { reason }, _) => Err(BrokerError::Refused(reason)),
            answer => Ok(answer),
        }
    }
}

impl Drop for Broker {
    /// Closes the connection and waits until the broker has cleaned up and gone, so that nothing is left when this
    /// program ends.
    fn drop(&mut self) {
        self.channel.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        // A broker that was killed is reaped here too; there is nobody left to tell of an error.
        let _ = self.child.get_mut().unwrap_or_else(PoisonError::into_inner).wait();
    }
}

/// An answer to another question. Cannot come from a broker of the same build.
fn unexpected(answer: &Answer) -> BrokerError {
    BrokerError::Refused(format!(
        "the sandbox's privileged part gave an answer that does not belong to the request ({answer:?}); \
         are plimsoll and plimsoll-sandbox from the same build?"
    ))
}
