//! Signing: PINs, algorithms, which card.

use keys::certificate::Subject;
use keys::piv::reader::LineError;
use keys::piv::{CardError, Device, ManagementKey, NewKey, PivSigner};
use keys::{Algorithm, Hash, KeyError, Message, Nobody, PinKind, PinPolicy, PivUri, Scheme, Signer as _};
use virtual_card::Firmware;

use super::desk::{Desk, PIN, PUK, Sitting, card_of_one, new_key, with_key};

const MESSAGE: &[u8] = b"what is signed";

/// 00 20 00 80: how many tries are left, asked without a PIN.
const TRIES: [u8; 5] = [0, 0x20, 0, 0x80, 0];
const SELECT: [u8; 10] = [0, 0xa4, 4, 0, 5, 0xa0, 0, 0, 3, 8];

#[test]
fn p384_and_ed25519_sign_as_the_formats_want_it() {
    let (_desk, made, _) = with_key(Firmware::V5_7, &NewKey { algorithm: Algorithm::EcdsaP384, ..new_key() });
    let signer = made.signer;
    let messages = [Message::new(MESSAGE), Message { bytes: MESSAGE, hash: Some(Hash::Sha256) }];
    let signatures = signer.sign(&messages, &Sitting::new()).unwrap();
    let key = signer.public_key();
    key.verify_with(Scheme::Ecdsa(Hash::Sha384), MESSAGE, signatures[0].as_bytes()).unwrap();
    key.verify_with(Scheme::Ecdsa(Hash::Sha256), MESSAGE, signatures[1].as_bytes()).unwrap();
    assert_eq!(signatures[0].fixed().unwrap().len(), 96);

    let (_desk, made, _) = with_key(Firmware::V5_7, &NewKey { algorithm: Algorithm::Ed25519, ..new_key() });
    let long = vec![7; 3000];
    let signatures = made.signer.sign(&[Message::new(MESSAGE), Message::new(&long)], &Sitting::new()).unwrap();
    made.signer.public_key().verify(MESSAGE, signatures[0].as_bytes()).unwrap();
    made.signer.public_key().verify(&long, signatures[1].as_bytes()).unwrap();
    let error = made.signer.sign(&[Message::new(&vec![7; 3001])], &Sitting::new()).unwrap_err().to_string();
    assert!(error.contains("at most 3000 bytes"), "{error}");
}

#[test]
fn tries_are_read_before_the_pin_is_asked_for_and_a_wrong_one_is_asked_again() {
    let (_desk, made, _) = with_key(Firmware::V5_4, &new_key());
    let person = Sitting::typing(&["000000", "111111", PIN]);
    made.signer.sign_one(MESSAGE, &person).unwrap();
    assert_eq!(person.asks(), [(PinKind::Pin, Some(3)), (PinKind::Pin, Some(2)), (PinKind::Pin, Some(1))]);
    let person = Sitting::new();
    made.signer.sign_one(MESSAGE, &person).unwrap();
    assert_eq!(person.asks(), [], "the PIN is remembered");
    made.signer.lock();
    made.signer.sign_one(MESSAGE, &person).unwrap();
    assert_eq!(person.asks(), [(PinKind::Pin, Some(3))], "until it is locked");
}

#[test]
fn wrong_pins_up_to_the_last_block_the_card_and_the_puk_opens_it() {
    for firmware in Firmware::ALL {
        let (desk, made, _) = with_key(firmware, &new_key());
        let person = Sitting::typing(&["000000", "111111", "222222"]);
        let error = made.signer.sign_one(MESSAGE, &person).unwrap_err();
        assert!(matches!(error, KeyError::Card(CardError::PinBlocked { .. })), "{firmware}: {error}");
        assert!(error.to_string().contains("PUK"), "{error}");
        let person = Sitting::new();
        let error = made.signer.sign_one(MESSAGE, &person).unwrap_err();
        assert!(matches!(error, KeyError::Card(CardError::PinBlocked { .. })), "{firmware}: {error}");
        assert_eq!(person.asks(), [], "nobody is asked for the PIN of a blocked card");
        desk.device().unblock_pin(&Sitting::typing(&[PUK, "864209"])).unwrap();
        made.signer.sign_one(MESSAGE, &Sitting::typing(&["864209"])).unwrap();
    }
}

#[test]
fn a_pin_that_comes_again_and_again_blocks_nothing() {
    let (_desk, made, _) = with_key(Firmware::V5_4, &new_key());
    let error = made.signer.sign_one(MESSAGE, &Sitting::typing(&["000000"; 9])).unwrap_err();
    assert!(matches!(error, KeyError::Card(CardError::Wrong { left: 2, .. })), "{error}");
    made.signer.sign_one(MESSAGE, &Sitting::new()).unwrap();
}

#[test]
fn a_pin_of_another_form_is_not_sent() {
    let (_desk, made, _) = with_key(Firmware::V5_4, &new_key());
    for pin in ["12345", "123456789", "12345\u{e9}", ""] {
        let error = made.signer.sign_one(MESSAGE, &Sitting::typing(&[pin])).unwrap_err();
        assert!(matches!(error, KeyError::Card(CardError::Form { .. })), "{error}");
    }
    let person = Sitting::new();
    made.signer.sign_one(MESSAGE, &person).unwrap();
    assert_eq!(person.asks(), [(PinKind::Pin, Some(3))]);
}

#[test]
fn without_anybody_to_ask_it_says_for_what() {
    let (_desk, made, _) = with_key(Firmware::V5_4, &new_key());
    let error = made.signer.sign_one(MESSAGE, &Nobody).unwrap_err().to_string();
    assert!(error.contains("the PIN of YubiKey 12345678"), "{error}");
}

#[test]
fn a_key_that_wants_the_pin_each_time_gets_it_and_the_person_types_it_once() {
    for firmware in Firmware::ALL {
        let (_desk, made, _) = with_key(firmware, &NewKey { pin: PinPolicy::Always, ..new_key() });
        let person = Sitting::new();
        let batch = [Message::new(b"one"), Message::new(b"two"), Message::new(b"three")];
        made.signer.sign(&batch, &person).unwrap();
        assert_eq!(person.asks().len(), 1, "{firmware}");
    }
}

#[test]
fn a_key_without_pin_asks_for_none() {
    let (_desk, made, _) = with_key(Firmware::V5_4, &NewKey { pin: PinPolicy::Never, ..new_key() });
    made.signer.sign_one(MESSAGE, &Nobody).unwrap();
}

#[test]
fn after_a_signature_no_other_program_finds_the_card_unlocked() {
    for firmware in Firmware::ALL {
        let (desk, made, _) = with_key(firmware, &new_key());
        let reader = desk.reader(0);
        made.signer.sign_one(MESSAGE, &Sitting::new()).unwrap();
        // Another program, within the 15 s of a cached touch.
        assert_eq!(reader.other_program(&SELECT)[..2], [0x61, 0x11]);
        assert_eq!(reader.other_program(&TRIES), [0x63, 0xc3], "{firmware}: the PIN is wanted again");
        let sign = [&[0, 0x87, 0x11, 0x9c, 38, 0x7c, 36, 0x82, 0, 0x81, 32][..], &[7; 32]].concat();
        assert_eq!(reader.other_program(&sign), [0x69, 0x82], "{firmware}");
    }
}

#[test]
fn what_another_program_left_unlocked_is_reset_before_the_pin_is_given() {
    let (desk, made, _) = with_key(Firmware::V5_4, &new_key());
    let reader = desk.reader(0);
    reader.other_program(&SELECT);
    let verify = [&[0, 0x20, 0, 0x80, 8][..], PIN.as_bytes(), &[0xff; 2]].concat();
    assert_eq!(reader.other_program(&verify), [0x90, 0]);
    let person = Sitting::new();
    made.signer.sign_one(MESSAGE, &person).unwrap();
    assert_eq!(person.asks(), [(PinKind::Pin, Some(3))], "the other's PIN counts for nothing here");
}

#[test]
fn of_two_cards_it_asks_which_and_a_serial_number_answers() {
    let (one, _) = card_of_one(Firmware::V5_4, 111);
    let (other, _) = card_of_one(Firmware::V4_3, 222);
    let desk = Desk::with([one, other]);
    let person = Sitting { choice: 1, ..Sitting::new() };
    assert_eq!(Device::find(&desk.readers(), None, &person).unwrap().serial(), Some(222));
    let questions = person.questions.lock().unwrap().clone();
    assert_eq!(questions.len(), 1);
    assert!(questions[0].1[0].contains("YubiKey 111 (firmware 5.4.3"), "{questions:?}");
    let person = Sitting::new();
    assert_eq!(Device::find(&desk.readers(), Some(222), &person).unwrap().serial(), Some(222));
    assert!(person.questions.lock().unwrap().is_empty());
    let error = Device::find(&desk.readers(), None, &Nobody).unwrap_err();
    assert!(matches!(error, KeyError::NobodyToAsk(_)), "{error}");
}

#[test]
fn the_wrong_card_is_said_with_what_is_there() {
    let (card, _) = card_of_one(Firmware::V5_4, 111);
    let desk = Desk::with([card]);
    let uri = PivUri { serial: Some(999), slot: None };
    let error = PivSigner::open(&desk.readers(), &uri, &Nobody).unwrap_err().to_string();
    assert!(error.contains("999 is not plugged in") && error.contains("YubiKey 111"), "{error}");
    let error = PivSigner::open(&Desk::default().readers(), &PivUri::default(), &Nobody).unwrap_err().to_string();
    assert!(error.contains("no PIV card is plugged in"), "{error}");
    let error = PivSigner::open(&desk.readers(), &PivUri::default(), &Nobody).unwrap_err().to_string();
    assert!(error.contains("slot 9c of YubiKey 111 holds no key"), "{error}");
}

#[test]
fn a_card_that_was_moved_to_another_reader_is_found_again() {
    let (desk, made, _) = with_key(Firmware::V5_4, &new_key());
    let (other, _) = card_of_one(Firmware::V5_4, 222);
    desk.plug(other);
    desk.swap(0, 1);
    made.signer.sign_one(MESSAGE, &Sitting::new()).unwrap();
    let reader = desk.reader(1);
    *reader.removed.lock().unwrap() = true;
    let error = made.signer.sign_one(MESSAGE, &Sitting::new()).unwrap_err();
    assert!(matches!(error, KeyError::Card(_)), "{error}");
}

#[test]
fn another_card_in_its_place_is_refused_before_it_is_asked_for_anything() {
    let (desk, made, _) = with_key(Firmware::V5_4, &new_key());
    desk.unplug(0);
    let (other, _) = card_of_one(Firmware::V5_4, 222);
    desk.plug(other);
    let person = Sitting::new();
    let error = made.signer.sign_one(MESSAGE, &person).unwrap_err().to_string();
    assert!(error.contains("12345678 is not plugged in") && error.contains("YubiKey 222"), "{error}");
    assert_eq!(person.asks(), []);
}

#[test]
fn another_key_in_the_slot_is_refused_before_a_touch() {
    let (desk, made, finger) = with_key(Firmware::V5_4, &new_key());
    let replace = NewKey { replace: true, subject: Subject::named("other"), ..new_key() };
    desk.device().generate(0x9c, &replace, None::<&ManagementKey>, &Sitting::new()).unwrap();
    finger.let_window_pass();
    let before = finger.waits();
    let error = made.signer.sign_one(MESSAGE, &Sitting::new()).unwrap_err();
    assert!(matches!(error, KeyError::Card(CardError::WrongKey { .. })), "{error}");
    assert_eq!(finger.waits(), before);
}

#[test]
fn a_card_that_another_program_holds_is_said_to_be_so() {
    let (desk, made, _) = with_key(Firmware::V5_4, &new_key());
    *desk.reader(0).busy.lock().unwrap() = true;
    let error = made.signer.sign_one(MESSAGE, &Sitting::new()).unwrap_err();
    assert!(matches!(error, KeyError::Card(CardError::Held { .. })), "{error}");
}

#[test]
fn a_card_that_is_pulled_out_is_said_to_be_so() {
    let (desk, made, _) = with_key(Firmware::V5_4, &new_key());
    *desk.reader(0).removed.lock().unwrap() = true;
    let error = made.signer.sign_one(MESSAGE, &Sitting::new()).unwrap_err();
    let removed = matches!(error, KeyError::Card(CardError::Line { source: LineError::Removed, .. }));
    assert!(removed, "{error}");
}

#[test]
fn an_empty_batch_touches_nothing() {
    let (desk, made, _) = with_key(Firmware::V5_4, &new_key());
    desk.reader(0).log.lock().unwrap().clear();
    assert!(made.signer.sign(&[], &Nobody).unwrap().is_empty());
    assert!(desk.reader(0).instructions().is_empty());
}

#[test]
fn a_bare_digest_is_signed_as_its_message_would_be() {
    for algorithm in [Algorithm::EcdsaP256, Algorithm::EcdsaP384] {
        for hash in [Hash::Sha256, Hash::Sha384, Hash::Sha512] {
            let (_desk, made, finger) = with_key(Firmware::V5_7, &NewKey { algorithm, ..new_key() });
            finger.down();
            let signer = made.signer;
            let signature = signer.sign_digest(&hash.of(b"a message"), hash, &Sitting::new()).unwrap();
            signer.public_key().verify_digest(&hash.of(b"a message"), signature.as_bytes()).unwrap();
            signer.public_key().verify_digest(&hash.of(b"another"), signature.as_bytes()).unwrap_err();
            if hash != Hash::Sha512 {
                let scheme = Scheme::Ecdsa(hash);
                signer.public_key().verify_with(scheme, b"a message", signature.as_bytes()).unwrap();
            }
        }
    }
}

#[test]
fn a_digest_of_another_length_and_one_for_ed25519_are_refused_before_the_card_is_asked() {
    let (desk, made, _) = with_key(Firmware::V5_4, &new_key());
    let person = Sitting::new();
    desk.reader(0).log.lock().unwrap().clear();
    let error = made.signer.sign_digest(&[7; 20], Hash::Sha256, &person).unwrap_err();
    assert!(error.to_string().contains("has 32 bytes, and this one has 20"), "{error}");
    assert!(desk.reader(0).instructions().is_empty() && person.asks().is_empty());
    let (_desk, made, _) = with_key(Firmware::V5_7, &NewKey { algorithm: Algorithm::Ed25519, ..new_key() });
    let error = made.signer.sign_digest(&[7; 32], Hash::Sha256, &person).unwrap_err();
    assert!(error.to_string().contains("sign no digest"), "{error}");
    assert_eq!(person.asks(), []);
}
