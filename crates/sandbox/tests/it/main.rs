//! What the sandbox promises, tried for real: as root, with containers that run.

mod house;
mod runs;
