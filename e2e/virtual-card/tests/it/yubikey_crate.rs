//! The judge: the Rust crate `yubikey`, which knows the newer firmwares better than Debian 12's tools do.

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use virtual_card::{Card, Firmware, pcscd};
use yubikey::piv::{self, AlgorithmId, ManagementSlotId, Origin, RetiredSlotId, SlotId};
use yubikey::{MgmKey, PinPolicy, Serial, TouchPolicy, YubiKey};

/// One card after the other in the first slot.
fn with_each(firmwares: &[Firmware], reader: pcscd::Reader, body: impl Fn(Firmware, &virtual_card::Finger)) {
    let mut slot = reader.slot(0);
    for firmware in firmwares {
        let card = Card::new(*firmware, 12_345_678);
        let finger = card.finger();
        slot.insert(card).unwrap();
        body(*firmware, &finger);
        slot.eject().unwrap();
    }
}

#[test]
fn it_finds_version_serial_and_configuration_of_each_firmware() {
    pcscd::within("yubikey_crate::it_finds_version_serial_and_configuration_of_each_firmware", |reader| {
        with_each(&Firmware::ALL, reader, |firmware, _| {
            let mut key = YubiKey::open().unwrap();
            assert_eq!(key.version().to_string(), firmware.to_string());
            assert_eq!(key.serial(), Serial(12_345_678), "{firmware}");
            assert_eq!(key.get_pin_retries().unwrap(), 3);
            let configuration = key.config().unwrap();
            assert!(!configuration.puk_blocked && !configuration.protected_data_available, "{firmware}");
        });
    });
}

#[test]
fn it_makes_a_key_signs_with_a_touch_and_reads_what_is_told_of_it_on_each_firmware() {
    let name = "yubikey_crate::it_makes_a_key_signs_with_a_touch_and_reads_what_is_told_of_it_on_each_firmware";
    pcscd::within(name, |reader| {
        with_each(&Firmware::ALL, reader, |firmware, finger| {
            finger.down();
            let mut key = YubiKey::open().unwrap();
            key.authenticate(&MgmKey::get_default(&key).unwrap()).unwrap();
            let slot = SlotId::Retired(RetiredSlotId::R1);
            let info =
                piv::generate(&mut key, slot, AlgorithmId::EccP256, PinPolicy::Once, TouchPolicy::Always).unwrap();
            key.verify_pin(b"123456").unwrap();
            let signature = piv::sign_data(&mut key, &[7; 32], AlgorithmId::EccP256, slot).unwrap();
            let public = p256::ecdsa::VerifyingKey::from_sec1_bytes(info.subject_public_key.raw_bytes()).unwrap();
            public.verify_prehash(&[7; 32], &p256::ecdsa::Signature::from_der(&signature).unwrap()).unwrap();
            assert_eq!(finger.touches(), 1, "{firmware}");
            let metadata = piv::metadata(&mut key, slot);
            assert_eq!(metadata.is_ok(), firmware.has_metadata(), "{firmware}");
            if let Ok(metadata) = metadata {
                assert_eq!(metadata.policy, Some((PinPolicy::Once, TouchPolicy::Always)));
                assert_eq!((metadata.origin, metadata.public), (Some(Origin::Generated), Some(info)));
            }
            assert_eq!(piv::attest(&mut key, slot).is_ok(), firmware.has_attestation(), "{firmware}");
        });
    });
}

#[test]
fn it_signs_with_ed25519_and_sets_an_aes_management_key_on_firmware_5_7() {
    let name = "yubikey_crate::it_signs_with_ed25519_and_sets_an_aes_management_key_on_firmware_5_7";
    pcscd::within(name, |reader| {
        with_each(&[Firmware::V5_7, Firmware::V5_7_4], reader, |_, _| {
            let mut key = YubiKey::open().unwrap();
            key.authenticate(&MgmKey::get_default(&key).unwrap()).unwrap();
            let info =
                piv::generate(&mut key, SlotId::Signature, AlgorithmId::Ed25519, PinPolicy::Once, TouchPolicy::Never)
                    .unwrap();
            key.verify_pin(b"123456").unwrap();
            let message = b"a message that nobody hashed";
            let signature = piv::sign_data(&mut key, message, AlgorithmId::Ed25519, SlotId::Signature).unwrap();
            let public = info.subject_public_key.raw_bytes().try_into().unwrap();
            let public = ed25519_dalek::VerifyingKey::from_bytes(public).unwrap();
            public.verify_strict(message, &ed25519_dalek::Signature::from_slice(&signature).unwrap()).unwrap();
            let new = MgmKey::from_bytes([9; 32], Some(yubikey::MgmAlgorithmId::Aes256)).unwrap();
            new.set_manual(&mut key, false).unwrap();
            key.authenticate(&new).unwrap();
            let metadata = piv::metadata(&mut key, SlotId::Management(ManagementSlotId::Management)).unwrap();
            assert_eq!(metadata.default, Some(false));
        });
    });
}
