//! The client of an OCI registry (OCI distribution-spec 1.1, and docker's token authentication).
//!
//! Synchronous, over HTTP/1.1. A call goes [`exchange`] → [`transport`]: the exchange knows registries (scheme,
//! challenges and tokens, redirects, tries), the transport knows connections (TLS, proxies, timeouts). What comes back
//! is bounded before it is read and checked against its digest before it is handed on.
//!
//! 1. [`Credentials`] are read as the calling user and may be carried to another.
//! 2. [`Client::resolve`] turns a reference into a manifest, [`Client::blob`] streams what it names and goes on where a
//!    connection broke, [`Client::push_blob`] and [`Client::push_manifest`] write.
//! 3. [`Client::referrers`] and [`Client::push_referrer`] read and write what belongs to an image, also at registries
//!    that do not know referrers.
//! 4. [`Client::change_tag`] changes what a tag holds while others do the same.
//! 5. [`Client::page`] reads a document that Plimsoll's own registry serves beside its API.
//! 6. [`RegistrySource`] is an image in a registry.
//!
//! Left out: chunked and mounted uploads, deleting blobs, token servers' OAuth2 with passwords.

mod blobs;
mod challenge;
pub mod credentials;
mod endpoint;
mod error;
mod exchange;
mod fallback;
mod lists;
mod manifests;
mod pages;
mod proxy;
mod referrers;
mod settings;
mod shared;
mod source;
mod tls;
mod token;
mod transport;

use std::fmt;
use std::sync::Arc;

pub use self::blobs::BlobReader;
pub use self::credentials::{Credentials, Login};
pub use self::error::{ClientError, Retries};
pub use self::manifests::Manifest;
pub use self::proxy::Proxies;
pub use self::referrers::{Pushed, Referrer};
pub use self::settings::Settings;
pub use self::shared::Change;
pub use self::source::RegistrySource;

/// The challenge parser, for its fuzz target alone.
#[doc(hidden)]
pub use self::challenge::{Challenge, parse as parse_challenges};

/// A client of any number of registries. Cheap to clone; clones share connections and tokens.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    credentials: Credentials,
    settings: Settings,
    transport: transport::Transport,
    schemes: endpoint::Schemes,
    tokens: token::Tokens,
}

impl Client {
    /// A client that logs in with `credentials` where a registry asks for it.
    pub fn new(credentials: Credentials, settings: Settings) -> Self {
        let transport = transport::Transport::new(settings.clone());
        let (schemes, tokens) = (endpoint::Schemes::default(), token::Tokens::default());
        Self { inner: Arc::new(Inner { credentials, settings, transport, schemes, tokens }) }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Client").field("settings", &self.inner.settings).finish_non_exhaustive()
    }
}
