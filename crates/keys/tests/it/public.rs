//! Public keys: what is read, what is refused, by name.

use std::process::Command;

use keys::{Algorithm, KeyError, PublicKey};
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
fn keys_that_are_not_served_are_refused_by_name() {
    let cases: [(&[&str], &str); 5] = [
        (&["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"], "P-521"),
        (&["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"], "1.3.132.0.10"),
        (&["-algorithm", "ED448"], "Ed448"),
        (&["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"], "RSA with 1024 bits"),
        (&["-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"], "RSASSA-PSS"),
    ];
    for (arguments, name) in cases {
        let error = PublicKey::from_pem(&generated(arguments)).unwrap_err();
        assert!(matches!(&error, KeyError::Algorithm { algorithm, .. } if algorithm.contains(name)), "{error}");
    }
}

#[test]
fn a_key_under_which_anybody_can_sign_is_refused() {
    // The points of order 1 and 4 (RFC 8032 section 5.1.3 encodes y, then the sign of x).
    let mut one = [0; 32];
    one[0] = 1;
    for point in [one, [0; 32]] {
        let error = PublicKey::from_point(Algorithm::Ed25519, &point).unwrap_err().to_string();
        assert!(error.contains("small order"), "{error}");
    }
    let modulus = [&[0xff; 255][..], &[1]].concat();
    for (modulus, exponent) in
        [(&modulus[..], &[1][..]), (&modulus, &[2]), (&[0xfe; 256], &[1, 0, 1]), (&modulus, &[1; 9])]
    {
        PublicKey::from_rsa(modulus, exponent).expect_err("no RSA key has such numbers");
    }
    PublicKey::from_rsa(&modulus, &[1, 0, 1]).expect("its numbers are those of a key");
    for (modulus, exponent) in [(&[][..], &[3][..]), (&[1], &[]), (&[0; 256], &[1, 0, 1]), (&[0xff; 2048], &[3])] {
        PublicKey::from_rsa(modulus, exponent).expect_err("a number of no, or absurd, length");
    }
}

#[test]
fn one_key_has_one_fingerprint_however_it_is_written() {
    let algorithms: [&[&str]; 4] = [
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
        &["-algorithm", "ED25519"],
        &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
    ];
    for algorithm in algorithms {
        let text = generated(algorithm);
        let key = PublicKey::from_pem(&text).unwrap();
        assert_eq!(key.to_pem(), text);
        let commented = format!("# the release key\n\n{}\n\n", text.replace('\n', "\r\n"));
        assert_eq!(PublicKey::from_pem(&commented).unwrap().fingerprint(), key.fingerprint());
        assert_eq!(PublicKey::from_der(key.der()).unwrap(), key);
        assert_eq!(key.fingerprint().len(), 64);
    }
}

#[test]
fn a_point_that_is_written_short_is_the_same_key() {
    let key = PublicKey::from_pem(GOOD).unwrap();
    let point = &key.der()[key.der().len() - 64..];
    let short = [&[2 + (point[63] & 1)], &point[..32]].concat();
    assert_eq!(PublicKey::from_point(Algorithm::EcdsaP256, &short).unwrap(), key);
    PublicKey::from_point(Algorithm::EcdsaP384, &short).expect_err("it is on another curve");
    PublicKey::from_point(Algorithm::EcdsaP256, &[0]).expect_err("the point at infinity is no key");
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
