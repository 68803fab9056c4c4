//! PIN and PUK.

use virtual_card::Firmware;

use crate::client::{MANAGEMENT_KEY, PIN, PUK, authenticate, card, generate, select, send, sign, status, verify};
use crate::client::{NEVER, ONCE, P256, PIN_ALWAYS};

const OTHER: &[u8; 8] = b"654321\xff\xff";

#[test]
fn wrong_pins_count_down_to_a_block_that_the_right_one_does_not_end() {
    let mut card = card(Firmware::V5_4);
    assert_eq!(verify(&mut card, &[]), 0x63c3);
    assert_eq!([0; 4].map(|_| verify(&mut card, OTHER)), [0x63c2, 0x63c1, 0x63c0, 0x6983]);
    assert_eq!(verify(&mut card, PIN), 0x6983);
    assert_eq!(verify(&mut card, &[]), 0x6983);
}

#[test]
fn the_right_pin_gives_all_tries_back_and_is_known_until_a_reset() {
    let mut card = card(Firmware::V5_4);
    assert_eq!([verify(&mut card, OTHER), verify(&mut card, PIN), verify(&mut card, &[])], [0x63c2, 0x9000, 0x9000]);
    card.reset();
    select(&mut card);
    assert_eq!(verify(&mut card, &[]), 0x63c3);
}

#[test]
fn a_wrong_pin_takes_away_what_the_right_one_gave() {
    let mut card = card(Firmware::V5_4);
    generate(&mut card, 0x9a, P256, ONCE, NEVER);
    assert_eq!([verify(&mut card, PIN), verify(&mut card, OTHER)], [0x9000, 0x63c2]);
    assert_eq!(sign(&mut card, 0x9a, P256, &[7; 32]).1, 0x6982);
}

#[test]
fn the_puk_sets_a_new_pin_on_a_blocked_card_until_it_is_blocked_itself() {
    let mut card = card(Firmware::V5_4);
    let unblock = |card: &mut _, puk: &[u8]| status(card, [0x2c, 0, 0x80], &[puk, OTHER].concat());
    while verify(&mut card, b"00000000") != 0x6983 {}
    assert_eq!(unblock(&mut card, PUK), 0x9000);
    assert_eq!(verify(&mut card, OTHER), 0x9000);
    assert_eq!([0; 4].map(|_| unblock(&mut card, b"00000000")), [0x63c2, 0x63c1, 0x63c0, 0x6983]);
    assert_eq!(unblock(&mut card, PUK), 0x6983);
}

#[test]
fn pin_and_puk_are_changed_by_who_knows_them() {
    let mut card = card(Firmware::V5_4);
    let change = |card: &mut _, which, old: &[u8], new: &[u8]| status(card, [0x24, 0, which], &[old, new].concat());
    assert_eq!(change(&mut card, 0x80, OTHER, PIN), 0x63c2);
    assert_eq!(change(&mut card, 0x80, PIN, OTHER), 0x9000);
    assert_eq!(verify(&mut card, OTHER), 0x9000);
    assert_eq!(change(&mut card, 0x81, PUK, b"87654321"), 0x9000);
    assert_eq!(change(&mut card, 0x81, PUK, b"12121212"), 0x63c2);
}

#[test]
fn a_new_pin_of_less_than_six_characters_is_refused() {
    let mut card = card(Firmware::V5_4);
    for short in [b"12345\xff\xff\xff", b"\xff\xff\xff\xff\xff\xff\xff\xff", b"1234\xff678"] {
        assert_eq!(status(&mut card, [0x24, 0, 0x80], &[&PIN[..], short].concat()), 0x6a80);
    }
    assert_eq!(verify(&mut card, PIN), 0x9000);
}

#[test]
fn new_numbers_of_tries_need_pin_and_management_key_and_bring_the_factorys_pin_back() {
    let mut card = card(Firmware::V5_4);
    assert_eq!(status(&mut card, [0x24, 0, 0x80], &[PIN.as_slice(), OTHER].concat()), 0x9000);
    assert_eq!(status(&mut card, [0xfa, 9, 7], &[]), 0x6982);
    assert_eq!(verify(&mut card, OTHER), 0x9000);
    assert_eq!(status(&mut card, [0xfa, 9, 7], &[]), 0x6982);
    assert_eq!(authenticate(&mut card, &MANAGEMENT_KEY), 0x9000);
    assert_eq!(status(&mut card, [0xfa, 9, 7], &[]), 0x9000);
    card.reset();
    select(&mut card);
    assert_eq!(verify(&mut card, &[]), 0x63c9);
    assert_eq!(verify(&mut card, PIN), 0x9000);
    let (metadata, _) = send(&mut card, [0xf7, 0, 0x81], &[]);
    assert_eq!(metadata, [1, 1, 0xff, 5, 1, 1, 6, 2, 7, 7]);
}

#[test]
fn more_than_fifteen_tries_are_told_as_fifteen() {
    let mut card = card(Firmware::V5_4);
    assert_eq!([verify(&mut card, PIN), authenticate(&mut card, &MANAGEMENT_KEY)], [0x9000, 0x9000]);
    assert_eq!(status(&mut card, [0xfa, 200, 200], &[]), 0x9000);
    card.reset();
    select(&mut card);
    assert_eq!(verify(&mut card, &[]), 0x63cf);
}

#[test]
fn a_key_that_asks_always_wants_the_pin_right_before_each_signature() {
    let mut card = card(Firmware::V5_4);
    generate(&mut card, 0x9c, P256, PIN_ALWAYS, NEVER);
    let signs = |card: &mut _| sign(card, 0x9c, P256, &[7; 32]).1;
    assert_eq!(signs(&mut card), 0x6982);
    assert_eq!([verify(&mut card, PIN), signs(&mut card), signs(&mut card)], [0x9000, 0x9000, 0x6982]);
    assert_eq!(verify(&mut card, PIN), 0x9000);
    assert_eq!(status(&mut card, [0xfd, 0, 0], &[]), 0x9000);
    assert_eq!(signs(&mut card), 0x6982, "another command came between");
}

#[test]
fn a_key_that_asks_once_signs_until_the_session_ends_and_one_that_never_asks_signs_at_once() {
    let mut card = card(Firmware::V5_4);
    generate(&mut card, 0x9a, P256, ONCE, NEVER);
    generate(&mut card, 0x9e, P256, NEVER, NEVER);
    assert_eq!(sign(&mut card, 0x9e, P256, &[7; 32]).1, 0x9000);
    assert_eq!(verify(&mut card, PIN), 0x9000);
    assert_eq!([0; 2].map(|_| sign(&mut card, 0x9a, P256, &[7; 32]).1), [0x9000; 2]);
    card.reset();
    select(&mut card);
    assert_eq!(sign(&mut card, 0x9a, P256, &[7; 32]).1, 0x6982);
}

#[test]
fn without_a_policy_the_signature_slot_asks_always_and_the_card_slot_never() {
    let mut card = card(Firmware::V5_4);
    for slot in [0x9a, 0x9c, 0x9d, 0x9e, 0x82] {
        assert_eq!(authenticate(&mut card, &MANAGEMENT_KEY), 0x9000);
        assert_eq!(status(&mut card, [0x47, 0, slot], &[0xac, 3, 0x80, 1, P256]), 0x9000);
    }
    let policy = |card: &mut _, slot| send(card, [0xf7, 0, slot], &[]).0[5..7].to_vec();
    let policies = [0x9a, 0x9c, 0x9d, 0x9e, 0x82].map(|slot| policy(&mut card, slot));
    assert_eq!(policies, [[2, 1], [3, 1], [2, 1], [1, 1], [2, 1]]);
}

#[test]
fn firmware_5_4_3_forgets_the_pin_when_told_and_an_older_one_does_not_know_how() {
    let mut new = card(Firmware::V5_4);
    assert_eq!(verify(&mut new, PIN), 0x9000);
    assert_eq!(status(&mut new, [0x20, 0xff, 0x80], &[]), 0x9000);
    assert_eq!(verify(&mut new, &[]), 0x63c3);
    assert_eq!(status(&mut card(Firmware::V5_2), [0x20, 0xff, 0x80], &[]), 0x6a86);
}

#[test]
fn selecting_piv_again_forgets_the_pin_or_keeps_it_as_the_switch_says() {
    let mut forgetful = card(Firmware::V5_4);
    assert_eq!(verify(&mut forgetful, PIN), 0x9000);
    select(&mut forgetful);
    assert_eq!(verify(&mut forgetful, &[]), 0x63c3);
    let mut keeping = card(Firmware::V5_4).keeping_pin_on_reselect(true);
    assert_eq!(verify(&mut keeping, PIN), 0x9000);
    select(&mut keeping);
    assert_eq!(verify(&mut keeping, &[]), 0x9000);
}
