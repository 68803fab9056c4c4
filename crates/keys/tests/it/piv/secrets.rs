//! PIN, PUK, management key.

use std::time::Duration;

use des::TdesEde3;
use des::cipher::{Block, BlockCipherEncrypt as _, KeyInit as _};
use keys::piv::{CardError, ManagementKey};
use keys::{KeyError, Nobody, PinKind, Signer as _, TouchMoment};
use virtual_card::{Card, Firmware};

use super::desk::{Desk, PIN, PUK, Sitting, card_of_one, has_metadata, new_key, with_key};

#[test]
fn protecting_changes_what_is_from_the_factory_and_nothing_else() {
    for firmware in Firmware::ALL {
        let desk = Desk::with([Card::new(firmware, 1)]);
        let typed: &[&str] = if has_metadata(firmware) { &[PIN, PUK] } else { &["123456", PIN] };
        let person = Sitting::typing(typed);
        let done = desk.device().protect(&person).unwrap();
        assert_eq!(done.changed, ["PIN", "PUK", "management key"], "{firmware}");
        if has_metadata(firmware) {
            assert_eq!(person.asks()[..2], [(PinKind::NewPin, None), (PinKind::NewPuk, None)]);
        }
        assert!(!done.puk_unknown, "{firmware}");
        let again = desk.device().protect(&Sitting::new()).unwrap();
        assert!(again.changed.is_empty(), "{firmware}: {again:?}");
        assert_eq!(again.puk_unknown, !has_metadata(firmware), "{firmware}");
    }
}

/// The firmware does not tell, so the factory's is tried once, where the PIN was the factory's, too.
#[test]
fn a_puk_of_ones_own_stays_where_the_pin_was_the_factorys() {
    let desk = Desk::with([Card::new(Firmware::V5_2, 1)]);
    desk.device().change_puk(&Sitting::typing(&["12345678", PUK])).unwrap();
    let done = desk.device().protect(&Sitting::typing(&["123456", PIN])).unwrap();
    assert_eq!((done.changed, done.puk_unknown), (vec!["PIN", "management key"], true));
    desk.device().unblock_pin(&Sitting::new()).unwrap();
}

#[test]
fn a_secret_from_the_factory_is_no_new_secret() {
    let desk = Desk::with([Card::new(Firmware::V5_4, 1)]);
    let error = desk.device().protect(&Sitting::typing(&["123456"])).unwrap_err();
    assert!(matches!(error, KeyError::Card(CardError::Unfit { .. })), "{error}");
}

#[test]
fn pin_and_puk_change_where_the_present_one_is_known() {
    for firmware in Firmware::ALL {
        let (card, _) = card_of_one(firmware, 1);
        let device = Desk::with([card]).device();
        let error = device.change_pin(&Sitting::typing(&["000000", "864209"])).unwrap_err();
        assert!(matches!(error, KeyError::Card(CardError::Wrong { left: 2, .. })), "{firmware}: {error}");
        device.change_pin(&Sitting::typing(&[PIN, "864209"])).unwrap();
        device.change_pin(&Sitting::typing(&["864209", PIN])).unwrap();
        device.change_puk(&Sitting::typing(&[PUK, "11223344"])).unwrap();
        let person = Sitting::typing(&["11223344", PUK]);
        device.change_puk(&person).unwrap();
        assert_eq!(person.asks()[0], (PinKind::Puk, has_metadata(firmware).then_some(3)), "{firmware}");
    }
}

#[test]
fn a_blocked_puk_is_explained() {
    let (card, _) = card_of_one(Firmware::V5_4, 1);
    let device = Desk::with([card]).device();
    for puk in ["00000000", "11111111"] {
        device.unblock_pin(&Sitting::typing(&[puk, PIN])).unwrap_err();
    }
    for _ in 0..2 {
        let error = device.unblock_pin(&Sitting::typing(&["22222222", PIN])).unwrap_err();
        assert!(matches!(error, KeyError::Card(CardError::PukBlocked { .. })), "{error}");
        assert!(error.to_string().contains("reset"), "{error}");
    }
}

#[test]
fn a_management_key_that_the_card_does_not_keep_must_be_given() {
    for firmware in [Firmware::V4_3, Firmware::V5_4, Firmware::V5_7] {
        let (card, _) = card_of_one(firmware, 1);
        let desk = Desk::with([card]);
        let reader = desk.reader(0);
        // Another tool sets one, after it has proved the one that is kept; here it only removes the copy.
        let device = desk.device();
        device.generate(0x9a, &new_key(), None, &Sitting::new()).unwrap();
        let wrong = ManagementKey::from_hex(&"ab".repeat(24)).unwrap();
        let error = device.generate(0x82, &new_key(), Some(&wrong), &Sitting::new()).unwrap_err();
        assert!(matches!(error, KeyError::Card(CardError::ManagementKey { .. })), "{firmware}: {error}");
        assert!(!reader.instructions().is_empty());
    }
    assert!(ManagementKey::from_hex("0102").is_none());
    assert!(ManagementKey::from_hex(&"zz".repeat(24)).is_none());
}

/// Makes a card from the factory want a touch for its management key, as another tool would.
fn want_touch_for_management(card: &mut Card) {
    let factory: Vec<u8> = (1..=8).cycle().take(24).collect();
    let expect = |answer: Vec<u8>| {
        let (data, status) = answer.split_at(answer.len() - 2);
        assert_eq!(status, [0x90, 0]);
        data.to_vec()
    };
    expect(card.transmit(&[0, 0xa4, 4, 0, 5, 0xa0, 0, 0, 3, 8]));
    let challenge = expect(card.transmit(&[0, 0x87, 0x03, 0x9b, 4, 0x7c, 2, 0x81, 0]));
    let mut block = Block::<TdesEde3>::try_from(&challenge[4..]).unwrap();
    TdesEde3::new_from_slice(&factory).unwrap().encrypt_block(&mut block);
    expect(card.transmit(&[&[0, 0x87, 0x03, 0x9b, 12, 0x7c, 10, 0x82, 8][..], &block].concat()));
    expect(card.transmit(&[&[0, 0xff, 0xff, 0xfe, 27, 0x03, 0x9b, 24][..], &factory].concat()));
    card.reset();
}

#[test]
fn a_management_key_that_wants_a_touch_says_so_and_says_that_none_came() {
    for firmware in [Firmware::V4_3, Firmware::V5_4] {
        let mut card = Card::new(firmware, 1).waiting_for(Duration::from_secs(2));
        want_touch_for_management(&mut card);
        let finger = card.finger();
        let desk = Desk::with([card]);
        finger.up();
        let person = Sitting::typing(&["123456"]);
        let error = desk.device().set_management_key(None, &person).unwrap_err();
        assert!(matches!(error, KeyError::Card(CardError::NotTouched { .. })), "{firmware}: {error}");
        let moments = person.moments();
        assert!(matches!(moments[0], TouchMoment::Awaited { number: 1, of: 1, .. }), "{firmware}: {moments:?}");
        assert_eq!(moments.last(), Some(&TouchMoment::TimedOut), "{firmware}");
        finger.touch_after(Duration::from_millis(700));
        let person = Sitting::typing(&["123456"]);
        desk.device().set_management_key(None, &person).unwrap();
        assert_eq!(person.moments().last(), Some(&TouchMoment::Touched), "{firmware}");
        // The new one wants a touch as well, where the card tells that the old one did.
        finger.up();
        let again = desk.device().set_management_key(None, &Sitting::typing(&["123456"]));
        let wants = matches!(again, Err(KeyError::Card(CardError::NotTouched { .. })));
        assert_eq!(wants, has_metadata(firmware), "{firmware}: {again:?}");
    }
}

#[test]
fn a_new_management_key_is_found_by_the_pin_again_and_again() {
    for firmware in Firmware::ALL {
        let (desk, made, _) = with_key(firmware, &new_key());
        for _ in 0..2 {
            desk.device().set_management_key(None, &Sitting::new()).unwrap();
        }
        desk.device().generate(0x82, &new_key(), None, &Sitting::new()).unwrap();
        made.signer.sign_one(b"still there", &Sitting::new()).unwrap();
        desk.device().set_management_key(None, &Nobody).unwrap_err();
    }
}
