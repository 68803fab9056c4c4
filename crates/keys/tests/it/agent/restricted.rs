//! Ways to the agent over which only some things may be asked.

use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use keys::Hash;
use keys::agent::{
    Asker, Client, ClientError, Code, Limits, Narrow, Origin, Performer, Progress, Reply, Request, Scope, Server,
};

use super::{House, image, statement};

/// An agent with a second way to it, as it is forwarded to another machine.
struct Forwarded {
    house: House,
    narrow: std::path::PathBuf,
}

fn house(until: SystemTime) -> Forwarded {
    let house = House::new();
    let narrow = house.folder().join("narrow.sock");
    let listener = UnixListener::bind(&narrow).unwrap();
    let scope = Scope { repositories: Arc::new(|name| name.starts_with("r.io/team/")), until };
    let origin = Origin::Forwarded { host: "ci.example.com".into() };
    let performer = Arc::new(Ended(Narrow { agent: house.socket(), terminal: None, scope, origin }));
    let limits = Limits { look: Duration::from_millis(5), ..Limits::default() };
    // Served until the test's process ends: one that is over has no socket any more.
    std::thread::spawn(move || Server { performer, limits }.serve(&listener));
    Forwarded { house, narrow }
}

/// Goes on after its end, so that the refusal can be seen.
struct Ended(Narrow);

impl Performer for Ended {
    fn perform(&self, asker: &Asker, request: Request, cancelled: &Arc<AtomicBool>, progress: Progress<'_>) -> Reply {
        self.0.perform(asker, request, cancelled, progress)
    }

    fn is_over(&self) -> bool {
        false
    }
}

impl Forwarded {
    fn client(&self) -> Client {
        Client::connect(&self.narrow).unwrap()
    }
}

impl std::ops::Deref for Forwarded {
    type Target = House;

    fn deref(&self) -> &House {
        &self.house
    }
}

fn later() -> SystemTime {
    SystemTime::now() + Duration::from_mins(10)
}

#[test]
fn only_images_of_the_named_repositories_are_signed_and_their_owner_says_yes() {
    let house = house(later());
    let client = house.client();
    client.sign_image(None, &image("r.io/team/app"), &mut |_| {}).unwrap();
    assert_eq!(*house.owner.asked.lock().unwrap(), ["Sign it?"]);
    let asker = house.owner.shown.lock().unwrap()[0].asked_by.clone().unwrap();
    assert!(asker.contains("ci.example.com"), "{asker}");

    let refused = client.sign_images(None, &[image("r.io/team/app")], &mut |_| {}).unwrap_err();
    assert!(refused.to_string().contains("one at a time"), "{refused}");
    let refused = client.sign_image(None, &image("r.io/other"), &mut |_| {}).unwrap_err();
    assert!(matches!(&refused, ClientError::Refused { code: Code::NotAllowed, .. }), "{refused}");
    assert_eq!(house.owner.shown.lock().unwrap().len(), 1);
    let log = house.log();
    assert_eq!((log.len(), log[0].asked_by.as_str()), (1, "somebody at ci.example.com, through ssh"));
}

#[test]
fn a_no_is_a_no() {
    let house = house(later());
    *house.owner.choice.lock().unwrap() = 1;
    let refused = house.client().sign_image(None, &image("r.io/team/app"), &mut |_| {}).unwrap_err().to_string();
    assert!(refused.contains("said no"), "{refused}");
    assert_eq!(house.log()[0].outcome, "refused");
}

#[test]
fn nothing_but_images_can_be_asked_from_afar() {
    let house = house(later());
    let client = house.client();
    let requests = [
        Request::SignPayload { key: None, payload: statement(), hash: None },
        Request::SignRaw { key: None, digest: vec![0; 32], hash: Hash::Sha256 },
        Request::Add { key: "file:/etc/shadow".into() },
        Request::AllowRaw { seconds: 60 },
        Request::Unlock { key: None },
        Request::Lock { key: None },
        Request::Status,
        Request::Stop,
    ];
    for request in requests {
        let said = format!("{request:?}");
        let refused = client.ask(request, &mut |_| {}).unwrap_err();
        assert!(matches!(refused, ClientError::Refused { code: Code::NotAllowed, .. }), "{said}");
    }
    assert!(!house.agent.is_stopping());
}

#[test]
fn after_its_end_nothing_is_signed_over_that_way() {
    let house = house(SystemTime::now());
    let refused = house.client().sign_image(None, &image("r.io/team/app"), &mut |_| {}).unwrap_err().to_string();
    assert!(refused.contains("is over"), "{refused}");
}

#[test]
fn what_was_asked_before_the_end_and_is_not_answered_until_then_is_not_signed() {
    let house = house(SystemTime::now() + Duration::from_secs(1));
    house.owner.hesitate();
    let refused = house.client().sign_image(None, &image("r.io/team/app"), &mut |_| {}).unwrap_err().to_string();
    assert!(refused.contains("is over"), "{refused}");
    assert!(house.log().iter().all(|entry| entry.outcome != "signed"));
}

#[test]
fn the_agent_itself_signs_nothing_but_images_for_those_who_are_not_here() {
    let house = House::new();
    let client = || house.client().on_behalf_of(Origin::Relayed { registry: "r.io".into(), caller: "a guest".into() });
    for request in [Request::Unlock { key: None }, Request::SignPayload { key: None, payload: statement(), hash: None }]
    {
        let refused = client().ask(request, &mut |_| {}).unwrap_err();
        assert!(matches!(refused, ClientError::Refused { code: Code::NotAllowed, .. }), "{refused}");
    }
    client().sign_image(None, &image("r.io/app"), &mut |_| {}).unwrap();
    assert_eq!(*house.owner.asked.lock().unwrap(), ["Sign it?"]);
}

#[test]
fn one_who_goes_away_far_from_here_is_noticed_here() {
    let house = house(later());
    house.owner.hesitate();
    let stream = std::os::unix::net::UnixStream::connect(&house.narrow).unwrap();
    let call = keys::agent::Call::new(Request::SignImage { key: None, image: image("r.io/team/app") });
    keys::agent::frame::write(&stream, &serde_json::to_vec(&call).unwrap(), Duration::from_secs(5)).unwrap();
    house.owner.has_seen(1);
    drop(stream);
    while house.log().is_empty() {
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(house.log()[0].outcome, "cancelled");
}
