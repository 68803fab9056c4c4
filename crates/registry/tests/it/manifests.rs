//! Manifests: what is taken, what is refused, what is served.

use ::image::Digest;
use serde_json::{Value, json};

use crate::http::{get, request};
use crate::image::{CONFIG, INDEX, LAYER, MANIFEST, TestImage, descriptor, push_blob, put_manifest};
use crate::server::Server;

const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";

#[test]
fn an_image_is_served_by_tag_and_digest_as_it_was_pushed() {
    let server = Server::start();
    let image = TestImage::new("amd64");
    let digest = image.digest();
    let answer = image.push(server.address, "team/app", "v1");
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.header("location"), format!("/v2/team/app/manifests/{digest}"));
    assert_eq!(answer.header("docker-content-digest"), digest.as_str());
    for reference in ["v1", digest.as_str()] {
        let path = format!("/v2/team/app/manifests/{reference}");
        let head = request(server.address, "HEAD", &path, &[], b"");
        let got = get(server.address, &path);
        assert_eq!(got.body, image.manifest);
        for answer in [&head, &got] {
            assert_eq!(answer.status, 200);
            assert_eq!(answer.header("content-type"), MANIFEST);
            assert_eq!(answer.header("content-length"), image.manifest.len().to_string());
            assert_eq!(answer.header("docker-content-digest"), digest.as_str());
        }
        assert!(head.body.is_empty());
    }
}

#[test]
fn a_manifest_with_something_missing_is_refused_and_not_visible() {
    let server = Server::start();
    let image = TestImage::new("amd64");
    push_blob(server.address, "app", &image.config);
    push_blob(server.address, "app", &image.layers[0]);
    // The second layer is in another repository only.
    push_blob(server.address, "other", &image.layers[1]);
    let answer = put_manifest(server.address, "app", "v1", MANIFEST, &image.manifest);
    assert_eq!(answer.error(), (400, "MANIFEST_BLOB_UNKNOWN".into()));
    assert!(answer.text().contains(Digest::sha256(&image.layers[1]).as_str()));
    assert_eq!(get(server.address, "/v2/app/manifests/v1").error(), (404, "MANIFEST_UNKNOWN".into()));
    let index = json!({ "schemaVersion": 2, "manifests": [descriptor(MANIFEST, &image.manifest)] }).to_string();
    let answer = put_manifest(server.address, "app", "v1", INDEX, index.as_bytes());
    assert_eq!(answer.error(), (400, "MANIFEST_BLOB_UNKNOWN".into()));
}

#[test]
fn a_manifest_that_lies_about_a_size_is_refused() {
    let server = Server::start();
    let image = TestImage::new("amd64");
    assert_eq!(image.push(server.address, "app", "v1").status, 201);
    let mut manifest: Value = serde_json::from_slice(&image.manifest).unwrap();
    manifest["layers"][0]["size"] = 1.into();
    let answer = put_manifest(server.address, "app", "v2", MANIFEST, manifest.to_string().as_bytes());
    assert_eq!(answer.error(), (400, "MANIFEST_INVALID".into()));
    let mut child = descriptor(MANIFEST, &image.manifest);
    child["size"] = 1.into();
    let index = json!({ "schemaVersion": 2, "manifests": [child] }).to_string();
    let answer = put_manifest(server.address, "app", "v2", INDEX, index.as_bytes());
    assert_eq!(answer.error(), (400, "MANIFEST_INVALID".into()));
}

#[test]
fn a_manifest_under_another_digest_is_refused() {
    let server = Server::start();
    let image = TestImage::new("amd64");
    image.push(server.address, "app", "v1");
    let other = Digest::sha256(b"other");
    let answer = put_manifest(server.address, "app", other.as_str(), MANIFEST, &image.manifest);
    assert_eq!(answer.error(), (400, "DIGEST_INVALID".into()));
    assert_eq!(get(server.address, &format!("/v2/app/manifests/{other}")).status, 404);
}

#[test]
fn an_index_that_points_to_itself_or_round_in_a_circle_cannot_be_pushed() {
    let server = Server::start();
    // The nearest thing to a circle that can be written down: each names a digest that is not there yet.
    let unborn = descriptor(INDEX, b"not born yet");
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [unborn] }).to_string();
    let digest = Digest::sha256(index.as_bytes());
    let answer = put_manifest(server.address, "app", digest.as_str(), INDEX, index.as_bytes());
    assert_eq!(answer.error(), (400, "MANIFEST_BLOB_UNKNOWN".into()));
    let of_itself = json!({
        "schemaVersion": 2,
        "manifests": [{ "mediaType": INDEX, "digest": digest, "size": index.len() }],
    });
    let answer = put_manifest(server.address, "app", digest.as_str(), INDEX, of_itself.to_string().as_bytes());
    assert_eq!(answer.error(), (400, "DIGEST_INVALID".into()));
}

#[test]
fn a_manifest_of_more_than_4_mib_is_refused_and_one_just_below_is_not() {
    let server = Server::start();
    let image = TestImage::new("amd64");
    image.push(server.address, "app", "v1");
    let padded = |to: usize| {
        let mut bytes = image.manifest.clone();
        bytes.resize(to, b' ');
        put_manifest(server.address, "app", "big", MANIFEST, &bytes)
    };
    assert_eq!(padded(4 << 20).status, 201);
    assert_eq!(padded((4 << 20) + 1).error(), (413, "MANIFEST_INVALID".into()));
}

#[test]
fn what_is_no_manifest_is_refused_with_a_reason() {
    let server = Server::start();
    let image = TestImage::new("amd64");
    image.push(server.address, "app", "v1");
    let put = |media_type: &str, bytes: &[u8]| put_manifest(server.address, "app", "v2", media_type, bytes).error();
    let invalid = (400, "MANIFEST_INVALID".to_owned());
    assert_eq!(put(MANIFEST, b"{"), invalid);
    assert_eq!(put(MANIFEST, b""), invalid);
    assert_eq!(put(MANIFEST, "[".repeat(100_000).as_bytes()), invalid);
    assert_eq!(put(INDEX, &image.manifest), invalid);
    assert_eq!(put("text/html", &image.manifest), invalid);
    assert_eq!(put(DOCKER, &image.manifest), invalid);
    assert_eq!(get(server.address, "/v2/app/manifests/v2").status, 404);
}

#[test]
fn a_docker_image_is_taken_and_served_as_one() {
    let server = Server::start();
    let image = TestImage::new("amd64");
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": DOCKER,
        "config": descriptor("application/vnd.docker.container.image.v1+json", &image.config),
        "layers": image.layers.iter()
            .map(|bytes| descriptor("application/vnd.docker.image.rootfs.diff.tar.gzip", bytes))
            .collect::<Vec<_>>(),
    });
    for blob in image.blobs() {
        push_blob(server.address, "app", blob);
    }
    let answer = put_manifest(server.address, "app", "v1", DOCKER, manifest.to_string().as_bytes());
    assert_eq!((answer.status, answer.header("plimsoll-findings")), (201, "critical=1, high=2"));
    assert_eq!(get(server.address, "/v2/app/manifests/v1").header("content-type"), DOCKER);
}

#[test]
fn a_client_that_does_not_accept_the_type_is_told_so() {
    let server = Server::start();
    TestImage::new("amd64").push(server.address, "app", "v1");
    let accept = |text: &str| request(server.address, "GET", "/v2/app/manifests/v1", &[("Accept", text)], b"").status;
    assert_eq!(accept(DOCKER), 404);
    assert_eq!(accept(&format!("{DOCKER}, {MANIFEST};q=0.5")), 200);
    assert_eq!(accept("*/*"), 200);
}

#[test]
fn deleting_by_digest_takes_the_tags_along_and_by_tag_only_the_tag() {
    let server = Server::start();
    let image = TestImage::new("amd64");
    image.push(server.address, "app", "v1");
    put_manifest(server.address, "app", "v2", MANIFEST, &image.manifest);
    let delete =
        |reference: &str| request(server.address, "DELETE", &format!("/v2/app/manifests/{reference}"), &[], b"").status;
    let digest = image.digest();
    assert_eq!(delete("v1"), 202);
    assert_eq!(get(server.address, "/v2/app/manifests/v1").status, 404);
    assert_eq!(get(server.address, &format!("/v2/app/manifests/{digest}")).status, 200);
    assert_eq!(delete(digest.as_str()), 202);
    assert_eq!(get(server.address, "/v2/app/manifests/v2").status, 404);
    assert_eq!((delete(digest.as_str()), delete("v2")), (404, 404));
}

#[test]
fn a_deleted_blob_is_no_longer_in_its_repository() {
    let server = Server::start();
    push_blob(server.address, "app", b"x");
    push_blob(server.address, "other", b"x");
    let path = format!("/v2/app/blobs/{}", Digest::sha256(b"x"));
    assert_eq!(request(server.address, "DELETE", &path, &[], b"").status, 202);
    assert_eq!(request(server.address, "DELETE", &path, &[], b"").error(), (404, "BLOB_UNKNOWN".into()));
    assert_eq!(get(server.address, &path).status, 404);
    assert_eq!(get(server.address, &path.replace("app", "other")).status, 200);
}

#[test]
fn an_artifact_about_an_image_is_listed_among_its_referrers() {
    let server = Server::start();
    let image = TestImage::new("amd64");
    image.push(server.address, "app", "v1");
    push_blob(server.address, "app", b"{}");
    let artifact = |kind: Option<&str>| {
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor("application/vnd.oci.empty.v1+json", b"{}"),
            "layers": [descriptor("application/vnd.oci.empty.v1+json", b"{}")],
            "subject": descriptor(MANIFEST, &image.manifest),
            "annotations": { "key": "välue" },
        });
        if let Some(kind) = kind {
            manifest["artifactType"] = kind.into();
        }
        let bytes = manifest.to_string().into_bytes();
        let answer = put_manifest(server.address, "app", Digest::sha256(&bytes).as_str(), MANIFEST, &bytes);
        assert_eq!((answer.status, answer.header("oci-subject")), (201, image.digest().as_str()), "{answer:?}");
        assert_eq!(answer.header("plimsoll-findings"), "");
    };
    artifact(Some("application/vnd.dev.sigstore.bundle.v0.3+json"));
    artifact(None);
    let path = format!("/v2/app/referrers/{}", image.digest());
    let answer = get(server.address, &path);
    assert_eq!((answer.status, answer.header("content-type")), (200, INDEX));
    let kinds = |json: &Value| {
        let list = json["manifests"].as_array().unwrap();
        let mut kinds: Vec<String> = list.iter().map(|it| it["artifactType"].as_str().unwrap().to_owned()).collect();
        kinds.sort();
        kinds
    };
    let all = ["application/vnd.dev.sigstore.bundle.v0.3+json", "application/vnd.oci.empty.v1+json"];
    assert_eq!(kinds(&answer.json()), all);
    assert_eq!(answer.json()["manifests"][0]["annotations"]["key"], "välue");
    assert_eq!(answer.header("oci-filters-applied"), "");
    let filtered = get(server.address, &format!("{path}?artifactType={}", all[0].replace('+', "%2B")));
    assert_eq!(
        (kinds(&filtered.json()), filtered.header("oci-filters-applied")),
        (vec![all[0].into()], "artifactType")
    );
    let none = get(server.address, &format!("/v2/app/referrers/{}", Digest::sha256(b"nobody")));
    assert_eq!((none.status, none.json()["manifests"].as_array().unwrap().len()), (200, 0));
    assert_eq!(get(server.address, "/v2/app/referrers/nonsense").error(), (400, "DIGEST_INVALID".into()));
}

#[test]
fn a_layer_that_is_meant_to_lie_elsewhere_may_be_absent() {
    let server = Server::start();
    let config = br#"{"architecture":"amd64","os":"windows","rootfs":{"type":"layers","diff_ids":[]}}"#;
    push_blob(server.address, "app", config);
    let mut foreign = descriptor("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", b"elsewhere");
    foreign["urls"] = json!(["https://example.com/layer"]);
    let mut manifest = json!({ "schemaVersion": 2, "config": descriptor(CONFIG, config), "layers": [foreign] });
    let answer = put_manifest(server.address, "app", "v1", MANIFEST, manifest.to_string().as_bytes());
    assert_eq!((answer.status, answer.header("plimsoll-findings")), (201, "pending"), "{answer:?}");
    manifest["layers"][0]["mediaType"] = LAYER.into();
    let answer = put_manifest(server.address, "app", "v1", MANIFEST, manifest.to_string().as_bytes());
    assert_eq!(answer.error(), (400, "MANIFEST_BLOB_UNKNOWN".into()));
}
