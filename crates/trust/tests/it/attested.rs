//! A device's statement about a key, beside what the key signed.

use image::Reference;
use keys::certificate::{Subject as Name, self_issued, validity_from};
use keys::{Attestation, Custody, FileSigner, KeyError, KeyUri, Message, Nobody, Person, PublicKey, Signature, Signer};
use trust::{Format, RegistrySignatures, Rejection, Subject, Verifier, attested, sign};

use super::material::{ALICE, MALLORY, NOW, client};
use super::registry::{Kind, Registry};
use super::sample::push_image;

/// A key whose device attests it, or says that it does.
struct Attesting<'a>(&'a FileSigner, Attestation);

impl Signer for Attesting<'_> {
    fn uri(&self) -> &KeyUri {
        self.0.uri()
    }

    fn public_key(&self) -> PublicKey {
        self.0.public_key()
    }

    fn custody(&self) -> Custody {
        self.0.custody()
    }

    fn sign(&self, batch: &[Message<'_>], person: &dyn Person) -> Result<Vec<Signature>, KeyError> {
        self.0.sign(batch, person)
    }

    fn attestation(&self) -> Result<Option<Attestation>, KeyError> {
        Ok(Some(self.1.clone()))
    }
}

/// Certificates for the key of `leaf`, in the form of an attestation.
fn attestation(leaf: &FileSigner) -> Attestation {
    let certificate =
        |signer: &FileSigner| self_issued(signer, &Name::named("device"), validity_from(NOW.into()), &Nobody).unwrap();
    Attestation { leaf: certificate(leaf), intermediates: vec![certificate(&MALLORY)] }
}

#[test]
fn an_attestation_is_stored_once_and_attached_to_the_signatures_of_its_key_alone() {
    let Some(registry) = Registry::start(Kind::Open) else { return };
    let client = client();
    let place: Reference = format!("{}/team/app:v1", registry.host()).parse().unwrap();
    let digest = push_image(&client, &place, &[vec![1; 100], vec![2; 10]]);
    let subject = Subject::resolve(&client, &place).unwrap();
    let signer = Attesting(&ALICE, attestation(&ALICE));
    for format in [Format::Bundle, Format::CosignTag] {
        sign(&client, &subject, &[format], &signer, &Nobody, NOW).unwrap();
    }
    sign(&client, &subject, &[Format::Bundle], &*MALLORY, &Nobody, NOW).unwrap();
    let referrers = client.referrers(&place, &digest, Some(attested::MEDIA_TYPE)).unwrap();
    assert_eq!(referrers.len(), 1, "the same attestation lies there once");
    let verifier = Verifier::new(vec![ALICE.public_key(), MALLORY.public_key()]);
    let found = verifier.examine(&digest, &RegistrySignatures::new(client, place)).unwrap();
    assert!(found.rejected.is_empty(), "{:?}", found.rejected);
    assert_eq!(found.signatures.len(), 3);
    for signature in found.signatures {
        let expected: Vec<_> = (signature.key == ALICE.public_key()).then(|| signer.1.clone()).into_iter().collect();
        assert_eq!(signature.attestations, expected);
    }
}

/// The attack: whoever may push puts something beside the image first that is for the key and proves nothing.
#[test]
fn another_attestation_of_the_same_key_hides_none() {
    let Some(registry) = Registry::start(Kind::Open) else { return };
    let client = client();
    let place: Reference = format!("{}/team/app:v1", registry.host()).parse().unwrap();
    let digest = push_image(&client, &place, &[vec![1; 100], vec![2; 10]]);
    let subject = Subject::resolve(&client, &place).unwrap();
    let (good, bad) = (attestation(&ALICE), attestation(&ALICE));
    for one in [&bad, &good] {
        sign(&client, &subject, &[Format::Bundle], &Attesting(&ALICE, one.clone()), &Nobody, NOW).unwrap();
    }
    let found =
        Verifier::new(vec![ALICE.public_key()]).examine(&digest, &RegistrySignatures::new(client, place)).unwrap();
    for signature in found.signatures {
        assert!(signature.attestations.contains(&good) && signature.attestations.contains(&bad));
    }
}

#[test]
fn an_attestation_of_another_key_is_not_signed_beside() {
    let Some(registry) = Registry::start(Kind::Open) else { return };
    let client = client();
    let place: Reference = format!("{}/team/app:v1", registry.host()).parse().unwrap();
    push_image(&client, &place, &[vec![1; 100], vec![2; 10]]);
    let subject = Subject::resolve(&client, &place).unwrap();
    let liar = Attesting(&ALICE, attestation(&MALLORY));
    let refused = sign(&client, &subject, &[Format::Bundle], &liar, &Nobody, NOW).unwrap_err().to_string();
    assert!(refused.contains(&MALLORY.public_key().fingerprint()), "{refused}");
}

#[test]
fn what_is_no_attestation_is_refused_by_its_reason() {
    let many = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n".repeat(50);
    for bytes in
        [&b""[..], b"\xff\xfe", b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", many.as_bytes()]
    {
        attested::parse(bytes).unwrap_err();
    }
    attested::parse(&vec![b'x'; attested::LIMIT as usize + 1]).unwrap_err();
    assert!(Rejection::Attestation("is empty".into()).to_string().contains("attestation"));
}
