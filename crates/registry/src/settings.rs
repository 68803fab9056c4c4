//! Bounds and patience of the server.

use std::time::Duration;

/// Bounds and patience. The defaults are what `plimsoll up` uses; tests shorten them.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long a manifest's answer waits for its layers to be catalogued.
    pub manifest_wait: Duration,
    /// How long an upload may lie untouched before it is thrown away.
    pub upload_idle: Duration,
    /// How long a request's body may stand still.
    pub body_idle: Duration,
    /// Uploads that may be open at once. Each holds a file, and a thread while it is written; the runtime has 512 of
    /// these, and reading and committing need some, too.
    pub most_uploads: usize,
    /// Layers that are catalogued at once while they arrive. Each holds a thread, as long as its sender likes.
    pub live_cataloguing: usize,
    /// Layers that are catalogued at once from the stored file, for which no sender is waited.
    pub stored_cataloguing: usize,
    /// How often the advisory index is asked whether it is another one.
    pub index_poll: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            manifest_wait: Duration::from_secs(30),
            upload_idle: Duration::from_mins(15),
            body_idle: Duration::from_mins(1),
            most_uploads: 256,
            live_cataloguing: 2 * cores,
            stored_cataloguing: cores,
            index_poll: Duration::from_secs(3),
        }
    }
}
