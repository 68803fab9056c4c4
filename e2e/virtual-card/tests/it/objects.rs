//! Data objects, and the three ways in which long ones travel.

use virtual_card::Firmware;

use crate::client::{MANAGEMENT_KEY, PIN, authenticate, card, send, status, tlv, transmit, verify};

const CERTIFICATE: [u8; 5] = [0x5c, 3, 0x5f, 0xc1, 0x0a];

fn long() -> Vec<u8> {
    (0..2500_u32).map(|number| number as u8).collect()
}

#[test]
fn an_object_written_in_parts_is_read_in_parts_and_whole() {
    let mut card = card(Firmware::V5_4);
    assert_eq!(authenticate(&mut card, &MANAGEMENT_KEY), 0x9000);
    let data = [&CERTIFICATE[..], &tlv(0x53, &long())].concat();
    assert_eq!(status(&mut card, [0xdb, 0x3f, 0xff], &data), 0x9000);
    let (read, status) = send(&mut card, [0xcb, 0x3f, 0xff], &CERTIFICATE);
    assert_eq!((read, status), (tlv(0x53, &long()), 0x9000));
    let extended = [&[0, 0xcb, 0x3f, 0xff, 0, 0, 5][..], &CERTIFICATE, &[0, 0]].concat();
    let whole = card.transmit(&extended);
    assert_eq!(whole[..whole.len() - 2], tlv(0x53, &long()));
}

#[test]
fn an_object_written_in_one_long_command_is_the_same() {
    let mut card = card(Firmware::V5_4);
    assert_eq!(authenticate(&mut card, &MANAGEMENT_KEY), 0x9000);
    let data = [&CERTIFICATE[..], &tlv(0x53, &long())].concat();
    let [high, low] = (data.len() as u16).to_be_bytes();
    let command = [&[0, 0xdb, 0x3f, 0xff, 0, high, low][..], &data].concat();
    assert_eq!(transmit(&mut card, &command).1, 0x9000);
    assert_eq!(send(&mut card, [0xcb, 0x3f, 0xff], &CERTIFICATE).0, tlv(0x53, &long()));
}

#[test]
fn another_command_in_the_middle_of_a_chain_drops_it() {
    let mut card = card(Firmware::V5_4);
    assert_eq!(authenticate(&mut card, &MANAGEMENT_KEY), 0x9000);
    let first = [&[0x10, 0xdb, 0x3f, 0xff, 5][..], &CERTIFICATE].concat();
    assert_eq!(transmit(&mut card, &first).1, 0x9000);
    assert_eq!(transmit(&mut card, &[0, 0xfd, 0, 0, 0]).1, 0x9000);
    assert_eq!(transmit(&mut card, &[0, 0xdb, 0x3f, 0xff, 3, 0x53, 1, 7]).1, 0x6a80);
}

#[test]
fn the_rest_of_an_answer_is_gone_after_another_command() {
    let mut card = card(Firmware::V5_4);
    let command = [0, 0xcb, 0x3f, 0xff, 5, 0x5c, 3, 0x5f, 0xff, 1, 0];
    let first = card.transmit(&command);
    assert_eq!(first[first.len() - 2], 0x61);
    assert_eq!(transmit(&mut card, &[0, 0xfd, 0, 0, 0]).1, 0x9000);
    assert_eq!(card.transmit(&[0, 0xc0, 0, 0, 0]), [0x69, 0x85]);
}

#[test]
fn an_empty_object_is_none() {
    let mut card = card(Firmware::V5_4);
    assert_eq!(authenticate(&mut card, &MANAGEMENT_KEY), 0x9000);
    for (value, expected) in [(&[7][..], 0x9000), (&[], 0x6a82)] {
        let data = [&CERTIFICATE[..], &tlv(0x53, value)].concat();
        assert_eq!(status(&mut card, [0xdb, 0x3f, 0xff], &data), 0x9000);
        assert_eq!(status(&mut card, [0xcb, 0x3f, 0xff], &CERTIFICATE), expected);
    }
}

#[test]
fn an_object_larger_than_the_card_has_room_for_is_refused() {
    let mut card = card(Firmware::V5_4);
    assert_eq!(authenticate(&mut card, &MANAGEMENT_KEY), 0x9000);
    let data = [&CERTIFICATE[..], &tlv(0x53, &[7; 3053])].concat();
    assert_eq!(status(&mut card, [0xdb, 0x3f, 0xff], &data), 0x6a84);
    let data = [&CERTIFICATE[..], &tlv(0x53, &[7; 5000])].concat();
    assert_eq!(status(&mut card, [0xdb, 0x3f, 0xff], &data), 0x6a84);
}

#[test]
fn printed_information_is_shown_to_who_gave_the_pin() {
    let mut card = card(Firmware::V5_4);
    let printed = [0x5c, 3, 0x5f, 0xc1, 9];
    assert_eq!(authenticate(&mut card, &MANAGEMENT_KEY), 0x9000);
    assert_eq!(status(&mut card, [0xdb, 0x3f, 0xff], &[&printed[..], &[0x53, 1, 7]].concat()), 0x9000);
    assert_eq!(status(&mut card, [0xcb, 0x3f, 0xff], &printed), 0x6982);
    assert_eq!(verify(&mut card, PIN), 0x9000);
    assert_eq!(send(&mut card, [0xcb, 0x3f, 0xff], &printed), (vec![0x53, 1, 7], 0x9000));
}

#[test]
fn the_discovery_object_names_the_application() {
    let mut card = card(Firmware::V5_4);
    let (data, status) = send(&mut card, [0xcb, 0x3f, 0xff], &[0x5c, 1, 0x7e]);
    assert_eq!(status, 0x9000);
    assert_eq!(data[..9], [0x7e, 0x12, 0x4f, 0x0b, 0xa0, 0, 0, 3, 8]);
    assert_eq!(data[15..], [0x5f, 0x2f, 2, 0x40, 0]);
}
