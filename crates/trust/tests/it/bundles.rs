//! Bundles as others write them, and as nobody should.

use keys::{PublicKey, Signer as _};
use proptest::prelude::*;
use serde_json::{Value, json};
use trust::bundle::{Bundle, BundleError, LIMIT};
use trust::{Verifier, statement};

use super::material::{ALICE, These, bundle, image};

const COSIGNS: &[u8] = include_bytes!("cosign/bundle.json");
const COSIGNS_KEY: &str = include_str!("cosign/cosign.pub");
const COSIGNS_IMAGE: &str = "sha256:7b153bc041860de939928779320dafbdf368bbb15568f06276d1a80074a14107";

#[test]
fn a_bundle_of_cosign_holds_and_is_written_as_cosign_wrote_it() {
    let key = PublicKey::from_pem(COSIGNS_KEY).unwrap();
    let parsed = Bundle::parse(COSIGNS).unwrap();
    assert!(parsed.names(&key));
    assert_eq!(String::from_utf8(parsed.to_json()).unwrap(), String::from_utf8(COSIGNS.to_vec()).unwrap());
    let image = COSIGNS_IMAGE.parse().unwrap();
    let found = Verifier::new(vec![key]).examine(&image, &These(vec![COSIGNS.to_vec()])).unwrap();
    assert_eq!(found.signatures.len(), 1, "{:?}", found.rejected);
    assert_eq!((&found.signatures[0].repository, &found.signatures[0].tag), (&None, &None));
}

fn with(pointer: &str, value: Value) -> Vec<u8> {
    let mut bundle: Value = serde_json::from_slice(COSIGNS).unwrap();
    *bundle.pointer_mut(pointer).unwrap() = value;
    bundle.to_string().into_bytes()
}

#[test]
fn what_is_no_bundle_is_told_by_its_reason() {
    let signatures = |count: usize| json!(vec![json!({ "sig": "AAAA" }); count]);
    let refused = |bytes: &[u8]| Bundle::parse(bytes).unwrap_err();
    assert!(matches!(refused(&vec![b' '; LIMIT as usize + 1]), BundleError::TooLarge));
    assert!(matches!(refused(b"{}"), BundleError::Malformed(_)));
    assert!(matches!(refused(&"[".repeat(100_000).into_bytes()), BundleError::Malformed(_)));
    assert!(matches!(refused(&with("/mediaType", json!("application/x"))), BundleError::Version(_)));
    assert!(matches!(refused(&with("/verificationMaterial", json!({}))), BundleError::NoMaterial));
    assert!(matches!(refused(&with("/verificationMaterial", json!(null))), BundleError::NoMaterial));
    assert!(matches!(refused(&with("/dsseEnvelope", json!(null))), BundleError::NoStatement));
    assert!(matches!(refused(&with("/dsseEnvelope/payload", json!("*"))), BundleError::Malformed(_)));
    assert!(matches!(refused(&with("/dsseEnvelope/signatures", signatures(0))), BundleError::Signatures(0)));
    assert!(matches!(refused(&with("/dsseEnvelope/signatures", signatures(1000))), BundleError::Signatures(1000)));
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_read_and_never_a_signature(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Bundle::parse(&bytes);
        let found = Verifier::new(vec![ALICE.public_key()]).examine(&image(), &These(vec![bytes])).unwrap();
        prop_assert!(found.signatures.is_empty());
    }

    #[test]
    fn a_good_bundle_with_bytes_changed_is_the_same_signature_or_none(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let good = bundle(&image(), &ALICE);
        let verifier = Verifier::new(vec![ALICE.public_key()]);
        let expected = verifier.verify(&image(), &These(vec![good.clone()])).unwrap();
        let mut bytes = good;
        for (index, byte) in changes {
            let place = index.index(bytes.len());
            bytes[place] = byte;
        }
        let found = verifier.verify(&image(), &These(vec![bytes])).unwrap();
        prop_assert!(found.is_empty() || found == expected);
    }

    #[test]
    fn any_payload_is_no_statement_about_the_image(payload in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(trust::Statement::said_of(&payload, &image()).is_err());
    }

    #[test]
    fn what_is_written_is_read_back(payload in proptest::collection::vec(any::<u8>(), 0..200)) {
        let written = super::material::bundle_of(statement::PAYLOAD_TYPE, payload.clone(), &ALICE);
        let bundle = Bundle::parse(&written).unwrap();
        prop_assert_eq!(&bundle.envelope.payload.0, &payload);
        let keys = [ALICE.public_key()];
        prop_assert_eq!(bundle.envelope.signer(&keys), Some(&keys[0]));
        prop_assert_eq!(bundle.to_json(), written);
    }
}
