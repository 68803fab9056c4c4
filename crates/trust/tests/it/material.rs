//! Keys, clients and sources for tests.

use std::path::PathBuf;
use std::sync::LazyLock;

use image::client::{Client, Credentials, Proxies, Settings};
use image::{Digest, Reference};
use keys::{Algorithm, FileSigner, Nobody, Passphrase, PrivateKey, Signer as _};
use time::OffsetDateTime;
use trust::{Bundle, Content, Envelope, Found, SignatureSource, Statement, TrustError, statement};

/// Deriving a key from a passphrase takes a moment; one each is enough for all tests.
pub(crate) static ALICE: LazyLock<FileSigner> = LazyLock::new(new_key);
pub(crate) static MALLORY: LazyLock<FileSigner> = LazyLock::new(new_key);

pub(crate) const NOW: OffsetDateTime = time::macros::datetime!(2026-11-25 12:00 UTC);

fn new_key() -> FileSigner {
    let folder = tempfile::tempdir().unwrap();
    let passphrase = Passphrase::new("test", "the test").unwrap();
    FileSigner::generate(&folder.path().join("test.key"), &passphrase).unwrap().0
}

pub(crate) fn image() -> Digest {
    Digest::sha256(b"an image")
}

pub(crate) fn reference() -> Reference {
    "example.com/team/app:v1".parse().unwrap()
}

/// A good signature of `image` as it lies in a registry.
pub(crate) fn bundle(image: &Digest, signer: &FileSigner) -> Vec<u8> {
    let statement = Statement::of_image(image, &reference()).to_json();
    bundle_of(statement::PAYLOAD_TYPE, statement, signer)
}

pub(crate) fn bundle_of(payload_type: &str, payload: Vec<u8>, signer: &FileSigner) -> Vec<u8> {
    let envelope = Envelope::sign(payload_type, payload, signer, &Nobody).unwrap();
    Bundle::new(envelope, &signer.public_key()).to_json()
}

pub(crate) fn client() -> Client {
    let settings = Settings { proxies: Proxies::default(), certificate_folders: vec![], ..Settings::default() };
    Client::new(Credentials::none(), settings)
}

pub(crate) fn found(bundle: Vec<u8>) -> Found {
    Found { manifest: Digest::sha256(&bundle), content: Content::Bundle(bundle) }
}

/// A key of this algorithm.
pub(crate) fn key_of(algorithm: Algorithm) -> FileSigner {
    let folder = tempfile::tempdir().unwrap();
    let passphrase = Passphrase::new("test", "the test").unwrap();
    let key = PrivateKey::generate(algorithm).unwrap();
    FileSigner::write(&folder.path().join("test.key"), key, &passphrase).unwrap().0
}

/// A program that a test needs as a judge and that was built into the tools' folder; `None` where it is not there, with a
/// word to the tester. `required` ones fail where nothing may be skipped.
pub(crate) fn tool(name: &str, required: bool) -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let tools = folder("PLIMSOLL_TOOLS").or_else(|| Some(folder("HOME")?.join(".cache/plimsoll/tools")));
    let path = tools.map(|tools| tools.join("bin").join(name)).filter(|path| path.exists());
    if path.is_none() {
        assert!(!required || std::env::var_os("PLIMSOLL_REQUIRE").is_none(), "{name} is required");
        eprintln!("skipped: {name} is not in PLIMSOLL_TOOLS or ~/.cache/plimsoll/tools");
    }
    path
}

/// Bundles that are simply there.
pub(crate) struct These(pub(crate) Vec<Vec<u8>>);

impl SignatureSource for These {
    fn found(&self, _image: &Digest) -> Result<Vec<Result<Found, TrustError>>, TrustError> {
        Ok(self.0.iter().cloned().map(found).map(Ok).collect())
    }
}
