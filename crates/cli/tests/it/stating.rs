//! `plimsoll up --state-with`: the registry's own word about each image.

use std::thread::sleep;
use std::time::Duration;

use image::client::{Client, Credentials, Settings};
use image::{Digest, Reference, Verified};
use serde_json::{Value, json};

use crate::plimsoll::Home;
use crate::serving::Up;

const SECRET: (&str, &str) = ("PLIMSOLL_PASSPHRASE", "correct horse battery");
const STATUS: &str = "Package: tar\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.34+dfsg-1.2\n\n";

/// A Debian image with one package: its layer, its config, its manifest.
fn image() -> (Vec<u8>, Vec<u8>, Verified) {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, content) in [("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n"), ("var/lib/dpkg/status", STATUS)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    let layer = tar.into_inner().unwrap();
    let diff_id = Digest::sha256(&layer);
    let config = json!({ "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": { "type": "layers", "diff_ids": [diff_id] } });
    let config = config.to_string().into_bytes();
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({ "schemaVersion": 2, "mediaType": media_type,
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": Digest::sha256(&config), "size": config.len() },
        "layers": [{ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": diff_id, "size": layer.len() }] });
    (layer, config, Verified::name(manifest.to_string().into_bytes()))
}

fn push(client: &Client, place: &Reference) {
    let (layer, config, manifest) = image();
    for bytes in [&layer, &config] {
        client.push_blob(place, &Digest::sha256(bytes), bytes.len() as u64, &mut &bytes[..]).unwrap();
    }
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    client.push_manifest(place, place.tag.as_deref(), media_type, &manifest).unwrap();
}

#[test]
fn the_registry_states_what_is_in_each_image_once_and_what_was_found_last() {
    let home = Home::new();
    home.run_with(&["key", "generate", "registry"], &[SECRET]).with(0);
    let key = home.path("work/registry.key");
    let up = Up::with(&["--state-with", key.to_str().unwrap()], &[SECRET]);
    let client = Client::new(Credentials::none(), Settings::default());
    let place: Reference = format!("{}/team/app:v1", up.address).parse().unwrap();
    push(&client, &place);
    let public = home.path("work/registry.pub");
    let tree = ["trust", "tree", &place.to_string(), "--registry-key", public.to_str().unwrap(), "--format", "json"]
        .map(str::to_owned);
    let stated = || -> Vec<Value> {
        let tree = home.run(&tree.each_ref().map(String::as_str)).with(0).stdout;
        serde_json::from_str::<Value>(&tree).unwrap()["attached"].as_array().unwrap().clone()
    };
    let both = |nodes: &[Value]| {
        let count = |kind: &str| nodes.iter().filter(|node| node["what"].as_str().unwrap().contains(kind)).count();
        (count("cyclonedx"), count("findings"))
    };
    for _ in 0..600 {
        if both(&stated()) == (1, 1) {
            break;
        }
        sleep(Duration::from_millis(100));
    }
    let nodes = stated();
    assert_eq!(both(&nodes), (1, 1), "{nodes:?}");
    assert!(nodes.iter().all(|node| node["counts"] == true), "{nodes:?}");

    // Pushed once more under another tag: still one SBOM, and only the newest findings.
    push(&client, &format!("{}/team/app:v2", up.address).parse().unwrap());
    sleep(Duration::from_millis(500));
    for _ in 0..600 {
        if both(&stated()) == (1, 1) {
            break;
        }
        sleep(Duration::from_millis(100));
    }
    assert_eq!(both(&stated()), (1, 1));
}

/// The attack: whoever pushes puts something beside the image first that claims to be the registry's bill of it, so that
/// there never is one.
#[test]
fn what_only_claims_to_be_the_registrys_word_does_not_take_its_place() {
    let home = Home::new();
    home.run_with(&["key", "generate", "registry"], &[SECRET]).with(0);
    let key = home.path("work/registry.key");
    let public = home.path("work/registry.pub");
    let up = Up::with(&["--state-with", key.to_str().unwrap()], &[SECRET]);
    let client = Client::new(Credentials::none(), Settings::default());
    let place: Reference = format!("{}/team/app:v1", up.address).parse().unwrap();
    let (.., manifest) = image();
    let blob = b"{}";
    let digest = Digest::sha256(blob);
    client.push_blob(&place, &digest, blob.len() as u64, &mut &blob[..]).unwrap();
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let by = keys::PublicKey::read(&public).unwrap().fingerprint();
    let claim = json!({ "schemaVersion": 2, "mediaType": media_type, "artifactType": trust::bundle::MEDIA_TYPE,
        "config": { "mediaType": "application/vnd.oci.empty.v1+json", "digest": digest, "size": blob.len() },
        "layers": [{ "mediaType": trust::bundle::MEDIA_TYPE, "digest": digest, "size": blob.len() }],
        "annotations": { trust::statements::STATED_BY: by,
            trust::statements::PREDICATE: trust::statements::CYCLONEDX },
        "subject": { "mediaType": media_type, "digest": manifest.digest(), "size": manifest.len() } });
    let claim = Verified::name(claim.to_string().into_bytes());
    client.push_manifest(&place, None, media_type, &claim).unwrap();
    push(&client, &place);
    let tree = ["trust", "tree", &place.to_string(), "--registry-key", public.to_str().unwrap(), "--format", "json"]
        .map(str::to_owned);
    let is_stated =
        || {
            let tree = home.run(&tree.each_ref().map(String::as_str)).with(0).stdout;
            let tree: Value = serde_json::from_str(&tree).unwrap();
            tree["attached"].as_array().unwrap().iter().any(|node| {
                node["counts"] == true && node["what"].as_str().is_some_and(|what| what.contains("cyclonedx"))
            })
        };
    for _ in 0..600 {
        if is_stated() {
            return;
        }
        sleep(Duration::from_millis(100));
    }
    panic!("the registry never stated its own bill");
}
