//! What counts as a signature of an image, and what does not.

use image::Digest;
use keys::Signer as _;
use serde_json::{Value, json};
use trust::{Examination, Found, Rejection, SignatureSource, Statement, TrustError, Verifier, statement};

use super::material::{ALICE, MALLORY, These, bundle, bundle_of, found, image};

fn examine(bundles: Vec<Vec<u8>>) -> Examination {
    Verifier::new(vec![ALICE.public_key()]).examine(&image(), &These(bundles)).unwrap()
}

fn rejection(bundle: Vec<u8>) -> Rejection {
    let mut examination = examine(vec![bundle]);
    assert_eq!(examination.signatures, []);
    examination.rejected.pop().expect("a reason")
}

fn changed(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut value: Value = serde_json::from_slice(&bundle(&image(), &ALICE)).unwrap();
    change(&mut value);
    value.to_string().into_bytes()
}

#[test]
fn a_signature_by_a_trusted_key_counts_and_says_what_it_is_for() {
    let examination = examine(vec![bundle(&image(), &ALICE)]);
    assert!(examination.rejected.is_empty(), "{:?}", examination.rejected);
    let [signature] = &examination.signatures[..] else { panic!("{:?}", examination.signatures) };
    assert_eq!(signature.key, ALICE.public_key());
    assert_eq!(signature.repository.as_deref(), Some("example.com/team/app"));
    assert_eq!(signature.tag.as_deref(), Some("v1"));
}

#[test]
fn good_signatures_count_among_bad_ones_and_each_key_once() {
    let good = bundle(&image(), &ALICE);
    let bundles = vec![b"garbage".to_vec(), bundle(&image(), &MALLORY), good.clone(), vec![], good];
    let verifier = Verifier::new(vec![ALICE.public_key(), MALLORY.public_key()]);
    let keys: Vec<_> = verifier
        .verify(&image(), &These(bundles.clone()))
        .unwrap()
        .into_iter()
        .map(|signature| signature.key)
        .collect();
    assert_eq!(keys, [MALLORY.public_key(), ALICE.public_key()]);
    assert_eq!(examine(bundles).rejected.len(), 3);
}

#[test]
fn no_bundles_and_no_keys_are_no_signature() {
    assert!(examine(vec![]).signatures.is_empty());
    let nobody = Verifier::new(vec![]);
    assert!(nobody.verify(&image(), &These(vec![bundle(&image(), &ALICE)])).unwrap().is_empty());
}

#[test]
fn another_key_is_named_by_its_fingerprint() {
    let rejected = rejection(bundle(&image(), &MALLORY));
    assert!(matches!(rejected, Rejection::UnknownKey(_)), "{rejected}");
    assert!(rejected.to_string().contains(&MALLORY.public_key().fingerprint()), "{rejected}");
}

#[test]
fn a_signature_of_another_image_does_not_count() {
    let rejected = rejection(bundle(&Digest::sha256(b"another image"), &ALICE));
    assert!(matches!(&rejected, Rejection::NotSaid(_, statement::NotSaid::OtherImage)), "{rejected}");
}

#[test]
fn a_statement_that_is_no_signature_does_not_count_though_a_trusted_key_made_it() {
    let mut provenance: Value =
        serde_json::from_slice(&Statement::of_image(&image(), &super::material::reference()).to_json()).unwrap();
    provenance["predicateType"] = json!("https://slsa.dev/provenance/v1");
    let rejected = rejection(bundle_of(statement::PAYLOAD_TYPE, provenance.to_string().into_bytes(), &ALICE));
    assert!(matches!(&rejected, Rejection::NotSaid(_, statement::NotSaid::Predicate(_))), "{rejected}");
}

#[test]
fn the_payloads_type_is_signed_with_it() {
    let statement = Statement::of_image(&image(), &super::material::reference()).to_json();
    let rejected = rejection(bundle_of("text/plain", statement, &ALICE));
    assert!(matches!(rejected, Rejection::PayloadType(_)), "{rejected}");
    let rejected = rejection(changed(|bundle| bundle["dsseEnvelope"]["payloadType"] = json!("text/plain")));
    assert!(matches!(rejected, Rejection::Forged(_)), "{rejected}");
}

#[test]
fn every_changed_byte_of_payload_or_signature_is_noticed() {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    for place in ["/dsseEnvelope/payload", "/dsseEnvelope/signatures/0/sig"] {
        let value: Value = serde_json::from_slice(&bundle(&image(), &ALICE)).unwrap();
        let bytes = BASE64_STANDARD.decode(value.pointer(place).unwrap().as_str().unwrap()).unwrap();
        for position in (0..bytes.len()).step_by(5) {
            let mut bytes = bytes.clone();
            bytes[position] ^= 1;
            let text = json!(BASE64_STANDARD.encode(bytes));
            let rejected = rejection(changed(|bundle| *bundle.pointer_mut(place).unwrap() = text));
            assert!(matches!(rejected, Rejection::Forged(_)), "byte {position} of {place}: {rejected}");
        }
    }
}

#[test]
fn a_signature_by_a_certificate_is_told_as_such() {
    let rejected = rejection(changed(|bundle| {
        bundle["verificationMaterial"] = json!({ "certificate": { "rawBytes": "AAAA" } });
    }));
    assert!(rejected.to_string().contains("keyless"), "{rejected}");
}

#[test]
fn a_bundle_that_could_not_be_fetched_is_a_reason_and_not_the_end() {
    struct Partly;
    impl SignatureSource for Partly {
        fn found(&self, _: &Digest) -> Result<Vec<Result<Found, TrustError>>, TrustError> {
            let lost = TrustError::Bundle { name: "sha256:lost".into(), reason: "it is not there".into() };
            Ok(vec![Err(lost), Ok(found(bundle(&image(), &ALICE)))])
        }
    }
    let examination = Verifier::new(vec![ALICE.public_key()]).examine(&image(), &Partly).unwrap();
    assert_eq!(examination.signatures.len(), 1);
    assert!(matches!(examination.rejected[..], [Rejection::Unreadable(_)]));
}
