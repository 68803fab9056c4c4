//! Two signers at once, as processes of their own, at a registry that keeps no lists of referrers.

use std::process::{Child, Command, Stdio};

use image::Reference;
use keys::{FileSigner, KeyFile, Nobody, Passphrase, Signer as _};
use trust::{Format, RegistrySignatures, Subject, Verifier, sign};

use super::material::{NOW, client};
use super::registry::{Kind, Registry};
use super::sample::push_image;

const PLACE: &str = "PLIMSOLL_TEST_RACE_PLACE";
const KEY: &str = "PLIMSOLL_TEST_RACE_KEY";

/// What each process does: this test binary calls itself again for that.
#[test]
#[ignore = "started by the test below"]
fn a_signer_in_a_process_of_its_own() {
    let (Ok(place), Ok(key)) = (std::env::var(PLACE), std::env::var(KEY)) else { return };
    let place: Reference = place.parse().unwrap();
    let passphrase = Passphrase::new("test", "the test").unwrap();
    let signer = KeyFile::read(key.as_ref()).unwrap().unlock(&passphrase).unwrap();
    let client = client();
    let subject = Subject::resolve(&client, &place).unwrap();
    let published = sign(&client, &subject, &[Format::Bundle, Format::CosignTag], &signer, &Nobody, NOW).unwrap();
    assert_eq!(published.len(), 2);
}

fn start(place: &Reference, key: &std::path::Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "race::a_signer_in_a_process_of_its_own", "--ignored"])
        .env(PLACE, place.to_string())
        .env(KEY, key)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn signers_that_write_at_the_same_time_lose_no_signature() {
    let Some(registry) = Registry::start(Kind::Open) else { return };
    let client = client();
    let folder = tempfile::tempdir().unwrap();
    let passphrase = Passphrase::new("test", "the test").unwrap();
    let keys: Vec<_> = ["a.key", "b.key", "c.key"].iter().map(|name| folder.path().join(name)).collect();
    let public: Vec<_> =
        keys.iter().map(|path| FileSigner::generate(path, &passphrase).unwrap().0.public_key()).collect();
    for round in 0..3 {
        let place: Reference = format!("{}/team/app:v{round}", registry.host()).parse().unwrap();
        let digest = push_image(&client, &place, &[vec![round; 100], vec![2; 10]]);
        let signers: Vec<_> = keys.iter().map(|key| start(&place, key)).collect();
        for signer in signers {
            let ended = signer.wait_with_output().unwrap();
            assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
        }
        let source = RegistrySignatures::new(client.clone(), place);
        let found = Verifier::new(public.clone()).examine(&digest, &source).unwrap();
        assert!(found.rejected.is_empty(), "{:?}", found.rejected);
        assert_eq!(found.signatures.len(), 6, "three signers, two formats: {:?}", found.signatures);
    }
}
