//! A key on a PIV card: `piv:serial=12345678;slot=9c`.

use std::fmt;
use std::str::FromStr;

/// Which card, and which slot of it. `piv:` alone is the signature slot of the only card.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PivUri {
    /// The card's serial number; without it the only card that is there.
    pub serial: Option<u32>,
    /// The slot, `0x9c` where none is written.
    pub slot: Option<u8>,
}

/// The slot for signatures (NIST SP 800-73-4 part 1, section 5).
const SIGNATURE: u8 = 0x9c;

impl PivUri {
    /// The slot that is meant.
    pub fn slot(self) -> u8 {
        self.slot.unwrap_or(SIGNATURE)
    }
}

impl FromStr for PivUri {
    type Err = String;

    /// Reads what stands after `piv:`.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut uri = Self::default();
        if text.is_empty() {
            return Ok(uri);
        }
        if !text.contains('=') {
            return Ok(Self { slot: Some(slot(text)?), ..uri });
        }
        for attribute in text.split(';') {
            let (name, value) = attribute
                .split_once('=')
                .ok_or_else(|| format!("{attribute:?} is no attribute; write piv:serial=12345678;slot=9c"))?;
            match name {
                "serial" if uri.serial.is_none() => {
                    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
                    let number = digits.then(|| value.parse().ok()).flatten();
                    uri.serial = Some(number.ok_or_else(|| format!("{value:?} is no serial number of a card"))?);
                }
                "slot" if uri.slot.is_none() => uri.slot = Some(slot(value)?),
                "serial" | "slot" => return Err(format!("{name} stands there twice")),
                other => return Err(format!("{other:?} is unknown; a card's key has serial and slot")),
            }
        }
        Ok(uri)
    }
}

fn slot(text: &str) -> Result<u8, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    // Not `from_str_radix` alone: it takes a sign.
    let number = (digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .then(|| u8::from_str_radix(digits, 16).ok())
        .flatten();
    match number {
        Some(slot @ (0x9a | 0x9c | 0x9d | 0x9e | 0x82..=0x95)) => Ok(slot),
        Some(0xf9) => Err("slot f9 holds the card's own attestation key; take 9c".into()),
        _ => Err(format!("{text:?} is no slot for a key; slots are 9a, 9c, 9d, 9e and 82 to 95")),
    }
}

impl fmt::Display for PivUri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("piv:")?;
        if let Some(serial) = self.serial {
            write!(formatter, "serial={serial};")?;
        }
        write!(formatter, "slot={:02x}", self.slot())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_and_a_serial_number_are_read_in_any_order_and_either_may_be_missing() {
        let cases = [
            ("", None, None),
            ("9c", None, Some(0x9c)),
            ("9A", None, Some(0x9a)),
            ("0x82", None, Some(0x82)),
            ("slot=9d", None, Some(0x9d)),
            ("serial=12345678", Some(12_345_678), None),
            ("serial=12345678;slot=9e", Some(12_345_678), Some(0x9e)),
            ("slot=95;serial=1", Some(1), Some(0x95)),
        ];
        for (text, serial, slot) in cases {
            let uri: PivUri = text.parse().expect(text);
            assert_eq!(uri, PivUri { serial, slot }, "{text}");
            let written = uri.to_string();
            let again: PivUri = written.strip_prefix("piv:").expect(text).parse().expect(text);
            assert_eq!((again.serial, again.slot()), (uri.serial, uri.slot()), "{text}");
        }
    }

    #[test]
    fn what_is_no_slot_or_serial_number_is_refused_with_what_is() {
        let cases = [
            ("9b", "slots are"),
            ("f9", "attestation"),
            ("+9c", "slots are"),
            ("slot=", "slots are"),
            ("serial=+1", "serial number"),
            ("serial=4294967296", "serial number"),
            ("serial=1;serial=2", "twice"),
            ("slot=9c;", "attribute"),
            ("card=1", "unknown"),
            ("//9c", "slots are"),
        ];
        for (text, says) in cases {
            let error = text.parse::<PivUri>().expect_err(text);
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
