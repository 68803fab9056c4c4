//! Waiting for a finger.

use std::sync::Arc;
use std::time::Duration;

use keys::piv::reader::LineError;
use keys::piv::{CardError, NewKey, PivSigner};
use keys::{KeyError, Message, Signer as _, TouchMoment, TouchPolicy};
use virtual_card::Firmware;

use super::desk::{Sitting, new_key, with_key};

const BATCH: [Message<'static>; 2] = [Message { bytes: b"one", hash: None }, Message { bytes: b"two", hash: None }];

fn awaited(moments: &[TouchMoment]) -> Vec<(u32, u32)> {
    let numbers = |moment: &TouchMoment| match moment {
        TouchMoment::Awaited { number, of, .. } => Some((*number, *of)),
        _ => None,
    };
    moments.iter().filter_map(numbers).collect()
}

#[test]
fn one_touch_covers_a_batch_where_the_policy_is_cached() {
    let (_desk, made, finger) = with_key(Firmware::V5_4, &new_key());
    finger.touch_after(Duration::from_millis(700));
    let person = Sitting::new();
    let before = finger.touches();
    made.signer.sign(&BATCH, &person).unwrap();
    assert_eq!(finger.touches() - before, 1);
    assert_eq!(awaited(&person.moments()), [(1, 1)]);
    assert_eq!(person.moments().last(), Some(&TouchMoment::Touched));
}

#[test]
fn it_says_how_many_touches_are_wanted_where_the_policy_is_always() {
    let (_desk, made, finger) = with_key(Firmware::V5_4, &NewKey { touch: Some(TouchPolicy::Always), ..new_key() });
    finger.touch_after(Duration::from_millis(700));
    let person = Sitting::new();
    made.signer.sign(&BATCH, &person).unwrap();
    assert_eq!(awaited(&person.moments()), [(1, 2), (2, 2)]);
    // Firmware that has no other kind need not tell it.
    let (desk, _, finger) = with_key(Firmware::V4_2, &new_key());
    let told = desk.device().key(0x9c).unwrap().unwrap();
    assert_eq!(told.touch, None);
    finger.touch_after(Duration::from_millis(700));
    let person = Sitting::new();
    PivSigner::of(desk.device(), told).unwrap().sign(&BATCH, &person).unwrap();
    assert_eq!(awaited(&person.moments()), [(1, 2), (2, 2)]);
}

#[test]
fn a_card_that_answers_at_once_is_not_said_to_wait() {
    let (_desk, made, _) = with_key(Firmware::V5_4, &NewKey { touch: Some(TouchPolicy::Never), ..new_key() });
    let person = Sitting::new();
    made.signer.sign(&BATCH, &person).unwrap();
    assert_eq!(person.moments(), []);
}

#[test]
fn the_time_left_is_counted_down() {
    let (_desk, made, finger) = with_key(Firmware::V5_4, &new_key());
    finger.touch_after(Duration::from_millis(2500));
    let person = Sitting::new();
    made.signer.sign_one(b"one", &person).unwrap();
    let left: Vec<u64> = person
        .moments()
        .iter()
        .filter_map(|moment| match moment {
            TouchMoment::Awaited { left, .. } => Some(left.as_secs()),
            _ => None,
        })
        .collect();
    assert_eq!(left.first(), Some(&14));
    assert!(left.len() >= 2 && left.windows(2).all(|pair| pair[1] < pair[0]), "{left:?}");
}

#[test]
fn no_touch_in_time_is_told_apart_from_a_missing_pin() {
    for firmware in Firmware::ALL {
        let (desk, made, finger) = with_key(firmware, &new_key());
        finger.absent();
        let person = Sitting::new();
        let error = made.signer.sign(&BATCH, &person).unwrap_err();
        assert!(matches!(error, KeyError::Card(CardError::NotTouched { .. })), "{firmware}: {error}");
        assert_eq!(person.moments().last(), Some(&TouchMoment::TimedOut));
        let resets = *desk.reader(0).resets.lock().unwrap();
        finger.down();
        made.signer.sign(&BATCH, &person).unwrap();
        assert!(*desk.reader(0).resets.lock().unwrap() > resets);
        assert_eq!(person.asks().len(), 1, "the PIN is still remembered on {firmware}");
    }
}

#[test]
fn a_late_touch_after_a_cancel_is_thrown_away_and_the_card_reset() {
    let (desk, made, finger) = with_key(Firmware::V5_4, &new_key());
    finger.up();
    desk.reader(0).log.lock().unwrap().clear();
    let signer = Arc::new(made.signer);
    let person = Arc::new(Sitting::new());
    let signing = std::thread::spawn({
        let (signer, person) = (Arc::clone(&signer), Arc::clone(&person));
        move || signer.sign(&BATCH, &*person).map(|_| ())
    });
    assert!(finger.wait_until_awaited(Duration::from_secs(10)));
    *person.cancelled.lock().unwrap() = true;
    let error = signing.join().unwrap().unwrap_err();
    assert!(matches!(error, KeyError::Cancelled), "{error}");
    assert_eq!(person.moments().last(), Some(&TouchMoment::Cancelled));
    assert!(finger.is_awaited(), "the card blinks on");
    let reader = desk.reader(0);
    let resets = *reader.resets.lock().unwrap();
    finger.touch();
    // The next one waits until the card is free: it was reset by then.
    finger.down();
    finger.let_window_pass();
    let person = Sitting::new();
    signer.sign(&BATCH, &person).unwrap();
    assert!(*reader.resets.lock().unwrap() >= resets + 2);
    let log = reader.log.lock().unwrap();
    let made = log.iter().filter(|(command, answer)| command[1] == 0x87 && answer.ends_with(&[0x90, 0])).count();
    assert_eq!(made, 3, "the late one, which nobody got, and the two of the next batch");
}

#[test]
fn a_card_that_is_pulled_out_while_it_waits_is_told() {
    let (desk, made, finger) = with_key(Firmware::V5_4, &new_key());
    finger.up();
    let reader = desk.reader(0);
    let pull = {
        let finger = finger.clone();
        Box::new(move |moment| {
            if matches!(moment, TouchMoment::Awaited { .. }) {
                *reader.removed.lock().unwrap() = true;
                finger.touch();
            }
        })
    };
    let person = Sitting { at_moment: Some(pull), ..Sitting::new() };
    let error = made.signer.sign(&BATCH, &person).unwrap_err();
    let removed = matches!(error, KeyError::Card(CardError::Line { source: LineError::Removed, .. }));
    assert!(removed, "{error}");
    assert_eq!(person.moments().last(), Some(&TouchMoment::Removed));
}
