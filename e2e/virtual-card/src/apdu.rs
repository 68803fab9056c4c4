//! Command APDUs (ISO 7816-4 §5.1) and the status words that this card answers with.

/// A command as it arrived: short or extended, not yet put together with the parts that came before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) class: u8,
    pub(crate) instruction: u8,
    pub(crate) p1: u8,
    pub(crate) p2: u8,
    pub(crate) data: Vec<u8>,
    /// How many bytes of answer the other side takes at once.
    pub(crate) room: usize,
}

impl Command {
    /// Reads the seven cases of the standard; nothing where the lengths contradict each other.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let [class, instruction, p1, p2, body @ ..] = bytes else { return None };
        let (data, room) = match body {
            [] => (&[][..], 256),
            [room] => (&[][..], short(*room)),
            [0, high, low] => (&[][..], extended(*high, *low)),
            [0, high, low, rest @ ..] => {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                let (data, room) = rest.split_at_checked(length).filter(|_| length > 0)?;
                match room {
                    [] => (data, 65536),
                    [high, low] => (data, extended(*high, *low)),
                    _ => return None,
                }
            }
            [length, rest @ ..] => {
                let (data, room) = rest.split_at_checked(usize::from(*length)).filter(|_| *length > 0)?;
                match room {
                    [] => (data, 256),
                    [room] => (data, short(*room)),
                    _ => return None,
                }
            }
        };
        Some(Self { class: *class, instruction: *instruction, p1: *p1, p2: *p2, data: data.to_vec(), room })
    }
}

fn short(room: u8) -> usize {
    if room == 0 { 256 } else { usize::from(room) }
}

fn extended(high: u8, low: u8) -> usize {
    match u16::from_be_bytes([high, low]) {
        0 => 65536,
        room => usize::from(room),
    }
}

/// The two bytes at the end of every answer (ISO 7816-4 §5.6, and Yubico's use of them).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Status(pub(crate) u16);

impl Status {
    pub(crate) const OK: Self = Self(0x9000);
    pub(crate) const WRONG_LENGTH: Self = Self(0x6700);
    /// No PIN, no management key, or no touch in time: a card has one word for all three.
    pub(crate) const SECURITY: Self = Self(0x6982);
    pub(crate) const BLOCKED: Self = Self(0x6983);
    pub(crate) const CONDITIONS: Self = Self(0x6985);
    pub(crate) const WRONG_DATA: Self = Self(0x6a80);
    pub(crate) const NOT_FOUND: Self = Self(0x6a82);
    pub(crate) const NO_SPACE: Self = Self(0x6a84);
    pub(crate) const WRONG_PARAMETERS: Self = Self(0x6a86);
    pub(crate) const NO_SUCH_REFERENCE: Self = Self(0x6a88);
    pub(crate) const NO_SUCH_SLOT: Self = Self(0x6b00);
    pub(crate) const UNKNOWN_INSTRUCTION: Self = Self(0x6d00);
    pub(crate) const UNKNOWN_CLASS: Self = Self(0x6e00);

    /// A wrong PIN or PUK, and how often one may still try.
    pub(crate) fn tries_left(tries: u8) -> Self {
        // The word has four bits for the number; real cards tell 15 for more.
        Self(0x63c0 | u16::from(tries.min(15)))
    }

    /// More of the answer waits for GET RESPONSE; 00 stands for 256 and more.
    pub(crate) fn more(bytes: usize) -> Self {
        Self(0x6100 | u16::try_from(bytes).ok().filter(|bytes| *bytes < 256).unwrap_or(0))
    }
}

/// What an application answers: data with 90 00, or a status word alone.
pub(crate) type Answer = Result<Vec<u8>, Status>;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
        Command::parse(bytes).map(|command| (command.data, command.room))
    }

    #[test]
    fn all_seven_cases_of_the_standard_are_read() {
        assert_eq!(parse(&[0, 0xfd, 0, 0]), Some((vec![], 256)));
        assert_eq!(parse(&[0, 0xfd, 0, 0, 0]), Some((vec![], 256)));
        assert_eq!(parse(&[0, 0xfd, 0, 0, 3]), Some((vec![], 3)));
        assert_eq!(parse(&[0, 0xfd, 0, 0, 2, 7, 8]), Some((vec![7, 8], 256)));
        assert_eq!(parse(&[0, 0xfd, 0, 0, 2, 7, 8, 9]), Some((vec![7, 8], 9)));
        assert_eq!(parse(&[0, 0xfd, 0, 0, 0, 1, 0]), Some((vec![], 256)));
        assert_eq!(parse(&[0, 0xfd, 0, 0, 0, 0, 2, 7, 8]), Some((vec![7, 8], 65536)));
        assert_eq!(parse(&[0, 0xfd, 0, 0, 0, 0, 2, 7, 8, 0, 0]), Some((vec![7, 8], 65536)));
    }

    #[test]
    fn lengths_that_contradict_each_other_are_refused() {
        for bytes in
            [&[][..], &[0, 0xfd, 0], &[0, 0xfd, 0, 0, 2, 7], &[0, 0xfd, 0, 0, 1, 7, 8, 9], &[0, 0xfd, 0, 0, 0, 1]]
        {
            assert_eq!(parse(bytes), None, "{bytes:02x?}");
        }
        assert_eq!(parse(&[0, 0xfd, 0, 0, 0, 0, 3, 7, 8]), None);
        assert_eq!(parse(&[0, 0xfd, 0, 0, 0, 0, 1, 7, 8]), None);
    }
}
