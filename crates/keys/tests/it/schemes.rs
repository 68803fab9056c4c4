//! Signatures that others made, in every way that is read here.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use keys::{Algorithm, Hash, PublicKey, Scheme};

fn openssl(folder: &Path, arguments: &[&str]) {
    let output = Command::new("openssl").current_dir(folder).args(arguments).output().expect("openssl is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A new key of OpenSSL's: `key.pem` in the folder.
fn generated(folder: &Path, algorithm: &[&str]) -> PublicKey {
    openssl(folder, &[&["genpkey", "-out", "key.pem"], algorithm].concat());
    openssl(folder, &["pkey", "-in", "key.pem", "-pubout", "-out", "key.pub"]);
    std::fs::write(folder.join("message"), "a message").unwrap();
    PublicKey::read(&folder.join("key.pub")).unwrap()
}

#[test]
fn openssl_signs_in_every_way_and_only_that_way_verifies() {
    const CURVE: &str = "ec_paramgen_curve:P-256";
    const WIDE: &str = "ec_paramgen_curve:P-384";
    const PSS: [&str; 4] = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"];
    type Case<'a> = (&'a [&'a str], Algorithm, &'a [(Scheme, &'a [&'a str])]);
    let cases: [Case<'_>; 4] = [
        (
            &["-algorithm", "EC", "-pkeyopt", CURVE],
            Algorithm::EcdsaP256,
            &[(Scheme::Ecdsa(Hash::Sha256), &["-sha256"]), (Scheme::Ecdsa(Hash::Sha384), &["-sha384"])],
        ),
        (
            &["-algorithm", "EC", "-pkeyopt", WIDE],
            Algorithm::EcdsaP384,
            &[(Scheme::Ecdsa(Hash::Sha256), &["-sha256"]), (Scheme::Ecdsa(Hash::Sha384), &["-sha384"])],
        ),
        (
            &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
            Algorithm::Rsa { bits: 2048 },
            &[
                (Scheme::RsaPkcs1(Hash::Sha256), &["-sha256"]),
                (Scheme::RsaPkcs1(Hash::Sha384), &["-sha384"]),
                (Scheme::RsaPkcs1(Hash::Sha512), &["-sha512"]),
                (Scheme::RsaPss(Hash::Sha256), &["-sha256", PSS[0], PSS[1], PSS[2], PSS[3]]),
                (Scheme::RsaPss(Hash::Sha384), &["-sha384", PSS[0], PSS[1], PSS[2], PSS[3]]),
                (Scheme::RsaPss(Hash::Sha512), &["-sha512", PSS[0], PSS[1], PSS[2], PSS[3]]),
            ],
        ),
        // RSA of a length whose first byte is not full.
        (
            &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2050"],
            Algorithm::Rsa { bits: 2050 },
            &[(Scheme::RsaPkcs1(Hash::Sha256), &["-sha256"])],
        ),
    ];
    let every = |hash| [Scheme::Ecdsa(hash), Scheme::RsaPkcs1(hash), Scheme::RsaPss(hash)];
    let mut schemes = [Hash::Sha256, Hash::Sha384, Hash::Sha512].map(every).concat();
    schemes.extend([Scheme::Ed25519, Scheme::Ed25519ph]);
    for (arguments, algorithm, ways) in cases {
        let folder = tempfile::tempdir().unwrap();
        let key = generated(folder.path(), arguments);
        assert_eq!(key.algorithm(), algorithm);
        for (scheme, options) in ways {
            let call = [&["dgst", "-sign", "key.pem", "-out", "signature"], *options, &["message"]].concat();
            openssl(folder.path(), &call);
            let signature = std::fs::read(folder.path().join("signature")).unwrap();
            assert_eq!(key.verify_any(&schemes, b"a message", &signature).unwrap(), *scheme);
            for other in &schemes {
                let holds = key.verify_with(*other, b"a message", &signature).is_ok();
                assert_eq!(holds, other == scheme, "{algorithm}: {scheme} read as {other}");
            }
            key.verify_with(*scheme, b"another message", &signature).expect_err("another message");
        }
    }
}

#[test]
fn openssl_signs_with_ed25519() {
    let folder = tempfile::tempdir().unwrap();
    let key = generated(folder.path(), &["-algorithm", "ED25519"]);
    assert_eq!(key.algorithm(), Algorithm::Ed25519);
    openssl(folder.path(), &["pkeyutl", "-sign", "-inkey", "key.pem", "-rawin", "-in", "message", "-out", "signature"]);
    let signature = std::fs::read(folder.path().join("signature")).unwrap();
    key.verify(b"a message", &signature).unwrap();
    key.verify_with(Scheme::Ed25519ph, b"a message", &signature).expect_err("it is no signature over a hash");
    key.verify(b"another message", &signature).expect_err("another message");
    key.verify(b"a message", &signature[..63]).expect_err("a cut signature");
}

#[test]
fn an_empty_or_endless_signature_is_none() {
    let key = PublicKey::from_pem(include_str!("cosign/rsa.pub")).unwrap();
    for length in [0, 1, 384, 1024, 1025, 100_000] {
        key.verify(b"a message", &vec![1; length]).expect_err("bytes are no signature");
    }
}

/// DSSE's pre-authentication encoding, as the trust room writes it.
fn signed_by_cosign() -> Vec<u8> {
    let payload = include_bytes!("cosign/payload.json");
    let mut message = format!("DSSEv1 28 application/vnd.in-toto+json {} ", payload.len()).into_bytes();
    message.extend_from_slice(payload);
    message
}

#[test]
fn what_cosign_signs_verifies_in_the_way_that_cosign_chose() {
    let message = signed_by_cosign();
    let cases = [
        (include_str!("cosign/p384.pub"), include_str!("cosign/p384.sig"), Scheme::Ecdsa(Hash::Sha384)),
        (include_str!("cosign/ed25519.pub"), include_str!("cosign/ed25519.sig"), Scheme::Ed25519ph),
        (include_str!("cosign/rsa.pub"), include_str!("cosign/rsa.sig"), Scheme::RsaPkcs1(Hash::Sha256)),
    ];
    for (key, signature, expected) in cases {
        let key = PublicKey::from_pem(key).unwrap();
        let signature = BASE64_STANDARD.decode(signature.trim()).unwrap();
        let found = key.verify_any(key.algorithm().sigstore_schemes(), &message, &signature).unwrap();
        assert_eq!(found, expected);
        key.verify_any(key.algorithm().sigstore_schemes(), b"else", &signature).expect_err("another message");
    }
}
