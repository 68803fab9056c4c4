//! No bytes are a signature by a key that did not sign, and whatever is read is written and read again as the same.
#![no_main]

use std::sync::LazyLock;

use image::Digest;
use keys::PublicKey;
use libfuzzer_sys::fuzz_target;
use trust::{Bundle, Content, Found, SignatureSource, Statement, TrustError, Verifier};

/// Whose private half nobody has any more. No bundle of the seeds is by it.
static KEY: LazyLock<PublicKey> =
    LazyLock::new(|| PublicKey::from_pem(include_str!("../../crates/keys/tests/it/good.pub")).unwrap());

struct One(Vec<u8>);

impl SignatureSource for One {
    fn found(&self, image: &Digest) -> Result<Vec<Result<Found, TrustError>>, TrustError> {
        Ok(vec![Ok(Found { manifest: image.clone(), content: Content::Bundle(self.0.clone()) })])
    }
}

fuzz_target!(|bytes: &[u8]| {
    let image = Digest::sha256(b"an image");
    if let Ok(bundle) = Bundle::parse(bytes) {
        assert_eq!(Bundle::parse(&bundle.to_json()).unwrap(), bundle);
        let _ = Statement::said_of(&bundle.envelope.payload.0, &image);
    }
    let found = Verifier::new(vec![KEY.clone()]).examine(&image, &One(bytes.to_vec())).unwrap();
    assert!(found.signatures.is_empty());
    for rejection in found.rejected {
        let _ = rejection.to_string();
    }
});
