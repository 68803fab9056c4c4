//! A key of ours, and a policy that wants it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::succeed;
use crate::server::Server;

/// A pair of keys in two files.
#[derive(Debug)]
pub(crate) struct Key {
    secret: PathBuf,
    public: PathBuf,
}

/// Made for these tests and for nothing else.
const PASSPHRASE: &str = "a phrase that only this test knows";

impl Key {
    /// `plimsoll key generate`.
    pub(crate) fn generate(server: &Server, work: &Path) -> Self {
        let stem = work.join("release");
        succeed(with_passphrase(server.plimsoll(&["key", "generate", &stem.display().to_string()])));
        let key = Self { secret: stem.with_extension("key"), public: stem.with_extension("pub") };
        let secret = std::fs::read_to_string(&key.secret).expect("the secret key");
        assert!(secret.contains("ENCRYPTED"), "the secret key lies open:\n{secret}");
        key
    }

    /// `plimsoll sign`.
    pub(crate) fn sign(&self, server: &Server, reference: &str) {
        let secret = self.secret.display().to_string();
        succeed(with_passphrase(server.plimsoll(&["sign", "--key", &secret, reference])));
    }

    /// The public half, for others.
    pub(crate) fn public(&self) -> &Path {
        &self.public
    }

    /// A policy file that lets only images run that this key signed.
    pub(crate) fn policy(&self, work: &Path) -> PathBuf {
        let path = work.join("policy.toml");
        let rule = format!(
            "[[rule]]\nimages = \"127.0.0.1:*/**\"\nmode = \"enforce\"\nsigners = {{ keys = [\"{}\"], threshold = 1 }}\n",
            self.public.display()
        );
        std::fs::write(&path, rule).expect("a policy");
        path
    }
}

fn with_passphrase(mut plimsoll: Command) -> Command {
    plimsoll.env("PLIMSOLL_PASSPHRASE", PASSPHRASE);
    plimsoll
}
