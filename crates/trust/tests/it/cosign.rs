//! The real cosign 3 as the judge, both ways.

use keys::Nobody;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use image::Reference;
use keys::{Algorithm, PublicKey, Signer as _};
use trust::{Format, RegistrySignatures, Subject, Verifier, sign};

use super::material::{ALICE, MALLORY, NOW, client, key_of, tool};
use super::registry::{Kind, Registry};
use super::sample::push_image;

fn cosign() -> Option<PathBuf> {
    tool("cosign", true)
}

fn run(cosign: &Path, home: &Path, arguments: &[&str]) -> Output {
    Command::new(cosign)
        .args(arguments)
        .current_dir(home)
        .env("HOME", home)
        .env("COSIGN_PASSWORD", "test")
        .output()
        .expect("cosign runs")
}

fn verify(cosign: &Path, home: &Path, key: &PublicKey, place: &Reference, more: &[&str]) -> Output {
    std::fs::write(home.join("key.pub"), key.to_pem()).unwrap();
    let place = place.to_string();
    let mut arguments = vec!["verify", "--key", "key.pub", "--insecure-ignore-tlog", "--allow-http-registry"];
    arguments.extend(more);
    arguments.push(&place);
    run(cosign, home, &arguments)
}

#[test]
fn cosign_verifies_what_we_sign_and_refuses_it_for_another_key() {
    let (Some(cosign), Some(registry)) = (cosign(), Registry::start(Kind::Open)) else { return };
    let home = tempfile::tempdir().unwrap();
    let client = client();
    let place: Reference = format!("{}/team/app:v1", registry.host()).parse().unwrap();
    push_image(&client, &place, &[vec![1; 100], vec![2; 10]]);
    let unsigned = verify(&cosign, home.path(), &ALICE.public_key(), &place, &[]);
    assert!(!unsigned.status.success(), "nobody has signed yet");

    let subject = Subject::resolve(&client, &place).unwrap();
    sign(&client, &subject, &[Format::Bundle], &*ALICE, &Nobody, NOW).unwrap();
    let good = verify(&cosign, home.path(), &ALICE.public_key(), &place, &[]);
    assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stderr));
    let bad = verify(&cosign, home.path(), &MALLORY.public_key(), &place, &[]);
    assert!(!bad.status.success(), "{}", String::from_utf8_lossy(&bad.stdout));
}

#[test]
fn we_verify_what_cosign_signs_and_both_signatures_stand_side_by_side() {
    let (Some(cosign), Some(registry)) = (cosign(), Registry::start(Kind::Open)) else { return };
    let home = tempfile::tempdir().unwrap();
    let client = client();
    let place: Reference = format!("{}/team/app:v1", registry.host()).parse().unwrap();
    let digest = push_image(&client, &place, &[vec![1; 100], vec![2; 10]]);
    let made = run(&cosign, home.path(), &["generate-key-pair"]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let named = format!("{}/team/app@{digest}", registry.host());
    let signed = run(
        &cosign,
        home.path(),
        &[
            "sign",
            "--key",
            "cosign.key",
            "--use-signing-config=false",
            "--tlog-upload=false",
            "--allow-http-registry",
            "-y",
            &named,
        ],
    );
    assert!(signed.status.success(), "{}", String::from_utf8_lossy(&signed.stderr));

    let key = PublicKey::read(&home.path().join("cosign.pub")).unwrap();
    let source = RegistrySignatures::new(client.clone(), place.clone());
    let found = Verifier::new(vec![key.clone()]).examine(&digest, &source).unwrap();
    assert_eq!(found.signatures.len(), 1, "{:?}", found.rejected);
    assert_eq!(found.signatures[0].key, key);

    sign(&client, &Subject::resolve(&client, &place).unwrap(), &[Format::Bundle], &*ALICE, &Nobody, NOW).unwrap();
    let both = Verifier::new(vec![key.clone(), ALICE.public_key()]).verify(&digest, &source).unwrap();
    assert_eq!(both.len(), 2);
    for key in [key, ALICE.public_key()] {
        let good = verify(&cosign, home.path(), &key, &place, &[]);
        assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stderr));
    }
}

#[test]
fn cosigns_older_tag_is_verified_both_ways_and_holds_several_signers() {
    let (Some(cosign), Some(registry)) = (cosign(), Registry::start(Kind::Open)) else { return };
    let home = tempfile::tempdir().unwrap();
    let client = client();
    let place: Reference = format!("{}/team/app:v1", registry.host()).parse().unwrap();
    let digest = push_image(&client, &place, &[vec![1; 100], vec![2; 10]]);
    assert!(run(&cosign, home.path(), &["generate-key-pair"]).status.success());
    let named = format!("{}/team/app@{digest}", registry.host());
    let older = ["--new-bundle-format=false", "--use-signing-config=false", "--tlog-upload=false"];
    let mut arguments = vec!["sign", "--key", "cosign.key", "--allow-http-registry", "-y"];
    arguments.extend(older);
    arguments.push(&named);
    let signed = run(&cosign, home.path(), &arguments);
    assert!(signed.status.success(), "{}", String::from_utf8_lossy(&signed.stderr));

    let subject = Subject::resolve(&client, &place).unwrap();
    sign(&client, &subject, &[Format::CosignTag], &*ALICE, &Nobody, NOW).unwrap();
    let theirs = PublicKey::read(&home.path().join("cosign.pub")).unwrap();
    let source = RegistrySignatures::new(client.clone(), place.clone());
    let found = Verifier::new(vec![theirs.clone(), ALICE.public_key()]).examine(&digest, &source).unwrap();
    assert!(found.rejected.is_empty(), "{:?}", found.rejected);
    assert_eq!(found.signatures.len(), 2);
    for signature in &found.signatures {
        assert_eq!(signature.format, Format::CosignTag);
        assert_eq!(signature.repository, Some(place.repository_name()));
    }
    for key in [theirs, ALICE.public_key()] {
        let good = verify(&cosign, home.path(), &key, &place, &["--new-bundle-format=false"]);
        assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stderr));
    }
    let bad = verify(&cosign, home.path(), &MALLORY.public_key(), &place, &["--new-bundle-format=false"]);
    assert!(!bad.status.success());
}

#[test]
fn cosign_verifies_keys_of_every_algorithm_that_we_sign_with() {
    let (Some(cosign), Some(registry)) = (cosign(), Registry::start(Kind::Open)) else { return };
    let home = tempfile::tempdir().unwrap();
    let client = client();
    for (name, algorithm) in
        [("p256", Algorithm::EcdsaP256), ("p384", Algorithm::EcdsaP384), ("ed25519", Algorithm::Ed25519)]
    {
        let place: Reference = format!("{}/team/{name}:v1", registry.host()).parse().unwrap();
        let digest = push_image(&client, &place, &[vec![1; 100], vec![2; 10]]);
        let signer = key_of(algorithm);
        let subject = Subject::resolve(&client, &place).unwrap();
        sign(&client, &subject, &[Format::Bundle, Format::CosignTag], &signer, &Nobody, NOW).unwrap();
        for more in [&[][..], &["--new-bundle-format=false"]] {
            let good = verify(&cosign, home.path(), &signer.public_key(), &place, more);
            assert!(good.status.success(), "{name} {more:?}: {}", String::from_utf8_lossy(&good.stderr));
        }
        let source = RegistrySignatures::new(client.clone(), place);
        let found = Verifier::new(vec![signer.public_key()]).examine(&digest, &source).unwrap();
        assert_eq!(found.signatures.len(), 2, "{:?}", found.rejected);
    }
}

#[test]
fn we_verify_what_cosign_signs_with_keys_of_other_algorithms() {
    let (Some(cosign), Some(registry)) = (cosign(), Registry::start(Kind::Open)) else { return };
    let home = tempfile::tempdir().unwrap();
    let client = client();
    let keys: [(&str, &[&str]); 3] = [
        ("p384", &["EC", "-pkeyopt", "ec_paramgen_curve:P-384"]),
        ("ed25519", &["ED25519"]),
        ("rsa", &["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
    ];
    for (name, kind) in keys {
        let place: Reference = format!("{}/team/{name}:v1", registry.host()).parse().unwrap();
        let digest = push_image(&client, &place, &[vec![1; 100], vec![2; 10]]);
        let mut arguments = vec!["genpkey", "-out", "plain.key", "-algorithm"];
        arguments.extend(kind);
        openssl(home.path(), &arguments);
        openssl(home.path(), &["pkey", "-in", "plain.key", "-pubout", "-out", "plain.pub"]);
        let imported =
            run(&cosign, home.path(), &["import-key-pair", "--key", "plain.key", "--output-key-prefix", name]);
        assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
        let (named, file) = (format!("{}/team/{name}@{digest}", registry.host()), format!("{name}.key"));
        for format in
            [&["--use-signing-config=false"][..], &["--new-bundle-format=false", "--use-signing-config=false"]]
        {
            let mut arguments = vec!["sign", "--key", &file, "--tlog-upload=false", "--allow-http-registry", "-y"];
            arguments.extend(format);
            arguments.push(&named);
            let signed = run(&cosign, home.path(), &arguments);
            assert!(signed.status.success(), "{name}: {}", String::from_utf8_lossy(&signed.stderr));
        }
        let key = PublicKey::read(&home.path().join("plain.pub")).unwrap();
        let source = RegistrySignatures::new(client.clone(), place);
        let found = Verifier::new(vec![key]).examine(&digest, &source).unwrap();
        let formats: Vec<_> = found.signatures.iter().map(|one| one.format).collect();
        assert_eq!(formats, [Format::Bundle, Format::CosignTag], "{name}: {:?}", found.rejected);
    }
}

fn openssl(folder: &Path, arguments: &[&str]) {
    let done = Command::new("openssl").args(arguments).current_dir(folder).output().expect("openssl runs");
    assert!(done.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}
