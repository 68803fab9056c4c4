//! Unpacking a layer: the only part that reads a tar, and so the one with the least.
//!
//! A process in user, mount, network, ipc and uts namespaces of its own, mapped to the store's range: what it makes
//! belongs to the store, and whoever takes it over through its parser is a user that owns nothing else. It sees one
//! folder (landlock), reaches it by descriptor only (openat2), and makes no other system call than it needs
//! (seccomp).

mod layer;
mod place;
mod plain;
mod seal;

use std::fs::File;

use rustix::thread::UnshareFlags;
use sandbox::channel::{Channel, ChannelError, exactly};
use sandbox::protocol::Unpacked;
use serde::{Deserialize, Serialize};

use crate::system;

/// What the broker says.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum ChildRequest {
    /// With the pipe of the tar and the folder to unpack into.
    Begin,
    /// The user namespace's maps are written.
    Mapped,
}

/// What the child says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum ChildAnswer {
    /// It is in its user namespace.
    WantsMaps,
    /// The tar is unpacked to its end.
    Unpacked(Unpacked),
    /// It is not, because.
    Failed { reason: String },
}

/// Unpacks one layer.
pub(crate) fn serve(channel: &Channel) -> Result<(), String> {
    let result = unpack(channel);
    let answer = match result {
        Ok(unpacked) => ChildAnswer::Unpacked(unpacked),
        Err(reason) => ChildAnswer::Failed { reason },
    };
    match channel.send(&answer, &[]) {
        // Given up meanwhile: nobody wants to know.
        Ok(()) | Err(ChannelError::Closed) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

fn unpack(channel: &Channel) -> Result<Unpacked, String> {
    let _ = rustix::thread::set_name(c"plimsoll-unpack");
    // Should the broker be killed, nobody would want the layer any more.
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .map_err(|error| format!("cannot be bound to the broker: {error}"))?;
    let (ChildRequest::Begin, descriptors) = channel.receive().map_err(|error| error.to_string())? else {
        return Err("the broker spoke out of turn".into());
    };
    let [tar, folder] = exactly(descriptors).map_err(|error| error.to_string())?;
    let namespaces = UnshareFlags::NEWUSER
        | UnshareFlags::NEWNS
        | UnshareFlags::NEWNET
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWUTS;
    system::unshare(namespaces).map_err(|error| format!("cannot make a user namespace: {error}"))?;
    channel.send(&ChildAnswer::WantsMaps, &[]).map_err(|error| error.to_string())?;
    let (ChildRequest::Mapped, _) = channel.receive().map_err(|error| error.to_string())? else {
        return Err("the broker spoke out of turn".into());
    };
    seal::seal(&folder).map_err(|error| format!("cannot give up what unpacking does not need: {error}"))?;
    layer::unpack(File::from(tar), &folder)
}
