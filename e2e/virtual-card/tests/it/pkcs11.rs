//! The judge: Yubico's PKCS#11 module, through OpenSC's tool.

use std::fs;
use std::path::Path;
use std::process::Command;

use virtual_card::pcscd::{self, Pcscd};
use virtual_card::{Card, Firmware};

use crate::client::{ONCE, P256, TOUCH_ALWAYS, generate, select};

/// Where Debian's package puts it.
fn module() -> Option<String> {
    let paths = ["x86_64", "aarch64"].map(|machine| format!("/usr/lib/{machine}-linux-gnu/libykcs11.so"));
    let module = paths.into_iter().find(|path| Path::new(path).exists());
    if module.is_none() || Command::new("pkcs11-tool").output().is_err() {
        pcscd::skip("no ykcs11 or pkcs11-tool; scripts/install.sh test installs them");
        return None;
    }
    module
}

#[test]
fn a_token_is_listed_and_signs_after_a_touch() {
    let Some(module) = module() else { return };
    let Some(pcscd) = Pcscd::start_for_test() else { return };
    let mut card = Card::new(Firmware::V5_4, 12_345_678);
    select(&mut card);
    let public = generate(&mut card, 0x9c, P256, ONCE, TOUCH_ALWAYS);
    let finger = card.finger();
    finger.down();
    let mut slot = pcscd.slot(0);
    slot.insert(card).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let tool = |arguments: &[&str]| {
        let output = pcscd
            .command("pkcs11-tool")
            .args(["--module", &module])
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "pkcs11-tool {arguments:?}: {said}");
        said
    };
    let slots = tool(&["-L"]);
    assert!(slots.contains("YubiKey PIV #12345678"), "{slots}");
    let objects = tool(&["--login", "--pin", "123456", "-O"]);
    assert!(objects.contains("Private key for Digital Signature"), "{objects}");
    fs::write(folder.path().join("digest"), [7; 32]).unwrap();
    let sign = ["--sign", "--id", "02", "-m", "ECDSA", "-i", "digest", "-o", "signature"];
    tool(&[&["--login", "--pin", "123456"], &sign[..]].concat());
    assert_eq!(finger.touches(), 1);
    let signature = fs::read(folder.path().join("signature")).unwrap();
    let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&public[5..]).unwrap();
    let signature = p256::ecdsa::Signature::from_slice(&signature).unwrap();
    p256::ecdsa::signature::hazmat::PrehashVerifier::verify_prehash(&key, &[7; 32], &signature).unwrap();
}
