//! Keys that other programs made, taken over.

use std::path::{Path, PathBuf};
use std::process::Command;

use keys::{Algorithm, ForeignKey, KeyError, Passphrase, PublicKey};
use proptest::prelude::*;

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text, "the test").unwrap()
}

fn foreign(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/foreign").join(name)
}

#[test]
fn cosigns_keys_are_read_under_both_of_their_labels() {
    for (name, algorithm) in
        [("p256", Algorithm::EcdsaP256), ("p384", Algorithm::EcdsaP384), ("ed25519", Algorithm::Ed25519)]
    {
        let public = PublicKey::read(&foreign(&format!("cosign-{name}.pub"))).unwrap();
        assert_eq!(public.algorithm(), algorithm);
        let text = std::fs::read_to_string(foreign(&format!("cosign-{name}.key"))).unwrap();
        for text in [text.replace("SIGSTORE", "COSIGN"), text] {
            let key = ForeignKey::parse(&text, name).unwrap();
            assert!(key.is_encrypted() && key.origin().contains("cosign"), "{}", key.origin());
            assert_eq!(key.unlock(Some(&passphrase("cosign pass"))).unwrap().public_key().unwrap(), public);
        }
    }
    let key = ForeignKey::read(&foreign("cosign-p256.key")).unwrap();
    for wrong in [Some(&passphrase("cosign")), None] {
        assert!(matches!(key.unlock(wrong), Err(KeyError::WrongPassphrase(_))));
    }
    let empty = ForeignKey::read(&foreign("cosign-empty.key")).unwrap();
    let public = PublicKey::read(&foreign("cosign-empty.pub")).unwrap();
    assert_eq!(empty.unlock(None).unwrap().public_key().unwrap(), public);
    let error = ForeignKey::read(&foreign("cosign-rsa.key")).unwrap().unlock(Some(&passphrase("cosign pass")));
    assert!(matches!(&error, Err(KeyError::Algorithm { algorithm, .. }) if algorithm.contains("RSA")), "{error:?}");
}

#[test]
fn dockers_keys_of_all_ages_are_read_with_their_roles() {
    let root = PublicKey::read(&foreign("docker-root.pub")).unwrap();
    let delegation = PublicKey::read(&foreign("docker-delegation.pub")).unwrap();
    let cases = [
        ("docker-root.key", &root, "role root"),
        ("docker-root-old.key", &root, "role root"),
        ("docker-targets.key", &root, "role targets of docker.io/team/app"),
        ("docker-delegation.key", &delegation, "role alice"),
    ];
    for (name, public, says) in cases {
        let key = ForeignKey::read(&foreign(name)).unwrap();
        assert!(key.is_encrypted() && key.origin().contains(says), "{}", key.origin());
        assert_eq!(key.unlock(Some(&passphrase("docker pass"))).unwrap().public_key().unwrap(), *public, "{name}");
        let wrong = key.unlock(Some(&passphrase("docker")));
        assert!(matches!(wrong, Err(KeyError::WrongPassphrase(_))), "{name}: {wrong:?}");
    }
}

fn openssl(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("openssl").current_dir(folder).args(arguments).output().expect("openssl is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn whatever_openssl_writes_is_read() {
    let folder = tempfile::tempdir().unwrap();
    for curve in ["prime256v1", "secp384r1"] {
        // With its parameters before it, as this command has written keys for twenty years.
        openssl(folder.path(), &["ecparam", "-name", curve, "-genkey", "-out", "sec1.pem"]);
        openssl(folder.path(), &["pkcs8", "-topk8", "-nocrypt", "-in", "sec1.pem", "-out", "plain.pem"]);
        let public = PublicKey::from_pem(&openssl(folder.path(), &["pkey", "-in", "sec1.pem", "-pubout"])).unwrap();
        for name in ["sec1.pem", "plain.pem"] {
            let key = ForeignKey::read(&folder.path().join(name)).unwrap();
            assert!(!key.is_encrypted());
            assert_eq!(key.unlock(None).unwrap().public_key().unwrap(), public);
        }
        let legacy = ["-aes-128-cbc", "-aes-192-cbc", "-aes-256-cbc", "-des-ede3-cbc"].map(|cipher| {
            ["pkey", "-traditional", "-in", "sec1.pem", cipher, "-passout", "pass:pw", "-out", "out.pem"].to_vec()
        });
        let modern = [
            &["-scrypt"][..],
            &["-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA256"],
            &["-v2", "des3", "-v2prf", "hmacWithSHA1"],
        ]
        .map(|how| [&["pkcs8", "-topk8", "-in", "sec1.pem", "-passout", "pass:pw", "-out", "out.pem"], how].concat());
        for arguments in legacy.iter().chain(&modern) {
            openssl(folder.path(), arguments);
            let key = ForeignKey::read(&folder.path().join("out.pem")).unwrap();
            assert!(key.is_encrypted(), "{arguments:?}");
            assert_eq!(key.unlock(Some(&passphrase("pw"))).unwrap().public_key().unwrap(), public, "{arguments:?}");
            let wrong = key.unlock(Some(&passphrase("no")));
            assert!(matches!(wrong, Err(KeyError::WrongPassphrase(_))), "{arguments:?}: {wrong:?}");
        }
    }
}

#[test]
fn what_cannot_be_taken_over_is_refused_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    openssl(folder.path(), &["genrsa", "-traditional", "-out", "rsa.pem", "2048"]);
    openssl(folder.path(), &["ecparam", "-name", "secp521r1", "-genkey", "-noout", "-out", "wide.pem"]);
    openssl(
        folder.path(),
        &["pkcs8", "-topk8", "-v1", "PBE-SHA1-3DES", "-in", "wide.pem", "-passout", "pass:pw", "-out", "weak.pem"],
    );
    std::fs::write(
        folder.path().join("ssh"),
        "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
    )
    .unwrap();
    std::fs::write(folder.path().join("text"), "hello").unwrap();
    std::fs::copy(foreign("docker-root.pub"), folder.path().join("public")).unwrap();
    let cases = [
        ("rsa.pem", "RSA"),
        ("wide.pem", "another curve"),
        ("weak.pem", "openssl pkcs8 -topk8 -scrypt"),
        ("ssh", "ssh-keygen"),
        ("public", "private key that belongs"),
        ("text", "BEGIN"),
        ("missing", "cannot read"),
    ];
    for (name, says) in cases {
        let key = ForeignKey::read(&folder.path().join(name)).and_then(|key| key.unlock(Some(&passphrase("pw"))));
        let error = key.unwrap_err().to_string();
        assert!(error.contains(says), "{name}: {error}");
    }
}

/// A file of cosign's with this derivation.
fn cosign(n: &str, r: &str, p: &str, name: &str) -> String {
    use base64::Engine as _;
    let json = format!(
        r#"{{"kdf":{{"name":"{name}","params":{{"N":{n},"r":{r},"p":{p}}},"salt":"AAAA"}},
           "cipher":{{"name":"nacl/secretbox","nonce":"{}"}},"ciphertext":"AAAA"}}"#,
        "A".repeat(32)
    );
    let body = base64::prelude::BASE64_STANDARD.encode(json);
    format!("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n{body}\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n")
}

#[test]
fn a_file_of_cosigns_that_asks_for_a_terabyte_is_refused() {
    for (n, r, p) in [
        ("1099511627776", "8", "1"),
        ("65536", "1048576", "1"),
        ("65536", "8", "1048576"),
        ("65537", "8", "1"),
        ("0", "0", "0"),
    ] {
        let key = ForeignKey::parse(&cosign(n, r, p, "scrypt"), "greedy").unwrap();
        let error = key.unlock(Some(&passphrase("x"))).unwrap_err().to_string();
        assert!(error.contains("too much memory"), "{n} {r} {p}: {error}");
    }
    for (n, name) in [("-1", "scrypt"), ("65536", "argon2")] {
        let key = ForeignKey::parse(&cosign(n, "8", "1", name), "odd").unwrap();
        assert!(matches!(key.unlock(None), Err(KeyError::Malformed { .. })));
    }
    let short = cosign("32768", "8", "1", "scrypt");
    assert!(matches!(ForeignKey::parse(&short, "short").unwrap().unlock(None), Err(KeyError::WrongPassphrase(_))));
}

#[test]
fn a_file_that_is_cut_anywhere_is_no_key() {
    for name in ["cosign-p256.key", "docker-root.key", "docker-root-old.key"] {
        let text = std::fs::read_to_string(foreign(name)).unwrap();
        let whole = if name.starts_with("docker") { "docker pass" } else { "cosign pass" };
        for cut in (0..text.trim_end().len()).step_by(if name.starts_with("cosign") { 40 } else { 7 }) {
            let opened = ForeignKey::parse(&text[..cut], name).and_then(|key| key.unlock(Some(&passphrase(whole))));
            opened.expect_err("a cut file is no key");
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_looked_at_without_a_panic(
        label in "(EC |ENCRYPTED |ENCRYPTED SIGSTORE |)PRIVATE KEY",
        headers in "(Proc-Type: 4,ENCRYPTED\n)?(DEK-Info: (AES-128-CBC|DES-EDE3-CBC),[0-9a-f]{0,40}\n\n)?",
        body in "[A-Za-z0-9+/\n]{0,300}={0,2}",
    ) {
        let text = format!("-----BEGIN {label}-----\n{headers}{body}\n-----END {label}-----\n");
        if let Ok(key) = ForeignKey::parse(&text, "it") {
            let _ = key.origin();
            prop_assert!(key.unlock(Some(&passphrase("pw"))).is_err());
        }
    }
}
