//! The same through the real PC/SC daemon and the virtual reader.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use keys::piv::reader::LineError;
use keys::piv::{CardError, Device, NewKey, PivSigner, system};
use keys::{KeyError, Message, PinKind, PivUri, Signer as _, TouchMoment, TouchPolicy};
use pcsc::{Context, Disposition, Protocols, Scope, ShareMode};
use virtual_card::pcscd::within;
use virtual_card::reader::Slot;
use virtual_card::{Card, Finger, Firmware};

use super::desk::{Sitting, card_of_one, new_key};

const BATCH: [Message<'static>; 2] = [Message { bytes: b"one", hash: None }, Message { bytes: b"two", hash: None }];

/// A card in the slot, with a key for signatures.
fn plugged(slot: &mut Slot, new: &NewKey) -> (PivSigner, Finger) {
    let (card, finger) = card_of_one(Firmware::V5_4, 12_345_678);
    slot.insert(card.waiting_for(Duration::from_secs(30))).unwrap();
    let device = Device::find(&system(), None, &Sitting::new()).unwrap();
    let made = device.generate(0x9c, new, None, &Sitting::new()).unwrap();
    finger.let_window_pass();
    made.signer.lock();
    (made.signer, finger)
}

#[test]
fn it_is_listed_makes_a_key_and_signs_with_one_touch() {
    within("piv::pcsc::it_is_listed_makes_a_key_and_signs_with_one_touch", |reader| {
        assert!(Device::list(&system()).unwrap().is_empty(), "nothing is plugged in");
        let mut slot = reader.slot(0);
        let (signer, finger) = plugged(&mut slot, &new_key());
        let listed = Device::list(&system()).unwrap();
        assert!(listed[0].reader.contains("YubiKey"), "{}", listed[0].reader);
        assert_eq!(listed[0].card.as_ref().unwrap().keys[0].public, Some(signer.public_key()));
        finger.touch_after(Duration::from_millis(700));
        let (before, person) = (finger.touches(), Sitting::new());
        let signatures = signer.sign(&BATCH, &person).unwrap();
        assert_eq!((signatures.len(), finger.touches() - before), (2, 1));
        assert_eq!(person.asks(), [(PinKind::Pin, Some(3))]);
        let opened = PivSigner::open(&system(), &PivUri::default(), &person).unwrap();
        assert_eq!(opened.public_key(), signer.public_key());
        assert!(opened.attestation().unwrap().is_some());
    });
}

/// What another process of the same user does, who has the reader as well: tried again while the daemon still resets a
/// card whose holder was killed.
fn other_process(commands: &[&[u8]]) -> Vec<u8> {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        match transmit_all(commands) {
            Ok(answer) => return answer,
            Err(error) => assert!(Instant::now() < until, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn transmit_all(commands: &[&[u8]]) -> Result<Vec<u8>, pcsc::Error> {
    let context = Context::establish(Scope::User)?;
    let name = context.list_readers_owned()?.remove(0);
    let mut card = context.connect(&name, ShareMode::Shared, Protocols::ANY)?;
    let transaction = card.transaction()?;
    let mut answer = Vec::new();
    for command in commands {
        answer = transaction.transmit(command, &mut [0; 300])?.to_vec();
    }
    transaction.end(Disposition::LeaveCard).map_err(|(_, error)| error)?;
    Ok(answer)
}

#[test]
fn another_process_within_the_window_finds_the_card_locked() {
    within("piv::pcsc::another_process_within_the_window_finds_the_card_locked", |reader| {
        let mut slot = reader.slot(0);
        let (signer, finger) = plugged(&mut slot, &new_key());
        signer.sign(&BATCH, &Sitting::new()).unwrap();
        let waits = finger.waits();
        // Without selecting anything, as whoever hopes to inherit a session would: the card was reset, so PIV is not
        // even selected.
        let sign = [&[0, 0x87, 0x11, 0x9c, 38, 0x7c, 36, 0x82, 0, 0x81, 32][..], &[7; 32]].concat();
        assert_eq!(other_process(&[&sign]), [0x6d, 0]);
        let select: &[u8] = &[0, 0xa4, 4, 0, 5, 0xa0, 0, 0, 3, 8];
        assert_eq!(other_process(&[select, &[0, 0x20, 0, 0x80]]), [0x63, 0xc3]);
        assert_eq!(other_process(&[select, &sign]), [0x69, 0x82]);
        assert_eq!(finger.waits(), waits, "it was not even asked for a touch");
    });
}

#[test]
fn a_session_of_another_process_is_waited_for_and_reset() {
    within("piv::pcsc::a_session_of_another_process_is_waited_for_and_reset", |reader| {
        let mut slot = reader.slot(0);
        let (signer, _finger) = plugged(&mut slot, &new_key());
        let context = Context::establish(Scope::User).unwrap();
        let name = context.list_readers_owned().unwrap().remove(0);
        let mut card = context.connect(&name, ShareMode::Shared, Protocols::ANY).unwrap();
        let transaction = card.transaction().unwrap();
        let signing = std::thread::spawn(move || {
            let person = Sitting::new();
            let outcome = signer.sign(&BATCH, &person).map(|_| ());
            (outcome, person.asks(), person.waited.into_inner().unwrap())
        });
        std::thread::sleep(Duration::from_millis(1500));
        assert!(!signing.is_finished(), "it waits");
        transaction.end(Disposition::LeaveCard).ok().unwrap();
        let (outcome, asks, waited) = signing.join().unwrap();
        outcome.unwrap();
        assert_eq!(waited.len(), 1, "{waited:?}");
        assert!(waited[0].contains("YubiKey"), "{waited:?}");
        assert_eq!(asks.len(), 1);
        // The other's handle is told that the card was reset.
        assert_eq!(card.transaction().err(), Some(pcsc::Error::ResetCard));
    });
}

#[test]
fn a_card_that_another_process_keeps_for_itself_is_said_to_be_held() {
    within("piv::pcsc::a_card_that_another_process_keeps_for_itself_is_said_to_be_held", |reader| {
        let mut slot = reader.slot(0);
        let (signer, _finger) = plugged(&mut slot, &new_key());
        let context = Context::establish(Scope::User).unwrap();
        let name = context.list_readers_owned().unwrap().remove(0);
        let card = context.connect(&name, ShareMode::Exclusive, Protocols::ANY).unwrap();
        let error = signer.sign(&BATCH, &Sitting::new()).unwrap_err();
        assert!(matches!(error, KeyError::Card(CardError::Held { .. })), "{error}");
        let listed = Device::list(&system()).unwrap();
        assert!(matches!(listed[0].card, Err(KeyError::Card(CardError::Held { .. }))));
        card.disconnect(Disposition::LeaveCard).ok().unwrap();
        signer.sign(&BATCH, &Sitting::new()).unwrap();
    });
}

#[test]
fn a_card_that_is_pulled_out_while_it_blinks_is_told_and_found_again() {
    within("piv::pcsc::a_card_that_is_pulled_out_while_it_blinks_is_told_and_found_again", |reader| {
        let mut slot = reader.slot(0);
        let (signer, finger) = plugged(&mut slot, &new_key());
        finger.up();
        let signer = Arc::new(signer);
        let person = Arc::new(Sitting::new());
        let signing = std::thread::spawn({
            let (signer, person) = (Arc::clone(&signer), Arc::clone(&person));
            move || signer.sign(&BATCH, &*person).map(|_| ())
        });
        assert!(finger.wait_until_awaited(Duration::from_secs(10)));
        let card = slot.eject().unwrap();
        let error = signing.join().unwrap().unwrap_err();
        let removed = matches!(error, KeyError::Card(CardError::Line { source: LineError::Removed, .. }));
        assert!(removed, "{error:?}");
        assert_eq!(person.moments().last(), Some(&TouchMoment::Removed));
        // Put into the other slot, it is the same card.
        finger.down();
        let mut other = reader.slot(1);
        other.insert(card).unwrap();
        signer.sign(&BATCH, &*person).unwrap();
    });
}

#[test]
fn a_late_touch_after_a_cancel_signs_nothing_for_anybody() {
    within("piv::pcsc::a_late_touch_after_a_cancel_signs_nothing_for_anybody", |reader| {
        let mut slot = reader.slot(0);
        let (signer, finger) = plugged(&mut slot, &new_key());
        finger.up();
        let signer = Arc::new(signer);
        let person = Arc::new(Sitting::new());
        let signing = std::thread::spawn({
            let (signer, person) = (Arc::clone(&signer), Arc::clone(&person));
            move || signer.sign(&BATCH, &*person).map(|_| ())
        });
        assert!(finger.wait_until_awaited(Duration::from_secs(10)));
        *person.cancelled.lock().unwrap() = true;
        assert!(matches!(signing.join().unwrap(), Err(KeyError::Cancelled)));
        assert!(finger.is_awaited(), "the card blinks on");
        finger.touch();
        let select: &[u8] = &[0, 0xa4, 4, 0, 5, 0xa0, 0, 0, 3, 8];
        // Another process waits until the card is free, and finds it reset and locked.
        assert_eq!(other_process(&[&[0, 0x20, 0, 0x80]]), [0x6d, 0]);
        assert_eq!(other_process(&[select, &[0, 0x20, 0, 0x80]]), [0x63, 0xc3]);
    });
}

/// Makes a test sign, and be killed.
const SIGNS: &str = "PLIMSOLL_TEST_SIGNS_AND_WAITS";

/// Whether this process is the one that is killed.
fn signs_and_waits() -> bool {
    let signs = std::env::var_os(SIGNS).is_some();
    if signs {
        let signer = PivSigner::open(&system(), &PivUri::default(), &Sitting::new()).unwrap();
        signer.sign(&BATCH, &Sitting::new()).unwrap();
    }
    signs
}

/// A process that is killed in the middle of a signature; the touch comes after.
fn killed_while_the_card_blinks(name: &str, finger: &Finger) {
    finger.up();
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact"])
        .env(SIGNS, "1")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    assert!(finger.wait_until_awaited(Duration::from_secs(20)));
    process.kill().unwrap();
    process.wait().unwrap();
    finger.touch();
}

#[test]
fn a_process_that_is_killed_while_the_card_blinks_leaves_it_locked() {
    const NAME: &str = "piv::pcsc::a_process_that_is_killed_while_the_card_blinks_leaves_it_locked";
    if signs_and_waits() {
        return;
    }
    within(NAME, |reader| {
        let mut slot = reader.slot(0);
        let (_, finger) = plugged(&mut slot, &new_key());
        killed_while_the_card_blinks(NAME, &finger);
        // Whoever comes next and selects nothing would find PIV selected, had the card not been reset.
        let sign = [&[0, 0x87, 0x11, 0x9c, 38, 0x7c, 36, 0x82, 0, 0x81, 32][..], &[7; 32]].concat();
        assert_eq!(other_process(&[&sign]), [0x6d, 0]);
    });
}

#[test]
fn who_signs_at_once_after_such_a_kill_does_not_notice_it() {
    const NAME: &str = "piv::pcsc::who_signs_at_once_after_such_a_kill_does_not_notice_it";
    if signs_and_waits() {
        return;
    }
    within(NAME, |reader| {
        let mut slot = reader.slot(0);
        let (signer, finger) = plugged(&mut slot, &new_key());
        for _ in 0..3 {
            killed_while_the_card_blinks(NAME, &finger);
            finger.down();
            signer.sign(&BATCH, &Sitting::new()).unwrap();
            finger.let_window_pass();
        }
    });
}

#[test]
fn no_touch_in_time_is_told() {
    within("piv::pcsc::no_touch_in_time_is_told", |reader| {
        let mut slot = reader.slot(0);
        let always = NewKey { touch: Some(TouchPolicy::Always), ..new_key() };
        let (signer, finger) = plugged(&mut slot, &always);
        finger.absent();
        let person = Sitting::new();
        let error = signer.sign(&BATCH, &person).unwrap_err();
        assert!(matches!(error, KeyError::Card(CardError::NotTouched { .. })), "{error}");
        assert_eq!(person.moments().last(), Some(&TouchMoment::TimedOut));
    });
}

#[test]
fn of_two_plugged_cards_the_serial_number_tells_which() {
    within("piv::pcsc::of_two_plugged_cards_the_serial_number_tells_which", |reader| {
        let (mut one, mut other) = (reader.slot(0), reader.slot(1));
        one.insert(Card::new(Firmware::V5_4, 111)).unwrap();
        other.insert(Card::new(Firmware::V4_3, 222)).unwrap();
        for serial in [111, 222] {
            let device = Device::find(&system(), Some(serial), &Sitting::new()).unwrap();
            assert_eq!(device.serial(), Some(serial));
        }
        let person = Sitting { choice: 1, ..Sitting::new() };
        let chosen = Device::find(&system(), None, &person).unwrap();
        assert_eq!(person.questions.lock().unwrap()[0].1.len(), 2);
        assert!(chosen.serial().is_some());
        let error = Device::find(&system(), Some(333), &person).unwrap_err();
        assert!(error.to_string().contains("YubiKey 111, YubiKey 222"), "{error}");
    });
}
