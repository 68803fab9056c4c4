//! What hangs on an image, and taking it away.

use std::process::Command;

use image::client::Client;
use image::{Digest, Reference};
use keys::{Algorithm, Nobody, Signer as _};
use serde_json::json;
use trust::tree::{Node, Roles, Tree};
use trust::{Format, RegistrySignatures, Subject, Verifier, sign, statements, tree, withdraw};

use super::material::{ALICE, MALLORY, NOW, client, key_of, tool};
use super::registry::{Kind, Registry};
use super::sample::push_image;

struct Scene {
    registry: Registry,
    client: Client,
    place: Reference,
    digest: Digest,
}

impl Scene {
    fn new() -> Option<Self> {
        Self::at(Kind::Open)
    }

    fn at(kind: Kind<'_>) -> Option<Self> {
        let registry = Registry::start(kind)?;
        let client = client();
        let place: Reference = format!("{}/team/app:v1", registry.host()).parse().unwrap();
        let digest = push_image(&client, &place, &[vec![1; 100], vec![2; 10]]);
        Some(Self { registry, client, place, digest })
    }

    fn subject(&self) -> Subject {
        Subject::resolve(&self.client, &self.place).unwrap()
    }

    fn sign(&self, signer: &dyn keys::Signer, formats: &[Format]) {
        sign(&self.client, &self.subject(), formats, signer, &Nobody, NOW).unwrap();
    }

    fn tree(&self, roles: &Roles) -> Tree {
        tree::read(&self.client, &self.place, &self.digest, roles).unwrap()
    }

    fn formats(&self, signer: &dyn keys::Signer) -> Vec<Format> {
        let source = RegistrySignatures::new(self.client.clone(), self.place.clone());
        let found = Verifier::new(vec![signer.public_key()]).at(NOW).examine(&self.digest, &source).unwrap();
        found.signatures.iter().map(|one| one.format).collect()
    }
}

fn only<'a>(nodes: &'a [Node], what: &str) -> &'a Node {
    let found: Vec<_> = nodes.iter().filter(|node| node.what.contains(what)).collect();
    let [node] = found[..] else { panic!("{what}: {nodes:#?}") };
    node
}

#[test]
fn each_key_counts_for_what_it_can_know_and_what_is_unknown_is_shown() {
    let Some(scene) = Scene::new() else { return };
    let (registry, builder) = (key_of(Algorithm::EcdsaP256), key_of(Algorithm::EcdsaP256));
    scene.sign(&*ALICE, &[Format::Bundle, Format::CosignTag]);
    let state = |kind: &str, signer: &dyn keys::Signer| {
        let predicate = json!({ "by": signer.public_key().fingerprint() });
        statements::state(&scene.client, &scene.subject(), kind, predicate, signer, &Nobody, NOW).unwrap();
    };
    state(statements::CYCLONEDX, &registry);
    state(statements::SPDX, &*ALICE);
    state(statements::PROVENANCE[0], &builder);
    state("https://example.com/review/v1", &*MALLORY);
    let roles = Roles {
        signers: Verifier::new(vec![ALICE.public_key()]),
        registries: vec![registry.public_key()],
        builders: vec![builder.public_key()],
    };
    let tree = scene.tree(&roles);
    assert_eq!((tree.attached.len(), tree.platforms.len()), (6, 2), "{tree:#?}");
    assert_eq!(tree.platforms[0].platform.as_deref(), Some("linux/amd64"));
    let signed = only(&tree.attached, "Sigstore bundle");
    assert!(signed.counts && signed.signed_as.as_ref().is_some_and(|name| name.ends_with("/team/app:v1")));
    assert!(only(&tree.attached, "before version 3").counts);
    assert!(only(&tree.attached, "cyclonedx").counts);
    assert!(only(&tree.attached, "provenance").counts);
    let developers = only(&tree.attached, "spdx");
    assert!(!developers.counts && developers.because.contains("does not count"), "{developers:?}");
    assert_eq!(developers.signed_by, Some(ALICE.public_key().fingerprint()));
    assert!(!only(&tree.attached, "example.com").counts);
    // What was stated is no signature, whoever stated it.
    assert!(scene.formats(&registry).is_empty() && scene.formats(&builder).is_empty());
    let forged = statements::state(
        &scene.client,
        &scene.subject(),
        "https://sigstore.dev/cosign/sign/v1",
        json!({}),
        &registry,
        &Nobody,
        NOW,
    );
    forged.unwrap_err();
}

#[test]
fn cosign_reads_what_a_registry_states() {
    let (Some(cosign), Some(scene)) = (tool("cosign", true), Scene::new()) else { return };
    let home = tempfile::tempdir().unwrap();
    let predicate = json!({ "bomFormat": "CycloneDX", "specVersion": "1.6" });
    let subject = scene.subject();
    statements::state(&scene.client, &subject, statements::CYCLONEDX, predicate, &*ALICE, &Nobody, NOW).unwrap();
    std::fs::write(home.path().join("key.pub"), ALICE.public_key().to_pem()).unwrap();
    let verified = Command::new(cosign)
        .args(["verify-attestation", "--key", "key.pub", "--type", "cyclonedx", "--insecure-ignore-tlog"])
        .args(["--allow-http-registry", &scene.place.to_string()])
        .current_dir(home.path())
        .env("HOME", home.path())
        .output()
        .unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
}

#[test]
fn signatures_are_taken_away_all_or_those_of_one_key() {
    // Where nothing can be deleted, nobody finds them any more.
    for kind in [Kind::Open, Kind::Undeletable] {
        let Some(scene) = Scene::at(kind) else { return };
        let everything = [Format::Bundle, Format::CosignTag, Format::Notation];
        for signer in [&*ALICE, &*MALLORY] {
            scene.sign(signer, &everything);
            assert_eq!(scene.formats(signer).len(), 3);
        }
        statements::state(&scene.client, &scene.subject(), statements::SPDX, json!({}), &*ALICE, &Nobody, NOW).unwrap();

        let gone = withdraw::by_key(&scene.client, &scene.place, &scene.digest, &ALICE.public_key()).unwrap();
        assert!(gone.len() == 3 && gone.iter().all(|one| one.result.is_ok()), "{gone:?}");
        assert!(scene.formats(&*ALICE).is_empty());
        assert_eq!(scene.formats(&*MALLORY).len(), 3, "another's stay");

        let gone = withdraw::all(&scene.client, &scene.place, &scene.digest).unwrap();
        assert!(gone.len() == 3 && gone.iter().all(|one| one.result.is_ok()), "{gone:?}");
        assert!(scene.formats(&*MALLORY).is_empty());
        let roles = Roles { signers: Verifier::new(vec![]), registries: vec![ALICE.public_key()], builders: vec![] };
        let tree = scene.tree(&roles);
        let stays = tree.attached.iter().filter(|node| node.counts).count();
        assert_eq!(stays, 1, "a statement is no signature and stays: {tree:#?}");
        scene.sign(&*ALICE, &[Format::CosignTag]);
        assert_eq!(scene.formats(&*ALICE), [Format::CosignTag], "the tag can be signed under again");
        let _ = &scene.registry;
    }
}
