//! The shim: one fresh, single-threaded process for each container, from its making to its end.
//!
//! libcontainer clones this process without executing anew, which is safe only where there is one thread
//! (youki-dev/youki#2425); and its mounts are made in a mount namespace of this process' own, so that they are gone
//! with it, however it ends.

mod create;
mod executor;
mod image;
mod mounts;
mod network;
mod seccomp;
mod spec;
mod supervise;
mod user;

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use sandbox::channel::{Channel, ChannelError};
use sandbox::protocol::ShimAnswer;
use sandbox::{ContainerRequest, Range};
use serde::{Deserialize, Serialize};

use crate::{leftovers, ranges};

/// What the broker orders, once. Its descriptors: the daemon's channel, the range's lock, the folder of layers, the
/// folder of the writable layer, the container's ends of its stdio as [`Stdio`] says, and one for each bind.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    /// As the daemon asked, and as the broker has checked.
    pub(crate) request: ContainerRequest,
    /// `/run/plimsoll`.
    pub(crate) run: PathBuf,
    /// Whom files at rest belong to.
    pub(crate) store: Range,
    /// Whom the container's processes are.
    pub(crate) range: Range,
    /// User and group for whom binds act.
    pub(crate) caller: (u32, u32),
    /// Which stdio comes with it.
    pub(crate) stdio: Stdio,
}

/// What a container gets as stdin, stdout and stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Stdio {
    /// A terminal of its own; no descriptors.
    Terminal,
    /// stdin, stdout, stderr.
    Pipes,
    /// stdout, stderr; nothing to read.
    Outputs,
}

/// The order with its descriptors told apart.
#[derive(Debug)]
struct Job {
    order: Order,
    daemon: Channel,
    lock: OwnedFd,
    layers: OwnedFd,
    writable: OwnedFd,
    stdio: Vec<OwnedFd>,
    binds: Vec<OwnedFd>,
}

/// Why a container was not made or started, and docker's exit code for it.
#[derive(Debug)]
struct Failure {
    code: u8,
    reason: String,
}

/// Makes, watches and clears away one container.
pub(crate) fn serve(channel: Channel) -> Result<(), String> {
    let _ = rustix::process::setsid();
    let _ = rustix::thread::set_name(c"plimsoll-shim");
    let (order, descriptors) = channel.receive::<Order>().map_err(|error| format!("no order came: {error}"))?;
    drop(channel);
    let mut job = Job::new(order, descriptors)?;
    let ended = match create::create(&mut job) {
        Ok(created) => supervise::supervise(&job, created),
        Err(failure) => Err(failure),
    };
    let answer = match ended {
        Ok(exit) => ShimAnswer::Exited(exit),
        Err(Failure { code, reason }) => ShimAnswer::Failed { code, reason },
    };
    match job.daemon.send(&answer, &[]) {
        Ok(()) | Err(ChannelError::Closed) => {}
        Err(error) => tracing::warn!("cannot tell the end of a container: {error}"),
    }
    let (run, id) = (job.order.run.as_path(), &job.order.request.id);
    leftovers::remove(run, id).map_err(|error| format!("cannot clean up after container {id}: {error}"))?;
    ranges::release(&job.lock).map_err(|error| format!("cannot free the range of container {id}: {error}"))
}

impl Job {
    fn new(order: Order, descriptors: Vec<OwnedFd>) -> Result<Self, String> {
        let mut descriptors = descriptors.into_iter();
        let mut next = || descriptors.next().ok_or("the order came without its descriptors");
        let (daemon, lock, layers, writable) = (next()?.into(), next()?, next()?, next()?);
        let ends = match order.stdio {
            Stdio::Terminal => 0,
            Stdio::Outputs => 2,
            Stdio::Pipes => 3,
        };
        let stdio = (0..ends).map(|_| next()).collect::<Result<_, _>>()?;
        let binds: Vec<_> = descriptors.collect();
        if binds.len() != order.request.binds.len() {
            return Err("the order came with another number of binds than it names".into());
        }
        Ok(Self { order, daemon, lock, layers, writable, stdio, binds })
    }
}

impl Failure {
    /// Ours: docker's 125.
    fn of(doing: &str, cause: impl std::fmt::Display) -> Self {
        Self { code: 125, reason: format!("cannot {doing}: {cause}") }
    }
}
