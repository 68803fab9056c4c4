//! What verbs that speak to a registry share: one option, and a client with the caller's logins.

use image::Reference;
use image::client::{Client, ClientError, Credentials, Settings};

/// Arguments of verbs that speak to a registry.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Registries {
    /// A registry (HOST[:PORT]) that may be spoken to without TLS, or whose certificate nobody vouches for; may be repeated.
    /// Registries on this machine's loopback always may
    #[arg(long = "insecure-registry", value_name = "HOST")]
    insecure: Vec<String>,
}

/// A registry's client in the making: the caller's logins, read while this process is still the caller.
#[derive(Debug)]
pub(crate) struct Logins {
    credentials: Credentials,
    settings: Settings,
}

impl Registries {
    /// Those that may be spoken to without TLS.
    pub(crate) fn insecure(&self) -> &[String] {
        &self.insecure
    }

    /// Reads the caller's logins for the registries of `references`.
    pub(crate) fn logins<'a>(self, references: impl IntoIterator<Item = &'a Reference>) -> Logins {
        let settings = Settings { insecure_registries: self.insecure, ..Settings::default() };
        Logins { credentials: Credentials::of_caller(references), settings }
    }
}

impl Logins {
    /// The client.
    pub(crate) fn client(self) -> Client {
        Client::new(self.credentials, self.settings)
    }
}

/// Says that a registry keeps a tag back, to whoever looks at its image all the same.
pub(crate) fn tell_held(image: &Reference, held: Option<&ClientError>) {
    if let Some(reason) = held.and_then(ClientError::held_back) {
        let text = format!("note: {image} is held back by its registry and read by its digest here ({reason})");
        eprintln!("{}", crate::output::plain(&text));
    }
}
