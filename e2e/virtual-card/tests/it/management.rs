//! The management key, and emptying a card.

use virtual_card::Firmware;

use crate::client::{
    MANAGEMENT_KEY, NEVER, ONCE, P256, PIN, PUK, authenticate, authenticate_as, card, encrypt, generate, select, send,
    sign, status, template, verify,
};

#[test]
fn a_challenge_that_the_card_gives_in_clear_is_answered_encrypted() {
    let mut card = card(Firmware::V5_4);
    let (data, _) = send(&mut card, [0x87, 3, 0x9b], &[0x7c, 2, 0x81, 0]);
    assert_eq!(data[..4], [0x7c, 0x0a, 0x81, 8]);
    let answer = [&[0x7c, 0x0a, 0x82, 8][..], &encrypt(3, &MANAGEMENT_KEY, &data[4..])].concat();
    assert_eq!(send(&mut card, [0x87, 3, 0x9b], &answer), (Vec::new(), 0x9000));
    assert_eq!(status(&mut card, [0x47, 0, 0x9a], &template(P256, ONCE, NEVER)), 0x9000);
}

#[test]
fn a_challenge_counts_once() {
    let mut card = card(Firmware::V5_4);
    let (data, _) = send(&mut card, [0x87, 3, 0x9b], &[0x7c, 2, 0x81, 0]);
    let answer = [&[0x7c, 0x0a, 0x82, 8][..], &encrypt(3, &MANAGEMENT_KEY, &data[4..])].concat();
    assert_eq!(status(&mut card, [0x87, 3, 0x9b], &answer), 0x9000);
    assert_eq!(status(&mut card, [0x87, 3, 0x9b], &answer), 0x6985);
}

#[test]
fn a_wrong_management_key_takes_away_what_the_right_one_gave() {
    let mut card = card(Firmware::V5_4);
    assert_eq!(authenticate(&mut card, &MANAGEMENT_KEY), 0x9000);
    assert_eq!(authenticate(&mut card, &[9; 24]), 0x6982);
    assert_eq!(status(&mut card, [0x47, 0, 0x9a], &template(P256, ONCE, NEVER)), 0x6982);
}

#[test]
fn nothing_is_changed_without_the_management_key() {
    let mut card = card(Firmware::V5_7);
    let new = [&[0x0a, 0x9b, 24][..], &[9; 24]].concat();
    let commands: [([u8; 3], &[u8]); 5] = [
        ([0x47, 0, 0x9a], &[0xac, 3, 0x80, 1, P256]),
        ([0xfe, P256, 0x9a], &[6, 1, 7]),
        ([0xdb, 0x3f, 0xff], &[0x5c, 3, 0x5f, 0xc1, 5, 0x53, 1, 7]),
        ([0xff, 0xff, 0xff], &new),
        ([0xf6, 0xff, 0xf9], &[]),
    ];
    for (head, data) in commands {
        assert_eq!(status(&mut card, head, data), 0x6982, "{head:02x?}");
    }
}

#[test]
fn a_new_management_key_may_be_aes_since_firmware_5_4() {
    let set = |card: &mut _, algorithm, length| {
        assert_eq!(authenticate(card, &MANAGEMENT_KEY), 0x9000);
        status(card, [0xff, 0xff, 0xff], &[&[algorithm, 0x9b, length][..], &vec![9; usize::from(length)]].concat())
    };
    for (algorithm, length) in [(0x08, 16), (0x0a, 24), (0x0c, 32)] {
        assert_eq!(set(&mut card(Firmware::V5_2), algorithm, length), 0x6a80);
        let mut card = card(Firmware::V5_4);
        assert_eq!(set(&mut card, algorithm, length), 0x9000);
        card.reset();
        select(&mut card);
        assert_eq!(authenticate_as(&mut card, algorithm, &vec![9; usize::from(length)]), 0x9000);
        assert_eq!(send(&mut card, [0xf7, 0, 0x9b], &[]).0, [1, 1, algorithm, 2, 2, 0, 1, 5, 1, 0]);
    }
    assert_eq!(set(&mut card(Firmware::V5_4), 0x0a, 16), 0x6a80, "a key of the wrong length");
}

#[test]
fn a_management_key_may_want_a_touch() {
    let mut card = card(Firmware::V5_4);
    assert_eq!(authenticate(&mut card, &MANAGEMENT_KEY), 0x9000);
    let new = [&[0x03, 0x9b, 24][..], &MANAGEMENT_KEY].concat();
    assert_eq!(status(&mut card, [0xff, 0xff, 0xfe], &new), 0x9000);
    card.finger().absent();
    assert_eq!(authenticate(&mut card, &MANAGEMENT_KEY), 0x6982);
    card.finger().down();
    assert_eq!(authenticate(&mut card, &MANAGEMENT_KEY), 0x9000);
    assert_eq!(card.finger().touches(), 1);
}

#[test]
fn a_card_is_emptied_only_when_pin_and_puk_are_blocked_and_keeps_its_attestation_key() {
    let mut card = card(Firmware::V5_7);
    generate(&mut card, 0x9a, P256, ONCE, NEVER);
    assert_eq!(status(&mut card, [0xdb, 0x3f, 0xff], &[0x5c, 3, 0x5f, 0xc1, 5, 0x53, 1, 7]), 0x9000);
    assert_eq!(status(&mut card, [0xfb, 0, 0], &[]), 0x6985);
    while verify(&mut card, b"00000000") != 0x6983 {}
    assert_eq!(status(&mut card, [0xfb, 0, 0], &[]), 0x6985);
    while status(&mut card, [0x2c, 0, 0x80], &[b"00000000", PIN.as_slice()].concat()) != 0x6983 {}
    assert_eq!(status(&mut card, [0xfb, 0, 0], &[]), 0x9000);
    assert_eq!(verify(&mut card, PIN), 0x9000);
    assert_eq!(status(&mut card, [0x24, 0, 0x81], &[PUK.as_slice(), PUK].concat()), 0x9000);
    assert_eq!(sign(&mut card, 0x9a, P256, &[7; 32]).1, 0x6a80);
    assert_eq!(status(&mut card, [0xcb, 0x3f, 0xff], &[0x5c, 3, 0x5f, 0xc1, 5]), 0x6a82);
    assert_eq!(status(&mut card, [0xcb, 0x3f, 0xff], &[0x5c, 3, 0x5f, 0xff, 1]), 0x9000);
    assert_eq!(status(&mut card, [0xf7, 0, 0xf9], &[]), 0x9000);
}
