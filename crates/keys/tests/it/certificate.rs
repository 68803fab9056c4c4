//! The certificate that a key makes for itself.

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use keys::certificate::{self, Subject};
use keys::{FileSigner, Nobody, Passphrase, Signer as _};
use tempfile::TempDir;

fn signer(folder: &Path) -> FileSigner {
    let passphrase = Passphrase::new("correct horse", "a test").unwrap();
    FileSigner::generate(&folder.join("a.key"), &passphrase).unwrap().0
}

fn subject() -> Subject {
    Subject {
        country: "CH".into(),
        state: "Zürich".into(),
        organization: "Example, Inc. + Söhne".into(),
        common_name: "release".into(),
    }
}

fn valid() -> Range<SystemTime> {
    certificate::validity_from(SystemTime::UNIX_EPOCH + Duration::from_secs(1_750_000_000))
}

/// What `openssl` says; `None` where it is not installed.
fn openssl(arguments: &[&str]) -> Option<(bool, String)> {
    let output = match Command::new("openssl").args(arguments).output() {
        Ok(output) => output,
        Err(error) if std::env::var_os("PLIMSOLL_REQUIRE").is_some() => panic!("openssl: {error}"),
        Err(_) => {
            eprintln!("skipped: no openssl to judge the certificate");
            return None;
        }
    };
    Some((
        output.status.success(),
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)),
    ))
}

#[test]
fn openssl_takes_it_for_a_certificate_of_the_key_for_signing_code() {
    let folder = TempDir::new().unwrap();
    let signer = signer(folder.path());
    let certificate = certificate::self_issued(&signer, &subject(), valid(), &Nobody).unwrap();
    assert_eq!(certificate::key_of(&certificate).unwrap(), signer.public_key());

    let path = folder.path().join("a.der");
    fs::write(&path, &certificate).unwrap();
    let path = path.to_str().unwrap();
    let Some((good, text)) = openssl(&["x509", "-inform", "DER", "-in", path, "-noout", "-text", "-nameopt", "utf8"])
    else {
        return;
    };
    assert!(good, "{text}");
    for line in [
        "Version: 3 (0x2)",
        "ecdsa-with-SHA256",
        "X509v3 Basic Constraints: critical\n                CA:FALSE",
        "X509v3 Key Usage: critical\n                Digital Signature\n",
        "X509v3 Extended Key Usage: \n                Code Signing\n",
    ] {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
    for field in ["C=CH", "ST=Zürich", "O=Example, Inc. + Söhne", "CN=release"] {
        assert!(text.replace(" = ", "=").contains(field), "{field:?} is not in\n{text}");
    }
    let pem = folder.path().join("a.pem");
    openssl(&["x509", "-inform", "DER", "-in", path, "-out", pem.to_str().unwrap()]);
    let pem = pem.to_str().unwrap();
    let (good, text) =
        openssl(&["verify", "-check_ss_sig", "-attime", "1760000000", "-CAfile", pem, "-partial_chain", pem]).unwrap();
    assert!(good, "{text}");
}

#[test]
fn two_certificates_of_one_key_have_numbers_of_their_own() {
    let folder = TempDir::new().unwrap();
    let signer = signer(folder.path());
    let make = || certificate::self_issued(&signer, &Subject::named("release"), valid(), &Nobody).unwrap();
    assert_ne!(make(), make());
}

#[test]
fn a_subject_that_readers_would_refuse_is_refused_before_anything_is_signed() {
    let folder = TempDir::new().unwrap();
    let signer = signer(folder.path());
    let refused = [
        Subject { country: "Switzerland".into(), ..subject() },
        Subject { country: "ch".into(), ..subject() },
        Subject { state: String::new(), ..subject() },
        Subject { organization: "x".repeat(65), ..subject() },
        Subject { common_name: "a\u{1b}[2J".into(), ..subject() },
    ];
    for subject in refused {
        let error = certificate::self_issued(&signer, &subject, valid(), &Nobody).unwrap_err();
        assert!(error.to_string().contains("subject of a certificate"), "{error}");
    }
}

#[test]
fn a_cut_or_padded_certificate_is_refused() {
    let folder = TempDir::new().unwrap();
    let good = certificate::self_issued(&signer(folder.path()), &subject(), valid(), &Nobody).unwrap();
    for end in 0..good.len() {
        certificate::key_of(&good[..end]).unwrap_err();
    }
    let mut long = good.clone();
    long.push(0);
    certificate::key_of(&long).unwrap_err();
    certificate::key_of(&vec![0x30; 1 << 20]).unwrap_err();
}
