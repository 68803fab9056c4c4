//! How patient a client is, and what it trusts.

use std::path::PathBuf;
use std::time::Duration;

use super::Proxies;

/// How patient a client is, and what it trusts. The default is right for people; tests shorten the times.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the client calls itself.
    pub user_agent: String,
    /// Longest wait for a connection, TLS included.
    pub connect_timeout: Duration,
    /// Longest wait for an answer's first byte. A registry may hold back a manifest's answer while it scans.
    pub answer_timeout: Duration,
    /// Longest time in which not one byte comes or goes.
    pub stall_timeout: Duration,
    /// Longest time for a whole small answer (manifests, tokens, lists), however busily it drips.
    pub small_timeout: Duration,
    /// How often a request that may be repeated is made at most, the first time included; likewise how often a blob is
    /// taken up again without a byte of progress.
    pub attempts: u32,
    /// The pause before the second repetition; each further one is twice as long. The first comes at once.
    pub backoff: Duration,
    /// Registries (`HOST[:PORT]`) for which, as for loopback, any certificate or plain HTTP will do.
    pub insecure_registries: Vec<String>,
    /// Proxies.
    pub proxies: Proxies,
    /// Folders with a folder per registry that holds its CA (`*.crt`) and client certificates, as docker's `certs.d`.
    pub certificate_folders: Vec<PathBuf>,
}

impl Default for Settings {
    /// Proxies come from the environment, certificates from where docker keeps them.
    fn default() -> Self {
        Self {
            user_agent: concat!("plimsoll/", env!("CARGO_PKG_VERSION")).into(),
            connect_timeout: Duration::from_secs(30),
            answer_timeout: Duration::from_secs(90),
            stall_timeout: Duration::from_secs(30),
            small_timeout: Duration::from_mins(5),
            attempts: 4,
            backoff: Duration::from_millis(500),
            insecure_registries: Vec::new(),
            proxies: Proxies::from_environment(),
            certificate_folders: vec!["/etc/docker/certs.d".into()],
        }
    }
}
