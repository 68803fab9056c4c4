//! No bytes are a signature of notation by a key that did not sign, nor lead to a certificate that did not vouch for them.
#![no_main]

use std::sync::LazyLock;

use image::Digest;
use keys::PublicKey;
use libfuzzer_sys::fuzz_target;
use trust::notation::Envelope;
use trust::{Content, Found, Verifier};

/// Whose private half nobody has any more. No envelope of the seeds is by it.
static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| {
    let key = PublicKey::from_pem(include_str!("../../crates/keys/tests/it/good.pub")).unwrap();
    Verifier::new(vec![key]).trusting(vec![vec![0x30, 0]]).believing(vec![vec![0x30, 0]])
});

fuzz_target!(|bytes: &[u8]| {
    if let Ok(envelope) = Envelope::parse(bytes) {
        let _ = (envelope.check_signature(), envelope.signing_time(), envelope.expiry());
    }
    let image = Digest::sha256(b"an image");
    let found = Found { manifest: image.clone(), content: Content::Notation(bytes.to_vec()) };
    let rejection = VERIFIER.check(&found, &image, None).expect_err("nobody signed");
    let _ = rejection.to_string();
});
