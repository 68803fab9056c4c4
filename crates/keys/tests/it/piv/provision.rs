//! Keys that come onto a card and go.

use keys::piv::{CardError, Deleted, NewKey, PivSigner};
use keys::{Algorithm, Custody, KeyError, Message, Nobody, PivUri, PrivateKey, Signer as _, TouchPolicy, certificate};
use virtual_card::{Card, Firmware};

use super::desk::{Desk, PIN, PUK, Sitting, card_of_one, has_metadata, new_key, with_key};

fn private_key() -> PrivateKey {
    PrivateKey::from_scalar(Algorithm::EcdsaP256, &[7; 32]).unwrap()
}

#[test]
fn a_made_key_has_a_certificate_of_its_own_and_an_attestation_where_the_firmware_attests() {
    for firmware in Firmware::ALL {
        let (_desk, made, _) = with_key(firmware, &new_key());
        let certificate = made.signer.certificate().unwrap().unwrap();
        assert_eq!(certificate::key_of(&certificate).unwrap(), made.signer.public_key(), "{firmware}");
        assert_eq!(made.attestation.is_some(), firmware >= Firmware::V4_3, "{firmware}");
        let asked_later = made.signer.attestation().unwrap();
        assert_eq!(asked_later.is_some(), made.attestation.is_some(), "{firmware}");
    }
}

#[test]
fn an_occupied_slot_is_refused_and_its_key_goes_on_signing() {
    for firmware in Firmware::ALL {
        let (desk, made, _) = with_key(firmware, &new_key());
        let error = desk.device().generate(0x9c, &new_key(), None, &Sitting::new()).unwrap_err();
        assert!(matches!(error, KeyError::Card(CardError::Occupied { .. })), "{firmware}: {error}");
        let error = desk.device().import(0x9c, &private_key(), &new_key(), None, &Sitting::new()).unwrap_err();
        assert!(matches!(error, KeyError::Card(CardError::Occupied { .. })), "{firmware}: {error}");
        made.signer.sign_one(b"still there", &Sitting::new()).unwrap();
    }
}

#[test]
fn where_the_firmware_cannot_tell_an_empty_slot_somebody_must_say_so() {
    for firmware in [Firmware::V4_2, Firmware::V4_3, Firmware::V5_2] {
        let (card, _) = card_of_one(firmware, 1);
        let desk = Desk::with([card]);
        let person = Sitting { choice: 1, ..Sitting::new() };
        let error = desk.device().generate(0x9c, &new_key(), None, &person).unwrap_err();
        assert!(matches!(error, KeyError::Cancelled), "{firmware}: {error}");
        let question = person.questions.lock().unwrap()[0].0.clone();
        assert!(question.contains("imported without a certificate"), "{question}");
    }
}

#[test]
fn a_card_from_the_factory_gets_no_key_until_its_secrets_are_changed() {
    for firmware in Firmware::ALL {
        let card = Card::new(firmware, 1);
        card.finger().down();
        let desk = Desk::with([card]);
        let person = Sitting { choice: 1, ..Sitting::typing(&["123456"]) };
        let replace = NewKey { replace: true, ..new_key() };
        let error = desk.device().generate(0x9c, &replace, None, &person).unwrap_err();
        assert!(matches!(error, KeyError::Card(CardError::Factory { .. })), "{firmware}: {error}");
        assert!(error.to_string().contains("the PIN"), "{error}");
        // Changed on the way, as it is offered.
        // Who does not know a PIN yet is not asked for one, where the card tells that it is the factory's.
        let typed: &[&str] = if has_metadata(firmware) { &[PIN, PUK] } else { &["123456", PIN] };
        let made = desk.device().generate(0x9c, &new_key(), None, &Sitting::typing(typed)).unwrap();
        made.signer.sign_one(b"a message", &Sitting::new()).unwrap();
        let guessed = desk.device().unblock_pin(&Sitting::typing(&["12345678"])).unwrap_err();
        assert!(matches!(guessed, KeyError::Card(CardError::Wrong { .. })), "{firmware}: {guessed}");
    }
}

/// Whoever is told afterwards has a card with other secrets, and no key.
#[test]
fn what_the_firmware_lacks_is_said_before_anything_is_asked() {
    let wishes = [
        (Firmware::V4_2, NewKey { touch: Some(TouchPolicy::Cached), ..new_key() }, "--touch always"),
        (Firmware::V5_2, NewKey { algorithm: Algorithm::Ed25519, ..new_key() }, "p256"),
        (Firmware::V5_4, NewKey { algorithm: Algorithm::Ed25519, ..new_key() }, "5.7"),
    ];
    for (firmware, wish, said) in wishes {
        let person = Sitting::new();
        let error = Desk::with([Card::new(firmware, 1)]).device().generate(0x9c, &wish, None, &person).unwrap_err();
        assert!(error.to_string().contains(said), "{firmware}: {error}");
        assert!(person.asks().is_empty() && person.questions.lock().unwrap().is_empty(), "{firmware}");
    }
}

#[test]
fn a_key_whose_touch_did_not_come_is_told_of_and_finished_by_the_same_command() {
    for firmware in [Firmware::V4_3, Firmware::V5_2, Firmware::V5_4, Firmware::V5_7] {
        let (card, finger) = card_of_one(firmware, 1);
        let desk = Desk::with([card]);
        finger.absent();
        let error = desk.device().generate(0x9c, &new_key(), None, &Sitting::new()).unwrap_err();
        assert!(matches!(error, KeyError::Card(CardError::Unfinished { .. })), "{firmware}: {error}");
        assert!(error.to_string().contains("the same command once more"), "{error}");
        let half = desk.device().key(0x9c).unwrap().unwrap();
        finger.down();
        // Another kind of key is not this one, and nobody to ask is no yes.
        let other = NewKey { algorithm: Algorithm::EcdsaP384, ..new_key() };
        let refused = desk.device().generate(0x9c, &other, None, &Sitting::new()).unwrap_err();
        assert!(refused.to_string().contains("--replace"), "{firmware}: {refused}");
        let stop = Sitting { choice: 1, ..Sitting::new() };
        desk.device().generate(0x9c, &new_key(), None, &stop).unwrap_err();
        let made = desk.device().generate(0x9c, &new_key(), None, &Sitting::new()).unwrap();
        assert_eq!(Some(made.signer.public_key()), half.public, "{firmware}");
        assert!(made.attestation.is_some() && made.signer.certificate().unwrap().is_some(), "{firmware}");
    }
}

#[test]
fn nobody_at_the_terminal_means_no_changed_secrets_and_no_key() {
    let desk = Desk::with([Card::new(Firmware::V5_4, 1)]);
    let device = desk.device();
    device.generate(0x9c, &new_key(), None, &Nobody).unwrap_err();
    assert!(desk.device().key(0x9c).unwrap().is_none());
}

#[test]
fn keys_of_each_kind_are_imported() {
    let (card, _) = card_of_one(Firmware::V5_7, 1);
    let desk = Desk::with([card]);
    for (slot, algorithm) in [(0x82, Algorithm::EcdsaP256), (0x83, Algorithm::EcdsaP384), (0x84, Algorithm::Ed25519)] {
        let key = PrivateKey::generate(algorithm).unwrap();
        let made = desk.device().import(slot, &key, &new_key(), None, &Sitting::new()).unwrap();
        assert_eq!(made.signer.public_key(), key.public_key().unwrap());
        made.signer.sign_one(b"a message", &Sitting::new()).unwrap();
    }
}

#[test]
fn an_imported_key_signs_and_is_not_attested() {
    for firmware in Firmware::ALL {
        let (card, _) = card_of_one(firmware, 1);
        let desk = Desk::with([card]);
        let made = desk.device().import(0x9c, &private_key(), &new_key(), None, &Sitting::new()).unwrap();
        made.signer.sign_one(b"a message", &Sitting::new()).unwrap();
        assert!(made.attestation.is_none() && made.signer.attestation().unwrap().is_none(), "{firmware}");
        let Custody::Card(key) = made.signer.custody() else { panic!("{firmware}") };
        assert_eq!(key.generated, Some(false));
        let again = PivSigner::open(&desk.readers(), &PivUri::default(), &Sitting::new()).unwrap();
        assert_eq!(again.public_key(), made.signer.public_key(), "{firmware}");
    }
}

#[test]
fn what_the_card_cannot_hold_is_refused() {
    let (card, _) = card_of_one(Firmware::V5_4, 1);
    let device = Desk::with([card]).device();
    let ed25519 = PrivateKey::generate(Algorithm::Ed25519).unwrap();
    let error = device.import(0x9c, &ed25519, &new_key(), None, &Sitting::new()).unwrap_err();
    assert!(matches!(error, KeyError::Card(CardError::Lacks { .. })), "{error}");
    let ed25519 = NewKey { algorithm: Algorithm::Ed25519, ..new_key() };
    let error = device.generate(0x9c, &ed25519, None, &Sitting::new()).unwrap_err();
    assert!(matches!(error, KeyError::Card(CardError::Lacks { .. })), "{error}");
    let rsa = NewKey { algorithm: Algorithm::Rsa { bits: 2048 }, ..new_key() };
    device.generate(0x9c, &rsa, None, &Sitting::new()).unwrap_err();
    let error = device.generate(0x9b, &new_key(), None, &Sitting::new()).unwrap_err();
    assert!(matches!(error, KeyError::Card(CardError::NoSlot(0x9b))), "{error}");
    assert!(device.key(0x9c).unwrap().is_none());
}

#[test]
fn cached_touch_is_refused_where_the_firmware_lacks_it() {
    let (card, _) = card_of_one(Firmware::V4_2, 1);
    let device = Desk::with([card]).device();
    let cached = NewKey { touch: Some(TouchPolicy::Cached), ..new_key() };
    let error = device.generate(0x9c, &cached, None, &Sitting::new()).unwrap_err().to_string();
    assert!(error.contains("each signature needs a touch of its own"), "{error}");
}

#[test]
fn a_deleted_key_is_gone_where_the_firmware_deletes_and_overwritten_elsewhere() {
    for firmware in Firmware::ALL {
        let (desk, made, _) = with_key(firmware, &new_key());
        let done = desk.device().delete(0x9c, None, &Sitting::new()).unwrap();
        let deletes = firmware >= Firmware::V5_7;
        assert_eq!(done, if deletes { Deleted::Emptied } else { Deleted::Overwritten }, "{firmware}");
        let left = desk.device().key(0x9c).unwrap();
        assert_eq!(left.is_some(), firmware >= Firmware::V4_3 && !deletes, "{firmware}");
        assert!(left.is_none_or(|key| key.certificate.is_none() && key.may_be_deleted()), "{firmware}");
        made.signer.sign_one(b"a message", &Sitting::new()).unwrap_err();
        if deletes {
            let error = desk.device().delete(0x9c, None, &Sitting::new()).unwrap_err();
            assert!(matches!(error, KeyError::Card(CardError::Empty { .. })), "{error}");
        }
        desk.device().generate(0x9c, &NewKey { replace: true, ..new_key() }, None, &Sitting::new()).unwrap();
    }
}

#[test]
fn a_key_moves_with_its_certificate_from_firmware_5_7_on() {
    let (desk, made, _) = with_key(Firmware::V5_7, &new_key());
    let device = desk.device();
    device.move_key(0x9c, 0x82, None, &Sitting::new()).unwrap();
    let uri = PivUri { serial: None, slot: Some(0x82) };
    let moved = PivSigner::open(&desk.readers(), &uri, &Sitting::new()).unwrap();
    assert_eq!(moved.public_key(), made.signer.public_key());
    assert_eq!(moved.certificate().unwrap(), made.signer.certificate().unwrap());
    assert!(device.key(0x9c).unwrap().is_none());
    device.generate(0x9c, &new_key(), None, &Sitting::new()).unwrap();
    let error = device.move_key(0x82, 0x9c, None, &Sitting::new()).unwrap_err();
    assert!(matches!(error, KeyError::Card(CardError::Occupied { .. })), "{error}");

    let (desk, ..) = with_key(Firmware::V5_4, &new_key());
    let error = desk.device().move_key(0x9c, 0x82, None, &Sitting::new()).unwrap_err();
    assert!(matches!(error, KeyError::Card(CardError::Lacks { .. })), "{error}");
}

#[test]
fn a_key_that_lies_in_its_slot_already_is_used_as_it_is_and_gets_a_certificate() {
    let (desk, ..) = with_key(Firmware::V5_4, &new_key());
    let device = desk.device();
    // Somebody's key in 9a, of which only the card knows.
    let other = device.generate(0x9a, &NewKey { touch: Some(TouchPolicy::Always), ..new_key() }, None, &Sitting::new());
    let public = other.unwrap().signer.public_key();
    let key = device.key(0x9a).unwrap().unwrap();
    let subject = certificate::Subject::named("renamed");
    let signer = device.certify(key, &subject, new_key().valid, None, &Sitting::new()).unwrap();
    assert_eq!(signer.public_key(), public);
    let made = signer.certificate().unwrap().unwrap();
    assert!(made.windows(7).any(|bytes| bytes == b"renamed"));
    signer.sign(&[Message::new(b"one")], &Sitting::new()).unwrap();
}
