//! Ways to the agent over which only some things may be asked.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use keys::Hash;
use keys::agent::{ClientError, Code, Origin, Request, Scope};

use super::{House, Wishes, image, statement};

fn house(until: SystemTime) -> House {
    let scope = Scope::Images { repositories: Arc::new(|name| name.starts_with("r.io/team/")), until };
    House::with(Wishes { scope, origin: Origin::Forwarded { host: "ci.example.com".into() }, ..Wishes::default() })
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

    let refused = client.sign_image(None, &image("r.io/other"), &mut |_| {}).unwrap_err();
    assert!(matches!(&refused, ClientError::Refused { code: Code::NotAllowed, .. }), "{refused}");
    assert_eq!(house.owner.shown.lock().unwrap().len(), 1);
    let log = house.log();
    assert_eq!((log[1].repository.as_deref(), log[1].outcome.as_str()), (Some("r.io/other"), "refused"));
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
