//! What belongs to an image, at registries that know referrers and at those that do not.

use std::thread;

use image::client::{Client, Credentials, Referrer};
use image::{Digest, Reference, Verified};
use serde_json::{Value, json};

use super::fake::Fake;
use super::registry::{Kind, Registry};
use super::{reference, settings};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const KIND: &str = "application/vnd.example+json";

fn client() -> Client {
    Client::new(Credentials::none(), settings())
}

fn push(client: &Client, place: &Reference, subject: &Digest, name: &str) -> Digest {
    let empty = Digest::sha256(b"{}");
    client.push_blob(place, &empty, 2, &mut b"{}".as_slice()).unwrap();
    let blank = json!({ "mediaType": "application/vnd.oci.empty.v1+json", "digest": empty, "size": 2 });
    let manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": KIND, "config": blank,
        "layers": [blank], "annotations": { "name": name },
        "subject": { "mediaType": MANIFEST, "digest": subject, "size": 2 } });
    let bytes = Verified::name(manifest.to_string().into_bytes());
    let referrer = Referrer {
        digest: bytes.digest().clone(),
        size: bytes.len() as u64,
        media_type: MANIFEST.into(),
        artifact_type: Some(KIND.into()),
        annotations: [("name".to_owned(), name.to_owned())].into(),
    };
    client.push_referrer(place, subject, &referrer, &bytes).unwrap();
    bytes.digest().clone()
}

#[test]
fn referrers_at_a_registry_that_lists_none_are_under_the_fallback_tag() {
    let Some(registry) = Registry::start(Kind::Open) else { return };
    let (client, place) = (client(), reference(registry.host(), "team/image", "v1"));
    let subject = Digest::sha256(b"subject");
    assert_eq!(client.referrers(&place, &subject, None).unwrap(), []);
    let digests = [push(&client, &place, &subject, "one"), push(&client, &place, &subject, "two")];
    push(&client, &place, &subject, "two");
    let found = client.referrers(&place, &subject, Some(KIND)).unwrap();
    assert_eq!(found.iter().map(|referrer| referrer.digest.clone()).collect::<Vec<_>>(), digests);
    assert_eq!(found[0].annotations["name"], "one");
    assert_eq!(client.referrers(&place, &subject, Some("other")).unwrap(), []);
    client.manifest(&place, &digests[0]).unwrap();
    let index = client.tagged(&place, &format!("sha256-{}", subject.hex())).unwrap();
    assert_eq!(index.media_type.as_deref(), Some("application/vnd.oci.image.index.v1+json"));
}

#[test]
fn writers_that_race_for_the_fallback_tag_lose_nothing() {
    let Some(registry) = Registry::start(Kind::Open) else { return };
    let (client, place) = (client(), reference(registry.host(), "team/image", "v1"));
    let subject = Digest::sha256(b"subject");
    // docker-registry writes a blob in place: manifests that name it are refused while it is pushed a second time.
    client.push_blob(&place, &Digest::sha256(b"{}"), 2, &mut b"{}".as_slice()).unwrap();
    let mut expected: Vec<Digest> = thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|number| {
                let (client, place, subject) = (&client, &place, &subject);
                scope.spawn(move || push(client, place, subject, &format!("writer {number}")))
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    let mut found: Vec<Digest> =
        client.referrers(&place, &subject, None).unwrap().into_iter().map(|referrer| referrer.digest).collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn what_others_wrote_into_the_list_stays_as_it_was() {
    let Some(registry) = Registry::start(Kind::Open) else { return };
    let (client, place) = (client(), reference(registry.host(), "team/image", "v1"));
    let subject = Digest::sha256(b"subject");
    let tag = format!("sha256-{}", subject.hex());
    let first = push(&client, &place, &subject, "one");
    let mut index: Value = serde_json::from_slice(&client.tagged(&place, &tag).unwrap().bytes).unwrap();
    index["annotations"] = json!({ "kept": "yes" });
    index["manifests"][0]["urls"] = json!(["https://example.com/kept"]);
    let bytes = Verified::name(index.to_string().into_bytes());
    client.push_manifest(&place, Some(&tag), "application/vnd.oci.image.index.v1+json", &bytes).unwrap();
    push(&client, &place, &subject, "two");
    let index: Value = serde_json::from_slice(&client.tagged(&place, &tag).unwrap().bytes).unwrap();
    assert_eq!(index["annotations"]["kept"], "yes");
    assert_eq!(index["manifests"][0]["urls"][0], "https://example.com/kept");
    assert_eq!(index["manifests"][0]["digest"], json!(first));
    assert_eq!(index["manifests"].as_array().unwrap().len(), 2);
}

#[test]
fn a_registry_that_lists_referrers_is_read_page_by_page_and_its_tag_is_left_alone() {
    let entry = |text: &str| {
        json!({ "mediaType": MANIFEST, "digest": Digest::sha256(text.as_bytes()), "size": 1,
        "artifactType": if text == "c" { "other" } else { KIND } })
    };
    let pages = [json!([entry("a"), { "digest": "nonsense" }, 7]), json!([entry("b"), entry("c")])];
    let fake = Fake::start(move |request, peer| {
        let is_second = request.target.contains("page=2");
        let page = json!({ "schemaVersion": 2, "manifests": pages[usize::from(is_second)] }).to_string();
        let kind = ("Content-Type", "application/vnd.oci.image.index.v1+json");
        match (request.method.as_str(), is_second) {
            ("GET", false) => {
                peer.answer(200, &[kind, ("Link", "</v2/image/referrers/x?page=2>; rel=\"next\"")], page.as_bytes());
            }
            ("GET", true) => peer.answer(200, &[kind], page.as_bytes()),
            ("HEAD", _) => peer.head(200, &[], 2),
            _ => peer.answer(201, &[("OCI-Subject", "sha256:x")], b""),
        }
    });
    let (client, place) = (client(), reference(&fake.host(), "image", "v1"));
    let found = client.referrers(&place, &Digest::sha256(b"subject"), Some(KIND)).unwrap();
    let digests: Vec<_> = found.into_iter().map(|referrer| referrer.digest).collect();
    assert_eq!(digests, [Digest::sha256(b"a"), Digest::sha256(b"b")]);
    push(&client, &place, &Digest::sha256(b"subject"), "one");
    assert!(fake.requests().iter().all(|request| !request.target.contains("manifests/sha256-")));
}

#[test]
fn a_list_whose_next_page_is_elsewhere_or_without_end_is_bounded() {
    let elsewhere = Fake::start(|_, peer| peer.answer(200, &[], b"{}"));
    for next in [format!("http://{}/page", elsewhere.host()), "/v2/again".to_owned()] {
        let fake = Fake::start(move |_, peer| {
            let kind = ("Content-Type", "application/vnd.oci.image.index.v1+json");
            peer.answer(200, &[kind, ("Link", &format!("<{next}>; rel=\"next\""))], b"{\"manifests\":[]}");
        });
        let place = reference(&fake.host(), "image", "v1");
        assert_eq!(client().referrers(&place, &Digest::sha256(b"x"), None).unwrap(), []);
        assert!(fake.requests().len() < 20);
    }
    assert!(elsewhere.requests().is_empty());
}

#[test]
fn a_tag_that_is_taken_by_something_else_is_not_overwritten() {
    let Some(registry) = Registry::start(Kind::Open) else { return };
    let (client, place) = (client(), reference(registry.host(), "team/image", "v1"));
    let subject = Digest::sha256(b"subject");
    let other = push(&client, &place, &Digest::sha256(b"another subject"), "one");
    let bytes = client.manifest(&place, &other).unwrap().bytes;
    let tag = format!("sha256-{}", subject.hex());
    client.push_manifest(&place, Some(&tag), MANIFEST, &bytes).unwrap();
    let referrer = Referrer {
        digest: other.clone(),
        size: bytes.len() as u64,
        media_type: MANIFEST.into(),
        artifact_type: None,
        annotations: [].into(),
    };
    let error = client.push_referrer(&place, &subject, &referrer, &bytes).unwrap_err().to_string();
    assert!(error.contains("taken by something"), "{error}");
    assert_eq!(client.tagged(&place, &tag).unwrap().bytes.digest(), &other);
}

/// `cosign copy` leaves an image so.
#[test]
fn a_tag_that_is_taken_by_the_image_itself_becomes_the_list() {
    let Some(registry) = Registry::start(Kind::Open) else { return };
    let (client, place) = (client(), reference(registry.host(), "team/image", "v1"));
    let subject = push(&client, &place, &Digest::sha256(b"another subject"), "an image");
    let bytes = client.manifest(&place, &subject).unwrap().bytes;
    let tag = format!("sha256-{}", subject.hex());
    client.push_manifest(&place, Some(&tag), MANIFEST, &bytes).unwrap();
    assert_eq!(client.referrers(&place, &subject, None).unwrap(), []);
    let signature = push(&client, &place, &subject, "a signature");
    let found = client.referrers(&place, &subject, None).unwrap();
    assert_eq!(found.iter().map(|referrer| &referrer.digest).collect::<Vec<_>>(), [&signature]);
    assert_eq!(client.manifest(&place, &subject).unwrap().bytes.digest(), &subject, "the image is there as before");
}

/// docker-registry does not see a blob while another client uploads the same one.
#[test]
fn a_blob_that_is_unknown_for_a_moment_is_waited_for() {
    for (blinks, is_taken) in [(2, true), (usize::MAX, false)] {
        let left = std::sync::atomic::AtomicUsize::new(blinks);
        let fake = Fake::start(move |request, peer| match request.method.as_str() {
            "PUT" if left.load(std::sync::atomic::Ordering::SeqCst) > 0 => {
                left.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                let unknown = br#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown to registry"}]}"#;
                peer.answer(400, &[("Content-Type", "application/json")], unknown);
            }
            "PUT" => peer.answer(201, &[], b""),
            _ => peer.answer(200, &[], b"{}"),
        });
        let place = reference(&fake.host(), "image", "v1");
        let pushed = client().push_manifest(&place, Some("v1"), MANIFEST, &Verified::name(b"{}".to_vec()));
        assert_eq!(pushed.is_ok(), is_taken, "{pushed:?}");
    }
}

#[test]
fn what_a_registry_does_not_delete_is_out_of_the_list_all_the_same() {
    let Some(registry) = Registry::start(Kind::Undeletable) else { return };
    let (client, place) = (client(), reference(registry.host(), "team/image", "v1"));
    let subject = Digest::sha256(b"subject");
    let [one, two] = ["one", "two"].map(|name| push(&client, &place, &subject, name));
    client.delete_referrer(&place, &subject, &one).unwrap();
    let left = client.referrers(&place, &subject, None).unwrap();
    assert_eq!(left.iter().map(|referrer| &referrer.digest).collect::<Vec<_>>(), [&two]);
    // What stood in no list is still there to be had, and that is told.
    client.delete_referrer(&place, &subject, &one).unwrap_err();
}
