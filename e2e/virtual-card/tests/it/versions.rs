//! What each firmware has, and what it lacks.

use virtual_card::{Card, Firmware};

use crate::client::{MANAGEMENT_KEY, authenticate_as, card, ok, send, status, transmit};

#[test]
fn piv_is_selected_by_its_whole_name_and_by_its_first_bytes_and_by_no_other() {
    let mut card = Card::new(Firmware::V5_4, 1);
    let whole = [0, 0xa4, 4, 0, 11, 0xa0, 0, 0, 3, 8, 0, 0, 0x10, 0, 1, 0];
    let properties = [0x61, 0x11, 0x4f, 6, 0, 0, 0x10, 0, 1, 0, 0x79, 7, 0x4f, 5, 0xa0, 0, 0, 3, 8];
    assert_eq!(ok(&mut card, &whole), properties);
    assert_eq!(ok(&mut card, &[0, 0xa4, 4, 0, 5, 0xa0, 0, 0, 3, 8]), properties);
    assert_eq!(transmit(&mut card, &[0, 0xa4, 4, 0, 4, 0xa0, 0, 0, 3]).1, 0x6a82);
    let other = [0, 0xa4, 4, 0, 6, 0xa0, 0, 0, 3, 8, 1];
    assert_eq!(transmit(&mut card, &other).1, 0x6a82);
}

#[test]
fn nothing_answers_before_an_application_is_selected_and_after_a_reset() {
    let mut card = card(Firmware::V5_4);
    assert_eq!(status(&mut card, [0xfd, 0, 0], &[]), 0x9000);
    card.reset();
    assert_eq!(status(&mut card, [0xfd, 0, 0], &[]), 0x6d00);
}

#[test]
fn each_firmware_has_the_instructions_that_came_with_it_or_before() {
    // Serial in PIV, metadata, attestation (of an empty slot), move (without the management key).
    let table = [
        (Firmware::V4_2, [0x6d00, 0x6d00, 0x6d00, 0x6d00]),
        (Firmware::V4_3, [0x6d00, 0x6d00, 0x6a80, 0x6d00]),
        (Firmware::V5_2, [0x9000, 0x6d00, 0x6a80, 0x6d00]),
        (Firmware::V5_4, [0x9000, 0x9000, 0x6a80, 0x6d00]),
        (Firmware::V5_7, [0x9000, 0x9000, 0x6a80, 0x6982]),
        (Firmware::V5_7_4, [0x9000, 0x9000, 0x6a80, 0x6982]),
    ];
    for (firmware, expected) in table {
        let mut card = card(firmware);
        assert_eq!(send(&mut card, [0xfd, 0, 0], &[]).0, firmware.version(), "{firmware}");
        let commands = [[0xf8, 0, 0], [0xf7, 0, 0x80], [0xf9, 0x9c, 0], [0xf6, 0x9a, 0x9c]];
        assert_eq!(commands.map(|command| status(&mut card, command, &[])), expected, "{firmware}");
    }
}

#[test]
fn firmware_4_tells_its_serial_number_through_otp_only_and_forgets_the_pin_over_it() {
    let mut card = card(Firmware::V4_3);
    assert_eq!(crate::client::verify(&mut card, crate::client::PIN), 0x9000);
    ok(&mut card, &[0, 0xa4, 4, 0, 8, 0xa0, 0, 0, 5, 0x27, 0x20, 1, 1]);
    assert_eq!(ok(&mut card, &[0, 1, 0x10, 0, 0]), 12_345_678_u32.to_be_bytes());
    crate::client::select(&mut card);
    assert_eq!(crate::client::verify(&mut card, &[]), 0x63c3);
}

#[test]
fn otp_cannot_be_selected_on_firmware_5_before_5_3() {
    let select = [0, 0xa4, 4, 0, 8, 0xa0, 0, 0, 5, 0x27, 0x20, 1, 1];
    assert_eq!(transmit(&mut card(Firmware::V5_2), &select).1, 0x6a82);
    assert_eq!(transmit(&mut card(Firmware::V5_4), &select).1, 0x9000);
}

#[test]
fn management_tells_version_and_serial_number() {
    let mut card = card(Firmware::V5_4);
    let said = ok(&mut card, &[0, 0xa4, 4, 0, 8, 0xa0, 0, 0, 5, 0x27, 0x47, 0x11, 0x17]);
    assert_eq!(String::from_utf8(said).unwrap(), "Virtual mgr - FW version 5.4.3");
    let configuration = ok(&mut card, &[0, 0x1d, 0, 0, 0]);
    assert_eq!(usize::from(configuration[0]), configuration.len() - 1);
    let serial = [&[2, 4][..], &12_345_678_u32.to_be_bytes()].concat();
    assert!(configuration.windows(6).any(|window| window == serial));
}

#[test]
fn the_factorys_management_key_is_3des_before_firmware_5_7_and_aes_192_since() {
    for firmware in Firmware::ALL {
        let (right, wrong) = if firmware < Firmware::V5_7 { (0x03, 0x0a) } else { (0x0a, 0x03) };
        assert_eq!(authenticate_as(&mut card(firmware), right, &MANAGEMENT_KEY), 0x9000, "{firmware}");
        assert_eq!(authenticate_as(&mut card(firmware), wrong, &MANAGEMENT_KEY), 0x6a80, "{firmware}");
    }
}

#[test]
fn other_classes_than_a_command_and_its_parts_are_refused() {
    let mut card = card(Firmware::V5_4);
    for class in [0x01, 0x04, 0x80, 0xff] {
        assert_eq!(transmit(&mut card, &[class, 0xfd, 0, 0, 0]).1, 0x6e00, "{class:02x}");
    }
}
