//! Other people's programs, over the real PC/SC daemon: what they make is used here, and what is made here they use.

use std::path::Path;
use std::process::Command;

use keys::certificate::Subject;
use keys::piv::{Device, ManagementKey, NewKey, PivSigner, system};
use keys::{Hash, PivUri, PublicKey, Signer as _, TouchPolicy, pem};
use tempfile::TempDir;
use virtual_card::pcscd::{skip, within};
use virtual_card::{Card, Firmware};

use super::desk::{PIN, Sitting, card_of_one, new_key};

const FACTORY_KEY: &str = "010203040506070801020304050607080102030405060708";
const YKCS11: &str = "/usr/lib/x86_64-linux-gnu/libykcs11.so";

/// Runs a program that must succeed; `None` where it is not installed.
fn run(program: &str, arguments: &[&str]) -> Option<Vec<u8>> {
    let Ok(output) = Command::new(program).args(arguments).output() else {
        skip(&format!("no {program}"));
        return None;
    };
    let said = [&output.stdout[..], &output.stderr].concat();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&said));
    Some(output.stdout)
}

#[test]
fn a_key_that_yubicos_tool_made_is_used_as_it_is() {
    within("piv::judges::a_key_that_yubicos_tool_made_is_used_as_it_is", |reader| {
        // Debian's tool of version 2.2 does not know the management keys for AES that firmware 5.7 comes with.
        for firmware in Firmware::ALL.into_iter().filter(|firmware| *firmware < Firmware::V5_7) {
            let card = Card::new(firmware, 1);
            card.finger().down();
            let mut slot = reader.slot(0);
            slot.insert(card).unwrap();
            let touch = "--touch-policy=always";
            let generate = ["-a", "generate", "-s", "9a", "-A", "ECCP256", "--pin-policy=once", touch];
            let Some(made) = run("yubico-piv-tool", &generate) else { return };
            let public = PublicKey::from_pem(&String::from_utf8(made).unwrap()).unwrap();

            let device = Device::find(&system(), None, &Sitting::new()).unwrap();
            let found = device.key(0x9a).unwrap();
            if firmware == Firmware::V4_2 {
                assert!(found.is_none(), "neither metadata nor attestation nor certificate tell of it");
                continue;
            }
            let uri = PivUri { serial: Some(1), slot: Some(0x9a) };
            let signer = PivSigner::open(&system(), &uri, &Sitting::new()).unwrap();
            assert_eq!(signer.public_key(), public, "{firmware}");
            signer.sign_one(b"a message", &Sitting::typing(&["123456"])).unwrap();
            let key = found.unwrap();
            assert_eq!(key.touch, Some(TouchPolicy::Always), "{firmware}");
            // It gets the certificate that notation wants, with the management key of its owner.
            let management = ManagementKey::from_hex(FACTORY_KEY);
            let person = Sitting::typing(&["123456", "123456"]);
            device.certify(key, &Subject::named("x"), new_key().valid, management.as_ref(), &person).unwrap();
            let Some(read) = run("yubico-piv-tool", &["-a", "read-certificate", "-s", "9a"]) else { return };
            let der = pem::certificates(&String::from_utf8(read).unwrap()).unwrap();
            assert_eq!(keys::certificate::key_of(&der[0]).unwrap(), public, "{firmware}");
        }
    });
}

#[test]
fn yubicos_tool_finds_key_certificate_attestation_and_pin_as_they_were_made() {
    within("piv::judges::yubicos_tool_finds_key_certificate_attestation_and_pin_as_they_were_made", |reader| {
        let folder = TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let (card, finger) = card_of_one(Firmware::V5_4, 1);
        let mut slot = reader.slot(0);
        slot.insert(card).unwrap();
        let device = Device::find(&system(), None, &Sitting::new()).unwrap();
        let made = device.generate(0x9c, &new_key(), None, &Sitting::new()).unwrap();
        finger.down();

        let certificate = path("certificate.pem");
        if run("yubico-piv-tool", &["-a", "read-certificate", "-s", "9c", "-o", &certificate]).is_none() {
            return;
        }
        let read = pem::certificates(&std::fs::read_to_string(&certificate).unwrap()).unwrap();
        assert_eq!(Some(read[0].clone()), made.signer.certificate().unwrap());
        let signed =
            ["-a", "verify-pin", "-P", PIN, "-a", "test-signature", "-s", "9c", "-A", "ECCP256", "-i", &certificate];
        run("yubico-piv-tool", &signed);
        let attested = run("yubico-piv-tool", &["-a", "attest", "-s", "9c"]).unwrap();
        let leaf = pem::certificates(&String::from_utf8(attested).unwrap()).unwrap();
        assert_eq!(keys::certificate::key_of(&leaf[0]).unwrap(), made.signer.public_key());
    });
}

#[test]
fn ykcs11_signs_with_a_key_that_was_made_here() {
    within("piv::judges::ykcs11_signs_with_a_key_that_was_made_here", |reader| {
        if !Path::new(YKCS11).is_file() {
            skip("no libykcs11");
            return;
        }
        let folder = TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let (card, finger) = card_of_one(Firmware::V5_4, 1);
        let mut slot = reader.slot(0);
        slot.insert(card).unwrap();
        let device = Device::find(&system(), None, &Sitting::new()).unwrap();
        let never = NewKey { touch: Some(TouchPolicy::Never), ..new_key() };
        let made = device.generate(0x9c, &never, None, &Sitting::new()).unwrap();
        finger.down();
        std::fs::write(path("digest"), Hash::Sha256.of(b"a message")).unwrap();
        let (digest, signature) = (path("digest"), path("signature"));
        let sign = ["--login", "--pin", PIN, "--sign", "--id", "02", "-m", "ECDSA", "-f", "openssl"];
        let arguments = [&["--module", YKCS11][..], &sign, &["-i", &digest, "-o", &signature]].concat();
        if run("pkcs11-tool", &arguments).is_none() {
            return;
        }
        let signature = std::fs::read(&signature).unwrap();
        made.signer.public_key().verify(b"a message", &signature).unwrap();
        // And back: what they left behind does not disturb us.
        made.signer.sign_one(b"another", &Sitting::new()).unwrap();
    });
}

#[test]
fn ykman_proves_our_management_key_by_the_pin_and_we_prove_its_own() {
    within("piv::judges::ykman_proves_our_management_key_by_the_pin_and_we_prove_its_own", |reader| {
        for firmware in [Firmware::V4_3, Firmware::V5_4, Firmware::V5_7] {
            let (card, _) = card_of_one(firmware, 1);
            let mut slot = reader.slot(0);
            slot.insert(card).unwrap();
            let ykman = |arguments: &[&str]| run("ykman", &[&["-r", "CCID 00 00", "piv"], arguments].concat());
            let Some(said) = ykman(&["info"]) else { return };
            let said = String::from_utf8(said).unwrap();
            assert!(said.contains("protected by PIN"), "{firmware}: {said}");
            // Making a key needs the management key, which it finds where we keep it.
            let made = ykman(&["keys", "generate", "-P", PIN, "-a", "ECCP256", "9a", "-"]).unwrap();
            let public = PublicKey::from_pem(&String::from_utf8(made).unwrap()).unwrap();
            ykman(&["access", "change-management-key", "--protect", "--generate", "-P", PIN]);
            let device = Device::find(&system(), None, &Sitting::new()).unwrap();
            assert_eq!(device.key(0x9a).unwrap().unwrap().public, Some(public), "{firmware}");
            device.generate(0x82, &new_key(), None, &Sitting::new()).unwrap();
        }
    });
}
