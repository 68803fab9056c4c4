//! What an attestation proves, and what passes for one and is none.

use keys::attestation::{verify, verify_for};
use keys::piv::tlv::Tlv;
use keys::piv::{NewKey, PivSigner};
use keys::{Algorithm, Attestation, AttestationError, Message, PinPolicy, PrivateKey, Signer as _, TouchPolicy};
use p256::pkcs8::EncodePublicKey as _;
use proptest::prelude::*;
use time::OffsetDateTime;
use virtual_card::{Firmware, vendor};

use super::desk::{NOW, Sitting, new_key, with_key};

/// A certificate that says all that `leaf` says, of another key, signed by the key that `leaf` is about.
fn forged(signer: &PivSigner, leaf: &[u8]) -> Vec<u8> {
    let (outer, _) = Tlv::read(leaf).unwrap();
    let (tbs, _) = Tlv::read(outer.value).unwrap();
    let mut fields = Vec::new();
    let mut rest = tbs.value;
    while !rest.is_empty() {
        let (_, after) = Tlv::read(rest).unwrap();
        fields.push(&rest[..rest.len() - after.len()]);
        rest = after;
    }
    let [version, serial, _, _, validity, subject, _, extensions] = fields[..] else { panic!("{fields:?}") };
    let ecdsa_with_sha256 = [0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
    let other = p256::SecretKey::from_slice(&[9; 32]).unwrap().public_key().to_public_key_der().unwrap();
    let parts = [version, serial, &ecdsa_with_sha256, subject, validity, subject, other.as_bytes(), extensions];
    let tbs = sequence(&parts.concat());
    let signature = signer.sign_one(&tbs, &Sitting::new()).unwrap().into_bytes();
    let bits = [&[0x03, u8::try_from(signature.len() + 1).unwrap(), 0], &signature[..]].concat();
    sequence(&[&tbs[..], &ecdsa_with_sha256, &bits].concat())
}

/// What a certificate is made of.
struct Parts<'a> {
    issuer: &'a [u8],
    subject: &'a [u8],
    key: &'a PrivateKey,
    extensions: &'a [u8],
    by: &'a PrivateKey,
    /// One that has version, serial number and times.
    like: &'a [u8],
}

fn certificate(parts: &Parts<'_>) -> Vec<u8> {
    let oid = match parts.by.algorithm() {
        Algorithm::EcdsaP384 => [0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03],
        _ => [0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
    };
    let public = parts.key.public_key().unwrap();
    let (version, serial, validity) = (field(parts.like, 0), field(parts.like, 1), field(parts.like, 4));
    let tbs = [version, serial, &oid, parts.issuer, validity, parts.subject, public.der(), parts.extensions].concat();
    let tbs = sequence(&tbs);
    let signature = parts.by.sign(&Message::new(&tbs), "the test").unwrap().into_bytes();
    let bits = [&[0x03, u8::try_from(signature.len() + 1).unwrap(), 0], &signature[..]].concat();
    sequence(&[&tbs[..], &oid, &bits].concat())
}

/// A field of a certificate's signed part, with its tag.
fn field(certificate: &[u8], place: usize) -> &[u8] {
    let (outer, _) = Tlv::read(certificate).unwrap();
    let (tbs, _) = Tlv::read(outer.value).unwrap();
    let mut rest = tbs.value;
    for _ in 0..place {
        rest = Tlv::read(rest).unwrap().1;
    }
    &rest[..rest.len() - Tlv::read(rest).unwrap().1.len()]
}

fn sequence(bytes: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(bytes.len()).unwrap().to_be_bytes();
    [&[0x30, 0x82, high, low], bytes].concat()
}

/// A common name alone, as short ones are written.
fn name(text: &str) -> Vec<u8> {
    let value = [&[0x0c, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let pair = [&[0x06, 3, 0x55, 4, 3], &value[..]].concat();
    let within = |tag: u8, bytes: &[u8]| [&[tag, u8::try_from(bytes.len()).unwrap()], bytes].concat();
    within(0x30, &within(0x31, &within(0x30, &pair)))
}

/// Yubico's 1.3.6.1.4.1.41482.5.2, a key that was made on the device.
fn openpgp_extensions() -> Vec<u8> {
    let extension = [0x06, 10, 0x2b, 6, 1, 4, 1, 0x82, 0xc4, 0x0a, 5, 2, 0x04, 3, 2, 1, 1];
    let within = |tag: u8, bytes: &[u8]| [&[tag, u8::try_from(bytes.len()).unwrap()], bytes].concat();
    within(0xa3, &within(0x30, &within(0x30, &extension)))
}

fn scalar(algorithm: Algorithm, number: u8) -> PrivateKey {
    let width = if algorithm == Algorithm::EcdsaP384 { 48 } else { 32 };
    PrivateKey::from_scalar(algorithm, &vec![number; width]).unwrap()
}

fn trusted() -> Vec<Vec<u8>> {
    [vendor::roots(), vendor::intermediates()].concat()
}

#[test]
fn it_proves_key_policies_device_and_firmware_on_each_firmware() {
    for firmware in Firmware::ALL.into_iter().filter(|firmware| firmware.has_attestation()) {
        for touch in [TouchPolicy::Always, TouchPolicy::Cached, TouchPolicy::Never] {
            let (_desk, made, _) = with_key(firmware, &NewKey { touch: Some(touch), ..new_key() });
            let attestation = made.attestation.unwrap();
            let proved = verify_for(&made.signer.public_key(), &attestation, &trusted(), NOW.into()).unwrap();
            assert_eq!(proved.key, made.signer.public_key(), "{firmware}");
            assert_eq!((proved.touch, proved.pin), (touch, PinPolicy::Once), "{firmware}");
            assert_eq!(proved.slot, Some(0x9c), "{firmware}");
            assert_eq!(proved.firmware.to_string(), firmware.to_string());
            assert_eq!(proved.serial, firmware.has_serial_in_piv().then_some(12_345_678), "{firmware}");
            let root = if firmware.has_intermediates() { "Attestation Test Root 1" } else { "PIV Test Root CA" };
            assert!(proved.root.contains(root), "{firmware}: {}", proved.root);
        }
    }
}

#[test]
fn it_proves_other_algorithms_too() {
    for algorithm in [Algorithm::EcdsaP384, Algorithm::Ed25519] {
        let (_desk, made, _) = with_key(Firmware::V5_7_4, &NewKey { algorithm, ..new_key() });
        let proved = verify(&made.attestation.unwrap(), &trusted(), NOW.into()).unwrap();
        assert_eq!(proved.key.algorithm(), algorithm);
    }
}

#[test]
fn intermediates_may_come_with_the_attestation_or_be_configured() {
    let (_desk, made, _) = with_key(Firmware::V5_7_4, &new_key());
    let mut attestation = made.attestation.unwrap();
    let error = verify(&attestation, &vendor::roots(), NOW.into()).unwrap_err();
    assert!(matches!(error, AttestationError::NoRoot { .. }), "{error}");
    attestation.intermediates.extend(vendor::intermediates());
    verify(&attestation, &vendor::roots(), NOW.into()).unwrap();
}

#[test]
fn without_roots_or_with_another_makers_it_proves_nothing() {
    let (_desk, made, _) = with_key(Firmware::V5_4, &new_key());
    let attestation = made.attestation.unwrap();
    assert_eq!(verify(&attestation, &[], NOW.into()), Err(AttestationError::NoRoots));
    let error = verify(&attestation, &vendor::roots()[1..], NOW.into()).unwrap_err();
    assert!(matches!(error, AttestationError::NoRoot { .. }), "{error}");
    assert!(error.to_string().contains("Virtual PIV Test Root CA"), "{error}");
}

#[test]
fn it_is_not_valid_before_and_after_its_time() {
    let (_desk, made, _) = with_key(Firmware::V5_4, &new_key());
    let attestation = made.attestation.unwrap();
    for seconds in [1_400_000_000, 2_700_000_000] {
        let then = OffsetDateTime::from_unix_timestamp(seconds).unwrap();
        let error = verify(&attestation, &trusted(), then.into()).unwrap_err();
        assert!(matches!(error, AttestationError::Time { .. }), "{error}");
    }
}

#[test]
fn an_attestation_of_another_key_is_none_of_this_one() {
    let (_desk, made, _) = with_key(Firmware::V5_4, &new_key());
    let (_desk, other, _) = with_key(Firmware::V5_4, &new_key());
    let error = verify_for(&other.signer.public_key(), &made.attestation.unwrap(), &trusted(), NOW.into()).unwrap_err();
    assert!(matches!(error, AttestationError::OtherKey { .. }), "{error}");
}

/// The attack: an attested key in a slot signs a certificate that claims to be an attestation of a key elsewhere.
#[test]
fn an_attested_key_cannot_attest_another() {
    for firmware in [Firmware::V4_3, Firmware::V5_4, Firmware::V5_7_4] {
        let (_desk, made, _) = with_key(firmware, &new_key());
        let attestation = made.attestation.unwrap();
        let forged = forged(&made.signer, &attestation.leaf);
        let intermediates = [vec![attestation.leaf.clone()], attestation.intermediates].concat();
        let error = verify(&Attestation { leaf: forged, intermediates }, &trusted(), NOW.into()).unwrap_err();
        assert!(matches!(error, AttestationError::NoAuthority { .. }), "{firmware}: {error}");
    }
}

/// The attack: the device's OpenPGP application attests a key as well, up to the same root since firmware 5.7.4, and that
/// key signs whatever its owner wants.
#[test]
fn a_key_that_the_device_attests_for_something_else_cannot_attest_a_slot() {
    let (_desk, made, _) = with_key(Firmware::V5_7_4, &new_key());
    let attestation = made.attestation.unwrap();
    let (authority, openpgp) = (vendor::intermediates().remove(0), scalar(Algorithm::EcdsaP384, 7));
    // As OpenPGP's are: no basicConstraints, no key usage, extensions of their own.
    let own = certificate(&Parts {
        issuer: field(&authority, 5),
        subject: &name("YubiKey OPGP Attestation SIG"),
        key: &openpgp,
        extensions: &openpgp_extensions(),
        by: &scalar(Algorithm::EcdsaP384, 2),
        like: &attestation.leaf,
    });
    let leaf = certificate(&Parts {
        issuer: &name("YubiKey OPGP Attestation SIG"),
        subject: field(&attestation.leaf, 5),
        key: &scalar(Algorithm::EcdsaP256, 9),
        extensions: field(&attestation.leaf, 7),
        by: &openpgp,
        like: &attestation.leaf,
    });
    let error = verify(&Attestation { leaf, intermediates: vec![own] }, &trusted(), NOW.into()).unwrap_err();
    assert!(matches!(error, AttestationError::NoAuthority { .. }), "{error}");
}

#[test]
fn a_certificate_that_states_nothing_about_a_key_is_no_attestation() {
    let (_desk, made, _) = with_key(Firmware::V5_4, &new_key());
    let attestation = made.attestation.unwrap();
    let plain = made.signer.certificate().unwrap().unwrap();
    let device = attestation.intermediates[0].clone();
    for leaf in [plain, device] {
        let claimed = Attestation { leaf, intermediates: attestation.intermediates.clone() };
        let error = verify(&claimed, &trusted(), NOW.into()).unwrap_err();
        assert!(matches!(error, AttestationError::NoStatement { .. }), "{error}");
    }
}

#[test]
fn floods_of_certificates_are_refused_unread() {
    let (_desk, made, _) = with_key(Firmware::V5_4, &new_key());
    let attestation = made.attestation.unwrap();
    let flood = Attestation { leaf: attestation.leaf.clone(), intermediates: vec![vec![0]; 1000] };
    assert!(matches!(verify(&flood, &trusted(), NOW.into()), Err(AttestationError::Bounds(_))));
    let large = Attestation { leaf: vec![0x30; 1 << 20], intermediates: Vec::new() };
    assert!(matches!(verify(&large, &trusted(), NOW.into()), Err(AttestationError::Bounds(_))));
}

proptest! {
    #[test]
    fn a_changed_byte_proves_nothing_or_the_same(place in any::<prop::sample::Index>(), bit in 0..8_u8) {
        static MADE: std::sync::LazyLock<Attestation> = std::sync::LazyLock::new(|| {
            let (_desk, made, _) = with_key(Firmware::V5_4, &new_key());
            made.attestation.unwrap()
        });
        let mut changed = MADE.clone();
        let place = place.index(changed.leaf.len());
        changed.leaf[place] ^= 1 << bit;
        prop_assert!(verify(&changed, &trusted(), NOW.into()).is_err());
    }

    #[test]
    fn bytes_at_random_are_refused(leaf in prop::collection::vec(any::<u8>(), 0..400)) {
        let claimed = Attestation { leaf, intermediates: Vec::new() };
        prop_assert!(verify(&claimed, &trusted(), NOW.into()).is_err());
    }
}
