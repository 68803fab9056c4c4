//! What is asked and answered, and what is shown and written down of it.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use keys::agent::{ClientError, Code, Reply, Request};
use keys::{CardKey, Custody, FileSigner, Firmware, Hash, KeyError, KeyUri, Message, Passphrase, Person, PublicKey};
use keys::{Signature, Signer, TouchPolicy};
use sha2::{Digest as _, Sha256};

use super::{DIGEST, House, image, sign, statement};

#[test]
fn an_image_is_signed_in_each_format_after_it_was_shown_and_stands_in_the_log() {
    let house = House::new();
    let (key, artifacts) = house.client().sign_image(None, &image("r.io/app"), &mut |_| {}).unwrap();
    assert_eq!(key, house.public);
    for (artifact, format) in artifacts.iter().zip(["bundle", "cosign-tag"]) {
        assert_eq!(artifact.format, format);
        key.verify(artifact.annotations["message"].as_bytes(), &artifact.bytes).unwrap();
    }
    let shown = house.owner.shown.lock().unwrap()[0].clone();
    assert_eq!((shown.repository.as_deref(), shown.digest.as_deref()), (Some("r.io/app"), Some(DIGEST)));
    let asker = shown.asked_by.unwrap();
    assert!(asker.contains(&std::process::id().to_string()), "{asker}");
    let log = house.log();
    assert_eq!((log.len(), log[0].outcome.as_str(), log[0].process), (1, "signed", Some(std::process::id())));
    assert_eq!((log[0].repository.as_deref(), log[0].tag.as_deref()), (Some("r.io/app"), Some("1.2")));
    let mode = std::fs::metadata(house.folder().join("agent.log")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn several_images_are_signed_in_one_turn_or_not_at_all() {
    let house = House::new();
    let mut other = image("r.io/other");
    other.digest = DIGEST.replace('0', "f");
    house.client().sign_images(None, &[image("r.io/app"), other], &mut |_| {}).unwrap_err();
    assert!(house.owner.shown.lock().unwrap().is_empty());
    let images = ["r.io/app", "r.io/other"].map(image);
    let (key, artifacts) = house.client().sign_images(None, &images, &mut |_| {}).unwrap();
    assert_eq!(artifacts.len(), 2);
    for artifact in artifacts.iter().flatten() {
        key.verify(artifact.annotations["message"].as_bytes(), &artifact.bytes).unwrap();
    }
    let shown: Vec<_> = house.owner.shown.lock().unwrap().iter().map(|intent| intent.repository.clone()).collect();
    assert_eq!(shown, [Some("r.io/app".to_owned()), Some("r.io/other".to_owned())]);
    let outcomes: Vec<_> = house.log().into_iter().map(|entry| (entry.repository.unwrap(), entry.outcome)).collect();
    let line = |repository: &str, outcome: &str| (repository.to_owned(), outcome.to_owned());
    assert_eq!(
        outcomes,
        [
            line("r.io/app", "failed"),
            line("r.io/other", "failed"),
            line("r.io/app", "signed"),
            line("r.io/other", "signed"),
        ]
    );
    let many = vec![image("r.io/app"); keys::agent::protocol::MOST_IMAGES + 1];
    let refused = house.client().sign_images(None, &many, &mut |_| {}).unwrap_err();
    assert!(refused.to_string().contains("at most 100"), "{refused}");
}

#[test]
fn what_the_author_refuses_is_not_signed_and_the_log_says_so() {
    let house = House::new();
    let mut other = image("r.io/app");
    other.digest = DIGEST.replace('0', "f");
    let refused = house.client().sign_image(None, &other, &mut |_| {}).unwrap_err();
    assert!(refused.to_string().contains("the registry has it not"), "{refused}");
    assert_eq!(house.log()[0].outcome, "failed");
    assert!(house.owner.shown.lock().unwrap().is_empty());
}

#[test]
fn a_key_is_named_by_uri_fingerprint_or_file_and_what_fits_none_is_told_which_there_are() {
    let house = House::new();
    let client = house.client();
    let uri = format!("file:{}", house.key().display());
    for name in [uri.as_str(), &house.public.fingerprint()[..8], &house.public.fingerprint(), "release"] {
        client.sign_image(Some(name), &image("r.io/app"), &mut |_| {}).unwrap();
    }
    let refused = client.sign_image(Some("other"), &image("r.io/app"), &mut |_| {}).unwrap_err();
    assert!(
        matches!(&refused, ClientError::Refused { code: Code::NoKey, reason } if reason.contains(&uri)),
        "{refused}"
    );
}

#[test]
fn bytes_in_a_known_form_show_their_digest_and_that_nobody_told_the_repository() {
    let house = House::new();
    let payload = statement();
    let request = Request::SignPayload { key: None, payload: payload.clone(), hash: Some(Hash::Sha256) };
    let (key, signature) = house.client().sign(request, &mut |_| {}).unwrap();
    key.verify(&payload, signature.as_bytes()).unwrap();
    let shown = house.owner.shown.lock().unwrap()[0].clone();
    assert_eq!((shown.repository, shown.digest.as_deref()), (None, Some(DIGEST)));
}

#[test]
fn what_nothing_is_known_of_is_refused_until_its_owner_allows_it_and_after_they_end_it() {
    let house = House::new();
    let client = house.client();
    let digest = Sha256::digest(b"whatever").to_vec();
    let raw = || Request::SignRaw { key: None, digest: digest.clone(), hash: Hash::Sha256 };
    let bytes = || Request::SignPayload { key: None, payload: b"whatever".to_vec(), hash: None };
    for request in [raw(), bytes()] {
        let refused = client.sign(request, &mut |_| {}).unwrap_err();
        assert!(matches!(&refused, ClientError::Refused { code: Code::NotAllowed, .. }), "{refused}");
        assert!(refused.to_string().contains("plimsoll agent allow raw"), "{refused}");
    }
    client.ask(Request::AllowRaw { seconds: 600 }, &mut |_| {}).unwrap();
    for request in [raw(), bytes()] {
        let (key, signature) = client.sign(request, &mut |_| {}).unwrap();
        key.verify(b"whatever", signature.as_bytes()).unwrap();
    }
    assert!(house.owner.shown.lock().unwrap().iter().all(|shown| shown.digest.is_none() && shown.asked_by.is_some()));
    client.ask(Request::AllowRaw { seconds: 0 }, &mut |_| {}).unwrap();
    client.sign(raw(), &mut |_| {}).unwrap_err();
    let outcomes: Vec<_> = house.log().into_iter().map(|entry| entry.outcome).collect();
    assert_eq!(outcomes, ["refused", "refused", "signed", "signed", "refused"]);
}

#[test]
fn the_second_of_two_waits_and_is_told_so() {
    let house = House::new();
    house.owner.hesitate();
    thread::scope(|scope| {
        let first = scope.spawn(|| house.client().sign_image(None, &image("r.io/first"), &mut |_| {}).unwrap());
        house.owner.has_seen(1);
        let mut told = Vec::new();
        let second = house.client();
        let mut progress = |text: &str| {
            told.push(text.to_owned());
            if text.contains("before this one") {
                house.owner.decide();
            }
        };
        second.sign_image(None, &image("r.io/second"), &mut progress).unwrap();
        first.join().unwrap();
        assert!(told[0].starts_with("waiting: 1 before this one; a touch now is for r.io/"), "{told:?}");
    });
    let order: Vec<_> = house.log().into_iter().filter_map(|entry| entry.repository).collect();
    assert_eq!(order, ["r.io/first", "r.io/second"]);
}

#[test]
fn when_whoever_asked_goes_away_nothing_is_signed() {
    let house = House::new();
    house.owner.hesitate();
    thread::scope(|scope| {
        let client = house.client();
        let asked = scope.spawn(move || {
            let bytes = serde_json::to_vec(&keys::agent::Call::new(sign("r.io/app"))).unwrap();
            let stream = std::os::unix::net::UnixStream::connect(house_socket(&house)).unwrap();
            keys::agent::frame::write(&stream, &bytes, std::time::Duration::from_secs(5)).unwrap();
            house.owner.has_seen(1);
            drop(stream);
            drop(client);
            while house.log().is_empty() {
                thread::sleep(std::time::Duration::from_millis(2));
            }
            house.log()
        });
        let log = asked.join().unwrap();
        assert_eq!((log.len(), log[0].outcome.as_str()), (1, "cancelled"));
    });
}

#[test]
fn one_who_waits_and_goes_away_holds_up_nobody() {
    let house = House::new();
    house.owner.hesitate();
    thread::scope(|scope| {
        let first = scope.spawn(|| house.client().sign_image(None, &image("r.io/first"), &mut |_| {}).unwrap());
        house.owner.has_seen(1);
        let stream = std::os::unix::net::UnixStream::connect(house.socket()).unwrap();
        let bytes = serde_json::to_vec(&keys::agent::Call::new(sign("r.io/gone"))).unwrap();
        keys::agent::frame::write(&stream, &bytes, std::time::Duration::from_secs(5)).unwrap();
        keys::agent::frame::read(&stream, std::time::Duration::from_secs(5)).unwrap();
        drop(stream);
        while house.log().is_empty() {
            thread::sleep(std::time::Duration::from_millis(2));
        }
        house.owner.decide();
        first.join().unwrap();
    });
    house.client().sign_image(None, &image("r.io/third"), &mut |_| {}).unwrap();
    let log: Vec<_> = house.log().into_iter().map(|entry| (entry.repository.unwrap(), entry.outcome)).collect();
    assert_eq!(log[0], ("r.io/gone".to_owned(), "cancelled".to_owned()));
    assert_eq!(log.len(), 3);
}

#[test]
fn a_log_that_cannot_be_written_keeps_the_signature_back() {
    let house = House::new();
    std::fs::create_dir(house.folder().join("agent.log")).unwrap();
    let refused = house.client().sign_image(None, &image("r.io/app"), &mut |_| {}).unwrap_err().to_string();
    assert!(refused.contains("agent.log") && refused.contains("nothing is signed unseen"), "{refused}");
}

#[test]
fn the_agent_ends_when_it_is_told_to() {
    let house = House::new();
    assert!(matches!(house.client().ask(Request::Stop, &mut |_| {}).unwrap(), Reply::Done { .. }));
    assert!(house.agent.is_stopping());
}

fn house_socket(house: &House) -> std::path::PathBuf {
    house.socket()
}

/// A key that says of itself that it lies on a card, where one touch counts for 15 s.
struct Cached(FileSigner);

impl Signer for Cached {
    fn uri(&self) -> &KeyUri {
        self.0.uri()
    }

    fn public_key(&self) -> PublicKey {
        self.0.public_key()
    }

    fn custody(&self) -> Custody {
        let (firmware, touch) = (Firmware::new(5, 4, 3), Some(TouchPolicy::Cached));
        Custody::Card(CardKey { serial: Some(1), firmware, slot: 0x9c, touch, pin: None, generated: Some(true) })
    }

    fn sign(&self, batch: &[Message<'_>], person: &dyn Person) -> Result<Vec<Signature>, KeyError> {
        self.0.sign(batch, person)
    }
}

/// The attack: a program of the same user waits until its owner has touched the key for something else.
#[test]
fn one_touch_serves_one_request_even_where_the_card_lets_it_count_for_longer() {
    let house = House::new();
    let path = house.folder().join("card.key");
    let passphrase = Passphrase::new("correct horse", "the test").unwrap();
    let (signer, _) = FileSigner::generate(&path, &passphrase).unwrap();
    let name = signer.public_key().fingerprint();
    house.agent.hold(&"piv:serial=1;slot=9c".parse().unwrap(), Arc::new(Cached(signer))).unwrap();
    let sign = |waits: &mut bool| {
        let client = house.client();
        client.sign_image(Some(&name), &image("r.io/app"), &mut |text| {
            if text.contains("counts no more") {
                *waits = true;
                client.hang_up();
            }
        })
    };
    loop {
        let mut waits = false;
        sign(&mut waits).unwrap();
        let done = Instant::now();
        let second = sign(&mut waits);
        if waits {
            second.unwrap_err();
            break;
        }
        assert!(done.elapsed() >= Duration::from_secs(15), "it was signed under the touch for another");
    }
    // A key that no touch outlasts is not waited for.
    let own = house.public.fingerprint();
    for _ in 0..2 {
        house.client().sign_image(Some(&own), &image("r.io/app"), &mut |_| {}).unwrap();
    }
}
