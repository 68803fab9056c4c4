//! The same promises on each firmware.

use keys::piv::{Ability, Device, PivSigner, slot};
use keys::{Custody, Message, PivUri, Signer as _, TouchPolicy};
use virtual_card::Firmware;

use super::desk::{Desk, Sitting, card_of_one, has_metadata, new_key, with_key};

#[test]
fn a_key_that_was_made_on_the_card_signs_a_batch_on_each_firmware() {
    for firmware in Firmware::ALL {
        let (desk, made, _) = with_key(firmware, &new_key());
        let signer = made.signer;
        let person = Sitting::new();
        let batch = [Message::new(b"one"), Message::new(b"two"), Message::new(b"three")];
        let signatures = signer.sign(&batch, &person).unwrap();
        for (message, signature) in batch.iter().zip(&signatures) {
            signer.public_key().verify(message.bytes, signature.as_bytes()).unwrap();
        }
        assert_eq!(signatures.len(), 3, "{firmware}");
        assert_eq!(person.asks().len(), 1, "the PIN is asked for once on {firmware}");
        // Somebody who knows nothing but the card finds the same key.
        let again = PivSigner::open(&desk.readers(), &PivUri::default(), &person).unwrap();
        assert_eq!(again.public_key(), signer.public_key(), "{firmware}");
        assert!(again.certificate().unwrap().is_some(), "{firmware}");
    }
}

#[test]
fn the_serial_number_is_told_by_each_firmware() {
    for firmware in Firmware::ALL {
        let (card, _) = card_of_one(firmware, 7_654_321);
        let device = Desk::with([card]).device();
        assert_eq!(device.serial(), Some(7_654_321), "{firmware}");
        assert_eq!(device.name(), "YubiKey 7654321");
        assert_eq!(device.firmware().to_string(), firmware.to_string());
    }
}

#[test]
fn touch_is_cached_where_the_firmware_has_it_and_wanted_each_time_elsewhere() {
    for firmware in Firmware::ALL {
        let (_desk, made, finger) = with_key(firmware, &new_key());
        let Custody::Card(key) = made.signer.custody() else { panic!("{firmware}") };
        let cached = firmware >= Firmware::V4_3;
        let wanted = if cached { TouchPolicy::Cached } else { TouchPolicy::Always };
        assert_eq!(key.touch, Some(wanted), "{firmware}");
        let before = finger.touches();
        made.signer.sign(&[Message::new(b"one"), Message::new(b"two")], &Sitting::new()).unwrap();
        assert_eq!(finger.touches() - before, if cached { 1 } else { 2 }, "{firmware}");
    }
}

#[test]
fn what_each_firmware_lacks_is_said_in_words() {
    let lacks = |firmware: Firmware| {
        let (card, _) = card_of_one(firmware, 1);
        let device = Desk::with([card]).device();
        device.firmware().lacks().collect::<Vec<_>>()
    };
    assert_eq!(lacks(Firmware::V4_2), Ability::ALL);
    assert_eq!(lacks(Firmware::V5_4), [Ability::MoveAndDelete, Ability::Ed25519]);
    assert_eq!(lacks(Firmware::V5_7), []);
    for ability in Ability::ALL {
        assert!(!ability.lack().is_empty());
    }
}

#[test]
fn a_list_shows_the_keys_with_what_the_firmware_tells_of_them() {
    for firmware in Firmware::ALL {
        let (desk, made, _) = with_key(firmware, &new_key());
        let listed = Device::list(&desk.readers()).unwrap();
        let contents = listed[0].card.as_ref().unwrap();
        let key = &contents.keys[0];
        assert_eq!((listed.len(), contents.keys.len(), key.slot), (1, 1, slot::SIGNATURE));
        assert_eq!(key.public, Some(made.signer.public_key()), "{firmware}");
        let attests = firmware >= Firmware::V4_3;
        assert_eq!(key.generated, attests.then_some(true), "{firmware}");
        assert_eq!(key.touch.is_some(), attests, "{firmware}");
        assert_eq!(contents.pin_tries, Some(3), "{firmware}");
        assert!(contents.factory.is_empty(), "{firmware}: {:?}", contents.factory);
    }
}

#[test]
fn a_card_from_the_factory_is_listed_as_such_where_it_tells() {
    for firmware in Firmware::ALL {
        let desk = Desk::with([virtual_card::Card::new(firmware, 1)]);
        let listed = Device::list(&desk.readers()).unwrap();
        let contents = listed[0].card.as_ref().unwrap();
        let all: &[&str] = &["the PIN", "the PUK", "the management key"];
        let told = if has_metadata(firmware) { all } else { &all[2..] };
        assert_eq!(contents.factory, told, "{firmware}");
        assert!(contents.keys.is_empty(), "{firmware}");
    }
}
