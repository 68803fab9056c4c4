//! Signing in a real registry, and how a platform's manifest inherits the signature of its index.

use image::client::{Client, RegistrySource};
use image::{ImageSource as _, Reference};
use keys::Nobody;
use keys::Signer as _;
use trust::{Format, RegistrySignatures, Subject, Verifier, sign};

use super::material::{ALICE, MALLORY, NOW, client};
use super::registry::{Kind, Registry};
use super::sample::push_image;

fn signed_index(registry: &Registry) -> (Client, Reference) {
    let client = client();
    let place: Reference = format!("{}/team/app:v1", registry.host()).parse().unwrap();
    push_image(&client, &place, &[vec![1; 100], vec![2; 10]]);
    let subject = Subject::resolve(&client, &place).unwrap();
    let signed = sign(&client, &subject, &[Format::Bundle], &*ALICE, &Nobody, NOW).unwrap();
    assert!(!signed[0].is_listed, "this registry lists no referrers");
    (client, place)
}

#[test]
fn a_signature_in_a_registry_is_found_and_says_repository_and_tag() {
    let Some(registry) = Registry::start(Kind::Open) else { return };
    let (client, place) = signed_index(&registry);
    let digest = client.resolve(&place).unwrap().bytes.digest().clone();
    let source = RegistrySignatures::new(client.clone(), place.clone());
    let found = Verifier::new(vec![ALICE.public_key()]).examine(&digest, &source).unwrap();
    assert!(found.rejected.is_empty(), "{:?}", found.rejected);
    assert_eq!(found.signatures[0].repository, Some(format!("{}/team/app", registry.host())));
    assert_eq!(found.signatures[0].tag.as_deref(), Some("v1"));
    let strangers = Verifier::new(vec![MALLORY.public_key()]).examine(&digest, &source).unwrap();
    assert!(strangers.signatures.is_empty());
    assert_eq!(strangers.rejected.len(), 1);
}

#[test]
fn an_indexs_signature_counts_for_its_manifests_when_they_were_reached_through_it() {
    let Some(registry) = Registry::start(Kind::Open) else { return };
    let (client, place) = signed_index(&registry);
    let source = RegistrySignatures::new(client.clone(), place.clone());
    let verifier = Verifier::new(vec![ALICE.public_key()]);
    for platform in ["linux/amd64", "linux/arm64"] {
        let image = RegistrySource::open(&client, &place, Some(&platform.parse().unwrap())).unwrap();
        let image = image.image();
        assert!(image.index_digest.is_some());
        let through = verifier.examine_image(&image.digest, image.index_digest.as_ref(), &source).unwrap();
        assert_eq!(through.signatures.len(), 1, "{:?}", through.rejected);
        let directly = verifier.examine_image(&image.digest, None, &source).unwrap();
        assert!(directly.signatures.is_empty());
    }
}

#[test]
fn an_image_that_nobody_signed_has_no_signatures_and_is_no_error() {
    let Some(registry) = Registry::start(Kind::Open) else { return };
    let client = client();
    let place: Reference = format!("{}/team/app:v1", registry.host()).parse().unwrap();
    let digest = push_image(&client, &place, &[vec![1; 100], vec![2; 10]]);
    let found =
        Verifier::new(vec![ALICE.public_key()]).examine(&digest, &RegistrySignatures::new(client, place)).unwrap();
    assert!(found.signatures.is_empty() && found.rejected.is_empty());
}
