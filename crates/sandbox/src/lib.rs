//! One container: what is asked of the privileged side, and how to ask it.
//!
//! The path of a request:
//! 1. [`Broker::start`] (still root) starts `plimsoll-sandbox broker` with one end of a socket pair; then its caller
//!    gives up its privileges and keeps the other end.
//! 2. [`Broker::unpack`] hands a plain tar over a pipe to a child in a user namespace, which keeps it as one layer
//!    under the store's own range of ids; the caller says whether the digests matched.
//! 3. [`Broker::create`] makes a container from kept layers. It answers with a channel of the container's own to its
//!    shim, a fresh single-threaded process that runs libcontainer; [`Container`] starts it, signals it, waits for it.
//!
//! Every request is a type of [`protocol`], bounded, versioned and checked again by the side that has the
//! privileges. This library holds requests and client only; what acts on them is the binary beside it, which alone
//! links libcontainer and libseccomp.
//!
//! Specifications: OCI runtime-spec 1.2 (as libcontainer reads it), OCI image-spec 1.1 (whiteouts, user strings).
//! Left out: exec into a running container, networks beyond loopback, named volumes, checkpoints.

pub mod channel;
pub mod client;
pub mod protocol;

pub use client::{Broker, BrokerError, Container, Controls, Stdio, Unpacking};
pub use protocol::{Bind, ContainerId, ContainerRequest, DiffId, Exit, Limits, Range, Settings, TerminalSize};
