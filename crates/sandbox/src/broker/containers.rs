//! Containers that were made over this connection.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::process::Child;

use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags};
use sandbox::channel::Channel;
use sandbox::protocol::ShimAnswer;
use sandbox::{ContainerId, ContainerRequest};

use super::{House, binds};
use crate::leftovers::{self, Note};
use crate::ranges::{self, Held};
use crate::shim::{Order, Stdio};
use crate::store::LayerStore;

/// One container with its shim.
#[derive(Debug)]
pub(super) struct Running {
    id: ContainerId,
    shim: Child,
    /// Readable when the shim has ended.
    ended: OwnedFd,
    /// The shim's end of the daemon's channel, once more: the daemon sees the end of its channel only when this is
    /// dropped, after everything of the container is gone.
    daemon: Channel,
    range: Held,
}

impl House {
    /// Starts a shim for a container. Gives it and the descriptors that the daemon gets.
    pub(super) fn create(
        &self,
        store: &LayerStore,
        request: &ContainerRequest,
    ) -> Result<(Running, Vec<OwnedFd>), String> {
        request.check().map_err(|error| error.to_string())?;
        for layer in &request.layers {
            match store.has(layer) {
                Ok(true) => {}
                Ok(false) => return Err(format!("layer {layer} is not kept here; pull the image again")),
                Err(error) => return Err(format!("cannot look for layer {layer}: {error}")),
            }
        }
        let sources = request
            .binds
            .iter()
            .map(|bind| binds::open(bind, &self.caller, &self.settings))
            .collect::<Result<Vec<_>, _>>()?;
        let (id, run) = (&request.id, self.settings.run.as_path());
        if leftovers::folder(run, id).exists() || store.has_container(id) {
            return Err(format!("there is a container {id} already"));
        }
        if let Some(name) = &request.name {
            let named = leftovers::named(run, name).map_err(|error| format!("cannot look for names: {error}"))?;
            if let Some(other) = named {
                return Err(format!(
                    "the name {name:?} is in use by container {other}; choose another, or stop that one"
                ));
            }
        }
        let stale = |id: &ContainerId| leftovers::remove_stale(run, id);
        let range = self.blocks.hold(&self.locks, id, stale).map_err(|error| error.to_string())?;
        let started = self.start(store, request, &sources, &range);
        match started {
            Ok((shim, ended, daemon, theirs)) => Ok((Running { id: id.clone(), shim, ended, daemon, range }, theirs)),
            Err(error) => {
                // Its note, where one was written, may say to keep the writable layer; nothing was written to it.
                let _ = store.remove_container(id);
                release(run, id, &range);
                Err(format!("cannot make container {id}: {error}"))
            }
        }
    }

    fn start(
        &self,
        store: &LayerStore,
        request: &ContainerRequest,
        sources: &[OwnedFd],
        range: &Held,
    ) -> io::Result<(Child, OwnedFd, Channel, Vec<OwnedFd>)> {
        let id = &request.id;
        let note = Note { data: self.settings.data.clone(), remove: request.remove, name: request.name.clone() };
        leftovers::announce(&self.settings.run, id, &note)?;
        let writable = store.make_container(id, self.blocks.store())?;
        let (daemon, theirs) = Channel::pair()?;
        let (stdio, ours, mut outside) = pipes(request, range)?;
        let order = Order {
            request: request.clone(),
            run: self.settings.run.clone(),
            store: self.blocks.store(),
            range: range.range,
            caller: (self.caller.uid, self.caller.gid),
            stdio,
        };
        let mut descriptors = vec![daemon.as_fd(), range.lock.as_fd(), store.layers(), writable.as_fd()];
        descriptors.extend(ours.iter().map(AsFd::as_fd));
        descriptors.extend(sources.iter().map(AsFd::as_fd));
        let (channel, shims) = Channel::pair()?;
        let mut shim = self.program.start("shim", shims)?;
        let sent = channel.send(&order, &descriptors).map_err(io::Error::other);
        let ended = sent.and_then(|()| {
            let process = i32::try_from(shim.id()).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidData)?;
            Ok(rustix::process::pidfd_open(process, PidfdFlags::empty())?)
        });
        match ended {
            Ok(ended) => {
                let mut descriptors = vec![OwnedFd::from(theirs)];
                descriptors.append(&mut outside);
                Ok((shim, ended, daemon, descriptors))
            }
            Err(error) => {
                let _ = shim.kill();
                let _ = shim.wait();
                Err(error)
            }
        }
    }
}

impl Running {
    pub(super) fn id(&self) -> &ContainerId {
        &self.id
    }

    /// Readable when the shim has ended.
    pub(super) fn watched(&self) -> BorrowedFd<'_> {
        self.ended.as_fd()
    }

    /// Whether the shim has ended.
    pub(super) fn has_ended(&self) -> bool {
        let mut watched = [rustix::event::PollFd::new(&self.ended, rustix::event::PollFlags::IN)];
        let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        rustix::event::poll(&mut watched, Some(&now)).is_ok_and(|ready| ready > 0)
    }

    /// After the shim has ended: takes away what it left, frees the range, and ends the daemon's channel.
    pub(super) fn finish(mut self, run: &Path) {
        let status = self.shim.wait();
        let crashed = !status.as_ref().is_ok_and(std::process::ExitStatus::success);
        release(run, &self.id, &self.range);
        if crashed {
            let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
            let reason = format!("the process that watched container {} ended by itself ({status})", self.id);
            // Unless the shim itself has said more already; a daemon that has gone hears nothing.
            let _ = self.daemon.send(&ShimAnswer::Failed { code: 125, reason }, &[]);
        }
    }

    /// The daemon has gone: ends the channel in its name, which the shim takes for the end of the container. A shim
    /// that does not is killed.
    pub(super) fn abandon(self, run: &Path) {
        // Fails where both ends are closed already, which says the same.
        let _ = rustix::net::shutdown(&self.daemon, rustix::net::Shutdown::Read);
        let patience = rustix::event::Timespec { tv_sec: 15, tv_nsec: 0 };
        let mut watched = [rustix::event::PollFd::new(&self.ended, rustix::event::PollFlags::IN)];
        if !rustix::event::poll(&mut watched, Some(&patience)).is_ok_and(|ready| ready > 0) {
            let _ = rustix::process::pidfd_send_signal(&self.ended, rustix::process::Signal::KILL);
        }
        self.finish(run);
    }
}

/// Takes away what is left of a container, and frees its range only when nothing is.
fn release(run: &Path, id: &ContainerId, range: &Held) {
    if leftovers::remove_stale(run, id)
        && let Err(error) = ranges::release(&range.lock)
    {
        tracing::warn!("cannot free the range of container {id}: {error}");
    }
}

/// Pipes for a container without a terminal: which there are, its ends, and the daemon's ends in the order of the
/// protocol. Its ends belong to its root, so that it can open `/dev/stdout` anew; no file of the host is inherited.
fn pipes(request: &ContainerRequest, range: &Held) -> io::Result<(Stdio, Vec<OwnedFd>, Vec<OwnedFd>)> {
    if request.terminal.is_some() {
        return Ok((Stdio::Terminal, Vec::new(), Vec::new()));
    }
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    if request.open_stdin {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
        inside.push(read);
        outside.push(write);
    }
    for _output in 0..2 {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
        inside.push(write);
        outside.push(read);
    }
    for end in &inside {
        crate::system::give(end, range.range.first, range.range.first)?;
    }
    let stdio = if request.open_stdin { Stdio::Pipes } else { Stdio::Outputs };
    Ok((stdio, inside, outside))
}
