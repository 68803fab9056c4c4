//! `sign` in other formats, `trust` and `revoke`.

use std::fs;
use std::sync::Mutex;

use image::Reference;
use image::client::{Client, Credentials, Settings};
use serde_json::{Value, json};

use crate::fake::Fake;
use crate::plimsoll::Home;
use crate::registry::{Kind, Registry};
use crate::sample::push_image;

const SECRET: (&str, &str) = ("PLIMSOLL_PASSPHRASE", "correct horse battery");

struct Scene {
    registry: Registry,
    client: Client,
    place: Reference,
    home: Home,
}

impl Scene {
    fn new() -> Option<Self> {
        let registry = Registry::start(Kind::Open)?;
        let client = Client::new(Credentials::none(), Settings::default());
        let place: Reference = format!("{}/team/app:v1", registry.host()).parse().unwrap();
        push_image(&client, &place, &[vec![1; 100], vec![2; 10]]);
        Some(Self { registry, client, place, home: Home::new() })
    }

    fn image(&self) -> String {
        self.place.to_string()
    }

    fn key(&self, name: &str) {
        self.home.run_with(&["key", "generate", name], &[SECRET]).with(0);
    }

    fn policy(&self, text: &str) {
        fs::write(self.home.path("work").join("policy.toml"), text).unwrap();
    }
}

#[test]
fn one_command_makes_the_key_and_signs_where_there_was_none() {
    let Some(scene) = Scene::new() else { return };
    let image = scene.image();
    let nothing = scene.home.run_with(&["sign", &image], &[SECRET]).with(2).stderr;
    assert!(nothing.contains("key generate"), "{nothing}");
    let typed = [("default.key?", "y"), ("New passphrase", SECRET.1), ("The same again", SECRET.1)];
    scene.home.type_into(&["sign", &image], &typed[..]).with(0);
    let public = scene.home.path(".config/plimsoll/keys/default.pub");
    scene.home.run(&["verify", "--key", public.to_str().unwrap(), &image]).with(0);

    let another = Home::new();
    another.run_with(&["sign", "--yes", &image], &[SECRET]).with(0);
    let public = another.path(".config/plimsoll/keys/default.pub");
    another.run(&["verify", "--key", public.to_str().unwrap(), &image]).with(0);
}

#[test]
fn all_formats_are_made_at_once_and_the_certificate_is_kept_for_the_next() {
    let Some(scene) = Scene::new() else { return };
    let image = scene.image();
    scene.key("release");
    let formats = "bundle,cosign-tag,notation";
    let sign = ["sign", "--key", "release.key", "--format", formats, &image];
    let signed = scene.home.run_with(&sign, &[SECRET]).with(0);
    assert!(signed.stdout.contains("Sigstore bundle") && signed.stdout.contains("notation"), "{}", signed.stdout);
    let certificate = scene.home.path("work/release.crt");
    let made = fs::read_to_string(&certificate).unwrap();
    scene.home.run_with(&sign, &[SECRET]).with(0);
    assert_eq!(fs::read_to_string(&certificate).unwrap(), made, "it is made once");
    let verified = scene.home.run(&["verify", "--key", "release.pub", &image]).with(0).stdout;
    for format in ["Sigstore bundle", "before version 3", "notation signature", "ECDSA on P-256", "time "] {
        assert!(verified.contains(format), "{format}: {verified}");
    }
    let unknown = scene.home.run_with(&["sign", "--format", "pgp", &image], &[SECRET]).with(2).stderr;
    assert!(unknown.contains("bundle, cosign-tag and notation"), "{unknown}");
    // Whom a policy trusts by certificate needs no key's file.
    scene.policy("[[rule]]\nimages = \"**\"\nmode = \"enforce\"\nsigners = { certificates = [\"release.crt\"] }\n");
    scene.home.run(&["verify", "--policy", "policy.toml", &image]).with(0);
}

#[test]
fn the_tree_shows_what_hangs_there_to_people_and_programs() {
    let Some(scene) = Scene::new() else { return };
    let image = scene.image();
    scene.key("release");
    scene.key("registry");
    scene.home.run_with(&["sign", "--key", "release.key", &image], &[SECRET]).with(0);
    fs::write(scene.home.path("work/sbom.json"), json!({ "bomFormat": "CycloneDX" }).to_string()).unwrap();
    let state = ["trust", "state", "--type", "cyclonedx", "--predicate", "sbom.json", "--key", "registry.key", &image];
    scene.home.run_with(&state, &[SECRET]).with(0);
    let tree = ["trust", "tree", &image, "--key", "release.pub", "--registry-key", "registry.pub", "--format", "json"];
    let tree: Value = serde_json::from_str(&scene.home.run(&tree).with(0).stdout).unwrap();
    let attached = tree["attached"].as_array().unwrap();
    assert_eq!(attached.len(), 2, "{tree}");
    assert!(attached.iter().all(|node| node["counts"] == true), "{tree}");
    let text = scene.home.run(&["trust", "tree", &image]).with(0).stdout;
    assert!(text.contains("linux/arm64") && text.contains("cyclonedx") && !text.contains("counts "), "{text}");
}

#[test]
fn what_is_revoked_is_told_beforehand_and_counts_no_more() {
    let Some(scene) = Scene::new() else { return };
    let image = scene.image();
    scene.key("release");
    scene.key("security");
    let other = format!("{}/team/other:v1", scene.registry.host());
    push_image(&scene.client, &other.parse().unwrap(), &[vec![3; 100], vec![2; 10]]);
    for image in [&image, &other] {
        scene.home.run_with(&["sign", "--key", "release.key", image], &[SECRET]).with(0);
    }
    scene.policy(
        "[[rule]]\nimages = \"**\"\nmode = \"enforce\"\nsigners = { keys = [\"release.pub\"] }\n[revocation]\nkeys = \
         [\"security.pub\"]\n",
    );
    let verify = |image: &str| scene.home.run(&["verify", "--policy", "policy.toml", image]);
    let missing = verify(&image).with(1).stderr;
    assert!(missing.contains("no revocation list") && missing.contains("--renew"), "{missing}");
    let host = scene.registry.host().to_owned();
    let renew = ["revoke", "--renew", "--registry", &host, "--key", "security.key"];
    scene.home.run_with(&renew, &[SECRET]).with(0);
    verify(&image).with(0);

    let revoke = ["revoke", &other, "--reason", "built on a bad day", "--key", "security.key"];
    let asked = scene.home.run_with(&revoke, &[SECRET]).with(2).stderr;
    assert!(asked.contains(&other) && asked.contains("--yes"), "{asked}");
    let digest = scene.client.resolve(&other.parse().unwrap()).unwrap().bytes.digest().clone();
    scene.home.run_with(&[&revoke[..], &["--yes"]].concat(), &[SECRET]).with(0);
    // Its signatures are gone for those who read no lists, and new ones do not count.
    let left = scene.client.referrers(&other.parse().unwrap(), &digest, None).unwrap();
    assert!(left.is_empty(), "{left:?}");
    scene.home.run_with(&["sign", "--key", "release.key", &other], &[SECRET]).with(0);
    let refused = verify(&other).with(1).stderr;
    assert!(refused.contains("built on a bad day"), "{refused}");
    verify(&image).with(0);

    // A signature of one platform's own manifest is looked for, too: other verifiers take it.
    let place: Reference = image.parse().unwrap();
    let platform = trust::platforms(&scene.client.resolve(&place).unwrap().bytes).remove(0);
    let by_digest = format!("{}@{platform}", place.repository_name());
    scene.home.run_with(&["sign", "--key", "release.key", &by_digest], &[SECRET]).with(0);
    let revoke = ["revoke", "release.pub", "--registry", &host, "--key", "security.key", "--yes"];
    let revoked = scene.home.run_with(&revoke, &[SECRET]).with(0);
    assert!(revoked.stderr.contains(&image), "what it stops is told: {}", revoked.stderr);
    assert!(revoked.stderr.contains(platform.as_str()), "{}", revoked.stderr);
    assert!(scene.client.referrers(&place, &platform, None).unwrap().is_empty());
    scene.home.run_with(&["sign", "--key", "release.key", &image], &[SECRET]).with(0);
    verify(&image).with(1);

    // An image of several platforms is revoked with these, under whichever digest somebody asks for it.
    scene.home.run_with(&["revoke", &image, "--key", "security.key", "--yes"], &[SECRET]).with(0);
    let refused = verify(&by_digest).with(1).stderr;
    assert!(refused.contains("it revokes this image") && refused.contains("use another image"), "{refused}");
    for wrong in ["release.key", &"0123456789abcdef".repeat(4)] {
        let refused = scene.home.run_with(&["revoke", wrong, "--key", "security.key"], &[SECRET]).with(2).stderr;
        assert!(refused.contains("by its public half"), "{refused}");
    }
    let foreign = scene.home.run_with(&["revoke", &image, "--key", "release.key", "--yes"], &[SECRET]).with(2).stderr;
    assert!(foreign.contains("does not go on with the list"), "{foreign}");
}

/// The attack: whoever has a stolen key and may push leaves something that cannot be looked into, so that the key is not
/// revoked.
#[test]
fn what_cannot_be_looked_at_keeps_nobody_from_revoking() {
    let home = Home::new();
    for name in ["release", "security"] {
        home.run_with(&["key", "generate", name], &[SECRET]).with(0);
    }
    let list = Mutex::new(None::<Vec<u8>>);
    let fake = Fake::start(move |request, peer| {
        let json = [("Content-Type", "application/json")];
        let manifest = [("Content-Type", "application/vnd.oci.image.manifest.v1+json")];
        let path = request.target.split('?').next().unwrap_or_default();
        let mut list = list.lock().unwrap();
        match (request.method.as_str(), path, list.as_deref()) {
            ("GET", "/v2/_catalog", _) => peer.answer(200, &json, br#"{"repositories":["locked","other"]}"#),
            ("GET", "/v2/locked/tags/list", _) => peer.answer(403, &json, br#"{"errors":[{"code":"DENIED"}]}"#),
            ("GET", "/v2/other/tags/list", _) => peer.answer(200, &json, br#"{"tags":["v1"]}"#),
            ("GET", "/v2/other/manifests/v1", _) => peer.answer(200, &manifest, b"{}"),
            ("GET", path, _) if path.contains("/referrers/") => peer.answer(500, &json, b""),
            ("HEAD", ..) => peer.answer(404, &[], b""),
            ("POST", ..) => peer.answer(202, &[("Location", "/upload")], b""),
            ("PUT", "/upload", _) => peer.answer(201, &[], b""),
            ("PUT", "/v2/plimsoll/revocation/manifests/list", _) => {
                *list = Some(request.body.clone());
                peer.answer(201, &[], b"");
            }
            ("GET", "/v2/plimsoll/revocation/manifests/list", Some(bytes)) => peer.answer(200, &manifest, bytes),
            ("GET", "/v2/", _) => peer.answer(200, &json, b"{}"),
            _ => peer.answer(404, &json, b""),
        }
    });
    let revoke = ["revoke", "release.pub", "--registry", &fake.host(), "--key", "security.key", "--yes"];
    let revoked = home.run_with(&revoke, &[SECRET]).with(0);
    assert!(revoked.stdout.contains("version 1, 1 entry"), "{}", revoked.stdout);
    let told = revoked.stderr;
    assert!(
        told.contains("could not be looked at") && told.contains("/locked") && told.contains("/other:v1"),
        "{told}"
    );
}

#[test]
fn the_chain_is_told_from_the_pinned_key_to_the_digest() {
    let Some(scene) = Scene::new() else { return };
    let image = scene.image();
    scene.key("release");
    scene.key("other");
    scene.home.run_with(&["sign", "--key", "release.key", &image], &[SECRET]).with(0);
    scene.home.run_with(&["sign", "--key", "other.key", &image], &[SECRET]).with(0);
    let explain = |key: &str| ["verify", "--explain", "--key", key, &image].map(str::to_owned);
    let told = scene.home.run(&explain("release.pub").each_ref().map(String::as_str)).with(0).stdout;
    let steps =
        ["pinned", "release.pub: the key", "resolved", "A Sigstore bundle that holds", "does not count", "signed, as"];
    let places: Vec<Option<usize>> = steps.iter().map(|step| told.find(step)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{told}");

    scene.policy(
        "[teams]\npayments = { keys = [\"release.pub\"] }\n[[rule]]\nimages = \"**\"\nmode = \"enforce\"\n\
         signers = [{ team = \"payments\", bind = \"tag\" }, { keys = [\"other.pub\"], not-older-than = \"1d\" }]\n",
    );
    let explain = ["verify", "--explain", "--policy", "policy.toml", &image];
    let told = scene.home.run(&explain).with(0).stdout;
    assert!(told.contains("of the team payments") && told.matches('✓').count() == 2, "{told}");
    scene.policy(
        "[[rule]]\nimages = \"**\"\nmode = \"enforce\"\nsigners = { keys = [\"release.pub\"], formats = [\"notation\"] }\n",
    );
    let told = scene.home.run(&explain).with(1).stdout;
    assert!(told.contains("✗") && told.ends_with("not signed as it is wanted\n"), "{told}");
}
