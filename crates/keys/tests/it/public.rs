//! Public keys: what is read, what is refused, by name.

use std::process::Command;

use keys::{KeyError, PublicKey};
use proptest::prelude::*;

/// A key on P-256 whose point was made up: it is on no curve.
const OFF_CURVE: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR+H9iZvmcXn6aBmCWsuKn1Uxq
5/U6OH5ACcM5fCh4Y7kX/+oq7RHg8bYzA2HM4Bnx8G9tF9Pa1kJ6kY0mVw==
-----END PUBLIC KEY-----
";

fn generated(algorithm: &[&str]) -> String {
    let private = Command::new("openssl").arg("genpkey").args(algorithm).output().expect("openssl is installed");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("private.pem");
    std::fs::write(&path, private.stdout).unwrap();
    let public = Command::new("openssl").args(["pkey", "-pubout", "-in"]).arg(&path).output().unwrap();
    String::from_utf8(public.stdout).unwrap()
}

#[test]
fn keys_of_other_algorithms_are_refused_by_name() {
    let cases: [(&[&str], &str); 4] = [
        (&["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"], "P-384"),
        (&["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"], "P-521"),
        (&["-algorithm", "ED25519"], "Ed25519"),
        (&["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], "RSA"),
    ];
    for (arguments, name) in cases {
        let error = PublicKey::from_pem(&generated(arguments)).unwrap_err();
        assert!(matches!(&error, KeyError::Algorithm { algorithm, .. } if algorithm.contains(name)), "{error}");
    }
}

#[test]
fn one_key_has_one_fingerprint_however_it_is_written() {
    let text = generated(&["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    let key = PublicKey::from_pem(&text).unwrap();
    assert_eq!(key.to_pem(), text);
    let commented = format!("# the release key\n\n{}\n\n", text.replace('\n', "\r\n"));
    assert_eq!(PublicKey::from_pem(&commented).unwrap().fingerprint(), key.fingerprint());
    assert_eq!(PublicKey::from_der(key.der()).unwrap(), key);
    assert_eq!(key.fingerprint().len(), 64);
}

#[test]
fn a_point_that_is_not_on_the_curve_is_no_key() {
    PublicKey::from_pem(OFF_CURVE).expect_err("its point was changed by hand");
}

#[test]
fn a_private_key_in_the_place_of_a_public_one_is_told() {
    let text = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
    let error = PublicKey::from_pem(text).unwrap_err().to_string();
    assert!(error.contains("PRIVATE KEY") && error.contains(".pub"), "{error}");
    let error = PublicKey::from_pem("hello").unwrap_err().to_string();
    assert!(error.contains("BEGIN PUBLIC KEY"), "{error}");
}

proptest! {
    #[test]
    fn any_text_and_any_bytes_are_read_without_a_panic(
        text in "(?s)-----BEGIN PUBLIC KEY-----.{0,200}",
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        signature in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let _ = PublicKey::from_pem(&text);
        let _ = PublicKey::from_der(&bytes);
        let key = PublicKey::from_pem(GOOD).unwrap();
        prop_assert!(key.verify(&bytes, &signature).is_err());
    }
}

/// From RFC 5480-conforming tools; a key made for this test alone.
const GOOD: &str = include_str!("good.pub");
