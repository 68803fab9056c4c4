//! What the card attests, and whether OpenSSL believes it.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use virtual_card::{Card, Firmware, pcscd, vendor};

use crate::client::{
    CACHED, ED25519, MANAGEMENT_KEY, NEVER, ONCE, P256, P384, TOUCH_ALWAYS, authenticate, card, generate, send, status,
    tlv,
};

fn attest(card: &mut Card, slot: u8) -> Vec<u8> {
    let (certificate, status) = send(card, [0xf9, slot, 0], &[]);
    assert_eq!(status, 0x9000, "attest {slot:02x}");
    certificate
}

/// The certificate of F9, out of its object.
fn device(card: &mut Card) -> Vec<u8> {
    let (object, status) = send(card, [0xcb, 0x3f, 0xff], &[0x5c, 3, 0x5f, 0xff, 1]);
    assert_eq!(status, 0x9000);
    let start = object.windows(2).position(|bytes| bytes == [0x30, 0x82]).unwrap();
    let length = usize::from(u16::from_be_bytes([object[start + 2], object[start + 3]])) + 4;
    object[start..start + length].to_vec()
}

/// The value of Yubico's extension with this number.
fn extension(certificate: &[u8], number: u8) -> Option<Vec<u8>> {
    let oid = [0x2b, 6, 1, 4, 1, 0x82, 0xc4, 0x0a, 3, number];
    let start = certificate.windows(oid.len()).position(|bytes| bytes == oid)? + oid.len();
    let [4, length, value @ ..] = &certificate[start..] else { return None };
    Some(value[..usize::from(*length)].to_vec())
}

fn openssl(arguments: &[&str], folder: &Path) -> Option<(bool, String)> {
    let Ok(output) = Command::new("openssl").args(arguments).current_dir(folder).output() else {
        pcscd::skip("no openssl; scripts/install.sh test installs it");
        return None;
    };
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

/// A folder with what a verifier has.
fn evidence(card: &mut Card, slot: u8) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name, text: String| fs::write(folder.path().join(name), text).unwrap();
    write("roots.pem", vendor::roots_pem());
    write("intermediates.pem", vendor::intermediates_pem());
    write("f9.pem", vendor::pem(&device(card)));
    write("slot.pem", vendor::pem(&attest(card, slot)));
    folder
}

#[test]
fn an_attestation_names_firmware_serial_policies_and_slot() {
    let mut card = card(Firmware::V5_4);
    generate(&mut card, 0x9c, P256, ONCE, CACHED);
    let certificate = attest(&mut card, 0x9c);
    assert_eq!(extension(&certificate, 3), Some(vec![5, 4, 3]));
    assert_eq!(extension(&certificate, 7), Some(vec![2, 4, 0, 0xbc, 0x61, 0x4e]));
    assert_eq!(extension(&certificate, 8), Some(vec![2, 3]));
    assert_eq!(extension(&certificate, 9), Some(vec![1]));
    let said = evidence(&mut card, 0x9c);
    let Some((_, text)) = openssl(&["x509", "-in", "slot.pem", "-noout", "-subject", "-issuer"], said.path()) else {
        return;
    };
    assert_eq!(
        text,
        "subject=CN = YubiKey PIV Attestation 9c\nissuer=CN = Yubico PIV Attestation\n".replace(" = ", {
            // OpenSSL 3.2 and later write it closer.
            if text.contains("CN = ") { " = " } else { "=" }
        })
    );
}

#[test]
fn firmware_4_does_not_name_its_serial_number_in_attestations() {
    let mut card = card(Firmware::V4_3);
    generate(&mut card, 0x9c, P256, ONCE, TOUCH_ALWAYS);
    let certificate = attest(&mut card, 0x9c);
    assert_eq!(extension(&certificate, 3), Some(vec![4, 3, 5]));
    assert_eq!(extension(&certificate, 7), None);
}

#[test]
fn openssl_follows_the_chain_from_firmware_5_to_the_root_for_each_algorithm() {
    for firmware in [Firmware::V5_2, Firmware::V5_4, Firmware::V5_7] {
        for algorithm in [P256, P384, ED25519] {
            if algorithm == ED25519 && !firmware.has_new_algorithms() {
                continue;
            }
            let mut card = card(firmware);
            generate(&mut card, 0x9a, algorithm, ONCE, TOUCH_ALWAYS);
            let folder = evidence(&mut card, 0x9a);
            let verify = ["verify", "-CAfile", "roots.pem", "-untrusted", "f9.pem", "slot.pem"];
            let Some((valid, said)) = openssl(&verify, folder.path()) else { return };
            assert!(valid, "{firmware} {algorithm:02x}: {said}");
        }
    }
}

#[test]
fn the_chain_of_firmware_5_7_4_needs_its_intermediates() {
    let mut card = card(Firmware::V5_7_4);
    generate(&mut card, 0x9a, P256, ONCE, TOUCH_ALWAYS);
    let folder = evidence(&mut card, 0x9a);
    let without = ["verify", "-CAfile", "roots.pem", "-untrusted", "f9.pem", "slot.pem"];
    let with =
        ["verify", "-CAfile", "roots.pem", "-untrusted", "f9.pem", "-untrusted", "intermediates.pem", "slot.pem"];
    let Some((valid, _)) = openssl(&without, folder.path()) else { return };
    assert!(!valid);
    let Some((valid, said)) = openssl(&with, folder.path()) else { return };
    assert!(valid, "{said}");
}

#[test]
fn the_certificate_of_f9_on_firmware_4_does_not_say_that_it_is_an_authoritys_and_openssl_minds() {
    let mut card = card(Firmware::V4_3);
    generate(&mut card, 0x9a, P256, ONCE, TOUCH_ALWAYS);
    let folder = evidence(&mut card, 0x9a);
    let verify = ["verify", "-CAfile", "roots.pem", "-untrusted", "f9.pem", "slot.pem"];
    let Some((valid, said)) = openssl(&verify, folder.path()) else { return };
    assert!(!valid && said.contains("invalid CA certificate"), "{said}");
    // The signatures are right all the same.
    let partial = ["verify", "-partial_chain", "-trusted", "f9.pem", "-no_check_time", "slot.pem"];
    let Some((_, said)) = openssl(&partial, folder.path()) else { return };
    assert!(!said.contains("signature failure"), "{said}");
}

#[test]
fn an_imported_key_is_not_attested_and_neither_is_an_empty_slot() {
    let mut card = card(Firmware::V5_7);
    assert_eq!(authenticate(&mut card, &MANAGEMENT_KEY), 0x9000);
    let data = [&tlv(6, &[9; 32])[..], &[0xaa, 1, NEVER, 0xab, 1, TOUCH_ALWAYS]].concat();
    assert_eq!(status(&mut card, [0xfe, P256, 0x9c], &data), 0x9000);
    assert_eq!(status(&mut card, [0xf9, 0x9c, 0], &[]), 0x6a80);
    assert_eq!(status(&mut card, [0xf9, 0x9a, 0], &[]), 0x6a80);
}

#[test]
fn a_moved_key_is_attested_where_it_lies_now() {
    let mut card = card(Firmware::V5_7);
    generate(&mut card, 0x9a, P256, ONCE, TOUCH_ALWAYS);
    assert_eq!(status(&mut card, [0xf6, 0x82, 0x9a], &[]), 0x9000);
    let certificate = attest(&mut card, 0x82);
    let subject = b"YubiKey PIV Attestation 82";
    assert!(certificate.windows(subject.len()).any(|bytes| bytes == subject));
    assert_eq!(status(&mut card, [0xf9, 0x9a, 0], &[]), 0x6a80);
}

#[test]
fn without_its_attestation_key_a_card_attests_nothing() {
    let mut card = card(Firmware::V5_7);
    generate(&mut card, 0x9a, P256, ONCE, TOUCH_ALWAYS);
    assert_eq!(status(&mut card, [0xf6, 0xff, 0xf9], &[]), 0x9000);
    assert_eq!(status(&mut card, [0xf9, 0x9a, 0], &[]), 0x6a80);
}

#[test]
fn an_owner_who_replaces_the_attestation_key_attests_under_a_name_and_a_root_of_its_own() {
    let mut card = card(Firmware::V5_7);
    generate(&mut card, 0x9a, P256, ONCE, TOUCH_ALWAYS);
    let folder = tempfile::tempdir().unwrap();
    let secret = ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "secret.pem"];
    if openssl(&secret, folder.path()).is_none() {
        return;
    }
    let certify =
        ["req", "-x509", "-key", "secret.pem", "-subj", "/O=Elsewhere/CN=Mallory", "-outform", "DER", "-out", "f9.der"];
    let convert = ["x509", "-in", "f9.der", "-inform", "DER", "-out", "f9.pem"];
    let export = ["ec", "-in", "secret.pem", "-outform", "DER", "-out", "secret.der"];
    for command in [&certify[..], &convert, &export] {
        assert!(openssl(command, folder.path()).unwrap().0);
    }
    // RFC 5915: the secret is the octet string after the version.
    let der = fs::read(folder.path().join("secret.der")).unwrap();
    assert_eq!(der[5..7], [4, 32]);
    assert_eq!(status(&mut card, [0xfe, P256, 0xf9], &tlv(6, &der[7..39])), 0x9000);
    let certificate = fs::read(folder.path().join("f9.der")).unwrap();
    let object = [tlv(0x70, &certificate), vec![0x71, 1, 0, 0xfe, 0]].concat();
    let data = [&[0x5c, 3, 0x5f, 0xff, 1][..], &tlv(0x53, &object)].concat();
    assert_eq!(status(&mut card, [0xdb, 0x3f, 0xff], &data), 0x9000);
    fs::write(folder.path().join("slot.pem"), vendor::pem(&attest(&mut card, 0x9a))).unwrap();
    fs::write(folder.path().join("roots.pem"), vendor::roots_pem()).unwrap();
    let verify = |root| openssl(&["verify", "-CAfile", root, "slot.pem"], folder.path()).unwrap();
    let (valid, said) = verify("f9.pem");
    assert!(valid, "{said}");
    assert!(!verify("roots.pem").0);
    assert_eq!(status(&mut card, [0xdb, 0x3f, 0xff], &[0x5c, 3, 0x5f, 0xff, 1, 0x53, 0]), 0x9000);
    assert_eq!(status(&mut card, [0xf9, 0x9a, 0], &[]), 0x6a80, "without a certificate");
}
