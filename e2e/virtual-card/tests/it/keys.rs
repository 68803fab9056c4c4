//! Keys: made, imported, moved, deleted, used.

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use virtual_card::Firmware;

use crate::client::{
    ED25519, MANAGEMENT_KEY, NEVER, ONCE, P256, P384, authenticate, card, generate, send, sign, status, template, tlv,
};

/// The point inside 7F49 86.
fn point(public: &[u8]) -> &[u8] {
    let start = public.iter().position(|byte| *byte == 0x86).expect("a point") + 2;
    &public[start..]
}

#[test]
fn signatures_of_p256_verify_under_the_key_that_was_given() {
    let mut card = card(Firmware::V4_2);
    let public = generate(&mut card, 0x9e, P256, NEVER, NEVER);
    assert_eq!(public[..5], [0x7f, 0x49, 0x43, 0x86, 0x41]);
    let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point(&public)).unwrap();
    let (signature, _) = sign(&mut card, 0x9e, P256, &[7; 32]);
    let signature = p256::ecdsa::Signature::from_der(&signature).unwrap();
    key.verify_prehash(&[7; 32], &signature).unwrap();
}

#[test]
fn signatures_of_p384_verify_over_digests_of_32_and_of_48_bytes() {
    let mut card = card(Firmware::V5_4);
    let public = generate(&mut card, 0x9e, P384, NEVER, NEVER);
    let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(point(&public)).unwrap();
    for length in [32, 48] {
        let digest = vec![7; length];
        let (signature, status) = sign(&mut card, 0x9e, P384, &digest);
        assert_eq!(status, 0x9000);
        let signature = p384::ecdsa::Signature::from_der(&signature).unwrap();
        key.verify_prehash(&digest, &signature).unwrap();
    }
}

#[test]
fn signatures_of_ed25519_are_over_the_message_and_need_firmware_5_7() {
    let mut card = card(Firmware::V5_7);
    let public = generate(&mut card, 0x9e, ED25519, NEVER, NEVER);
    let key = ed25519_dalek::VerifyingKey::from_bytes(point(&public).try_into().unwrap()).unwrap();
    let message = b"a message that nobody hashed";
    let (signature, _) = sign(&mut card, 0x9e, ED25519, message);
    key.verify_strict(message, &ed25519_dalek::Signature::from_slice(&signature).unwrap()).unwrap();
    let mut old = crate::client::card(Firmware::V5_4);
    assert_eq!(authenticate(&mut old, &MANAGEMENT_KEY), 0x9000);
    assert_eq!(status(&mut old, [0x47, 0, 0x9e], &template(ED25519, NEVER, NEVER)), 0x6a80);
}

#[test]
fn rsa_is_the_bare_operation_on_a_block_of_the_moduluss_length() {
    let mut card = card(Firmware::V5_4);
    let public = generate(&mut card, 0x9e, 0x07, NEVER, NEVER);
    assert_eq!(public[..5], [0x7f, 0x49, 0x82, 0x01, 0x09]);
    let modulus = rsa::BoxedUint::from_be_slice(&public[9..9 + 256], 2048).unwrap();
    let key = rsa::RsaPublicKey::new(modulus, rsa::BoxedUint::from(65537_u64)).unwrap();
    let block = [&[0, 1][..], &[0xff; 253], &[0]].concat();
    let fields = [&[0x82, 0][..], &tlv(0x81, &block)].concat();
    let (data, status) = send(&mut card, [0x87, 0x07, 0x9e], &tlv(0x7c, &fields));
    assert_eq!((status, data.len()), (0x9000, 264));
    let signature = rsa::BoxedUint::from_be_slice(&data[8..], 2048).unwrap();
    assert_eq!(rsa::hazmat::rsa_encrypt(&key, &signature).unwrap().to_be_bytes()[..], block);
    assert_eq!(sign(&mut card, 0x9e, 0x07, &[7; 32]).1, 0x6a80);
}

#[test]
fn two_cards_agree_on_a_secret() {
    for algorithm in [P256, P384, 0xe1] {
        let mut cards = [card(Firmware::V5_7), card(Firmware::V5_7)];
        let points = cards.each_mut().map(|card| point(&generate(card, 0x9e, algorithm, NEVER, NEVER)).to_vec());
        let secret = |card: &mut _, other: &[u8]| {
            let fields = [&[0x82, 0][..], &tlv(0x85, other)].concat();
            let (data, status) = send(card, [0x87, algorithm, 0x9e], &tlv(0x7c, &fields));
            assert_eq!(status, 0x9000);
            data
        };
        let [one, two] = &mut cards;
        assert_eq!(secret(one, &points[1]), secret(two, &points[0]), "{algorithm:02x}");
    }
}

#[test]
fn an_imported_key_signs_as_itself_and_says_that_it_was_imported() {
    let mut card = card(Firmware::V5_7);
    assert_eq!(authenticate(&mut card, &MANAGEMENT_KEY), 0x9000);
    let secret = p256::SecretKey::from_slice(&[9; 32]).unwrap();
    let data = [&tlv(6, &[9; 32])[..], &[0xaa, 1, NEVER, 0xab, 1, NEVER]].concat();
    assert_eq!(status(&mut card, [0xfe, P256, 0x9c], &data), 0x9000);
    let (signature, _) = sign(&mut card, 0x9c, P256, &[7; 32]);
    let key = p256::ecdsa::VerifyingKey::from(&p256::ecdsa::SigningKey::from(&secret));
    key.verify_prehash(&[7; 32], &p256::ecdsa::Signature::from_der(&signature).unwrap()).unwrap();
    let (metadata, _) = send(&mut card, [0xf7, 0, 0x9c], &[]);
    assert_eq!(metadata[..10], [1, 1, P256, 2, 2, NEVER, NEVER, 3, 1, 2]);
    assert_eq!(metadata[10..14], [4, 0x43, 0x86, 0x41]);
}

#[test]
fn keys_that_are_none_are_not_imported() {
    let mut card = card(Firmware::V5_7);
    assert_eq!(authenticate(&mut card, &MANAGEMENT_KEY), 0x9000);
    for (algorithm, data) in [
        (P256, tlv(6, &[0; 32])),
        (P256, tlv(6, &[0xff; 32])),
        (P256, tlv(6, &[9; 31])),
        (P256, tlv(7, &[9; 32])),
        (P384, tlv(6, &[9; 32])),
        (ED25519, tlv(7, &[9; 33])),
        (0x07, [tlv(1, &[0xf9; 128]), tlv(2, &[0xf8; 128])].concat()),
        (0x07, [tlv(1, &[0xf9; 128]), tlv(2, &[0xf9; 128])].concat()),
        (0x07, [tlv(1, &[]), tlv(2, &[])].concat()),
        (0x99, tlv(6, &[9; 32])),
    ] {
        assert_eq!(status(&mut card, [0xfe, algorithm, 0x9c], &data), 0x6a80, "{algorithm:02x} {data:02x?}");
    }
    assert_eq!(status(&mut card, [0xf7, 0, 0x9c], &[]), 0x6a88);
}

#[test]
fn an_empty_slot_a_wrong_algorithm_and_a_slot_that_is_none_are_told_apart() {
    let mut card = card(Firmware::V5_4);
    generate(&mut card, 0x9e, P256, NEVER, NEVER);
    assert_eq!(sign(&mut card, 0x9a, P256, &[7; 32]).1, 0x6a80);
    assert_eq!(sign(&mut card, 0x9e, P384, &[7; 32]).1, 0x6a80);
    assert_eq!(sign(&mut card, 0x99, P256, &[7; 32]).1, 0x6b00);
    assert_eq!(status(&mut card, [0xf7, 0, 0x9a], &[]), 0x6a88);
}

#[test]
fn a_key_moves_into_an_empty_slot_only_and_is_deleted_by_moving_it_nowhere() {
    let mut card = card(Firmware::V5_7);
    generate(&mut card, 0x9a, P256, ONCE, NEVER);
    generate(&mut card, 0x9c, P256, ONCE, NEVER);
    assert_eq!(status(&mut card, [0xf6, 0x9c, 0x9a], &[]), 0x6a80);
    assert_eq!(status(&mut card, [0xf6, 0x9a, 0x9d], &[]), 0x6a88);
    assert_eq!(status(&mut card, [0xf6, 0x82, 0x9a], &[]), 0x9000);
    assert_eq!(status(&mut card, [0xf7, 0, 0x9a], &[]), 0x6a88);
    assert_eq!(status(&mut card, [0xf7, 0, 0x82], &[]), 0x9000);
    assert_eq!(status(&mut card, [0xf6, 0xff, 0x82], &[]), 0x9000);
    assert_eq!(status(&mut card, [0xf7, 0, 0x82], &[]), 0x6a88);
    assert_eq!(status(&mut card, [0xf6, 0x82, 0xf9], &[]), 0x6a80, "the attestation key does not move");
}
