//! The other side of the wire, as little as the tests need.

use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use virtual_card::{Card, Firmware};

pub(crate) const PIN: &[u8; 8] = b"123456\xff\xff";
pub(crate) const PUK: &[u8; 8] = b"12345678";
pub(crate) const MANAGEMENT_KEY: [u8; 24] = [1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8];

pub(crate) const P256: u8 = 0x11;
pub(crate) const P384: u8 = 0x14;
pub(crate) const ED25519: u8 = 0xe0;

/// Policies as GENERATE takes them.
pub(crate) const NEVER: u8 = 1;
pub(crate) const ONCE: u8 = 2;
pub(crate) const PIN_ALWAYS: u8 = 3;
pub(crate) const TOUCH_ALWAYS: u8 = 2;
pub(crate) const CACHED: u8 = 3;

/// A card with PIV selected.
pub(crate) fn card(firmware: Firmware) -> Card {
    let mut card = Card::new(firmware, 12_345_678);
    select(&mut card);
    card
}

pub(crate) fn select(card: &mut Card) {
    ok(card, &[0, 0xa4, 4, 0, 5, 0xa0, 0, 0, 3, 8, 0]);
}

/// Data and status word of one command, whose answer is fetched whole.
pub(crate) fn transmit(card: &mut Card, command: &[u8]) -> (Vec<u8>, u16) {
    let mut data = Vec::new();
    let mut answer = card.transmit(command);
    loop {
        let status = answer.split_off(answer.len() - 2);
        data.extend(answer);
        match status[..] {
            [0x61, room] => answer = card.transmit(&[0, 0xc0, 0, 0, room]),
            _ => return (data, u16::from_be_bytes([status[0], status[1]])),
        }
    }
}

/// A command in short APDUs, chained where it is long.
pub(crate) fn send(card: &mut Card, head: [u8; 3], data: &[u8]) -> (Vec<u8>, u16) {
    let [instruction, p1, p2] = head;
    if data.is_empty() {
        return transmit(card, &[0, instruction, p1, p2, 0]);
    }
    let parts: Vec<&[u8]> = data.chunks(255).collect();
    let mut last = (Vec::new(), 0);
    for (index, part) in parts.iter().enumerate() {
        let class = if index + 1 < parts.len() { 0x10 } else { 0 };
        let command = [&[class, instruction, p1, p2, part.len() as u8][..], part, &[0]].concat();
        last = transmit(card, &command);
        if last.1 != 0x9000 {
            break;
        }
    }
    last
}

/// The data of a command that must succeed.
pub(crate) fn ok(card: &mut Card, command: &[u8]) -> Vec<u8> {
    let (data, status) = transmit(card, command);
    assert_eq!(status, 0x9000, "{command:02x?}");
    data
}

pub(crate) fn status(card: &mut Card, head: [u8; 3], data: &[u8]) -> u16 {
    send(card, head, data).1
}

pub(crate) fn verify(card: &mut Card, pin: &[u8]) -> u16 {
    status(card, [0x20, 0, 0x80], pin)
}

/// Proves the management key, as `yubico-piv-tool` does: both sides.
pub(crate) fn authenticate(card: &mut Card, key: &[u8]) -> u16 {
    let algorithm = if card.firmware() >= Firmware::V5_7 { 0x0a } else { 0x03 };
    authenticate_as(card, algorithm, key)
}

pub(crate) fn authenticate_as(card: &mut Card, algorithm: u8, key: &[u8]) -> u16 {
    let (data, status) = send(card, [0x87, algorithm, 0x9b], &[0x7c, 2, 0x80, 0]);
    if status != 0x9000 {
        return status;
    }
    let block = data.len() - 4;
    let witness = decrypt(algorithm, key, &data[4..]);
    let challenge = vec![0x5a; block];
    let fields = [&[0x80, block as u8][..], &witness, &[0x81, block as u8], &challenge].concat();
    let (data, status) = send(card, [0x87, algorithm, 0x9b], &tlv(0x7c, &fields));
    if status == 0x9000 {
        assert_eq!(data[4..], encrypt(algorithm, key, &challenge), "the card proves the key as well");
    }
    status
}

pub(crate) fn encrypt(algorithm: u8, key: &[u8], block: &[u8]) -> Vec<u8> {
    let mut block = block.to_vec();
    let bytes = &mut block[..];
    match algorithm {
        0x03 => des::TdesEde3::new_from_slice(key).unwrap().encrypt_block(bytes.try_into().unwrap()),
        0x08 => aes::Aes128::new_from_slice(key).unwrap().encrypt_block(bytes.try_into().unwrap()),
        0x0a => aes::Aes192::new_from_slice(key).unwrap().encrypt_block(bytes.try_into().unwrap()),
        _ => aes::Aes256::new_from_slice(key).unwrap().encrypt_block(bytes.try_into().unwrap()),
    }
    block
}

fn decrypt(algorithm: u8, key: &[u8], block: &[u8]) -> Vec<u8> {
    let mut block = block.to_vec();
    let bytes = &mut block[..];
    match algorithm {
        0x03 => des::TdesEde3::new_from_slice(key).unwrap().decrypt_block(bytes.try_into().unwrap()),
        0x08 => aes::Aes128::new_from_slice(key).unwrap().decrypt_block(bytes.try_into().unwrap()),
        0x0a => aes::Aes192::new_from_slice(key).unwrap().decrypt_block(bytes.try_into().unwrap()),
        _ => aes::Aes256::new_from_slice(key).unwrap().decrypt_block(bytes.try_into().unwrap()),
    }
    block
}

/// Makes a key and gives its public half as the card gives it.
pub(crate) fn generate(card: &mut Card, slot: u8, algorithm: u8, pin: u8, touch: u8) -> Vec<u8> {
    assert_eq!(authenticate(card, &MANAGEMENT_KEY), 0x9000);
    let (data, status) = send(card, [0x47, 0, slot], &template(algorithm, pin, touch));
    assert_eq!(status, 0x9000, "generate in {slot:02x}");
    data
}

pub(crate) fn template(algorithm: u8, pin: u8, touch: u8) -> Vec<u8> {
    vec![0xac, 9, 0x80, 1, algorithm, 0xaa, 1, pin, 0xab, 1, touch]
}

/// Asks for a signature over a digest.
pub(crate) fn sign(card: &mut Card, slot: u8, algorithm: u8, digest: &[u8]) -> (Vec<u8>, u16) {
    let fields = [&[0x82, 0][..], &tlv(0x81, digest)].concat();
    let (data, status) = send(card, [0x87, algorithm, slot], &tlv(0x7c, &fields));
    if status != 0x9000 {
        return (Vec::new(), status);
    }
    assert_eq!((data[0], data[2]), (0x7c, 0x82), "{data:02x?}");
    (data[4..].to_vec(), status)
}

pub(crate) fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = value.len();
    let head = match length {
        0..0x80 => vec![tag, length as u8],
        0x80..0x100 => vec![tag, 0x81, length as u8],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    [head, value.to_vec()].concat()
}
