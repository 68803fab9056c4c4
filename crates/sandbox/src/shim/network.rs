//! The container's network namespace: loopback, and nothing else.

use std::io;

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, WaitOptions};
use rustix::thread::LinkNameSpaceType;

use super::Failure;
use crate::system;

/// What programs in a container expect to be allowed, as docker sets it: ports below 1024 and ICMP echo sockets
/// for every user, in this network namespace only.
const SETTINGS: [(&str, &str); 2] =
    [("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0"), ("/proc/sys/net/ipv4/ping_group_range", "0 65535")];

/// Brings loopback up in the network namespace of a container's first process, which waits to be started.
pub(super) fn prepare(process: Pid) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::of("bring the container's loopback interface up", error);
    let path = format!("/proc/{}/ns/net", process.as_raw_nonzero());
    let namespace = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
    let namespace = namespace.map_err(|error| failed(error.into()))?;
    // In a child, since this process is to stay where it is.
    let child = system::fork(|| {
        let entered = rustix::thread::move_into_link_name_space(
            std::os::fd::AsFd::as_fd(&namespace),
            Some(LinkNameSpaceType::Network),
        );
        let up = entered.map_err(io::Error::from).and_then(|()| system::loopback_up());
        for (path, value) in SETTINGS {
            // Older kernels lack one or the other; a container works without.
            let _ = std::fs::write(path, value);
        }
        u8::from(up.is_err())
    });
    let (_, status) = child
        .and_then(|child| Ok(rustix::process::waitpid(Some(child), WaitOptions::empty())?))
        .map_err(failed)?
        .ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
    if status.exit_status() == Some(0) { Ok(()) } else { Err(failed(io::ErrorKind::PermissionDenied.into())) }
}
