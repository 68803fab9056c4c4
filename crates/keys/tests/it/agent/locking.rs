//! Locked, unlocked, and idle.

use std::thread;
use std::time::{Duration, Instant};

use keys::agent::{Client, Reply, Request, Status};

use super::{House, Wishes, image};

fn status(client: &Client) -> Status {
    match client.ask(Request::Status, &mut |_| {}).unwrap() {
        Reply::Status(status) => status,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_locked_key_asks_its_owner_after_what_it_is_for_was_shown() {
    let house = House::new();
    let client = house.client();
    client.ask(Request::Lock { key: None }, &mut |_| {}).unwrap();
    assert_eq!((status(&client).keys, status(&client).unlocked), (1, 0));
    assert_eq!(client.keys().unwrap()[0].fingerprint, house.public.fingerprint(), "what is public stays known");
    client.sign_image(None, &image("r.io/app"), &mut |_| {}).unwrap();
    assert_eq!(*house.owner.asked.lock().unwrap(), [house.key().display().to_string()]);
    assert_eq!(house.owner.shown.lock().unwrap().len(), 1);
    client.sign_image(None, &image("r.io/app"), &mut |_| {}).unwrap();
    assert_eq!(house.owner.asked.lock().unwrap().len(), 1, "once is enough");
}

#[test]
fn after_some_time_without_a_signature_the_keys_are_locked() {
    let house = House::with(&Wishes { idle: Some(Duration::from_millis(20)), ..Wishes::default() });
    let client = house.client();
    while status(&client).unlocked > 0 {
        thread::sleep(Duration::from_millis(2));
    }
    client.ask(Request::Unlock { key: None }, &mut |_| {}).unwrap();
    assert_eq!(house.owner.asked.lock().unwrap().len(), 1);
    while status(&client).unlocked > 0 {
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn nothing_that_is_under_way_is_locked_away() {
    let house = House::with(&Wishes { idle: Some(Duration::from_millis(20)), ..Wishes::default() });
    let client = house.client();
    client.ask(Request::Unlock { key: None }, &mut |_| {}).unwrap();
    house.owner.hesitate();
    thread::scope(|scope| {
        let signing = scope.spawn(|| house.client().sign_image(None, &image("r.io/app"), &mut |_| {}).unwrap());
        house.owner.has_seen(1);
        house.agent.lock_when_idle();
        house.owner.decide();
        signing.join().unwrap();
    });
}

#[test]
fn a_key_is_added_by_its_name_and_held_once() {
    let house = House::new();
    let client = house.client();
    let add = || Request::Add { key: format!("file:{}", house.key().display()) };
    client.ask(add(), &mut |_| {}).unwrap();
    assert_eq!(client.keys().unwrap().len(), 1);
    let missing = client.ask(Request::Add { key: "file:/nowhere.key".into() }, &mut |_| {}).unwrap_err().to_string();
    assert!(missing.contains("/nowhere.key"), "{missing}");
}

#[test]
fn another_key_in_the_place_of_one_that_was_held_is_not_taken_for_it() {
    let house = House::new();
    let client = house.client();
    client.ask(Request::Lock { key: None }, &mut |_| {}).unwrap();
    std::fs::remove_file(house.key()).unwrap();
    std::fs::remove_file(house.key().with_extension("pub")).unwrap();
    let passphrase = keys::Passphrase::new("correct horse", "the test").unwrap();
    keys::FileSigner::generate(&house.key(), &passphrase).unwrap();
    let refused = client.sign_image(None, &image("r.io/app"), &mut |_| {}).unwrap_err().to_string();
    assert!(refused.contains("another key"), "{refused}");
}

/// The attack: a program of the same user asks for what cannot be signed again and again, so that the keys stay open.
#[test]
fn requests_that_lead_to_no_signature_keep_no_key_open() {
    let house = House::with(&Wishes { idle: Some(Duration::from_millis(400)), ..Wishes::default() });
    let client = house.client();
    let mut nowhere = image("r.io/app");
    nowhere.digest = "sha256:00".into();
    let end = Instant::now() + Duration::from_mins(1);
    while status(&client).unlocked > 0 {
        assert!(Instant::now() < end, "it stays open");
        client.sign_image(None, &nowhere, &mut |_| {}).unwrap_err();
        client.ask(Request::Unlock { key: None }, &mut |_| {}).unwrap();
        thread::sleep(Duration::from_millis(10));
        if !house.owner.asked.lock().unwrap().is_empty() {
            // It was locked, and its owner was asked to open it again.
            break;
        }
    }
}
