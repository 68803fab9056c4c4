//! Registries whose lists of signatures are long, wrong or never end.

use std::time::Duration;

use image::client::{Client, Credentials, Proxies, Settings};
use image::{Digest, Reference};
use keys::Signer as _;
use serde_json::json;
use trust::{Examination, RegistrySignatures, Rejection, Verifier, bundle};

use super::fake::{Fake, Peer, Request};
use super::material::{ALICE, image};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A registry that lists `count` signatures and answers as `handler` says when they are asked for.
fn listing(count: usize, handler: impl Fn(&Request, &mut Peer) + Send + Sync + 'static) -> Fake {
    Fake::start(move |request, peer| {
        if !request.target.contains("/referrers/") {
            return handler(request, peer);
        }
        let entry = |number: usize| {
            json!({ "mediaType": MANIFEST, "digest": Digest::sha256(&number.to_le_bytes()), "size": 1,
                "artifactType": bundle::MEDIA_TYPE })
        };
        let list = json!({ "schemaVersion": 2, "manifests": (0..count).map(entry).collect::<Vec<_>>() }).to_string();
        peer.answer(200, &[("Content-Type", "application/vnd.oci.image.index.v1+json")], list.as_bytes());
    })
}

fn examine(fake: &Fake) -> Examination {
    let settings = Settings {
        stall_timeout: Duration::from_millis(300),
        attempts: 1,
        proxies: Proxies::default(),
        certificate_folders: vec![],
        ..Settings::default()
    };
    let place: Reference = format!("{}/team/app:v1", fake.host()).parse().unwrap();
    let source = RegistrySignatures::new(Client::new(Credentials::none(), settings), place);
    Verifier::new(vec![ALICE.public_key()]).examine(&image(), &source).unwrap()
}

#[test]
fn a_registry_that_stops_answering_is_asked_for_one_signature_and_not_for_all() {
    let fake = listing(50, |_, peer| peer.stall());
    let found = examine(&fake);
    assert!(found.signatures.is_empty());
    assert!(matches!(found.rejected[..], [Rejection::Unreadable(_)]), "{:?}", found.rejected);
}

#[test]
fn signatures_that_are_listed_and_not_there_are_told_and_their_number_is_bounded() {
    let fake = listing(1000, |_, peer| peer.answer(404, &[], b""));
    let found = examine(&fake);
    assert!(found.signatures.is_empty());
    assert_eq!(found.rejected.len(), trust::source::BUNDLES);
}

#[test]
fn a_manifest_with_another_digest_than_the_listed_one_is_not_read() {
    let fake = listing(1, |_, peer| peer.answer(200, &[("Content-Type", MANIFEST)], b"{}"));
    let found = examine(&fake);
    assert!(found.rejected[0].to_string().contains("was asked for"), "{:?}", found.rejected);
}
