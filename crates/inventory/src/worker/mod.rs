//! The sealed worker: a process of its own that parses what others wrote.
//!
//! The server side inflates a layer and walks its tar ([`crate::layer`]); what a cataloguer wants goes over a pipe to
//! one worker a layer, started when the first such member is met, and what the member told comes back over another.
//! Before the worker reads its first byte it has sealed itself ([`seal`]): no descriptor but two pipes and one
//! unlinked file, no capability, no file system, no network, some twenty system calls. Whoever takes it over can
//! spoil the record of the layer that he wrote himself, and nothing else; what it answers is checked like any other
//! untrusted input. A worker that dies, hangs or answers nonsense costs the files that it was asked about, and its
//! layer's record says so.
//!
//! [`protocol`] is what goes over the pipes, [`Launcher`] how to start a worker, [`serve`] the worker's own loop.

mod client;
mod launcher;
mod process;
pub mod protocol;
pub mod seal;
mod serve;
mod spool;

pub use client::{Answers, Worker};
pub use launcher::{Launcher, WorkerError};
pub use serve::{answer, serve};
pub(crate) use spool::Room;

use std::time::Duration;

/// What a worker may cost before it is given up.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Longest wait for any sign of life while something was asked.
    pub silence: Duration,
    /// Longest sum of all waits for the workers of one layer. Time in which the walk itself is busy does not count.
    pub patience: Duration,
    /// Workers that are started anew after the first one of a layer failed.
    pub restarts: usize,
    /// Members larger than this go through the unlinked file, not the pipe; both sides hold less than it in memory.
    pub in_memory: u64,
    /// Bytes of large members that may lie in the unlinked file at once; for more the walk waits for the worker. One
    /// member alone may be larger.
    pub in_file: u64,
    /// Most bytes of one answer.
    pub answer_bytes: usize,
    /// Most bytes of all answers of one layer.
    pub layer_bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            silence: Duration::from_mins(1),
            patience: Duration::from_mins(5),
            restarts: 3,
            in_memory: protocol::IN_MEMORY,
            in_file: 1 << 30,
            answer_bytes: 16 << 20,
            layer_bytes: 32 << 20,
        }
    }
}
