//! Whatever is sent, the card answers, and with two bytes at least.

use proptest::prelude::*;
use virtual_card::Firmware;

use crate::client::{MANAGEMENT_KEY, authenticate, card};

/// Bytes that look like commands of the application, so that more than the first check is met.
fn command() -> impl Strategy<Value = Vec<u8>> {
    let instruction = prop_oneof![
        prop::sample::select(vec![
            0x20, 0x24, 0x2c, 0x87, 0xa4, 0xc0, 0xcb, 0xdb, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfd, 0xfe, 0xff
        ]),
        any::<u8>().prop_filter("makes RSA keys for minutes", |instruction| *instruction != 0x47),
    ];
    let slot = prop::sample::select(vec![0x80, 0x81, 0x9a, 0x9b, 0x9c, 0xf9, 0x82, 0xff, 0x3f, 0]);
    let class = prop::sample::select(vec![0, 0, 0, 0x10, 0x80]);
    let data = prop::collection::vec(any::<u8>(), 0..40);
    (class, instruction, slot.clone(), slot, data, any::<bool>()).prop_map(
        |(class, instruction, p1, p2, data, nested)| {
            let data = if nested { [&[0x7c, data.len() as u8][..], &data].concat() } else { data };
            [&[class, instruction, p1, p2, data.len() as u8][..], &data].concat()
        },
    )
}

proptest! {
    #[test]
    fn commands_that_make_no_sense_are_answered(commands in prop::collection::vec(command(), 1..30)) {
        let mut card = card(Firmware::V5_7);
        card.finger().absent();
        prop_assert_eq!(authenticate(&mut card, &MANAGEMENT_KEY), 0x9000);
        for command in commands {
            prop_assert!(card.transmit(&command).len() >= 2);
        }
    }

    #[test]
    fn bytes_that_are_no_commands_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(card(Firmware::V5_4).transmit(&bytes).len() >= 2);
    }
}
