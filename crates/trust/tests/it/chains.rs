//! What certificates and timestamps can be made to say, by those who have some of the keys.

use std::fs;
use std::path::Path;

use keys::{Author as _, FileSigner, Nobody, Passphrase, PrivateKey, PublicKey, Signer, certificate};
use time::{Duration, OffsetDateTime};
use trust::notation::Authority;
use trust::{Certified, Format, RegistryAuthor, Verifier, publish, sign};

use super::material::key_of;
use super::notation::{Scene, authority, certificates, issued, openssl};

const SIGNERS: &str = "keyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\n";

/// A key that openssl made, as a signer with its certificate.
fn signer(folder: &Path, name: &str) -> (FileSigner, Vec<u8>) {
    let text = fs::read_to_string(folder.join(format!("{name}.key"))).unwrap();
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, body).unwrap();
    let key = PrivateKey::from_pkcs8(&der, name).unwrap();
    let passphrase = Passphrase::new("test", "the test").unwrap();
    let (signer, _) = FileSigner::write(&folder.join(format!("{name}.plimsoll.key")), key, &passphrase).unwrap();
    (signer, certificates(&folder.join(format!("{name}.crt"))).remove(0))
}

/// `NAME.key` and `NAME.crt` with these extensions and no others, by itself or below another.
fn made(folder: &Path, name: &str, extensions: &str, above: Option<&str>) {
    fs::write(folder.join("own.cnf"), "[req]\ndistinguished_name=dn\n[dn]\n").unwrap();
    fs::write(folder.join("own.extensions"), extensions).unwrap();
    let [key, request, certificate] = ["key", "csr", "crt"].map(|ending| format!("{name}.{ending}"));
    let subject = format!("/C=CH/ST=Bern/O=Test/CN={name}");
    let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
    let request_of = ["req", "-nodes", "-keyout", &key, "-out", &request, "-config", "own.cnf", "-subj", &subject];
    openssl(folder, &[&request_of[..], &curve].concat());
    let (authority, authority_key) = (above.map(|name| format!("{name}.crt")), above.map(|name| format!("{name}.key")));
    let by = match (&authority, &authority_key) {
        (Some(certificate), Some(key)) => vec!["-CA", certificate, "-CAkey", key, "-CAcreateserial"],
        _ => vec!["-signkey", &key],
    };
    let of = ["x509", "-req", "-in", &request, "-days", "30", "-out", &certificate, "-extfile", "own.extensions"];
    openssl(folder, &[&of[..], &by].concat());
}

fn signed(scene: &Scene, name: &str) -> PublicKey {
    let (key, certificate) = signer(scene.path(), name);
    let certified = Certified::new(&key, certificate).unwrap();
    let now = OffsetDateTime::now_utc();
    sign(&scene.client, &scene.subject(), &[Format::Notation], &certified, &Nobody, now).unwrap();
    key.public_key()
}

/// The attack: a developer whose own certificate a policy names certifies a second key, and is two people.
#[test]
fn a_signer_whose_certificate_is_trusted_cannot_certify_another() {
    let Some(scene) = Scene::new() else { return };
    made(scene.path(), "developer", SIGNERS, None);
    made(scene.path(), "puppet", SIGNERS, Some("developer"));
    let (own, puppet) = (signed(&scene, "developer"), signed(&scene, "puppet"));
    let trusted = certificates(&scene.path().join("developer.crt"));
    let found = scene.examine(&Verifier::new(vec![]).trusting(trusted));
    assert_eq!(found.signatures.iter().map(|one| &one.key).collect::<Vec<_>>(), [&own], "{:?}", found.rejected);
    assert!(found.rejected.iter().any(|why| why.to_string().contains(&puppet.fingerprint())), "{:?}", found.rejected);
}

#[test]
fn a_trusted_authority_vouches_as_its_own_certificate_lets_it() {
    let Some(scene) = Scene::new() else { return };
    let cases = [
        ("good", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n", true),
        ("plain", "basicConstraints=critical,CA:TRUE\n", true),
        ("unfit", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,digitalSignature\n", false),
        ("none", "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n", false),
    ];
    for (name, extensions, counts) in cases {
        let below = format!("{name}-signer");
        made(scene.path(), name, extensions, None);
        made(scene.path(), &below, SIGNERS, Some(name));
        let key = signed(&scene, &below);
        let trusted = certificates(&scene.path().join(format!("{name}.crt")));
        let found = scene.examine(&Verifier::new(vec![]).trusting(trusted.clone()));
        let own: Vec<_> = found.signatures.iter().filter(|one| one.key == key).collect();
        assert_eq!(own.len(), usize::from(counts), "{name}: {:?}", found.rejected);
        for signature in own {
            assert_eq!(signature.vouching, [certificate::key_of(&trusted[0]).unwrap()], "{name}");
        }
    }
}

/// The attack: any authority stamps any bytes, an old signature as well, and the stamp stands outside of what is signed.
#[test]
fn an_old_signature_with_a_new_timestamp_is_as_old_as_its_signer_said() {
    let Some(scene) = Scene::new() else { return };
    let tsa = authority(scene.path());
    let root = certificates(&scene.path().join("root.crt"));
    let url = format!("http://{}/", tsa.host()).parse().unwrap();
    let long_ago = OffsetDateTime::now_utc() - Duration::days(400);
    let key = key_of(keys::Algorithm::EcdsaP256);
    let certified = Certified::make(&key, &Nobody, long_ago).unwrap();
    let author = RegistryAuthor::new(scene.client.clone()).at(long_ago);
    let draft = author.draft(&scene.subject().request(&[Format::Notation]), &certified).unwrap();
    let signatures = certified.sign(&draft.messages(), &Nobody).unwrap();
    let mut artifacts = draft.finish(signatures).unwrap();
    Authority::new(url, root.clone()).stamp(&mut artifacts).unwrap();
    publish(&scene.client, &scene.subject(), &artifacts, &key.public_key()).unwrap();
    let by_name = Verifier::new(vec![key.public_key()]);
    let by_certificate = Verifier::new(vec![]).trusting(vec![certified.der().to_vec()]);
    for verifier in [by_name, by_certificate] {
        let found = scene.examine(&verifier.believing(root.clone()));
        let [signature] = &found.signatures[..] else { panic!("{found:?}") };
        assert!(
            signature.signed_at.is_some_and(|time| (time - long_ago).abs() < Duration::minutes(1)),
            "{signature:?}"
        );
        assert!(signature.outlived_by.is_empty(), "its certificate has not ended");
    }
}

#[test]
fn who_says_that_an_ended_certificate_was_used_in_time_is_told() {
    let Some(scene) = Scene::new() else { return };
    let tsa = authority(scene.path());
    let root = certificates(&scene.path().join("root.crt"));
    issued(scene.path(), "leaf", "extendedKeyUsage=codeSigning", "30");
    let (key, der) = signer(scene.path(), "leaf");
    let certified = Certified::new(&key, der).unwrap();
    let author = RegistryAuthor::new(scene.client.clone());
    let draft = author.draft(&scene.subject().request(&[Format::Notation]), &certified).unwrap();
    let signatures = certified.sign(&draft.messages(), &Nobody).unwrap();
    let mut artifacts = draft.finish(signatures).unwrap();
    let url = format!("http://{}/", tsa.host()).parse().unwrap();
    Authority::new(url, root.clone()).stamp(&mut artifacts).unwrap();
    publish(&scene.client, &scene.subject(), &artifacts, &key.public_key()).unwrap();
    let verifier = Verifier::new(vec![]).trusting(root.clone()).believing(root.clone());
    assert!(scene.examine(&verifier).signatures[0].outlived_by.is_empty());
    let later = scene.examine(&verifier.at(OffsetDateTime::now_utc() + Duration::days(60)));
    assert_eq!(later.signatures[0].outlived_by, root, "{:?}", later.rejected);
}
