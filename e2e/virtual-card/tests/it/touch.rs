//! The finger.

use std::thread;
use std::time::Duration;

use virtual_card::{Card, Firmware};

use crate::client::{CACHED, MANAGEMENT_KEY, NEVER, P256, TOUCH_ALWAYS, authenticate, generate, select, sign, status};

/// Long enough for any machine, and never waited for where all is well.
const LONG: Duration = Duration::from_mins(1);

fn card_with_key(touch: u8) -> Card {
    let mut card = Card::new(Firmware::V5_4, 1).waiting_for(LONG);
    select(&mut card);
    generate(&mut card, 0x9c, P256, NEVER, touch);
    card
}

fn signs(card: &mut Card) -> u16 {
    sign(card, 0x9c, P256, &[7; 32]).1
}

#[test]
fn a_key_that_asks_always_takes_a_touch_for_each_signature() {
    let mut card = card_with_key(TOUCH_ALWAYS);
    let finger = card.finger();
    finger.down();
    assert_eq!([signs(&mut card), signs(&mut card)], [0x9000; 2]);
    assert_eq!((finger.touches(), finger.waits()), (2, 2));
}

#[test]
fn no_touch_in_time_is_told_as_a_missing_pin_is() {
    let mut card = card_with_key(TOUCH_ALWAYS);
    let finger = card.finger();
    finger.absent();
    assert_eq!(signs(&mut card), 0x6982);
    let mut impatient = card.waiting_for(Duration::from_millis(10));
    finger.up();
    assert_eq!(signs(&mut impatient), 0x6982);
    assert_eq!((finger.touches(), finger.waits()), (0, 2));
}

#[test]
fn the_card_waits_until_it_is_touched() {
    let mut card = card_with_key(TOUCH_ALWAYS);
    let finger = card.finger();
    let signing = thread::spawn(move || signs(&mut card));
    assert!(finger.wait_until_awaited(LONG));
    finger.touch();
    assert_eq!(signing.join().unwrap(), 0x9000);
    assert!(!finger.is_awaited());
}

#[test]
fn one_touch_covers_the_signatures_of_a_cached_key_until_its_window_has_passed() {
    let mut card = card_with_key(CACHED);
    let finger = card.finger();
    finger.down();
    assert_eq!([0; 3].map(|_| signs(&mut card)), [0x9000; 3]);
    assert_eq!(finger.touches(), 1);
    finger.let_window_pass();
    assert_eq!(signs(&mut card), 0x9000);
    assert_eq!(finger.touches(), 2);
}

#[test]
fn a_window_of_no_length_covers_nothing() {
    let mut card = card_with_key(CACHED).with_window(Duration::ZERO);
    let finger = card.finger();
    finger.down();
    assert_eq!([signs(&mut card), signs(&mut card)], [0x9000; 2]);
    assert_eq!(finger.touches(), 2);
}

#[test]
fn an_always_key_asks_within_the_window_of_a_cached_one_and_opens_none() {
    let mut card = card_with_key(CACHED);
    generate(&mut card, 0x9a, P256, NEVER, TOUCH_ALWAYS);
    let finger = card.finger();
    finger.down();
    assert_eq!(sign(&mut card, 0x9a, P256, &[7; 32]).1, 0x9000);
    assert_eq!([signs(&mut card), finger.touches() as u16], [0x9000, 2]);
    assert_eq!(sign(&mut card, 0x9a, P256, &[7; 32]).1, 0x9000);
    assert_eq!(finger.touches(), 3);
}

#[test]
fn a_reset_closes_the_window_or_leaves_it_as_the_switch_says() {
    for (closes, touches) in [(false, 1), (true, 2)] {
        let mut card = card_with_key(CACHED).closing_window_on_reset(closes);
        let finger = card.finger();
        finger.down();
        assert_eq!(signs(&mut card), 0x9000);
        card.reset();
        select(&mut card);
        assert_eq!(signs(&mut card), 0x9000);
        assert_eq!(finger.touches(), touches);
    }
}

#[test]
fn cached_touch_came_with_firmware_4_3() {
    for (firmware, expected) in [(Firmware::V4_2, 0x6a80), (Firmware::V4_3, 0x9000)] {
        let mut card = crate::client::card(firmware);
        assert_eq!(authenticate(&mut card, &MANAGEMENT_KEY), 0x9000);
        let template = crate::client::template(P256, NEVER, CACHED);
        assert_eq!(status(&mut card, [0x47, 0, 0x9a], &template), expected, "{firmware}");
    }
}
