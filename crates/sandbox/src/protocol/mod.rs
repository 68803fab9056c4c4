//! What is asked and answered, and within which bounds.
//!
//! Messages are JSON in one datagram of a SEQPACKET socket each ([`crate::channel`]); unknown fields are refused,
//! so that a request never means less to its reader than to its writer.

mod container;
mod names;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use container::{Bind, ContainerRequest, Exit, Limits, Range, RequestError, ShimAnswer, ShimRequest, TerminalSize};
pub use names::{ContainerId, DiffId, NameError};

/// The version of this protocol. Both sides come from one build; another version is refused, not translated.
pub const VERSION: u32 = 1;

/// Most layers of one container: overlayfs stacks 500 at most.
pub const MAX_LAYERS: usize = 500;

/// Most folders and files of the host in one container.
pub const MAX_BINDS: usize = 64;

/// Where the privileged side keeps what it needs. Sent once, as the first message, by the process that started
/// the broker and was root then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The data folder. Its `sandbox` folder is made by the broker and belongs to root.
    pub data: PathBuf,
    /// The user whose line in `/etc/subuid` and `/etc/subgid` the ranges are taken from.
    pub subordinate_user: String,
    /// Where the state of running containers is: `/run/plimsoll`. Made by the broker, of mode 0711.
    pub run: PathBuf,
    /// The files and folders of the host that the caller named. No container gets others: the daemon, which parses
    /// what comes from outside, cannot ask for more in the caller's name.
    pub binds: Vec<Bind>,
}

impl Settings {
    /// The settings that hold for a data folder when nothing else is said.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self { data: data.into(), subordinate_user: "plimsoll".into(), run: "/run/plimsoll".into(), binds: Vec::new() }
    }
}

/// What the daemon may ask of the broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Request {
    /// The first message of a connection, and only the first.
    Hello {
        /// [`VERSION`].
        version: u32,
        /// Where things are.
        settings: Settings,
    },
    /// Which of these layers are kept already?
    Layers {
        /// At most [`MAX_LAYERS`].
        diff_ids: Vec<DiffId>,
    },
    /// Take a layer in. Answered with [`Answer::Unpacking`] and two descriptors: a channel for
    /// [`UnpackRequest`] and the pipe that wants the plain tar.
    Unpack {
        /// The name that it gets once the daemon has said that its digests matched.
        diff_id: DiffId,
    },
    /// Make a container. Answered with [`Answer::Creating`] and descriptors: a channel for [`ShimRequest`] and,
    /// where no terminal was asked for, the ends of pipes to its stdin (where open), stdout and stderr.
    Create {
        /// What is to be run.
        container: Box<ContainerRequest>,
    },
    /// Delete the writable layer of a container that was kept after its end.
    Remove {
        /// Which.
        id: ContainerId,
    },
}

/// What the broker answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Answer {
    /// To [`Request::Hello`].
    Welcome {
        /// [`VERSION`].
        version: u32,
    },
    /// To [`Request::Layers`], in its order.
    Layers {
        /// Whether each is kept.
        kept: Vec<bool>,
    },
    /// To [`Request::Unpack`].
    Unpacking,
    /// To [`Request::Create`]: the shim is at it and tells more on its own channel.
    Creating,
    /// To [`Request::Remove`].
    Removed,
    /// To anything: it was not done.
    Refused {
        /// What was being done, what was found, and what to do now.
        reason: String,
    },
}

/// What the daemon says of a layer that it feeds, on the channel of that layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum UnpackRequest {
    /// Blob digest and diff id matched: keep it. Anything else, the end of the channel too, discards it.
    Keep,
}

/// What the broker answers on the channel of a layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum UnpackAnswer {
    /// It is kept, and synced.
    Kept(Unpacked),
    /// It was not unpacked, or could not be kept.
    Failed {
        /// What was being done, to which member, and what was found.
        reason: String,
    },
}

/// What was made of a layer's tar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unpacked {
    /// Members read.
    pub entries: u64,
    /// Device nodes, which are left out.
    pub devices_left_out: u64,
    /// Extended attributes that the file system or the user namespace did not take, or that are not the image's
    /// to set.
    pub attributes_left_out: u64,
}
