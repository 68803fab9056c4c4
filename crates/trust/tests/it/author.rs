//! What is signed is built out of the registry and of nothing that the one who asks says.

use image::client::Client;
use image::{Digest, Reference};
use keys::{Author as _, ImageRequest, KeyError, Nobody, Signer as _};
use trust::{Format, RegistryAuthor, RegistrySignatures, Subject, TrustError, Verifier, publish};

use super::fake::Fake;
use super::material::{ALICE, MALLORY, NOW, client};
use super::registry::{Kind, Registry};
use super::sample::push_image;

struct Scene {
    _registry: Registry,
    client: Client,
    place: Reference,
    request: ImageRequest,
}

fn scene() -> Option<Scene> {
    let registry = Registry::start(Kind::Open)?;
    let client = client();
    let place: Reference = format!("{}/team/app:v1", registry.host()).parse().unwrap();
    push_image(&client, &place, &[vec![1; 100], vec![2; 10]]);
    let request = Subject::resolve(&client, &place).unwrap().request(&[Format::Bundle, Format::CosignTag]);
    Some(Scene { _registry: registry, client, place, request })
}

#[test]
fn one_batch_makes_all_formats_and_each_is_found_again() {
    let Some(Scene { _registry, client, place, request }) = scene() else { return };
    let draft = RegistryAuthor::new(client.clone()).at(NOW).draft(&request, &*ALICE).unwrap();
    let intent = draft.intent();
    assert_eq!(intent.repository.as_ref(), Some(&request.repository));
    assert_eq!((intent.tag.as_deref(), intent.digest.as_ref()), (Some("v1"), Some(&request.digest)));
    let signatures = ALICE.sign(&draft.messages(), &Nobody).unwrap();
    assert_eq!(signatures.len(), 2);
    let artifacts = draft.finish(signatures).unwrap();

    let subject = Subject::resolve(&client, &place).unwrap();
    let published = publish(&client, &subject, &artifacts, &ALICE.public_key()).unwrap();
    assert_eq!(published.iter().filter_map(|one| one.format).collect::<Vec<_>>(), [Format::Bundle, Format::CosignTag]);
    let source = RegistrySignatures::new(client, place);
    let found = Verifier::new(vec![ALICE.public_key()]).examine(&subject.digest, &source).unwrap();
    assert!(found.rejected.is_empty(), "{:?}", found.rejected);
    assert_eq!(found.signatures.iter().map(|one| one.format).collect::<Vec<_>>(), [Format::Bundle, Format::CosignTag]);
    for signature in found.signatures {
        assert_eq!(signature.repository.as_ref(), Some(&request.repository));
        assert_eq!((signature.tag.as_deref(), signature.signed_at), (Some("v1"), Some(NOW)));
    }
}

#[test]
fn what_the_registry_does_not_serve_is_not_signed() {
    let Some(Scene { _registry, client, request, .. }) = scene() else { return };
    let author = RegistryAuthor::new(client.clone());
    let refused = |request: &ImageRequest| match author.draft(request, &*ALICE) {
        Ok(_) => panic!("{request:?} was drafted"),
        Err(error @ KeyError::Draft { .. }) => error.to_string(),
        Err(error) => panic!("{error}"),
    };
    let other = image::Digest::sha256(b"never pushed").to_string();
    let unknown = refused(&ImageRequest { digest: other.clone(), tag: None, ..request.clone() });
    assert!(unknown.contains(&other), "{unknown}");
    let moved = refused(&ImageRequest { digest: other, ..request.clone() });
    assert!(moved.contains("points to"), "{moved}");
    refused(&ImageRequest { tag: Some("v2".into()), ..request.clone() });
    for tag in ["v1@sha256:00", "a/b", "", "v 1"] {
        refused(&ImageRequest { tag: Some(tag.into()), ..request.clone() });
    }
    // A name that says more than a repository would be shown as what it is not.
    for repository in [format!("{}:v1", request.repository), "app".into(), format!("{}/", request.repository)] {
        refused(&ImageRequest { repository, ..request.clone() });
    }
    for formats in [vec![], vec!["pgp".to_owned()]] {
        refused(&ImageRequest { formats, ..request.clone() });
    }
    let few = author.draft(&request, &*ALICE).unwrap().finish(vec![]);
    assert!(matches!(few, Err(KeyError::Draft { .. })), "{few:?}");
}

#[test]
fn a_signature_by_another_key_or_of_another_image_is_not_published() {
    let Some(Scene { _registry, client, place, request }) = scene() else { return };
    let author = RegistryAuthor::new(client.clone());
    let draft = author.draft(&request, &*ALICE).unwrap();
    let wrong = MALLORY.sign(&draft.messages(), &Nobody).unwrap();
    assert!(matches!(draft.finish(wrong), Err(KeyError::BadSignature(_))));

    let draft = author.draft(&request, &*MALLORY).unwrap();
    let signatures = MALLORY.sign(&draft.messages(), &Nobody).unwrap();
    let artifacts = draft.finish(signatures).unwrap();
    let subject = Subject::resolve(&client, &place).unwrap();
    let refused = publish(&client, &subject, &artifacts, &ALICE.public_key());
    assert!(matches!(refused, Err(TrustError::Unfit { .. })), "{refused:?}");
    let elsewhere = Subject { digest: image::Digest::sha256(b"x"), ..subject.clone() };
    for artifact in artifacts {
        let refused = publish(&client, &elsewhere, &[artifact], &MALLORY.public_key());
        assert!(matches!(refused, Err(TrustError::Unfit { .. })), "{refused:?}");
    }
    let source = RegistrySignatures::new(client, place);
    let found = Verifier::new(vec![MALLORY.public_key()]).examine(&subject.digest, &source).unwrap();
    assert!(found.signatures.is_empty() && found.rejected.is_empty(), "something was written: {found:?}");
}

/// The attack: a registry says of one digest that it is kept back and points to another.
#[test]
fn who_asks_to_sign_a_digest_is_given_no_other_by_the_registry() {
    let other = br#"{"schemaVersion":2,"layers":[]}"#;
    let evil = Digest::sha256(other);
    let served = evil.clone();
    let fake = Fake::start(move |request, peer| {
        if request.target.ends_with(served.as_str()) {
            return peer.answer(200, &[("Content-Type", "application/vnd.oci.image.manifest.v1+json")], other);
        }
        match request.header("if-none-match") {
            Some(_) => peer.answer(304, &[], b""),
            None => peer.answer(403, &[("Docker-Content-Digest", served.as_str())], b""),
        }
    });
    let asked = Digest::sha256(b"what the engine pushed");
    let repository = format!("{}/team/app", fake.host());
    let request = ImageRequest {
        repository: repository.clone(),
        tag: Some("v1".into()),
        digest: asked.to_string(),
        formats: vec!["bundle".into()],
    };
    let refused = match RegistryAuthor::new(client()).draft(&request, &*ALICE) {
        Ok(draft) => panic!("{:?} was drafted", draft.intent()),
        Err(error) => error.to_string(),
    };
    assert!(refused.contains("does not allow it"), "{refused}");
    // By its tag alone the image that is kept back is what the tag points to.
    let tagged = Subject::resolve(&client(), &format!("{repository}:v1").parse().unwrap()).unwrap();
    assert_eq!(tagged.digest, evil);
}
