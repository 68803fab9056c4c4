//! Cards in the reader: pulled out, put back, two of them; by PC/SC in the test's own process.

use std::thread;
use std::time::Duration;

use pcsc::{Context, Protocols, Scope, ShareMode};
use virtual_card::reader::ReaderError;
use virtual_card::{Card, Firmware, pcscd};

use crate::client::{NEVER, P256, TOUCH_ALWAYS, generate, select, tlv};

const LONG: Duration = Duration::from_mins(1);
const SELECT: [u8; 11] = [0, 0xa4, 4, 0, 5, 0xa0, 0, 0, 3, 8, 0];
const SERIAL: [u8; 5] = [0, 0xf8, 0, 0, 0];

fn connect(reader: &str) -> Result<pcsc::Card, pcsc::Error> {
    let context = Context::establish(Scope::User)?;
    let name = std::ffi::CString::new(reader).unwrap();
    context.connect(&name, ShareMode::Shared, Protocols::ANY)
}

fn transmit(card: &pcsc::Card, command: &[u8]) -> Result<Vec<u8>, pcsc::Error> {
    let mut room = [0; 512];
    card.transmit(command, &mut room).map(<[u8]>::to_vec)
}

fn names() -> [String; 2] {
    [0, 1].map(|slot| format!("{} 00 0{slot}", pcscd::READER_NAME))
}

fn sign() -> Vec<u8> {
    let fields = [&[0x82, 0][..], &tlv(0x81, &[7; 32])].concat();
    let data = tlv(0x7c, &fields);
    [&[0, 0x87, P256, 0x9c, data.len() as u8][..], &data, &[0]].concat()
}

fn card_with_key() -> Card {
    let mut card = Card::new(Firmware::V5_4, 1).waiting_for(LONG);
    select(&mut card);
    generate(&mut card, 0x9c, P256, NEVER, TOUCH_ALWAYS);
    card
}

#[test]
fn a_card_that_is_pulled_out_while_it_waits_answers_nothing_and_works_when_it_is_back() {
    pcscd::within(
        "pulled_out::a_card_that_is_pulled_out_while_it_waits_answers_nothing_and_works_when_it_is_back",
        |reader| {
            let mut slot = reader.slot(0);
            let card = card_with_key();
            let finger = card.finger();
            slot.insert(card).unwrap();
            let signing = thread::spawn(|| {
                let card = connect(&names()[0]).unwrap();
                transmit(&card, &SELECT).unwrap();
                transmit(&card, &sign())
            });
            assert!(finger.wait_until_awaited(LONG));
            let card = slot.eject().expect("the card");
            // This reader's driver tells a card that is gone as an answer of no bytes; others tell it as an error.
            assert!(signing.join().unwrap().unwrap_or_default().is_empty(), "a card that is gone answered");
            assert_eq!((finger.touches(), finger.is_awaited()), (0, false));
            finger.down();
            slot.insert(card).unwrap();
            let card = connect(&names()[0]).unwrap();
            transmit(&card, &SELECT).unwrap();
            let answer = transmit(&card, &sign()).unwrap();
            assert_eq!(answer[answer.len() - 2..], [0x90, 0]);
        },
    );
}

#[test]
fn two_cards_are_in_two_slots_and_tell_their_own_serial_numbers() {
    pcscd::within("pulled_out::two_cards_are_in_two_slots_and_tell_their_own_serial_numbers", |reader| {
        let mut slots = [reader.slot(0), reader.slot(1)];
        for (slot, serial) in slots.iter_mut().zip([11, 22]) {
            slot.insert(Card::new(Firmware::V5_4, serial)).unwrap();
        }
        for (name, serial) in names().iter().zip([11_u32, 22]) {
            let card = connect(name).unwrap();
            transmit(&card, &SELECT).unwrap();
            assert_eq!(transmit(&card, &SERIAL).unwrap(), [&serial.to_be_bytes()[..], &[0x90, 0]].concat());
        }
        slots[0].eject();
        // The daemon looks every 400 ms.
        while connect(&names()[0]).is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
        connect(&names()[1]).unwrap();
    });
}

#[test]
fn a_reset_through_the_reader_forgets_the_pin() {
    pcscd::within("pulled_out::a_reset_through_the_reader_forgets_the_pin", |reader| {
        let mut slot = reader.slot(0);
        slot.insert(Card::new(Firmware::V5_4, 1)).unwrap();
        let mut card = connect(&names()[0]).unwrap();
        let verify = [&[0, 0x20, 0, 0x80, 8][..], b"123456\xff\xff"].concat();
        let ask = [0, 0x20, 0, 0x80];
        transmit(&card, &SELECT).unwrap();
        assert_eq!(transmit(&card, &verify).unwrap(), [0x90, 0]);
        assert_eq!(transmit(&card, &ask).unwrap(), [0x90, 0]);
        card.reconnect(ShareMode::Shared, Protocols::ANY, pcsc::Disposition::ResetCard).unwrap();
        transmit(&card, &SELECT).unwrap();
        assert_eq!(transmit(&card, &ask).unwrap(), [0x63, 0xc3]);
    });
}

#[test]
fn a_slot_takes_one_card_and_a_reader_that_is_not_there_none() {
    let Some(pcscd) = pcscd::Pcscd::start_for_test() else { return };
    let mut slot = pcscd.slot(1);
    slot.insert(Card::new(Firmware::V5_4, 1)).unwrap();
    let second = slot.insert(Card::new(Firmware::V5_4, 2));
    assert!(matches!(second, Err(ReaderError::Occupied { .. })), "{second:?}");
    let mut elsewhere = virtual_card::reader::Slot::new(1);
    let refused = elsewhere.insert(Card::new(Firmware::V5_4, 3)).expect_err("nobody listens on port 1");
    assert!(refused.to_string().contains("is pcscd running"), "{refused}");
}

#[test]
fn several_daemons_run_at_once_and_see_their_own_cards_only() {
    let Some(one) = pcscd::Pcscd::start_for_test() else { return };
    let Some(two) = pcscd::Pcscd::start_for_test() else { return };
    let mut slots = [one.slot(0), two.slot(0)];
    for (slot, serial) in slots.iter_mut().zip([111, 222]) {
        slot.insert(Card::new(Firmware::V5_4, serial)).unwrap();
    }
    for (pcscd, serial) in [(&one, "111"), (&two, "222")] {
        let output = pcscd.command("yubico-piv-tool").args(["-a", "status"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains(&format!("Serial Number:\t{serial}")), "{said}");
    }
    let socket = one.socket();
    drop(slots);
    drop(one);
    assert!(!socket.exists());
}
